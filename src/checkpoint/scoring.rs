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
    /// `tanh(x)` of each logit. Transformers has no such rule, cross-encoders do.
    Tanh,
}

impl Scoring {
    /// transformers' name, `function_to_apply`, where it has one.
    pub fn name(self) -> &'static str {
        match self {
            Scoring::None => "none",
            Scoring::Sigmoid => "sigmoid",
            Scoring::Softmax => "softmax",
            Scoring::Tanh => "tanh",
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

    pub(super) const ACTIVATION_NAMES: &str = "torch.nn.modules.activation.Sigmoid, torch.nn.modules.activation.Softmax, torch.nn.modules.activation.Tanh, \
         torch.nn.modules.linear.Identity, and any if you choose a rule: `Options::scoring`";

    /// What the class of torch makes of logits.
    pub(super) fn of_torch_class(path: &str) -> Option<Scoring> {
        match torch_class(path)? {
            "Sigmoid" => Some(Scoring::Sigmoid),
            // Made without a dimension, it takes the last one of a matrix.
            "Softmax" => Some(Scoring::Softmax),
            "Tanh" => Some(Scoring::Tanh),
            "Identity" => Some(Scoring::None),
            _ => None,
        }
    }
}

/// The name of a class of `torch.nn` that is written by its public name (`torch.nn.Sigmoid`) or with the module that defines
/// it (`torch.nn.modules.activation.Sigmoid`).
pub(super) fn torch_class(path: &str) -> Option<&str> {
    let path = path.strip_prefix("torch.nn.")?;
    let modules = ["modules.activation.", "modules.linear."];
    let class = modules.iter().find_map(|module| path.strip_prefix(module)).unwrap_or(path);
    (!class.contains('.')).then_some(class)
}
