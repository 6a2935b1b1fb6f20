//! `wgbert adapters --format json` and `--as`, which reads it.

use super::{OKAY, assert_close, command, finish, folder, run, text};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A file of what is to be read.
fn file(folder: &Path, name: &str, contents: &Value) -> String {
    let path = folder.join(name);
    fs::write(&path, contents.to_string()).expect("it is written");
    text(&path)
}

/// What the default adapter offers.
fn own() -> Value {
    let listed = run(&["adapters", "--format", "json"]).expect(0).document();
    listed.as_array().expect("a list").iter().find(|adapter| adapter["default"] == true).expect("a default").clone()
}

/// A graphics card that offers no more than the adapter here.
fn card() -> Value {
    let mut card = own();
    card["name"] = json!("A card");
    for (field, value) in [("cpu", json!(false)), ("int64", json!(false)), ("cooperative_matrix_size", Value::Null)] {
        card["capabilities"][field] = value;
    }
    card
}

#[test]
fn every_field_of_what_an_adapter_offers_is_written() {
    let own = own();
    let fields = own["capabilities"].as_object().expect("an object");
    let known = serde_json::to_value(wgbert::ir::Capabilities::minimum()).unwrap();
    assert!(fields.keys().eq(known.as_object().unwrap().keys()), "{own}");
    for field in ["name", "kind", "backend", "driver", "version"] {
        assert!(own[field].is_string(), "{field}: {own}");
    }
}

#[test]
fn kernels_of_another_adapter_answer() {
    let folder = folder();
    let one = file(folder.path(), "card.json", &card());
    let several = file(folder.path(), "list.json", &json!([own(), card()]));
    let expected = run(&["classify", "--format", "jsonl", "--fields", "all", OKAY]).expect(0).rows();
    for argument in [one.clone(), format!("{several}#a CARD"), format!("{several}#1")] {
        let seen = run(&["classify", "--format", "jsonl", "--fields", "all", "--as", &argument, OKAY]).expect(0).rows();
        assert_close(&seen[0]["logits"], &expected[0]["logits"]);
    }
    let shaders = |arguments: &[&str]| {
        let mut command =
            command(&[&["bench", "model", "-m", "tiny", "-w", "1x8", "-r", "1", "-o", "csv"], arguments].concat());
        command.env("RUST_LOG", "wgbert=debug");
        let run = finish(command, Vec::new()).expect(0);
        run.stderr.lines().filter(|line| line.contains("compiling matmul")).map(String::from).collect::<Vec<_>>()
    };
    let of_card = shaders(&["--as", &one]);
    assert!(!of_card.is_empty() && of_card.iter().all(|line| !line.contains("vec8")), "{of_card:?}");
    run(&["bench", "kernels", "-k", "gate", "--rows", "8", "--columns", "64", "-r", "1", "--as", &one]).expect(0);
    run(&["verify", "-k", "gate", "--as", &one]).expect(0);
    run(&["inspect", "--as", &one]).expect(0);
}

#[test]
fn what_the_adapter_lacks_is_named() {
    let folder = folder();
    let mut other = card();
    // No driver offers both sizes.
    let edge = if own()["capabilities"]["cooperative_matrix_size"] == 16 { 8 } else { 16 };
    other["capabilities"]["cooperative_matrix_size"] = json!(edge);
    let path = file(folder.path(), "other.json", &other);
    let name = own()["name"].as_str().unwrap().to_string();
    let refused = format!("no cooperative matrices of {edge} x {edge}");
    run(&["classify", "--as", &path, OKAY]).expect(2).says(&[&name, &refused, "cooperative_matrix_size"]);
    run(&["classify", "--as", &path, "--tensor-cores", "never", OKAY]).expect(0);
    run(&["verify", "-k", "gate", "--as", &path]).expect(0).says(&["are left out"]);
}

#[test]
fn a_wrong_file_and_its_field_are_named() {
    let folder = folder();
    let wrong = |contents: &Value, words: &[&str]| {
        let path = file(folder.path(), "wrong.json", contents);
        let run = run(&["classify", "--as", &path, OKAY]).expect(2);
        run.says(&[&[path.as_str()], words].concat());
        assert_eq!(run.stdout, "");
    };
    let changed = |field: &str, value: Value| {
        let mut card = card();
        card["capabilities"][field] = value;
        card
    };
    wrong(&json!({"name": "x"}), &["no field capabilities"]);
    wrong(&json!(3), &["adapters --format json"]);
    wrong(&json!([]), &["0 adapters"]);
    wrong(&json!([card(), card()]), &["2 adapters", "#", "0: A card"]);
    wrong(&changed("f16", json!("yes")), &["capabilities.f16", "expected a boolean"]);
    wrong(&changed("subgroup", json!([8])), &["capabilities.subgroup"]);
    wrong(&changed("subgroup", json!([32, 8])), &["capabilities.subgroup", "32 to 8"]);
    wrong(&changed("cooperative_matrix_size", json!(7)), &["capabilities.cooperative_matrix_size", "7"]);
    wrong(&changed("workgroup_size", json!(1)), &["capabilities.workgroup_size", "256"]);
    let mut without = card();
    without["capabilities"].as_object_mut().unwrap().remove("max_buffer");
    wrong(&without, &["no field capabilities.max_buffer"]);
    let path = text(&folder.path().join("absent.json"));
    run(&["classify", "--as", &path, OKAY]).expect(2).says(&["cannot read", &path]);
    let path = text(&folder.path().join("wrong.json"));
    fs::write(&path, "{").unwrap();
    run(&["classify", "--as", &path, OKAY]).expect(2).says(&[&path, "is no JSON"]);
    let list = file(folder.path(), "list.json", &json!([card()]));
    run(&["classify", "--as", &format!("{list}#nosuch"), OKAY]).expect(2).says(&[
        &list,
        "no adapter \"nosuch\"",
        "A card",
    ]);
}
