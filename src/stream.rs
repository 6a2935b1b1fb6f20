//! Texts in, answers out, in order, without end: chunks of them wait in the engine's queue like any other calls.

#[cfg(not(target_arch = "wasm32"))]
mod iter;

#[cfg(not(target_arch = "wasm32"))]
pub use iter::{AnswerIter, ClassificationIter, PairScoreIter, ZeroShotIter};

use crate::checkpoint::Scoring;
use crate::classifier::{Classifier, Request};
use crate::error::{Error, Result};
use crate::gpu;
use crate::output::{OwnedClassification, PairScore, SequenceClassifierOutput, ZeroShotAnswer};
use crate::text::{Encoding, Text};
use futures_core::Stream;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Texts of a chunk: enough to fill a batch of a GPU with short ones.
const CHUNK: usize = 1024;
/// Chunks that are under way: one is computed while the next is tokenised.
const UNDER_WAY: usize = 2;

/// A text, or two that are read together, that a stream may keep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TextBuf {
    /// One text.
    Single(String),
    /// Two texts, the second after the first.
    Pair(String, String),
}

impl TextBuf {
    fn as_text(&self) -> Text<'_> {
        match self {
            TextBuf::Single(text) => Text::Single(text),
            TextBuf::Pair(first, second) => Text::Pair(first, second),
        }
    }
}

impl From<String> for TextBuf {
    fn from(text: String) -> TextBuf {
        TextBuf::Single(text)
    }
}

impl From<&str> for TextBuf {
    fn from(text: &str) -> TextBuf {
        TextBuf::Single(text.into())
    }
}

impl From<(String, String)> for TextBuf {
    fn from((first, second): (String, String)) -> TextBuf {
        TextBuf::Pair(first, second)
    }
}

impl From<(&str, &str)> for TextBuf {
    fn from((first, second): (&str, &str)) -> TextBuf {
        TextBuf::Pair(first.into(), second.into())
    }
}

#[cfg(not(target_arch = "wasm32"))]
type Running<A> = Pin<Box<dyn Future<Output = Vec<Result<A>>> + Send>>;
/// A browser's devices stay on their thread.
#[cfg(target_arch = "wasm32")]
type Running<A> = Pin<Box<dyn Future<Output = Vec<Result<A>>>>>;

/// The encodings of the texts that an item is for the model, or why it has none.
pub(crate) type Encoded = Result<Vec<Vec<Encoding>>>;

type Encode<T> = dyn Fn(&[T]) -> Vec<Encoded> + Send + Sync;

/// How items of type `T` get their answers.
pub(crate) struct Answering<T, A> {
    classifier: Classifier,
    scoring: Scoring,
    /// Texts of the model that an item is.
    texts: usize,
    encode: Box<Encode<T>>,
    /// Of the answers to the texts of items, those to the items.
    answers: Arc<dyn Fn(SequenceClassifierOutput) -> Vec<A> + Send + Sync>,
}

