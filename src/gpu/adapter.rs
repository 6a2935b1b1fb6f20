//! Adapters as wgpu lists them, and what of what they offer kernels can use.

use crate::ir::Capabilities;
use std::fmt;
use std::sync::Arc;

/// A graphics interface to look for adapters on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Linux, Windows, Android.
    Vulkan,
    /// macOS and iOS.
    Metal,
    /// Windows.
    Dx12,
    /// The browser's.
    WebGpu,
}

impl Backend {
    /// Every backend.
    pub const ALL: [Backend; 4] = [Backend::Vulkan, Backend::Metal, Backend::Dx12, Backend::WebGpu];

    fn wgpu(self) -> wgpu::Backends {
        match self {
            Backend::Vulkan => wgpu::Backends::VULKAN,
            Backend::Metal => wgpu::Backends::METAL,
            Backend::Dx12 => wgpu::Backends::DX12,
            Backend::WebGpu => wgpu::Backends::BROWSER_WEBGPU,
        }
    }
}

/// An adapter, as `wgbert adapters` shows it.
#[derive(Clone, Debug)]
pub struct AdapterDescription {
    pub name: String,
    /// `Vulkan`, `Metal`, ...
    pub backend: String,
    /// `DiscreteGpu`, `IntegratedGpu`, `VirtualGpu`, `Cpu` or `Other`.
    pub kind: String,
    pub driver: String,
    /// Where it is on the PCI bus, such as `0000:01:00.0`; empty where the driver does not say so, as of software.
    pub bus: String,
    pub capabilities: Capabilities,
    pub(super) adapter: wgpu::Adapter,
}

impl fmt::Display for AdapterDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let driver = if self.driver.is_empty() { String::new() } else { format!(", {}", self.driver) };
        write!(f, "{} ({}, {}{driver})", self.name, self.kind, self.backend)
    }
}

impl AdapterDescription {
    /// The same adapter, of which kernels see something else.
    pub fn with(&self, capabilities: Capabilities) -> AdapterDescription {
        AdapterDescription { capabilities, ..self.clone() }
    }

    /// What tells it from the others of the list, where it is at `index`.
    pub fn place(&self, index: usize) -> String {
        let bus = if self.bus.is_empty() { String::new() } else { format!(", bus {}", self.bus) };
        format!("{index}: {self}{bus}")
    }

    /// The part of a file's name that says what its contents were made for: adapter, driver and version of this crate.
    pub(super) fn file_stem(&self) -> String {
        let text = format!("{self} {}", env!("CARGO_PKG_VERSION"));
        let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '.');
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
    }
}

/// All adapters of `backend`, or of every backend, in the driver's order: their indices are stable on one machine.
#[cfg(not(target_arch = "wasm32"))]
pub async fn adapters(backend: Option<Backend>) -> Vec<AdapterDescription> {
    let backends = backend.map_or(Backend::ALL.iter().map(|backend| backend.wgpu()).collect(), Backend::wgpu);
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    instance.enumerate_adapters(backends).await.into_iter().map(describe).collect()
}

/// The browser's adapter, of which a page is given one; none where it has none.
#[cfg(target_arch = "wasm32")]
pub async fn adapters(backend: Option<Backend>) -> Vec<AdapterDescription> {
    let Some(adapter) = super::browser::adapter().await.filter(|_| matches!(backend, None | Some(Backend::WebGpu)))
    else {
        return Vec::new();
    };
    let mut described = describe(adapter);
    if described.name.is_empty() {
        described.name = super::browser::name().await;
    }
    vec![described]
}

fn describe(adapter: wgpu::Adapter) -> AdapterDescription {
    let info = adapter.get_info();
    AdapterDescription {
        name: info.name.clone(),
        backend: info.backend.to_string(),
        kind: format!("{:?}", info.device_type),
        driver: [info.driver.as_str(), info.driver_info.as_str()].join(" ").trim().to_string(),
        capabilities: capabilities(&adapter, &info),
        bus: info.device_pci_bus_id,
        adapter,
    }
}

/// What its user can do for an adapter that could compute faster. wgpu does not say which of Microsoft's compilers it found,
/// but only DXC compiles for shader model 6, which brings subgroups, 64-bit integers and f16: every GPU of the last ten years
/// has one of them there.
pub(super) fn advice(backend: wgpu::Backend, capabilities: &Capabilities) -> Option<&'static str> {
    let Capabilities { subgroup, int64, f16, .. } = capabilities;
    let old = backend == wgpu::Backend::Dx12 && subgroup.is_none() && !int64 && !f16;
    old.then_some(
        "DX12 offers no subgroups and no f16 here, as where its compiler is the old FXC: put dxcompiler.dll, of a release of \
         Microsoft's DirectXShaderCompiler from 1.8.2502 on, into the folder of this program, or use the adapter's Vulkan driver",
    )
}

fn capabilities(adapter: &wgpu::Adapter, info: &wgpu::AdapterInfo) -> Capabilities {
    let (features, limits) = (adapter.features(), adapter.limits());
    let subgroup = features.contains(wgpu::Features::SUBGROUP) && info.subgroup_min_size > 0;
    Capabilities {
        cpu: info.device_type == wgpu::DeviceType::Cpu,
        f16: features.contains(wgpu::Features::SHADER_F16),
        int64: features.contains(wgpu::Features::SHADER_INT64),
        subgroup: subgroup.then_some((info.subgroup_min_size, info.subgroup_max_size)),
        cooperative_matrix_size: features
            .contains(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX)
            .then(|| edge(adapter))
            .flatten(),
        cooperative_vectors: info.backend != wgpu::Backend::Metal,
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
        max_binding: limits.max_storage_buffer_binding_size,
        max_buffer: limits.max_buffer_size,
        max_workgroups: limits.max_compute_workgroups_per_dimension,
        workgroup_memory: limits.max_compute_workgroup_storage_size,
        // Kernels lay them all along x.
        workgroup_size: limits.max_compute_invocations_per_workgroup.min(limits.max_compute_workgroup_size_x),
        tuning: Arc::default(),
    }
}

/// Edge of the largest cooperative matrices that WGSL can express, with f16 in and f32 out.
fn edge(adapter: &wgpu::Adapter) -> Option<u32> {
    use wgpu::CooperativeScalarType::{F16, F32};
    let shapes = adapter.cooperative_matrix_properties().into_iter();
    let usable = shapes.filter(|shape| {
        let square = shape.m_size == shape.n_size && shape.m_size == shape.k_size;
        square && matches!(shape.m_size, 8 | 16) && shape.ab_type == F16 && shape.cr_type == F32
    });
    usable.map(|shape| shape.m_size).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On DX12 without DXC nothing but speed and f16 tells that a DLL is missing.
    #[test]
    fn a_missing_dxc_is_told_from_an_adapter_that_has_it() {
        let fxc = Capabilities::minimum();
        let text = advice(wgpu::Backend::Dx12, &fxc).expect("an advice");
        assert!(text.contains("dxcompiler.dll"), "{text}");
        assert_eq!(advice(wgpu::Backend::Vulkan, &fxc), None);
        assert_eq!(advice(wgpu::Backend::Dx12, &Capabilities { subgroup: Some((32, 32)), ..fxc }), None);
    }
}
