//! What a run is given, and how much of it there may be.

use super::lifetimes::share;
use super::{Gpu, Input, Recording, Rows, Source, Tensor};
use crate::error::{Error, Result};
use crate::kernels::{BatchSize, Values};
use crate::models::Weight;
use std::ops::Range;

/// The largest batch that a plan runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Capacity {
    pub tokens: usize,
    pub texts: usize,
}

impl Capacity {
    pub(super) fn batch(&self) -> BatchSize {
        // Every text at least one token; the first takes what is left. Only sums matter here.
        let texts = self.texts.clamp(1, self.tokens.max(1)) as u32;
        BatchSize::new((0..texts).map(|text| if text == 0 { self.tokens as u32 - (texts - 1) } else { 1 }))
    }

    /// Rows to allocate for a tensor; the starts have one more than there are texts, the tiles at most one a token.
    pub(super) fn rows(&self, tensor: &Tensor, source: &Source) -> u64 {
        let rows = match tensor.rows {
            Rows::Tokens => self.tokens as u64,
            Rows::Texts => self.texts as u64,
            Rows::Fixed(count) => count.into(),
        };
        if matches!(source, Source::Input(Input::Starts)) { rows + 1 } else { rows }
    }

    pub(super) fn bytes(&self, tensor: &Tensor, source: &Source) -> u64 {
        self.rows(tensor, source) * tensor.row_bytes()
    }

    /// An error if an operand passes what a binding may span; before anything is allocated.
    pub(super) fn check(&self, gpu: &Gpu, recording: &Recording) -> Result<()> {
        let limit = gpu.capabilities.max_binding;
        for step in &recording.steps {
            for (binding, tensor) in step.bound() {
                let source = &recording.tensors[tensor.id].1;
                let bytes = self.bytes(&tensor, source);
                if bytes <= limit {
                    continue;
                }
                let (what, kernel) = (binding.name, step.kernel.name());
                let cause = match source {
                    Source::Weight(weight, _) => format!("{}: the model is too large for it", weight.names.join(" + ")),
                    _ => format!("at {} tokens; lower the batch's capacity (--batch-tokens)", self.tokens),
                };
                let message = format!("{what} of {kernel} has {bytes} bytes, but a binding may have {limit}: {cause}");
                return Err(Error::Adapter { adapter: gpu.name.clone(), message });
            }
        }
        Ok(())
    }

    /// Bytes that a plan of this capacity allocates for what the steps of a batch compute.
    pub fn activation_bytes(&self, recording: &Recording) -> u64 {
        share(recording, &recording.constant_steps(), self).bytes.iter().sum()
    }
}

/// What one run computes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Run<'a> {
    /// (id, type, position in the text, text in the batch) of each token.
    pub tokens: &'a [[u32; 4]],
    /// First token of each text, and the number of tokens.
    pub starts: &'a [u32],
    /// Class of each text, where the recording wants a cross-entropy.
    pub classes: &'a [u32],
    /// `[texts, labels]`, where the recording wants another loss.
    pub targets: &'a [f32],
}

impl Run<'_> {
    pub fn size(&self) -> BatchSize {
        BatchSize::new(self.starts.windows(2).map(|pair| pair[1] - pair[0]))
    }

    /// The contents of an input; `tile` is the kernels' number of queries a tile.
    pub fn input(&self, input: Input, size: &BatchSize, tile: u32) -> Values {
        match input {
            Input::Tokens => Values::U32(self.tokens.as_flattened().to_vec()),
            Input::Starts => Values::U32(self.starts.to_vec()),
            Input::Tiles => Values::U32(size.tiles(tile).flatten().collect()),
            Input::Classes => Values::U32(self.classes.to_vec()),
            Input::Targets { .. } => Values::F32(self.targets.to_vec()),
        }
    }
}

/// Where a plan gets the contents of weights from.
pub trait WeightSource: Sync {
    /// Rows `rows` of the weight in device layout. A plan asks for a large weight in pieces.
    fn rows(&self, weight: &Weight, rows: Range<usize>) -> Result<Vec<f32>>;
}
