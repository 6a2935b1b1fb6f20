//! Which column of a table is what.

use super::{Content, Line};
use crate::json;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The columns that count, by name, or by position from 1 where none is called so. Those that are not named are found by the
/// names that people give them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Columns {
    /// What to classify.
    pub text: Option<String>,
    /// The second text of a pair.
    pub pair: Option<String>,
    /// What is right.
    pub label: Option<String>,
    /// What the row is called in another table.
    pub id: Option<String>,
}

/// Names of columns with texts.
const TEXTS: &[&str] = &[
    "text",
    "sentence",
    "content",
    "body",
    "review",
    "comment",
    "message",
    "tweet",
    "document",
    "question",
    "title",
    "sentence1",
    "premise",
    "question1",
    "text_a",
    "text1",
    "query",
];
/// The second texts that belong to some of them.
const PAIRS: &[(&str, &str)] = &[
    ("text", "text_pair"),
    ("sentence", "sentence2"),
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("query", "passage"),
];

/// Positions of the columns that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub text: usize,
    pub pair: Option<usize>,
    pub label: Option<usize>,
    pub id: Option<usize>,
}

impl Columns {
    /// Finds them among the names of a table's columns; says in `notes` what its user did not say.
    pub(super) fn find(&self, names: &[String], notes: &mut Vec<String>) -> Result<Found, String> {
        let named = |column: &Option<String>| column.as_ref().map(|column| position(names, column)).transpose();
        let like = |wanted: &str| names.iter().position(|name| name.trim().eq_ignore_ascii_case(wanted));
        let text = match named(&self.text)? {
            Some(text) => text,
            None => match like("text") {
                Some(text) => text,
                None => self.guess(names, notes)?,
            },
        };
        let pair_of = |&&(first, _): &&(&str, &str)| names[text].trim().eq_ignore_ascii_case(first);
        let pair = match named(&self.pair)? {
            None if self.text.is_none() => {
                let pair = PAIRS.iter().filter(pair_of).find_map(|(_, second)| like(second));
                if let Some(pair) = pair.filter(|&pair| names[pair] != "text_pair") {
                    notes.push(format!("second texts are the column {:?}", names[pair]));
                }
                pair
            }
            pair => pair,
        };
        // A table's labels are often not the model's: a loss that nobody asked for must not fail its rows.
        Ok(Found { text, pair, label: named(&self.label)?, id: named(&self.id)? })
    }

    fn guess(&self, names: &[String], notes: &mut Vec<String>) -> Result<usize, String> {
        let candidates: Vec<usize> = (0..names.len())
            .filter(|&place| TEXTS.iter().any(|text| names[place].trim().eq_ignore_ascii_case(text)))
            .collect();
        match candidates[..] {
            [text] => {
                notes.push(format!("texts are the column {:?}", names[text]));
                Ok(text)
            }
            [] => Err(format!("no column is known to have the texts; name it: the columns are {}", listed(names))),
            _ => {
                let several: Vec<String> = candidates.iter().map(|&place| names[place].clone()).collect();
                Err(format!("several columns may have the texts: {}; name the one that does", listed(&several)))
            }
        }
    }
}

fn position(names: &[String], wanted: &str) -> Result<usize, String> {
    let by_number = || wanted.parse::<usize>().ok().filter(|number| (1..=names.len()).contains(number));
    let found = names.iter().position(|name| name == wanted).or_else(|| by_number().map(|number| number - 1));
    found.ok_or_else(|| format!("there is no column {wanted:?}; the columns are {}", listed(names)))
}

/// As many names as a line holds.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    shown.join(", ") + &more
}

/// The columns of JSON objects, by name: the first object decides which.
#[derive(Debug, Default)]
pub(super) struct Keys(Option<[Option<String>; 4]>);

impl Keys {
    /// The row that an object is. Keys that nobody asked for by name may be missing, but the text's.
    pub(super) fn row(&mut self, columns: &Columns, fields: &Map<String, Value>, notes: &mut Vec<String>) -> Line {
        if self.0.is_none() {
            let names: Vec<String> = fields.keys().cloned().collect();
            // A later row may have a label or an id where the first has none.
            let asked = Columns {
                pair: columns.pair.clone().filter(|name| fields.contains_key(name)),
                label: columns.label.clone().filter(|name| fields.contains_key(name)),
                id: columns.id.clone().filter(|name| fields.contains_key(name)),
                ..columns.clone()
            };
            let found = match asked.find(&names, notes) {
                Ok(found) => found,
                Err(message) => return Line::Row(Err(message)),
            };
            let name = |place: usize| names[place].clone();
            let or = |found: Option<usize>, asked: &Option<String>, usual: Option<&str>| {
                asked.clone().or_else(|| found.map(name)).or_else(|| usual.map(String::from))
            };
            let pair = if name(found.text) == "text" { Some("text_pair") } else { None };
            self.0 = Some([
                Some(name(found.text)),
                or(found.pair, &columns.pair, pair),
                or(found.label, &columns.label, Some("label")),
                or(found.id, &columns.id, None),
            ]);
        }
        let [text, pair, label, id] = self.0.as_ref().expect("it was found");
        let text = text.as_ref().expect("every row has one");
        fn field<'a>(fields: &'a Map<String, Value>, name: &'a Option<String>) -> Option<(&'a str, &'a Value)> {
            let name = name.as_deref()?;
            Some((name, fields.get(name)?))
        }
        match fields.get(text) {
            None => {
                let names: Vec<String> = fields.keys().cloned().collect();
                Line::Row(Err(format!("there is no column {text:?}; the columns are {}", listed(&names))))
            }
            Some(Value::Null) => Line::Null,
            Some(value) => Line::Row(string(text, value).and_then(|text| {
                let text_pair = match field(fields, pair) {
                    None | Some((_, Value::Null)) => None,
                    Some((name, value)) => Some(string(name, value)?),
                };
                let label = field(fields, label).map(|(name, value)| self::label(name, value)).transpose()?.flatten();
                Ok(Content { text, text_pair, label, id: field(fields, id).map(|(_, value)| value.clone()) })
            })),
        }
    }
}

fn string(name: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        // The error names the field, and what only Python writes as Python does.
        other => {
            let fields = Map::from_iter([(name.to_string(), other.clone())]);
            let mut read: BTreeMap<String, String> = json::from_fields(&fields).map_err(|error| error.to_string())?;
            Ok(read.remove(name).unwrap_or_default())
        }
    }
}

fn label(name: &str, value: &Value) -> Result<Option<Value>, String> {
    match json::unreadable_within(value) {
        // pandas writes a missing one so.
        Some("NaN") if json::unreadable(value).is_some() => Ok(None),
        Some(what) => Err(format!("{name}: {what} is no label")),
        None if value.is_null() => Ok(None),
        None => Ok(Some(value.clone())),
    }
}
