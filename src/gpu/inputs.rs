//! What each batch is given, in one buffer that one write fills.

use super::Gpu;
use crate::error::Result;
use crate::ir::{BatchLimits, BatchSize, Input, Recording, Run, Source, Tensor, Tiling};
use wgpu::BufferUsages as Usage;

/// The inputs of a recording, each at its place in one buffer. First of all are the two sizes of the batch, which every
/// kernel reads as a uniform; last are the tokens, so that a write ends where the batch does.
#[derive(Debug)]
pub(super) struct Inputs {
    buffer: wgpu::Buffer,
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    tensor: usize,
    input: Input,
    offset: u64,
    /// Bytes for the largest batch.
    size: u64,
}

/// Bytes of the sizes of a batch.
const SIZES: u64 = 16;

impl Inputs {
    /// For batches within `limits`, whose kernels read a tile list made by `tiling`.
    pub(super) async fn allocate(
        gpu: &Gpu,
        recording: &Recording,
        limits: &BatchLimits,
        tiling: Option<Tiling>,
    ) -> Result<Inputs> {
        let device = gpu.device.limits();
        let alignment = device.min_storage_buffer_offset_alignment.max(device.min_uniform_buffer_offset_alignment);
        let own = |(tensor, source): &'_ (Tensor, Source)| match source {
            Source::Input(input) => Some((*tensor, *input)),
            _ => None,
        };
        let mut inputs: Vec<_> = recording.tensors.iter().filter_map(own).collect();
        inputs.sort_by_key(|(_, input)| *input == Input::Tokens);
        let mut end = SIZES;
        let mut places = Vec::new();
        for (tensor, input) in inputs {
            let size = match input {
                Input::Tiles => tiling.map_or(1, |tiling| tiling.rows(limits)) * tensor.row_bytes(),
                _ => limits.bytes(&tensor, &Source::Input(input)),
            };
            // A binding of vec4 has whole ones.
            let (offset, size) = (end.next_multiple_of(alignment.into()), size.next_multiple_of(16));
            places.push(Place { tensor: tensor.id, input, offset, size });
            end = offset + size;
        }
        let usage = Usage::STORAGE | Usage::UNIFORM | Usage::COPY_DST;
        Ok(Inputs { buffer: gpu.buffer("inputs", end, usage, None).await?, places })
    }

    /// The sizes of the batch.
    pub(super) fn sizes(&self) -> wgpu::BindingResource<'_> {
        self.range(0, SIZES)
    }

    /// The input that a tensor stands for, if it does.
    pub(super) fn tensor(&self, id: usize) -> Option<wgpu::BindingResource<'_>> {
        let place = self.places.iter().find(|place| place.tensor == id)?;
        Some(self.range(place.offset, place.size))
    }

    fn range(&self, offset: u64, size: u64) -> wgpu::BindingResource<'_> {
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.buffer,
            offset,
            size: wgpu::BufferSize::new(size),
        })
    }

    /// Writes a batch, before what is submitted next. Its bytes are copied once, to where the device fetches them.
    pub(super) fn write(&self, gpu: &Gpu, run: Run<'_>, size: &BatchSize, tiling: Option<Tiling>) {
        let sizes = [size.tokens, size.texts(), 0, 0];
        let tiles = size.tile_list(tiling);
        let mut parts: Vec<(u64, &[u8])> = vec![(0, bytemuck::cast_slice(&sizes))];
        for place in &self.places {
            let bytes = match place.input {
                Input::Tokens => bytemuck::cast_slice(run.tokens),
                Input::CuSeqlens => bytemuck::cast_slice(run.cu_seqlens),
                Input::Tiles => bytemuck::cast_slice(&tiles),
                Input::Classes => bytemuck::cast_slice(run.classes),
                Input::Targets { .. } => bytemuck::cast_slice(run.targets),
            };
            assert!(bytes.len() as u64 <= place.size, "{:?} does not fit its place", place.input);
            parts.push((place.offset, bytes));
        }
        let end = parts.iter().map(|(offset, bytes)| offset + bytes.len() as u64).max().unwrap_or(SIZES);
        let whole = wgpu::BufferSize::new(end).expect("a batch has sizes");
        // None where it failed, which the device's error scope tells.
        let Some(mut view) = gpu.queue.write_buffer_with(&self.buffer, 0, whole) else { return };
        for (offset, bytes) in parts {
            view.slice(offset as usize..).slice(..bytes.len()).copy_from_slice(bytes);
        }
    }
}
