//! Text in, output out: the only file that names every stage.

mod explain;
mod open;
mod rerank;
mod tokens;
mod windows;
mod zero_shot;

pub(crate) use explain::{LeftOut, Part, PartKind};
pub(crate) use rerank::encode_pairs;
pub(crate) use zero_shot::Hypotheses;
pub use zero_shot::ZeroShot;

use crate::checkpoint::{Config, Scoring};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Timing};
use crate::label::{self, Label};
use crate::models::{Model, Task, encoder};
use crate::options::{Checked, Precision};
#[cfg(feature = "bench")]
use crate::output::Array;
use crate::output::{Answer, SequenceClassifierOutput};
#[cfg(not(target_arch = "wasm32"))]
use crate::stream::ClassificationIter;
use crate::stream::{Answering, ClassificationStream, TextBuf};
use crate::text::{Encoding, Text, TextEncoder, Windows};
use futures_core::Stream;
#[cfg(not(target_arch = "wasm32"))]
use std::future::Future;
use std::sync::{Arc, Once};
use std::time::Duration;

/// What to answer beside logits, probabilities and argmax.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Request {
    /// Whether each text's `[layers + 1, tokens, hidden]` are wanted.
    pub hidden_states: bool,
    /// Whether each text's `[layers, heads, tokens, tokens]` are wanted.
    pub attentions: bool,
    /// Whether each text's pooled output is wanted: what the classifier, the head's last layer, reads of it.
    pub pooled_output: bool,
    /// One a text, `None` for texts without; empty: none at all.
    pub labels: Vec<Option<Label>>,
}

/// Each gives a field another value.
impl Request {
    /// Whether hidden states are wanted.
    pub fn hidden_states(self, hidden_states: bool) -> Request {
        Request { hidden_states, ..self }
    }

    /// Whether attention weights are wanted.
    pub fn attentions(self, attentions: bool) -> Request {
        Request { attentions, ..self }
    }

    /// Whether pooled outputs are wanted.
    pub fn pooled_output(self, pooled_output: bool) -> Request {
        Request { pooled_output, ..self }
    }

    /// The right answers, of which the loss is made.
    pub fn labels(self, labels: Vec<Option<Label>>) -> Request {
        Request { labels, ..self }
    }
}

/// Bytes on the device; see [`Classifier::memory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Of the model's weights, on all devices.
    pub weights: u64,
    /// Of what batches compute, on all devices.
    pub activations: u64,
}

/// A fine-tuned BERT-family classifier on a device, or on several.
///
/// It is a handle: clones share the model and its devices, and may be used from any number of threads and tasks at a time.
/// Calls that wait at the same time are answered from the same batches, which changes no bit of an answer.
#[derive(Clone, Debug)]
pub struct Classifier(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    encoder: TextEncoder,
    scoring: Scoring,
    labels: Arc<[String]>,
    /// How the answers to the windows of a text become one.
    windows: Windows,
    /// Whether it was said that no label's name is one of entailment.
    entailment_said: Once,
    engine: Engine,
}

impl Classifier {
    /// What it classifies, by the class that the checkpoint's configuration names.
    pub fn task(&self) -> Task {
        self.model().task()
    }

    /// Name of each label.
    pub fn labels(&self) -> &[String] {
        &self.0.labels
    }

    /// How logits become scores.
    pub fn scoring(&self) -> Scoring {
        self.0.scoring
    }

    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn config(&self) -> &Config {
        self.0.engine.config()
    }

    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn model(&self) -> &Model {
        self.0.engine.model()
    }

    /// Longest text in tokens, special tokens included.
    pub fn max_length(&self) -> usize {
        self.0.encoder.limits().max_length
    }

    /// Name of the adapter, the first where there are several, or `reference`.
    pub fn adapter(&self) -> &str {
        self.0.engine.name()
    }

    /// What is known of whether the adapter, the first where there are several, computes what it should.
    pub fn checked(&self) -> Checked {
        self.0.engine.checked()
    }

    /// What weights and activations are stored as: what was asked for, or what [`Precision::Auto`] is on the (first) adapter.
    pub fn precision(&self) -> Precision {
        self.0.engine.precision()
    }

