//! Whether an adapter computes what the kernels say: every kernel in every variant and precision at the edges of its sizes,
//! and whole models. For people who do not trust a card, and for reports of those who do not any more.

use super::generated::{SIZES, Size};
use super::results::{Cell, Row};
use super::statistics::significant;
use super::time::Prepared;
use super::{Environment, Workload, storage_name};
use crate::error::{Error, Result};
use crate::gpu::{AdapterDescription, Backend, Gpu, block_on, verified};
use crate::ir::{Capabilities, Storage};
use crate::kernels::{Entry, Example, KERNELS};
use crate::models::ARCHITECTURES;
use crate::options::{Adapter, Options, Precision, SelfCheck, TensorCores};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use verified::Verified;

/// What to verify.
#[derive(Clone, Debug)]
pub struct Verification {
    pub adapters: Vec<Adapter>,
    pub backend: Option<Backend>,
    /// Also the kernels that other adapters would run, where this one can.
    pub all: bool,
    /// Kernels are chosen as for an adapter that offers this, tensor cores where this one has the same.
    pub seen_as: Option<Capabilities>,
    /// These kernels; none: all.
    pub kernels: Vec<&'static str>,
    /// Whether whole models are run, or they alone.
    pub models: bool,
    pub models_alone: bool,
    /// Where it is kept that the adapter passed.
    pub cache_dir: Option<PathBuf>,
}

/// One kernel in one variant and precision, or one model.
#[derive(Clone, Debug)]
pub struct VerifyRow {
    pub environment: Environment,
    /// `kernel` or `model`.
    pub kind: &'static str,
    pub name: String,
    pub variant: &'static str,
    pub storage: Storage,
    /// Examples, or texts.
    pub cases: usize,
    /// The largest difference from what is right, by its size where that is above 1.
    pub worst: f64,
    /// What was wrong.
    pub failures: Vec<String>,
    pub time: Duration,
}

/// Texts for the embedded model with what transformers answers to them in float64.
#[cfg(feature = "embedded")]
const KNOWN: &str = include_str!("../../models/sentiment/expected.json");

/// Kernels as an adapter of some kind chooses them.
struct Variant {
    name: &'static str,
    capabilities: Capabilities,
}

impl Verification {
    /// Verifies every adapter; `each` gets a row as soon as there is one. Whether all was right.
    ///
    /// # Errors
    /// [`Error::Adapter`] for the reference, what opening an adapter answers, and what `each` answers.
    pub fn run<E: From<Error>>(&self, mut each: impl FnMut(VerifyRow) -> Result<(), E>) -> Result<bool, E> {
        let mut right = true;
        for adapter in &self.adapters {
            let options = Options {
                adapter: adapter.clone(),
                backend: self.backend,
                tensor_cores: TensorCores::Never,
                self_check: SelfCheck::Never,
                seen_as: self.seen_as.clone(),
                cache_dir: None,
                ..Options::default()
            };
            for found in block_on(options.choose_all())? {
                // Its tensor cores too, which nothing uses that is not asked to.
                let found = found.ok_or_else(|| Error::Adapter {
                    adapter: "reference".into(),
                    message: "is what adapters are held against".into(),
                })?;
                right &= self.adapter(&found, &options, &mut each)?;
            }
        }
        Ok(right)
    }

