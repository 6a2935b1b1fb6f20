//! Parquet and Arrow: batches of typed columns, of which one has the texts.

use super::columns::Found as Places;
use super::fields::{Entries, Fields, Kept, RawFields};
use super::{Columns, Content, Fault, Found, Line, columns};
use crate::panics::guarded;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_json::WriterBuilder;
use arrow_json::writer::LineDelimited;
use arrow_schema::{ArrowError, DataType, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::sync::Arc;

/// Rows that are decoded at a time.
const BATCH: usize = 1024;

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// Reads the rows of batches.
pub(super) struct Columnar {
    batches: Batches,
    schema: SchemaRef,
    /// Columns whose types JSON can hold, and so every output.
    kept: Vec<usize>,
    found: Option<Places>,
    current: Option<Current>,
    /// The number of the row that comes next, from 1.
    pub next: u64,
    /// Rows of the whole, where that is known.
    pub total: Option<u64>,
}

/// A batch that is being read.
struct Current {
    batch: Arc<RecordBatch>,
    text: StringArray,
    pair: Option<StringArray>,
    label: Option<Vec<Value>>,
    id: Option<Vec<Value>>,
    row: usize,
}

/// The rows of a batch as JSON.
pub(super) struct JsonRows {
    batch: Arc<RecordBatch>,
    rows: Vec<RawFields>,
}

impl fmt::Debug for Columnar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Columnar").field("schema", &self.schema).field("next", &self.next).finish_non_exhaustive()
    }
}

impl fmt::Debug for JsonRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonRows").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

impl Columnar {
    /// A Parquet file.
    pub(super) fn parquet(file: File, notes: &mut Vec<String>) -> Result<Columnar, Fault> {
        let open = || {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
            let rows = builder.metadata().file_metadata().num_rows();
            let schema = builder.schema().clone();
            Ok::<_, parquet::errors::ParquetError>((builder.with_batch_size(BATCH).build()?, schema, rows))
        };
        let (reader, schema, rows) = guarded("parquet", open).map_err(damaged)?;
        let columnar = Columnar::new(Box::new(reader), schema, notes);
        Ok(Columnar { total: u64::try_from(rows).ok(), ..columnar })
    }

    /// A file of Arrow's IPC format, which is also Feather's second version.
    pub(super) fn arrow_file(file: File, notes: &mut Vec<String>) -> Result<Columnar, Fault> {
        let reader = guarded("arrow", || FileReader::try_new(BufReader::new(file), None)).map_err(damaged)?;
        let schema = reader.schema();
        Ok(Columnar::new(Box::new(reader), schema, notes))
    }

    /// A stream of Arrow's IPC format.
    pub(super) fn arrow_stream(stream: impl Read + Send + 'static, notes: &mut Vec<String>) -> Result<Columnar, Fault> {
        let reader = guarded("arrow", || StreamReader::try_new(stream, None)).map_err(damaged)?;
        let schema = reader.schema();
        Ok(Columnar::new(Box::new(reader), schema, notes))
    }

    fn new(batches: Batches, schema: SchemaRef, notes: &mut Vec<String>) -> Columnar {
        let is_kept = |place: &usize| {
            let alone = schema.project(&[*place]).map(|schema| RecordBatch::new_empty(Arc::new(schema)));
            // The writer refuses a type when it meets one of its columns, and not for want of rows.
            alone.is_ok_and(|alone| as_json(&alone).is_ok())
        };
        let (kept, left): (Vec<_>, Vec<_>) = (0..schema.fields().len()).partition(is_kept);
        for place in left {
            let field = schema.field(place);
            let (name, kind) = (field.name(), field.data_type());
            notes.push(format!("the column {name:?} is left out of the output: nothing here writes a {kind}"));
        }
        Columnar { batches, schema, kept, found: None, current: None, next: 1, total: None }
    }

    pub(super) fn next(&mut self, columns: &Columns, notes: &mut Vec<String>) -> Result<Line, Fault> {
        let found = match self.found {
            Some(found) => found,
            None => *self.found.insert(self.find(columns, notes)?),
        };
        loop {
            if let Some(current) = &mut self.current
                && current.row < current.batch.num_rows()
            {
                self.next += 1;
                return Ok(current.next());
            }
            let batches = &mut self.batches;
            // A reader that panicked is not asked again: an error ends the input.
            let batch = guarded("arrow", || batches.next().transpose()).map_err(damaged)?;
            let Some(batch) = batch else { return Ok(Line::End) };
            self.current = Some(Current::new(&batch, &found, &self.kept)?);
        }
    }

    /// Whether the next row was decoded already.
    pub(super) fn is_ready(&self) -> bool {
        self.total.is_some() || self.current.as_ref().is_some_and(|current| current.row < current.batch.num_rows())
    }

