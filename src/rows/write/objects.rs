//! JSON objects -> columns with types, of all rows: truth values, whole numbers, numbers, strings, and lists of one of these. What has
//! values of several kinds, or objects, is kept as JSON.

use super::super::fields::Entries;
use super::typed::io_error;
use super::{Layout, Planned};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchReader, StringArray};
use arrow_json::ReaderBuilder;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde_json::Value;
use std::io;
use std::sync::Arc;

/// The largest whole number below which all are 64-bit floats.
const EXACT: u64 = 1 << 53;

/// What the values of a column are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Type {
    Null,
    Flag,
    /// Whether all of them are floats, too.
    Whole {
        exact: bool,
    },
    Number,
    Text,
    List(Box<Type>),
    Mixed,
}

/// Columns of objects.
pub(super) struct Objects {
    /// All of the output's, in their order: which of the stream's an answer is, or which of the objects'.
    columns: Vec<ColumnSource>,
    schema: SchemaRef,
}

enum ColumnSource {
    Stream(usize),
    /// Where it nearly always is among the object's fields, what it is called there, and its type.
    Object {
        place: usize,
        name: String,
        kind: Type,
    },
}

impl Type {
    fn of(value: &Value) -> Type {
        match value {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Flag,
            Value::Number(number) => match number.as_i64() {
                Some(whole) => Type::Whole { exact: whole.unsigned_abs() <= EXACT },
                None if number.is_f64() => Type::Number,
                None => Type::Mixed,
            },
            Value::String(_) => Type::Text,
            Value::Array(values) => {
                let inner = values.iter().map(Type::of).fold(Type::Null, Type::join);
                if matches!(inner, Type::List(_) | Type::Mixed) { Type::Mixed } else { Type::List(Box::new(inner)) }
            }
            Value::Object(_) => Type::Mixed,
        }
    }

    fn join(self, other: Type) -> Type {
        match (self, other) {
            (one, other) if one == other => one,
            (Type::Null, other) | (other, Type::Null) => other,
            (Type::Whole { .. }, Type::Whole { .. }) => Type::Whole { exact: false },
            (Type::Whole { exact: true }, Type::Number) | (Type::Number, Type::Whole { exact: true }) => Type::Number,
            (Type::List(one), Type::List(other)) => match one.join(*other) {
                Type::Mixed => Type::Mixed,
                inner => Type::List(Box::new(inner)),
            },
            _ => Type::Mixed,
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Type::Flag => DataType::Boolean,
            Type::Whole { .. } => DataType::Int64,
            Type::Number => DataType::Float64,
            Type::Null | Type::Text | Type::Mixed => DataType::Utf8,
            Type::List(inner) => DataType::List(Arc::new(Field::new_list_field(inner.data_type(), true))),
        }
    }
}

impl Objects {
    /// Reads all rows of a stream to find out what columns there are.
    pub(super) fn new(
        batches: impl RecordBatchReader,
        layout: &Layout,
        column: &str,
        notes: &mut Vec<String>,
    ) -> io::Result<Objects> {
        let stream = batches.schema();
        let mut types: Vec<(String, Type)> = layout.input.iter().map(|name| (name.clone(), Type::Null)).collect();
        for batch in batches {
            let batch = batch.map_err(io_error)?;
            for object in objects(&batch, column)? {
                for (place, (name, raw)) in read(object)?.into_iter().enumerate() {
                    let kind = serde_json::from_str(raw.get()).map_or(Type::Mixed, |value| Type::of(&value));
                    let there = types.get(place).is_some_and(|(known, _)| *known == name);
                    let found = if there { Some(place) } else { types.iter().position(|(known, _)| *known == name) };
                    match found {
                        Some(place) => {
                            let known = std::mem::replace(&mut types[place].1, Type::Null);
                            types[place].1 = known.join(kind);
                        }
                        None => types.push((name, kind)),
                    }
                }
            }
        }
        let mut columns = Vec::new();
        let mut fields = Vec::new();
        let mut answers = 1;
        let mut add = |columns: &mut Vec<ColumnSource>, fields: &mut Vec<Field>, place: usize| {
            let (name, kind) = &types[place];
            if *kind == Type::Mixed {
                notes.push(format!("the column {name:?} has values of several kinds, and is written as JSON"));
            }
            fields.push(Field::new(layout.called(name), kind.data_type(), true));
            columns.push(ColumnSource::Object { place, name: name.clone(), kind: kind.clone() });
        };
        for planned in &layout.columns {
            match planned {
                Planned::All => (0..types.len()).for_each(|place| add(&mut columns, &mut fields, place)),
                Planned::Input(name) => {
                    let place = types.iter().position(|(known, _)| known == name);
                    place.into_iter().for_each(|place| add(&mut columns, &mut fields, place));
                }
                Planned::Answer { .. } => {
                    fields.push(stream.field(answers).clone());
                    columns.push(ColumnSource::Stream(answers));
                    answers += 1;
                }
            }
        }
        Ok(Objects { columns, schema: Arc::new(Schema::new(fields)) })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The rows of a batch of the stream, whose first column are objects.
    pub(super) fn typed(&self, batch: &RecordBatch) -> io::Result<RecordBatch> {
        let rows: Vec<_> = objects(batch, batch.schema_ref().field(0).name())?.map(read).collect::<Result<_, _>>()?;
        let column = |(source, field): (&ColumnSource, &Arc<Field>)| -> io::Result<ArrayRef> {
            let (place, name, kind) = match source {
                ColumnSource::Stream(place) => return Ok(batch.column(*place).clone()),
                ColumnSource::Object { place, name, kind } => (*place, name, kind),
            };
            let raw = rows.iter().map(|row| {
                let there = row.get(place).filter(|(known, _)| known == name);
                let value = there.or_else(|| row.iter().find(|(known, _)| known == name));
                value.map(|(_, raw)| raw.get()).filter(|raw| *raw != "null")
            });
            if *kind == Type::Mixed {
                return Ok(Arc::new(raw.collect::<StringArray>()));
            }
            let mut decoder = ReaderBuilder::new_with_field(field.clone())
                .with_batch_size(rows.len())
                .build_decoder()
                .map_err(io_error)?;
            for value in raw {
                let value = value.unwrap_or("null");
                decoder.decode(value.as_bytes()).map_err(io_error)?;
                decoder.decode(b"\n").map_err(io_error)?;
            }
            let decoded = decoder.flush().map_err(io_error)?;
            let decoded = decoded.filter(|decoded| decoded.num_rows() == rows.len());
            let decoded =
                decoded.ok_or_else(|| io::Error::other(format!("the column {name:?} could not be read again")))?;
            Ok(decoded.column(0).clone())
        };
        let columns = self.columns.iter().zip(self.schema.fields()).map(column).collect::<io::Result<_>>()?;
        RecordBatch::try_new(self.schema.clone(), columns).map_err(io_error)
    }
}

fn objects<'a>(batch: &'a RecordBatch, column: &str) -> io::Result<impl Iterator<Item = &'a str> + use<'a>> {
    let objects = batch.column_by_name(column).and_then(|column| column.as_string_opt::<i32>());
    let objects = objects.ok_or_else(|| io::Error::other("what was written has no objects"))?;
    Ok((0..objects.len()).map(|row| objects.value(row)))
}

fn read(object: &str) -> io::Result<Vec<(String, Box<serde_json::value::RawValue>)>> {
    Ok(serde_json::from_str::<Entries>(object)?.0)
}
