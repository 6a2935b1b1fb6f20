//! An open device, what is allocated on it, and the translation of wgpu's errors.

use super::{AdapterDescription, adapter::advice, pipeline_cache::PipelineCache};
use crate::error::{Error, Result};
use crate::ir::{Capabilities, Shader};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

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
    pub(super) pipelines: Arc<Mutex<HashMap<Shader, wgpu::ComputePipeline>>>,
    pub(super) pipeline_cache: Arc<Mutex<Option<Arc<PipelineCache>>>>,
    lost: Arc<OnceLock<String>>,
    /// Whether shaders bound their indices and loops, and zero a workgroup's memory, on a GPU too. Those for software adapters
    /// always do: they load rows whose length they round up, and do not use what lies beyond.
    pub(super) checked: bool,
    /// Whether loops are written out that are marked so: for compilers of GPUs, which the adapter's is unless it is software.
    pub(super) unrolled: bool,
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
        // A browser gives a device for an adapter once, and one that was lost is opened again.
        #[cfg(target_arch = "wasm32")]
        let adapter = &match super::browser::adapter().await {
            Some(again) => AdapterDescription { adapter: again, ..adapter.clone() },
            None => adapter.clone(),
        };
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
    pub(crate) fn check(&self, doing: &str) -> Result<()> {
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
        // In a block of their own: scopes belong to a thread, and this future may go to another.
        let (result, popped) = {
            let scopes = self.scopes();
            let result = action();
            (result, popped(scopes))
        };
        self.judge(doing, bytes, popped.await).map(|()| result)
    }

    /// What an error of wgpu's is to who was doing that, if there was one.
    pub(super) fn judge(&self, doing: &str, bytes: u64, error: Option<wgpu::Error>) -> Result<()> {
        self.check(doing)?;
        match error {
            None => Ok(()),
            Some(wgpu::Error::OutOfMemory { .. }) => {
                Err(Error::OutOfMemory { adapter: self.name.clone(), doing: doing.into(), bytes })
            }
            Some(error) => {
                Err(Error::Adapter { adapter: self.name.clone(), message: format!("failed {doing}: {error}") })
            }
        }
    }

    /// Catches the errors of what is done next on this thread, until [`popped`].
    pub(super) fn scopes(&self) -> [wgpu::ErrorScopeGuard; 3] {
        use wgpu::ErrorFilter::{Internal, OutOfMemory, Validation};
        [OutOfMemory, Validation, Internal].map(|filter| self.device.push_error_scope(filter))
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
}

/// Ends what [`Gpu::scopes`] began, at once; the error, if there was one, when the device has done what was asked.
pub(super) fn popped(scopes: [wgpu::ErrorScopeGuard; 3]) -> impl Future<Output = Option<wgpu::Error>> {
    // They are a stack: the last one pushed is popped first.
    let [memory, validation, internal] = scopes;
    let popped = (internal.pop(), validation.pop(), memory.pop());
    async { popped.0.await.or(popped.1.await).or(popped.2.await) }
}
