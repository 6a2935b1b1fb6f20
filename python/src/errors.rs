//! What the library says is wrong, as Python's exceptions: the family of `wgbert/_errors.py`.

use pyo3::prelude::*;
use wgbert::Error;

/// Why there is no classifier, or no answer.
#[derive(Clone, Debug)]
pub enum Failure {
    Library(Error),
    /// An argument is not understood.
    Argument(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Library(error)
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::Argument(message)
    }
}

impl Failure {
    pub fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Failure::Library(error) => raise(py, error),
            Failure::Argument(message) => argument(py, message),
        }
    }
}

/// The exception for an error of a model, an adapter or a text.
pub fn raise(py: Python<'_>, error: Error) -> PyErr {
    let class = match &error {
        Error::File { .. } | Error::MissingFile { .. } => "FileError",
        Error::Hub { .. } => "HubError",
        Error::WrongTask { .. } => "TaskError",
        Error::Request { .. } => "ArgumentError",
        Error::Text { index, .. } => return text(py, *index, &in_python(error.to_string())),
        Error::WrongAnswers { .. } => "WrongAnswersError",
        Error::OutOfMemory { .. } => "OutOfMemoryError",
        Error::DeviceLost { .. } => "DeviceLostError",
        Error::NoAdapter { .. } | Error::NoSuchAdapter { .. } | Error::Adapter { .. } | Error::NoTensorCores { .. } => {
            "AdapterError"
        }
        Error::Malformed { .. } | Error::Unsupported { .. } | Error::Tensor { .. } | Error::MissingHead { .. } => {
            "ModelError"
        }
        _ => "Error",
    };
    of_class(py, class, in_python(error.to_string()))
}

/// The exception for an error of somebody's table: what is malformed is no file of a model.
pub fn raise_of_data(py: Python<'_>, error: Error) -> PyErr {
    match error {
        Error::Malformed { .. } => data(py, error.to_string()),
        error => raise(py, error),
    }
}

pub fn argument(py: Python<'_>, message: String) -> PyErr {
    of_class(py, "ArgumentError", message)
}

pub fn data(py: Python<'_>, message: String) -> PyErr {
    of_class(py, "DataError", message)
}

/// A text that has no answer, which `message` names already.
pub fn text(py: Python<'_>, index: usize, message: &str) -> PyErr {
    let error = of_class(py, "TextError", message.into());
    error.value(py).setattr("index", index).err().unwrap_or(error)
}

fn of_class(py: Python<'_>, class: &str, message: String) -> PyErr {
    let made = py.import("wgbert._errors").and_then(|errors| errors.getattr(class)?.call1((message,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// What the library says, with Python's arguments in the place of what a program in Rust would write.
pub fn in_python(said: String) -> String {
    const ARGUMENTS: [(&str, &str); 9] = [
        ("`Options::random_head`", "random_head="),
        ("`Options::batch_tokens`", "batch_tokens="),
        ("`Options::scoring`", "function_to_apply="),
        ("`Adapter::Reference`", "adapter=\"reference\""),
        ("`Precision::F32`", "precision=\"f32\""),
        ("`SelfCheck::Always`", "self_check=\"always\""),
        ("`TensorCores::Auto`", "tensor_cores=\"auto\""),
        ("`classify_tokens` or `run_tokens`", "Classifier.entities, or pipeline(\"token-classification\")"),
        ("`classify` or `run`", "Classifier.classify, or pipeline(\"text-classification\")"),
    ];
    ARGUMENTS.iter().fold(said, |message, (name, argument)| message.replace(name, argument))
}
