//! What moved an answer: each token, word and sentence of a text left out, in as few batches as all of them fill.

use super::{Classifier, Request, Task};
use crate::error::{Error, Result};
use crate::output::{AnswerWithout, Array, ExplainedPart, ExplainedToken, Explanation};
use crate::text::{Encoding, Text};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// A word or a sentence: which of the texts it is a part of, and its bytes there.
type Part = (usize, Range<usize>);

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
        let (text, encoder) = (text.into(), &self.0.encoder);
        let whole = encoder.encode(0, text)?;
        let texts = match text {
            Text::Single(first) => vec![first],
            Text::Pair(first, second) => vec![first, second],
        };
        let words =
            parts(&texts, |text| text.unicode_word_indices().map(|(start, word)| start..start + word.len()).collect());
        let sentences = parts(&texts, |text| {
            let sentences = text.split_sentence_bound_indices().filter(|(_, sentence)| !sentence.trim().is_empty());
            sentences.map(|(start, sentence)| start..start + sentence.trim_end().len()).collect()
        });
        let special = self.special_ids(text)?;
        let own: Vec<usize> = (0..whole.ids.len()).filter(|place| !special.contains(&whole.ids[*place])).collect();

        let mut encodings = vec![whole.clone()];
        encodings.extend(own.iter().map(|place| without_token(&whole, *place)));
        let rests: Vec<(usize, String)> =
            words.iter().chain(&sentences).map(|(index, place)| (*index, without(texts[*index], place))).collect();
        let rests: Vec<Text<'_>> = rests
            .iter()
            .map(|(index, rest)| match (text, index) {
                (Text::Single(_), _) => Text::Single(rest),
                (Text::Pair(_, second), 0) => Text::Pair(rest, second),
                (Text::Pair(first, _), _) => Text::Pair(first, rest),
            })
            .collect();
        let without_part = |error| match error {
            Error::Text { message, .. } => Error::Text { index: 0, message: format!("without a part {message}") },
            error => error,
        };
        encodings.extend(encoder.encode_every(&rests).map_err(without_part)?);
        let of_text = |error| match error {
            error @ Error::Text { index: 1.., .. } => without_part(error),
            error => error,
        };
        let attentions = match attentions {
            true => self.run_async(&encodings[..1], &Request::default().attentions(true)).await?.attentions,
            false => None,
        };
        let output = self.run_async(&encodings, &Request::default()).await.map_err(of_text)?;
        let answer = output.text(0).expect("it is the first");
        let mut rest = (1..).map(|place| AnswerWithout::new(answer.scores(), output.text(place).expect("it was run")));
        let mut without = || rest.next().expect("there is one for each part");

        let mut tokens: Vec<ExplainedToken> = Vec::new();
        for (place, id) in whole.ids.iter().enumerate() {
            let token = encoder.tokenizer().token(*id).unwrap_or_default();
            tokens.push(ExplainedToken { token, without: own.contains(&place).then(&mut without) });
        }
        let mut explained = |(index, place): Part| {
            let text = texts[index];
            let start = text[..place.start].chars().count();
            let characters = start..start + text[place.clone()].chars().count();
            ExplainedPart { text: text[place].into(), index, place: characters, without: without() }
        };
        Ok(Explanation {
            labels: output.labels.clone(),
            argmax: answer.argmax(),
            logits: answer.logits().to_vec(),
            scores: answer.scores().to_vec(),
            truncated: answer.truncated(),
            texts: texts.iter().copied().map(String::from).collect(),
            tokens,
            words: words.into_iter().map(&mut explained).collect(),
            sentences: sentences.into_iter().map(&mut explained).collect(),
            passes: encodings.len() + usize::from(attentions.is_some()),
            attentions: attentions.and_then(|mut each| each.pop()) as Option<Array>,
        })
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

/// What `find` finds in each text.
fn parts(texts: &[&str], find: impl Fn(&str) -> Vec<Range<usize>>) -> Vec<Part> {
    texts.iter().enumerate().flat_map(|(index, text)| find(text).into_iter().map(move |place| (index, place))).collect()
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
