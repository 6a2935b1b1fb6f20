//! What moved the answer to a text.

#[cfg(feature = "internals")]
mod page;

#[cfg(feature = "cli")]
pub(crate) use page::{page, round};

use super::{Array, Classification};
use serde::Serialize;
use std::ops::Range;
use std::sync::Arc;

/// What moved the answer to a text or a pair: what would be answered without each part of it ([`Classifier::explain`](crate::Classifier::explain)).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Name of each label.
    pub labels: Arc<[String]>,
    /// Position of the best label; `None` if a logit is NaN.
    pub argmax: Option<usize>,
    /// `[labels]`: the answer to all of the text, before any scoring.
    pub logits: Vec<f32>,
    /// `[labels]`, by the model's scoring rule; the logits where they are the answer.
    pub scores: Vec<f32>,
    /// Whether tokens of the text had no part in its answer.
    pub truncated: bool,
    /// The text, or both of a pair.
    pub texts: Vec<String>,
    /// The tokens as they were classified, special ones too.
    pub tokens: Vec<ExplainedToken>,
    /// The words of the texts, in their order.
    pub words: Vec<ExplainedPart>,
    /// Their sentences.
    pub sentences: Vec<ExplainedPart>,
    /// Texts that the model answered for it.
    pub passes: usize,
    /// On request: `[layers, heads, tokens, tokens]`, after the softmax.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attentions: Option<Array>,
}

/// A token, and the answer without it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplainedToken {
    /// What the tokenizer calls it.
    pub token: String,
    /// None for special tokens.
    pub without: Option<AnswerWithout>,
}

/// A word or a sentence, and the answer without it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplainedPart {
    /// The part.
    pub text: String,
    /// Which of the texts it is a part of.
    pub index: usize,
    /// Where it stands there, in characters.
    pub place: Range<usize>,
    /// The answer without it.
    pub without: AnswerWithout,
}

/// The answer to a text without some of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnswerWithout {
    /// `[labels]`, before any scoring.
    pub logits: Vec<f32>,
    /// `[labels]`, by the model's scoring rule; the logits where they are the answer.
    pub scores: Vec<f32>,
    /// `[labels]`: how much more each label scores with the part than without it.
    pub effects: Vec<f32>,
}

impl AnswerWithout {
    /// `whole`: `[labels]`, the scores of all of the text.
    pub(crate) fn new(whole: &[f32], answer: Classification<'_>) -> AnswerWithout {
        let scores = answer.scores().to_vec();
        let effects = whole.iter().zip(&scores).map(|(with, without)| with - without).collect();
        AnswerWithout { logits: answer.logits().to_vec(), scores, effects }
    }
}
