//! Tokenization against recorded values: `tokenization_golden.json` (made with tokenizers 0.22.2 and transformers 4.57.6
//! on bert-base-uncased) and the `input_ids` of every small checkpoint beside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wgbert::text::{Encoding, Limits, PairTruncation, Text, Tokenizer, Truncation};

#[path = "tokenization/files.rs"]
mod files;
#[path = "tokenization/folders.rs"]
mod folders;
#[path = "tokenization/windows.rs"]
mod windows;

const UNLIMITED: Limits = Limits { max_length: usize::MAX, vocabulary: usize::MAX, types: 2 };

/// Cases that only record what the slow tokenizer does with `never_split`, which the fast one does not have.
const SLOW_ONLY: usize = 2;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read_json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&read(path)).expect("a fixture is JSON")
}

fn numbers(value: &Value) -> Vec<u32> {
    let numbers = value.as_array().expect("an array of ids").iter();
    numbers.map(|number| number.as_u64().expect("an id") as u32).collect()
}

fn bert(config: Value) -> Tokenizer {
    let path = golden().join("bert-base-uncased/vocab.txt");
    Tokenizer::from_vocab(&path, &read(&path), Some(&config)).expect("the vocabulary is complete")
}

/// The same tokenizer as a `tokenizer.json`, as transformers saves it.
fn bert_json(config: &Value) -> Vec<u8> {
    let vocab = String::from_utf8(read(golden().join("bert-base-uncased/vocab.txt"))).expect("UTF-8");
    let vocab: BTreeMap<&str, usize> = vocab.lines().zip(0..).collect();
    let special = |id: &str, type_id: u32| json!({ "SpecialToken": { "id": id, "type_id": type_id } });
    let sequence = |id: &str, type_id: u32| json!({ "Sequence": { "id": id, "type_id": type_id } });
    let defined = |id: &str| json!({ "id": id, "ids": [vocab[id]], "tokens": [id] });
    let added = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(|token| {
        json!({
            "id": vocab[token], "content": token, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true
        })
    });
    let file = json!({
        "version": "1.0",
        // Both must be ignored.
        "truncation": { "direction": "Right", "max_length": 7, "strategy": "LongestFirst", "stride": 0 },
        "padding": {
            "strategy": { "Fixed": 12 }, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "[PAD]"
        },
        "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true,
            "handle_chinese_chars": config["tokenize_chinese_chars"].as_bool().unwrap_or(true),
            "strip_accents": config["strip_accents"],
            "lowercase": config["do_lower_case"].as_bool().unwrap_or(true)
        },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)],
            "pair": [
                special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0), sequence("B", 1), special("[SEP]", 1)
            ],
            "special_tokens": { "[CLS]": defined("[CLS]"), "[SEP]": defined("[SEP]") }
        },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocab
        }
    });
    serde_json::to_vec(&file).expect("a value is JSON")
}

/// A golden case's options as `tokenizer_config.json` has them.
fn config_of(case: &Value) -> Value {
    let mut config = json!({});
    for (option, field) in [
        ("lowercase", "do_lower_case"),
        ("strip_accents", "strip_accents"),
        ("handle_chinese_chars", "tokenize_chinese_chars"),
        ("direction", "truncation_side"),
    ] {
        if let Some(value) = case["options"].get(option) {
            config[field] = value.clone();
        }
    }
    if case.get("added_token_ids").is_some() {
        let id = "30522";
        config["added_tokens_decoder"][id] =
            json!({ "content": "FooBar_Baz", "normalized": false, "single_word": true });
    }
    config
}

/// How transformers calls a choice.
fn pairs_of(strategy: Option<&str>) -> PairTruncation {
    match strategy {
        None | Some("longest_first") => PairTruncation::LongestFirst,
        Some("only_first") => PairTruncation::OnlyFirst,
        Some("only_second") => PairTruncation::OnlySecond,
        Some(other) => panic!("{other} is no strategy"),
    }
}

fn limits_of(case: &Value) -> Limits {
    let max_length = case["options"]["max_length"].as_u64().map_or(usize::MAX, |length| length as usize);
    Limits { max_length, ..UNLIMITED }
}

fn text_of(case: &Value) -> Text<'_> {
    let text = case["text"].as_str().expect("a text");
    match case["text_pair"].as_str() {
        Some(second) => (text, second).into(),
        None => text.into(),
    }
}

fn encode(tokenizer: &Tokenizer, text: Text<'_>, limits: &Limits) -> Encoding {
    tokenizer.encode(0, text, limits, Truncation::Cut).expect("a golden text can be encoded")
}

