//! A recording made ready for one device: what its steps need that no batch changes, and room for batches, which grows.
//!
//! A batch within the room allocates nothing on the device: one write brings its inputs, grids are computed from its sizes,
//! and its outputs are copied to one buffer that the host reads. What it is written to and computes in is used in the order
//! of the submissions, so that a next batch may be submitted before the answers of one are read.
//!
//! A pipeline is compiled by the first batch that needs it: one sentence does not wait for the tiles of large batches.

use super::{
    Gpu, Timing, WeightBuffers,
    params::Params,
    pending::{Pending, copied},
    profile::{Clock, Timestamps},
    read_back::ReadBack,
    room::Room,
};
use crate::error::{Error, Result};
use crate::ir::{
    BatchLimits, BatchSize, Binding, Grid, Kernel, Launch, Output, Recording, Rows, Run, Tensor, Tiling, Values,
    WeightSource,
};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use wgpu::BufferUsages as Usage;

/// Room that is made at first: growing it costs less than a batch of this size.
const LEAST: BatchLimits = BatchLimits { tokens: 256, texts: 16 };

/// A recording on a device.
#[derive(Debug)]
pub struct Plan {
    gpu: Arc<Gpu>,
    recording: Recording,
    limits: BatchLimits,
    steps: Steps,
    /// By the tensors' ids: weights, constants, and what steps made of them alone.
    fixed: Vec<Option<wgpu::Buffer>>,
    params: Params,
    room: Room,
    /// Names and tensors of the outputs, in the recording's order.
    outputs: Arc<[(Output, Tensor)]>,
    clock: Option<Arc<Clock>>,
    /// Every batch runs the variants of one of that size.
    chosen_for: Option<BatchSize>,
}

/// What no batch changes about the steps, by their places in the recording.
#[derive(Debug)]
pub(super) struct Steps {
    /// The layout of each one's bind group.
    pub layouts: Vec<wgpu::BindGroupLayout>,
    /// By the number of rows, rounded up: the exponent of two. One where the variants do not depend on it.
    variants: Vec<Vec<OnceLock<Vec<Variant>>>>,
    /// Those that depend on weights alone, already run.
    once: Vec<usize>,
    /// Those of every batch.
    each: Vec<usize>,
    /// What the tile list is made by, where kernels read it.
    pub tiling: Option<Tiling>,
}

/// What batches dispatch of a kernel.
#[derive(Debug)]
struct Variant {
    launch: Launch,
    /// Made for the first batch that needs it.
    pipeline: OnceLock<wgpu::ComputePipeline>,
}

impl Steps {
    fn new(gpu: &Gpu, recording: &Recording, limits: &BatchLimits) -> Steps {
        let most = limits.batch();
        let constant = recording.constant_steps();
        let (once, each) = (0..recording.steps.len()).partition(|&index| constant[index]);
        let mut steps = Steps { layouts: Vec::new(), variants: Vec::new(), once, each, tiling: None };
        for step in &recording.steps {
            if let Some(tiling) = step.kernel.tiling(&gpu.capabilities) {
                let shared = *steps.tiling.get_or_insert(tiling);
                assert_eq!(shared, tiling, "kernels of one recording share one tile list");
            }
            let bindings: Vec<Binding> = step.bound().map(|(binding, _)| binding).collect();
            steps.layouts.push(gpu.layout(step.kernel.name(), &bindings));
            steps.variants.push((0..=place(&*step.kernel, &most)).map(|_| OnceLock::new()).collect());
        }
        steps
    }
}

/// The place of a kernel's variant for such a batch.
fn place(kernel: &dyn Kernel, size: &BatchSize) -> usize {
    match kernel.varies_with() {
        None | Some(Rows::Fixed(_)) => 0,
        Some(rows) => size.rows(rows).next_power_of_two().ilog2() as usize,
    }
}

impl Plan {
    /// Uploads what `weights` does not hold yet, and runs the steps that depend on weights alone. The plan will run batches
    /// within `limits`.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory) naming what was being allocated, [`Adapter`](crate::Error::Adapter) where
    /// a tensor at these limits passes one of the adapter's, [`DeviceLost`](crate::Error::DeviceLost), and what `source`
    /// answers.
    pub async fn new(
        gpu: Arc<Gpu>,
        recording: Recording,
        limits: BatchLimits,
        weights: &mut WeightBuffers,
        source: &dyn WeightSource,
    ) -> Result<Plan> {
        let fits = limits.check(&recording, gpu.capabilities.max_binding);
        fits.map_err(|message| Error::Adapter { adapter: gpu.name.clone(), message })?;
        let steps = Steps::new(&gpu, &recording, &limits);
        let mut fixed = weights.bind(&gpu, &recording, source).await?;
        for tensor in steps.once.iter().flat_map(|&index| recording.steps[index].bound()).map(|(_, tensor)| tensor) {
            if fixed[tensor.id].is_none() {
                let bytes = limits.bytes(&tensor, &recording.tensors[tensor.id].1);
                fixed[tensor.id] = Some(gpu.buffer("constant", bytes, Usage::STORAGE, None).await?);
            }
        }
        let params = Params::upload(&gpu, &recording).await?;
        let room = Room::allocate(&gpu, &recording, &steps, &fixed, &params, limits.least(LEAST)).await?;
        let outputs = recording.outputs.iter().copied().collect();
        let plan = Plan { gpu, recording, limits, steps, fixed, params, room, outputs, clock: None, chosen_for: None };
        if !plan.steps.once.is_empty() {
            let none = BatchSize::default();
            plan.compile(&plan.steps.once, &none).await?;
            plan.send(None, plan.dispatches(&plan.steps.once, &none)).await?;
        }
        Ok(plan)
    }

