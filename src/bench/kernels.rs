//! Every kernel at sizes of real models: its time by the device's clock, and how near that is to the adapter's limits.

use super::roof::Roof;
use super::time::{Timed, time};
use super::{Environment, KernelRow, Repeats};
use crate::error::{Error, Result};
use crate::gpu::{Backend, Gpu, block_on};
use crate::ir::{Capabilities, Storage};
use crate::kernels::{Entry, KERNELS, NAMES, Shape};
use crate::options::{Adapter, Options, Precision, TensorCores};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// Which of a kernel's shaders run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Those for the adapter.
    Adapter,
    /// Those for the adapter and its tensor cores, as with `--tensor-cores`.
    TensorCores,
    /// Those for the adapter if its shaders had no 16-bit floats.
    NoF16,
    /// Those that run everywhere: nothing beyond what WebGPU guarantees.
    Plain,
}

impl Variant {
    pub const ALL: [Variant; 4] = [Variant::Adapter, Variant::TensorCores, Variant::NoF16, Variant::Plain];

    pub fn name(self) -> &'static str {
        match self {
            Variant::Adapter => "adapter",
            Variant::TensorCores => "tensor-cores",
            Variant::NoF16 => "no-f16",
            Variant::Plain => "plain",
        }
    }

    /// The device with what this variant may use of it.
    pub(super) fn of(self, gpu: &Gpu) -> Result<Arc<Gpu>> {
        let all = gpu.capabilities.clone();
        let capabilities = match self {
            Variant::Adapter => Capabilities { cooperative_matrix_size: None, ..all },
            Variant::TensorCores if !all.tensor_cores() => {
                return Err(Error::NoTensorCores { adapter: gpu.name.clone() });
            }
            Variant::TensorCores => all,
            Variant::NoF16 => Capabilities { cooperative_matrix_size: None, f16: false, ..all },
            Variant::Plain => Capabilities { timestamps: all.timestamps, ..Capabilities::minimum() },
        };
        Ok(Arc::new(gpu.with(capabilities)))
    }
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(name: &str) -> Result<Variant, String> {
        let all = Variant::ALL;
        let found = all.into_iter().find(|variant| variant.name() == name);
        found.ok_or_else(|| format!("no variant is called {name:?}; there are: {}", all.map(Variant::name).join(", ")))
    }
}

/// What to time: every combination is a row. Lists of sizes that are empty are each kernel's own.
#[derive(Clone, Debug)]
pub struct KernelBench {
    pub kernels: Vec<&'static str>,
    /// Tokens, or texts of kernels that work on logits.
    pub rows: Vec<u32>,
    /// Length of the sums of a matmul.
    pub inner: Vec<u32>,
    pub columns: Vec<u32>,
    /// Tokens of each text, where tokens meet.
    pub lengths: Vec<u32>,
    pub precisions: Vec<Precision>,
    pub variants: Vec<Variant>,
    /// Kernels are chosen as for an adapter that offers this.
    pub seen_as: Option<Capabilities>,
    pub adapters: Vec<Adapter>,
    pub backend: Option<Backend>,
    /// Where `wgbert tune` kept its choices; `None`: the built-in ones run.
    pub cache_dir: Option<PathBuf>,
    pub repeats: Repeats,
}

impl Default for KernelBench {
    fn default() -> KernelBench {
        KernelBench {
            kernels: NAMES.to_vec(),
            rows: Vec::new(),
            inner: Vec::new(),
            columns: Vec::new(),
            lengths: Vec::new(),
            precisions: vec![Precision::F32],
            variants: vec![Variant::Adapter],
            seen_as: None,
            adapters: vec![Adapter::Best],
            backend: None,
            cache_dir: None,
            repeats: Repeats { repetitions: 10, ..Repeats::default() },
        }
    }
}

