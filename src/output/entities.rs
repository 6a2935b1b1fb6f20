//! Labels of tokens -> entities: transformers' pipelines/token_classification.py, `aggregate`, in which 4.57 and 5 agree.

use crate::text::Word;
use std::ops::Range;

/// The label of what is no entity: what the pipeline's `ignore_labels` are where nobody says.
pub(super) const IGNORED: &[&str] = &["O"];

/// What becomes of tokens that belong together: the pipeline's `aggregation_strategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// Every token is an entity of its own.
    #[default]
    None,
    /// Neighbouring tokens of the same kind are one, unless a `B-` begins another.
    Simple,
    /// As `Simple`, of words; a word's label is that of its first token.
    First,
    /// ... it is the best of the mean of its tokens' scores.
    Average,
    /// ... it is that of its token with the highest score.
    Max,
}

impl Aggregation {
    /// Whether words are what gets a label.
    pub fn is_by_words(self) -> bool {
        matches!(self, Aggregation::First | Aggregation::Average | Aggregation::Max)
    }
}

/// What an [`Entity`] is named by.
#[derive(Clone, Debug, PartialEq)]
pub enum EntityKind {
    /// A token, without aggregation: the pipeline's `entity` and `index`.
    Token {
        /// Its label.
        label: String,
        /// Its place among the text's tokens, special tokens included.
        index: usize,
    },
    /// Tokens or words together: the pipeline's `entity_group`, their label without `B-` or `I-`.
    Group(String),
}

/// What a part of a text is.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// What it is, by the aggregation.
    pub kind: EntityKind,
    /// The probability of the label, of a group the mean.
    pub score: f32,
    /// The token, or the tokens of a group as a text, which may differ from what stands in the text.
    pub word: String,
    /// Where it stands in the text, in characters; `None` where the tokenizer does not say it.
    pub offsets: Option<Range<usize>>,
}

impl Entity {
    /// The label, of a group without `B-` or `I-`.
    pub fn label(&self) -> &str {
        match &self.kind {
            EntityKind::Token { label, .. } | EntityKind::Group(label) => label,
        }
    }
}

/// What the model says of a text's tokens.
pub(super) struct Scores<'a> {
    /// `[tokens, labels]`.
    pub probabilities: &'a [f32],
    /// `[tokens]`.
    pub best: &'a [usize],
    pub labels: &'a [String],
}

impl Scores<'_> {
    fn of(&self, token: usize) -> &[f32] {
        &self.probabilities[token * self.labels.len()..(token + 1) * self.labels.len()]
    }

    /// The best label of a token, and its score.
    fn best(&self, token: usize) -> (usize, f32) {
        let best = self.best[token];
        (best, self.of(token)[best])
    }
}

/// A token or a word with its label.
struct Labelled {
    label: usize,
    score: f32,
    index: usize,
    word: String,
    offsets: Option<Range<usize>>,
}

/// The entities of a text, but those of labels that are ignored. `join` makes a text of tokens.
pub(super) fn of_words(
    words: Vec<Word>,
    scores: &Scores<'_>,
    aggregation: Aggregation,
    ignored: &[&str],
    join: impl Fn(Vec<String>) -> Result<String, String>,
) -> Result<Vec<Entity>, String> {
    let labelled = match aggregation.is_by_words() {
        true => whole_words(words, scores, aggregation, &join)?,
        false => words.into_iter().map(|token| of_token(token, scores)).collect(),
    };
    let entities: Vec<Entity> = match aggregation {
        Aggregation::None => labelled.into_iter().map(|token| alone(token, scores.labels)).collect(),
        _ => groups(&labelled, scores.labels, &join)?,
    };
    Ok(entities.into_iter().filter(|entity| !ignored.contains(&entity.label())).collect())
}

fn of_token(token: Word, scores: &Scores<'_>) -> Labelled {
    let (label, score) = scores.best(token.index);
    Labelled { label, score, index: token.index, word: token.word, offsets: token.offsets }
}

fn alone(token: Labelled, labels: &[String]) -> Entity {
    let Labelled { label, score, index, word, offsets } = token;
    Entity { kind: EntityKind::Token { label: labels[label].clone(), index }, score, word, offsets }
}

/// `aggregate_words`: each word gets one label.
fn whole_words(
    tokens: Vec<Word>,
    scores: &Scores<'_>,
    aggregation: Aggregation,
    join: impl Fn(Vec<String>) -> Result<String, String>,
) -> Result<Vec<Labelled>, String> {
    let word = |tokens: &[Word]| {
        let indices = tokens.iter().map(|token| token.index);
        let (label, score) = match aggregation {
            // The first of equals.
            Aggregation::Max => indices
                .map(|index| scores.best(index))
                .reduce(|best, next| if next.1 > best.1 { next } else { best })
                .expect("a word has a token"),
            Aggregation::Average => best_on_average(&indices.map(|index| scores.of(index)).collect::<Vec<_>>()),
            _ => scores.best(tokens[0].index),
        };
        let word = join(tokens.iter().map(|token| token.word.clone()).collect())?;
        Ok(Labelled {
            label,
            score,
            index: tokens[0].index,
            word,
            offsets: span(tokens.iter().map(|token| &token.offsets)),
        })
    };
    // The first token begins a word whatever it says.
    tokens.chunk_by(|_, next| next.is_subword).map(word).collect()
}

/// The first label whose mean score is the highest.
fn best_on_average(scores: &[&[f32]]) -> (usize, f32) {
    let mean = |label: usize| scores.iter().map(|scores| scores[label]).sum::<f32>() / scores.len() as f32;
    let means = (0..scores[0].len()).map(|label| (label, mean(label)));
    means.reduce(|best, next| if next.1 > best.1 { next } else { best }).expect("a model has a label")
}

/// `group_entities`: neighbours of a kind are one, unless a `B-` begins another.
fn groups(
    parts: &[Labelled],
    labels: &[String],
    join: impl Fn(Vec<String>) -> Result<String, String>,
) -> Result<Vec<Entity>, String> {
    let tag = |part: &Labelled| match labels[part.label].split_at_checked(2) {
        Some(("B-", tag)) => (true, tag),
        Some(("I-", tag)) => (false, tag),
        _ => (false, labels[part.label].as_str()),
    };
    let group = |parts: &[Labelled]| {
        let label = &labels[parts[0].label];
        let name = label.split_once('-').map_or(label.as_str(), |(_, name)| name);
        let total: f64 = parts.iter().map(|part| f64::from(part.score)).sum();
        Ok(Entity {
            kind: EntityKind::Group(name.into()),
            score: (total / parts.len() as f64) as f32,
            word: join(parts.iter().map(|part| part.word.clone()).collect())?,
            offsets: span(parts.iter().map(|part| &part.offsets)),
        })
    };
    let goes_on = |last: &Labelled, next: &Labelled| {
        let (begins, tag_of_next) = tag(next);
        !begins && tag_of_next == tag(last).1
    };
    parts.chunk_by(goes_on).map(group).collect()
}

/// From the first start to the last end.
fn span<'a>(mut offsets: impl DoubleEndedIterator<Item = &'a Option<Range<usize>>>) -> Option<Range<usize>> {
    let first = offsets.next()?.as_ref()?;
    let last = offsets.next_back().map_or(Some(first), Option::as_ref)?;
    Some(first.start..last.end)
}
