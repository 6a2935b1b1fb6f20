//! Parquet and Arrow: batches of typed columns, of which one has the texts.

use super::columns::Found as Places;
use super::fields::{Entries, Fields, Kept};
use super::{Columns, Content, Fault, Found, Line, columns, ipc, thrift};
use crate::panics::guarded;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray, UInt64Array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_json::WriterBuilder;
use arrow_json::writer::LineDelimited;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use arrow_select::take::take;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Rows that are decoded at a time.
const BATCH: usize = 1024;
/// Bytes that a column of them may have where each is the same value of a dictionary.
const BYTES: u64 = 1 << 30;
/// How many times as large a compressed file may become when it is copied, and from which bytes on.
pub(super) const MOST_SPOOLED: u64 = 1 << 30;
const MOST_TIMES: u64 = 1000;

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// Reads the rows of batches.
pub(super) struct Columnar {
    batches: Batches,
    /// With names that are different.
    schema: SchemaRef,
    /// The names as they are.
    names: Vec<String>,
    /// Columns whose types JSON can hold, and so every output.
    kept: Vec<usize>,
    found: Option<Places>,
    /// The rest of the batch that is read, some rows at a time: of a file that has only one, JSON and texts would be as many again.
    rest: Option<RecordBatch>,
    current: Option<Current>,
    /// Columns of a stream that may have been cut off: it ended without saying so.
    unmarked: Arc<AtomicBool>,
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

/// The columns of a row, with their values as JSON.
type JsonRow = Vec<(String, Box<RawValue>)>;

/// The rows of a batch as JSON.
pub(super) struct JsonRows {
    batch: Arc<RecordBatch>,
    rows: Vec<JsonRow>,
    /// Columns with values that JSON cannot hold, and why.
    pub failed: Vec<(String, String)>,
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
    pub(super) fn parquet(mut file: File, notes: &mut Vec<String>) -> Result<Columnar, Fault> {
        thrift::check_file(&mut file).map_err(|error| damaged(error.to_string()))?;
        let (length, mut pages) = (file.metadata()?.len(), file.try_clone()?);
        let open = || {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
            let mut dictionary = 1;
            let rows = builder.metadata().file_metadata().num_rows();
            for column in builder.metadata().row_groups().iter().flat_map(|group| group.columns()) {
                let (start, bytes) = column.byte_range();
                if start.checked_add(bytes).is_none_or(|end| end > length) {
                    let path = column.column_path();
                    return Err(ParquetError::General(format!("the column {path} goes on behind the end of the file")));
                }
                if let codec @ (Compression::BROTLI(_) | Compression::LZO) = column.compression() {
                    let message = format!("it is compressed by {codec}, which nothing here reads; write it with zstd");
                    return Err(ParquetError::General(message));
                }
                dictionary = thrift::check_pages(&mut pages, start, bytes)?.max(dictionary);
            }
            let schema = builder.schema().clone();
            let rows_at_a_time = (BYTES / dictionary).clamp(1, BATCH as u64) as usize;
            Ok::<_, ParquetError>((builder.with_batch_size(rows_at_a_time).build()?, schema, rows))
        };
        let (reader, schema, rows) = guarded("parquet", open).map_err(damaged)?;
        let columnar = Columnar::new(Box::new(reader), schema, notes);
        Ok(Columnar { total: u64::try_from(rows).ok(), ..columnar })
    }

    /// A file of Arrow's IPC format, which is also Feather's second version.
    pub(super) fn arrow_file(mut file: File, notes: &mut Vec<String>) -> Result<Columnar, Fault> {
        ipc::check_file(&mut file).map_err(|error| damaged(error.to_string()))?;
        let reader = guarded("arrow", || FileReader::try_new(BufReader::new(file), None)).map_err(damaged)?;
        let schema = reader.schema();
        Ok(Columnar::new(Box::new(reader), schema, notes))
    }

    /// A stream of Arrow's IPC format.
    pub(super) fn arrow_stream(stream: impl Read + Send + 'static, notes: &mut Vec<String>) -> Result<Columnar, Fault> {
        let unmarked = Arc::new(AtomicBool::new(false));
        let messages = ipc::Messages::new(stream, unmarked.clone());
        let reader = guarded("arrow", || StreamReader::try_new(messages, None)).map_err(damaged)?;
        let schema = reader.schema();
        Ok(Columnar { unmarked, ..Columnar::new(Box::new(reader), schema, notes) })
    }

