//! JSON objects: a line each, or the elements of an array.

use super::super::Row;
use super::answer::{Cell, Column};
use super::input::{Input, Inputs};
use super::{Layout, Planned};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Debug)]
pub(super) struct Objects<W> {
    pub out: W,
    /// Whether they are elements of an array, and one was written.
    any: Option<bool>,
    row: Vec<u8>,
}

impl<W: Write> Objects<W> {
    pub(super) fn lines(out: W) -> Objects<W> {
        Objects { out, any: None, row: Vec::new() }
    }

    pub(super) fn elements(out: W, any: bool) -> Objects<W> {
        Objects { out, any: Some(any), row: Vec::new() }
    }

    pub(super) fn write<'a>(
        &mut self,
        layout: &Layout,
        inputs: &mut Inputs,
        row: &Row,
        cell: impl Fn(&Column) -> Cell<'a>,
    ) -> io::Result<()> {
        self.row.clear();
        match self.any.replace(true) {
            None => self.any = None,
            Some(true) => self.row.extend(b",\n"),
            Some(false) => self.row.extend(b"\n"),
        }
        let mut object = Object { out: &mut self.row, any: false };
        object.out.push(b'{');
        let values = inputs.of(row);
        for column in &layout.columns {
            match column {
                Planned::All => {
                    for (name, value) in &values {
                        object.input(&layout.called(name), *value);
                    }
                }
                Planned::Input(name) => {
                    let value = values.iter().find(|(other, _)| other == name);
                    object.input(name, value.map_or(Input::Json("null"), |(_, value)| *value));
                }
                Planned::Answer { name, column } => object.cell(name, &cell(column)),
            }
        }
        object.out.push(b'}');
        if self.any.is_none() {
            self.row.push(b'\n');
        }
        self.out.write_all(&self.row)
    }
}

/// An object that is being written.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    any: bool,
}

impl Object<'_> {
    fn name(&mut self, name: &str) {
        if std::mem::replace(&mut self.any, true) {
            self.out.push(b',');
        }
        self.value(name);
        self.out.push(b':');
    }

    fn value(&mut self, value: impl Serialize) {
        serde_json::to_writer(&mut *self.out, &value).expect("memory takes what has no maps");
    }

    fn input(&mut self, name: &str, value: Input<'_>) {
        self.name(name);
        match value {
            Input::Text(text) => self.value(text),
            Input::Json(raw) => self.out.extend(one_line(raw)),
        }
    }

    fn cell(&mut self, name: &str, cell: &Cell<'_>) {
        self.name(name);
        match cell {
            Cell::Null => self.value(()),
            Cell::Text(text) => self.value(text),
            // What is not finite is null.
            Cell::Number(number) => self.value(number),
            Cell::Count(count) => self.value(count),
            Cell::Flag(flag) => self.value(flag),
            Cell::Texts(texts) => self.value(texts),
            Cell::Numbers(numbers) => self.value(numbers),
            Cell::Json(json) => self.out.extend(json.as_bytes()),
        }
    }
}

/// JSON may go on on other lines between its tokens, and nowhere else.
fn one_line(raw: &str) -> impl Iterator<Item = u8> + '_ {
    raw.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte })
}
