//! `config.json`: the fields every classifier has, and the rest for the architecture that understands it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::labels;
use super::scoring::{ProblemType, Scoring};
use super::sentence_transformers::{ModuleHead, Settings};
use crate::text::Transformers;
use crate::{Error, Result, json};

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
    is_cross_encoder: bool,
    /// The class in torch that makes a cross-encoder's scores of its logits, if one is named, and the file that does.
    activation: Option<(String, PathBuf)>,
    pub(super) settings: Settings,
    written: Transformers,
    path: PathBuf,
    fields: Map<String, Value>,
}

/// The fields every classifier has; any may be absent or null.
#[derive(Deserialize)]
struct Common {
    model_type: Option<String>,
    architectures: Option<Value>,
    num_labels: Option<u64>,
    id2label: Option<Map<String, Value>>,
    label2id: Option<Value>,
    #[serde(default, deserialize_with = "problem_type")]
    problem_type: Option<ProblemType>,
    transformers_version: Option<Value>,
    sentence_transformers: Option<SentenceTransformers>,
    sbert_ce_default_activation_function: Option<String>,
}

#[derive(Deserialize)]
struct SentenceTransformers {
    #[serde(default, deserialize_with = "given")]
    activation_fn: Option<Option<String>>,
}

impl Config {
    /// Reads the contents of a `config.json`; `path` names it in messages.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] naming the field if it is not a JSON object, has no `model_type`, or its labels cannot be
    /// numbered from 0 without gaps (at most [`super::MAX_LABELS`]).
    pub fn new(bytes: &[u8], path: impl Into<PathBuf>) -> Result<Config> {
        Config::beside(bytes, path.into(), || Ok(Transformers::Four))
    }

    /// Where the file does not say which version wrote it, `otherwise` does.
    pub(super) fn beside(
        bytes: &[u8],
        path: PathBuf,
        otherwise: impl FnOnce() -> Result<Transformers>,
    ) -> Result<Config> {
        let fields = whole_numbers(json::from_slice(bytes).map_err(|error| Error::malformed(&path, error))?);
        let common: Common = parse(&path, &fields)?;
        let model_type = common.model_type.filter(|name| !name.is_empty()).ok_or_else(|| {
            Error::malformed(
                &path,
                "no model_type: the architecture (\"bert\", \"roberta\"...) cannot be told without it",
            )
        })?;
        let legacy = common.sbert_ce_default_activation_function;
        let is_cross_encoder = common.sentence_transformers.is_some() || legacy.is_some();
        // Where the newer field is there, but null, the older one is not looked at.
        let activation = match common.sentence_transformers {
            Some(SentenceTransformers { activation_fn: Some(activation) }) => activation,
            _ => legacy,
        };
        let version = common.transformers_version.as_ref().and_then(Value::as_str);
        let written = version.and_then(Transformers::of_version).map_or_else(otherwise, Ok)?;
        let labels = labels::resolve(&path, written, common.num_labels, common.id2label.as_ref())?;
        Ok(Config {
            model_type,
            architectures: names(common.architectures),
            labels,
            problem_type: common.problem_type,
            label2id: common.label2id.and_then(|names| match names {
                Value::Object(names) => Some(names),
                // Transformers reads it for nothing that is computed.
                _ => None,
            }),
            is_cross_encoder,
            activation: activation.map(|activation| (activation, path.clone())),
            settings: Settings::default(),
            written,
            path,
            fields,
        })
    }

