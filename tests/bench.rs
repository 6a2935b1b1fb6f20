//! `wgbert bench`, as its users run it: short runs in every format, and what it says of wrong names. Needs an adapter with
//! timestamps, as the kernels' tests do.

#[path = "common/environment.rs"]
mod environment;
#[path = "common/requirements.rs"]
mod requirements;

use requirements::{Need, not_run};
use serde_json::Value;
use std::fs;
use std::process::{Command, Output};
use wgbert::bench::{Repeats, Subject, TuneRow, Tuner};
use wgbert::ir::{Capabilities, Storage, Tuning};
use wgbert::{Error, Options, Precision, TensorCores};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wgbert"))
        .arg("bench")
        .args(arguments)
        .env_remove("RUST_LOG")
        .env("WGBERT_CACHE_DIR", "")
        .env("WGBERT_SELF_CHECK", "never")
        .output()
        .expect("the binary starts")
}

#[track_caller]
fn succeeds(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it writes UTF-8")
}

/// Runs `arguments` in every format and returns the rows of json.
#[track_caller]
fn rows(arguments: &[&str], count: usize) -> Vec<Value> {
    let written = |format: &str| succeeds(&[arguments, &["-o", format]].concat());
    let rows: Vec<Value> = serde_json::from_str(&written("json")).expect("json is a list");
    assert_eq!(rows.len(), count, "{rows:?}");
    let lines: Vec<Value> =
        written("jsonl").lines().map(|line| serde_json::from_str(line).expect("each line is an object")).collect();
    assert_eq!(lines.len(), count);

    let csv = written("csv");
    let lines: Vec<usize> = csv.lines().map(columns).collect();
    assert_eq!((lines.len(), lines.iter().all(|columns| *columns == lines[0])), (count + 1, true), "{csv}");

    let table = written("md");
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with(concat!("wgbert ", env!("CARGO_PKG_VERSION"), " on ")), "{table}");
    let cells: Vec<usize> = lines[2..].iter().map(|line| line.matches('|').count()).collect();
    assert_eq!((cells.len(), cells.iter().all(|count| *count == cells[0])), (count + 2, true), "{table}");

    for row in &rows {
        for field in ["version", "adapter", "backend", "driver", "system"] {
            assert!(row[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {row}");
        }
        assert!(row["cpus"].as_u64() > Some(0) && row["repetitions"] == 1, "{row}");
    }
    rows
}

/// Fields of a line of CSV, whose quoted ones may hold commas.
fn columns(line: &str) -> usize {
    let mut quoted = false;
    let separators = line.chars().filter(|character| {
        quoted ^= *character == '"';
        *character == ',' && !quoted
    });
    separators.count() + 1
}

fn positive(row: &Value, field: &str) {
    assert!(row[field].as_f64().is_some_and(|value| value > 0.0), "{field} of {row}");
}

#[test]
fn models_in_every_format() {
    let rows = rows(&["model", "-m", "tiny", "-w", "1x8,ragged2", "-r", "1", "--warmup", "0"], 2);
    assert!(rows[0]["workload"] == "1x8" && rows[1]["workload"] == "ragged2", "{rows:?}");
    for row in &rows {
        assert!(row["model"] == "tiny" && row["architecture"] == "bert" && row["layers"] == 2, "{row}");
        for field in ["texts_per_second", "tokens_per_second", "device_ms", "weights_bytes", "activations_bytes"] {
            positive(row, field);
        }
        let shares: f64 = row["kernels"].as_object().unwrap().values().map(|share| share.as_f64().unwrap()).sum();
        assert!((shares - 1.0).abs() < 1e-3 && row["kernels"]["matmul"].as_f64() > Some(0.0), "{row}");
        assert!(row["latency_ms"]["p99"].as_f64() >= row["latency_ms"]["min"].as_f64(), "{row}");
        assert!(row["relative_to_bert"].is_null(), "{row}");
    }
}

#[test]
fn every_architecture_has_its_place_and_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("bars.svg");
    let arguments = ["model", "-m", "tiny", "-a", "all", "-w", "1x4", "-r", "1", "--warmup", "0", "-o", "jsonl"];
    let lines = succeeds(&[&arguments[..], &["--plot", plot.to_str().unwrap()]].concat());
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), wgbert::models::ARCHITECTURES.len());
    for (row, architecture) in rows.iter().zip(wgbert::models::ARCHITECTURES) {
        assert_eq!(row["architecture"], architecture.model_type);
        positive(row, "relative_to_bert");
    }
    let picture = fs::read_to_string(plot).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("tiny as modernbert, 1x4"), "{picture}");
}

#[test]
fn a_folder_is_a_model() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/models/sentiment");
    let lines = succeeds(&["model", "-m", folder, "-w", "2x3", "-r", "1", "-o", "jsonl"]);
    let row: Value = serde_json::from_str(&lines).unwrap();
    assert!(row["model"] == folder && row["tokens"] == 6, "{row}");
}

