//! What goes wrong with files: each is said with its name and place, and no row is lost that could be answered.
//!
//! Answers are those of a small model on the CPU: these tests are about files.

use super::{Run, command, finish, folder, golden, text, write};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

const FORMATS: [&str; 6] = ["text", "json", "jsonl", "csv", "tsv", "arrow"];

fn classify(more: &[&str]) -> Command {
    let (model, _) = golden("bert");
    command(&[&["classify", "--adapter", "reference", "-m", &model], more].concat())
}

fn run(more: &[&str]) -> Run {
    finish(classify(more), Vec::new())
}

/// Rows as JSON lines.
fn shown(more: &[&str]) -> Run {
    run(&[&["-q", "--format", "jsonl"], more].concat())
}

fn rows(count: usize) -> String {
    (0..count).map(|row| json!({ "text": format!("good {row}"), "n": row }).to_string() + "\n").collect()
}

/// Bytes of a file that this command writes.
fn made(folder: &tempfile::TempDir, name: &str, rows: usize) -> Vec<u8> {
    let input = write(folder, "made.jsonl", self::rows(rows));
    let path = text(&folder.path().join(format!("made-{name}")));
    run(&["-q", "-i", &input, "-o", &path, "--overwrite", "--fields", "*"]).expect(0);
    fs::read(path).unwrap()
}

/// What `classify` does where no file may be longer than 8 KiB.
fn on_a_full_disk(more: &[&str]) -> Run {
    let (model, _) = golden("bert");
    let mut sh = Command::new("sh");
    sh.args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_wgbert")]);
    sh.args(["classify", "--adapter", "reference", "-m", &model]).args(more);
    sh.env("WGBERT_CACHE_DIR", "").env("WGBERT_SELF_CHECK", "never");
    finish(sh, Vec::new())
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_loses_nothing() {
    let folder = folder();
    let input = write(&folder, "in.jsonl", rows(400));
    for format in ["jsonl", "csv", "parquet"] {
        let [full, whole] = ["full", "whole"].map(|name| text(&folder.path().join(format!("{name}.{format}"))));
        let said = on_a_full_disk(&["-q", "-i", &input, "-o", &full]).expect(2);
        said.says(&["cannot write", &full, "File too large"]);
        assert!(!fs::exists(&full).unwrap());
        run(&["-q", "-i", &input, "-o", &full, "--resume"]).expect(0);
        run(&["-q", "-i", &input, "-o", &whole]).expect(0);
        assert!(fs::read(&full).unwrap() == fs::read(&whole).unwrap(), "{format}");
    }
    for format in FORMATS.into_iter().chain(["parquet"]) {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let child = classify(&["-q", "-i", &input, "--format", format]).stdout(full).stderr(Stdio::piped()).spawn();
        let ended = child.unwrap().wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{format}: {said}");
        assert!(said.contains("cannot write to standard output: No space left"), "{format}: {said}");
        run(&["-q", "-i", &input, "--format", format, "-o", "/dev/full"])
            .expect(2)
            .says(&["cannot write /dev/full: No"]);
    }
    // Whoever is root may write into every folder but this one.
    run(&["good", "-o", "/proc/out.csv"]).expect(2).says(&["cannot write /proc/out.csv.partial"]);
}

/// `| head -1` was an error for CSV and TSV.
#[test]
#[cfg(unix)]
fn a_closed_pipe_ends_every_format_quietly() {
    let folder = folder();
    let input = write(&folder, "in.jsonl", rows(3000));
    for format in FORMATS.into_iter().chain(["parquet"]) {
        let mut command = classify(&["-q", "-i", &input, "--format", format]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let mut first = [0; 1];
        if format != "parquet" {
            child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        }
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), &*String::from_utf8_lossy(&ended.stderr)), (Some(0), ""), "{format}");
    }
}

