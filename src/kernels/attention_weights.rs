//! `output[i, head, j] = softmax_j(scale * (q_i . k_j + score_term(i, j)) + score_bias(i, j))`, for who asks for attentions
//!
//! transformers: what `output_attentions=True` returns under eager attention.

use super::{
    attention::{self, Attention, Heads, Projections, Query, ScoreTables},
    example::{self, Contents, Entry, Example, Operand, Sizes},
    reduce::Reduction,
    write_output,
};
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Grid, Input, Kernel, Launch, Recording, Rows, Shader, Storage, Tensor,
    Uniform, Values, part,
};

pub const NAME: &str = "attention_weights";

#[derive(Clone, Debug)]
pub struct AttentionWeights {
    pub heads: Heads,
    /// Columns of a head's row: tokens of the longest text that a batch may have. With rows of the model's limit, few
    /// tokens of a model for thousands would fit any buffer.
    pub longest: u32,
}

/// `[tokens, heads * longest]`; of each row of a head, the text's length is written.
pub fn record(
    recording: &mut Recording,
    heads: Heads,
    longest: u32,
    projections: Projections,
    tables: ScoreTables,
) -> Tensor {
    assert_eq!(heads.queries, Rows::Tokens, "{NAME}: every token must be a query");
    let [cu_seqlens, tokens] = [Input::CuSeqlens, Input::Tokens].map(|input| recording.input(input));
    let output = recording.tensor(Rows::Tokens, (heads.heads * longest) as usize);
    let Projections { queries, keys, .. } = projections;
    let ScoreTables { query_table, key_table, buckets } = tables;
    let shared = [query_table, key_table, buckets];
    let operands: Vec<_> = [queries, keys, output, cu_seqlens, tokens].map(Some).into_iter().chain(shared).collect();
    recording.step(AttentionWeights { heads, longest }, &operands);
    output
}

impl Kernel for AttentionWeights {
    fn name(&self) -> &'static str {
        NAME
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            Binding::read(0, "queries"),
            Binding::read(1, "keys"),
            Binding::write(2, "output"),
            Binding::read(3, "cu_seqlens"),
            Binding::read(4, "tokens"),
            Binding::read(5, "query_table"),
            Binding::read(6, "key_table"),
            Binding::read(7, "buckets"),
        ];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        self.heads.uniform()
    }

    fn launch(&self, device: &Capabilities, _batch: &BatchSize) -> Launch {
        let reduction = Reduction::shared(device, self.heads.max_length);
        let mut parts = self.heads.parts();
        parts.extend([part!("attention/keys_chunk"), reduction.part, part!("attention_weights/attention_weights")]);
        let shader = Shader::link(NAME, parts).constant("LANES", reduction.lanes).constant("LONGEST", self.longest);
        Launch {
            shader: self.heads.constants(shader),
            grid: Grid::Folded { rows: Rows::Tokens, times: self.heads.heads, per: 1 },
        }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let heads = &self.heads;
        write_output(operands, 2, |operands, output| {
            let mut start = 0;
            for &length in &batch.lengths {
                for position in 0..length as usize {
                    let row = start + position;
                    for head in 0..heads.heads as usize {
                        let place = (row * heads.heads as usize + head) * self.longest as usize;
                        let weights = &mut output[place..place + length as usize];
                        heads.weights(operands, head, Query { row, position, start }, weights);
                    }
                }
                start += length as usize;
            }
        });
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        2 * self.heads.pairs(batch) * u64::from(self.heads.heads * self.heads.head_width)
    }
}

/// What tests and benchmarks run.
pub const ENTRY: Entry = Entry {
    name: NAME,
    storages: example::ROWS,
    examples,
    sized: |shape| {
        let heads = Heads::sized(shape);
        let longest = heads.max_length;
        AttentionWeights { heads, longest }.example(shape.lengths())
    },
    // The output has a row of the longest text for each head.
    sizes: Sizes { rows: &[128], lengths: &[128], ..Sizes::ROWS },
};

impl AttentionWeights {
    fn example(self, lengths: Vec<u32>) -> Example {
        let AttentionWeights { heads, longest } = &self;
        let [queries, keys] = heads.projections();
        let output = Operand::Matrix {
            rows: Rows::Tokens,
            columns: heads.heads * longest,
            element: Element::F32,
            contents: Contents::Written { longest: Some(*longest) },
        };
        let [query_table, key_table, buckets] = heads.tables();
        let [cu_seqlens, tokens] = [Operand::CuSeqlens, Operand::Tokens(0..1)].map(Some);
        let operands = [Some(queries), Some(keys), Some(output), cu_seqlens, tokens, query_table, key_table, buckets];
        Example::new(self, lengths, operands).within(5e-6)
    }
}

/// As attention's, where every token is a query.
fn examples(storage: Storage) -> Vec<Example> {
    let of = |Attention(heads): Attention, lengths: Vec<u32>| {
        let longest = heads.max_length;
        AttentionWeights { heads, longest }.example(lengths)
    };
    attention::examples(storage, &[Rows::Tokens], of)
}
