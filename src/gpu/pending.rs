//! A batch between its submission and its answers.

use super::profile::Clock;
use super::read_back::{Arrival, Mapped, ReadBack};
use crate::error::Result;
use crate::ir::{BatchSize, Element, Output, Tensor, Values};
use half::f16;
use half::slice::HalfFloatSliceExt;
use std::sync::Arc;

/// A batch on the device. Dropped, its answers are lost, and the plan is none the worse.
#[derive(Debug)]
pub struct Pending {
    pub(super) outputs: Arc<[(Output, Tensor)]>,
    pub(super) clock: Option<Arc<Clock>>,
    pub(super) size: BatchSize,
    pub(super) arriving: ReadBack,
}

impl Pending {
    /// Its outputs, in the recording's order, once it is done.
    ///
    /// # Errors
    /// As [`Plan::run`](super::Plan::run).
    pub async fn read(self) -> Result<Vec<(Output, Values)>> {
        self.arrival().wait().await?;
        self.take()
    }

    /// What any number of futures may wait for: that it is done.
    pub(crate) fn arrival(&self) -> Arc<Arrival<Mapped>> {
        self.arriving.arrival.clone()
    }

    /// The outputs of a batch that is done.
    ///
    /// # Errors
    /// As [`Plan::run`](super::Plan::run).
    pub(crate) fn take(self) -> Result<Vec<(Output, Values)>> {
        let Pending { outputs, clock, size, arriving } = self;
        let gpu = arriving.arrival.gpu().clone();
        let split = |mut rest: &[u8]| {
            let split = |(output, tensor): &(Output, Tensor)| {
                let (own, others) = rest.split_at(copied(tensor, &size) as usize);
                rest = others;
                let elements = size.rows(tensor.rows) as usize * tensor.columns;
                (*output, loaded(&own[..elements * tensor.element.bytes() as usize], tensor.element))
            };
            let outputs = outputs.iter().map(split).collect();
            // Behind them are its times.
            if let Some(clock) = clock {
                clock.add(&gpu, rest);
            }
            outputs
        };
        let mut outputs: Vec<(Output, Values)> = arriving.take(split)?;
        if let Some(fault) = &gpu.fault {
            fault.spoil(&size, &mut outputs);
        }
        gpu.check("reading a batch's answers back")?;
        Ok(outputs)
    }
}

/// Bytes that a batch copies of an output: wgpu copies fours of them.
pub(super) fn copied(tensor: &Tensor, size: &BatchSize) -> u64 {
    (u64::from(size.rows(tensor.rows)) * tensor.row_bytes()).next_multiple_of(4)
}

/// What lies in a buffer of this element.
fn loaded(bytes: &[u8], element: Element) -> Values {
    match element {
        Element::F32 => Values::F32(bytemuck::pod_collect_to_vec(bytes)),
        Element::F16 => Values::F32(bytemuck::pod_collect_to_vec::<u8, f16>(bytes).to_f32_vec()),
        Element::U32 => Values::U32(bytemuck::pod_collect_to_vec(bytes)),
    }
}
