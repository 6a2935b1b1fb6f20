//! `x = input + residual; output = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias`, row by row
//!
//! Ba, Kiros, Hinton 2016, "Layer Normalization".

use super::{
    common,
    example::{self, Entry, Example, Shape, Sizes, ragged, random, vector, written},
    reduce, write_output,
};
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Kernel, Launch, Recording, Rows, Shader, Storage, Tensor, Uniform,
    Values, part, uniform::uniform,
};

pub const NAME: &str = "layernorm";

#[derive(Clone, Debug)]
pub struct LayerNorm {
    pub rows: Rows,
    pub columns: u32,
    pub epsilon: f32,
    pub bias: bool,
    pub residual: bool,
    /// Of the rows; gains and biases are f32.
    pub element: Element,
}

/// `[rows, columns]` of as large an input and residual, a weight and a bias of `[columns]`.
pub fn record(
    recording: &mut Recording,
    input: Tensor,
    residual: Option<Tensor>,
    weight: Tensor,
    bias: Option<Tensor>,
    epsilon: f32,
) -> Tensor {
    assert_eq!(input.columns, weight.columns, "{NAME}: columns of the input and of the weight");
    if let Some(residual) = residual {
        assert_eq!(input.shape(), residual.shape(), "{NAME}: shapes of input and residual");
    }
    let kernel = LayerNorm {
        rows: input.rows,
        columns: input.columns as u32,
        epsilon,
        bias: bias.is_some(),
        residual: residual.is_some(),
        element: input.element,
    };
    let output = recording.activation(input.rows, input.columns);
    recording.step(kernel, &[Some(input), Some(weight), Some(output), bias, residual]);
    output
}

uniform!(
    struct Params {
        rows: u32,
        columns: u32,
        epsilon: f32,
    }
);

impl Kernel for LayerNorm {
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
        Params { rows: self.rows.code(), columns: self.columns, epsilon: self.epsilon }.into()
    }

    fn launch(&self, device: &Capabilities, _batch: &BatchSize) -> Launch {
        let chunk = common::chunk(self.columns);
        let chunks = self.columns / chunk;
        let reduction = reduce::Reduction::shared(device, chunks);
        let fits = !device.cpu && chunks <= reduce::ROW_REGISTERS * reduction.lanes;
        let parts = [
            common::element(self.element),
            common::row(chunk),
            common::BATCH,
            reduction.part,
            if fits { part!("layernorm/row_in_registers") } else { part!("layernorm/row_reread") },
            common::bias(self.bias),
            common::residual(self.residual),
            part!("layernorm/layernorm"),
        ];
        let shader = Shader::link(NAME, parts).constant("LANES", reduction.lanes);
        let registers = chunks.div_ceil(reduction.lanes);
        Launch {
            shader: if fits { shader.size("ROW_REGISTERS", registers) } else { shader },
            grid: reduction.grid(self.rows),
        }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let columns = self.columns as usize;
        write_output(operands, 2, |operands, output| {
            let (input, weight) = (operands[0].f32(), operands[1].f32());
            let (bias, residual) = (operands[3].f32(), operands[4].f32());
            for row in 0..batch.rows(self.rows) as usize {
                let start = row * columns;
                let x =
                    |column: usize| input[start + column] + if self.residual { residual[start + column] } else { 0.0 };
                let mean = (0..columns).map(x).sum::<f32>() / columns as f32;
                let variance = (0..columns).map(|column| (x(column) - mean).powi(2)).sum::<f32>() / columns as f32;
                for column in 0..columns {
                    let normal = (x(column) - mean) / (variance + self.epsilon).sqrt();
                    output[start + column] = normal * weight[column] + if self.bias { bias[column] } else { 0.0 };
                }
            }
        });
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        8 * u64::from(batch.rows(self.rows)) * u64::from(self.columns)
    }
}

/// What tests and benchmarks run.
pub const ENTRY: Entry = Entry { name: NAME, storages: example::ROWS, examples, sized, sizes: Sizes::ROWS };

impl LayerNorm {
    fn example(self, lengths: Vec<u32>) -> Example {
        let LayerNorm { rows, columns, bias, residual, element, .. } = self;
        let operands = [
            Some(random(rows, columns, element)),
            Some(vector(columns)),
            Some(written(rows, columns, element)),
            bias.then(|| vector(columns)),
            residual.then(|| random(rows, columns, element)),
        ];
        Example::new(self, lengths, operands).within(2e-5)
    }
}

fn sized(shape: &Shape) -> Example {
    let (columns, element) = (shape.columns, shape.storage.activations());
    LayerNorm { rows: Rows::Tokens, columns, epsilon: 1e-12, bias: true, residual: true, element }
        .example(shape.lengths())
}

fn examples(storage: Storage) -> Vec<Example> {
    let options = |rows, columns| {
        [(false, false), (true, false), (false, true), (true, true)].map(|(bias, residual)| {
            LayerNorm { rows, columns, epsilon: 1e-5, bias, residual, element: storage.activations() }
                .example(ragged(9))
        })
    };
    let widths = [1, 2, 7, 8, 9, 63, 64, 65, 128, 768, 770, 1757, 2049];
    let mut all: Vec<Example> = widths.into_iter().flat_map(|columns| options(Rows::Tokens, columns)).collect();
    all.extend(options(Rows::Texts, 64));
    // A plan makes what does not depend on the batch once, and does not read it back.
    all.extend(options(Rows::Fixed(3), 64).map(Example::translated));
    all
}