    /// The open devices; none where the reference runs.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn gpus(&self) -> impl Iterator<Item = &Arc<Gpu>> {
        self.0.engine.devices()
    }

    /// The open device, the first where there are several; none where the reference runs.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        self.0.engine.devices().next()
    }

    /// Classifies texts or pairs of texts. What becomes of those that are too long, [`Options::truncation`](crate::Options::truncation) says: with
    /// [`Truncation::Windows`](crate::Truncation::Windows) the windows of a text are answered apart and joined.
    ///
    /// # Errors
    /// [`Error::WrongTask`] if the model classifies tokens, [`Error::Text`] with the position of the first text that cannot
    /// be classified, and the device's errors.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn classify<'a, T: Into<Text<'a>>>(
        &self,
        texts: impl IntoIterator<Item = T>,
    ) -> Result<SequenceClassifierOutput> {
        self.0.engine.block_on(self.classify_async(texts))
    }

    /// [`Classifier::classify`] without blocking while the device computes. Tokens are made, weights uploaded and shaders
    /// compiled where it is polled; who waits for the device is a thread of the library's, in a browser nobody.
    ///
    /// # Errors
    /// Those of [`Classifier::classify`].
    pub async fn classify_async<'a, T: Into<Text<'a>>>(
        &self,
        texts: impl IntoIterator<Item = T>,
    ) -> Result<SequenceClassifierOutput> {
        self.expect(Task::SequenceClassification)?;
        let texts: Vec<Text<'a>> = texts.into_iter().map(Into::into).collect();
        let windows = self.0.encoder.encode_windows_all(&texts).into_iter().collect::<Result<Vec<_>>>()?;
        self.run_windows_async(&windows, &Request::default()).await
    }

    /// The answers to an iterator's texts, one by one and in their order, however many there are: memory holds some thousand
    /// texts at a time. A text that cannot be classified is an error in its place.
    ///
    /// ```
    /// # #[cfg(feature = "embedded")] {
    /// let classifier = wgbert::Classifier::sentiment()?;
    /// let texts = ["It was good.", "It was not."].into_iter().cycle().take(3000);
    /// let positive = classifier.classify_iter(texts).filter(|answer| {
    ///     answer.as_ref().is_ok_and(|answer| answer.get().label() == Some("positive"))
    /// });
    /// assert_eq!(positive.count(), 1500);
    /// # }
    /// # Ok::<(), wgbert::Error>(())
    /// ```
    #[cfg(not(target_arch = "wasm32"))]
    pub fn classify_iter<I: IntoIterator<Item: Into<TextBuf>>>(&self, texts: I) -> ClassificationIter<I::IntoIter>
    where
        I::IntoIter: Unpin,
    {
        ClassificationIter::new(Answering::classification(self.clone()), texts.into_iter())
    }

    /// [`Classifier::classify_iter`] of a stream, without blocking. What has arrived is answered before the stream gives more,
    /// if the device has nothing else to do.
    pub fn classify_stream<S: Stream<Item: Into<TextBuf>> + Unpin>(&self, texts: S) -> ClassificationStream<S> {
        ClassificationStream::new(Answering::classification(self.clone()), texts)
    }

    #[cfg(test)]
    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Runs a future of this classifier's to its end on this thread.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.engine.block_on(future)
    }

    /// What turns texts into tokens, for threads that do so while this classifier runs others.
    pub fn encoder(&self) -> TextEncoder {
        self.0.encoder.clone()
    }

    /// [`TextEncoder::encode`].
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn encode<'a>(&self, index: usize, text: impl Into<Text<'a>>) -> Result<Encoding> {
        self.0.encoder.encode(index, text)
    }

    /// Runs encoded texts, in as many batches as they need; answers come in their order, one an encoding:
    /// [`Classifier::run_windows`] joins those of a text.
    ///
    /// # Errors
    /// [`Error::WrongTask`] if the model classifies tokens, [`Error::Text`] for an encoding or a label that does not fit the
    /// model, a text that reads a row of a table which is
    /// not finite, or one longer than the device can take, and the device's errors.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn run(&self, encodings: &[Encoding], request: &Request) -> Result<SequenceClassifierOutput> {
        self.0.engine.block_on(self.run_async(encodings, request))
    }

    /// [`Classifier::run`] without blocking while the device computes, as [`Classifier::classify_async`].
    ///
    /// # Errors
    /// Those of [`Classifier::run`].
    pub async fn run_async(&self, encodings: &[Encoding], request: &Request) -> Result<SequenceClassifierOutput> {
        self.expect(Task::SequenceClassification)?;
        let answer = self.answer(encodings.into(), request, self.0.scoring).await?;
        Ok(answer.into_sequences(encodings, &request.labels))
    }

    /// The logits of encoded texts, whatever the model classifies.
    #[cfg(feature = "bench")]
    pub(crate) fn logits(&self, encodings: impl Into<Arc<[Encoding]>>) -> Result<Array> {
        self.block_on(self.answer(encodings.into(), &Request::default(), self.0.scoring)).map(|answer| answer.logits)
    }

    /// Refuses a call that is for models of another task.
    fn expect(&self, task: Task) -> Result<()> {
        if self.task() == task {
            Ok(())
        } else {
            Err(Error::WrongTask { tokens: self.task() == Task::TokenClassification })
        }
    }

    async fn answer(&self, encodings: Arc<[Encoding]>, request: &Request, scoring: Scoring) -> Result<Answer> {
        self.check(&encodings)?;
        if request.pooled_output && self.task() == Task::TokenClassification {
            return Err(self.config().unsupported(
                "the pooled output of a model that classifies tokens, which pools nothing,",
                "those of models that classify texts; the last hidden state is what such a head reads",
            ));
        }
        let engine = &self.0.engine;
        let wanted = encoder::OutputSpec {
            scoring,
            hidden_states: request.hidden_states,
            attentions: request.attentions.then(|| self.longest(&encodings)),
            pooled_output: request.pooled_output,
            loss: label::loss_kind(self.config(), &request.labels, encodings.len())?,
        };
        self.check_rows(&encodings)?;
        let answer = engine.answer(encodings.clone(), request.labels.clone(), wanted).await?;
        // The first batch reads the tables.
        self.check_rows(&encodings)?;
        Ok(answer)
    }

    /// The longest text's tokens, rounded up to a power of two, so that not every call makes a plan of its own.
    fn longest(&self, encodings: &[Encoding]) -> u32 {
        const LEAST: usize = 64;
        let longest = encodings.iter().map(|encoding| encoding.ids.len()).max().unwrap_or(0);
        longest.max(LEAST).next_power_of_two().min(self.max_length()) as u32
    }

    /// GPU time of each step of each batch that these texts need, without reading answers back.
    ///
    /// # Errors
    /// [`Error::Adapter`] where there are no timestamps, and as [`Classifier::run`].
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    #[cfg(not(target_arch = "wasm32"))]
    pub fn profile(&self, encodings: &[Encoding]) -> Result<Vec<Timing>> {
        self.0.engine.block_on(self.profile_async(encodings))
    }

    /// [`Classifier::profile`] without blocking while the device computes, as [`Classifier::classify_async`].
    ///
    /// # Errors
    /// Those of [`Classifier::profile`].
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub async fn profile_async(&self, encodings: &[Encoding]) -> Result<Vec<Timing>> {
        self.check(encodings)?;
        let scoring = self.0.scoring;
        let wanted = encoder::OutputSpec::scores(scoring);
        self.0.engine.profile(encodings, wanted).await
    }

    /// Bytes on the devices of the weights, and of what the batches of all requests so far compute; none where the
    /// reference runs.
    pub fn memory(&self) -> Option<Memory> {
        self.0.engine.memory().map(|[weights, activations]| Memory { weights, activations })
    }

    /// Time that the devices computed so far, where it was to be counted and there are timestamps.
    pub fn busy(&self) -> Option<Duration> {
        self.0.engine.busy()
    }

    /// Whether the rows of the tables that the texts read hold numbers; known once the tables were read.
    fn check_rows(&self, encodings: &[Encoding]) -> Result<()> {
        let (weights, model) = (self.0.engine.weights(), self.model());
        if weights.is_finite() {
            return Ok(());
        }
        let embeddings = &model.embeddings;
        let tables =
            [Some(&embeddings.words), embeddings.types.as_ref(), embeddings.positions.as_ref().map(|p| &p.table)];
        for (index, encoding) in encodings.iter().enumerate() {
            for token in encoding.rows(model.position_padding()) {
                for (table, row) in tables.iter().zip(token) {
                    let checked = table.map_or(Ok(()), |table| weights.check_row(table, row as usize));
                    checked.map_err(|message| Error::Text { index, message })?;
                }
            }
        }
        Ok(())
    }

    /// Encodings need not come from [`Classifier::encode`], and kernels trust what they are given.
    fn check(&self, encodings: &[Encoding]) -> Result<()> {
        let fault = encodings.iter().enumerate().find_map(|(index, encoding)| {
            self.0.encoder.limits().check(encoding).err().map(|message| Error::Text { index, message })
        });
        fault.map_or(Ok(()), Err)
    }
}
