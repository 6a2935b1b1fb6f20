//! That an adapter which computes wrong answers gives none: what was seen of real ones, and more, is done to the adapter here.
//! `docs/verification.md` has the table that this prints.

mod common;
#[path = "self_check/faults.rs"]
mod faults;

use common::golden;
use faults::{Broken, Once, SELDOM, Spoilt, faults};
use std::collections::HashSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use wgbert::gpu::{self, Fault, Gpu, adapters, block_on};
use wgbert::ir::{Capabilities, Shader};
use wgbert::{Adapter, Classifier, Error, Options, Precision, Request, SelfCheck, Task, TensorCores};

/// The adapter that the tests run on, and nothing else.
fn here() -> Options {
    let adapter: Adapter = std::env::var("WGBERT_ADAPTER").unwrap_or_default().parse().unwrap();
    let found = block_on(Options::default().adapter(adapter).choose()).unwrap().expect("an adapter");
    Options::default().adapter(Adapter::Named(found.name)).cache_dir(None).self_check(SelfCheck::Auto)
}

/// The same, whatever another test of this process found, or made it find.
fn looked_at() -> Options {
    here().self_check(SelfCheck::Always)
}

/// A classifier that was asked for batches of one text, of a few, and as large as they come: what it needs for each is checked
/// before it answers.
fn used(classifier: Classifier) -> Result<Classifier, Error> {
    let text = |i: usize| format!("text number {i} was good, and not bad at all");
    for count in [1, 5, 400] {
        let texts: Vec<String> = (0..count).map(text).collect();
        let encodings: Vec<_> =
            (0..count).map(|i| classifier.encode(i, texts[i].as_str())).collect::<Result<_, _>>()?;
        match classifier.task() {
            Task::SequenceClassification => drop(classifier.run(&encodings, &Request::default())?),
            Task::TokenClassification => drop(classifier.run_tokens(&encodings, &Request::default())?),
        }
    }
    Ok(classifier)
}

fn plain() -> Capabilities {
    let own = &common::gpu().capabilities;
    Capabilities { f16: own.f16, timestamps: own.timestamps, ..Capabilities::minimum() }
}

fn message(error: &Error) -> String {
    assert!(matches!(error, Error::WrongAnswers { .. }), "{error:?}");
    error.to_string()
}

/// The list of the public record, in its order: what is done, and what finds it.
#[test]
fn faults_are_caught() {
    let (mut caught, mut missed) = (0, Vec::new());
    println!("| fault | how | found by |\n|---|---|---|");
    for (name, how, fault, options) in faults(here(), plain()) {
        let offered = options.capabilities.clone().unwrap_or_else(|| common::gpu().capabilities.clone());
        let found = match options.fault(fault).sentiment().and_then(used) {
            Err(error) => {
                let message = message(&error);
                Some(message.split("none of them is given: ").nth(1).unwrap_or_default().to_string())
            }
            // It answers otherwise than it was asked to.
            Ok(classifier) => {
                let used = &classifier.gpu().unwrap().capabilities;
                (used.subgroup != offered.subgroup || used.f16 != offered.f16).then(|| "it runs simpler kernels".into())
            }
        };
        match found {
            Some(found) => {
                let found: String =
                    found.split(['[', ',']).next().unwrap_or_default().trim().chars().take(60).collect();
                println!("| {name} | {how} | {found} |");
                caught += 1;
            }
            None => {
                println!("| {name} | {how} | **not found** |");
                missed.push(name);
            }
        }
    }
    println!("{caught} caught, not {missed:?}");
    assert!(missed.iter().all(|name| *name == SELDOM), "{missed:?}");
    assert!(caught >= 22);
}

