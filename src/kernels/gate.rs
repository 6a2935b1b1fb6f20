//! `output = activation(one half of the input's columns) * the other half`
//!
//! Shazeer 2020, "GLU Variants Improve Transformer".

use super::{
    Activation, activation, common,
    example::{self, Entry, Example, Shape, Sizes, ragged, scaled, written},
    row_lanes, write_output,
};
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Grid, Kernel, Launch, Recording, Rows, Shader, Storage, Tensor, Uniform,
    Values, part, uniform::uniform,
};

pub const NAME: &str = "gate";

/// A half of a feed-forward layer's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    First,
    Second,
}

#[derive(Clone, Debug)]
pub struct Gate {
    pub rows: Rows,
    /// Of the output; the input has twice as many.
    pub columns: u32,
    pub activation: Activation,
    /// The half that is activated.
    pub half: Half,
    pub element: Element,
}

/// `[rows, columns / 2]` of `[rows, columns]`.
pub fn record(recording: &mut Recording, input: Tensor, activation: Activation, half: Half) -> Tensor {
    assert!(input.columns.is_multiple_of(2), "{NAME}: two halves of {} columns", input.columns);
    let columns = input.columns / 2;
    let output = recording.activation(input.rows, columns);
    let kernel = Gate { rows: input.rows, columns: columns as u32, activation, half, element: input.element };
    recording.step(kernel, &[Some(input), Some(output)]);
    output
}

uniform!(
    struct Params {
        rows: u32,
        columns: u32,
    }
);

impl Kernel for Gate {
    fn name(&self) -> &'static str {
        NAME
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[Binding::read(0, "input"), Binding::write(1, "output")];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        Params { rows: self.rows.code(), columns: self.columns }.into()
    }

    fn launch(&self, device: &Capabilities, _batch: &BatchSize) -> Launch {
        let chunk = common::chunk(self.columns);
        let parts = [
            common::element(self.element),
            common::row(chunk),
            common::BATCH,
            common::MATH,
            part!("common/activation"),
            activation::of_chunks(chunk),
            part!("gate/gate"),
        ];
        Launch {
            shader: Shader::link(NAME, parts)
                .constant("LANES", row_lanes(device))
                .constant("ACTIVATION", self.activation as u32)
                .constant("SECOND", u32::from(self.half == Half::Second)),
            grid: Grid::each(self.rows),
        }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let columns = self.columns as usize;
        write_output(operands, 1, |operands, output| {
            for row in 0..batch.rows(self.rows) as usize {
                let (first, second) = operands[0].f32()[row * 2 * columns..][..2 * columns].split_at(columns);
                let (activated, other) = if self.half == Half::First { (first, second) } else { (second, first) };
                for column in 0..columns {
                    output[row * columns + column] = self.activation.apply(activated[column]) * other[column];
                }
            }
        });
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        2 * u64::from(batch.rows(self.rows)) * u64::from(self.columns)
    }
}

/// What tests and benchmarks run.
pub const ENTRY: Entry = Entry { name: NAME, storages: example::ROWS, examples, sized, sizes: Sizes::ROWS };

impl Gate {
    fn example(self, lengths: Vec<u32>) -> Example {
        let Gate { rows, columns, element, .. } = self;
        let operands = [scaled(rows, 2 * columns, element, 4.0), written(rows, columns, element)].map(Some);
        Example::new(self, lengths, operands).within(2e-6)
    }
}

fn sized(shape: &Shape) -> Example {
    let (activation, half, element) = (Activation::Gelu, Half::First, shape.storage.activations());
    Gate { rows: Rows::Tokens, columns: shape.columns, activation, half, element }.example(shape.lengths())
}

fn examples(storage: Storage) -> Vec<Example> {
    let gate = |columns, activation, half| {
        let kernel = Gate { rows: Rows::Tokens, columns, activation, half, element: storage.activations() };
        kernel.example(ragged(33))
    };
    let widths = [1, 2, 63, 65, 770].into_iter();
    let of_width =
        |columns| [gate(columns, Activation::Gelu, Half::First), gate(columns, Activation::Silu, Half::Second)];
    let of_activation = |activation| [Half::First, Half::Second].map(|half| gate(64, activation, half));
    widths.flat_map(of_width).chain(Activation::ALL.into_iter().flat_map(of_activation)).collect()
}
