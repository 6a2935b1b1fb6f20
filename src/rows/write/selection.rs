//! `--fields`: which columns rows are written with.

use super::answer::{Column, Holding};
use super::subject::{Kind, Subject};

/// Which columns rows are written with, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Selection {
    /// Names of columns in their order: those of answers, those of the input, `*` for all of the input's; by default what a data
    /// frame wants. `pooled_output` is null where the answers have none: see [`Request`](crate::Request).
    pub fields: Option<Vec<String>>,
    /// How many of the best labels there are, each with its score in columns of its own.
    pub top: usize,
    /// Whether rows have labels, and so a loss.
    pub loss: bool,
    /// Whether rows have names in another table.
    pub id: bool,
    /// Whether all that there is to say is said where nobody chose, as in a document.
    pub everything: bool,
    /// What stands before the name of an answer's column where the input has one of that name.
    pub prefix: String,
    /// From which score on a label of a multi-label model holds; one, or one a label.
    pub thresholds: Vec<f32>,
}

impl Default for Selection {
    fn default() -> Selection {
        Selection {
            fields: None,
            top: 1,
            loss: false,
            id: false,
            everything: false,
            prefix: "predicted_".into(),
            thresholds: vec![0.5],
        }
    }
}

/// A column of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// All of the input's.
    All,
    /// One of the input's.
    Input(String),
    Answer(Column),
}

impl Selection {
    /// The columns, or which name is none's. The input's are known later.
    pub(super) fn columns(&self, subject: &Subject) -> Result<Vec<Chosen>, String> {
        let Some(fields) = &self.fields else { return Ok(self.usual(subject)) };
        let mut chosen = Vec::new();
        for field in fields {
            match field.as_str() {
                "*" => chosen.push(Chosen::All),
                "all" => chosen.extend(Selection { everything: true, ..self.clone() }.usual(subject)),
                "score_*" if matches!(subject.kind, Kind::Labels | Kind::Candidates) => {
                    chosen.extend((0..subject.labels.len()).map(Column::ScoreOf).map(Chosen::Answer))
                }
                "logit_*" if subject.kind == Kind::Labels => {
                    chosen.extend((0..subject.labels.len()).map(Column::LogitOf).map(Chosen::Answer))
                }
                name => chosen.push(self.one(name, subject)?),
            }
        }
        let twice = (1..chosen.len()).find(|&place| chosen[..place].contains(&chosen[place]));
        match twice {
            Some(place) => Err(format!("{} is asked for twice", chosen[place].name(subject))),
            None => Ok(chosen),
        }
    }

