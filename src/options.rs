//! How a classifier is made, and on which adapter.

mod adapter;
mod cards;

pub use adapter::Adapter;

use crate::checkpoint::{Checkpoint, Scoring};
use crate::classifier::Classifier;
use crate::error::{Error, Result};
use crate::gpu::{self, AdapterDescription, Backend};
use crate::ir::{BatchLimits, Capabilities, Recording, Rows, Storage, Tuning};
use crate::oneshot::on_a_thread;
use crate::text::{PairTruncation, Tokenizer, Truncation, Windows};
use std::env;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// What weights and activations are stored as on the device. Sums, norms, softmax and logits are f32 either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// transformers' answers to a few last digits of f32.
    #[default]
    F32,
    /// Half the memory: each stored number keeps 11 bits and must stay below 65504. Where shaders have no f16, activations
    /// stay f32, and only the weights take half.
    F16,
    /// f16 where shaders have it, f32 on other adapters and on the reference. [`Classifier::precision`] says which it became.
    Auto,
}

impl Precision {
    /// As an adapter that offers this stores them.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn storage(self, device: &Capabilities) -> Storage {
        match self {
            Precision::F16 | Precision::Auto if device.f16 => Storage::F16,
            Precision::F32 | Precision::Auto => Storage::F32,
            Precision::F16 => Storage::PackedWeights,
        }
    }

    /// What [`Precision::Auto`] is on an adapter that offers this; the others stay what they are.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn on(self, device: &Capabilities) -> Precision {
        match self.storage(device) {
            Storage::F32 => Precision::F32,
            Storage::F16 | Storage::PackedWeights => Precision::F16,
        }
    }

    /// Whether an adapter can store so, which all can, or the reference, which is none.
    ///
    /// # Errors
    /// [`Error::Adapter`] if not.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn check(self, adapter: Option<&AdapterDescription>) -> Result<()> {
        if self != Precision::F16 || adapter.is_some() {
            return Ok(());
        }
        let message = "computes in f32 only: use `Precision::F32`".into();
        Err(Error::Adapter { adapter: "reference".into(), message })
    }
}

/// When to multiply on an adapter's tensor cores (cooperative matrices, an experimental feature of wgpu; tensor cores,
/// simdgroup matrices). What is stored as f32 is multiplied in two parts of 11 bits there: logits differ in the last digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TensorCores {
    /// Where `wgbert tune` found on this adapter that they give the right answers, and faster. Where it was not run: on an
    /// adapter that has any and is no software, if it is checked, since one whose tensor cores compute something wrong then
    /// answers without them. What is stored as f32 takes three products there, and so only matrices of 16 x 16: those of
    /// 8 x 8 are a GPU's own arithmetic in other words.
    #[default]
    Auto,
    /// On an adapter that has any; [`Error::NoTensorCores`] on others.
    Always,
    /// On no adapter.
    Never,
}

impl TensorCores {
    /// Whether what was asked for can be had of an adapter, as kernels see it ([`Options::effective_capabilities`]), or of the
    /// reference, which is none.
    ///
    /// # Errors
    /// [`Error::NoTensorCores`] if not.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn check(self, adapter: Option<&AdapterDescription>) -> Result<()> {
        let any = adapter.is_some_and(|adapter| adapter.capabilities.tensor_cores());
        if self != TensorCores::Always || any {
            return Ok(());
        }
        let adapter = adapter.map_or("reference".into(), |adapter| adapter.name.clone());
        Err(Error::NoTensorCores { adapter })
    }
}

/// When an adapter has to show that it computes what the CPU twins of the kernels do, before it answers and while it does.
///
/// What a check is, and what is guaranteed, is in `docs/verification.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SelfCheck {
    /// Before a batch first needs a variant of a kernel on an adapter, and again after a change of its driver or of this
    /// crate; then in every batch of a call that has some thousand tokens, and in every 64th of others.
    #[default]
    Auto,
    /// The same in every classifier, whatever was found before, and in every batch.
    Always,
    /// Never: what a wrong driver computes is answered.
    Never,
}

impl FromStr for SelfCheck {
    type Err = String;

    /// `auto`, which nothing is too, `always` or `never`.
    fn from_str(text: &str) -> Result<SelfCheck, String> {
        match text {
            "" | "auto" => Ok(SelfCheck::Auto),
            "always" => Ok(SelfCheck::Always),
            "never" => Ok(SelfCheck::Never),
            _ => Err(format!("{text:?} is none of auto, always, never")),
        }
    }
}

