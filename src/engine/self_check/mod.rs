//! Whether an adapter computes what the kernels say, before it answers: drivers and hardware that do not are nothing rare.
//!
//! What is checked is what a model runs on this adapter: each of its steps alone, in every variant, against its CPU twin, and
//! a small model of the same parts as a whole. What passed is remembered with the driver's and this crate's version, by the
//! shaders' texts. What does not pass is left out, step by step, until something is right or nothing is left.

#[cfg(not(target_arch = "wasm32"))]
mod child;
mod small;
mod steps;

#[cfg(not(target_arch = "wasm32"))]
pub use child::answer as answer_self_check;

use crate::checkpoint::{Config, Scoring};
use crate::error::{Error, Result};
use crate::gpu::{AdapterDescription, Gpu, block_on, may_block, verified};
use crate::ir::{Capabilities, Recording, Shader, Step};
use crate::kernels::probe::Probe;
use crate::models::{Model, encoder, encoder::OutputSpec};
use crate::options::{Options, Precision, SelfCheck, TensorCores};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use verified::Verified;

/// A model on an adapter: what is to be checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub options: &'a Options,
    pub config: &'a Config,
    pub model: &'a Model,
    pub scoring: Scoring,
    /// Tokens of the longest text.
    pub longest: usize,
}

/// An open device, and the keys of the steps that it was checked for.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub gpu: Arc<Gpu>,
    pub steps: HashSet<u64>,
}

/// What is wrong with an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    /// The step, its variant and its operands, or what else was being done.
    pub what: String,
    /// What came of it, and what should have.
    pub message: String,
}

impl Problem {
    fn new(what: impl Into<String>, message: impl ToString) -> Problem {
        Problem { what: what.into(), message: message.to_string() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.message)
    }
}

/// Why an adapter does not answer.
enum Refusal {
    Error(Error),
    Wrong(Vec<(&'static str, Problem)>),
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
static FOUND: Mutex<BTreeMap<(String, String), Verified>> = Mutex::new(BTreeMap::new());
/// What was said in this process.
static SAID: Mutex<BTreeMap<String, ()>> = Mutex::new(BTreeMap::new());

/// Warns, once a process.
fn say(message: String) {
    let new = SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(message.clone(), ()).is_none();
    if new {
        log::warn!("{message}");
    }
}

/// Steps of a recording that differ, each once, with what tells them from others on this adapter: kernel, operands, and the
/// text of every shader that batches of up to `most` tokens run.
fn distinct<'a>(recording: &'a Recording, device: &Capabilities, most: u32) -> Vec<(u64, &'a Step)> {
    let mut texts: BTreeMap<String, u64> = BTreeMap::new();
    let mut known = HashSet::new();
    let mut steps = Vec::new();
    for step in &recording.steps {
        let mut hasher = DefaultHasher::new();
        Probe::identity(step).hash(&mut hasher);
        if !known.insert(hasher.finish()) {
            continue;
        }
        let mut shaders: Vec<Shader> = Vec::new();
        for size in steps::sizes(&*step.kernel, most) {
            let shader = step.kernel.launch(device, &size).shader;
            if !shaders.contains(&shader) {
                shaders.push(shader);
            }
        }
        for shader in shaders {
            let text = *texts.entry(format!("{shader:?}")).or_insert_with(|| {
                let mut hasher = DefaultHasher::new();
                (shader.source(), &shader.constants).hash(&mut hasher);
                hasher.finish()
            });
            text.hash(&mut hasher);
        }
        steps.push((hasher.finish(), step));
    }
    steps
}

/// Calls `check` with every step, on as many threads as there are cores; the first of the problems, in the order of the steps.
fn side_by_side(steps: &[(u64, &Step)], check: impl Fn(&Step) -> Result<(), Problem> + Sync) -> Result<(), Problem> {
    let (next, first) = (AtomicUsize::new(0), Mutex::new(None::<(usize, Problem)>));
    let found = || first.lock().unwrap_or_else(PoisonError::into_inner);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from).min(steps.len()) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some((_, step)) = steps.get(place) else { return };
                    if found().is_some() {
                        return;
                    }
                    if let Err(problem) = check(step) {
                        let mut first = found();
                        if first.as_ref().is_none_or(|(other, _)| place < *other) {
                            *first = Some((place, problem));
                        }
                    }
                }
            });
        }
    });
    first.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), |(_, problem)| Err(problem))
}

