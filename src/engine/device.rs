//! An adapter as a lane uses it: with all that it offers, or with less where it computes something wrong with all.

use super::{
    Engine,
    batch::Batch,
    canary::{self, Canary},
    self_check::{self, Checker, Needed, Problem},
};
use crate::error::{Error, Result};
use crate::gpu::{AdapterDescription, Clock, Gpu, Plan, Timing, WeightBuffers};
use crate::ir::{BatchLimits, BatchSize, Recording, Storage};
use crate::models::Model;
use crate::models::encoder::{self, OutputSpec};
use crate::options::{Options, SelfCheck};
use crate::reference::Reference;
use crate::text::Encoding;
use async_lock::Mutex as AsyncMutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// An adapter, opened when the first batch is given to it, with its plans; or the reference.
pub(super) struct Device {
    /// With how much of what it offers.
    pub how: &'static str,
    /// None where the CPU twins run.
    pub adapter: Option<AdapterDescription>,
    gpu: OnceLock<Arc<Gpu>>,
    recorded: Mutex<HashMap<OutputSpec, Recorded>>,
    /// To write a batch's inputs and to submit it is one step, of whoever holds this: [`Device::with_plans`].
    plans: AsyncMutex<Plans>,
    pub clock: OnceLock<Arc<Clock>>,
    pub weight_bytes: AtomicU64,
    pub activation_bytes: AtomicU64,
    checker: Checker,
    pub canary: Option<Canary>,
}

/// A recording that has no plan yet, the largest batches that are formed for it, and those that it will run: with canaries.
struct Recorded {
    limits: BatchLimits,
    with_canaries: BatchLimits,
    recording: Option<Recording>,
}

#[derive(Default)]
pub(super) struct Plans {
    weights: WeightBuffers,
    pub plans: HashMap<OutputSpec, Plan>,
    pub references: HashMap<OutputSpec, Reference>,
    /// Memory for a batch's tokens, of the batch before: that of a large one would be mapped anew each time.
    pub tokens: Vec<[u32; 4]>,
}

/// Why a batch cannot be given to a device.
pub(super) enum Refusal {
    Error(Error),
    /// It computes something wrong that the batch needs.
    Wrong(Problem),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Error(error)
    }
}

impl Device {
    /// All ways to use an adapter, the best first.
    pub(super) fn all(adapter: Option<AdapterDescription>, model: &Model, options: &Options) -> Vec<Device> {
        let Some(adapter) = adapter else { return vec![Device::new("", None, model, options)] };
        let attempts = self_check::attempts(options, &adapter.capabilities).into_iter();
        attempts.map(|(how, seen)| Device::new(how, Some(adapter.with(seen)), model, options)).collect()
    }

    fn new(how: &'static str, adapter: Option<AdapterDescription>, model: &Model, options: &Options) -> Device {
        let storage = adapter.as_ref().map(|adapter| options.precision.storage(&adapter.capabilities));
        Device {
            how,
            adapter,
            gpu: OnceLock::new(),
            recorded: Mutex::default(),
            plans: AsyncMutex::default(),
            clock: OnceLock::new(),
            weight_bytes: AtomicU64::new(0),
            activation_bytes: AtomicU64::new(0),
            checker: Checker::default(),
            canary: storage.and_then(|storage| Canary::new(model, options.self_check, storage)),
        }
    }

    /// Name of the adapter, or `reference`.
    pub(super) fn name(&self) -> &str {
        self.adapter.as_ref().map_or("reference", |adapter| &adapter.name)
    }

    /// Whether it was found to compute something right.
    pub(super) fn has_passed(&self) -> bool {
        self.checker.has_passed()
    }

    /// The open device; none where the CPU twins run.
    pub(super) fn gpu(&self) -> Option<&Arc<Gpu>> {
        self.gpu.get()
    }

    /// Opens the adapter.
    ///
    /// # Errors
    /// [`Error::Adapter`].
    pub(super) async fn open(&self, options: &Options) -> Result<()> {
        if let Some(adapter) = &self.adapter {
            let gpu = Gpu::open(adapter, options.cache_dir.as_deref()).await?;
            // Who else opened it meanwhile did the same.
            let _ = self.gpu.set(Arc::new(gpu.with_fault(options.fault.clone())));
        }
        Ok(())
    }

    /// The largest batches that are formed for it, and those with canaries.
    pub(super) fn limits(&self, engine: &Engine, wanted: OutputSpec) -> [BatchLimits; 2] {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = recorded.entry(wanted).or_insert_with(|| self.record(engine, wanted));
        [entry.limits, entry.with_canaries]
    }

    fn record(&self, engine: &Engine, wanted: OutputSpec) -> Recorded {
        let longest = engine.longest(wanted);
        let seen = self.adapter.as_ref().map(|adapter| &adapter.capabilities);
        let (max_binding, storage) = match seen {
            Some(seen) => (seen.max_binding, engine.options.precision.storage(seen)),
            None => (u64::MAX, Storage::F32),
        };
        let recording = encoder::record(&engine.model, wanted, max_binding, storage);
        let limits = match seen {
            Some(seen) => engine.options.capacity(seen, &recording, longest),
            None => {
                // Larger batches are no faster here; a tensor of one is memory of the host.
                let tokens = engine.options.batch_tokens.unwrap_or(0).min(2048).max(longest);
                BatchLimits { tokens, texts: engine.options.batch_texts.unwrap_or(tokens).max(1) }
            }
        };
        let [limits, with_canaries] = self.room(&recording, limits, longest);
        Recorded { limits, with_canaries, recording: Some(recording) }
    }

