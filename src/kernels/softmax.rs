//! `output = exp(input - max(input)) / sum(exp(input - max(input)))`, row by row

use super::{
    common,
    example::{self, Entry, Example, Shape, Sizes, scaled, written},
    reduce::Reduction,
    write_output,
};
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Kernel, Launch, Recording, Rows, Shader, Storage, Tensor, Uniform,
    Values, part, uniform::uniform,
};

pub const NAME: &str = "softmax";

#[derive(Clone, Debug)]
pub struct Softmax {
    pub rows: Rows,
    pub columns: u32,
}

/// Probabilities of the rows of `input`: `[rows, columns]`.
pub fn record(recording: &mut Recording, input: Tensor) -> Tensor {
    let output = recording.tensor(input.rows, input.columns);
    recording.step(Softmax { rows: input.rows, columns: input.columns as u32 }, &[Some(input), Some(output)]);
    output
}

uniform!(
    struct Params {
        rows: u32,
        columns: u32,
    }
);

impl Kernel for Softmax {
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
        let reduction = Reduction::of_columns(device, self.columns);
        let parts = reduction.parts(&[common::BATCH, common::MATH, part!("softmax/softmax")]);
        Launch { shader: Shader::link(NAME, parts).constant("LANES", reduction.lanes), grid: reduction.grid(self.rows) }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let columns = self.columns as usize;
        write_output(operands, 1, |operands, output| {
            for row in 0..batch.rows(self.rows) as usize {
                let input = &operands[0].f32()[row * columns..(row + 1) * columns];
                let output = &mut output[row * columns..(row + 1) * columns];
                let row_max = input.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let row_sum: f32 = input.iter().map(|x| (x - row_max).exp()).sum();
                output.iter_mut().zip(input).for_each(|(y, x)| *y = (x - row_max).exp() / row_sum);
            }
        });
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        5 * u64::from(batch.rows(self.rows)) * u64::from(self.columns)
    }
}

/// What tests and benchmarks run.
pub const ENTRY: Entry = Entry { name: NAME, storages: example::LOGITS, examples, sized, sizes: Sizes::LOGITS };

impl Softmax {
    fn example(self, lengths: Vec<u32>, scale: f32) -> Example {
        let (rows, columns, element) = (self.rows, self.columns, Element::F32);
        let operands = [scaled(rows, columns, element, scale), written(rows, columns, element)].map(Some);
        Example::new(self, lengths, operands)
    }
}

fn sized(shape: &Shape) -> Example {
    Softmax { rows: Rows::Texts, columns: shape.columns }.example(shape.texts(), 1.0)
}

fn examples(_: Storage) -> Vec<Example> {
    // Many short rows: a workgroup may have several.
    let lengths = |columns| vec![1; if columns < 10 { 130 } else { 5 }];
    let example = |columns| Softmax { rows: Rows::Texts, columns }.example(lengths(columns), 20.0);
    [1, 2, 3, 7, 8, 9, 63, 64, 65, 770, 1757].map(example).into()
}
