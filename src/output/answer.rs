//! The output of a call as batches bring it, whatever the model classifies.

use super::{Array, SequenceClassifierOutput, TokenClassifierOutput};
use crate::checkpoint::Scoring;
use crate::ir::{Output, Rows, Values};
use crate::kernels::argmax;
use crate::label::Label;
use crate::models::{Model, encoder::OutputSpec};
use crate::text::{Encoding, Tokenizer};
use std::ops::Range;
use std::sync::Arc;

/// The outputs of a call as they are put together from batches, whose texts come in another order.
pub(crate) struct Answer {
    /// Name of each label.
    labels: Arc<[String]>,
    /// Whether logits, and what is made of them, have a row for every text or for every token.
    rows: Rows,
    /// `[texts + 1]`: the first row of each text, and the number of all.
    first_rows: Vec<usize>,
    /// `[rows, labels]`, and so are probabilities.
    pub logits: Array,
    probabilities: Option<Array>,
    /// `[rows]`.
    argmax: Vec<Option<usize>>,
    /// `[texts]`.
    losses: Vec<f32>,
    hidden_states: Option<Vec<Array>>,
    attentions: Option<Vec<Array>>,
    /// `[texts, inputs of the classifier]`.
    pooled_output: Option<Array>,
    /// Heads of each layer.
    heads: Vec<usize>,
    /// Columns of attention weights as they are read back.
    longest: usize,
}

impl Answer {
    pub(crate) fn new(model: &Model, labels: Arc<[String]>, encodings: &[Encoding], wanted: OutputSpec) -> Answer {
        let heads: Vec<usize> = model.layers.iter().map(|layer| layer.attention.heads).collect();
        let states = |encoding: &Encoding| Array::zeros(&[heads.len() + 1, encoding.ids.len(), model.hidden]);
        let attentions = |encoding: &Encoding| {
            let width = heads.first().copied().unwrap_or(0);
            Array::zeros(&[heads.len(), width, encoding.ids.len(), encoding.ids.len()])
        };
        let rows = model.head.rows();
        let first_rows = encodings.iter().scan(0, |next, encoding| {
            *next += if rows == Rows::Tokens { encoding.ids.len() } else { 1 };
            Some(*next)
        });
        let first_rows: Vec<usize> = std::iter::once(0).chain(first_rows).collect();
        let count = first_rows[encodings.len()];
        let scores = Array::zeros(&[count, labels.len()]);
        Answer {
            rows,
            logits: scores.clone(),
            probabilities: (wanted.scoring != Scoring::None).then_some(scores),
            argmax: vec![None; count],
            losses: vec![0.0; encodings.len()],
            hidden_states: wanted.hidden_states.then(|| encodings.iter().map(states).collect()),
            attentions: wanted.attentions.map(|_| encodings.iter().map(attentions).collect()),
            longest: wanted.attentions.unwrap_or(0) as usize,
            pooled_output: wanted
                .pooled_output
                .then(|| Array::zeros(&[encodings.len(), model.head.classifier.inputs()])),
            first_rows,
            labels,
            heads,
        }
    }

    /// For as many texts, of which nothing is asked.
    #[cfg(test)]
    pub(crate) fn empty(texts: usize) -> Answer {
        Answer {
            labels: Arc::default(),
            rows: Rows::Texts,
            first_rows: (0..=texts).collect(),
            logits: Array::zeros(&[texts, 0]),
            probabilities: None,
            argmax: vec![None; texts],
            losses: vec![0.0; texts],
            hidden_states: None,
            attentions: None,
            pooled_output: None,
            heads: Vec::new(),
            longest: 0,
        }
    }

    /// Puts a batch's outputs where its texts stand in the call: `texts` are pairs of a text's place in the batch and in the
    /// call, `cu_seqlens` the first token of each text of the batch, and the number of all.
    pub(crate) fn add(&mut self, texts: &[(usize, usize)], cu_seqlens: &[u32], outputs: &[(Output, Values)]) {
        let labels = self.labels.len();
        // The rows of each text in the batch and in the call.
        let rows: Vec<(Range<usize>, Range<usize>)> = texts
            .iter()
            .map(|&(from, to)| {
                let batch = if self.rows == Rows::Tokens { tokens(cu_seqlens, from) } else { from..from + 1 };
                (batch, self.first_rows[to]..self.first_rows[to + 1])
            })
            .collect();
        for (name, values) in outputs {
            match name {
                Output::Logits => scatter(&mut self.logits.values, values.f32(), labels, &rows),
                Output::Probabilities => {
                    let probabilities = self.probabilities.as_mut().expect("the scoring asks for them");
                    scatter(&mut probabilities.values, values.f32(), labels, &rows);
                }
                Output::Argmax => {
                    for (from, to) in &rows {
                        for (index, place) in values.u32()[from.clone()].iter().zip(to.clone()) {
                            self.argmax[place] = (*index != argmax::NONE).then_some(*index as usize);
                        }
                    }
                }
                // The largest logit is among the logits; what runs on the device after this reads it there.
                Output::Loss => texts.iter().for_each(|&(from, to)| self.losses[to] = values.f32()[from]),
                Output::PooledOutput => {
                    let pooled = self.pooled_output.as_mut().expect("they were wanted");
                    scatter(&mut pooled.values, values.f32(), pooled.shape[1], &rows);
                }
                Output::HiddenState(layer) => self.add_hidden_state(texts, cu_seqlens, *layer, values.f32()),
                Output::Attention(layer) => self.add_attention(texts, cu_seqlens, *layer, values.f32()),
            }
        }
    }

