//! Of each head, `(a, b) = (x[k], x[k + half])` becomes `(a cos - b sin, b cos + a sin)` at the token's angle `k`; in place
//!
//! Su et al. 2021, "RoFormer", in the half-split form of transformers' `apply_rotary_pos_emb`.

use super::{common, row_lanes, write_output};
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Grid, Input, Kernel, Launch, Recording, Rows, Shader, Tensor, Uniform,
    Values, part, uniform::uniform,
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
    let half = frequencies.len();
    let mut values = Vec::with_capacity(positions * 2 * half);
    for position in 0..positions {
        let angles = frequencies.iter().map(|frequency| position as f64 * frequency);
        values.extend(angles.clone().map(|angle| angle.cos() as f32));
        values.extend(angles.map(|angle| angle.sin() as f32));
    }
    recording.constant(Rows::Fixed(positions as u32), 2 * half, Values::F32(values))
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
