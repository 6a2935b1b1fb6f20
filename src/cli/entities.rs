//! Answers of models of either task, and entities as JSON.

use super::Failure;
use super::arguments::ClassifyArguments;
use serde::Serialize;
use serde_json::Value;
use wgbert::text::Encoding;
use wgbert::{
    Aggregation, Array, Classification, Classifier, Entity, EntityKind, Error, Request, SequenceClassifierOutput, Task,
    TokenClassification, TokenClassifierOutput,
};

/// What was asked to become of tokens that belong together; refuses what the model's task has no use for.
pub fn aggregation(arguments: &ClassifyArguments, classifier: &Classifier) -> Result<Aggregation, Failure> {
    let aggregation = arguments.aggregation.map(Aggregation::from);
    let refused = |message: &str| Err(Failure::Message(message.into()));
    match classifier.task() {
        Task::SequenceClassification if aggregation.is_some() => {
            refused("--aggregation is for models that classify tokens; this one classifies texts")
        }
        Task::TokenClassification if arguments.top_k.is_some() => {
            refused("--top-k is for models that classify texts; this one classifies tokens")
        }
        Task::TokenClassification
            if aggregation.is_some_and(Aggregation::is_by_words) && !classifier.encoder().tokenizer().has_offsets() =>
        {
            refused(
                "the model's tokenizer does not say where its tokens stand, which --aggregation first, average and max need; \
                 none and simple are answered",
            )
        }
        _ => Ok(aggregation.unwrap_or_default()),
    }
}

/// The answers to some rows.
pub enum Output {
    Texts(SequenceClassifierOutput),
    Tokens(TokenClassifierOutput),
}

/// Of no rows.
impl Default for Output {
    fn default() -> Output {
        Output::Texts(SequenceClassifierOutput::default())
    }
}

/// The answer to a row.
pub enum Answer<'a> {
    Text(Classification<'a>),
    Tokens(TokenClassification<'a>, Vec<Entity>),
}

impl Output {
    pub fn run(classifier: &Classifier, encodings: &[Encoding], request: &Request) -> Result<Output, Error> {
        match classifier.task() {
            Task::SequenceClassification => classifier.run(encodings, request).map(Output::Texts),
            Task::TokenClassification => classifier.run_tokens(encodings, request).map(Output::Tokens),
        }
    }

    /// Takes out the hidden states and attentions.
    pub fn tensors(&mut self) -> [Option<Vec<Array>>; 2] {
        match self {
            Output::Texts(output) => [output.hidden_states.take(), output.attentions.take()],
            Output::Tokens(output) => [output.hidden_states.take(), output.attentions.take()],
        }
    }

    /// The answers in their order, or why there is none.
    pub fn answers(&self, aggregation: Aggregation) -> impl Iterator<Item = Result<Answer<'_>, String>> {
        let texts = match self {
            Output::Texts(output) => output.len(),
            Output::Tokens(output) => output.len(),
        };
        (0..texts).map(move |index| match self {
            Output::Texts(output) => {
                let answer = output.text(index).filter(|answer| answer.argmax().is_some());
                answer.map(Answer::Text).ok_or("the model's answer is NaN".into())
            }
            Output::Tokens(output) => {
                let answer = output.text(index).expect("it is among them");
                match answer.entities(aggregation) {
                    Ok(entities) => Ok(Answer::Tokens(answer, entities)),
                    // Who reports it knows the row.
                    Err(Error::Text { message, .. }) => Err(message),
                    Err(error) => Err(error.to_string()),
                }
            }
        })
    }
}

impl Answer<'_> {
    /// The loss, if the row had a label.
    pub fn loss(&self) -> Option<f32> {
        match self {
            Answer::Text(answer) => answer.loss(),
            Answer::Tokens(..) => None,
        }
    }
}

/// The entities of a text as JSON.
#[derive(Serialize)]
pub struct Row<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    entities: Vec<Found<'a>>,
    tokens: usize,
    truncated: bool,
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

impl<'a> Row<'a> {
    pub fn new(
        index: usize,
        id: Option<&'a Value>,
        text: Option<&'a str>,
        answer: TokenClassification<'_>,
        entities: &'a [Entity],
    ) -> Row<'a> {
        let found = |entity: &'a Entity| {
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
        };
        let entities = entities.iter().map(found).collect();
        Row { index, id, text, entities, tokens: answer.ids().len(), truncated: answer.truncated() }
    }
}
