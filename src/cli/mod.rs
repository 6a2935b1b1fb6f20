//! The command line: arguments -> command -> exit code. Results go to standard output, the rest to standard error.

mod adapters;
mod answer_writer;
mod arguments;
mod asked;
mod bench;
mod bench_arguments;
pub mod choices;
mod classify;
mod compute;
mod device;
mod documents;
mod download;
mod dry_run;
mod entities;
mod evaluate;
mod explain;
mod explain_arguments;
mod input;
mod inspect;
mod inspect_text;
mod job;
pub mod labels;
mod model;
mod moved;
mod output;
mod packaging;
mod pair_arguments;
mod parts;
mod prepare;
mod progress;
mod rerank;
mod result_file;
mod resume;
mod row_arguments;
mod seen_as;
mod self_check;
mod signals;
mod tensors;
mod text;
mod tune;
mod verify;
mod zero_shot;

use crate::Error;
use crate::text::panics_are_errors;
use arguments::{Arguments, Command};
use clap::Parser;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;

/// How a command ended that was not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Complete,
    SomeRowsFailed,
    /// A signal ended it, behind what was under way.
    Signal(u8),
    /// The command answered that the model cannot be run.
    Unusable,
}

/// Why a command stopped.
#[derive(Debug)]
enum Failure {
    Library(Error),
    /// Something only the command line knows about, in full.
    Message(String),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Library(Error::NoTensorCores { adapter }) => write!(
                formatter,
                "adapter {adapter} has no tensor cores that kernels can use (cooperative matrices of f16 with sums in f32, \
                 on a GPU): leave out --tensor-cores always, or --variant tensor-cores; wgbert adapters shows what there is"
            ),
            Failure::Library(error) => formatter.write_str(&in_flags(error.to_string())),
            Failure::Message(message) => formatter.write_str(message),
            Failure::Output(error) => write!(formatter, "cannot write to standard output: {error}"),
        }
    }
}

/// What the library says, with flags in the place of what a program would write.
fn in_flags(said: String) -> String {
    const FLAGS: [(&str, &str); 8] = [
        ("`Classifier::classify`", "wgbert classify"),
        ("`Classifier::zero_shot`", "wgbert zero-shot"),
        ("`Options::random_head`", "--random-head SEED"),
        ("`Options::batch_tokens`", "--batch-tokens"),
        ("`Options::scoring`", "--scoring"),
        ("`Adapter::Reference`", "--adapter reference"),
        ("`Precision::F32`", "--precision f32"),
        ("`SelfCheck::Always`", "--self-check always"),
    ];
    FLAGS.iter().fold(said, |message, (name, flag)| message.replace(name, flag))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Library(error)
    }
}

/// Of all input and output only standard output's errors come without a path: files name theirs in [`Error::File`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    ExitCode::from(run(env::args_os(), env::current_exe().ok()))
}

/// Runs a command, whose first argument is the program's name, and gives the exit code. `program` runs the same command line in a
/// process of its own: adapters are checked there.
pub fn run(arguments: impl IntoIterator<Item = OsString>, program: Option<PathBuf>) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        // Help, too, is said by an error.
        Err(error) => {
            let _ = error.print();
            return error.exit_code() as u8;
        }
    };
    self_check::set_program(program);
    start_log();
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        // The others are answered as errors, a row each.
        if !panics_are_errors() {
            report(panic);
        }
    }));
    let result = match &arguments.command {
        Command::Classify(arguments) => classify::run(arguments),
        Command::Rerank(arguments) => rerank::run(arguments),
        Command::ZeroShot(arguments) => zero_shot::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Evaluate(arguments) => evaluate::run(arguments),
        Command::Adapters(arguments) => adapters::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Tune(arguments) => tune::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Completions(arguments) => packaging::completions(arguments),
        Command::Man(arguments) => packaging::man(arguments),
        Command::SelfCheck => self_check::run(),
    };
    // Nobody else does, where the process is not this program's.
    let result = result.and_then(|outcome| io::stdout().flush().map(|()| outcome).map_err(Failure::from));
    match result {
        Ok(Outcome::Complete) => 0,
        Ok(Outcome::SomeRowsFailed) => 3,
        // As a shell says it of what a signal kills.
        Ok(Outcome::Signal(signal)) => 128 + signal,
        Ok(Outcome::Unusable) => 2,
        // Who reads the results has seen enough: `| head -1`.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(failure) => {
            say(format_args!("error: {failure}"));
            2
        }
    }
}

/// A line on standard error. `eprintln!` would panic where it is closed.
fn say(message: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{message}");
}

/// Warnings go to standard error, of wgpu only errors: it warns of what it then handles itself. What the Vulkan loader
/// says of an absent or broken driver is no error as long as there is another, and if there is none we say so.
const LOGGED: &str = "warn,wgpu=error,wgpu_core=error,wgpu_hal=error,wgpu_hal::vulkan::instance=off,naga=error";

fn start_log() {
    let filter = env_logger::Env::default().default_filter_or(LOGGED);
    let format = |out: &mut env_logger::fmt::Formatter, record: &log::Record<'_>| {
        let level = match record.level() {
            log::Level::Error => "error",
            log::Level::Warn => "warning",
            log::Level::Info => "info",
            log::Level::Debug => "debug",
            log::Level::Trace => "trace",
        };
        writeln!(out, "{level}: {}", in_flags(record.args().to_string()))
    };
    // A process that logs already goes on as it does.
    let _ = env_logger::Builder::from_env(filter).format(format).try_init();
}