    /// `values`: `[tokens, hidden]`.
    fn add_hidden_state(&mut self, texts: &[(usize, usize)], cu_seqlens: &[u32], layer: usize, values: &[f32]) {
        let states = self.hidden_states.as_mut().expect("they were wanted");
        for &(from, to) in texts {
            let (hidden, tokens) = (states[to].shape[2], tokens(cu_seqlens, from));
            let own = &values[tokens.start * hidden..tokens.end * hidden];
            states[to].values[layer * own.len()..(layer + 1) * own.len()].copy_from_slice(own);
        }
    }

    /// `values`: `[tokens, heads, longest]`, of which each text's own columns count.
    fn add_attention(&mut self, texts: &[(usize, usize)], cu_seqlens: &[u32], layer: usize, values: &[f32]) {
        let (stride, heads) = (self.longest, self.heads[layer]);
        let attentions = self.attentions.as_mut().expect("they were wanted");
        for &(from, to) in texts {
            let Range { start, end } = tokens(cu_seqlens, from);
            let length = end - start;
            for head in 0..heads {
                for i in 0..length {
                    let source = ((start + i) * heads + head) * stride;
                    let target = ((layer * heads + head) * length + i) * length;
                    attentions[to].values[target..target + length].copy_from_slice(&values[source..source + length]);
                }
            }
        }
    }

    /// The output of sequence classification; `labels` says which texts had one.
    pub(crate) fn into_sequences(self, encodings: &[Encoding], labels: &[Option<Label>]) -> SequenceClassifierOutput {
        let mut losses = vec![None; encodings.len()];
        for (index, label) in labels.iter().enumerate() {
            losses[index] = label.is_some().then_some(self.losses[index]);
        }
        SequenceClassifierOutput {
            // Over batches: each loss was computed on the device.
            loss: mean(&losses),
            logits: self.logits,
            hidden_states: self.hidden_states,
            attentions: self.attentions,
            pooled_output: self.pooled_output,
            probabilities: self.probabilities,
            argmax: self.argmax,
            losses,
            labels: self.labels,
            tokens: encodings.iter().map(|encoding| encoding.ids.len()).collect(),
            untruncated: encodings.iter().map(|encoding| encoding.untruncated).collect(),
            windows: vec![1; encodings.len()],
            truncated: encodings.iter().map(|encoding| encoding.truncated).collect(),
        }
    }

    /// The output of token classification.
    pub(crate) fn into_tokens(self, encodings: Arc<[Encoding]>, tokenizer: Arc<Tokenizer>) -> TokenClassifierOutput {
        TokenClassifierOutput {
            logits: self.logits,
            hidden_states: self.hidden_states,
            attentions: self.attentions,
            probabilities: self.probabilities.expect("a softmax scores tokens"),
            argmax: self.argmax,
            cu_seqlens: self.first_rows,
            labels: self.labels,
            encodings,
            tokenizer,
        }
    }
}

/// The mean of the losses that there are.
pub(super) fn mean(losses: &[Option<f32>]) -> Option<f32> {
    let known: Vec<f64> = losses.iter().flatten().map(|loss| f64::from(*loss)).collect();
    (!known.is_empty()).then(|| (known.iter().sum::<f64>() / known.len() as f64) as f32)
}

/// The tokens of a batch's text.
fn tokens(cu_seqlens: &[u32], text: usize) -> Range<usize> {
    cu_seqlens[text] as usize..cu_seqlens[text + 1] as usize
}

/// Rows of `values` become rows of `target`: of each pair the first become the second.
fn scatter(target: &mut [f32], values: &[f32], width: usize, rows: &[(Range<usize>, Range<usize>)]) {
    for (from, to) in rows {
        target[to.start * width..to.end * width].copy_from_slice(&values[from.start * width..from.end * width]);
    }
}
