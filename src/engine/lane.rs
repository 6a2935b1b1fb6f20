//! One adapter: the batches it has, who reads the oldest, and what answers in its place if it is wrong.

use super::{
    Engine,
    batch::Batch,
    device::{Device, Plans, Refusal},
    job::Job,
    self_check::{self, Problem},
};
use crate::error::{Error, Result};
use crate::gpu::{AdapterDescription, Gpu, Pending, Plan, Timing};
use crate::ir::{BatchLimits, Output, Values};
use crate::models::encoder::OutputSpec;
use crate::options::{Checked, Options, SelfCheck};
use crate::text::Encoding;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Batches that a device may have at a time: one runs, the next waits behind it.
const IN_FLIGHT: usize = 2;

/// An adapter that takes batches from the queue. Whoever waits for an answer drives it: submits what waits, and reads the
/// oldest batch, whosever it is.
pub(super) struct Lane {
    /// The adapter with all that it offers, then with less, and then others: the first that is not known to be wrong answers.
    devices: Vec<Device>,
    current: AtomicUsize,
    /// Why others before it do not, by their places.
    problems: Mutex<Vec<(usize, Problem)>>,
    /// The oldest first.
    flight: Mutex<VecDeque<InFlight>>,
    lost: OnceLock<Error>,
}

struct InFlight {
    batch: Batch,
    wanted: OutputSpec,
    /// The place of its device.
    device: usize,
    arriving: Arriving,
}

enum Arriving {
    Device(Pending),
    Here(Vec<(Output, Values)>),
}

/// The texts of a batch go back where they came from unless it is submitted.
struct Formed<'a> {
    engine: &'a Engine,
    batch: Option<Batch>,
}

