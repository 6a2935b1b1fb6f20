//! Figures of models whose labels hold or not, each on its own.

use super::counts::{Averages, Counts, Scores, averages};
use super::mistakes::{Answer, Mistake, Mistakes, kept};
use super::ranking::rank;
use super::single_label::clipped;
use super::{Example, PerLabel};
use serde::Serialize;

/// How well a model answers whose labels hold or not, each on its own. A label is predicted where its score is more than its
/// threshold.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MultiLabel {
    /// The share of rows with every label right.
    pub subset_accuracy: f64,
    /// The share of wrong ones of all labels of all rows.
    pub hamming_loss: f64,
    /// The mean of the labels' `log_loss`; `None` where a score is outside 0 to 1.
    pub log_loss: Option<f64>,
    /// The mean of the labels' `brier_score_loss`; `None` as `log_loss` is.
    pub brier_score_loss: Option<f64>,
    /// The mean of `average_precision` of the labels that have one; scikit-learn counts the others as 0.
    pub mean_average_precision: Option<f64>,
    /// F1, precision and recall of all labels together.
    pub averages: Averages,
    /// The same with the best threshold of each label in the place of its own, without that of rows. These thresholds were
    /// found on the rows that they are measured on, so that other rows will be answered less well.
    pub best_threshold_averages: Averages,
    /// Each label's figures, in the model's order.
    pub per_label: Vec<LabelFigures>,
}

/// The figures of one label that holds or not.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LabelFigures {
    /// What counting says.
    #[serde(flatten)]
    pub per_label: PerLabel,
    /// What its score must be more than.
    pub threshold: f32,
    /// The threshold with the largest F1 on these rows, of several such the lowest; halfway between the scores that it parts.
    /// `None` where the label holds nowhere.
    pub best_threshold: Option<f32>,
    /// F1 with that threshold.
    pub best_f1_score: Option<f64>,
    /// The mean of `-ln p` where it holds and `-ln (1 - p)` where not, with both between 2.2e-16 and 1 - 2.2e-16; `None` where
    /// a score is outside 0 to 1.
    pub log_loss: Option<f64>,
    /// The mean of `(y - p)²`; `None` as `log_loss` is.
    pub brier_score_loss: Option<f64>,
    /// The area below precision over recall, in steps (scikit-learn's `average_precision_score`); `None` where the label holds
    /// nowhere.
    pub average_precision: Option<f64>,
}

/// What the rows so far add up to. The scores are kept, 4 bytes a label and row: thresholds need their order.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    rows: u64,
    exact: u64,
    samples: Scores,
    labels: Vec<LabelSums>,
    mistakes: Mistakes,
}

#[derive(Clone, Debug)]
struct LabelSums {
    threshold: f32,
    counts: Counts,
    log_loss: f64,
    brier: f64,
    /// Whether every score so far is from 0 to 1.
    probabilities: bool,
    /// Scores of the rows where it holds.
    positive: Vec<f32>,
    /// And of the others.
    negative: Vec<f32>,
}

impl LabelSums {
    fn add(&mut self, expected: bool, score: f32) {
        self.counts.add(expected, score > self.threshold);
        self.probabilities &= (0.0..=1.0).contains(&score);
        let (probability, right) = (f64::from(score), f64::from(u8::from(expected)));
        self.brier += (right - probability) * (right - probability);
        self.log_loss -= if expected { clipped(score) } else { complement(score) }.ln();
        if expected { &mut self.positive } else { &mut self.negative }.push(score);
    }

    fn finish(self, label: &str, rows: f64) -> (LabelFigures, Counts) {
        let ranking = rank(self.positive, self.negative);
        let figures = LabelFigures {
            per_label: PerLabel::new(label, self.counts),
            threshold: self.threshold,
            best_threshold: ranking.map(|ranking| ranking.threshold),
            best_f1_score: ranking.map(|ranking| ranking.counts.scores().f1_score),
            log_loss: self.probabilities.then(|| self.log_loss / rows),
            brier_score_loss: self.probabilities.then(|| self.brier / rows),
            average_precision: ranking.map(|ranking| ranking.average_precision),
        };
        (figures, ranking.map_or(self.counts, |ranking| ranking.counts))
    }
}

