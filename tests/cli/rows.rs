//! Tables that people have, read as what they are.

use super::{FANTASTIC, Run, TERRIBLE, pipe, run};
use std::fs;
use std::path::PathBuf;

fn labels(run: &Run) -> Vec<String> {
    run.rows().iter().map(|row| row["label"].as_str().unwrap_or("an error").to_string()).collect()
}

fn file(folder: &tempfile::TempDir, name: &str, contents: impl AsRef<[u8]>) -> String {
    let path: PathBuf = folder.path().join(name);
    fs::write(&path, contents).expect("a file can be written");
    path.to_str().expect("a path").into()
}

/// Its user saw 22 % wrong labels, as each line was classified with its braces and keys.
#[test]
fn jsonl_that_is_piped_in_is_not_lines() {
    let rows = format!("{{\"text\": \"{FANTASTIC}\"}}\n{{\"text\": \"{TERRIBLE}\"}}\n");
    let run = pipe(&["classify", "--quiet", "--format", "jsonl"], rows.clone()).expect(0);
    assert_eq!(labels(&run), ["positive", "negative"]);
    assert_eq!(run.stderr, "");
    let lines = pipe(&["classify", "--format", "jsonl", "--fields", "all", "--input-format", "lines"], rows).expect(0);
    lines.says(&["note: standard input looks like jsonl, and each line of it is read as a text"]);
}

/// Its user saw 10 % wrong labels, as all columns were classified together.
#[test]
fn a_tsv_file_has_columns() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = format!("id\tsentence\tstars\nx1\t{FANTASTIC}\t5\nx2\t{TERRIBLE}\t1\n");
    let path = file(&folder, "reviews.tsv", &table);
    let run =
        run(&["classify", "--input", &path, "--format", "jsonl", "--fields", "all", "--id-column", "id"]).expect(0);
    assert_eq!(labels(&run), ["positive", "negative"]);
    assert_eq!(run.rows().iter().map(|row| row["id"].clone()).collect::<Vec<_>>(), ["x1", "x2"]);
    run.says(&["note: texts are the column \"sentence\""]);
    let piped = pipe(&["classify", "--format", "jsonl", "--fields", "all"], table).expect(0);
    piped.says(&["looks like tsv"]);
}

/// It was refused.
#[test]
fn what_powershell_writes_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = format!("\u{feff}id\ttext\r\nx1\t{FANTASTIC}\r\nx2\t{TERRIBLE}\r\n");
    let path = file(&folder, "reviews.tsv", table.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    let run = run(&["classify", "-q", "--input", &path, "--format", "jsonl"]).expect(0);
    assert_eq!((labels(&run), &run.rows()[1]["id"]), (vec!["positive".into(), "negative".into()], &"x2".into()));
    assert_eq!(run.stderr, "");
}

#[test]
fn a_table_without_a_header_has_the_names_that_it_is_given() {
    let table = format!("{FANTASTIC}\t2,5\ta\n{TERRIBLE}\t0\tb\n");
    let named = ["classify", "-q", "--input-format", "tsv", "--column-names", "text,emotions,id"];
    let run = pipe(&[&named[..], &["--format", "csv"]].concat(), table).expect(0);
    assert!(run.stdout.starts_with("text,emotions,id,label,score,truncated,error\n"), "{run:#?}");
    assert_eq!(run.lines().len(), 3);
}

#[test]
fn files_of_many_kinds_are_one_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = file(&folder, "a.csv", format!("n,text\n1,\"{FANTASTIC}\"\n2\n3,{TERRIBLE}\n"));
    let json = file(&folder, "b.json", format!("[\"{FANTASTIC}\", {{\"text\": null}}]"));
    let run = run(&["classify", "-i", &csv, "-i", &json, "--format", "jsonl", "--fields", "all"]).expect(3);
    assert_eq!(labels(&run), ["positive", "an error", "negative", "positive", "an error"]);
    let indices: Vec<_> = run.rows().iter().map(|row| row["index"].clone()).collect();
    assert_eq!(indices, [0, 1, 2, 3, 4]);
    run.says(&["a.csv, line 3: the row has 1 columns", "b.json, element 2: its text is null", "2 of 5 rows failed"]);
    let whole = super::run(&["classify", "-i", folder.path().to_str().unwrap(), "--null", "skip"]).expect(3);
    assert_eq!(whole.lines().len(), 4);
}

#[test]
fn labels_of_a_table_are_asked_for() {
    let table = format!("text,label\n{FANTASTIC},wonderful\n");
    let arguments = ["classify", "--format", "jsonl", "--fields", "all", "--input-format", "csv"];
    let run = pipe(&arguments, table.clone()).expect(0);
    assert!(run.rows()[0].get("loss").is_none());
    let asked = pipe(&[&arguments[..], &["--label-column", "label"]].concat(), table).expect(3);
    asked.says(&["no label is called \"wonderful\""]);
    let right = format!("text,gold\n{FANTASTIC},positive\n");
    let right = pipe(&[&arguments[..], &["--label-column", "gold"]].concat(), right).expect(0);
    assert!(right.rows()[0]["loss"].is_number());
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let parquet = file(&folder, "a.parquet", b"PAR1\0\0\0\0PAR1");
    run(&["classify", "--input", &parquet]).expect(2).says(&["a.parquet: cannot be read"]);
    let csv = file(&folder, "a.csv", "a,b\n1,2\n");
    run(&["classify", "--input", &csv]).expect(2).says(&["the columns are a, b"]);
    let column = ["classify", "--input", &csv, "--text-column", "c"];
    run(&column).expect(2).says(&["there is no column \"c\"; the columns are a, b"]);
    run(&["classify", "--input", "-", "-i", &csv]).expect(2).says(&["standard input alone"]);
}