/// No adapter that is right is refused, and none is slowed down.
#[test]
fn what_is_right_is_not_refused() {
    let cores = |precision| {
        let offers = common::gpu().capabilities.clone();
        offers.tensor_cores().then(|| looked_at().precision(precision).tensor_cores(TensorCores::Always))
    };
    let (mut count, mut seen) = (0, HashSet::new());
    // One of each architecture: all of them take minutes, and with this variable their time.
    let all = std::env::var_os("WGBERT_TEST_ALL").is_some();
    for golden in golden::supported() {
        let config: serde_json::Value =
            serde_json::from_slice(&fs::read(golden.folder.join("config.json")).unwrap()).unwrap();
        if !seen.insert(config["model_type"].to_string()) && !all {
            continue;
        }
        for precision in [Precision::F32, Precision::F16] {
            for options in [Some(looked_at().precision(precision)), cores(precision)].into_iter().flatten() {
                let start = Instant::now();
                let found = block_on(options.choose()).unwrap().unwrap().capabilities;
                let what = format!("{} {precision:?}", golden.name);
                let classifier = options.load(&golden.folder).and_then(used);
                let classifier = classifier.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(classifier.gpu().unwrap().capabilities, found, "{what}: it was made to run something else");
                println!("{what}: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
                count += 1;
            }
        }
    }
    assert!(count >= 20);
}

/// The same as a card, and as an adapter with nothing to choose from.
#[test]
fn what_is_right_is_not_refused_as_another_adapter() {
    for capabilities in [common::card(&common::gpu().capabilities), plain()] {
        for precision in [Precision::F32, Precision::F16] {
            let options = looked_at().precision(precision).capabilities(capabilities.clone());
            let classifier = options.sentiment().and_then(used).unwrap();
            assert_eq!(classifier.gpu().unwrap().capabilities, capabilities);
        }
    }
}

/// On Mesa's newest software adapter: tensor cores of 8, as a card would use them.
#[test]
fn what_is_right_is_not_refused_on_tensor_cores() {
    let Some(gpu) = common::tensor_gpu() else { return };
    for precision in [Precision::F32, Precision::F16] {
        let options = looked_at().precision(precision).tensor_cores(TensorCores::Always);
        let classifier = options.capabilities(gpu.capabilities.clone()).sentiment().and_then(used).unwrap();
        assert!(classifier.gpu().unwrap().capabilities.tensor_cores());
    }
}

/// What is wrong is left out, and the rest answers.
#[test]
fn what_is_left_answers() {
    let logits = |classifier: &Classifier| classifier.classify(["good", "not good at all"]).unwrap().logits;
    let right = logits(&here().sentiment().unwrap());
    let has = |classifier: &Classifier| classifier.gpu().unwrap().capabilities.clone();
    // Kernels for CPU vectors.
    if has(&here().sentiment().unwrap()).cpu_vectors() {
        let broken = Broken { part: "tile_vec8" };
        let classifier = here().fault(Arc::new(broken) as Arc<dyn Fault>).sentiment().unwrap();
        let simple = logits(&classifier);
        assert_eq!(has(&classifier).subgroup, None, "it runs the kernels that run everywhere");
        for (a, b) in right.values.iter().zip(&simple.values) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }
    // What is broken is 16-bit floats.
    if has(&here().sentiment().unwrap()).f16 {
        let broken = Arc::new(Broken { part: "element_f16" }) as Arc<dyn Fault>;
        let classifier = here().precision(Precision::F16).fault(broken).sentiment().unwrap();
        let answers = logits(&classifier);
        assert!(!has(&classifier).f16, "activations are f32");
        for (a, b) in right.values.iter().zip(&answers.values) {
            assert!((a - b).abs() < 1e-2, "{a} {b}");
        }
    }
}

/// Who wants no check gets none.
#[test]
fn never_means_never() {
    let zeros = Arc::new(Spoilt::everywhere(|_, values| values.fill(0.0))) as Arc<dyn Fault>;
    let classifier = here().self_check(SelfCheck::Never).fault(zeros).sentiment().unwrap();
    assert!(classifier.classify(["good"]).unwrap().logits.values.iter().all(|logit| *logit == 0.0));
}

/// A check is remembered with what was checked, and made again for another model and when it is asked for.
#[test]
fn a_check_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let adapter = block_on(here().choose()).unwrap().unwrap();
    let kept = || gpu::verified::read(folder.path(), &adapter);
    let options = || here().cache_dir(folder.path().to_path_buf());
    let one = |options: Options| options.sentiment().unwrap().classify(["good"]).map(|output| output.logits.values);
    let right = one(options()).unwrap();
    let first = kept();
    assert_eq!(first.len(), 1);
    let (key, check) = first.first_key_value().unwrap();
    assert!(check.problem.is_none() && check.what.contains("steps of bert"), "{check:?}");
    assert!(check.steps.len() > 10, "{check:?}");
    one(options()).unwrap();
    assert_eq!(kept(), first, "nothing new was needed");
    used(options().sentiment().unwrap()).unwrap();
    let check = &kept()[key];
    assert!(check.steps.len() > first[key].steps.len(), "larger batches need more: {check:?}");
    let bert = golden::supported().into_iter().find(|golden| golden.name.starts_with("modernbert")).unwrap();
    used(options().load(&bert.folder).unwrap()).unwrap();
    assert_eq!(kept().len(), 2);
    // What was found wrong stays so, until it is looked at again.
    let wrong = gpu::verified::Verified { problem: Some("zeros were computed".into()), ..check.clone() };
    gpu::verified::keep(folder.path(), &adapter, key, wrong).unwrap();
    assert_eq!(one(options().self_check(SelfCheck::Always)).unwrap(), right);
    assert_eq!(kept()[key].problem, None);
    one(options().precision(Precision::F16)).unwrap();
    assert_eq!(kept().len(), 3, "another precision is another check");
}

