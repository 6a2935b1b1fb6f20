//! A classifier, as the package's JavaScript sees it.

use crate::answers::{self, Collected};
use crate::arguments::{self, ClassifyOptions, LoadOptions, Wanted};
use crate::cancel::Cancel;
use crate::table::Table;
use crate::{adapters, errors, files};
use async_lock::Mutex;
use js_sys::{Array, Object};
use serde_json::json;
use std::cell::{Cell, RefCell};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wgbert::{Adapter, Aggregation, Error, Precision, Request, Task, Text, TextBuf};

/// Texts of a step of a call, behind which others have their turn. A GPU wants many; the CPU twins compute on this thread.
const GPU_STEP: usize = 1024;
const CPU_STEP: usize = 16;

/// A classifier with the adapter that answers for it now.
#[wasm_bindgen(js_name = Engine)]
pub struct Engine {
    open: RefCell<wgbert::Classifier>,
    /// How often another adapter took its place.
    opened: Cell<usize>,
    /// One call opens at a time; who comes then finds it open.
    opening: Mutex<()>,
    wanted: Wanted,
    precision: Precision,
    /// Why no GPU answers, where none does and one was wanted.
    note: RefCell<Option<String>>,
    turn: js_sys::Function,
}

#[wasm_bindgen(js_class = Engine)]
impl Engine {
    /// Opens a checkpoint: `files` are arrays of a name and its bytes. `turn` gives promises that are kept in a later turn of the event
    /// loop.
    ///
    /// # Errors
    /// Everything that can be wrong with the files, the options and the adapter.
    pub async fn open(place: String, files: Array, options: String, turn: js_sys::Function) -> Result<Engine, JsValue> {
        let options: LoadOptions = arguments::read(&options)?;
        let files = files::files(&files)?;
        let raise = |error: Error| errors::raise(&error);
        let (adapter, note) = adapters::choose(options.adapter).await.map_err(raise)?;
        // On the CPU at first, which computes nothing yet: where the adapter cannot be opened it is what is left.
        let precision = adapters::precision(&Adapter::Reference, options.adapter, options.precision());
        let precision = if adapter == Adapter::Reference { precision } else { Precision::F32 };
        let asked = options.options().adapter(Adapter::Reference).precision(precision);
        let mut classifier = asked.load_files_async(place, files).await.map_err(raise)?;
        let mut note = note;
        if adapter != Adapter::Reference {
            match classifier.reopen_on_async(adapter, options.precision()).await {
                Ok(opened) => classifier = opened,
                Err(error) if options.adapter == Wanted::Auto => note = Some(errors::in_javascript(&error.to_string())),
                Err(error) => return Err(raise(error)),
            }
        }
        if let Some(note) = &note {
            adapters::may_use_cpu(classifier.model(), note).map_err(raise)?;
        }
        let engine = Engine {
            open: classifier.into(),
            opened: Cell::default(),
            opening: Mutex::default(),
            wanted: options.adapter,
            precision: options.precision(),
            note: note.into(),
            turn,
        };
        engine.warm().await.map_err(raise)?;
        Ok(engine)
    }

    /// What it is, as JSON: task, labels, scoring, maxLength, precision and adapter.
    pub fn describe(&self) -> String {
        let classifier = self.open.borrow();
        json!({
            "task": match classifier.task() {
                Task::SequenceClassification => "text-classification",
                Task::TokenClassification => "token-classification",
            },
            "labels": classifier.labels(),
            "functionToApply": classifier.scoring().name(),
            "maxLength": classifier.max_length(),
            "precision": if classifier.precision() == Precision::F16 { "f16" } else { "f32" },
            "adapter": adapters::describe(&classifier, self.note.borrow().as_deref()),
        })
        .to_string()
    }

