//! Adapters, the device, its pipelines, and the translation of wgpu's errors.

use super::pipeline_cache::PipelineCache;
use crate::error::{Error, Result};
use crate::ir::{Access, BATCH, Binding, Capabilities, PARAMS, Shader};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
#[cfg(not(target_arch = "wasm32"))]
use {crate::threads::side_by_side, std::collections::HashSet};

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
    adapter: wgpu::Adapter,
}

impl fmt::Display for AdapterDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {}, {})", self.name, self.kind, self.backend, self.driver)
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
pub async fn adapters(backend: Option<Backend>) -> Vec<AdapterDescription> {
    let backends = backend.map_or(Backend::ALL.iter().map(|backend| backend.wgpu()).collect(), Backend::wgpu);
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    instance.enumerate_adapters(backends).await.into_iter().map(describe).collect()
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
fn advice(backend: wgpu::Backend, capabilities: &Capabilities) -> Option<&'static str> {
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

/// Whether the environment asks for checks as shaders run, which a GPU does without.
fn checked() -> bool {
    match std::env::var("WGBERT_SHADER_CHECKS").as_deref() {
        Err(_) | Ok("" | "off") => false,
        Ok("on") => true,
        Ok(other) => {
            log::warn!("WGBERT_SHADER_CHECKS is {other:?}, neither on nor off: shaders are checked");
            true
        }
    }
}

/// An open device, with the pipelines made on it so far; clones share both.
#[derive(Clone, Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub capabilities: Capabilities,
    /// Name of the adapter, for errors and reports.
    pub name: String,
    pipelines: Arc<Mutex<HashMap<Shader, wgpu::ComputePipeline>>>,
    pipeline_cache: Arc<Mutex<Option<Arc<PipelineCache>>>>,
    lost: Arc<OnceLock<String>>,
    /// Whether shaders bound their indices and loops, and zero a workgroup's memory, on a GPU too. Those for software adapters
    /// always do: they load rows whose length they round up, and do not use what lies beyond.
    checked: bool,
    /// Whether loops are written out that are marked so: for compilers of GPUs, which the adapter's is unless it is software.
    unrolled: bool,
    /// What a test makes it do wrong.
    pub(super) fault: Option<Arc<dyn super::Fault>>,
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) waiter: Arc<super::waiter::Waiter>,
}