    fn new(batches: Batches, schema: SchemaRef, notes: &mut Vec<String>) -> Columnar {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let fields = schema.fields().iter().zip(columns::distinct(names.clone(), notes));
        let fields: Vec<Field> = fields.map(|(field, name)| field.as_ref().clone().with_name(name)).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
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
        let unmarked = Arc::default();
        let (found, rest, current) = (None, None, None);
        Columnar { batches, schema, names, kept, found, rest, current, unmarked, next: 1, total: None }
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
            let rest = match self.rest.take() {
                Some(rest) => rest,
                None => {
                    let batches = &mut self.batches;
                    // A reader that panicked is not asked again: an error ends the input.
                    let batch = guarded("arrow", || batches.next().transpose()).map_err(damaged)?;
                    let Some(batch) = batch else {
                        if self.unmarked.swap(false, Ordering::Relaxed) {
                            notes.push(
                                "the Arrow stream ends without saying so: what wrote it may have been stopped".into(),
                            );
                        }
                        return Ok(Line::End);
                    };
                    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                    let (_, columns, _) = batch.into_parts();
                    RecordBatch::try_new_with_options(self.schema.clone(), columns, &rows)
                        .map_err(|error| damaged(error.to_string()))?
                }
            };
            let rows = rest.num_rows().min(BATCH);
            let current =
                guarded("arrow", || Current::new(&rest.slice(0, rows), &found, &self.kept)).map_err(damaged)?;
            self.current = Some(current);
            self.rest = (rows < rest.num_rows()).then(|| rest.slice(rows, rest.num_rows() - rows));
        }
    }

    /// Those that every output can hold, without rows.
    pub(super) fn columns(&self) -> Fields {
        let kept = self.schema.project(&self.kept).expect("they are its own");
        Fields(Kept::Typed { batch: Arc::new(RecordBatch::new_empty(Arc::new(kept))), row: 0 })
    }

    /// Whether the next row was decoded already.
    pub(super) fn is_ready(&self) -> bool {
        self.total.is_some() || self.current.as_ref().is_some_and(|current| current.row < current.batch.num_rows())
    }

