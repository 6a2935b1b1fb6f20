//! `output[text] = input[first token of the text]`, or the mean of the text's rows

use super::{
    common,
    example::{self, Entry, Example, Operand, Shape, Sizes, ragged, random, written},
    row_lanes, write_output,
};
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Grid, Input, Kernel, Launch, Recording, Rows, Shader, Storage, Tensor,
    Uniform, Values, part, uniform::uniform,
};

pub const NAME: &str = "pool";

/// How the rows of a text become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The first token, `[CLS]` or `<s>`.
    First,
    /// The mean of all tokens.
    Mean,
}

/// How the rows of a text become one; see [`Pooling`].
#[derive(Clone, Debug)]
pub struct Pool {
    pub columns: u32,
    pub pool: Pooling,
    pub element: Element,
}

/// `[texts, columns]` of `[tokens, columns]`.
pub fn record(recording: &mut Recording, input: Tensor, pool: Pooling) -> Tensor {
    assert_eq!(input.rows, Rows::Tokens, "{NAME}: the input has a row for every token");
    let cu_seqlens = recording.input(Input::CuSeqlens);
    let output = recording.activation(Rows::Texts, input.columns);
    recording.step(
        Pool { columns: input.columns as u32, pool, element: input.element },
        &[Some(input), Some(cu_seqlens), Some(output)],
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
            &[Binding::read(0, "input"), Binding::read(1, "cu_seqlens"), Binding::write(2, "output")];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        Params { columns: self.columns }.into()
    }

    fn launch(&self, device: &Capabilities, _batch: &BatchSize) -> Launch {
        let mean = self.pool == Pooling::Mean;
        let row = common::row(common::chunk(self.columns));
        let parts = [common::element(self.element), row, common::BATCH, part!("pool/pool")];
        Launch {
            shader: Shader::link(NAME, parts).constant("LANES", row_lanes(device)).constant("MEAN", u32::from(mean)),
            grid: Grid::each(Rows::Texts),
        }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let columns = self.columns as usize;
        write_output(operands, 2, |operands, output| {
            let (input, cu_seqlens) = (operands[0].f32(), operands[1].u32());
            for text in 0..batch.texts() as usize {
                let first = cu_seqlens[text] as usize;
                let end = match self.pool {
                    Pooling::First => first + 1,
                    Pooling::Mean => cu_seqlens[text + 1] as usize,
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
            Pooling::First => batch.texts(),
            Pooling::Mean => batch.tokens,
        };
        u64::from(rows) * u64::from(self.columns)
    }
}

/// What tests and benchmarks run.
pub const ENTRY: Entry = Entry { name: NAME, storages: example::ROWS, examples, sized, sizes: Sizes::ROWS };

impl Pool {
    fn example(self, lengths: Vec<u32>) -> Example {
        let Pool { columns, element, .. } = self;
        let [input, output] = [random(Rows::Tokens, columns, element), written(Rows::Texts, columns, element)];
        Example::new(self, lengths, [input, Operand::CuSeqlens, output].map(Some))
    }
}

fn sized(shape: &Shape) -> Example {
    // The other way, the first token, copies a row a text.
    let (columns, pool, element) = (shape.columns, Pooling::Mean, shape.storage.activations());
    Pool { columns, pool, element }.example(shape.lengths())
}

fn examples(storage: Storage) -> Vec<Example> {
    let element = storage.activations();
    let of = |pool| [1, 63, 64, 65, 770].map(|columns| Pool { columns, pool, element }.example(ragged(130)));
    [Pooling::First, Pooling::Mean].into_iter().flat_map(of).collect()
}
