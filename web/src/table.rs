//! A table that is answered row by row: what the command line reads and writes, in memory.

use crate::arguments;
use crate::errors;
use serde::Deserialize;
use serde_json::json;
use std::cell::RefCell;
use std::io::{self, Cursor, Write};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wgbert::rows::write::{Layout, OutputFormat, Selection, Subject, Writer};
use wgbert::rows::{AnsweredRow, Columns, Format, Row, RowOptions, Rows};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct TableOptions {
    format: Option<Input>,
    text: Option<String>,
    pair: Option<String>,
    id: Option<String>,
    no_header: bool,
    top_k: Option<usize>,
    output: Option<Output>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Input {
    Lines,
    Jsonl,
    Json,
    Csv,
    Tsv,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Output {
    Csv,
    Tsv,
    Jsonl,
}

/// What was written and nobody took yet.
#[derive(Clone, Debug, Default)]
struct Written(Rc<RefCell<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The rows of a table, and what is written of their answers.
#[wasm_bindgen]
pub struct Table {
    rows: RefCell<Rows>,
    name: String,
    bytes: usize,
    selection: Selection,
    format: OutputFormat,
    writer: RefCell<Option<Writer<Written>>>,
    written: Written,
    answered: RefCell<[usize; 2]>,
}

#[wasm_bindgen]
impl Table {
    /// How far it is, as JSON: bytes read of all, rows answered and rows that failed, and notes of what was found by itself.
    pub fn progress(&self) -> String {
        let mut rows = self.rows.borrow_mut();
        let [answered, failed] = *self.answered.borrow();
        json!({
            "name": self.name, "read": rows.position().min(self.bytes as u64), "bytes": self.bytes, "rows": answered, "failed": failed,
            "notes": rows.notes(),
        })
        .to_string()
    }
}

impl Table {
    pub(crate) fn new(name: String, bytes: Vec<u8>, options: &str) -> Result<Table, JsValue> {
        let options: TableOptions = arguments::read(options)?;
        let mut columns = Columns::default();
        (columns.text, columns.pair, columns.id) = (options.text, options.pair, options.id);
        let mut selection = Selection::default();
        selection.id = columns.id.is_some();
        selection.top = options.top_k.unwrap_or(1);
        let format = options.format.map(|format| match format {
            Input::Lines => Format::Lines,
            Input::Jsonl => Format::Jsonl,
            Input::Json => Format::Json,
            Input::Csv => Format::Csv,
            Input::Tsv => Format::Tsv,
        });
        let asked = RowOptions::default().format(format).columns(columns).no_header(options.no_header);
        let format = match options.output.unwrap_or(Output::Csv) {
            Output::Csv => OutputFormat::Csv,
            Output::Tsv => OutputFormat::Tsv,
            Output::Jsonl => OutputFormat::Jsonl,
        };
        let length = bytes.len();
        let rows = Rows::of_stream(name.clone(), Cursor::new(bytes), asked);
        Ok(Table {
            rows: rows.into(),
            name,
            bytes: length,
            selection,
            format,
            writer: RefCell::default(),
            written: Written::default(),
            answered: RefCell::default(),
        })
    }

    /// The next rows; none behind the last.
    pub(crate) fn rows(&self, most: usize) -> Result<Option<Vec<Row>>, JsValue> {
        let rows = self.rows.borrow_mut().chunk(most).map_err(|error| errors::raise(&error))?;
        Ok(Some(rows).filter(|rows| !rows.is_empty()))
    }

    /// What is to be written of rows, behind what was written before.
    pub(crate) fn write(&self, classifier: &wgbert::Classifier, answered: &[AnsweredRow]) -> Result<Vec<u8>, JsValue> {
        let failed = |error: io::Error| errors::argument(&format!("{}: {error}", self.name));
        let mut writer = self.writer.borrow_mut();
        let writer = match &mut *writer {
            Some(writer) => writer,
            none => {
                let subject = Subject::of(classifier);
                let rows: Vec<Row> = answered.iter().map(|answered| answered.row.clone()).collect();
                let layout = Layout::new(&self.selection, subject.clone(), &rows)
                    .map_err(|message| errors::argument(&message))?;
                none.insert(
                    Writer::new(self.written.clone(), self.format, &self.selection, subject, layout, false)
                        .map_err(failed)?,
                )
            }
        };
        for row in answered {
            writer.write(&row.row, &row.as_answer()).map_err(failed)?;
        }
        writer.flush().map_err(failed)?;
        let mut counts = self.answered.borrow_mut();
        counts[0] += answered.len();
        counts[1] += answered.iter().filter(|row| row.answer.is_err()).count();
        Ok(self.written.0.take())
    }
}
