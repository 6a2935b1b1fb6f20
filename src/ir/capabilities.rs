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
    /// Whether such matrices are loaded from arrays of vectors too: everywhere but on Metal.
    pub cooperative_vectors: bool,
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
            cooperative_vectors: false,
            timestamps: false,
            max_binding: 128 << 20,
            max_buffer: 256 << 20,
            max_workgroups: 65535,
            workgroup_memory: 16384,
            workgroup_size: 256,
            tuning: Arc::default(),
        }
    }

    /// What an adapter that offers `own` sees as this one: the lesser of the limits, and this one's kernels. Subgroups have the
    /// sizes that they have there; where this one may choose among several, so may it.
    ///
    /// # Errors
    /// What this one has and that one lacks, by name.
    pub fn within(&self, own: &Capabilities) -> Result<Capabilities, String> {
        let mut lacks = Vec::new();
        if self.f16 && !own.f16 {
            lacks.push("16-bit floats in shaders (f16)".into());
        }
        if self.int64 && !own.int64 {
            lacks.push("64-bit integers in shaders (int64)".into());
        }
        if self.subgroup.is_some() && own.subgroup.is_none() {
            lacks.push("subgroups (subgroup)".into());
        }
        if let Some(edge) =
            self.cooperative_matrix_size.filter(|_| self.cooperative_matrix_size != own.cooperative_matrix_size)
        {
            lacks.push(format!("cooperative matrices of {edge} x {edge} (cooperative_matrix_size)"));
        }
        if !lacks.is_empty() {
            return Err(format!("has no {}", lacks.join(", and no ")));
        }
        let subgroup = own.subgroup.filter(|_| self.subgroup.is_some()).map(|(least, most)| {
            let several = self.uniform_subgroup().is_none();
            (if several && least == most { (most / 2).max(1) } else { least }, most)
        });
        Ok(Capabilities {
            cpu: self.cpu,
            f16: self.f16,
            int64: self.int64,
            subgroup,
            cooperative_matrix_size: self.cooperative_matrix_size,
            cooperative_vectors: self.cooperative_vectors && own.cooperative_vectors,
            timestamps: own.timestamps,
            max_binding: self.max_binding.min(own.max_binding),
            max_buffer: self.max_buffer.min(own.max_buffer),
            max_workgroups: self.max_workgroups.min(own.max_workgroups),
            workgroup_memory: self.workgroup_memory.min(own.workgroup_memory),
            workgroup_size: self.workgroup_size.min(own.workgroup_size),
            tuning: Arc::default(),
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_sees_itself_as_another_as_far_as_it_can() {
        let software = Capabilities {
            cpu: true,
            f16: true,
            int64: true,
            subgroup: Some((8, 8)),
            workgroup_memory: 32768,
            ..Capabilities::minimum()
        };
        let card = Capabilities {
            f16: true,
            subgroup: Some((32, 32)),
            workgroup_memory: 49152,
            max_buffer: u64::MAX,
            ..Capabilities::minimum()
        };
        let seen = card.within(&software).unwrap();
        let expected = Capabilities { int64: false, cpu: false, ..software.clone() };
        assert_eq!(seen, expected, "its own subgroups and limits, the other's kernels");
        let choosing = Capabilities { subgroup: Some((32, 64)), ..card.clone() };
        assert_eq!(choosing.within(&software).unwrap().subgroup, Some((4, 8)));
        assert_eq!(Capabilities::minimum().within(&software).unwrap(), Capabilities::minimum());
        let cores = Capabilities { cooperative_matrix_size: Some(16), ..card.clone() };
        let lacks = cores.within(&software).unwrap_err();
        assert_eq!(lacks, "has no cooperative matrices of 16 x 16 (cooperative_matrix_size)");
        let lacks = card.within(&Capabilities::minimum()).unwrap_err();
        assert!(lacks.contains("16-bit floats") && lacks.contains("and no subgroups"), "{lacks}");
    }
}
