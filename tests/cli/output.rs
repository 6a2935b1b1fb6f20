//! Files of answers: tables with the input's columns, in every format, whole or not there, gone on with after a stop.

use super::{FANTASTIC, OKAY, Run, TERRIBLE, command, finish, folder, pipe, run, text, write};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const FORMATS: [&str; 6] = ["txt", "json", "jsonl", "csv", "tsv", "parquet"];

/// Rows of what a library of tables reads of a file: wgbert itself, whose readers have tests of their own.
fn read_back(path: &str) -> Vec<Value> {
    let shown =
        run(&["classify", "--quiet", "-i", path, "--text-column", "text", "--format", "jsonl", "--fields", "*"]);
    shown.expect(0).rows()
}

pub fn rows(count: usize) -> String {
    let texts = [FANTASTIC, TERRIBLE, OKAY];
    // Blank lines are no rows.
    let blank = |row| if row % 7 == 3 { "\n" } else { "" };
    (0..count)
        .map(|row| {
            format!("{}{}\n", blank(row), json!({ "id": row, "text": texts[row % 3], "more": { "n": [row, null] } }))
        })
        .collect()
}

#[test]
fn every_format_has_the_inputs_columns_and_a_row_for_a_row() {
    let folder = folder();
    let input = write(&folder, "in.jsonl", rows(3) + "{\"text\": 7, \"id\": \"x\"}\n");
    for format in ["jsonl", "csv", "tsv", "parquet", "arrow"] {
        let path = text(&folder.path().join(format!("out.{format}")));
        run(&["classify", "--quiet", "-i", &input, "-o", &path]).expect(3);
        let rows = if format == "jsonl" {
            fs::read_to_string(&path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        } else {
            read_back(&path)
        };
        assert_eq!(rows.len(), 4, "{format}");
        let names: Vec<&str> = rows[0].as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = vec!["id", "text", "more", "label", "score", "truncated", "error"];
        // serde_json's objects are sorted.
        expected.sort();
        assert_eq!(names, expected, "{format}");
        let label = |row: &Value| row["label"].as_str().unwrap_or_default().to_string();
        assert_eq!([label(&rows[0]), label(&rows[1]), label(&rows[3])], ["positive", "negative", ""], "{format}");
        assert!(rows[3]["error"].as_str().is_some_and(|error| error.contains("expected a string")), "{format}");
        let more = &rows[1]["more"];
        let more: Value = more.as_str().map_or(more.clone(), |text| serde_json::from_str(text).unwrap());
        assert_eq!(more, json!({ "n": [1, null] }), "{format}");
    }
}

/// Its numbers were written as others: 12345678901234567890123 as 1.2345678901234568e22.
#[test]
fn what_is_carried_through_is_what_it_was() {
    let row = r#"{"text":"good","id":12345678901234567890123,"price":1.10,"name":"caf\u00e9","label":"mine"}"#;
    let out = pipe(&["classify", "-q", "--format", "jsonl"], row).expect(3).stdout;
    assert!(out.starts_with(row.trim_end_matches('}')), "{out}");
    let row = row.replace("\"mine\"", "\"positive\"");
    let out = pipe(&["classify", "-q", "--format", "jsonl", "--prefix", "ours_"], row).expect(0);
    let row = &out.rows()[0];
    assert_eq!(
        (&row["label"], row["ours_label"].is_string(), row["loss"].is_number()),
        (&json!("positive"), true, true)
    );
    // Its size panicked.
    let folder = folder();
    let path = text(&folder.path().join("least.parquet"));
    let least = "{\"text\": \"good\", \"n\": -9223372036854775808}\n{\"text\": \"bad\", \"n\": 1}\n";
    pipe(&["classify", "-q", "-o", &path], least).expect(0);
    assert_eq!(read_back(&path)[0]["n"], i64::MIN);
    // What JSON in the strict sense cannot hold is null, and the row is JSON.
    let odd = pipe(
        &["classify", "-q", "--format", "jsonl"],
        "{\"text\":\"good\",\"x\":NaN,\"y\":[1,Infinity],\"z\":\"\\ud83d\"}",
    );
    let odd = odd.expect(0).rows().remove(0);
    assert_eq!((&odd["x"], &odd["y"], &odd["z"]), (&Value::Null, &json!([1, null]), &Value::Null));
}

/// Its columns were text, label, score, truncated and error.
#[test]
fn a_table_without_rows_keeps_its_columns() {
    let folder = folder();
    let input = write(&folder, "in.csv", "id,text,n\n");
    let parquet = text(&folder.path().join("out.parquet"));
    for format in ["parquet", "csv", "tsv"] {
        let path = text(&folder.path().join(format!("out.{format}")));
        run(&["classify", "-q", "-i", &input, "-o", &path]).expect(0);
        let names = pipe(&["evaluate", "-i", &path, "--text-column", "text", "--label-column", "none"], "").expect(2);
        names.says(&["the columns are id, text, n, label, score, truncated, error"]);
    }
    // Nor does a shard lose them that has none of the rows.
    let one = write(&folder, "one.csv", "id,text,n\n1,good,2\n");
    for shard in ["0/3", "1/3"] {
        let shard = run(&["classify", "-q", "-i", &one, "--format", "csv", "--shard", shard]).expect(0).stdout;
        assert_eq!(shard, "id,text,n,label,score,truncated,error\n");
    }
    let typed = run(&["classify", "-q", "-i", &parquet, "--format", "csv", "--prefix", "p_"]).expect(0).stdout;
    assert_eq!(typed, "id,text,n,label,score,truncated,error,p_label,p_score,p_truncated,p_error\n");
}

/// Two columns of one name were written, and into Parquet a table that nobody reads.
#[test]
fn a_late_column_meets_no_other() {
    let folder = folder();
    let rows = "{\"text\": \"good\", \"input_label\": 1}\n\
                {\"text\": \"bad\", \"label\": \"negative\", \"input_label\": 2, \"input_input_label\": 3}\n";
    let input = write(&folder, "in.jsonl", rows);
    let parquet = text(&folder.path().join("out.parquet"));
    run(&["classify", "-q", "-i", &input, "-o", &parquet]).expect(0);
    let jsonl = run(&["classify", "-q", "-i", &input, "--format", "jsonl"]).expect(0).rows();
    for row in [&jsonl[1], &read_back(&parquet)[1]] {
        let [first, second, third] =
            ["input_label", "input_input_label", "input_input_input_label"].map(|name| &row[name]);
        assert_eq!((first, second, third), (&json!(2), &json!("negative"), &json!(3)), "{row}");
        assert_eq!(row["label"], "negative");
    }
}

/// What was found while the file was made of its rows was said of files alone.
#[test]
fn a_table_that_is_piped_says_what_it_found() {
    let folder = folder();
    let input = write(&folder, "in.jsonl", "{\"text\": \"good\", \"x\": 1}\n{\"text\": \"bad\", \"x\": \"y\"}\n");
    let out = fs::File::create(folder.path().join("out.parquet")).unwrap();
    let child = command(&["classify", "-i", &input, "--format", "parquet"]).stdout(out).stderr(Stdio::piped()).spawn();
    let ended = child.expect("the binary starts").wait_with_output().expect("it ends");
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success() && said.contains("\"x\" has values of several kinds"), "{said}");
    assert_eq!(read_back(&text(&folder.path().join("out.parquet"))).len(), 2);
}

