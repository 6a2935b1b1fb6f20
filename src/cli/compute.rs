//! Chunks of tokens -> answers, on threads of their own: two chunks are computed at a time, so that the device has the next one
//! when one ends, and the answers of the one before are written meanwhile.

use super::Failure;
use super::asked::Asked;
use super::documents::Documents;
use super::entities::{Beside, Output};
use super::prepare::{Chunk, Chunks, Sizes, Stop};
use super::signals;
use crate::text::Encoding;
use crate::{Classifier, Error, Request};
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Chunks that are computed at a time.
const WORKERS: usize = 2;
/// Chunks that wait to be written: a slow disk must not stop the device at once.
const READY: usize = 2;
/// How often somebody who waits looks for a signal.
const LOOK: Duration = Duration::from_millis(50);

/// A chunk with its answers.
pub struct Answered {
    pub chunk: Chunk,
    /// For the rows that could be answered, in their order.
    pub output: Output,
    /// For each row why it could not.
    pub failures: Vec<Option<String>>,
}

/// What chunks are computed with.
#[derive(Clone)]
pub struct Computing {
    pub classifier: Classifier,
    pub asked: Asked,
    /// What is wanted beside scores; labels are the rows'.
    pub request: Request,
}

/// What a worker sends: the chunk's number, so that they can be written in their order.
type Numbered = (usize, Result<Answered, Stop>);

/// The answers of all chunks, in their order.
pub struct Answers {
    answered: Receiver<Numbered>,
    workers: Vec<JoinHandle<()>>,
    /// Those that came before their turn.
    early: BTreeMap<usize, Result<Answered, Stop>>,
    next: usize,
    /// Chunks that were taken and not sent.
    under_way: Arc<AtomicUsize>,
}

struct Source {
    chunks: Chunks,
    taken: usize,
}

impl Computing {
    /// Starts to answer.
    pub fn start(self, chunks: Chunks) -> Answers {
        let (sender, answered) = sync_channel(READY);
        let sizes = chunks.sizes();
        let source = Arc::new(Mutex::new(Source { chunks, taken: 0 }));
        let under_way = Arc::new(AtomicUsize::new(0));
        let start = |_| {
            let (computing, source, sizes) = (self.clone(), source.clone(), sizes.clone());
            let (sender, under_way) = (sender.clone(), under_way.clone());
            thread::spawn(move || computing.run(&source, &sizes, &sender, &under_way))
        };
        let workers = (0..WORKERS).map(start).collect();
        Answers { answered, workers, early: BTreeMap::new(), next: 0, under_way }
    }

    /// Answers texts for the time that it takes.
    pub fn run_once(&self, texts: &[Vec<Encoding>]) -> Result<(), Failure> {
        Output::run(&self.classifier, &self.asked, texts, &Request::default())?;
        Ok(())
    }

    /// Answers chunks until they end, one fails or nobody wants more.
    fn run(&self, source: &Mutex<Source>, sizes: &Sizes, answers: &SyncSender<Numbered>, under_way: &AtomicUsize) {
        loop {
            let (number, chunk) = {
                // A panic of the other worker is said by whoever joins it.
                let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(chunk) = source.chunks.next() else { return };
                under_way.fetch_add(1, Ordering::SeqCst);
                source.taken += 1;
                (source.taken - 1, chunk)
            };
            let started = Instant::now();
            let answered = chunk.and_then(|mut chunk| {
                let row = chunk.first;
                let (output, failures) = self.answer(&mut chunk).map_err(|failure| Stop { row, failure })?;
                Ok(Answered { chunk, output, failures })
            });
            if let Ok(answered) = &answered {
                // Each has had its share of the device.
                sizes.adapt(&answered.chunk, started.elapsed() / WORKERS as u32);
            }
            let stopped = answered.is_err();
            let sent = answers.send((number, answered));
            under_way.fetch_sub(1, Ordering::SeqCst);
            if sent.is_err() || stopped {
                return;
            }
        }
    }

    /// Takes what was prepared out of the chunk.
    fn answer(&self, chunk: &mut Chunk) -> Result<(Output, Vec<Option<String>>), Failure> {
        let mut failures = vec![None; chunk.rows.len()];
        // The row of each text, and what each row has beside them.
        let (mut texts, mut row_of, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        let mut beside: Vec<Beside> = chunk.rows.iter().map(|_| Beside::default()).collect();
        for (row, prepared) in std::mem::take(&mut chunk.prepared).into_iter().enumerate() {
            match prepared {
                Ok(prepared) => {
                    labels.extend(prepared.texts.iter().map(|_| prepared.label.clone()));
                    row_of.extend(prepared.texts.iter().map(|_| row));
                    texts.extend(prepared.texts);
                    beside[row] = Beside { refused: prepared.refused, parts: prepared.parts };
                }
                Err(message) => failures[row] = Some(message),
            }
        }
        let mut request = self.request.clone().labels(labels);
        let output = loop {
            if texts.is_empty() {
                break Output::default();
            }
            match Output::run(&self.classifier, &self.asked, &texts, &request) {
                Ok(output) => break output,
                // One of them cannot be answered, which is found before anything is computed: the others can.
                Err(Error::Text { index, message }) => {
                    let row = row_of[index];
                    let mut lost =
                        row_of.partition_point(|other| *other < row)..row_of.partition_point(|other| *other <= row);
                    if let Asked::Documents(_) = self.asked {
                        let refused = &mut beside[row].refused;
                        let corpus_id = Documents::corpus_id(refused, index - lost.start);
                        refused.push((corpus_id, message));
                        lost = index..index + 1;
                    } else if matches!(self.asked, Asked::Parts(_)) && index > lost.start {
                        failures[row] = Some(format!("without a part {message}"));
                    } else {
                        failures[row] = Some(message);
                    }
                    texts.drain(lost.clone());
                    row_of.drain(lost.clone());
                    request.labels.drain(lost);
                }
                Err(error) => return Err(error.into()),
            }
        };
        let answered = beside.into_iter().zip(&failures).filter(|(_, failure)| failure.is_none());
        let beside = answered.map(|(beside, _)| beside).collect();
        Ok((output.of_rows(&self.asked, beside), failures))
    }
}

impl Iterator for Answers {
    type Item = Result<Answered, Stop>;

    /// The next chunk's answers; none at the end, or when a signal came and what was under way is done.
    fn next(&mut self) -> Option<Result<Answered, Stop>> {
        loop {
            if let Some(answered) = self.early.remove(&self.next) {
                self.next += 1;
                return Some(answered);
            }
            // Read before the channel is: what is sent in between is still found.
            let idle = signals::caught().is_some() && self.under_way.load(Ordering::SeqCst) == 0;
            match self.answered.recv_timeout(if idle { Duration::ZERO } else { LOOK }) {
                Ok((number, answered)) => {
                    self.early.insert(number, answered);
                }
                Err(RecvTimeoutError::Timeout) if idle => return None,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    // Otherwise a panic would look like the end of the input.
                    self.workers
                        .drain(..)
                        .for_each(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
                    return None;
                }
            }
        }
    }
}
