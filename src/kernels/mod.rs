//! Stage 4: operations. One module per `shaders/*.wgsl`, of the same name: its shapes and parameters, which shader it
//! is on an adapter, and its CPU twin. A new kernel is its two files and one line here.

pub mod argmax;
pub mod attention;
pub mod attention_weights;
pub mod elementwise;
pub mod embed;
pub mod gate;
pub mod layernorm;
pub mod loss;
pub mod matmul;
pub mod pool;
mod reduce;
pub mod rotary;
pub mod softmax;
pub mod unfold;
pub(crate) mod uniform;

pub use uniform::{Field, Scalar, Uniform};

use crate::gpu::{Capabilities, Element, Layout, Rows, Shader, Storage};
use crate::models::{Activation, Half, Pool};
use std::any::Any;
use std::fmt::Debug;

/// Every kernel's name: file stem, module, entry point, pipeline label, test and bench.
pub const NAMES: &[&str] = &[
    embed::NAME,
    layernorm::NAME,
    matmul::NAME,
    rotary::NAME,
    attention::NAME,
    attention_weights::NAME,
    gate::NAME,
    unfold::NAME,
    pool::NAME,
    softmax::NAME,
    elementwise::NAME,
    argmax::NAME,
    loss::NAME,
];

/// One of every kernel, in the order of [`NAMES`], with the sizes of a MiniLM: to ask which variants an adapter would
/// run.
pub fn catalogue() -> Vec<Box<dyn Kernel>> {
    let [hidden, inner, heads, labels, max_length] = [384, 1536, 12, 3, 512];
    let (tokens, texts, storage, element) = (Rows::Tokens, Rows::Texts, Storage::F32, Element::F32);
    let attention = attention::Heads {
        queries: tokens,
        heads,
        head_width: hidden / heads,
        query_stride: 3 * hidden,
        key_stride: 3 * hidden,
        first_key: hidden,
        first_value: 2 * hidden,
        window: u32::MAX,
        max_length,
        scale: 1.0 / ((hidden / heads) as f32).sqrt(),
        score: attention::Term::None,
        element,
    };
    vec![
        Box::new(embed::Embed { columns: hidden, first_id: 0, ids: 30522, positions: true, types: true, storage }),
        Box::new(layernorm::LayerNorm {
            rows: tokens,
            columns: hidden,
            epsilon: 1e-12,
            bias: true,
            residual: true,
            element,
        }),
        Box::new(matmul::MatMul {
            rows: tokens,
            inner: hidden,
            columns: inner,
            weight_columns: inner,
            first: 0,
            activation: Activation::Gelu,
            bias: true,
            residual: false,
            storage,
            output: element,
        }),
        Box::new(rotary::Rotary { columns: 3 * hidden, heads: 2 * heads, half: hidden / heads / 2, element }),
        Box::new(attention::Attention(attention.clone())),
        Box::new(attention_weights::AttentionWeights { heads: attention, longest: max_length }),
        Box::new(gate::Gate { rows: tokens, columns: inner, activation: Activation::Gelu, half: Half::First, element }),
        Box::new(unfold::Unfold { columns: hidden, taps: 3, element }),
        Box::new(pool::Pool { columns: hidden, pool: Pool::First, element }),
        Box::new(softmax::Softmax { rows: texts, columns: labels }),
        Box::new(elementwise::Elementwise { rows: texts, columns: labels, activation: Activation::Sigmoid }),
        Box::new(argmax::Argmax { rows: texts, columns: labels }),
        Box::new(loss::Loss { rows: texts, columns: labels, kind: loss::LossKind::CrossEntropy }),
    ]
}

/// How a kernel uses a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    Read,
    /// Written, every element that the batch has, and not read before.
    Write,
    /// Read and written in place.
    ReadWrite,
}

/// One binding of group 0; `name` and `number` are those of the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Binding {
    pub number: u32,
    pub name: &'static str,
    pub access: Access,
}

impl Binding {
    pub(crate) const fn read(number: u32, name: &'static str) -> Binding {
        Binding { number, name, access: Access::Read }
    }

    pub(crate) const fn read_write(number: u32, name: &'static str) -> Binding {
        Binding { number, name, access: Access::ReadWrite }
    }

    pub(crate) const fn write(number: u32, name: &'static str) -> Binding {
        Binding { number, name, access: Access::Write }
    }
}