impl KernelBench {
    /// Times every combination; `each` gets its row as soon as there is one.
    ///
    /// # Errors
    /// [`Error::Adapter`] for an adapter without timestamps, or with a wrong result; other errors of the device; and
    /// what `each` answers.
    pub fn run<E: From<Error>>(&self, mut each: impl FnMut(KernelRow) -> Result<(), E>) -> Result<(), E> {
        let on_tensor_cores = self.variants.contains(&Variant::TensorCores);
        for adapter in &self.adapters {
            let options = Options {
                adapter: adapter.clone(),
                backend: self.backend,
                tensor_cores: if on_tensor_cores { TensorCores::Always } else { TensorCores::Never },
                seen_as: self.seen_as.clone(),
                cache_dir: self.cache_dir.clone(),
                ..Options::default()
            };
            let adapter = block_on(options.choose())?;
            let adapter = adapter.ok_or_else(|| Error::Adapter {
                adapter: "reference".into(),
                message: "has no timestamps, so kernels cannot be timed on it".into(),
            })?;
            let environment = Environment::new(Some(&adapter));
            // Without a folder: how long it takes to compile is among what is measured.
            let gpu = Arc::new(block_on(Gpu::open(&adapter, None))?);
            let variants = self.variants.iter().map(|variant| Ok((*variant, variant.of(&gpu)?)));
            let variants = variants.collect::<Result<Vec<_>>>()?;
            let roof = Roof::measure(&gpu, self.repeats)?;
            for (variant, gpu) in variants {
                for kernel in self.kernels.iter().filter_map(|name| KERNELS.iter().find(|entry| entry.name == *name)) {
                    for shape in self.shapes(kernel) {
                        for precision in self.precisions_of(kernel, &gpu.capabilities) {
                            let shape = Shape { storage: precision.storage(&gpu.capabilities), ..shape };
                            let timed = time(&gpu, &(kernel.sized)(&shape), self.repeats)?;
                            let roof = match timed.parts.contains("cooperative") {
                                true => roof.on_tensor_cores(shape.storage.activations()),
                                false => roof,
                            };
                            let Shape { rows, inner, columns, length, .. } = shape;
                            let Timed { times, error, prepare, operations, bytes, parts } = timed;
                            each(KernelRow {
                                environment: environment.clone(),
                                roof,
                                kernel: kernel.name,
                                variant,
                                parts,
                                precision,
                                rows,
                                inner,
                                columns,
                                length,
                                times,
                                warmup: self.repeats.warmup,
                                prepare,
                                error,
                                operations,
                                bytes,
                            })?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Those that change what the kernel's tensors are stored as; f32 alone where none does.
    fn precisions_of(&self, kernel: &Entry, device: &Capabilities) -> Vec<Precision> {
        let halves = kernel.storages.contains(&Precision::F16.storage(device));
        let mut all: Vec<Precision> = self.precisions.iter().map(|precision| precision.on(device)).collect();
        all.dedup();
        if halves { all } else { vec![Precision::F32] }
    }

    /// The sizes of a kernel: those that were asked for, else its own.
    fn shapes(&self, kernel: &Entry) -> Vec<Shape> {
        let or = |asked: &[u32], own: &[u32]| if asked.is_empty() { own.to_vec() } else { asked.to_vec() };
        let own = kernel.sizes;
        let lengths: Vec<Option<u32>> = match own.lengths {
            [] => vec![None],
            own => or(&self.lengths, own).into_iter().map(Some).collect(),
        };
        let sums = own.widths[0].0.is_some();
        let widths: Vec<(Option<u32>, u32)> = match self.columns.is_empty() && (self.inner.is_empty() || !sums) {
            true => own.widths.to_vec(),
            false if sums => {
                let columns = or(&self.columns, &[768]);
                let pairs = |inner: u32| columns.iter().map(move |&columns| (Some(inner), columns));
                or(&self.inner, &[768]).into_iter().flat_map(pairs).collect()
            }
            false => self.columns.iter().map(|&columns| (None, columns)).collect(),
        };
        let mut shapes = Vec::new();
        for (inner, columns) in widths {
            for rows in or(&self.rows, own.rows) {
                for &length in &lengths {
                    shapes.push(Shape { rows, inner, columns, length, storage: Storage::F32 });
                }
            }
        }
        shapes
    }
}
