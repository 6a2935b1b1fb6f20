//! What a classifier answers: transformers' output, and what it lacks.

use crate::checkpoint::Scoring;
use crate::ir::{Output, Values};
use crate::kernels::argmax;
use crate::label::Label;
use crate::models::{Model, encoder::Wanted};
use crate::text::Encoding;
use std::sync::Arc;

/// Numbers with a shape, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Array {
    /// Its axes, the outermost first.
    pub shape: Vec<usize>,
    /// As many as the shape's product.
    pub values: Vec<f32>,
}

impl Array {
    fn zeros(shape: &[usize]) -> Array {
        Array { shape: shape.to_vec(), values: vec![0.0; shape.iter().product()] }
    }

    /// Element `index` of the first axis, as a flat slice.
    pub fn row(&self, index: usize) -> &[f32] {
        let width: usize = self.shape[1..].iter().product();
        &self.values[index * width..(index + 1) * width]
    }
}

/// The answer to a list of texts, in their order. The first four fields are those of transformers'
/// `SequenceClassifierOutput`, in its order; the rest is what everyone adds by hand. All of it is computed on the device.
#[derive(Clone, Debug, Default)]
pub struct SequenceClassifierOutput {
    /// Mean of [`losses`](Self::losses) over the texts that had a label; `None` if none had.
    pub loss: Option<f32>,
    /// `[texts, labels]`, before any scoring.
    pub logits: Array,
    /// On request: for each text `[layers + 1, tokens, hidden]`; 0 is the input of the first layer.
    pub hidden_states: Option<Vec<Array>>,
    /// On request: for each text `[layers, heads, tokens, tokens]`, after the softmax.
    pub attentions: Option<Vec<Array>>,

    /// `[texts, labels]` by the model's scoring rule: softmax, or sigmoid of each. `None` where logits are the answer
    /// (regression).
    pub probabilities: Option<Array>,
    /// Index of each text's largest logit, the first of equals; `None` where a logit is NaN.
    pub argmax: Vec<Option<usize>>,
    /// Loss of each text that had a label.
    pub losses: Vec<Option<f32>>,
    /// Name of each label.
    pub labels: Arc<[String]>,
    /// Tokens of each text as classified, special tokens included.
    pub tokens: Vec<usize>,
    /// Whether a text was cut to the model's limit.
    pub truncated: Vec<bool>,
}

/// One text's part of a [`SequenceClassifierOutput`].
#[derive(Clone, Copy, Debug)]
pub struct Classification<'a> {
    /// Position of the text in the call.
    pub index: usize,
    output: &'a SequenceClassifierOutput,
}

impl SequenceClassifierOutput {
    /// Number of texts.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The answer to text `index`.
    pub fn text(&self, index: usize) -> Option<Classification<'_>> {
        (index < self.len()).then_some(Classification { index, output: self })
    }

    /// The answers, text by text.
    pub fn texts(&self) -> impl Iterator<Item = Classification<'_>> {
        (0..self.len()).map(|index| Classification { index, output: self })
    }
}

impl<'a> Classification<'a> {
    /// Before any scoring, one a label.
    pub fn logits(&self) -> &'a [f32] {
        self.output.logits.row(self.index)
    }

    /// By the model's scoring rule; `None` where the logits are the answer.
    pub fn probabilities(&self) -> Option<&'a [f32]> {
        self.output.probabilities.as_ref().map(|probabilities| probabilities.row(self.index))
    }

    /// Probabilities, or logits where the model's answer is the logits: what transformers' pipeline calls scores.
    pub fn scores(&self) -> &'a [f32] {
        self.probabilities().unwrap_or_else(|| self.logits())
    }

    /// Index of the best label; `None` if a logit is NaN.
    pub fn argmax(&self) -> Option<usize> {
        self.output.argmax[self.index]
    }

    /// Name of the best label.
    pub fn label(&self) -> Option<&'a str> {
        self.argmax().map(|index| self.output.labels[index].as_str())
    }

    /// Score of the best label.
    pub fn score(&self) -> Option<f32> {
        self.argmax().map(|index| self.scores()[index])
    }

    /// The loss, if the text had a label.
    pub fn loss(&self) -> Option<f32> {
        self.output.losses[self.index]
    }

    /// Number of tokens, special tokens included.
    pub fn tokens(&self) -> usize {
        self.output.tokens[self.index]
    }

    /// Whether the text was cut to the model's limit.
    pub fn truncated(&self) -> bool {
        self.output.truncated[self.index]
    }

    /// The `k` best labels with their scores, best first, the first of equals first.
    pub fn top(&self, k: usize) -> Vec<(&'a str, f32)> {
        let scores = self.scores();
        let mut order: Vec<usize> = (0..scores.len()).collect();
        // By logits: a softmax can make different logits equal.
        order.sort_by(|&a, &b| self.logits()[b].total_cmp(&self.logits()[a]));
        order.into_iter().take(k).map(|index| (self.output.labels[index].as_str(), scores[index])).collect()
    }
}

/// The output of a call as it is put together from batches, whose texts come in another order.
pub(crate) struct Answer {
    output: SequenceClassifierOutput,
    losses: Vec<f32>,
    hidden: usize,
    /// Heads of each layer.
    heads: Vec<usize>,
    /// Columns of attention weights as they are read back.
    longest: usize,
}

