//! Stage 1: text -> tokens.
//!
//! A [`Tokenizer`] turns one [`Text`] into one [`Encoding`], the same ids as the fast tokenizer of transformers with
//! `truncation=True`, or a long one into several ([`Truncation::Windows`]), and a [`TextEncoder`] many of them on threads; the engine lays the tokens of many encodings end to end.
//! Nothing here knows a device, and nothing is padded.

mod added;
mod bounds;
mod build;
mod class;
mod codes;
mod cut;
mod encoder;
pub(crate) mod files;
mod library;
mod limits;
mod node;
mod settings;
mod spans;
mod special;
mod tokenizer;
mod tweet;
mod vocabulary;

pub use crate::panics::panics_are_errors;
pub use class::Transformers;
pub use cut::{PairTruncation, Truncation, Windows};
pub use encoder::TextEncoder;
pub(crate) use encoder::on_threads;
pub use limits::Limits;
pub use spans::Spans;
pub(crate) use spans::Word;
pub use tokenizer::{Sequence, Tokenizer};

use std::sync::Arc;

/// What is classified: a text, or two texts that the model reads together (a question and an answer, a premise and a
/// hypothesis).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Text<'a> {
    /// One text.
    Single(&'a str),
    /// Two texts, in this order.
    Pair(&'a str, &'a str),
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Text::Single(text)
    }
}

impl<'a> From<&'a String> for Text<'a> {
    fn from(text: &'a String) -> Self {
        Text::Single(text)
    }
}

impl<'a> From<(&'a str, &'a str)> for Text<'a> {
    fn from((first, second): (&'a str, &'a str)) -> Self {
        Text::Pair(first, second)
    }
}

impl<'a> From<&'a (String, String)> for Text<'a> {
    fn from((first, second): &'a (String, String)) -> Self {
        Text::Pair(first, second)
    }
}

/// The tokens of one text, special tokens included. `ids` and `type_ids` are equally long, and never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Rows of the table of words.
    pub ids: Vec<u32>,
    /// Rows of the table of types: of a pair, which of the two texts a token belongs to, as the model was trained.
    pub type_ids: Vec<u32>,
    /// Whether tokens were cut to respect [`Limits::max_length`]. Those of a window ([`Truncation::Windows`]) were not: the
    /// other windows have them.
    pub truncated: bool,
    /// Tokens that the text has when it is neither cut nor split, special tokens included.
    pub untruncated: usize,
    /// Where each token stands in its text, which classifiers of tokens ask for.
    pub spans: Option<Arc<Spans>>,
}

impl Encoding {
    /// All of a text's tokens, of which it is not known where they stand.
    pub fn new(ids: Vec<u32>, type_ids: Vec<u32>) -> Encoding {
        let untruncated = ids.len();
        Encoding { ids, type_ids, truncated: false, untruncated, spans: None }
    }

    /// The rows of the tables of words, types and positions that each token reads.
    ///
    /// A token's position is its place in its text; with `padding`, as RoBERTa has it, the number of tokens up to it that
    /// are not `padding`, plus `padding`, and for such a token `padding` itself (transformers
    /// models/roberta/modeling_roberta.py, `create_position_ids_from_input_ids`).
    pub(crate) fn rows(&self, padding: Option<u32>) -> impl Iterator<Item = [u32; 3]> + '_ {
        let mut counted = padding.map_or(0, |padding| padding + 1);
        self.ids.iter().zip(&self.type_ids).map(move |(&id, &type_id)| {
            let position = if Some(id) == padding { id } else { counted };
            counted += u32::from(Some(id) != padding);
            [id, type_id, position]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Encoding;

    #[test]
    fn roberta_counts_what_is_not_padding() {
        let encoding = Encoding::new(vec![0, 7, 1, 8, 1, 2], vec![0; 6]);
        let positions = |padding| encoding.rows(padding).map(|[_, _, position]| position).collect::<Vec<u32>>();
        assert_eq!(positions(Some(1)), [2, 3, 1, 4, 1, 5]);
        assert_eq!(positions(None), [0, 1, 2, 3, 4, 5]);
    }
}
