//! `output[token] = words[id] + positions[position] + types[type]`
//!
//! transformers: `BertEmbeddings.forward` in models/bert/modeling_bert.py, up to its LayerNorm.

use super::{
    common,
    example::{self, Entry, Example, Operand, Shape, Sizes, ragged, random, written},
    row_lanes, write_output,
};
use crate::ir::{
    BatchSize, Binding, Capabilities, Grid, Input, Kernel, Launch, Recording, Rows, Shader, Storage, Tensor, Uniform,
    Values, part, uniform::uniform,
};

pub const NAME: &str = "embed";

/// Looks up the rows of the tokens whose id lies in `first_id .. first_id + ids`.
#[derive(Clone, Debug)]
pub struct Embed {
    pub columns: u32,
    pub first_id: u32,
    pub ids: u32,
    /// Whether there is a table of positions.
    pub positions: bool,
    /// Whether there is a table of token types.
    pub types: bool,
    /// The words are a weight; the other tables and the output are as activations.
    pub storage: Storage,
}

/// Writes those rows of `output`, `[tokens, columns]`, whose ids lie in `words`: a part of the table, the first of whose
/// rows is `first_id`.
pub fn record(
    recording: &mut Recording,
    first_id: u32,
    words: Tensor,
    positions: Option<Tensor>,
    types: Option<Tensor>,
    output: Tensor,
) {
    let Rows::Fixed(ids) = words.rows else { panic!("{NAME}: a table has a fixed number of rows") };
    let tokens = recording.input(Input::Tokens);
    let kernel = Embed {
        columns: words.columns as u32,
        first_id,
        ids,
        positions: positions.is_some(),
        types: types.is_some(),
        storage: recording.storage(),
    };
    recording.step(kernel, &[Some(tokens), Some(words), Some(output), positions, types]);
}

uniform!(
    struct Params {
        columns: u32,
        first_id: u32,
        ids: u32,
    }
);

impl Kernel for Embed {
    fn name(&self) -> &'static str {
        NAME
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            Binding::read(0, "tokens"),
            Binding::read(1, "words"),
            Binding::write(2, "output"),
            Binding::read(3, "positions"),
            Binding::read(4, "types"),
        ];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        let Embed { columns, first_id, ids, .. } = *self;
        Params { columns, first_id, ids }.into()
    }

    fn launch(&self, device: &Capabilities, _batch: &BatchSize) -> Launch {
        let positions = if self.positions { part!("embed/positions_table") } else { part!("embed/positions_none") };
        let types = if self.types { part!("embed/types_table") } else { part!("embed/types_none") };
        let chunk = common::chunk(self.columns);
        let parts = [
            common::element(self.storage.activations()),
            common::row(chunk),
            common::weight(self.storage, chunk),
            common::BATCH,
            positions,
            types,
            part!("embed/embed"),
        ];
        let shader = Shader::link(NAME, parts).constant("LANES", row_lanes(device));
        Launch { shader, grid: Grid::each(Rows::Tokens) }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let columns = self.columns as usize;
        write_output(operands, 2, |operands, output| {
            let (tokens, words) = (operands[0].u32(), operands[1].f32());
            for row in 0..batch.tokens as usize {
                let [id, kind, position] = [0, 1, 2].map(|field| tokens[row * 4 + field]);
                if id < self.first_id || id >= self.first_id + self.ids {
                    continue;
                }
                for column in 0..columns {
                    let mut value = words[(id - self.first_id) as usize * columns + column];
                    if self.positions {
                        value += operands[3].f32()[position as usize * columns + column];
                    }
                    if self.types {
                        value += operands[4].f32()[kind as usize * columns + column];
                    }
                    output[row * columns + column] = value;
                }
            }
        });
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        2 * u64::from(batch.tokens) * u64::from(self.columns)
    }
}

/// What tests and benchmarks run.
pub const ENTRY: Entry = Entry { name: NAME, storages: example::WEIGHTS, examples, sized, sizes: Sizes::ROWS };

impl Embed {
    fn example(self, lengths: Vec<u32>) -> Example {
        let Embed { columns, first_id, ids, positions, types, storage } = self;
        let longest = lengths.iter().copied().max().unwrap_or(1);
        let element = storage.activations();
        let operands = [
            Some(Operand::Tokens(first_id..first_id + ids)),
            Some(random(Rows::Fixed(ids), columns, storage.weights())),
            Some(written(Rows::Tokens, columns, element)),
            positions.then(|| random(Rows::Fixed(longest), columns, element)),
            types.then(|| random(Rows::Fixed(2), columns, element)),
        ];
        Example::new(self, lengths, operands)
    }
}

fn sized(shape: &Shape) -> Example {
    let Shape { columns, storage, .. } = *shape;
    Embed { columns, first_id: 0, ids: 30522, positions: true, types: true, storage }.example(shape.lengths())
}

fn examples(storage: Storage) -> Vec<Example> {
    let of = |columns| {
        [(false, false), (true, true), (true, false), (false, true)].map(|(positions, types)| {
            Embed { columns, first_id: 7, ids: 50, positions, types, storage }.example(ragged(70))
        })
    };
    [1, 63, 64, 65, 128, 770].into_iter().flat_map(of).collect()
}
