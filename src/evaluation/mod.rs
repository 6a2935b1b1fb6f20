//! How well a model answers: answers beside what is right, row by row -> the figures of scikit-learn, as JSON, as text for a
//! terminal, and as a page.
//!
//! All is computed on the host, in 64-bit floats, and needs no adapter. [`Evaluator`] takes the rows, [`LabelMap`] finds the
//! model's labels for those of a data set. The figures are those of scikit-learn 1.9 and scipy 1.17 to 1e-9, which
//! `tests/evaluation.rs` shows.

mod correlation;
mod counts;
mod error;
mod evaluator;
mod label_map;
mod mistakes;
mod multi_label;
mod page;
mod ranking;
mod regression;
mod single_label;
mod terminal;

pub use counts::{Averages, Scores};
pub use error::EvaluationError;
pub use evaluator::{EvaluationOptions, Evaluator, Example, Expected};
pub use label_map::LabelMap;
pub use mistakes::{Answer, Mistake};
pub use multi_label::{LabelFigures, MultiLabel};
pub use regression::{OutputFigures, Regression, RegressionFigures};
pub use single_label::{Calibration, CalibrationBin, Confusion, SingleLabel};

use counts::Counts;
use serde::Serialize;

/// What was measured. As JSON its names are the fields', with scikit-learn's terms for the figures, which stand beside the
/// rest, as do those of [`SingleLabel`], [`MultiLabel`] or [`Regression`]; what is undefined is null.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Evaluation {
    /// What was evaluated.
    pub subject: Subject,
    /// What the model's answers are, by transformers' name.
    pub problem_type: &'static str,
    /// The model's labels.
    pub labels: Vec<String>,
    /// How many rows there were.
    pub rows: RowCounts,
    /// The figures; `None` where no row was scored.
    #[serde(flatten)]
    pub figures: Option<Figures>,
    /// The most confident mistakes, the worst first: of one right label by the score of the wrong one; of several by the
    /// largest error of a wrong label; of a regression by the largest error of an output.
    pub mistakes: Vec<Mistake>,
}

/// The figures by what the model's answers are.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Figures {
    /// One label of a text is right.
    SingleLabel(SingleLabel),
    /// Several may be, or none.
    MultiLabel(MultiLabel),
    /// The answer is numbers.
    Regression(Regression),
}

/// What was evaluated, in words; what is empty is not shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Subject {
    /// The model's name or folder.
    pub model: String,
    /// The data set or its files.
    pub data: String,
    /// What answered.
    pub adapter: String,
    /// What else should be known, in this order: names and what they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<(String, String)>,
}

/// Rows by what became of them. The figures are of those that were scored alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RowCounts {
    /// Compared with what is right.
    pub scored: u64,
    /// Answered, but not by finite numbers alone.
    pub not_finite: u64,
    /// Not answered.
    pub failed: u64,
    /// Nobody says what is right.
    pub unlabelled: u64,
}

impl RowCounts {
    /// All rows.
    pub fn total(self) -> u64 {
        self.scored + self.not_finite + self.failed + self.unlabelled
    }

    /// What became of the rows that were not scored, in words; empty where all were.
    fn not_scored(self) -> Vec<String> {
        let kinds = [
            (self.failed, "failed"),
            (self.not_finite, "answered with what is no finite number"),
            (self.unlabelled, "without a label"),
        ];
        kinds.iter().filter(|(rows, _)| *rows > 0).map(|(rows, what)| format!("{rows} {what}")).collect()
    }
}

/// What counting says of one label.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PerLabel {
    /// Its name.
    pub label: String,
    /// Precision, recall and F1.
    #[serde(flatten)]
    pub scores: Scores,
    /// Rows where it is right.
    pub support: u64,
    /// Rows where it was predicted.
    pub predicted: u64,
    /// Rows where both.
    pub hits: u64,
}

impl PerLabel {
    fn new(label: &str, counts: Counts) -> PerLabel {
        let Counts { hits, predicted, support } = counts;
        PerLabel { label: label.into(), scores: counts.scores(), support, predicted, hits }
    }
}

/// The index of the largest number, the first of equals.
fn largest(numbers: &[f32]) -> usize {
    (1..numbers.len()).fold(0, |best, index| if numbers[index] > numbers[best] { index } else { best })
}
