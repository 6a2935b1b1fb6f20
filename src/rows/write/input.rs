//! The columns of an input, as every format of an output can write them.

use super::super::Row;
use super::super::fields::Kept;
use super::Layout;
use std::borrow::Cow;
use std::collections::HashSet;

/// What the column of inputs is called whose lines are texts.
pub(super) const TEXT: &str = "text";

/// A value of the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Input<'a> {
    Text(&'a str),
    /// JSON, as it was written.
    Json(&'a str),
}

/// Reads the columns of rows.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// The last batch whose rows were asked for, as JSON.
    #[cfg(feature = "parquet")]
    typed: Option<super::super::columnar::JsonRows>,
    /// Columns of which it was said that they are left out.
    left_out: HashSet<String>,
    pub notes: Vec<String>,
}

impl Inputs {
    /// The columns of a row and their values.
    pub(super) fn of<'a>(&'a mut self, row: &'a Row) -> Vec<(&'a str, Input<'a>)> {
        match &row.fields.0 {
            Kept::Alone => match &row.content {
                Ok(content) => vec![(TEXT, Input::Text(&content.text))],
                Err(_) => Vec::new(),
            },
            Kept::Strings { names, values } => {
                names.iter().zip(values).map(|(name, value)| (name.as_str(), Input::Text(value))).collect()
            }
            Kept::Json(fields) => fields.iter().map(|(name, raw)| (name.as_str(), Input::Json(raw.get()))).collect(),
            #[cfg(feature = "parquet")]
            Kept::Typed { batch, row } => {
                let rows = super::super::columnar::JsonRows::of(&mut self.typed, batch);
                for (name, why) in &rows.failed {
                    if self.left_out.insert(name.clone()) {
                        self.notes.push(format!("the column {name:?} is left out of rows: {why}"));
                    }
                }
                rows.row(*row).iter().map(|(name, raw)| (name.as_str(), Input::Json(raw.get()))).collect()
            }
        }
    }

    /// The columns of a row as a JSON object.
    #[cfg(feature = "parquet")]
    pub(super) fn object(&mut self, row: &Row) -> String {
        let mut object = String::from("{");
        for (place, (name, value)) in self.of(row).into_iter().enumerate() {
            if place > 0 {
                object.push(',');
            }
            object += &super::answer::json(&name);
            object.push(':');
            match value {
                Input::Text(text) => object += &super::answer::json(&text),
                Input::Json(raw) => object += raw,
            }
        }
        object.push('}');
        object
    }

    /// Says once of each column that the output has no place for it.
    pub(super) fn say_left_out(&mut self, layout: &Layout, row: &Row) {
        let known = |name: &str| layout.input_names.contains(name) || self.left_out.contains(name);
        // Most rows have what the first had, where it stood there.
        let here = |(place, name): (usize, &String)| layout.input.get(place) == Some(name) || known(name);
        let more: Vec<String> = match &row.fields.0 {
            Kept::Alone => return,
            Kept::Json(fields) if fields.iter().map(|(name, _)| name).enumerate().all(here) => return,
            Kept::Strings { names, .. } if names.iter().enumerate().all(here) => return,
            _ => row.fields.names().into_iter().filter(|name| !known(name)).collect(),
        };
        for name in more {
            let (unit, number) = (row.place.unit.name(), row.place.number);
            let message = "and others is left out: the first rows have none";
            self.notes.push(format!("the column {name:?} of {unit} {number} {message}"));
            self.left_out.insert(name);
        }
    }
}

/// The value of a column, which nearly always stands where it does in the layout.
pub(super) fn value<'a>(values: &[(&'a str, Input<'a>)], place: usize, name: &str) -> Option<Input<'a>> {
    let there = values.get(place).filter(|(other, _)| *other == name);
    there.or_else(|| values.iter().find(|(other, _)| *other == name)).map(|(_, value)| *value)
}

impl<'a> Input<'a> {
    /// As a table without types has it: a string as it is, nothing for null, else JSON.
    pub(super) fn plain(self) -> Cow<'a, str> {
        match self {
            Input::Text(text) => text.into(),
            Input::Json("null") => "".into(),
            Input::Json(raw) if raw.starts_with('"') => serde_json::from_str(raw).map_or(raw.into(), Cow::Owned),
            Input::Json(raw) => raw.into(),
        }
    }
}
