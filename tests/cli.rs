//! The binary, as its users run it: what it prints where, and how it exits. Needs an adapter, as tests/kernels.rs does.

#[path = "common/browser.rs"]
mod browser;
#[path = "cli/evaluate.rs"]
mod evaluate;
#[path = "cli/explain.rs"]
mod explain;
#[path = "cli/faults.rs"]
mod faults;
#[path = "cli/manners.rs"]
mod manners;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/pairs.rs"]
mod pairs;
#[path = "common/requirements.rs"]
mod requirements;
#[path = "cli/rows.rs"]
mod rows;
#[path = "cli/seen_as.rs"]
mod seen_as;
#[path = "cli/tensors.rs"]
mod tensors;
#[path = "cli/tokens.rs"]
mod tokens;

use requirements::{Need, not_run};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

const FANTASTIC: &str = "This movie was absolutely fantastic.";
const TERRIBLE: &str = "This product is terrible.";
const SATISFIED: &str = "I am very satisfied with this service.";
const OKAY: &str = "It was an okay experience.";

/// What a run left behind.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    #[track_caller]
    fn expect(self, code: i32) -> Run {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }

    /// The rows of `--format jsonl`.
    fn rows(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    /// The document of `--format json`.
    fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).expect("the output is JSON")
    }

    #[track_caller]
    fn says(&self, words: &[&str]) {
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {self:#?}");
        }
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgbert"));
    // Nothing of the user's is read or written.
    command
        .args(arguments)
        .env_remove("RUST_LOG")
        .env("WGBERT_CACHE_DIR", "")
        .env("WGBERT_SELF_CHECK", "never")
        .stdin(Stdio::null());
    command
}

fn finish(mut command: Command, input: Vec<u8>) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    // It may end without reading everything.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer does not panic");
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("it writes UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("it writes UTF-8"),
    }
}

fn run(arguments: &[&str]) -> Run {
    pipe(arguments, "")
}

/// Texts of the command line.
fn texts(arguments: &[&str]) -> Run {
    run(&[&["classify"], arguments].concat())
}

fn pipe(arguments: &[&str], input: impl Into<Vec<u8>>) -> Run {
    finish(command(arguments), input.into())
}

/// Runs with no Vulkan driver to be found. On a system with another graphics interface there may be an adapter still.
fn without_drivers(arguments: &[&str]) -> Run {
    let mut command = command(arguments);
    command.env_remove("WGBERT_ADAPTER");
    command.env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent");
    finish(command, Vec::new())
}

/// What a terminal of that many columns shows of a command, where `script` can make one.
fn terminal(columns: usize, arguments: &str) -> Option<String> {
    if cfg!(not(target_os = "linux")) {
        not_run(Need::Script, "script(1) has other options here");
        return None;
    }
    let command = format!("stty rows 20 cols {columns}; exec '{}' {arguments}", env!("CARGO_BIN_EXE_wgbert"));
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("WGBERT_CACHE_DIR", "")
        .env("WGBERT_SELF_CHECK", "never");
    match script.stdin(Stdio::null()).output() {
        Err(_) => {
            not_run(Need::Script, "there is no script(1)");
            None
        }
        Ok(output) => Some(String::from_utf8(output.stdout).expect("it writes UTF-8").replace("\r\n", "\n")),
    }
}

fn golden(case: &str) -> (String, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case);
    let expected = fs::read(folder.join("expected.json")).expect("the fixture is there");
    (text(&folder), serde_json::from_slice(&expected).expect("a fixture is JSON"))
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").into()
}

/// The texts and labels of a fixture as JSON lines.
fn labelled(expected: &Value) -> String {
    let texts = expected["texts"].as_array().expect("texts");
    let labels = expected["labels"].as_array().expect("labels");
    let row = |(text, label): (&Value, &Value)| match text.as_array() {
        Some(pair) => json!({ "text": pair[0], "text_pair": pair[1], "label": label }).to_string() + "\n",
        None => json!({ "text": text, "label": label }).to_string() + "\n",
    };
    texts.iter().zip(labels).map(row).collect()
}

#[track_caller]
fn assert_close(actual: &Value, expected: &Value) {
    match (actual, expected) {
        (Value::Array(actual), Value::Array(expected)) => {
            assert_eq!(actual.len(), expected.len());
            actual.iter().zip(expected).for_each(|(actual, expected)| assert_close(actual, expected));
        }
        _ => {
            let [actual, expected] = [actual, expected].map(|value| value.as_f64().expect("a number"));
            assert!((actual - expected).abs() <= 2e-5 * expected.abs().max(1.0), "{actual} is not {expected}");
        }
    }
}

