//! Rows in, rows with their answers out, in order, in constant memory.

use super::write::Answer;
use super::{Row, Rows};
use crate::classifier::{Classifier, Request};
use crate::error::{Error, Result};
use crate::output::OwnedClassification;
use crate::stream::{self, Running};
use crate::text::Text;
use std::collections::VecDeque;

/// Rows of a chunk: enough to fill a batch of a GPU with short texts.
const CHUNK: usize = 1024;
/// Chunks that are under way: one is computed while the next is read.
const UNDER_WAY: usize = 2;

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

/// The answers to rows, in their order; made by [`Classifier::stream`].
pub struct RowStream {
    classifier: Classifier,
    rows: Rows,
    /// Rows that are under way, and their answers.
    running: VecDeque<(Vec<Row>, Running<OwnedClassification>)>,
    ready: VecDeque<AnsweredRow>,
    /// Why there are no more rows, once they are answered.
    ended: Option<Option<Error>>,
}

impl std::fmt::Debug for RowStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RowStream").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Classifier {
    /// Answers rows as they are read, in their order. A row that cannot be read or answered has its place, and says why; what an
    /// input cannot be read further for is the last item.
    ///
    /// ```
    /// # #[cfg(feature = "embedded")] {
    /// use wgbert::rows::{Format, RowOptions, Rows};
    ///
    /// let table = "id,review\n1,It was good.\n2,It was terrible.\n";
    /// let rows = Rows::of_stream("reviews", std::io::Cursor::new(table), RowOptions::default().format(Format::Csv));
    /// let labels: Vec<String> = wgbert::Classifier::sentiment()?
    ///     .stream(rows)
    ///     .map(|row| Ok(row?.answer.map(|answer| answer.get().label().unwrap_or("NaN").to_string())?))
    ///     .collect::<Result<_, Box<dyn std::error::Error>>>()?;
    /// assert_eq!(labels, ["positive", "negative"]);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stream(&self, rows: Rows) -> RowStream {
        RowStream { classifier: self.clone(), rows, running: VecDeque::new(), ready: VecDeque::new(), ended: None }
    }
}

impl RowStream {
    /// Reads a chunk, and gives it to the device.
    fn read(&mut self) {
        let rows = match self.rows.chunk(CHUNK) {
            Ok(rows) if rows.is_empty() => return self.ended = Some(None),
            Ok(rows) => rows,
            Err(error) => return self.ended = Some(Some(error)),
        };
        let encoder = self.classifier.encoder();
        let contents = rows.iter().flat_map(|row| &row.content);
        let texts: Vec<Text<'_>> =
            contents.map(|content| encoder.row(&content.text, content.text_pair.as_deref())).collect();
        let running = stream::start(&self.classifier, &texts, Request::default(), 0);
        self.running.push_back((rows, running));
    }
}

impl Iterator for RowStream {
    type Item = Result<AnsweredRow>;

    fn next(&mut self) -> Option<Result<AnsweredRow>> {
        loop {
            if let Some(answered) = self.ready.pop_front() {
                return Some(Ok(answered));
            }
            // What is there is answered before more is waited for.
            while self.ended.is_none()
                && self.running.len() < UNDER_WAY
                && (self.running.is_empty() || self.rows.is_ready())
            {
                self.read();
            }
            let Some((rows, running)) = self.running.pop_front() else {
                return self.ended.as_mut().and_then(Option::take).map(Err);
            };
            let mut answers = self.classifier.block_on(running).into_iter();
            'rows: for row in rows {
                let answer = match &row.content {
                    Err(message) => Err(message.clone()),
                    Ok(_) => match answers.next().expect("every text has an answer, or why it has none") {
                        Ok(answer) => Ok(answer),
                        Err(Error::Text { message, .. }) => Err(message),
                        // What no row is to blame for ends it, behind the rows that have answers.
                        Err(error) => {
                            self.ended = Some(Some(error));
                            self.running.clear();
                            break 'rows;
                        }
                    },
                };
                self.ready.push_back(AnsweredRow { row, answer });
            }
        }
    }
}
