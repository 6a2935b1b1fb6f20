//! The uniforms of a recording's kernels, in one buffer.

use super::Gpu;
use crate::error::Result;
use crate::ir::Recording;
use wgpu::BufferUsages as Usage;

/// All steps' parameters.
#[derive(Debug)]
pub(super) struct Params {
    buffer: wgpu::Buffer,
    places: Vec<(u64, u64)>,
}

impl Params {
    pub(super) async fn upload(gpu: &Gpu, recording: &Recording) -> Result<Params> {
        let alignment = gpu.device.limits().min_uniform_buffer_offset_alignment as usize;
        let mut bytes: Vec<u8> = Vec::new();
        let mut places = Vec::new();
        for step in &recording.steps {
            let params = step.kernel.params().bytes;
            bytes.resize(bytes.len().next_multiple_of(alignment), 0);
            places.push((bytes.len() as u64, params.len().next_multiple_of(16) as u64));
            bytes.extend(&params);
            bytes.resize(bytes.len().next_multiple_of(16), 0);
        }
        let buffer = gpu.buffer("params", bytes.len() as u64, Usage::UNIFORM, Some(&bytes)).await?;
        Ok(Params { buffer, places })
    }

    /// The parameters of a step.
    pub(super) fn binding(&self, step: usize) -> wgpu::BindingResource<'_> {
        let (offset, size) = self.places[step];
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.buffer,
            offset,
            size: wgpu::BufferSize::new(size),
        })
    }
}
