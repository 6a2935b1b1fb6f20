//! What the files of a checkpoint say, without a device.

use crate::checkpoint::{Checkpoint, Config, Weights};
use crate::error::{Error, Result};
use crate::models::{self, Architecture, Model};
use crate::text::Tokenizer;
use std::path::Path;

/// A checkpoint as far as it can be understood.
#[derive(Debug)]
pub struct Inspection {
    pub config: Config,
    /// Known where the `model_type` is computed here.
    pub architecture: Option<&'static Architecture>,
    /// Known where the whole config is understood.
    pub model: Option<Model>,
    pub weights: Weights,
    pub tokenizer: Option<Tokenizer>,
    /// Why it cannot classify; empty if it can.
    pub faults: Vec<Error>,
}

impl Inspection {
    /// Reads a folder as transformers' `save_pretrained` writes it.
    ///
    /// # Errors
    /// Those of [`Checkpoint::open`]; what else is wrong is among the [`Inspection::faults`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Inspection> {
        Ok(Inspection::new(Checkpoint::open(folder.as_ref())?, Tokenizer::from_folder(folder)))
    }

    /// The model that is compiled in.
    ///
    /// # Errors
    /// None that the build did not cause.
    #[cfg(feature = "embedded")]
    pub fn sentiment() -> Result<Inspection> {
        let (checkpoint, tokenizer) = crate::Options::embedded()?;
        Ok(Inspection::new(checkpoint, Ok(tokenizer)))
    }

    /// Of an opened checkpoint and the tokenizer beside it.
    pub fn new(checkpoint: Checkpoint, tokenizer: Result<Tokenizer>) -> Inspection {
        let Checkpoint { config, weights, .. } = checkpoint;
        let mut faults = Vec::new();
        let architecture = keep(models::architecture(&config), &mut faults);
        let model = architecture.and_then(|architecture| keep(models::describe(architecture, &config), &mut faults));
        let weights = match architecture {
            Some(architecture) => architecture.named(weights),
            None => weights,
        };
        for part in model.iter().flat_map(Model::parts) {
            faults.extend(part.weights.into_iter().filter_map(|weight| weights.check(weight).err()));
        }
        faults.extend(match &model {
            Some(model) => models::scoring(&config, model).err(),
            None => config.scoring().err(),
        });
        let tokenizer = keep(tokenizer, &mut faults);
        Inspection { config, architecture, model, weights, tokenizer, faults }
    }

    /// Longest text in tokens, by the model's positions and by the tokenizer's configuration, as far as they say; the
    /// smaller one holds.
    pub fn max_lengths(&self) -> [Option<usize>; 2] {
        let tokenizer = self.tokenizer.as_ref().and_then(Tokenizer::max_length);
        let tokenizer = self.config.max_length().or(tokenizer);
        [self.model.as_ref().map(|model| model.max_length), tokenizer]
    }

    /// Tensors of the files that the model does not read; none where the model is not understood.
    pub fn unused(&self) -> Vec<&str> {
        self.model.as_ref().map_or_else(Vec::new, |model| self.weights.unused(model.weights()))
    }
}

fn keep<T>(result: Result<T>, faults: &mut Vec<Error>) -> Option<T> {
    result.map_err(|error| faults.push(error)).ok()
}
