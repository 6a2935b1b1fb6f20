//! Where results go: standard output, or a file that appears when it is whole.
//!
//! Until then it is `FILE.partial`, and beside it `FILE.partial.json` says which run it is and how much of it counts: after a
//! stop of any kind `--resume` cuts off what is behind that, and goes on there.

use super::Failure;
use super::row_arguments::OutputArguments;
use crate::Error;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Seek, SeekFrom, Stdout, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often it is written down how far a run is: so much is computed again after a kill.
const EVERY: Duration = Duration::from_millis(500);

/// What is written into.
#[derive(Debug)]
pub enum Output {
    Stdout(BufWriter<Stdout>),
    /// Nobody wants it.
    Nowhere,
    /// What is there and no file that could be replaced: a named pipe, a device.
    Straight(BufWriter<File>, PathBuf),
    File {
        file: BufWriter<File>,
        length: u64,
    },
}

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// Index of the row that comes next.
    pub next: usize,
    pub rows: usize,
    pub failed: usize,
    pub truncated: usize,
    pub tokens: u64,
    /// Sum of the losses, and how many there are.
    pub loss: f64,
    pub losses: usize,
    /// Checksum of the texts so far.
    pub texts: u32,
}

/// Of tensors that take as many files as they need: which of them are whole, so that a run that is gone on with begins with the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Files that are whole.
    pub written: usize,
    /// What was answered before the row that the next begins with.
    pub before: Done,
}

/// What the first rows of an output decided for all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// Columns of the input.
    pub columns: Vec<String>,
    /// Whether rows have a loss.
    pub loss: bool,
}

/// What `FILE.partial.json` holds.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// What the answers depend on: version, model, adapter, options.
    run: Map<String, Value>,
    begun: Begun,
    done: Done,
    /// Bytes of the partial file that count.
    length: u64,
    /// Files of tensors beside it.
    tensors: Vec<Mark>,
}

/// A file that is not whole yet.
#[derive(Debug)]
pub struct Partial {
    path: PathBuf,
    partial: PathBuf,
    state_path: PathBuf,
    /// Held, and locked, as long as the run lasts.
    file: File,
    state: State,
    resumed: bool,
    goes_on: bool,
    noted: Instant,
    /// Rows that were answered, whether or not that was noted.
    answered: usize,
    /// Whether there is something of another run in the file that was not asked for.
    keep: bool,
}

/// What there is to do for a file.
pub enum Claim {
    Write(Box<Partial>),
    /// It is no file that could be whole or not.
    Straight(Output),
    /// An earlier run wrote all of it.
    Whole,
}

impl Output {
    /// A file without a name, for what standard output cannot take yet, and the same file to be read.
    pub fn spool() -> io::Result<(Output, File)> {
        let file = tempfile::tempfile()?;
        let same = file.try_clone()?;
        Ok((Output::File { file: BufWriter::with_capacity(1 << 16, file), length: 0 }, same))
    }

    pub fn stdout() -> Output {
        Output::Stdout(BufWriter::with_capacity(1 << 16, io::stdout()))
    }

    /// Whether what is written is gone: nothing can be read of it again.
    pub fn is_stream(&self) -> bool {
        !matches!(self, Output::File { .. })
    }

    /// What it is called, where it has a name and a file beside it has none.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Output::Straight(_, path) => Some(path),
            Output::Stdout(_) | Output::Nowhere | Output::File { .. } => None,
        }
    }

    /// Bytes that were written, where it is a file.
    pub fn length(&self) -> u64 {
        match self {
            Output::Stdout(_) | Output::Nowhere | Output::Straight(..) => 0,
            Output::File { length, .. } => *length,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Stdout(out) => out.write(bytes),
            Output::Nowhere => Ok(bytes.len()),
            Output::Straight(out, _) => out.write(bytes),
            Output::File { file, length } => {
                let written = file.write(bytes)?;
                *length += written as u64;
                Ok(written)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Stdout(out) => out.flush(),
            Output::Nowhere => Ok(()),
            Output::Straight(out, _) => out.flush(),
            Output::File { file, .. } => file.flush(),
        }
    }
}

