//! Damaged, hostile and merely strange files by the million: an answer or an error each time, never a panic, an endless
//! loop, or more memory than the file's size gives reason for.
//!
//! `WGBERT_FUZZ_INPUTS=1000000 cargo test --test fuzz -- --nocapture` tries a million of them, in some three minutes on
//! four cores (not in release: the test profile traps overflows); without the variable it is a short run. An input is made
//! of its seed and the golden checkpoints: `WGBERT_FUZZ_SEED=17` tries input 17 alone (with `WGBERT_FUZZ_INPUTS`, the
//! inputs from 17 on); `WGBERT_FUZZ_TARGET=table` tries those of one kind. Inputs that fail are written to `target/fuzz`. What ends the process (a stack overflow, 8 GiB in
//! one thread) leaves the seeds it was at in `target/fuzz/running-*`.

mod allocator;
mod bytes;
mod corpus;
mod fragments;
mod json;
mod random;
mod tables;
mod targets;

use corpus::{Corpus, Input, Target};
use std::cell::RefCell;
use std::collections::HashMap;
use std::env;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::num::NonZero;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use targets::Workplace;

/// Inputs of a run that nobody asked to be longer.
const SHORT_RUN: u64 = 10_000;
/// Longer than this and an input is reported; longer than that and it fails.
const SLOW: Duration = Duration::from_secs(2);
const ENDLESS: Duration = Duration::from_secs(20);
/// Failures after which a run stops: the others are probably the same.
const MOST_FAILURES: usize = 20;

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Most bytes that an input may hold at once, beside and by its own bytes.
fn allowance(target: Target) -> (usize, usize) {
    match target {
        // A million names of labels, or a thousand layers, each described by some thirty names.
        Target::Config => (64 << 20, 64),
        // The file is held twice, once as numbers; half-precision ones double.
        Target::Weights | Target::Shards => (1 << 16, 16),
        // A regex may be compiled into ten megabytes, by the limits of its library, and there are caches by the thread.
        // A page or a column may be said to unpack to gigabytes, which are asked for and not touched.
        Target::Table => (5 << 30, 64),
        Target::Strings => (32 << 20, 64),
        Target::Tokenizer | Target::Vocabulary | Target::Folder => (32 << 20, 64),
    }
}

#[derive(Default)]
struct Tally {
    inputs: u64,
    accepted: u64,
    time: Duration,
    slowest: (Duration, u64),
    largest: (usize, u64),
}

#[derive(Default)]
struct Findings {
    tallies: HashMap<Target, Tally>,
    failures: Vec<String>,
    slow: Vec<String>,
}

fn variable(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is {value:?}, not a number")))
}

fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("fuzz");
    fs::create_dir_all(&folder).expect("target/fuzz can be made");
    folder
}

#[test]
fn no_input_panics_or_loops_or_takes_much_memory() {
    let seed = variable("WGBERT_FUZZ_SEED");
    let first = seed.unwrap_or(0);
    let count = variable("WGBERT_FUZZ_INPUTS").unwrap_or(if seed.is_some() { 1 } else { SHORT_RUN });
    let corpus = Corpus::load();
    let names: Vec<&str> = corpus.folders.iter().map(|folder| folder.name.as_str()).collect();
    assert!(names.len() > 40, "the golden checkpoints are what is mutated; there are only {names:?}");
    tables::prepare();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicU64::new(first);
    let findings = Mutex::new(Findings::default());
    // Seed and start of what each thread is at, in milliseconds from here; 0 is nothing.
    let running: Vec<[AtomicU64; 2]> = (0..threads).map(|_| Default::default()).collect();
    let started = Instant::now();
    let done = AtomicBool::new(false);

    let default_hook = panic::take_hook();
    panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| PANIC.set(info.to_string())));
    thread::scope(|scope| {
        scope.spawn(|| watch(&running, started, &done, &corpus));
        let work = |at: &[AtomicU64; 2], number: usize| {
            let workplace = Workplace::new();
            let mut log = File::create(folder().join(format!("running-{number}"))).expect("target/fuzz can be written");
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= first + count || findings.lock().unwrap().failures.len() >= MOST_FAILURES {
                    break;
                }
                log.rewind().and_then(|()| writeln!(log, "{seed:<20}")).expect("target/fuzz can be written");
                let input = corpus.input(seed);
                at[0].store(seed, Ordering::Relaxed);
                at[1].store(started.elapsed().as_millis() as u64 + 1, Ordering::Relaxed);
                try_input(&corpus, &input, seed, &workplace, &findings);
                at[1].store(0, Ordering::Relaxed);
            }
        };
        let workers: Vec<_> =
            running.iter().enumerate().map(|(number, at)| scope.spawn(move || work(at, number))).collect();
        let results: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        results.into_iter().for_each(|result| result.expect("a worker of the test itself failed"));
    });
    panic::set_hook(default_hook);
    report(findings.into_inner().unwrap(), started.elapsed());
}

