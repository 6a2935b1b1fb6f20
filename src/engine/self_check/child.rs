//! The first check in a process of its own: drivers crash and hang, and then it is that process which does.

use super::{Problem, Progress, Subject, distinct};
use crate::checkpoint::{Checkpoint, Config, Scoring};
use crate::error::{Error, Result};
use crate::gpu::{AdapterDescription, adapters, block_on};
use crate::ir::{Capabilities, Tuning};
use crate::models;
use crate::oneshot::on_a_thread;
use crate::options::{Options, Precision, SelfCheck, TensorCores};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The command of the program that answers.
const COMMAND: &str = "self-check";

/// What the process is asked, on its standard input.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    /// As [`AdapterDescription`] shows itself: two cards of a kind are one as far as a driver's faults go.
    adapter: String,
    capabilities: Capabilities,
    cache_dir: Option<PathBuf>,
    /// The checkpoint's folder, or the contents of its `config.json` where it is none.
    folder: Option<PathBuf>,
    config: Value,
    f16: bool,
    always: bool,
    scoring: String,
    longest: usize,
    most: u32,
}

/// What it answers, on its standard output.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    problem: Option<Problem>,
}

/// Asks the options' program, if they name one: what is wrong with the adapter, or nothing. None where no program could be
/// asked.
pub(super) async fn ask(subject: &Subject<'_>, adapter: &AdapterDescription, most: u32) -> Option<Result<(), Problem>> {
    let Options { self_check_program, self_check_limit, cache_dir, precision, tensor_cores, .. } = subject.options;
    let program = self_check_program.clone()?;
    let limit = *self_check_limit;
    let folder = subject.config.path().parent().filter(|folder| folder.is_dir()).map(Path::to_path_buf);
    let request = Request {
        adapter: adapter.to_string(),
        capabilities: adapter.capabilities.clone(),
        cache_dir: cache_dir.clone(),
        folder: folder.and_then(|folder| folder.canonicalize().ok()),
        config: subject.config.json(),
        f16: *precision == Precision::F16,
        always: *tensor_cores == TensorCores::Always,
        scoring: subject.scoring.name().into(),
        longest: subject.longest,
        most,
    };
    let request = serde_json::to_vec(&request).ok()?;
    match on_a_thread(move || run(&program, &request, limit)).await {
        Ok(answer) => Some(answer.problem.map_or(Ok(()), Err)),
        Err(Trouble::Adapter(problem)) => Some(Err(problem)),
        Err(Trouble::Program(message)) => {
            log::warn!("the check of {adapter} is in this process: {message}");
            None
        }
    }
}

/// Why there is no answer.
enum Trouble {
    /// The process ended as it does where a driver ends it.
    Adapter(Problem),
    /// It is no program of this version.
    Program(String),
}

fn run(program: &Path, request: &[u8], limit: Duration) -> Result<Answer, Trouble> {
    let problem = |message: String| Trouble::Adapter(Problem::new("the check in a process of its own", message));
    let cannot = |error: &dyn std::fmt::Display| Trouble::Program(format!("{}: {error}", program.display()));
    let mut child = Command::new(program)
        .arg(COMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot(&error))?;
    // When it last said something: a driver may compile for minutes, but not one batch's kernels.
    let last = Arc::new(Mutex::new(Instant::now()));
    let read = |stream: Option<Box<dyn Read + Send>>| {
        let last = last.clone();
        thread::spawn(move || {
            let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
            let Some(mut stream) = stream else { return bytes };
            while let Ok(count @ 1..) = stream.read(&mut piece) {
                bytes.extend_from_slice(&piece[..count]);
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            }
            bytes
        })
    };
    let [stdout, stderr] = [
        read(child.stdout.take().map(|stream| Box::new(stream) as _)),
        read(child.stderr.take().map(|stream| Box::new(stream) as _)),
    ];
    if let Some(mut stdin) = child.stdin.take() {
        // A process that ended already says so by its status.
        let _ = stdin.write_all(request);
    }
    let status = loop {
        let silent = last.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        match child.try_wait().map_err(|error| cannot(&error))? {
            Some(status) => break status,
            None if silent > limit => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(problem(format!(
                    "nothing was done within {} seconds, and it was ended",
                    limit.as_secs_f32()
                )));
            }
            None => thread::sleep(Duration::from_millis(2)),
        }
    };
    let stdout = stdout.join().unwrap_or_default();
    if let Some(answer) = stdout.split(|byte| *byte == b'\n').rev().find_map(|line| serde_json::from_slice(line).ok()) {
        return Ok(answer);
    }
    let stderr = String::from_utf8_lossy(&stderr.join().unwrap_or_default()).into_owned();
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing").to_string();
    match crashed(status) {
        Some(how) => Err(problem(format!("it crashed ({how}); its last words were: {last}"))),
        None => Err(cannot(&format!("ended with {status} and no answer; its last words were: {last}"))),
    }
}

/// How a process ended that did not end itself.
fn crashed(status: ExitStatus) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        // Hangup, interrupt, kill and terminate come from people and from a system without memory, not from a driver.
        status.signal().filter(|signal| ![1, 2, 9, 15].contains(signal)).map(|signal| format!("signal {signal}"))
    }
    #[cfg(not(unix))]
    {
        // NTSTATUS: errors are negative.
        status.code().filter(|code| *code < 0).map(|code| format!("{code:#x}"))
    }
}

/// The process's part: a request in, an answer out. Until there is one it calls `progress` now and then, which is to write a
/// line.
///
/// # Errors
/// A message where the request is none.
pub fn answer(request: &[u8], progress: &(dyn Fn() + Sync)) -> Result<String, String> {
    let request: Request = serde_json::from_slice(request).map_err(|error| format!("no request: {error}"))?;
    let problem = block_on(answer_async(request, progress)).map_err(|error| error.to_string())?;
    serde_json::to_string(&Answer { problem }).map_err(|error| error.to_string())
}

async fn answer_async(request: Request, progress: Progress<'_>) -> Result<Option<Problem>> {
    let Request { adapter, capabilities, cache_dir, folder, config, f16, always, scoring, longest, most } = request;
    let found = adapters(None).await.into_iter().find(|found| found.to_string() == adapter);
    let Some(mut found) = found else {
        return Err(Error::NoSuchAdapter { wanted: adapter, available: String::new() });
    };
    let tuning = cache_dir.as_deref().map(|folder| Tuning::read(folder, &found)).and_then(Result::ok);
    found.capabilities = Capabilities { tuning: Arc::new(tuning.unwrap_or_default()), ..capabilities };
    let config = match folder {
        Some(folder) => Checkpoint::open(folder)?.config,
        None => Config::new(config.to_string().as_bytes(), "(in memory) config.json")?,
    };
    let model = models::describe(models::architecture(&config)?, &config)?;
    let all = [Scoring::None, Scoring::Sigmoid, Scoring::Softmax, Scoring::Tanh];
    let scoring = all.into_iter().find(|known| known.name() == scoring).unwrap_or(Scoring::None);
    let options = Options {
        precision: if f16 { Precision::F16 } else { Precision::F32 },
        tensor_cores: if always { TensorCores::Always } else { TensorCores::Auto },
        self_check: SelfCheck::Always,
        cache_dir,
        ..Options::default()
    };
    let subject = Subject { options: &options, config: &config, model: &model, scoring, longest };
    let gpu = subject.gpu(&found).await?;
    let recording = subject.recording(&found.capabilities);
    let steps = distinct(&recording, &found.capabilities, most);
    Ok(subject.check(&gpu, &steps, &recording, most, progress).await.err())
}
