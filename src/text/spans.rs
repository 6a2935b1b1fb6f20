//! Where the tokens of a text stand in it, and what each is called.

use super::{Encoding, Tokenizer};
use std::ops::Range;
use tokenizers::Encoding as Tokens;

/// Where the tokens of a text stand in it, in their order, special tokens included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spans {
    /// The text.
    pub text: Box<str>,
    /// The characters that each token stands for, none for special tokens; `None` where the tokenizer does not say it
    /// ([`Tokenizer::has_offsets`]).
    pub offsets: Option<Vec<Range<usize>>>,
    /// Whether a token is one that the tokenizer added to the text.
    pub special: Vec<bool>,
}

/// A token that is no special one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Word {
    /// Its place among the tokens.
    pub index: usize,
    /// What it is called.
    pub word: String,
    pub offsets: Option<Range<usize>>,
    /// Whether it goes on the word of the token before it.
    pub is_subword: bool,
}

impl Spans {
    pub(super) fn of_library(text: &str, tokens: &Tokens) -> Spans {
        Spans {
            text: text.into(),
            offsets: Some(tokens.get_offsets().iter().map(|&(start, end)| start..end).collect()),
            special: tokens.get_special_tokens_mask().iter().map(|&special| special == 1).collect(),
        }
    }

    /// Of the classes in Python, which put a token before the others and one after them.
    pub(super) fn of_python(text: &str, tokens: usize) -> Spans {
        let special = (0..tokens).map(|token| token == 0 || token + 1 == tokens).collect();
        Spans { text: text.into(), offsets: None, special }
    }
}

impl Tokenizer {
    /// The tokens of a text that are no special ones, as transformers' pipeline looks at them (`gather_pre_entities` of
    /// pipelines/token_classification.py): an unknown one is called what stands there.
    pub(crate) fn words(&self, encoding: &Encoding, spans: &Spans) -> Vec<Word> {
        // Where each character starts, and where the last one ends.
        let starts: Vec<usize> = spans.text.char_indices().map(|(start, _)| start).chain([spans.text.len()]).collect();
        let slice = |range: Range<usize>| {
            let [start, end] = [range.start, range.end].map(|place| starts[place.min(starts.len() - 1)]);
            spans.text.get(start..end).unwrap_or_default()
        };
        let word = |(index, &id): (usize, &u32)| {
            let word = self.token(id).unwrap_or_default();
            let Some(offsets) = spans.offsets.as_ref().map(|offsets| offsets[index].clone()) else {
                return Word { index, word, offsets: None, is_subword: false };
            };
            let there = slice(offsets.clone());
            if Some(id) == self.unknown() {
                return Word { index, word: there.into(), offsets: Some(offsets), is_subword: false };
            }
            let is_subword = match self.marks_subwords() {
                true => word.chars().count() != there.chars().count(),
                // No space before it.
                false => offsets.start > 0 && !slice(offsets.start - 1..offsets.start + 1).contains(' '),
            };
            Word { index, word, offsets: Some(offsets), is_subword }
        };
        encoding.ids.iter().enumerate().filter(|(index, _)| !spans.special[*index]).map(word).collect()
    }
}
