//! Figures of models with one right label a text.

use super::counts::{Averages, Counts, averages};
use super::mistakes::{Answer, Mistake, Mistakes, kept};
use super::{Example, PerLabel, largest};
use serde::Serialize;
use std::collections::BTreeMap;

/// Labels up to which the confusion matrix is given, of which there are as many numbers as the square.
pub(super) const WIDEST_MATRIX: usize = 200;
/// Pairs of labels that are listed as the most confused.
const MOST_CONFUSED: usize = 50;
/// Bins of the reliability diagram, as in Guo et al. 2017, "On Calibration of Modern Neural Networks".
const BINS: usize = 15;
/// What a row's probabilities may lack to 1: those of 16-bit floats do.
const NEARLY_ONE: f64 = 1e-3;

/// How well a model answers that gives each text one label.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SingleLabel {
    /// The share of rows whose label is right.
    pub accuracy: f64,
    /// The correlation of what is right and what was answered, from -1 to 1; 0 where either is one label alone.
    pub matthews_corrcoef: f64,
    /// The mean of `-ln p` of the right label, with p between 2.2e-16 and 1 - 2.2e-16, as scikit-learn has it for 64-bit
    /// floats; `None` where a row's probabilities are no distribution: absent, outside 0 to 1, or with another sum than 1.
    pub log_loss: Option<f64>,
    /// The mean over rows of `sum_labels (y - p)²`, from 0 to 2, and half of that where there are two labels: scikit-learn's
    /// `brier_score_loss` as it is by default (`scale_by_half="auto"`). `None` as `log_loss` is.
    pub brier_score_loss: Option<f64>,
    /// F1, precision and recall of all labels together.
    pub averages: Averages,
    /// Each label's figures, in the model's order.
    pub per_label: Vec<PerLabel>,
    /// `[labels, labels]`: how many rows of a label (the row) got which (the column); `None` of more than 200 labels.
    pub confusion_matrix: Option<Vec<Vec<u64>>>,
    /// The 50 most frequent wrong answers, the most frequent first.
    pub confusions: Vec<Confusion>,
    /// How far scores are what they say; `None` as `log_loss` is.
    pub calibration: Option<Calibration>,
}

/// A label that got another.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Confusion {
    /// The right label.
    pub expected: String,
    /// The one that was answered.
    pub predicted: String,
    /// How often.
    pub rows: u64,
    /// The share of the right label's rows.
    pub share: f64,
}

/// Whether labels are right as often as their scores say.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Calibration {
    /// The mean over rows of the distance between score and accuracy of the row's bin (ECE: Guo et al. 2017).
    pub expected_calibration_error: f64,
    /// 15 bins of equal width of the predicted label's score.
    pub bins: Vec<CalibrationBin>,
}

/// The rows whose score is more than `from` and at most `to`; the first has those of 0, too.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CalibrationBin {
    /// The lower bound.
    pub from: f64,
    /// The upper bound.
    pub to: f64,
    /// How many there are.
    pub rows: u64,
    /// The mean of their scores; `None` without rows.
    pub mean_score: Option<f64>,
    /// The share of them that are right; `None` without rows.
    pub accuracy: Option<f64>,
}

/// What the rows so far add up to.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    rows: u64,
    /// Rows by right and predicted label. Sparse: a model may have thousands of labels.
    pairs: BTreeMap<(usize, usize), u64>,
    /// `None` after a row whose probabilities are no distribution.
    probabilities: Option<ProbabilitySums>,
    mistakes: Mistakes,
}

#[derive(Clone, Debug)]
struct ProbabilitySums {
    log_loss: f64,
    brier: f64,
    /// Rows, sum of scores, rows that are right.
    bins: Vec<(u64, f64, u64)>,
}

impl Sums {
    pub(super) fn new(mistakes: usize) -> Sums {
        Sums {
            rows: 0,
            pairs: BTreeMap::new(),
            probabilities: Some(ProbabilitySums { log_loss: 0.0, brier: 0.0, bins: vec![(0, 0.0, 0); BINS] }),
            mistakes: Mistakes::new(mistakes),
        }
    }

    /// Adds a row, whose numbers are finite and as many as labels, of which `expected` is one.
    pub(super) fn add(&mut self, labels: &[String], example: &Example<'_>, expected: usize) {
        let predicted = largest(example.logits);
        self.rows += 1;
        *self.pairs.entry((expected, predicted)).or_default() += 1;
        let distribution = example.probabilities.filter(|probabilities| is_distribution(probabilities));
        match (&mut self.probabilities, distribution) {
            (Some(sums), Some(probabilities)) => sums.add(probabilities, expected, predicted),
            (sums, _) => *sums = None,
        }
        if expected != predicted {
            let score = f64::from(example.probabilities.unwrap_or(example.logits)[predicted]);
            self.mistakes.offer(score, example.index, || Mistake {
                index: example.index,
                name: example.name.into(),
                text: kept(example.text),
                expected: Answer::Label(labels[expected].clone()),
                predicted: Answer::Label(labels[predicted].clone()),
                label: None,
                score,
                error: None,
            });
        }
    }