impl<T, A: Send + 'static> Answering<T, A> {
    /// For items that are a text each.
    pub(crate) fn new(
        classifier: Classifier,
        scoring: Scoring,
        encode: impl Fn(&[T]) -> Vec<Encoded> + Send + Sync + 'static,
        answers: impl Fn(SequenceClassifierOutput) -> Vec<A> + Send + Sync + 'static,
    ) -> Answering<T, A> {
        Answering { classifier, scoring, texts: 1, encode: Box::new(encode), answers: Arc::new(answers) }
    }

    /// For items that are so many texts each.
    pub(crate) fn of_texts(self, texts: usize) -> Answering<T, A> {
        Answering { texts, ..self }
    }

    /// Items of a chunk.
    pub(crate) fn chunk(&self) -> usize {
        (CHUNK / self.texts).max(1)
    }

    pub(crate) fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    /// The tokens of items.
    pub(crate) fn encode(&self, items: &[T]) -> Vec<Encoded> {
        (self.encode)(items)
    }

    /// The answers to items that were tokenised, of which the first has this index in errors.
    pub(crate) async fn answer(&self, encoded: Vec<Encoded>, first: usize) -> Vec<Result<A>> {
        let (classifier, answers) = (self.classifier.clone(), |output| (self.answers)(output));
        answer_items(classifier, encoded, Request::default(), self.scoring, answers, first).await
    }

    /// Tokenises items, of which the first has this index in errors, and gives them to the device, which starts at once: also where
    /// this thread will wait for others before.
    fn start(&self, items: &[T], first: usize) -> Running<A> {
        let answers = self.answers.clone();
        let (classifier, request) = (self.classifier.clone(), Request::default());
        let answers = move |output| answers(output);
        let run = answer_items(classifier, (self.encode)(items), request, self.scoring, answers, first);
        let mut run: Running<A> = Box::pin(run);
        match gpu::without_waiting(|| run.as_mut().poll(&mut Context::from_waker(Waker::noop()))) {
            Poll::Ready(answers) => Box::pin(std::future::ready(answers)),
            Poll::Pending => run,
        }
    }
}

/// The answers to texts that were tokenised, of which the first has this index in errors. A text that cannot be answered leaves the
/// others their answers.
pub(crate) async fn answer(
    classifier: Classifier,
    encoded: Vec<Result<Vec<Encoding>>>,
    request: Request,
    first: usize,
) -> Vec<Result<OwnedClassification>> {
    let scoring = classifier.scoring();
    let texts = |output: SequenceClassifierOutput| output.into_texts().collect();
    answer_items(classifier, of_one_text(encoded), request, scoring, texts, first).await
}

/// The answers to items, of which the first has this index in errors. One that cannot be answered leaves the others their answers.
/// Labels are one an item, of a text each.
async fn answer_items<A>(
    classifier: Classifier,
    encoded: Vec<Encoded>,
    mut request: Request,
    scoring: Scoring,
    answers: impl FnOnce(SequenceClassifierOutput) -> Vec<A>,
    first: usize,
) -> Vec<Result<A>> {
    assert!(request.labels.is_empty() || request.labels.len() == encoded.len(), "a label, or none, for each item");
    let (mut texts, mut item_of) = (Vec::new(), Vec::new());
    let mut failures: Vec<Option<Error>> = Vec::new();
    for (item, encoded) in encoded.into_iter().enumerate() {
        match encoded {
            Ok(own) => {
                item_of.extend(own.iter().map(|_| item));
                texts.extend(own);
                failures.push(None);
            }
            Err(error) => failures.push(Some(error)),
        }
    }
    let mut kept = failures.iter().map(Option::is_none);
    request.labels.retain(|_| kept.next().unwrap_or(true));
    let output = loop {
        match classifier.run_scored(&texts, &request, scoring).await {
            Err(error @ Error::Text { index, .. }) => {
                let item = item_of[index];
                let lost =
                    item_of.partition_point(|other| *other < item)..item_of.partition_point(|other| *other <= item);
                texts.drain(lost.clone());
                item_of.drain(lost.clone());
                if !request.labels.is_empty() {
                    request.labels.drain(lost);
                }
                failures[item] = Some(error);
            }
            output => break output,
        }
    };
    let mut answers = output.map(|output| answers(output).into_iter());
    let answer = |(index, failure): (usize, Option<Error>)| match (failure, &mut answers) {
        (Some(Error::Text { message, .. }), _) => Err(Error::Text { index, message }),
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(error.clone()),
        (None, Ok(answers)) => Ok(answers.next().expect("every item that has not failed has an answer")),
    };
    (first..).zip(failures).map(answer).collect()
}

/// For items that are a text each.
fn of_one_text(encoded: Vec<Result<Vec<Encoding>>>) -> Vec<Encoded> {
    encoded.into_iter().map(|text| text.map(|windows| vec![windows])).collect()
}