/// A copy of a fixture's folder without the files that `keep` refuses.
fn copy(case: &str, keep: impl Fn(&str) -> bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for entry in fs::read_dir(golden(case).0).expect("the fixture is there") {
        let path = entry.expect("it can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        if keep(name) {
            fs::copy(&path, folder.path().join(name)).expect("it can be copied");
        }
    }
    folder
}

fn write(folder: &tempfile::TempDir, name: &str, contents: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    fs::write(&path, contents).expect("it can be written");
    text(&path)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn texts_of_the_command_line_show_every_label() {
    let Some(shown) = terminal(80, &format!("classify '{FANTASTIC}' '{TERRIBLE}'")) else { return };
    let lines: Vec<&str> = shown.lines().skip_while(|line| line.starts_with("note: ")).collect();
    assert_eq!([lines[0], lines[5]], [FANTASTIC, TERRIBLE], "{lines:#?}");
    assert!(lines[1].starts_with("  positive   9") && lines[1].contains(" %  █████"), "{lines:#?}");
    assert!(lines[6].starts_with("  negative   9"), "{lines:#?}");
    assert_eq!(lines.len(), 9);
    // A file, or another program, gets a line each: the label, the score and the text.
    let run = run(&["classify", FANTASTIC, TERRIBLE]).expect(0);
    let parts: Vec<Vec<&str>> = run.lines().iter().map(|line| line.split('\t').collect()).collect();
    let labelled = |row: usize| (parts[row][0], parts[row][2], parts[row].len());
    assert_eq!([labelled(0), labelled(1)], [("positive", FANTASTIC, 3), ("negative", TERRIBLE, 3)], "{run:#?}");
}

#[test]
fn piped_lines_get_a_line_each() {
    let run = pipe(&["classify"], [FANTASTIC, TERRIBLE, SATISFIED, OKAY].join("\n")).expect(0);
    let lines = run.lines();
    assert_eq!(lines.len(), 4);
    for (line, (labels, text)) in lines.iter().zip([
        (&["positive"][..], FANTASTIC),
        (&["negative"], TERRIBLE),
        (&["positive"], SATISFIED),
        (&["neutral", "positive"], OKAY),
    ]) {
        assert!(labels.iter().any(|label| line.starts_with(label)) && line.ends_with(text), "{lines:#?}");
    }
    let run = pipe(&["classify", "-"], format!("{FANTASTIC}\n")).expect(0);
    assert!(run.stdout.starts_with("positive"), "{run:#?}");
}

/// What stood in a file depended on the width of the window that the command was typed in.
#[test]
fn texts_are_whole_where_no_terminal_is() {
    let long = "good ".repeat(50);
    let run = pipe(&["classify"], format!("{long}\n")).expect(0);
    assert!(run.stdout.ends_with(&format!("\t{long}\n")), "{run:#?}");
    assert_eq!(texts(&[&long]).stdout, run.stdout);
    // On one line, whatever it holds, and a terminal obeys none of it.
    let row = json!({ "text": "good\r\n\u{1b}[31m\u{2028}film", "text_pair": "yes\n" });
    let run = pipe(&["classify", "--input-format", "jsonl"], row.to_string()).expect(0);
    assert!(run.stdout.ends_with("\tgood   [31m film | yes \n"), "{run:#?}");
}

#[test]
fn texts_are_shortened_to_the_width_of_a_terminal() {
    let Some(output) = terminal(70, &format!("classify --quiet --top-k 1 '{}'", "good ".repeat(50))) else { return };
    let line = output.trim_end();
    assert!(line.starts_with("positive") && line.ends_with('…') && line.chars().count() == 70, "{output:?}");
}

/// Failed rows were left out, so that a row of output was not that of the input.
#[test]
fn each_row_is_a_line_also_if_it_fails() {
    let mut input = format!("{FANTASTIC}\n").into_bytes();
    input.extend(b"caf\xe9\n");
    input.extend(TERRIBLE.as_bytes());
    for top in ["1", "2", "all"] {
        let run = pipe(&["classify", "--top-k", top], input.clone()).expect(3);
        let lines = run.lines();
        assert_eq!(lines.len(), 3, "{run:#?}");
        let parts = |line: &str| line.split('\t').map(String::from).collect::<Vec<_>>();
        let [first, failed, last] = [lines[0], lines[1], lines[2]].map(parts);
        assert_eq!((first[0].as_str(), first.last().unwrap().as_str()), ("positive", FANTASTIC), "{run:#?}");
        // The text is where it always is: in place of labels and scores is nothing, and behind it what is wrong.
        assert!(failed.len() == first.len() + 1 && failed[..first.len()].iter().all(String::is_empty), "{run:#?}");
        assert_eq!(failed.last().unwrap(), "byte 4 of the line is not UTF-8");
        assert_eq!((last[0].as_str(), last.last().unwrap().as_str()), ("negative", TERRIBLE), "{run:#?}");
        run.says(&["warning: standard input, line 2: byte 4"]);
    }
    // In what is for people too, where the text is known.
    let long = "good ".repeat(600);
    let run = texts(&["--truncation", "refuse", "--", &long, FANTASTIC]).expect(3);
    assert_eq!(run.lines()[0], format!("\t\t{long}\tit has 602 tokens, the model takes 512"));
    let command = format!("classify --quiet --truncation refuse -- '{}' '{FANTASTIC}'", &long[..2999]);
    let Some(shown) = terminal(80, &command) else { return };
    let lines: Vec<&str> = shown.lines().filter(|line| !line.starts_with("warning: ")).collect();
    assert_eq!(lines[1..4], ["            ✗ it has 602 tokens, the model takes 512", "", FANTASTIC], "{lines:#?}");
    assert!(lines[4].starts_with("  positive   9"), "{lines:#?}");
}

/// "hi" was not the text but the value, or the other way round, and always was never where there are no tensor cores.
#[test]
fn tensor_cores_are_asked_for_by_a_word_and_refused_where_there_are_none() {
    run(&["classify", "--tensor-cores", "hi"]).expect(2).says(&["invalid value 'hi'", "auto, always, never"]);
    run(&["classify", "--matrix-units", "hi"]).expect(2).says(&["invalid value 'hi'", "--tensor-cores"]);
    run(&["classify", "--tensor-cores"]).expect(2).says(&["a value is required", "auto, always, never"]);
    let document = run(&["classify", "--tensor-cores", "never", "hi", "--format", "json"]).expect(0).document();
    assert_eq!(document["results"][0]["text"], "hi");

    let listed = run(&["adapters", "--format", "json"]).expect(0).document();
    let adapter =
        listed.as_array().expect("a list").iter().find(|adapter| adapter["default"] == true).expect("a default");
    let name = adapter["name"].as_str().expect("a name");
    let classify = ["classify", "--tensor-cores", "always", "hi"];
    let refused = |arguments: &[&str], name: &str| {
        let run = run(arguments).expect(2);
        run.says(&[name, "no tensor cores", "leave out --tensor-cores always"]);
        assert!(!run.stderr.contains("TensorCores::"), "{run:#?}");
        assert_eq!(run.stdout, "");
    };
    refused(&[&classify[..], &["--adapter", "reference"]].concat(), "reference");
    if adapter["tensor_cores"] == true {
        run(&classify).expect(0);
        return not_run(Need::NoTensorCores, "the adapter has some");
    }
    refused(&classify, name);
    refused(&["inspect", "--tensor-cores", "always"], name);
    refused(&["tune", "-m", "tiny", "--tensor-cores", "always", "--dry-run"], name);
    // Before anything is measured.
    refused(&["bench", "model", "-m", "tiny", "-w", "1x8", "-o", "csv", "--tensor-cores", "never,always"], name);
    refused(&["bench", "kernels", "-k", "gate", "--variant", "tensor-cores", "-o", "csv"], name);
}

/// Two lines "error: XDG_RUNTIME_DIR is invalid or not set in the environment" were written whatever was run.
#[test]
#[cfg(unix)]
fn without_a_desktop_nothing_is_said() {
    for folder in [None, Some(""), Some("relative"), Some("/nonexistent/of the user's")] {
        for arguments in [&["classify", "--quiet", FANTASTIC][..], &["adapters"], &["inspect"]] {
            let mut command = command(arguments);
            command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("XDG_RUNTIME_DIR");
            command.envs(folder.map(|folder| ("XDG_RUNTIME_DIR", folder)));
            assert_eq!(finish(command, Vec::new()).expect(0).stderr, "", "{folder:?}");
        }
    }
}

#[test]
fn json_lines_are_complete() {
    let run = run(&["classify", "--format", "jsonl", "--fields", "all", FANTASTIC, TERRIBLE]).expect(0);
    let rows = run.rows();
    assert_eq!(rows.len(), 2);
    for (index, (row, label)) in rows.iter().zip(["positive", "negative"]).enumerate() {
        assert_eq!(row["index"], index);
        assert_eq!(row["label"], label);
        let argmax = row["argmax"].as_u64().expect("an index") as usize;
        assert_eq!(["negative", "neutral", "positive"][argmax], label);
        assert_eq!(row["probabilities"][argmax], row["score"]);
        assert!(row["score"].as_f64() > Some(0.9));
        assert_eq!(row["logits"].as_array().map(Vec::len), Some(3));
        assert_eq!(row["truncated"], false);
        assert!(row["tokens"].as_u64() > Some(5));
        assert_eq!(row["error"], Value::Null);
        assert!(row.get("loss").is_none() && row.get("labels").is_none(), "{row}");
    }
}

#[test]
fn numbers_survive_the_round_trip() {
    let row = run(&["classify", "--format", "jsonl", "--fields", "all", FANTASTIC]).expect(0).rows().remove(0);
    for logit in row["logits"].as_array().expect("logits") {
        let written = logit.to_string();
        let number: f32 = written.parse().expect("a number");
        assert_eq!(json!(number.to_string().parse::<f64>().expect("a number")), *logit, "{written} is the shortest");
    }
}

#[test]
fn json_is_one_document() {
    let document = run(&["classify", "--format", "json", "--top-k", "2", FANTASTIC]).expect(0).document();
    assert_eq!(document["labels"], json!(["negative", "neutral", "positive"]));
    assert_eq!(document["loss"], Value::Null);
    assert!(document["model"].is_string() && document["adapter"].is_string());
    let row = &document["results"][0];
    assert_eq!(row["text"], FANTASTIC);
    assert!(row["label_2"].is_string() && row["score_2"].is_number() && row.get("label_3").is_none(), "{row}");
}

#[test]
fn losses_are_those_of_transformers() {
    for case in ["bert", "bert-multilabel", "bert-regression"] {
        let (model, expected) = golden(case);
        let arguments = ["classify", "--model", &model, "--input-format", "jsonl", "--format", "json"];
        let document = pipe(&arguments, labelled(&expected)).expect(0).document();
        assert_close(&document["loss"], &expected["loss"]);
        let rows = document["results"].as_array().expect("results");
        for (index, row) in rows.iter().enumerate() {
            assert_close(&row["logits"], &expected["logits"][index]);
            match &expected["probabilities"] {
                Value::Null => assert_eq!(row["probabilities"], Value::Null),
                probabilities => assert_close(&row["probabilities"], &probabilities[index]),
            }
            if !expected["argmax"].is_null() {
                assert_eq!(row["argmax"], expected["argmax"][index]);
                // The input has a label of its own.
                assert_eq!(row["predicted_label"], expected["predicted_label"][index]);
            }
        }
        let mean = rows.iter().map(|row| row["loss"].as_f64().expect("a loss")).sum::<f64>() / rows.len() as f64;
        assert_close(&json!(mean), &expected["loss"]);
    }
}

#[test]
fn text_shows_what_kind_of_model_it_is() {
    let (model, expected) = golden("bert-multilabel");
    let run = pipe(&["classify", "--model", &model, "--input-format", "jsonl"], labelled(&expected)).expect(0);
    run.says(&["mean loss 1.165"]);
    let folder = folder();
    let rows = write(&folder, "rows.jsonl", labelled(&expected).clone() + "\n[]\n");
    let Some(shown) = terminal(90, &format!("classify --quiet --model '{model}' --input '{rows}'")) else { return };
    let lines: Vec<&str> = shown.lines().filter(|line| !line.starts_with("warning: ")).collect();
    let marks: Vec<char> = lines.iter().filter_map(|line| line.chars().next()).collect();
    assert_eq!(marks[..4], ['✓', ' ', '✓', '✓'], "{shown}");
    // What fails has a cross where scores have their marks.
    let place = |line: &str, mark: char| line.chars().position(|letter| letter == mark);
    let score = lines[0].rsplit_once('%').expect("a share").0.trim_end().rfind(' ').expect("a label before it");
    assert!(place(lines[4], '✗') <= Some(score + 1) && lines[4].trim_start().starts_with('✗'), "{shown}");

    let (model, expected) = golden("bert-regression");
    let rows = write(&folder, "numbers.jsonl", labelled(&expected));
    let Some(shown) = terminal(90, &format!("classify --quiet --model '{model}' --input '{rows}'")) else { return };
    assert!(shown.starts_with("LABEL_0     5.0155  loss 20.3899"), "{shown}");
}

#[test]
fn labels_have_names_and_indices() {
    let input =
        [json!({"text": "good", "label": "positive"}), json!({"text": "good", "label": 2}), json!({"text": "good"})];
    let input = input.map(|row| row.to_string()).join("\n");
    let rows =
        pipe(&["classify", "--input-format", "jsonl", "--format", "jsonl", "--fields", "all"], input).expect(0).rows();
    assert_eq!(rows[0]["loss"], rows[1]["loss"]);
    assert!(rows[0]["loss"].is_number() && rows[2]["loss"].is_null());
}

#[test]
fn files_tell_their_format_by_their_name() {
    let folder = folder();
    let lines = write(&folder, "lines.txt", format!("\u{feff}{FANTASTIC}\r\n\r\n{TERRIBLE}\r\n"));
    let rows = run(&["classify", "--input", &lines, "--format", "jsonl", "--fields", "all"]).expect(0).rows();
    let texts: Vec<_> = rows.iter().map(|row| row["text"].as_str().expect("its text")).collect();
    assert_eq!(texts, [FANTASTIC, "", TERRIBLE]);

    let objects = write(&folder, "objects.NDJSON", "\n{\"text\": \"was it good?\", \"text_pair\": \"yes\"}\n\n");
    let rows = run(&["classify", "--input", &objects, "--format", "jsonl", "--fields", "all"]).expect(0).rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["index"], 1);
    assert_eq!([&rows[0]["text"], &rows[0]["text_pair"]], ["was it good?", "yes"]);

    let rows =
        run(&["classify", "--input", &objects, "--input-format", "lines", "--format", "jsonl", "--fields", "all"])
            .expect(0)
            .rows();
    assert_eq!(rows.len(), 3);
}

