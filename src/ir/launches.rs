//! What a recording would launch on an adapter, and what it keeps there, counted.

use super::{Access, BatchSize, Capabilities, Recording, Rows, Shader, Source, Tensor, Weight};

/// How often a recording launches one variant of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launches {
    /// The kernel, linked for the adapter.
    pub shader: Shader,
    /// Launches in every batch.
    pub each: usize,
    /// Launches before the first batch: steps that depend on weights alone.
    pub once: usize,
}

impl Recording {
    /// The kernels' variants that `device` would run for eight texts of 128 tokens, in the order of their first launch.
    pub fn launches(&self, device: &Capabilities) -> Vec<Launches> {
        let batch = BatchSize::new([128; 8]);
        let mut all: Vec<Launches> = Vec::new();
        for (step, constant) in self.steps.iter().zip(self.constant_steps()) {
            for shader in step.kernel.shaders(device, &batch) {
                let place = all.iter().position(|launches| launches.shader == shader).unwrap_or_else(|| {
                    all.push(Launches { shader, each: 0, once: 0 });
                    all.len() - 1
                });
                let Launches { each, once, .. } = &mut all[place];
                *(if constant { once } else { each }) += 1;
            }
        }
        all
    }

    /// Bytes that a weight takes on the device.
    pub fn weight_bytes(&self, weight: &Weight) -> u64 {
        let parts = self.tensors.iter().filter(|(_, source)| matches!(source, Source::Weight(own, _) if own == weight));
        parts.map(|(tensor, _)| fixed_bytes(tensor)).sum()
    }

    /// Bytes of what is made of weights and numbers alone, before the first batch.
    pub fn table_bytes(&self) -> u64 {
        let constants = self.tensors.iter().filter(|(_, source)| matches!(source, Source::Constant(_)));
        let once = self.steps.iter().zip(self.constant_steps()).filter(|(_, constant)| *constant);
        let written = once.flat_map(|(step, _)| step.bound().filter(|(binding, _)| binding.access == Access::Write));
        let constants: u64 = constants.map(|(tensor, _)| fixed_bytes(tensor)).sum();
        constants + written.map(|(_, tensor)| fixed_bytes(&tensor)).sum::<u64>()
    }

    /// Launches of each layer in every batch.
    pub fn layer_launches(&self) -> Vec<usize> {
        let constant = self.constant_steps();
        self.layers.iter().map(|steps| constant[steps.clone()].iter().filter(|constant| !**constant).count()).collect()
    }
}

fn fixed_bytes(tensor: &Tensor) -> u64 {
    match tensor.rows {
        Rows::Fixed(rows) => u64::from(rows) * tensor.row_bytes(),
        Rows::Tokens | Rows::Texts => 0,
    }
}