impl Drop for Formed<'_> {
    fn drop(&mut self) {
        if let Some(batch) = self.batch.take() {
            self.engine.give_back(batch);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lane {
    /// Of devices in the order in which they answer, at least one, of which the first is open.
    pub(super) fn new(devices: Vec<Device>) -> Lane {
        Lane {
            devices,
            current: AtomicUsize::new(0),
            problems: Mutex::default(),
            flight: Mutex::default(),
            lost: OnceLock::new(),
        }
    }

    fn device(&self) -> &Device {
        &self.devices[self.current.load(Ordering::Acquire)]
    }

    /// Name of the adapter, or `reference`.
    pub(super) fn name(&self) -> &str {
        self.device().name()
    }

    /// The open device; none where the CPU twins run.
    pub(super) fn gpu(&self) -> Option<&Arc<Gpu>> {
        self.device().gpu()
    }

    /// What is known of whether it computes what it should.
    pub(super) fn checked(&self, options: &Options) -> Checked {
        let device = self.device();
        match (&device.adapter, options.self_check) {
            (None, _) => Checked::Reference,
            (Some(_), SelfCheck::Never) => Checked::Never,
            (Some(_), _) if device.has_passed() => Checked::Passed { used: device.how },
            (Some(_), _) => Checked::NotYet,
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.get().is_some()
    }

    /// Why no more batches are given to it.
    pub(super) fn lost(&self) -> Option<Error> {
        self.lost.get().cloned()
    }

    /// Bytes of weights, and of what batches compute.
    pub(super) fn memory(&self) -> [u64; 2] {
        let device = self.device();
        [&device.weight_bytes, &device.activation_bytes].map(|bytes| bytes.load(Ordering::Relaxed))
    }

    /// Time that the device computed, where it is counted.
    pub(super) fn busy(&self) -> Option<Duration> {
        self.device().clock.get().map(|clock| clock.total())
    }

    /// Whether texts fit the batches that it runs for `wanted`.
    ///
    /// # Errors
    /// [`Error::Text`] for the first that does not.
    pub(super) fn fit(&self, engine: &Engine, wanted: OutputSpec, encodings: &[Encoding]) -> Result<()> {
        let [limits, _] = self.device().limits(engine, wanted);
        let Some(index) = encodings.iter().position(|encoding| encoding.ids.len() > limits.tokens) else {
            return Ok(());
        };
        let message = format!(
            "{} tokens, but with the outputs that were asked for a batch on {} holds at most {}",
            encodings[index].ids.len(),
            self.name(),
            limits.tokens
        );
        Err(Error::Text { index, message })
    }

    /// Submits what waits, as far as the device takes it.
    pub(super) async fn submit(&self, engine: &Engine) {
        // That of who asks, and not of who holds the plans.
        let most = self.most();
        while self.next_of(engine, most).is_some() {
            let place = self.current.load(Ordering::Acquire);
            let submit = async |plans: &mut Plans| {
                // Another may be in its place by now.
                while self.current.load(Ordering::Acquire) == place
                    && let Some(wanted) = self.next_of(engine, most)
                {
                    self.submit_one(engine, place, plans, wanted).await?;
                }
                ControlFlow::Continue(())
            };
            if self.devices[place].with_plans(submit).await.is_break() {
                return;
            }
        }
    }

    /// Submits a batch to the device in that place, or lets another take its place. Breaks where no text waits any more.
    async fn submit_one(
        &self,
        engine: &Engine,
        place: usize,
        plans: &mut Plans,
        wanted: OutputSpec,
    ) -> ControlFlow<()> {
        let device = &self.devices[place];
        let [limits, most] = device.limits(engine, wanted);
        let Some(mut formed) = self.form(engine, device, plans, wanted, limits, most) else {
            return ControlFlow::Break(());
        };
        let size = formed.batch.as_ref().expect("it was just formed").run().size();
        match device.prepare(plans, engine, wanted, &size).await {
            Ok(()) => {}
            Err(Refusal::Wrong(problem)) => {
                *plans = Plans::default();
                if let Err(error) = self.step_down(engine, place, problem).await {
                    self.undone(engine, formed.batch.take().expect("it was not submitted"), error);
                }
                // Else its texts go back, and are the first of the next device.
                return ControlFlow::Continue(());
            }
            Err(Refusal::Error(error)) => {
                self.undone(engine, formed.batch.take().expect("it was not submitted"), error.clone());
                if !self.is_lost() {
                    // What no batch can have.
                    engine.queue().take_all(wanted).into_iter().for_each(|job| job.fail(error.clone()));
                }
                return ControlFlow::Continue(());
            }
        }
        let run = formed.batch.as_ref().expect("it was just formed").run();
        let arriving = match plans.plans.get_mut(&wanted) {
            Some(plan) => plan.submit(run).await.map(Arriving::Device),
            None => Ok(Arriving::Here(plans.references.get_mut(&wanted).expect("it is prepared").run(run))),
        };
        let activations = plans.plans.values().map(Plan::activation_bytes).sum();
        device.activation_bytes.store(activations, Ordering::Relaxed);
        let mut batch = formed.batch.take().expect("it was not put back");
        plans.tokens = batch.take_tokens();
        match arriving {
            Ok(arriving) => {
                if let Some(batch) = self.take_off(InFlight { batch, wanted, device: place, arriving }) {
                    self.undone(engine, batch, self.lost().expect("it gives batches back when it is lost"));
                }
                engine.changed.notify(usize::MAX);
            }
            Err(error) => self.undone(engine, batch, error),
        }
        ControlFlow::Continue(())
    }

    /// The next batch, with its canaries.
    fn form<'a>(
        &self,
        engine: &'a Engine,
        device: &Device,
        plans: &mut Plans,
        wanted: OutputSpec,
        limits: BatchLimits,
        most: BatchLimits,
    ) -> Option<Formed<'a>> {
        let (padding, labels) = (engine.model.position_padding(), engine.labels.len());
        let push = |batch: &mut Batch, job: &Arc<Job>, text| batch.push(job, text, padding, labels);
        // Calls are held against the limits before they wait, but a device with less may be in the place of another since.
        for job in engine.queue().too_long(wanted, limits.tokens) {
            job.fail(self.fit(engine, wanted, &job.encodings).expect_err("it has a text that does not fit"));
        }
        let tokens = std::mem::take(&mut plans.tokens);
        let mut batch = engine.queue().batch(wanted, limits, tokens, push)?;
        if let Some(canary) = &device.canary {
            let room = [most.tokens - batch.tokens(), most.texts - batch.texts.len()];
            canary.join(&mut batch, wanted, room, padding, labels);
        }
        Some(Formed { engine, batch: Some(batch) })
    }

    /// Puts the next device in the place of one that is wrong, and gives back the batches that it had.
    ///
    /// # Errors
    /// [`Error::WrongAnswers`] of the first adapter, where none is left.
    async fn step_down(&self, engine: &Engine, place: usize, problem: Problem) -> Result<()> {
        let wrong = &self.devices[place];
        let adapter = wrong.adapter.as_ref().expect("the reference is what others are held against");
        locked(&self.problems).push((place, problem.clone()));
        for (next, device) in self.devices.iter().enumerate().skip(place + 1) {
            // What cannot be opened is no reason to stop looking.
            if let Err(error) = device.open(&engine.options).await {
                log::info!("{error}");
                continue;
            }
            let other = device.adapter.as_ref().filter(|other| other.to_string() != adapter.to_string());
            self_check::say(match other {
                Some(other) => format!("{}; {other} is used instead", self.refusal(engine, adapter)),
                None => format!(
                    "adapter {}: {problem}; it is used {}. `SelfCheck::Always` looks again",
                    adapter.name, device.how
                ),
            });
            self.current.store(next, Ordering::Release);
            let batches: Vec<Batch> = locked(&self.flight).drain(..).map(|flying| flying.batch).collect();
            batches.into_iter().rev().for_each(|batch| engine.give_back(batch));
            return Ok(());
        }
        Err(self.refusal(engine, self.devices[0].adapter.as_ref().unwrap_or(adapter)))
    }

    /// The error for an adapter that is wrong however it was used.
    fn refusal(&self, engine: &Engine, adapter: &AdapterDescription) -> Error {
        let of = |device: &Device| device.adapter.as_ref().is_some_and(|of| of.to_string() == adapter.to_string());
        let problems = locked(&self.problems);
        let own = problems.iter().map(|(place, problem)| (&self.devices[*place], problem));
        let own = own.filter(|(device, _)| of(device)).map(|(device, problem)| (device.how, problem.clone()));
        self_check::refuse(adapter, &engine.options, &own.collect::<Vec<_>>())
    }

    /// Puts a submitted batch behind the others; gives it back where the device was lost meanwhile, since nobody reads what
    /// such a device has.
    fn take_off(&self, submitted: InFlight) -> Option<Batch> {
        let mut flight = locked(&self.flight);
        if self.is_lost() {
            return Some(submitted.batch);
        }
        flight.push_back(submitted);
        None
    }

    /// What the next batch is to answer, if one waits and the device takes it.
    pub(super) fn next(&self, engine: &Engine) -> Option<OutputSpec> {
        self.next_of(engine, self.most())
    }

    fn next_of(&self, engine: &Engine, most: usize) -> Option<OutputSpec> {
        let takes = !self.is_lost() && locked(&self.flight).len() < most;
        if takes { engine.queue().next() } else { None }
    }

    /// Batches that it takes at a time.
    fn most(&self) -> usize {
        // Mesa's software adapters take a submission when they have executed the one before. Who may wait waits there; a
        // future that may not has to see the answers first.
        let waits = self.gpu().is_some_and(|gpu| gpu.capabilities.cpu && !crate::gpu::may_block());
        if waits || self.gpu().is_none() { 1 } else { IN_FLIGHT }
    }

    /// Hands out the answers of the oldest batch, as soon as it is done; whether there was one. Whoever else waits for it may
    /// have done so meanwhile.
    pub(super) async fn read(&self, engine: &Engine) -> bool {
        let arrival = match locked(&self.flight).front().map(|oldest| &oldest.arriving) {
            None => return false,
            Some(Arriving::Here(_)) => None,
            Some(Arriving::Device(pending)) => Some(pending.arrival()),
        };
        let arrived = match &arrival {
            None => Ok(()),
            Some(arrival) => arrival.wait().await,
        };
        let is_ours = |oldest: &InFlight| match (&oldest.arriving, &arrival) {
            (Arriving::Device(pending), Some(arrival)) => Arc::ptr_eq(&pending.arrival(), arrival),
            (Arriving::Here(_), None) => true,
            _ => false,
        };
        let oldest = {
            let mut flight = locked(&self.flight);
            if flight.front().is_some_and(is_ours) { flight.pop_front() } else { None }
        };
        let Some(InFlight { batch, wanted, device, arriving }) = oldest else { return true };
        let outputs = arrived.and_then(|()| match arriving {
            Arriving::Device(pending) => pending.take(),
            Arriving::Here(outputs) => Ok(outputs),
        });
        let device = &self.devices[device];
        let outputs = outputs.and_then(|outputs| match &device.canary {
            None => Ok(outputs),
            Some(canary) => canary.check(device.name(), wanted, &batch, &outputs).map(|()| outputs),
        });
        match outputs {
            Ok(outputs) => batch.distribute(&outputs),
            Err(error) => self.undone(engine, batch, error),
        }
        true
    }

    /// A batch has no answers: another device gets it, if this one is lost and there is one.
    fn undone(&self, engine: &Engine, batch: Batch, error: Error) {
        if self.gives_up(engine, &error) { engine.give_back(batch) } else { engine.fail(batch, &error) }
    }

    /// Whether the device is lost, or as good as that since it computes something wrong, and others go on.
    fn gives_up(&self, engine: &Engine, error: &Error) -> bool {
        matches!(error, Error::DeviceLost { .. } | Error::WrongAnswers { .. }) && engine.lose(self, error)
    }

    /// Says that no more batches are given to it, and takes from it those that it has. None where that was said before.
    pub(super) fn lose(&self, error: &Error) -> Option<Vec<Batch>> {
        let mut flight = locked(&self.flight);
        self.lost.set(error.clone()).ok()?;
        Some(flight.drain(..).map(|submitted| submitted.batch).collect())
    }

    /// GPU time of each step of each batch that these texts need, without reading answers back.
    pub(super) async fn profile(
        &self,
        engine: &Engine,
        encodings: &[Encoding],
        wanted: OutputSpec,
    ) -> Result<Vec<Timing>> {
        self.device().profile(engine, encodings, wanted).await.map_err(|refusal| match refusal {
            Refusal::Error(error) => error,
            Refusal::Wrong(problem) => {
                let adapter = self.device().adapter.as_ref().expect("the reference is not checked");
                self_check::refuse(adapter, &engine.options, &[(self.device().how, problem)])
            }
        })
    }
}