    fn find(&self, columns: &Columns, notes: &mut Vec<String>) -> Result<Places, Fault> {
        let names: Vec<String> = self.schema.fields().iter().map(|field| field.name().clone()).collect();
        let texts: Vec<&String> =
            self.schema.fields().iter().filter(|field| is_text(field.data_type())).map(|field| field.name()).collect();
        // Of one column of texts there is no doubt.
        let text = match (&columns.text, texts.as_slice()) {
            (None, [only]) => Some((*only).clone()),
            (text, _) => text.clone(),
        };
        let found = columns::Columns { text, ..columns.clone() }.find(&names, notes).map_err(Fault::Malformed)?;
        for place in std::iter::once(found.text).chain(found.pair) {
            let field = self.schema.field(place);
            if !is_text(field.data_type()) {
                let (name, kind) = (field.name(), field.data_type());
                return Err(Fault::Malformed(format!("the column {name:?} has no texts: it is {kind}")));
            }
        }
        Ok(found)
    }
}

impl Current {
    fn new(batch: &RecordBatch, found: &Places, kept: &[usize]) -> Result<Current, Fault> {
        let broken = |error: ArrowError| Fault::Malformed(error.to_string());
        let text = |place: usize| as_text(batch.column(place)).map_err(broken);
        let values = |place: usize| {
            let alone = batch.project(&[place]).map_err(broken)?;
            let rows = guarded("arrow", || as_json(&alone)).map_err(Fault::Malformed)?;
            let value = |row: Vec<(String, Box<RawValue>)>| {
                row.first().and_then(|(_, raw)| serde_json::from_str(raw.get()).ok()).unwrap_or(Value::Null)
            };
            Ok::<Vec<Value>, Fault>(rows.into_iter().map(value).collect())
        };
        Ok(Current {
            text: text(found.text)?,
            pair: found.pair.map(text).transpose()?,
            label: found.label.map(values).transpose()?,
            id: found.id.map(values).transpose()?,
            batch: Arc::new(batch.project(kept).map_err(broken)?),
            row: 0,
        })
    }

    fn next(&mut self) -> Line {
        let row = self.row;
        self.row += 1;
        let content = self.text.is_valid(row).then(|| {
            let pair = self.pair.as_ref().filter(|pair| pair.is_valid(row)).map(|pair| pair.value(row).to_string());
            let value = |values: &Option<Vec<Value>>| values.as_ref().map(|values| values[row].clone());
            Content {
                text: self.text.value(row).into(),
                text_pair: pair,
                label: value(&self.label).filter(|label| !label.is_null()),
                id: value(&self.id),
            }
        });
        let fields = Fields(Kept::Typed { batch: self.batch.clone(), row });
        Line::Row(Box::new(Found { content: Ok(content), fields }))
    }
}

impl JsonRows {
    /// The rows of a batch, which are made once as long as it is asked for.
    pub(super) fn of<'a>(cache: &'a mut Option<JsonRows>, batch: &Arc<RecordBatch>) -> &'a JsonRows {
        if cache.as_ref().is_none_or(|rows| !Arc::ptr_eq(&rows.batch, batch)) {
            // Columns that fail were left out.
            let rows = guarded("arrow", || as_json(batch)).unwrap_or_else(|_| vec![Vec::new(); batch.num_rows()]);
            *cache = Some(JsonRows { batch: batch.clone(), rows });
        }
        cache.as_ref().expect("it was put there")
    }

    pub(super) fn row(&self, row: usize) -> &[(String, Box<RawValue>)] {
        self.rows.get(row).map_or(&[], Vec::as_slice)
    }
}

/// Copies a stream to where one can seek in it.
pub(super) fn spool(mut stream: impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut stream, &mut file)?;
    file.flush()?;
    file.rewind()?;
    Ok(file)
}

fn damaged(message: String) -> Fault {
    Fault::Malformed(format!("cannot be read: {message}"))
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn as_text(column: &ArrayRef) -> Result<StringArray, ArrowError> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let column = cast_with_options(column, &DataType::Utf8, &options)?;
    Ok(column.as_string::<i32>().clone())
}

/// Rows as objects, with nulls.
fn as_json(batch: &RecordBatch) -> Result<Vec<RawFields>, ArrowError> {
    if batch.num_columns() == 0 {
        return Ok(vec![Vec::new(); batch.num_rows()]);
    }
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut text);
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let read = |line: &[u8]| {
        let entries: Result<Entries, _> = serde_json::from_slice(line);
        entries.map(|entries| entries.0).map_err(|error| ArrowError::JsonError(error.to_string()))
    };
    lines.map(read).collect()
}
