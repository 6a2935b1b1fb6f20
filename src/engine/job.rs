//! One call: its texts, the answer that batches put together, and who waits for it.

use crate::error::{Error, Result};
use crate::ir::{Output, Values};
use crate::label::Label;
use crate::models::encoder::OutputSpec;
use crate::output::Answer;
use crate::text::Encoding;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// The texts of one call. Batches of several jobs may share a device's time; each job's answer is its own.
pub(super) struct Job {
    pub encodings: Arc<[Encoding]>,
    /// One a text, or none at all.
    pub labels: Vec<Option<Label>>,
    pub wanted: OutputSpec,
    /// Of all its texts.
    pub tokens: usize,
    state: Mutex<State>,
}

struct State {
    /// Until it is whole.
    answer: Option<Answer>,
    /// Texts that have no answer yet.
    open: usize,
    result: Option<Result<Answer>>,
    waker: Option<Waker>,
}

impl Job {
    pub(super) fn new(
        encodings: Arc<[Encoding]>,
        labels: Vec<Option<Label>>,
        wanted: OutputSpec,
        answer: Answer,
    ) -> Job {
        let open = encodings.len();
        let state = State { answer: Some(answer), open, result: None, waker: None };
        let tokens = encodings.iter().map(|encoding| encoding.ids.len()).sum();
        let job = Job { encodings, labels, wanted, tokens, state: Mutex::new(state) };
        if open == 0 {
            job.finish(job.state());
        }
        job
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its texts, the longest first: the batch that needs most memory is the first to run.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.encodings.len()).collect();
        order.sort_by_key(|&text| std::cmp::Reverse(self.encodings[text].ids.len()));
        order
    }

    pub(super) fn is_done(&self) -> bool {
        let state = self.state();
        state.answer.is_none()
    }

    /// Puts in the outputs of a batch: `texts` are pairs of a text's place in the batch and in this job.
    pub(super) fn add(&self, texts: &[(usize, usize)], cu_seqlens: &[u32], outputs: &[(Output, Values)]) {
        let mut state = self.state();
        let Some(answer) = &mut state.answer else { return };
        answer.add(texts, cu_seqlens, outputs);
        state.open -= texts.len();
        if state.open == 0 {
            self.finish(state);
        }
    }

    fn finish(&self, mut state: MutexGuard<'_, State>) {
        if let Some(answer) = state.answer.take() {
            state.result = Some(Ok(answer));
            wake(state);
        }
    }

    /// Ends it without an answer.
    pub(super) fn fail(&self, error: Error) {
        let mut state = self.state();
        if state.answer.take().is_some() {
            state.result = Some(Err(error));
            wake(state);
        }
    }

    /// Lets go of what nobody will take: its call was dropped.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        (state.answer, state.waker) = (None, None);
    }

    /// Ready when it is done, once.
    pub(super) async fn done(&self) -> Result<Answer> {
        poll_fn(|context| {
            let mut state = self.state();
            match state.result.take() {
                Some(result) => Poll::Ready(result),
                None => {
                    state.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// Wakes who waits, outside of the lock.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}
