//! Whether an adapter's driver takes every kernel, and how long it takes to: nothing is run, so that it also says what a driver
//! without its hardware makes of them.

use super::results::{Cell, Row};
use super::statistics::significant;
use super::{Environment, Variant, storage_name};
use crate::error::{Error, Result};
use crate::gpu::{Backend, Gpu, block_on};
use crate::ir::{BatchSize, Binding, Shader, Storage};
use crate::kernels::{Activation, Example, KERNELS, matmul::MatMul};
use crate::options::{Adapter, Options, TensorCores};
use serde_json::{Value, json};
use std::any::Any;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// What to compile: every shader that an adapter could be asked for, each once.
#[derive(Clone, Debug)]
pub struct CompileBench {
    pub kernels: Vec<&'static str>,
    /// Every activation in every shader that has one: a switch that a constant decides. Else the two commonest, and of the
    /// others one in every tile and precision.
    pub every_activation: bool,
    pub adapters: Vec<Adapter>,
    pub backend: Option<Backend>,
}

/// One shader.
#[derive(Clone, Debug)]
pub struct CompileRow {
    pub environment: Environment,
    pub shader: Shader,
    pub variant: Variant,
    pub storage: Storage,
    pub time: Duration,
    /// What the driver, or wgpu before it, says against it.
    pub failure: Option<Error>,
}

impl CompileBench {
    /// Compiles every kernel's variants, tiles, terms, widths of heads and precisions, without a cache of this program's;
    /// `each` gets its row as soon as there is one. Whether all of them compile.
    ///
    /// # Errors
    /// [`Error::Adapter`] for the reference, which compiles nothing; what opening an adapter answers; and what `each` answers.
    /// A shader that does not compile is a row.
    pub fn run<E: From<Error>>(&self, mut each: impl FnMut(CompileRow) -> Result<(), E>) -> Result<bool, E> {
        let mut all = true;
        for adapter in &self.adapters {
            let options = Options {
                adapter: adapter.clone(),
                backend: self.backend,
                tensor_cores: TensorCores::Always,
                cache_dir: None,
                ..Options::default()
            };
            let adapter = block_on(options.choose())?
                .ok_or_else(|| Error::Adapter { adapter: "reference".into(), message: "compiles nothing".into() })?;
            let environment = Environment::new(Some(&adapter));
            let gpu = block_on(Gpu::open(&adapter, None))?;
            let (mut seen, mut activations) = (HashSet::new(), HashSet::new());
            for variant in Variant::ALL {
                let gpu = match variant.of(&gpu) {
                    Ok(gpu) => gpu,
                    // An adapter without them is asked for none.
                    Err(Error::NoTensorCores { .. }) => continue,
                    Err(error) => return Err(error.into()),
                };
                for entry in KERNELS.iter().filter(|entry| self.kernels.contains(&entry.name)) {
                    for &storage in entry.storages {
                        if storage == Storage::F16 && !gpu.capabilities.f16 {
                            continue;
                        }
                        for example in (entry.examples)(storage) {
                            for shader in shaders(&gpu, &example) {
                                if !seen.insert(shader.clone()) {
                                    continue;
                                }
                                let rare = activation(&shader).filter(|one| !COMMON.contains(one));
                                let mut first =
                                    |one| activations.insert((shader.name, shader.sizes.clone(), storage, one));
                                if !self.every_activation && rare.is_some_and(|one| !first(one)) {
                                    continue;
                                }
                                let (time, failure) = compile(&gpu, &shader, &bindings(&example));
                                all &= failure.is_none();
                                let environment = environment.clone();
                                each(CompileRow { environment, shader, variant, storage, time, failure })?;
                            }
                        }
                    }
                }
            }
        }
        Ok(all)
    }
}

/// None and GELU.
const COMMON: [u32; 2] = [Activation::Identity as u32, Activation::Gelu as u32];

fn activation(shader: &Shader) -> Option<u32> {
    shader.constants.iter().find(|(name, _)| *name == "ACTIVATION").map(|(_, value)| *value)
}

/// What an example is launched with; of a product in every tile that the adapter has room for, since batches of other sizes and
/// `wgbert tune` take others.
fn shaders(gpu: &Gpu, example: &Example) -> Vec<Shader> {
    let size = BatchSize::new(example.lengths.iter().copied());
    let launches = example.kernel.launches(&gpu.capabilities, &size).into_iter();
    let mut shaders: Vec<Shader> = launches.map(|launch| launch.shader).collect();
    let kernel: &dyn Any = &*example.kernel;
    if let Some(product) = kernel.downcast_ref::<MatMul>() {
        let tiles = product.tiles(&gpu.capabilities).into_iter();
        shaders.extend(tiles.map(|tile| product.launch_in(&tile).shader));
    }
    shaders
}

/// The operands that the example has.
fn bindings(example: &Example) -> Vec<Binding> {
    let bindings = example.kernel.bindings().iter().zip(&example.operands);
    bindings.filter_map(|(binding, operand)| operand.as_ref().map(|_| *binding)).collect()
}

fn compile(gpu: &Gpu, shader: &Shader, bindings: &[Binding]) -> (Duration, Option<Error>) {
    let start = Instant::now();
    let made = block_on(gpu.pipeline(shader, bindings));
    (start.elapsed(), made.err())
}

impl CompileRow {
    fn constants(&self) -> String {
        let constants = self.shader.constants.iter().map(|(name, value)| format!("{name}={value}"));
        constants.collect::<Vec<_>>().join(" ")
    }
}

impl Row for CompileRow {
    fn environment(&self) -> &Environment {
        &self.environment
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("kernel", json!(self.shader.name)),
            ("variant", json!(self.variant.name())),
            ("storage", json!(storage_name(self.storage))),
            ("parts", json!(self.shader.variant())),
            ("constants", json!(self.constants())),
            ("milliseconds", json!(significant(self.time.as_secs_f64() * 1e3))),
            ("failure", json!(self.failure.as_ref().map(ToString::to_string))),
        ]
    }

    fn cells(&self) -> Vec<Cell> {
        let result = self.failure.as_ref().map_or_else(|| "compiled".into(), |error| format!("FAILED: {error}"));
        vec![
            Cell::text("kernel", 17, self.shader.name),
            Cell::text("variant", 12, self.variant.name()),
            Cell::text("stored", 11, storage_name(self.storage)),
            Cell::number("ms", 7, format!("{:.1}", self.time.as_secs_f64() * 1e3)),
            Cell::text("result", 8, result.replace('\n', " ")),
            Cell::text("parts and constants", 0, format!("{} {}", self.shader.variant(), self.constants())),
        ]
    }
}
