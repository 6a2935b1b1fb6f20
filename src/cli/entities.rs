//! Answers of models of either task.

use super::Failure;
use super::arguments::ClassifyArguments;
use crate::rows::write::Answer;
use crate::text::Encoding;
use crate::{
    Aggregation, Array, Classification, Classifier, Entity, Error, Request, SequenceClassifierOutput, Task,
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

impl Output {
    /// Answers texts, each of one window or more.
    pub fn run(classifier: &Classifier, texts: &[Vec<Encoding>], request: &Request) -> Result<Output, Error> {
        match classifier.task() {
            Task::SequenceClassification => classifier.run_windows(texts, request).map(Output::Texts),
            // The tokens of windows are not joined: such a classifier is refused.
            Task::TokenClassification => classifier.run_tokens(&texts.concat(), request).map(Output::Tokens),
        }
    }

    /// Takes out the hidden states and attentions, text by text.
    pub fn tensors(&mut self) -> impl Iterator<Item = [Option<Array>; 2]> + use<> {
        let [states, attentions] = match self {
            Output::Texts(output) => [output.hidden_states.take(), output.attentions.take()],
            Output::Tokens(output) => [output.hidden_states.take(), output.attentions.take()],
        };
        let [mut states, mut attentions] = [states, attentions].map(|all| all.into_iter().flatten());
        std::iter::repeat_with(move || [states.next(), attentions.next()])
    }

    /// What rows are answered with, in their order; the entities of tokens are made by `aggregation`.
    pub fn answers(&self, aggregation: Aggregation) -> impl Iterator<Item = Answered<'_>> {
        let texts = match self {
            Output::Texts(output) => output.len(),
            Output::Tokens(output) => output.len(),
        };
        (0..texts).map(move |index| match self {
            Output::Texts(output) => match output.text(index).filter(|answer| answer.argmax().is_some()) {
                Some(answer) => Answered::Text(answer),
                None => Answered::Failed("the model's answer is NaN".into()),
            },
            Output::Tokens(output) => {
                let answer = output.text(index).expect("it is among them");
                match answer.entities(aggregation) {
                    Ok(entities) => Answered::Tokens(answer, entities),
                    // Who reports it knows the row.
                    Err(Error::Text { message, .. }) => Answered::Failed(message),
                    Err(error) => Answered::Failed(error.to_string()),
                }
            }
        })
    }
}

/// The answer to a row, with what it owns.
pub enum Answered<'a> {
    Text(Classification<'a>),
    Tokens(TokenClassification<'a>, Vec<Entity>),
    Failed(String),
}

impl Answered<'_> {
    pub fn get(&self) -> Answer<'_> {
        match self {
            Answered::Text(answer) => Answer::Text(*answer),
            Answered::Tokens(answer, entities) => Answer::Tokens(*answer, entities),
            Answered::Failed(message) => Answer::Failed(message),
        }
    }
}
