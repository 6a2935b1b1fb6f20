//! What a classifier of tokens answers.

use super::{Aggregation, Array, Entity, entities};
use crate::error::{Error, Result};
use crate::text::{Encoding, Spans, Tokenizer};
use std::ops::Range;
use std::sync::Arc;

/// The answer to the tokens of a list of texts, in their order. Logits, hidden states and attentions are those of
/// transformers' `TokenClassifierOutput`, without padding: the tokens of all texts lie end to end.
#[derive(Clone, Debug)]
pub struct TokenClassifierOutput {
    /// `[tokens, labels]`, before the softmax.
    pub logits: Array,
    /// On request: for each text `[layers + 1, tokens, hidden]`; 0 is the input of the first layer.
    pub hidden_states: Option<Vec<Array>>,
    /// On request: for each text `[layers, heads, tokens, tokens]`, after the softmax.
    pub attentions: Option<Vec<Array>>,

    /// `[tokens, labels]`: the softmax of the logits.
    pub probabilities: Array,
    /// Index of each token's largest logit, the first of equals; `None` where a logit is NaN.
    pub argmax: Vec<Option<usize>>,
    /// `[texts + 1]`: the first token of each text, and the number of all.
    pub cu_seqlens: Vec<usize>,
    /// Name of each label.
    pub labels: Arc<[String]>,
    /// The tokens of each text as classified, special tokens included, and where they stand.
    pub encodings: Arc<[Encoding]>,
    pub(super) tokenizer: Arc<Tokenizer>,
}

/// One text's part of a [`TokenClassifierOutput`].
#[derive(Clone, Copy, Debug)]
pub struct TokenClassification<'a> {
    /// Position of the text in the call.
    pub index: usize,
    output: &'a TokenClassifierOutput,
}

impl TokenClassifierOutput {
    /// Number of texts.
    pub fn len(&self) -> usize {
        self.encodings.len()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.encodings.is_empty()
    }

    /// The answer to text `index`.
    pub fn text(&self, index: usize) -> Option<TokenClassification<'_>> {
        (index < self.len()).then_some(TokenClassification { index, output: self })
    }

    /// The answers, text by text.
    pub fn texts(&self) -> impl Iterator<Item = TokenClassification<'_>> {
        (0..self.len()).map(|index| TokenClassification { index, output: self })
    }
}

impl<'a> TokenClassification<'a> {
    fn rows(&self) -> Range<usize> {
        self.output.cu_seqlens[self.index]..self.output.cu_seqlens[self.index + 1]
    }

    fn of_rows(&self, array: &'a Array) -> &'a [f32] {
        let (rows, labels) = (self.rows(), self.output.labels.len());
        &array.values[rows.start * labels..rows.end * labels]
    }

    /// `[tokens, labels]`, row-major.
    pub fn logits(&self) -> &'a [f32] {
        self.of_rows(&self.output.logits)
    }

    /// `[tokens, labels]`, row-major.
    pub fn probabilities(&self) -> &'a [f32] {
        self.of_rows(&self.output.probabilities)
    }

    /// Index of each token's best label; `None` where a logit is NaN.
    pub fn argmax(&self) -> &'a [Option<usize>] {
        &self.output.argmax[self.rows()]
    }

    /// Name of each token's best label.
    pub fn labels(&self) -> impl Iterator<Item = Option<&'a str>> {
        let names = &self.output.labels;
        self.argmax().iter().map(|index| index.map(|index| names[index].as_str()))
    }

    /// The tokens, special tokens included.
    pub fn ids(&self) -> &'a [u32] {
        &self.output.encodings[self.index].ids
    }

    /// Where the tokens stand; `None` where the encodings that were run do not say it.
    pub fn spans(&self) -> Option<&'a Spans> {
        self.output.encodings[self.index].spans.as_deref()
    }

    /// Number of tokens that the text has when it is not cut, special tokens included.
    pub fn untruncated(&self) -> usize {
        self.output.encodings[self.index].untruncated
    }

    /// Whether the text was cut to the model's limit.
    pub fn truncated(&self) -> bool {
        self.output.encodings[self.index].truncated
    }

    /// The entities of the text, as transformers' token-classification pipeline answers them.
    ///
    /// # Errors
    /// [`Error::Text`] where a logit is NaN, where an aggregation by words needs to know where tokens stand and the
    /// tokenizer does not say it ([`Tokenizer::has_offsets`]), and where the encodings were not made by the classifier's own
    /// encoder.
    pub fn entities(&self, aggregation: Aggregation) -> Result<Vec<Entity>> {
        self.entities_but(aggregation, entities::IGNORED)
    }

    /// [`TokenClassification::entities`] with other labels left out than `O`: the pipeline's `ignore_labels`.
    ///
    /// # Errors
    /// As [`TokenClassification::entities`].
    pub fn entities_but(&self, aggregation: Aggregation, ignored: &[&str]) -> Result<Vec<Entity>> {
        let TokenClassifierOutput { labels, tokenizer, encodings, .. } = self.output;
        let answered = || {
            let spans = self.spans().ok_or("its encoding does not say where its tokens stand")?;
            if aggregation.is_by_words() && !tokenizer.has_offsets() {
                return Err(format!(
                    "the tokenizer {} does not say where its tokens stand, which this aggregation needs; it has none and simple",
                    tokenizer.class()
                ));
            }
            let best =
                self.argmax().iter().copied().collect::<Option<Vec<usize>>>().ok_or("the model's answer is NaN")?;
            let words = tokenizer.words(&encodings[self.index], spans);
            let scores = entities::Scores { probabilities: self.probabilities(), best: &best, labels };
            entities::of_words(words, &scores, aggregation, ignored, |tokens| tokenizer.join(tokens))
        };
        answered().map_err(|message| Error::Text { index: self.index, message })
    }
}
