//! Texts of some jobs -> one batch, as the kernels read it.
//!
//! The tokens of a batch's texts lie end to end, without padding; a text's answer does not depend on its neighbours, so that
//! texts of several calls may share a batch.

use super::job::Job;
use crate::ir::{Output, Run, Values};
use crate::label::Label;
use std::sync::Arc;

/// The texts of one batch.
#[derive(Default)]
pub(super) struct Batch {
    /// `[tokens]` of (id, type id, position, text in this batch), until it is submitted.
    tokens: Vec<[u32; 4]>,
    /// `[texts + 1]`: text `i` is `tokens[cu_seqlens[i]..cu_seqlens[i + 1]]`.
    cu_seqlens: Vec<u32>,
    /// Class of each text, or numbers for each, where the loss wants them; zeros for texts without a label.
    classes: Vec<u32>,
    targets: Vec<f32>,
    /// Which job each text is of, and its place there.
    pub texts: Vec<(Arc<Job>, usize)>,
}

impl Batch {
    /// One without texts; its tokens will lie in the memory of others before it.
    pub(super) fn new(mut tokens: Vec<[u32; 4]>) -> Batch {
        tokens.clear();
        Batch { tokens, cu_seqlens: vec![0], ..Batch::default() }
    }

    /// The tokens' memory, once a device has them.
    pub(super) fn take_tokens(&mut self) -> Vec<[u32; 4]> {
        std::mem::take(&mut self.tokens)
    }

    pub(super) fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Appends a text of a job. `labels` is how many labels the model has.
    pub(super) fn push(&mut self, job: &Arc<Job>, text: usize, padding: Option<u32>, labels: usize) {
        let number = self.texts.len() as u32;
        let rows = job.encodings[text].rows(padding);
        self.tokens.extend(rows.map(|[id, type_id, position]| [id, type_id, position, number]));
        self.cu_seqlens.push(self.tokens.len() as u32);
        match job.wanted.loss.map(|kind| (kind.takes_classes(), job.labels[text].as_ref())) {
            None => {}
            Some((true, Some(Label::Class(class)))) => self.classes.push(*class as u32),
            Some((true, _)) => self.classes.push(0),
            Some((false, Some(Label::Values(values)))) => self.targets.extend(values),
            Some((false, _)) => self.targets.resize(self.targets.len() + labels, 0.0),
        }
        self.texts.push((job.clone(), text));
    }

    pub(super) fn run(&self) -> Run<'_> {
        Run { tokens: &self.tokens, cu_seqlens: &self.cu_seqlens, classes: &self.classes, targets: &self.targets }
    }

    /// Hands each job its part of the outputs.
    pub(super) fn distribute(self, outputs: &[(Output, Values)]) {
        let mut rest = (0..).zip(self.texts).peekable();
        while let Some((place, (job, text))) = rest.next() {
            let mut own = vec![(place, text)];
            while let Some((place, (_, text))) = rest.next_if(|(_, (other, _))| Arc::ptr_eq(other, &job)) {
                own.push((place, text));
            }
            job.add(&own, &self.cu_seqlens, outputs);
        }
    }

    /// Its jobs, each once.
    pub(super) fn into_jobs(self) -> Vec<Arc<Job>> {
        let mut jobs: Vec<Arc<Job>> = self.texts.into_iter().map(|(job, _)| job).collect();
        jobs.dedup_by(|next, job| Arc::ptr_eq(next, job));
        jobs
    }
}
