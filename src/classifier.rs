//! Text in, output out: the only file that names every stage.

use crate::checkpoint::{Checkpoint, Config, Scoring, Weights};
use crate::error::{Error, Result};
use crate::gpu::{self, Gpu, Pending, Plan, Timing, WeightBuffers};
use crate::ir::{BatchLimits, Run, Storage, Weight, WeightSource};
use crate::label::{self, Label, Labelled};
use crate::models::{self, Model, encoder};
use crate::options::Options;
use crate::output::{Answer, SequenceClassifierOutput};
use crate::reference::Reference;
use crate::text::{Batch, Encoding, Limits, Packing, Text, TextEncoder, Tokenizer};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What to answer beside logits, probabilities and argmax.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub hidden_states: bool,
    pub attentions: bool,
    /// One a text, `None` for texts without; empty: none at all.
    pub labels: Vec<Option<Label>>,
}

/// Bytes on the device; see [`Classifier::memory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    pub weights: u64,
    pub activations: u64,
}

/// A fine-tuned BERT-family classifier on a device.
///
/// One batch runs at a time, hence `&mut self`.
#[derive(Debug)]
pub struct Classifier {
    config: Config,
    model: Model,
    encoder: TextEncoder,
    weights: Weights,
    scoring: Scoring,
    labels: Arc<[String]>,
    options: Options,
    device: Device,
}

#[derive(Debug)]
enum Device {
    Gpu { gpu: Arc<Gpu>, buffers: WeightBuffers, plans: HashMap<encoder::Wanted, Plan> },
    Reference { recordings: HashMap<encoder::Wanted, Reference> },
}

impl Classifier {
    pub(crate) async fn open(options: Options, checkpoint: Checkpoint, tokenizer: Tokenizer) -> Result<Classifier> {
        let Checkpoint { config, mut weights, .. } = checkpoint;
        let architecture = models::architecture(&config)?;
        let model = (architecture.describe)(&config)?;
        weights = weights.with_base_prefix(architecture.base_prefix);
        if let Some(seed) = options.random_head {
            weights = weights.with_random_head(seed);
        }
        for weight in model.weights() {
            weights.check(weight)?;
        }
        let scoring = match options.scoring {
            Some(scoring) => scoring,
            None => config.scoring()?,
        };
        let limits = Limits {
            max_length: tokenizer.max_length().unwrap_or(usize::MAX).min(model.max_length),
            vocabulary: model.embeddings.words.rows,
            types: model.embeddings.types.as_ref().map_or(0, |types| types.rows),
        };
        let adapter = options.choose().await?;
        options.precision.check(adapter.as_ref())?;
        let device = match adapter {
            None => Device::Reference { recordings: HashMap::new() },
            Some(adapter) => {
                let gpu = Arc::new(Gpu::open(&adapter, options.cache_dir.as_deref()).await?);
                Device::Gpu { gpu, buffers: WeightBuffers::default(), plans: HashMap::new() }
            }
        };
        let labels = config.labels.clone().into();
        let encoder = TextEncoder::new(tokenizer, limits, options.truncation);
        Ok(Classifier { config, model, encoder, weights, scoring, labels, options, device })
    }

    /// Loads a checkpoint folder onto the best adapter; [`Options::load`] offers choices.
    pub fn load(folder: impl AsRef<Path>) -> Result<Classifier> {
        Options::default().load(folder)
    }

    /// The embedded sentiment model on the best adapter.
    #[cfg(feature = "embedded")]
    pub fn sentiment() -> Result<Classifier> {
        Options::default().sentiment()
    }

