//! `wgbert inspect` over every golden checkpoint: what it says must be what the files hold.
#![cfg(feature = "cli")]

use safetensors::SafeTensors;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use wgbert::models::ARCHITECTURES;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Runs the command line as someone who has set nothing.
fn inspect(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgbert"));
    command
        .arg("inspect")
        .args(arguments)
        .env_remove("RUST_LOG")
        .env("WGBERT_CACHE_DIR", "")
        .env("WGBERT_SELF_CHECK", "never");
    command.output().expect("the command runs")
}

/// The folders of checkpoints, each with its config.
fn checkpoints() -> Vec<(PathBuf, Value)> {
    let entries = fs::read_dir(golden()).expect("tests/golden is there");
    let folders = entries.map(|entry| entry.expect("it can be listed").path());
    let config = |folder: PathBuf| {
        let bytes = fs::read(folder.join("config.json")).ok()?;
        Some((folder, serde_json::from_slice(&bytes).expect("a config is JSON")))
    };
    let found: Vec<_> = folders.filter_map(config).collect();
    assert!(found.len() > 40, "there are only {} golden checkpoints", found.len());
    found
}

fn supported(config: &Value) -> bool {
    ARCHITECTURES.iter().any(|architecture| config["model_type"] == architecture.model_type)
}

/// Standard output as JSON, and the exit code.
fn answer(folder: &Path, arguments: &[&str]) -> (Value, Option<i32>) {
    let path = folder.display().to_string();
    let output = inspect(&[&[path.as_str(), "--format", "json"], arguments].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    let value = serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{path}: {error}: {text}{}", String::from_utf8_lossy(&output.stderr));
    });
    (value, output.status.code())
}

#[test]
fn parameters_are_the_numbers_of_the_files() {
    for (folder, config) in checkpoints() {
        let (report, code) = answer(&folder, &["--adapter", "reference"]);
        let name = folder.display();
        assert_eq!(report["model_type"], config["model_type"], "{name}");
        let bytes = fs::read(folder.join("model.safetensors")).expect("the weights are there");
        let tensors = SafeTensors::deserialize(&bytes).expect("they are valid");
        let size = |name: &str| tensors.tensor(name).expect("it is listed").shape().iter().product::<usize>() as u64;
        let all: u64 = tensors.names().into_iter().map(size).sum();
        let stored = report["files"]["elements"].as_object().expect("element types");
        let listed: u64 = stored.values().map(|stored| stored["parameters"].as_u64().expect("a count")).sum();
        assert_eq!(listed, all, "{name}: numbers of the files");
        assert_eq!(report["files"]["bytes"], bytes.len(), "{name}");
        if !supported(&config) {
            assert_eq!(code, Some(2), "{name}");
            assert!(report["parameters"].is_null() && report["faults"][0].to_string().contains("is not supported"));
            continue;
        }

        assert_eq!(code, Some(0), "{name}: {}", report["faults"]);
        let unused = report["files"]["unused"].as_array().expect("a list");
        let unused: BTreeSet<&str> = unused.iter().filter_map(Value::as_str).collect();
        // Buffers and the head of pretraining are in many files, and are not worth naming.
        let expected = |name: &str| name.ends_with("position_ids") || name.starts_with("cls.");
        let read = tensors.names().into_iter().filter(|name| !unused.contains(*name) && !expected(name));
        let read: u64 = read.map(size).sum();
        for counts in ["parameters", "weight_bytes"] {
            let counts = &report[counts];
            let count = |part: &str| counts[part].as_u64().unwrap_or_else(|| panic!("{name}: {part} of {counts}"));
            assert_eq!(count("total"), count("embeddings") + count("layers") + count("head"), "{name}");
        }
        assert_eq!(report["parameters"]["total"], read, "{name}: parameters are what is read");
        assert_eq!(report["weight_bytes"]["total"], 4 * read, "{name}: bytes on the device");
        assert!(report["device"].is_null() && report["no_device"].is_string(), "{name}: the reference is no device");
    }
}