#[test]
fn kernels_in_every_format() {
    let sizes = ["--rows", "4,33", "--columns", "64", "--inner", "64", "--variant", "adapter,plain"];
    let arguments = ["kernels", "-k", "matmul", "-r", "1", "--warmup", "0"];
    let rows = rows(&[&arguments[..], &sizes].concat(), 4);
    for row in &rows {
        for field in ["gflops", "gbytes_per_second", "share_of_roof", "roof_gflops", "roof_gbytes_per_second"] {
            positive(row, field);
        }
        assert!(row["max_error"].as_f64().is_some_and(|error| error < 1e-4), "{row}");
        assert!(["memory", "arithmetic"].contains(&row["bound"].as_str().unwrap()), "{row}");
    }
    assert!(rows[0]["rows"] == 4 && rows[1]["rows"] == 33 && rows[3]["variant"] == "plain", "{rows:?}");
    assert_eq!(rows[0]["operations"], 2 * 4 * 64 * 64);
}

#[test]
fn every_kernel_is_timed_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("roof.svg");
    let arguments = ["kernels", "--rows", "40", "--columns", "64", "-r", "1", "--warmup", "0", "-o", "jsonl", "--plot"];
    let lines = succeeds(&[&arguments[..], &[plot.to_str().unwrap()]].concat());
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for name in wgbert::kernels::NAMES {
        assert!(rows.iter().any(|row| row["kernel"] == *name), "{name} was not timed");
    }
    let picture = fs::read_to_string(plot).unwrap();
    assert!(picture.contains("GFLOP/s") && picture.matches("<circle").count() >= 12, "{picture}");
}

#[test]
fn halves_are_timed_and_without_f16_in_shaders_those_of_weights() {
    let kernels = ["kernels", "-k", "embed,gate", "--rows", "5", "--columns", "64", "--variant"];
    let lines =
        succeeds(&[&kernels[..], &["no-f16,plain", "--precision", "f32,f16", "-r", "1", "-o", "jsonl"]].concat());
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for variant in ["no-f16", "plain"] {
        let own = rows.iter().filter(|row| row["variant"] == variant);
        let stored: Vec<_> = own.clone().map(|row| format!("{} {}", row["kernel"], row["precision"])).collect();
        assert_eq!(stored, [r#""embed" "f32""#, r#""embed" "f16""#, r#""gate" "f32""#], "{variant}");
        let packed = |row: &&Value| row["parts"].as_str().unwrap().contains("packed");
        assert_eq!(own.filter(packed).count(), 1, "{variant}");
    }
}

#[test]
fn wrong_names_say_what_there_is() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["kernels", "-k", "matmull"], &["matmull", "embed, layernorm, matmul"]),
        (&["kernels", "--variant", "best"], &["best", "adapter, tensor-cores, no-f16, plain"]),
        (&["kernels", "--rows", "0"], &["--rows", "0"]),
        (&["model", "-m", "gpt"], &["gpt", "tiny, minilm, distilbert-base, bert-base, bert-large", "folder"]),
        (&["model", "-m", "tiny,gpt"], &["gpt"]),
        (&["model", "-a", "t5"], &["t5", "all, bert, roberta"]),
        (&["model", "-w", "8by128"], &["8by128", "8x128, ragged32"]),
        (&["model", "-f", "yaml"], &["yaml", "text, csv, json, jsonl"]),
        (&["model", "-r", "0"], &["repetitions", "0"]),
        (&["model", "--adapter", "no such one"], &["no such one"]),
        (&["kernels", "--adapter", "reference"], &["timestamps"]),
        (&["model", "-m", "tiny", "-w", "1x4", "--plot", "no/such/folder.svg"], &["no/such/folder.svg"]),
    ];
    for (arguments, said) in cases {
        let output = run(arguments);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(said.iter().all(|said| message.contains(said)), "{arguments:?}: {said:?} is not in {message}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

/// What was tuned is used, and no answer changes by a bit.
#[test]
fn tune_keeps_its_choices() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wgbert = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wgbert"));
        let output = command
            .args(arguments)
            .env_remove("RUST_LOG")
            .env("WGBERT_CACHE_DIR", folder.path())
            .env("WGBERT_SELF_CHECK", "never")
            .output();
        let output = output.expect("the binary starts");
        let [out, said] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("it writes UTF-8"));
        assert!(output.status.success(), "{arguments:?}: {said}");
        (out, said)
    };
    let kept = || fs::read_dir(folder.path()).into_iter().flatten().map(|entry| entry.unwrap().path());
    let kept = || kept().find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("tuning-"));
    let classify = ["classify", "--format", "jsonl", "--fields", "all", "It was an okay experience."];
    let tune = ["tune", "-m", "tiny", "--rows", "9,16", "-r", "1", "-o", "json"];

    let (untuned, _) = wgbert(&classify);
    wgbert(&[&tune[..], &["--dry-run"]].concat());
    assert_eq!(kept(), None, "a dry run keeps nothing");
    let (rows, _) = wgbert(&tune);
    let rows: Vec<Value> = serde_json::from_str(&rows).expect("json is a list");
    assert!(!rows.is_empty());
    for row in &rows {
        let candidates = row["candidates"].as_array().unwrap();
        assert!(row["rows"] == 16 && candidates.len() > 1, "{row}");
        assert!(candidates.iter().any(|candidate| candidate["name"] == row["choice"]), "{row}");
        positive(row, "gain");
    }
    let path = kept().expect("the choices are kept");
    let (_, warned) = wgbert(&classify);
    assert!(!warned.contains("warning"), "{warned}");
    let (benched, _) = wgbert(&["bench", "model", "-m", "tiny", "-w", "1x8", "-r", "1", "-o", "json"]);
    let benched: Vec<Value> = serde_json::from_str(&benched).expect("json is a list");
    assert_eq!(benched[0]["tuned_products"], rows.len(), "{benched:?}");
    let (listed, _) = wgbert(&["adapters"]);
    assert!(listed.contains(&format!("for {} products", rows.len())), "{listed}");

    // Whatever tile the file names.
    let mut file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let tiles = rows[0]["candidates"].as_array().unwrap().iter().map(|candidate| candidate["name"].as_str().unwrap());
    for tile in tiles.chain(["unheard_of"]) {
        for choice in file["matmul"].as_array_mut().unwrap() {
            choice["tile"] = tile.into();
        }
        fs::write(&path, file.to_string()).unwrap();
        assert_eq!(wgbert(&classify).0, untuned, "{tile}");
    }
    fs::write(&path, "[").unwrap();
    let (answers, warned) = wgbert(&classify);
    assert!(answers == untuned && warned.contains("wgbert tune"), "{warned}");
}

