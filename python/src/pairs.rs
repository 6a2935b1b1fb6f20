//! Pairs of texts, and labels that were never trained: in the shapes of sentence-transformers' `CrossEncoder` and of transformers'
//! zero-shot-classification pipeline.

use crate::classifier::Opened;
use crate::errors;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::time::{Duration, Instant};
use wgbert::{Classifier, Error, Result, ZeroShot};

/// How long a call runs between two looks for Ctrl-C, about.
const LOOK: Duration = Duration::from_millis(500);
/// Pairs that are answered between two looks: at first, at least and at most.
const FIRST: usize = 128;
const LEAST: usize = 16;
const MOST: usize = 16384;

/// The scores of pairs, one a label, or, where these are wanted, the logits.
///
/// # Errors
/// A `TextError` with the position of the first pair that cannot be scored.
pub fn scores(
    opened: &Opened,
    firsts: &[String],
    seconds: &[String],
    logits: bool,
    py: Python<'_>,
) -> PyResult<Vec<Vec<f32>>> {
    if firsts.len() != seconds.len() {
        let (first, second) = (firsts.len(), seconds.len());
        return Err(errors::argument(py, format!("there are {first} first texts, but {second} second texts")));
    }
    let pairs: Vec<(&str, &str)> =
        firsts.iter().zip(seconds).map(|(one, other)| (one.as_str(), other.as_str())).collect();
    let (mut scores, mut most) = (Vec::with_capacity(pairs.len()), FIRST);
    while scores.len() < pairs.len() {
        let chunk = &pairs[scores.len()..][..most.min(pairs.len() - scores.len())];
        let started = Instant::now();
        let answered = py.detach(|| score(opened.classifier(), chunk, logits));
        most = match started.elapsed() {
            took if took < LOOK / 2 => (most * 2).min(MOST),
            took if took > LOOK => (most / 2).max(LEAST),
            _ => most,
        };
        py.check_signals()?;
        scores.extend(answered.map_err(|error| opened.failed(py, behind(scores.len(), error)))?);
    }
    Ok(scores)
}

fn score(classifier: &Classifier, pairs: &[(&str, &str)], logits: bool) -> Result<Vec<Vec<f32>>> {
    if classifier.labels().len() == 1 {
        let pairs = classifier.score_pairs(pairs.iter().copied())?;
        return Ok(pairs.iter().map(|pair| vec![if logits { pair.logit } else { pair.score }]).collect());
    }
    let output = classifier.classify(pairs.iter().copied())?;
    Ok(output.texts().map(|pair| if logits { pair.logits() } else { pair.scores() }.to_vec()).collect())
}

/// For each text a dict with the keys of the pipeline: `sequence`, `labels` and `scores`, the best first.
///
/// # Errors
/// A `TextError` with the position of the first text that cannot be answered, counted from `first`.
pub fn zero_shot<'py>(
    opened: &Opened,
    texts: Vec<String>,
    asked: &ZeroShot,
    first: usize,
    py: Python<'py>,
) -> PyResult<Bound<'py, PyList>> {
    let failed = |error: Error| {
        opened.note(&error);
        errors::raise(py, behind(first, error))
    };
    if let Some(place) = texts.iter().position(String::is_empty) {
        let index = first + place;
        return Err(errors::text(py, index, &format!("text {index}: it is empty, which has no labels")));
    }
    let own = texts.iter().cloned();
    let mut answers = py.detach(|| opened.classifier().zero_shot_iter(own, asked)).map_err(failed)?;
    let dicts = PyList::empty(py);
    for text in &texts {
        let answer = py.detach(|| answers.next()).expect("every text has an answer or an error");
        py.check_signals()?;
        let answer = answer.map_err(failed)?;
        let (labels, scores): (Vec<&str>, Vec<f32>) = answer.top(usize::MAX).into_iter().unzip();
        let dict = PyDict::new(py);
        dict.set_item("sequence", text)?;
        dict.set_item("labels", labels)?;
        dict.set_item("scores", scores)?;
        dicts.append(dict)?;
    }
    Ok(dicts)
}

/// An error of a call whose texts are behind so many others.
pub fn behind(texts: usize, error: Error) -> Error {
    match error {
        Error::Text { index, message } => Error::Text { index: texts + index, message },
        error => error,
    }
}
