//! Rows -> chunks of tokens, on a thread of its own: while one chunk is computed, the next is read and tokenized.

use super::Failure;
use super::input::Input;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use wgbert::rows::{Place, Row};
use wgbert::text::Encoding;
use wgbert::{Error, Text, TextEncoder};

/// Rows of the first chunk, and of the largest.
const FIRST_CHUNK: usize = 64;
const LARGEST_CHUNK: usize = 16384;
/// How long a chunk should take: answers appear this often, and an interruption loses no more than two.
const CHUNK_TIME: Duration = Duration::from_secs(1);

/// Some rows that follow each other.
pub struct Chunk {
    /// Index of the first row, or of what was skipped before it, and where that is.
    pub first: (usize, Place),
    pub rows: Vec<Row>,
    /// The tokens of each row, or why there are none.
    pub encodings: Vec<Result<Encoding, String>>,
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
    most: Arc<AtomicUsize>,
}

impl Chunks {
    /// Starts to read. One chunk is kept ready, no more.
    ///
    /// Nobody waits for the thread unless the input ends: it may be waiting for a row that never comes.
    pub fn of(input: Input, encoder: TextEncoder) -> Chunks {
        let (sender, prepared) = sync_channel(0);
        let most = Arc::new(AtomicUsize::new(FIRST_CHUNK));
        let sizes = most.clone();
        let thread = thread::spawn(move || prepare(input, &encoder, &sizes, &sender));
        Chunks { prepared, thread: Some(thread), most }
    }

    /// Lets later chunks be larger or smaller, by the time that this one took to compute.
    pub fn adapt(&self, chunk: &Chunk, time: Duration) {
        let most = match time {
            time if time < CHUNK_TIME / 2 => (chunk.most * 2).min(LARGEST_CHUNK),
            time if time > CHUNK_TIME * 2 => (chunk.most / 2).max(1),
            _ => chunk.most,
        };
        self.most.store(most, Ordering::Relaxed);
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

fn prepare(mut input: Input, encoder: &TextEncoder, most: &AtomicUsize, sender: &SyncSender<Result<Chunk, Stop>>) {
    loop {
        let (first, most) = (input.next(), most.load(Ordering::Relaxed));
        let chunk = match input.chunk(most) {
            Ok(rows) if rows.is_empty() => return,
            Ok(rows) => Ok(Chunk { first, encodings: encode(encoder, &rows), rows, position: input.position(), most }),
            Err(error) => Err(Stop { row: first, failure: error.into() }),
        };
        let stopped = chunk.is_err();
        if sender.send(chunk).is_err() || stopped {
            return;
        }
    }
}

fn encode(encoder: &TextEncoder, rows: &[Row]) -> Vec<Result<Encoding, String>> {
    let texts: Vec<Text<'_>> = rows
        .iter()
        .flat_map(|row| &row.content)
        .map(|content| encoder.row(&content.text, content.text_pair.as_deref()))
        .collect();
    let mut encodings = encoder.encode_all(&texts).into_iter();
    let encode_row = |row: &Row| {
        row.content.as_ref()?;
        let encoding = encodings.next().expect("every text has an encoding or an error");
        encoding.map_err(|error| match error {
            // Who reports it knows the row.
            Error::Text { message, .. } => message,
            error => error.to_string(),
        })
    };
    rows.iter().map(encode_row).collect()
}
