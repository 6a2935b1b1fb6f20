//! Arrow's C interface: columns and tables of other libraries in, streams of record batches out.
//!
//! <https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html>

use crate::{errors, strings};
use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::{
    Array, ArrayReader, ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchOptions, RecordBatchReader, StringArray,
    make_array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyString, PyTuple};
use std::ffi::CStr;
use std::sync::Arc;
use wgbert::rows::texts_of;

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";
const STREAM: &CStr = c"arrow_array_stream";

pub type Reader = Box<dyn RecordBatchReader + Send>;

/// The texts of a str, of a list of them, or of a column; of a table, its only column.
pub fn column(object: &Bound<'_, PyAny>) -> PyResult<Vec<ArrayRef>> {
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(vec![strings::of_one(text)?]);
    }
    let py = object.py();
    let unreadable = |error: ArrowError| errors::data(py, format!("the texts cannot be read: {error}"));
    let arrays = if let Some(stream) = stream(object)? {
        // What gives the arrays may be written in Python.
        py.detach(|| ArrayStreamReader::try_new(stream)?.collect::<Result<Vec<_>, _>>()).map_err(unreadable)?
    } else if let Some((array, _)) = array(object)? {
        vec![array]
    } else {
        return strings::of_all(object);
    };
    arrays.into_iter().map(|array| only_column(py, array)).collect()
}

/// The record batches of a table, or of a stream of them.
pub fn table(object: &Bound<'_, PyAny>) -> PyResult<Reader> {
    let py = object.py();
    let unreadable = |error: ArrowError| errors::data(py, format!("the table cannot be read: {error}"));
    if let Some(stream) = stream(object)? {
        let arrays = py.detach(|| ArrayStreamReader::try_new(stream)).map_err(unreadable)?;
        if let DataType::Struct(fields) = arrays.field().data_type() {
            let metadata = arrays.field().metadata().clone();
            let schema = Arc::new(Schema::new_with_metadata(fields.clone(), metadata));
            let own = schema.clone();
            let batches = arrays.map(move |array| batch(&own, &array?));
            return Ok(Box::new(RecordBatchIterator::new(batches, schema)));
        }
    } else if let Some((array, _)) = array(object)?
        && let DataType::Struct(fields) = array.data_type()
    {
        let schema = Arc::new(Schema::new(fields.clone()));
        let batch = batch(&schema, &array).map_err(unreadable)?;
        return Ok(Box::new(RecordBatchIterator::new([Ok(batch)], schema)));
    }
    let kind = object.get_type().name()?;
    let message =
        "a table or a stream of record batches by Arrow's C interface is wanted (pyarrow, polars, pandas, duckdb...)";
    Err(errors::data(py, format!("{message}, and no {kind}")))
}

/// A table's rows, each of which is there: what the columns hold where one is not, nobody says.
fn batch(schema: &SchemaRef, array: &ArrayRef) -> Result<RecordBatch, ArrowError> {
    let (rows, nulls) = (array.as_struct(), array.null_count());
    if nulls > 0 {
        let message = format!("{nulls} of {} rows are null as a whole: leave them out", array.len());
        return Err(ArrowError::InvalidArgumentError(message));
    }
    let count = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(schema.clone(), rows.columns().to_vec(), &count)
}

/// Texts, and second texts where there are any, as record batches with the columns `text` and `text_pair`.
pub fn side_by_side(py: Python<'_>, texts: Vec<ArrayRef>, pairs: Option<Vec<ArrayRef>>) -> PyResult<Reader> {
    let kind = |arrays: &[ArrayRef]| arrays.first().map_or(DataType::Utf8, |array| array.data_type().clone());
    let rows = |arrays: &[ArrayRef]| arrays.iter().map(|array| array.len()).sum::<usize>();
    let mut fields = vec![Field::new("text", kind(&texts), true)];
    if let Some(pairs) = &pairs {
        let (first, second) = (rows(&texts), rows(pairs));
        if first != second {
            return Err(errors::argument(py, format!("there are {first} texts, but {second} second texts")));
        }
        fields.push(Field::new("text_pair", kind(pairs), true));
    }
    let schema = Arc::new(Schema::new(fields));
    let mut batches = Vec::new();
    let (mut pairs, mut left) = (pairs.map(Vec::into_iter), None::<ArrayRef>);
    for mut text in texts {
        while !text.is_empty() {
            let columns = match &mut pairs {
                None => vec![std::mem::replace(&mut text, Arc::new(StringArray::new_null(0)))],
                // Both may be in pieces of their own.
                Some(pairs) => {
                    let pair = left.take().or_else(|| pairs.next()).expect("there are as many");
                    let rows = text.len().min(pair.len());
                    let columns = vec![text.slice(0, rows), pair.slice(0, rows)];
                    left = (rows < pair.len()).then(|| pair.slice(rows, pair.len() - rows));
                    text = text.slice(rows, text.len() - rows);
                    columns
                }
            };
            let batch = RecordBatch::try_new(schema.clone(), columns);
            batches.push(batch.map_err(|error| errors::data(py, error.to_string()))?);
        }
    }
    Ok(Box::new(RecordBatchIterator::new(batches.into_iter().map(Ok), schema)))
}

