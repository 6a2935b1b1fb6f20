//! One device: its plans, the batches it has, and who reads the oldest.

use super::{
    Engine,
    batch::Batch,
    canary::{self, Canary},
    job::Job,
    self_check::{self, Checked},
};
use crate::error::{Error, Result};
use crate::gpu::{Clock, Gpu, Pending, Plan, Timing, WeightBuffers};
use crate::ir::{BatchLimits, Output, Recording, Storage, Values};
use crate::models::Model;
use crate::models::encoder::{self, OutputSpec};
use crate::options::{Options, SelfCheck};
use crate::reference::Reference;
use crate::text::Encoding;
use async_lock::Mutex as AsyncMutex;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Batches that a device may have at a time: one runs, the next waits behind it.
const IN_FLIGHT: usize = 2;

/// A device that takes batches from the queue. Whoever waits for an answer drives it: submits what waits, and reads the
/// oldest batch, whosever it is.
pub(super) struct Lane {
    /// Name of the adapter, or `reference`.
    pub name: String,
    /// None where the CPU twins run.
    pub gpu: Option<Arc<Gpu>>,
    recorded: Mutex<HashMap<OutputSpec, Recorded>>,
    /// To write a batch's inputs and to submit it is one step, of whoever holds this.
    plans: AsyncMutex<Plans>,
    /// The oldest first.
    flight: Mutex<VecDeque<InFlight>>,
    clock: OnceLock<Arc<Clock>>,
    weight_bytes: AtomicU64,
    activation_bytes: AtomicU64,
    lost: OnceLock<Error>,
    /// Keys of the steps that the device was checked for.
    checked: Mutex<HashSet<u64>>,
    canary: Option<Canary>,
}

/// A recording that has no plan yet, the largest batches that are formed for it, and those that it will run: with canaries.
struct Recorded {
    limits: BatchLimits,
    with_canaries: BatchLimits,
    recording: Option<Recording>,
}

#[derive(Default)]
struct Plans {
    weights: WeightBuffers,
    plans: HashMap<OutputSpec, Plan>,
    references: HashMap<OutputSpec, Reference>,
    /// Memory for a batch's tokens, of the batch before: that of a large one would be mapped anew each time.
    tokens: Vec<[u32; 4]>,
}

