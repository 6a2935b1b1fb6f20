//! A recording made ready for one device: buffers by lifetime and bind groups, made once and run many times.
//!
//! Nothing is allocated on the device by a run: it writes the ids, the starts, the tile list and two numbers, dispatches
//! grids computed from them, and reads back one buffer. Of those there are two, so that the device has the next batch when
//! it is done with one: what it is written to and computes in is used in the order of the submissions.
//!
//! A pipeline is compiled by the first run that needs it: one sentence does not wait for the tiles of large batches.

use super::{
    Gpu, Timing,
    params::Params,
    pending::{Pending, copied},
    profile::{Clock, Timestamps},
    read_back::{Lent, ReadBack, may_block},
    upload::{Upload, contents},
};
use crate::error::{Error, Result};
use crate::ir::{
    BatchLimits, BatchSize, Binding, Element, Grid, Input, Kernel, Output, Recording, Rows, Run, Source, Tensor,
    Values, Weight, WeightSource, share,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use wgpu::BufferUsages as Usage;

/// Batches that may be on the device at a time: one runs, the next waits behind it.
const IN_FLIGHT: usize = 2;

/// Weights on the device, shared by the plans of one model.
#[derive(Debug, Default)]
pub struct WeightBuffers(HashMap<(Weight, usize, Element), wgpu::Buffer>);

impl WeightBuffers {
    /// Bytes of all of them.
    pub fn bytes(&self) -> u64 {
        self.0.values().map(wgpu::Buffer::size).sum()
    }
}

/// A recording on a device.
#[derive(Debug)]
pub struct Plan {
    gpu: Arc<Gpu>,
    recording: Recording,
    capacity: BatchLimits,
    steps: Vec<PlannedStep>,
    /// Steps that depend on weights alone, already run.
    once: Vec<usize>,
    /// Steps of every batch.
    each: Vec<usize>,
    inputs: Vec<(Input, wgpu::Buffer)>,
    intermediates: Vec<wgpu::Buffer>,
    outputs: Vec<(Output, Tensor, wgpu::Buffer)>,
    batch: wgpu::Buffer,
    /// What batches are read back through, but for those that are on the device.
    readable: Mutex<Vec<wgpu::Buffer>>,
    clock: Option<Clock>,
    tile: u32,
}

#[derive(Debug)]
struct PlannedStep {
    /// By the number of rows, rounded up: the exponent of two. One where the variant does not depend on it.
    variants: Vec<OnceLock<Variant>>,
    groups: [wgpu::BindGroup; 2],
}

/// What a batch dispatches of a kernel, made for the first that needs it.
#[derive(Debug)]
struct Variant {
    pipeline: wgpu::ComputePipeline,
    grid: Grid,
}

impl Plan {
    /// Allocates, and uploads what `weights` does not hold yet.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory) naming what was being allocated, [`Adapter`](crate::Error::Adapter) where
    /// a tensor at this capacity passes a limit, [`DeviceLost`](crate::Error::DeviceLost), and what `source` answers.
    pub async fn new(
        gpu: Arc<Gpu>,
        recording: Recording,
        capacity: BatchLimits,
        weights: &mut WeightBuffers,
        source: &dyn WeightSource,
    ) -> Result<Plan> {
        let limit = gpu.capabilities.max_binding;
        let fits = capacity.check(&recording, limit);
        fits.map_err(|message| Error::Adapter { adapter: gpu.name.clone(), message })?;
        let batch_size = capacity.batch();
        let layouts = recording.layouts(&gpu.capabilities);
        let mut buffers: Vec<Option<wgpu::Buffer>> = vec![None; recording.tensors.len()];
        let mut inputs = Vec::new();
        let mut upload = Upload::new(&gpu);
        for (tensor, from) in &recording.tensors {
            let bytes = capacity.bytes(tensor, from);
            buffers[tensor.id] = match from {
                Source::Weight(weight, rows) => {
                    let key = (weight.clone(), rows.start, tensor.element);
                    if !weights.0.contains_key(&key) {
                        let label = weight.names.join(" + ");
                        let buffer = gpu.buffer(&label, bytes, Usage::STORAGE | Usage::COPY_DST, None).await?;
                        let layout = layouts[tensor.id];
                        upload.fill(&buffer, source, weight, rows.clone(), tensor.element, layout).await?;
                        weights.0.insert(key.clone(), buffer);
                    }
                    weights.0.get(&key).cloned()
                }
                Source::Input(input) => {
                    let usage = Usage::STORAGE | Usage::COPY_DST;
                    let buffer = gpu.buffer(&format!("{input:?}"), bytes, usage, None).await?;
                    inputs.push((*input, buffer.clone()));
                    Some(buffer)
                }
                Source::Constant(values) => {
                    let contents = contents(values, tensor, layouts[tensor.id]);
                    Some(gpu.buffer("constant", contents.len() as u64, Usage::STORAGE, Some(&contents)).await?)
                }
                Source::Computed => None,
            };
        }

        let constant = recording.constant_steps();
        for (step, _) in recording.steps.iter().zip(&constant).filter(|(_, constant)| **constant) {
            for (_, tensor) in step.bound() {
                let (_, from) = &recording.tensors[tensor.id];
                if buffers[tensor.id].is_none() {
                    let bytes = capacity.bytes(&tensor, from);
                    buffers[tensor.id] = Some(gpu.buffer("constant", bytes, Usage::STORAGE, None).await?);
                }
            }
        }
        let shared = share(&recording, &constant, &capacity);
        let mut intermediates = Vec::new();
        for (index, &bytes) in shared.bytes.iter().enumerate() {
            let label = format!("intermediate {index} for {} tokens", capacity.tokens);
            intermediates
                .push(gpu.buffer(&label, bytes, Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST, None).await?);
        }
        for (tensor, slot) in shared.slots {
            buffers[tensor] = Some(intermediates[slot].clone());
        }

        let batch = gpu.buffer("batch", 16, Usage::UNIFORM | Usage::COPY_DST, None).await?;
        let params = Params::upload(&gpu, &recording).await?;
        let mut steps = Vec::new();
        let mut tile = None;
        for (index, step) in recording.steps.iter().enumerate() {
            if let Some(queries) = step.kernel.tile(&gpu.capabilities) {
                assert_eq!(*tile.get_or_insert(queries), queries, "kernels of one recording share one tile list");
            }
            let bound: Vec<(Binding, Tensor)> = step.bound().collect();
            let bindings: Vec<Binding> = bound.iter().map(|(binding, _)| *binding).collect();
            let mut entries = Vec::new();
            for (binding, tensor) in &bound {
                let buffer = buffers[tensor.id].as_ref().unwrap_or_else(|| {
                    panic!("{}: {} is read before any step writes it", step.kernel.name(), binding.name)
                });
                let bytes = capacity.bytes(tensor, &recording.tensors[tensor.id].1);
                entries.push(wgpu::BindGroupEntry {
                    binding: binding.number,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer,
                        offset: 0,
                        size: wgpu::BufferSize::new(bytes.next_multiple_of(16)),
                    }),
                });
            }
            let sizes = [
                wgpu::BindGroupEntry { binding: 0, resource: params.binding(index) },
                wgpu::BindGroupEntry { binding: 1, resource: batch.as_entire_binding() },
            ];
            let doing = format!("binding {}", step.kernel.name());
            let make = || {
                let layouts = gpu.layouts(step.kernel.name(), &bindings);
                let group = |(layout, entries): (&wgpu::BindGroupLayout, &[wgpu::BindGroupEntry])| {
                    let label = Some(step.kernel.name());
                    gpu.device.create_bind_group(&wgpu::BindGroupDescriptor { label, layout, entries })
                };
                [(&layouts[0], &entries[..]), (&layouts[1], &sizes[..])].map(group)
            };
            let groups = gpu.guard(&doing, 0, make).await?;
            let variants = (0..variants(&*step.kernel, &batch_size)).map(|_| OnceLock::new()).collect();
            steps.push(PlannedStep { variants, groups });
        }

        let outputs: Vec<_> = (recording.outputs.iter())
            .map(|&(output, tensor)| {
                let buffer = buffers[tensor.id].clone().expect("an output was written by a step");
                (output, tensor, buffer)
            })
            .collect();
        let bytes: u64 = outputs.iter().map(|(_, tensor, _)| copied(tensor, &batch_size)).sum();
        let mut readable = Vec::new();
        for _ in 0..IN_FLIGHT {
            readable
                .push(gpu.buffer("read-back", bytes + Clock::BYTES, Usage::MAP_READ | Usage::COPY_DST, None).await?);
        }
        let readable = Mutex::new(readable);
        let tile = tile.unwrap_or(1);
        let (once, each) = (0..steps.len()).partition(|&index| constant[index]);
        let plan = Plan {
            gpu,
            recording,
            capacity,
            steps,
            once,
            each,
            inputs,
            intermediates,
            outputs,
            batch,
            readable,
            clock: None,
            tile,
        };
        if !plan.once.is_empty() {
            let none = BatchSize::default();
            plan.compile(&plan.once, &none).await?;
            plan.send(plan.dispatches(&plan.once, &none)).await?;
        }
        Ok(plan)
    }

    /// Lets [`Plan::busy`] count from now on; without timestamps it does not.
    pub async fn with_clock(mut self) -> Result<Plan> {
        if self.gpu.capabilities.timestamps {
            self.clock = Some(Clock::new(&self.gpu).await?);
        }
        Ok(self)
    }

    /// Time that the device computed on the batches that were read, where it is counted ([`Plan::with_clock`]).
    pub fn busy(&self) -> Option<Duration> {
        self.clock.as_ref().map(Clock::total)
    }

    /// Makes the pipelines that the steps need for such a batch and that no batch before it did.
    async fn compile(&self, steps: &[usize], size: &BatchSize) -> Result<()> {
        let mut any = false;
        for &index in steps {
            let step = &self.recording.steps[index];
            let variant = self.steps[index].variant(&*step.kernel, size);
            if variant.get().is_none() {
                let bindings: Vec<Binding> = step.bound().map(|(binding, _)| binding).collect();
                let launch = step.kernel.launch(&self.gpu.capabilities, size);
                let pipeline = self.gpu.pipeline(&launch.shader, &bindings).await?;
                // Who else made it meanwhile made the same.
                let _ = variant.set(Variant { pipeline, grid: launch.grid });
                any = true;
            }
        }
        if any {
            self.gpu.keep_pipelines();
        }
        Ok(())
    }

    /// The given steps in one pass.
    fn dispatches(&self, steps: &[usize], size: &BatchSize) -> wgpu::CommandEncoder {
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let timestamp_writes = self.clock.as_ref().filter(|_| !steps.is_empty()).map(Clock::around);
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
        for &index in steps {
            self.dispatch(&mut pass, index, size);
        }
        drop(pass);
        encoder
    }

    pub fn capacity(&self) -> BatchLimits {
        self.capacity
    }

    /// Batches that the device takes at a time without making who submits wait.
    pub fn in_flight(&self) -> usize {
        // Mesa's software adapters take a submission when they have executed the one before. Who may wait waits there; a
        // future that may not has to see the answers first.
        if self.gpu.capabilities.cpu && !may_block() { 1 } else { IN_FLIGHT }
    }

    /// Bytes of what a batch computes, of which each buffer is shared by tensors that are not needed at one time.
    pub fn activation_bytes(&self) -> u64 {
        self.intermediates.iter().map(wgpu::Buffer::size).sum()
    }

    /// Runs one batch within the capacity and reads its outputs back, in the recording's order.
    ///
    /// # Errors
    /// [`DeviceLost`](crate::Error::DeviceLost), and what the device says of the shaders and the work.
    pub async fn run(&self, run: Run<'_>) -> Result<Vec<(Output, Values)>> {
        self.submit(run).await?.read().await
    }

    /// Gives one batch within the capacity to the device, behind those that it has.
    ///
    /// # Errors
    /// As [`Plan::run`].
    ///
    /// # Panics
    /// If two batches are there already that were neither read nor dropped.
    pub async fn submit(&self, run: Run<'_>) -> Result<Pending<'_>> {
        let readable = Lent::from(&self.readable);
        let readable = readable.unwrap_or_else(|| panic!("{IN_FLIGHT} batches are on the device already"));
        let size = run.size();
        self.compile(&self.each, &size).await?;
        self.write(run, &size);
        let mut encoder = self.dispatches(&self.each, &size);
        let mut bytes = self.copy_outputs(&mut encoder, &readable.buffer, &size);
        if let Some(clock) = &self.clock {
            bytes += clock.resolve(&mut encoder, &readable.buffer, bytes);
        }
        let submission = self.send(encoder).await?;
        let arriving = ReadBack::new(&self.gpu, readable, bytes, submission);
        Ok(Pending { outputs: &self.outputs, clock: self.clock.as_ref(), size, gpu: &self.gpu, arriving })
    }

    /// Runs one batch without reading its outputs and returns the GPU time of each step.
    ///
    /// # Errors
    /// As [`Plan::run`], and [`Adapter`](crate::Error::Adapter) if the adapter has no timestamps.
    pub async fn profile(&self, run: Run<'_>) -> Result<Vec<Timing>> {
        let size = run.size();
        let timestamps = Timestamps::new(&self.gpu, self.each.len()).await?;
        self.compile(&self.each, &size).await?;
        self.write(run, &size);
        let mut encoder = self.dispatches(&[], &size);
        for (place, &index) in self.each.iter().enumerate() {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: Some(self.recording.steps[index].kernel.name()),
                timestamp_writes: Some(timestamps.around(place)),
            });
            self.dispatch(&mut pass, index, &size);
        }
        timestamps.resolve(&mut encoder);
        let submission = self.send(encoder).await?;
        let times = timestamps.read(&self.gpu, submission).await?;
        self.gpu.check("reading timestamps back")?;
        let timing = |(&step, time): (&usize, Duration)| {
            let kernel = &self.recording.steps[step].kernel;
            Timing { kernel: kernel.name(), step, time, operations: kernel.operations(&size) }
        };
        Ok(self.each.iter().zip(times).map(timing).collect())
    }

    /// Fills every intermediate and output with NaN, so that an element which no kernel writes shows.
    pub fn poison(&self) {
        for buffer in &self.intermediates {
            self.gpu.queue.write_buffer(buffer, 0, &vec![0xff; buffer.size() as usize]);
        }
    }

    async fn send(&self, encoder: wgpu::CommandEncoder) -> Result<wgpu::SubmissionIndex> {
        self.gpu.guard("submitting a batch", 0, || self.gpu.queue.submit([encoder.finish()])).await
    }

    fn write(&self, run: Run<'_>, size: &BatchSize) {
        let BatchLimits { tokens, texts } = self.capacity;
        assert!(
            size.tokens as usize <= tokens && size.lengths.len() <= texts && size.tokens as usize == run.tokens.len(),
            "a batch of {} tokens and {} texts does not fit a plan for {tokens} and {texts}",
            run.tokens.len(),
            size.lengths.len(),
        );
        for (input, buffer) in &self.inputs {
            self.gpu.queue.write_buffer(buffer, 0, run.input(*input, size, self.tile).bytes());
        }
        let sizes = [size.tokens, size.texts()];
        self.gpu.queue.write_buffer(&self.batch, 0, bytemuck::cast_slice(&sizes));
    }

    fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>, index: usize, size: &BatchSize) {
        let step = &self.steps[index];
        let kernel = &self.recording.steps[index].kernel;
        let variant = step.variant(&**kernel, size).get().expect("what a batch needs was compiled before it");
        let [x, y, z] = variant.grid.workgroups(size, self.gpu.capabilities.max_workgroups);
        pass.set_pipeline(&variant.pipeline);
        pass.set_bind_group(0, &step.groups[0], &[]);
        pass.set_bind_group(1, &step.groups[1], &[]);
        pass.dispatch_workgroups(x, y, z);
    }

    fn copy_outputs(&self, encoder: &mut wgpu::CommandEncoder, readable: &wgpu::Buffer, size: &BatchSize) -> u64 {
        let mut offset = 0;
        for (_, tensor, buffer) in &self.outputs {
            let bytes = copied(tensor, size);
            encoder.copy_buffer_to_buffer(buffer, 0, readable, offset, Some(bytes));
            offset += bytes;
        }
        offset
    }
}

impl PlannedStep {
    /// Place of the variant for such a batch.
    fn variant(&self, kernel: &dyn Kernel, size: &BatchSize) -> &OnceLock<Variant> {
        &self.variants[variants(kernel, size) - 1]
    }
}

/// How many pipelines a kernel may need for batches up to `most`, for which the last of them is.
fn variants(kernel: &dyn Kernel, most: &BatchSize) -> usize {
    match kernel.varies_with() {
        None | Some(Rows::Fixed(_)) => 1,
        Some(rows) => most.rows(rows).next_power_of_two().ilog2() as usize + 1,
    }
}
