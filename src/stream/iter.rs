//! The same of iterators, for threads that may wait; a browser's must not.

use super::{AnswerStream, Answering, TextBuf};
use crate::error::Result;
use crate::output::{OwnedClassification, PairScore, ZeroShotAnswer};
use futures_core::Stream;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The answers to an iterator's items, in their order.
#[derive(Debug)]
pub struct AnswerIter<I, T, A>(AnswerStream<Ready<I>, T, A>);

/// The answers to an iterator's texts, in their order; made by [`Classifier::classify_iter`](crate::Classifier::classify_iter).
pub type ClassificationIter<I> = AnswerIter<I, TextBuf, OwnedClassification>;
/// The scores of an iterator's documents, in their order; made by [`Classifier::score_iter`](crate::Classifier::score_iter).
pub type PairScoreIter<I> = AnswerIter<I, String, PairScore>;
/// The answers to an iterator's texts, in their order; made by [`Classifier::zero_shot_iter`](crate::Classifier::zero_shot_iter).
pub type ZeroShotIter<I> = AnswerIter<I, String, ZeroShotAnswer>;

/// An iterator as a stream.
#[derive(Debug)]
struct Ready<I>(I);

impl<I: Iterator + Unpin> Stream for Ready<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

impl<I, T, A: Send + 'static> AnswerIter<I, T, A> {
    pub(crate) fn new(answering: Answering<T, A>, items: I) -> AnswerIter<I, T, A> {
        AnswerIter(AnswerStream::new(answering, Ready(items)))
    }
}

impl<I: Iterator<Item: Into<T>> + Unpin, T, A: Send + 'static> Iterator for AnswerIter<I, T, A> {
    type Item = Result<A>;

    fn next(&mut self) -> Option<Self::Item> {
        let classifier = self.0.answering.classifier.clone();
        classifier.block_on(poll_fn(|context| Pin::new(&mut self.0).poll_next(context)))
    }
}
