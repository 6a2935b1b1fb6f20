//! `config.json`: the fields every classifier has, and the rest for the architecture that understands it.

use std::cell::Cell;
use std::fmt;
use std::iter;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::labels;
use super::scoring::{ProblemType, Scoring};
use crate::{Error, Result};

/// A model's `config.json`.
#[derive(Clone)]
pub struct Config {
    /// The architecture's family: `bert`, `roberta`...
    pub model_type: String,
    /// The transformers classes it was saved from: `BertForSequenceClassification`...; may be empty.
    pub architectures: Vec<String>,
    /// The name of each label, by index; at least one.
    pub labels: Vec<String>,
    /// What the file says the logits mean, if it does; see [`Config::effective_problem_type`].
    pub problem_type: Option<ProblemType>,
    label2id: Option<Map<String, Value>>,
    cross_encoder: Option<CrossEncoder>,
    path: PathBuf,
    fields: Map<String, Value>,
}

/// The settings sentence-transformers leaves in the config of a cross-encoder.
#[derive(Clone, Debug)]
struct CrossEncoder {
    activation: Option<String>,
}

/// The fields every classifier has; any may be absent or null.
#[derive(Deserialize)]
struct Common {
    model_type: Option<String>,
    architectures: Option<Vec<String>>,
    num_labels: Option<u64>,
    id2label: Option<Map<String, Value>>,
    label2id: Option<Map<String, Value>>,
    problem_type: Option<ProblemType>,
    sentence_transformers: Option<SentenceTransformers>,
    sbert_ce_default_activation_function: Option<String>,
}

#[derive(Deserialize)]
struct SentenceTransformers {
    activation_fn: Option<String>,
}

impl Config {
    /// Reads the contents of a `config.json`; `path` names it in messages.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] naming the field if it is not a JSON object, has no `model_type`, or its labels cannot be
    /// numbered from 0 without gaps (at most [`super::MAX_LABELS`]).
    pub fn new(bytes: &[u8], path: impl Into<PathBuf>) -> Result<Config> {
        let path = path.into();
        let fields = serde_json::from_slice(bytes).map_err(|error| Error::malformed(&path, error))?;
        let common: Common = parse(&path, &fields)?;
        let model_type = common.model_type.filter(|name| !name.is_empty()).ok_or_else(|| {
            Error::malformed(
                &path,
                "no model_type: the architecture (\"bert\", \"roberta\"...) cannot be told without it",
            )
        })?;
        let cross_encoder = match (common.sentence_transformers, common.sbert_ce_default_activation_function) {
            (Some(SentenceTransformers { activation_fn: Some(activation) }), _) | (_, Some(activation)) => {
                Some(CrossEncoder { activation: Some(activation) })
            }
            (Some(_), None) => Some(CrossEncoder { activation: None }),
            (None, None) => None,
        };
        let labels = labels::resolve(&path, common.num_labels, common.id2label.as_ref())?;
        Ok(Config {
            model_type,
            architectures: common.architectures.unwrap_or_default(),
            labels,
            problem_type: common.problem_type,
            label2id: common.label2id,
            cross_encoder,
            path,
            fields,
        })
    }

    /// Where it was read from; for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many labels the model has.
    pub fn num_labels(&self) -> usize {
        self.labels.len()
    }

    /// The index of a label by its name in `label2id`, else by its name in [`Config::labels`].
    pub fn label_index(&self, name: &str) -> Option<usize> {
        let listed = self.label2id.as_ref().and_then(|indices| indices.get(name)?.as_u64()?.try_into().ok());
        listed
            .filter(|&index: &usize| index < self.labels.len())
            .or_else(|| self.labels.iter().position(|label| label == name))
    }

