//! What a call answers, as Python sees it.

use crate::arrow;
use crate::errors;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, BinaryArray, LargeBinaryArray, RecordBatch, RecordBatchIterator};
use arrow_schema::{DataType, SchemaRef};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList};
use wgbert::OwnedClassification;
use wgbert::rows::AnsweredBatch;

/// The answers to texts: a table with a row for each, in their order.
///
/// It has `__arrow_c_stream__`, and so is taken by whatever speaks Arrow's C interface. `answers[i]` is a row, as a dict.
#[pyclass(module = "wgbert", frozen)]
pub struct Answers {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// Of each row, where hidden states or attentions were asked for.
    kept: Option<Vec<Option<OwnedClassification>>>,
    rows: usize,
    #[pyo3(get)]
    loss: Option<f64>,
}

/// Collects what comes in batches.
pub struct Collected {
    answers: Answers,
    losses: (f64, usize),
}

impl Collected {
    pub fn new(schema: SchemaRef, tensors: bool) -> Collected {
        let kept = tensors.then(Vec::new);
        Collected { answers: Answers { schema, batches: Vec::new(), kept, rows: 0, loss: None }, losses: (0.0, 0) }
    }

    pub fn add(&mut self, AnsweredBatch { batch, answers }: AnsweredBatch) {
        for loss in answers.iter().flatten().filter_map(|answer| answer.get().loss()) {
            self.losses = (self.losses.0 + f64::from(loss), self.losses.1 + 1);
        }
        self.answers.rows += batch.num_rows();
        self.answers.batches.push(batch);
        if let Some(kept) = &mut self.answers.kept {
            kept.extend(answers.into_iter().map(Result::ok));
        }
    }

    pub fn finish(self) -> Answers {
        let (sum, count) = self.losses;
        Answers { loss: (count > 0).then(|| sum / count as f64), ..self.answers }
    }
}

impl Answers {
    /// The part of the table that has a row, and the row's place there.
    fn find(&self, row: isize) -> Option<(&RecordBatch, usize)> {
        let row = if row < 0 { row + self.rows as isize } else { row };
        let mut left = usize::try_from(row).ok()?;
        for batch in &self.batches {
            if left < batch.num_rows() {
                return Some((batch, left));
            }
            left -= batch.num_rows();
        }
        None
    }

    fn tensors<'py>(&self, py: Python<'py>, which: Which) -> PyResult<Option<Bound<'py, PyList>>> {
        let Some(kept) = &self.kept else { return Ok(None) };
        let tensor = |answer: &OwnedClassification| Tensor { answer: answer.clone(), which };
        if kept.iter().flatten().all(|answer| tensor(answer).array().is_none()) && kept.iter().any(Option::is_some) {
            return Ok(None);
        }
        let as_array = py.import("numpy")?.getattr("asarray")?;
        let arrays = kept.iter().map(|answer| match answer {
            Some(answer) => as_array.call1((tensor(answer),)),
            None => Ok(py.None().into_bound(py)),
        });
        PyList::new(py, arrays.collect::<PyResult<Vec<_>>>()?).map(Some)
    }
}

#[pymethods]
impl Answers {
    fn __len__(&self) -> usize {
        self.rows
    }

