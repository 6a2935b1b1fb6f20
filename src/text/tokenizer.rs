//! One text -> its tokens.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use tokenizers::{Encoding as Tokens, ModelWrapper, TruncationDirection};

use super::added::Tokens as Named;
use super::class::Transformers;
use super::codes::{self, Codes};
use super::library::{Library, guarded, slice};
use super::node::Node;
use super::settings::Settings;
use super::{Encoding, Spans, Text, Truncation, bounds, files};
use crate::{Error, Result};

/// What the model's tables can hold; every [`Encoding`] respects them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest text in tokens, special tokens included: the model's positions, or fewer.
    pub max_length: usize,
    /// Rows of the table of words.
    pub vocabulary: usize,
    /// Rows of the table of types. With 0 or 1 every type id is 0, whatever the tokenizer says: transformers' own
    /// tokenizers of such models do not produce type ids.
    pub types: usize,
}

impl Limits {
    /// What of an encoding the model's tables do not have: not every [`Encoding`] comes from this model's tokenizer.
    pub(crate) fn check(&self, encoding: &Encoding) -> Result<(), String> {
        let Limits { max_length, vocabulary, types } = *self;
        let Encoding { ids, type_ids, spans, .. } = encoding;
        if ids.is_empty() || ids.len() > max_length {
            return Err(format!("it has {} tokens, the model takes 1 to {max_length}", ids.len()));
        }
        if ids.len() != type_ids.len() {
            return Err(format!("it has {} ids, but {} type ids", ids.len(), type_ids.len()));
        }
        let placed = |spans: &Spans| spans.offsets.as_ref().is_none_or(|offsets| offsets.len() == ids.len());
        if let Some(spans) = spans.as_deref().filter(|spans| spans.special.len() != ids.len() || !placed(spans)) {
            return Err(format!("it has {} ids, but spans of {}", ids.len(), spans.special.len()));
        }
        let beyond = |ids: &[u32], rows: usize| ids.iter().copied().max().filter(|&id| id as usize >= rows);
        match (beyond(ids, vocabulary), beyond(type_ids, types.max(1))) {
            (Some(id), _) => Err(format!("it has the id {id}, but the model's table has {vocabulary} rows")),
            (_, Some(id)) => Err(format!("it has the type id {id}, but the model's table has {types} rows")),
            (None, None) => Ok(()),
        }
    }
}

/// Text -> ids, as the checkpoint's tokenizer in transformers does it.
#[derive(Clone)]
pub struct Tokenizer {
    inner: Inner,
    /// Special tokens added to a single text and to a pair.
    special: [usize; 2],
    max_length: Option<usize>,
    side: TruncationDirection,
    /// Whether transformers would hand this tokenizer's type ids to the model.
    types: bool,
    class: &'static str,
    version: Transformers,
}

#[derive(Clone)]
enum Inner {
    Library(Box<Library>),
    /// A class that transformers has in Python only.
    Codes(Arc<Codes>),
}

impl Tokenizer {
    /// Finishes a tokenizer: what `tokenizer_config.json` decides, and what `encode` relies on.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the configuration has fields of the wrong type, or the post-processor cannot be run.
    pub(super) fn new(settings: &Settings, mut inner: tokenizers::Tokenizer, named: &Named) -> Result<Tokenizer> {
        let path = &settings.path;
        bounds::check_model(path, inner.get_model())?;
        let stored = inner.get_truncation().map(|stored| stored.direction);
        // Batches are packed, and `encode` truncates: stored settings of either would apply twice.
        inner.with_padding(None);
        let cleared = guarded(|| inner.with_truncation(None).map(|_| ()));
        cleared.map_err(|message| Error::malformed(path, message))?;
        inner.set_encode_special_tokens(settings.flag("split_special_tokens", false)?);
        let unknown = named.text("unk_token").and_then(|token| inner.token_to_id(token));
        let library = Library::new(inner, settings.version, unknown);
        // What the post-processor adds is measured, not asked: a template may name tokens that it does not define.
        let added = |second: Option<Tokens>| {
            library
                .post_process(Tokens::default(), second)
                .map(|encoding| encoding.len())
                .map_err(|message| Error::malformed(path, format!("the post-processor fails: {message}")))
        };
        let special = [added(None)?, added(Some(Tokens::default()))?];
        Tokenizer::with(settings, Inner::Library(Box::new(library)), special, stored.unwrap_or_default())
    }