#[test]
fn empty_input_is_no_error() {
    assert_eq!(run(&["classify"]).expect(0).stdout, "");
    assert_eq!(run(&["classify", "--format", "jsonl", "--fields", "all"]).expect(0).stdout, "");
    assert_eq!(run(&["classify", "--format", "json"]).expect(0).document()["results"], json!([]));
    assert_eq!(run(&["classify", "", "--format", "jsonl", "--fields", "all"]).expect(0).rows()[0]["tokens"], 2);
}

#[test]
fn bad_rows_fail_alone() {
    let mut input = format!("{FANTASTIC}\n").into_bytes();
    input.extend(b"caf\xe9\n");
    input.extend(TERRIBLE.as_bytes());
    let run = pipe(&["classify", "--format", "jsonl", "--fields", "all"], input.clone()).expect(3);
    let rows = run.rows();
    assert_eq!([&rows[0]["label"], &rows[2]["label"]], ["positive", "negative"]);
    // A row that fails has the columns of the others.
    let filled = rows[1].as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    let filled: serde_json::Map<_, _> = filled.map(|(name, value)| (name.clone(), value.clone())).collect();
    assert_eq!(Value::Object(filled), json!({ "index": 1, "error": "byte 4 of the line is not UTF-8" }));
    run.says(&["warning: standard input, line 2: byte 4", "error: 1 of 3 rows failed"]);
    assert_eq!(pipe(&["classify"], input.clone()).expect(3).lines().len(), 3);
    assert_eq!(pipe(&["classify", "--format", "json"], input).expect(3).document()["results"][1], rows[1]);

    let bad = [
        "{\"text\": ",
        "[]",
        "{\"txt\": \"a\"}",
        "{\"text\": 1}",
        "{\"text\": \"a\", \"label\": \"great\"}",
        "{\"text\": \"a\", \"label\": 3}",
        "{\"text\": \"a\", \"label\": [0, 1, 0]}",
        "{\"text\": \"\\ud800\"}",
    ];
    let input = bad.join("\n") + "\n{\"text\": \"good\", \"label\": \"positive\"}";
    let run = pipe(&["classify", "--input-format", "jsonl", "--format", "jsonl", "--fields", "all"], input).expect(3);
    let rows = run.rows();
    assert_eq!(rows.len(), bad.len() + 1);
    for (index, row) in rows[..bad.len()].iter().enumerate() {
        assert_eq!(row["index"], index);
        assert!(row["error"].is_string() && row["logits"].is_null(), "{row}");
    }
    assert!(rows[bad.len()]["loss"].is_number());
}

