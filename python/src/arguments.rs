//! The arguments of a classifier: what it is made by, told from others by, and pickled as.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ffi::OsString;
use wgbert::{
    Adapter, Backend, Options, PairTruncation, Precision, Scoring, SelfCheck, TensorCores, Truncation, Windows,
};

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
        let truncation = match self.truncation.as_str() {
            "windows" => Truncation::Windows { stride: self.stride },
            other if self.stride > 0 => {
                return Err(format!("stride= is of windows: add truncation=\"windows\", which is {other:?}"));
            }
            other => {
                let known =
                    [("cut", Truncation::Cut), ("cut-left", Truncation::CutLeft), ("refuse", Truncation::Refuse)];
                choice("truncation", other, &known, &["windows"])?
            }
        };
        let mut options = Options::default()
            .max_length(self.max_length)
            .truncation(truncation)
            .random_head(self.random_head)
            .batch_tokens(self.batch_tokens)
            .batch_texts(self.batch_texts)
            .precision(choice(
                "precision",
                &self.precision,
                &[("f32", Precision::F32), ("f16", Precision::F16), ("auto", Precision::Auto)],
                &[],
            )?)
            .tensor_cores(choice(
                "tensor_cores",
                &self.tensor_cores,
                &[("auto", TensorCores::Auto), ("always", TensorCores::Always), ("never", TensorCores::Never)],
                &[],
            )?)
            .windows(choice(
                "windows",
                &self.windows,
                &[("mean", Windows::Mean), ("max", Windows::Max), ("first", Windows::First)],
                &[],
            )?)
            .pair_truncation(choice(
                "pair_truncation",
                &self.pair_truncation,
                &[
                    ("longest-first", PairTruncation::LongestFirst),
                    ("only-first", PairTruncation::OnlyFirst),
                    ("only-second", PairTruncation::OnlySecond),
                ],
                &[],
            )?);
        if let Some(backend) = &self.backend {
            let known = [("vulkan", Backend::Vulkan), ("metal", Backend::Metal), ("dx12", Backend::Dx12)];
            options = options.backend(choice("backend", backend, &known, &[])?);
        }
        if let Some(function) = &self.function_to_apply {
            let known = [("softmax", Scoring::Softmax), ("sigmoid", Scoring::Sigmoid), ("none", Scoring::None)];
            options = options.scoring(choice("function_to_apply", function, &known, &[])?);
        }
        if let Some(when) = &self.self_check {
            let known = [("auto", SelfCheck::Auto), ("always", SelfCheck::Always), ("never", SelfCheck::Never)];
            options = options.self_check(choice("self_check", when, &known, &[])?);
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

/// The value of an argument, among those that there are; `more` are those that somebody else knows.
pub fn choice<T: Copy>(argument: &str, value: &str, known: &[(&str, T)], more: &[&str]) -> Result<T, String> {
    let found = known.iter().find(|(name, _)| *name == value).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names = known.iter().map(|(name, _)| *name).chain(more.iter().copied());
        let names: Vec<String> = names.map(|name| format!("{name:?}")).collect();
        format!("{argument} is {value:?}, which is none of {}", names.join(", "))
    })
}
