//! What an adapter made of a probe, held against the twin.

use super::Probe;
use crate::ir::{Element, Values};
use std::fmt;

/// The first number of an output that is not what the twin computes.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// The binding.
    pub name: &'static str,
    pub rows: usize,
    pub row: usize,
    pub column: usize,
    /// What the adapter made of it; none where nothing was written.
    pub actual: Option<f32>,
    pub expected: f32,
    /// How many numbers of the output are wrong.
    pub count: usize,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wrong { name, rows, row, column, actual, expected, count } = self;
        let actual = actual.map_or("not written".into(), |actual| format!("{actual:?}"));
        write!(f, "of {rows} rows, row {row} column {column} of {name} is {actual}, and should be {expected:?}")?;
        if *count > 1 { write!(f, " ({count} numbers are wrong)") } else { Ok(()) }
    }
}

impl Probe {
    /// Holds what a batch of so many texts made of the outputs against the twin.
    ///
    /// # Errors
    /// The first number that is off by more than `tolerance`, relative to what is right where that is above 1.
    pub fn check(&self, texts: u32, outputs: &[Values], tolerance: f64) -> Result<(), Wrong> {
        let size = self.batch_size(texts);
        let bound = self.kernel.bindings().iter().zip(&self.operands).zip(&self.expected);
        let written =
            bound.filter_map(|((binding, operand), expected)| Some((binding, operand.as_ref()?.0, expected.as_ref()?)));
        for ((binding, tensor, expected), actual) in written.zip(outputs) {
            let tolerance = tolerance + if tensor.element == Element::F16 { 0.5f64.powi(11) } else { 0.0 };
            let rows = size.rows(tensor.rows) as usize;
            let mut wrong: Option<Wrong> = None;
            for row in 0..rows {
                let start = self.place(tensor.rows, row) * tensor.columns;
                for column in 0..tensor.columns {
                    let (is, should) = match (actual, expected) {
                        (Values::U32(actual), Values::U32(expected)) => {
                            let (is, should) = (actual.get(row * tensor.columns + column), expected[start + column]);
                            if is == Some(&should) {
                                continue;
                            }
                            (is.map(|&is| is as f32), should as f32)
                        }
                        (Values::F32(actual), Values::F32(expected)) => {
                            let should = expected[start + column];
                            // What the twin leaves, such as weights of tokens that the text does not have.
                            if tensor.element.is_unwritten(should) {
                                continue;
                            }
                            let is = actual.get(row * tensor.columns + column).copied();
                            let is = is.filter(|is| !tensor.element.is_unwritten(*is));
                            let off = |is: f32| (f64::from(is) - f64::from(should)).abs();
                            if is.is_some_and(|is| off(is) <= tolerance * f64::from(should).abs().max(1.0)) {
                                continue;
                            }
                            (is, should)
                        }
                        _ => (None, 0.0),
                    };
                    let name = binding.name;
                    let first = Wrong { name, rows, row, column, actual: is, expected: should, count: 0 };
                    wrong.get_or_insert(first).count += 1;
                }
            }
            if let Some(wrong) = wrong {
                return Err(wrong);
            }
        }
        Ok(())
    }
}