#[test]
fn a_million_characters_are_cut_or_refused() {
    let long = format!("{}\n{FANTASTIC}\n", "good ".repeat(200_000));
    let rows = pipe(&["classify", "--format", "jsonl", "--fields", "all"], long.clone()).expect(0).rows();
    assert_eq!([&rows[0]["truncated"], &rows[1]["truncated"]], [true, false]);
    assert_eq!(rows[0]["tokens"], 512);
    let run = pipe(&["classify"], long.clone()).expect(0);
    assert!(run.lines()[0].ends_with(" good good "), "{} lines", run.lines().len());
    run.says(&["1 cut to 512 tokens"]);

    let run = pipe(&["classify", "--format", "jsonl", "--fields", "all", "--truncation", "refuse"], long).expect(3);
    assert!(run.rows()[0]["error"].as_str().is_some_and(|error| error.contains("200002 tokens")), "{run:#?}");
    assert_eq!(run.rows()[1]["label"], "positive");
}

#[test]
fn many_rows_keep_their_order() {
    let texts: String = (0..300).map(|row| "good ".repeat(row * 7 % 20) + "\n").collect();
    let whole = pipe(&["classify", "--format", "jsonl", "--fields", "all"], texts.clone()).expect(0);
    let rows = whole.rows();
    assert_eq!(rows.len(), 300);
    for (index, row) in rows.iter().enumerate() {
        assert_eq!([&row["index"], &row["tokens"]], [&json!(index), &json!(index * 7 % 20 + 2)]);
    }
    let pieces = pipe(&["classify", "--format", "jsonl", "--fields", "all", "--batch-tokens", "600"], texts).expect(0);
    for (row, piece) in rows.iter().zip(pieces.rows()) {
        assert_close(&piece["logits"], &row["logits"]);
    }
}

