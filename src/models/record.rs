//! The parts of a description -> steps: what the encoder is written in. Kernels take tensors; here are the weights' names.

use super::{Embeddings, Linear, Norm};
use crate::ir::{Recording, Rows, Tensor};
use crate::kernels::{Activation, embed, layernorm, matmul};
use std::ops::Range;

/// `activation(linear(input)) + residual`: `[rows, linear.outputs()]`, stored as activations are.
pub(super) fn linear(
    r: &mut Recording,
    input: Tensor,
    linear: &Linear,
    activation: Activation,
    residual: Option<Tensor>,
) -> Tensor {
    let output = r.activation(input.rows, linear.outputs());
    product(r, input, linear, 0..linear.outputs(), activation, residual, output)
}

/// The outputs `columns` of `linear(input)` alone: `[rows, columns.len()]`, stored as activations are.
pub(super) fn linear_columns(r: &mut Recording, input: Tensor, linear: &Linear, columns: Range<usize>) -> Tensor {
    let output = r.activation(input.rows, columns.len());
    product(r, input, linear, columns, Activation::Identity, None, output)
}

/// `linear(input)` in f32, whatever input and weight are stored as: `[rows, linear.outputs()]`.
pub(super) fn logits(r: &mut Recording, input: Tensor, linear: &Linear) -> Tensor {
    let output = r.tensor(input.rows, linear.outputs());
    product(r, input, linear, 0..linear.outputs(), Activation::Identity, None, output)
}

fn product(
    r: &mut Recording,
    input: Tensor,
    linear: &Linear,
    columns: Range<usize>,
    activation: Activation,
    residual: Option<Tensor>,
    output: Tensor,
) -> Tensor {
    let weight = r.weight(&linear.weight);
    let bias = linear.bias.as_ref().map(|bias| r.vector(bias));
    let operands = matmul::Operands { input, weight, bias, residual, output };
    matmul::record(r, operands, columns.start, activation);
    output
}

/// The rows of `input`, plus `residual` where there is one, normalised; shapes are equal.
pub(super) fn norm(r: &mut Recording, input: Tensor, residual: Option<Tensor>, norm: &Norm) -> Tensor {
    let weight = r.vector(&norm.weight);
    let bias = norm.bias.as_ref().map(|bias| r.vector(bias));
    layernorm::record(r, input, residual, weight, bias, norm.epsilon)
}

/// `[tokens, columns]`, the sum of the embedding tables; the word table may be bound in several parts.
pub(super) fn embed(r: &mut Recording, embeddings: &Embeddings) -> Tensor {
    let positions = embeddings.positions.as_ref().map(|positions| r.table(&positions.table));
    let types = embeddings.types.as_ref().map(|types| r.table(types));
    let output = r.activation(Rows::Tokens, embeddings.words.columns);
    for (first_id, words) in r.weight_parts(&embeddings.words) {
        embed::record(r, first_id, words, positions, types, output);
    }
    output
}
