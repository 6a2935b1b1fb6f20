//! The options of JavaScript as the library's.

use crate::errors;
use js_sys::{Array, JsString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use wgbert::{Options, PairTruncation, Precision, Scoring, SelfCheck, TextBuf, Truncation, Windows};

/// Reads options, all of which are known.
pub fn read<T: DeserializeOwned>(json: &str) -> Result<T, JsValue> {
    serde_json::from_str(json).map_err(|error| {
        let message = error.to_string();
        // Where in the JSON that nobody wrote says nothing.
        let message = message.split(" at line ").next().unwrap_or_default();
        errors::argument(&format!("the options cannot be used: {message}"))
    })
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    #[default]
    Auto,
    WebGpu,
    Cpu,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PrecisionName {
    #[default]
    F32,
    F16,
    Auto,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CheckName {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TruncationName {
    #[default]
    Cut,
    CutLeft,
    Refuse,
    Windows,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WindowsName {
    Mean,
    Max,
    First,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PairName {
    LongestFirst,
    OnlyFirst,
    OnlySecond,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ScoringName {
    Softmax,
    Sigmoid,
    Tanh,
    None,
}

/// The options of `Classifier.load`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LoadOptions {
    pub adapter: Wanted,
    precision: PrecisionName,
    self_check: Option<CheckName>,
    max_length: Option<usize>,
    truncation: TruncationName,
    stride: usize,
    windows: Option<WindowsName>,
    pair_truncation: Option<PairName>,
    function_to_apply: Option<ScoringName>,
    random_head: Option<u64>,
    batch_tokens: Option<usize>,
    batch_texts: Option<usize>,
}

impl LoadOptions {
    pub fn precision(&self) -> Precision {
        match self.precision {
            PrecisionName::F32 => Precision::F32,
            PrecisionName::F16 => Precision::F16,
            PrecisionName::Auto => Precision::Auto,
        }
    }

    /// Of everything but the adapter and the precision, which depends on it.
    pub fn options(&self) -> Options {
        let truncation = match self.truncation {
            TruncationName::Cut => Truncation::Cut,
            TruncationName::CutLeft => Truncation::CutLeft,
            TruncationName::Refuse => Truncation::Refuse,
            TruncationName::Windows => Truncation::Windows { stride: self.stride },
        };
        let windows = self.windows.map_or(Windows::default(), |windows| match windows {
            WindowsName::Mean => Windows::Mean,
            WindowsName::Max => Windows::Max,
            WindowsName::First => Windows::First,
        });
        let pairs = self.pair_truncation.map_or(PairTruncation::default(), |pairs| match pairs {
            PairName::LongestFirst => PairTruncation::LongestFirst,
            PairName::OnlyFirst => PairTruncation::OnlyFirst,
            PairName::OnlySecond => PairTruncation::OnlySecond,
        });
        let self_check = self.self_check.map_or(SelfCheck::Auto, |check| match check {
            CheckName::Auto => SelfCheck::Auto,
            CheckName::Always => SelfCheck::Always,
            CheckName::Never => SelfCheck::Never,
        });
        let scoring = self.function_to_apply.map(|scoring| match scoring {
            ScoringName::Softmax => Scoring::Softmax,
            ScoringName::Sigmoid => Scoring::Sigmoid,
            ScoringName::Tanh => Scoring::Tanh,
            ScoringName::None => Scoring::None,
        });
        Options::default()
            .max_length(self.max_length)
            .truncation(truncation)
            .windows(windows)
            .pair_truncation(pairs)
            .scoring(scoring)
            .random_head(self.random_head)
            .batch_tokens(self.batch_tokens)
            .batch_texts(self.batch_texts)
            .self_check(self_check)
    }
}

/// The options of `classify`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClassifyOptions {
    pub top_k: usize,
    pub hidden_states: bool,
    pub attentions: bool,
    pub pooled_output: bool,
}

/// Texts and pairs: strings, and arrays of two.
pub fn texts(texts: &Array) -> Result<Vec<TextBuf>, JsValue> {
    let wrong =
        |place: usize| errors::argument(&format!("text {place} is neither a string nor an array of two strings"));
    let text = |value: JsValue, place| match value.dyn_into::<JsString>() {
        Ok(text) => Ok(String::from(text)),
        Err(_) => Err(wrong(place)),
    };
    let read = |(place, value): (usize, JsValue)| match value.dyn_ref::<Array>() {
        Some(pair) if pair.length() == 2 => Ok(TextBuf::Pair(text(pair.get(0), place)?, text(pair.get(1), place)?)),
        Some(_) => Err(wrong(place)),
        None => text(value, place).map(TextBuf::Single),
    };
    texts.iter().enumerate().map(read).collect()
}