impl Gpu {
    /// Opens an adapter with everything it offers that kernels can use. What its driver compiles is kept in the folder
    /// `cache_dir`, if there is one and the backend can (Vulkan), and found there by the next process.
    ///
    /// # Errors
    /// [`Error::Adapter`]; nothing about the folder is one.
    pub async fn open(adapter: &AdapterDescription, cache_dir: Option<&Path>) -> Result<Gpu> {
        if let Some(advice) = advice(adapter.adapter.get_info().backend, &adapter.capabilities) {
            log::warn!("{adapter}: {advice}");
        }
        let mut wanted = wgpu::Features::SUBGROUP
            | wgpu::Features::SHADER_F16
            | wgpu::Features::SHADER_INT64
            | wgpu::Features::TIMESTAMP_QUERY
            | wgpu::Features::PIPELINE_CACHE;
        let mut experimental_features = wgpu::ExperimentalFeatures::disabled();
        if adapter.capabilities.cooperative_matrix_size.is_some() {
            wanted |= wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
            // SAFETY: wgpu promises nothing of experimental features but that they may have bugs. Of them only cooperative
            // matrices are asked for. The shaders that use them link one of the files `common/cooperative_*`, naga
            // validates them, and the matrices that they load and store lie within arrays of their own workgroup memory.
            #[allow(unsafe_code, reason = "wgpu wants a word for it")]
            let enabled = unsafe { wgpu::ExperimentalFeatures::enabled() };
            experimental_features = enabled;
        }
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("wgbert"),
            required_features: adapter.adapter.features() & wanted,
            // The default is WebGPU's minimum, whose 128 MiB bindings are small for embedding tables.
            required_limits: adapter.adapter.limits(),
            experimental_features,
            ..Default::default()
        };
        let (device, queue) = adapter.adapter.request_device(&descriptor).await.map_err(|error| Error::Adapter {
            adapter: adapter.to_string(),
            message: format!("cannot be opened: {error}"),
        })?;
        let lost = Arc::new(OnceLock::new());
        let seen = lost.clone();
        device.set_device_lost_callback(move |reason, message| {
            // A device that is dropped at the end of its life is no news, and nobody is left to be told.
            let _ = seen.set(format!("{reason:?}: {message}"));
        });
        let seen = lost.clone();
        // wgpu's default is to panic. What no scope caught left objects invalid: nothing later can be trusted.
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            log::error!("{error}");
            let _ = seen.set(error.to_string());
        }));
        let gpu = Gpu {
            #[cfg(not(target_arch = "wasm32"))]
            waiter: Arc::new(super::waiter::Waiter::new(device.clone())),
            device,
            queue,
            capabilities: adapter.capabilities.clone(),
            name: adapter.name.clone(),
            pipelines: Arc::default(),
            pipeline_cache: Arc::default(),
            lost,
            checked: checked(),
            unrolled: adapter.adapter.get_info().device_type != wgpu::DeviceType::Cpu,
            fault: None,
        };
        gpu.read_pipelines(adapter, cache_dir).await;
        Ok(gpu)
    }

    /// Finds in the folder what another process of the adapter's compiled and kept there.
    pub(crate) async fn read_pipelines(&self, adapter: &AdapterDescription, cache_dir: Option<&Path>) {
        let can = self.device.features().contains(wgpu::Features::PIPELINE_CACHE);
        if let Some(folder) = cache_dir.filter(|_| can) {
            let cache = PipelineCache::open(self, adapter, folder).await.map(Arc::new);
            *self.pipeline_cache.lock().unwrap_or_else(PoisonError::into_inner) = cache;
        }
    }

    fn pipeline_cache(&self) -> Option<Arc<PipelineCache>> {
        self.pipeline_cache.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same device, of which kernels see something else: less than it offers, or other choices of tiles.
    pub fn with(&self, capabilities: Capabilities) -> Gpu {
        Gpu { capabilities, ..self.clone() }
    }

    /// The same device, without pipelines, whose shaders are checked by wgpu as they run, or are not.
    pub fn with_checks(&self, checked: bool) -> Gpu {
        Gpu { checked, pipelines: Arc::default(), ..self.clone() }
    }

    /// The same device, without pipelines, whose shaders have the loops written out that are marked so, or have not.
    pub fn with_unrolled(&self, unrolled: bool) -> Gpu {
        Gpu { unrolled, pipelines: Arc::default(), ..self.clone() }
    }

    /// The same device, new, with something wrong about it.
    pub fn with_fault(self, fault: Option<Arc<dyn super::Fault>>) -> Gpu {
        Gpu { fault, ..self }
    }

    /// Destroys the device, as a driver reset would: everything afterwards is [`Error::DeviceLost`].
    pub fn destroy(&self) {
        // wgpu only tells when the queue is next found empty; until then it makes invalid objects without a word.
        let _ = self.lost.set("it was destroyed".into());
        self.device.destroy();
    }

    /// Bytes that live buffers take, where the backend counts them.
    pub fn allocated(&self) -> Option<u64> {
        self.device.generate_allocator_report().map(|report| report.total_allocated_bytes)
    }

    /// An error if the device is gone; called where its results are about to be believed.
    pub(super) fn check(&self, doing: &str) -> Result<()> {
        match self.lost.get() {
            None => Ok(()),
            Some(message) => {
                Err(Error::DeviceLost { adapter: self.name.clone(), doing: doing.into(), message: message.clone() })
            }
        }
    }

    /// Ready once the device is done with a submission and those before it. This thread sleeps until then where it may, else
    /// one of the device's does.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) async fn wait(&self, submission: &wgpu::SubmissionIndex) -> Result<(), String> {
        use super::{read_back, waiter};
        if read_back::may_block() {
            return waiter::wait(&self.device, submission.clone());
        }
        // No thread need be woken for a device that has nothing to do any more.
        if waiter::is_idle(&self.device) {
            return Ok(());
        }
        self.waiter.wait(submission.clone()).await.unwrap_or_else(|| Err("nobody waits for it any more".into()))
    }

    /// Runs `action` with wgpu's errors caught and named by what was being done and how many bytes it wanted.
    pub(super) async fn guard<T>(&self, doing: &str, bytes: u64, action: impl FnOnce() -> T) -> Result<T> {
        use wgpu::ErrorFilter::{Internal, OutOfMemory, Validation};
        // In a block of their own: scopes belong to a thread, and this future may go to another.
        let (result, popped) = {
            let scopes = [OutOfMemory, Validation, Internal].map(|filter| self.device.push_error_scope(filter));
            let result = action();
            // They are a stack: the last one pushed is popped first.
            let [memory, validation, internal] = scopes;
            (result, (internal.pop(), validation.pop(), memory.pop()))
        };
        let error = (popped.0.await).or(popped.1.await).or(popped.2.await);
        self.check(doing)?;
        match error {
            None => Ok(result),
            Some(wgpu::Error::OutOfMemory { .. }) => {
                Err(Error::OutOfMemory { adapter: self.name.clone(), doing: doing.into(), bytes })
            }
            Some(error) => {
                Err(Error::Adapter { adapter: self.name.clone(), message: format!("failed {doing}: {error}") })
            }
        }
    }

    /// A new buffer of at least `bytes`, with its contents if given, or what could not be allocated.
    pub(super) async fn buffer(
        &self,
        label: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
        contents: Option<&[u8]>,
    ) -> Result<wgpu::Buffer> {
        let doing = format!("allocating {label}");
        // Room for a whole vec4, which is the least that a binding of such an array may have.
        let size = bytes.next_multiple_of(16).max(16);
        if size > self.capabilities.max_buffer {
            return Err(Error::OutOfMemory { adapter: self.name.clone(), doing, bytes });
        }
        let descriptor =
            wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: contents.is_some() };
        let buffer = self.guard(&doing, bytes, || self.device.create_buffer(&descriptor)).await?;
        if let Some(contents) = contents {
            let failed = |error: &dyn fmt::Display| Error::Adapter {
                adapter: self.name.clone(),
                message: format!("failed {doing}: {error}"),
            };
            let mut mapped = buffer.get_mapped_range_mut(..).map_err(|error| failed(&error))?;
            mapped.slice(..contents.len()).copy_from_slice(contents);
            drop(mapped);
            self.guard(&doing, bytes, || buffer.unmap()).await?;
        }
        Ok(buffer)
    }

    /// The pipeline of a shader, compiled on first use. `bindings` are those of group 0 that the shader has.
    pub(crate) async fn pipeline(&self, shader: &Shader, bindings: &[Binding]) -> Result<wgpu::ComputePipeline> {
        if let Some(pipeline) = self.known(shader) {
            return Ok(pipeline);
        }
        let doing = format!("compiling {} [{}]", shader.name, shader.variant());
        log::debug!("{doing} {:?}", shader.constants);
        let pipeline = self.guard(&doing, 0, || self.compile(shader, bindings)).await?;
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner).insert(shader.clone(), pipeline.clone());
        Ok(pipeline)
    }

    fn known(&self, shader: &Shader) -> Option<wgpu::ComputePipeline> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner).get(shader).cloned()
    }

    /// Compiles those of the shaders that are not yet, on as many threads as there are cores: drivers compile on the thread
    /// that asks.
    ///
    /// # Errors
    /// Of the first of them that does not compile.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn compile_all(&self, shaders: &[(Shader, Vec<Binding>)]) -> Result<()> {
        let mut seen = HashSet::new();
        let new = |(shader, _): &&(Shader, Vec<Binding>)| self.known(shader).is_none() && seen.insert(shader.clone());
        let new: Vec<_> = shaders.iter().filter(new).collect();
        side_by_side(&new, |(shader, bindings)| pollster::block_on(self.pipeline(shader, bindings)).map(drop))
    }

    /// Keeps what was compiled so far for the next process, where the device was opened with a folder for it.
    pub(super) fn keep_pipelines(&self) {
        if let Some(cache) = self.pipeline_cache() {
            cache.keep();
        }
    }

    /// The layout of a kernel's bind group: its operands, its parameters and the sizes of the batch. That of its variants is
    /// the same. It is one group because wgpu checks and tracks each group of each dispatch.
    pub(super) fn layout(&self, label: &str, bindings: &[Binding]) -> wgpu::BindGroupLayout {
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let storage = |binding: &Binding| {
            let read_only = binding.access == Access::Read;
            entry(binding.number, wgpu::BufferBindingType::Storage { read_only })
        };
        let uniforms = [PARAMS, BATCH].map(|number| entry(number, wgpu::BufferBindingType::Uniform));
        let entries: Vec<_> = bindings.iter().map(storage).chain(uniforms).collect();
        self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries })
    }

    fn compile(&self, shader: &Shader, bindings: &[Binding]) -> wgpu::ComputePipeline {
        let label = Some(shader.name);
        let source = if self.unrolled { shader.source() } else { shader.linked() };
        let source = match &self.fault {
            None => source,
            Some(fault) => fault.source(shader, source),
        };
        let descriptor = wgpu::ShaderModuleDescriptor { label, source: wgpu::ShaderSource::Wgsl(source.into()) };
        let checked = self.checked || self.capabilities.cpu;
        let module = match checked {
            true => self.device.create_shader_module(descriptor),
            // SAFETY: every index of every shader lies within what it indexes, every loop ends, and no divisor is 0: all of
            // them depend on lane numbers, on constants, on the sizes of the batch and on parameters of the recording, which
            // the host checks against the buffers, and on ids, types and classes, which the host checks against the tables
            // (`Classifier::check`, `label::loss_kind`). `tests/kernels/bounds.rs` runs all kernels with code beside each
            // access that says if this is not so.
            #[allow(
                unsafe_code,
                reason = "checks cost a third of a product's time, and compilers unroll loops without them"
            )]
            false => unsafe {
                self.device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
            },
        };
        let group = self.layout(shader.name, bindings);
        let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&group)],
            immediate_size: 0,
        });
        let kept = self.pipeline_cache();
        let constants: Vec<_> = shader.constants.iter().map(|(name, value)| (*name, f64::from(*value))).collect();
        self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&layout),
            module: &module,
            // The only one of the module.
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                zero_initialize_workgroup_memory: checked,
            },
            cache: kept.as_deref().map(PipelineCache::cache),
        })
    }
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
