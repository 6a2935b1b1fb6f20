//! Figures of models whose answer is numbers.

use super::Example;
use super::correlation::{is_constant, pearson, spearman};
use super::mistakes::{Answer, Mistake, Mistakes, kept};
use super::multi_label::mean;
use serde::Serialize;

/// How well a model answers whose answer is numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Regression {
    /// The means of the outputs' figures (scikit-learn's `uniform_average`); a figure that an output lacks is `None`.
    #[serde(flatten)]
    pub mean: RegressionFigures,
    /// Each output's figures, in the model's order.
    pub per_output: Vec<OutputFigures>,
}

/// The figures of one output.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OutputFigures {
    /// The output's name, which is the model's name of the label.
    pub label: String,
    /// Its figures.
    #[serde(flatten)]
    pub figures: RegressionFigures,
}

/// How far values are from the right ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RegressionFigures {
    /// Pearson's correlation; `None` of one row, and where either side is constant.
    pub pearson: Option<f64>,
    /// Spearman's correlation of ranks, in which equals share the mean of theirs; `None` as `pearson` is.
    pub spearman: Option<f64>,
    /// The mean of squared errors; `None` where a square is too large for a number.
    pub mean_squared_error: Option<f64>,
    /// Its root; of several outputs the mean of their roots.
    pub root_mean_squared_error: Option<f64>,
    /// The mean of absolute errors.
    pub mean_absolute_error: Option<f64>,
    /// The share of the variance that is explained, 1 where all is; `None` of one row, and where the right values are constant.
    pub r2_score: Option<f64>,
}

/// The values so far, 16 bytes an output and row: ranks need all of them.
#[derive(Clone, Debug)]
pub(super) struct Values {
    /// For each output what is right and what was answered.
    outputs: Vec<Vec<(f64, f64)>>,
    mistakes: Mistakes,
}

impl Values {
    pub(super) fn new(outputs: usize, mistakes: usize) -> Values {
        Values { outputs: vec![Vec::new(); outputs], mistakes: Mistakes::new(mistakes) }
    }

    /// Adds a row, whose numbers are finite and, as `expected`, as many as outputs.
    pub(super) fn add(&mut self, labels: &[String], example: &Example<'_>, expected: &[f64]) {
        let scores = example.scores();
        let mut worst = (0, 0.0);
        for (output, (pairs, (&score, &expected))) in
            self.outputs.iter_mut().zip(scores.iter().zip(expected)).enumerate()
        {
            pairs.push((expected, f64::from(score)));
            let error = (expected - f64::from(score)).abs();
            if error > worst.1 {
                worst = (output, error);
            }
        }
        let (output, error) = worst;
        if error > 0.0 {
            self.mistakes.offer(error, example.index, || Mistake {
                index: example.index,
                name: example.name.into(),
                text: kept(example.text),
                expected: Answer::Values(expected.to_vec()),
                predicted: Answer::Values(scores.iter().copied().map(f64::from).collect()),
                label: (labels.len() > 1).then(|| labels[output].clone()),
                score: f64::from(scores[output]),
                error: Some(error),
            });
        }
    }

    pub(super) fn finish(self, labels: &[String]) -> Option<(Regression, Vec<Mistake>)> {
        if self.outputs.first().is_none_or(Vec::is_empty) {
            return None;
        }
        let output = |(label, pairs): (&String, &Vec<(f64, f64)>)| OutputFigures {
            label: label.clone(),
            figures: RegressionFigures::new(pairs),
        };
        let per_output: Vec<OutputFigures> = labels.iter().zip(&self.outputs).map(output).collect();
        let all = |figure: fn(&RegressionFigures) -> Option<f64>| {
            mean(per_output.iter().map(|output| figure(&output.figures)))
        };
        let mean = RegressionFigures {
            pearson: all(|figures| figures.pearson),
            spearman: all(|figures| figures.spearman),
            mean_squared_error: all(|figures| figures.mean_squared_error),
            root_mean_squared_error: all(|figures| figures.root_mean_squared_error),
            mean_absolute_error: all(|figures| figures.mean_absolute_error),
            r2_score: all(|figures| figures.r2_score),
        };
        Some((Regression { mean, per_output }, self.mistakes.finish()))
    }
}

impl RegressionFigures {
    /// Of at least one pair of what is right and what was answered.
    fn new(pairs: &[(f64, f64)]) -> RegressionFigures {
        let count = pairs.len() as f64;
        let finite = |number: f64| Some(number).filter(|number| number.is_finite());
        let squares: f64 = pairs.iter().map(|(expected, predicted)| (expected - predicted).powi(2)).sum();
        let distances: f64 = pairs.iter().map(|(expected, predicted)| (expected - predicted).abs()).sum();
        let mean = pairs.iter().map(|(expected, _)| expected).sum::<f64>() / count;
        let variance: f64 = pairs.iter().map(|(expected, _)| (expected - mean).powi(2)).sum();
        let mean_squared_error = finite(squares / count);
        RegressionFigures {
            pearson: pearson(pairs),
            spearman: spearman(pairs),
            mean_squared_error,
            root_mean_squared_error: mean_squared_error.map(f64::sqrt),
            mean_absolute_error: finite(distances / count),
            // One row is constant.
            r2_score: if is_constant(pairs, |pair| pair.0) { None } else { finite(1.0 - squares / variance) },
        }
    }
}
