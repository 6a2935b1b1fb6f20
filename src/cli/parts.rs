//! Parts that are left out of rows: what moved the answer to each.

use super::asked::{Prepared, message};
use crate::classifier::{LeftOut, Part, PartKind};
use crate::rows::Content;
use crate::rows::write::{self, Answer};
use crate::{Classifier, SequenceClassifierOutput, Text};
use std::sync::Arc;

/// What is left out of rows, and what is looked at.
#[derive(Clone, Debug)]
pub struct Leaving {
    pub kind: PartKind,
    /// The label whose score is looked at; by default the best of each row.
    pub label: Option<usize>,
    /// Most parts that are written of a row.
    pub top: usize,
}

/// The parts of a row by how much they move the score of a label.
#[derive(Debug)]
pub struct Effects {
    labels: Arc<[String]>,
    pub label: usize,
    score: f32,
    tokens: usize,
    truncated: bool,
    /// The largest effect first, what is no number last.
    parts: Vec<Effect>,
    top: usize,
}

/// A part, and what its label scores without it.
#[derive(Debug)]
pub struct Effect {
    pub part: Part,
    /// How much more the label scores with it.
    pub effect: f32,
    without: f32,
}

impl Leaving {
    /// Rows as the model reads them: each whole, and without each part.
    pub fn prepare(&self, classifier: &Classifier, contents: &[&Content]) -> Vec<Result<Prepared, String>> {
        let encoder = classifier.encoder();
        let texts: Vec<Text<'_>> =
            contents.iter().map(|content| encoder.row(&content.text, content.text_pair.as_deref())).collect();
        let prepared = |left_out| {
            let LeftOut { parts, encodings } = left_out?;
            let texts = encodings.into_iter().map(|encoding| vec![encoding]).collect();
            Ok(Prepared { texts, parts, ..Prepared::default() })
        };
        let left_out = classifier.leave_out(&texts, &[self.kind]).into_iter();
        left_out.map(|left_out| prepared(left_out).map_err(message)).collect()
    }

    /// The effects of the parts of rows, of the answers to them whole and without each; none where the answer is NaN.
    pub fn effects(&self, output: &SequenceClassifierOutput, rows: Vec<Vec<Part>>) -> Vec<Option<Effects>> {
        let mut texts = output.texts();
        let effects = |parts: Vec<Part>| {
            let whole = texts.next().expect("every row was answered");
            let scores = texts.by_ref().take(parts.len()).map(|without| without.scores().to_vec());
            let scores: Vec<Vec<f32>> = scores.collect();
            let label = whole.argmax().map(|best| self.label.unwrap_or(best))?;
            let score = whole.scores()[label];
            let effect = |(part, scores): (Part, Vec<f32>)| Effect {
                part,
                effect: score - scores[label],
                without: scores[label],
            };
            let mut parts: Vec<Effect> = parts.into_iter().zip(scores).map(effect).collect();
            let size = |effect: &Effect| if effect.effect.is_nan() { -1.0 } else { effect.effect.abs() };
            parts.sort_by(|one, other| size(other).total_cmp(&size(one)));
            let (tokens, truncated) = (whole.tokens(), whole.truncated());
            Some(Effects { labels: output.labels.clone(), label, score, tokens, truncated, parts, top: self.top })
        };
        rows.into_iter().map(effects).collect()
    }
}

impl Effects {
    /// All of them, the largest first.
    pub fn parts(&self) -> &[Effect] {
        &self.parts
    }

    /// What is written of the row: a part each, or that it has none.
    pub fn each<'a>(&'a self) -> Vec<Answer<'a>> {
        let answer = |part: Option<write::LeftOutPart<'a>>| {
            let (label, score) = (self.labels[self.label].as_str(), self.score);
            Answer::Part(write::LeftOut { label, score, tokens: self.tokens, truncated: self.truncated, part })
        };
        if self.parts.is_empty() {
            return vec![answer(None)];
        }
        let part = |(effect, rank): (&'a Effect, usize)| {
            let Effect { part, effect, without } = effect;
            let place = (part.kind != PartKind::Token).then_some((part.index, part.place.start, part.place.end));
            answer(Some(write::LeftOutPart { rank, text: &part.text, place, effect: *effect, without: *without }))
        };
        self.parts.iter().take(self.top).zip(1..).map(part).collect()
    }
}
