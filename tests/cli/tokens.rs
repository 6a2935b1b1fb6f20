//! `wgbert classify` on checkpoints of token classification.

use super::{Run, golden, pipe, run, terminal, text, texts};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn checkpoint(case: &str) -> (String, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tokens").join(case);
    let expected = fs::read(folder.join("expected.json")).expect("the fixture is there");
    (text(&folder), serde_json::from_slice(&expected).expect("a fixture is JSON"))
}

/// The texts of a fixture as JSON lines.
fn rows(expected: &Value) -> String {
    let texts = expected["texts"].as_array().expect("texts");
    texts.iter().map(|text| json!({ "text": text }).to_string() + "\n").collect()
}

/// Scores apart, which are rounded.
fn without_scores(entities: &Value) -> Vec<Value> {
    let entity = |entity: &Value| {
        let mut entity = entity.clone();
        entity.as_object_mut().expect("an object").remove("score").expect("a score");
        entity
    };
    entities.as_array().expect("a list").iter().map(entity).collect()
}

#[test]
fn a_row_is_answered_with_the_entities_of_the_pipeline() {
    for case in ["bert", "roberta-left", "bertweet"] {
        let (folder, expected) = checkpoint(case);
        for (aggregation, answers) in expected["entities"].as_object().expect("by aggregation") {
            let arguments =
                ["classify", "-m", &folder, "--format", "jsonl", "--fields", "all", "--input-format", "jsonl"];
            let aggregated = [&arguments[..], &["--aggregation", aggregation]].concat();
            let found = pipe(&aggregated, rows(&expected)).expect(0).rows();
            assert_eq!(found.len(), answers.as_array().expect("a list a text").len());
            for (index, row) in found.iter().enumerate() {
                assert_eq!(without_scores(&row["entities"]), without_scores(&answers[index]), "{case}, {aggregation}");
                assert_eq!((&row["index"], &row["truncated"]), (&json!(index), &expected["truncated"][index]));
                assert_eq!(row["tokens"], expected["input_ids"][index].as_array().expect("ids").len());
                // The pipeline's keys stand in its order.
                let keys = |entity: &Value| entity.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
                for (entity, expected) in
                    row["entities"].as_array().unwrap().iter().zip(answers[index].as_array().unwrap())
                {
                    assert_eq!(keys(entity), keys(expected));
                }
            }
            if aggregation == "none" {
                assert_eq!(pipe(&arguments, rows(&expected)).expect(0).rows(), found, "{case}: it is the default");
            }
        }
    }
}

#[test]
fn text_has_a_line_an_entity_or_a_line_a_row() {
    let (folder, _) = checkpoint("bert");
    let Some(shown) = terminal(80, &format!("classify --quiet -m '{folder}' --aggregation first 'good 東京'")) else {
        return;
    };
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[0], "good 東京");
    let words: Vec<&str> = lines[1..].iter().filter_map(|line| line.split_whitespace().rev().nth(1)).collect();
    assert_eq!(words[0], "good", "{shown:?}");
    assert!(lines[1].ends_with("good  0..4"), "{shown:?}");
    let rows = pipe(&["classify", "-m", &folder, "--aggregation", "first"], "good\n\ngood\n").expect(0);
    assert!(rows.lines()[0].starts_with("good/") && rows.lines()[0].ends_with("\tgood"), "{rows:?}");
    assert_eq!(rows.lines()[1], "\t");
    assert_eq!(rows.lines()[2], rows.lines()[0]);
    let document = texts(&["-m", &folder, "--format", "json", "good"]).expect(0).document();
    let result = &document["results"][0];
    assert_eq!((&result["text"], result["entities"][0]["word"].as_str()), (&json!("good"), Some("good")));
}

#[test]
fn what_a_classifier_of_tokens_has_no_use_for_fails() {
    let (folder, _) = checkpoint("bert");
    let input = "{\"text\": \"a\", \"text_pair\": \"b\"}\n{\"text\": \"a\", \"label\": 1}\n{\"text\": \"a\", \"text_pair\": \"\"}\n";
    let run_rows =
        pipe(&["classify", "-m", &folder, "--format", "jsonl", "--fields", "all", "--input-format", "jsonl"], input)
            .expect(3);
    let rows = run_rows.rows();
    assert!(rows[0]["error"].as_str().is_some_and(|error| error.contains("a single text")), "{rows:?}");
    assert!(rows[1]["error"].as_str().is_some_and(|error| error.contains("the loss of tokens")), "{rows:?}");
    assert!(rows[2]["entities"].is_array(), "{rows:?}");
    let refused = |arguments: &[&str], words: &[&str]| {
        let run: Run = texts(&[arguments, &["good"]].concat()).expect(2);
        run.says(words);
    };
    refused(&["-m", &folder, "--top-k", "2"], &["--top-k is for models that classify texts"]);
    refused(&["-m", &folder, "--scoring", "sigmoid"], &["scoring sigmoid for tokens is not supported"]);
    refused(&["-m", &golden("bert").0, "--aggregation", "none"], &["--aggregation is for models that classify tokens"]);
    let (bertweet, _) = checkpoint("bertweet");
    refused(&["-m", &bertweet, "--aggregation", "max"], &["does not say where its tokens stand", "none and simple"]);
}

#[test]
fn inspect_says_the_task() {
    let (folder, _) = checkpoint("modernbert");
    let report = run(&["inspect", &folder, "--format", "json", "--adapter", "reference"]).expect(0).document();
    assert_eq!(report["task"], "token-classification");
    assert_eq!(report["class"], "ModernBertForTokenClassification");
    assert_eq!((&report["scoring"], &report["problem_type"]), (&json!("softmax"), &Value::Null));
    assert_eq!(report["files"]["unused"], json!([]));
    let (folder, _) = golden("bert");
    let report = run(&["inspect", &folder, "--format", "json", "--adapter", "reference"]).expect(0).document();
    assert_eq!(report["task"], "text-classification");
}