/// Such an output was replaced by a file.
#[test]
#[cfg(unix)]
fn what_is_no_file_is_written_straight_into() {
    let folder = folder();
    let input = write(&folder, "in.jsonl", rows(70));
    for format in FORMATS.into_iter().chain(["parquet"]) {
        run(&["-q", "-i", &input, "--format", format, "-o", "/dev/null"]).expect(0);
        let pipe = text(&folder.path().join("pipe"));
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        let mut child = classify(&["-q", "-i", &input, "--format", format, "-o", &pipe]).spawn().expect("it starts");
        let piped = fs::read(&pipe).unwrap();
        assert!(child.wait().unwrap().success(), "{format}");
        let direct = classify(&["-q", "-i", &input, "--format", format]).output().unwrap();
        assert!(piped == direct.stdout && !piped.is_empty(), "{format}");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
        fs::remove_file(&pipe).unwrap();
    }
    run(&["good", "-o", "/dev/null", "--format", "csv", "--resume"]).expect(2).says(&["/dev/null: is no regular file"]);
    use std::os::unix::fs::FileTypeExt;
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn an_output_is_neither_an_input_nor_anothers_output() {
    let folder = folder();
    let input = write(&folder, "in.jsonl", rows(2));
    run(&["-i", &input, "-o", &input, "--overwrite"]).expect(2).says(&["in.jsonl: is the input and the output"]);
    let whole = text(folder.path());
    run(&["-i", &whole, "-o", &format!("{whole}/in.jsonl"), "--overwrite"])
        .expect(2)
        .says(&["the input and the output"]);
    assert_eq!(fs::read_to_string(&input).unwrap(), rows(2));

    let output = text(&folder.path().join("out.csv"));
    let mut first = classify(&["-q", "-i", "-", "-o", &output]);
    let mut first = first.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let partial = folder.path().join("out.csv.partial");
    while !partial.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    for more in [None, Some("--resume"), Some("--overwrite")] {
        let second = [&["-i", &input, "-o", &output][..], more.as_slice()].concat();
        run(&second).expect(2).says(&["out.csv: another run is writing it"]);
    }
    first.stdin.take().unwrap().write_all(b"good\n").unwrap();
    assert!(first.wait().unwrap().success());
    assert!(fs::read_to_string(&output).unwrap().starts_with("text,label,score,truncated,error\ngood,"));
}

/// A mistake in a command left an empty file behind, and the next command was refused because of it.
#[test]
fn a_run_that_answered_nothing_leaves_nothing() {
    let folder = folder();
    let output = text(&folder.path().join("out.csv"));
    let broken = write(&folder, "in.csv", "a,b\n1,2\n");
    run(&["-i", &broken, "-o", &output]).expect(2);
    command(&["classify", "-m", "/nonexistent", "good", "-o", &output]).output().unwrap();
    run(&["good", "-o", &output]).expect(0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// What is before a fault was lost where it came with it in one chunk.
#[test]
fn rows_before_a_fault_are_answered() {
    let folder = folder();
    let check = |name: &str, bytes: &[u8], answered: usize, words: &[&str]| {
        let path = write(&folder, name, bytes);
        let run = shown(&["-i", &path]).expect(2);
        assert_eq!(run.rows().len(), answered, "{run:#?}");
        run.says(&[&[name][..], words].concat());
    };
    check(
        "a.json",
        br#"[{"text": "good"}, {"text": "bad"}, {"text": ]}, {"text": "x"}]"#,
        2,
        &["element 3", "no JSON"],
    );
    check("cut.json", br#"[{"text": "good"}, {"text": "bad"#, 1, &["element 2", "ends within an element"]);
    check("a.csv", b"n,text\n1,good\n2,\"never\n3,closed\n", 1, &["line 3", "a quote that is never closed"]);
    let pack = |name: &str, bytes: &[u8]| {
        let path = write(&folder, "plain", bytes);
        let (tool, end) = if name.ends_with("gz") { ("gzip", "gz") } else { ("zstd", "zst") };
        assert!(Command::new(tool).args(["-qf", "-k", &path]).status().is_ok_and(|status| status.success()), "{tool}");
        fs::read(format!("{path}.{end}")).unwrap()
    };
    // What is random is not compressed, and so is not all in the last block.
    let noise: String = (0..5_000u64).map(|n| format!("good {}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let packed = pack("a.gz", noise.as_bytes());
    let path = write(&folder, "lines.txt.gz", &packed[..packed.len() / 4]);
    let run = shown(&["-i", &path]);
    assert!(run.code == Some(2) && run.rows().len() > 500, "{run:#?}");
    run.says(&["lines.txt.gz"]);
    let stream = made_stream();
    let cut = &stream[..stream.len() - 100];
    check("cut.arrows", cut, 128, &["row 129", "cut short"]);
    let packed = pack("a.gz", cut);
    // The end of what is compressed was taken for the end of the stream.
    check("cut.arrows.gz", &packed[..packed.len() - 4], 128, &["row 129"]);
    let unmarked = write(&folder, "unmarked.arrows", &stream[..stream.len() - 8]);
    let run = self::run(&["--format", "jsonl", "-i", &unmarked]).expect(0);
    run.says(&["the Arrow stream ends without saying so"]);
    assert_eq!(run.rows().len(), 192);
}

/// A stream of batches of 64 rows.
fn made_stream() -> Vec<u8> {
    let folder = folder();
    let lines: String = (0..192).map(|row| format!("text {row}\n")).collect();
    let path = write(&folder, "lines.txt", lines);
    classify(&["-q", "--format", "arrow", "--fields", "*", "-i", &path]).output().expect("it starts").stdout
}

#[test]
fn a_broken_row_fails_alone() {
    let folder = folder();
    let check = |name: &str, bytes: &[u8], labels: &[bool], words: &[&str]| {
        let path = write(&folder, name, bytes);
        let run = shown(&["-i", &path]).expect(3);
        let answered: Vec<bool> = run.rows().iter().map(|row| row["label"].is_string()).collect();
        assert_eq!(answered, labels, "{run:#?}");
        run.says(words);
    };
    check(
        "a.jsonl",
        b"{\"text\": \"good\"}\n{\"text\": \"go\n{\"text\": \"bad\"}\n",
        &[true, false, true],
        &["line 2"],
    );
    check(
        "a.jsonl",
        b"{\"text\": \"a \\ud83d\"}\n{\"text\": \"b\", \"x\": \"\\ud83d\"}\n",
        &[false, true],
        &["surrogate"],
    );
    check("nul.txt", b"a\0b\n\xff\n\0\n", &[true, false, true], &["line 2", "not UTF-8"]);
    check(
        "a.csv",
        b"n,text\n1,good\n2\n3,bad,4\n\n5,fine\n",
        &[true, false, false, true],
        &["line 3", "1 columns", "line 4"],
    );
    check(
        "a.tsv",
        b"n\ttext\n1\tgood\n2\n3\tbad\t4\n\n5\tfine\n",
        &[true, false, false, true],
        &["line 3", "1 columns"],
    );
}

#[test]
fn damaged_tables_are_named() {
    let folder = folder();
    for name in ["x.parquet", "x.arrow"] {
        let whole = made(&folder, name, 100);
        let half = write(&folder, name, &whole[..whole.len() / 2]);
        shown(&["-i", &half]).expect(2).says(&[name, "cut short"]);
        let mut flipped = whole.clone();
        flipped[whole.len() / 3] ^= 0xff;
        flipped[whole.len() / 3 + 1] ^= 0xff;
        let path = write(&folder, name, &flipped);
        let run = shown(&["-i", &path]);
        // Text has no checksum in Arrow.
        assert!(run.code == Some(0) && name == "x.arrow" || run.code == Some(2), "{run:#?}");
    }
    // Sizes that nobody has memory for ended the process.
    let mut huge = made_stream();
    let length = u32::from_le_bytes(huge[4..8].try_into().unwrap()) as usize + 8;
    let batch = &mut huge[length..];
    for place in 8..batch.len().min(400) - 8 {
        // The length of the first batch's body is a number of 64 bits, and the only one of that size.
        let number = i64::from_le_bytes(batch[place..place + 8].try_into().unwrap());
        if (512..100_000).contains(&number) && number % 64 == 0 {
            batch[place..place + 8].copy_from_slice(&(1i64 << 45).to_le_bytes());
        }
    }
    let path = write(&folder, "huge.arrows", &huge);
    shown(&["-i", &path]).expect(2).says(&["huge.arrows", "cannot be read"]);
}

#[test]
fn names_of_columns_are_any() {
    let folder = folder();
    let csv = write(&folder, "a.csv", "text,n,text\ngood,1,bad\n");
    shown(&["-i", &csv]).expect(2).says(&["a.csv", "several columns are called \"text\"", "1, 3"]);
    shown(&["-i", &csv, "--text-column", "text"]).expect(2).says(&["name one by its number"]);
    let run = run(&["--format", "jsonl", "-i", &csv, "--text-column", "3", "--fields", "*"]).expect(0);
    assert_eq!(run.stdout, "{\"text\":\"good\",\"n\":\"1\",\"text.1\":\"bad\"}\n");
    run.says(&["called text.1"]);
    let two = write(&folder, "two.csv", "Text,TEXT\ngood,bad\n");
    shown(&["-i", &two]).expect(2).says(&["several columns are called \"text\""]);

    let names = ["", "a\nb", "q\"q", "t\tt", "ünï, ;", "text"];
    let row: serde_json::Map<String, Value> = names.iter().map(|name| (name.to_string(), json!("good"))).collect();
    let input = write(&folder, "odd.jsonl", Value::Object(row).to_string());
    for format in ["jsonl", "csv", "tsv", "parquet", "arrow"] {
        let path = text(&folder.path().join(format!("odd-out.{format}")));
        self::run(&["-q", "-i", &input, "-o", &path, "--fields", "*"]).expect(0);
        let read = shown(&["-i", &path, "--text-column", "text", "--fields", "*"]).expect(0).rows().remove(0);
        let mut wanted = names.map(String::from);
        wanted.sort();
        assert_eq!(read.as_object().unwrap().keys().cloned().collect::<Vec<_>>(), wanted, "{format}");
        assert!(read.as_object().unwrap().values().all(|value| value == "good"), "{format}");
    }
}

/// Each row of them took a second.
#[test]
fn ten_thousand_columns_are_read_and_written() {
    let folder = folder();
    let names: Vec<String> = (0..10_000).map(|column| format!("column {column}")).collect();
    let row: Vec<String> = (0..10_000).map(|column| column.to_string()).collect();
    let table = format!("text,{}\n", names.join(",")) + &format!("good,{}\n", row.join(",")).repeat(5);
    let mut input = write(&folder, "in.csv", table);
    for format in ["jsonl", "csv", "parquet", "arrow"] {
        let path = text(&folder.path().join(format!("out.{format}")));
        run(&["-q", "-i", &input, "-o", &path, "--fields", "*"]).expect(0);
        input = path;
    }
    let rows = shown(&["-i", &input, "--fields", "*"]).expect(0).rows();
    assert_eq!((rows.len(), &rows[4]["column 9999"]), (5, &json!("9999")));
}

#[test]
fn empty_files_have_no_rows() {
    let folder = folder();
    for name in ["a.txt", "a.jsonl", "a.json", "a.csv", "a.tsv"] {
        let path = write(&folder, name, "");
        let run = run(&["--format", "csv", "-i", &path]).expect(0);
        assert_eq!(run.stdout, "text,label,score,truncated,error\n", "{name}");
    }
    for name in ["a.parquet", "a.arrow"] {
        let path = write(&folder, name, "");
        shown(&["-i", &path]).expect(2).says(&[name, "cannot be read"]);
        let whole = made(&folder, name, 0);
        let path = write(&folder, name, whole);
        assert_eq!(shown(&["-i", &path]).expect(0).stdout, "");
    }
    for (name, header) in [("a.csv", "n,text\n"), ("a.tsv", "n\ttext"), ("a.json", "[]"), ("a.jsonl", "\n\n")] {
        let path = write(&folder, name, header);
        assert_eq!(shown(&["-i", &path]).expect(0).stdout, "", "{name}");
    }
    let packed = write(&folder, "a.csv.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(shown(&["-i", &packed]).expect(0).stdout, "");
}

#[test]
fn a_folder_of_everything_is_read_in_order() {
    let folder = folder();
    write(&folder, "a.csv", "text\ngood\n");
    write(&folder, "b.txt", "not of a known name\n");
    write(&folder, "c.jsonl", "{\"text\": \"fine\"}\n");
    write(&folder, "d.tsv", "n\ttext\n1\tbad\n");
    fs::create_dir(folder.path().join("e.csv")).unwrap();
    let inputs = folder.path().join("z.parquet");
    let other = super::folder();
    fs::write(inputs, made(&other, "z.parquet", 1)).unwrap();
    let rows = shown(&["-i", &text(folder.path()), "--fields", "*"]).expect(0).rows();
    assert_eq!(rows.iter().map(|row| row["text"].clone()).collect::<Vec<_>>(), ["good", "fine", "bad", "good 0"]);
    write(&folder, "d.tsv", "a\tb\n1\t2\n");
    let stopped = shown(&["-i", &text(folder.path())]).expect(2);
    assert_eq!(stopped.rows().len(), 2);
    stopped.says(&["d.tsv", "the columns are a, b"]);
}

/// A file of 2 GiB without a line break, of which a disk has nothing.
#[test]
#[cfg(target_os = "linux")]
fn an_endless_line_takes_little_memory() {
    use wait4::Wait4;
    let folder = folder();
    for (name, bytes) in [("endless.txt", 1 << 31), ("endless.csv", 1 << 28)] {
        let path = folder.path().join(name);
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(b"text\n").unwrap();
        file.set_len(bytes).unwrap();
        let mut command = classify(&["-q", "--format", "jsonl", "-i", &text(&path)]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let rows: Vec<String> = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap).collect();
        let ended = child.wait4().expect("it ends");
        assert!(rows.last().unwrap().contains("is longer than 16 MiB"), "{name}: {rows:?}");
        assert_eq!(ended.status.code(), Some(3), "{name}");
        assert!(ended.rusage.maxrss < 512 << 20, "{name}: {} MiB", ended.rusage.maxrss >> 20);
    }
}
