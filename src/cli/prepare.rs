//! Rows -> chunks of tokens, on a thread of its own: while one chunk is computed, the next is read and tokenized.

use super::Failure;
use super::input::Input;
use super::labels::LabelReader;
use super::signals;
use crate::rows::{Fields, Place, Row};
use crate::text::Encoding;
use crate::{Classifier, Error, Label, Task, Text, TextEncoder};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Rows of the first chunk, and of the largest.
const FIRST_CHUNK: usize = 64;
const LARGEST_CHUNK: usize = 16384;
/// Chunks that wait, ready: the device must not wait for a slow disk.
const READY: usize = 2;
/// How long a chunk should take: answers appear this often, and an interruption loses no more than two.
const CHUNK_TIME: Duration = Duration::from_secs(1);

/// The tokens of a row, in windows where there are several, and what its loss is measured against, or why there are none.
pub type Prepared = Result<(Vec<Encoding>, Option<Label>), String>;

/// Some rows that follow each other.
pub struct Chunk {
    /// Index of the first row, or of what was skipped before it, and where that is.
    pub first: (usize, Place),
    pub rows: Vec<Row>,
    /// Of each row.
    pub prepared: Vec<Prepared>,
    /// What the input found by itself.
    pub notes: Vec<String>,
    /// The columns of the input, where it ended without a row and has some.
    pub columns: Fields,
    /// Index of the row behind it.
    pub next: usize,
    /// Bytes of the input up to its end.
    pub position: u64,
    /// Rows that it could have had.
    most: usize,
}

/// Why there are no more rows, and the first that is missing.
pub struct Stop {
    pub row: (usize, Place),
    pub failure: Failure,
}

/// What becomes of the labels of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// The loss is measured against them: what is no label of the model's fails.
    Loss,
    /// Somebody else reads them.
    Ignored,
}

/// The chunks of an input, in their order.
pub struct Chunks {
    prepared: Receiver<Result<Chunk, Stop>>,
    thread: Option<JoinHandle<()>>,
    sizes: Sizes,
}

impl Chunks {
    /// Starts to read, some chunks ahead.
    ///
    /// Nobody waits for the thread unless the input ends: it may be waiting for a row that never comes.
    pub fn of(input: Input, classifier: Classifier, labels: Labels) -> Chunks {
        let (sender, prepared) = sync_channel(READY);
        let sizes = Sizes(Arc::new(AtomicUsize::new(FIRST_CHUNK)));
        let most = sizes.0.clone();
        let reader = (labels == Labels::Loss).then(LabelReader::default);
        let preparing = Preparing { encoder: classifier.encoder(), classifier, labels: reader };
        let thread = thread::spawn(move || preparing.run(input, &most, &sender));
        Chunks { prepared, thread: Some(thread), sizes }
    }

    /// What makes later chunks larger or smaller.
    pub fn sizes(&self) -> Sizes {
        self.sizes.clone()
    }
}

/// How many rows later chunks have.
#[derive(Clone)]
pub struct Sizes(Arc<AtomicUsize>);

impl Sizes {
    /// Goes by the time that a chunk took to compute.
    pub fn adapt(&self, chunk: &Chunk, time: Duration) {
        let most = match time {
            time if time < CHUNK_TIME / 2 => (chunk.most * 2).min(LARGEST_CHUNK),
            time if time > CHUNK_TIME * 2 => (chunk.most / 2).max(1),
            _ => chunk.most,
        };
        self.0.store(most, Ordering::Relaxed);
    }
}

impl Iterator for Chunks {
    type Item = Result<Chunk, Stop>;

    fn next(&mut self) -> Option<Result<Chunk, Stop>> {
        let next = self.prepared.recv().ok();
        if next.is_none()
            && let Some(thread) = self.thread.take()
        {
            // Otherwise a panic would look like the end of the input.
            thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
        next
    }
}

struct Preparing {
    encoder: TextEncoder,
    classifier: Classifier,
    labels: Option<LabelReader>,
}

impl Preparing {
    fn run(mut self, mut input: Input, most: &AtomicUsize, sender: &SyncSender<Result<Chunk, Stop>>) {
        let mut any = false;
        while signals::caught().is_none() {
            let (first, most) = (input.next(), most.load(Ordering::Relaxed));
            let chunk = input.chunk(most);
            let (notes, columns) = (input.notes(), if any { Fields::default() } else { input.columns() });
            any = true;
            let chunk = match chunk {
                // What is found at the end of an input is said, too.
                Ok(rows) if rows.is_empty() && notes.is_empty() && columns.is_alone() => return,
                Ok(rows) => Ok(Chunk {
                    first,
                    prepared: self.prepare(&rows),
                    notes,
                    columns,
                    next: input.next().0,
                    rows,
                    position: input.position(),
                    most,
                }),
                Err(error) => Err(Stop { row: first, failure: error.into() }),
            };
            let stopped = chunk.is_err();
            if sender.send(chunk).is_err() || stopped {
                return;
            }
        }
    }

    fn prepare(&mut self, rows: &[Row]) -> Vec<Prepared> {
        let encoder = &self.encoder;
        let texts: Vec<Text<'_>> = rows
            .iter()
            .flat_map(|row| &row.content)
            .map(|content| encoder.row(&content.text, content.text_pair.as_deref()))
            .collect();
        let mut encodings = encoder.encode_windows_all(&texts).into_iter();
        let mut prepare = |row: &Row| {
            let content = row.content.as_ref().map_err(String::clone)?;
            let encoding = encodings.next().expect("every text has an encoding or an error");
            let encoding = encoding.map_err(|error| match error {
                // Who reports it knows the row.
                Error::Text { message, .. } => message,
                error => error.to_string(),
            })?;
            let label = match (&content.label, &mut self.labels, self.classifier.task()) {
                (None, ..) | (_, None, _) => None,
                (Some(label), Some(reader), Task::SequenceClassification) => {
                    Some(reader.read(self.classifier.config(), label)?)
                }
                (Some(_), Some(_), Task::TokenClassification) => {
                    return Err("it has a label, but the loss of tokens is not computed".into());
                }
            };
            Ok((encoding, label))
        };
        rows.iter().map(&mut prepare).collect()
    }
}