/// The sizes of one batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchSize {
    /// Tokens of each text, special tokens included.
    pub lengths: Vec<u32>,
    /// Their sum.
    pub tokens: u32,
}

impl BatchSize {
    pub fn new(lengths: impl IntoIterator<Item = u32>) -> BatchSize {
        let lengths: Vec<u32> = lengths.into_iter().collect();
        BatchSize { tokens: lengths.iter().sum(), lengths }
    }

    pub fn texts(&self) -> u32 {
        self.lengths.len() as u32
    }

    pub fn rows(&self, rows: Rows) -> u32 {
        match rows {
            Rows::Tokens => self.tokens,
            Rows::Texts => self.texts(),
            Rows::Fixed(count) => count,
        }
    }

    /// Tiles of `queries` query rows, no tile spanning two texts: (text, first position).
    pub fn tiles(&self, queries: u32) -> impl Iterator<Item = [u32; 2]> + '_ {
        let texts = (0..).zip(&self.lengths);
        texts.flat_map(move |(text, &length)| (0..length).step_by(queries as usize).map(move |first| [text, first]))
    }
}

/// What to dispatch: a linked shader and how many workgroups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    pub shader: Shader,
    pub grid: [u32; 3],
}

/// One operation with its shapes and parameters; a plain value that touches no device.
pub trait Kernel: Any + Debug + Send + Sync {
    /// File stem, module, entry point, pipeline label, test and bench.
    fn name(&self) -> &'static str;

    /// The bindings of group 0, optional ones included, in the order of the operands.
    fn bindings(&self) -> &'static [Binding];

    /// The uniform at group 1, binding 0.
    fn params(&self) -> Uniform;

    /// The variant for an adapter and the grid for a batch, from the same variables. The shader may depend on the batch
    /// only through the number of rows of [`Kernel::varies_with`], rounded up to a power of two. The only place that reads
    /// [`Capabilities`].
    fn launch(&self, device: &Capabilities, batch: &BatchSize) -> Launch;

    /// The rows whose number the variant depends on; none where every batch has the same.
    fn varies_with(&self) -> Option<Rows> {
        None
    }

    /// The grid of [`Kernel::launch`], for a batch whose variant is already there.
    fn grid(&self, device: &Capabilities, batch: &BatchSize) -> [u32; 3] {
        self.launch(device, batch).grid
    }

    /// How an operand lies in its buffer: what kernels compute is always [`Layout::Rows`].
    fn layout(&self, _device: &Capabilities, _binding: &Binding) -> Layout {
        Layout::Rows
    }

    /// Query rows a tile of the tile list that the host makes for this kernel, if it reads one.
    fn tile(&self, _device: &Capabilities) -> Option<u32> {
        None
    }

    /// The CPU twin: plain f32 loops, the specification. Operands are in the order of [`Kernel::bindings`], an absent
    /// one empty; outputs have their size already.
    fn reference(&self, batch: &BatchSize, operands: &mut [Values]);

    /// Multiplications and additions of one launch, each counted.
    fn operations(&self, batch: &BatchSize) -> u64;
}

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

    /// As they lie in a buffer.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Values::F32(values) => bytemuck::cast_slice(values),
            Values::U32(values) => bytemuck::cast_slice(values),
        }
    }
}

/// Runs `write` over the f32 elements of `operands[output]` with the other operands readable.
fn write_output(operands: &mut [Values], output: usize, write: impl FnOnce(&[Values], &mut [f32])) {
    let Values::F32(mut values) = std::mem::take(&mut operands[output]) else {
        panic!("operand {output} is written as f32 but holds integers");
    };
    write(operands, &mut values);
    operands[output] = Values::F32(values);
}

/// `count` workgroups in one dimension, folded over two where a dimension's limit is passed; shaders undo it with
/// `fold`.
fn folded(count: u32, device: &Capabilities) -> [u32; 3] {
    let width = count.clamp(1, device.max_workgroups);
    [width, count.div_ceil(width).max(1), 1]
}

/// Lanes of a kernel that works on each element of a row by itself.
fn row_lanes(device: &Capabilities) -> u32 {
    // Where a workgroup is a loop over vectors on a CPU core, one vector is enough, and saves the loop.
    device.uniform_subgroup().filter(|_| device.cpu).unwrap_or(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_complete() {
        let names: Vec<_> = catalogue().iter().map(|kernel| kernel.name()).collect();
        assert_eq!(names, NAMES);
    }
}
