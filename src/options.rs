//! How a classifier is made, and on which adapter.

mod adapter;
#[cfg(not(target_arch = "wasm32"))]
mod cards;
mod choices;
mod device;
mod load;

pub use adapter::Adapter;
pub use choices::{Checked, Precision, SelfCheck, TensorCores};

use crate::checkpoint::Scoring;
use crate::gpu::{self, Backend};
use crate::ir::Capabilities;
use crate::text::{PairTruncation, Truncation, Windows};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
    /// Count how long the device computes ([`Classifier::busy`](crate::Classifier::busy)), where it has timestamps.
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
    /// positions for, and at least one beside the special tokens of a text: [`Error::Unsupported`](crate::Error::Unsupported) when it
    /// is loaded.
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