impl SelfCheck {
    /// `WGBERT_SELF_CHECK`, where it says something that is known.
    fn of_environment() -> SelfCheck {
        let Ok(text) = env::var("WGBERT_SELF_CHECK") else { return SelfCheck::default() };
        text.parse().unwrap_or_else(|error| {
            log::warn!("WGBERT_SELF_CHECK: {error}");
            SelfCheck::default()
        })
    }
}

/// How a classifier is made; `Options::default()` suits most: the best adapter, f32, and what `wgbert tune` found there.
///
/// ```
/// # #[cfg(feature = "embedded")] {
/// use wgbert::{Options, Precision, Truncation};
///
/// let options = Options::default().precision(Precision::F16).truncation(Truncation::Refuse);
/// let classifier = options.sentiment()?;
/// # }
/// # Ok::<(), wgbert::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Where to compute.
    pub adapter: Adapter,
    /// Look for adapters on this backend only.
    pub backend: Option<Backend>,
    /// Most tokens of one batch on the device; `None`: by the kind of adapter. At least one text always fits if the
    /// adapter's limits allow.
    pub batch_tokens: Option<usize>,
    /// Most texts of one batch; `None`: by the kind of adapter.
    pub batch_texts: Option<usize>,
    /// Most tokens of a text or a pair, special tokens included; `None`: as many as the tokenizer's files say, or the model
    /// has positions for.
    pub max_length: Option<usize>,
    /// What happens to a text longer than that.
    pub truncation: Truncation,
    /// Which text of a pair is cut.
    pub pair_truncation: PairTruncation,
    /// How the answers to the windows of a text become one ([`Truncation::Windows`]).
    pub windows: Windows,
    /// Fill an absent classification head from this seed instead of refusing.
    pub random_head: Option<u64>,
    /// Score by this rule instead of the model's.
    pub scoring: Option<Scoring>,
    /// What weights and activations are stored as.
    pub precision: Precision,
    /// When to multiply on the adapter's tensor cores.
    pub tensor_cores: TensorCores,
    /// Choose kernels as for an adapter that offers this, of which the chosen one must have all; `None`: by what it offers.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub capabilities: Option<Capabilities>,
    /// Choose kernels as for an adapter that offers this, as far as the chosen one can run them
    /// (`Capabilities::within`); what it was tuned for does not count then.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub seen_as: Option<Capabilities>,
    /// The folder for what one process leaves to the next, by default the command line's: the
    /// choices of `wgbert tune`, which are read, and on Vulkan the compiled pipelines, which are read and written. `None`, the
    /// default in a browser and where `WGBERT_CACHE_DIR` is empty: no files are looked for or made.
    pub cache_dir: Option<PathBuf>,
    /// Count how long the device computes ([`Classifier::busy`]), where it has timestamps.
    pub timed: bool,
    /// When the adapter is checked; by default what the environment variable `WGBERT_SELF_CHECK` says, else
    /// [`SelfCheck::Auto`].
    pub self_check: SelfCheck,
    /// The program `wgbert`, if kernels shall be checked in a process of its own: a driver that crashes or hangs then does so
    /// there. `None`: in this process. The canaries of batches are in this process anyway.
    pub self_check_program: Option<PathBuf>,
    /// How long nothing may be done in that process before the adapter is thought to hang: compiling a kernel may take long.
    pub self_check_limit: Duration,
    /// What a test makes the adapter do wrong.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fault: Option<Arc<dyn gpu::Fault>>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            adapter: Adapter::default(),
            backend: None,
            batch_tokens: None,
            batch_texts: None,
            max_length: None,
            truncation: Truncation::default(),
            pair_truncation: PairTruncation::default(),
            windows: Windows::default(),
            random_head: None,
            scoring: None,
            precision: Precision::default(),
            tensor_cores: TensorCores::default(),
            capabilities: None,
            seen_as: None,
            cache_dir: gpu::cache::default_folder(),
            timed: false,
            self_check: SelfCheck::of_environment(),
            self_check_program: None,
            self_check_limit: Duration::from_secs(120),
            fault: None,
        }
    }
}

