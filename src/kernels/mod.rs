//! Stage 4: operations. One module for every folder of kernels in `shaders/`, of the same name: its shapes and parameters,
//! which files it is linked from on an adapter, and its CPU twin.

mod activation;
pub mod argmax;
pub mod attention;
pub mod attention_weights;
mod check;
pub(crate) mod common;
pub mod elementwise;
pub mod embed;
pub mod example;
pub mod gate;
pub mod layernorm;
pub mod loss;
pub mod matmul;
pub mod pool;
pub mod probe;
mod reduce;
pub mod rotary;
pub mod softmax;
pub mod unfold;

pub use activation::Activation;
pub use example::{Case, Entry, Example, Operand, Shape};
pub use gate::Half;
pub use pool::Pooling;

use crate::ir::{Capabilities, Kernel, Values};
use std::sync::Arc;

/// Every kernel, in the order of its work. Tests, benchmarks and lists go through these.
pub const KERNELS: &[Entry] = &[
    embed::ENTRY,
    layernorm::ENTRY,
    matmul::ENTRY,
    rotary::ENTRY,
    attention::ENTRY,
    attention_weights::ENTRY,
    gate::ENTRY,
    unfold::ENTRY,
    pool::ENTRY,
    softmax::ENTRY,
    elementwise::ENTRY,
    argmax::ENTRY,
    loss::ENTRY,
];

/// The names of [`KERNELS`].
pub const NAMES: &[&str] = &{
    let mut names = [""; KERNELS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = KERNELS[index].name;
        index += 1;
    }
    names
};

/// One of every kernel, in the order of [`NAMES`], with the sizes of a MiniLM: to ask which variants an adapter would
/// run.
pub fn catalogue() -> Vec<Arc<dyn Kernel>> {
    KERNELS.iter().map(|entry| (entry.sized)(&entry.first()).kernel).collect()
}

/// Runs `write` over the f32 elements of `operands[output]` with the other operands readable.
fn write_output(operands: &mut [Values], output: usize, write: impl FnOnce(&[Values], &mut [f32])) {
    let Values::F32(mut values) = std::mem::take(&mut operands[output]) else {
        panic!("operand {output} is written as f32 but holds integers");
    };
    write(operands, &mut values);
    operands[output] = Values::F32(values);
}

/// Lanes of a kernel that works on each element of a row by itself.
fn row_lanes(device: &Capabilities) -> u32 {
    // Where a workgroup is a loop over vectors on a CPU core, one vector is enough, and saves the loop.
    device.uniform_subgroup().filter(|_| device.cpu).unwrap_or(64)
}