    pub(super) fn finish(self, labels: &[String]) -> Option<(SingleLabel, Vec<Mistake>)> {
        if self.rows == 0 {
            return None;
        }
        let mut counts = vec![Counts::default(); labels.len()];
        for (&(expected, predicted), &rows) in &self.pairs {
            counts[expected].support += rows;
            counts[predicted].predicted += rows;
            if expected == predicted {
                counts[expected].hits += rows;
            }
        }
        let occurring: Vec<Counts> = counts.iter().copied().filter(|counts| counts.occurs()).collect();
        let hits: u64 = counts.iter().map(|counts| counts.hits).sum();
        let rows = self.rows as f64;
        // scikit-learn halves it for two columns of probabilities.
        let brier_scale = if labels.len() < 3 { 0.5 } else { 1.0 };
        let figures = SingleLabel {
            accuracy: hits as f64 / rows,
            matthews_corrcoef: matthews(&counts, self.rows),
            log_loss: self.probabilities.as_ref().map(|sums| sums.log_loss / rows),
            brier_score_loss: self.probabilities.as_ref().map(|sums| sums.brier / rows * brier_scale),
            averages: averages(&occurring),
            per_label: labels.iter().zip(&counts).map(|(label, counts)| PerLabel::new(label, *counts)).collect(),
            confusion_matrix: matrix(&self.pairs, labels.len()),
            confusions: confusions(&self.pairs, labels, &counts),
            calibration: self.probabilities.map(|sums| sums.calibration(rows)),
        };
        Some((figures, self.mistakes.finish()))
    }
}

impl ProbabilitySums {
    fn add(&mut self, probabilities: &[f32], expected: usize, predicted: usize) {
        self.log_loss -= clipped(probabilities[expected]).ln();
        let square = |(label, probability): (usize, &f32)| {
            let distance = f64::from(u8::from(label == expected)) - f64::from(*probability);
            distance * distance
        };
        self.brier += probabilities.iter().enumerate().map(square).sum::<f64>();
        let score = f64::from(probabilities[predicted]);
        let bin = (score * BINS as f64).ceil() as usize;
        let (rows, scores, right) = &mut self.bins[bin.clamp(1, BINS) - 1];
        *rows += 1;
        *scores += score;
        *right += u64::from(expected == predicted);
    }

    fn calibration(self, rows: f64) -> Calibration {
        let distance = |&(_, scores, right): &(u64, f64, u64)| (right as f64 - scores).abs();
        let bound = |bin: usize| bin as f64 / BINS as f64;
        let bins = self.bins.iter().enumerate().map(|(bin, &(rows, scores, right))| CalibrationBin {
            from: bound(bin),
            to: bound(bin + 1),
            rows,
            mean_score: (rows > 0).then(|| scores / rows as f64),
            accuracy: (rows > 0).then(|| right as f64 / rows as f64),
        });
        Calibration {
            expected_calibration_error: self.bins.iter().map(distance).sum::<f64>() / rows,
            bins: bins.collect(),
        }
    }
}

/// A probability whose logarithm is finite (scikit-learn's `log_loss`).
pub(super) fn clipped(probability: f32) -> f64 {
    f64::from(probability).clamp(f64::EPSILON, 1.0 - f64::EPSILON)
}

fn is_distribution(probabilities: &[f32]) -> bool {
    let sum: f64 = probabilities.iter().map(|probability| f64::from(*probability)).sum();
    (sum - 1.0).abs() <= NEARLY_ONE && probabilities.iter().all(|probability| (0.0..=1.0).contains(probability))
}

/// scikit-learn's `matthews_corrcoef`: Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation
/// coefficient".
fn matthews(counts: &[Counts], rows: u64) -> f64 {
    let sum = |product: fn(&Counts) -> f64| counts.iter().map(product).sum::<f64>();
    let rows = rows as f64;
    let both = sum(|counts| counts.hits as f64) * rows - sum(|counts| counts.support as f64 * counts.predicted as f64);
    let expected = rows * rows - sum(|counts| (counts.support as f64).powi(2));
    let predicted = rows * rows - sum(|counts| (counts.predicted as f64).powi(2));
    if expected == 0.0 || predicted == 0.0 { 0.0 } else { both / (expected.sqrt() * predicted.sqrt()) }
}

fn matrix(pairs: &BTreeMap<(usize, usize), u64>, labels: usize) -> Option<Vec<Vec<u64>>> {
    (labels <= WIDEST_MATRIX).then(|| {
        let mut matrix = vec![vec![0; labels]; labels];
        pairs.iter().for_each(|(&(expected, predicted), &rows)| matrix[expected][predicted] = rows);
        matrix
    })
}

fn confusions(pairs: &BTreeMap<(usize, usize), u64>, labels: &[String], counts: &[Counts]) -> Vec<Confusion> {
    let mut wrong: Vec<_> = pairs.iter().filter(|((expected, predicted), _)| expected != predicted).collect();
    // Stable: of equals the first labels come first.
    wrong.sort_by_key(|(_, rows)| std::cmp::Reverse(**rows));
    let confusion = |(&(expected, predicted), &rows): (&(usize, usize), &u64)| Confusion {
        expected: labels[expected].clone(),
        predicted: labels[predicted].clone(),
        rows,
        share: rows as f64 / counts[expected].support as f64,
    };
    wrong.into_iter().take(MOST_CONFUSED).map(confusion).collect()
}
