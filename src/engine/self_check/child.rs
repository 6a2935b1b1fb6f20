//! The check in a process of its own: drivers crash and hang, and then it is that process which does.
//!
//! It lives on between the batches that need something new, and ends when nothing was asked for a while: a device takes memory.

use super::{Needed, Problem, Subject, Variant, variants};
use crate::checkpoint::{Checkpoint, Config, Scoring};
use crate::error::Error;
use crate::gpu::{AdapterDescription, Gpu, adapters, block_on};
use crate::ir::{BatchSize, Capabilities, Tuning};
use crate::kernels::loss::LossKind;
use crate::models::{self, Model, encoder, encoder::OutputSpec};
use crate::oneshot::on_a_thread;
use crate::options::{Options, Precision, SelfCheck, TensorCores};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{self, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The command of the program that answers.
const COMMAND: &str = "self-check";

/// The first line of the process's standard input: what is the same for every batch.
#[derive(Debug, Serialize, Deserialize)]
struct Setup {
    /// As [`AdapterDescription`] shows itself: two cards of a kind are one as far as a driver's faults go.
    adapter: String,
    capabilities: Capabilities,
    cache_dir: Option<PathBuf>,
    /// The checkpoint's folder, or the contents of its `config.json` where it is none.
    folder: Option<PathBuf>,
    config: Value,
    f16: bool,
    /// Whether kernels are chosen as the adapter was tuned.
    tuned: bool,
    longest: usize,
}

/// Each further line: what a batch needs.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    scoring: String,
    hidden_states: bool,
    attentions: Option<u32>,
    pooled_output: bool,
    loss: Option<LossKind>,
    /// Tokens of each text.
    lengths: Vec<u32>,
    /// Keys of the variants.
    variants: Vec<u64>,
    whole: Option<u64>,
}

/// A line of its standard output, once for each question. Other lines say that it is at work.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    problem: Option<Problem>,
}

/// Where the process is, if there is one.
#[derive(Debug, Default)]
pub(super) struct Seat(Arc<Mutex<State>>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Empty,
    Child(Child),
    /// The program is none that answers.
    Useless,
}

impl Seat {
    /// Asks the options' program, if they name one: what is wrong with the adapter, or nothing. None where no program could be
    /// asked.
    pub(super) async fn ask(
        &self,
        subject: &Subject<'_>,
        adapter: &AdapterDescription,
        needed: &Needed<'_>,
        variants: &[Variant<'_>],
        whole: Option<u64>,
    ) -> Option<Result<(), Problem>> {
        let Options { self_check_program, self_check_limit, cache_dir, precision, .. } = subject.options;
        let program = self_check_program.clone()?;
        let limit = *self_check_limit;
        let folder = subject.config.path().parent().filter(|folder| folder.is_dir()).map(Path::to_path_buf);
        let setup = Setup {
            adapter: adapter.to_string(),
            capabilities: adapter.capabilities.clone(),
            cache_dir: cache_dir.clone(),
            folder: folder.and_then(|folder| folder.canonicalize().ok()),
            config: subject.config.json(),
            f16: precision.on(&adapter.capabilities) == Precision::F16,
            tuned: !adapter.capabilities.tuning.is_empty(),
            longest: subject.longest,
        };
        let OutputSpec { scoring, hidden_states, attentions, pooled_output, loss } = needed.wanted;
        let question = Question {
            scoring: scoring.name().into(),
            hidden_states,
            attentions,
            pooled_output,
            loss,
            lengths: needed.size.lengths.clone(),
            variants: variants.iter().map(|variant| variant.key).collect(),
            whole,
        };
        let [setup, question] = [serde_json::to_string(&setup).ok()?, serde_json::to_string(&question).ok()?];
        let (state, name) = (self.0.clone(), adapter.to_string());
        on_a_thread(move || {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let answered = match std::mem::take(&mut *state) {
                State::Useless => {
                    *state = State::Useless;
                    return None;
                }
                // It may have ended meanwhile, as it does when nothing is asked.
                State::Child(child) => match child.ask(&question, limit) {
                    Err(Trouble::Program(_)) => Child::start(&program, &setup, &question, limit),
                    answered => answered,
                },
                State::Empty => Child::start(&program, &setup, &question, limit),
            };
            match answered {
                Ok((answer, child)) => {
                    *state = State::Child(child);
                    Some(answer.problem.map_or(Ok(()), Err))
                }
                Err(Trouble::Adapter(problem)) => Some(Err(problem)),
                Err(Trouble::Program(message)) => {
                    *state = State::Useless;
                    log::warn!("the check of {name} is in this process: {message}");
                    None
                }
            }
        })
        .await
    }
}

/// Why there is no answer.
enum Trouble {
    /// The process ended as it does where a driver ends it.
    Adapter(Problem),
    /// It is no program of this version.
    Program(String),
}

/// What a process says.
#[derive(Debug)]
enum Line {
    Output(String),
    Error(String),
}

/// A process that answers. Dropped, it is ended.
#[derive(Debug)]
struct Child {
    program: PathBuf,
    process: process::Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Line>,
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Child {
    /// Starts a process and asks it.
    fn start(program: &Path, setup: &str, question: &str, limit: Duration) -> Result<(Answer, Child), Trouble> {
        let mut process = Command::new(program)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Trouble::Program(format!("{}: {error}", program.display())))?;
        let (sender, lines) = channel();
        if let (Some(stdout), Some(stderr)) = (process.stdout.take(), process.stderr.take()) {
            read(stdout, sender.clone(), Line::Output);
            read(stderr, sender, Line::Error);
        }
        let stdin = process.stdin.take();
        let child = Child { program: program.to_path_buf(), process, stdin, lines };
        child.ask(&format!("{setup}\n{question}"), limit)
    }

