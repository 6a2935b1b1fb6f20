//! Texts in, answers out, in order, without end: chunks of them wait in the engine's queue like any other calls.

use crate::classifier::{Classifier, Request};
use crate::error::{Error, Result};
use crate::gpu;
use crate::output::{OwnedClassification, SequenceClassifierOutput};
use crate::text::{Encoding, Text};
use futures_core::Stream;
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
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
type Running = Pin<Box<dyn Future<Output = Vec<Result<OwnedClassification>>> + Send>>;
/// A browser's devices stay on their thread.
#[cfg(target_arch = "wasm32")]
type Running = Pin<Box<dyn Future<Output = Vec<Result<OwnedClassification>>>>>;

/// The answers to texts that were tokenised, of which the first has this index in errors. A text that cannot be answered leaves the
/// others their answers.
pub(crate) async fn answer(
    classifier: Classifier,
    encoded: Vec<Result<Vec<Encoding>>>,
    mut request: Request,
    first: usize,
) -> Vec<Result<OwnedClassification>> {
    assert!(request.labels.is_empty() || request.labels.len() == encoded.len(), "a label, or none, for each text");
    let (mut places, mut windows) = (Vec::new(), Vec::new());
    let mut failures: Vec<Option<Error>> = Vec::new();
    for (place, text) in encoded.into_iter().enumerate() {
        match text {
            Ok(text) => {
                places.push(place);
                windows.push(text);
                failures.push(None);
            }
            Err(error) => failures.push(Some(error)),
        }
    }
    let mut kept = failures.iter().map(Option::is_none);
    request.labels.retain(|_| kept.next().unwrap_or(true));
    let output = loop {
        match classifier.run_windows_async(&windows, &request).await {
            Err(error @ Error::Text { index, .. }) => {
                windows.remove(index);
                if !request.labels.is_empty() {
                    request.labels.remove(index);
                }
                failures[places.remove(index)] = Some(error);
            }
            output => break output,
        }
    };
    let mut answers = output.map(SequenceClassifierOutput::into_texts);
    let answer = |(index, failure): (usize, Option<Error>)| match (failure, &mut answers) {
        (Some(Error::Text { message, .. }), _) => Err(Error::Text { index, message }),
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(error.clone()),
        (None, Ok(answers)) => Ok(answers.next().expect("every text that has not failed has an answer")),
    };
    (first..).zip(failures).map(answer).collect()
}

/// Tokenises texts, and gives them to the device, which starts at once: also where this thread will wait for other texts before.
fn start(classifier: &Classifier, texts: &[Text<'_>], first: usize) -> Running {
    let encoded = classifier.encoder().encode_windows_all(texts);
    let mut run: Running = Box::pin(answer(classifier.clone(), encoded, Request::default(), first));
    match gpu::without_waiting(|| run.as_mut().poll(&mut Context::from_waker(Waker::noop()))) {
        Poll::Ready(answers) => Box::pin(std::future::ready(answers)),
        Poll::Pending => run,
    }
}

/// The answers to a stream of texts, in their order; made by [`Classifier::classify_stream`].
pub struct ClassificationStream<S> {
    classifier: Classifier,
    texts: S,
    ended: bool,
    /// Texts of the next chunk.
    filling: Vec<TextBuf>,
    /// Position of the next chunk's first text.
    first: usize,
    running: VecDeque<Running>,
    ready: VecDeque<Result<OwnedClassification>>,
}

impl<S> fmt::Debug for ClassificationStream<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("ClassificationStream");
        debug.field("classifier", &self.classifier).field("first", &self.first).finish_non_exhaustive()
    }
}

impl<S> ClassificationStream<S> {
    pub(crate) fn new(classifier: Classifier, texts: S) -> ClassificationStream<S> {
        ClassificationStream {
            classifier,
            texts,
            ended: false,
            filling: Vec::new(),
            first: 0,
            running: VecDeque::new(),
            ready: VecDeque::new(),
        }
    }

    /// Gives what was collected to the device.
    fn start(&mut self) {
        let texts = std::mem::take(&mut self.filling);
        let texts: Vec<Text<'_>> = texts.iter().map(TextBuf::as_text).collect();
        self.running.push_back(start(&self.classifier, &texts, self.first));
        self.first += texts.len();
    }
}

impl<S: Stream<Item: Into<TextBuf>> + Unpin> Stream for ClassificationStream<S> {
    type Item = Result<OwnedClassification>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(answer) = this.ready.pop_front() {
                return Poll::Ready(Some(answer));
            }
            while this.running.len() < UNDER_WAY && !this.ended {
                let waits = loop {
                    if this.filling.len() == CHUNK {
                        break false;
                    }
                    match Pin::new(&mut this.texts).poll_next(context) {
                        Poll::Ready(Some(text)) => this.filling.push(text.into()),
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

/// The answers to an iterator's texts, in their order; made by [`Classifier::classify_iter`].
#[derive(Debug)]
pub struct ClassificationIter<I>(ClassificationStream<Ready<I>>);

/// An iterator as a stream.
#[derive(Debug)]
struct Ready<I>(I);

impl<I: Iterator + Unpin> Stream for Ready<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

impl<I> ClassificationIter<I> {
    pub(crate) fn new(classifier: Classifier, texts: I) -> ClassificationIter<I> {
        ClassificationIter(ClassificationStream::new(classifier, Ready(texts)))
    }
}

impl<I: Iterator<Item: Into<TextBuf>> + Unpin> Iterator for ClassificationIter<I> {
    type Item = Result<OwnedClassification>;

    fn next(&mut self) -> Option<Self::Item> {
        let classifier = self.0.classifier.clone();
        classifier.block_on(poll_fn(|context| Pin::new(&mut self.0).poll_next(context)))
    }
}
