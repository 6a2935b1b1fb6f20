//! Texts -> tokens on the threads of the machine, apart from the classifier that will run them.

use super::tokenizer::only;
use super::{Encoding, Limits, PairTruncation, Sequence, Text, Tokenizer, Truncation};
use crate::{Error, Result};
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Texts that a thread takes at a time, and that are worth its start.
const BLOCK: usize = 64;

const PAIR_OF_TOKENS: &str = "it is a pair, but the tokens of a single text are what the model classifies";

/// The tokens of texts, as a classifier reads them: its tokenizer, what its tables can hold, and what becomes of long texts.
///
/// A call to a classifier tokenises its texts itself. A program with threads of its own takes an encoder out
/// of it ([`Classifier::encoder`](crate::Classifier::encoder)), which is cheap to clone, and prepares the next texts while
/// the device computes:
///
/// ```
/// # #[cfg(feature = "embedded")] {
/// use std::sync::mpsc::sync_channel;
/// use wgbert::{Classifier, Request, Text};
///
/// let classifier = Classifier::sentiment()?;
/// let encoder = classifier.encoder();
/// let (sender, chunks) = sync_channel(0);
/// std::thread::spawn(move || {
///     for chunk in [["It was good."], ["It was not."]] {
///         let encodings = encoder.encode_all(&chunk.map(Text::from)).into_iter().collect::<Result<Vec<_>, _>>();
///         if sender.send(encodings).is_err() {
///             break;
///         }
///     }
/// });
/// for encodings in chunks {
///     let output = classifier.run(&encodings?, &Request::default())?;
///     println!("{:?}", output.text(0).unwrap().label());
/// }
/// # }
/// # Ok::<(), wgbert::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TextEncoder {
    tokenizer: Arc<Tokenizer>,
    limits: Limits,
    truncation: Truncation,
    pairs: PairTruncation,
    /// What stands before each text, or before the first of a pair.
    prompt: Option<Arc<str>>,
    /// Whether encodings say where their tokens stand.
    spans: bool,
}

impl TextEncoder {
    pub(crate) fn new(
        tokenizer: Tokenizer,
        limits: Limits,
        truncation: Truncation,
        pairs: PairTruncation,
    ) -> TextEncoder {
        TextEncoder { tokenizer: Arc::new(tokenizer), limits, truncation, pairs, prompt: None, spans: false }
    }

    /// Puts the prompt of a cross-encoder before each text, and of a pair before the first (sentence_transformers/base/
    /// modality.py, `prepend_prompt_to_texts`).
    pub(crate) fn with_prompt(self, prompt: Option<&str>) -> TextEncoder {
        TextEncoder { prompt: prompt.map(Arc::from), ..self }
    }

    /// Cuts pairs that are too long in another way.
    pub(crate) fn with_pairs(self, pairs: PairTruncation) -> TextEncoder {
        TextEncoder { pairs, ..self }
    }

    /// For a classifier of tokens: every [`Encoding`] has [`Encoding::spans`], and there are no pairs.
    pub(crate) fn with_spans(self) -> TextEncoder {
        TextEncoder { spans: true, ..self }
    }

    /// What encodes.
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// What the model's tables can hold.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A row with a first and perhaps a second text, as transformers' text-classification pipeline takes it: where its
    /// tokenizer is the Rust library an empty second text is none (`_encode_plus` of tokenization_utils_fast.py in 4.57, of
    /// tokenization_utils_tokenizers.py in 5, makes a pair of a single text only `if text_pair`), where it is Python
    /// (BERTweet's, PhoBERT's) it makes a pair (`is not None`). White space is a text.
    pub fn row<'a>(&self, text: &'a str, text_pair: Option<&'a str>) -> Text<'a> {
        match text_pair {
            Some(pair) if !pair.is_empty() || self.tokenizer.takes_empty_pairs() => Text::Pair(text, pair),
            _ => Text::Single(text),
        }
    }