/// Each gives a field another value.
impl Options {
    /// Where to compute.
    pub fn adapter(self, adapter: Adapter) -> Options {
        Options { adapter, ..self }
    }

    /// The backend that adapters are looked for on.
    pub fn backend(self, backend: impl Into<Option<Backend>>) -> Options {
        Options { backend: backend.into(), ..self }
    }

    /// The most tokens of one batch.
    pub fn batch_tokens(self, tokens: impl Into<Option<usize>>) -> Options {
        Options { batch_tokens: tokens.into(), ..self }
    }

    /// The most texts of one batch.
    pub fn batch_texts(self, texts: impl Into<Option<usize>>) -> Options {
        Options { batch_texts: texts.into(), ..self }
    }

    /// The most tokens of a text or a pair, special tokens included: transformers' `max_length`. No more than the model has
    /// positions for, and at least one beside the special tokens of a text: [`Error::Unsupported`] when it is loaded.
    pub fn max_length(self, tokens: impl Into<Option<usize>>) -> Options {
        Options { max_length: tokens.into(), ..self }
    }

    /// What happens to a text longer than the model's limit, or than [`Options::max_length`].
    pub fn truncation(self, truncation: Truncation) -> Options {
        Options { truncation, ..self }
    }

    /// Which text of a pair is cut.
    pub fn pair_truncation(self, pair_truncation: PairTruncation) -> Options {
        Options { pair_truncation, ..self }
    }

    /// How the answers to the windows of a text become one.
    pub fn windows(self, windows: Windows) -> Options {
        Options { windows, ..self }
    }

    /// The seed of an absent classification head.
    pub fn random_head(self, seed: impl Into<Option<u64>>) -> Options {
        Options { random_head: seed.into(), ..self }
    }

    /// The rule that makes scores of logits.
    pub fn scoring(self, scoring: impl Into<Option<Scoring>>) -> Options {
        Options { scoring: scoring.into(), ..self }
    }

    /// What weights and activations are stored as.
    pub fn precision(self, precision: Precision) -> Options {
        Options { precision, ..self }
    }

    /// When to multiply on the adapter's tensor cores.
    pub fn tensor_cores(self, tensor_cores: TensorCores) -> Options {
        Options { tensor_cores, ..self }
    }

    /// What kernels are chosen by.
    #[cfg(feature = "internals")]
    pub fn capabilities(self, capabilities: impl Into<Option<Capabilities>>) -> Options {
        Options { capabilities: capabilities.into(), ..self }
    }

    /// The adapter that kernels are chosen for, as far as the chosen one can run them.
    #[cfg(feature = "internals")]
    pub fn seen_as(self, capabilities: impl Into<Option<Capabilities>>) -> Options {
        Options { seen_as: capabilities.into(), ..self }
    }

    /// The folder for what one process leaves to the next.
    pub fn cache_dir(self, folder: impl Into<Option<PathBuf>>) -> Options {
        Options { cache_dir: folder.into(), ..self }
    }

    /// Whether to count how long the device computes.
    pub fn timed(self, timed: bool) -> Options {
        Options { timed, ..self }
    }

    /// When the adapter is checked.
    pub fn self_check(self, self_check: SelfCheck) -> Options {
        Options { self_check, ..self }
    }

    /// The program whose process kernels are checked in.
    pub fn self_check_program(self, program: impl Into<Option<PathBuf>>) -> Options {
        Options { self_check_program: program.into(), ..self }
    }

    /// How long nothing may be done in that process.
    pub fn self_check_limit(self, limit: Duration) -> Options {
        Options { self_check_limit: limit, ..self }
    }

    /// What the adapter is made to do wrong.
    #[cfg(feature = "internals")]
    pub fn fault(self, fault: impl Into<Option<Arc<dyn gpu::Fault>>>) -> Options {
        Options { fault: fault.into(), ..self }
    }
}

impl Options {
    /// Loads a folder as transformers' `save_pretrained` writes it.
    ///
    /// # Errors
    /// Everything that can be wrong with the files, each named; [`Error::NoAdapter`] and the other adapter errors.
    pub fn load(self, folder: impl AsRef<Path>) -> Result<Classifier> {
        let (checkpoint, tokenizer) = read(folder.as_ref())?;
        gpu::block_on(self.open(checkpoint, tokenizer))
    }

