//! Whether an adapter computes what the kernels say, before it answers: drivers and hardware that do not are nothing rare.
//!
//! What is checked is what a batch runs on this adapter, before it does: each variant of a step alone, once, against its CPU
//! twin, and with the first of them a small model of the same parts as a whole. What passed is remembered with the driver's and
//! this crate's version, by the shaders' texts. Of an adapter that does not pass, the lane uses less, until something is right
//! or nothing is left.

#[cfg(not(target_arch = "wasm32"))]
mod child;
mod small;
mod steps;

#[cfg(not(target_arch = "wasm32"))]
pub use child::answer as answer_self_checks;

use crate::checkpoint::Config;
use crate::error::Error;
use crate::gpu::{AdapterDescription, Gpu, verified};
#[cfg(not(target_arch = "wasm32"))]
use crate::gpu::{block_on, may_block};
use crate::ir::{BatchSize, Capabilities, Recording, Shader, Step, Storage};
use crate::kernels::probe::Probe;
use crate::models::{Model, encoder::OutputSpec};
use crate::options::{Options, Precision, SelfCheck, TensorCores};
#[cfg(not(target_arch = "wasm32"))]
use crate::threads::side_by_side;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
#[cfg(target_arch = "wasm32")]
use std::task::Poll;
use std::time::{Duration, Instant};

use verified::Verified;

/// A model, and how it is to run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub options: &'a Options,
    pub config: &'a Config,
    pub model: &'a Model,
    /// Tokens of the longest text.
    pub longest: usize,
}

/// What is to be checked: what a batch needs of a recording.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needed<'a> {
    pub recording: &'a Recording,
    /// Places of the steps that no batch with these variants ran.
    pub steps: &'a [usize],
    pub wanted: OutputSpec,
    pub size: &'a BatchSize,
}

/// What is wrong with an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    /// The step, its variant and its operands, or what else was being done.
    pub what: String,
    /// What came of it, and what should have.
    pub message: String,
    /// Key of the variant, if it is known to be that one.
    #[serde(default)]
    step: Option<u64>,
}

impl Problem {
    fn new(what: impl Into<String>, message: impl ToString) -> Problem {
        Problem { what: what.into(), message: message.to_string(), step: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.message)
    }
}

/// Called whenever something is done, so that who waits can tell slow from stuck.
type Progress<'a> = &'a (dyn Fn() + Sync);

/// What is timed; in a browser's wasm std has no clock.
struct Stopwatch(Option<Instant>);

impl Stopwatch {
    fn start() -> Stopwatch {
        Stopwatch((!cfg!(target_arch = "wasm32")).then(Instant::now))
    }

    fn elapsed(&self) -> Duration {
        self.0.map_or(Duration::ZERO, |start| start.elapsed())
    }
}

/// What was found in this process, by adapter and key: a second classifier is not checked again.
static FOUND: Mutex<BTreeMap<(String, u64), Found>> = Mutex::new(BTreeMap::new());
/// What was said in this process.
static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The day and what was wrong, if anything was.
type Found = Result<(), (String, String)>;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Warns, once a process.
pub(super) fn say(message: String) {
    if locked(&SAID).insert(message.clone()) {
        log::warn!("{message}");
    }
}

/// A shader that a batch runs of a step. What tells it from others is the kernel, its operands, and the text of the shader.
struct Variant<'a> {
    key: u64,
    step: &'a Step,
    shader: Shader,
}

/// Variants that are to be checked, each once.
fn variants<'a>(needed: &Needed<'a>, device: &Capabilities) -> Vec<Variant<'a>> {
    let mut texts: HashMap<Shader, u64> = HashMap::new();
    let mut known = HashSet::new();
    let mut variants = Vec::new();
    for step in needed.steps.iter().map(|&place| &needed.recording.steps[place]) {
        let identity = Probe::identity(step);
        for shader in step.kernel.shaders(device, needed.size) {
            let mut hasher = DefaultHasher::new();
            identity.hash(&mut hasher);
            let text = texts.entry(shader.clone()).or_insert_with_key(|shader| {
                let mut hasher = DefaultHasher::new();
                (shader.source(), &shader.constants).hash(&mut hasher);
                hasher.finish()
            });
            text.hash(&mut hasher);
            let key = hasher.finish();
            if known.insert(key) {
                variants.push(Variant { key, step, shader });
            }
        }
    }
    variants
}

