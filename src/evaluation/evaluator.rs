//! Rows in, figures out.

use super::{Evaluation, EvaluationError, Figures, RowCounts, Subject, multi_label, regression, single_label};
use crate::checkpoint::ProblemType;

/// The threshold of a label where none is given.
const THRESHOLD: f32 = 0.5;
/// Mistakes that are kept where no number is given.
const MISTAKES: usize = 50;

/// How to evaluate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EvaluationOptions {
    /// What a label's score must be more than to be predicted, where several labels may be right: one number for all labels, or
    /// one a label. The default is 0.5 for all.
    pub thresholds: Vec<f32>,
    /// How many of the most confident mistakes are kept; the default is 50.
    pub mistakes: usize,
}

impl Default for EvaluationOptions {
    fn default() -> EvaluationOptions {
        EvaluationOptions { thresholds: vec![THRESHOLD], mistakes: MISTAKES }
    }
}

/// What is right for a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// The index of the one right label.
    Label(usize),
    /// For each label whether it is right.
    Labels(Vec<bool>),
    /// The value of each output of a regression.
    Values(Vec<f64>),
}

/// One row with its answer.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    /// The row's position, which a mistake is listed with.
    pub index: usize,
    /// What the row is called or where it is, for the same.
    pub name: &'a str,
    /// The text, for the same.
    pub text: &'a str,
    /// What is right.
    pub expected: &'a Expected,
    /// `[labels]`, before any scoring; the largest is the answer where one label is right, the first of equals.
    pub logits: &'a [f32],
    /// `[labels]`, by the model's scoring rule; `None` where the logits are the answer.
    pub probabilities: Option<&'a [f32]>,
}

impl<'a> Example<'a> {
    /// Probabilities, or logits where those are the answer.
    pub(super) fn scores(&self) -> &'a [f32] {
        self.probabilities.unwrap_or(self.logits)
    }
}

/// Compares answers with what is right, row by row.
///
/// ```
/// use wgbert::evaluation::{Evaluator, Example, Expected, Subject};
///
/// let labels = ["negative".to_string(), "positive".to_string()];
/// let mut evaluator = Evaluator::new(&labels, wgbert::ProblemType::SingleLabel, Default::default())?;
/// evaluator.add(Example {
///     index: 0,
///     name: "reviews.csv:2",
///     text: "It was good.",
///     expected: &Expected::Label(1),
///     logits: &[-1.0, 1.0],
///     probabilities: Some(&[0.12, 0.88]),
/// })?;
/// let evaluation = evaluator.finish(Subject::default());
/// println!("{evaluation}");
/// # assert_eq!(evaluation.rows.scored, 1);
/// # Ok::<(), wgbert::evaluation::EvaluationError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Evaluator {
    labels: Vec<String>,
    problem_type: ProblemType,
    rows: RowCounts,
    sums: Sums,
}

#[derive(Clone, Debug)]
enum Sums {
    SingleLabel(single_label::Sums),
    MultiLabel(multi_label::Sums),
    Regression(regression::Values),
}

impl Evaluator {
    /// An evaluator of a model with these labels, of which one is right, several may be, or each has a value.
    ///
    /// # Errors
    /// [`EvaluationError::Options`] without labels, and for thresholds that are neither one nor one a label, or not finite.
    pub fn new(
        labels: &[String],
        problem_type: ProblemType,
        options: EvaluationOptions,
    ) -> Result<Evaluator, EvaluationError> {
        let wrong = |message: String| Err(EvaluationError::Options { message });
        if labels.is_empty() {
            return wrong("a model without labels has nothing to evaluate".into());
        }
        let sums = match problem_type {
            ProblemType::SingleLabel => Sums::SingleLabel(single_label::Sums::new(options.mistakes)),
            ProblemType::Regression => Sums::Regression(regression::Values::new(labels.len(), options.mistakes)),
            ProblemType::MultiLabel => {
                let thresholds = match options.thresholds.as_slice() {
                    &[one] => vec![one; labels.len()],
                    all if all.len() == labels.len() => all.to_vec(),
                    all => {
                        let labels = labels.len();
                        return wrong(format!(
                            "{} thresholds for {labels} labels: give one, or one a label",
                            all.len()
                        ));
                    }
                };
                if let Some(threshold) = thresholds.iter().find(|threshold| !threshold.is_finite()) {
                    return wrong(format!("a threshold is {threshold}; it must be a number"));
                }
                Sums::MultiLabel(multi_label::Sums::new(&thresholds, options.mistakes))
            }
        };
        Ok(Evaluator { labels: labels.to_vec(), problem_type, rows: RowCounts::default(), sums })
    }

