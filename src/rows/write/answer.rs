//! Which columns an answer has, and what stands in them.

use crate::checkpoint::Scoring;
use crate::output::{Classification, Entity, EntityKind, PairScore, TokenClassification, ZeroShotAnswer};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// A column that a row's answer can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Index,
    Id,
    Label,
    Score,
    Argmax,
    /// The label, or the score, that is so many places behind the best.
    LabelAt(usize),
    ScoreAt(usize),
    /// Of one label.
    ScoreOf(usize),
    LogitOf(usize),
    Probabilities,
    /// Probabilities, or logits where these are the answer.
    Scores,
    Logits,
    /// Of so many numbers.
    PooledOutput(usize),
    Labels,
    Entities,
    /// Of a pair, of which there is one.
    Logit,
    Rank,
    CorpusId,
    Document,
    /// Of a part that was left out.
    Part,
    PartOf,
    Start,
    End,
    Effect,
    ScoreWithout,
    Loss,
    Tokens,
    Truncated,
    Windows,
    Error,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Count,
    /// A count of what one text has.
    Size,
    Flag,
    Texts,
    /// So many.
    Numbers(usize),
    /// Written as JSON where a table has nothing better.
    Json,
}

/// A value of a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Text(&'a str),
    Number(f32),
    Count(u64),
    Flag(bool),
    Texts(Vec<&'a str>),
    Numbers(&'a [f32]),
    /// JSON, written out.
    Json(String),
}

/// What a row is answered with.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// The answer of a model that classifies texts.
    Text(Classification<'a>),
    /// That of one that classifies tokens, with the entities that are made of them.
    Tokens(TokenClassification<'a>, &'a [Entity]),
    /// How likely labels are that the model was not trained for.
    ZeroShot(&'a ZeroShotAnswer),
    /// How well the row's second text belongs to its first.
    Pair(PairScore),
    /// A document of those that were ranked for the row.
    Document(Document<'a>),
    /// A part of the row's texts that was left out, or the row where it has none.
    Part(LeftOut<'a>),
    /// Why the row has none.
    Failed(&'a str),
}

/// A document that is ranked for a row.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// Its place among the documents by their scores, from 1; none where it has no score.
    pub rank: Option<usize>,
    /// Its place among the documents as they were given, from 0.
    pub corpus_id: usize,
    /// Its text.
    pub text: &'a str,
    /// Its score, or why it has none.
    pub score: Result<PairScore, &'a str>,
}

/// What the answer to a row is, and what it is without a part of it.
#[derive(Clone, Copy, Debug)]
pub struct LeftOut<'a> {
    /// The label whose score is looked at, and its score with all of the row.
    pub label: &'a str,
    /// That score.
    pub score: f32,
    /// Tokens of the row as classified, special tokens included.
    pub tokens: usize,
    /// Whether tokens of the row had no part in its answer.
    pub truncated: bool,
    /// The part; none where the row has none.
    pub part: Option<LeftOutPart<'a>>,
}

/// A part that was left out.
#[derive(Clone, Copy, Debug)]
pub struct LeftOutPart<'a> {
    /// Its place among the parts of the row by how much they move the score, from 1.
    pub rank: usize,
    /// The part.
    pub text: &'a str,
    /// Which of the row's texts it is a part of, and its first character there and the one behind it; none of a token.
    pub place: Option<(usize, usize, usize)>,
    /// How much more the label scores with it.
    pub effect: f32,
    /// What the label scores without it.
    pub without: f32,
}

/// The labels that hold of a text, each on its own.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub labels: Arc<[String]>,
    /// A label holds whose score is larger than this.
    pub thresholds: Vec<f32>,
}

impl Column {
    /// The column's name.
    pub(super) fn name(&self, labels: &[String]) -> String {
        match self {
            Column::Index => "index".into(),
            Column::Id => "id".into(),
            Column::Label => "label".into(),
            Column::Score => "score".into(),
            Column::Argmax => "argmax".into(),
            Column::LabelAt(place) => format!("label_{}", place + 1),
            Column::ScoreAt(place) => format!("score_{}", place + 1),
            Column::ScoreOf(label) => format!("score_{}", labels[*label]),
            Column::LogitOf(label) => format!("logit_{}", labels[*label]),
            Column::Probabilities => "probabilities".into(),
            Column::Scores => "scores".into(),
            Column::Logits => "logits".into(),
            Column::PooledOutput(_) => "pooled_output".into(),
            Column::Labels => "labels".into(),
            Column::Logit => "logit".into(),
            Column::Rank => "rank".into(),
            Column::CorpusId => "corpus_id".into(),
            Column::Document => "document".into(),
            Column::Part => "part".into(),
            Column::PartOf => "part_of".into(),
            Column::Start => "start".into(),
            Column::End => "end".into(),
            Column::Effect => "effect".into(),
            Column::ScoreWithout => "score_without".into(),
            Column::Entities => "entities".into(),
            Column::Loss => "loss".into(),
            Column::Tokens => "tokens".into(),
            Column::Truncated => "truncated".into(),
            Column::Windows => "windows".into(),
            Column::Error => "error".into(),
        }
    }

    /// The kind of its values, for a model of so many labels.
    pub(super) fn kind(&self, labels: usize) -> Kind {
        match self {
            Column::Label | Column::LabelAt(_) | Column::Document | Column::Error => Kind::Text,
            Column::Part | Column::PartOf => Kind::Text,
            Column::Score | Column::ScoreAt(_) | Column::ScoreOf(_) => Kind::Number,
            Column::Logit | Column::LogitOf(_) | Column::Loss => Kind::Number,
            Column::Effect | Column::ScoreWithout => Kind::Number,
            Column::Index | Column::Argmax | Column::Rank | Column::CorpusId => Kind::Count,
            Column::Start | Column::End => Kind::Count,
            Column::Tokens | Column::Windows => Kind::Size,
            Column::Truncated => Kind::Flag,
            Column::Labels => Kind::Texts,
            Column::Probabilities | Column::Scores | Column::Logits => Kind::Numbers(labels),
            Column::PooledOutput(width) => Kind::Numbers(*width),
            Column::Id | Column::Entities => Kind::Json,
        }
    }

    /// What stands in the column of a row; `top` are as many of the best labels as any column asks for.
    pub(super) fn cell<'a>(
        &self,
        index: usize,
        id: Option<&'a Value>,
        answer: &Answer<'a>,
        top: &[(&'a str, f32)],
        holding: &'a Holding,
    ) -> Cell<'a> {
        match (self, answer) {
            (Column::Index, _) => return Cell::Count(index as u64),
            (Column::Id, _) => {
                return match id {
                    None | Some(Value::Null) => Cell::Null,
                    Some(Value::String(id)) => Cell::Text(id),
                    Some(id) => Cell::Json(id.to_string()),
                };
            }
            (Column::Error, Answer::Failed(message)) => return Cell::Text(message),
            _ => {}
        }
        match answer {
            Answer::Failed(_) => Cell::Null,
            Answer::Text(answer) => self.of_text(answer, top, holding),
            Answer::ZeroShot(answer) => self.of_candidates(answer, top, holding),
            Answer::Pair(score) => self.of_pair(*score),
            Answer::Document(document) => self.of_document(document),
            Answer::Part(left_out) => self.of_part(left_out),
            Answer::Tokens(answer, entities) => match self {
                Column::Entities => Cell::Json(json(&entities.iter().map(Found::new).collect::<Vec<_>>())),
                Column::Tokens => Cell::Count(answer.ids().len() as u64),
                Column::Truncated => Cell::Flag(answer.truncated()),
                _ => Cell::Null,
            },
        }
    }

    fn of_text<'a>(&self, answer: &Classification<'a>, top: &[(&'a str, f32)], holding: &'a Holding) -> Cell<'a> {
        let text = |text: Option<&'a str>| text.map_or(Cell::Null, Cell::Text);
        let number = |number: Option<f32>| number.map_or(Cell::Null, Cell::Number);
        match self {
            Column::Label => text(answer.label()),
            Column::Score => number(answer.score()),
            Column::Argmax => answer.argmax().map_or(Cell::Null, |argmax| Cell::Count(argmax as u64)),
            Column::LabelAt(place) => text(top.get(*place).map(|(label, _)| *label)),
            Column::ScoreAt(place) => number(top.get(*place).map(|(_, score)| *score)),
            Column::ScoreOf(label) => Cell::Number(answer.scores()[*label]),
            Column::LogitOf(label) => Cell::Number(answer.logits()[*label]),
            Column::Probabilities => answer.probabilities().map_or(Cell::Null, Cell::Numbers),
            Column::Scores => Cell::Numbers(answer.scores()),
            Column::Logits => Cell::Numbers(answer.logits()),
            Column::PooledOutput(_) => answer.pooled_output().map_or(Cell::Null, Cell::Numbers),
            Column::Labels => Cell::Texts(holding.of(answer.scores())),
            Column::Loss => number(answer.loss()),
            Column::Tokens => Cell::Count(answer.tokens() as u64),
            Column::Truncated => Cell::Flag(answer.truncated()),
            Column::Windows => Cell::Count(answer.windows() as u64),
            _ => Cell::Null,
        }
    }

    fn of_candidates<'a>(&self, answer: &'a ZeroShotAnswer, top: &[(&'a str, f32)], holding: &'a Holding) -> Cell<'a> {
        let number = |number: Option<f32>| number.map_or(Cell::Null, Cell::Number);
        match self {
            Column::Label => answer.label().map_or(Cell::Null, Cell::Text),
            Column::Score => number(answer.score()),
            Column::Argmax => answer.argmax().map_or(Cell::Null, |argmax| Cell::Count(argmax as u64)),
            Column::LabelAt(place) => top.get(*place).map_or(Cell::Null, |(label, _)| Cell::Text(label)),
            Column::ScoreAt(place) => number(top.get(*place).map(|(_, score)| *score)),
            Column::ScoreOf(label) => Cell::Number(answer.scores()[*label]),
            Column::Probabilities | Column::Scores => Cell::Numbers(answer.scores()),
            Column::Labels => Cell::Texts(holding.of(answer.scores())),
            Column::Tokens => Cell::Count(answer.tokens() as u64),
            Column::Truncated => Cell::Flag(answer.truncated()),
            _ => Cell::Null,
        }
    }

    fn of_pair(&self, pair: PairScore) -> Cell<'static> {
        match self {
            Column::Score => Cell::Number(pair.score),
            Column::Logit => Cell::Number(pair.logit),
            Column::Tokens => Cell::Count(pair.tokens as u64),
            Column::Truncated => Cell::Flag(pair.truncated),
            _ => Cell::Null,
        }
    }

    fn of_document<'a>(&self, document: &Document<'a>) -> Cell<'a> {
        match (self, document.score) {
            (Column::Rank, _) => document.rank.map_or(Cell::Null, |rank| Cell::Count(rank as u64)),
            (Column::CorpusId, _) => Cell::Count(document.corpus_id as u64),
            (Column::Document, _) => Cell::Text(document.text),
            (Column::Error, Err(message)) => Cell::Text(message),
            (column, Ok(pair)) => column.of_pair(pair),
            (_, Err(_)) => Cell::Null,
        }
    }

    fn of_part<'a>(&self, left_out: &LeftOut<'a>) -> Cell<'a> {
        let of = |cell: &dyn Fn(&LeftOutPart<'a>) -> Option<Cell<'a>>| left_out.part.as_ref().and_then(cell);
        let cell = match self {
            Column::Label => Some(Cell::Text(left_out.label)),
            Column::Score => Some(Cell::Number(left_out.score)),
            Column::Tokens => Some(Cell::Count(left_out.tokens as u64)),
            Column::Truncated => Some(Cell::Flag(left_out.truncated)),
            Column::Rank => of(&|part| Some(Cell::Count(part.rank as u64))),
            Column::Part => of(&|part| Some(Cell::Text(part.text))),
            Column::PartOf => of(&|part| Some(Cell::Text(["text", "text_pair"][part.place?.0.min(1)]))),
            Column::Start => of(&|part| Some(Cell::Count(part.place?.1 as u64))),
            Column::End => of(&|part| Some(Cell::Count(part.place?.2 as u64))),
            Column::Effect => of(&|part| Some(Cell::Number(part.effect))),
            Column::ScoreWithout => of(&|part| Some(Cell::Number(part.without))),
            _ => None,
        };
        cell.unwrap_or(Cell::Null)
    }
}