    /// [`Options::load`] without blocking: the files are read on a thread of their own.
    ///
    /// # Errors
    /// Those of [`Options::load`].
    pub async fn load_async(self, folder: impl AsRef<Path>) -> Result<Classifier> {
        let folder = folder.as_ref().to_path_buf();
        let (checkpoint, tokenizer) = on_a_thread(move || read(&folder)).await?;
        self.open(checkpoint, tokenizer).await
    }

    /// Loads a model of the Hugging Face hub by its name, or a folder, which wins; what the cache lacks is downloaded.
    ///
    /// [`hub::fetch`](crate::checkpoint::hub::fetch) tells of the download as it goes on, and
    /// [`Hub`](crate::checkpoint::hub::Hub) takes another server or cache than the environment's.
    ///
    /// # Errors
    /// Those of [`hub::locate`](crate::checkpoint::hub::locate) and [`Options::load`].
    #[cfg(feature = "hub")]
    pub fn load_hub(self, model: impl AsRef<Path>) -> Result<Classifier> {
        self.load(crate::checkpoint::hub::locate(model, &mut |_| {})?)
    }

    /// [`Options::load_hub`] without blocking: the files are downloaded and read on a thread of their own. The download goes
    /// on if this future is given up.
    ///
    /// # Errors
    /// Those of [`Options::load_hub`].
    #[cfg(feature = "hub")]
    pub async fn load_hub_async(self, model: impl AsRef<Path>) -> Result<Classifier> {
        let model = model.as_ref().to_path_buf();
        let files = move || read(&crate::checkpoint::hub::locate(model, &mut |_| {})?);
        let (checkpoint, tokenizer) = on_a_thread(files).await?;
        self.open(checkpoint, tokenizer).await
    }

    /// The small English sentiment model (negative, neutral, positive) that is compiled in. It takes 512 tokens, but was
    /// trained on sentences of at most 64: longer texts are better split, by
    /// `Options::default().max_length(64).truncation(Truncation::Windows { stride: 16 })`.
    #[cfg(feature = "embedded")]
    pub fn sentiment(self) -> Result<Classifier> {
        gpu::block_on(self.sentiment_async())
    }

    /// [`Options::sentiment`] without blocking.
    #[cfg(feature = "embedded")]
    pub async fn sentiment_async(self) -> Result<Classifier> {
        let (checkpoint, tokenizer) = on_a_thread(Options::embedded).await?;
        self.open(checkpoint, tokenizer).await
    }

    /// The files that are compiled in.
    #[cfg(feature = "embedded")]
    pub(crate) fn embedded() -> Result<(Checkpoint, Tokenizer)> {
        const NAME: &str = "(embedded) models/sentiment";
        let config = include_bytes!("../models/sentiment/config.json");
        let weights = include_bytes!("../models/sentiment/model.safetensors");
        let tokenizer = include_bytes!("../models/sentiment/tokenizer.json");
        let checkpoint = Checkpoint::from_bytes(NAME, config, weights.as_slice())?;
        let tokenizer = Tokenizer::from_json(&Path::new(NAME).join("tokenizer.json"), tokenizer, None)?;
        Ok((checkpoint, tokenizer))
    }

    /// Makes a classifier from an opened checkpoint and a tokenizer, without blocking.
    ///
    /// The weights' presence, types and shapes are checked here; their contents are read when they are uploaded, at the
    /// first batch.
    ///
    /// # Errors
    /// As [`Options::load`].
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub async fn open(self, checkpoint: Checkpoint, tokenizer: Tokenizer) -> Result<Classifier> {
        Classifier::open(self, checkpoint, tokenizer).await
    }

