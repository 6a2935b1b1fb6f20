//! Which files make a tokenizer, what is wrong with the others, and what limits an encoding.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use wgbert::Error;
use wgbert::text::{Limits, Text, Tokenizer, Truncation};

use super::{UNLIMITED, bert, bert_json, encode, golden, read, read_json};

fn message(result: Result<impl std::fmt::Debug, Error>) -> String {
    result.expect_err("this must fail").to_string()
}

#[test]
fn limits_are_kept() {
    let tokenizer = bert(json!({}));
    let encode = |limits: Limits, text: Text<'_>, truncation| tokenizer.encode(7, text, &limits, truncation);
    let four = Limits { max_length: 4, ..UNLIMITED };
    let refused = message(encode(four, "one two three".into(), Truncation::Refuse));
    assert_eq!(refused, "text 7: it has 5 tokens, the model takes 4");
    assert!(encode(four, "one two".into(), Truncation::Refuse).is_ok());
    for (max_length, text, special) in [(1, Text::Single(""), 2), (2, Text::Pair("a", "b"), 3)] {
        let narrow = message(encode(Limits { max_length, ..UNLIMITED }, text, Truncation::Cut));
        assert!(narrow.ends_with(&format!("no room for the {special} special tokens")), "{narrow}");
    }
    let small = message(encode(Limits { vocabulary: 102, ..UNLIMITED }, "".into(), Truncation::Cut));
    assert!(small.contains("\"[SEP]\" the id 102, but the model's table has 102 rows"), "{small}");
    for types in [0, 1] {
        let encoding = encode(Limits { types, ..UNLIMITED }, ("a", "b").into(), Truncation::Cut);
        assert_eq!(encoding.expect("types are left out").type_ids, [0; 5]);
    }
}

#[test]
fn maximum_length_of_the_configuration() {
    assert_eq!(bert(json!({ "model_max_length": 512 })).max_length(), Some(512));
    assert_eq!(bert(json!({ "max_len": 128 })).max_length(), Some(128));
    assert_eq!(bert(json!({})).max_length(), None);
    let unset: Value = serde_json::from_str(r#"{"model_max_length": 1000000000000000019884624838656}"#).expect("JSON");
    assert_eq!(bert(unset).max_length(), None);
    assert_eq!(bert(json!({ "model_max_length": 1e30 })).max_length(), None);
    let path = golden().join("bert-base-uncased/vocab.txt");
    for wrong in [json!(0), json!(-1), json!("512")] {
        let config = json!({ "model_max_length": wrong });
        let message = message(Tokenizer::from_vocab(&path, &read(&path), Some(&config)));
        assert!(message.contains("tokenizer_config.json: model_max_length is"), "{message}");
    }
}

#[test]
fn unusable_files_are_errors_that_name_them() {
    let path = Path::new("model/tokenizer.json");
    let whole = bert_json(&json!({}));
    let edited = |pointer: &str, value: Value| {
        let mut file: Value = serde_json::from_slice(&whole).expect("JSON");
        *file.pointer_mut(pointer).expect("a field") = value;
        serde_json::to_vec(&file).expect("JSON")
    };
    let bpe = json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "longer than the merge",
        "end_of_word_suffix": null, "fuse_unk": false, "vocab": { "a": 0, "b": 1, "ab": 2 }, "merges": ["a b"]
    });
    for bytes in [
        Vec::new(),
        b"null".to_vec(),
        b"\xff\xfe".to_vec(),
        b"[".repeat(1_000_000),
        whole[..whole.len() / 2].to_vec(),
        edited("/model", bpe),
        edited("/model/vocab", json!({ "a": -1 })),
        edited("/post_processor/special_tokens", json!({})),
        edited("/post_processor/single/1/Sequence/id", json!("B")),
        edited("/normalizer", json!({ "type": "Precompiled", "precompiled_charsmap": "AAAA" })),
    ] {
        let message = message(Tokenizer::from_json(path, &bytes, None));
        assert!(message.starts_with("model/tokenizer.json: "), "{message}");
    }
    // A gap in the vocabulary is fine, unless it is beyond the model's table.
    let gap = edited("/model/vocab", json!({ "[UNK]": 5, "[CLS]": 101, "[SEP]": 102, "good": 70_000 }));
    let tokenizer = Tokenizer::from_json(path, &gap, None).expect("a tokenizer");
    assert_eq!(encode(&tokenizer, "good".into(), &UNLIMITED).ids, [101, 70_000, 102]);
    // What only fails on a text fails for that text.
    let chunks = edited("/pre_tokenizer", json!({ "type": "FixedLength", "length": 0 }));
    let tokenizer = Tokenizer::from_json(path, &chunks, None).expect("a tokenizer");
    let failed = message(tokenizer.encode(3, "good".into(), &UNLIMITED, Truncation::Cut));
    assert!(failed.starts_with("text 3: the tokenizers library panicked"), "{failed}");

    let vocab = Path::new("model/vocab.txt");
    let message = message(Tokenizer::from_vocab(vocab, b"[UNK]\n[CLS]\n", None));
    assert_eq!(message, "model/vocab.txt: the special token \"[SEP]\" is not in the vocabulary");
}