struct InFlight {
    batch: Batch,
    wanted: OutputSpec,
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
    pub(super) fn new(device: Option<Checked>, model: &Model, options: &Options) -> Lane {
        let (gpu, checked) = device.map_or((None, HashSet::new()), |device| (Some(device.gpu), device.steps));
        let storage = gpu.as_ref().map(|gpu| options.precision.storage(&gpu.capabilities));
        let canary = storage.and_then(|storage| Canary::new(model, options.self_check, storage));
        Lane {
            name: gpu.as_ref().map_or("reference".into(), |gpu| gpu.name.clone()),
            gpu,
            recorded: Mutex::default(),
            plans: AsyncMutex::default(),
            flight: Mutex::default(),
            clock: OnceLock::new(),
            weight_bytes: AtomicU64::new(0),
            activation_bytes: AtomicU64::new(0),
            lost: OnceLock::new(),
            checked: Mutex::new(checked),
            canary,
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
        [&self.weight_bytes, &self.activation_bytes].map(|bytes| bytes.load(Ordering::Relaxed))
    }

    /// Time that the device computed, where it is counted.
    pub(super) fn busy(&self) -> Option<Duration> {
        self.clock.get().map(|clock| clock.total())
    }

    /// The largest batches that it runs for `wanted`, whose longest text has `longest` tokens.
    pub(super) fn limits(&self, engine: &Engine, wanted: OutputSpec, longest: usize) -> BatchLimits {
        let mut recorded = locked(&self.recorded);
        let entry = recorded.entry(wanted).or_insert_with(|| {
            let (max_binding, storage) = match &self.gpu {
                Some(gpu) => (gpu.capabilities.max_binding, engine.options.precision.storage(&gpu.capabilities)),
                None => (u64::MAX, Storage::F32),
            };
            let recording = encoder::record(&engine.model, wanted, max_binding, storage);
            let limits = match &self.gpu {
                Some(gpu) => engine.options.capacity(&gpu.capabilities, &recording, longest),
                None => {
                    // Larger batches are no faster here; a tensor of one is memory of the host.
                    let tokens = engine.options.batch_tokens.unwrap_or(0).min(2048).max(longest);
                    BatchLimits { tokens, texts: engine.options.batch_texts.unwrap_or(tokens).max(1) }
                }
            };
            let [limits, with_canaries] = self.room(&recording, limits, longest);
            Recorded { limits, with_canaries, recording: Some(recording) }
        });
        entry.limits
    }

    /// The largest batches that are formed, and those with canaries: as many tokens more as those have, or where the adapter
    /// takes no more, as many fewer, if the longest text leaves them.
    fn room(&self, recording: &Recording, limits: BatchLimits, longest: usize) -> [BatchLimits; 2] {
        let (Some(gpu), Some(_)) = (&self.gpu, &self.canary) else { return [limits; 2] };
        let (tokens, texts) = (canary::MOST * canary::TOKENS, canary::MOST);
        let more = BatchLimits { tokens: limits.tokens + tokens, texts: limits.texts + texts };
        let asked = Options { batch_tokens: Some(more.tokens), batch_texts: Some(more.texts), ..Options::default() };
        if asked.capacity(&gpu.capabilities, recording, longest) == more {
            return [limits, more];
        }
        if limits.tokens >= longest + tokens && limits.texts > texts {
            return [BatchLimits { tokens: limits.tokens - tokens, texts: limits.texts - texts }, limits];
        }
        [limits; 2]
    }

    /// Submits what waits, as far as the device takes it.
    pub(super) async fn submit(&self, engine: &Engine) {
        if self.next(engine).is_none() {
            return;
        }
        let mut plans = self.plans.lock().await;
        while let Some(wanted) = self.next(engine) {
            if let Err(error) = self.prepare(&mut plans, engine, wanted).await {
                if !self.gives_up(engine, &error) {
                    let jobs = engine.queue().take_all(wanted);
                    jobs.into_iter().for_each(|job| job.fail(error.clone()));
                }
                continue;
            }
            let (limits, most) = {
                let recorded = &locked(&self.recorded)[&wanted];
                (recorded.limits, recorded.with_canaries)
            };
            let (padding, labels) = (engine.model.position_padding(), engine.labels.len());
            let push = |batch: &mut Batch, job: &Arc<Job>, text| batch.push(job, text, padding, labels);
            let tokens = std::mem::take(&mut plans.tokens);
            let batch = engine.queue().batch(wanted, limits, tokens, push);
            let Some(mut batch) = batch else { return };
            if let Some(canary) = &self.canary {
                let room = [most.tokens - batch.tokens(), most.texts - batch.texts.len()];
                canary.join(&mut batch, wanted, room, padding, labels);
            }
            let mut formed = Formed { engine, batch: Some(batch) };
            let run = formed.batch.as_ref().expect("it was just formed").run();
            let arriving = match plans.plans.get_mut(&wanted) {
                Some(plan) => plan.submit(run).await.map(Arriving::Device),
                None => Ok(Arriving::Here(plans.references.get_mut(&wanted).expect("it is prepared").run(run))),
            };
            let activations = plans.plans.values().map(Plan::activation_bytes).sum();
            self.activation_bytes.store(activations, Ordering::Relaxed);
            let mut batch = formed.batch.take().expect("it was not put back");
            plans.tokens = batch.take_tokens();
            match arriving {
                Ok(arriving) => {
                    if let Some(batch) = self.take_off(InFlight { batch, wanted, arriving }) {
                        self.undone(engine, batch, self.lost().expect("it gives batches back when it is lost"));
                    }
                    engine.changed.notify(usize::MAX);
                }
                Err(error) => self.undone(engine, batch, error),
            }
        }
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
        let takes = !self.is_lost() && locked(&self.flight).len() < self.most();
        if takes { engine.queue().next() } else { None }
    }

    /// Batches that it takes at a time.
    fn most(&self) -> usize {
        // Mesa's software adapters take a submission when they have executed the one before. Who may wait waits there; a
        // future that may not has to see the answers first.
        let waits = self.gpu.as_ref().is_some_and(|gpu| gpu.capabilities.cpu && !crate::gpu::may_block());
        if waits || self.gpu.is_none() { 1 } else { IN_FLIGHT }
    }

    /// Makes the plan for `wanted` if there is none yet.
    async fn prepare(&self, plans: &mut Plans, engine: &Engine, wanted: OutputSpec) -> Result<()> {
        if plans.plans.contains_key(&wanted) || plans.references.contains_key(&wanted) {
            return Ok(());
        }
        let (limits, recording) = {
            let mut recorded = locked(&self.recorded);
            let entry = recorded.get_mut(&wanted).expect("the call looked at its limits");
            (entry.with_canaries, entry.recording.take())
        };
        // A plan that failed has used up the recording.
        let again = || {
            let formed = locked(&self.recorded).remove(&wanted).map_or(limits, |entry| entry.limits);
            self.limits(engine, wanted, formed.tokens);
            locked(&self.recorded).get_mut(&wanted).and_then(|entry| entry.recording.take())
        };
        let recording = recording.or_else(again).expect("it was recorded just now");
        let Some(gpu) = &self.gpu else {
            plans.references.insert(wanted, Reference::new(recording, &engine.weights)?);
            return Ok(());
        };
        if engine.options.self_check != SelfCheck::Never {
            let longest = wanted.attentions.unwrap_or(u32::MAX).min(engine.model.max_length as u32);
            self_check::check_more(gpu, &recording, longest, limits.tokens as u32, &self.checked).await?;
        }
        let plan = Plan::new(gpu.clone(), recording, limits, &mut plans.weights, &engine.weights).await?;
        let plan = match engine.options.timed && gpu.capabilities.timestamps {
            true => {
                if self.clock.get().is_none() {
                    let _ = self.clock.set(Arc::new(Clock::new(gpu).await?));
                }
                plan.with_clock(self.clock.get().cloned())
            }
            false => plan,
        };
        plans.plans.insert(wanted, plan);
        self.weight_bytes.store(plans.weights.bytes(), Ordering::Relaxed);
        Ok(())
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
        let Some(InFlight { batch, wanted, arriving }) = oldest else { return true };
        let outputs = arrived.and_then(|()| match arriving {
            Arriving::Device(pending) => pending.take(),
            Arriving::Here(outputs) => Ok(outputs),
        });
        let outputs = outputs.and_then(|outputs| match &self.canary {
            None => Ok(outputs),
            Some(canary) => canary.check(&self.name, wanted, &batch, &outputs).map(|()| outputs),
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
        let mut plans = self.plans.lock().await;
        self.prepare(&mut plans, engine, wanted).await?;
        let Some(plan) = plans.plans.get_mut(&wanted) else {
            return Err(Error::Adapter { adapter: self.name.clone(), message: "has no timestamps".into() });
        };
        let mut queue = super::queue::Queue::default();
        queue.push(engine.job(encodings.into(), Vec::new(), wanted));
        let limits = locked(&self.recorded)[&wanted].limits;
        let (padding, labels) = (engine.model.position_padding(), engine.labels.len());
        let mut timings = Vec::new();
        let push = |batch: &mut Batch, job: &Arc<Job>, text| batch.push(job, text, padding, labels);
        while let Some(batch) = queue.batch(wanted, limits, Vec::new(), push) {
            timings.extend(plan.profile(batch.run()).await?);
        }
        Ok(timings)
    }
}