/// The key of the small model, which is the same for every batch of an adapter that is used so.
fn key_of_whole(recording: &Recording, device: &Capabilities) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{device:?}").hash(&mut hasher);
    recording.steps.iter().for_each(|step| Probe::identity(step).hash(&mut hasher));
    hasher.finish()
}

/// How an adapter may be used, one after the other, where it computes something wrong: with less.
pub(super) fn attempts(options: &Options, device: &Capabilities) -> Vec<(&'static str, Capabilities)> {
    let mut all = vec![("as it is", device.clone())];
    if options.self_check == SelfCheck::Never || options.tensor_cores == TensorCores::Always {
        // Who asks for them by name does not want to run without.
        return all;
    }
    let mut left = device.clone();
    if left.tensor_cores() {
        left.cooperative_matrix_size = None;
        all.push(("without tensor cores", left.clone()));
    }
    if options.precision.storage(&left) == Storage::F16 {
        left.f16 = false;
        let how = match options.precision {
            Precision::F16 => "without 16-bit floats in shaders, which are for weights only then",
            _ => "without 16-bit floats in shaders",
        };
        all.push((how, left.clone()));
    }
    let least = Capabilities::minimum();
    let simple = Capabilities {
        f16: left.f16,
        timestamps: left.timestamps,
        max_binding: left.max_binding,
        max_buffer: left.max_buffer,
        max_workgroups: left.max_workgroups,
        workgroup_memory: left.workgroup_memory.min(least.workgroup_memory),
        workgroup_size: left.workgroup_size.min(least.workgroup_size),
        ..least
    };
    if simple != left {
        all.push(("with the simplest kernels, which are slower", simple));
    }
    all
}

/// What an adapter, as it is used, was checked for.
#[derive(Debug, Default)]
pub(super) struct Checker {
    /// Keys of what is right.
    passed: Mutex<HashSet<u64>>,
    #[cfg(not(target_arch = "wasm32"))]
    process: child::Seat,
}

impl Checker {
    /// Whether anything was found to be right.
    pub(super) fn has_passed(&self) -> bool {
        !locked(&self.passed).is_empty()
    }

