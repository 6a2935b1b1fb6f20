//! Weights on the device, shared by the plans of one model.

use super::{
    Gpu,
    upload::{self, Upload},
};
use crate::error::Result;
use crate::ir::{Element, Recording, Source, Weight, WeightSource};
use std::collections::HashMap;
use std::sync::Arc;
use wgpu::BufferUsages as Usage;

/// The buffers of weights by name, first row and element.
#[derive(Debug, Default)]
pub struct WeightBuffers(HashMap<(Weight, usize, Element), wgpu::Buffer>);

impl WeightBuffers {
    /// Bytes of all of them.
    pub fn bytes(&self) -> u64 {
        self.0.values().map(wgpu::Buffer::size).sum()
    }

    /// The buffers of a recording's weights and constants, by the tensors' ids: weights that are not here yet are uploaded.
    ///
    /// # Errors
    /// What `source` answers, and the device's errors.
    pub(super) async fn bind(
        &mut self,
        gpu: &Arc<Gpu>,
        recording: &Recording,
        source: &dyn WeightSource,
    ) -> Result<Vec<Option<wgpu::Buffer>>> {
        let layouts = recording.layouts(&gpu.capabilities);
        let mut buffers = vec![None; recording.tensors.len()];
        let mut upload = Upload::new(gpu);
        for (tensor, from) in &recording.tensors {
            let layout = layouts[tensor.id];
            buffers[tensor.id] = match from {
                Source::Weight(weight, rows) => {
                    let key = (weight.clone(), rows.start, tensor.element);
                    if !self.0.contains_key(&key) {
                        let label = weight.names.join(" + ");
                        let bytes = rows.len() as u64 * tensor.row_bytes();
                        let buffer = gpu.buffer(&label, bytes, Usage::STORAGE | Usage::COPY_DST, None).await?;
                        upload.fill(&buffer, source, weight, rows.clone(), tensor.element, layout).await?;
                        self.0.insert(key.clone(), buffer);
                    }
                    self.0.get(&key).cloned()
                }
                Source::Constant(values) => {
                    let contents = upload::contents(values, tensor, layout);
                    Some(gpu.buffer("constant", contents.len() as u64, Usage::STORAGE, Some(&contents)).await?)
                }
                Source::Input(_) | Source::Computed => None,
            };
        }
        Ok(buffers)
    }
}
