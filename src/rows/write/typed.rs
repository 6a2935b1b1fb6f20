//! Arrow and Parquet: columns with types.
//!
//! Rows are written as a stream of Arrow's IPC format, a batch at every [`Typed::flush`], which is all there is to do for a stream that
//! somebody reads. A file is made of it in the end (`typed_file.rs`). Of an input of JSON objects the stream has the objects.

use super::super::Row;
use super::super::fields::Kept;
use super::answer::{Cell, Column, Kind};
use super::input::{self, Input, Inputs};
use super::{Layout, Planned};
use arrow_array::builder::{
    BooleanBuilder, FixedSizeListBuilder, Float32Builder, ListBuilder, StringBuilder, UInt32Builder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use arrow_select::concat::concat;
use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

/// Rows of a batch.
pub(super) const BATCH: usize = 8192;
/// The column of the stream that has the objects of an input of JSON.
pub(super) const OBJECT: &str = "input";

/// What the columns of the input are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum InputTypes {
    /// Strings, of tables without types.
    Strings,
    /// Whatever JSON says.
    Json,
    Typed(SchemaRef),
}

/// Writes batches.
pub(super) struct Typed<W: Write> {
    out: StreamWriter<Gate<W>>,
    schema: SchemaRef,
    /// Of each column of the schema, whether it is the answer's.
    is_answer: Vec<bool>,
    input: InputColumns,
    answers: Vec<Builder>,
    rows: usize,
}

/// Lets what is written through, or drops it: a stream that is gone on with has its schema already.
struct Gate<W> {
    out: W,
    open: bool,
}

enum InputColumns {
    Strings(Vec<StringBuilder>),
    Json(StringBuilder),
    /// Rows that follow each other, as ranges of batches that were read.
    Typed {
        fields: Vec<Arc<Field>>,
        ranges: Vec<(Arc<RecordBatch>, Range<usize>)>,
    },
}

/// Makes a column of an answer.
pub(super) enum Builder {
    Text(StringBuilder),
    Number(Float32Builder),
    Count(UInt64Builder),
    Size(UInt32Builder),
    Flag(BooleanBuilder),
    Texts(ListBuilder<StringBuilder>),
    Numbers(FixedSizeListBuilder<Float32Builder>),
}

impl InputTypes {
    pub(super) fn of(rows: &[Row]) -> InputTypes {
        let kinds = rows.iter().filter_map(|row| match &row.fields.0 {
            Kept::Alone => None,
            Kept::Strings { .. } => Some(InputTypes::Strings),
            Kept::Json(_) => Some(InputTypes::Json),
            Kept::Typed { batch, .. } => Some(InputTypes::Typed(batch.schema())),
        });
        kinds.into_iter().next().unwrap_or(InputTypes::Strings)
    }
}