    /// Whether the device computes what a batch needs: as was found before, else as is found now.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) async fn check(
        &self,
        subject: &Subject<'_>,
        adapter: &AdapterDescription,
        gpu: &Arc<Gpu>,
        needed: &Needed<'_>,
    ) -> Result<(), Problem> {
        let mut variants = variants(needed, &gpu.capabilities);
        variants.retain(|variant| !locked(&self.passed).contains(&variant.key));
        // With the first steps the whole; later ones are more of the same.
        let whole = key_of_whole(needed.recording, &gpu.capabilities);
        let whole = locked(&self.passed).is_empty().then_some(whole);
        let keys: Vec<u64> = variants.iter().map(|variant| variant.key).chain(whole).collect();
        let known = subject.known(adapter);
        let mut left = HashSet::new();
        for &key in &keys {
            match known(key) {
                None => drop(left.insert(key)),
                Some(Ok(())) => {}
                Some(Err((day, message))) => return Err(Problem::new(format!("as was found on {day}"), message)),
            }
        }
        if !left.is_empty() {
            let start = Stopwatch::start();
            variants.retain(|variant| left.contains(&variant.key));
            let whole = whole.filter(|whole| left.contains(whole));
            let checked = match self.process(subject, adapter, needed, &variants, whole).await {
                Some(checked) => {
                    // What that process compiled need not be compiled again.
                    gpu.read_pipelines(adapter, subject.options.cache_dir.as_deref()).await;
                    checked
                }
                None => subject.check(gpu, needed, &variants, whole, &|| {}).await,
            };
            log::info!("{adapter}: {} variants of steps in {:?}: {checked:?}", variants.len(), start.elapsed());
            subject.remember(adapter, &gpu.capabilities, &left, start.elapsed(), checked.as_ref().err());
            checked?;
        }
        locked(&self.passed).extend(keys);
        Ok(())
    }

    #[cfg(not(target_arch = "wasm32"))]
    async fn process(
        &self,
        subject: &Subject<'_>,
        adapter: &AdapterDescription,
        needed: &Needed<'_>,
        variants: &[Variant<'_>],
        whole: Option<u64>,
    ) -> Option<Result<(), Problem>> {
        self.process.ask(subject, adapter, needed, variants, whole).await
    }

    /// A browser has none.
    #[cfg(target_arch = "wasm32")]
    async fn process(
        &self,
        _: &Subject<'_>,
        _: &AdapterDescription,
        _: &Needed<'_>,
        _: &[Variant<'_>],
        _: Option<u64>,
    ) -> Option<Result<(), Problem>> {
        None
    }
}

impl Subject<'_> {
    /// What is remembered of an adapter, by key; nothing of a device that a test spoilt.
    fn known(&self, adapter: &AdapterDescription) -> impl Fn(u64) -> Option<Found> {
        let Options { self_check, fault, cache_dir, .. } = self.options;
        let anything = *self_check != SelfCheck::Always && fault.is_none();
        let folder = cache_dir.as_deref().filter(|_| anything);
        let mut kept: HashMap<String, Found> = HashMap::new();
        for check in folder.map(|folder| verified::read(folder, adapter)).unwrap_or_default().into_values() {
            let found = check.problem.clone().map_or(Ok(()), |problem| Err((check.day(), problem)));
            kept.extend(check.steps.into_iter().map(|step| (step, found.clone())));
        }
        let name = adapter.to_string();
        move |key| {
            let here = || locked(&FOUND).get(&(name.clone(), key)).cloned();
            if anything { here().or_else(|| kept.get(&words(key)).cloned()) } else { None }
        }
    }

    fn remember(
        &self,
        adapter: &AdapterDescription,
        device: &Capabilities,
        keys: &HashSet<u64>,
        took: Duration,
        problem: Option<&Problem>,
    ) {
        if self.options.fault.is_some() {
            return;
        }
        let storage = self.options.precision.storage(device);
        let what = format!("steps of {} stored as {storage:?}", self.config.model_type);
        // Where one is wrong, nothing is known of the others.
        let keys: Vec<u64> = match problem.and_then(|problem| problem.step) {
            Some(step) => vec![step],
            None => keys.iter().copied().collect(),
        };
        let message = problem.map(ToString::to_string);
        let verified = Verified::now(what.clone(), took.as_millis() as u64, message.clone());
        let found = message.map_or(Ok(()), |message| Err((verified.day(), message)));
        let kind = if problem.is_some() { format!("wrong {what}") } else { what };
        let verified = verified.of(keys.iter().map(|key| words(*key)));
        if let Some(folder) = &self.options.cache_dir
            && let Err(error) = verified::keep(folder, adapter, &kind, verified)
        {
            log::warn!("what was checked is not kept: {error}");
        }
        let name = adapter.to_string();
        locked(&FOUND).extend(keys.into_iter().map(|key| ((name.clone(), key), found.clone())));
    }

    /// Every variant alone, and then a small model of all of them.
    async fn check(
        &self,
        gpu: &Arc<Gpu>,
        needed: &Needed<'_>,
        variants: &[Variant<'_>],
        whole: Option<u64>,
        progress: Progress<'_>,
    ) -> Result<(), Problem> {
        let longest = needed.wanted.attentions.unwrap_or(u32::MAX).min(self.longest as u32);
        let one = |&Variant { key, step, ref shader }: &Variant<'_>| {
            let (gpu, step, shader, needed) = (gpu.clone(), step.clone(), shader.clone(), *needed);
            async move {
                let start = Stopwatch::start();
                let variant = (&step, &shader);
                let checked = steps::check(&gpu, needed.recording, variant, needed.size, longest, progress).await;
                log::debug!("checked {} in {:?}: {:?}", step.kernel.name(), start.elapsed(), step.kernel);
                checked.map_err(|problem| Problem { step: Some(key), ..problem })
            }
        };
        // Most of it is compiling, and the twins: for every core.
        #[cfg(not(target_arch = "wasm32"))]
        let done = may_block() && side_by_side(variants, |variant| block_on(one(variant))).map(|()| true)?;
        // A browser's device stays on its thread, and its process compiles meanwhile.
        #[cfg(target_arch = "wasm32")]
        let done = all(variants.iter().map(one)).await.map(|()| true)?;
        for variant in variants.iter().filter(|_| !done) {
            one(variant).await?;
        }
        if whole.is_some() {
            let start = Stopwatch::start();
            let Options { precision, .. } = *self.options;
            let checked = small::check(gpu, self.model, needed.wanted.scoring, precision, needed.size, progress).await;
            checked.map_err(|problem| Problem { step: whole, ..problem })?;
            log::debug!("checked a small model in {:?}", start.elapsed());
        }
        Ok(())
    }
}