impl Holding {
    fn of(&self, scores: &[f32]) -> Vec<&str> {
        let holds = scores.iter().zip(&self.thresholds).zip(self.labels.iter());
        holds.filter(|((score, threshold), _)| score > threshold).map(|(_, label)| label.as_str()).collect()
    }
}

/// JSON of what always has some.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it has neither maps nor writers that fail")
}

/// Whether each label holds on its own.
pub(super) fn is_multi_label(scoring: Scoring, labels: &[String]) -> bool {
    scoring == Scoring::Sigmoid && labels.len() > 1
}

/// An entity with the keys of transformers' pipeline, in its order.
#[derive(Serialize)]
struct Found<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_group: Option<&'a str>,
    score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    word: &'a str,
    start: Option<usize>,
    end: Option<usize>,
}

impl<'a> Found<'a> {
    fn new(entity: &'a Entity) -> Found<'a> {
        let (label, group, index) = match &entity.kind {
            EntityKind::Token { label, index } => (Some(label.as_str()), None, Some(*index)),
            EntityKind::Group(group) => (None, Some(group.as_str()), None),
        };
        Found {
            entity: label,
            entity_group: group,
            score: entity.score,
            index,
            word: &entity.word,
            start: entity.offsets.as_ref().map(|at| at.start),
            end: entity.offsets.as_ref().map(|at| at.end),
        }
    }
}
