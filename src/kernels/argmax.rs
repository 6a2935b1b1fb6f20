//! `index[row]` = the first column of the row's largest value, `value[row]` = that value
//!
//! What transformers' output lacks. A row with a NaN has no largest element: its index is [`NONE`], its value NaN.

use super::{common, reduce::Reduction};
use crate::ir::{
    BatchSize, Binding, Capabilities, Kernel, Launch, Recording, Rows, Shader, Tensor, Uniform, Values, part,
    uniform::uniform,
};

pub const NAME: &str = "argmax";
/// The index of a row that has no largest element.
pub const NONE: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub struct Argmax {
    pub rows: Rows,
    pub columns: u32,
}

/// Index (u32) and value (f32) of each row's largest element: two tensors `[rows, 1]`.
pub fn record(recording: &mut Recording, input: Tensor) -> [Tensor; 2] {
    let index = recording.indices(input.rows, 1);
    let value = recording.tensor(input.rows, 1);
    let kernel = Argmax { rows: input.rows, columns: input.columns as u32 };
    recording.step(kernel, &[Some(input), Some(index), Some(value)]);
    [index, value]
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
        const BINDINGS: &[Binding] =
            &[Binding::read(0, "input"), Binding::write(1, "index"), Binding::write(2, "value")];
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
        let mut values = operands[2].f32().to_vec();
        for row in 0..rows {
            let input = &operands[0].f32()[row * columns..(row + 1) * columns];
            let mut first = 0;
            for column in 1..columns {
                if input[column] > input[first] {
                    first = column;
                }
            }
            let invalid = input.iter().any(|x| x.is_nan());
            indices[row] = if invalid { NONE } else { first as u32 };
            values[row] = if invalid { f32::NAN } else { input[first] };
        }
        operands[1] = Values::U32(indices);
        operands[2] = Values::F32(values);
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        u64::from(batch.rows(self.rows)) * u64::from(self.columns)
    }
}
