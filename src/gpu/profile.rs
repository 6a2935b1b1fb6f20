//! GPU time: by step, from timestamps around one pass a step, and of whole batches.

use super::{
    Gpu,
    read_back::{ReadBack, StagingLease},
};
use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// GPU time of one step of a recording.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    pub kernel: &'static str,
    /// Index of the step in the recording.
    pub step: usize,
    pub time: Duration,
    /// Multiplications and additions, each counted.
    pub operations: u64,
}

/// Two timestamps a step and the buffers they are read through.
#[derive(Debug)]
pub(super) struct Timestamps {
    set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    readable: wgpu::Buffer,
    steps: u32,
}

impl Timestamps {
    pub(super) async fn new(gpu: &Gpu, steps: usize) -> Result<Timestamps> {
        let refuse = |message: &str| Error::Adapter { adapter: gpu.name.clone(), message: message.into() };
        if !gpu.capabilities.timestamps {
            return Err(refuse("has no timestamps, so kernels cannot be timed on it"));
        }
        let steps = steps as u32;
        if 2 * steps > wgpu::QUERY_SET_MAX_QUERIES {
            return Err(refuse("cannot time a recording of so many steps at once"));
        }
        let bytes = u64::from(2 * steps) * 8;
        let descriptor =
            wgpu::QuerySetDescriptor { label: Some("timestamps"), ty: wgpu::QueryType::Timestamp, count: 2 * steps };
        use wgpu::BufferUsages as Usage;
        Ok(Timestamps {
            set: gpu.guard("allocating timestamps", bytes, || gpu.device.create_query_set(&descriptor)).await?,
            resolved: gpu.buffer("timestamps", bytes, Usage::QUERY_RESOLVE | Usage::COPY_SRC, None).await?,
            readable: gpu.buffer("timestamps", bytes, Usage::MAP_READ | Usage::COPY_DST, None).await?,
            steps,
        })
    }

    pub(super) fn around(&self, step: usize) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: Some(2 * step as u32),
            end_of_pass_write_index: Some(2 * step as u32 + 1),
        }
    }

    pub(super) fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        encoder.resolve_query_set(&self.set, 0..2 * self.steps, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.readable, 0, Some(u64::from(2 * self.steps) * 8));
    }

    /// Time of each step, after the submission.
    pub(super) async fn read(&self, gpu: &Arc<Gpu>, submission: wgpu::SubmissionIndex) -> Result<Vec<Duration>> {
        let bytes = u64::from(2 * self.steps) * 8;
        let arriving = ReadBack::new(gpu.clone(), StagingLease::alone(self.readable.clone()), bytes, submission);
        let ticks: Vec<u64> = arriving.read(bytemuck::pod_collect_to_vec).await?;
        let period = f64::from(gpu.queue.get_timestamp_period());
        let time = |pair: &[u64]| Duration::from_nanos((pair[1].saturating_sub(pair[0]) as f64 * period) as u64);
        Ok(ticks.chunks_exact(2).map(time).collect())
    }
}

/// When batches begin and end on the device. One pair of timestamps is enough: the device comes to a batch when it is done
/// with the one before, and copies the pair out.
#[derive(Debug)]
pub(crate) struct Clock {
    set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    /// Nanoseconds of the batches so far.
    total: AtomicU64,
}

impl Clock {
    /// Of a pair.
    pub(crate) const BYTES: u64 = 16;

    pub(crate) async fn new(gpu: &Gpu) -> Result<Clock> {
        use wgpu::BufferUsages as Usage;
        let descriptor = wgpu::QuerySetDescriptor { label: Some("clock"), ty: wgpu::QueryType::Timestamp, count: 2 };
        Ok(Clock {
            set: gpu.guard("allocating timestamps", Self::BYTES, || gpu.device.create_query_set(&descriptor)).await?,
            resolved: gpu.buffer("clock", Self::BYTES, Usage::QUERY_RESOLVE | Usage::COPY_SRC, None).await?,
            total: AtomicU64::new(0),
        })
    }

    pub(crate) fn around(&self) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        }
    }

    /// Copies the pair to `offset`; gives its bytes.
    pub(crate) fn resolve(&self, encoder: &mut wgpu::CommandEncoder, readable: &wgpu::Buffer, offset: u64) -> u64 {
        encoder.resolve_query_set(&self.set, 0..2, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, readable, offset, Some(Self::BYTES));
        Self::BYTES
    }

    /// Counts a pair that was read back.
    pub(crate) fn add(&self, gpu: &Gpu, pair: &[u8]) {
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(pair);
        let time = ticks[1].saturating_sub(ticks[0]) as f64 * f64::from(gpu.queue.get_timestamp_period());
        self.total.fetch_add(time as u64, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> Duration {
        Duration::from_nanos(self.total.load(Ordering::Relaxed))
    }
}