/// Polls all of some futures in turn until all are done, or one fails.
#[cfg(target_arch = "wasm32")]
async fn all<E>(futures: impl Iterator<Item = impl Future<Output = Result<(), E>>>) -> Result<(), E> {
    let mut left: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        let mut failed = None;
        left.retain_mut(|future| match future.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(result) => {
                failed = failed.take().or(result.err());
                false
            }
        });
        match failed {
            Some(error) => Poll::Ready(Err(error)),
            None if left.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}

/// A key in the file of what is remembered.
fn words(key: u64) -> String {
    format!("{key:016x}")
}

/// The error for an adapter that is wrong however it is used, with a report that can be sent.
pub(super) fn refuse(adapter: &AdapterDescription, options: &Options, problems: &[(&'static str, Problem)]) -> Error {
    let message = problems.first().map_or(String::new(), |(_, problem)| problem.to_string());
    let text = report(adapter, options, problems);
    let report = match options.fault {
        Some(_) => None,
        // There is no folder for it: what there is to say is in the error.
        None if cfg!(target_arch = "wasm32") => None,
        None => verified::report(options.cache_dir.as_deref(), adapter, &text)
            .inspect_err(|error| log::warn!("there is no report: {error}"))
            .ok(),
    };
    Error::WrongAnswers { adapter: adapter.to_string(), message, report }
}

/// What a bug report wants to know.
fn report(adapter: &AdapterDescription, options: &Options, problems: &[(&'static str, Problem)]) -> String {
    let AdapterDescription { name, backend, kind, driver, capabilities, .. } = adapter;
    let mut text = format!(
        "# wgbert: an adapter that computes wrong answers\n\n\
         Please send this file to the project (see `repository` or the README of wgbert), with what else you know of the \
         machine. What `wgbert verify` finds in all of its kernels, written as JSON, says more.\n\n\
         | | |\n|---|---|\n| adapter | {name} |\n| kind | {kind}, {backend} |\n| driver | {driver} |\n\
         | wgbert | {} |\n| wgpu | {} |\n| system | {} {} |\n| precision | {:?} |\n| tensor cores | {:?} |\n\n\
         What it offers, which `wgbert` can choose kernels by elsewhere:\n\n```json\n{}\n```\n\n",
        env!("CARGO_PKG_VERSION"),
        verified::WGPU,
        std::env::consts::OS,
        std::env::consts::ARCH,
        options.precision,
        options.tensor_cores,
        serde_json::to_string_pretty(&serde_json::json!({"name": name, "capabilities": capabilities}))
            .unwrap_or_default(),
    );
    for (how, problem) in problems {
        text += &format!("## Used {how}\n\nComputed: {}\n\nFound: {}\n\n", problem.what, problem.message);
    }
    text
}