#[test]
fn people_are_told_what_it_is() {
    for (folder, config) in checkpoints() {
        let path = folder.display().to_string();
        let output = inspect(&[&path, "--adapter", "reference"]);
        let (text, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let model_type = config["model_type"].as_str().expect("a model type");
        assert!(text.contains(&format!("\narchitecture     {model_type} (")), "{path}: {text}");
        let labels = config["id2label"].as_object().expect("labels");
        for label in labels.values().filter_map(Value::as_str) {
            assert!(text.contains(label), "{path}: {label} in {text}");
        }
        let expected = if supported(&config) { Some(0) } else { Some(2) };
        assert_eq!(output.status.code(), expected, "{path}: {said}");
        assert_eq!(
            said.contains(&format!("error: {path}/config.json: model_type {model_type:?}")),
            !supported(&config)
        );
    }
}

#[test]
fn an_adapter_runs_every_step() {
    let cases = ["bert", "deberta-v2", "modernbert", "albert"];
    for case in cases {
        let (report, code) = answer(&golden().join(case), &[]);
        assert_eq!(code, Some(0), "{case}: {}", report["faults"]);
        let device = &report["device"];
        assert!(device.is_object(), "{case}: no adapter ({}): install mesa-vulkan-drivers", report["no_device"]);
        let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{case}: {value} in {device}"));
        let kernels = device["kernels"].as_array().expect("kernels");
        for moment in ["every_batch", "once"] {
            let sum: u64 = kernels.iter().map(|kernel| number(&kernel[moment])).sum();
            assert_eq!(sum, number(&device["launches"][moment]), "{case}: {moment}");
        }
        let layers = device["layer_launches"].as_array().expect("layers");
        let in_layers: u64 = layers.iter().map(number).sum();
        assert!(layers.len() > 1 && in_layers < number(&device["launches"]["every_batch"]), "{case}: {device}");
        // Only scores by distance have tables that are made of weights.
        assert_eq!(number(&device["launches"]["once"]) > 0, case == "deberta-v2", "{case}");
        assert!(number(&device["batch"]["activation_bytes"]) > 0, "{case}");
        assert!(kernels.iter().any(|kernel| kernel["name"] == "attention"), "{case}");
    }
}

#[test]
fn a_smaller_batch_takes_less_memory() {
    let activations = |tokens: &str| {
        let (report, _) = answer(&golden().join("bert"), &["--batch-tokens", tokens]);
        report["device"]["batch"]["activation_bytes"].as_u64().expect("there is an adapter")
    };
    assert!(activations("64") < activations("1024"));
}

#[test]
fn without_a_name_it_is_the_compiled_in_model() {
    let output = inspect(&["--adapter", "reference"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(text.contains("sentiment (compiled in)") && text.contains("3: negative, neutral, positive"), "{text}");
}

#[test]
fn no_adapter_is_needed() {
    let path = golden().join("bert").display().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgbert"));
    command.args(["inspect", &path, "--format", "json", "--precision", "f16"]).env_remove("WGBERT_ADAPTER");
    command.env("WGBERT_CACHE_DIR", "").env("WGBERT_SELF_CHECK", "never");
    // Where there are other backends than Vulkan, there is an adapter still.
    command.env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent");
    let output = command.output().expect("the command runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(report["weight_bytes"]["total"].is_u64(), "{report}");
    if cfg!(target_os = "linux") {
        assert!(report["no_device"].as_str().is_some_and(|reason| reason.contains("no GPU adapter was found")));
    }
}

/// A copy of the smallest checkpoint with one file changed.
fn changed(name: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        fs::copy(golden().join("bert").join(file), folder.path().join(file)).expect("it is copied");
    }
    let path = folder.path().join(name);
    fs::write(&path, change(fs::read(&path).expect("it is there"))).expect("it is written");
    folder
}

#[test]
fn what_is_wrong_is_said_beside_what_is_known() {
    let replace = |from: &'static str, to: &'static str| {
        move |bytes: Vec<u8>| String::from_utf8(bytes).expect("text").replace(from, to).into_bytes()
    };
    let cases = [
        (changed("config.json", replace("\"vocab_size\": 163", "\"vocab_size\": 164")), "word_embeddings.weight"),
        (changed("config.json", replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3")), "layer.2."),
        (changed("config.json", replace("\"gelu\"", "\"xielu\"")), "hidden_act \\\"xielu\\\" is not supported"),
        (changed("tokenizer.json", |_| b"{}".to_vec()), "tokenizer.json"),
    ];
    for (folder, fault) in cases {
        let (report, code) = answer(folder.path(), &[]);
        assert_eq!(code, Some(2), "{fault}");
        assert!(report["faults"].to_string().contains(fault), "{fault} in {}", report["faults"]);
        assert_eq!(report["model_type"], "bert");
        assert!(report["device"].is_null(), "{fault}");
    }
}

#[test]
fn a_panic_of_the_tokenizers_library_is_one_error() {
    let folder = changed("tokenizer.json", |bytes| {
        let mut tokenizer: Value = serde_json::from_slice(&bytes).expect("JSON");
        // Its first chunk would have no end.
        tokenizer["pre_tokenizer"] = serde_json::json!({"type": "FixedLength", "length": 0});
        tokenizer.to_string().into_bytes()
    });
    let path = folder.path().display().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgbert"));
    command.env("WGBERT_CACHE_DIR", "").env("WGBERT_SELF_CHECK", "never");
    let output = command.args(["classify", "--adapter", "reference", "--model", &path, "a"]).output();
    let output = output.expect("the command runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("the tokenizers library panicked: chunk size") && !said.contains("panicked at"), "{said}");
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let cases: [(&[&str], &str); 4] = [
        (&["/nowhere"], "/nowhere"),
        (&["Cargo.toml"], "Cargo.toml"),
        (&["--adapter", "no such adapter"], "no such adapter"),
        (&["--precision", "f16", "--adapter", "reference"], "--precision f32"),
    ];
    for (arguments, said) in cases {
        let output = inspect(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty() && error.contains(said), "{arguments:?}: {error}");
    }
    let folder = changed("config.json", |_| b"{".to_vec());
    let output = inspect(&[&folder.path().display().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("config.json"));
}
