//! What an adapter offers, as a plain value: kernels choose their variant by it, tests write their own, and a bug report
//! can be replayed as another adapter.

use super::Tuning;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the kernels' choices depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// A software adapter: its "workgroups" are loops on CPU cores.
    pub cpu: bool,
    /// 16-bit floats in shaders.
    pub f16: bool,
    /// 64-bit integers in shaders.
    pub int64: bool,
    /// Smallest and largest subgroup, where shaders may use subgroup operations.
    pub subgroup: Option<(u32, u32)>,
    /// Edge of the square cooperative matrices (f16 in, f32 out) that WGSL can express: 8 or 16.
    pub cooperative_matrix_size: Option<u32>,
    /// Whether they may be loaded from arrays of vectors; Metal's may not.
    pub matrices_of_vectors: bool,
    /// Timestamps between the dispatches of a pass.
    pub timestamps: bool,
    /// Bytes that one storage binding may span.
    pub max_binding: u64,
    /// Bytes of one buffer.
    pub max_buffer: u64,
    /// Workgroups in one dimension of a dispatch.
    pub max_workgroups: u32,
    /// Bytes of memory of a workgroup.
    pub workgroup_memory: u32,
    /// Invocations of a workgroup, all along x.
    pub workgroup_size: u32,
    /// The tiles that were the fastest here, where that was measured.
    #[serde(skip)]
    pub tuning: Arc<Tuning>,
}

impl Capabilities {
    /// The least that a WebGPU adapter offers.
    pub fn minimum() -> Capabilities {
        Capabilities {
            cpu: false,
            f16: false,
            int64: false,
            subgroup: None,
            cooperative_matrix_size: None,
            matrices_of_vectors: false,
            timestamps: false,
            max_binding: 128 << 20,
            max_buffer: 256 << 20,
            max_workgroups: 65535,
            workgroup_memory: 16384,
            workgroup_size: 256,
            tuning: Arc::default(),
        }
    }

    /// Whether a subgroup is one CPU vector of 8, for which `*_subgroup` parts are written, and 64-bit integers can load
    /// eight numbers at once.
    pub fn cpu_vectors(&self) -> bool {
        self.cpu && self.int64 && self.uniform_subgroup() == Some(8)
    }

    /// Whether kernels multiply on its tensor cores, if they are not told not to: cooperative matrices of f16, by subgroups
    /// of a size that their parts are written for. A software adapter's are its CPU, which has a faster way.
    pub fn tensor_cores(&self) -> bool {
        let subgroups = self.subgroup.is_some_and(|(_, most)| [8, 16, 32, 64].contains(&most));
        self.cooperative_matrix_size.is_some() && self.f16 && subgroups && !self.cpu
    }

    /// The subgroup size where the adapter has only one.
    pub fn uniform_subgroup(&self) -> Option<u32> {
        self.subgroup.filter(|(min, max)| min == max).map(|(size, _)| size)
    }
}
