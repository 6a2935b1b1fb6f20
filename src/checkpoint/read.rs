//! The matrices a model's description asks for, checked against the file and converted for the device.

use std::ops::Range;

use super::{random_head, stored::Stored, weights::Weights};
use crate::ir::{Role, Weight};
use crate::{Error, Result};

/// Most elements of a random head's weight: its shape comes from `config.json` alone, with no file to bound it.
const MAX_RANDOM_ELEMENTS: usize = 1 << 30;

impl Weights {
    /// Whether [`Weights::read`] would find the weight, in a shape and a type it can use; does not look at the numbers.
    ///
    /// # Errors
    ///
    /// [`Error::MissingHead`] for an absent weight of the head (unless a random one was asked for), [`Error::Tensor`]
    /// for any other fault, naming the tensor and both shapes.
    pub fn check(&self, weight: &Weight) -> Result<()> {
        self.parts(weight).map(drop)
    }

    /// The numbers of the weight in the device's layout, `weight.shape()`, row-major: the tensors of all its names stacked
    /// along the file's first axis, then transposed if `weight.transposed`.
    ///
    /// # Errors
    ///
    /// As [`Weights::check`], and [`Error::Tensor`] with the index of the first number that is not finite.
    pub fn read(&self, weight: &Weight) -> Result<Vec<f32>> {
        self.read_rows(weight, 0..weight.shape()[0])
    }

    /// Rows `rows` of what [`Weights::read`] answers: weights are uploaded in pieces. A single allocation of exactly their
    /// size.
    ///
    /// # Errors
    ///
    /// As [`Weights::read`], where only the numbers of these rows are looked at.
    ///
    /// # Panics
    ///
    /// If the weight does not have these rows.
    pub fn read_rows(&self, weight: &Weight, rows: Range<usize>) -> Result<Vec<f32>> {
        let parts = self.parts(weight)?;
        let [count, columns] = weight.shape();
        assert!(rows.start <= rows.end && rows.end <= count, "rows {rows:?} of {:?}, which has {count}", weight.names);
        let mut output = vec![0.0; rows.len() * columns];
        match parts {
            Parts::Random => self.fill_random(weight, rows, &mut output),
            Parts::Stored(parts) if weight.transposed => {
                let mut first = 0;
                for part in parts {
                    part.read_transposed(rows.clone(), &mut output, columns, first)?;
                    first += part.shape[0];
                }
            }
            Parts::Stored(parts) if self.tables.contains(weight) => {
                let unusable = parts[0].read_table(rows, columns, &mut output)?;
                if !unusable.is_empty() {
                    let mut known = self.unusable.lock().expect("nothing panics while it is held");
                    known.entry(weight.names[0].clone()).or_default().extend(unusable);
                }
            }
            Parts::Stored(parts) => read_elements(&parts, rows.start * columns, &mut output)?,
        }
        scale(weight, &mut output);
        Ok(output)
    }

    /// Columns `columns` of what [`Weights::read`] answers, one after the other: a linear layer's lie so in the file, and are read
    /// as they lie.
    ///
    /// # Errors
    ///
    /// As [`Weights::read`], where only the numbers of these columns are looked at.
    ///
    /// # Panics
    ///
    /// If the weight does not have these columns.
    pub fn read_columns(&self, weight: &Weight, columns: Range<usize>) -> Result<Vec<f32>> {
        let [rows, count] = weight.shape();
        assert!(columns.start <= columns.end && columns.end <= count, "columns {columns:?} of {:?}", weight.names);
        match self.parts(weight)? {
            Parts::Stored(parts) if weight.transposed => {
                let mut output = vec![0.0; columns.len() * rows];
                read_elements(&parts, columns.start * rows, &mut output)?;
                scale(weight, &mut output);
                Ok(output)
            }
            _ => {
                let values = self.read(weight)?;
                Ok(columns.flat_map(|column| values.iter().skip(column).step_by(count)).copied().collect())
            }
        }
    }