/// One minus a probability, with a finite logarithm.
fn complement(probability: f32) -> f64 {
    (1.0 - f64::from(probability)).clamp(f64::EPSILON, 1.0 - f64::EPSILON)
}

impl Sums {
    /// One threshold a label.
    pub(super) fn new(thresholds: &[f32], mistakes: usize) -> Sums {
        let label = |&threshold: &f32| LabelSums {
            threshold,
            counts: Counts::default(),
            log_loss: 0.0,
            brier: 0.0,
            probabilities: true,
            positive: Vec::new(),
            negative: Vec::new(),
        };
        Sums {
            rows: 0,
            exact: 0,
            samples: Scores::default(),
            labels: thresholds.iter().map(label).collect(),
            mistakes: Mistakes::new(mistakes),
        }
    }

    /// Adds a row, whose numbers are finite and, as `expected`, as many as labels.
    pub(super) fn add(&mut self, labels: &[String], example: &Example<'_>, expected: &[bool]) {
        let scores = example.scores();
        let mut row = Counts::default();
        // The label on the wrong side of its threshold with the largest error.
        let mut worst: Option<(usize, f64)> = None;
        for (index, (sums, (&score, &expected))) in self.labels.iter_mut().zip(scores.iter().zip(expected)).enumerate()
        {
            sums.add(expected, score);
            let predicted = score > sums.threshold;
            row.add(expected, predicted);
            let error = (f64::from(u8::from(expected)) - f64::from(score)).abs();
            if predicted != expected && worst.is_none_or(|(_, worst)| error > worst) {
                worst = Some((index, error));
            }
        }
        self.rows += 1;
        self.samples.add(row.scores(), 1.0);
        let Some((label, error)) = worst else {
            self.exact += 1;
            return;
        };
        let names = |holds: &dyn Fn(usize) -> bool| {
            let names = labels.iter().enumerate().filter(|(index, _)| holds(*index));
            Answer::Labels(names.map(|(_, name)| name.clone()).collect())
        };
        let thresholds = &self.labels;
        self.mistakes.offer(error, example.index, || Mistake {
            index: example.index,
            name: example.name.into(),
            text: kept(example.text),
            expected: names(&|index| expected[index]),
            predicted: names(&|index| scores[index] > thresholds[index].threshold),
            label: Some(labels[label].clone()),
            score: f64::from(scores[label]),
            error: Some(error),
        });
    }

    pub(super) fn finish(self, labels: &[String]) -> Option<(MultiLabel, Vec<Mistake>)> {
        if self.rows == 0 {
            return None;
        }
        let rows = self.rows as f64;
        let counts: Vec<Counts> = self.labels.iter().map(|sums| sums.counts).collect();
        let (per_label, best): (Vec<LabelFigures>, Vec<Counts>) =
            self.labels.into_iter().zip(labels).map(|(sums, label)| sums.finish(label, rows)).unzip();
        let wrong: u64 = counts.iter().map(|counts| counts.predicted + counts.support - 2 * counts.hits).sum();
        let all = |figure: fn(&LabelFigures) -> Option<f64>| mean(per_label.iter().map(figure));
        let ranked = per_label.iter().map(|label| label.average_precision).filter(Option::is_some);
        let figures = MultiLabel {
            subset_accuracy: self.exact as f64 / rows,
            hamming_loss: wrong as f64 / (rows * labels.len() as f64),
            log_loss: all(|label| label.log_loss),
            brier_score_loss: all(|label| label.brier_score_loss),
            mean_average_precision: mean(ranked),
            averages: Averages { samples: Some(self.samples.over(rows)), ..averages(&counts) },
            best_threshold_averages: averages(&best),
            per_label,
        };
        Some((figures, self.mistakes.finish()))
    }
}

/// The mean; `None` where one of the numbers is, or there are none.
pub(super) fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.collect::<Option<_>>()?;
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
