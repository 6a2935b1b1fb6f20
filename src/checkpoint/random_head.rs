//! Weights for a classification head that the checkpoint does not have, from a seed.

use crate::ir::{Random, Weight};
use std::ops::Range;

/// `initializer_range` of the BERT family: the standard deviation of a fresh matrix.
const DEVIATION: f32 = 0.02;

/// Rows `rows` of `weight`, in its device layout, whose numbers depend on nothing but `seed` and the weight's name: matrices
/// are drawn with a standard deviation of 0.02, biases are 0, gains of norms are 1.
pub(super) fn fill(seed: u64, weight: &Weight, rows: Range<usize>, output: &mut [f32]) {
    if weight.rows == 1 && !weight.transposed {
        let is_gain = weight.names.iter().all(|name| name.ends_with(".weight"));
        output.fill(if is_gain { 1.0 } else { 0.0 });
        return;
    }
    let key =
        weight.names.iter().flat_map(|name| name.bytes()).fold(seed, |key, byte| Random(key ^ u64::from(byte)).next());
    let columns = weight.shape()[1];
    for (output, row) in output.chunks_exact_mut(columns.max(1)).zip(rows) {
        for (column, value) in output.iter_mut().enumerate() {
            // The number belongs to the place in the file's layout: what a seed means must not depend on the engine's.
            let (row_stored, column_stored) = if weight.transposed { (column, row) } else { (row, column) };
            let place = (row_stored * weight.columns + column_stored) as u64;
            *value = DEVIATION * bell(Random(key.wrapping_add(place)).next());
        }
    }
}

/// Close to a normal number of mean 0 and deviation 1, and the same on every machine: the sum of four uniform ones.
fn bell(bits: u64) -> f32 {
    let sum: f32 = (0..4).map(|part| ((bits >> (16 * part)) & 0xffff) as f32 / 65536.0 - 0.5).sum();
    // A uniform number has variance 1/12, four of them 1/3.
    sum * 3.0_f32.sqrt()
}
