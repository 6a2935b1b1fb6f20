//! The arguments of a classifier: what it is made by, told from others by, and pickled as.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ffi::OsString;
use wgbert::cli::choices::{
    self, BackendName, LongTexts, PairLongTexts, PrecisionName, ScoringFunction, TensorCoresName, ValueEnum,
    WindowsName,
};
use wgbert::{Adapter, Backend, Options, Scoring, SelfCheck};

/// As they were given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, IntoPyObject)]
pub struct Arguments {
    /// To the letter: a path would lose a dot or a slash, which tell a folder from a name on the hub and are a part of an address.
    pub model: Option<OsString>,
    pub adapter: Option<String>,
    pub backend: Option<String>,
    pub precision: String,
    pub tensor_cores: String,
    pub max_length: Option<usize>,
    pub truncation: String,
    pub stride: usize,
    pub windows: String,
    pub pair_truncation: String,
    pub function_to_apply: Option<String>,
    pub random_head: Option<u64>,
    pub self_check: Option<String>,
    pub batch_tokens: Option<usize>,
    pub batch_texts: Option<usize>,
}

impl Arguments {
    /// The options that they are, but where the adapter is the process's own choice, and where it is checked.
    ///
    /// # Errors
    /// A message that names the argument, and what it may be.
    pub fn options(&self) -> Result<Options, String> {
        let truncation = choice::<LongTexts>("truncation", &self.truncation)?;
        if self.stride > 0 && truncation != LongTexts::Windows {
            return Err(format!("stride= is of windows: add truncation=\"windows\", which is {:?}", self.truncation));
        }
        let mut options = Options::default()
            .max_length(self.max_length)
            .truncation(truncation.truncation(self.stride))
            .random_head(self.random_head)
            .batch_tokens(self.batch_tokens)
            .batch_texts(self.batch_texts)
            .precision(choice::<PrecisionName>("precision", &self.precision)?.into())
            .tensor_cores(choice::<TensorCoresName>("tensor_cores", &self.tensor_cores)?.into())
            .windows(choice::<WindowsName>("windows", &self.windows)?.into())
            .pair_truncation(choice::<PairLongTexts>("pair_truncation", &self.pair_truncation)?.into());
        if let Some(backend) = &self.backend {
            options = options.backend(Backend::from(choice::<BackendName>("backend", backend)?));
        }
        if let Some(function) = &self.function_to_apply {
            options = options.scoring(Scoring::from(choice::<ScoringFunction>("function_to_apply", function)?));
        }
        if let Some(when) = &self.self_check {
            options =
                options.self_check(when.parse::<SelfCheck>().map_err(|message| format!("self_check: {message}"))?);
        }
        Ok(options)
    }

    /// Where to compute: here, and in this process.
    ///
    /// # Errors
    /// A message where the environment names a card that cannot be found.
    pub fn adapter(&self) -> Result<Adapter, String> {
        let Some(named) = &self.adapter else { return Adapter::of_environment() };
        match named.strip_prefix("cuda:").and_then(|number| number.parse().ok()) {
            Some(number) => Adapter::of_card(number),
            None => Ok(named.parse().unwrap_or_default()),
        }
    }

    /// As `Classifier` takes them.
    pub fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        Ok(self.clone().into_pyobject(py)?.cast_into()?)
    }
}

/// The value of an argument, among those that there are.
pub fn choice<N: ValueEnum>(argument: &str, value: &str) -> Result<N, String> {
    choices::choice(value).map_err(|message| format!("{argument} is {message}"))
}
