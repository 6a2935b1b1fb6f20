//! What a writer needs to know of what rows are answered with.

use super::answer::is_multi_label;
use crate::classifier::{Classifier, ZeroShot};
use crate::models::Task;
use std::sync::Arc;

/// What the answers to rows are, and so which columns they have.
#[derive(Clone, Debug)]
pub struct Subject {
    pub(super) kind: Kind,
    /// Of the model, or the candidates.
    pub(super) labels: Arc<[String]>,
    /// Whether each label holds on its own.
    pub(super) multi_label: bool,
    /// Numbers of a pooled output.
    pub(super) pooled: usize,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Labels of the model.
    Labels,
    /// Entities of a model that classifies tokens.
    Entities,
    /// Labels that the model was not trained for.
    Candidates,
    /// The score of a pair.
    Pair,
    /// A document of those that were ranked for the row.
    Document,
    /// A part of the row that was left out.
    Part,
}

impl Subject {
    /// The labels, or the entities, of a model.
    pub fn of(classifier: &Classifier) -> Subject {
        let labels: Arc<[String]> = classifier.labels().into();
        let tokens = classifier.task() == Task::TokenClassification;
        Subject {
            kind: if tokens { Kind::Entities } else { Kind::Labels },
            multi_label: !tokens && is_multi_label(classifier.scoring(), &labels),
            pooled: classifier.model().head.classifier.inputs(),
            labels,
        }
    }

    /// Labels that a model was not trained for ([`Classifier::zero_shot`]).
    pub fn zero_shot(asked: &ZeroShot) -> Subject {
        let labels: Arc<[String]> = asked.labels.as_slice().into();
        Subject { kind: Kind::Candidates, multi_label: asked.is_multi_label(), pooled: 0, labels }
    }

    /// The score of each row's pair ([`Classifier::score_pairs`]).
    pub fn pairs() -> Subject {
        Subject { kind: Kind::Pair, multi_label: false, pooled: 0, labels: Arc::default() }
    }

    /// Documents that are ranked for each row ([`Classifier::rerank`]).
    pub fn documents() -> Subject {
        Subject { kind: Kind::Document, multi_label: false, pooled: 0, labels: Arc::default() }
    }

    /// Parts of each row that were left out ([`Classifier::explain`]).
    pub fn parts() -> Subject {
        Subject { kind: Kind::Part, multi_label: false, pooled: 0, labels: Arc::default() }
    }

    /// Whether each label holds on its own, and so has a threshold.
    pub fn is_multi_label(&self) -> bool {
        self.multi_label
    }

    /// The columns of an answer, for messages.
    pub(super) fn columns(&self) -> &'static str {
        match self.kind {
            Kind::Labels => {
                "index, label, score, score_LABEL, logit_LABEL, probabilities, scores, logits, pooled_output, argmax, loss, tokens, \
                 truncated, error"
            }
            Kind::Entities => "index, entities, tokens, truncated, error",
            Kind::Candidates => {
                "index, label, score, score_LABEL, probabilities, scores, argmax, tokens, truncated, error"
            }
            Kind::Pair => "index, score, logit, tokens, truncated, error",
            Kind::Document => "index, rank, corpus_id, document, score, logit, tokens, truncated, error",
            Kind::Part => {
                "index, rank, part, part_of, start, end, label, score, effect, score_without, tokens, truncated, error"
            }
        }
    }
}

impl From<&Classifier> for Subject {
    fn from(classifier: &Classifier) -> Subject {
        Subject::of(classifier)
    }
}