    /// One of the classes that are Python.
    pub(super) fn of_codes(settings: &Settings, codes: Codes) -> Result<Tokenizer> {
        Tokenizer::with(settings, Inner::Codes(Arc::new(codes)), Codes::SPECIAL, TruncationDirection::Right)
    }

    fn with(settings: &Settings, inner: Inner, special: [usize; 2], stored: TruncationDirection) -> Result<Tokenizer> {
        let Settings { version, class, config, .. } = settings;
        let config_path = settings.config_path();
        let side = match config.get("truncation_side").as_str() {
            Some("left") => TruncationDirection::Left,
            Some("right") => TruncationDirection::Right,
            Some(other) => {
                let message = format!("truncation_side is {other:?}, neither left nor right");
                return Err(Error::malformed(&config_path, message));
            }
            None => stored,
        };
        // transformers drops the type ids where the tokenizer does not list them as an input of the model.
        let types = match config.get("model_input_names") {
            Node::List(names) => names.iter().any(|name| name.as_str() == Some("token_type_ids")),
            _ => class.types(*version),
        };
        let max_length = files::max_length(&config_path, config)?;
        Ok(Tokenizer { inner, special, max_length, side, types, class: class.name, version: *version })
    }

    /// The class of transformers whose rules it follows, without `Fast`.
    pub fn class(&self) -> &'static str {
        self.class
    }

    /// The version of transformers that is meant where they differ.
    pub fn transformers(&self) -> Transformers {
        self.version
    }

    /// The checkpoint's own limit in tokens, `model_max_length` of `tokenizer_config.json`; none where it is absent or
    /// transformers' 1e30. The model's positions may allow fewer.
    pub fn max_length(&self) -> Option<usize> {
        self.max_length
    }

    /// How it splits words: `WordPiece`, `BPE`, `Unigram` or `WordLevel`.
    pub fn kind(&self) -> &'static str {
        let Inner::Library(library) = &self.inner else { return "BPE" };
        match library.inner.get_model() {
            ModelWrapper::BPE(_) => "BPE",
            ModelWrapper::WordPiece(_) => "WordPiece",
            ModelWrapper::WordLevel(_) => "WordLevel",
            ModelWrapper::Unigram(_) => "Unigram",
        }
    }

    /// Whether transformers' pipeline takes an empty second text for one: classes that are Python do (`prepare_for_model`
    /// asks `is not None`), the others do not (`if text_pair`).
    pub(super) fn takes_empty_pairs(&self) -> bool {
        matches!(self.inner, Inner::Codes(_))
    }

    /// How many tokens there are, added ones included.
    pub fn vocabulary(&self) -> usize {
        match &self.inner {
            Inner::Library(library) => library.inner.get_vocab_size(true),
            Inner::Codes(codes) => codes.len(),
        }
    }

    /// The token of an id, if the tokenizer has one.
    pub fn token(&self, id: u32) -> Option<String> {
        match &self.inner {
            Inner::Library(library) => library.token(id),
            Inner::Codes(codes) => codes.token(id),
        }
    }

    /// Whether it says where its tokens stand in a text; classes that are Python do not.
    pub fn has_offsets(&self) -> bool {
        matches!(self.inner, Inner::Library(..))
    }

    /// Whether tokens that go on a word are marked.
    pub(super) fn marks_subwords(&self) -> bool {
        matches!(&self.inner, Inner::Library(library) if library.subword_prefix().is_some())
    }

    /// The id of `unk_token`, where there is one and offsets are known.
    pub(super) fn unknown(&self) -> Option<u32> {
        match &self.inner {
            Inner::Library(library) => library.unknown,
            Inner::Codes(_) => None,
        }
    }

    /// Tokens as a text: transformers' `convert_tokens_to_string`.
    ///
    /// # Errors
    /// Why the library's decoder fails, which a `tokenizer.json` may describe in any way.
    pub fn join(&self, tokens: Vec<String>) -> Result<String, String> {
        match &self.inner {
            Inner::Library(library) => library.join(tokens),
            Inner::Codes(_) => Ok(tokens.join(" ").replace("@@ ", "").trim_matches(codes::is_space).to_owned()),
        }
    }

    /// The tokens of one text, within `limits`; `index` names the text in errors.
    ///
    /// Time and memory are linear in the text's length.
    ///
    /// # Errors
    /// [`Error::Text`]: the text is too long and `truncation` is [`Truncation::Refuse`]; `max_length` leaves no room for
    /// the special tokens; there are no tokens at all; the tokenizer fails, or produces an id or a type that the model's
    /// tables do not have.
    pub fn encode(&self, index: usize, text: Text<'_>, limits: &Limits, truncation: Truncation) -> Result<Encoding> {
        self.try_encode(text, limits, truncation, false).map_err(|message| Error::Text { index, message })
    }

    /// [`Tokenizer::encode`] of a single text, with [`Encoding::spans`].
    ///
    /// # Errors
    /// Those of [`Tokenizer::encode`].
    pub fn encode_spans(&self, index: usize, text: &str, limits: &Limits, truncation: Truncation) -> Result<Encoding> {
        self.try_encode(Text::Single(text), limits, truncation, true).map_err(|message| Error::Text { index, message })
    }

    fn try_encode(
        &self,
        text: Text<'_>,
        limits: &Limits,
        truncation: Truncation,
        spans: bool,
    ) -> Result<Encoding, String> {
        let (first, second) = match text {
            Text::Single(first) => (first, None),
            Text::Pair(first, second) => (first, Some(second)),
        };
        let special = self.special[usize::from(second.is_some())];
        let Limits { max_length, vocabulary, types } = *limits;
        let budget = max_length.checked_sub(special).ok_or_else(|| {
            format!("a maximum length of {max_length} tokens has no room for the {special} special tokens")
        })?;

        let refused = |lengths: [usize; 2]| {
            let length = lengths[0] + lengths[1] + special;
            format!("it has {length} tokens, the model takes {max_length}")
        };
        let (ids, type_ids, truncated, spans) = match &self.inner {
            Inner::Library(library) => {
                let source = first;
                let mut first = library.tokens(first, 0, spans)?;
                let mut second = second.map(|second| library.tokens(second, 1, spans)).transpose()?;
                let lengths = [first.len(), second.as_ref().map_or(0, Tokens::len)];
                let truncated = lengths[0] + lengths[1] > budget;
                if truncated && truncation == Truncation::Refuse {
                    return Err(refused(lengths));
                }
                if truncated {
                    let kept = longest_first(lengths, budget);
                    first = slice(&first, self.kept(lengths[0], kept[0]));
                    second = second.map(|second| slice(&second, self.kept(lengths[1], kept[1])));
                }
                let tokens = library.post_process(first, second)?;
                let spans = spans.then(|| Spans::of_library(source, &tokens));
                (tokens.get_ids().to_vec(), tokens.get_type_ids().to_vec(), truncated, spans)
            }
            Inner::Codes(codes) => {
                let source = first;
                let first = codes.encode(first)?;
                let second = second.map(|second| codes.encode(second)).transpose()?;
                let lengths = [first.len(), second.as_ref().map_or(0, Vec::len)];
                let truncated = lengths[0] + lengths[1] > budget;
                if truncated && truncation == Truncation::Refuse {
                    return Err(refused(lengths));
                }
                let kept = if truncated { longest_first_in_python(lengths, budget) } else { lengths };
                let second = second.as_ref().map(|second| &second[self.kept(lengths[1], kept[1])]);
                let ids = codes.join(&first[self.kept(lengths[0], kept[0])], second);
                let type_ids = vec![0; ids.len()];
                let spans = spans.then(|| Spans::of_python(source, ids.len()));
                (ids, type_ids, truncated, spans)
            }
        };
        if ids.is_empty() {
            return Err("it has no tokens, and the tokenizer adds no special ones".into());
        }
        if ids.len() > max_length {
            let length = ids.len();
            return Err(format!("the post-processor repeats tokens: {length} instead of {max_length}"));
        }
        if let Some(place) = ids.iter().position(|&id| id as usize >= vocabulary) {
            // The fast encoding leaves the tokens' own strings empty.
            let (id, token) = (ids[place], self.token(ids[place]).unwrap_or_default());
            return Err(format!(
                "the tokenizer gives token {token:?} the id {id}, but the model's table has {vocabulary} rows; \
                 do tokenizer and model belong together?"
            ));
        }
        let type_ids = if types <= 1 || !self.types { vec![0; ids.len()] } else { type_ids };
        if let Some(id) = type_ids.iter().find(|&&id| id as usize >= types.max(1)) {
            return Err(format!("the tokenizer gives type id {id}, but the model's table has {types} rows"));
        }
        Ok(Encoding { ids, type_ids, truncated, spans: spans.map(Arc::new) })
    }

    fn kept(&self, length: usize, kept: usize) -> Range<usize> {
        match self.side {
            TruncationDirection::Right => 0..kept,
            TruncationDirection::Left => length - kept..length,
        }
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the vocabulary, which is tens of thousands of lines.
        let mut debug = formatter.debug_struct("Tokenizer");
        debug.field("class", &self.class).field("version", &self.version);
        debug.field("max_length", &self.max_length).field("special", &self.special);
        debug.finish_non_exhaustive()
    }
}