impl<W> fmt::Debug for Typed<W>
where
    W: Write,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Typed").field("schema", &self.schema).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<W: Write> Write for Gate<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.open { self.out.write(bytes) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Typed<W> {
    pub(super) fn new(out: W, layout: &Layout, labels: usize, again: bool) -> io::Result<Typed<W>> {
        let (fields, is_answer): (Vec<Field>, Vec<bool>) = columns(layout, labels).into_iter().unzip();
        let schema = Arc::new(Schema::new(fields));
        let mut out = StreamWriter::try_new(Gate { out, open: !again }, &schema).map_err(io_error)?;
        out.get_mut().open = true;
        let inputs = || schema.fields().iter().zip(&is_answer).filter(|(_, is_answer)| !**is_answer);
        let input = match &layout.types {
            InputTypes::Strings => InputColumns::Strings(inputs().map(|_| StringBuilder::new()).collect()),
            InputTypes::Json => InputColumns::Json(StringBuilder::new()),
            InputTypes::Typed(_) => {
                InputColumns::Typed { fields: inputs().map(|(field, _)| field.clone()).collect(), ranges: Vec::new() }
            }
        };
        let builder = |column: &Planned| match column {
            Planned::Answer { column, .. } => Some(Builder::new(column.kind(labels))),
            _ => None,
        };
        let answers = layout.columns.iter().filter_map(builder).collect();
        Ok(Typed { out, schema, is_answer, input, answers, rows: 0 })
    }

    pub(super) fn write<'a>(
        &mut self,
        layout: &Layout,
        inputs: &mut Inputs,
        row: &Row,
        cell: impl Fn(&Column) -> Cell<'a>,
    ) -> io::Result<()> {
        match &mut self.input {
            InputColumns::Strings(builders) => {
                inputs.say_left_out(layout, row);
                let values = inputs.of(row);
                let mut builders = builders.iter_mut();
                let names = layout.columns.iter().flat_map(|column| column.inputs(layout).into_iter().enumerate());
                for (place, name) in names {
                    let builder = builders.next().expect("there is one for each");
                    match input::value(&values, place, name) {
                        None | Some(Input::Json("null")) => builder.append_null(),
                        Some(value) => builder.append_value(value.plain()),
                    }
                }
            }
            InputColumns::Json(objects) => objects.append_value(inputs.object(row)),
            InputColumns::Typed { ranges, .. } => {
                let Kept::Typed { batch, row: place } = &row.fields.0 else {
                    return Err(io::Error::other(
                        "an input has no types where the one before it has: write them apart",
                    ));
                };
                match ranges.last_mut() {
                    Some((last, range)) if Arc::ptr_eq(last, batch) && range.end == *place => range.end += 1,
                    _ => ranges.push((batch.clone(), *place..place + 1)),
                }
            }
        }
        let columns = layout.columns.iter().filter_map(|column| match column {
            Planned::Answer { column, .. } => Some(column),
            _ => None,
        });
        for (column, builder) in columns.zip(&mut self.answers) {
            builder.append(&cell(column));
        }
        self.rows += 1;
        if self.rows == BATCH { self.flush() } else { Ok(()) }
    }

    /// Writes the rows so far as a batch.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.rows > 0 {
            let batch = self.batch().map_err(io_error)?;
            self.rows = 0;
            self.out.write(&batch).map_err(io_error)?;
        }
        self.out.flush().map_err(io_error)
    }

    /// Ends the stream.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.flush()?;
        self.out.finish().map_err(io_error)?;
        self.out.flush().map_err(io_error)
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn get_ref(&self) -> &W {
        &self.out.get_ref().out
    }

    fn batch(&mut self) -> Result<RecordBatch, ArrowError> {
        let input: Vec<ArrayRef> = match &mut self.input {
            InputColumns::Strings(builders) => {
                builders.iter_mut().map(|one| Arc::new(one.finish()) as ArrayRef).collect()
            }
            InputColumns::Json(objects) => vec![Arc::new(objects.finish())],
            InputColumns::Typed { fields, ranges } => {
                let ranges = std::mem::take(ranges);
                let gather = |(place, field)| gather(place, field, &ranges);
                fields.iter().enumerate().map(gather).collect::<Result<_, _>>()?
            }
        };
        let mut input = input.into_iter();
        let mut answers = self.answers.iter_mut().map(Builder::finish);
        let column = |is_answer: &bool| if *is_answer { answers.next() } else { input.next() };
        RecordBatch::try_new(self.schema.clone(), self.is_answer.iter().filter_map(column).collect())
    }
}

impl Builder {
    pub(super) fn new(kind: Kind) -> Builder {
        match kind {
            Kind::Text | Kind::Json => Builder::Text(StringBuilder::new()),
            Kind::Number => Builder::Number(Float32Builder::new()),
            Kind::Count => Builder::Count(UInt64Builder::new()),
            Kind::Size => Builder::Size(UInt32Builder::new()),
            Kind::Flag => Builder::Flag(BooleanBuilder::new()),
            Kind::Texts => Builder::Texts(ListBuilder::new(StringBuilder::new())),
            Kind::Numbers(width) => Builder::Numbers(FixedSizeListBuilder::new(Float32Builder::new(), width as i32)),
        }
    }

    pub(super) fn append(&mut self, cell: &Cell<'_>) {
        match (self, cell) {
            (Builder::Text(column), Cell::Text(text)) => column.append_value(text),
            (Builder::Text(column), Cell::Json(json)) => column.append_value(json),
            (Builder::Text(column), _) => column.append_null(),
            (Builder::Number(column), Cell::Number(number)) => column.append_value(*number),
            (Builder::Number(column), _) => column.append_null(),
            (Builder::Count(column), Cell::Count(count)) => column.append_value(*count),
            (Builder::Count(column), _) => column.append_null(),
            (Builder::Size(column), Cell::Count(count)) => column.append_option(u32::try_from(*count).ok()),
            (Builder::Size(column), _) => column.append_null(),
            (Builder::Flag(column), Cell::Flag(flag)) => column.append_value(*flag),
            (Builder::Flag(column), _) => column.append_null(),
            (Builder::Texts(column), Cell::Texts(texts)) => {
                texts.iter().for_each(|text| column.values().append_value(text));
                column.append(true);
            }
            (Builder::Texts(column), _) => column.append(false),
            (Builder::Numbers(column), Cell::Numbers(numbers)) => {
                column.values().append_slice(numbers);
                column.append(true);
            }
            (Builder::Numbers(column), _) => {
                let width = column.value_length() as usize;
                column.values().append_nulls(width);
                column.append(false);
            }
        }
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Text(column) => Arc::new(column.finish()),
            Builder::Number(column) => Arc::new(column.finish()),
            Builder::Count(column) => Arc::new(column.finish()),
            Builder::Size(column) => Arc::new(column.finish()),
            Builder::Flag(column) => Arc::new(column.finish()),
            Builder::Texts(column) => Arc::new(column.finish()),
            Builder::Numbers(column) => Arc::new(column.finish()),
        }
    }
}