#[test]
fn columns_are_chosen() {
    let fields =
        |fields: &str| pipe(&["classify", "-q", "--format", "csv", "--fields", fields], format!("{FANTASTIC}\n"));
    let run = fields("label,text,score_*,logit_negative,label_2").expect(0);
    let header = "label,text,score_negative,score_neutral,score_positive,logit_negative,label_2\npositive,";
    assert!(run.stdout.starts_with(header), "{run:#?}");
    assert_eq!(fields("text,label,tokens").expect(0).stdout, format!("text,label,tokens\n{FANTASTIC},positive,8\n"));
    fields("nonsense").expect(2).says(&["there is no column \"nonsense\"", "label, score", "the input has text"]);
    fields("labels").expect(2).says(&["several labels may hold"]);
    fields("label,label").expect(2).says(&["label is asked for twice"]);
    // Two columns of one name were written.
    let double = pipe(&["classify", "-q", "--format", "csv", "--prefix", ""], "{\"text\": \"good\", \"score\": 1}\n");
    double.expect(2).says(&["the input has a column \"score\"", "needs a prefix"]);
    run_text(&["--fields", "label"]).says(&["--fields are columns of a table"]);
}

fn run_text(arguments: &[&str]) -> Run {
    pipe(&[&["classify", "-q"], arguments].concat(), "good\n").expect(2)
}

