//! Shader -> pipeline, compiled once a device and kept for the next process.

#[cfg(target_arch = "wasm32")]
use super::device::popped;
use super::{AdapterDescription, Gpu, pipeline_cache::PipelineCache};
use crate::error::Result;
use crate::ir::{Access, BATCH, Binding, PARAMS, Shader};
#[cfg(not(target_arch = "wasm32"))]
use crate::threads::side_by_side;
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, PoisonError};

/// What is being done, for errors.
fn compiling(shader: &Shader) -> String {
    format!("compiling {} [{}]", shader.name, shader.variant())
}

impl Gpu {
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

    /// The pipeline of a shader, compiled on first use. `bindings` are those of group 0 that the shader has.
    pub(crate) async fn pipeline(&self, shader: &Shader, bindings: &[Binding]) -> Result<wgpu::ComputePipeline> {
        if let Some(pipeline) = self.known(shader) {
            return Ok(pipeline);
        }
        let doing = compiling(shader);
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
    pub(super) async fn compile_all(&self, shaders: &[(Shader, Vec<Binding>)]) -> Result<()> {
        let new = self.new_of(shaders);
        side_by_side(&new, |(shader, bindings)| pollster::block_on(self.pipeline(shader, bindings)).map(drop))
    }

    /// Asks for those of the shaders that are not there yet, and then waits for all of them: a browser compiles in a process of
    /// its own.
    ///
    /// # Errors
    /// Of the first of them that does not compile.
    #[cfg(target_arch = "wasm32")]
    pub(super) async fn compile_all(&self, shaders: &[(Shader, Vec<Binding>)]) -> Result<()> {
        let mut asked = Vec::new();
        for (shader, bindings) in self.new_of(shaders) {
            let scopes = self.scopes();
            let pipeline = self.compile(shader, bindings);
            asked.push((shader, pipeline, popped(scopes)));
        }
        for (shader, pipeline, popped) in asked {
            self.judge(&compiling(shader), 0, popped.await)?;
            self.pipelines.lock().unwrap_or_else(PoisonError::into_inner).insert(shader.clone(), pipeline);
        }
        Ok(())
    }

    /// Those of the shaders that have no pipeline yet, each once.
    fn new_of<'a>(&self, shaders: &'a [(Shader, Vec<Binding>)]) -> Vec<&'a (Shader, Vec<Binding>)> {
        let mut seen = HashSet::new();
        let new = |(shader, _): &&(Shader, Vec<Binding>)| self.known(shader).is_none() && seen.insert(shader.clone());
        shaders.iter().filter(new).collect()
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
