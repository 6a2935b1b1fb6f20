//! A stream of record batches with answers.

use crate::answers::{Answers, Collected};
use crate::classifier::Opened;
use crate::lock::with_lock;
use crate::{arrow, errors};
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::sync::{Mutex, PoisonError};
use wgbert::rows::AnsweredBatches;

const FORKED: &str =
    "the stream is of the process that this one was forked from: call classify_batches in the process that reads it";

/// The answers to a stream of record batches, in its order, as they are asked for: one batch at a time is in memory, and the next
/// is under way.
///
/// It has `__arrow_c_stream__`, which hands it over to another library, or is iterated over: each item is `Answers`.
#[pyclass(module = "wgbert", frozen)]
pub struct Batches {
    schema: SchemaRef,
    /// Nothing once it is another library's. It ends before its engine does.
    batches: Mutex<Option<AnsweredBatches>>,
    opened: Opened,
}

impl Batches {
    pub fn new(batches: AnsweredBatches, opened: Opened) -> Batches {
        Batches { schema: batches.schema(), opened, batches: Mutex::new(Some(batches)) }
    }

    fn refuse_forked(&self, py: Python<'_>) -> PyResult<()> {
        match self.opened.is_of_this_process() {
            true => Ok(()),
            false => Err(errors::data(py, FORKED.into())),
        }
    }
}

#[pymethods]
impl Batches {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Answers>> {
        self.refuse_forked(py)?;
        let next = py.detach(|| {
            let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
            batches.as_mut().map(Iterator::next)
        });
        py.check_signals()?;
        match next {
            None => Err(errors::data(py, "the stream was handed over to another library".into())),
            Some(None) => Ok(None),
            Some(Some(Err(error))) => Err(self.opened.failed(py, error)),
            Some(Some(Ok(batch))) => {
                let mut collected = Collected::new(self.schema.clone(), false);
                collected.add(batch);
                Ok(Some(collected.finish()))
            }
        }
    }

    /// The names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        arrow::names(&self.schema)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A wish, which the interface leaves to whoever gives.
        let _ = requested_schema;
        self.refuse_forked(py)?;
        let batches = py.detach(|| self.batches.lock().unwrap_or_else(PoisonError::into_inner).take());
        let Some(batches) = batches else {
            return Err(errors::data(py, "the stream was handed over to another library already".into()));
        };
        arrow::stream_capsule(py, Box::new(HandedOver { batches, opened: self.opened.clone(), stopped: false }))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        arrow::schema_capsule(py, &self.schema)
    }

    /// As a pyarrow.RecordBatchReader.
    fn to_pyarrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("pyarrow")?.getattr("RecordBatchReader")?.call_method1("from_stream", (slf,))
    }

    /// The rest of it, as a polars.DataFrame.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        arrow::to_polars(slf)
    }

    /// The rest of it, as a pandas.DataFrame, by pyarrow.
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::to_pyarrow(slf)?.call_method0("read_pandas")
    }
}

/// What another library reads, on whichever thread and with the interpreter's lock or not.
struct HandedOver {
    batches: AnsweredBatches,
    opened: Opened,
    stopped: bool,
}

impl Iterator for HandedOver {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.stopped {
            return None;
        }
        if !self.opened.is_of_this_process() {
            self.stopped = true;
            return Some(Err(ArrowError::ExternalError(FORKED.into())));
        }
        let next = with_lock(|py| {
            let next = py.detach(|| self.batches.next());
            if let Some(Err(error)) = &next {
                self.opened.note(error);
            }
            // On the main thread Ctrl-C comes out here. Whoever reads can only be told of an error: it is said to the interpreter
            // again, for when that has returned.
            match py.check_signals() {
                Ok(()) => next.map(|next| next.map_err(|error| errors::in_python(error.to_string()))),
                Err(interrupt) => {
                    let asked = py.import("_thread").and_then(|thread| thread.call_method0("interrupt_main"));
                    Some(Err(asked.map_or_else(|error| error, |_| interrupt).to_string()))
                }
            }
        });
        let next = next.unwrap_or_else(|| Some(Err("the interpreter has ended".into())));
        self.stopped = !matches!(next, Some(Ok(_)));
        next.map(|next| next.map(|answered| answered.batch).map_err(|said| ArrowError::ExternalError(said.into())))
    }
}

impl RecordBatchReader for HandedOver {
    fn schema(&self) -> SchemaRef {
        self.batches.schema()
    }
}
