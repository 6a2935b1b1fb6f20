//! A classifier, as Python sees it.

use crate::answers::{Answers, Collected};
use crate::arguments::Arguments;
use crate::batches::Batches;
use crate::engine::{self, Engine};
use crate::{arrow, entities, errors, pairs};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use wgbert::cli::labels::LabelReader;
use wgbert::rows::write::Selection;
use wgbert::rows::{AnsweredBatches, Columns};
use wgbert::{Error, Label, Precision, Request, Task, ZeroShot};

/// A fine-tuned BERT-family classifier, on the best adapter or on the one that is named.
#[pyclass(module = "wgbert", frozen)]
pub struct Classifier {
    arguments: Arguments,
    /// Opened when it is needed; after a fork again.
    engine: Mutex<Option<Arc<Engine>>>,
}

/// An engine that is in use.
#[derive(Clone)]
pub struct Opened {
    engine: Arc<Engine>,
}

impl Opened {
    pub fn classifier(&self) -> &wgbert::Classifier {
        self.engine.classifier()
    }

    /// Sees whether an error of a call is that the adapter was lost, which the next one then opens anew.
    pub fn note(&self, error: &Error) {
        if matches!(error, Error::DeviceLost { .. }) {
            self.engine.lose();
        }
    }

    /// The exception for an error of a call.
    pub fn failed(&self, py: Python<'_>, error: Error) -> PyErr {
        self.note(&error);
        errors::raise_of_data(py, error)
    }

    /// Whether it is of this process: after a fork its threads are not there, and what waits for them waits for ever.
    pub fn is_of_this_process(&self) -> bool {
        self.engine.is_of_this_process()
    }
}

/// What is wanted beside labels and scores.
#[derive(Clone, Copy, Default)]
struct Wanted {
    top_k: usize,
    scores: bool,
    logits: bool,
    loss: bool,
}

impl Wanted {
    /// The columns of the answers, with those of the input before them or without.
    fn selection(self, with_input: bool) -> Selection {
        let mut fields: Vec<String> = Vec::new();
        fields.extend(with_input.then(|| "*".into()));
        fields.extend(["index", "label", "score"].map(String::from));
        fields.extend((2..=self.top_k).flat_map(|place| [format!("label_{place}"), format!("score_{place}")]));
        let more = [("scores", self.scores), ("logits", self.logits), ("loss", self.loss)];
        fields.extend(more.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name.to_string()));
        fields.extend(["tokens", "truncated", "error"].map(String::from));
        let mut selection = Selection::default();
        selection.fields = Some(fields);
        selection
    }
}

impl Classifier {
    fn opened(&self, py: Python<'_>) -> PyResult<Opened> {
        let held = || self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        let engine = py.detach(|| held().clone()).filter(|engine| engine.is_usable());
        let engine = match engine {
            Some(engine) => engine,
            None => {
                let engine = engine::open(py, &self.arguments)?;
                // The one before, if it was lost, or was another process's, is dropped when the lock is free.
                let _before = py.detach(|| held().replace(engine.clone()));
                engine
            }
        };
        Ok(Opened { engine })
    }

    /// The answers to a table's rows, as they are asked for.
    fn answers(
        &self,
        opened: &Opened,
        py: Python<'_>,
        (name, table): (&str, arrow::Reader),
        columns: &Columns,
        selection: &Selection,
        request: Request,
    ) -> PyResult<AnsweredBatches> {
        let answers = py.detach(|| opened.classifier().answer_batches(name, table, columns, selection, request));
        answers.map_err(|error| opened.failed(py, error))
    }
}

/// A classifier by its arguments, which opens its engine when it is first used: what pickling leaves of one.
#[pyfunction]
#[pyo3(name = "_restore")]
pub fn restore<'py>(py: Python<'py>, arguments: Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    arguments.set_item("open", false)?;
    py.get_type::<Classifier>().call((), Some(&arguments))
}

