//! What texts should get, and which loss that asks for.

use crate::checkpoint::{Config, ProblemType};
use crate::error::{Error, Result};
use crate::kernels::loss::LossKind;
use crate::models;

/// The label that a text should get; the loss is measured against it.
#[derive(Clone, Debug, PartialEq)]
pub enum Label {
    /// Index of the one right label.
    Class(usize),
    /// One number a label: 0 or 1 (multi-label), the values themselves (regression), or how much of each label there is
    /// (DeBERTa-v2, where the configuration has no problem type).
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
        // The config does not say, and the labels are lists.
        ProblemType::MultiLabel if config.problem_type.is_none() && models::architecture(config)?.soft_labels => {
            LossKind::SoftCrossEntropy
        }
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
            (Some(Label::Values(_)), LossKind::CrossEntropy) => {
                format!("the label is numbers, but the model's loss needs one index below {count}")
            }
            (Some(Label::Values(values)), _) if values.len() == count => continue,
            (Some(Label::Values(values)), _) => {
                format!("a label of {} numbers, but the model has {count} labels", values.len())
            }
            (Some(Label::Class(_)), _) => {
                format!("the label is an index, but the model's loss needs {count} numbers")
            }
        };
        return Err(Error::Text { index, message });
    }
    Ok(Some(kind))
}