#[test]
fn golden_cases() {
    let file = read_json(golden().join("tokenization_golden.json"));
    let cases = file["cases"].as_array().expect("cases");
    let (mut tested, mut slow_only) = (0, 0);
    for case in cases {
        let name = &case["name"];
        if case["group"] == "long" {
            long_case(case);
            tested += 1;
            continue;
        }
        let config = config_of(case);
        let added = case.get("added_token_ids");
        if case["group"] == "never_split" {
            slow_only += 1;
            let plain = encode(&bert(json!({})), text_of(case), &UNLIMITED);
            assert_eq!(plain.ids, numbers(&case["without_never_split_ids"]), "{name}");
            if let Some(ids) = added {
                assert_eq!(encode(&bert(config), text_of(case), &UNLIMITED).ids, numbers(ids), "{name}");
            }
            continue;
        }
        let (text, limits) = (text_of(case), limits_of(case));
        let pairs = pairs_of(case["options"]["strategy"].as_str());
        let tokenizer = bert(config.clone());
        let try_encode =
            |tokenizer: &Tokenizer, limits| tokenizer.encode_windows(0, text, limits, Truncation::Cut, pairs);
        let encode = |tokenizer: &Tokenizer, limits| {
            let encodings = try_encode(tokenizer, limits).expect("a golden text can be encoded");
            <[Encoding; 1]>::try_from(encodings).expect("one encoding")
        };
        tested += 1;
        if case.get("error").is_some() {
            try_encode(&tokenizer, &limits).expect_err("transformers has none");
            continue;
        }
        let [encoding] = encode(&tokenizer, &limits);
        assert_eq!(encoding.ids, numbers(&case["ids"]), "{name}: ids");
        assert_eq!(encoding.type_ids, numbers(&case["type_ids"]), "{name}: type ids");
        let whole = encode(&tokenizer, &UNLIMITED)[0].ids.len();
        assert_eq!(
            (encoding.truncated, encoding.untruncated),
            (whole > encoding.ids.len(), whole),
            "{name}: truncated"
        );

        let path = golden().join("bert-base-uncased/tokenizer.json");
        let from_json = Tokenizer::from_json(&path, &bert_json(&config), Some(&config)).expect("a tokenizer");
        assert_eq!(encode(&from_json, &limits), [encoding], "{name}: tokenizer.json");
    }
    assert_eq!(slow_only, SLOW_ONLY);
    assert_eq!(tested, 105, "the file has {} cases", cases.len());
}

/// A unit repeated thousands of times; its ids repeat with it.
fn long_case(case: &Value) {
    let name = &case["name"];
    let repeat = case["repeat"].as_u64().expect("a count") as usize;
    let text = case["unit"].as_str().expect("a unit").repeat(repeat);
    let count = case["n_ids"].as_u64().expect("a count") as usize;
    let (head, tail) = (numbers(&case["head"]), numbers(&case["tail"]));
    let tokenizer = bert(json!({}));
    let encoding = encode(&tokenizer, text.as_str().into(), &UNLIMITED);
    assert_eq!(encoding.ids.len(), count, "{name}");
    assert!(!encoding.truncated, "{name}");
    assert!(encoding.ids.starts_with(&head) && encoding.ids.ends_with(&tail), "{name}");
    let period = ((count - 2) / repeat).max(1);
    assert!(encoding.ids[1..count - 1].chunks(period).all(|unit| *unit == head[1..=period]), "{name}");

    let cut = encode(&tokenizer, text.as_str().into(), &Limits { max_length: 512, ..UNLIMITED });
    assert_eq!(cut.ids.len(), case["max512_n_ids"].as_u64().expect("a count") as usize, "{name}");
    assert_eq!(cut.ids[..cut.ids.len() - 1], encoding.ids[..cut.ids.len() - 1], "{name}");
    assert_eq!((cut.ids.last(), cut.truncated), (tail.last(), count > 512), "{name}");
}

/// Every small checkpoint: WordPiece, byte-level BPE and Unigram tokenizers, singles and pairs.
#[test]
fn golden_checkpoints() {
    let mut tested = 0;
    for entry in fs::read_dir(golden()).expect("tests/golden exists") {
        let folder = entry.expect("an entry").path();
        if !folder.join("expected.json").exists() {
            continue;
        }
        let expected = read_json(folder.join("expected.json"));
        let (Some(texts), Some(_)) = (expected["texts"].as_array(), expected.get("attention_mask")) else {
            continue;
        };
        let tokenizer = Tokenizer::from_folder(&folder).expect("a checkpoint's tokenizer");
        let stored = read_json(folder.join("tokenizer_config.json"))["model_max_length"].as_u64();
        assert_eq!(tokenizer.max_length(), stored.map(|length| length as usize), "{}", folder.display());
        for (row, text) in texts.iter().enumerate() {
            let text = match text.as_array() {
                Some(pair) => Text::Pair(pair[0].as_str().expect("a text"), pair[1].as_str().expect("a text")),
                None => text.as_str().expect("a text").into(),
            };
            let encoding = encode(&tokenizer, text, &UNLIMITED);
            let present = numbers(&expected["attention_mask"][row]);
            let unpadded = |name: &str| -> Vec<u32> {
                let padded = numbers(&expected[name][row]).into_iter().zip(&present);
                padded.filter(|(_, present)| **present == 1).map(|(number, _)| number).collect()
            };
            assert_eq!(encoding.ids, unpadded("input_ids"), "{} text {row}", folder.display());
            assert_eq!(encoding.type_ids, unpadded("token_type_ids"), "{} text {row}", folder.display());
        }
        tested += 1;
    }
    assert!(tested > 0, "no checkpoint with expected.json in {}", golden().display());
}

/// Lines of a million characters: a quadratic step anywhere would take hours.
#[test]
fn million_characters() {
    let texts = [
        "the quick brown fox was not bad at all ".repeat(25_641),
        "thequickbrownfox".repeat(62_500),
        " ".repeat(1_000_000),
        "京".repeat(1_000_000),
        "<mask> ".repeat(142_857),
    ];
    let limits = Limits { max_length: 512, ..UNLIMITED };
    for name in ["bert", "roberta", "xlm-roberta", "albert"] {
        let tokenizer = Tokenizer::from_folder(golden().join(name)).expect("a tokenizer");
        for text in &texts {
            let start = Instant::now();
            let length = encode(&tokenizer, text.as_str().into(), &limits).ids.len();
            assert!((2..=512).contains(&length), "{name}: {length} tokens");
            let (time, beginning) = (start.elapsed(), text.chars().take(20).collect::<String>());
            assert!(time < Duration::from_secs(30), "{name}: {time:?} for {beginning:?}");
        }
    }
}