    /// Name of each label.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How logits become scores.
    pub fn scoring(&self) -> Scoring {
        self.scoring
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Longest text in tokens, special tokens included.
    pub fn max_length(&self) -> usize {
        self.encoder.limits().max_length
    }

    /// Name of the adapter, or `reference`.
    pub fn adapter(&self) -> &str {
        match &self.device {
            Device::Gpu { gpu, .. } => &gpu.name,
            Device::Reference { .. } => "reference",
        }
    }

    /// The open device; none where the reference runs.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        match &self.device {
            Device::Gpu { gpu, .. } => Some(gpu),
            Device::Reference { .. } => None,
        }
    }

    /// Classifies texts or pairs of texts.
    ///
    /// # Errors
    /// [`Error::Text`] with the position of the first text that cannot be classified, and the device's errors.
    pub fn classify<'a, T: Into<Text<'a>>>(
        &mut self,
        texts: impl IntoIterator<Item = T>,
    ) -> Result<SequenceClassifierOutput> {
        gpu::block_on(self.classify_async(texts))
    }

    /// [`Classifier::classify`] without blocking.
    pub async fn classify_async<'a, T: Into<Text<'a>>>(
        &mut self,
        texts: impl IntoIterator<Item = T>,
    ) -> Result<SequenceClassifierOutput> {
        let texts: Vec<Text<'a>> = texts.into_iter().map(Into::into).collect();
        let encodings = self.encoder.encode_every(&texts)?;
        self.run_async(&encodings, &Request::default()).await
    }

    /// What turns texts into tokens, for threads that do so while this classifier runs others.
    pub fn encoder(&self) -> TextEncoder {
        self.encoder.clone()
    }

    /// [`TextEncoder::encode`].
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn encode<'a>(&self, index: usize, text: impl Into<Text<'a>>) -> Result<Encoding> {
        self.encoder.encode(index, text)
    }

    /// Runs encoded texts, in as many batches as they need; answers come in their order.
    ///
    /// # Errors
    /// [`Error::Text`] for an encoding or a label that does not fit the model or a text longer than the device can take,
    /// before anything is computed, and the device's errors.
    pub fn run(&mut self, encodings: &[Encoding], request: &Request) -> Result<SequenceClassifierOutput> {
        gpu::block_on(self.run_async(encodings, request))
    }

    /// [`Classifier::run`] without blocking.
    pub async fn run_async(&mut self, encodings: &[Encoding], request: &Request) -> Result<SequenceClassifierOutput> {
        self.check(encodings)?;
        let kind = label::loss_kind(&self.config, &request.labels, encodings.len())?;
        let wanted = encoder::Wanted {
            scoring: self.scoring,
            hidden_states: request.hidden_states,
            attentions: request.attentions.then(|| self.longest(encodings)),
            loss: kind,
        };
        let capacity = self.prepare(wanted).await?;
        let packing = self.pack(encodings, capacity)?;
        let mut answer = Answer::new(&self.model, self.labels.clone(), encodings, wanted);
        let padding = self.model.position_padding();
        let labels = self.labels.len();
        let prepare = |rows| Labelled::new(Batch::new(encodings, rows, padding), &request.labels, kind, labels);
        match &mut self.device {
            Device::Gpu { plans, .. } => {
                let plan = &plans[&wanted];
                let mut running: VecDeque<(Batch, Pending<'_>)> = VecDeque::new();
                for rows in packing.batches() {
                    let next = prepare(rows);
                    if running.len() >= plan.in_flight() {
                        let (batch, pending) = running.pop_front().expect("there is one");
                        answer.add(&batch, pending.read().await?);
                    }
                    let pending = plan.submit(next.run()).await?;
                    running.push_back((next.batch, pending));
                }
                for (batch, pending) in running {
                    answer.add(&batch, pending.read().await?);
                }
            }
            Device::Reference { recordings } => {
                let reference = recordings.get_mut(&wanted).expect("prepared above");
                for rows in packing.batches() {
                    let next = prepare(rows);
                    answer.add(&next.batch, reference.run(next.run()));
                }
            }
        }
        Ok(answer.finish(&request.labels))
    }

    /// The longest text's tokens, rounded up to a power of two, so that not every call makes a plan of its own.
    fn longest(&self, encodings: &[Encoding]) -> u32 {
        const LEAST: usize = 64;
        let longest = encodings.iter().map(|encoding| encoding.ids.len()).max().unwrap_or(0);
        longest.max(LEAST).next_power_of_two().min(self.encoder.limits().max_length) as u32
    }

    /// Which texts share a batch.
    fn pack(&self, encodings: &[Encoding], capacity: BatchLimits) -> Result<Packing> {
        let lengths: Vec<usize> = encodings.iter().map(|encoding| encoding.ids.len()).collect();
        if let Some(index) = lengths.iter().position(|&length| length > capacity.tokens) {
            let (length, adapter) = (lengths[index], self.adapter());
            let message = format!(
                "{length} tokens, but with the outputs that were asked for a batch on {adapter} holds at most {}",
                capacity.tokens
            );
            return Err(Error::Text { index, message });
        }
        Ok(Packing::new(&lengths, capacity))
    }

    /// GPU time of each step of each batch that these texts need, without reading answers back.
    ///
    /// # Errors
    /// [`Error::Adapter`] where there are no timestamps, and as [`Classifier::run`].
    pub fn profile(&mut self, encodings: &[Encoding]) -> Result<Vec<Timing>> {
        self.check(encodings)?;
        let wanted = encoder::Wanted { scoring: self.scoring, hidden_states: false, attentions: None, loss: None };
        gpu::block_on(async {
            let capacity = self.prepare(wanted).await?;
            let packing = self.pack(encodings, capacity)?;
            let Device::Gpu { plans, .. } = &self.device else {
                return Err(Error::Adapter { adapter: self.adapter().into(), message: "has no timestamps".into() });
            };
            let mut timings = Vec::new();
            for rows in packing.batches() {
                let batch = Batch::new(encodings, rows, self.model.position_padding());
                let run = Run { tokens: &batch.tokens, cu_seqlens: &batch.cu_seqlens, ..Run::default() };
                timings.extend(plans[&wanted].profile(run).await?);
            }
            Ok(timings)
        })
    }

    /// Bytes on the device of the weights, and of what the batches of all requests so far compute; none where the
    /// reference runs.
    pub fn memory(&self) -> Option<Memory> {
        match &self.device {
            Device::Gpu { buffers, plans, .. } => {
                Some(Memory { weights: buffers.bytes(), activations: plans.values().map(Plan::activation_bytes).sum() })
            }
            Device::Reference { .. } => None,
        }
    }

    /// Time that the device computed so far, where it was to be counted and there are timestamps.
    pub fn busy(&self) -> Option<Duration> {
        match &self.device {
            Device::Gpu { plans, .. } => plans.values().map(Plan::busy).sum(),
            Device::Reference { .. } => None,
        }
    }

    /// Makes the plan for `wanted` if there is none yet.
    async fn prepare(&mut self, wanted: encoder::Wanted) -> Result<BatchLimits> {
        let longest = wanted.attentions.map_or(self.encoder.limits().max_length, |longest| longest as usize);
        match &mut self.device {
            Device::Gpu { gpu, buffers, plans } => {
                if let Some(plan) = plans.get(&wanted) {
                    return Ok(plan.capacity());
                }
                let storage = self.options.precision.storage(&gpu.capabilities);
                let recording = encoder::record(&self.model, wanted, gpu.capabilities.max_binding, storage);
                let capacity = self.options.capacity(&gpu.capabilities, &recording, longest);
                let plan = Plan::new(gpu.clone(), recording, capacity, buffers, &self.weights).await?;
                let plan = if self.options.timed { plan.with_clock().await? } else { plan };
                plans.insert(wanted, plan);
                Ok(capacity)
            }
            Device::Reference { recordings } => {
                if let Entry::Vacant(entry) = recordings.entry(wanted) {
                    let recording = encoder::record(&self.model, wanted, u64::MAX, Storage::F32);
                    entry.insert(Reference::new(recording, &self.weights)?);
                }
                // Larger batches are no faster here; a tensor of one is memory of the host.
                let tokens = self.options.batch_tokens.unwrap_or(0).min(2048).max(longest);
                Ok(BatchLimits { tokens, texts: self.options.batch_texts.unwrap_or(tokens).max(1) })
            }
        }
    }

    /// Encodings need not come from [`Classifier::encode`], and kernels trust what they are given.
    fn check(&self, encodings: &[Encoding]) -> Result<()> {
        let fault = encodings.iter().enumerate().find_map(|(index, encoding)| {
            self.encoder.limits().check(encoding).err().map(|message| Error::Text { index, message })
        });
        fault.map_or(Ok(()), Err)
    }
}

impl WeightSource for Weights {
    fn rows(&self, weight: &Weight, rows: std::ops::Range<usize>) -> Result<Vec<f32>> {
        self.read_rows(weight, rows)
    }
}
