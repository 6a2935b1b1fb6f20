//! `output[t][c * taps + k] = input[t + k - taps / 2][c]`, zero beyond the text: a convolution's sums as a matmul
//!
//! torch: `nn.Unfold` along the sequence, as in transformers' DeBERTa-v2 `ConvLayer`.

use super::{
    common,
    example::{self, Entry, Example, Operand, Shape, Sizes, ragged, random, written},
    write_output,
};
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Grid, Input, Kernel, Launch, Recording, Rows, Shader, Storage, Tensor,
    Uniform, Values, part, uniform::uniform,
};

pub const NAME: &str = "unfold";
const LANES: u32 = 64;

#[derive(Clone, Debug)]
pub struct Unfold {
    pub columns: u32,
    /// Rows that one output sees, itself in the middle; odd.
    pub taps: u32,
    pub element: Element,
}

/// `[tokens, columns * taps]` of `[tokens, columns]`.
pub fn record(recording: &mut Recording, input: Tensor, taps: usize) -> Tensor {
    assert_eq!(input.rows, Rows::Tokens, "{NAME}: the input has a row for every token");
    let [tokens, cu_seqlens] = [Input::Tokens, Input::CuSeqlens].map(|input| recording.input(input));
    let output = recording.activation(Rows::Tokens, input.columns * taps);
    let kernel = Unfold { columns: input.columns as u32, taps: taps as u32, element: input.element };
    recording.step(kernel, &[Some(input), Some(tokens), Some(cu_seqlens), Some(output)]);
    output
}

uniform!(
    struct Params {
        columns: u32,
        taps: u32,
    }
);

impl Kernel for Unfold {
    fn name(&self) -> &'static str {
        NAME
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            Binding::read(0, "input"),
            Binding::read(1, "tokens"),
            Binding::read(2, "cu_seqlens"),
            Binding::write(3, "output"),
        ];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        Params { columns: self.columns, taps: self.taps }.into()
    }

    fn launch(&self, _device: &Capabilities, _batch: &BatchSize) -> Launch {
        let parts = [common::element(self.element), common::BATCH, part!("unfold/unfold")];
        Launch { shader: Shader::link(NAME, parts).constant("LANES", LANES), grid: Grid::each(Rows::Tokens) }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let [columns, taps] = [self.columns, self.taps].map(|size| size as usize);
        write_output(operands, 3, |operands, output| {
            let input = operands[0].f32();
            let mut start = 0;
            for &length in &batch.lengths {
                let end = start + length as usize;
                for row in start..end {
                    for column in 0..columns {
                        for tap in 0..taps {
                            let source =
                                (row + tap).checked_sub(taps / 2).filter(|source| (start..end).contains(source));
                            let value = source.map_or(0.0, |source| input[source * columns + column]);
                            output[(row * columns + column) * taps + tap] = value;
                        }
                    }
                }
                start = end;
            }
        });
    }

    fn operations(&self, _batch: &BatchSize) -> u64 {
        0
    }
}

/// What tests and benchmarks run.
pub const ENTRY: Entry = Entry { name: NAME, storages: example::ROWS, examples, sized, sizes: Sizes::ROWS };

impl Unfold {
    fn example(self, lengths: Vec<u32>) -> Example {
        let Unfold { columns, taps, element } = self;
        let [input, output] = [random(Rows::Tokens, columns, element), written(Rows::Tokens, columns * taps, element)];
        let operands = [input, Operand::Tokens(0..1), Operand::CuSeqlens, output].map(Some);
        Example::new(self, lengths, operands).within(0.0)
    }
}

fn sized(shape: &Shape) -> Example {
    Unfold { columns: shape.columns, taps: 3, element: shape.storage.activations() }.example(shape.lengths())
}

fn examples(storage: Storage) -> Vec<Example> {
    let element = storage.activations();
    [(1, 1), (3, 3), (64, 3), (65, 5), (32, 31)]
        .map(|(columns, taps)| Unfold { columns, taps, element }.example(ragged(66)))
        .into()
}