    /// The adapter that is meant, the first of several, as kernels see it ([`Options::effective_capabilities`]); `None` is the
    /// reference.
    ///
    /// # Errors
    /// [`Error::NoAdapter`], [`Error::NoSuchAdapter`] with those there are, or [`Error::Adapter`] if it cannot be seen as
    /// another.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub async fn choose(&self) -> Result<Option<AdapterDescription>> {
        Ok(self.choose_all().await?.swap_remove(0))
    }

    /// The adapters that are meant, at least one.
    ///
    /// # Errors
    /// As [`Options::choose`].
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub async fn choose_all(&self) -> Result<Vec<Option<AdapterDescription>>> {
        Ok(self.choose_in_turn().await?.into_iter().map(|mut each| each.swap_remove(0)).collect())
    }

    /// The adapters that are meant, each with those that answer in its place if it computes something wrong: the others, the
    /// fastest kind first, where it was chosen because it is the best.
    ///
    /// # Errors
    /// As [`Options::choose`].
    pub(crate) async fn choose_in_turn(&self) -> Result<Vec<Vec<Option<AdapterDescription>>>> {
        if self.adapter == Adapter::Reference {
            return Ok(vec![vec![None]]);
        }
        let adapters = Adapter::list(self.backend).await?;
        let choose = |one: &Adapter| {
            if *one == Adapter::Reference {
                return Ok(vec![None]);
            }
            let found = one.found(&adapters)?;
            let mut others: Vec<_> = (0..adapters.len()).filter(|other| *other != found).collect();
            others.sort_by_key(|other| adapter::rank(&adapters[*other].kind, &adapters[*other].capabilities));
            others.retain(|_| self.adapter == Adapter::Best && self.seen_as.is_none());
            let seen = |index: usize| {
                let mut adapter = adapters[index].clone();
                if let Some(other) = &self.seen_as {
                    let mut other = other.clone();
                    other.cooperative_matrix_size =
                        other.cooperative_matrix_size.filter(|_| self.tensor_cores != TensorCores::Never);
                    let seen = other.within(&adapter.capabilities);
                    adapter.capabilities = seen.map_err(|lacks| Error::Adapter {
                        adapter: adapter.to_string(),
                        message: format!("cannot be seen as the other adapter: it {lacks}"),
                    })?;
                }
                Ok(Some(self.effective_capabilities(adapter)))
            };
            [found].into_iter().chain(others).map(seen).collect()
        };
        self.adapter.each(&adapters).iter().map(choose).collect()
    }

    /// An adapter with what kernels see of it: what these options have in its place, what it was tuned for, and its tensor
    /// cores only if they are used ([`TensorCores::Auto`]).
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn effective_capabilities(&self, mut adapter: AdapterDescription) -> AdapterDescription {
        if let Some(capabilities) = &self.capabilities {
            adapter.capabilities = capabilities.clone();
        }
        if let Some(folder) = self.cache_dir.as_ref().filter(|_| self.seen_as.is_none()) {
            match Tuning::read(folder, &adapter) {
                Ok(tuning) => adapter.capabilities.tuning = Arc::new(tuning),
                // It only decides how fast the same answers come.
                Err(error) => log::warn!("{error}"),
            }
        }
        let capabilities = &mut adapter.capabilities;
        let storage = self.precision.storage(capabilities);
        let worth = storage != Storage::F32 || capabilities.cooperative_matrix_size == Some(16);
        let unless_tuned = worth && capabilities.tensor_cores() && self.self_check != SelfCheck::Never;
        let used = match self.tensor_cores {
            TensorCores::Auto => capabilities.tuning.tensor_cores(storage).unwrap_or(unless_tuned),
            TensorCores::Always => true,
            TensorCores::Never => false,
        };
        capabilities.cooperative_matrix_size = capabilities.cooperative_matrix_size.filter(|_| used);
        adapter
    }

    /// Tokens and texts of a batch: what was asked for or suits the adapter, and at least one text of the longest, within
    /// the adapter's limits.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn capacity(&self, device: &Capabilities, recording: &Recording, longest: usize) -> BatchLimits {
        // Hidden states and attentions of a batch are read back at once, two batches in turn: no more of each than this,
        // but one text's.
        const READ_BACK: u64 = 1 << 29;
        // A GPU wants thousands of rows to be busy; on a CPU larger batches only move more memory.
        let (tokens, texts) = if device.cpu { (2048, 128) } else { (16384, 1024) };
        let tokens = self.batch_tokens.unwrap_or(tokens).min((READ_BACK / recording.read_back()) as usize);
        let bytes = device.max_binding.min(device.max_buffer);
        let limits = [
            bytes / recording.widest(Rows::Tokens),
            device.max_buffer / recording.read_back(),
            // Kernels may dispatch a workgroup a token in one dimension.
            device.max_workgroups.into(),
        ];
        let tokens = limits.into_iter().fold(tokens.max(longest) as u64, u64::min);
        let texts = self.batch_texts.unwrap_or(texts) as u64;
        let texts = texts.min(tokens).min(bytes / recording.widest(Rows::Texts)).max(1);
        BatchLimits { tokens: tokens as usize, texts: texts as usize }
    }
}

