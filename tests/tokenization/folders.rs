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
    let zeros = row.get(1).map_or(encoding.ids.len(), |zeros| zeros.as_u64().expect("a count") as usize);
    let types: Vec<u32> = (0..encoding.ids.len()).map(|place| u32::from(place >= zeros)).collect();
    encoding.ids == numbers(&row[0]) && encoding.type_ids == types
}

fn text(value: &Value) -> Text<'_> {
    match value.as_array() {
        Some(pair) => Text::Pair(pair[0].as_str().expect("a text"), pair[1].as_str().expect("a text")),
        None => value.as_str().expect("a text").into(),
    }
}

/// Errors of transformers over files whose meaning is plain, and which we read.
const READ_ALL_THE_SAME: [&str; 4] = [
    // Tokens with flags in special_tokens_map.json, as 4.57 writes it, over a model of 5.
    "Input must be a List[Union[str, AddedToken]]",
    "multiple values for keyword argument 'special'",
    "object has no attribute 'keys'",
    // Of classes that are Python only.
    "tTokenizerFast does not exist",
];

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
                let content = table["contents"][key.as_u64().expect("a place") as usize].as_str().expect("a content");
                fs::write(folder.path().join(name), content).expect("a file");
            }
            let tokenizer = Tokenizer::from_folder(folder.path());
            // Files of 5 stay such, whatever their model says.
            let read = tokenizer.as_ref().map_or(version.into(), |tokenizer| tokenizer.transformers().to_string());
            assert!(read == version || read == "5");
            let name = format!("{} as {version}, read as {read}", case["name"]);
            let answers = case["answers"].get("both").unwrap_or(&case["answers"][read.as_str()]);
            let message = tokenizer.as_ref().err().map(ToString::to_string).unwrap_or_default();
            if let Some(words) = case.get("refused").and_then(|refused| refused.get(version)) {
                let words = words.as_str().expect("words");
                if !message.contains(words) {
                    faults.push(format!("{name}: {words:?} is not in {message:?}"));
                }
                refused += 1;
                continue;
            }
            let Some(answers) = answers.as_array() else {
                let lenient = READ_ALL_THE_SAME.iter().any(|words| answers.to_string().contains(words));
                if tokenizer.is_ok() && !lenient {
                    faults.push(format!("{name}: read, though transformers says {answers}"));
                }
                refused += 1;
                continue;
            };
            // It would be a new one, at the end of the table.
            if message.contains("is not in the vocabulary") {
                refused += 1;
                continue;
            }
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
                let answer = &table["rows"][answer.as_u64().expect("a place") as usize];
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
