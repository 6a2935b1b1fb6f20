//! Texts that are too long against what the fast tokenizers of transformers make of them: `windows.json`, which
//! `tests/tools/windows.py` wrote, the same with 4.57.6 and with 5.24.0.

use std::path::Path;

use serde_json::Value;
use wgbert::text::{Encoding, Limits, PairTruncation, Text, Tokenizer, Truncation};

use super::{UNLIMITED, golden, numbers, pairs_of, read_json};

/// A fixture's tokenizer, which cuts this side.
fn tokenizer(folder: &str, side: &str) -> Tokenizer {
    let path = golden().join(folder);
    let mut config = read_json(path.join("tokenizer_config.json"));
    config["truncation_side"] = side.into();
    let json = super::read(path.join("tokenizer.json"));
    Tokenizer::from_json(&path.join("tokenizer.json"), &json, Some(&config)).expect("a checkpoint's tokenizer")
}

fn text(value: &Value) -> Text<'_> {
    match value.as_array() {
        Some(pair) => Text::Pair(pair[0].as_str().expect("a text"), pair[1].as_str().expect("a text")),
        None => value.as_str().expect("a text").into(),
    }
}

/// What an answer of the table says of its encodings: ids, and type ids.
fn expected(answer: &Value) -> Vec<(Vec<u32>, Vec<u32>)> {
    let encoding = |row: &Value| {
        let (ids, zeros) = (numbers(&row[0]), row[1].as_u64().expect("a count") as usize);
        let types = (0..ids.len()).map(|place| u32::from(place >= zeros)).collect();
        (ids, types)
    };
    answer.as_array().expect("encodings").iter().map(encoding).collect()
}

