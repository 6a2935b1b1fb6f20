//! Of each head, `(a, b) = (x[k], x[k + half])` becomes `(a cos - b sin, b cos + a sin)` at the token's angle `k`; in place
//!
//! Su et al. 2021, "RoFormer", in the half-split form of transformers' `apply_rotary_pos_emb`.

use super::{
    attention, common,
    example::{self, Entry, Example, Operand, Shape, Sizes, given, in_place, ragged},
    row_lanes, write_output,
};
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Grid, Input, Kernel, Launch, Recording, Rows, Shader, Storage, Tensor,
    Uniform, Values, part, uniform::uniform,
};

pub const NAME: &str = "rotary";

/// Rotates the first `heads` heads of `2 half` columns in rows of `columns`.
#[derive(Clone, Debug)]
pub struct Rotary {
    pub columns: u32,
    pub heads: u32,
    pub half: u32,
    /// Of the rows; the angles are f32.
    pub element: Element,
}

/// The cosines and sines of each position's angles `position * frequencies[k]`: `[positions, 2 half]`. Computed in f64 and
/// rounded once.
pub fn angles(recording: &mut Recording, positions: usize, frequencies: &[f64]) -> Tensor {
    let values = Values::F32(table(positions, frequencies));
    recording.constant(Rows::Fixed(positions as u32), 2 * frequencies.len(), values)
}

fn table(positions: usize, frequencies: &[f64]) -> Vec<f32> {
    let mut values = Vec::with_capacity(positions * 2 * frequencies.len());
    for position in 0..positions {
        let angles = frequencies.iter().map(|frequency| position as f64 * frequency);
        values.extend(angles.clone().map(|angle| angle.cos() as f32));
        values.extend(angles.map(|angle| angle.sin() as f32));
    }
    values
}

/// Rotates the first `heads` heads of each row of `rows`, in place.
pub fn record(recording: &mut Recording, rows: Tensor, heads: usize, angles: Tensor) {
    assert!(heads * angles.columns <= rows.columns, "{NAME}: {heads} heads of {} in {rows:?}", angles.columns);
    let tokens = recording.input(Input::Tokens);
    let kernel = Rotary {
        columns: rows.columns as u32,
        heads: heads as u32,
        half: angles.columns as u32 / 2,
        element: rows.element,
    };
    recording.step(kernel, &[Some(tokens), Some(angles), Some(rows)]);
}

uniform!(
    struct Params {
        columns: u32,
        heads: u32,
        half: u32,
    }
);

impl Kernel for Rotary {
    fn name(&self) -> &'static str {
        NAME
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] =
            &[Binding::read(0, "tokens"), Binding::read(1, "angles"), Binding::read_write(2, "rows")];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        Params { columns: self.columns, heads: self.heads, half: self.half }.into()
    }

    fn launch(&self, device: &Capabilities, _batch: &BatchSize) -> Launch {
        // Four at a time only where every head and every row starts at a multiple of four.
        let chunk = if self.columns.is_multiple_of(4) { common::chunk(self.half) } else { 1 };
        let parts = [common::element(self.element), common::row(chunk), common::BATCH, part!("rotary/rotary")];
        let shader = Shader::link(NAME, parts).constant("LANES", row_lanes(device));
        Launch { shader, grid: Grid::each(Rows::Tokens) }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let [columns, heads, half] = [self.columns, self.heads, self.half].map(|size| size as usize);
        write_output(operands, 2, |operands, rows| {
            let (tokens, angles) = (operands[0].u32(), operands[1].f32());
            for row in 0..batch.tokens as usize {
                let angles = &angles[tokens[row * 4 + 2] as usize * 2 * half..][..2 * half];
                for head in 0..heads {
                    let x = &mut rows[row * columns + head * 2 * half..][..2 * half];
                    for k in 0..half {
                        let (a, b) = (x[k], x[k + half]);
                        let (cosine, sine) = (angles[k], angles[k + half]);
                        x[k] = a * cosine - b * sine;
                        x[k + half] = b * cosine + a * sine;
                    }
                }
            }
        });
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        6 * u64::from(batch.tokens) * u64::from(self.heads * self.half)
    }
}

/// What tests and benchmarks run.
pub const ENTRY: Entry = Entry { name: NAME, storages: example::ROWS, examples, sized, sizes: Sizes::ROWS };

impl Rotary {
    fn example(self, lengths: Vec<u32>) -> Example {
        let Rotary { columns, half, element, .. } = self;
        let positions = lengths.iter().copied().max().unwrap_or(1);
        let frequencies: Vec<f64> = (0..half).map(|pair| 10_000f64.powf(-f64::from(pair) / f64::from(half))).collect();
        let angles = Values::F32(table(positions as usize, &frequencies));
        let angles = given(Rows::Fixed(positions), 2 * half, Element::F32, angles);
        let operands = [Operand::Tokens(0..1), angles, in_place(Rows::Tokens, columns, element)].map(Some);
        Example::new(self, lengths, operands)
    }
}

/// Queries and keys of a layer's `[tokens, 3 * columns]`.
fn sized(shape: &Shape) -> Example {
    let (columns, half) = (3 * shape.columns, attention::head_width(shape.columns) / 2);
    let heads = 2 * shape.columns / (2 * half);
    Rotary { columns, heads, half, element: shape.storage.activations() }.example(shape.lengths())
}

fn examples(storage: Storage) -> Vec<Example> {
    let element = storage.activations();
    let of = |half| {
        // The columns behind the heads, odd and none, decide whether four can be read at once.
        [(1, 1, 5), (3, 2, 5), (3, 2, 0)].map(|(heads, rotated, rest)| {
            let columns = heads * 2 * half + rest;
            Rotary { columns, heads: rotated, half, element }.example(ragged(66))
        })
    };
    [1, 4, 13, 16, 32, 33].into_iter().flat_map(of).collect()
}
