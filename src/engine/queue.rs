//! Texts that wait, and which of them share the next batch.

use super::{batch::Batch, job::Job};
use crate::ir::BatchLimits;
use crate::models::encoder::OutputSpec;
use std::collections::VecDeque;
use std::sync::Arc;

/// Jobs with texts that no batch has yet, in the order in which batches begin with them.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    job: Arc<Job>,
    texts: VecDeque<usize>,
}

impl Queue {
    pub(super) fn push(&mut self, job: Arc<Job>) {
        let texts = job.order().into();
        self.waiting.push_back(Waiting { job, texts });
    }

    /// Puts the texts of a batch that was not run back in front.
    pub(super) fn put_back(&mut self, batch: Batch) {
        for (job, text) in batch.texts.into_iter().rev() {
            match self.waiting.front_mut() {
                Some(first) if Arc::ptr_eq(&first.job, &job) => first.texts.push_front(text),
                _ => self.waiting.push_front(Waiting { job, texts: [text].into() }),
            }
        }
    }

    /// Forgets the texts of a job that nobody waits for.
    pub(super) fn remove(&mut self, job: &Arc<Job>) {
        self.waiting.retain(|waiting| !Arc::ptr_eq(&waiting.job, job));
    }

    /// What the next batch is to answer; none where no text waits.
    pub(super) fn next(&self) -> Option<OutputSpec> {
        self.waiting.front().map(|waiting| waiting.job.wanted)
    }

    /// Jobs that want the same as the next batch.
    pub(super) fn take_all(&mut self, wanted: OutputSpec) -> Vec<Arc<Job>> {
        let (gone, rest): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(|waiting| waiting.job.wanted == wanted);
        self.waiting = rest.into();
        gone.into_iter().map(|waiting| waiting.job).collect()
    }

    /// Takes out jobs that want `wanted` and have a text of more tokens than that, which no batch would hold.
    pub(super) fn too_long(&mut self, wanted: OutputSpec, tokens: usize) -> Vec<Arc<Job>> {
        let long = |waiting: &Waiting| {
            let Waiting { job, texts } = waiting;
            job.wanted == wanted && texts.front().is_some_and(|&text| job.encodings[text].ids.len() > tokens)
        };
        if !self.waiting.iter().any(long) {
            return Vec::new();
        }
        let (gone, rest): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(long);
        self.waiting = rest.into();
        gone.into_iter().map(|waiting| waiting.job).collect()
    }

