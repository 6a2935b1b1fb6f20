//! What a row has beside its text: the columns of its input, kept as they were read, to be written beside the answer.

use crate::json;
#[cfg(feature = "parquet")]
use arrow_array::RecordBatch;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;

/// The columns of a row as its input has them.
#[derive(Clone, Debug, Default)]
pub struct Fields(pub(super) Kept);

#[derive(Clone, Debug, Default)]
pub(super) enum Kept {
    /// A line, or an element, is the text.
    #[default]
    Alone,
    /// CSV and TSV.
    Strings { names: Arc<[String]>, values: Vec<String> },
    /// JSON, each value as it was written: numbers keep their digits.
    Json(Vec<(String, Box<RawValue>)>),
    /// A row of a table that has types.
    #[cfg(feature = "parquet")]
    Typed { batch: Arc<RecordBatch>, row: usize },
}

impl Fields {
    /// Two texts that no table holds.
    pub fn of_pair(text: &str, text_pair: &str) -> Fields {
        let names = ["text", "text_pair"].map(String::from).into();
        Fields(Kept::Strings { names, values: vec![text.into(), text_pair.into()] })
    }

    /// The names of the columns, in their order; none where a line is a text.
    pub fn names(&self) -> Vec<String> {
        match &self.0 {
            Kept::Alone => Vec::new(),
            Kept::Strings { names, .. } => names.to_vec(),
            Kept::Json(fields) => fields.iter().map(|(name, _)| name.clone()).collect(),
            #[cfg(feature = "parquet")]
            Kept::Typed { batch, .. } => batch.schema_ref().fields().iter().map(|field| field.name().clone()).collect(),
        }
    }

    /// Whether a line is a text, and has no columns.
    pub fn is_alone(&self) -> bool {
        matches!(self.0, Kept::Alone)
    }
}

/// A JSON object whose values are read when somebody asks for them.
#[derive(Debug)]
pub(super) struct Object {
    pub fields: Vec<(String, Box<RawValue>)>,
    /// The values where JSON in the strict sense cannot hold them.
    python: Option<Map<String, Value>>,
}

impl Object {
    /// Reads an object; of a name that stands twice the last value counts, as in Python.
    pub(super) fn read(bytes: &[u8]) -> Result<Object, serde_json::Error> {
        let strict: Result<Entries, _> = serde_json::from_slice(bytes);
        match strict {
            Ok(Entries(fields)) if !may_hold_half_a_pair(bytes) => Ok(Object { fields, python: None }),
            _ => {
                let fields: Map<String, Value> = json::from_slice(bytes)?;
                Ok(Object::of_values(fields))
            }
        }
    }

    /// As [`Object::read`], of what was read already.
    pub(super) fn of_values(values: Map<String, Value>) -> Object {
        let raw = |value: &Value| {
            let text = json::strict(value).to_string();
            RawValue::from_string(text).expect("serde_json writes JSON")
        };
        let fields = values.iter().map(|(name, value)| (name.clone(), raw(value))).collect();
        Object { fields, python: Some(values) }
    }

    /// A field's value.
    pub(super) fn get(&self, name: &str) -> Option<Value> {
        if let Some(values) = &self.python {
            return values.get(name).cloned();
        }
        let (_, raw) = self.fields.iter().find(|(field, _)| field == name)?;
        // Half a surrogate pair is JSON, and no string of Rust.
        json::from_slice(raw.get().as_bytes()).ok()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.fields.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// Whether there is an escape of a surrogate, of which JSON allows single ones.
fn may_hold_half_a_pair(bytes: &[u8]) -> bool {
    bytes.windows(3).any(|escape| matches!(escape, [b'\\', b'u', b'd' | b'D']))
}

/// Names and values of an object.
pub(super) type RawFields = Vec<(String, Box<RawValue>)>;

pub(super) struct Entries(pub RawFields);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entries, D::Error> {
        struct Fill;
        impl<'de> Visitor<'de> for Fill {
            type Value = Entries;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut fields: Vec<(String, Box<RawValue>)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    match fields.iter_mut().find(|(field, _)| *field == name) {
                        Some((_, old)) => *old = value,
                        None => fields.push((name, value)),
                    }
                }
                Ok(Entries(fields))
            }
        }
        deserializer.deserialize_map(Fill)
    }
}
