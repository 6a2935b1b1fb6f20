//! `output = activation(input . weight + bias) + residual`
//!
//! torch: `nn.Linear`, whose `[out, in]` weight the engine keeps as `[in, out]`.

mod tile;

pub use tile::Tile;

use super::{Activation, activation, common, write_output};
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Grid, Kernel, Launch, Layout, MatmulShape, Recording, Rows, Shader,
    Storage, Tensor, Uniform, Values, part, uniform::uniform,
};

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
    /// Of the weight, and of input and residual, which are activations; the bias is f32.
    pub storage: Storage,
    /// As activations, or f32.
    pub output: Element,
}

/// The tensors of a product.
#[derive(Clone, Copy, Debug)]
pub struct Operands {
    /// `[rows, inner]`.
    pub input: Tensor,
    /// `[inner, weight columns]`.
    pub weight: Tensor,
    /// `[weight columns]`.
    pub bias: Option<Tensor>,
    /// `[rows, columns]`.
    pub residual: Option<Tensor>,
    /// `[rows, columns]`: as many columns of the weight are used.
    pub output: Tensor,
}

/// `output = activation(input . weight + bias) + residual`, with the weight's columns from `first` on.
pub fn record(recording: &mut Recording, operands: Operands, first: usize, activation: Activation) {
    let Operands { input, weight, bias, residual, output } = operands;
    let storage = recording.storage();
    assert_eq!(weight.rows, Rows::Fixed(input.columns as u32), "{NAME}: columns of the input and rows of the weight");
    assert!(first + output.columns <= weight.columns, "{NAME}: {output:?} from column {first} of {weight:?}");
    assert_eq!(input.element, storage.activations(), "{NAME}: elements of the input and of activations");
    if let Some(residual) = residual {
        assert_eq!(output.shape(), residual.shape(), "{NAME}: shapes of output and residual");
    }
    let kernel = MatMul {
        rows: input.rows,
        inner: input.columns as u32,
        columns: output.columns as u32,
        weight_columns: weight.columns as u32,
        first: first as u32,
        activation,
        bias: bias.is_some(),
        residual: residual.is_some(),
        storage,
        output: output.element,
    };
    recording.step(kernel, &[Some(input), Some(weight), Some(output), bias, residual]);
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

impl MatMul {
    /// The launch in that tile, one of [`MatMul::tiles`].
    pub fn launch_in(&self, tile: &Tile) -> Launch {
        let chunk = tile.chunk(self);
        let element = self.storage.activations();
        let written = self.output == element;
        let mut linked = vec![
            common::element(element),
            common::row(chunk),
            if written { part!("matmul/written_stored") } else { part!("matmul/written_f32") },
            common::BATCH,
            common::MATH,
            part!("common/activation"),
            activation::of_chunks(chunk),
            common::bias(self.bias),
            common::residual(self.residual),
        ];
        linked.extend(tile.parts(self, chunk));
        linked.push(part!("matmul/matmul"));
        Launch {
            shader: tile.size(Shader::link(NAME, linked)).constant("ACTIVATION", self.activation as u32),
            grid: Grid::Blocks { columns: self.columns.div_ceil(tile.columns), rows: self.rows, per: tile.rows },
        }
    }

    /// The tile that was the fastest here, where that was measured, else the built-in choice.
    fn tile_for(&self, device: &Capabilities, batch: &BatchSize) -> Tile {
        let rows = batch.rows(self.rows).next_power_of_two();
        let tuned = device.tuning.tile(&self.shape(device, rows));
        let tuned = tuned.and_then(|name| self.tiles(device).into_iter().find(|tile| tile.name == name));
        tuned.unwrap_or_else(|| self.choose(device, rows))
    }

    /// What the fastest tile for so many rows is kept under.
    pub fn shape(&self, device: &Capabilities, rows: u32) -> MatmulShape {
        let MatMul { inner, columns, storage, .. } = *self;
        let tensor_cores = !self.cooperative_tiles(device).is_empty();
        MatmulShape { rows: rows.next_power_of_two(), inner, columns, storage, tensor_cores }
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

    fn varies_with(&self) -> Option<Rows> {
        Some(self.rows)
    }

    fn layout(&self, device: &Capabilities, binding: &Binding) -> Layout {
        // All tiles of an adapter read the weight in the same.
        if binding.name == "weight" { self.tiles(device)[0].layout() } else { Layout::Rows }
    }

    fn launch(&self, device: &Capabilities, batch: &BatchSize) -> Launch {
        self.launch_in(&self.tile_for(device, batch))
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let [inner, columns, first] = [self.inner, self.columns, self.first].map(|size| size as usize);
        write_output(operands, 2, |operands, output| {
            let (input, weight) = (operands[0].f32(), operands[1].f32());
            let (bias, residual) = (operands[3].f32(), operands[4].f32());
            let mut acc = vec![0.0f32; columns];
            for row in 0..batch.rows(self.rows) as usize {
                acc.fill(0.0);
                for k in 0..inner {
                    let x = input[row * inner + k];
                    let start = k * self.weight_columns as usize + first;
                    for (acc, w) in acc.iter_mut().zip(&weight[start..start + columns]) {
                        *acc += x * w;
                    }
                }
                for column in 0..columns {
                    let sum = acc[column] + if self.bias { bias[first + column] } else { 0.0 };
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