/// Tensor cores are used where a model was compared with what runs without them, and was faster.
#[test]
fn tune_compares_tensor_cores() {
    let tuner = |tensor_cores, options: Options| Tuner {
        options,
        models: vec!["tiny".parse().unwrap()],
        precisions: vec![Precision::F32, Precision::F16],
        rows: vec![9],
        tensor_cores,
        workloads: vec!["3x9".parse().unwrap()],
        repeats: Repeats { repetitions: 1, warmup: 0 },
    };
    let run = |tuner: &Tuner| {
        let mut rows = Vec::new();
        let each = |_: &Tuning, row| {
            rows.push(row);
            Ok::<(), Error>(())
        };
        tuner.run(each).map(|tuning| (tuning, rows))
    };
    let on_units = |row: &&TuneRow| matches!(row.subject, Subject::Product(problem) if problem.tensor_cores);
    let offered = tuner(TensorCores::Auto, Options::default()).adapter().expect("an adapter").capabilities;

    let without = Capabilities { cooperative_matrix_size: None, ..offered.clone() };
    let without = Options::default().capabilities(without);
    let error = run(&tuner(TensorCores::Always, without.clone())).unwrap_err().to_string();
    assert!(error.contains("no tensor cores"), "{error}");
    let (tuning, rows) = run(&tuner(TensorCores::Auto, without)).unwrap();
    assert!(tuning.products() > 0 && rows.len() == tuning.products() && !rows.iter().any(|row| on_units(&row)));

    if offered.cooperative_matrix_size.is_none() {
        return not_run(Need::TensorCores, "the adapter has no square cooperative matrices");
    }
    let card = Options::default().capabilities(Capabilities { cpu: false, ..offered });
    let (tuning, rows) = run(&tuner(TensorCores::Never, card.clone())).unwrap();
    assert!(tuning.products() > 0 && !rows.iter().any(|row| on_units(&row)));
    let (tuning, rows) = run(&tuner(TensorCores::Always, card.clone())).unwrap();
    assert!(tuning.products() > 0 && rows.iter().all(|row| on_units(&row)));
    let (tuning, rows) = run(&tuner(TensorCores::Auto, card)).unwrap();
    let models: Vec<_> = rows.iter().filter(|row| matches!(row.subject, Subject::Model { .. })).collect();
    assert_eq!((models.len(), rows.len()), (2, tuning.products() + 2));
    for (row, storage) in models.iter().zip([Storage::F32, Storage::F16]) {
        let Subject::Model { difference, .. } = row.subject else { unreachable!("only those") };
        println!("{storage:?}: gain {:.2}, difference {difference:e}", row.gain());
        assert!(difference > 0.0 && difference < if storage == Storage::F32 { 1e-5 } else { 1e-2 }, "{difference:e}");
        assert_eq!(tuning.tensor_cores(storage), Some(row.choice == TuneRow::UNITS));
    }
}
