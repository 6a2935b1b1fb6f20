//! Whole models: texts and tokens a second, latency, memory, and the share of the time that each kernel takes.
//!
//! A repetition is one call with all texts of the workload: packing, upload, every dispatch, and reading the answers back.
//! Tokenising is not in it.

use super::generated::named;
use super::results::{Cell, Row};
use super::statistics::significant;
use super::{BUSY, Environment, ModelChoice, Repeats, Summary, Workload, precision_name};
use crate::error::Error;
use crate::gpu::{Backend, Timing, block_on};
use crate::ir::Capabilities;
use crate::models::Architecture;
use crate::options::{Adapter, Options, Precision, SelfCheck, TensorCores};
use crate::text::Encoding;
use crate::{Classifier, Memory};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What to time: every combination is a row.
#[derive(Clone, Debug)]
pub struct ModelBench {
    pub models: Vec<ModelChoice>,
    /// As which architectures models by name are made; none: each as its own.
    pub architectures: Vec<&'static Architecture>,
    pub workloads: Vec<Workload>,
    pub adapters: Vec<Adapter>,
    pub backend: Option<Backend>,
    /// Where `wgbert tune` kept its choices, and compiled pipelines are kept; `None`: the built-in ones run.
    pub cache_dir: Option<PathBuf>,
    /// Most tokens of one batch; `None`: what suits the adapter.
    pub batch_tokens: Vec<Option<usize>>,
    pub precisions: Vec<Precision>,
    pub tensor_cores: Vec<TensorCores>,
    /// Kernels are chosen as for an adapter that offers this.
    pub seen_as: Option<Capabilities>,
    /// What computes wrong answers is not timed.
    pub self_check: SelfCheck,
    pub self_check_program: Option<PathBuf>,
    pub repeats: Repeats,
}

impl Default for ModelBench {
    fn default() -> ModelBench {
        let parsed = |name: &&str| name.parse().expect("a default is known");
        ModelBench {
            models: ["tiny", "minilm", "bert-base"].map(|name| name.parse().expect("a default is known")).into(),
            architectures: Vec::new(),
            workloads: Workload::DEFAULT.iter().map(parsed).collect(),
            adapters: vec![Adapter::Best],
            backend: None,
            cache_dir: None,
            batch_tokens: vec![None],
            precisions: vec![Precision::F32],
            tensor_cores: vec![TensorCores::Auto],
            seen_as: None,
            self_check: Options::default().self_check,
            self_check_program: None,
            repeats: Repeats::default(),
        }
    }
}