/// How many tokens of two texts to keep when together they exceed `budget`: the longer one is cut down to the shorter
/// one, then both; an odd token goes to the longer, to the second of equals.
///
/// The rule of `truncate_encodings` in the Rust tokenizers (the slow Python ones round differently). It is done here,
/// and not by the library, because the library also builds every cut-off part, and pairs each of the first text with
/// each of the second.
fn longest_first([first, second]: [usize; 2], budget: usize) -> [usize; 2] {
    let shorter = first.min(second).min(budget / 2);
    let longer = budget - shorter;
    if first > second { [longer, shorter] } else { [shorter, longer] }
}

/// The same of the tokenizers in Python (`truncate_sequences`): of the odd token the second text loses it.
fn longest_first_in_python([first, second]: [usize; 2], budget: usize) -> [usize; 2] {
    let cut = first + second - budget;
    let longer = first.abs_diff(second).min(cut);
    let both = cut - longer;
    let (from_first, from_second) =
        if first > second { (longer + both / 2, both - both / 2) } else { (both / 2, longer + both - both / 2) };
    [first.saturating_sub(from_first), second.saturating_sub(from_second)]
}

#[cfg(test)]
mod tests {
    use super::{longest_first, longest_first_in_python};
    use proptest::prelude::*;

    /// The lengths that `truncate_sequences` of 4.57.6 leaves.
    #[test]
    fn python_cuts_the_second_text_first() {
        for (lengths, budget, kept) in [
            ([5, 5], 9, [5, 4]),
            ([8, 3], 8, [5, 3]),
            ([8, 3], 5, [3, 2]),
            ([3, 8], 5, [3, 2]),
            ([4, 5], 7, [4, 3]),
            ([9, 0], 4, [4, 0]),
        ] {
            assert_eq!(longest_first_in_python(lengths, budget), kept, "{lengths:?} {budget}");
        }
    }

    proptest! {
        /// Against the definition: drop tokens one by one, always from the longer text.
        #[test]
        fn the_longer_text_is_cut_first(first in 0usize..60, second in 0usize..60, cut in 1usize..60) {
            let total = first + second;
            prop_assume!(cut <= total);
            let kept = longest_first([first, second], total - cut);
            let mut expected = [first, second];
            for _ in 0..cut {
                let longer = usize::from(expected[1] > expected[0]);
                expected[longer] -= 1;
            }
            prop_assert_eq!(kept[0] + kept[1], total - cut);
            // The two agree but for who gets the odd token.
            prop_assert!(kept[0].abs_diff(expected[0]) <= 1, "{:?} {:?}", kept, expected);
            prop_assert!(kept[0] <= first && kept[1] <= second);
        }
    }
}
