//! The Python extension of wgbert: what `import wgbert` finds, with the package's own files beside it (`python/wgbert`).
//!
//! Texts come in, and answers go out, by Arrow's C interface, so that every library which speaks it is served and none is needed.
//! Whatever runs, runs without the interpreter's lock.

mod answers;
mod arguments;
mod arrow;
mod batches;
mod classifier;
mod engine;
mod entities;
mod errors;
mod lock;
mod logging;
mod pairs;
mod strings;

use pyo3::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;

/// Runs the command line with these arguments, the first of which is the program's name, and gives the exit code. `program` runs
/// the same command line in a process of its own.
#[pyfunction]
#[pyo3(signature = (arguments, program=None))]
fn run_command(py: Python<'_>, arguments: Vec<OsString>, program: Option<PathBuf>) -> u8 {
    py.detach(|| wgbert::cli::run(arguments, program))
}

#[pymodule]
fn _wgbert(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<classifier::Classifier>()?;
    module.add_class::<answers::Answers>()?;
    module.add_class::<batches::Batches>()?;
    module.add_function(wrap_pyfunction!(classifier::restore, module)?)?;
    module.add_function(wrap_pyfunction!(arrow::texts_in, module)?)?;
    module.add_function(wrap_pyfunction!(arrow::columns_of, module)?)?;
    module.add_function(wrap_pyfunction!(run_command, module)?)
}
