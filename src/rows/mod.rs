//! Tables in: files, folders and streams -> rows with a text, read as they are wanted.
//!
//! Lines, JSONL, JSON, CSV and TSV, Parquet and Arrow (with the feature `parquet`), each also compressed by gzip or zstd. What an input is, is seen by its name, else by its first
//! bytes; which column has the texts, by its name.

mod answered;
// Its types are arrow's, whose next version would be a new one of this crate: nothing that is promised.
#[cfg(all(feature = "parquet", feature = "internals"))]
mod batches;
#[cfg(feature = "parquet")]
mod columnar;
mod columns;
mod fields;
mod format;
#[cfg(feature = "parquet")]
mod ipc;
mod json_array;
mod lines;
mod options;
mod source;
#[cfg(not(target_arch = "wasm32"))]
mod stream;
mod table;
#[cfg(feature = "parquet")]
mod thrift;
mod tsv;
mod utf16;
pub mod write;

pub use answered::AnsweredRow;
#[cfg(all(feature = "parquet", feature = "internals"))]
pub use batches::{AnsweredBatch, AnsweredBatches, texts_of};
pub use columns::Columns;
pub use fields::Fields;
pub use format::Format;
pub use options::{Null, Quoting, RowOptions};
#[cfg(not(target_arch = "wasm32"))]
pub use stream::RowStream;

use crate::error::{Error, Result};
use serde_json::Value;
use source::{Opened, Raw};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes of texts that a chunk has before it ends: a table with types may hold long ones, and many of them ready.
const MOST_BYTES: usize = 4 << 20;

/// Where a row is, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which input, counted from 0.
    pub input: usize,
    /// Its line, element or row there, counted from 1.
    pub number: u64,
    /// What is counted: lines, elements of a JSON array, or rows of a table that has no lines.
    pub unit: Unit,
}

/// What the rows of an input are counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Lines of text.
    #[default]
    Line,
    /// Elements of a JSON array.
    Element,
    /// Rows of a table that has no lines.
    Row,
}

impl Unit {
    /// The unit's name.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Line => "line",
            Unit::Element => "element",
            Unit::Row => "row",
        }
    }
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its position, counted from 0 through all inputs: that of its line in lines and JSONL, of its record in CSV and TSV, of its
    /// element in JSON.
    pub index: usize,
    /// Where it is.
    pub place: Place,
    /// What to classify, or why the row says nothing that can be.
    pub content: Result<Content, String>,
    /// All that its input says of it, to be written beside the answer.
    pub fields: Fields,
}

/// A text with what belongs to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// What to classify.
    pub text: String,
    /// The second text of a pair.
    pub text_pair: Option<String>,
    /// What is right.
    pub label: Option<Value>,
    /// What the row is called in another table.
    pub id: Option<Value>,
}

impl Content {
    /// Bytes of its texts.
    fn length(&self) -> usize {
        self.text.len() + self.text_pair.as_ref().map_or(0, String::len)
    }

    /// The second text, if there is anything to show of it.
    pub fn pair(&self) -> Option<&str> {
        self.text_pair.as_deref().filter(|pair| !pair.is_empty())
    }

    /// Its text, where it is not one of two.
    pub(crate) fn alone(&self) -> Result<&str, String> {
        match self.pair() {
            None => Ok(&self.text),
            Some(_) => Err("it has a second text, where one is asked of: name the column of the texts alone".into()),
        }
    }

    /// Both of its texts.
    pub(crate) fn both(&self) -> Result<(&str, &str), String> {
        let second = self.text_pair.as_deref();
        let second = second.ok_or("it has no document: its second text is null, or there is none")?;
        Ok((&self.text, second))
    }
}

/// Why a row without a text has no answer.
const NULL: &str = "its text is null";

/// What stands where a row would be.
enum Line {
    End,
    /// Nothing, where a row would have to be something.
    Blank,
    Row(Box<Found>),
}

/// A row without its place: `None` is a text that is null.
struct Found {
    content: Result<Option<Content>, String>,
    fields: Fields,
}

impl Line {
    /// A row that says nothing to classify.
    fn wrong(message: String) -> Line {
        Line::Row(Box::new(Found { content: Err(message), fields: Fields::default() }))
    }

    /// A line, or an element, that is a text.
    fn text(text: &str) -> Line {
        let content = Content { text: text.into(), ..Content::default() };
        Line::Row(Box::new(Found { content: Ok(Some(content)), fields: Fields::default() }))
    }
}

/// The rows of some inputs, one after the other.
#[derive(Debug)]
pub struct Rows {
    options: RowOptions,
    inputs: Vec<Raw>,
    /// The one that is being read, if it was opened.
    opened: Option<Opened>,
    place: Place,
    index: usize,
    /// Bytes of the inputs before it.
    before: u64,
    notes: Vec<String>,
    /// Those of the first input that has any.
    columns: Fields,
    /// What ended it, until somebody was told; behind it there is nothing.
    failed: Option<Option<Error>>,
}

impl Rows {
    /// The rows of files; those of a folder are its files of known names, and `*` and `?` stand for what they do in a shell.
    ///
    /// # Errors
    /// [`Error::File`] where one is absent, [`Error::Malformed`] where a folder or a pattern has no file.
    pub fn of_files(paths: &[PathBuf], options: RowOptions) -> Result<Rows> {
        let mut inputs = Vec::new();
        for path in paths {
            for path in source::expand(path)? {
                inputs.push(Raw::file(path)?);
            }
        }
        Ok(Rows::new(inputs, options))
    }

