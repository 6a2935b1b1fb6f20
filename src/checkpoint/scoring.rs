//! How logits become scores, and which loss a model was trained with.

use serde::Deserialize;

/// `problem_type` of `config.json`: what the logits mean. Transformers' names (transformers/loss/loss_utils.py,
/// `ForSequenceClassificationLoss`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum ProblemType {
    /// The logits are the answer; mean squared error.
    #[serde(rename = "regression")]
    Regression,
    /// Exactly one label is right; cross-entropy of the softmax.
    #[serde(rename = "single_label_classification")]
    SingleLabel,
    /// Each label is right or wrong on its own; binary cross-entropy of the sigmoid.
    #[serde(rename = "multi_label_classification")]
    MultiLabel,
}

impl ProblemType {
    /// The name in `config.json`.
    pub fn name(self) -> &'static str {
        match self {
            ProblemType::Regression => "regression",
            ProblemType::SingleLabel => "single_label_classification",
            ProblemType::MultiLabel => "multi_label_classification",
        }
    }
}

/// The function from one text's logits to its scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scoring {
    /// The logits themselves.
    None,
    /// `1 / (1 + exp(-x))` of each logit.
    Sigmoid,
    /// `exp(x_i) / sum_j exp(x_j)`.
    Softmax,
}

impl Scoring {
    /// transformers' name, `function_to_apply`.
    pub fn name(self) -> &'static str {
        match self {
            Scoring::None => "none",
            Scoring::Sigmoid => "sigmoid",
            Scoring::Softmax => "softmax",
        }
    }

    /// What transformers' text-classification pipeline applies when it is not told (transformers/pipelines/
    /// text_classification.py, `postprocess`). Its last branch, `function_to_apply` of the config, is never reached
    /// with one label or more, so that field has no effect there and none here.
    pub(super) fn of_pipeline(problem_type: Option<ProblemType>, labels: usize) -> Scoring {
        match problem_type {
            Some(ProblemType::Regression) => Scoring::None,
            Some(ProblemType::MultiLabel) => Scoring::Sigmoid,
            _ if labels == 1 => Scoring::Sigmoid,
            _ => Scoring::Softmax,
        }
    }

    /// What sentence-transformers' `CrossEncoder` applies when the config names nothing
    /// (sentence_transformers/cross_encoder, `get_default_activation_fn`).
    pub(super) fn of_cross_encoder(labels: usize) -> Scoring {
        if labels == 1 { Scoring::Sigmoid } else { Scoring::None }
    }

    pub(super) const ACTIVATION_NAMES: &str =
        "torch.nn.modules.activation.Sigmoid, torch.nn.modules.activation.Softmax, torch.nn.modules.linear.Identity";

    /// The `torch` class of this path, by its public name (`torch.nn.Sigmoid`) or by the module that defines it.
    pub(super) fn of_torch_class(path: &str) -> Option<Scoring> {
        match path {
            "torch.nn.modules.activation.Sigmoid" | "torch.nn.Sigmoid" => Some(Scoring::Sigmoid),
            "torch.nn.modules.activation.Softmax" | "torch.nn.Softmax" => Some(Scoring::Softmax),
            "torch.nn.modules.linear.Identity" | "torch.nn.Identity" => Some(Scoring::None),
            _ => None,
        }
    }
}