/// The key of a check: all that was found right or wrong together.
fn key(steps: &[(u64, &Step)], storage: &str) -> String {
    let mut hasher = DefaultHasher::new();
    storage.hash(&mut hasher);
    steps.iter().for_each(|(step, _)| step.hash(&mut hasher));
    format!("{:016x}", hasher.finish())
}

/// What kernels may use less of, one after the other, where they compute something wrong.
fn attempts(options: &Options, device: &Capabilities) -> Vec<(&'static str, Capabilities)> {
    let mut all = vec![("", device.clone())];
    if options.tensor_cores == TensorCores::Always {
        // Who asks for them by name does not want to run without.
        return all;
    }
    let mut left = device.clone();
    if left.tensor_cores() {
        left.cooperative_matrix_size = None;
        all.push(("without tensor cores", left.clone()));
    }
    if left.f16 && options.precision == Precision::F16 {
        left.f16 = false;
        all.push(("without 16-bit floats in shaders, which are for weights only then", left.clone()));
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

impl Subject<'_> {
    /// The devices that the options mean, each as it was found to be right; those that are not are left out.
    ///
    /// # Errors
    /// [`Error::WrongAnswers`] where none is right, and what opening them answers.
    pub(crate) async fn open(&self) -> Result<Vec<Option<Checked>>> {
        let chosen = self.options.choose_all().await?;
        for adapter in &chosen {
            self.options.precision.check(adapter.as_ref())?;
            self.options.tensor_cores.check(adapter.as_ref())?;
        }
        let several = chosen.len() > 1;
        let (mut devices, mut first) = (Vec::new(), None);
        for adapter in chosen {
            let Some(adapter) = adapter else {
                devices.push(None);
                continue;
            };
            match self.open_one(&adapter).await {
                Ok(checked) => devices.push(Some(checked)),
                Err(Refusal::Error(error)) => return Err(error),
                Err(Refusal::Wrong(problems)) => {
                    let error = self.refuse(&adapter, &problems);
                    let instead = self.instead(&adapter, &error, several).await?;
                    devices.extend(instead.map(Some));
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) if devices.is_empty() => Err(error),
            _ => Ok(devices),
        }
    }

    /// Another adapter in the place of one that is wrong, where none was asked for by name.
    async fn instead(&self, wrong: &AdapterDescription, error: &Error, several: bool) -> Result<Option<Checked>> {
        for other in self.options.others(wrong).await {
            match self.open_one(&other).await {
                Ok(checked) => {
                    say(format!("{error}; {other} answers instead"));
                    return Ok(Some(checked));
                }
                // What cannot be opened, or is as wrong, is no reason to stop looking.
                Err(Refusal::Error(problem)) => log::info!("{problem}"),
                Err(Refusal::Wrong(problems)) => drop(self.refuse(&other, &problems)),
            }
        }
        if several {
            say(format!("{error}; the other adapters answer"));
        }
        Ok(None)
    }

    async fn open_one(&self, adapter: &AdapterDescription) -> Result<Checked, Refusal> {
        if self.options.self_check == SelfCheck::Never {
            let gpu = self.gpu(adapter).await.map_err(Refusal::Error)?;
            return Ok(Checked { gpu, steps: HashSet::new() });
        }
        let (mut problems, attempts) = (Vec::new(), attempts(self.options, &adapter.capabilities));
        let mut attempts = attempts.into_iter().peekable();
        while let Some((how, capabilities)) = attempts.next() {
            let seen = adapter.with(capabilities);
            match self.verdict(&seen).await? {
                Ok(checked) => return Ok(checked),
                Err(problem) => {
                    if let Some((next, _)) = attempts.peek() {
                        say(format!(
                            "adapter {}: {problem}; it is used {next}. `SelfCheck::Always` looks again",
                            adapter.name
                        ));
                    }
                    problems.push((how, problem));
                }
            }
        }
        Err(Refusal::Wrong(problems))
    }

    async fn gpu(&self, adapter: &AdapterDescription) -> Result<Arc<Gpu>> {
        let gpu = Gpu::open(adapter, self.options.cache_dir.as_deref()).await?;
        Ok(Arc::new(gpu.with_fault(self.options.fault.clone())))
    }

    /// What every batch that asks for nothing more runs.
    fn recording(&self, device: &Capabilities) -> Recording {
        let wanted = OutputSpec { scoring: self.scoring, hidden_states: false, attentions: None, loss: None };
        encoder::record(self.model, wanted, device.max_binding, self.options.precision.storage(device))
    }

    /// Whether the adapter, seen so, is right: as it was found before, else as it is found now.
    async fn verdict(&self, adapter: &AdapterDescription) -> Result<Result<Checked, Problem>, Refusal> {
        let device = &adapter.capabilities;
        let recording = self.recording(device);
        let most = self.options.capacity(device, &recording, self.longest).tokens as u32;
        let steps = distinct(&recording, device, most);
        let storage = self.options.precision.storage(device);
        let (key, name) = (key(&steps, &format!("{storage:?}")), adapter.to_string());
        let keys = steps.iter().map(|(key, _)| *key).collect();
        let found = self.found(adapter, &key);
        if let Some(Verified { problem, at, .. }) = found {
            return match problem {
                None => Ok(Ok(Checked { gpu: self.gpu(adapter).await.map_err(Refusal::Error)?, steps: keys })),
                Some(message) => {
                    let day = Verified { at, ..Verified::now(String::new(), 0, None) }.day();
                    Ok(Err(Problem::new(format!("as was found on {day}"), message)))
                }
            };
        }
        let start = Stopwatch::start();
        let verdict = match self.child(adapter, most).await {
            Some(Ok(())) => Ok(self.gpu(adapter).await.map_err(Refusal::Error)?),
            Some(Err(problem)) => Err(problem),
            None => match self.gpu(adapter).await {
                Err(error) => return Err(Refusal::Error(error)),
                Ok(gpu) => self.check(&gpu, &steps, &recording, most, &|| {}).await.map(|()| gpu),
            },
        };
        let what = format!("{} steps of {} stored as {storage:?}", steps.len(), self.config.model_type);
        let problem = verdict.as_ref().err().map(ToString::to_string);
        let verified = Verified::now(what, start.elapsed().as_millis() as u64, problem);
        log::info!("{name}: {} in {} ms: {:?}", verified.what, verified.milliseconds, verified.problem);
        self.remember(adapter, &key, verified);
        Ok(verdict.map(|gpu| Checked { gpu, steps: keys }))
    }

    /// What is remembered; nothing of a device that a test spoilt.
    fn found(&self, adapter: &AdapterDescription, key: &str) -> Option<Verified> {
        let Options { self_check, fault, cache_dir, .. } = self.options;
        if *self_check == SelfCheck::Always || fault.is_some() {
            return None;
        }
        let here = (adapter.to_string(), key.to_string());
        let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner).get(&here).cloned();
        found.or_else(|| verified::read(cache_dir.as_deref()?, adapter).remove(key))
    }

    fn remember(&self, adapter: &AdapterDescription, key: &str, verified: Verified) {
        if self.options.fault.is_some() {
            return;
        }
        if let Some(folder) = &self.options.cache_dir
            && let Err(error) = verified::keep(folder, adapter, key, verified.clone())
        {
            log::warn!("what was checked is not kept: {error}");
        }
        let here = (adapter.to_string(), key.to_string());
        FOUND.lock().unwrap_or_else(PoisonError::into_inner).insert(here, verified);
    }

    /// Every step alone, and then a small model of all of them.
    async fn check(
        &self,
        gpu: &Arc<Gpu>,
        steps: &[(u64, &Step)],
        recording: &Recording,
        most: u32,
        progress: Progress<'_>,
    ) -> Result<(), Problem> {
        let one = |step: &'_ Step| {
            let (gpu, step) = (gpu.clone(), step.clone());
            async move {
                let start = Stopwatch::start();
                steps::check(&gpu, recording, &step, self.longest as u32, most, progress).await?;
                log::debug!("checked {} in {:?}: {:?}", step.kernel.name(), start.elapsed(), step.kernel);
                Ok(())
            }
        };
        // Most of it is compiling, and the twins: for every core. A browser's device stays on its thread.
        #[cfg(not(target_arch = "wasm32"))]
        let done = may_block() && side_by_side(steps, |step| block_on(one(step))).map(|()| true)?;
        #[cfg(target_arch = "wasm32")]
        let done = false;
        for (_, step) in steps.iter().filter(|_| !done) {
            one(step).await?;
        }
        let start = Stopwatch::start();
        small::check(gpu, self.model, self.scoring, self.options.precision, progress).await?;
        log::debug!("checked a small model in {:?}", start.elapsed());
        Ok(())
    }

    #[cfg(not(target_arch = "wasm32"))]
    async fn child(&self, adapter: &AdapterDescription, most: u32) -> Option<Result<(), Problem>> {
        child::ask(self, adapter, most).await
    }

    /// A browser has none.
    #[cfg(target_arch = "wasm32")]
    async fn child(&self, _: &AdapterDescription, _: u32) -> Option<Result<(), Problem>> {
        None
    }

    /// The error for an adapter that is wrong however it is used, with a report that can be sent.
    fn refuse(&self, adapter: &AdapterDescription, problems: &[(&'static str, Problem)]) -> Error {
        let message = problems.first().map_or(String::new(), |(_, problem)| problem.to_string());
        let text = report(adapter, self.options, problems);
        let report = match self.options.fault {
            Some(_) => None,
            None => verified::report(self.options.cache_dir.as_deref(), adapter, &text)
                .inspect_err(|error| log::warn!("there is no report: {error}"))
                .ok(),
        };
        Error::WrongAnswers { adapter: adapter.to_string(), message, report }
    }
}

/// Checks steps that only some calls need, such as those of attention weights, on a device that is open already.
///
/// # Errors
/// [`Error::WrongAnswers`].
pub(super) async fn check_more(
    gpu: &Arc<Gpu>,
    recording: &Recording,
    longest: u32,
    most: u32,
    known: &Mutex<HashSet<u64>>,
) -> Result<()> {
    for (key, step) in distinct(recording, &gpu.capabilities, most) {
        if known.lock().unwrap_or_else(PoisonError::into_inner).contains(&key) {
            continue;
        }
        let checked = steps::check(gpu, recording, step, longest, most, &|| {}).await;
        checked.map_err(|problem| Error::WrongAnswers {
            adapter: gpu.name.clone(),
            message: problem.to_string(),
            report: None,
        })?;
        known.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    }
    Ok(())
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
         What it offers:\n\n```json\n{}\n```\n\n",
        env!("CARGO_PKG_VERSION"),
        verified::WGPU,
        std::env::consts::OS,
        std::env::consts::ARCH,
        options.precision,
        options.tensor_cores,
        serde_json::to_string_pretty(capabilities).unwrap_or_default(),
    );
    for (how, problem) in problems {
        let how = if how.is_empty() { "as the adapter is" } else { how };
        text += &format!("## Used {how}\n\nComputed: {}\n\nFound: {}\n\n", problem.what, problem.message);
    }
    text
}