/// Texts, none of which may be null; the first has the index `first` in errors.
pub fn strings(py: Python<'_>, texts: &[ArrayRef], first: usize) -> PyResult<Vec<String>> {
    let mut strings = Vec::new();
    for array in texts {
        for text in texts_of(array).map_err(|message| errors::data(py, format!("the column {message}")))? {
            let index = first + strings.len();
            let text = text.and_then(|text| text.ok_or_else(|| "its text is null".into()));
            strings.push(text.map_err(|message| errors::text(py, index, &format!("text {index}: {message}")))?);
        }
    }
    Ok(strings)
}

/// The texts of a list, or of a column.
#[pyfunction]
#[pyo3(name = "_texts_of")]
pub fn texts_in(py: Python<'_>, texts: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    strings(py, &column(texts)?, 0)
}

/// The texts of each column of a table.
#[pyfunction]
#[pyo3(name = "_columns_of")]
pub fn columns_of(py: Python<'_>, object: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<String>>> {
    let reader = table(object)?;
    let mut columns = vec![Vec::new(); reader.schema().fields().len()];
    let batches = py.detach(|| reader.collect::<Result<Vec<_>, _>>());
    for batch in batches.map_err(|error| errors::data(py, format!("the table cannot be read: {error}")))? {
        for (column, texts) in columns.iter_mut().zip(batch.columns()) {
            column.push(texts.clone());
        }
    }
    columns.iter().map(|texts| strings(py, texts, 0)).collect()
}

/// A stream of record batches for another library.
pub fn stream_capsule<'py>(py: Python<'py>, reader: Reader) -> PyResult<Bound<'py, PyCapsule>> {
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(reader), STREAM)
}

/// What its columns are.
pub fn schema_capsule<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema).map_err(|error| errors::data(py, error.to_string()))?;
    PyCapsule::new_with_value(py, schema, SCHEMA)
}

/// What `__arrow_c_stream__` gives, if there is such a thing.
fn stream(object: &Bound<'_, PyAny>) -> PyResult<Option<FFI_ArrowArrayStream>> {
    let Some(method) = object.getattr_opt("__arrow_c_stream__")? else { return Ok(None) };
    let capsule = method.call0()?.cast_into::<PyCapsule>()?;
    let place = capsule.pointer_checked(Some(STREAM))?.cast::<FFI_ArrowArrayStream>();
    // SAFETY: a capsule of this name holds such a stream, which whoever takes it out leaves as released.
    #[allow(unsafe_code, reason = "the C interface is one of pointers")]
    Ok(Some(unsafe { FFI_ArrowArrayStream::from_raw(place.as_ptr()) }))
}

/// What `__arrow_c_array__` gives, if there is such a thing.
fn array(object: &Bound<'_, PyAny>) -> PyResult<Option<(ArrayRef, Field)>> {
    let Some(method) = object.getattr_opt("__arrow_c_array__")? else { return Ok(None) };
    let capsules = method.call0()?.cast_into::<PyTuple>()?;
    let schema = capsules.get_item(0)?.cast_into::<PyCapsule>()?;
    let array = capsules.get_item(1)?.cast_into::<PyCapsule>()?;
    let schema = schema.pointer_checked(Some(SCHEMA))?.cast::<FFI_ArrowSchema>();
    let array = array.pointer_checked(Some(ARRAY))?.cast::<FFI_ArrowArray>();
    let unreadable = |error: ArrowError| errors::data(object.py(), format!("the texts cannot be read: {error}"));
    // SAFETY: capsules of these names hold such a schema, which lives as long as its capsule, and such an array of it, which
    // whoever takes it out leaves as released.
    #[allow(unsafe_code, reason = "the C interface is one of pointers")]
    let (array, field) = unsafe {
        let schema = schema.as_ref();
        (from_ffi(FFI_ArrowArray::from_raw(array.as_ptr()), schema), Field::try_from(schema))
    };
    Ok(Some((make_array(array.map_err(unreadable)?), field.map_err(unreadable)?)))
}

fn only_column(py: Python<'_>, array: ArrayRef) -> PyResult<ArrayRef> {
    let Some(table) = array.as_struct_opt() else { return Ok(array) };
    match table.columns() {
        [column] if table.null_count() == 0 => Ok(column.clone()),
        _ => Err(errors::data(
            py,
            format!(
                "a column of texts is wanted, not a table with {}: give one of them",
                table.column_names().join(", ")
            ),
        )),
    }
}

/// The names of a table's columns.
pub fn names(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

/// What gives a stream of record batches, as a polars.DataFrame.
pub fn to_polars<'py>(stream: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    stream.py().import("polars")?.call_method1("DataFrame", (stream,))
}