    /// Where it was read from; for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's contents.
    pub(crate) fn json(&self) -> Value {
        Value::Object(self.fields.clone())
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

    /// The index of the label that says that a hypothesis follows from a text: the one whose name begins with "entail" in
    /// `label2id` (`entailment_id` of transformers' pipelines/zero_shot_classification.py), or in [`Config::labels`] where the
    /// file has no `label2id`; none where no name does.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if several names do, or the index is none of a label.
    pub(crate) fn entailment(&self) -> Result<Option<usize>> {
        let entails = |name: &str| name.to_lowercase().starts_with("entail");
        let names: Vec<&String> = match &self.label2id {
            Some(indices) => indices.keys().filter(|name| entails(name)).collect(),
            None => self.labels.iter().filter(|name| entails(name)).collect(),
        };
        let name = match names[..] {
            [] => return Ok(None),
            [name] => name,
            [..] => {
                let message =
                    format!("several labels begin with \"entail\": {names:?}; leave one of them so in label2id");
                return Err(Error::malformed(&self.path, message));
            }
        };
        let index = match &self.label2id {
            Some(indices) => indices[name].as_u64().and_then(|index| index.try_into().ok()),
            None => self.labels.iter().position(|label| label == name),
        };
        index.filter(|index| *index < self.labels.len()).map(Some).ok_or_else(|| {
            let message = format!("label2id gives {name:?} no index below {}, the number of labels", self.labels.len());
            Error::malformed(&self.path, message)
        })
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

    /// The config of a cross-encoder with what the files of sentence-transformers beside it say, which wins.
    pub(super) fn with_settings(mut self, settings: Settings) -> Config {
        self.is_cross_encoder = true;
        if let Some(activation) = &settings.activation {
            self.activation = Some(activation.clone());
        }
        if let Some(head) = &settings.head {
            let labels = head.classifier.outputs;
            if labels != self.labels.len() {
                self.labels = (0..labels).map(|index| format!("LABEL_{index}")).collect();
            }
        }
        self.settings = settings;
        self
    }

    /// What a cross-encoder puts before each text, or before the first of a pair.
    pub fn prompt(&self) -> Option<&str> {
        self.settings.prompt.as_deref()
    }

    /// The longest text in tokens, where a cross-encoder's settings say; it then counts rather than the tokenizer's.
    pub fn max_length(&self) -> Option<usize> {
        self.settings.max_length
    }

    /// Whether transformers 5 wrote the file. What its classes and those of 4.57 read differently is read as the one that
    /// wrote it does, since the model was trained with it. A file that does not say is of the version that the files for
    /// the tokenizer beside it are of, and older than 5 where they do not say either.
    pub(crate) fn is_of_transformers_5(&self) -> bool {
        self.written == Transformers::Five
    }

    /// The head, where it is not the architecture's own but modules of sentence-transformers.
    pub(crate) fn head(&self) -> Option<&ModuleHead> {
        self.settings.head.as_ref()
    }

    /// How logits become scores when the caller does not say: a cross-encoder's own setting if the file has one,
    /// else as transformers' text-classification pipeline decides.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if a cross-encoder's activation is not known.
    pub fn scoring(&self) -> Result<Scoring> {
        match &self.activation {
            None if !self.is_cross_encoder => Ok(self.pipeline_scoring()),
            _ => self.cross_encoder_scoring(),
        }
    }

    /// What transformers' text-classification pipeline makes of logits, which knows no cross-encoder's own setting.
    pub fn pipeline_scoring(&self) -> Scoring {
        Scoring::of_pipeline(self.problem_type, self.labels.len())
    }

    /// How logits become scores when the model is run as a cross-encoder, whatever else it could be.
    ///
    /// # Errors
    ///
    /// Those of [`Config::scoring`].
    pub fn cross_encoder_scoring(&self) -> Result<Scoring> {
        let Some((class, path)) = &self.activation else { return Ok(Scoring::of_cross_encoder(self.labels.len())) };
        Scoring::of_torch_class(class).ok_or_else(|| Error::Unsupported {
            path: path.clone(),
            feature: format!("the cross-encoder activation {class:?}"),
            supported: Scoring::ACTIVATION_NAMES.into(),
        })
    }
}

/// The fields, where a whole number that is written as 3.0 is a 3: Python takes one for the other almost everywhere.
fn whole_numbers(mut fields: Map<String, Value>) -> Map<String, Value> {
    // As far as each whole number is an f64.
    const LIMIT: f64 = (1_u64 << 53) as f64;
    for value in fields.values_mut() {
        if let Some(number) = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < LIMIT) {
            *value = (number as i64).into();
        }
    }
    fields
}

/// `problem_type`, of which an empty one is none.
fn problem_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ProblemType>, D::Error> {
    let name = Option::<String>::deserialize(deserializer)?.filter(|name| !name.is_empty());
    name.map(|name| ProblemType::deserialize(name.into_deserializer())).transpose()
}

/// A field that is there, even if it is null.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The names that `architectures` gives: transformers looks at none of them and so takes any form.
fn names(architectures: Option<Value>) -> Vec<String> {
    match architectures {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(String::from).collect(),
        _ => Vec::new(),
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Config");
        debug.field("path", &self.path).field("fields", &self.fields).finish()
    }
}

fn parse<T: DeserializeOwned>(path: &Path, fields: &Map<String, Value>) -> Result<T> {
    json::from_fields(fields).map_err(|error| Error::malformed(path, error))
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