#[test]
fn texts_are_cut_and_split_as_transformers_does() {
    let table = read_json(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tokenization/windows.json"));
    let (mut cut, mut split, mut refused) = (0, 0, 0);
    for group in table["folders"].as_array().expect("folders") {
        let folder = group["folder"].as_str().expect("a name");
        let [right, left] = ["right", "left"].map(|side| tokenizer(folder, side));
        for case in group["cases"].as_array().expect("cases") {
            let text = text(&table["texts"][case[0].as_u64().expect("a place") as usize]);
            let limits = Limits { max_length: case[1].as_u64().expect("a limit") as usize, ..UNLIMITED };
            let (pairs, on_left) = (pairs_of(case[2].as_str()), case[3] == "left");
            let truncation = match case[4].as_u64() {
                Some(stride) => Truncation::Windows { stride: stride as usize },
                None => Truncation::Cut,
            };
            let encode =
                |tokenizer: &Tokenizer, truncation| tokenizer.encode_windows(7, text, &limits, truncation, pairs);
            let made = encode(if on_left { &left } else { &right }, truncation);
            let name = format!("{folder} {case}");
            if truncation == Truncation::Cut && on_left {
                // Whatever the checkpoint says.
                let again = encode(&right, Truncation::CutLeft);
                assert_eq!(again.as_ref().ok(), made.as_ref().ok(), "{name}");
            }
            if let Some(error) = case[5].as_str() {
                let message = made.expect_err(&name).to_string();
                let words = if error == "stride" { "must share fewer than that" } else { "which leaves none of the" };
                assert!(message.starts_with("text 7: ") && message.contains(words), "{name}: {message}");
                refused += 1;
                continue;
            }
            let made = made.unwrap_or_else(|error| panic!("{name}: {error}"));
            let found: Vec<_> = made.iter().map(|made| (made.ids.clone(), made.type_ids.clone())).collect();
            assert_eq!(found, expected(&case[5]), "{name}");
            check_lengths(&made, encode(&right, Truncation::Refuse), &limits, truncation, &name);
            *if made.len() > 1 { &mut split } else { &mut cut } += 1;
        }
    }
    assert!(cut > 500 && split > 150 && refused > 300, "{cut} cut or whole, {split} split, {refused} refused");
}

/// What encodings say of the text's length is what a refusal says.
fn check_lengths(
    made: &[Encoding],
    whole: wgbert::Result<Vec<Encoding>>,
    limits: &Limits,
    truncation: Truncation,
    name: &str,
) {
    let is_long = whole.is_err();
    let untruncated = match &whole {
        Ok(whole) => whole[0].ids.len(),
        Err(error) => {
            let message = error.to_string();
            let number = message.strip_prefix("text 7: it has ").and_then(|rest| rest.split(' ').next());
            number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{name}: {message}"))
        }
    };
    assert_eq!(untruncated > limits.max_length, is_long, "{name}");
    for encoding in made {
        let truncated = is_long && truncation == Truncation::Cut;
        assert_eq!((encoding.untruncated, encoding.truncated), (untruncated, truncated), "{name}");
    }
}

#[test]
fn one_encoding_is_not_made_of_a_text_that_is_split() {
    let tokenizer = tokenizer("bert", "right");
    let limits = Limits { max_length: 4, ..UNLIMITED };
    let split = Truncation::Windows { stride: 0 };
    assert_eq!(tokenizer.encode(0, "the film".into(), &limits, split).expect("it fits").ids.len(), 4);
    let message = tokenizer.encode(0, "the film was".into(), &limits, split).expect_err("it does not").to_string();
    assert_eq!(message, "text 0: it is split into 2 windows: `encode_windows` gives them all");
}

/// BERTweet's and PhoBERT's classes are Python, and have no windows in transformers: ours follow the same rules.
#[test]
fn classes_in_python_are_cut_and_split_alike() {
    let table = read_json(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tokenization/folders.json"));
    let is_python = |case: &&Value| {
        case["config"]["tokenizer_class"] == "BertweetTokenizer" || case["files"].get("bpe.codes").is_some()
    };
    let mut tested = 0;
    for case in table["cases"].as_array().expect("cases").iter().filter(is_python) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("config.json"), case["config"].to_string()).expect("a file");
        for (name, key) in case["files"].as_object().expect("files") {
            let content = table["contents"][key.as_u64().expect("a place") as usize].as_str().expect("a content");
            std::fs::write(folder.path().join(name), content).expect("a file");
        }
        let Ok(tokenizer) = Tokenizer::from_folder(folder.path()) else { continue };
        let (first, second) = ("the film was good", "the plot was dull and the actors were bad");
        let encode = |text: Text<'_>, max_length, truncation, pairs| {
            tokenizer.encode_windows(0, text, &Limits { max_length, ..UNLIMITED }, truncation, pairs)
        };
        let whole =
            |text| encode(text, usize::MAX, Truncation::Cut, PairTruncation::LongestFirst).unwrap().remove(0).ids;
        let [one, pair] = [whole(first.into()), whole((first, second).into())];
        let (inner, windows) = (one.len() - 2, Truncation::Windows { stride: 1 });

        // Each window but the last is full and shares a token with the next.
        let made = encode(first.into(), 2 + inner - 1, windows, PairTruncation::LongestFirst).unwrap();
        assert_eq!(made[0].ids, [&one[..inner], &one[inner + 1..]].concat());
        assert_eq!(made[1].ids, [&one[..1], &one[inner - 1..]].concat());
        assert_eq!(made.len(), 2);
        let left = encode(first.into(), 2 + inner - 1, Truncation::CutLeft, PairTruncation::LongestFirst).unwrap();
        assert_eq!(left[0].ids, [&one[..1], &one[2..]].concat());

        let split = encode((first, second).into(), pair.len() - 1, windows, PairTruncation::OnlySecond).unwrap();
        assert_eq!(split.len(), 2);
        assert!(split.iter().all(|window| window.ids.starts_with(&pair[..inner + 3])), "the first text is in each");
        let cut = encode((first, second).into(), pair.len() - 1, Truncation::Cut, PairTruncation::OnlyFirst).unwrap();
        assert_eq!(cut[0].ids, [&pair[..inner], &pair[inner + 1..]].concat());
        encode((first, second).into(), inner + 4, Truncation::Cut, PairTruncation::OnlySecond).expect_err("no room");
        tested += 1;
    }
    assert!(tested > 0, "no folder has a class that is Python");
}
