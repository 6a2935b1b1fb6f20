//! Stage 4: operations. One module for every folder of kernels in `shaders/`, of the same name: its shapes and parameters,
//! which files it is linked from on an adapter, and its CPU twin.

mod activation;
pub mod argmax;
pub mod attention;
pub mod attention_weights;
pub(crate) mod common;
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

pub use activation::Activation;
pub use gate::Half;
pub use pool::Pooling;

use crate::ir::{Capabilities, Element, Kernel, Rows, Storage, Values};

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
        Box::new(pool::Pool { columns: hidden, pool: Pooling::First, element }),
        Box::new(softmax::Softmax { rows: texts, columns: labels }),
        Box::new(elementwise::Elementwise { rows: texts, columns: labels, activation: Activation::Sigmoid }),
        Box::new(argmax::Argmax { rows: texts, columns: labels }),
        Box::new(loss::Loss { rows: texts, columns: labels, kind: loss::LossKind::CrossEntropy }),
    ]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_complete() {
        let names: Vec<_> = catalogue().iter().map(|kernel| kernel.name()).collect();
        assert_eq!(names, NAMES);
    }
}
