//! `output = activation(input . weight + bias) + residual`
//!
//! torch: `nn.Linear`, whose `[out, in]` weight the engine keeps as `[in, out]`.

use super::{BatchSize, Binding, Kernel, Launch, Uniform, Values, uniform::uniform, write_output};
use crate::gpu::{Capabilities, Element, Part, Recording, Rows, Shader, Tensor, parts};
use crate::models::{Activation, Linear};
use std::ops::Range;

pub const NAME: &str = "matmul";

#[derive(Clone, Debug)]
pub struct MatMul {
    pub rows: Rows,
    /// Length of the sums: columns of the input, rows of the weight.
    pub inner: u32,
    pub columns: u32,
    /// Columns of the whole weight, of which `first .. first + columns` are used.
    pub weight_columns: u32,
    pub first: u32,
    pub activation: Activation,
    pub bias: bool,
    pub residual: bool,
    /// Of input, weight and residual; the bias is f32.
    pub element: Element,
    /// The same, or f32.
    pub output: Element,
}

/// `activation(linear(input)) + residual`: `[rows, linear.outputs()]`.
pub fn record(
    recording: &mut Recording,
    input: Tensor,
    linear: &Linear,
    activation: Activation,
    residual: Option<Tensor>,
) -> Tensor {
    record_columns(recording, input, linear, 0..linear.outputs(), activation, residual)
}

/// `linear(input)` in f32, whatever input and weight are stored as.
pub fn record_logits(recording: &mut Recording, input: Tensor, linear: &Linear) -> Tensor {
    let output = recording.tensor(input.rows, linear.outputs());
    record_into(recording, input, linear, 0..linear.outputs(), Activation::Identity, None, output)
}

/// Only the outputs `columns` of the linear layer: `[rows, columns.len()]`.
pub fn record_columns(
    recording: &mut Recording,
    input: Tensor,
    linear: &Linear,
    columns: Range<usize>,
    activation: Activation,
    residual: Option<Tensor>,
) -> Tensor {
    let output = recording.stored(input.rows, columns.len());
    record_into(recording, input, linear, columns, activation, residual, output)
}

fn record_into(
    recording: &mut Recording,
    input: Tensor,
    linear: &Linear,
    columns: Range<usize>,
    activation: Activation,
    residual: Option<Tensor>,
    output: Tensor,
) -> Tensor {
    assert_eq!(input.columns, linear.inputs(), "{NAME}: columns of the input and inputs of {}", linear.weight.names[0]);
    if let Some(residual) = residual {
        assert_eq!(output.shape(), residual.shape(), "{NAME}: shapes of output and residual");
    }
    let kernel = MatMul {
        rows: input.rows,
        inner: linear.inputs() as u32,
        columns: columns.len() as u32,
        weight_columns: linear.outputs() as u32,
        first: columns.start as u32,
        activation,
        bias: linear.bias.is_some(),
        residual: residual.is_some(),
        element: input.element,
        output: output.element,
    };
    let weight = recording.weight(&linear.weight);
    let bias = linear.bias.as_ref().map(|bias| recording.vector(bias));
    recording.step(kernel, &[Some(input), Some(weight), Some(output), bias, residual]);
    output
}

uniform!(
    struct Params {
        rows: u32,
        inner: u32,
        columns: u32,
        weight_columns: u32,
        first: u32,
    }
);

/// The outputs of one workgroup.
struct Tile {
    parts: Vec<Part>,
    rows: u32,
    columns: u32,
    /// Elements of input and output that it reads and writes at once.
    chunk: u32,
    constants: Vec<(&'static str, u32)>,
}

impl Tile {
    fn new(parts: Vec<Part>, rows: u32, columns: u32, chunk: u32) -> Tile {
        Tile { parts, rows, columns, chunk, constants: Vec::new() }
    }
}

impl MatMul {
    fn tile_on(&self, device: &Capabilities) -> Tile {
        if let Some(tile) = self.cooperative_tile(device) {
            return tile;
        }
        let eights = [self.columns, self.weight_columns, self.first].iter().all(|columns| columns % 8 == 0);
        if device.cpu_vectors() && eights && self.inner.is_multiple_of(4) {
            Tile::new(vec![parts::wide(self.element), parts::TILE_SUBGROUP], 16, 64, 4)
        } else if device.cpu && self.columns < 32 {
            Tile::new(vec![parts::TILE_LANE], 8, 1, 1)
        } else {
            Tile::new(vec![parts::TILE_WORKGROUP], 64, 64, 1)
        }
    }

