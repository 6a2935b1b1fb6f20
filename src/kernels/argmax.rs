//! `index[row]` = the first column of the row's largest value
//!
//! What transformers' output lacks. A row with a NaN has no largest element: its index is [`NONE`].

use super::{
    common,
    example::{self, Entry, Example, Operand, Shape, Sizes, given, random, written},
    reduce::Reduction,
};
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Kernel, Launch, Random, Recording, Rows, Shader, Storage, Tensor,
    Uniform, Values, part, uniform::uniform,
};

pub const NAME: &str = "argmax";
/// The index of a row that has no largest element.
pub const NONE: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub struct Argmax {
    pub rows: Rows,
    pub columns: u32,
}

/// Index (u32) of each row's largest element: `[rows, 1]`.
pub fn record(recording: &mut Recording, input: Tensor) -> Tensor {
    let index = recording.indices(input.rows, 1);
    let kernel = Argmax { rows: input.rows, columns: input.columns as u32 };
    recording.step(kernel, &[Some(input), Some(index)]);
    index
}

uniform!(
    struct Params {
        rows: u32,
        columns: u32,
    }
);

impl Kernel for Argmax {
    fn name(&self) -> &'static str {
        NAME
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[Binding::read(0, "input"), Binding::write(1, "index")];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        Params { rows: self.rows.code(), columns: self.columns }.into()
    }

    fn launch(&self, device: &Capabilities, _batch: &BatchSize) -> Launch {
        let reduction = Reduction::of_columns(device, self.columns);
        let parts = reduction.parts(&[common::BATCH, common::MATH, part!("argmax/argmax")]);
        Launch { shader: Shader::link(NAME, parts).constant("LANES", reduction.lanes), grid: reduction.grid(self.rows) }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let columns = self.columns as usize;
        let rows = batch.rows(self.rows) as usize;
        let mut indices = operands[1].u32().to_vec();
        for (index, input) in indices.iter_mut().zip(operands[0].f32().chunks(columns)).take(rows) {
            let mut first = 0;
            for column in 1..columns {
                if input[column] > input[first] {
                    first = column;
                }
            }
            *index = if input.iter().any(|x| x.is_nan()) { NONE } else { first as u32 };
        }
        operands[1] = Values::U32(indices);
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        u64::from(batch.rows(self.rows)) * u64::from(self.columns)
    }
}

/// What tests and benchmarks run.
pub const ENTRY: Entry = Entry { name: NAME, storages: example::LOGITS, examples, sized, sizes: Sizes::LOGITS };

impl Argmax {
    fn example(self, lengths: Vec<u32>, input: Operand) -> Example {
        let index = written(self.rows, 1, Element::U32);
        Example::new(self, lengths, [input, index].map(Some)).within(0.0)
    }
}

fn sized(shape: &Shape) -> Example {
    let (rows, columns) = (Rows::Texts, shape.columns);
    Argmax { rows, columns }.example(shape.texts(), random(rows, columns, Element::F32))
}

fn examples(_: Storage) -> Vec<Example> {
    let example = |columns: u32| {
        let (rows, count) = (Rows::Texts, if columns < 10 { 130 } else { 6 });
        let width = columns as usize;
        let mut numbers = Random(columns.into()).numbers(count * width);
        // A tie across lanes, all equal, all negative infinity, a NaN, and negative numbers only.
        numbers[width] = 5.0;
        numbers[2 * width - 1] = 5.0;
        numbers[2 * width..3 * width].fill(-1.5);
        numbers[3 * width..4 * width].fill(f32::NEG_INFINITY);
        numbers[5 * width - 1] = f32::NAN;
        numbers[5 * width..6 * width].iter_mut().for_each(|x| *x = -1.0 - x.abs());
        Argmax { rows, columns }.example(vec![1; count], given(rows, columns, Element::F32, Values::F32(numbers)))
    };
    [1, 2, 3, 7, 8, 9, 63, 64, 65, 129, 770, 1757].map(example).into()
}