fn try_input(corpus: &Corpus, input: &Input, seed: u64, workplace: &Workplace, findings: &Mutex<Findings>) {
    if matches!(input.target, Target::Shards | Target::Folder) {
        workplace.lay_out(input).expect("the folder can be written");
    }
    let started = Instant::now();
    let (result, bytes) = allocator::counted(|| {
        let run = || targets::run(corpus, input, workplace);
        panic::catch_unwind(AssertUnwindSafe(run)).map(|result| result.map_err(|error| error.to_string()))
    });
    let time = started.elapsed();

    let (beside, times) = allowance(input.target);
    let fault = match &result {
        Err(_) => Some(PANIC.take()),
        Ok(Err(message)) if message.is_empty() => Some("an error without a message".into()),
        _ if time > ENDLESS => Some(format!("took {time:.1?}")),
        _ if bytes > beside + times * input.bytes() => {
            Some(format!("held {bytes} bytes, of {} bytes of input", input.bytes()))
        }
        _ => None,
    };
    let mut findings = findings.lock().unwrap();
    let describe = |fault: &str| format!("WGBERT_FUZZ_SEED={seed} ({:?}): {fault}", input.target);
    if let Some(fault) = fault {
        save(input, seed);
        findings.failures.push(describe(&fault));
    } else if time > SLOW {
        save(input, seed);
        findings.slow.push(describe(&format!("took {time:.1?}")));
    }
    let tally = findings.tallies.entry(input.target).or_default();
    tally.inputs += 1;
    tally.accepted += u64::from(matches!(result, Ok(Ok(()))));
    tally.time += time;
    tally.slowest = tally.slowest.max((time, seed));
    tally.largest = tally.largest.max((bytes, seed));
}

/// Ends the process when an input takes too long: a loop cannot be told to stop.
fn watch(running: &[[AtomicU64; 2]], started: Instant, done: &AtomicBool, corpus: &Corpus) {
    while !done.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(50));
        let now = started.elapsed().as_millis() as u64 + 1;
        for [seed, since] in running {
            let (seed, since) = (seed.load(Ordering::Relaxed), since.load(Ordering::Relaxed));
            if since > 0 && now.saturating_sub(since) > 2 * ENDLESS.as_millis() as u64 {
                save(&corpus.input(seed), seed);
                let _ = writeln!(std::io::stderr(), "WGBERT_FUZZ_SEED={seed}: no end in sight");
                std::process::exit(1);
            }
        }
    }
}

fn save(input: &Input, seed: u64) {
    let folder = folder().join(seed.to_string());
    fs::create_dir_all(&folder).expect("target/fuzz can be written");
    for (name, bytes) in &input.files {
        fs::write(folder.join(name), bytes).expect("target/fuzz can be written");
    }
}

fn report(findings: Findings, time: Duration) {
    let Findings { tallies, failures, slow } = findings;
    let total: u64 = tallies.values().map(|tally| tally.inputs).sum();
    println!("{total} inputs in {time:.1?}");
    for target in Target::ALL {
        let Some(Tally { inputs, accepted, time, slowest, largest }) = tallies.get(&target) else {
            continue;
        };
        println!(
            "{:<12} {inputs:>8} inputs, {accepted:>7} accepted, {:>9.1?} each; slowest {:.1?} (seed {}), largest {} KiB (seed {})",
            format!("{target:?}"),
            *time / *inputs as u32,
            slowest.0,
            slowest.1,
            largest.0 >> 10,
            largest.1
        );
    }
    slow.iter().for_each(|line| println!("slow: {line}"));
    assert!(failures.is_empty(), "{} failures; inputs are in target/fuzz:\n{}", failures.len(), failures.join("\n"));
}
