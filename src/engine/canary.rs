//! A text with a known answer among those that are asked for: an adapter that was right may become wrong, when it is too hot, when
//! its driver was reset, when its memory fails.
//!
//! The canary is the last text of a batch, so that what it shows is that batch's own time, and the batch is handed out only if
//! the canary is right. Small calls wait for no canary: it is in every so many of their batches.

use super::batch::Batch;
use crate::error::{Error, Result};
use crate::ir::{Output, Rows, Storage, Values};
use crate::models::{Model, encoder::OutputSpec};
use crate::options::SelfCheck;
use crate::text::Encoding;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tokens of the canary, at most.
pub(super) const TOKENS: usize = 4;
/// Canaries of a batch: one, or two that have to agree where the answer is not known yet.
pub(super) const MOST: usize = 2;
/// Tokens of a call whose every batch has one: it is a fivehundredth of them.
const LARGE: usize = 2048;
/// Of the batches of smaller calls alone every so many have one.
const EVERY: u32 = 64;

/// The canary of a device.
pub(super) struct Canary {
    when: SelfCheck,
    encoding: Arc<Encoding>,
    /// Of logits, by their size where that is above 1: other tiles may round otherwise.
    tolerance: f64,
    /// Whether logits have a row for every text or for every token.
    rows: Rows,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Its logits, once two of them agreed.
    known: HashMap<OutputSpec, Vec<f32>>,
    /// Batches since the last that had one.
    without: u32,
    /// Texts that were handed out since one was right.
    trusted: usize,
}

impl Canary {
    /// None where nothing is checked.
    pub(super) fn new(model: &Model, when: SelfCheck, storage: Storage) -> Option<Canary> {
        if when == SelfCheck::Never {
            return None;
        }
        let words = model.embeddings.words.rows as u64;
        let padding = model.position_padding().map(u64::from);
        // Anywhere in the table, but for the padding, which has no position.
        let ids = (1..).map(|place| place * 7919 % words).filter(|id| Some(*id) != padding || words == 1);
        let ids: Vec<u32> = ids.take(TOKENS.min(model.max_length)).map(|id| id as u32).collect();
        let types = vec![0; ids.len()];
        Some(Canary {
            when,
            encoding: Arc::new(Encoding::new(ids, types)),
            tolerance: if storage == Storage::F16 { 2e-2 } else { 1e-3 },
            rows: model.head.rows(),
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts it behind the texts of a batch that is to have one; `room`: tokens and texts that the plan has left.
    pub(super) fn join(
        &self,
        batch: &mut Batch,
        wanted: OutputSpec,
        room: [usize; 2],
        padding: Option<u32>,
        labels: usize,
    ) {
        let mut state = self.state();
        let large = batch.texts.iter().any(|(job, _)| job.tokens >= LARGE);
        state.without += 1;
        if !large && self.when != SelfCheck::Always && state.without < EVERY {
            return;
        }
        let count = if state.known.contains_key(&wanted) { 1 } else { MOST };
        let [tokens, texts] = room;
        // A single text may be all that the adapter takes.
        if tokens < count * self.encoding.ids.len() || texts < count {
            return;
        }
        state.without = 0;
        for _ in 0..count {
            batch.push_canary(&self.encoding, wanted, padding, labels);
        }
    }

    /// Whether the canaries of a batch are right, if it has any.
    ///
    /// # Errors
    /// [`Error::WrongAnswers`].
    pub(super) fn check(
        &self,
        adapter: &str,
        wanted: OutputSpec,
        batch: &Batch,
        outputs: &[(Output, Values)],
    ) -> Result<()> {
        let mut state = self.state();
        if batch.canaries == 0 {
            state.trusted += batch.texts.len();
            return Ok(());
        }
        let logits = outputs.iter().find(|(output, _)| *output == Output::Logits);
        let logits = logits.map_or(&[][..], |(_, values)| values.f32());
        for canary in 0..batch.canaries {
            let actual = batch.rows_of_canary(canary, self.rows, logits);
            // The first of two says what the second is held against.
            let Some(known) = state.known.get(&wanted) else {
                state.known.insert(wanted, actual.to_vec());
                continue;
            };
            let differs = |(&is, &should): (&f32, &f32)| {
                let error = f64::from(is - should).abs();
                let both = is.to_bits() == should.to_bits() || is.is_nan() && should.is_nan();
                !both && (error.is_nan() || error > self.tolerance * f64::from(should).abs().max(1.0))
            };
            let wrong = actual.iter().zip(known).position(differs).or((actual.len() != known.len()).then_some(0));
            if let Some(place) = wrong {
                let [is, should] = [actual, &known[..]].map(|logits| logits.get(place).copied().unwrap_or(f32::NAN));
                let before = match state.trusted {
                    0 => String::new(),
                    texts => format!("; it answered {texts} texts of small calls since it was last known to be right"),
                };
                let message = format!(
                    "among other texts, logit {place} of one that is known was {is:?}, and should be {should:?}{before}"
                );
                if batch.canaries == MOST {
                    // Which of two is wrong is not known.
                    state.known.remove(&wanted);
                }
                return Err(Error::WrongAnswers { adapter: adapter.into(), message, report: None });
            }
        }
        state.trusted = 0;
        Ok(())
    }
}
