//! `output[text] = input[first token of the text]`, or the mean of the text's rows

use super::{BatchSize, Binding, Kernel, Launch, Uniform, Values, folded, row_lanes, uniform::uniform, write_output};
use crate::gpu::{Capabilities, Element, Input, Recording, Rows, Shader, Tensor, parts};

pub const NAME: &str = "pool";

/// How the rows of a text become one; see [`crate::models::Pool`].
#[derive(Clone, Debug)]
pub struct Pool {
    pub columns: u32,
    pub pool: crate::models::Pool,
    pub element: Element,
}

/// `[texts, columns]` of `[tokens, columns]`.
pub fn record(recording: &mut Recording, input: Tensor, pool: crate::models::Pool) -> Tensor {
    assert_eq!(input.rows, Rows::Tokens, "{NAME}: the input has a row for every token");
    let starts = recording.input(Input::Starts);
    let output = recording.stored(Rows::Texts, input.columns);
    recording.step(
        Pool { columns: input.columns as u32, pool, element: input.element },
        &[Some(input), Some(starts), Some(output)],
    );
    output
}

uniform!(
    struct Params {
        columns: u32,
    }
);

impl Kernel for Pool {
    fn name(&self) -> &'static str {
        NAME
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] =
            &[Binding::read(0, "input"), Binding::read(1, "starts"), Binding::write(2, "output")];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        Params { columns: self.columns }.into()
    }

    fn launch(&self, device: &Capabilities, batch: &BatchSize) -> Launch {
        let mean = self.pool == crate::models::Pool::Mean;
        let mut linked = parts::storage(self.element);
        linked.extend([parts::chunk(self.columns), parts::BATCH, parts::POOL]);
        Launch {
            shader: Shader::link(NAME, &linked).constant("LANES", row_lanes(device)).constant("MEAN", u32::from(mean)),
            grid: folded(batch.texts(), device),
        }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let columns = self.columns as usize;
        write_output(operands, 2, |operands, output| {
            let (input, starts) = (operands[0].f32(), operands[1].u32());
            for text in 0..batch.texts() as usize {
                let first = starts[text] as usize;
                let end = match self.pool {
                    crate::models::Pool::First => first + 1,
                    crate::models::Pool::Mean => starts[text + 1] as usize,
                };
                for column in 0..columns {
                    let total: f32 = (first..end).map(|token| input[token * columns + column]).sum();
                    output[text * columns + column] = total / (end - first) as f32;
                }
            }
        });
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        let rows = match self.pool {
            crate::models::Pool::First => batch.texts(),
            crate::models::Pool::Mean => batch.tokens,
        };
        u64::from(rows) * u64::from(self.columns)
    }
}
