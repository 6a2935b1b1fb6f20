//! `output = activation(input . weight + bias) + residual`
//!
//! torch: `nn.Linear`, whose `[out, in]` weight the engine keeps as `[in, out]`.

mod tile;

pub use tile::Tile;

use super::{
    Activation, activation, common,
    example::{self, Entry, Example, Shape, Sizes, ragged, random, vector, written},
    write_output,
};
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
            shader: tile.size(Shader::link(NAME, linked), self).constant("ACTIVATION", self.activation as u32),
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

/// What tests and benchmarks run.
pub const ENTRY: Entry = Entry {
    name: NAME,
    storages: example::WEIGHTS,
    examples,
    sized,
    sizes: Sizes {
        rows: &[8, 128, 1024],
        // The layers of MiniLM and BERT-base.
        widths: &[
            (Some(384), 384),
            (Some(384), 1152),
            (Some(384), 1536),
            (Some(1536), 384),
            (Some(768), 768),
            (Some(768), 2304),
            (Some(768), 3072),
            (Some(3072), 768),
        ],
        lengths: &[],
    },
};

impl MatMul {
    /// The product of random numbers. Its first rows depend on the sizes of the weight alone.
    pub fn example(self, lengths: Vec<u32>) -> Example {
        let MatMul { rows, inner, columns, weight_columns, bias, residual, storage, output, .. } = self;
        let element = storage.activations();
        let operands = [
            Some(random(rows, inner, element)),
            Some(random(Rows::Fixed(inner), weight_columns, storage.weights())),
            Some(written(rows, columns, output)),
            bias.then(|| vector(weight_columns)),
            residual.then(|| random(rows, columns, element)),
        ];
        // A sum of `inner` products of numbers below 1 in f32, in another order than the twin's.
        Example::new(self, lengths, operands).within(1e-6 * f64::from(inner).sqrt().max(4.0))
    }

    /// A plain product, or one with all that there may be: bias, residual, an output that is stored as activations are, and
    /// columns from the middle of a wider weight, as well aligned as they are many.
    pub fn of_size(storage: Storage, inner: u32, columns: u32, activation: Activation, extras: bool) -> MatMul {
        let (first, weight_columns) = match (extras, columns % 8) {
            (false, _) => (0, columns),
            (true, 0) => (8, columns + 24),
            (true, _) => (5, columns + 9),
        };
        let output = if extras { storage.activations() } else { Element::F32 };
        let (rows, bias, residual) = (Rows::Tokens, extras, extras);
        MatMul { rows, inner, columns, weight_columns, first, activation, bias, residual, storage, output }
    }
}

fn sized(shape: &Shape) -> Example {
    let Shape { inner, columns, storage, .. } = *shape;
    let product = MatMul::of_size(storage, inner.unwrap_or(columns), columns, Activation::Identity, false);
    MatMul { bias: true, output: storage.activations(), ..product }.example(shape.lengths())
}

fn examples(storage: Storage) -> Vec<Example> {
    use Activation::{Gelu, Identity};
    let mut all = Vec::new();
    let mut add = |rows, inner, columns, activation, extras| {
        all.push(MatMul::of_size(storage, inner, columns, activation, extras).example(ragged(rows)));
    };
    // One below, at and above the edges of subgroups, workgroups and tiles.
    for edge in [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129] {
        // Widths that no power of two divides; then whole vectors, whole tiles and one vector more or less.
        add(edge, 33, 65, Identity, false);
        add(17, edge, 66, Identity, true);
        add(65, 31, edge, Identity, true);
        add(edge, 36, 72, Identity, true);
        add(17, 4 * edge, 56, Identity, false);
        add(33, 8, 8 * edge, Identity, true);
    }
    for (rows, inner, columns) in [(1, 770, 770), (67, 770, 1757), (3, 1757, 3), (130, 768, 256), (1, 128, 3)] {
        add(rows, inner, columns, Identity, true);
        add(rows, inner, columns, Gelu, false);
    }
    for activation in Activation::ALL {
        add(33, 16, 40, activation, true);
        add(33, 16, 39, activation, true);
    }
    // Every option with every other: few columns, few rows, and widths that vector loads can and cannot take.
    for (inner, columns, first) in [(64, 192, 64), (30, 37, 5), (64, 3, 0), (64, 11, 5)] {
        for activation in Activation::ALL {
            for options in 0..16 {
                let [bias, residual, texts, f32] = [1, 2, 4, 8].map(|option| options & option != 0);
                let rows = if texts { Rows::Texts } else { Rows::Tokens };
                let output = if f32 { Element::F32 } else { storage.activations() };
                let weight_columns = first + columns;
                let product =
                    MatMul { rows, inner, columns, weight_columns, first, activation, bias, residual, storage, output };
                all.push(product.example(ragged(40)).translated());
            }
        }
    }
    all
}
