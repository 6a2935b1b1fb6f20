//! `wgbert explain`: on a terminal, for programs, as a page.

use super::output::wait_for;
use super::{FANTASTIC, TERRIBLE, command, folder, pipe, run, terminal, text, write};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Stdio;

#[test]
fn words_that_moved_an_answer_are_named() {
    let shown = run(&["explain", "-q", FANTASTIC, TERRIBLE, "-k", "1"]).expect(0);
    let lines = shown.lines();
    assert_eq!((lines[0], lines[4]), (FANTASTIC, TERRIBLE), "{shown:#?}");
    assert!(lines[1].starts_with("  positive  0.99") && lines[2].starts_with("  fantastic   +0."), "{shown:#?}");
    assert!(lines[5].starts_with("  negative  0.9") && lines[6].starts_with("  terrible   +0."), "{shown:#?}");
    let other = run(&["explain", "-q", FANTASTIC, "--label", "negative", "--by", "token", "-k", "1"]).expect(0);
    assert!(other.lines()[1].starts_with("  negative  0.00") && other.lines()[2].contains("-0."), "{other:#?}");
    let sentences = run(&["explain", "-q", "It was good. It was bad.", "--by", "sentence"]).expect(0);
    assert!(sentences.lines().iter().any(|line| line.starts_with("  It was good.  ")), "{sentences:#?}");
    run(&["explain", "a", "--label", "great"]).expect(2).says(&["no label is called \"great\"", "negative"]);
    if let Some(shown) = terminal(80, &format!("explain -q '{FANTASTIC}'")) {
        assert!(shown.contains("\u{1b}[38;5;231;48;5;25mfantastic\u{1b}[0m."), "{shown:?}");
    }
}

#[test]
fn explanations_are_json() {
    let asked = ["explain", "-q", "was it good?", "--pair", "yes", "--format", "json", "--attentions"];
    let explained: Value = run(&asked).expect(0).document();
    let one = &explained[0];
    let words: Vec<&str> = one["words"].as_array().unwrap().iter().filter_map(|word| word["text"].as_str()).collect();
    assert_eq!((words, one["texts"].as_array().map(Vec::len)), (vec!["was", "it", "good", "yes"], Some(2)));
    let effects = one["words"][2]["without"]["effects"].as_array().expect("a list");
    assert_eq!((effects.len(), one["labels"].as_array().map(Vec::len)), (3, Some(3)));
    assert!(one["attentions"]["shape"].is_array());
    assert!(one["tokens"][0]["without"].is_null() && one["tokens"][1]["without"].is_object());
}

#[test]
fn a_browser_has_nothing_to_say_about_an_explanation() {
    let (folder, long) = (folder(), "It was not <b>bad</b> at all, but </script> the fox was good & quick. ".repeat(7));
    let path = text(&folder.path().join("explanation.html"));
    run(&["explain", "-q", &long, FANTASTIC, "--max-length", "128", "--html", &path]).expect(0);
    let page = fs::read_to_string(&path).expect("a page");
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    assert_eq!(page.matches("</script>").count(), 2);
    run(&["explain", "-q", "a", "--html", &path]).expect(2).says(&["is there already", "--overwrite"]);
    let (rows, input) = (text(&folder.path().join("rows.html")), write(&folder, "reviews.csv", REVIEWS));
    run(&["explain", "-q", "-i", &input, "--html", &rows]).expect(0);
    super::browser::has_nothing_to_say(&[path, rows]);
}

const REVIEWS: &str = "id,review\n1,This movie was absolutely fantastic.\n2,\"A terrible, TERRIBLE phone <b>\"\n3,\n4,Fantastic acting!\n";