    /// Its answer, and itself for the next question.
    fn ask(mut self, question: &str, limit: Duration) -> Result<(Answer, Child), Trouble> {
        let problem = |message: String| Trouble::Adapter(Problem::new("the check in a process of its own", message));
        if let Some(stdin) = &mut self.stdin {
            // A process that ended already says so by its status.
            let _ = stdin.write_all(format!("{question}\n").as_bytes()).and_then(|()| stdin.flush());
        }
        // When it last said something: a driver may compile for minutes, but not one batch's kernels.
        let (mut last, mut words) = (Instant::now(), "nothing".to_string());
        let mut status = None;
        loop {
            match self.lines.recv_timeout(Duration::from_millis(20)) {
                Ok(line) => {
                    last = Instant::now();
                    match line {
                        Line::Output(line) => match serde_json::from_str(&line) {
                            Ok(answer) => return Ok((answer, self)),
                            Err(_) => continue,
                        },
                        Line::Error(line) if line.trim().is_empty() => {}
                        Line::Error(line) => {
                            log::debug!("{line}");
                            words = line;
                        }
                    }
                }
                // It said all that it will.
                Err(_) if status.is_some() => break,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(2)),
            }
            if status.is_none() {
                status = self.process.try_wait().map_err(|error| self.cannot(&error))?;
            }
            if status.is_none() && last.elapsed() > limit {
                let seconds = limit.as_secs_f32();
                return Err(problem(format!("nothing was done within {seconds} seconds, and it was ended")));
            }
        }
        let status = status.expect("the loop ends with one");
        Err(match crashed(status) {
            Some(how) => problem(format!("it crashed ({how}); its last words were: {words}")),
            None => self.cannot(&format!("ended with {status} and no answer; its last words were: {words}")),
        })
    }

    fn cannot(&self, error: &dyn std::fmt::Display) -> Trouble {
        Trouble::Program(format!("{}: {error}", self.program.display()))
    }
}