impl Partial {
    /// Claims a file before anything is computed for it; standard output needs none.
    pub fn claim(arguments: &OutputArguments) -> Result<Option<Claim>, Failure> {
        let Some(path) = arguments.output.as_ref().filter(|path| path.as_os_str() != "-") else { return Ok(None) };
        let refused = |message: String| Err(Failure::Message(format!("{}: {message}", path.display())));
        if path.is_dir() {
            return refused("is a folder; name a file in it".into());
        }
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            if arguments.resume {
                return refused("is no regular file: what was written into it is gone, and nothing goes on".into());
            }
            let file = OpenOptions::new().write(true).open(path);
            let file =
                file.map_err(|source| Error::File { action: "write", path: path.clone(), source: source.into() })?;
            let out = Output::Straight(BufWriter::with_capacity(1 << 16, file), path.clone());
            return Ok(Some(Claim::Straight(out)));
        }
        let beside = |end: &str| {
            let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
            name.push(end);
            path.with_file_name(name)
        };
        let (partial, state_path) = (beside(".partial"), beside(".partial.json"));
        let there = partial.exists();
        let is_locked = || match File::open(&partial).map(|file| file.try_lock()) {
            Ok(Err(TryLockError::WouldBlock)) => true,
            Ok(Ok(()) | Err(TryLockError::Error(_))) | Err(_) => false,
        };
        if there && is_locked() {
            return refused("another run is writing it".into());
        }
        let state = match fs::read(&state_path) {
            Ok(bytes) => serde_json::from_slice::<State>(&bytes).ok().map(Some),
            Err(_) => Some(None),
        };
        match (arguments.resume, arguments.overwrite) {
            (false, false) if path.exists() => {
                return refused("is there already; --overwrite replaces it".into());
            }
            (false, false) if there => {
                return refused(format!(
                    "an earlier run was stopped, and {} is what it wrote; --resume goes on with it, --overwrite begins again",
                    partial.display()
                ));
            }
            (true, _) if !partial.exists() && path.exists() => return Ok(Some(Claim::Whole)),
            _ => {}
        }
        let Some(state) = state.filter(|_| !arguments.overwrite).or(arguments.overwrite.then_some(None)) else {
            return refused(format!(
                "{} says nothing that can be read of the run that was stopped; --overwrite begins again",
                state_path.display()
            ));
        };
        let failed = |source: io::Error| {
            Failure::Library(Error::File { action: "write", path: partial.clone(), source: source.into() })
        };
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&partial);
        let file = file.map_err(failed)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return refused("another run is writing it".into()),
            // Not every file system has locks.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        // It may have been given its name between the two: that must not be cut off.
        if !is_at(&file, &partial) {
            return refused("another run was writing it, and has just ended".into());
        }
        let resumed = arguments.resume && state.is_some();
        let state = state.filter(|_| resumed).unwrap_or_else(|| State {
            run: Map::new(),
            begun: Begun::default(),
            done: Done::default(),
            length: 0,
            tensors: Vec::new(),
        });
        let length = file.metadata().map_err(failed)?.len();
        if resumed && length < state.length {
            return refused(format!(
                "{} has {length} bytes where {} were written; --overwrite begins again",
                partial.display(),
                state.length
            ));
        }
        let path = path.clone();
        let (noted, keep, goes_on) = (Instant::now(), there, arguments.resume && there);
        let partial = Partial { path, partial, state_path, file, state, resumed, goes_on, noted, answered: 0, keep };
        Ok(Some(Claim::Write(Box::new(partial))))
    }

    /// Begins, or goes on, where the run is the same as the one that was stopped.
    pub fn begin(&mut self, run: Map<String, Value>) -> Result<Output, Failure> {
        if self.resumed && self.state.run != run {
            let names = self.state.run.keys().chain(run.keys());
            let differs = names.into_iter().find(|name| self.state.run.get(*name) != run.get(*name));
            let name = differs.map_or("its options", String::as_str);
            let show = |run: &Map<String, Value>| run.get(name).map_or("nothing".into(), Value::to_string);
            return Err(Failure::Message(format!(
                "{}: cannot go on: the run that was stopped had another {name} ({}; now {}); use the same, or --overwrite to \
                 begin again",
                self.path.display(),
                show(&self.state.run),
                show(&run)
            )));
        }
        self.state.run = run;
        self.keep = self.resumed;
        let failed = |source: io::Error| self.failed(source);
        self.file.set_len(self.state.length).map_err(failed)?;
        let mut file = self.file.try_clone().map_err(failed)?;
        file.seek(SeekFrom::Start(self.state.length)).map_err(failed)?;
        Ok(Output::File { file: BufWriter::with_capacity(1 << 16, file), length: self.state.length })
    }

    /// How far the run was that is gone on with, how it began, and how far its files of tensors are.
    pub fn resumed(&self) -> Option<(Done, Begun, Vec<Mark>)> {
        self.resumed.then(|| (self.state.done.clone(), self.state.begun.clone(), self.state.tensors.clone()))
    }

    /// Whether it goes on with a run that was stopped, if only from the beginning: before that one noted anything.
    pub fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// Writes down how far the run is: what is done, the bytes that were written, and which files of tensors are whole. Now and then,
    /// unless it is urgent.
    pub fn note(
        &mut self,
        (done, length, tensors): &(Done, u64, Vec<Mark>),
        begun: &Begun,
        urgent: bool,
    ) -> Result<(), Failure> {
        self.answered = done.rows;
        if !urgent && self.noted.elapsed() < EVERY {
            return Ok(());
        }
        self.noted = Instant::now();
        (self.state.done, self.state.begun) = (done.clone(), begun.clone());
        (self.state.length, self.state.tensors) = (*length, tensors.clone());
        // What is said to be written is, also after the power went.
        self.file.sync_data().map_err(|source| self.failed(source))?;
        let new = self.state_path.with_extension("json.new");
        let state = serde_json::to_vec(&self.state).expect("it has string keys");
        let written = fs::write(&new, state).and_then(|()| fs::rename(&new, &self.state_path));
        written.map_err(|source| Error::File {
            action: "write",
            path: self.state_path.clone(),
            source: source.into(),
        })?;
        Ok(())
    }

    /// What was written so far, to be read, and a file to make the output of it in.
    pub fn convert(&self) -> Result<(File, File), Failure> {
        let journal = File::open(&self.partial).map_err(|source| self.failed(source))?;
        let new = File::create(self.new_path()).map_err(|source| self.failed(source))?;
        Ok((journal, new))
    }

    fn new_path(&self) -> PathBuf {
        self.state_path.with_extension("new")
    }

    /// Gives the file its name: what was written, or what was made of it.
    pub fn finish(mut self, done: &Done, length: u64, converted: bool) -> Result<(), Failure> {
        self.keep = true;
        let failed = |source: io::Error| self.failed(source);
        let whole = if converted { self.new_path() } else { self.partial.clone() };
        let file = OpenOptions::new().write(true).open(&whole).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        if converted {
            fs::rename(&whole, &self.path).map_err(failed)?;
            // Until it is gone, a run that is gone on with makes the same file again.
            fs::remove_file(&self.partial).map_err(failed)?;
        } else {
            let (begun, tensors) = (self.state.begun.clone(), self.state.tensors.clone());
            self.note(&(done.clone(), length, tensors), &begun, true)?;
            fs::rename(&self.partial, &self.path).map_err(|source| self.failed(source))?;
        }
        // A file that stays behind is the same as none: the partial one is gone.
        let _ = fs::remove_file(&self.state_path);
        Ok(())
    }

    /// What standard error says of a file that is not whole.
    pub fn how_to_go_on(&self) -> String {
        format!("{} has what was answered; the same command with --resume goes on", self.partial.display())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn failed(&self, source: io::Error) -> Failure {
        Failure::Library(Error::File { action: "write", path: self.partial.clone(), source: source.into() })
    }
}

impl Drop for Partial {
    /// Leaves nothing behind that nobody can go on with: half of a file that was being made of what was written, or a run that
    /// answered nothing, whose files would only be in the way of the next.
    fn drop(&mut self) {
        let _ = fs::remove_file(self.new_path());
        if self.answered == 0 && !self.keep {
            let _ = fs::remove_file(&self.partial);
            let _ = fs::remove_file(&self.state_path);
        }
    }
}

/// Whether an open file is the one of this name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => place(open) == place(named),
        _ => false,
    }
}

/// Elsewhere what is open cannot be renamed.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}
