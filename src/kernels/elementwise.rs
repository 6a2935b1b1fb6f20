//! `output = activation(input)`, element by element

use super::{
    Activation, common,
    example::{self, Entry, Example, Shape, Sizes, scaled, written},
    write_output,
};
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Grid, Kernel, Launch, Recording, Rows, Shader, Storage, Tensor, Uniform,
    Values, part, uniform::uniform,
};

pub const NAME: &str = "elementwise";
const LANES: u32 = 64;

#[derive(Clone, Debug)]
pub struct Elementwise {
    pub rows: Rows,
    pub columns: u32,
    pub activation: Activation,
}

/// Each element of `input` by itself: `[rows, columns]`.
pub fn record(recording: &mut Recording, input: Tensor, activation: Activation) -> Tensor {
    let output = recording.tensor(input.rows, input.columns);
    let kernel = Elementwise { rows: input.rows, columns: input.columns as u32, activation };
    recording.step(kernel, &[Some(input), Some(output)]);
    output
}

uniform!(
    struct Params {
        rows: u32,
        columns: u32,
    }
);

impl Kernel for Elementwise {
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

    fn launch(&self, _device: &Capabilities, _batch: &BatchSize) -> Launch {
        Launch {
            shader: Shader::link(
                NAME,
                [common::BATCH, common::MATH, part!("common/activation"), part!("elementwise/elementwise")],
            )
            .constant("LANES", LANES)
            .constant("ACTIVATION", self.activation as u32),
            grid: Grid::Folded { rows: self.rows, times: self.columns, per: LANES },
        }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let elements = (batch.rows(self.rows) * self.columns) as usize;
        write_output(operands, 1, |operands, output| {
            let input = operands[0].f32();
            (0..elements).for_each(|index| output[index] = self.activation.apply(input[index]));
        });
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        4 * u64::from(batch.rows(self.rows)) * u64::from(self.columns)
    }
}

/// What tests and benchmarks run.
pub const ENTRY: Entry = Entry { name: NAME, storages: example::LOGITS, examples, sized, sizes: Sizes::LOGITS };

impl Elementwise {
    fn example(self, lengths: Vec<u32>, scale: f32) -> Example {
        let (rows, columns, element) = (self.rows, self.columns, Element::F32);
        let operands = [scaled(rows, columns, element, scale), written(rows, columns, element)].map(Some);
        Example::new(self, lengths, operands)
    }
}

fn sized(shape: &Shape) -> Example {
    let (rows, columns, activation) = (Rows::Texts, shape.columns, Activation::Sigmoid);
    Elementwise { rows, columns, activation }.example(shape.texts(), 1.0)
}

fn examples(_: Storage) -> Vec<Example> {
    let rows = Rows::Texts;
    let of = |columns| {
        [Activation::Sigmoid, Activation::Tanh]
            .map(|activation| Elementwise { rows, columns, activation }.example(vec![1; 5], 100.0))
    };
    [1, 3, 64, 65, 770].into_iter().flat_map(of).collect()
}
