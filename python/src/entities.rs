//! Entities of texts, in the shape of transformers' token-classification pipeline.

use crate::classifier::Opened;
use crate::{arrow, errors};
use arrow_array::ArrayRef;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use wgbert::{Aggregation, Entity, EntityKind, Error};

/// Texts at a time, between which Ctrl-C is looked at.
const TEXTS: usize = 128;
/// What the pipeline ignores.
const IGNORED: &str = "O";

/// For each text the list of its entities.
pub fn of<'py>(
    opened: &Opened,
    texts: Vec<ArrayRef>,
    aggregation: &str,
    ignored: Option<Vec<String>>,
    py: Python<'py>,
) -> PyResult<Bound<'py, PyList>> {
    let known = [
        ("none", Aggregation::None),
        ("simple", Aggregation::Simple),
        ("first", Aggregation::First),
        ("average", Aggregation::Average),
        ("max", Aggregation::Max),
    ];
    let aggregation =
        known.iter().find(|(name, _)| *name == aggregation).map(|(_, value)| *value).ok_or_else(|| {
            let message =
                format!("aggregation_strategy is {aggregation:?}, which is none of none, simple, first, average, max");
            errors::argument(py, message)
        })?;
    let ignored = ignored.unwrap_or_else(|| vec![IGNORED.into()]);
    let ignored: Vec<&str> = ignored.iter().map(String::as_str).collect();
    let texts = arrow::strings(py, &texts)?;
    let lists = PyList::empty(py);
    for chunk in texts.chunks(TEXTS) {
        let first = lists.len();
        let of_call = |error| match error {
            Error::Text { index, message } => Error::Text { index: first + index, message },
            error => error,
        };
        let answered = py.detach(|| {
            let output = opened.classifier().classify_tokens(chunk.iter().map(String::as_str))?;
            output.texts().map(|text| text.entities_but(aggregation, &ignored)).collect::<Result<Vec<_>, _>>()
        });
        py.check_signals()?;
        for entities in answered.map_err(|error| opened.failed(py, of_call(error)))? {
            lists.append(entities.iter().map(|entity| dict(py, entity)).collect::<PyResult<Vec<_>>>()?)?;
        }
    }
    Ok(lists)
}

/// The keys of the pipeline, in its order.
fn dict<'py>(py: Python<'py>, entity: &Entity) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    match &entity.kind {
        EntityKind::Token { label, index } => {
            dict.set_item("entity", label)?;
            dict.set_item("score", entity.score)?;
            dict.set_item("index", index)?;
        }
        EntityKind::Group(group) => {
            dict.set_item("entity_group", group)?;
            dict.set_item("score", entity.score)?;
        }
    }
    dict.set_item("word", &entity.word)?;
    dict.set_item("start", entity.offsets.as_ref().map(|at| at.start))?;
    dict.set_item("end", entity.offsets.as_ref().map(|at| at.end))?;
    Ok(dict)
}
