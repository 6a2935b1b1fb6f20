//! What a plan allocates for batches up to a size: inputs, what is computed, and what answers are read back through.

use super::{
    Gpu, inputs::Inputs, params::Params, pending::copied, plan::Steps, profile::Clock, read_back::StagingLease,
};
use crate::error::Result;
use crate::ir::{BATCH, BatchLimits, BatchSize, PARAMS, Recording, Run, Tiling, UNWRITTEN, share};
use std::sync::{Arc, Mutex};
use wgpu::BufferUsages as Usage;

/// Buffers and bind groups for batches within `limits`; a plan that needs more makes larger ones and lets these go.
#[derive(Debug)]
pub(super) struct Room {
    pub limits: BatchLimits,
    inputs: Inputs,
    intermediates: Vec<wgpu::Buffer>,
    /// For each step its operands, its parameters and the sizes of the batch.
    pub groups: Vec<wgpu::BindGroup>,
    /// Where each output is computed, in the recording's order.
    pub outputs: Vec<wgpu::Buffer>,
    /// Bytes of all outputs of the largest batch.
    read_back: u64,
    /// What batches are read back through, but for those that are on the device.
    readable: Arc<Mutex<Vec<wgpu::Buffer>>>,
}

impl Room {
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory) naming what was being allocated, and the device's other errors.
    pub(super) async fn allocate(
        gpu: &Gpu,
        recording: &Recording,
        steps: &Steps,
        fixed: &[Option<wgpu::Buffer>],
        params: &Params,
        limits: BatchLimits,
    ) -> Result<Room> {
        let shared = share(recording, &recording.constant_steps(), &limits);
        let mut intermediates = Vec::new();
        for (index, &bytes) in shared.bytes.iter().enumerate() {
            let label = format!("intermediate {index} for {} tokens", limits.tokens);
            let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
            intermediates.push(gpu.buffer(&label, bytes, usage, None).await?);
        }
        let mut buffers: Vec<Option<&wgpu::Buffer>> = fixed.iter().map(Option::as_ref).collect();
        for (tensor, slot) in shared.slots {
            buffers[tensor] = Some(&intermediates[slot]);
        }
        let inputs = Inputs::allocate(gpu, recording, &limits, steps.tiling).await?;

        let groups = gpu.guard("binding a plan's buffers", 0, || {
            let bind = |(index, step): (usize, &crate::ir::Step)| {
                let entry = |(binding, tensor): (crate::ir::Binding, crate::ir::Tensor)| {
                    let buffer = || {
                        let buffer = buffers[tensor.id].unwrap_or_else(|| {
                            panic!("{}: {} is read before any step writes it", step.kernel.name(), binding.name)
                        });
                        let bytes = limits.bytes(&tensor, &recording.tensors[tensor.id].1).next_multiple_of(16);
                        let size = wgpu::BufferSize::new(bytes);
                        wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset: 0, size })
                    };
                    let resource = inputs.tensor(tensor.id).unwrap_or_else(buffer);
                    wgpu::BindGroupEntry { binding: binding.number, resource }
                };
                let uniforms = [(PARAMS, params.binding(index)), (BATCH, inputs.sizes())];
                let uniforms = uniforms.map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource });
                let entries: Vec<_> = step.bound().map(entry).chain(uniforms).collect();
                let (label, layout) = (Some(step.kernel.name()), &steps.layouts[index]);
                gpu.device.create_bind_group(&wgpu::BindGroupDescriptor { label, layout, entries: &entries })
            };
            recording.steps.iter().enumerate().map(bind).collect()
        });
        let groups = groups.await?;
        let output = |tensor: &crate::ir::Tensor| buffers[tensor.id].cloned().expect("an output is written by a step");
        let outputs = recording.outputs.iter().map(|(_, tensor)| output(tensor)).collect();
        let most = limits.batch();
        let read_back = recording.outputs.iter().map(|(_, tensor)| copied(tensor, &most)).sum::<u64>() + Clock::BYTES;
        let room = Room { limits, inputs, intermediates, groups, outputs, read_back, readable: Arc::default() };
        // The first of them now: what a batch needs is there, or said to be too large.
        drop(room.readable(gpu).await?);
        Ok(room)
    }

    /// A buffer to read a batch back through: one that is free, else another.
    pub(super) async fn readable(&self, gpu: &Gpu) -> Result<StagingLease> {
        match StagingLease::from(&self.readable) {
            Some(lease) => Ok(lease),
            None => {
                let usage = Usage::MAP_READ | Usage::COPY_DST;
                let buffer = gpu.buffer("read-back", self.read_back, usage, None).await?;
                Ok(StagingLease::new(buffer, &self.readable))
            }
        }
    }

    /// Writes a batch's inputs, before what is submitted next.
    pub(super) fn write(&self, gpu: &Gpu, run: Run<'_>, size: &BatchSize, tiling: Option<Tiling>) {
        let BatchLimits { tokens, texts } = self.limits;
        assert!(
            size.tokens as usize <= tokens && size.lengths.len() <= texts && size.tokens as usize == run.tokens.len(),
            "a batch of {} tokens and {} texts does not fit a plan for {tokens} and {texts}",
            run.tokens.len(),
            size.lengths.len(),
        );
        self.inputs.write(gpu, run, size, tiling);
    }

    /// Fills what is computed with what no kernel writes.
    pub(super) fn poison(&self, gpu: &Gpu) {
        for buffer in &self.intermediates {
            gpu.queue.write_buffer(buffer, 0, &UNWRITTEN.to_le_bytes().repeat(buffer.size() as usize / 4));
        }
    }

    /// Bytes of what a batch computes, of which each buffer is shared by tensors that are not needed at one time.
    pub(super) fn activation_bytes(&self) -> u64 {
        self.intermediates.iter().map(wgpu::Buffer::size).sum()
    }
}
