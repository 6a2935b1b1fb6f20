//! Matrices: how many rows, of what elements, and their contents on the host.

use half::f16;
use serde::{Deserialize, Serialize};

/// A number of rows: one of the two symbols that depend on the batch, or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rows {
    Tokens,
    Texts,
    Fixed(u32),
}

impl Rows {
    /// As `resolve` of `shaders/common/batch.wgsl` reads it.
    pub fn code(self) -> u32 {
        match self {
            Rows::Tokens => u32::MAX,
            Rows::Texts => u32::MAX - 1,
            Rows::Fixed(count) => count,
        }
    }
}

/// A tensor's element type on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    F32,
    /// f32 on the host, where it is written and read.
    F16,
    U32,
}

impl Element {
    pub fn bytes(self) -> u64 {
        match self {
            Element::F16 => 2,
            Element::F32 | Element::U32 => 4,
        }
    }

    /// Whether no kernel has written a number that was read back, by [`UNWRITTEN`].
    pub fn is_unwritten(self, number: f32) -> bool {
        let half = f16::from_bits(UNWRITTEN as u16).to_f32();
        number.to_bits() == UNWRITTEN || self == Element::F16 && number.to_bits() == half.to_bits()
    }
}

/// What the numbers of a recording are stored as; vectors and logits are f32 whatever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    F32,
    F16,
    /// Weights in f16, which shaders without f16 unpack where they load them, and all else in f32.
    PackedWeights,
}

impl Storage {
    /// Of products' weights and the table of words, which are nearly all that a model has.
    pub fn weights(self) -> Element {
        match self {
            Storage::F32 => Element::F32,
            Storage::F16 | Storage::PackedWeights => Element::F16,
        }
    }

    /// Of what is computed, and of small tables.
    pub fn activations(self) -> Element {
        match self {
            Storage::F16 => Element::F16,
            Storage::F32 | Storage::PackedWeights => Element::F32,
        }
    }
}

/// A handle to a row-major, contiguous matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor {
    pub(crate) id: usize,
    pub rows: Rows,
    pub columns: usize,
    pub element: Element,
}

impl Tensor {
    pub fn shape(&self) -> (Rows, usize) {
        (self.rows, self.columns)
    }

    /// Bytes of one row.
    pub fn row_bytes(&self) -> u64 {
        self.columns as u64 * self.element.bytes()
    }
}

/// Four bytes that an executor which is tested fills new tensors with, so that an element which no kernel writes is seen:
/// an f32 and two f16 that are no numbers, and no index of anything. No arithmetic makes this NaN.
pub const UNWRITTEN: u32 = 0x7fe5_7fe5;

/// A tensor's elements on the host, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    F32(Vec<f32>),
    U32(Vec<u32>),
}

impl Default for Values {
    fn default() -> Values {
        Values::F32(Vec::new())
    }
}

impl Values {
    pub fn f32(&self) -> &[f32] {
        match self {
            Values::F32(values) => values,
            Values::U32(_) => panic!("the operand holds integers, not numbers"),
        }
    }

    pub fn u32(&self) -> &[u32] {
        match self {
            Values::U32(values) => values,
            Values::F32(_) => panic!("the operand holds numbers, not integers"),
        }
    }

    /// As many elements of a new tensor, none of them written.
    pub fn unwritten(element: Element, count: usize) -> Values {
        match element {
            Element::U32 => Values::U32(vec![UNWRITTEN; count]),
            Element::F32 | Element::F16 => Values::F32(vec![f32::from_bits(UNWRITTEN); count]),
        }
    }

    /// As they lie in a buffer.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Values::F32(values) => bytemuck::cast_slice(values),
            Values::U32(values) => bytemuck::cast_slice(values),
        }
    }
}