/// The effect of a word in all rows is what its rows say of it, each of which is explained as if it were alone.
#[test]
fn words_that_moved_the_answers_to_a_file() {
    let folder = folder();
    let input = write(&folder, "reviews.csv", REVIEWS);
    let asked = ["explain", "-q", "-i", &input];
    let rows = run(&[&asked[..], &["--format", "jsonl"]].concat()).expect(0).rows();
    let alone: Value = run(&["explain", "-q", FANTASTIC, "--format", "json"]).expect(0).document();
    let best = alone[0]["argmax"].as_u64().expect("a label") as usize;
    let words = alone[0]["words"].as_array().expect("words");
    let first: Vec<&Value> = rows.iter().filter(|row| row["id"] == "1").collect();
    assert_eq!(first.len(), words.len());
    for (row, rank) in first.iter().zip(1..) {
        let place = (row["start"].as_u64(), row["end"].as_u64());
        let is_it = |word: &&Value| (word["place"]["start"].as_u64(), word["place"]["end"].as_u64()) == place;
        let word = words.iter().find(is_it).expect("it is a word of the text");
        assert_eq!((&row["part"], &row["effect"]), (&word["text"], &word["without"]["effects"][best]));
        assert_eq!((&row["rank"], &row["part_of"], &row["label"]), (&json!(rank), &json!("text"), &json!("positive")));
    }
    let sizes: Vec<f64> = first.iter().map(|row| row["effect"].as_f64().expect("a number").abs()).collect();
    assert!(sizes.is_sorted_by(|one, other| one >= other), "{sizes:?}");
    // A row without words is a row all the same.
    let empty: Vec<&Value> = rows.iter().filter(|row| row["id"] == "3").collect();
    assert!(empty.len() == 1 && empty[0]["part"].is_null() && empty[0]["label"].is_string(), "{empty:?}");

    let summary: Value = run(&[&asked[..], &["--format", "json"]].concat()).expect(0).document();
    assert_eq!((&summary["rows"], &summary["by"], &summary["forgotten"]), (&json!(4), &json!("words"), &json!(0)));
    let parts = summary["parts"].as_array().expect("parts");
    for (part, label, of_rows, times) in [("fantastic", "positive", 2, 2), ("terrible", "negative", 1, 2)] {
        let found = parts.iter().find(|found| found["part"] == part && found["label"] == label).expect("it is there");
        assert_eq!((&found["rows"], &found["times"]), (&json!(of_rows), &json!(times)));
        let is_it = |row: &&Value| row["part"].as_str().is_some_and(|text| text.to_lowercase() == part);
        let sum: f64 = rows.iter().filter(is_it).map(|row| row["effect"].as_f64().expect("a number")).sum();
        assert!((found["total_effect"].as_f64().expect("a number") - sum).abs() < 1e-6, "{found} {sum}");
        assert!((found["mean_effect"].as_f64().expect("a number") - sum / f64::from(times)).abs() < 1e-6);
    }
    let totals: Vec<f64> = parts.iter().map(|part| part["total_effect"].as_f64().expect("a number").abs()).collect();
    assert!(totals.is_sorted_by(|one, other| one >= other), "{totals:?}");

    let shown = run(&[&asked[..], &["-k", "2"]].concat()).expect(0);
    let lines = shown.lines();
    assert!(lines.len() == 4 && lines[0] == "4 rows, and the words that moved their answers most", "{shown:#?}");
    assert!(lines[2].trim_start().starts_with(parts[0]["part"].as_str().expect("a word")), "{shown:#?}");
    let negative = run(&[&asked[..], &["--label", "negative", "--by", "sentence"]].concat()).expect(0);
    assert!(negative.lines()[2..].iter().all(|line| line.contains("  negative  ")), "{negative:#?}");
}