    /// The tokens of one text; `index` names it in errors.
    ///
    /// # Errors
    /// [`Error::Text`](crate::Error::Text) if the text is too long and [`Truncation::Refuse`] was chosen, or
    /// [`Truncation::Windows`], which [`TextEncoder::encode_windows`] makes; has an id outside the table; is a pair and its
    /// tokens are what is classified, or the text that is not to be cut leaves no room for the other ([`PairTruncation`]).
    pub fn encode<'a>(&self, index: usize, text: impl Into<Text<'a>>) -> Result<Encoding> {
        only(index, self.encode_windows(index, text)?)
    }

    /// The encodings of one text, at least one: its windows where it is too long and [`Truncation::Windows`] was chosen, else
    /// what [`TextEncoder::encode`] gives.
    ///
    /// # Errors
    /// Those of [`TextEncoder::encode`]; and [`Error::Text`](crate::Error::Text) if of a pair the text that is not split
    /// leaves the windows no more tokens than they are to share.
    pub fn encode_windows<'a>(&self, index: usize, text: impl Into<Text<'a>>) -> Result<Vec<Encoding>> {
        let TextEncoder { tokenizer, limits, truncation, pairs, .. } = self;
        let text = text.into();
        if self.spans {
            let Text::Single(text) = text else {
                return Err(Error::Text { index, message: PAIR_OF_TOKENS.into() });
            };
            return Ok(vec![tokenizer.encode_spans(index, text, limits, *truncation)?]);
        }
        let (Some(prompt), Text::Single(first) | Text::Pair(first, _)) = (&self.prompt, text) else {
            return tokenizer.encode_windows(index, text, limits, *truncation, *pairs);
        };
        let first = format!("{prompt}{first}");
        let text = match text {
            Text::Single(_) => Text::Single(&first),
            Text::Pair(_, second) => Text::Pair(&first, second),
        };
        tokenizer.encode_windows(index, text, limits, *truncation, *pairs)
    }

    /// The tokens of a text that is the first of pairs, made once for all of them; `index` names it in errors.
    ///
    /// # Errors
    /// [`Error::Text`](crate::Error::Text) if the tokenizer fails.
    pub fn first_of_pairs(&self, index: usize, text: &str) -> Result<Sequence> {
        let sequence = match &self.prompt {
            Some(prompt) => self.tokenizer.sequence(&format!("{prompt}{text}")),
            None => self.tokenizer.sequence(text),
        };
        sequence.map_err(|message| Error::Text { index, message })
    }

    /// The tokens of a text that is the second of pairs, as [`TextEncoder::first_of_pairs`].
    ///
    /// # Errors
    /// Those of [`TextEncoder::first_of_pairs`].
    pub fn second_of_pairs(&self, index: usize, text: &str) -> Result<Sequence> {
        self.tokenizer.sequence(text).map_err(|message| Error::Text { index, message })
    }

    /// The encodings of a pair, of the tokens of its texts: those of [`TextEncoder::encode_windows`].
    ///
    /// # Errors
    /// Those of [`TextEncoder::encode_windows`].
    pub fn encode_pair(&self, index: usize, first: &Sequence, second: &Sequence) -> Result<Vec<Encoding>> {
        let TextEncoder { tokenizer, limits, truncation, pairs, .. } = self;
        if self.spans {
            return Err(Error::Text { index, message: PAIR_OF_TOKENS.into() });
        }
        let encodings = tokenizer.assemble(first, Some(second), limits, tokenizer.cut(*truncation, *pairs));
        encodings.map_err(|message| Error::Text { index, message })
    }

    /// The tokens of each text, in their order, or why it has none: as [`TextEncoder::encode`] with the text's place, on as
    /// many threads as the machine has and the texts are worth. The caller waits for them.
    pub fn encode_all(&self, texts: &[Text<'_>]) -> Vec<Result<Encoding>> {
        on_threads(texts, |index, text| self.encode(index, *text))
    }

    /// The encodings of each text, in their order, or why it has none: [`TextEncoder::encode_windows`] as
    /// [`TextEncoder::encode_all`] does it. [`Classifier::run_windows`](crate::Classifier::run_windows) takes them.
    pub fn encode_windows_all(&self, texts: &[Text<'_>]) -> Vec<Result<Vec<Encoding>>> {
        on_threads(texts, |index, text| self.encode_windows(index, *text))
    }

    /// [`TextEncoder::encode_all`] up to the first text that fails.
    pub(crate) fn encode_every(&self, texts: &[Text<'_>]) -> Result<Vec<Encoding>> {
        self.encode_all(texts).into_iter().collect()
    }
}

/// What `each` makes of every text and its place, in their order, on as many threads as the texts are worth.
pub(crate) fn on_threads<I: Sync, T: Send>(texts: &[I], each: impl Fn(usize, &I) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(texts.len().div_ceil(BLOCK));
    // Blocks as the threads come for them: long texts may stand together.
    let next = AtomicUsize::new(0);
    let work = || {
        let block = || {
            let first = next.fetch_add(BLOCK, Ordering::Relaxed);
            (first < texts.len()).then(|| (first, &texts[first..texts.len().min(first + BLOCK)]))
        };
        let encode =
            |first, texts: &[I]| -> Vec<_> { (first..).zip(texts).map(|(index, text)| each(index, text)).collect() };
        std::iter::from_fn(block).map(|(first, texts)| (first, encode(first, texts))).collect::<Vec<_>>()
    };
    let mut blocks = thread::scope(|scope| {
        // This thread works too: one text starts no thread, and a system that gives none still answers.
        let start = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..threads).filter_map(start).collect();
        let own = work();
        let others = others.into_iter().flat_map(|other| other.join().expect("the tokenizer's panics are errors"));
        own.into_iter().chain(others).collect::<Vec<_>>()
    });
    blocks.sort_unstable_by_key(|(first, _)| *first);
    blocks.into_iter().flat_map(|(_, encodings)| encodings).collect()
}
