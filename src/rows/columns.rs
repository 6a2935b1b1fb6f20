//! Which column of a table is what.

use super::fields::{Fields, Kept, Object};
use super::{Content, Found as Row, Line};
use crate::json;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap, HashSet};

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
    ("query", "document"),
];

/// Whether a column of that name is known to have texts.
pub(super) fn has_texts(name: &str) -> bool {
    TEXTS.iter().any(|text| is_like(name, text))
}

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
        let like = |wanted: &str| like(names, wanted);
        let text = match named(&self.text)? {
            Some(text) => text,
            None => match like("text")? {
                Some(text) => text,
                None => self.guess(names, notes)?,
            },
        };
        let mut seconds = PAIRS.iter().filter(|(first, _)| is_like(&names[text], first));
        let pair = match named(&self.pair)? {
            None if self.text.is_none() => {
                let pair = seconds.find_map(|(_, second)| like(second).transpose()).transpose()?;
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
        let candidates: Vec<usize> = (0..names.len()).filter(|&place| has_texts(&names[place])).collect();
        match candidates[..] {
            [text] => {
                notes.push(format!("texts are the column {:?}", names[text]));
                Ok(text)
            }
            [] => Err(format!("no column is known to have the texts; name it: the columns are {}", listed(names))),
            // A query and a document, of which each could have the texts, are a pair.
            [one, other] if self.pair.is_none() && (is_pair(names, one, other) || is_pair(names, other, one)) => {
                let text = if is_pair(names, one, other) { one } else { other };
                notes.push(format!("texts are the column {:?}", names[text]));
                Ok(text)
            }
            _ => {
                let several: Vec<String> = candidates.iter().map(|&place| names[place].clone()).collect();
                Err(format!("several columns may have the texts: {}; name the one that does", listed(&several)))
            }
        }
    }
}

/// Whether the one column is known to have the first texts of pairs, and the other the second.
fn is_pair(names: &[String], one: usize, other: usize) -> bool {
    PAIRS.iter().any(|(first, second)| is_like(&names[one], first) && is_like(&names[other], second))
}

fn position(names: &[String], wanted: &str) -> Result<usize, String> {
    let by_number = || wanted.parse::<usize>().ok().filter(|number| (1..=names.len()).contains(number));
    let called: Vec<usize> = (0..names.len()).filter(|&place| names[place] == wanted).collect();
    match called[..] {
        [] => by_number()
            .map(|number| number - 1)
            .ok_or_else(|| format!("there is no column {wanted:?}; the columns are {}", listed(names))),
        [place] => Ok(place),
        [..] => Err(several(wanted, &called)),
    }
}

/// The column of a name, written so or with other capitals or spaces around it.
fn like(names: &[String], wanted: &str) -> Result<Option<usize>, String> {
    let exact: Vec<usize> = (0..names.len()).filter(|&place| names[place] == wanted).collect();
    let alike = || (0..names.len()).filter(|&place| is_like(&names[place], wanted)).collect();
    let found: Vec<usize> = if exact.is_empty() { alike() } else { exact };
    match found[..] {
        [] => Ok(None),
        [place] => Ok(Some(place)),
        [..] => Err(several(wanted, &found)),
    }
}

fn is_like(name: &str, wanted: &str) -> bool {
    name.trim().eq_ignore_ascii_case(wanted)
}

/// Which of them is meant, nobody knows.
fn several(wanted: &str, places: &[usize]) -> String {
    let numbers: Vec<String> = places.iter().map(|place| (place + 1).to_string()).collect();
    format!("several columns are called {wanted:?}; name one by its number: they are {}", numbers.join(", "))
}

/// The names with those made different that are there more than once, as pandas does it: what is written has each once, and who
/// reads it would take one for the other.
pub(super) fn distinct(mut names: Vec<String>, notes: &mut Vec<String>) -> Vec<String> {
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    if taken.len() == names.len() {
        return names;
    }
    let (mut met, mut renamed) = (HashMap::<String, usize>::new(), Vec::new());
    for name in &mut names {
        let times = met.entry(name.clone()).or_default();
        if *times > 0 {
            let other = (*times..).map(|number| format!("{name}.{number}")).find(|other| !taken.contains(other));
            *name = other.expect("there are more numbers than columns");
            taken.insert(name.clone());
            renamed.push(name.clone());
        }
        *times += 1;
    }
    notes.push(format!("columns that are called as one before them are called {}", listed(&renamed)));
    names
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
pub(super) struct Keys(Option<Names>);

#[derive(Debug)]
struct Names {
    text: String,
    pair: Option<String>,
    label: Option<String>,
    id: Option<String>,
}

impl Keys {
    /// The row that an object is. Keys that nobody asked for by name may be missing, but the text's.
    pub(super) fn row(&mut self, columns: &Columns, object: Object, notes: &mut Vec<String>) -> Line {
        let content = match &self.0 {
            Some(keys) => content(keys, &object),
            None => self.find(columns, &object, notes).and_then(|keys| content(keys, &object)),
        };
        Line::Row(Box::new(Row { content, fields: Fields(Kept::Json(object.fields)) }))
    }

    /// Decides by the first object.
    fn find(&mut self, columns: &Columns, first: &Object, notes: &mut Vec<String>) -> Result<&Names, String> {
        let names = first.names();
        // A later row may have a label or an id where the first has none.
        let there = |name: &Option<String>| name.clone().filter(|name| names.contains(name));
        let asked = Columns {
            pair: there(&columns.pair),
            label: there(&columns.label),
            id: there(&columns.id),
            ..columns.clone()
        };
        let found = asked.find(&names, notes)?;
        let name = |place: usize| names[place].clone();
        let or = |found: Option<usize>, asked: &Option<String>, usual: Option<&str>| {
            asked.clone().or_else(|| found.map(name)).or_else(|| usual.map(String::from))
        };
        let pair = if name(found.text) == "text" { Some("text_pair") } else { None };
        let names = Names {
            text: name(found.text),
            pair: or(found.pair, &columns.pair, pair),
            label: or(found.label, &columns.label, Some("label")),
            id: or(found.id, &columns.id, None),
        };
        Ok(self.0.insert(names))
    }
}

/// What an object says to classify; nothing where its text is null.
fn content(keys: &Names, object: &Object) -> Result<Option<Content>, String> {
    let field = |name: &Option<String>| name.as_deref().and_then(|name| Some((name.to_string(), object.get(name)?)));
    let text = match object.get(&keys.text) {
        None => return Err(format!("there is no column {:?}; the columns are {}", keys.text, listed(&object.names()))),
        Some(Value::Null) => return Ok(None),
        Some(value) => string(&keys.text, &value)?,
    };
    let text_pair = match field(&keys.pair) {
        None | Some((_, Value::Null)) => None,
        Some((name, value)) => Some(string(&name, &value)?),
    };
    let label = field(&keys.label).map(|(name, value)| self::label(&name, &value)).transpose()?.flatten();
    Ok(Some(Content { text, text_pair, label, id: field(&keys.id).map(|(_, value)| json::strict(&value)) }))
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