#[test]
fn rows_of_words_are_tables() {
    let folder = folder();
    let pairs = "{\"text\": \"was it good?\", \"text_pair\": \"yes\"}\n{\"text\": null}\n{\"text\": \"Café good\"}\n";
    let asked = ["explain", "-q", "--fields", "index,rank,part,part_of,start,end,score,score_without,effect,error"];
    let found = pipe(&[&asked[..], &["--format", "jsonl"]].concat(), pairs).expect(3);
    found.says(&["line 2: its text is null", "1 of 3 rows failed"]);
    let of = |row: usize| found.rows().into_iter().filter(move |found| found["index"] == row).collect::<Vec<_>>();
    let second = of(0).into_iter().find(|row| row["part"] == "yes").expect("the second text's");
    assert_eq!((&second["part_of"], &second["start"], &second["end"]), (&json!("text_pair"), &json!(0), &json!(3)));
    assert_eq!((of(1).len(), of(1)[0]["error"].is_string()), (1, true));
    let last = of(2).into_iter().find(|row| row["part"] == "good").expect("a word");
    assert_eq!((&last["start"], &last["end"]), (&json!(5), &json!(9)));
    let number = |name: &str| last[name].as_f64().expect("a number");
    assert!((number("score") - number("score_without") - number("effect")).abs() < 1e-6, "{last}");

    let input = write(&folder, "rows.jsonl", pairs);
    let asked = ["explain", "-q", "-i", &input, "-k", "1"];
    for format in ["csv", "parquet", "arrow", "json", "txt"] {
        let path = text(&folder.path().join(format!("out.{format}")));
        let done = run(&[&asked[..], &["-o", &path]].concat()).expect(3);
        assert!(done.stdout.starts_with("2 rows, and the words"), "{done:#?}");
        let written = fs::read(&path).expect("it is whole");
        match format {
            "parquet" => assert_eq!(&written[..4], b"PAR1"),
            "json" => {
                let document: Value = serde_json::from_slice(&written).expect("JSON");
                assert_eq!(document["results"].as_array().map(Vec::len), Some(3));
            }
            "arrow" => assert!(!written.is_empty()),
            _ => {
                assert_eq!(String::from_utf8(written).expect("text").lines().count(), 3 + usize::from(format == "csv"))
            }
        }
    }
    // A text that would take for ever fails in its row.
    let long =
        pipe(&["explain", "-q", "-k", "1", "--format", "jsonl"], format!("{}\nfine\n", "a ".repeat(40_000))).expect(3);
    long.says(&["line 1: it has 40000 parts", "1 of 2 rows failed"]);
    assert!(long.rows()[0]["error"].is_string() && long.rows()[1]["part"] == "fine", "{long:#?}");
    // Whoever writes rows to standard output has no table of words there.
    let straight = run(&[&asked[..], &["-o", "-", "--format", "csv"]].concat()).expect(3);
    assert!(straight.lines().len() == 4 && straight.lines()[0].ends_with("truncated,error"), "{straight:#?}");
    let dry = run(&[&asked[..], &["--dry-run"]].concat()).expect(0);
    assert!(dry.stdout.starts_with("rows     3, of which 1 would fail"), "{dry:#?}");
}

/// To the bytes of a run that nobody stopped; the words are then those of the rows since.
#[test]
fn a_killed_explanation_goes_on() {
    let folder = folder();
    let rows: String = (0..600).map(|row| format!("It was good, and number {row} was not.\n")).collect();
    let input = write(&folder, "rows.txt", rows);
    let [whole, killed] = ["whole", "killed"].map(|name| text(&folder.path().join(format!("{name}.csv"))));
    let asked = ["explain", "-q", "-i", &input, "-k", "3", "--batch-tokens", "600", "-o"];
    let mut child = command(&[&asked[..], &[&killed]].concat());
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
    wait_for(&folder.path().join("killed.csv.partial.json"));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let resume = [&asked[..], &[&killed, "--resume"]].concat();
    run(&[&resume[..], &["--by", "sentence"]].concat()).expect(2).says(&["another --by"]);
    let page = text(&folder.path().join("words.html"));
    run(&[&resume[..], &["--html", &page]].concat()).expect(2).says(&["--html has the words of all rows"]);
    let done = run(&resume).expect(0);
    let seen = done.stdout.split(' ').next().and_then(|rows| rows.parse::<usize>().ok()).expect("rows");
    assert!(0 < seen && seen < 600, "{done:#?}");
    run(&[&asked[..], &[&whole]].concat()).expect(0);
    assert!(fs::read(&whole).unwrap() == fs::read(&killed).unwrap());
    // What is whole already moved nothing.
    let again = run(&resume).expect(0);
    assert!(again.stdout.is_empty(), "{again:#?}");
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let refused = |arguments: &[&str]| pipe(&[&["explain"], arguments].concat(), "a\n").expect(2);
    refused(&["--attentions"]).says(&["--attentions are shown of a TEXT"]);
    refused(&["--truncation", "windows"]).says(&["--truncation windows"]);
    refused(&["a", "--fields", "part"]).says(&["--fields are columns of a table"]);
    refused(&["--fields", "part"]).says(&["--fields are columns of a table"]);
    refused(&["--label-column", "x"]).says(&["--label-column is for"]);
    refused(&["--label", "great"]).says(&["no label is called \"great\""]);
    refused(&["--format", "csv", "--fields", "document"]).says(&["there is no column \"document\"", "part_of"]);
    refused(&["-i", "/nonexistent"]).says(&["/nonexistent"]);
    refused(&["--html", "/nonexistent/a.html"]).says(&["/nonexistent/a.html", "its folder is not there"]);
    refused(&["--html", &text(folder().path())]).says(&["is a folder"]);
    let tokens = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tokens/bert"));
    refused(&["-m", &tokens]).says(&["the model classifies tokens"]);
}