/// Outputs that not every call asks for have kernels of their own, which are checked when they are asked for.
#[test]
fn other_outputs_are_checked_when_they_are_asked_for() {
    let fault = Arc::new(Broken { part: "attention_weights" }) as Arc<dyn Fault>;
    let classifier = here().fault(fault).sentiment().unwrap();
    let encodings = [classifier.encode(0, "good").unwrap()];
    classifier.run(&encodings, &Request::default()).unwrap();
    let error = classifier.run(&encodings, &Request::default().attentions(true)).unwrap_err();
    assert!(message(&error).contains("attention_weights"), "{error}");
}

/// A short text waits for no kernel that only long ones run: that is checked with the first of these.
#[test]
fn attention_of_long_texts_is_checked_when_one_comes() {
    let card = common::card(&common::gpu().capabilities);
    let [short, long] = ["good".to_string(), "good and ".repeat(30)];
    let fault = Arc::new(Broken { part: "tile_of_text" }) as Arc<dyn Fault>;
    let classifier = here().capabilities(card).fault(fault).sentiment().unwrap();
    classifier.classify([short.as_str()]).unwrap();
    let error = message(&classifier.classify([short.as_str(), &long]).unwrap_err());
    assert!(error.contains("tile_of_text"), "{error}");
}

/// An adapter that becomes wrong: of a large call nothing is handed out, and another adapter answers it.
#[test]
fn a_canary_stops_an_adapter_that_becomes_wrong() {
    let texts: Vec<String> = (0..400).map(|i| format!("text number {i} was good, and not bad at all")).collect();
    let right = here().sentiment().unwrap().classify(texts.iter().map(String::as_str)).unwrap().logits;
    let fault = Arc::new(Once::default());
    let one = here().fault(fault.clone() as Arc<dyn Fault>).sentiment().unwrap();
    let answer = |classifier: &Classifier| classifier.classify(texts.iter().map(String::as_str));
    assert_eq!(answer(&one).unwrap().logits, right);
    fault.arm();
    let error = answer(&one).unwrap_err();
    assert!(message(&error).contains("of one that is known"), "{error}");
    // It stays out of service.
    message(&one.classify(["good"]).unwrap_err());

    let Adapter::Named(name) = here().adapter else { panic!("one adapter") };
    let both = Adapter::Several(vec![Adapter::Named(name.clone()), Adapter::Named(name)]);
    let fault = Arc::new(Once::default());
    let two = here().adapter(both).fault(fault.clone() as Arc<dyn Fault>).sentiment().unwrap();
    answer(&two).unwrap();
    fault.arm();
    assert_eq!(answer(&two).unwrap().logits, right, "the other one answers");
}

/// Of small calls one batch in 64 has a canary, or with `Always` every one.
#[test]
fn small_calls_have_a_canary_at_times() {
    for (when, least, most) in [(SelfCheck::Auto, 2, 140), (SelfCheck::Always, 1, 1)] {
        let fault = Arc::new(Once::default());
        let classifier = here().self_check(when).fault(fault.clone() as Arc<dyn Fault>).sentiment().unwrap();
        // The answer is known once two canaries agreed.
        (0..64).for_each(|_| drop(classifier.classify(["good"]).unwrap()));
        fault.arm_for_ever();
        let failed = (1..=200).find(|_| classifier.classify(["good"]).is_err());
        assert!(failed.is_some_and(|calls| (least..=most).contains(&calls)), "{when:?}: {failed:?}");
    }
}