    fn find(&self, columns: &Columns, notes: &mut Vec<String>) -> Result<Places, Fault> {
        let is_text_at = |&place: &usize| is_text(self.schema.field(place).data_type());
        let texts: Vec<usize> = (0..self.names.len()).filter(is_text_at).collect();
        // Of one column of texts there is no doubt.
        let text = match (&columns.text, texts.as_slice()) {
            (None, &[only]) if !names_twice(&self.names, only) => Some(self.names[only].clone()),
            (text, _) => text.clone(),
        };
        let found = columns::Columns { text, ..columns.clone() }.find(&self.names, notes).map_err(Fault::Malformed)?;
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
    fn new(batch: &RecordBatch, found: &Places, kept: &[usize]) -> Result<Current, ArrowError> {
        let text = |place: usize| as_text(batch.column(place));
        let values = |place: usize| {
            let rows = as_json(&batch.project(&[place])?)?;
            let value = |row: JsonRow| {
                row.first().and_then(|(_, raw)| serde_json::from_str(raw.get()).ok()).unwrap_or(Value::Null)
            };
            Ok::<Vec<Value>, ArrowError>(rows.into_iter().map(value).collect())
        };
        Ok(Current {
            text: text(found.text)?,
            pair: found.pair.map(text).transpose()?,
            label: found.label.map(values).transpose()?,
            id: found.id.map(values).transpose()?,
            batch: Arc::new(batch.project(kept)?),
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
            *cache = Some(JsonRows::new(batch));
        }
        cache.as_ref().expect("it was put there")
    }

    fn new(batch: &Arc<RecordBatch>) -> JsonRows {
        let json = |batch: &RecordBatch| guarded("arrow", || as_json(batch));
        let (mut kept, mut failed) = (Vec::new(), Vec::new());
        let rows = json(batch).or_else(|_| {
            // One that fails must not take the others with it.
            for (place, field) in batch.schema_ref().fields().iter().enumerate() {
                let alone = batch.project(&[place]).map_err(|error| error.to_string());
                match alone.and_then(|alone| json(&alone)) {
                    Ok(_) => kept.push(place),
                    Err(message) => failed.push((field.name().clone(), message)),
                }
            }
            json(&batch.project(&kept).map_err(|error| error.to_string())?)
        });
        let rows = rows.unwrap_or_else(|_: String| vec![Vec::new(); batch.num_rows()]);
        JsonRows { batch: batch.clone(), rows, failed }
    }

    pub(super) fn row(&self, row: usize) -> &[(String, Box<RawValue>)] {
        self.rows.get(row).map_or(&[], Vec::as_slice)
    }
}

/// Copies a stream to where one can seek in it; `packed`: the bytes so far that it was made of, where it was
/// compressed, of which it must not become many times as much once it is larger than `most`.
pub(super) fn spool(mut stream: impl BufRead, packed: Option<&AtomicU64>, most: u64) -> Result<File, Fault> {
    let (mut file, mut copied) = (tempfile::tempfile()?, 0);
    loop {
        let bytes = stream.fill_buf()?;
        if bytes.is_empty() {
            break;
        }
        let read = bytes.len();
        file.write_all(bytes)?;
        stream.consume(read);
        copied += read as u64;
        let packed = packed.map(|packed| packed.load(Ordering::Relaxed));
        if packed.is_some_and(|packed| copied > most.max(packed.saturating_mul(MOST_TIMES))) {
            return Err(Fault::Malformed(format!(
                "becomes more than {MOST_TIMES} times as large when it is decompressed ({copied} bytes so far); if that is meant, decompress \
                 it first"
            )));
        }
    }
    file.flush()?;
    file.rewind()?;
    Ok(file)
}

fn names_twice(names: &[String], place: usize) -> bool {
    names.iter().filter(|name| **name == names[place]).count() > 1
}

fn damaged(message: String) -> Fault {
    Fault::Malformed(format!("cannot be read: {message}"))
}

pub(super) fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

pub(super) fn as_text(column: &ArrayRef) -> Result<StringArray, ArrowError> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    // A slice of a large column has its places in the whole, and those beyond 2 GiB are no places of Utf8.
    let large = column.as_string_opt::<i64>().and_then(|large| large.value_offsets().last());
    let column = match large.is_some_and(|end| *end > i64::from(i32::MAX)) {
        true => &take(column, &UInt64Array::from_iter_values(0..column.len() as u64), None)?,
        false => column,
    };
    let column = cast_with_options(column, &DataType::Utf8, &options)?;
    Ok(column.as_string::<i32>().clone())
}

/// Times in zones that have names: the same moments in UTC, as what writes JSON has no list of zones.
fn in_utc(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let (mut fields, mut columns) = (batch.schema_ref().fields().to_vec(), batch.columns().to_vec());
    for (field, column) in fields.iter_mut().zip(&mut columns) {
        if let DataType::Timestamp(unit, Some(zone)) = field.data_type()
            && !zone.starts_with(['+', '-'])
        {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            *column = cast_with_options(column, &utc, &CastOptions::default())?;
            *field = Arc::new(field.as_ref().clone().with_data_type(utc));
        }
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &rows)
}

/// Rows as objects, with nulls.
fn as_json(batch: &RecordBatch) -> Result<Vec<JsonRow>, ArrowError> {
    if batch.num_columns() == 0 {
        return Ok(vec![Vec::new(); batch.num_rows()]);
    }
    let batch = &in_utc(batch)?;
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut text);
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let is_time: Vec<bool> = batch.schema_ref().fields().iter().map(|field| field.data_type().is_temporal()).collect();
    let read = |line: &[u8]| {
        let entries: Result<Entries, _> = serde_json::from_slice(line);
        let mut entries = entries.map_err(|error| ArrowError::JsonError(error.to_string()))?.0;
        for ((_, value), _) in entries.iter_mut().zip(&is_time).filter(|(_, is_time)| **is_time) {
            // So arrow writes a time that no calendar has.
            if value.get().starts_with("\"ERROR: ") {
                *value =
                    RawValue::from_string("null".into()).map_err(|error| ArrowError::JsonError(error.to_string()))?;
            }
        }
        Ok(entries)
    };
    lines.map(read).collect()
}
