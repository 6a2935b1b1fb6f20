//! Entities of texts, in the shape of transformers' token-classification pipeline.

use crate::arguments::choice;
use crate::classifier::Opened;
use crate::pairs::behind;
use crate::{arrow, errors};
use arrow_array::ArrayRef;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use wgbert::cli::choices::AggregationName;
use wgbert::{Aggregation, Entity, EntityKind, TokenClassification};

/// Texts at a time, between which Ctrl-C is looked at.
const TEXTS: usize = 128;

/// For each text the list of its entities; the first text has the index `first` in errors.
pub fn of<'py>(
    opened: &Opened,
    texts: Vec<ArrayRef>,
    aggregation: &str,
    ignored: Option<Vec<String>>,
    first: usize,
    py: Python<'py>,
) -> PyResult<Bound<'py, PyList>> {
    let aggregation = choice::<AggregationName>("aggregation_strategy", aggregation).map(Aggregation::from);
    let aggregation = aggregation.map_err(|message| errors::argument(py, message))?;
    let ignored: Option<Vec<&str>> = ignored.as_ref().map(|all| all.iter().map(String::as_str).collect());
    let texts = arrow::strings(py, &texts, first)?;
    let lists = PyList::empty(py);
    for chunk in texts.chunks(TEXTS) {
        let first = first + lists.len();
        let answered = py.detach(|| {
            let output = opened.classifier().classify_tokens(chunk.iter().map(String::as_str))?;
            let entities = |text: TokenClassification<'_>| match &ignored {
                Some(ignored) => text.entities_but(aggregation, ignored),
                None => text.entities(aggregation),
            };
            output.texts().map(entities).collect::<Result<Vec<_>, _>>()
        });
        py.check_signals()?;
        for entities in answered.map_err(|error| opened.failed(py, behind(first, error)))? {
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