    /// Where the numbers of a checked weight come from.
    fn parts(&self, weight: &Weight) -> Result<Parts<'_>> {
        let mut parts = Vec::with_capacity(weight.names.len());
        for name in &weight.names {
            match self.find(name) {
                Some(stored) => parts.push(stored),
                None => return self.absent(weight, name),
            }
        }
        for part in &parts {
            part.check_element()?;
        }
        check_shapes(weight, &parts)?;
        Ok(Parts::Stored(parts))
    }

    fn absent(&self, weight: &Weight, name: &str) -> Result<Parts<'_>> {
        let path = self.path.as_path();
        // Without any file the encoder is as absent as the head.
        let role = if self.generated { Role::Head } else { weight.role };
        if let Some(prefix) = self.other_prefix(name).filter(|_| self.random_head.is_none()) {
            let message = format!(
                "is stored with {prefix}. before its name, the prefix of a wrapper; save the model that is inside of it \
                 (save_pretrained), or rename its tensors"
            );
            return Err(Error::tensor(path, name, message));
        }
        match (role, self.random_head) {
            (Role::Head, None) => Err(Error::MissingHead { path: path.into(), tensor: name.into() }),
            (Role::Head, Some(_)) => match weight.rows.checked_mul(weight.columns) {
                Some(0..=MAX_RANDOM_ELEMENTS) => Ok(Parts::Random),
                _ => {
                    let message = format!(
                        "a random matrix of {} x {} is too large; see the sizes in config.json",
                        weight.rows, weight.columns
                    );
                    Err(Error::tensor(path, name, message))
                }
            },
            (Role::Encoder, _) => {
                let first = self.names().next().unwrap_or("none");
                let count = self.tensors.len();
                let message = format!(
                    "is absent; the model that config.json describes needs it, so it is not the one that was saved here \
                     (there are {count} tensors, the first is {first})"
                );
                Err(Error::tensor(path, name, message))
            }
        }
    }

    fn fill_random(&self, weight: &Weight, rows: Range<usize>, output: &mut [f32]) {
        // Once for all pieces.
        if !self.generated && rows.start == 0 {
            log::warn!(
                "{}: {} is absent and filled with random numbers: the answers mean nothing",
                self.path.display(),
                weight.names.join(", ")
            );
        }
        random_head::fill(self.random_head.unwrap_or_default(), weight, rows, output);
    }
}

fn scale(weight: &Weight, numbers: &mut [f32]) {
    if weight.times_root_of != 1 {
        let factor = (weight.times_root_of as f64).sqrt();
        numbers.iter_mut().for_each(|number| *number = (f64::from(*number) * factor) as f32);
    }
}

enum Parts<'a> {
    /// The tensors of the file, of usable types and matching shapes.
    Stored(Vec<Stored<'a>>),
    /// A weight is absent and may be made up.
    Random,
}

/// Whether the tensors, stacked, are what the description says: vectors `[n]` whose lengths add up to the columns of the one
/// row, or matrices `[n, columns]` whose rows add up.
fn check_shapes(weight: &Weight, parts: &[Stored<'_>]) -> Result<()> {
    let is_vector = weight.rows == 1 && !weight.transposed;
    let mut stacked = 0_usize;
    for part in parts {
        // Tensors without elements may claim any number of rows: the sum must not overflow.
        stacked = stacked.saturating_add(match *part.shape {
            [columns] if is_vector => columns,
            // A table of one row, such as the token types of RoBERTa.
            [1, columns] if is_vector && parts.len() == 1 => columns,
            [rows, columns] if !is_vector && columns == weight.columns => rows,
            // A convolution's [out, in, taps] is the matrix of its unfolded input.
            [rows, channels, taps] if !is_vector && channels.checked_mul(taps) == Some(weight.columns) => rows,
            _ => return Err(wrong_shape(weight, parts)),
        });
    }
    let wanted = if is_vector { weight.columns } else { weight.rows };
    if stacked == wanted { Ok(()) } else { Err(wrong_shape(weight, parts)) }
}

fn wrong_shape(weight: &Weight, parts: &[Stored<'_>]) -> Error {
    let Weight { rows, columns, .. } = *weight;
    let wanted = if rows == 1 && !weight.transposed { format!("[{columns}]") } else { format!("[{rows}, {columns}]") };
    let names: Vec<&str> = parts.iter().map(|part| part.name).collect();
    let shapes: Vec<String> = parts.iter().map(|part| format!("{:?}", part.shape)).collect();
    let hint = match weight.role {
        Role::Encoder => "",
        Role::Head => "; for a classifier the first number is how many labels id2label or num_labels say",
    };
    let stacked = if parts.len() > 1 { ", stacked" } else { "" };
    let message =
        format!("has the shape {} in the file, but config.json asks for {wanted}{stacked}{hint}", shapes.join(" + "));
    Error::tensor(parts[0].path, &names.join(" + "), message)
}

/// As many elements as `output` holds of the tensors laid end to end, from element `start` on.
fn read_elements(parts: &[Stored<'_>], start: usize, output: &mut [f32]) -> Result<()> {
    let range = start..start + output.len();
    let mut first = 0;
    for part in parts {
        let (start, end) = (range.start.max(first), range.end.min(first + part.len()));
        if start < end {
            part.read(start - first..end - first, &mut output[start - range.start..end - range.start])?;
        }
        first += part.len();
    }
    Ok(())
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