#[cfg(unix)]
fn script(folder: &std::path::Path, body: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("program");
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A driver that hangs or crashes does so in a process of its own; a program that is none leaves the check to this process.
#[test]
#[cfg(unix)]
fn a_hang_and_a_crash_are_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let check = |body: &str| {
        let program = script(folder.path(), body);
        let options = here().self_check(SelfCheck::Always).self_check_program(program);
        options
            .self_check_limit(Duration::from_millis(500))
            .cache_dir(folder.path().join("cache"))
            .sentiment()?
            .classify(["good"])
    };
    let start = Instant::now();
    let hang = message(&check("exec sleep 1000").unwrap_err());
    assert!(hang.contains("nothing was done within 0.5 seconds"), "{hang}");
    assert!(start.elapsed() < Duration::from_secs(60));
    let crash = message(&check("echo radv: something is null >&2; kill -SEGV $$").unwrap_err());
    assert!(crash.contains("crashed (signal 11)") && crash.contains("something is null"), "{crash}");
    let report = crash.split("A report is in ").nth(1).and_then(|rest| rest.split(": please").next()).unwrap();
    let report = fs::read_to_string(report).unwrap();
    assert!(report.contains("signal 11") && report.contains("| wgpu | 30") && report.contains("\"workgroup_memory\""));
    check("echo not a program of ours >&2; exit 2").unwrap();
    check("exit 0").unwrap();
    // Killed by a person or by a system without memory, it says nothing of the driver.
    check("kill -KILL $$").unwrap();
}

/// The program itself, as the command line asks it.
#[test]
#[cfg(feature = "cli")]
fn the_program_answers() {
    let program = std::path::PathBuf::from(env!("CARGO_BIN_EXE_wgbert"));
    let options = || here().self_check(SelfCheck::Always).self_check_program(program.clone());
    let start = Instant::now();
    options().sentiment().and_then(used).unwrap();
    println!("{:?}", start.elapsed());
    // A limit is for a batch, not for all of them.
    options().self_check_limit(Duration::from_secs(60)).sentiment().and_then(used).unwrap();
    for golden in golden::supported().iter().take(2) {
        options().precision(Precision::F16).load(&golden.folder).and_then(used).unwrap();
    }
}

/// Of a device that was spoilt nothing is known afterwards.
#[test]
fn faults_are_of_one_device() {
    #[derive(Debug, Default)]
    struct Counted(AtomicUsize);
    impl Fault for Counted {
        fn source(&self, _: &Shader, source: String) -> String {
            self.0.fetch_add(1, Ordering::Relaxed);
            source
        }
    }
    let counted = Arc::new(Counted::default());
    let ask = || here().fault(counted.clone() as Arc<dyn Fault>).sentiment().unwrap().classify(["good"]).unwrap();
    ask();
    let first = counted.0.load(Ordering::Relaxed);
    ask();
    // Steps are checked side by side, and two of them may compile what they share.
    let second = counted.0.load(Ordering::Relaxed) - first;
    assert!(first > 10 && second > 10, "each is checked: {first} and {second} shaders");
    let adapter = block_on(adapters(None)).into_iter().next().unwrap();
    block_on(Gpu::open(&adapter, None)).unwrap();
}

#[cfg(feature = "cli")]
fn wgbert(folder: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wgbert"));
    command.args(arguments).env("WGBERT_CACHE_DIR", folder).env("WGBERT_SELF_CHECK", "auto");
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// What a command checked is remembered by the next, and shown.
#[test]
#[cfg(feature = "cli")]
fn the_command_line_checks_once_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let adapters = || -> serde_json::Value {
        let (code, out, _) = wgbert(folder.path(), &["adapters", "--format", "json"]);
        assert_eq!(code, Some(0));
        serde_json::from_str(&out).unwrap()
    };
    let checks = || {
        adapters()
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|a| a["verified"].as_array().unwrap().clone())
            .collect::<Vec<_>>()
    };
    assert!(checks().is_empty());
    for _ in 0..2 {
        assert_eq!(wgbert(folder.path(), &["classify", "good"]).0, Some(0));
        assert_eq!(checks().len(), 1);
    }
    let (code, out, err) = wgbert(folder.path(), &["verify", "--kernel", "softmax,argmax", "--format", "json"]);
    assert_eq!(code, Some(0), "{err}");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    assert!(
        rows.len() >= 2 && rows.iter().all(|row| row["failed"] == 0 && row["cases"].as_u64().unwrap() > 0),
        "{out}"
    );
    let (code, out, _) = wgbert(folder.path(), &["verify", "--kernel", "softmax"]);
    assert!(code == Some(0) && out.contains("| kernel | softmax"), "{out}");
    assert_eq!(wgbert(folder.path(), &["verify", "--models", "--kernel", "softmax"]).0, Some(2));
    let (_, out, _) = wgbert(folder.path(), &["adapters"]);
    assert!(out.contains("steps of bert stored as F32: right"), "{out}");
}

#[test]
fn the_version_of_wgpu_is_that_of_the_lock_file() {
    let lock = include_str!("../Cargo.lock").replace('\r', "");
    let wanted = format!("name = \"wgpu\"\nversion = \"{}\"", gpu::verified::WGPU);
    assert!(lock.contains(&wanted), "src/gpu/verified.rs names another version than Cargo.lock");
}
