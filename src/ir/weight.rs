//! The matrices of a checkpoint, by name: what a recording asks for and a checkpoint answers.

use crate::Result;
use std::ops::Range;

/// A matrix or vector of the checkpoint, named as transformers names it, that the engine needs.
///
/// Two equal `Weight`s are one buffer on the device, which is how layers that share weights share memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Weight {
    /// Tensor names without the base prefix rule applied (`bert.encoder.layer.0...` or `encoder.layer.0...` both
    /// match). More than one: stacked along the first axis in this order.
    pub names: Vec<String>,
    /// Rows of the whole in the file's layout, all `names` stacked (a vector has one row).
    pub rows: usize,
    /// Columns of the whole in the file's layout.
    pub columns: usize,
    /// Whether the engine wants `[columns, rows]`: a linear layer's `[out, in]` is used as `[in, out]`.
    pub transposed: bool,
    /// The part of the model it belongs to.
    pub role: Role,
    /// The engine wants the square root of this many times what the file has.
    pub times_root_of: usize,
}

/// What a weight is for; decides what its absence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Absent: the checkpoint is unusable.
    Encoder,
    /// Absent: the checkpoint was not fine-tuned ([`crate::Error::MissingHead`]), or filled from a seed on request.
    Head,
}

impl Weight {
    /// A vector of `columns` elements (a bias, a norm's gain).
    pub fn vector(name: impl Into<String>, columns: usize) -> Weight {
        Weight { names: vec![name.into()], rows: 1, columns, transposed: false, role: Role::Encoder, times_root_of: 1 }
    }

    /// A table of `rows` rows used as it is stored (embeddings).
    pub fn table(name: impl Into<String>, rows: usize, columns: usize) -> Weight {
        Weight { names: vec![name.into()], rows, columns, transposed: false, role: Role::Encoder, times_root_of: 1 }
    }

    /// The shape on the device: `[rows, columns]`.
    pub fn shape(&self) -> [usize; 2] {
        if self.transposed { [self.columns, self.rows] } else { [self.rows, self.columns] }
    }
}

/// Where the contents of weights come from.
pub trait WeightSource: Sync {
    /// Rows `rows` of the weight in device layout. A large weight is asked for in pieces.
    ///
    /// # Errors
    /// What is wrong with the tensor or its file.
    fn rows(&self, weight: &Weight, rows: Range<usize>) -> Result<Vec<f32>>;

    /// Columns `columns` of the weight in device layout, one after the other: who has them so need not transpose them.
    ///
    /// # Errors
    /// What is wrong with the tensor or its file.
    fn columns(&self, weight: &Weight, columns: Range<usize>) -> Result<Vec<f32>> {
        let [rows, width] = weight.shape();
        let values = self.rows(weight, 0..rows)?;
        Ok(columns.flat_map(|column| values.iter().skip(column).step_by(width)).copied().collect())
    }
}
