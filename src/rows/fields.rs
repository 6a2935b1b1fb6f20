//! What a row has beside its text: the columns of its input, kept as they were read, to be written beside the answer.

use crate::json;
#[cfg(feature = "parquet")]
use arrow_array::RecordBatch;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::HashMap;
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
        let Ok(Entries(mut fields)) = strict else { return Ok(Object::of_values(json::from_slice(bytes)?)) };
        if !may_hold_half_a_pair(bytes) {
            return Ok(Object { fields, python: None });
        }
        // Most escapes of surrogates are pairs, and a column without any is what it is.
        let is_whole = |raw: &RawValue| {
            !may_hold_half_a_pair(raw.get().as_bytes()) || serde_json::from_str::<Value>(raw.get()).is_ok()
        };
        if fields.iter().all(|(_, raw)| is_whole(raw)) {
            return Ok(Object { fields, python: None });
        }
        let values: Map<String, Value> = json::from_slice(bytes)?;
        for (name, raw) in fields.iter_mut().filter(|(_, raw)| !is_whole(raw)) {
            *raw = self::raw(values.get(name).unwrap_or(&Value::Null));
        }
        Ok(Object { fields, python: Some(values) })
    }

    /// As [`Object::read`], of what was read already.
    pub(super) fn of_values(values: Map<String, Value>) -> Object {
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

/// A value as JSON in the strict sense has it.
fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(json::strict(value).to_string()).expect("serde_json writes JSON")
}

/// Whether there is an escape of a surrogate, of which JSON allows single ones.
fn may_hold_half_a_pair(bytes: &[u8]) -> bool {
    bytes.windows(3).any(|escape| matches!(escape, [b'\\', b'u', b'd' | b'D']))
}

/// Columns among which one is sooner looked for than hashed.
const FEW: usize = 32;

/// The fields of an object, each name once.
pub(super) struct Entries(pub Vec<(String, Box<RawValue>)>);

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
                // Of many columns, where each is.
                let mut places: HashMap<String, usize> = HashMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    let place = match fields.len() {
                        0..FEW => fields.iter().position(|(field, _)| *field == name),
                        FEW.. => {
                            if places.is_empty() {
                                places.extend(
                                    fields.iter().enumerate().map(|(place, (field, _))| (field.clone(), place)),
                                );
                            }
                            places.get(&name).copied()
                        }
                    };
                    match place {
                        Some(place) => fields[place].1 = value,
                        None => {
                            if !places.is_empty() {
                                places.insert(name.clone(), fields.len());
                            }
                            fields.push((name, value));
                        }
                    }
                }
                Ok(Entries(fields))
            }
        }
        deserializer.deserialize_map(Fill)
    }
}
