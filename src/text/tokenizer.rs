//! One text -> its tokens.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use tokenizers::{Encoding as Tokens, ModelWrapper, TruncationDirection};

use super::added::Tokens as Named;
use super::class::Transformers;
use super::codes::{self, Codes};
use super::cut::{self, Cut, Lengths};
use super::library::{Library, guarded, slice};
use super::node::Node;
use super::settings::Settings;
use super::{Encoding, Limits, PairTruncation, Spans, Text, Truncation, bounds, files};
use crate::{Error, Result};

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

/// The tokens of a text alone, without special ones: made once, they are one side of any number of pairs
/// ([`TextEncoder::encode_pair`](super::TextEncoder::encode_pair)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence(Arc<[u32]>);

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

    /// The tokens of one text, within `limits`; `index` names the text in errors. A pair is cut by
    /// [`PairTruncation::LongestFirst`].
    ///
    /// Time and memory are linear in the text's length.
    ///
    /// # Errors
    /// [`Error::Text`]: the text is too long and `truncation` is [`Truncation::Refuse`], or it is
    /// [`Truncation::Windows`] and one encoding does not hold the text; `max_length` leaves no room for the special tokens;
    /// there are no tokens at all; the tokenizer fails, or produces an id or a type that the model's tables do not have.
    pub fn encode(&self, index: usize, text: Text<'_>, limits: &Limits, truncation: Truncation) -> Result<Encoding> {
        only(index, self.encode_windows(index, text, limits, truncation, PairTruncation::default())?)
    }

    /// The encodings of one text, at least one: more than that where `truncation` is [`Truncation::Windows`] and the text is
    /// longer than `limits` has it.
    ///
    /// # Errors
    /// Those of [`Tokenizer::encode`]; and [`Error::Text`] where of a pair the text that is not to be cut leaves no room for
    /// the other, or a window holds no more tokens than it is to share with the one before.
    pub fn encode_windows(
        &self,
        index: usize,
        text: Text<'_>,
        limits: &Limits,
        truncation: Truncation,
        pairs: PairTruncation,
    ) -> Result<Vec<Encoding>> {
        self.try_encode(text, limits, self.cut(truncation, pairs)).map_err(|message| Error::Text { index, message })
    }

    /// [`Tokenizer::encode`] of a single text, with [`Encoding::spans`].
    ///
    /// # Errors
    /// Those of [`Tokenizer::encode`].
    pub fn encode_spans(&self, index: usize, text: &str, limits: &Limits, truncation: Truncation) -> Result<Encoding> {
        let cut = self.cut(truncation, PairTruncation::default());
        let made = self.try_encode_spans(text, limits, cut);
        only(index, made.map_err(|message| Error::Text { index, message })?)
    }

    /// Tokens that it adds to a single text.
    pub(crate) fn special(&self) -> usize {
        self.special[0]
    }

    pub(super) fn cut(&self, truncation: Truncation, pairs: PairTruncation) -> Cut {
        Cut { truncation, pairs, side: self.side, python: matches!(self.inner, Inner::Codes(_)) }
    }

    fn try_encode(&self, text: Text<'_>, limits: &Limits, cut: Cut) -> Result<Vec<Encoding>, String> {
        let (first, second) = match text {
            Text::Single(first) => (first, None),
            Text::Pair(first, second) => (first, Some(second)),
        };
        // Said of a text however long it is, and so before its tokens are made.
        self.check_room(second.is_some(), limits, cut)?;
        let first = self.sequence(first)?;
        let second = second.map(|second| self.sequence(second)).transpose()?;
        self.assemble(&first, second.as_ref(), limits, cut)
    }

    /// The tokens of a text alone, before special ones are added and any is cut.
    pub(super) fn sequence(&self, text: &str) -> Result<Sequence, String> {
        Ok(Sequence(match &self.inner {
            Inner::Library(library) => library.ids(text)?.into(),
            Inner::Codes(codes) => codes.encode(text)?.into(),
        }))
    }

    /// The encodings of a text, or of a pair, of its tokens: transformers' `prepare_for_model`.
    pub(super) fn assemble(
        &self,
        first: &Sequence,
        second: Option<&Sequence>,
        limits: &Limits,
        cut: Cut,
    ) -> Result<Vec<Encoding>, String> {
        self.check_room(second.is_some(), limits, cut)?;
        let lengths =
            self.lengths([first.0.len(), second.map_or(0, |second| second.0.len())], second.is_some(), limits);
        let finish = |[one, other]: [Range<usize>; 2]| {
            let (first, second) = (&first.0[one], second.map(|second| &second.0[other]));
            let (ids, type_ids) = match &self.inner {
                Inner::Library(library) => library.assemble(first, second)?,
                Inner::Codes(codes) => {
                    let ids = codes.join(first, second);
                    let type_ids = vec![0; ids.len()];
                    (ids, type_ids)
                }
            };
            self.finish(ids, type_ids, None, &lengths, limits, cut)
        };
        cut.parts(&lengths)?.into_iter().map(finish).collect()
    }

    /// The encoding of a single text with [`Encoding::spans`].
    fn try_encode_spans(&self, text: &str, limits: &Limits, cut: Cut) -> Result<Vec<Encoding>, String> {
        let Inner::Library(library) = &self.inner else {
            let mut encodings = self.try_encode(Text::Single(text), limits, cut)?;
            for encoding in &mut encodings {
                encoding.spans = Some(Arc::new(Spans::of_python(text, encoding.ids.len())));
            }
            return Ok(encodings);
        };
        self.check_room(false, limits, cut)?;
        let tokens = library.tokens(text)?;
        let lengths = self.lengths([tokens.len(), 0], false, limits);
        let finish = |[one, _]: [Range<usize>; 2]| {
            let tokens = library.post_process(slice(&tokens, one), None)?;
            let spans = Spans::of_library(text, &tokens);
            let (ids, type_ids) = (tokens.get_ids().to_vec(), tokens.get_type_ids().to_vec());
            self.finish(ids, type_ids, Some(spans), &lengths, limits, cut)
        };
        cut.parts(&lengths)?.into_iter().map(finish).collect()
    }

    /// What is refused whatever the text.
    fn check_room(&self, is_pair: bool, limits: &Limits, cut: Cut) -> Result<(), String> {
        let (special, max_length) = (self.special[usize::from(is_pair)], limits.max_length);
        if max_length < special {
            return Err(format!(
                "a maximum length of {max_length} tokens has no room for the {special} special tokens"
            ));
        }
        // As transformers, which asks for the room of a single text.
        let room = max_length.saturating_sub(self.special[0]);
        match cut.truncation {
            Truncation::Windows { stride } if stride > room => Err(cut::too_little(room, stride)),
            _ => Ok(()),
        }
    }

    fn lengths(&self, texts: [usize; 2], is_pair: bool, limits: &Limits) -> Lengths {
        Lengths { texts, special: self.special[usize::from(is_pair)], max_length: limits.max_length, is_pair }
    }

    fn finish(
        &self,
        ids: Vec<u32>,
        type_ids: Vec<u32>,
        spans: Option<Spans>,
        lengths: &Lengths,
        limits: &Limits,
        cut: Cut,
    ) -> Result<Encoding, String> {
        let untruncated = lengths.total();
        let truncated = untruncated > limits.max_length && !matches!(cut.truncation, Truncation::Windows { .. });
        let type_ids = self.checked(&ids, type_ids, limits)?;
        Ok(Encoding { ids, type_ids, truncated, untruncated, spans: spans.map(Arc::new) })
    }

    /// The type ids as the model takes them, once it is known that its tables have the rows.
    fn checked(&self, ids: &[u32], type_ids: Vec<u32>, limits: &Limits) -> Result<Vec<u32>, String> {
        let Limits { max_length, vocabulary, types } = *limits;
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
        match type_ids.iter().find(|&&id| id as usize >= types.max(1)) {
            Some(id) => Err(format!("the tokenizer gives type id {id}, but the model's table has {types} rows")),
            None => Ok(type_ids),
        }
    }
}

/// The only encoding of a text.
pub(super) fn only(index: usize, mut encodings: Vec<Encoding>) -> Result<Encoding> {
    match (encodings.pop(), encodings.len()) {
        (Some(encoding), 0) => Ok(encoding),
        (_, others) => {
            let message = format!("it is split into {} windows: `encode_windows` gives them all", others + 1);
            Err(Error::Text { index, message })
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

#[cfg(test)]
#[path = "tokenizer_tests.rs"]
mod tests;
