//! What `wgbert bench` and `cargo bench` measure: the time of each kernel beside the adapter's own limits
//! ([`KernelBench`]), and of whole models ([`ModelBench`]); and which tile an adapter likes best ([`Tuner`]).
//!
//! Conventions are those of llama-bench: every list of choices is multiplied with the others, each combination is a row,
//! and a row says by itself what was measured, on what, and how often. A row's time is the median of its repetitions,
//! after runs that are not counted; beside it stands the median absolute deviation, which one disturbed repetition does
//! not move.

mod compile;
mod environment;
mod generated;
mod kernel_row;
mod kernels;
mod model;
mod plot;
mod results;
mod roof;
mod statistics;
mod svg;
mod time;
mod tune;
mod tune_row;
mod verify;
mod workload;

pub use compile::{CompileBench, CompileRow};
pub use environment::Environment;
pub use generated::{ModelChoice, SIZES, Size};
pub use kernel_row::KernelRow;
pub use kernels::{KernelBench, Variant};
pub use model::{ModelBench, ModelRow};
pub use plot::{bars, roofline};
pub use results::{Cell, Format, ResultWriter, Row};
pub use roof::Roof;
pub use statistics::Summary;
pub use tune::Tuner;
pub use tune_row::{Subject, TuneRow};
pub use verify::{Verification, VerifyRow};
pub use workload::Workload;

use crate::ir::Storage;
use crate::kernels::NAMES;
use crate::models::{ARCHITECTURES, Architecture};
use crate::options::Precision;
use std::time::Duration;

/// How often each row is run.
#[derive(Clone, Copy, Debug)]
pub struct Repeats {
    pub repetitions: usize,
    /// Runs before those that count; a GPU is kept busy by them for 0.3 s, so that it is at its clock.
    pub warmup: usize,
}

/// An idle GPU is clocked low, and what is timed then says nothing: an H100 at 345 MHz of 1980 comes to its clock after so long
/// without a pause.
const BUSY: Duration = Duration::from_millis(300);

impl Default for Repeats {
    fn default() -> Repeats {
        Repeats { repetitions: 5, warmup: 1 }
    }
}

/// The kernel of that name, or what there is.
///
/// # Errors
/// A message that lists the kernels.
pub fn kernel_name(name: &str) -> Result<&'static str, String> {
    let found = NAMES.iter().copied().find(|known| *known == name);
    found.ok_or_else(|| format!("no kernel is called {name:?}; there are: {}", NAMES.join(", ")))
}

/// The architectures of that `model_type`, or every one for `all`, BERT first: the others are compared with it.
///
/// # Errors
/// A message that lists the architectures.
pub fn architectures(name: &str) -> Result<Vec<&'static Architecture>, String> {
    let found: Vec<_> = ARCHITECTURES.iter().filter(|known| name == "all" || known.model_type == name).collect();
    if found.is_empty() {
        let names: Vec<_> = ARCHITECTURES.iter().map(|known| known.model_type).collect();
        return Err(format!("no architecture is called {name:?}; there are: all, {}", names.join(", ")));
    }
    Ok(found)
}

/// As `--precision` has it.
pub fn precision_name(precision: Precision) -> &'static str {
    match precision {
        Precision::F32 => "f32",
        Precision::F16 => "f16",
        Precision::Auto => "auto",
    }
}

/// As rows of kernels have it.
fn storage_name(storage: Storage) -> &'static str {
    match storage {
        Storage::F32 => "f32",
        Storage::F16 => "f16",
        Storage::PackedWeights => "f16 weights",
    }
}
