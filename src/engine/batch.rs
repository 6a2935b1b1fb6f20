//! Texts of some jobs -> one batch, as the kernels read it.
//!
//! The tokens of a batch's texts lie end to end, without padding; a text's answer does not depend on its neighbours, so that
//! texts of several calls may share a batch.

use super::job::Job;
use crate::ir::{Output, Rows, Run, Values};
use crate::label::Label;
use crate::models::encoder::OutputSpec;
use crate::text::Encoding;
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
    /// How many canaries are behind them, which are of no job.
    pub canaries: usize,
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
        let label = job.labels.get(text).and_then(Option::as_ref);
        self.append(&job.encodings[text], label, job.wanted, padding, labels);
        self.texts.push((job.clone(), text));
    }

    /// Appends a text that nobody asked for, behind all that somebody did.
    pub(super) fn push_canary(&mut self, text: &Encoding, wanted: OutputSpec, padding: Option<u32>, labels: usize) {
        self.append(text, None, wanted, padding, labels);
        self.canaries += 1;
    }

    fn append(
        &mut self,
        text: &Encoding,
        label: Option<&Label>,
        wanted: OutputSpec,
        padding: Option<u32>,
        labels: usize,
    ) {
        let number = (self.texts.len() + self.canaries) as u32;
        let rows = text.rows(padding);
        self.tokens.extend(rows.map(|[id, type_id, position]| [id, type_id, position, number]));
        self.cu_seqlens.push(self.tokens.len() as u32);
        match wanted.loss.map(|kind| (kind.takes_classes(), label)) {
            None => {}
            Some((true, Some(Label::Class(class)))) => self.classes.push(*class as u32),
            Some((true, _)) => self.classes.push(0),
            Some((false, Some(Label::Values(values)))) => self.targets.extend(values),
            Some((false, _)) => self.targets.resize(self.targets.len() + labels, 0.0),
        }
    }

    /// The part of a matrix with a row for every text, or for every token, that is a canary's.
    pub(super) fn rows_of_canary<'a>(&self, canary: usize, rows: Rows, values: &'a [f32]) -> &'a [f32] {
        let text = self.texts.len() + canary;
        let (own, all) = match rows {
            Rows::Tokens => {
                let [start, end] = [text, text + 1].map(|text| self.cu_seqlens[text] as usize);
                (start..end, self.cu_seqlens.last().map_or(0, |&tokens| tokens as usize))
            }
            _ => (text..text + 1, self.texts.len() + self.canaries),
        };
        let columns = values.len() / all.max(1);
        &values[own.start * columns..own.end * columns]
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
