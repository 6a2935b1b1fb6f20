//! Folders of each class and combination of files against what `AutoTokenizer` of 4.57.6 and of 5.24.0 makes of them:
//! `folders.json`, which `tests/tools/folders.py` wrote.

use std::fs;
use std::path::Path;

use serde_json::Value;
use wgbert::text::{Encoding, Text, Tokenizer, Truncation};

use super::{UNLIMITED, numbers, read_json};

/// What a row of the table says of one text.
fn agrees(answer: &Value, encoding: &Result<Encoding, wgbert::Error>) -> bool {
    let (Some(row), Ok(encoding)) = (answer.as_array(), encoding) else {
        return answer.is_string() && encoding.is_err();
    };
    let types = row.get(1).map_or_else(|| vec![0; encoding.ids.len()], numbers);
    encoding.ids == numbers(&row[0]) && encoding.type_ids == types
}

fn text(value: &Value) -> Text<'_> {
    match value.as_array() {
        Some(pair) => Text::Pair(pair[0].as_str().expect("a text"), pair[1].as_str().expect("a text")),
        None => value.as_str().expect("a text").into(),
    }
}

#[test]
fn folders_are_read_as_auto_tokenizer_does() {
    let table = read_json(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tokenization/folders.json"));
    let cases = table["cases"].as_array().expect("cases");
    let (mut compared, mut refused, mut faults) = (0, 0, Vec::new());
    for case in cases {
        for (version, full) in [("4.57", "4.57.6"), ("5", "5.24.0")] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let mut config = case["config"].clone();
            config["transformers_version"] = full.into();
            fs::write(folder.path().join("config.json"), config.to_string()).expect("a file");
            for (name, key) in case["files"].as_object().expect("files") {
                let content = table["contents"][key.as_str().expect("a key")].as_str().expect("a content");
                fs::write(folder.path().join(name), content).expect("a file");
            }
            let name = format!("{} as {version}", case["name"]);
            let tokenizer = Tokenizer::from_folder(folder.path());
            let answers = &case["answers"][version];
            if let Some(words) = case.get("refused") {
                let message = tokenizer.err().map(|error| error.to_string()).unwrap_or_default();
                let named = words.as_array().expect("words").iter().all(|word| message.contains(word.as_str().expect("a word")));
                if !named {
                    faults.push(format!("{name}: not refused by name: {message:?}"));
                }
                refused += 1;
                continue;
            }
            let Some(answers) = answers.as_array() else {
                if tokenizer.is_ok() {
                    faults.push(format!("{name}: read, though transformers says {answers}"));
                }
                refused += 1;
                continue;
            };
            let tokenizer = match tokenizer {
                Ok(tokenizer) => tokenizer,
                Err(error) => {
                    faults.push(format!("{name}: {error}"));
                    continue;
                }
            };
            let texts = if case["texts"] == "usual" { &table["usual"] } else { &case["texts"] };
            for (value, answer) in texts.as_array().expect("texts").iter().zip(answers) {
                let encoding = tokenizer.encode(0, text(value), &UNLIMITED, Truncation::Cut);
                if agrees(answer, &encoding) {
                    compared += 1;
                } else {
                    let found = encoding.map(|encoding| format!("{:?} {:?}", encoding.ids, encoding.type_ids));
                    faults.push(format!("{name}: {value} is {answer}, not {found:?}"));
                }
            }
        }
    }
    println!("{compared} texts compared, {refused} folders refused");
    assert!(faults.is_empty(), "{} of {compared} texts:\n{}", faults.len(), faults.join("\n"));
    assert!(compared > 1000 && refused > 20, "{compared} {refused}");
}