#[test]
fn labels_of_which_several_hold_have_thresholds() {
    let (model, _) = super::golden("bert-multilabel");
    let labels = |threshold: &[&str]| {
        let arguments = ["classify", "-q", "-m", &model, "--format", "jsonl", "--fields", "labels,score_*"];
        pipe(&[&arguments[..], threshold].concat(), "good\n").expect(0).rows().remove(0)
    };
    let all = labels(&["--threshold", "0"]);
    let count = all["labels"].as_array().expect("a list").len();
    assert!(count > 1);
    assert_eq!(labels(&["--threshold", "1"])["labels"], json!([]));
    let usual = labels(&[]);
    let scores =
        usual.as_object().unwrap().iter().filter_map(|(name, score)| Some((name.strip_prefix("score_")?, score)));
    let mut holding: Vec<&str> = scores.filter(|(_, score)| score.as_f64() > Some(0.5)).map(|(name, _)| name).collect();
    let mut listed: Vec<&str> = usual["labels"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    holding.sort();
    listed.sort();
    assert_eq!(holding, listed);
    let one = format!("{}=0", all["labels"][0].as_str().unwrap());
    assert_eq!(labels(&["--threshold", "1", "--threshold", &one])["labels"], json!([all["labels"][0]]));
    run_text(&["--threshold", "0.3"]).says(&["--threshold: only labels that hold each on its own"]);
}

#[test]
fn a_file_is_whole_or_not_there() {
    let folder = folder();
    let input = write(&folder, "in.txt", format!("{FANTASTIC}\n"));
    let path = text(&folder.path().join("out.csv"));
    run(&["classify", "-q", "-i", &input, "-o", &path]).expect(0);
    let before = fs::read(&path).unwrap();
    run(&["classify", "-q", "-i", &input, "-o", &path]).expect(2).says(&["is there already", "--overwrite"]);
    let again = run(&["classify", "-q", "-i", &input, "-o", &path, "--resume"]).expect(0);
    again.says(&["whole already"]);
    let said = run(&["classify", "-i", &input, "-o", &path, "--overwrite"]).expect(0);
    said.says(&["1 rows in", "written to ", "out.csv"]);
    assert_eq!(fs::read(&path).unwrap(), before);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    run(&["classify", "x", "-o", text(folder.path()).as_str()]).expect(2).says(&["is a folder"]);
    run(&["classify", "x", "-o", "/nonexistent/a.csv"]).expect(2).says(&["cannot write /nonexistent/a.csv.partial"]);
    run(&["classify", "x", "-o", &path.replace(".csv", ".xlsx")]).expect(2).says(&["does not tell the format"]);
}

/// Waits until a run has noted how far it is.
pub fn wait_for(path: &Path) {
    let started = Instant::now();
    while !path.exists() {
        assert!(started.elapsed() < Duration::from_secs(300), "{} never came", path.display());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let folder = folder();
    let input = write(&folder, "in.jsonl", rows(900));
    for format in FORMATS {
        let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(format!("{name}.{format}")));
        let classify = ["classify", "-q", "-i", &input, "--batch-tokens", "600", "-o"];
        let noted = folder.path().join(format!("killed.{format}.partial.json"));
        let start = |more: &[&str]| -> Command { command(&[&classify[..], &[&text(&killed)], more].concat()) };
        let mut child = start(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
        wait_for(&noted);
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        if !killed.exists() {
            // Half of a row may be behind what was noted.
            finish(start(&[]), Vec::new()).expect(2).says(&["was stopped", "--resume goes on with it"]);
            let other = finish(start(&["--resume", "--top-k", "2"]), Vec::new()).expect(2);
            other.says(&["another --top-k"]);
            let earlier = fs::read_to_string(&input).unwrap();
            fs::write(&input, earlier.replacen("fantastic", "awful", 1)).unwrap();
            finish(start(&["--resume"]), Vec::new()).expect(2).says(&["are not those that were answered"]);
            fs::write(&input, earlier).unwrap();
        }
        finish(start(&["--resume"]), Vec::new()).expect(0);
        run(&[&classify[..], &[&text(&whole)]].concat()).expect(0);
        assert!(fs::read(&whole).unwrap() == fs::read(&killed).unwrap(), "{format}");
        assert!(!noted.exists() && !folder.path().join(format!("killed.{format}.partial")).exists());
    }
}

#[test]
#[cfg(unix)]
fn a_signal_ends_a_run_behind_what_is_under_way() {
    let folder = folder();
    let input = write(&folder, "in.jsonl", rows(100_000));
    let path = text(&folder.path().join("out.jsonl"));
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut child = command(&["classify", "-i", &input, "-o", &path, "--overwrite"]);
        let child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        wait_for(&folder.path().join("out.jsonl.partial.json"));
        assert!(Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap().success());
        let ended = child.wait_with_output().expect("it ends");
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(code), "{said}");
        assert!(said.contains("rows are answered") && said.contains("--resume goes on"), "{said}");
        let partial = fs::read_to_string(folder.path().join("out.jsonl.partial")).unwrap();
        assert!(partial.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && partial.ends_with('\n'));
        fs::remove_file(folder.path().join("out.jsonl.partial.json")).unwrap();
    }
    // A document on standard output is whole.
    let mut child = command(&["classify", "-q", "-i", &input, "--format", "json"]);
    let out = fs::File::create(folder.path().join("document")).unwrap();
    let mut child = child.stdout(out).stderr(Stdio::null()).spawn().expect("the binary starts");
    let started = Instant::now();
    while fs::metadata(folder.path().join("document")).unwrap().len() < 1000 {
        assert!(started.elapsed() < Duration::from_secs(300));
        thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let document: Value = serde_json::from_slice(&fs::read(folder.path().join("document")).unwrap()).unwrap();
    assert_eq!(document["error"], "stopped by a signal");
}

#[test]
fn shards_joined_are_the_whole() {
    let folder = folder();
    let input = write(&folder, "in.jsonl", rows(101) + "\n" + &rows(3));
    let classify = ["classify", "-q", "-i", &input, "--format", "jsonl", "--fields", "*,index,label,score"];
    let whole = run(&classify).expect(0).stdout;
    let mut shards: Vec<(usize, String)> = Vec::new();
    for shard in [5, 0, 7, 1, 2, 6, 4, 3] {
        let run = run(&[&classify[..], &["--shard", &format!("{shard}/8")]].concat()).expect(0);
        shards.push((shard, run.stdout));
    }
    shards.sort();
    assert_eq!(shards.into_iter().map(|(_, rows)| rows).collect::<String>(), whole);
    let some = run(&[&classify[..], &["--limit", "5"]].concat()).expect(0);
    assert_eq!(some.lines(), whole.lines().take(5).collect::<Vec<_>>());
    run(&["classify", "--shard", "0/2", "text"]).expect(2).says(&["--shard needs files"]);
}

#[test]
fn long_texts_are_read_in_windows() {
    let long = "good ".repeat(100) + &"terrible ".repeat(100);
    let score = |arguments: &[&str]| {
        let fields =
            ["classify", "-q", "--max-length", "64", "--format", "jsonl", "--fields", "label,truncated,windows,tokens"];
        pipe(&[&fields[..], arguments].concat(), long.clone()).expect(0).rows().remove(0)
    };
    assert_eq!(score(&[])["label"], "positive");
    assert_eq!(score(&["--truncation", "cut-left"])["label"], "negative");
    let windows = score(&["--truncation", "windows", "--stride", "8"]);
    assert!(windows["windows"].as_u64() > Some(3) && windows["truncated"] == false, "{windows}");
    assert_eq!(score(&["--truncation", "windows", "--windows", "first"])["label"], "positive");
    run_text(&["--stride", "3"]).says(&["--stride is of windows"]);
    run_text(&["--max-length", "513"]).says(&["513"]);
}

#[test]
fn many_warnings_of_a_kind_are_counted() {
    let run = pipe(&["classify", "--format", "jsonl", "--input-format", "jsonl"], "[]\n".repeat(25)).expect(3);
    assert_eq!(run.stderr.matches("warning: standard input").count(), 10, "{run:#?}");
    run.says(&["15 more rows like this", "25 of 25 rows failed"]);
}

#[test]
fn a_pair_stands_on_the_command_line() {
    let pair = run(&["classify", "-q", "good", "--pair", "not -bad", "--format", "jsonl"]).expect(0).rows().remove(0);
    assert_eq!((&pair["text"], &pair["text_pair"]), (&json!("good"), &json!("not -bad")));
    let rows = "{\"text\": \"good\", \"text_pair\": \"not -bad\"}";
    assert_eq!(pipe(&["classify", "-q", "--format", "jsonl"], rows).expect(0).rows()[0], pair);
}

#[test]
fn no_gpu_is_said_and_refused_where_one_is_required() {
    let said = run(&["classify", "good"]).expect(0);
    if said.stderr.contains("no GPU was found") {
        run(&["classify", "--require-gpu", "good"]).expect(2).says(&["no GPU", "--require-gpu refuses"]);
    }
    run(&["classify", "--require-gpu", "--adapter", "reference", "good"])
        .expect(2)
        .says(&["reference computes on the CPU"]);
}