impl Answering<TextBuf, OwnedClassification> {
    /// Texts as they are, by the model's own labels.
    pub(crate) fn classification(classifier: Classifier) -> Self {
        let (encoder, scoring) = (classifier.encoder(), classifier.scoring());
        let encode = move |texts: &[TextBuf]| {
            let texts: Vec<Text<'_>> = texts.iter().map(TextBuf::as_text).collect();
            of_one_text(encoder.encode_windows_all(&texts))
        };
        Answering::new(classifier, scoring, encode, |output| output.into_texts().collect())
    }
}

/// The answers to a stream's items, in their order.
pub struct AnswerStream<S, T, A> {
    answering: Answering<T, A>,
    items: S,
    ended: bool,
    /// Items of the next chunk.
    filling: Vec<T>,
    /// Position of the next chunk's first item.
    first: usize,
    running: VecDeque<Running<A>>,
    ready: VecDeque<Result<A>>,
}

/// The answers to a stream of texts, in their order; made by [`Classifier::classify_stream`].
pub type ClassificationStream<S> = AnswerStream<S, TextBuf, OwnedClassification>;
/// The scores of a stream of documents, in their order; made by [`Classifier::score_stream`].
pub type PairScoreStream<S> = AnswerStream<S, String, PairScore>;
/// The answers to a stream of texts, in their order; made by [`Classifier::zero_shot_stream`].
pub type ZeroShotStream<S> = AnswerStream<S, String, ZeroShotAnswer>;

/// What is kept is owned, and nothing of it is pinned.
impl<S: Unpin, T, A> Unpin for AnswerStream<S, T, A> {}

impl<S, T, A> fmt::Debug for AnswerStream<S, T, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("AnswerStream");
        debug.field("classifier", &self.answering.classifier).field("first", &self.first).finish_non_exhaustive()
    }
}

impl<S, T, A: Send + 'static> AnswerStream<S, T, A> {
    pub(crate) fn new(answering: Answering<T, A>, items: S) -> AnswerStream<S, T, A> {
        AnswerStream {
            answering,
            items,
            ended: false,
            filling: Vec::new(),
            first: 0,
            running: VecDeque::new(),
            ready: VecDeque::new(),
        }
    }

    /// Gives what was collected to the device.
    fn start(&mut self) {
        let items = std::mem::take(&mut self.filling);
        self.running.push_back(self.answering.start(&items, self.first));
        self.first += items.len();
    }
}

impl<S: Stream<Item: Into<T>> + Unpin, T, A: Send + 'static> Stream for AnswerStream<S, T, A> {
    type Item = Result<A>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(answer) = this.ready.pop_front() {
                return Poll::Ready(Some(answer));
            }
            while this.running.len() < UNDER_WAY && !this.ended {
                let waits = loop {
                    if this.filling.len() == this.answering.chunk() {
                        break false;
                    }
                    match Pin::new(&mut this.items).poll_next(context) {
                        Poll::Ready(Some(item)) => this.filling.push(item.into()),
                        Poll::Ready(None) => {
                            this.ended = true;
                            break false;
                        }
                        Poll::Pending => break true,
                    }
                };
                // What is there is answered before a device would have nothing to do.
                if this.filling.is_empty() || waits && !this.running.is_empty() {
                    break;
                }
                this.start();
            }
            let Some(oldest) = this.running.front_mut() else {
                return if this.ended { Poll::Ready(None) } else { Poll::Pending };
            };
            let polled = oldest.as_mut().poll(context);
            // The others too, which must not be left in the middle of something; but this thread does not wait for them.
            for later in this.running.iter_mut().skip(1) {
                let answers = gpu::without_waiting(|| later.as_mut().poll(context));
                if let Poll::Ready(answers) = answers {
                    *later = Box::pin(std::future::ready(answers));
                }
            }
            match polled {
                Poll::Ready(answers) => {
                    this.running.pop_front();
                    this.ready.extend(answers);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