/// A column of rows that were read, of the type that the first input has; nearly always it is at this place.
fn gather(
    place: usize,
    field: &Arc<Field>,
    ranges: &[(Arc<RecordBatch>, Range<usize>)],
) -> Result<ArrayRef, ArrowError> {
    let part = |(batch, range): &(Arc<RecordBatch>, Range<usize>)| {
        let there = batch.schema_ref().fields().get(place).filter(|other| other.name() == field.name());
        let column = if there.is_some() { batch.columns().get(place) } else { batch.column_by_name(field.name()) };
        let Some(column) = column else {
            return Ok(new_null_array(field.data_type(), range.len()));
        };
        let column = column.slice(range.start, range.len());
        if column.data_type() == field.data_type() {
            return Ok(column);
        }
        cast_with_options(&column, field.data_type(), &CastOptions { safe: false, ..CastOptions::default() })
    };
    let parts = ranges.iter().map(part).collect::<Result<Vec<ArrayRef>, _>>()?;
    concat(&parts.iter().map(|part| part.as_ref()).collect::<Vec<_>>())
}

/// A column of an answer.
pub(super) fn field(name: &str, column: &Column, labels: usize) -> Field {
    let item = |kind| Arc::new(Field::new_list_field(kind, true));
    let kind = match column.kind(labels) {
        Kind::Text | Kind::Json => DataType::Utf8,
        Kind::Number => DataType::Float32,
        Kind::Count => DataType::UInt64,
        Kind::Size => DataType::UInt32,
        Kind::Flag => DataType::Boolean,
        Kind::Texts => DataType::List(item(DataType::Utf8)),
        Kind::Numbers(width) => DataType::FixedSizeList(item(DataType::Float32), width as i32),
    };
    Field::new(name, kind, true)
}

/// The columns of the stream, and whether each is the answer's.
fn columns(layout: &Layout, labels: usize) -> Vec<(Field, bool)> {
    let mut columns = Vec::new();
    if layout.types == InputTypes::Json {
        columns.push((Field::new(OBJECT, DataType::Utf8, false), false));
    }
    for column in &layout.columns {
        match (column, &layout.types) {
            (Planned::Answer { name, column }, _) => columns.push((field(name, column, labels), true)),
            (_, InputTypes::Json) => {}
            (column, InputTypes::Strings) => {
                columns.extend(
                    column.inputs(layout).into_iter().map(|name| (Field::new(name, DataType::Utf8, true), false)),
                );
            }
            (column, InputTypes::Typed(schema)) => {
                let fields = column.inputs(layout).into_iter().filter_map(|name| schema.field_with_name(name).ok());
                // A later input may have none.
                columns.extend(fields.map(|field| (with_wide_keys(field).with_nullable(true), false)));
            }
        }
    }
    columns
}

/// A column whose dictionaries may be joined: batches that are written together may have others each, and their values be more than
/// keys of few bits can tell apart.
fn with_wide_keys(field: &Field) -> Field {
    let inner = |field: &Arc<Field>| Arc::new(with_wide_keys(field));
    let kind = match field.data_type() {
        DataType::Dictionary(keys, values) if keys.primitive_width() < Some(4) => {
            DataType::Dictionary(Box::new(DataType::Int32), values.clone())
        }
        DataType::List(field) => DataType::List(inner(field)),
        DataType::LargeList(field) => DataType::LargeList(inner(field)),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(inner(field), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        kind => kind.clone(),
    };
    field.clone().with_data_type(kind)
}

/// What a disk says keeps its kind.
pub(super) fn io_error(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        error => io::Error::other(error),
    }
}