    fn adapter<E: From<Error>>(
        &self,
        adapter: &AdapterDescription,
        options: &Options,
        each: &mut impl FnMut(VerifyRow) -> Result<(), E>,
    ) -> Result<bool, E> {
        let start = Instant::now();
        let (mut cases, mut problem) = (0, None);
        let mut count = |row: VerifyRow| {
            cases += row.cases;
            if let Some(failure) = row.failures.first() {
                problem.get_or_insert(format!("{} [{}]: {failure}", row.name, row.variant));
            }
            each(row)
        };
        let all = block_on(Adapter::list(self.backend))?;
        let offered = all.into_iter().find(|other| other.to_string() == adapter.to_string());
        let mut offered = offered.unwrap_or_else(|| adapter.clone());
        if let Some(other) = &self.seen_as {
            let edge = offered.capabilities.cooperative_matrix_size.filter(|_| other.cooperative_matrix_size.is_some());
            if other.cooperative_matrix_size != edge {
                log::warn!("{adapter} has no such cooperative matrices: the kernels for tensor cores are left out");
            }
            let edge = edge.filter(|edge| other.cooperative_matrix_size == Some(*edge));
            offered.capabilities = Capabilities { cooperative_matrix_size: edge, ..adapter.capabilities.clone() };
        }
        let environment = Environment::new(Some(adapter));
        let gpu = block_on(Gpu::open(&offered, None))?;
        for variant in self.variants(&offered.capabilities) {
            let gpu = Arc::new(gpu.with(variant.capabilities));
            for entry in KERNELS.iter().filter(|entry| self.has(entry)) {
                for &storage in entry.storages {
                    if storage == Storage::F16 && !gpu.capabilities.f16 {
                        continue;
                    }
                    let row = kernel(&gpu, &environment, entry, variant.name, storage);
                    if row.cases > 0 {
                        count(row)?;
                    }
                }
            }
        }
        if self.models {
            let mut variants = vec![("adapter", TensorCores::Never)];
            if offered.capabilities.tensor_cores() {
                variants.push(("tensor-cores", TensorCores::Always));
            }
            for (variant, tensor_cores) in variants {
                for precision in [Precision::F32, Precision::F16] {
                    let options = Options { precision, tensor_cores, ..options.clone() };
                    let storage = precision.storage(&offered.capabilities);
                    #[cfg(feature = "embedded")]
                    count(VerifyRow { variant, ..embedded(&environment, &options, storage) })?;
                    for architecture in ARCHITECTURES {
                        let row = generated(&environment, &options, storage, &SIZES[0], architecture);
                        count(VerifyRow { variant, ..row })?;
                    }
                }
            }
        }
        let right = problem.is_none();
        let words = if self.all { "verify --all" } else { "verify" };
        // Of a part nothing is kept, nor of what stands for another adapter.
        let whole = self.kernels.is_empty() && self.models && !self.models_alone && self.seen_as.is_none();
        if let Some(folder) = self.cache_dir.as_deref().filter(|_| whole) {
            let what = format!("{words}, {cases} cases");
            let found = Verified::now(what, start.elapsed().as_millis() as u64, problem);
            if let Err(error) = verified::keep(folder, adapter, words, found) {
                log::warn!("what was verified is not kept: {error}");
            }
        }
        Ok(right)
    }

    fn has(&self, kernel: &Entry) -> bool {
        !self.models_alone && (self.kernels.is_empty() || self.kernels.contains(&kernel.name))
    }

    fn variants(&self, offered: &Capabilities) -> Vec<Variant> {
        let own = Capabilities { cooperative_matrix_size: None, ..offered.clone() };
        let mut all = vec![Variant { name: "adapter", capabilities: own.clone() }];
        if offered.tensor_cores() {
            all.push(Variant { name: "tensor-cores", capabilities: offered.clone() });
        } else if self.all && offered.f16 && offered.cooperative_matrix_size.is_some() {
            // A software adapter has a faster way, and can show that the kernels are right.
            all.push(Variant { name: "tensor-cores", capabilities: Capabilities { cpu: false, ..offered.clone() } });
        }
        if self.all {
            let subgroup = own.subgroup.map(|(least, most)| (least.min(most / 2).max(1), most));
            all.push(Variant { name: "card", capabilities: Capabilities { cpu: false, subgroup, ..own.clone() } });
            let plain = Capabilities { f16: own.f16, timestamps: own.timestamps, ..Capabilities::minimum() };
            all.push(Variant { name: "plain", capabilities: plain });
        }
        all
    }
}

/// Every example of a kernel, on as many threads as there are cores: most of the time is the twins'.
fn kernel(
    gpu: &Arc<Gpu>,
    environment: &Environment,
    entry: &Entry,
    variant: &'static str,
    storage: Storage,
) -> VerifyRow {
    let start = Instant::now();
    let examples: Vec<Example> = (entry.examples)(storage).into_iter().filter(|example| example.runs).collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new((0.0f64, Vec::new())));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(example) = examples.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let checked = check(gpu, example);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    match checked {
                        Ok(error) => found.0 = found.0.max(error),
                        Err(error) => found.1.push(format!("{:?}: {error}", example.kernel)),
                    }
                }
            });
        }
    });
    let (worst, failures) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    VerifyRow {
        environment: environment.clone(),
        kind: "kernel",
        name: entry.name.into(),
        variant,
        storage,
        cases: examples.len(),
        worst,
        failures,
        time: start.elapsed(),
    }
}

fn check(gpu: &Arc<Gpu>, example: &Example) -> Result<f64> {
    let mut prepared = Prepared::new(gpu, example)?;
    let outputs = prepared.outputs()?;
    prepared.check(gpu, &outputs)
}

