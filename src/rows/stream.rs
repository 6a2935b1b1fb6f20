//! Rows in, rows with their answers out, in order, in constant memory.

use super::answered::{AnsweredRow, Encoded, encoded, paired};
use super::{Row, Rows};
use crate::classifier::{Classifier, Request};
use crate::error::{Error, Result};
use crate::stream;
use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::thread::{self, JoinHandle};

/// Rows of a chunk: enough to fill a batch of a GPU with short texts.
const CHUNK: usize = 1024;

/// The answers to rows, in their order; made by [`Classifier::stream`].
pub struct RowStream {
    classifier: Classifier,
    rows: Rows,
    /// Rows that are read, and what tokenises them, while those before are computed.
    read: Option<JoinHandle<(Vec<Row>, Encoded)>>,
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
        RowStream { classifier: self.clone(), rows, read: None, ready: VecDeque::new(), ended: None }
    }
}

impl RowStream {
    /// Reads a chunk, and has it tokenised.
    fn read(&mut self) {
        let rows = match self.rows.chunk(CHUNK) {
            Ok(rows) if rows.is_empty() => return self.ended = Some(None),
            Ok(rows) => rows,
            Err(error) => return self.ended = Some(Some(error)),
        };
        let encoder = self.classifier.encoder();
        self.read = Some(thread::spawn(move || {
            let encoded = encoded(&encoder, &rows);
            (rows, encoded)
        }));
    }
}

impl Iterator for RowStream {
    type Item = Result<AnsweredRow>;

    fn next(&mut self) -> Option<Result<AnsweredRow>> {
        loop {
            if let Some(answered) = self.ready.pop_front() {
                return Some(Ok(answered));
            }
            if self.read.is_none() && self.ended.is_none() {
                self.read();
            }
            let Some(read) = self.read.take() else {
                return self.ended.as_mut().and_then(Option::take).map(Err);
            };
            let (rows, encoded) = read.join().unwrap_or_else(|panic| resume_unwind(panic));
            // What is there is answered before more is waited for.
            if self.ended.is_none() && self.rows.is_ready() {
                self.read();
            }
            // To its end: a call that is left in the middle of something may have what others wait for.
            let answers = stream::answer(self.classifier.clone(), encoded, Request::default(), 0);
            let (answered, ended) = paired(rows, self.classifier.block_on(answers));
            self.ready.extend(answered);
            if let Some(error) = ended {
                self.ended = Some(Some(error));
                self.read = None;
            }
        }
    }
}