    /// Classifies strings, and arrays of two strings.
    ///
    /// # Errors
    /// Those of the library's `classify`, and an `AbortError`.
    pub async fn classify(&self, texts: Array, options: String, cancel: &Cancel) -> Result<Object, JsValue> {
        let options: ClassifyOptions = arguments::read(&options)?;
        let texts = arguments::texts(&texts)?;
        let request = Request::default()
            .hidden_states(options.hidden_states)
            .attentions(options.attentions)
            .pooled_output(options.pooled_output);
        let mut collected = Collected::default();
        let mut first = 0;
        // Without texts the library is asked, too: it says what a model of another task wants.
        loop {
            let step = &texts[first..texts.len().min(first + self.step())];
            let answer = self.answering(async |classifier| classify(&classifier, step, first, &request).await);
            collected.add(cancel.unless(answer).await?.map_err(|error| errors::raise(&error))?);
            first += step.len();
            if first == texts.len() {
                break;
            }
            cancel.breathe(&self.turn).await?;
        }
        let labels = self.open.borrow().labels().len();
        Ok(collected.finish(labels, options.top_k))
    }

    /// The entities of texts, as JSON, by a model that classifies tokens.
    ///
    /// # Errors
    /// Those of the library's `classify_tokens`, and an `AbortError`.
    #[wasm_bindgen(js_name = classifyTokens)]
    pub async fn classify_tokens(&self, texts: Array, aggregation: String, cancel: &Cancel) -> Result<String, JsValue> {
        let aggregation = match aggregation.as_str() {
            "none" => Aggregation::None,
            "simple" => Aggregation::Simple,
            "first" => Aggregation::First,
            "average" => Aggregation::Average,
            "max" => Aggregation::Max,
            other => {
                let message =
                    format!("the aggregation is {other:?}, which is none of none, simple, first, average, max");
                return Err(errors::argument(&message));
            }
        };
        let texts = arguments::texts(&texts)?;
        let mut all = Vec::new();
        let mut first = 0;
        loop {
            let step = &texts[first..texts.len().min(first + self.step())];
            let answer = self.answering(async |classifier| {
                let output = classifier.classify_tokens_async(step.iter().map(text)).await;
                output.and_then(|output| answers::entities(&output, aggregation)).map_err(|error| behind(error, first))
            });
            all.extend(cancel.unless(answer).await?.map_err(|error| errors::raise(&error))?);
            first += step.len();
            if first == texts.len() {
                return Ok(serde_json::Value::from(all).to_string());
            }
            cancel.breathe(&self.turn).await?;
        }
    }

    /// What moved the answer to a text, as JSON: `explanation`, as the command line writes it, and `item`, which the page draws.
    ///
    /// # Errors
    /// Those of the library's `explain`, and an `AbortError`.
    pub async fn explain(&self, texts: Array, attentions: bool, cancel: &Cancel) -> Result<String, JsValue> {
        let texts = arguments::texts(&texts)?;
        let [one] = &texts[..] else { return Err(errors::argument("one text is explained at a time")) };
        let answer = self.answering(async |classifier| classifier.explain_async(text(one), attentions).await);
        let explanation = cancel.unless(answer).await?.map_err(|error| errors::raise(&error))?;
        Ok(json!({ "item": explanation.item(None), "explanation": explanation }).to_string())
    }

    /// The rows of a table, which is answered in steps.
    ///
    /// # Errors
    /// Options that are not known.
    pub fn table(&self, name: String, bytes: Vec<u8>, options: String) -> Result<Table, JsValue> {
        Table::new(name, bytes, &options)
    }

    /// Answers the next rows of a table: what is to be written of them. None behind the last.
    ///
    /// # Errors
    /// What the table cannot be read further for, the adapter's errors, and an `AbortError`.
    #[wasm_bindgen(js_name = answerRows)]
    pub async fn answer_rows(&self, table: &Table, cancel: &Cancel) -> Result<Option<Vec<u8>>, JsValue> {
        let Some(rows) = table.rows(self.step())? else { return Ok(None) };
        let answer = self.answering(async |classifier| classifier.answer_rows_async(rows.clone()).await);
        let answered = cancel.unless(answer).await?.map_err(|error| errors::raise(&error))?;
        let written = table.write(&self.open.borrow(), &answered)?;
        cancel.breathe(&self.turn).await?;
        Ok(Some(written))
    }
}