/// Sends what a stream says, line by line, until it ends or nobody listens.
fn read(stream: impl Read + Send + 'static, to: Sender<Line>, line: fn(String) -> Line) {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut bytes = Vec::new();
        while let Ok(1..) = stream.read_until(b'\n', &mut bytes) {
            let text = String::from_utf8_lossy(&bytes).trim_end().to_string();
            if to.send(line(text)).is_err() {
                return;
            }
            bytes.clear();
        }
    });
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

/// The process's part: a line of what is the same for every batch, and then one for each question. `say` writes a line; until
/// there is an answer it writes others now and then.
///
/// # Errors
/// A message where a line is none that `Seat::ask` writes, or the adapter cannot be opened.
pub fn answer(mut lines: impl Iterator<Item = String>, say: &(dyn Fn(&str) + Sync)) -> Result<(), String> {
    fn known<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, String> {
        serde_json::from_str(line).map_err(|error| format!("no request: {error}"))
    }
    let setup: Setup = known(&lines.next().unwrap_or_default())?;
    let process = block_on(Process::open(setup)).map_err(|error| error.to_string())?;
    for line in lines {
        let problem = block_on(process.check(known(&line)?, say))?.err();
        say(&serde_json::to_string(&Answer { problem }).map_err(|error| error.to_string())?);
    }
    Ok(())
}

/// What the process has opened.
struct Process {
    options: Options,
    config: Config,
    model: Model,
    longest: usize,
    gpu: Arc<Gpu>,
}

impl Process {
    async fn open(setup: Setup) -> Result<Process, Error> {
        let Setup { adapter, capabilities, cache_dir, folder, config, f16, tuned, longest } = setup;
        let found = adapters(None).await.into_iter().find(|found| found.to_string() == adapter);
        let Some(mut found) = found else {
            return Err(Error::NoSuchAdapter { wanted: adapter, available: String::new() });
        };
        let tuning =
            cache_dir.as_deref().filter(|_| tuned).map(|folder| Tuning::read(folder, &found)).and_then(Result::ok);
        found.capabilities = Capabilities { tuning: Arc::new(tuning.unwrap_or_default()), ..capabilities };
        let config = match folder {
            Some(folder) => Checkpoint::open(folder)?.config,
            None => Config::new(config.to_string().as_bytes(), "(in memory) config.json")?,
        };
        let model = models::describe(models::architecture(&config)?, &config)?;
        let options = Options {
            precision: if f16 { Precision::F16 } else { Precision::F32 },
            tensor_cores: TensorCores::Auto,
            self_check: SelfCheck::Always,
            cache_dir,
            ..Options::default()
        };
        let gpu = Arc::new(Gpu::open(&found, options.cache_dir.as_deref()).await?);
        Ok(Process { options, config, model, longest, gpu })
    }

    /// # Errors
    /// A message where it does not know what it is asked for: it is of another version.
    async fn check(&self, question: Question, say: &(dyn Fn(&str) + Sync)) -> Result<Result<(), Problem>, String> {
        let Question { scoring, hidden_states, attentions, pooled_output, loss, lengths, variants: keys, whole } =
            question;
        let all = [Scoring::None, Scoring::Sigmoid, Scoring::Softmax, Scoring::Tanh];
        let scoring = all.into_iter().find(|known| known.name() == scoring).unwrap_or(Scoring::None);
        let wanted = OutputSpec { scoring, hidden_states, attentions, pooled_output, loss };
        let size = BatchSize::new(lengths);
        let Process { options, config, model, longest, gpu } = self;
        let storage = options.precision.storage(&gpu.capabilities);
        let recording = encoder::record(model, wanted, gpu.capabilities.max_binding, storage);
        let steps: Vec<usize> = (0..recording.steps.len()).collect();
        let needed = Needed { recording: &recording, steps: &steps, wanted, size: &size };
        let mut new = variants(&needed, &gpu.capabilities);
        new.retain(|variant| keys.contains(&variant.key));
        if new.len() < keys.len() {
            return Err("asked for steps that are not known here".into());
        }
        let subject = Subject { options, config, model, longest: *longest };
        Ok(subject.check(gpu, &needed, &new, whole, &|| say(".")).await)
    }
}
