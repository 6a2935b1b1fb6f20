//! How a classifier is made of a checkpoint, and made again on another adapter.

use super::{Classifier, Shared, windows};
use crate::checkpoint::{Checkpoint, Scoring, Weights};
use crate::engine::Engine;
use crate::error::Result;
use crate::ir::{Weight, WeightSource};
use crate::models::{self, Model, Task};
use crate::options::{Adapter, Options, Precision};
use crate::text::{Limits, TextEncoder, Tokenizer};
use std::path::Path;
use std::sync::{Arc, Once};

impl Classifier {
    pub(crate) async fn open(options: Options, checkpoint: Checkpoint, tokenizer: Tokenizer) -> Result<Classifier> {
        let Checkpoint { config, mut weights, .. } = checkpoint;
        let architecture = models::architecture(&config)?;
        let model = models::describe(architecture, &config)?;
        weights = architecture.named(weights).with_tables(model.embeddings.tables());
        if let Some(seed) = options.random_head {
            weights = weights.with_random_head(seed);
        }
        for weight in model.weights() {
            weights.check(weight)?;
        }
        say_unexpected(&weights, &model);
        let scoring = match options.scoring {
            Some(scoring) if model.task() == Task::TokenClassification && scoring != Scoring::Softmax => {
                return Err(config.unsupported(&format!("scoring {} for tokens", scoring.name()), "softmax"));
            }
            Some(scoring) => scoring,
            None => models::scoring(&config, &model)?,
        };
        let limits = Limits {
            max_length: windows::max_length(&options, &config, &tokenizer, model.max_length, model.task())?,
            vocabulary: model.embeddings.words.rows,
            types: model.embeddings.types.as_ref().map_or(0, |types| types.rows),
        };
        let longest = limits.max_length;
        let labels: Arc<[String]> = config.labels.clone().into();
        let encoder = TextEncoder::new(tokenizer, limits, options.truncation, options.pair_truncation);
        let windows = options.windows;
        let encoder = match model.task() {
            Task::SequenceClassification => encoder.with_prompt(config.prompt()),
            Task::TokenClassification => encoder.with_spans(),
        };
        let engine = Engine::open(options, config.into(), model.into(), weights.into(), longest).await?;
        let entailment_said = Once::new();
        Ok(Classifier(Arc::new(Shared { encoder, scoring, labels, windows, entailment_said, engine })))
    }

    /// The same classifier on an adapter that is chosen and opened anew, after [`Error::DeviceLost`](crate::Error::DeviceLost). What it has of the checkpoint
    /// is shared: nothing is read again. The lost one stays as it is.
    ///
    /// # Errors
    /// The adapter errors of [`Options::load`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn reopen(&self) -> Result<Classifier> {
        self.0.engine.block_on(self.reopen_async())
    }

    /// [`Classifier::reopen`] without blocking.
    ///
    /// # Errors
    /// Those of [`Classifier::reopen`].
    pub async fn reopen_async(&self) -> Result<Classifier> {
        self.with_options(self.0.engine.options().clone()).await
    }

    /// The same classifier on another adapter, whose numbers may be stored otherwise. The checkpoint is shared.
    ///
    /// # Errors
    /// The adapter errors of [`Options::load`].
    pub async fn reopen_on_async(&self, adapter: Adapter, precision: Precision) -> Result<Classifier> {
        self.with_options(self.0.engine.options().clone().adapter(adapter).precision(precision)).await
    }

    async fn with_options(&self, options: Options) -> Result<Classifier> {
        let Shared { encoder, scoring, labels, windows, entailment_said: _, engine } = &*self.0;
        let engine = engine.with_options(options).await?;
        let (encoder, labels, entailment_said) = (encoder.clone(), labels.clone(), Once::new());
        let shared = Shared { encoder, scoring: *scoring, labels, windows: *windows, entailment_said, engine };
        Ok(Classifier(Arc::new(shared)))
    }

    /// Loads a checkpoint folder onto the best adapter; [`Options::load`] offers choices.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn load(folder: impl AsRef<Path>) -> Result<Classifier> {
        Options::default().load(folder)
    }

    /// [`Classifier::load`] without blocking; see [`Options::load_async`].
    ///
    /// # Errors
    /// Those of [`Options::load`].
    pub async fn load_async(folder: impl AsRef<Path>) -> Result<Classifier> {
        Options::default().load_async(folder).await
    }

    /// The embedded sentiment model on the best adapter.
    #[cfg(feature = "embedded")]
    #[cfg(not(target_arch = "wasm32"))]
    pub fn sentiment() -> Result<Classifier> {
        Options::default().sentiment()
    }

    /// [`Classifier::sentiment`] without blocking.
    ///
    /// # Errors
    /// Those of [`Options::load`].
    #[cfg(feature = "embedded")]
    pub async fn sentiment_async() -> Result<Classifier> {
        Options::default().sentiment_async().await
    }
}

/// Warns of tensors that make no difference, though whoever put them there meant them to.
fn say_unexpected(weights: &Weights, model: &Model) {
    const FEW: usize = 4;
    let unexpected = weights.unexpected(model.weights());
    if unexpected.is_empty() {
        return;
    }
    let adapter = match unexpected.iter().any(|name| name.contains("lora_")) {
        true => "; those of an adapter have to be merged (peft: merge_and_unload) before they count",
        false => "",
    };
    let more = match unexpected.len().checked_sub(FEW) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more"),
    };
    log::warn!(
        "{}: {} tensors are not read and change no answer: {}{more}{adapter}",
        weights.path().display(),
        unexpected.len(),
        unexpected[..unexpected.len().min(FEW)].join(", ")
    );
}

impl WeightSource for Weights {
    fn rows(&self, weight: &Weight, rows: std::ops::Range<usize>) -> Result<Vec<f32>> {
        self.read_rows(weight, rows)
    }

    fn columns(&self, weight: &Weight, columns: std::ops::Range<usize>) -> Result<Vec<f32>> {
        self.read_columns(weight, columns)
    }
}
