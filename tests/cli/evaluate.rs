//! `wgbert evaluate`: its figures are those of tests/evaluation.rs, and here are its ways in and out.

use super::{FANTASTIC, OKAY, TERRIBLE, folder, pipe, run, text, write};
use serde_json::Value;
use std::fs;

fn close(value: &Value, expected: f64) {
    assert!(value.as_f64().is_some_and(|value| (value - expected).abs() < 1e-9), "{value} is not {expected}");
}

#[test]
fn answers_are_compared_with_a_column_of_labels() {
    let folder = folder();
    let table = format!("gold,review\ngood,{FANTASTIC}\nbad,{TERRIBLE}\nbad,{FANTASTIC}\n,{OKAY}\n");
    let path = write(&folder, "dev.csv", table);
    let [page, json] = ["dev.html", "dev.json"].map(|name| text(&folder.path().join(name)));
    let evaluate = ["evaluate", "-i", &path, "--label-column", "gold"];
    let map = ["--label-map", "good=positive,bad=negative"];
    let shown = run(&[&evaluate[..], &map, &["--html", &page]].concat()).expect(0);
    assert!(shown.stdout.contains("accuracy") && shown.stdout.contains("0.6667"), "{shown:#?}");
    shown.says(&["4 rows in"]);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!") && page.contains("dev.csv") && !page.contains("http://"), "a page of its own");
    run(&[&evaluate[..], &map, &["-q", "-o", &json]].concat()).expect(0);
    let figures: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    close(&figures["accuracy"], 2.0 / 3.0);
    assert_eq!((&figures["rows"]["scored"], &figures["rows"]["unlabelled"]), (&3.into(), &1.into()), "{figures}");
    assert_eq!(figures["mistakes"][0]["text"], FANTASTIC);
    run(&[&evaluate[..], &map, &["-o", &json]].concat()).expect(2).says(&["is there already", "--overwrite"]);
}

#[test]
fn labels_that_the_model_has_not_are_named_before_anything_is_computed() {
    let folder = folder();
    let path = write(&folder, "dev.jsonl", format!("{{\"text\": \"{OKAY}\", \"label\": \"joy\"}}\n"));
    let failed = run(&["evaluate", "-i", &path]).expect(2);
    failed.says(&["joy", "negative", "neutral", "positive", "--label-map DATA=MODEL"]);
    assert_eq!(failed.stdout, "");
    let unused = run(&["evaluate", "-i", &path, "--label-map", "joy=positive,joi=positive"]).expect(0);
    unused.says(&["no row has the label \"joi\""]);
    run(&["evaluate", "-i", &path, "--label-map", "joy=happy"]).expect(2).says(&["--label-map", "happy"]);
    let columns = write(&folder, "dev.csv", "a,text\n1,x\n");
    run(&["evaluate", "-i", &columns]).expect(2).says(&["no column \"label\"", "a, text"]);
    pipe(&["evaluate"], "good\n").expect(2).says(&["no row has a label", "--label-column"]);
}

#[test]
fn rows_with_several_right_labels_are_counted_apart() {
    let table = format!("{FANTASTIC}\t3\tx\n{TERRIBLE}\t0,2\ty\n{OKAY}\t1,3\tz\n");
    let arguments = [
        "evaluate",
        "--input-format",
        "tsv",
        "--no-header",
        "--text-column",
        "1",
        "--label-column",
        "2",
        "--id-column",
        "3",
        "--label-separator",
        ",",
        "--label-map",
        "0=neutral,1=negative,2=neutral,3=positive",
        "--format",
        "json",
    ];
    let run = pipe(&arguments, table).expect(0);
    run.says(&["for 1 rows several labels are right"]);
    let figures = run.document();
    close(&figures["accuracy"], 0.5);
    assert_eq!((&figures["rows"]["scored"], &figures["rows"]["unlabelled"]), (&2.into(), &1.into()));
    assert!(figures["mistakes"][0]["name"].as_str().is_some_and(|name| name.ends_with("line 2 (\"y\")")), "{figures}");
}

#[test]
fn rows_with_a_label_that_is_none_of_the_models_are_counted_apart() {
    let map = text(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/goemotions.json"));
    let table = format!("{FANTASTIC}\t0,13\n{TERRIBLE}\t6\n{OKAY}\t27,22\n{TERRIBLE}\t3\n{OKAY}\t27,4\n");
    let arguments =
        ["evaluate", "--input-format", "tsv", "--column-names", "text,emotions", "--label-column", "emotions"];
    let run =
        pipe(&[&arguments[..], &["--label-separator", ",", "--label-map", &map, "--format", "json"]].concat(), table);
    let run = run.expect(0);
    run.says(&["for 2 rows a label is right that is none of the model's", "for 1 rows several labels are right"]);
    let figures = run.document();
    close(&figures["accuracy"], 1.0);
    assert_eq!((&figures["rows"]["scored"], &figures["rows"]["unlabelled"]), (&2.into(), &3.into()), "{figures}");
    super::run(&["evaluate", "--resume"]).expect(2).says(&["an evaluation is not gone on with", "--shard"]);
}

#[test]
fn multi_label_and_regression_are_what_the_configuration_says() {
    for (case, figure) in [("bert-multilabel", "subset_accuracy"), ("bert-regression", "mean_squared_error")] {
        let (model, expected) = super::golden(case);
        let figures = pipe(
            &["evaluate", "-m", &model, "--input-format", "jsonl", "--format", "json"],
            super::labelled(&expected),
        );
        let figures = figures.expect(0).document();
        assert!(figures[figure].is_number(), "{case}: {figures}");
    }
}

#[test]
fn a_dry_run_says_what_would_happen() {
    let rows = format!("{FANTASTIC}\n").repeat(40) + &"good ".repeat(600);
    let run = pipe(&["classify", "--dry-run", "-q"], rows).expect(0);
    for part in ["rows     41", "cut      1 texts, to 512 tokens", "time     about"] {
        assert!(run.stdout.contains(part), "{run:#?}");
    }
}