    /// On matrix units, where there are any: what is stored as f32 in two parts. For every size, so that the rows of a
    /// narrower product have the bits of a wider one's.
    fn cooperative_tile(&self, device: &Capabilities) -> Option<Tile> {
        let (edge, (least, most)) = (device.cooperative?, device.subgroup?);
        let (matrices, split, parts) = match self.element {
            Element::F16 => (edge * edge, parts::SPLIT_ONE, 1),
            _ => (edge * edge, parts::SPLIT_TWO, 2),
        };
        // Four subgroups of whatever size they turn out to have, and f16 tiles of 64 x 40 and 32 x 72.
        let lanes = 4 * most;
        let answers = matrices * (lanes / least);
        let memory = parts * (2 * (64 * 40 + 32 * 72) + 4 * answers);
        if device.cpu || !device.f16 || lanes > device.workgroup_size || memory > device.workgroup_memory {
            return None;
        }
        let matrices = if edge == 8 { parts::COOPERATIVE_8 } else { parts::COOPERATIVE_16 };
        let constants = vec![("LANES", lanes), ("ANSWERS", answers)];
        let fours = [self.inner, self.columns, self.weight_columns, self.first].iter().all(|size| size % 4 == 0);
        let chunk = if fours { 4 } else { 1 };
        let tile = Tile::new(vec![matrices, split, parts::TILE_COOPERATIVE], 64, 64, chunk);
        Some(Tile { constants, ..tile })
    }
}

impl Kernel for MatMul {
    fn name(&self) -> &'static str {
        NAME
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            Binding::read(0, "input"),
            Binding::read(1, "weight"),
            Binding::write(2, "output"),
            Binding::read(6, "bias"),
            Binding::read(7, "residual"),
        ];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        let MatMul { inner, columns, weight_columns, first, .. } = *self;
        Params { rows: self.rows.code(), inner, columns, weight_columns, first }.into()
    }

    fn launch(&self, device: &Capabilities, batch: &BatchSize) -> Launch {
        let tile = self.tile_on(device);
        let [chunk, activate] = match tile.chunk {
            4 => [parts::CHUNK_4, parts::ACTIVATE_4],
            _ => [parts::CHUNK_1, parts::ACTIVATE_1],
        };
        let written = if self.output == self.element { parts::WRITTEN_STORED } else { parts::WRITTEN_F32 };
        let mut linked = match tile.parts.contains(&parts::TILE_COOPERATIVE) {
            true => parts::cooperative_storage(self.element),
            false => parts::storage(self.element),
        };
        linked.extend([
            chunk,
            written,
            parts::BATCH,
            parts::MATH,
            parts::ACTIVATION,
            activate,
            parts::bias(self.bias),
            parts::residual(self.residual),
        ]);
        linked.extend(tile.parts);
        linked.push(parts::MATMUL);
        let shader = Shader::link(NAME, &linked).constant("ACTIVATION", self.activation as u32);
        Launch {
            shader: tile.constants.iter().fold(shader, |shader, (name, value)| shader.constant(name, *value)),
            grid: [self.columns.div_ceil(tile.columns), batch.rows(self.rows).div_ceil(tile.rows), 1],
        }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let [inner, columns, first] = [self.inner, self.columns, self.first].map(|size| size as usize);
        write_output(operands, 2, |operands, output| {
            let (input, weight) = (operands[0].f32(), operands[1].f32());
            let (bias, residual) = (operands[3].f32(), operands[4].f32());
            let mut totals = vec![0.0f32; columns];
            for row in 0..batch.rows(self.rows) as usize {
                totals.fill(0.0);
                for k in 0..inner {
                    let x = input[row * inner + k];
                    let start = k * self.weight_columns as usize + first;
                    for (total, w) in totals.iter_mut().zip(&weight[start..start + columns]) {
                        *total += x * w;
                    }
                }
                for column in 0..columns {
                    let sum = totals[column] + if self.bias { bias[first + column] } else { 0.0 };
                    let index = row * columns + column;
                    output[index] = self.activation.apply(sum) + if self.residual { residual[index] } else { 0.0 };
                }
            }
        });
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        2 * u64::from(batch.rows(self.rows)) * u64::from(self.inner) * u64::from(self.columns)
    }
}