    /// As many texts as the limits hold of jobs that want `wanted`: those of the first job, then those of the others. A job
    /// with more than a batch of them goes behind the others, so that a short call waits for one batch of a long one. The
    /// batch's tokens will lie in the memory of `tokens`.
    pub(super) fn batch(
        &mut self,
        wanted: OutputSpec,
        limits: BatchLimits,
        tokens: Vec<[u32; 4]>,
        mut push: impl FnMut(&mut Batch, &Arc<Job>, usize),
    ) -> Option<Batch> {
        let mut batch = Batch::new(tokens);
        let mut later = VecDeque::new();
        while let Some(mut waiting) = self.waiting.pop_front() {
            let mut full = false;
            if waiting.job.wanted == wanted {
                while let Some(&text) = waiting.texts.front() {
                    let tokens = waiting.job.encodings[text].ids.len();
                    full = batch.tokens() + tokens > limits.tokens || batch.texts.len() == limits.texts;
                    if full {
                        break;
                    }
                    waiting.texts.pop_front();
                    push(&mut batch, &waiting.job, text);
                }
            }
            if waiting.texts.is_empty() {
                continue;
            }
            later.push_back(waiting);
            if full {
                break;
            }
        }
        // Those that the batch begins with, but for which it had no more room, go last.
        let rest = std::mem::take(&mut self.waiting);
        let (begun, untouched): (Vec<_>, Vec<_>) = later.into_iter().partition(|waiting| {
            waiting.job.wanted == wanted && batch.texts.iter().any(|(job, _)| Arc::ptr_eq(job, &waiting.job))
        });
        self.waiting = untouched.into_iter().chain(rest).chain(begun).collect();
        (!batch.texts.is_empty()).then_some(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Scoring;
    use crate::output::Answer;
    use crate::text::Encoding;
    use proptest::prelude::*;

    fn wanted(hidden_states: bool) -> OutputSpec {
        OutputSpec { hidden_states, ..OutputSpec::scores(Scoring::Softmax) }
    }

    fn job(lengths: &[usize], hidden_states: bool) -> Arc<Job> {
        let encoding = |&length: &usize| Encoding::new(vec![7; length], vec![0; length]);
        let encodings: Arc<[Encoding]> = lengths.iter().map(encoding).collect();
        let answer = Answer::empty(encodings.len());
        Arc::new(Job::new(encodings, Vec::new(), wanted(hidden_states), answer))
    }

    fn take(queue: &mut Queue, limits: BatchLimits) -> Option<Vec<(Arc<Job>, usize)>> {
        let next = queue.next()?;
        let batch = queue.batch(next, limits, Vec::new(), |batch, job, text| batch.push(job, text, None, 2));
        Some(batch.expect("the first job has a text that fits").texts)
    }

    proptest! {
        #[test]
        fn every_text_is_in_one_batch(
            calls in prop::collection::vec((prop::collection::vec(1usize..40, 1..30), any::<bool>()), 1..8),
            tokens in 40usize..200,
            texts in 1usize..20,
        ) {
            let jobs: Vec<_> = calls.iter().map(|(lengths, hidden)| job(lengths, *hidden)).collect();
            let mut queue = Queue::default();
            jobs.iter().for_each(|job| queue.push(job.clone()));
            let mut seen = Vec::new();
            while let Some(batch) = take(&mut queue, BatchLimits { tokens, texts }) {
                let wanted = batch[0].0.wanted;
                prop_assert!(batch.iter().all(|(job, _)| job.wanted == wanted));
                prop_assert!(batch.len() <= texts);
                prop_assert!(batch.iter().map(|(job, text)| job.encodings[*text].ids.len()).sum::<usize>() <= tokens);
                let number = |job: &Arc<Job>| jobs.iter().position(|other| Arc::ptr_eq(job, other)).unwrap();
                seen.extend(batch.iter().map(|(job, text)| (number(job), *text)));
            }
            seen.sort_unstable();
            let all = calls.iter().enumerate().flat_map(|(call, (lengths, _))| (0..lengths.len()).map(move |text| (call, text)));
            prop_assert_eq!(seen, all.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_short_call_waits_for_one_batch_of_a_long_one() {
        let (long, short) = (job(&[8; 100], false), job(&[3], false));
        let mut queue = Queue::default();
        queue.push(long.clone());
        let limits = BatchLimits { tokens: 32, texts: 8 };
        take(&mut queue, limits).expect("a batch of the long call");
        queue.push(short.clone());
        take(&mut queue, limits).expect("a batch of the long call, which was there first");
        let third = take(&mut queue, limits).expect("a batch");
        assert!(Arc::ptr_eq(&third[0].0, &short) && third.len() == 4, "the rest of the batch is the long call's");
    }

    #[test]
    fn the_longest_text_is_first_and_what_is_put_back_is_next() {
        let call = job(&[3, 5, 3, 5, 3], false);
        let mut queue = Queue::default();
        queue.push(call);
        let limits = BatchLimits { tokens: 8, texts: 8 };
        let texts = |batch: Option<Vec<(Arc<Job>, usize)>>| -> Vec<usize> {
            batch.into_iter().flatten().map(|(_, text)| text).collect()
        };
        assert_eq!(texts(take(&mut queue, limits)), [1]);
        let next = queue.next().expect("texts wait");
        let batch =
            queue.batch(next, limits, Vec::new(), |batch, job, text| batch.push(job, text, None, 2)).expect("a batch");
        assert_eq!(batch.texts.iter().map(|(_, text)| *text).collect::<Vec<_>>(), [3, 0]);
        queue.put_back(batch);
        assert_eq!(texts(take(&mut queue, limits)), [3, 0]);
        assert_eq!(texts(take(&mut queue, limits)), [2, 4]);
        assert!(take(&mut queue, limits).is_none());
    }
}