    /// Counts the time that the device computes on the batches that are read, on that clock.
    pub(crate) fn with_clock(self, clock: Option<Arc<Clock>>) -> Plan {
        Plan { clock, ..self }
    }

    /// Runs batches of any size by the variants that one of that size has.
    pub(crate) fn choosing_for(mut self, size: BatchSize) -> Plan {
        for (variants, step) in self.steps.variants.iter_mut().zip(&self.recording.steps) {
            variants.clear();
            variants.resize_with(place(&*step.kernel, &size) + 1, OnceLock::new);
        }
        Plan { chosen_for: Some(size), ..self }
    }

    pub(crate) fn recording(&self) -> &Recording {
        &self.recording
    }

    /// The largest batch that it runs.
    pub fn limits(&self) -> BatchLimits {
        self.limits
    }

    /// Bytes of what a batch computes in the room that there is, of which each buffer is shared by tensors that are not
    /// needed at one time.
    pub fn activation_bytes(&self) -> u64 {
        self.room.activation_bytes()
    }

    /// Makes room for batches of that size: by doubling, so that batches which grow do not each allocate.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory), after which the room is as it was.
    ///
    /// # Panics
    /// If the size passes the plan's limits.
    pub async fn reserve(&mut self, size: BatchLimits) -> Result<()> {
        let Plan { gpu, recording, limits, steps, fixed, params, room, .. } = self;
        assert!(size.within(limits), "a batch of {size:?} does not fit a plan for {limits:?}");
        if !size.within(&room.limits) {
            let grown = room.limits.grown(size).least(*limits);
            *room = Room::allocate(gpu, recording, steps, fixed, params, grown).await?;
        }
        Ok(())
    }

    /// Makes the pipelines that the steps need for such a batch and that no batch before it did.
    async fn compile(&self, steps: &[usize], size: &BatchSize) -> Result<()> {
        let mut new: Vec<(&Variant, Vec<Binding>)> = Vec::new();
        for &index in steps {
            let bindings = || self.recording.steps[index].bound().map(|(binding, _)| binding).collect();
            new.extend(self.lacking(index, size).map(|variant| (variant, bindings())));
        }
        if new.is_empty() {
            return Ok(());
        }
        let shader = |(variant, bindings): &(&Variant, Vec<Binding>)| (variant.launch.shader.clone(), bindings.clone());
        self.gpu.compile_all(&new.iter().map(shader).collect::<Vec<_>>()).await?;
        for (variant, bindings) in new {
            let pipeline = self.gpu.pipeline(&variant.launch.shader, &bindings).await?;
            // Who else made it meanwhile made the same.
            let _ = variant.pipeline.set(pipeline);
        }
        self.gpu.keep_pipelines();
        Ok(())
    }

    /// The variants of a step that such a batch needs and that no batch before it did.
    fn lacking<'a>(&'a self, index: usize, size: &'a BatchSize) -> impl Iterator<Item = &'a Variant> {
        let new = |variant: &&Variant| variant.pipeline.get().is_none() && !variant.launch.is_idle(size);
        self.variants(index, size).iter().filter(new)
    }

    /// The steps of every batch of which such a batch needs what no batch before it did.
    pub(crate) fn unprepared(&self, size: &BatchSize) -> Vec<usize> {
        self.steps.each.iter().copied().filter(|&index| self.lacking(index, size).next().is_some()).collect()
    }

    /// The size of the batches whose variants one of that size runs.
    fn chosen_for<'a>(&'a self, size: &'a BatchSize) -> &'a BatchSize {
        self.chosen_for.as_ref().unwrap_or(size)
    }

    fn variants(&self, index: usize, size: &BatchSize) -> &[Variant] {
        let (kernel, size) = (&self.recording.steps[index].kernel, self.chosen_for(size));
        self.steps.variants[index][place(&**kernel, size)].get_or_init(|| {
            let launches = kernel.launches(&self.gpu.capabilities, size).into_iter();
            launches.map(|launch| Variant { launch, pipeline: OnceLock::new() }).collect()
        })
    }

    /// The given steps in one pass.
    fn dispatches(&self, steps: &[usize], size: &BatchSize) -> wgpu::CommandEncoder {
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let timestamp_writes = self.clock.as_ref().filter(|_| !steps.is_empty()).map(|clock| clock.around());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
        let mut grids = Vec::new();
        for &index in steps {
            self.dispatch(&mut pass, index, size, &mut grids);
        }
        drop(pass);
        encoder
    }