    /// The fields of one architecture, under transformers' names.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] naming the file and the field that is absent or has the wrong type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        parse(&self.path, &self.fields)
    }

    /// The fields of one architecture, where those that the file does not have are `defaults`'.
    ///
    /// # Errors
    ///
    /// As [`Config::parse`]; null is a value, which only fields that may be null take.
    pub(crate) fn parse_over<T: DeserializeOwned + Serialize>(&self, defaults: &T) -> Result<T> {
        let Ok(Value::Object(mut fields)) = serde_json::to_value(defaults) else {
            panic!("an architecture's fields are an object, whose numbers are finite");
        };
        for (name, value) in &mut fields {
            if let Some(given) = self.fields.get(name) {
                value.clone_from(given);
            }
        }
        parse(&self.path, &fields)
    }

    /// Checks sizes, each with its field's name and the largest that makes sense: a config's numbers decide how much is
    /// allocated and how long loops run before any file confirms them.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] naming the file and the field that is zero or too large.
    pub(crate) fn sizes(&self, fields: &[(&str, usize, usize)]) -> Result<()> {
        match fields.iter().find(|(_, size, largest)| !(1..=*largest).contains(size)) {
            None => Ok(()),
            Some((field, size, largest)) => {
                Err(Error::malformed(&self.path, format!("{field} is {size}, which is not between 1 and {largest}")))
            }
        }
    }

    /// Checks the small number that a norm adds to a variance.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] naming the file and the field if it is negative or infinite.
    pub(crate) fn epsilon(&self, field: &str, value: f32) -> Result<f32> {
        if (0.0..=1.0).contains(&value) {
            return Ok(value);
        }
        Err(Error::malformed(&self.path, format!("{field} is {value}, which is not between 0 and 1")))
    }

    /// What the logits mean, and so which loss: `problem_type`; else, as in transformers/loss/loss_utils.py
    /// (`ForSequenceClassificationLoss`), regression with one label, otherwise by the type of the labels that are
    /// compared with: integers name one right label, `float_labels` say of each label whether it is right.
    pub fn effective_problem_type(&self, float_labels: bool) -> ProblemType {
        match self.problem_type {
            Some(configured) => configured,
            None if self.labels.len() == 1 => ProblemType::Regression,
            None if float_labels => ProblemType::MultiLabel,
            None => ProblemType::SingleLabel,
        }
    }

    /// How logits become scores when the caller does not say: a cross-encoder's own setting if the file has one,
    /// else as transformers' text-classification pipeline decides.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if a cross-encoder's activation is not known.
    pub fn scoring(&self) -> Result<Scoring> {
        match &self.cross_encoder {
            None => Ok(Scoring::of_pipeline(self.problem_type, self.labels.len())),
            Some(CrossEncoder { activation: None }) => Ok(Scoring::of_cross_encoder(self.labels.len())),
            Some(CrossEncoder { activation: Some(path) }) => {
                Scoring::of_torch_class(path).ok_or_else(|| Error::Unsupported {
                    path: self.path.clone(),
                    feature: format!("the cross-encoder activation {path:?}"),
                    supported: Scoring::ACTIVATION_NAMES.into(),
                })
            }
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Config");
        debug.field("path", &self.path).field("fields", &self.fields).finish()
    }
}

/// Deserializes a `T` field by field, remembering which field is being read: serde's own message says what is wrong
/// with a value but not whose value it is.
fn parse<T: DeserializeOwned>(path: &Path, fields: &Map<String, Value>) -> Result<T> {
    let current = Cell::new(None);
    let entries = fields.iter().inspect(|(name, _)| current.set(Some(name.as_str())));
    let entries = entries.map(|(name, value)| (name.as_str(), value));
    // After the last field an error is about one that is absent, which serde names.
    let entries = entries.chain(iter::from_fn(|| {
        current.set(None);
        None
    }));
    T::deserialize(MapDeserializer::new(entries)).map_err(|error: serde_json::Error| match current.get() {
        Some(field) => Error::malformed(path, format!("{field}: {error}")),
        None => Error::malformed(path, error),
    })
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
