//! Tables of other people's libraries, read and written: pandas, pyarrow, polars and duckdb write what the binary reads, and read
//! what it writes, in every format; tests/tools/tables.py compares.
//!
//! Runs where `WGBERT_TABLES_PYTHON`, else `python3`, has these libraries.

#[path = "common/requirements.rs"]
mod requirements;

use requirements::{Need, not_run};
use serde_json::Value;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const FORMATS: [&str; 5] = ["jsonl", "csv", "tsv", "parquet", "arrow"];

/// An interpreter that has the libraries, where there is one.
fn python() -> Option<String> {
    let python = env::var("WGBERT_TABLES_PYTHON").unwrap_or_else(|_| "python3".into());
    let output = Command::new(&python).args(["-c", "import duckdb, pandas, polars, pyarrow"]).output();
    if output.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    not_run(Need::Tables, format_args!("{python} has not all of pandas, pyarrow, polars and duckdb"));
    None
}

fn tool(python: &str, arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/tables.py");
    let output = Command::new(python).arg("-B").arg(script).args(arguments).output().expect("it has run before");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it writes UTF-8")
}

/// Answers on the CPU, by a small model: every format has the same answers then, and these tests are about formats.
fn classify(input: &Path, output: &Path, more: &[&str]) -> Output {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bert");
    let model = model.to_str().expect("a path in UTF-8");
    wgbert("classify", input, output, &[&["--adapter", "reference", "--model", model], more].concat())
}

fn wgbert(command: &str, input: &Path, output: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wgbert"))
        .args([command, "--quiet", "-i"])
        .arg(input)
        .arg("-o")
        .arg(output)
        .args(more)
        .env("WGBERT_CACHE_DIR", "")
        .env("WGBERT_SELF_CHECK", "never")
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts")
}

#[test]
fn what_libraries_write_is_read_and_they_read_what_is_written() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a path in UTF-8");
    tool(&python, &["write", path]);
    fs::create_dir(folder.path().join("out")).unwrap();
    let inputs = fs::read(folder.path().join("inputs.json")).unwrap();
    let inputs: Vec<Value> = serde_json::from_slice(&inputs).unwrap();
    assert!(inputs.len() > 30);
    for input in &inputs {
        let name = input["name"].as_str().unwrap();
        for format in FORMATS {
            let output = folder.path().join("out").join(format!("{name}.{format}"));
            let ended = classify(&folder.path().join("in").join(name), &output, &["--text-column", "text"]);
            let said = String::from_utf8_lossy(&ended.stderr);
            match input["refused"].as_str() {
                None => assert!(ended.status.success() && said.is_empty(), "{name} as {format}: {said}"),
                Some(word) => {
                    assert_eq!(ended.status.code(), Some(2), "{name} as {format}: {said}");
                    assert!(said.to_lowercase().contains(word) && said.contains(name), "{name} as {format}: {said}");
                    assert_eq!(
                        fs::read_dir(folder.path().join("out"))
                            .unwrap()
                            .filter(|file| {
                                file.as_ref().is_ok_and(|file| file.file_name().to_string_lossy().starts_with(name))
                            })
                            .count(),
                        0
                    );
                }
            }
        }
    }
    let said = tool(&python, &["check", path]);
    assert!(said.contains("values are those of the input"), "{said}");
}

/// The commands of docs/tables.md on the data set as it is published: text, labels and an id, without a header. The libraries open the
/// table, and its labels give the figures of the evaluation.
#[test]
fn go_emotions_go_from_tsv_to_parquet_and_are_evaluated() {
    let Some(python) = python() else { return };
    let shared = env::var("WGBERT_SHARED")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let source = shared.join("data/goemotions/original/train.tsv");
    let Ok(rows) = fs::read_to_string(&source) else {
        not_run(Need::Tables, format_args!("there is no {}", source.display()));
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("train.tsv");
    let rows: Vec<&str> = rows.split_inclusive('\n').take(2000).collect();
    fs::write(&input, rows.concat()).unwrap();
    let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/goemotions.json");
    let map = map.to_str().expect("a path in UTF-8");
    let names = ["--column-names", "text,emotions,id"];
    let labels = ["--label-column", "emotions", "--label-separator", ",", "--label-map", map];
    let fields = ["--fields", "*,label,score,pooled_output"];
    for (command, output, more) in [
        ("classify", "train.parquet", [&names[..], &fields].concat()),
        ("evaluate", "figures.json", [&names[..], &labels].concat()),
    ] {
        let ended = wgbert(command, &input, &folder.path().join(output), &more);
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    let said = tool(&python, &["goemotions", folder.path().to_str().expect("a path in UTF-8"), map]);
    assert!(said.starts_with("2000 rows, "), "{said}");
}