/// What a folder holds of a classifier.
fn read(folder: &Path) -> Result<(Checkpoint, Tokenizer)> {
    Ok((Checkpoint::open(folder)?, Tokenizer::from_folder(folder)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f16_is_stored_as_the_adapter_can_and_refused_by_the_reference() {
        let without = Capabilities::minimum();
        assert_eq!(Precision::F16.storage(&without), Storage::PackedWeights);
        assert_eq!(Precision::F16.storage(&Capabilities { f16: true, ..without.clone() }), Storage::F16);
        assert_eq!(Precision::F32.storage(&without), Storage::F32);
        let with = Capabilities { f16: true, ..without.clone() };
        assert_eq!([&without, &with].map(|seen| Precision::Auto.storage(seen)), [Storage::F32, Storage::F16]);
        assert_eq!([&without, &with].map(|seen| Precision::Auto.on(seen)), [Precision::F32, Precision::F16]);
        Precision::Auto.check(None).unwrap();
        let error = Precision::F16.check(None).unwrap_err().to_string();
        assert!(error.contains("reference") && error.contains("`Precision::F32`"), "{error}");
        Precision::F32.check(None).unwrap();
    }

    #[test]
    fn tensor_cores_are_refused_where_there_are_none() {
        let error = TensorCores::Always.check(None).unwrap_err();
        assert!(matches!(&error, Error::NoTensorCores { adapter } if adapter == "reference"), "{error:?}");
        let message = error.to_string();
        assert!(message.contains("`TensorCores::Auto`") && !message.contains("--"), "{message}");
        for any in [TensorCores::Auto, TensorCores::Never] {
            any.check(None).unwrap();
        }
    }

    #[test]
    fn tensor_cores_are_used_where_they_are_checked_or_tuned() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let card = Capabilities {
            f16: true,
            subgroup: Some((32, 32)),
            cooperative_matrix_size: Some(16),
            ..Capabilities::minimum()
        };
        let chosen = |seen: &Capabilities, precision, tensor_cores, self_check| {
            let options = Options { precision, tensor_cores, self_check, ..Options::default() };
            let options = options.capabilities(seen.clone()).cache_dir(folder.path().to_path_buf());
            gpu::block_on(options.choose()).expect("an adapter").expect("not the reference")
        };
        let edge = |seen: &Capabilities, precision, tensor_cores, self_check| {
            chosen(seen, precision, tensor_cores, self_check).capabilities.cooperative_matrix_size
        };
        let of_8 = Capabilities { cooperative_matrix_size: Some(8), ..card.clone() };
        let software = Capabilities { cpu: true, ..card.clone() };
        let cases = [
            (&card, Precision::F16, SelfCheck::Auto, Some(16)),
            (&card, Precision::F32, SelfCheck::Always, Some(16)),
            (&card, Precision::F16, SelfCheck::Never, None),
            (&of_8, Precision::F16, SelfCheck::Auto, Some(8)),
            (&of_8, Precision::Auto, SelfCheck::Auto, Some(8)),
            (&of_8, Precision::F32, SelfCheck::Auto, None),
            (&software, Precision::F16, SelfCheck::Auto, None),
        ];
        for (seen, precision, check, expected) in cases {
            assert_eq!(edge(seen, precision, TensorCores::Auto, check), expected, "{precision:?} {check:?} {seen:?}");
        }
        let mut tuning = Tuning::default();
        tuning.set_tensor_cores(Storage::F16, false);
        tuning.set_tensor_cores(Storage::F32, true);
        tuning.write(folder.path(), &chosen(&card, Precision::F32, TensorCores::Auto, SelfCheck::Auto)).unwrap();
        for check in [SelfCheck::Auto, SelfCheck::Never] {
            for (precision, auto) in [(Precision::F32, Some(8)), (Precision::F16, None), (Precision::Auto, None)] {
                assert_eq!(edge(&of_8, precision, TensorCores::Auto, check), auto, "{precision:?} {check:?}");
                assert_eq!(edge(&of_8, precision, TensorCores::Always, check), Some(8));
                assert_eq!(edge(&of_8, precision, TensorCores::Never, check), None);
            }
        }
    }
}