impl Engine {
    fn step(&self) -> usize {
        if self.open.borrow().gpu().is_some() { GPU_STEP } else { CPU_STEP }
    }

    /// Has the adapter checked, and what most texts need compiled, before somebody waits for an answer.
    async fn warm(&self) -> Result<(), Error> {
        if self.open.borrow().gpu().is_none() {
            return Ok(());
        }
        self.answering(async |classifier| {
            let encoding = classifier.encode(0, "a")?;
            match classifier.task() {
                Task::SequenceClassification => classifier.run_async(&[encoding], &Request::default()).await.map(drop),
                Task::TokenClassification => {
                    classifier.run_tokens_async(&[encoding], &Request::default()).await.map(drop)
                }
            }
        })
        .await
    }

    /// What a call gives; once again where the device was lost, or where it computed something wrong and the CPU may answer in its
    /// place.
    async fn answering<T>(&self, call: impl AsyncFn(wgbert::Classifier) -> wgbert::Result<T>) -> wgbert::Result<T> {
        let (classifier, opened) = (self.open.borrow().clone(), self.opened.get());
        match call(classifier).await {
            Err(error @ Error::DeviceLost { .. }) => {
                self.open_again(opened, error).await?;
            }
            Err(error @ Error::WrongAnswers { .. }) if self.wanted == Wanted::Auto => {
                self.open_again(opened, error).await?;
            }
            answered => return answered,
        }
        let classifier = self.open.borrow().clone();
        call(classifier).await
    }

    /// Opens an adapter in the place of one that failed, unless another call did meanwhile.
    async fn open_again(&self, opened: usize, error: Error) -> wgbert::Result<()> {
        let _alone = self.opening.lock().await;
        if self.opened.get() != opened {
            return Ok(());
        }
        let classifier = self.open.borrow().clone();
        let again = match &error {
            Error::DeviceLost { .. } => classifier.reopen_async().await,
            _ => Err(error.clone()),
        };
        let again = match again {
            Ok(again) => again,
            Err(error) if self.wanted == Wanted::Auto => {
                let note = errors::in_javascript(&error.to_string());
                adapters::may_use_cpu(classifier.model(), &note)?;
                let precision = adapters::precision(&Adapter::Reference, self.wanted, self.precision);
                let again = classifier.reopen_on_async(Adapter::Reference, precision).await?;
                *self.note.borrow_mut() = Some(note);
                again
            }
            Err(error) => return Err(error),
        };
        self.opened.set(opened + 1);
        *self.open.borrow_mut() = again;
        Ok(())
    }
}

fn text(text: &TextBuf) -> Text<'_> {
    match text {
        TextBuf::Single(text) => Text::Single(text),
        TextBuf::Pair(first, second) => Text::Pair(first, second),
    }
}

/// An error of texts that stand behind `first` others in the call.
fn behind(error: Error, first: usize) -> Error {
    match error {
        Error::Text { index, message } => Error::Text { index: first + index, message },
        error => error,
    }
}

async fn classify(
    classifier: &wgbert::Classifier,
    texts: &[TextBuf],
    first: usize,
    request: &Request,
) -> wgbert::Result<wgbert::SequenceClassifierOutput> {
    let texts: Vec<Text<'_>> = texts.iter().map(text).collect();
    let answer = async {
        if classifier.task() == Task::TokenClassification {
            return Err(Error::WrongTask { tokens: true });
        }
        let windows =
            classifier.encoder().encode_windows_all(&texts).into_iter().collect::<wgbert::Result<Vec<_>>>()?;
        classifier.run_windows_async(&windows, request).await
    };
    answer.await.map_err(|error| behind(error, first))
}