/// How far logits may be off, by their size where that is above 1.
fn tolerance(storage: Storage) -> f64 {
    match storage {
        Storage::F32 => 1e-4,
        Storage::F16 | Storage::PackedWeights => 5e-2,
    }
}

/// A row of what a model answers beside what is right.
fn model(
    environment: &Environment,
    name: String,
    storage: Storage,
    answers: impl FnOnce() -> Result<Vec<(Vec<f32>, Vec<f64>)>>,
) -> VerifyRow {
    let start = Instant::now();
    let (mut worst, mut failures, mut cases) = (0.0f64, Vec::new(), 0);
    match answers() {
        Err(error) => failures.push(error.to_string()),
        Ok(answers) => {
            cases = answers.len();
            for (text, (actual, expected)) in answers.iter().enumerate() {
                for (label, (is, should)) in actual.iter().zip(expected).enumerate() {
                    let error = (f64::from(*is) - should).abs() / should.abs().max(1.0);
                    if error.is_nan() || error > tolerance(storage) {
                        failures.push(format!("text {text}: logit {label} is {is:?}, and should be {should:.6}"));
                    } else {
                        worst = worst.max(error);
                    }
                }
            }
        }
    }
    let environment = environment.clone();
    let time = start.elapsed();
    VerifyRow { environment, kind: "model", name, variant: "adapter", storage, cases, worst, failures, time }
}

#[cfg(feature = "embedded")]
fn embedded(environment: &Environment, options: &Options, storage: Storage) -> VerifyRow {
    model(environment, "sentiment (embedded)".into(), storage, || {
        let known: Value = serde_json::from_str(KNOWN).expect("it is compiled in");
        let known = known["sentences"].as_array().expect("a list");
        let classifier = options.clone().sentiment()?;
        let output = classifier.classify(known.iter().filter_map(|sentence| sentence["text"].as_str()))?;
        let numbers = |values: &Value| values.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let each = known.iter().enumerate();
        Ok(each.map(|(text, known)| (output.logits.row(text).to_vec(), numbers(&known["logits"]))).collect())
    })
}

/// An architecture of generated weights, of a few texts together and of one alone, against the CPU twins.
fn generated(
    environment: &Environment,
    options: &Options,
    storage: Storage,
    size: &Size,
    architecture: &'static crate::models::Architecture,
) -> VerifyRow {
    let name = format!("{} as {}", size.name, architecture.model_type);
    model(environment, name, storage, || {
        let on_device = size.classifier(architecture, options.clone())?;
        let twins = Options {
            adapter: Adapter::Reference,
            precision: Precision::F32,
            tensor_cores: TensorCores::Never,
            ..options.clone()
        };
        let twins = size.classifier(architecture, twins)?;
        let workload: Workload = "ragged4".parse().expect("a workload is known");
        let encodings = workload.encodings(on_device.model().embeddings.words.rows);
        let [actual, expected] = [&on_device, &twins].map(|classifier| classifier.logits(&encodings[..]));
        let (actual, expected) = (actual?, expected?);
        let alone = on_device.logits(&encodings[..1])?;
        let wide = |row: &[f32]| row.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        let mut answers: Vec<_> =
            (0..encodings.len()).map(|i| (actual.row(i).to_vec(), wide(expected.row(i)))).collect();
        answers.push((alone.row(0).to_vec(), wide(expected.row(0))));
        Ok(answers)
    })
}

impl Row for VerifyRow {
    fn environment(&self) -> &Environment {
        &self.environment
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("verify", json!(self.kind)),
            ("name", json!(self.name)),
            ("variant", json!(self.variant)),
            ("storage", json!(storage_name(self.storage))),
            ("cases", json!(self.cases)),
            ("failed", json!(self.failures.len())),
            ("error", json!(significant(self.worst))),
            ("failures", json!(self.failures)),
            ("seconds", json!(significant(self.time.as_secs_f64()))),
        ]
    }

    fn cells(&self) -> Vec<Cell> {
        let result = match &self.failures[..] {
            [] => "right".to_string(),
            [first, ..] => format!("{} WRONG, such as {first}", self.failures.len()),
        };
        vec![
            Cell::text("what", 6, self.kind),
            Cell::text("name", 24, &self.name),
            Cell::text("variant", 12, self.variant),
            Cell::text("stored", 11, storage_name(self.storage)),
            Cell::number("cases", 5, self.cases),
            Cell::number("largest error", 7, format!("{:.1e}", self.worst)),
            Cell::number("s", 5, format!("{:.1}", self.time.as_secs_f64())),
            Cell::text("result", 0, result),
        ]
    }
}
