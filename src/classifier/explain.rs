//! What moved an answer: each token, word and sentence of a text left out, in as few batches as all of them fill.

use super::{Classifier, Request, Task};
use crate::error::{Error, Result};
use crate::output::{AnswerWithout, ExplainedPart, ExplainedToken, Explanation};
use crate::text::{Encoding, Text, on_threads};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Bytes of a text without each of its parts that are read at most: far more than any model takes tokens.
const MOST_BYTES: usize = 1 << 30;

/// What can be left out of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartKind {
    Token,
    Word,
    Sentence,
}

/// A part of a text, or of both of a pair.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub kind: PartKind,
    /// Of a token, what the tokenizer calls it.
    pub text: String,
    /// Which of the texts it is a part of, and where it stands there, in characters; of a token its place in the encoding.
    pub index: usize,
    pub place: Range<usize>,
}

/// A text without each of its parts.
#[derive(Debug)]
pub(crate) struct LeftOut {
    pub parts: Vec<Part>,
    /// Of the whole text, and of what is left of it without each part.
    pub encodings: Vec<Encoding>,
}

impl Classifier {
    /// Says what moved the answer to a text or a pair: what the answer is without each of its tokens, words and sentences, all of
    /// which run in full batches.
    ///
    /// Words and sentences are Unicode's (UAX 29). The answer without one is that of [`Classifier::classify`] to the text without
    /// its characters, and without the white space behind them where some is left before them, to the bit; that without a token is [`Classifier::run`]'s to the encoding without it. Special tokens stay.
    ///
    /// # Errors
    /// [`Error::WrongTask`] if the model classifies tokens, [`Error::Text`] for a text that cannot be classified, is split into
    /// windows, or has no tokens left without a part, and the device's errors.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn explain<'a>(&self, text: impl Into<Text<'a>>, attentions: bool) -> Result<Explanation> {
        self.0.engine.block_on(self.explain_async(text, attentions))
    }

    /// [`Classifier::explain`] without blocking while the device computes, as [`Classifier::classify_async`].
    ///
    /// # Errors
    /// Those of [`Classifier::explain`].
    pub async fn explain_async<'a>(&self, text: impl Into<Text<'a>>, attentions: bool) -> Result<Explanation> {
        self.expect(Task::SequenceClassification)?;
        let text = text.into();
        let kinds = [PartKind::Token, PartKind::Word, PartKind::Sentence];
        let LeftOut { parts, encodings } = self.leave_out(&[text], &kinds).pop().expect("there is one text")?;
        let attentions = match attentions {
            true => self.run_async(&encodings[..1], &Request::default().attentions(true)).await?.attentions,
            false => None,
        };
        let of_text = |error| match error {
            error @ Error::Text { index: 1.., .. } => without_part(0)(error),
            error => error,
        };
        let output = self.run_async(&encodings, &Request::default()).await.map_err(of_text)?;
        let answer = output.text(0).expect("it is the first");
        let named = |id: &u32| self.0.encoder.tokenizer().token(*id).unwrap_or_default();
        let token = |id: &u32| ExplainedToken { token: named(id), without: None };
        let mut tokens: Vec<ExplainedToken> = encodings[0].ids.iter().map(token).collect();
        let (mut words, mut sentences) = (Vec::new(), Vec::new());
        for (part, run) in parts.into_iter().zip(1..) {
            let without = AnswerWithout::new(answer.scores(), output.text(run).expect("it was run"));
            let Part { kind, text, index, place } = part;
            match kind {
                PartKind::Token => tokens[place.start].without = Some(without),
                PartKind::Word => words.push(ExplainedPart { text, index, place, without }),
                PartKind::Sentence => sentences.push(ExplainedPart { text, index, place, without }),
            }
        }
        Ok(Explanation {
            labels: output.labels.clone(),
            argmax: answer.argmax(),
            logits: answer.logits().to_vec(),
            scores: answer.scores().to_vec(),
            truncated: answer.truncated(),
            texts: both(text).into_iter().map(String::from).collect(),
            tokens,
            words,
            sentences,
            passes: encodings.len() + usize::from(attentions.is_some()),
            attentions: attentions.and_then(|mut each| each.pop()),
        })
    }

    /// Each text, and what is left of it without each of its parts of these kinds, in their order.
    pub(crate) fn leave_out<'a>(&self, texts: &[Text<'a>], kinds: &[PartKind]) -> Vec<Result<LeftOut>> {
        let encoder = &self.0.encoder;
        let mut wholes = encoder.encode_all(texts);
        let written: Vec<PartKind> = kinds.iter().copied().filter(|kind| *kind != PartKind::Token).collect();
        // Of a text without an encoding nothing is left out.
        let find = |(index, whole): (usize, &mut Result<Encoding>)| -> Vec<Vec<Found<'a>>> {
            let kinds = written.iter().filter(|_| whole.is_ok());
            let found: Vec<Vec<Found<'a>>> = kinds.map(|kind| kind.find(texts[index])).collect();
            match refuse_many(&found) {
                Ok(()) => found,
                Err(message) => {
                    *whole = Err(Error::Text { index, message });
                    Vec::new()
                }
            }
        };
        let found: Vec<Vec<Vec<Found<'a>>>> = wholes.iter_mut().enumerate().map(find).collect();
        let all = texts.iter().zip(&found);
        let all: Vec<_> =
            all.flat_map(|(text, found)| found.iter().flatten().map(move |found| (*text, found))).collect();
        let encode = |index, (text, found): &(Text<'_>, &Found<'_>)| {
            encoder.encode(index, with(*text, found.index, &found.rest()))
        };
        let mut encoded = on_threads(&all, encode).into_iter();
        let mut left_out = Vec::new();
        for (index, (whole, found)) in wholes.into_iter().zip(found).enumerate() {
            // All of them, also behind one that failed: the next text's are behind them.
            let rests: Vec<Result<Encoding>> = encoded.by_ref().take(found.iter().flatten().count()).collect();
            let rests: Result<Vec<Encoding>> = rests.into_iter().collect();
            left_out.push(whole.and_then(|whole| {
                self.parts_of(texts[index], whole, found, rests.map_err(without_part(index))?, kinds)
            }));
        }
        left_out
    }

    /// A text whose words and sentences of these kinds were found, and what is left of it without each.
    fn parts_of(
        &self,
        text: Text<'_>,
        whole: Encoding,
        found: Vec<Vec<Found<'_>>>,
        rests: Vec<Encoding>,
        kinds: &[PartKind],
    ) -> Result<LeftOut> {
        let (mut parts, mut encodings) = (Vec::new(), vec![whole]);
        let (mut found, mut rests) = (found.into_iter(), rests.into_iter());
        for kind in kinds {
            if *kind == PartKind::Token {
                for place in self.own_tokens(text, &encodings[0])? {
                    let token = self.0.encoder.tokenizer().token(encodings[0].ids[place]);
                    let text = token.unwrap_or_default();
                    parts.push(Part { kind: *kind, text, index: 0, place: place..place + 1 });
                    encodings.push(without_token(&encodings[0], place));
                }
                continue;
            }
            let found = found.next().unwrap_or_default();
            encodings.extend(rests.by_ref().take(found.len()));
            parts.extend(found.iter().map(|found| found.part(*kind)));
        }
        Ok(LeftOut { parts, encodings })
    }

    /// Where the tokens stand that are the text's own.
    fn own_tokens(&self, text: Text<'_>, whole: &Encoding) -> Result<Vec<usize>> {
        let special = self.special_ids(text)?;
        Ok((0..whole.ids.len()).filter(|place| !special.contains(&whole.ids[*place])).collect())
    }

    /// The ids of the tokens that the tokenizer adds to a text, or to a pair, whatever is in it.
    fn special_ids(&self, text: Text<'_>) -> Result<Vec<u32>> {
        let nothing = match text {
            Text::Single(_) => Text::Single(""),
            Text::Pair(..) => Text::Pair("", ""),
        };
        // A prompt is a part of the first text.
        match self.0.encoder.clone().with_prompt(None).encode(0, nothing) {
            Ok(encoding) => Ok(encoding.ids),
            // It adds none.
            Err(Error::Text { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// A word or a sentence of one of the texts.
struct Found<'a> {
    text: &'a str,
    index: usize,
    /// Its bytes.
    place: Range<usize>,
}

impl PartKind {
    /// The words or sentences of a text, or of both of a pair.
    fn find(self, text: Text<'_>) -> Vec<Found<'_>> {
        let places = |text: &str| -> Vec<Range<usize>> {
            let whole = |(start, part): (usize, &str)| start..start + part.trim_end().len();
            match self {
                PartKind::Sentence => {
                    let sentences = text.split_sentence_bound_indices();
                    sentences.filter(|(_, sentence)| !sentence.trim().is_empty()).map(whole).collect()
                }
                _ => text.unicode_word_indices().map(whole).collect(),
            }
        };
        let of_text = |(index, text)| places(text).into_iter().map(move |place| Found { text, index, place });
        both(text).into_iter().enumerate().flat_map(of_text).collect()
    }
}

impl Found<'_> {
    fn rest(&self) -> String {
        without(self.text, &self.place)
    }

    fn part(&self, kind: PartKind) -> Part {
        let start = self.text[..self.place.start].chars().count();
        let text = &self.text[self.place.clone()];
        Part { kind, text: text.into(), index: self.index, place: start..start + text.chars().count() }
    }
}

/// Refuses to read a text more often than anybody would wait for.
fn refuse_many(found: &[Vec<Found<'_>>]) -> Result<(), String> {
    let (parts, bytes) =
        found.iter().flatten().fold((0, 0), |(parts, bytes), found| (parts + 1, bytes + found.text.len()));
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    Err(format!("it has {parts} parts, and without each of them {} MiB would be read; cut it first", bytes >> 20))
}

/// The text, or both of a pair.
fn both(text: Text<'_>) -> Vec<&str> {
    match text {
        Text::Single(first) => vec![first],
        Text::Pair(first, second) => vec![first, second],
    }
}

/// A text with another in the place of this one of its texts.
fn with<'a>(text: Text<'a>, index: usize, other: &'a str) -> Text<'a> {
    match (text, index) {
        (Text::Single(_), _) => Text::Single(other),
        (Text::Pair(_, second), 0) => Text::Pair(other, second),
        (Text::Pair(first, _), _) => Text::Pair(first, other),
    }
}

/// Says of an error that it is of what is left of this text.
fn without_part(index: usize) -> impl Fn(Error) -> Error {
    move |error| match error {
        Error::Text { message, .. } => Error::Text { index, message: format!("without a part {message}") },
        error => error,
    }
}

/// A text without some of its bytes, and without the white space behind them where there is some before them, or nothing.
fn without(text: &str, place: &Range<usize>) -> String {
    let (before, after) = (&text[..place.start], &text[place.end..]);
    let after = if before.is_empty() || before.ends_with(char::is_whitespace) { after.trim_start() } else { after };
    format!("{before}{after}")
}

fn without_token(whole: &Encoding, place: usize) -> Encoding {
    let mut rest = whole.clone();
    rest.ids.remove(place);
    rest.type_ids.remove(place);
    rest.untruncated -= 1;
    rest
}