    /// The largest batches that are formed, and those with canaries: as many tokens more as those have, or where the adapter
    /// takes no more, as many fewer, if the longest text leaves them.
    fn room(&self, recording: &Recording, limits: BatchLimits, longest: usize) -> [BatchLimits; 2] {
        let (Some(adapter), Some(_)) = (&self.adapter, &self.canary) else { return [limits; 2] };
        let (tokens, texts) = (canary::MOST * canary::TOKENS, canary::MOST);
        let more = BatchLimits { tokens: limits.tokens + tokens, texts: limits.texts + texts };
        let asked = Options { batch_tokens: Some(more.tokens), batch_texts: Some(more.texts), ..Options::default() };
        if asked.capacity(&adapter.capabilities, recording, longest) == more {
            return [limits, more];
        }
        if limits.tokens >= longest + tokens && limits.texts > texts {
            return [BatchLimits { tokens: limits.tokens - tokens, texts: limits.texts - texts }, limits];
        }
        [limits; 2]
    }

    /// Makes the plan for `wanted` if there is none yet, and has what a batch of that size needs of it checked.
    pub(super) async fn prepare(
        &self,
        plans: &mut Plans,
        engine: &Engine,
        wanted: OutputSpec,
        size: &BatchSize,
    ) -> Result<(), Refusal> {
        if let Some(plan) = plans.plans.get(&wanted) {
            let new = plan.unprepared(size);
            if !new.is_empty() {
                self.check(engine, plan.recording(), &new, wanted, size).await?;
            }
            return Ok(());
        }
        if plans.references.contains_key(&wanted) {
            return Ok(());
        }
        let [_, limits] = self.limits(engine, wanted);
        let recording = {
            let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
            recorded.get_mut(&wanted).and_then(|entry| entry.recording.take())
        };
        // A plan that failed has used it up.
        let recording = recording.or_else(|| self.record(engine, wanted).recording).expect("it is recorded");
        let Some(gpu) = self.gpu() else {
            plans.references.insert(wanted, Reference::new(recording, &*engine.weights)?);
            return Ok(());
        };
        let every: Vec<usize> = (0..recording.steps.len()).collect();
        self.check(engine, &recording, &every, wanted, size).await?;
        let plan = Plan::new(gpu.clone(), recording, limits, &mut plans.weights, &*engine.weights).await?;
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

    /// Calls something with the plans, which nobody else has meanwhile. Where threads may sleep, this one calls it to its end: a
    /// future that nobody polls any more would keep the plans from all others, or their release from who waits for it behind it.
    /// To submit a batch takes microseconds. What takes long is the first batch that needs a variant: it uploads, compiles and is
    /// checked meanwhile, and who comes then sleeps until that is done.
    pub(super) async fn with_plans<T>(&self, call: impl AsyncFnOnce(&mut Plans) -> T) -> T {
        #[cfg(not(target_arch = "wasm32"))]
        return crate::gpu::block_on(call(&mut self.plans.lock_blocking()));
        #[cfg(target_arch = "wasm32")]
        call(&mut *self.plans.lock().await).await
    }

    async fn check(
        &self,
        engine: &Engine,
        recording: &Recording,
        steps: &[usize],
        wanted: OutputSpec,
        size: &BatchSize,
    ) -> Result<(), Refusal> {
        let (Some(gpu), Some(adapter)) = (self.gpu(), &self.adapter) else { return Ok(()) };
        if engine.options.self_check == SelfCheck::Never {
            return Ok(());
        }
        // Of a device that is gone nothing is found out. One that goes while it is checked does not compute what it should.
        gpu.check("preparing a batch")?;
        let needed = Needed { recording, steps, wanted, size };
        self.checker.check(&engine.subject(), adapter, gpu, &needed).await.map_err(Refusal::Wrong)
    }

    /// GPU time of each step of each batch that these texts need, without reading answers back.
    ///
    /// # Errors
    /// [`Error::Adapter`] where there are no timestamps, and those of preparing and running.
    pub(super) async fn profile(
        &self,
        engine: &Engine,
        encodings: &[Encoding],
        wanted: OutputSpec,
    ) -> Result<Vec<Timing>, Refusal> {
        self.with_plans(async |plans: &mut Plans| {
            let mut queue = super::queue::Queue::default();
            queue.push(engine.job(encodings.into(), Vec::new(), wanted));
            let [limits, _] = self.limits(engine, wanted);
            let (padding, labels) = (engine.model.position_padding(), engine.labels.len());
            let push = |batch: &mut Batch, job: &Arc<_>, text| batch.push(job, text, padding, labels);
            let mut timings = Vec::new();
            while let Some(batch) = queue.batch(wanted, limits, Vec::new(), push) {
                self.prepare(plans, engine, wanted, &batch.run().size()).await?;
                let Some(plan) = plans.plans.get_mut(&wanted) else {
                    let message = "has no timestamps".into();
                    return Err(Error::Adapter { adapter: self.name().into(), message }.into());
                };
                timings.extend(plan.profile(batch.run(), 0).await?);
            }
            Ok(timings)
        })
        .await
    }
}