/// The explicit configuration wins over `tokenizer.json`, but for the generic class.
#[test]
fn configuration_and_file_disagree() {
    let path = Path::new("model/tokenizer.json");
    let uncased = bert_json(&json!({}));
    let ids = |config: Value| {
        let tokenizer = Tokenizer::from_json(path, &uncased, Some(&config)).expect("a tokenizer");
        encode(&tokenizer, "HELLO".into(), &UNLIMITED).ids
    };
    assert_eq!(ids(json!({ "tokenizer_class": "BertTokenizer", "do_lower_case": false })), [101, 100, 102]);
    assert_eq!(ids(json!({ "tokenizer_class": "BertTokenizer" })), [101, 7592, 102]);
    assert_eq!(ids(json!({ "tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": false })), [101, 7592, 102]);
}

/// Byte-level BPE and MPNet's WordPiece from their vocabularies equal the checkpoints' `tokenizer.json`.
#[test]
fn vocabularies_equal_their_tokenizer_json() {
    let mut tested = 0;
    for name in ["roberta", "mpnet"] {
        let source = golden().join(name);
        let file = read_json(source.join("tokenizer.json"));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).expect("a file");
        let vocab = &file["model"]["vocab"];
        if name == "roberta" {
            let merges = file["model"]["merges"].as_array().expect("merges").iter().map(|pair| match pair.as_array() {
                Some(pair) => {
                    format!("{} {}\n", pair[0].as_str().expect("a token"), pair[1].as_str().expect("a token"))
                }
                None => format!("{}\n", pair.as_str().expect("a pair")),
            });
            write("merges.txt", "#version: 0.2\n".to_owned() + &merges.collect::<String>());
            write("vocab.json", vocab.to_string());
        } else {
            let vocab = vocab.as_object().expect("a vocabulary");
            let by_id: BTreeMap<u64, &str> =
                vocab.iter().map(|(token, id)| (id.as_u64().expect("an id"), token.as_str())).collect();
            write("vocab.txt", by_id.values().map(|token| format!("{token}\n")).collect());
        }
        let (built, saved) = (Tokenizer::from_folder(folder.path()), Tokenizer::from_folder(&source));
        let (built, saved) = (built.expect("a tokenizer"), saved.expect("a tokenizer"));
        for text in ["", "it was good", " The  quick brown fox, 12 €!\n", "Café 東京 😀", "a </s> c"] {
            for text in [text.into(), Text::Pair(text, "not bad at all")] {
                assert_eq!(encode(&built, text, &UNLIMITED), encode(&saved, text, &UNLIMITED), "{name}: {text:?}");
            }
            tested += 1;
        }
    }
    assert_eq!(tested, 10);
}

#[test]
fn folders() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let empty = message(Tokenizer::from_folder(folder.path()));
    assert!(empty.contains("no tokenizer.json; a tokenizer is"), "{empty}");
    fs::write(folder.path().join("spiece.model"), "").expect("a file");
    let slow = message(Tokenizer::from_folder(folder.path()));
    assert!(slow.contains("spiece.model alone") && slow.contains("save_pretrained"), "{slow}");

    // As checkpoints of 2020 have it: no tokenizer_config.json, but the two older files.
    fs::write(folder.path().join("vocab.txt"), "[PAD]\n[UNK]\n<c>\n[SEP]\na\n").expect("a file");
    fs::write(folder.path().join("special_tokens_map.json"), r#"{"cls_token": "<c>"}"#).expect("a file");
    fs::write(folder.path().join("added_tokens.json"), r#"{"new": 5}"#).expect("a file");
    let tokenizer = Tokenizer::from_folder(folder.path()).expect("a tokenizer");
    assert_eq!(encode(&tokenizer, "a new b".into(), &UNLIMITED).ids, [2, 4, 5, 1, 3]);

    fs::write(folder.path().join("tokenizer_config.json"), "{").expect("a file");
    let corrupt = message(Tokenizer::from_folder(folder.path()));
    assert!(corrupt.contains("tokenizer_config.json: "), "{corrupt}");
}