/// One model on one workload.
#[derive(Clone, Debug)]
pub struct ModelRow {
    pub environment: Environment,
    /// Name of the size, or the folder.
    pub model: String,
    pub model_type: String,
    pub layers: usize,
    pub hidden: usize,
    pub parameters: usize,
    pub workload: String,
    pub texts: usize,
    pub tokens: usize,
    pub batch_tokens: Option<usize>,
    pub precision: Precision,
    /// Whether products ran on them.
    pub tensor_cores: bool,
    pub warmup: usize,
    /// The first call of the classifier with this workload: for the first workload with uploading, and with compiling where
    /// neither `cache_dir` nor the driver knows the shaders yet.
    pub first: Duration,
    pub latency: Summary,
    /// Seconds on the device of one repetition and each kernel's share of them, where the adapter has timestamps.
    pub kernels: Option<(f64, Vec<(&'static str, f64)>)>,
    /// Multiplications and additions of one repetition, where they were counted.
    pub operations: Option<u64>,
    pub memory: Option<Memory>,
    /// Speed by that of BERT of the same size, where architectures are compared: they are run alternately, so that what
    /// else the machine does meets both.
    pub relative: Option<f64>,
}

impl ModelBench {
    /// Times every combination; `each` gets its row as soon as there is one.
    ///
    /// # Errors
    /// Those of loading and running, and what `each` answers.
    pub fn run<E: From<Error>>(&self, mut each: impl FnMut(ModelRow) -> Result<(), E>) -> Result<(), E> {
        self.check()?;
        for adapter in &self.adapters {
            let (backend, cache_dir) = (self.backend, self.cache_dir.clone());
            let (self_check, self_check_program) = (self.self_check, self.self_check_program.clone());
            let options = Options { adapter: adapter.clone(), backend, cache_dir, self_check, ..Options::default() };
            let options = Options { self_check_program, seen_as: self.seen_as.clone(), ..options };
            let environment =
                Environment::new(block_on(Options { seen_as: None, ..options.clone() }.choose())?.as_ref());
            for &batch_tokens in &self.batch_tokens {
                for &precision in &self.precisions {
                    for &tensor_cores in &self.tensor_cores {
                        let options = Options { batch_tokens, precision, tensor_cores, ..options.clone() };
                        for model in &self.models {
                            self.rows(model, &options, &environment, &mut each)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Refuses what no row can be measured with, before minutes were spent on the others.
    fn check(&self) -> Result<(), Error> {
        for (adapter, &tensor_cores) in self
            .adapters
            .iter()
            .flat_map(|adapter| self.tensor_cores.iter().map(move |tensor_cores| (adapter, tensor_cores)))
        {
            let options = Options {
                adapter: adapter.clone(),
                backend: self.backend,
                tensor_cores,
                seen_as: self.seen_as.clone(),
                cache_dir: None,
                ..Options::default()
            };
            tensor_cores.check(block_on(options.choose())?.as_ref())?;
        }
        Ok(())
    }

    /// One model, as every architecture, on every workload.
    fn rows<E: From<Error>>(
        &self,
        model: &ModelChoice,
        options: &Options,
        environment: &Environment,
        each: &mut impl FnMut(ModelRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut bert = match model {
            ModelChoice::Generated(size) if !self.architectures.is_empty() => {
                Some(size.classifier(named("bert"), options.clone())?)
            }
            _ => None,
        };
        for architecture in self.variants(model) {
            let mut classifier = match (model, architecture) {
                (ModelChoice::Generated(size), Some(architecture)) => size.classifier(architecture, options.clone())?,
                _ => model.classifier(options.clone())?,
            };
            for workload in &self.workloads {
                let row = self.time(&mut classifier, bert.as_mut(), workload, environment)?;
                let row = ModelRow { model: model.to_string(), batch_tokens: options.batch_tokens, ..row };
                each(row)?;
            }
        }
        Ok(())
    }

    /// As what the model is made; a folder, and where no architecture is asked for, as what it is.
    fn variants(&self, model: &ModelChoice) -> Vec<Option<&'static Architecture>> {
        match model {
            ModelChoice::Generated(_) if !self.architectures.is_empty() => {
                self.architectures.iter().copied().map(Some).collect()
            }
            _ => vec![None],
        }
    }

    fn time(
        &self,
        classifier: &mut Classifier,
        mut bert: Option<&mut Classifier>,
        workload: &Workload,
        environment: &Environment,
    ) -> Result<ModelRow, Error> {
        let model = classifier.model();
        let encodings: Arc<[Encoding]> = workload.encodings(model.embeddings.words.rows).into();
        let (layers, hidden) = (model.layers.len(), model.hidden);
        let weights: HashSet<_> = model.weights().into_iter().collect();
        let parameters = weights.iter().map(|weight| weight.rows * weight.columns).sum();

        let run = |classifier: &mut Classifier| {
            let start = Instant::now();
            classifier.logits(encodings.clone()).map(|_| start.elapsed())
        };
        let first = run(classifier)?;
        let (mut times, mut others) = (Vec::new(), Vec::new());
        let cpu = classifier.gpu().is_none_or(|gpu| gpu.capabilities.cpu);
        let (warm, mut runs) = (Instant::now(), 0);
        while runs < self.repeats.warmup || !cpu && self.repeats.warmup > 0 && warm.elapsed() < BUSY {
            bert.as_mut().map(|bert| run(bert)).transpose()?;
            run(classifier)?;
            runs += 1;
        }
        for _ in 0..self.repeats.repetitions.max(1) {
            others.extend(bert.as_mut().map(|bert| run(bert)).transpose()?);
            times.push(run(classifier)?);
        }
        let latency = Summary::new(&times);
        // Of each round, and of those the median: who runs in a disturbed round runs against another in the same.
        let ratio = |(other, time): (&Duration, &Duration)| Duration::from_secs_f64(other.div_duration_f64(*time));
        let ratios: Vec<Duration> = others.iter().zip(&times).map(ratio).collect();
        let relative = (!ratios.is_empty()).then(|| Summary::new(&ratios).median());
        let timed = classifier.gpu().is_some_and(|gpu| gpu.capabilities.timestamps);
        // Shares need fewer repetitions than times: a disturbance hits all kernels alike.
        let profiles = if timed { self.repeats.repetitions.clamp(1, 3) } else { 0 };
        let profiles = (0..profiles).map(|_| classifier.profile(&encodings)).collect::<Result<Vec<_>, Error>>()?;
        Ok(ModelRow {
            environment: environment.clone(),
            model: String::new(),
            model_type: classifier.config().model_type.clone(),
            layers,
            hidden,
            parameters,
            workload: workload.name.clone(),
            texts: encodings.len(),
            tokens: workload.tokens(),
            batch_tokens: None,
            precision: classifier.precision(),
            tensor_cores: classifier.gpu().is_some_and(|gpu| gpu.capabilities.tensor_cores()),
            warmup: self.repeats.warmup,
            first,
            latency,
            operations: profiles.first().map(|steps| steps.iter().map(|timing| timing.operations).sum()),
            kernels: shares(&profiles),
            memory: classifier.memory(),
            relative,
        })
    }
}

/// Seconds of one repetition, and each kernel's share, the largest first.
fn shares(profiles: &[Vec<Timing>]) -> Option<(f64, Vec<(&'static str, f64)>)> {
    let mut kernels: BTreeMap<&'static str, f64> = BTreeMap::new();
    for timing in profiles.iter().flatten() {
        *kernels.entry(timing.kernel).or_default() += timing.time.as_secs_f64();
    }
    let total: f64 = kernels.values().sum();
    let mut shares: Vec<_> = kernels.into_iter().map(|(kernel, time)| (kernel, time / total)).collect();
    shares.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    (total > 0.0).then(|| (total / profiles.len() as f64, shares))
}

impl ModelRow {
    pub fn texts_per_second(&self) -> f64 {
        self.texts as f64 / self.latency.median()
    }

    pub fn tokens_per_second(&self) -> f64 {
        self.tokens as f64 / self.latency.median()
    }

    /// By the median time of a call, not by the device's alone.
    pub fn gflops(&self) -> Option<f64> {
        self.operations.map(|operations| operations as f64 / self.latency.median() / 1e9)
    }
}

impl Row for ModelRow {
    fn environment(&self) -> &Environment {
        &self.environment
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let number = |value: Option<f64>| value.map_or(Value::Null, |value| json!(significant(value)));
        let share = |(kernel, share): &(&'static str, f64)| (kernel.to_string(), json!(significant(*share)));
        let kernels = |(_, shares): &(f64, Vec<_>)| Value::Object(shares.iter().map(share).collect::<Map<_, _>>());
        vec![
            ("bench", json!("model")),
            ("model", json!(self.model)),
            ("architecture", json!(self.model_type)),
            ("layers", json!(self.layers)),
            ("hidden", json!(self.hidden)),
            ("parameters", json!(self.parameters)),
            ("workload", json!(self.workload)),
            ("texts", json!(self.texts)),
            ("tokens", json!(self.tokens)),
            ("batch_tokens", json!(self.batch_tokens)),
            ("precision", json!(precision_name(self.precision))),
            ("tensor_cores", json!(self.tensor_cores)),
            ("repetitions", json!(self.latency.count())),
            ("warmup", json!(self.warmup)),
            ("first_ms", json!(significant(self.first.as_secs_f64() * 1e3))),
            ("latency_ms", self.latency.json()),
            ("texts_per_second", json!(significant(self.texts_per_second()))),
            ("tokens_per_second", json!(significant(self.tokens_per_second()))),
            ("gflops", number(self.gflops())),
            ("device_ms", number(self.kernels.as_ref().map(|(seconds, _)| seconds * 1e3))),
            ("kernels", self.kernels.as_ref().map_or(Value::Null, kernels)),
            ("weights_bytes", json!(self.memory.map(|memory| memory.weights))),
            ("activations_bytes", json!(self.memory.map(|memory| memory.activations))),
            ("relative_to_bert", number(self.relative)),
        ]
    }

    fn cells(&self) -> Vec<Cell> {
        let milliseconds = |seconds: f64| format!("{:.1}", seconds * 1e3);
        let mebibytes = |bytes: u64| format!("{:.0}", bytes as f64 / f64::from(1 << 20));
        let time = |kernels: &(f64, Vec<(&'static str, f64)>)| {
            let shares = kernels.1.iter().take_while(|(_, share)| *share >= 0.005);
            shares.map(|(kernel, share)| format!("{kernel} {:.0}%", share * 100.0)).collect::<Vec<_>>().join(", ")
        };
        vec![
            Cell::text("model", 15, &self.model),
            Cell::text("architecture", 12, &self.model_type),
            Cell::text("stored", 6, precision_name(self.precision)),
            Cell::text("tensor cores", 3, if self.tensor_cores { "yes" } else { "no" }),
            Cell::text("workload", 8, &self.workload),
            Cell::number("tokens", 6, self.tokens),
            Cell::number("texts/s", 8, format!("{:.1}", self.texts_per_second())),
            Cell::number("tokens/s", 8, format!("{:.0}", self.tokens_per_second())),
            Cell::number(
                "ms a call",
                15,
                format!("{} ± {}", milliseconds(self.latency.median()), milliseconds(self.latency.deviation())),
            ),
            Cell::number("p99 ms", 7, milliseconds(self.latency.percentile(99.0))),
            Cell::option("GFLOP/s", 7, self.gflops().map(|gflops| format!("{gflops:.1}"))),
            Cell::option("weights MiB", 6, self.memory.map(|memory| mebibytes(memory.weights))),
            Cell::option("activations MiB", 6, self.memory.map(|memory| mebibytes(memory.activations))),
            Cell::option("by BERT", 5, self.relative.map(|relative| format!("{relative:.2}"))),
            Cell::text("time on the device", 0, self.kernels.as_ref().map_or_else(|| "-".into(), time)),
        ]
    }
}
