//! Rows with their answers.

use super::write::Answer;
use super::{Content, Row};
use crate::classifier::Classifier;
use crate::error::{Error, Result};
use crate::output::{OwnedClassification, PairScore, ZeroShotAnswer};
use crate::stream::{Answering, Encoded};
use crate::text::Text;

/// A row with its answer.
#[derive(Clone, Debug)]
pub struct AnsweredRow<A = OwnedClassification> {
    /// The row as it was read.
    pub row: Row,
    /// Its answer, or why it has none.
    pub answer: Result<A, String>,
}

const NAN: &str = "the model's answer is NaN";

impl AnsweredRow {
    /// What a [`Writer`](super::write::Writer) writes.
    pub fn as_answer(&self) -> Answer<'_> {
        as_answer(&self.answer)
    }
}

impl AnsweredRow<PairScore> {
    /// What a [`Writer`](super::write::Writer) of [`Subject::pairs`](super::write::Subject::pairs) writes.
    pub fn as_answer(&self) -> Answer<'_> {
        match &self.answer {
            Ok(pair) if pair.score.is_nan() => Answer::Failed(NAN),
            Ok(pair) => Answer::Pair(*pair),
            Err(message) => Answer::Failed(message),
        }
    }
}

impl AnsweredRow<ZeroShotAnswer> {
    /// What a [`Writer`](super::write::Writer) of [`Subject::zero_shot`](super::write::Subject::zero_shot) writes.
    pub fn as_answer(&self) -> Answer<'_> {
        match &self.answer {
            Ok(answer) if answer.argmax().is_none() => Answer::Failed(NAN),
            Ok(answer) => Answer::ZeroShot(answer),
            Err(message) => Answer::Failed(message),
        }
    }
}

/// What is written of a row.
pub(super) fn as_answer(answer: &Result<OwnedClassification, String>) -> Answer<'_> {
    match answer {
        Ok(answer) if answer.get().argmax().is_none() => Answer::Failed(NAN),
        Ok(answer) => Answer::Text(answer.get()),
        Err(message) => Answer::Failed(message),
    }
}

impl Classifier {
    /// Answers some rows, in their order, without blocking: for who reads them by [`Rows::chunk`](super::Rows::chunk). A row that
    /// cannot be read or answered has its place, and says why.
    ///
    /// # Errors
    /// What no row is to blame for, such as a lost device; then none has an answer.
    pub async fn answer_rows_async(&self, rows: Vec<Row>) -> Result<Vec<AnsweredRow>> {
        let answering = answering(self);
        let encoded = answering.encode(&rows);
        match paired(rows, answering.answer(encoded, 0).await) {
            (answered, None) => Ok(answered),
            (_, Some(error)) => Err(error),
        }
    }
}

/// How rows get the answers to their texts.
pub(super) fn answering(classifier: &Classifier) -> Answering<Row, OwnedClassification> {
    let (encoder, scoring) = (classifier.encoder(), classifier.scoring());
    let encode = move |rows: &[Row]| {
        of_contents(rows, |contents| {
            let texts: Vec<Text<'_>> =
                contents.iter().map(|content| encoder.row(&content.text, content.text_pair.as_deref())).collect();
            encoder.encode_windows_all(&texts).into_iter().map(|text| text.map(|windows| vec![windows])).collect()
        })
    };
    Answering::new(classifier.clone(), scoring, encode, |output| output.into_texts().collect())
}

/// What is encoded of rows that have a text.
pub(super) fn of_contents(rows: &[Row], encode: impl FnOnce(&[&Content]) -> Vec<Encoded>) -> Vec<Encoded> {
    let contents: Vec<&Content> = rows.iter().filter_map(|row| row.content.as_ref().ok()).collect();
    let mut encoded = encode(&contents).into_iter();
    let of_row = |row: &Row| match &row.content {
        Ok(_) => encoded.next().expect("every text has encodings or an error"),
        Err(message) => Err(of_row(message.clone())),
    };
    rows.iter().map(of_row).collect()
}

/// What is wrong with a row, whose index its stream knows.
pub(super) fn of_row(message: impl Into<String>) -> Error {
    Error::Text { index: 0, message: message.into() }
}

/// Rows with their answers, up to the first that failed for what no row is to blame for, with that.
pub(super) fn paired<A>(rows: Vec<Row>, answers: Vec<Result<A>>) -> (Vec<AnsweredRow<A>>, Option<Error>) {
    let mut answered = Vec::with_capacity(rows.len());
    for (row, answer) in rows.into_iter().zip(answers) {
        let answer = match answer {
            Ok(answer) => Ok(answer),
            Err(Error::Text { message, .. }) => Err(message),
            Err(error) => return (answered, Some(error)),
        };
        answered.push(AnsweredRow { row, answer });
    }
    (answered, None)
}
