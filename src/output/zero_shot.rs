//! How likely labels are that the model was not trained for.

use super::Array;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use std::sync::Arc;

/// How likely each candidate label is for a text: the answer of transformers' zero-shot pipeline
/// ([`Classifier::zero_shot`](crate::Classifier::zero_shot)).
#[derive(Clone, Debug, PartialEq)]
pub struct ZeroShotAnswer {
    pub(crate) labels: Arc<[String]>,
    /// `[labels]`
    pub(crate) scores: Vec<f32>,
    /// `[labels, labels of the model]`
    pub(crate) logits: Array,
    pub(crate) tokens: usize,
    pub(crate) truncated: bool,
}

impl ZeroShotAnswer {
    /// The candidate labels, as they were asked for.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// `[labels]`, in their order: shares of one, or, of labels that hold each on its own, the probability of each.
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }

    /// `[labels, labels of the model]`: what the model answers to the text and each label's hypothesis.
    pub fn logits(&self) -> &Array {
        &self.logits
    }

    /// Position of the best label; `None` if a score is NaN.
    pub fn argmax(&self) -> Option<usize> {
        let is_number = !self.scores.iter().any(|score| score.is_nan());
        self.order().first().copied().filter(|_| is_number)
    }

    /// The best label; `None` if a score is NaN.
    pub fn label(&self) -> Option<&str> {
        self.argmax().map(|place| self.labels[place].as_str())
    }

    /// Score of the best label.
    pub fn score(&self) -> Option<f32> {
        self.argmax().map(|place| self.scores[place])
    }

    /// The `k` best labels with their scores, best first; of equals the last first, as transformers has them.
    pub fn top(&self, k: usize) -> Vec<(&str, f32)> {
        self.order().into_iter().take(k).map(|place| (self.labels[place].as_str(), self.scores[place])).collect()
    }

    /// Tokens that were classified, special tokens included: those of all pairs of the text and a hypothesis.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Whether tokens of the text had no part in its answer.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// numpy's `argsort`, which is stable of as few labels as people ask for, read backwards.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scores.len()).rev().collect();
        order.sort_by(|&a, &b| self.scores[b].total_cmp(&self.scores[a]));
        order
    }
}

/// An object with the pipeline's labels and scores, best first, tokens and truncated.
impl Serialize for ZeroShotAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (labels, scores): (Vec<&str>, Vec<f32>) = self.top(usize::MAX).into_iter().unzip();
        let mut fields = serializer.serialize_struct("ZeroShotAnswer", 4)?;
        fields.serialize_field("labels", &labels)?;
        fields.serialize_field("scores", &scores)?;
        fields.serialize_field("tokens", &self.tokens)?;
        fields.serialize_field("truncated", &self.truncated)?;
        fields.end()
    }
}
