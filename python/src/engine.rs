//! The engines of a process: for the same arguments there is one, which its threads share.

use crate::arguments::Arguments;
use crate::errors::Failure;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use wgbert::Classifier;

/// A classifier, of the process that opened it: after a fork its threads are not there, and its locks are as they were.
#[derive(Debug)]
pub struct Engine {
    process: u32,
    /// Whether its device went away.
    lost: AtomicBool,
    /// Taken out where it must not be dropped.
    classifier: Option<Classifier>,
}

impl Engine {
    pub fn classifier(&self) -> &Classifier {
        self.classifier.as_ref().expect("only dropping takes it")
    }

    /// Says that its device went away: who asks next opens another.
    pub fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    pub fn is_usable(&self) -> bool {
        self.is_of_this_process() && !self.lost.load(Ordering::Relaxed)
    }

    pub fn is_of_this_process(&self) -> bool {
        self.process == process::id()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let classifier = self.classifier.take();
        if self.process != process::id() {
            // Ending its devices would wait for threads that the child of a fork has not.
            std::mem::forget(classifier);
            return;
        }
        // Threads that end with it may have something to log, for which they need the interpreter. One that ends itself is not
        // waited for.
        let mut classifier = Some(classifier);
        Python::try_attach(|py| py.detach(|| drop(classifier.take())));
    }
}

/// What one process has opened.
#[derive(Debug)]
struct Process {
    id: u32,
    engines: Mutex<Engines>,
}

#[derive(Debug, Default)]
struct Engines {
    /// Those that somebody may hold.
    open: HashMap<Arguments, Weak<Engine>>,
    /// The last that was asked for stays: the tasks of a worker make a classifier each, one after the other.
    last: Option<Arc<Engine>>,
}

/// That of this process, or of the one that it was forked from, whose lock may be taken for ever.
static PROCESS: AtomicPtr<Process> = AtomicPtr::new(ptr::null_mut());

impl Process {
    fn this() -> &'static Process {
        let (before, id) = (PROCESS.load(Ordering::Acquire), process::id());
        if let Some(process) = found(before).filter(|process| process.id == id) {
            return process;
        }
        let new = Box::into_raw(Box::new(Process { id, engines: Mutex::default() }));
        let stored = PROCESS.compare_exchange(before, new, Ordering::AcqRel, Ordering::Acquire);
        // Another thread was first.
        let place = stored.map_or_else(|theirs| theirs, |_| new);
        found(place).expect("a process was stored")
    }
}

/// What is at a place in [`PROCESS`].
fn found(place: *mut Process) -> Option<&'static Process> {
    // SAFETY: what is stored there was leaked, and so lives on, and is only read.
    #[allow(unsafe_code, reason = "a static that is replaced without a lock")]
    unsafe {
        place.as_ref()
    }
}

/// The engine for these arguments, opened if it is not. Other threads that want one wait, without the interpreter's lock.
///
/// # Errors
/// What is wrong with the arguments, the model or the adapter.
pub fn open(py: Python<'_>, arguments: &Arguments) -> PyResult<Arc<Engine>> {
    crate::logging::start();
    let program = program(py)?;
    let opened = py.detach(|| {
        let mut engines = Process::this().engines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engines.open.get(arguments).and_then(Weak::upgrade).filter(|engine| engine.is_usable()) {
            return Ok((engine.clone(), engines.last.replace(engine)));
        }
        let engine = load(arguments, program)?;
        let engine =
            Arc::new(Engine { process: process::id(), lost: AtomicBool::new(false), classifier: Some(engine) });
        engines.open.retain(|_, engine| engine.strong_count() > 0);
        engines.open.insert(arguments.clone(), Arc::downgrade(&engine));
        Ok((engine.clone(), engines.last.replace(engine)))
    });
    // The one before, if nobody holds it, is closed when the lock is free again.
    opened.map(|(engine, _)| engine).map_err(|failure: Failure| failure.raise(py))
}

/// Forgets the engine for these arguments: it is closed when nobody holds it, and whoever asks next gets a new one.
pub fn close(py: Python<'_>, arguments: &Arguments) {
    let last = py.detach(|| {
        let mut engines = Process::this().engines.lock().unwrap_or_else(PoisonError::into_inner);
        let engine = engines.open.remove(arguments)?.upgrade()?;
        engines.last.take_if(|last| Arc::ptr_eq(last, &engine))
    });
    drop(last);
}

fn load(arguments: &Arguments, program: Option<PathBuf>) -> Result<Classifier, Failure> {
    let options = arguments.options()?.adapter(arguments.adapter()?).self_check_program(program);
    Ok(match &arguments.model {
        Some(model) => options.load_hub(Path::new(model))?,
        None => options.sentiment()?,
    })
}

/// The console script: adapters are checked in a process of its own. Where there is none, they are checked in this one.
fn program(py: Python<'_>) -> PyResult<Option<PathBuf>> {
    static PROGRAM: PyOnceLock<Option<PathBuf>> = PyOnceLock::new();
    let found = || py.import("wgbert._program")?.call_method0("find")?.extract();
    PROGRAM.get_or_try_init(py, found).cloned()
}