    /// The rows of a stream, which messages call `name`.
    pub fn of_stream(name: impl Into<PathBuf>, stream: impl Read + Send + 'static, options: RowOptions) -> Rows {
        Rows::new(vec![Raw::stream(name.into(), Box::new(stream))], options)
    }

    fn new(inputs: Vec<Raw>, options: RowOptions) -> Rows {
        let place = Place { number: 1, ..Place::default() };
        Rows {
            options,
            inputs,
            opened: None,
            place,
            index: 0,
            before: 0,
            notes: Vec::new(),
            columns: Fields::default(),
            failed: None,
        }
    }

    /// The next rows: at most `most`, none at the end of the inputs, and no more than are there already. Who writes into a pipe
    /// line by line is answered line by line.
    ///
    /// # Errors
    /// What an input cannot be read for; [`Error::Malformed`] where it is not what it should be from some place on, or has no such
    /// column. The rows before that place were given by then, and behind an error there are none.
    pub fn chunk(&mut self, most: usize) -> Result<Vec<Row>> {
        self.chunk_before(usize::MAX, most)
    }

    /// [`Rows::chunk`] of rows whose index is below `end`; none is read behind it.
    ///
    /// # Errors
    /// Those of [`Rows::chunk`].
    pub fn chunk_before(&mut self, end: usize, most: usize) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        if self.failed.is_none()
            && let Err(error) = self.fill(&mut rows, end, most)
        {
            self.failed = Some(Some(error));
        }
        match &mut self.failed {
            Some(error) if rows.is_empty() => error.take().map_or(Ok(rows), Err),
            _ => Ok(rows),
        }
    }

    fn fill(&mut self, rows: &mut Vec<Row>, end: usize, most: usize) -> Result<()> {
        let mut bytes = 0;
        while rows.len() < most && self.index < end && (rows.is_empty() || (bytes < MOST_BYTES && self.is_ready())) {
            let Some(raw) = self.inputs.get_mut(self.place.input) else { break };
            let opened = match &mut self.opened {
                Some(opened) => opened,
                none => {
                    let opened = Opened::new(raw, &self.options, &mut self.notes)?;
                    (self.place.number, self.place.unit) = (opened.number(), opened.unit());
                    none.insert(opened)
                }
            };
            let line = opened.next(&self.options, &mut self.notes).map_err(|error| raw.error(error))?;
            // A record of CSV may begin behind blank lines, and ends behind those of its texts.
            let place = Place { number: opened.began(), ..self.place };
            self.place.number = opened.number();
            match line {
                Line::End => {
                    if self.columns.is_alone() {
                        self.columns = opened.columns();
                    }
                    self.before += raw.length.unwrap_or_else(|| raw.position());
                    self.opened = None;
                    self.place = Place { input: self.place.input + 1, number: 1, unit: Unit::Line };
                    continue;
                }
                Line::Blank => {}
                Line::Row(found) => {
                    let Found { content, fields } = *found;
                    let content = match (content, self.options.null) {
                        (Ok(Some(content)), _) => Some(Ok(content)),
                        (Ok(None), Null::Skip) => None,
                        (Ok(None), Null::Empty) => Some(Ok(Content::default())),
                        (Ok(None), Null::Error) => Some(Err(NULL.into())),
                        (Err(message), _) => Some(Err(message)),
                    };
                    // What has types is in memory already, and takes many times as much when it becomes tokens.
                    let long = |content: &Content| content.length() > self.options.max_row_size;
                    let content = match content {
                        Some(Ok(content)) if long(&content) => {
                            Some(Err(lines::too_long("text", self.options.max_row_size)))
                        }
                        content => content,
                    };
                    bytes += content.iter().flatten().map(Content::length).sum::<usize>();
                    let row = |content| Row { index: self.index, place, content, fields };
                    rows.extend(content.map(row));
                }
            }
            self.index += 1;
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        match &self.opened {
            Some(opened) => opened.is_ready(),
            // The next input is a file.
            None => true,
        }
    }

    /// Index of the row that comes next.
    pub fn next_index(&self) -> usize {
        self.index
    }

    /// Where the row is that comes next.
    pub fn next_place(&self) -> Place {
        self.place
    }

    /// What each input is called in messages, and where its rows are.
    pub fn names(&self) -> Vec<PathBuf> {
        self.inputs.iter().map(|raw| raw.path.clone()).collect()
    }

    /// Bytes of all inputs, where all are files.
    pub fn length(&self) -> Option<u64> {
        self.inputs.iter().map(|raw| raw.length).sum()
    }

    /// Bytes that were read.
    pub fn position(&self) -> u64 {
        let share = self.opened.as_ref().and_then(Opened::share);
        let read = |raw: &Raw| match (share, raw.length) {
            (Some(share), Some(length)) => (share * length as f64) as u64,
            _ => raw.position(),
        };
        self.before + self.inputs.get(self.place.input).map_or(0, read)
    }

    /// The columns of the first input that was read to its end and has any, whether or not it has rows; no values.
    pub fn columns(&self) -> &Fields {
        &self.columns
    }

    /// What was found by itself and its user may want to know, since this was asked last.
    pub fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

/// Why an input cannot be read further.
enum Fault {
    Io(io::Error),
    /// From some place on it is not what it should be.
    Malformed(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Io(error)
    }
}

fn failed(path: &Path, fault: Fault) -> Error {
    match fault {
        Fault::Io(source) => Error::File { action: "read", path: path.into(), source: source.into() },
        Fault::Malformed(message) => Error::Malformed { path: path.into(), message },
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