    /// Adds a row. One with an answer that is no finite number everywhere is counted as such, and not scored.
    ///
    /// # Errors
    /// [`EvaluationError::Row`] where what is right is none of the model's labels, is of another kind than the model's answers,
    /// or not finite; and where
    /// there are not as many numbers as labels. Nothing was added then.
    pub fn add(&mut self, example: Example<'_>) -> Result<(), EvaluationError> {
        let wrong = |message: String| Err(EvaluationError::Row { index: example.index, message });
        let count = self.labels.len();
        let fits = |numbers: usize, what: &str| match numbers == count {
            true => Ok(()),
            false => wrong(format!("{numbers} {what}, but the model has {count} labels")),
        };
        fits(example.logits.len(), "logits")?;
        fits(example.scores().len(), "probabilities")?;
        match (example.expected, self.problem_type) {
            (Expected::Label(label), ProblemType::SingleLabel) if *label < count => {}
            (Expected::Label(label), ProblemType::SingleLabel) => {
                return wrong(format!("label {label}, but the model has {count} labels, numbered from 0"));
            }
            (Expected::Labels(labels), ProblemType::MultiLabel) => fits(labels.len(), "right or wrong labels")?,
            (Expected::Values(values), ProblemType::Regression) => {
                fits(values.len(), "right values")?;
                if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                    return wrong(format!("the right value is {value}, which no answer can be"));
                }
            }
            (expected, problem_type) => {
                let given = match expected {
                    Expected::Label(_) => "one label",
                    Expected::Labels(_) => "a list of labels",
                    Expected::Values(_) => "a list of values",
                };
                return wrong(format!("{given} is right, but the model's answers are of {}", problem_type.name()));
            }
        }
        if !example.logits.iter().chain(example.scores()).all(|number| number.is_finite()) {
            self.rows.not_finite += 1;
            return Ok(());
        }
        self.rows.scored += 1;
        match (&mut self.sums, example.expected) {
            (Sums::SingleLabel(sums), Expected::Label(label)) => sums.add(&self.labels, &example, *label),
            (Sums::MultiLabel(sums), Expected::Labels(labels)) => sums.add(&self.labels, &example, labels),
            (Sums::Regression(values), Expected::Values(expected)) => values.add(&self.labels, &example, expected),
            _ => unreachable!("the kinds were compared"),
        }
        Ok(())
    }

    /// Counts a row that has no answer.
    pub fn failed(&mut self) {
        self.rows.failed += 1;
    }

    /// Counts a row of which nobody says what is right.
    pub fn unlabelled(&mut self) {
        self.rows.unlabelled += 1;
    }

    /// Rows so far.
    pub fn rows(&self) -> RowCounts {
        self.rows
    }

    /// The figures of all rows, with what was evaluated, which the page and the document name.
    pub fn finish(self, subject: Subject) -> Evaluation {
        let labels = &self.labels;
        let (figures, mistakes) = match self.sums {
            Sums::SingleLabel(sums) => {
                sums.finish(labels).map(|(figures, mistakes)| (Figures::SingleLabel(figures), mistakes))
            }
            Sums::MultiLabel(sums) => {
                sums.finish(labels).map(|(figures, mistakes)| (Figures::MultiLabel(figures), mistakes))
            }
            Sums::Regression(values) => {
                values.finish(labels).map(|(figures, mistakes)| (Figures::Regression(figures), mistakes))
            }
        }
        .unzip();
        Evaluation {
            subject,
            problem_type: self.problem_type.name(),
            labels: self.labels,
            rows: self.rows,
            figures,
            mistakes: mistakes.unwrap_or_default(),
        }
    }
}
