//! A tensor as the file stores it, and its way into `f32`.

use std::ops::Range;
use std::path::Path;

use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use safetensors::Dtype;

use crate::{Error, Result};

/// Rows and columns of a block that is transposed at once: 16 KiB of `f32`, which stays in a first-level cache, read and
/// written in runs of four cache lines.
const TILE: usize = 64;
/// Elements that are converted at once and then checked while they are still in a cache.
const RUN: usize = 4096;

/// A tensor of a file: where it is and what it is. Its bytes are only read on request.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// The name in the file.
    pub name: &'a str,
    pub shape: &'a [usize],
    pub element: Dtype,
    /// The file it is in.
    pub path: &'a Path,
    /// Little-endian elements, row-major, at any alignment: the format guarantees none.
    pub(super) data: &'a [u8],
}

/// The element types that are read.
#[derive(Clone, Copy)]
enum Float {
    /// Rounded to F32, as by transformers where config.json says float32.
    F64,
    F32,
    F16,
    Bf16,
}

impl Float {
    fn bytes(self) -> usize {
        match self {
            Float::F64 => 8,
            Float::F32 => 4,
            Float::F16 | Float::Bf16 => 2,
        }
    }
}

impl Stored<'_> {
    pub(super) fn error(&self, message: impl ToString) -> Error {
        Error::tensor(self.path, self.name, message)
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        // The file's bytes hold them all, so their number does not overflow.
        self.shape.iter().product()
    }

    /// Bytes of its elements in the file.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    /// Whether a dimension is zero.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    pub(super) fn check_element(&self) -> Result<()> {
        self.float().map(drop)
    }

    fn float(&self) -> Result<Float> {
        match self.element {
            Dtype::F64 => Ok(Float::F64),
            Dtype::F32 => Ok(Float::F32),
            Dtype::F16 => Ok(Float::F16),
            Dtype::BF16 => Ok(Float::Bf16),
            other => Err(self.error(format!(
                "its elements are {other}; supported are F64, F32, F16 and BF16 (a quantised checkpoint must be converted back)"
            ))),
        }
    }

    /// Writes the elements `range`, counted row-major, to `output` of the same length.
    pub(super) fn read(&self, range: Range<usize>, output: &mut [f32]) -> Result<()> {
        let float = self.float()?;
        let bytes = &self.data[range.start * float.bytes()..range.end * float.bytes()];
        let runs = bytes.chunks(RUN * float.bytes()).zip(output.chunks_mut(RUN));
        for (number, (bytes, output)) in runs.enumerate() {
            widen(float, bytes, output);
            self.check_finite(output, range.start + number * RUN)?;
        }
        Ok(())
    }

    /// Writes the rows `rows` of `columns` elements to `output`. A row with a number that is not finite becomes zeros;
    /// gives these rows, each with what is wrong with it.
    pub(super) fn read_table(
        &self,
        rows: Range<usize>,
        columns: usize,
        output: &mut [f32],
    ) -> Result<Vec<(usize, String)>> {
        let float = self.float()?;
        let bytes = &self.data[rows.start * columns * float.bytes()..rows.end * columns * float.bytes()];
        widen(float, bytes, output);
        let mut unusable = Vec::new();
        for (row, output) in rows.zip(output.chunks_exact_mut(columns.max(1))) {
            if let Some(fault) = self.not_finite(output, row * columns) {
                unusable.push((row, fault));
                output.fill(0.0);
            }
        }
        Ok(unusable)
    }

    /// Writes the columns `range` of the matrix `[rows, columns]`, all axes behind the first being columns, transposed into
    /// columns `first..first + rows` of `output`, a matrix `[range.len(), output_columns]`.
    pub(super) fn read_transposed(
        &self,
        range: Range<usize>,
        output: &mut [f32],
        output_columns: usize,
        first: usize,
    ) -> Result<()> {
        let float = self.float()?;
        let [rows, rest @ ..] = self.shape else {
            panic!("tensor {}: transposing the shape {:?}", self.name, self.shape);
        };
        let (rows, columns): (usize, usize) = (*rows, rest.iter().product());
        let mut tile = [[0.0; TILE]; TILE];
        for column in range.clone().step_by(TILE) {
            let width = TILE.min(range.end - column);
            for row in (0..rows).step_by(TILE) {
                let height = TILE.min(rows - row);
                for (line, row) in tile[..height].iter_mut().zip(row..) {
                    let start = row * columns + column;
                    let bytes = &self.data[start * float.bytes()..(start + width) * float.bytes()];
                    widen(float, bytes, &mut line[..width]);
                    self.check_finite(&line[..width], start)?;
                }
                for within in 0..width {
                    let start = (column - range.start + within) * output_columns + first + row;
                    for (value, line) in output[start..start + height].iter_mut().zip(&tile) {
                        *value = line[within];
                    }
                }
            }
        }
        Ok(())
    }

    /// `values` are the elements from `first` on.
    fn check_finite(&self, values: &[f32], first: usize) -> Result<()> {
        self.not_finite(values, first).map_or(Ok(()), |fault| Err(self.error(fault)))
    }

    /// The first of the `values`, the elements from `first` on, that is not finite, in words.
    fn not_finite(&self, values: &[f32], first: usize) -> Option<String> {
        // Without an early exit the loop is one vector instruction per few elements.
        if values.iter().fold(true, |finite, value| finite & value.is_finite()) {
            return None;
        }
        let (mut index, value) = values
            .iter()
            .enumerate()
            .find(|(_, value)| !value.is_finite())
            .map(|(index, value)| (first + index, *value))
            .expect("a value is not finite");
        let mut position = vec![0; self.shape.len()];
        for (place, &size) in position.iter_mut().zip(self.shape).rev() {
            *place = index % size;
            index /= size;
        }
        Some(format!("element {position:?} is {value}: the checkpoint is damaged, or its training diverged"))
    }
}

/// Converts little-endian elements of one type; `bytes` and `output` hold equally many.
fn widen(float: Float, bytes: &[u8], output: &mut [f32]) {
    match float {
        Float::F64 => {
            for (value, bytes) in output.iter_mut().zip(bytes.as_chunks().0) {
                *value = f64::from_le_bytes(*bytes) as f32;
            }
        }
        Float::F32 => {
            for (value, bytes) in output.iter_mut().zip(bytes.chunks_exact(4)) {
                *value = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
        }
        Float::Bf16 => {
            for (value, bytes) in output.iter_mut().zip(bytes.chunks_exact(2)) {
                // A bfloat16 is the upper half of an f32; `half` would also quiet NaNs, which are refused anyway.
                *value = f32::from_le_bytes([0, 0, bytes[0], bytes[1]]);
            }
        }
        Float::F16 => {
            // The processor's conversion works on slices of aligned numbers.
            let mut bits = [0; TILE];
            for (values, bytes) in output.chunks_mut(TILE).zip(bytes.chunks(2 * TILE)) {
                for (bits, bytes) in bits.iter_mut().zip(bytes.chunks_exact(2)) {
                    *bits = u16::from_le_bytes([bytes[0], bytes[1]]);
                }
                let halves: &[f16] = bits[..values.len()].reinterpret_cast();
                halves.convert_to_f32_slice(values);
            }
        }
    }
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;