    fn one(&self, name: &str, subject: &Subject) -> Result<Chosen, String> {
        if let Some(column) = name.strip_prefix("input:") {
            return Ok(Chosen::Input(column.into()));
        }
        let place = |prefix: &str| {
            let rest = name.strip_prefix(prefix)?;
            subject.labels.iter().position(|label| label == rest)
        };
        let nth = |prefix: &str| {
            let place: usize = name.strip_prefix(prefix)?.parse().ok()?;
            (1..=subject.labels.len()).contains(&place).then(|| place - 1)
        };
        let (labels, logits) = (matches!(subject.kind, Kind::Labels | Kind::Candidates), subject.kind == Kind::Labels);
        let (pairs, parts) = (matches!(subject.kind, Kind::Pair | Kind::Document), subject.kind == Kind::Part);
        let column = match name {
            "index" => Column::Index,
            "id" if self.id => Column::Id,
            "tokens" => Column::Tokens,
            "truncated" => Column::Truncated,
            "error" => Column::Error,
            "entities" if subject.kind == Kind::Entities => Column::Entities,
            "score" if labels || pairs || parts => Column::Score,
            "logit" if pairs => Column::Logit,
            "rank" if subject.kind == Kind::Document || parts => Column::Rank,
            "part" if parts => Column::Part,
            "part_of" if parts => Column::PartOf,
            "start" if parts => Column::Start,
            "end" if parts => Column::End,
            "effect" if parts => Column::Effect,
            "score_without" if parts => Column::ScoreWithout,
            "corpus_id" if subject.kind == Kind::Document => Column::CorpusId,
            "document" if subject.kind == Kind::Document => Column::Document,
            "label" if labels || parts => Column::Label,
            "argmax" if labels => Column::Argmax,
            "probabilities" if labels => Column::Probabilities,
            "scores" if labels => Column::Scores,
            "pooled_output" if subject.kind == Kind::Labels => Column::PooledOutput(subject.pooled),
            "labels" if subject.multi_label => Column::Labels,
            "labels" if labels => {
                return Err("labels is for models of which several labels may hold; label is the best".into());
            }
            "logits" if logits => Column::Logits,
            "loss" if logits => Column::Loss,
            "windows" if logits => Column::Windows,
            "label" | "score" | "argmax" | "probabilities" | "scores" | "logits" | "pooled_output" | "labels"
            | "loss" => {
                return Err(format!(
                    "these answers have no {name}; they have {}; a column of the input of that name is input:{name}",
                    subject.columns()
                ));
            }
            _ => {
                let of_label = place("score_").map(Column::ScoreOf);
                let of_label = of_label.or_else(|| place("logit_").filter(|_| logits).map(Column::LogitOf));
                let of_place = nth("label_").map(Column::LabelAt).or_else(|| nth("score_").map(Column::ScoreAt));
                match of_label.or(of_place).filter(|_| labels) {
                    Some(column) => column,
                    None => return Ok(Chosen::Input(name.into())),
                }
            }
        };
        Ok(Chosen::Answer(column))
    }

    fn usual(&self, subject: &Subject) -> Vec<Chosen> {
        let mut columns = Vec::new();
        if self.everything {
            columns.push(Column::Index);
        }
        columns.extend(self.id.then_some(Column::Id));
        match subject.kind {
            Kind::Entities => columns.push(Column::Entities),
            Kind::Document => columns.extend([Column::Rank, Column::CorpusId, Column::Document, Column::Score]),
            Kind::Pair => columns.push(Column::Score),
            Kind::Part => {
                columns.extend([Column::Rank, Column::Part, Column::PartOf, Column::Start, Column::End]);
                columns.extend([Column::Label, Column::Score, Column::Effect]);
            }
            Kind::Labels | Kind::Candidates => {
                columns.extend(subject.multi_label.then_some(Column::Labels));
                columns.extend([Column::Label, Column::Score]);
                let more = 1..self.top.min(subject.labels.len());
                columns.extend(more.flat_map(|place| [Column::LabelAt(place), Column::ScoreAt(place)]));
            }
        }
        if self.everything {
            columns.extend(match subject.kind {
                Kind::Labels => vec![Column::Argmax, Column::Probabilities, Column::Logits],
                Kind::Candidates => vec![Column::Argmax, Column::Probabilities],
                Kind::Pair | Kind::Document => vec![Column::Logit],
                Kind::Part => vec![Column::ScoreWithout],
                Kind::Entities => Vec::new(),
            });
        }
        columns.extend((self.loss && subject.kind == Kind::Labels).then_some(Column::Loss));
        if self.everything || subject.kind == Kind::Entities {
            columns.push(Column::Tokens);
        }
        columns.extend([Column::Truncated, Column::Error]);
        std::iter::once(Chosen::All).chain(columns.into_iter().map(Chosen::Answer)).collect()
    }

    pub(super) fn holding(&self, subject: &Subject) -> Holding {
        let count = subject.labels.len();
        let thresholds = match self.thresholds[..] {
            [threshold] => vec![threshold; count],
            _ => self.thresholds.clone(),
        };
        Holding { labels: subject.labels.clone(), thresholds }
    }
}

impl Chosen {
    pub(super) fn name(&self, subject: &Subject) -> String {
        match self {
            Chosen::All => "*".into(),
            Chosen::Input(name) => name.clone(),
            Chosen::Answer(column) => column.name(&subject.labels),
        }
    }
}