#[test]
fn rows_are_answered_as_they_arrive() {
    let mut command = command(&["classify", "--format", "jsonl", "--fields", "all"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the binary starts");
    let (mut stdin, mut stdout) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    for text in [FANTASTIC, TERRIBLE] {
        writeln!(stdin, "{text}").expect("it reads");
        let mut byte = [0];
        let mut line = Vec::new();
        while byte != *b"\n" {
            stdout.read_exact(&mut byte).expect("it answers although the input goes on");
            line.extend(byte);
        }
        assert!(serde_json::from_slice::<Value>(&line).expect("JSON")["label"].is_string());
    }
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn a_closed_output_ends_it_quietly() {
    let mut command = command(&["classify"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().expect("it is piped");
    let writer = thread::spawn(move || drop(stdin.write_all("good\n".repeat(1000).as_bytes())));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer does not panic");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(!stderr.contains("panicked") && !stderr.contains("standard output"), "{stderr}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let mut command = command(&["classify", FANTASTIC]);
    let output = command.stdout(full).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
}

#[test]
fn top_k_and_scoring_are_chosen() {
    for (top, lines) in [("2", 3), ("1", 1)] {
        let Some(shown) = terminal(80, &format!("classify --quiet --top-k {top} '{OKAY}'")) else { break };
        assert_eq!(shown.lines().count(), lines, "{shown}");
    }
    let run_lines = pipe(&["classify", "--top-k", "all"], format!("{OKAY}\n{OKAY}")).expect(0);
    let [line, same] = run_lines.lines()[..] else { panic!("{run_lines:#?}") };
    let parts: Vec<_> = line.split('\t').collect();
    assert_eq!((line, parts[0], parts[2], parts[4], parts[6]), (same, "neutral", "positive", "negative", OKAY));
    run(&["classify", "--top-k", "0", OKAY]).expect(2).says(&["--top-k", "above 0, or all"]);

    let probabilities = |scoring| {
        let row = run(&["classify", "--format", "jsonl", "--fields", "all", "--scoring", scoring, OKAY])
            .expect(0)
            .rows()
            .remove(0);
        let sum = |values: &Value| Some(values.as_array()?.iter().filter_map(Value::as_f64).sum::<f64>());
        sum(&row["probabilities"])
    };
    assert!(probabilities("softmax").is_some_and(|sum| (sum - 1.0).abs() < 1e-5));
    assert!(probabilities("sigmoid").is_some_and(|sum| (sum - 1.0).abs() > 1e-2));
    assert_eq!(probabilities("none"), None);
}

#[test]
fn adapters_are_listed_and_chosen() {
    let run_text = run(&["adapters"]).expect(0);
    assert!(run_text.stdout.contains("(the default)") && run_text.stdout.contains("matmul"), "{run_text:#?}");
    let listed = run(&["adapters", "--format", "json"]).expect(0).document();
    let adapters = listed.as_array().expect("a list");
    assert_eq!(adapters.iter().filter(|adapter| adapter["default"] == true).count(), 1);
    let names: Vec<_> =
        adapters[0]["kernels"].as_array().expect("kernels").iter().map(|kernel| &kernel["name"]).collect();
    assert_eq!(names, wgbert::kernels::NAMES);
    // What benches/device/plan.py reads, whose tests have another program in this one's place.
    for read in ["/name", "/kind", "/backend", "/driver", "/index", "/tensor_cores", "/capabilities/f16", "/verified"] {
        assert!(adapters[0].pointer(read).is_some(), "{read} of {}", adapters[0]);
    }

    let name = adapters[0]["name"].as_str().expect("a name");
    for choice in [name, &name.to_uppercase(), "0"] {
        let document = run(&["classify", "--adapter", choice, "--format", "json", OKAY]).expect(0).document();
        assert_eq!(document["adapter"], name);
    }
    for wrong in ["nosuch", "99"] {
        run(&["classify", "--adapter", wrong, OKAY]).expect(2).says(&["no adapter matches", wrong, name]);
    }
}

#[test]
fn the_reference_answers_like_the_adapter() {
    let classify = ["classify", "--format", "jsonl", "--fields", "all", FANTASTIC, TERRIBLE];
    let (device, reference) = (run(&classify), run(&[&classify[..], &["--adapter", "reference"]].concat()));
    for (device, reference) in device.expect(0).rows().iter().zip(reference.expect(0).rows()) {
        assert_close(&device["logits"], &reference["logits"]);
    }
}

#[test]
fn f16_answers_nearly_the_same_and_not_on_the_reference() {
    let classify = ["classify", "--format", "jsonl", "--fields", "all", FANTASTIC, TERRIBLE];
    let [half, full] = [run(&[&classify[..], &["--precision", "f16"]].concat()), run(&classify)];
    for (half, full) in half.expect(0).rows().iter().zip(full.expect(0).rows()) {
        assert_eq!(half["label"], full["label"]);
        let logits = |row: &Value| -> Vec<f64> {
            row["logits"].as_array().unwrap().iter().map(|logit| logit.as_f64().unwrap()).collect()
        };
        let near = |(half, full): (&f64, &f64)| (half - full).abs() < 5e-2;
        assert!(logits(half).iter().zip(&logits(&full)).all(near), "{half} and {full}");
    }
    let refused = run(&["classify", "--adapter", "reference", "--precision", "f16", OKAY]).expect(2);
    refused.says(&["error: adapter reference", "f32 only", "--precision f32"]);
    let auto = run(&["classify", "--precision", "auto", "--format", "json", OKAY]).expect(0).document();
    let listed = run(&["adapters", "--format", "json"]).expect(0).document();
    let default = listed.as_array().unwrap().iter().find(|adapter| adapter["default"] == true).unwrap();
    assert_eq!(auto["precision"], if default["capabilities"]["f16"] == true { "f16" } else { "f32" });
    let reference = run(&["classify", "--adapter", "reference", "--precision", "auto", "--format", "json", OKAY]);
    assert_eq!(reference.expect(0).document()["precision"], "f32");
    run(&["classify", "--precision", "bf16", OKAY]).expect(2).says(&["possible values: f32, f16, auto"]);
}

#[test]
#[cfg(target_os = "linux")]
fn without_an_adapter_both_ways_out_are_named() {
    for arguments in [&["classify", OKAY][..], &["adapters"]] {
        let run = without_drivers(arguments).expect(2);
        run.says(&["error: no GPU adapter was found", "mesa-vulkan-drivers", "--adapter reference"]);
        assert_eq!(run.stdout, "");
    }
    let run = without_drivers(&["classify", "--adapter", "reference", FANTASTIC]).expect(0);
    assert!(run.stdout.contains("positive"));
}

#[test]
fn bad_folders_are_explained() {
    let empty = folder();
    let path = text(empty.path());
    let classify = |model: &str| run(&["classify", "--model", model, OKAY]).expect(2);
    classify(&text(&empty.path().join("nosuch"))).says(&["error: ", "nosuch", "no such folder"]);
    classify(&path).says(&[&path, "config.json"]);
    classify(&text(copy("bert", |name| !name.ends_with(".safetensors")).path())).says(&["model.safetensors"]);
    classify(&text(copy("bert", |name| !name.starts_with("tokenizer")).path())).says(&["tokenizer.json"]);
    let other = copy("bert", |name| name != "config.json");
    write(&other, "config.json", json!({ "model_type": "t5" }).to_string());
    classify(&text(other.path())).says(&["config.json", "t5", "supported are", "bert"]);
}

#[test]
fn an_absent_head_is_filled_on_request_only() {
    let headless = copy("bert", |name| name != "model.safetensors");
    let bytes = fs::read(PathBuf::from(golden("bert").0).join("model.safetensors")).expect("the fixture is there");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a valid file");
    let kept = file.iter().filter(|(name, _)| !name.starts_with("classifier"));
    let path = headless.path().join("model.safetensors");
    safetensors::serialize_to_file(kept, None, &path).expect("it can be written");

    let model = text(headless.path());
    run(&["classify", "--model", &model, "good"]).expect(2).says(&["no classification head", "--random-head SEED"]);
    let answer = |seed| {
        run(&["classify", "--model", &model, "--format", "jsonl", "--fields", "all", "--random-head", seed, "good"])
            .expect(0)
            .stdout
    };
    assert_eq!(answer("1"), answer("1"));
    assert_ne!(answer("1"), answer("2"));
}

#[test]
fn wrong_arguments_are_explained() {
    let help = run(&["--help"]).expect(0);
    assert!(help.stdout.contains("classify") && help.stdout.contains("Exit codes"));
    let help = run(&["classify", "--help"]).expect(0);
    for word in ["Examples:", "Exit codes:", "text_pair", "--adapter", "reference", "0    every", "3    some"] {
        assert!(help.stdout.contains(word), "{word:?}");
    }
    run(&[]).expect(2).says(&["Usage: wgbert"]);
    run(&[FANTASTIC]).expect(2).says(&["unrecognized subcommand"]);
    run(&["classify", "--input", "a.txt", "b"]).expect(2).says(&["cannot be used with"]);
    run(&["classify", "--input", "nosuch.txt"]).expect(2).says(&["cannot read nosuch.txt"]);
    run(&["classify", "--batch-tokens", "0", "x"]).expect(2).says(&["--batch-tokens"]);
    run(&["classify", "--format", "xml", "x"]).expect(2).says(&["possible values: text, json, jsonl"]);
    pipe(&["classify"], b"\xff\xfe\0\0b\0\0\0".as_slice()).expect(2).says(&["UTF-32", "iconv"]);
}

#[test]
fn compiled_pipelines_are_kept_where_the_environment_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let with = |cache: &Path| {
        let mut command = command(&["classify", "--format", "jsonl", "--fields", "all", FANTASTIC]);
        command.env("WGBERT_CACHE_DIR", cache).env("RUST_LOG", "warn,wgbert=info");
        finish(command, Vec::new()).expect(0)
    };
    let kept = folder.path().join("kept");
    let (first, second) = (with(&kept), with(&kept));
    assert_eq!(first.stdout, second.stdout);
    let names: Vec<_> = fs::read_dir(&kept).into_iter().flatten().map(|entry| entry.unwrap().file_name()).collect();
    if names.is_empty() {
        return not_run(Need::PipelineCache, "the adapter has none");
    }
    assert!(names.len() == 1 && names[0].to_str().unwrap().starts_with("pipelines-"), "{names:?}");

    fs::write(kept.join(&names[0]), "garbage").unwrap();
    let damaged = with(&kept);
    damaged.says(&["damaged", "replaced"]);
    // A file is in the way of the folder.
    let unwritable = with(&kept.join(&names[0]).join("folder"));
    unwritable.says(&["warning: compiled pipelines are not kept: cannot create"]);
    assert_eq!((damaged.stdout, unwritable.stdout), (first.stdout.clone(), first.stdout));
}
