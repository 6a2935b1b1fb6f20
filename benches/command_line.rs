//! `cargo bench --bench command_line -- [--jsonl] [checkpoint ...]`: `wgbert classify` as a process, with the embedded model and
//! with each checkpoint: how long a start takes, with the caches of driver and program empty and filled, what memory it
//! needs at most, and how its speed depends on the number of texts.

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wait4::Wait4;
use wgbert::bench::{Cell, Environment, Format, ResultWriter, Row, Summary};
use wgbert::gpu::block_on;
use wgbert::{Classifier, Options};

/// Numbers of texts, each ten times the one before.
const TEXTS: [usize; 5] = [10, 100, 1000, 10_000, 100_000];
/// How often a start is timed.
const STARTS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // cargo itself adds --bench.
    let (flags, checkpoints): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let format = if flags.iter().any(|flag| flag == "--jsonl") { Format::JsonLines } else { Format::Markdown };
    let models = [None].into_iter().chain(checkpoints.iter().map(|folder| Some(folder.as_str())));
    let environment = Environment::new(block_on(Options::default().choose())?.as_ref());
    let mut writer = ResultWriter::new(format, std::io::stdout());
    for model in models {
        let weights = weights(model)?;
        let row = |start, texts, runs: Vec<Run>| ProcessRow {
            environment: environment.clone(),
            model: model.unwrap_or("embedded").into(),
            start,
            texts,
            weights,
            runs,
        };
        let cold = (0..STARTS).map(|_| run(model, 1, tempfile::tempdir()?.path())).collect::<Result<_, _>>()?;
        writer.row(&row("cold", 1, cold))?;
        let caches = tempfile::tempdir()?;
        run(model, 1, caches.path())?;
        let warm = (0..STARTS).map(|_| run(model, 1, caches.path())).collect::<Result<_, _>>()?;
        writer.row(&row("warm", 1, warm))?;
        for texts in TEXTS {
            // The kernels of more texts are others; and a number that takes long is its own average.
            run(model, texts.min(1000), caches.path())?;
            let repetitions = (TEXTS[TEXTS.len() - 2] / texts).clamp(1, STARTS);
            let runs = (0..repetitions).map(|_| run(model, texts, caches.path())).collect::<Result<_, _>>()?;
            writer.row(&row("warm", texts, runs))?;
        }
    }
    writer.finish()?;
    Ok(())
}

/// Bytes of the weights on the device.
fn weights(model: Option<&str>) -> wgbert::Result<Option<u64>> {
    let classifier = match model {
        Some(folder) => Classifier::load(folder)?,
        None => Classifier::sentiment()?,
    };
    classifier.classify(["A text."])?;
    Ok(classifier.memory().map(|memory| memory.weights))
}

/// One process.
struct Run {
    /// Until its first answer was read.
    first: Duration,
    total: Duration,
    /// Bytes that were resident at most, files that it mapped included.
    peak: u64,
}

/// Texts of 4 to 40 words of the README, pseudo-random, always the same.
fn texts(count: usize) -> String {
    let words: Vec<&str> = include_str!("../README.md").split_whitespace().collect();
    let mut all = String::new();
    for text in 0..count {
        let (length, first) = (4 + text * 7919 % 37, text * 104_729 % words.len());
        let some = words.iter().cycle().skip(first).take(length);
        let _ = writeln!(all, "{}", some.copied().collect::<Vec<_>>().join(" "));
    }
    all
}

/// Classifies `count` texts of a file, with the caches of driver and program in a folder.
fn run(model: Option<&str>, count: usize, caches: &Path) -> Result<Run, Box<dyn std::error::Error>> {
    let input = tempfile::NamedTempFile::new()?;
    std::fs::write(input.path(), texts(count))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgbert"));
    command.args(["classify", "--format", "jsonl", "--input"]).arg(input.path());
    command.args(model.into_iter().flat_map(|folder| ["--model", folder]));
    command.env("XDG_CACHE_HOME", caches).env_remove("WGBERT_CACHE_DIR").stdout(Stdio::piped()).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn()?;
    let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut answers = String::new();
    output.read_line(&mut answers)?;
    let first = start.elapsed();
    output.read_to_string(&mut answers)?;
    let ended = child.wait4()?;
    let total = start.elapsed();
    if !ended.status.success() || answers.lines().count() != count {
        return Err(
            format!("{command:?}: {}, {} answers for {count} texts", ended.status, answers.lines().count()).into()
        );
    }
    Ok(Run { first, total, peak: ended.rusage.maxrss })
}

/// Processes that did the same.
struct ProcessRow {
    environment: Environment,
    model: String,
    start: &'static str,
    texts: usize,
    weights: Option<u64>,
    runs: Vec<Run>,
}

impl ProcessRow {
    fn first(&self) -> Summary {
        Summary::new(&self.runs.iter().map(|run| run.first).collect::<Vec<_>>())
    }

    fn total(&self) -> Summary {
        Summary::new(&self.runs.iter().map(|run| run.total).collect::<Vec<_>>())
    }

    fn peak(&self) -> u64 {
        self.runs.iter().map(|run| run.peak).max().unwrap_or_default()
    }
}

impl Row for ProcessRow {
    fn environment(&self) -> &Environment {
        &self.environment
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("bench", json!("command_line")),
            ("model", json!(self.model)),
            ("start", json!(self.start)),
            ("texts", json!(self.texts)),
            ("repetitions", json!(self.runs.len())),
            ("first_answer_s", json!(self.first().median())),
            ("total_s", json!(self.total().median())),
            ("peak_bytes", json!(self.peak())),
            ("weights_bytes", json!(self.weights)),
        ]
    }

    fn cells(&self) -> Vec<Cell> {
        let mebibytes = |bytes: u64| format!("{:.0}", bytes as f64 / f64::from(1 << 20));
        let seconds = |times: Summary| format!("{:.2} ± {:.2}", times.median(), times.deviation());
        vec![
            Cell::text("model", 8, &self.model),
            Cell::text("start", 5, self.start),
            Cell::number("texts", 6, self.texts),
            Cell::number("s to the first answer", 12, seconds(self.first())),
            Cell::number("s in all", 13, seconds(self.total())),
            Cell::number("texts/s", 7, format!("{:.0}", self.texts as f64 / self.total().median())),
            Cell::number("peak MiB", 5, mebibytes(self.peak())),
            Cell::option("weights MiB", 5, self.weights.map(mebibytes)),
        ]
    }
}
