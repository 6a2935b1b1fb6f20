//! What is asked of rows: which texts of the model each becomes, and what is made of the answers to them.

use super::Failure;
use super::documents::Documents;
use super::labels::LabelReader;
use super::parts::Leaving;
use crate::classifier::{Hypotheses, Part, ZeroShot, encode_pairs};
use crate::rows::write::Subject;
use crate::rows::{Content, Row};
use crate::text::{Encoding, on_threads};
use crate::{Aggregation, Classifier, Error, Label, Scoring, Task, Text};
use std::sync::Arc;

/// What is asked of each row.
#[derive(Clone)]
pub enum Asked {
    /// The labels of its text, or the entities in it, of which tokens that belong together are made so.
    Labels(Aggregation),
    /// How well its second text belongs to its first.
    Pair,
    /// Which documents belong to its text.
    Documents(Arc<Documents>),
    /// Which labels, that the model was not trained for, its text has.
    ZeroShot(Arc<Hypotheses>, ZeroShot),
    /// What its answer is without each of its parts.
    Parts(Leaving),
}

/// What becomes of the labels of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// The loss is measured against them: what is no label of the model's fails.
    Loss,
    /// Somebody else reads them.
    Ignored,
}

/// A row as the model reads it.
#[derive(Debug, Default)]
pub struct Prepared {
    /// The encodings of each text, more than one where it is split.
    pub texts: Vec<Vec<Encoding>>,
    /// What the loss is measured against.
    pub label: Option<Label>,
    /// The documents that have no encoding, and why.
    pub refused: Vec<(usize, String)>,
    /// What each text but the first lacks.
    pub parts: Vec<Part>,
}

/// Parts that a row is taken to have, before it is read.
const PARTS: usize = 32;

impl Prepared {
    fn of(texts: Vec<Vec<Encoding>>) -> Prepared {
        Prepared { texts, ..Prepared::default() }
    }
}

impl Asked {
    /// Texts of the model that a row becomes.
    pub fn texts(&self) -> usize {
        match self {
            Asked::Labels(_) | Asked::Pair => 1,
            Asked::Documents(documents) => documents.len(),
            Asked::ZeroShot(_, asked) => asked.labels.len(),
            Asked::Parts(_) => 1 + PARTS,
        }
    }

    /// Whether they are the model's own labels that are asked for.
    pub fn is_labels(&self) -> bool {
        matches!(self, Asked::Labels(_))
    }

    /// What becomes of tokens that belong together.
    pub fn aggregation(&self) -> Aggregation {
        match self {
            Asked::Labels(aggregation) => *aggregation,
            _ => Aggregation::default(),
        }
    }