    /// `known` are the workgroups of the grids that this batch had already: the layers of a model have the same.
    fn dispatch(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        index: usize,
        size: &BatchSize,
        known: &mut Vec<(Grid, Option<[u32; 3]>)>,
    ) {
        for Variant { launch, pipeline } in self.variants(index, size) {
            let workgroups = known.iter().find(|(grid, _)| *grid == launch.grid).map(|(_, workgroups)| *workgroups);
            let workgroups = workgroups.unwrap_or_else(|| {
                let limit = self.gpu.capabilities.max_workgroups;
                let workgroups = (!launch.is_idle(size)).then(|| launch.grid.workgroups(size, limit));
                known.push((launch.grid, workgroups));
                workgroups
            });
            if let Some([x, y, z]) = workgroups {
                pass.set_pipeline(pipeline.get().expect("what a batch needs was compiled before it"));
                pass.set_bind_group(0, &self.room.groups[index], &[]);
                pass.dispatch_workgroups(x, y, z);
            }
        }
    }

    /// Runs one batch within the limits and reads its outputs back, in the recording's order.
    ///
    /// # Errors
    /// [`DeviceLost`](crate::Error::DeviceLost), [`OutOfMemory`](crate::Error::OutOfMemory) where there is no room for it,
    /// and what the device says of the shaders and the work.
    pub async fn run(&mut self, run: Run<'_>) -> Result<Vec<(Output, Values)>> {
        self.submit(run).await?.read().await
    }

    /// Gives one batch within the limits to the device, behind those that it has.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub async fn submit(&mut self, run: Run<'_>) -> Result<Pending> {
        let size = run.size();
        self.reserve(size.limits()).await?;
        self.compile(&self.steps.each, &size).await?;
        let readable = self.room.readable(&self.gpu).await?;
        let mut encoder = self.dispatches(&self.steps.each, &size);
        let mut bytes = 0;
        for ((_, tensor), buffer) in self.outputs.iter().zip(&self.room.outputs) {
            let copied = copied(tensor, &size);
            encoder.copy_buffer_to_buffer(buffer, 0, &readable.buffer, bytes, Some(copied));
            bytes += copied;
        }
        if let Some(clock) = &self.clock {
            bytes += clock.resolve(&mut encoder, &readable.buffer, bytes);
        }
        let submission = self.send(Some((run, &size)), encoder).await?;
        let arriving = ReadBack::new(self.gpu.clone(), readable, bytes, submission);
        Ok(Pending { outputs: self.outputs.clone(), clock: self.clock.clone(), size, arriving })
    }

    /// Runs one batch without reading its outputs and returns the GPU time of each step. Before it the same batch runs `lead`
    /// times, untimed, so that the GPU is at work when time counts.
    ///
    /// # Errors
    /// As [`Plan::run`], and [`Adapter`](crate::Error::Adapter) if the adapter has no timestamps.
    pub async fn profile(&mut self, run: Run<'_>, lead: usize) -> Result<Vec<Timing>> {
        let size = run.size();
        let timestamps = Timestamps::new(&self.gpu, self.steps.each.len()).await?;
        self.reserve(size.limits()).await?;
        self.compile(&self.steps.each, &size).await?;
        let mut encoder = self.dispatches(&self.steps.each.repeat(lead), &size);
        for (place, &index) in self.steps.each.iter().enumerate() {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: Some(self.recording.steps[index].kernel.name()),
                timestamp_writes: Some(timestamps.around(place)),
            });
            self.dispatch(&mut pass, index, &size, &mut Vec::new());
        }
        timestamps.resolve(&mut encoder);
        let submission = self.send(Some((run, &size)), encoder).await?;
        let times = timestamps.read(&self.gpu, submission).await?;
        self.gpu.check("reading timestamps back")?;
        let timing = |(&step, time): (&usize, Duration)| {
            let kernel = &self.recording.steps[step].kernel;
            Timing { kernel: kernel.name(), step, time, operations: kernel.operations(&size) }
        };
        Ok(self.steps.each.iter().zip(times).map(timing).collect())
    }

    /// Makes all the room there may be and fills every intermediate and output with NaN, so that an element which no kernel
    /// writes shows.
    ///
    /// # Errors
    /// As [`Plan::reserve`].
    pub async fn poison(&mut self) -> Result<()> {
        self.reserve(self.limits).await?;
        self.room.poison(&self.gpu);
        Ok(())
    }

    /// Writes a batch's inputs, and submits what reads them.
    async fn send(
        &self,
        inputs: Option<(Run<'_>, &BatchSize)>,
        encoder: wgpu::CommandEncoder,
    ) -> Result<wgpu::SubmissionIndex> {
        let submit = || {
            if let Some((run, size)) = inputs {
                self.room.write(&self.gpu, run, size, self.steps.tiling);
            }
            self.gpu.queue.submit([encoder.finish()])
        };
        self.gpu.guard("submitting a batch", 0, submit).await
    }
}