#[pymethods]
impl Classifier {
    #[new]
    #[pyo3(signature = (
        model=None, *, adapter=None, backend=None, precision="f32", tensor_cores="auto", max_length=None, truncation="cut",
        stride=0, windows="mean", pair_truncation="longest-first", function_to_apply=None, random_head=None,
        self_check=None, batch_tokens=None, batch_texts=None, open=true
    ))]
    #[allow(clippy::too_many_arguments, reason = "Python's are named")]
    fn new(
        py: Python<'_>,
        model: Option<PathBuf>,
        adapter: Option<Bound<'_, PyAny>>,
        backend: Option<String>,
        precision: &str,
        tensor_cores: &str,
        max_length: Option<usize>,
        truncation: &str,
        stride: usize,
        windows: &str,
        pair_truncation: &str,
        function_to_apply: Option<String>,
        random_head: Option<u64>,
        self_check: Option<String>,
        batch_tokens: Option<usize>,
        batch_texts: Option<usize>,
        open: bool,
    ) -> PyResult<Classifier> {
        let arguments = Arguments {
            model: model.map(PathBuf::into_os_string),
            // A name, an index, or several with commas.
            adapter: adapter.map(|adapter| adapter.str().map(|text| text.to_string())).transpose()?,
            backend,
            precision: precision.into(),
            tensor_cores: tensor_cores.into(),
            max_length,
            truncation: truncation.into(),
            stride,
            windows: windows.into(),
            pair_truncation: pair_truncation.into(),
            function_to_apply,
            random_head,
            self_check,
            batch_tokens,
            batch_texts,
        };
        arguments.options().map_err(|message| errors::argument(py, message))?;
        let classifier = Classifier { arguments, engine: Mutex::default() };
        if open {
            classifier.opened(py)?;
        }
        Ok(classifier)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyDict>,))> {
        let restore = py.import("wgbert._wgbert")?.getattr("_restore")?;
        Ok((restore, (self.arguments.to_dict(py)?,)))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let arguments = self.arguments.to_dict(py)?;
        let given = arguments.iter().filter(|(_, value)| !value.is_none());
        let given = given.map(|(name, value)| Ok(format!("{name}={}", value.repr()?))).collect::<PyResult<Vec<_>>>()?;
        Ok(format!("wgbert.Classifier({})", given.join(", ")))
    }

    /// What it was made by.
    #[getter]
    fn arguments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.arguments.to_dict(py)
    }

    /// "text-classification" or "token-classification", by the class that the checkpoint's configuration names.
    #[getter]
    fn task(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(match self.opened(py)?.classifier().task() {
            Task::SequenceClassification => "text-classification",
            Task::TokenClassification => "token-classification",
        })
    }

    /// The name of each label.
    #[getter]
    fn labels(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.opened(py)?.classifier().labels().to_vec())
    }

    /// The adapter's name, the first where there are several, or "reference".
    #[getter]
    fn adapter(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.opened(py)?.classifier().adapter().into())
    }

    /// What weights and activations are stored as: "f32" or "f16".
    #[getter]
    fn precision(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(match self.opened(py)?.classifier().precision() {
            Precision::F16 => "f16",
            Precision::F32 | Precision::Auto => "f32",
        })
    }

    /// The most tokens of a text, special tokens included.
    #[getter]
    fn max_length(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.opened(py)?.classifier().max_length())
    }

    /// What makes scores of logits: "softmax", "sigmoid", "tanh" or "none".
    #[getter]
    fn function_to_apply(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.opened(py)?.classifier().scoring().name())
    }

    /// The configuration's `problem_type`, if it has one.
    #[getter]
    fn problem_type(&self, py: Python<'_>) -> PyResult<Option<&'static str>> {
        Ok(self.opened(py)?.classifier().config().problem_type.map(|problem| problem.name()))
    }

    /// What transformers' text-classification pipeline makes of logits, which knows no cross-encoder's own activation.
    #[getter]
    fn _pipeline_function(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.opened(py)?.classifier().config().pipeline_scoring().name())
    }

    /// What sentence-transformers' `CrossEncoder` makes of logits.
    #[getter]
    fn _cross_encoder_function(&self, py: Python<'_>) -> PyResult<&'static str> {
        let opened = self.opened(py)?;
        let classifier = opened.classifier();
        match self.arguments.function_to_apply {
            Some(_) => Ok(classifier.scoring().name()),
            None => Ok(classifier.config().cross_encoder_scoring().map_err(|error| errors::raise(py, error))?.name()),
        }
    }

    /// Closes the engine, once the calls that run in other threads are done; a later call opens it again.
    fn close(&self, py: Python<'_>) {
        let held = py.detach(|| self.engine.lock().unwrap_or_else(PoisonError::into_inner).take());
        engine::close(py, &self.arguments);
        drop(held);
    }

    /// Classifies texts, or pairs of texts, and gives a table with a row for each.
    #[pyo3(signature = (
        column, pair=None, *, top_k=1, scores=false, logits=false, hidden_states=false, attentions=false, labels=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "Python's are named")]
    fn classify(
        &self,
        py: Python<'_>,
        column: Bound<'_, PyAny>,
        pair: Option<Bound<'_, PyAny>>,
        top_k: usize,
        scores: bool,
        logits: bool,
        hidden_states: bool,
        attentions: bool,
        labels: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Answers> {
        let opened = self.opened(py)?;
        let texts = arrow::column(&column)?;
        let pairs = pair.as_ref().map(arrow::column).transpose()?;
        let rows = texts.iter().map(|texts| texts.len()).sum::<usize>();
        let wanted =
            Wanted { top_k: top_k.min(opened.classifier().labels().len()), scores, logits, loss: labels.is_some() };
        let labels = labels.map(|labels| self::labels(&opened, &labels, rows)).transpose()?.unwrap_or_default();
        let columns = columns("text", pairs.is_some().then_some("text_pair"));
        let table = ("the texts", arrow::side_by_side(py, texts, pairs)?);
        let request = Request::default().hidden_states(hidden_states).attentions(attentions).labels(labels);
        let mut batches = self.answers(&opened, py, table, &columns, &wanted.selection(false), request)?;
        let mut collected = Collected::new(batches.schema(), hidden_states || attentions);
        while let Some(batch) = py.detach(|| batches.next()) {
            py.check_signals()?;
            collected.add(batch.map_err(|error| opened.failed(py, error))?);
        }
        Ok(collected.finish())
    }

    /// Classifies the rows of a table, or of a stream of record batches, as they are asked for, in constant memory.
    #[pyo3(signature = (stream, text_column, pair_column=None, *, top_k=1, scores=false, logits=false))]
    #[allow(clippy::too_many_arguments, reason = "Python's are named")]
    fn classify_batches(
        &self,
        py: Python<'_>,
        stream: Bound<'_, PyAny>,
        text_column: &str,
        pair_column: Option<&str>,
        top_k: usize,
        scores: bool,
        logits: bool,
    ) -> PyResult<Batches> {
        let opened = self.opened(py)?;
        let top_k = top_k.min(opened.classifier().labels().len());
        let selection = Wanted { top_k, scores, logits, loss: false }.selection(true);
        let columns = columns(text_column, pair_column);
        let table = ("the table", arrow::table(&stream)?);
        let batches = self.answers(&opened, py, table, &columns, &selection, Request::default())?;
        Ok(Batches::new(batches, opened))
    }

    /// For each text its labels with their scores, as transformers' text-classification pipeline has them: `top_k` of them, None
    /// is all, the best first, or in the labels' order.
    /// The first of them has the index `first` in errors.
    #[pyo3(signature = (texts, pairs, top_k, best_first, first=0))]
    fn _label_scores<'py>(
        &self,
        py: Python<'py>,
        texts: Bound<'_, PyAny>,
        pairs: Option<Bound<'_, PyAny>>,
        top_k: Option<usize>,
        best_first: bool,
        first: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        let opened = self.opened(py)?;
        let texts = arrow::column(&texts)?;
        let pairs = pairs.as_ref().map(arrow::column).transpose()?;
        let columns = columns("text", pairs.is_some().then_some("text_pair"));
        let table = ("the texts", arrow::side_by_side(py, texts, pairs)?);
        let selection = Wanted::default().selection(false);
        let mut batches = self.answers(&opened, py, table, &columns, &selection, Request::default())?;
        let rows = PyList::empty(py);
        while let Some(batch) = py.detach(|| batches.next()) {
            py.check_signals()?;
            for answer in batch.map_err(|error| opened.failed(py, error))?.answers {
                let index = first + rows.len();
                let answer = answer.map_err(|message| errors::text(py, index, &format!("text {index}: {message}")))?;
                let scores = answer.get().scores();
                let mut order: Vec<usize> = (0..scores.len()).collect();
                if best_first {
                    // Of equals the first, as Python sorts.
                    order.sort_by(|&one, &other| scores[other].total_cmp(&scores[one]));
                }
                order.truncate(top_k.unwrap_or(order.len()));
                let row = order.into_iter().map(|label| {
                    let entry = PyDict::new(py);
                    entry.set_item("label", &opened.classifier().labels()[label])?;
                    entry.set_item("score", scores[label])?;
                    Ok(entry)
                });
                rows.append(row.collect::<PyResult<Vec<_>>>()?)?;
            }
        }
        Ok(rows)
    }

    /// The entities of each text, with a checkpoint of token classification: for each text a list of dicts, as transformers'
    /// token-classification pipeline has them.
    #[pyo3(signature = (texts, aggregation_strategy="none", ignore_labels=None))]
    fn entities<'py>(
        &self,
        py: Python<'py>,
        texts: Bound<'_, PyAny>,
        aggregation_strategy: &str,
        ignore_labels: Option<Vec<String>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let opened = self.opened(py)?;
        entities::of(&opened, arrow::column(&texts)?, aggregation_strategy, ignore_labels, 0, py)
    }

    /// Of each pair its scores, one a label, as sentence-transformers' `CrossEncoder.predict` has them; or its logits.
    fn _pair_scores(
        &self,
        py: Python<'_>,
        firsts: Bound<'_, PyAny>,
        seconds: Bound<'_, PyAny>,
        logits: bool,
    ) -> PyResult<Vec<Vec<f32>>> {
        let opened = self.opened(py)?;
        let texts = |texts: &Bound<'_, PyAny>| arrow::strings(py, &arrow::column(texts)?, 0);
        pairs::scores(&opened, &texts(&firsts)?, &texts(&seconds)?, logits, py)
    }

    /// For each text how likely labels are that the model was not trained for, as transformers' zero-shot-classification pipeline
    /// has them. The first text has the index `first` in errors.
    fn _zero_shot<'py>(
        &self,
        py: Python<'py>,
        texts: Bound<'_, PyAny>,
        labels: Vec<String>,
        hypothesis_template: &str,
        multi_label: bool,
        first: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        let opened = self.opened(py)?;
        let texts = arrow::strings(py, &arrow::column(&texts)?, first)?;
        let asked = ZeroShot::new(labels).hypothesis_template(hypothesis_template).multi_label(multi_label);
        pairs::zero_shot(&opened, texts, &asked, first, py)
    }

    /// [`Classifier::entities`] of texts of which the first has the index `first` in errors.
    fn _entities<'py>(
        &self,
        py: Python<'py>,
        texts: Bound<'_, PyAny>,
        aggregation_strategy: &str,
        ignore_labels: Option<Vec<String>>,
        first: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        let opened = self.opened(py)?;
        entities::of(&opened, arrow::column(&texts)?, aggregation_strategy, ignore_labels, first, py)
    }
}