    /// The labels that people are shown, and what their scores are.
    pub fn shown<'a>(&'a self, classifier: &'a Classifier) -> (&'a [String], Scoring) {
        match self {
            Asked::Labels(_) | Asked::Parts(_) => (classifier.labels(), classifier.scoring()),
            Asked::Pair | Asked::Documents(_) => (&[], Scoring::None),
            Asked::ZeroShot(_, asked) if asked.is_multi_label() => (&asked.labels, Scoring::Sigmoid),
            Asked::ZeroShot(_, asked) => (&asked.labels, Scoring::Softmax),
        }
    }

    /// Refuses an input whose first rows show that it is not what is asked of.
    pub fn refuse_first(&self, rows: &[Row]) -> Result<(), Failure> {
        let mut contents = rows.iter().filter_map(|row| row.content.as_ref().ok()).peekable();
        let alone = contents.peek().is_some() && contents.all(|content| content.text_pair.is_none());
        match self {
            Asked::Pair if alone => Err(Failure::Message(
                "no row has a document beside its query: name its column with --pair-column, or name files of documents for every \
                 query with --documents"
                    .into(),
            )),
            _ => Ok(()),
        }
    }

    /// What the answers are, for who writes them.
    pub fn subject(&self, classifier: &Classifier) -> Subject {
        match self {
            Asked::Labels(_) => Subject::of(classifier),
            Asked::Pair => Subject::pairs(),
            Asked::Documents(_) => Subject::documents(),
            Asked::ZeroShot(_, asked) => Subject::zero_shot(asked),
            Asked::Parts(_) => Subject::parts(),
        }
    }

    /// What the logits of the model are made into.
    ///
    /// # Errors
    /// Those of pairs for a model that is no cross-encoder.
    pub fn scoring(&self, classifier: &Classifier) -> Result<Scoring, Error> {
        match self {
            Asked::Labels(_) | Asked::Parts(_) => Ok(classifier.scoring()),
            Asked::Pair | Asked::Documents(_) => classifier.pair_scoring(),
            Asked::ZeroShot(..) => Ok(Scoring::None),
        }
    }

    /// The rows as the model reads them, or why it cannot; `labels` reads what the loss is measured against.
    pub fn prepare(
        &self,
        classifier: &Classifier,
        rows: &[Row],
        labels: Option<&mut LabelReader>,
    ) -> Vec<Result<Prepared, String>> {
        let contents: Vec<&Content> = rows.iter().filter_map(|row| row.content.as_ref().ok()).collect();
        let prepared = match self {
            Asked::Labels(_) => self::labels(classifier, &contents, labels),
            Asked::Pair => pairs(classifier, &contents),
            Asked::Documents(documents) => {
                let encoder = classifier.encoder();
                contents.iter().map(|content| documents.prepare(&encoder, content.alone()?)).collect()
            }
            Asked::Parts(leaving) => leaving.prepare(classifier, &contents),
            Asked::ZeroShot(hypotheses, _) => on_threads(&contents, |index, content| {
                hypotheses.encode(index, content.alone()?).map(Prepared::of).map_err(message)
            }),
        };
        let mut prepared = prepared.into_iter();
        let of_row = |row: &Row| {
            row.content.as_ref().map_err(String::clone)?;
            prepared.next().expect("every text has encodings or an error")
        };
        rows.iter().map(of_row).collect()
    }
}

fn labels(
    classifier: &Classifier,
    contents: &[&Content],
    mut labels: Option<&mut LabelReader>,
) -> Vec<Result<Prepared, String>> {
    let encoder = classifier.encoder();
    let texts: Vec<Text<'_>> =
        contents.iter().map(|content| encoder.row(&content.text, content.text_pair.as_deref())).collect();
    let encodings = encoder.encode_windows_all(&texts);
    let prepare = |(content, encodings): (&&Content, Result<Vec<Encoding>, Error>)| {
        let encodings = encodings.map_err(message)?;
        let label = match (&content.label, &mut labels, classifier.task()) {
            (None, ..) | (_, None, _) => None,
            (Some(label), Some(reader), Task::SequenceClassification) => Some(reader.read(classifier.config(), label)?),
            (Some(_), Some(_), Task::TokenClassification) => {
                return Err("it has a label, but the loss of tokens is not computed".into());
            }
        };
        Ok(Prepared { label, ..Prepared::of(vec![encodings]) })
    };
    contents.iter().zip(encodings).map(prepare).collect()
}

fn pairs(classifier: &Classifier, contents: &[&Content]) -> Vec<Result<Prepared, String>> {
    let pairs: Vec<(&str, &str)> = contents.iter().filter_map(|content| content.both().ok()).collect();
    let mut encodings = encode_pairs(&classifier.encoder(), &pairs).into_iter();
    let prepare = |content: &&Content| {
        content.both()?;
        let encodings = encodings.next().expect("every pair has encodings or an error");
        encodings.map(|pair| Prepared::of(vec![pair])).map_err(message)
    };
    contents.iter().map(prepare).collect()
}

/// Who reports it knows the row.
pub fn message(error: Error) -> String {
    match error {
        Error::Text { message, .. } => message,
        error => error.to_string(),
    }
}