    fn __getitem__<'py>(&self, py: Python<'py>, row: isize) -> PyResult<Bound<'py, PyDict>> {
        let (batch, place) = self
            .find(row)
            .ok_or_else(|| PyIndexError::new_err(format!("there are {} rows, and no {row}", self.rows)))?;
        let values = PyDict::new(py);
        for (field, column) in self.schema.fields().iter().zip(batch.columns()) {
            values.set_item(field.name(), value(py, field.name(), &**column, place)?)?;
        }
        Ok(values)
    }

    fn __repr__(&self) -> String {
        format!("<wgbert.Answers: {} rows of {}>", self.rows, self.columns().join(", "))
    }

    /// The names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        arrow::names(&self.schema)
    }

    /// For each row an array `[layers + 1, tokens, hidden]`, or None for a row without an answer; None if they were not asked for.
    #[getter]
    fn hidden_states<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        self.tensors(py, Which::HiddenStates)
    }

    /// For each row an array `[layers, heads, tokens, tokens]`, or None for a row without an answer; None if they were not asked
    /// for.
    #[getter]
    fn attentions<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        self.tensors(py, Which::Attentions)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A wish, which the interface leaves to whoever gives.
        let _ = requested_schema;
        let batches = RecordBatchIterator::new(self.batches.clone().into_iter().map(Ok), self.schema.clone());
        arrow::stream_capsule(py, Box::new(batches))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        arrow::schema_capsule(py, &self.schema)
    }

    /// As a pyarrow.Table.
    fn to_pyarrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("pyarrow")?.call_method1("table", (slf,))
    }

    /// As a polars.DataFrame.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        arrow::to_polars(slf)
    }

    /// As a pandas.DataFrame, by pyarrow.
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::to_pyarrow(slf)?.call_method0("to_pandas")
    }
}

/// A value of an answer's column; None where it is null.
fn value<'py>(py: Python<'py>, name: &str, column: &dyn Array, row: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
    if column.is_null(row) {
        return Ok(None);
    }
    let items = |items: &dyn Array| -> PyResult<Bound<'py, PyAny>> {
        let items = (0..items.len()).map(|item| value(py, name, items, item)).collect::<PyResult<Vec<_>>>()?;
        Ok(PyList::new(py, items)?.into_any())
    };
    // What another library handed over was not looked at by anybody.
    let text = |bytes: &[u8]| match str::from_utf8(bytes) {
        Ok(text) => Ok(text.into_pyobject(py)?.into_any()),
        Err(_) => Err(errors::data(py, format!("the column {name:?} has text that is not UTF-8"))),
    };
    macro_rules! number {
        ($kind:ty) => {
            column.as_primitive::<$kind>().value(row).into_pyobject(py)?.into_any()
        };
    }
    Ok(Some(match column.data_type() {
        DataType::Utf8 => text(BinaryArray::from(column.as_string::<i32>().clone()).value(row))?,
        DataType::LargeUtf8 => text(LargeBinaryArray::from(column.as_string::<i64>().clone()).value(row))?,
        DataType::Utf8View => text(column.as_string_view().clone().to_binary_view().value(row))?,
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float32 => number!(Float32Type),
        DataType::Float64 => number!(Float64Type),
        DataType::Boolean => column.as_boolean().value(row).into_pyobject(py)?.to_owned().into_any(),
        DataType::List(_) => items(&column.as_list::<i32>().value(row))?,
        DataType::FixedSizeList(..) => items(&column.as_fixed_size_list().value(row))?,
        kind => {
            let message =
                format!("the column {name:?} is {kind}, which only a table has: use to_pyarrow() or to_polars()");
            return Err(errors::data(py, message));
        }
    }))
}

#[derive(Clone, Copy)]
enum Which {
    HiddenStates,
    Attentions,
}

/// Numbers that NumPy reads where they are.
#[pyclass(module = "wgbert", frozen)]
struct Tensor {
    answer: OwnedClassification,
    which: Which,
}

impl Tensor {
    fn array(&self) -> Option<&wgbert::Array> {
        match self.which {
            Which::HiddenStates => self.answer.get().hidden_states(),
            Which::Attentions => self.answer.get().attentions(),
        }
    }
}

#[pymethods]
impl Tensor {
    /// NumPy's protocol of arrays in memory; an array that is made of it keeps this object, and must not be written to.
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let array = self.array().ok_or_else(|| errors::data(py, "it was not asked for".into()))?;
        let interface = PyDict::new(py);
        interface.set_item("shape", pyo3::types::PyTuple::new(py, &array.shape)?)?;
        interface.set_item("typestr", if cfg!(target_endian = "little") { "<f4" } else { ">f4" })?;
        interface.set_item("data", (array.values.as_ptr() as usize, true))?;
        interface.set_item("version", 3)?;
        Ok(interface)
    }
}