/// Where the texts are.
fn columns(text: &str, pair: Option<&str>) -> Columns {
    let mut columns = Columns::default();
    columns.text = Some(text.into());
    columns.pair = pair.map(Into::into);
    columns
}

/// What a column or an array of another library holds, in Python's own: JSON has no words for theirs.
fn in_python(object: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    for name in ["to_pylist", "tolist", "to_list"] {
        if let Some(method) = object.getattr_opt(name)? {
            return method.call0();
        }
    }
    Ok(object)
}

/// What the loss of each text is measured against.
fn labels(opened: &Opened, labels: &Bound<'_, PyAny>, rows: usize) -> PyResult<Vec<Option<Label>>> {
    let (py, mut reader, config) = (labels.py(), LabelReader::default(), opened.classifier().config());
    let dumps = py.import("json")?.getattr("dumps")?;
    let mut read = Vec::new();
    for (index, label) in in_python(labels.clone())?.try_iter()?.enumerate() {
        let label = in_python(label?)?;
        if label.is_none() {
            read.push(None);
            continue;
        }
        let said = dumps.call1((&label,)).and_then(|json| json.extract::<String>());
        let value = said.ok().and_then(|json| serde_json::from_str(&json).ok());
        let value = value.ok_or_else(|| format!("its label {label} is no name, number or list of them"));
        let label = value.and_then(|value| reader.read(config, &value));
        read.push(Some(label.map_err(|message| errors::text(py, index, &format!("text {index}: {message}")))?));
    }
    match read.len() {
        count if count == rows => Ok(read),
        count => Err(errors::argument(
            py,
            format!("there are {rows} texts, but {count} labels; a text without one has None"),
        )),
    }
}
