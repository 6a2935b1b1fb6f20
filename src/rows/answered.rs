//! Rows with their answers.

use super::Row;
use super::write::Answer;
use crate::classifier::{Classifier, Request};
use crate::error::{Error, Result};
use crate::output::OwnedClassification;
use crate::stream;
use crate::text::{Encoding, Text, TextEncoder};

/// The tokens of each row that has a text.
pub(super) type Encoded = Vec<Result<Vec<Encoding>>>;

/// A row with its answer.
#[derive(Clone, Debug)]
pub struct AnsweredRow {
    /// The row as it was read.
    pub row: Row,
    /// Its answer, or why it has none.
    pub answer: Result<OwnedClassification, String>,
}

impl AnsweredRow {
    /// What a [`Writer`](super::write::Writer) writes.
    pub fn as_answer(&self) -> Answer<'_> {
        as_answer(&self.answer)
    }
}

/// What is written of a row.
pub(super) fn as_answer(answer: &Result<OwnedClassification, String>) -> Answer<'_> {
    match answer {
        Ok(answer) if answer.get().argmax().is_none() => Answer::Failed("the model's answer is NaN"),
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
        let encoded = encoded(&self.encoder(), &rows);
        let answers = stream::answer(self.clone(), encoded, Request::default(), 0).await;
        match paired(rows, answers) {
            (answered, None) => Ok(answered),
            (_, Some(error)) => Err(error),
        }
    }
}

/// The tokens of the rows that have texts.
pub(super) fn encoded(encoder: &TextEncoder, rows: &[Row]) -> Encoded {
    let contents = rows.iter().flat_map(|row| &row.content);
    let texts: Vec<Text<'_>> =
        contents.map(|content| encoder.row(&content.text, content.text_pair.as_deref())).collect();
    encoder.encode_windows_all(&texts)
}

/// Rows with the answers to those that have a text, up to the first that failed for what no row is to blame for, with that.
pub(super) fn paired(rows: Vec<Row>, answers: Vec<Result<OwnedClassification>>) -> (Vec<AnsweredRow>, Option<Error>) {
    let mut answers = answers.into_iter();
    let mut answered = Vec::with_capacity(rows.len());
    for row in rows {
        let answer = match &row.content {
            Err(message) => Err(message.clone()),
            Ok(_) => match answers.next().expect("every text has an answer, or why it has none") {
                Ok(answer) => Ok(answer),
                Err(Error::Text { message, .. }) => Err(message),
                Err(error) => return (answered, Some(error)),
            },
        };
        answered.push(AnsweredRow { row, answer });
    }
    (answered, None)
}
