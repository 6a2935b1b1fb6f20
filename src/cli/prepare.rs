//! Rows -> chunks of tokens, on a thread of its own: while one chunk is computed, the next is read and tokenized.

use super::Failure;
use super::asked::{Asked, Labels, Prepared};
use super::input::Input;
use super::labels::LabelReader;
use super::signals;
use crate::Classifier;
use crate::rows::{Fields, Place, Row};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Texts of the first chunk, and of the largest.
const FIRST_CHUNK: usize = 64;
const LARGEST_CHUNK: usize = 16384;
/// Chunks that wait, ready: the device must not wait for a slow disk.
const READY: usize = 2;
/// How long a chunk should take: answers appear this often, and an interruption loses no more than two.
const CHUNK_TIME: Duration = Duration::from_secs(1);

/// Some rows that follow each other.
pub struct Chunk {
    /// Index of the first row, or of what was skipped before it, and where that is.
    pub first: (usize, Place),
    pub rows: Vec<Row>,
    /// Each row as the model reads it, or why it cannot.
    pub prepared: Vec<Result<Prepared, String>>,
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
    pub fn of(input: Input, classifier: Classifier, asked: Asked, labels: Labels) -> Chunks {
        let (sender, prepared) = sync_channel(READY);
        // Memory holds the encodings of some chunks.
        let of_texts = |texts: usize| (texts / asked.texts().max(1)).max(1);
        let sizes = Sizes { rows: Arc::new(AtomicUsize::new(of_texts(FIRST_CHUNK))), most: of_texts(LARGEST_CHUNK) };
        let most = sizes.rows.clone();
        let reader = (labels == Labels::Loss).then(LabelReader::default);
        let preparing = Preparing { classifier, asked, labels: reader };
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
pub struct Sizes {
    rows: Arc<AtomicUsize>,
    most: usize,
}

impl Sizes {
    /// Goes by the time that a chunk took to compute.
    pub fn adapt(&self, chunk: &Chunk, time: Duration) {
        let most = match time {
            time if time < CHUNK_TIME / 2 => (chunk.most * 2).min(self.most),
            time if time > CHUNK_TIME * 2 => (chunk.most / 2).max(1),
            _ => chunk.most,
        };
        self.rows.store(most, Ordering::Relaxed);
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
    classifier: Classifier,
    asked: Asked,
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
                    prepared: self.asked.prepare(&self.classifier, &rows, self.labels.as_mut()),
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
}
