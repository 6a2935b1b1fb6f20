//! Rows in, rows with their answers out, in order, in constant memory.

use super::answered::{AnsweredRow, answering, of_contents, of_row, paired};
use super::{Content, Row, Rows};
use crate::checkpoint::Scoring;
use crate::classifier::{Classifier, Hypotheses, ZeroShot, encode_pairs};
use crate::error::{Error, Result};
use crate::output::{OwnedClassification, PairScore, ZeroShotAnswer};
use crate::stream::{Answering, Encoded};
use crate::text::on_threads;
use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// The answers to rows, in their order; made by [`Classifier::stream`], [`Classifier::score_rows`] and
/// [`Classifier::zero_shot_rows`].
pub struct RowStream<A = OwnedClassification> {
    answering: Arc<Answering<Row, A>>,
    rows: Rows,
    /// Rows that are read, and what tokenises them, while those before are computed.
    read: Option<JoinHandle<(Vec<Row>, Vec<Encoded>)>>,
    ready: VecDeque<AnsweredRow<A>>,
    /// Why there are no more rows, once they are answered.
    ended: Option<Option<Error>>,
}

impl<A> std::fmt::Debug for RowStream<A> {
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
        RowStream::new(answering(self), rows)
    }

    /// Scores the pair of each row, as [`Classifier::score_pairs`] does, and as [`Classifier::stream`] answers rows. A row without
    /// a second text has an error.
    ///
    /// # Errors
    /// Those of [`Classifier::score_pairs`] for any pair.
    pub fn score_rows(&self, rows: Rows) -> Result<RowStream<PairScore>> {
        let (encoder, scoring) = (self.encoder(), self.pair_scoring()?);
        let encode = move |rows: &[Row]| {
            of_contents(rows, |contents| {
                let pairs: Vec<(&str, &str)> = contents.iter().filter_map(|content| content.both().ok()).collect();
                let mut encoded = encode_pairs(&encoder, &pairs).into_iter();
                let of_content = |content: &&Content| {
                    content.both().map_err(of_row)?;
                    encoded.next().expect("every pair has encodings or an error").map(|pair| vec![pair])
                };
                contents.iter().map(of_content).collect()
            })
        };
        let answering = Answering::new(self.clone(), scoring, encode, |output| PairScore::all(&output).collect());
        Ok(RowStream::new(answering, rows))
    }

    /// Says of each row how likely labels are that the model was not trained for, as [`Classifier::zero_shot`] does, and as
    /// [`Classifier::stream`] answers rows. A row with a second text has an error.
    ///
    /// # Errors
    /// Those of [`Classifier::zero_shot`] for any text.
    pub fn zero_shot_rows(&self, rows: Rows, asked: &ZeroShot) -> Result<RowStream<ZeroShotAnswer>> {
        let hypotheses = Hypotheses::new(self, asked)?;
        let encoding = hypotheses.clone();
        let encode = move |rows: &[Row]| {
            of_contents(rows, |contents| {
                on_threads(contents, |index, content| encoding.encode(index, content.alone().map_err(of_row)?))
            })
        };
        let answers = move |output| hypotheses.answers(&output);
        let answering = Answering::new(self.clone(), Scoring::None, encode, answers).of_texts(asked.labels.len());
        Ok(RowStream::new(answering, rows))
    }
}

impl<A: Send + 'static> RowStream<A> {
    fn new(answering: Answering<Row, A>, rows: Rows) -> RowStream<A> {
        RowStream { answering: Arc::new(answering), rows, read: None, ready: VecDeque::new(), ended: None }
    }

    /// Reads a chunk, and has it tokenised.
    fn read(&mut self) {
        let rows = match self.rows.chunk(self.answering.chunk()) {
            Ok(rows) if rows.is_empty() => return self.ended = Some(None),
            Ok(rows) => rows,
            Err(error) => return self.ended = Some(Some(error)),
        };
        let answering = self.answering.clone();
        self.read = Some(thread::spawn(move || {
            let encoded = answering.encode(&rows);
            (rows, encoded)
        }));
    }
}

impl<A: Send + 'static> Iterator for RowStream<A> {
    type Item = Result<AnsweredRow<A>>;

    fn next(&mut self) -> Option<Result<AnsweredRow<A>>> {
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
            let answers = self.answering.classifier().block_on(self.answering.answer(encoded, 0));
            let (answered, ended) = paired(rows, answers);
            self.ready.extend(answered);
            if let Some(error) = ended {
                self.ended = Some(Some(error));
                self.read = None;
            }
        }
    }
}
