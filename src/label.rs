//! What texts should get -> what the loss kernel reads.

use crate::checkpoint::{Config, ProblemType};
use crate::error::{Error, Result};
use crate::ir::Run;
use crate::kernels::loss::LossKind;
use crate::text::Batch;

/// The label that a text should get; the loss is measured against it.
#[derive(Clone, Debug, PartialEq)]
pub enum Label {
    /// Index of the one right label.
    Class(usize),
    /// One number a label: 0 or 1 (multi-label), or the values themselves (regression).
    Values(Vec<f32>),
}

/// Which loss the labels ask for; also checks that each fits the model.
pub(crate) fn loss_kind(config: &Config, labels: &[Option<Label>], texts: usize) -> Result<Option<LossKind>> {
    if !labels.is_empty() && labels.len() != texts {
        let message = format!("there are {} labels for {texts} texts; a text without one is None", labels.len());
        return Err(Error::Text { index: labels.len().min(texts), message });
    }
    if labels.iter().all(Option::is_none) {
        return Ok(None);
    }
    let float = labels.iter().flatten().any(|label| matches!(label, Label::Values(_)));
    let kind = match config.effective_problem_type(float) {
        ProblemType::Regression => LossKind::MeanSquaredError,
        ProblemType::SingleLabel => LossKind::CrossEntropy,
        ProblemType::MultiLabel => LossKind::BinaryCrossEntropy,
    };
    let count = config.labels.len();
    for (index, label) in labels.iter().enumerate() {
        let message = match (label, kind) {
            (None, _) => continue,
            (Some(Label::Class(class)), LossKind::CrossEntropy) if *class < count => continue,
            (Some(Label::Class(class)), LossKind::CrossEntropy) => {
                format!("label {class}, but the model has {count} labels, numbered from 0")
            }
            (Some(Label::Values(values)), LossKind::MeanSquaredError | LossKind::BinaryCrossEntropy)
                if values.len() == count =>
            {
                continue;
            }
            (Some(Label::Values(values)), LossKind::MeanSquaredError | LossKind::BinaryCrossEntropy) => {
                format!("a label of {} numbers, but the model has {count} labels", values.len())
            }
            (Some(Label::Class(_)), _) => {
                format!("the label is an index, but the model's loss needs {count} numbers")
            }
            (Some(Label::Values(_)), LossKind::CrossEntropy) => {
                format!("the label is numbers, but the model's loss needs one index below {count}")
            }
        };
        return Err(Error::Text { index, message });
    }
    Ok(Some(kind))
}

/// A batch with the labels of its texts.
pub(crate) struct Labelled {
    pub batch: Batch,
    classes: Vec<u32>,
    targets: Vec<f32>,
}

impl Labelled {
    /// Of all texts' labels those of the batch; texts without one get zeros, whose loss nobody reads. `count` is how many
    /// labels the model has.
    pub fn new(batch: Batch, labels: &[Option<Label>], kind: Option<LossKind>, count: usize) -> Labelled {
        let label = |row: &usize| labels[*row].as_ref();
        let (classes, targets) = match kind {
            None => (Vec::new(), Vec::new()),
            Some(LossKind::CrossEntropy) => {
                let class = |row| match label(row) {
                    Some(Label::Class(class)) => *class as u32,
                    _ => 0,
                };
                (batch.rows.iter().map(class).collect(), Vec::new())
            }
            Some(LossKind::BinaryCrossEntropy | LossKind::MeanSquaredError) => {
                let values = |row| match label(row) {
                    Some(Label::Values(values)) => values.clone(),
                    _ => vec![0.0; count],
                };
                (Vec::new(), batch.rows.iter().flat_map(values).collect())
            }
        };
        Labelled { batch, classes, targets }
    }

    pub fn run(&self) -> Run<'_> {
        let Labelled { batch, classes, targets } = self;
        Run { tokens: &batch.tokens, cu_seqlens: &batch.cu_seqlens, classes, targets }
    }
}
