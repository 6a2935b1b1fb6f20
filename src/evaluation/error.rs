//! What cannot be evaluated.

use std::path::PathBuf;
use std::sync::Arc;

/// Why something cannot be evaluated, and what to do about it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named after what they hold, and each variant says what that is")]
pub enum EvaluationError {
    /// The options do not fit the model.
    #[error("{message}")]
    Options { message: String },

    /// A row's answer or what is right for it does not fit the model.
    #[error("row {index}: {message}")]
    Row { index: usize, message: String },

    /// A label of the data is none of the model's.
    #[error("{message}")]
    Label { message: String },

    /// The data has labels that the model has not.
    #[error(
        "the model has no label for {lacking} of the data; the data's labels are {data}, the model's {model}: map each to \
         one of the model's, as in {example}"
    )]
    Labels { lacking: String, data: String, model: String, example: String },

    /// A label's mapping says nothing, or something else than another.
    #[error("{mapping}: {message}")]
    Mapping { mapping: String, message: String },

    /// A file of mappings cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: Arc<std::io::Error> },
}