impl Answer {
    pub fn new(model: &Model, labels: Arc<[String]>, encodings: &[Encoding], wanted: Wanted) -> Answer {
        let heads: Vec<usize> = model.layers.iter().map(|layer| layer.attention.heads).collect();
        let states = |encoding: &Encoding| Array::zeros(&[heads.len() + 1, encoding.ids.len(), model.hidden]);
        let attentions = |encoding: &Encoding| {
            let width = heads.first().copied().unwrap_or(0);
            Array::zeros(&[heads.len(), width, encoding.ids.len(), encoding.ids.len()])
        };
        let scores = Array::zeros(&[encodings.len(), labels.len()]);
        let output = SequenceClassifierOutput {
            logits: scores.clone(),
            probabilities: (wanted.scoring != Scoring::None).then_some(scores),
            hidden_states: wanted.hidden_states.then(|| encodings.iter().map(states).collect()),
            attentions: wanted.attentions.map(|_| encodings.iter().map(attentions).collect()),
            argmax: vec![None; encodings.len()],
            losses: vec![None; encodings.len()],
            labels,
            tokens: encodings.iter().map(|encoding| encoding.ids.len()).collect(),
            truncated: encodings.iter().map(|encoding| encoding.truncated).collect(),
            ..SequenceClassifierOutput::default()
        };
        let longest = wanted.attentions.unwrap_or(0) as usize;
        Answer { output, losses: vec![0.0; encodings.len()], hidden: model.hidden, heads, longest }
    }

    /// For as many texts, of which nothing is asked.
    #[cfg(test)]
    pub fn empty(texts: usize) -> Answer {
        let output = SequenceClassifierOutput { losses: vec![None; texts], ..SequenceClassifierOutput::default() };
        Answer { output, losses: vec![0.0; texts], hidden: 0, heads: Vec::new(), longest: 0 }
    }

    /// Puts a batch's outputs where its texts stand in the call: `texts` are pairs of a text's place in the batch and in the
    /// call, `cu_seqlens` the first token of each text of the batch, and the number of all.
    pub fn add(&mut self, texts: &[(usize, usize)], cu_seqlens: &[u32], outputs: &[(Output, Values)]) {
        let labels = self.output.labels.len();
        for (name, values) in outputs {
            let output = &mut self.output;
            match name {
                Output::Logits => scatter(&mut output.logits.values, values.f32(), labels, texts),
                Output::Probabilities => {
                    let probabilities = output.probabilities.as_mut().expect("the scoring asks for them");
                    scatter(&mut probabilities.values, values.f32(), labels, texts);
                }
                Output::Argmax => {
                    for &(from, to) in texts {
                        let index = values.u32()[from];
                        output.argmax[to] = (index != argmax::NONE).then_some(index as usize);
                    }
                }
                // The largest logit is among the logits; what runs on the device after this reads it there.
                Output::Maximum => {}
                Output::Loss => scatter(&mut self.losses, values.f32(), 1, texts),
                Output::HiddenState(layer) => self.add_hidden_state(texts, cu_seqlens, *layer, values.f32()),
                Output::Attention(layer) => self.add_attention(texts, cu_seqlens, *layer, values.f32()),
            }
        }
    }

    /// `values`: `[tokens, hidden]`.
    fn add_hidden_state(&mut self, texts: &[(usize, usize)], cu_seqlens: &[u32], layer: usize, values: &[f32]) {
        let states = self.output.hidden_states.as_mut().expect("they were wanted");
        for &(from, to) in texts {
            let [start, end] = [cu_seqlens[from], cu_seqlens[from + 1]].map(|token| token as usize * self.hidden);
            let place = layer * (end - start);
            states[to].values[place..place + end - start].copy_from_slice(&values[start..end]);
        }
    }

    /// `values`: `[tokens, heads, longest]`, of which each text's own columns count.
    fn add_attention(&mut self, texts: &[(usize, usize)], cu_seqlens: &[u32], layer: usize, values: &[f32]) {
        let (stride, heads) = (self.longest, self.heads[layer]);
        let attentions = self.output.attentions.as_mut().expect("they were wanted");
        for &(from, to) in texts {
            let [start, end] = [cu_seqlens[from], cu_seqlens[from + 1]].map(|token| token as usize);
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

    /// The whole output; `labels` says which texts had one.
    pub fn finish(self, labels: &[Option<Label>]) -> SequenceClassifierOutput {
        let mut output = self.output;
        for (index, label) in labels.iter().enumerate() {
            output.losses[index] = label.is_some().then_some(self.losses[index]);
        }
        let known: Vec<f64> = output.losses.iter().flatten().map(|loss| f64::from(*loss)).collect();
        // The mean over batches: each loss was computed on the device.
        output.loss = (!known.is_empty()).then(|| (known.iter().sum::<f64>() / known.len() as f64) as f32);
        output
    }
}

/// Rows of `values` become rows of `target`: of each pair the first becomes the second.
fn scatter(target: &mut [f32], values: &[f32], width: usize, rows: &[(usize, usize)]) {
    for &(from, to) in rows {
        target[to * width..(to + 1) * width].copy_from_slice(&values[from * width..(from + 1) * width]);
    }
}
