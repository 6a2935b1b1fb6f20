//! `--fields`: which columns rows are written with.

use super::answer::{Column, Holding, is_multi_label};
use crate::classifier::Classifier;
use crate::models::Task;
use std::sync::Arc;

/// What a writer needs to know of a model.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub labels: Arc<[String]>,
    pub tokens: bool,
    pub multi_label: bool,
    /// Numbers of a pooled output.
    pub pooled: usize,
}

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

impl Subject {
    pub(super) fn of(classifier: &Classifier) -> Subject {
        let labels: Arc<[String]> = classifier.labels().into();
        Subject {
            tokens: classifier.task() == Task::TokenClassification,
            multi_label: is_multi_label(classifier.scoring(), &labels),
            pooled: classifier.model().head.classifier.inputs(),
            labels,
        }
    }
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
                "score_*" => chosen.extend((0..subject.labels.len()).map(Column::ScoreOf).map(Chosen::Answer)),
                "logit_*" => chosen.extend((0..subject.labels.len()).map(Column::LogitOf).map(Chosen::Answer)),
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
        let column = match name {
            "index" => Column::Index,
            "id" if self.id => Column::Id,
            "tokens" => Column::Tokens,
            "truncated" => Column::Truncated,
            "error" => Column::Error,
            "entities" if subject.tokens => Column::Entities,
            "label" | "score" | "argmax" | "probabilities" | "scores" | "logits" | "pooled_output" | "labels"
            | "loss"
                if subject.tokens =>
            {
                return Err(format!("a model that classifies tokens has no {name}; it has entities"));
            }
            "label" => Column::Label,
            "score" => Column::Score,
            "argmax" => Column::Argmax,
            "probabilities" => Column::Probabilities,
            "scores" => Column::Scores,
            "logits" => Column::Logits,
            "pooled_output" => Column::PooledOutput(subject.pooled),
            "labels" if subject.multi_label => Column::Labels,
            "labels" => return Err("labels is for models of which several labels may hold; label is the best".into()),
            "loss" => Column::Loss,
            "windows" => Column::Windows,
            _ if !subject.tokens && place("score_").is_some() => Column::ScoreOf(place("score_").unwrap_or(0)),
            _ if !subject.tokens && place("logit_").is_some() => Column::LogitOf(place("logit_").unwrap_or(0)),
            _ if !subject.tokens && nth("label_").is_some() => Column::LabelAt(nth("label_").unwrap_or(0)),
            _ if !subject.tokens && nth("score_").is_some() => Column::ScoreAt(nth("score_").unwrap_or(0)),
            _ => return Ok(Chosen::Input(name.into())),
        };
        Ok(Chosen::Answer(column))
    }

    fn usual(&self, subject: &Subject) -> Vec<Chosen> {
        let mut columns = Vec::new();
        if self.everything {
            columns.push(Column::Index);
        }
        columns.extend(self.id.then_some(Column::Id));
        if subject.tokens {
            columns.push(Column::Entities);
        } else {
            columns.extend(subject.multi_label.then_some(Column::Labels));
            columns.extend([Column::Label, Column::Score]);
            let more = 1..self.top.min(subject.labels.len());
            columns.extend(more.flat_map(|place| [Column::LabelAt(place), Column::ScoreAt(place)]));
            if self.everything {
                columns.extend([Column::Argmax, Column::Probabilities, Column::Logits]);
            }
            columns.extend(self.loss.then_some(Column::Loss));
        }
        if self.everything || subject.tokens {
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
