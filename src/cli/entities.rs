//! The answers to some rows, whatever was asked of them.

use super::Failure;
use super::arguments::ClassifyArguments;
use super::asked::{Asked, message};
use super::documents::Ranking;
use super::parts::Effects;
use crate::classifier::Part;
use crate::rows::write::Answer;
use crate::text::Encoding;
use crate::{
    Aggregation, Array, Classification, Classifier, Entity, Error, PairScore, Request, SequenceClassifierOutput, Task,
    TokenClassification, TokenClassifierOutput, ZeroShotAnswer,
};

/// Why a row has no answer that the model gave.
pub const NAN: &str = "the model's answer is NaN";

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
    Pairs(Vec<PairScore>),
    /// Of each row all documents.
    Documents(Vec<Ranking>),
    ZeroShot(Vec<ZeroShotAnswer>),
    /// Of each row its parts; none where the answer is NaN.
    Parts(Vec<Option<Effects>>),
}

/// What a row has beside its texts.
#[derive(Debug, Default)]
pub struct Beside {
    /// The documents that it lacks, and why.
    pub refused: Vec<(usize, String)>,
    /// What each text but the first lacks.
    pub parts: Vec<Part>,
}

/// Of no rows.
impl Default for Output {
    fn default() -> Output {
        Output::Texts(SequenceClassifierOutput::default())
    }
}

impl Output {
    /// Answers the texts of rows, each of one window or more.
    pub fn run(
        classifier: &Classifier,
        asked: &Asked,
        texts: &[Vec<Encoding>],
        request: &Request,
    ) -> Result<Output, Error> {
        match classifier.task() {
            Task::SequenceClassification => {
                let scoring = asked.scoring(classifier)?;
                classifier.block_on(classifier.run_scored(texts, request, scoring)).map(Output::Texts)
            }
            // The tokens of windows are not joined: such a classifier is refused.
            Task::TokenClassification => classifier.run_tokens(&texts.concat(), request).map(Output::Tokens),
        }
    }

    /// The answers to rows, of those to their texts, and of what each row has beside them.
    pub fn of_rows(self, asked: &Asked, beside: Vec<Beside>) -> Output {
        match (self, asked) {
            (Output::Texts(output), Asked::Pair) => Output::Pairs(PairScore::all(&output).collect()),
            (Output::Texts(output), Asked::ZeroShot(hypotheses, _)) => Output::ZeroShot(hypotheses.answers(&output)),
            (Output::Texts(output), Asked::Documents(documents)) => {
                let mut scores = PairScore::all(&output);
                let rank = |Beside { refused, .. }: Beside| {
                    let scored = documents.len() - refused.len();
                    documents.rank(scores.by_ref().take(scored), refused)
                };
                Output::Documents(beside.into_iter().map(rank).collect())
            }
            (Output::Texts(output), Asked::Parts(leaving)) => {
                Output::Parts(leaving.effects(&output, beside.into_iter().map(|beside| beside.parts).collect()))
            }
            (output, _) => output,
        }
    }

    /// Takes out the hidden states and attentions, text by text.
    pub fn tensors(&mut self) -> impl Iterator<Item = [Option<Array>; 2]> + use<> {
        let [states, attentions] = match self {
            Output::Texts(output) => [output.hidden_states.take(), output.attentions.take()],
            Output::Tokens(output) => [output.hidden_states.take(), output.attentions.take()],
            Output::Pairs(_) | Output::Documents(_) | Output::ZeroShot(_) | Output::Parts(_) => [None, None],
        };
        let [mut states, mut attentions] = [states, attentions].map(|all| all.into_iter().flatten());
        std::iter::repeat_with(move || [states.next(), attentions.next()])
    }

    /// What rows are answered with, in their order; the entities of tokens are made by `aggregation`.
    pub fn answers(&self, aggregation: Aggregation) -> impl Iterator<Item = Answered<'_>> {
        let nan = || Answered::Failed(NAN.into());
        let rows = match self {
            Output::Texts(output) => output.len(),
            Output::Tokens(output) => output.len(),
            Output::Pairs(pairs) => pairs.len(),
            Output::Documents(rows) => rows.len(),
            Output::ZeroShot(rows) => rows.len(),
            Output::Parts(rows) => rows.len(),
        };
        (0..rows).map(move |index| match self {
            Output::Texts(output) => {
                let answer = output.text(index).filter(|answer| answer.argmax().is_some());
                answer.map_or_else(nan, Answered::Text)
            }
            Output::Tokens(output) => {
                let answer = output.text(index).expect("it is among them");
                match answer.entities(aggregation) {
                    Ok(entities) => Answered::Tokens(answer, entities),
                    Err(error) => Answered::Failed(message(error)),
                }
            }
            Output::Pairs(pairs) if pairs[index].score.is_nan() => nan(),
            Output::Pairs(pairs) => Answered::Pair(pairs[index]),
            Output::Documents(rows) => Answered::Documents(&rows[index]),
            Output::ZeroShot(rows) if rows[index].argmax().is_none() => nan(),
            Output::ZeroShot(rows) => Answered::ZeroShot(&rows[index]),
            Output::Parts(rows) => rows[index].as_ref().map_or_else(nan, Answered::Parts),
        })
    }
}

/// The answer to a row, with what it owns.
pub enum Answered<'a> {
    Text(Classification<'a>),
    Tokens(TokenClassification<'a>, Vec<Entity>),
    Pair(PairScore),
    Documents(&'a Ranking),
    ZeroShot(&'a ZeroShotAnswer),
    Parts(&'a Effects),
    Failed(String),
}

impl Answered<'_> {
    /// What is written for the row: one answer, or one a document or a part.
    pub fn each(&self) -> Vec<Answer<'_>> {
        vec![match self {
            Answered::Text(answer) => Answer::Text(*answer),
            Answered::Tokens(answer, entities) => Answer::Tokens(*answer, entities),
            Answered::Pair(pair) => Answer::Pair(*pair),
            Answered::ZeroShot(answer) => Answer::ZeroShot(answer),
            Answered::Documents(ranking) => return ranking.each().map(Answer::Document).collect(),
            Answered::Parts(effects) => return effects.each(),
            Answered::Failed(message) => Answer::Failed(message),
        }]
    }
}
