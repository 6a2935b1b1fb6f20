//! What a classifier answers: transformers' output, and what it lacks.

mod answer;
mod entities;
mod explanation;
mod rerank;
mod tokens;
mod windows;
mod zero_shot;

pub(crate) use answer::Answer;
pub use entities::{Aggregation, Entity, EntityKind};
pub use explanation::{AnswerWithout, ExplainedPart, ExplainedToken, Explanation};
#[cfg(feature = "cli")]
pub(crate) use explanation::{page, round};
pub use rerank::{PairScore, Ranked};
pub use tokens::{TokenClassification, TokenClassifierOutput};
pub(crate) use windows::Joining;
pub use zero_shot::ZeroShotAnswer;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use std::sync::Arc;

/// Numbers with a shape, row-major.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
/// `SequenceClassifierOutput`, in its order; the rest is what everyone adds by hand. All of it is computed on the device, but for
/// a text that was split: its logits are joined on the host, and all that is made of them there.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SequenceClassifierOutput {
    /// Mean of [`losses`](Self::losses) over the texts that had a label; `None` if none had.
    pub loss: Option<f32>,
    /// `[texts, labels]`, before any scoring.
    pub logits: Array,
    /// On request: for each text `[layers + 1, tokens, hidden]`; 0 is the input of the first layer.
    pub hidden_states: Option<Vec<Array>>,
    /// On request: for each text `[layers, heads, tokens, tokens]`, after the softmax.
    pub attentions: Option<Vec<Array>>,

    /// On request: `[texts, hidden]`, what the classifier, the head's last layer, reads of each text, so that
    /// `logits = pooled_output · weightᵀ + bias`. It is what transformers' `...ForSequenceClassification` calls `pooled_output`: pooled by
    /// the architecture's rule, and behind the head's dense layer and activation where there is one. (For BERT it is `BertModel`'s
    /// `pooler_output`; for RoBERTa, ELECTRA and MPNet the input of `classifier.out_proj`.)
    pub pooled_output: Option<Array>,
    /// `[texts, labels]` by the model's scoring rule: softmax, or sigmoid of each. `None` where logits are the answer
    /// (regression).
    pub probabilities: Option<Array>,
    /// Index of each text's largest logit, the first of equals; `None` where a logit is NaN.
    pub argmax: Vec<Option<usize>>,
    /// Loss of each text that had a label.
    pub losses: Vec<Option<f32>>,
    /// Name of each label.
    pub labels: Arc<[String]>,
    /// Tokens of each text as classified, special tokens included: of one that was split, those of all windows that answer
    /// for it.
    pub tokens: Vec<usize>,
    /// Tokens that each text has when it is neither cut nor split, special tokens included.
    pub untruncated: Vec<usize>,
    /// Whether tokens of a text had no part in its answer: it was cut, or only the first of its windows answers for it.
    pub truncated: Vec<bool>,
    /// Encodings that each text became: 1 where it was not split ([`Truncation::Windows`](crate::Truncation::Windows)).
    pub windows: Vec<usize>,
}

/// The answer to one text, which keeps what it needs of the others' it was made with.
#[derive(Clone, Debug)]
pub struct OwnedClassification {
    output: Arc<SequenceClassifierOutput>,
    place: usize,
}

impl OwnedClassification {
    /// Label, scores, logits and the rest.
    pub fn get(&self) -> Classification<'_> {
        Classification { index: self.place, output: &self.output }
    }
}

/// As [`Classification`].
impl Serialize for OwnedClassification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

/// An object with label, score, argmax, probabilities, logits, loss, tokens, truncated and windows; what is not finite is null in
/// JSON.
impl Serialize for Classification<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Classification", 9)?;
        fields.serialize_field("label", &self.label())?;
        fields.serialize_field("score", &self.score())?;
        fields.serialize_field("argmax", &self.argmax())?;
        fields.serialize_field("probabilities", &self.probabilities())?;
        fields.serialize_field("logits", self.logits())?;
        fields.serialize_field("loss", &self.loss())?;
        fields.serialize_field("tokens", &self.tokens())?;
        fields.serialize_field("truncated", &self.truncated())?;
        fields.serialize_field("windows", &self.windows())?;
        fields.end()
    }
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

    /// The answers, each on its own.
    pub fn into_texts(self) -> impl Iterator<Item = OwnedClassification> {
        let output = Arc::new(self);
        (0..output.len()).map(move |place| OwnedClassification { output: output.clone(), place })
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

    /// On request: what the classifier reads of the text.
    pub fn pooled_output(&self) -> Option<&'a [f32]> {
        self.output.pooled_output.as_ref().map(|pooled| pooled.row(self.index))
    }

    /// The loss, if the text had a label.
    pub fn loss(&self) -> Option<f32> {
        self.output.losses[self.index]
    }

    /// `[layers + 1, tokens, hidden]`, if they were wanted; 0 is the input of the first layer.
    pub fn hidden_states(&self) -> Option<&'a Array> {
        self.output.hidden_states.as_ref().map(|states| &states[self.index])
    }

    /// `[layers, heads, tokens, tokens]` after the softmax, if they were wanted.
    pub fn attentions(&self) -> Option<&'a Array> {
        self.output.attentions.as_ref().map(|attentions| &attentions[self.index])
    }

    /// Number of tokens as classified, special tokens included; those of all windows that answer for it.
    pub fn tokens(&self) -> usize {
        self.output.tokens[self.index]
    }

    /// Number of tokens that the text has when it is neither cut nor split, special tokens included.
    pub fn untruncated(&self) -> usize {
        self.output.untruncated[self.index]
    }

    /// Number of encodings that the text became.
    pub fn windows(&self) -> usize {
        self.output.windows[self.index]
    }

    /// Whether tokens of the text had no part in its answer.
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
