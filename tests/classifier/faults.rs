//! Spoilt checkpoints: each fault is an error that names the file and what of it, before anything large is allocated.

use super::{bits, golden, says};
use crate::common::edited::Edited;
use safetensors::tensor::Dtype;
use serde_json::{Value, json};
use std::fs;
use std::time::Instant;
use wgbert::checkpoint::Checkpoint;
use wgbert::text::Tokenizer;
use wgbert::{Adapter, Error, Options, gpu};

const WORDS: &str = "bert.embeddings.word_embeddings.weight";
const POSITIONS: &str = "bert.embeddings.position_embeddings.weight";

#[test]
fn numbers_that_are_none_are_named() {
    for (name, index, place) in [
        ("bert.encoder.layer.1.intermediate.dense.weight", 32 * 5 + 7, "[5, 7]"),
        ("bert.embeddings.LayerNorm.bias", 31, "[31]"),
        ("classifier.weight", 0, "[0, 0]"),
    ] {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for adapter in [Adapter::Best, Adapter::Reference] {
                let good = Edited::new();
                let (shape, mut numbers) = (good.tensors[name].1.clone(), good.numbers(name));
                numbers[index] = bad;
                let spoilt = good.tensor(name, &shape, &numbers);
                // Contents are read when they are uploaded, at the first batch; and again at the next attempt.
                let classifier = spoilt.load(Options::default().adapter(adapter)).unwrap();
                for _ in 0..2 {
                    let path = spoilt.path().join("model.safetensors");
                    let parts = [name, place, &bad.to_string(), &path.display().to_string()];
                    assert!(matches!(says(classifier.classify(["good"]), &parts), Error::Tensor { .. }));
                }
            }
        }
    }
}

/// As in transformers a text is answered whose rows of the tables are good. One that reads a bad row fails alone.
#[test]
fn rows_that_are_no_numbers_fail_the_texts_that_read_them() {
    for adapter in [Adapter::Best, Adapter::Reference] {
        let options = || Options::default().adapter(adapter.clone());
        let good = Edited::new().load(options()).unwrap();
        let expected = good.classify(["good"]).unwrap();
        let film = good.encode(0, "film").unwrap().ids[1] as usize;
        let longest = good.max_length();
        for (name, row, read) in
            [(WORDS, film, "good film"), (POSITIONS, 4, "good good good"), (POSITIONS, longest - 1, "")]
        {
            let edited = Edited::new();
            let (shape, mut numbers) = (edited.tensors[name].1.clone(), edited.numbers(name));
            numbers[row * 32 + 7] = f32::NAN;
            let classifier = edited.tensor(name, &shape, &numbers).load(options()).unwrap();
            for _ in 0..2 {
                let output = classifier.classify(["good"]).unwrap();
                assert_eq!(bits(&output.logits.values), bits(&expected.logits.values), "{name}");
                if !read.is_empty() {
                    let error = says(classifier.classify(["good", read]), &[name, &format!("[{row}, 7] is NaN")]);
                    assert!(matches!(error, Error::Text { index: 1, .. }), "{error}");
                }
            }
        }
    }
}

/// As transformers has it where config.json says float32: rounded.
#[test]
fn weights_of_64_bits_are_rounded() {
    let mut wide = Edited::new();
    let expected = wide.load(Options::default()).unwrap().classify(["good film"]).unwrap();
    for (element, _, bytes) in wide.tensors.values_mut() {
        *element = Dtype::F64;
        let numbers = bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
        *bytes = numbers.flat_map(|number| (f64::from(number) * (1.0 + 1e-12)).to_le_bytes()).collect();
    }
    let output = wide.load(Options::default()).unwrap().classify(["good film"]).unwrap();
    assert_eq!(bits(&output.logits.values), bits(&expected.logits.values));
}

#[test]
fn tensors_that_do_not_fit_the_config_are_named() {
    let load = |edited: Edited| edited.load(Options::default());
    let query = "bert.encoder.layer.1.attention.self.query.weight";
    says(load(Edited::new().tensor(query, &[32, 31], &[0.5; 32 * 31])), &[query, "[32, 31]", "[96, 32]"]);
    says(load(Edited::new().tensor(WORDS, &[163 * 32], &[0.5; 163 * 32])), &[WORDS, "[5216]", "[163, 32]"]);
    says(load(Edited::new().config("vocab_size", json!(164))), &[WORDS, "[163, 32]", "[164, 32]"]);
    says(load(Edited::new().without(query)), &["model.safetensors", query, "absent"]);
    says(load(Edited::new().config("num_hidden_layers", json!(3))), &["encoder.layer.2", "absent"]);
    let mut integers = Edited::new();
    integers.tensors.insert(query.into(), (Dtype::I32, vec![32, 32], vec![0; 4096]));
    says(load(integers), &[query, "I32", "F32, F16 and BF16"]);
    let error = says(load(Edited::new().config("num_labels", json!(4))), &["classifier.weight", "[3, 32]", "[4, 32]"]);
    assert!(error.to_string().contains("labels"), "{error}");
    let names = json!({"0": "a", "1": "b"});
    says(load(Edited::new().config("id2label", names)), &["classifier.weight", "[3, 32]", "[2, 32]"]);
}

#[test]
fn a_missing_head_is_an_error_or_a_seed() {
    let bare = Edited::new().without("classifier").without("bert.pooler");
    let error = says(bare.load(Options::default()), &["model.safetensors", "Options::random_head"]);
    assert!(matches!(error, Error::MissingHead { .. }), "{error:?}");
    let logits = |seed: u64| {
        let options = Options::default().random_head(seed);
        let answer = bare.load(options).unwrap().classify(["good", "not bad"]).unwrap();
        assert!(answer.logits.values.iter().all(|logit| logit.is_finite()));
        bits(&answer.logits.values)
    };
    assert_eq!(logits(7), logits(7), "the same seed");
    assert_ne!(logits(7), logits(8), "another seed");
    // Where there is a head the seed changes nothing, and a broken encoder stays one.
    let seeded = Options::default().random_head(7);
    let [with, without] = [seeded.clone(), Options::default()]
        .map(|options| bits(&Edited::new().load(options).unwrap().classify(["good"]).unwrap().logits.values));
    assert_eq!(with, without);
    let encoder = "bert.encoder.layer.0.output.dense.bias";
    says(Edited::new().without(encoder).load(seeded), &[encoder, "absent"]);
}

/// Finite weights that overflow: an infinite logit is the largest, of a NaN there is no largest.
#[test]
fn a_nan_logit_has_no_argmax() {
    let gain = "bert.encoder.layer.1.output.LayerNorm.weight";
    let mut weight = Edited::new().numbers("classifier.weight");
    weight[32..64].iter_mut().for_each(|number| *number = number.signum() * f32::MAX);
    let infinite = Edited::new().tensor("classifier.weight", &[3, 32], &weight);
    // Infinities of both signs meet in the pooler's sums.
    let nan = Edited::new().tensor(gain, &[32], &[f32::MAX; 32]);
    for adapter in [Adapter::Best, Adapter::Reference] {
        let answer = |edited: &Edited| {
            let options = Options::default().adapter(adapter.clone());
            edited.load(options).unwrap().classify(["good", "was it bad?"]).unwrap()
        };
        let answer_infinite = answer(&infinite);
        for text in answer_infinite.texts() {
            let logits = text.logits();
            assert!(!logits[1].is_finite() && logits[0].is_finite() && logits[2].is_finite(), "{logits:?}");
            // Infinite, or NaN where two infinite parts of a sum met.
            let best = if logits[1] > 0.0 { 1 } else { 2 * usize::from(logits[2] > logits[0]) };
            assert_eq!(text.argmax(), (!logits[1].is_nan()).then_some(best), "{logits:?}");
        }
        let answer_nan = answer(&nan);
        assert!(answer_nan.logits.values.iter().all(|logit| logit.is_nan()), "{:?}", answer_nan.logits);
        for text in answer_nan.texts() {
            assert_eq!((text.argmax(), text.label(), text.score()), (None, None, None));
            assert!(text.probabilities().unwrap().iter().all(|probability| probability.is_nan()));
        }
    }
}

#[test]
fn a_vocabulary_smaller_than_the_tokenizer_is_noticed() {
    let words = Edited::new().numbers(WORDS);
    let small = Edited::new().tensor(WORDS, &[5, 32], &words[..160]).config("vocab_size", json!(5));
    let classifier = small.load(Options::default()).unwrap();
    let error = says(classifier.classify(["", "good"]), &["text 1", "good", "5 rows"]);
    assert!(matches!(error, Error::Text { index: 1, .. }));
    classifier.classify([""]).unwrap();

    let one = Edited::new().tensor(POSITIONS, &[1, 32], &[0.5; 32]).config("max_position_embeddings", json!(1));
    says(one.load(Options::default()).unwrap().classify(["good"]), &["text 0", "1 tokens", "special"]);
    let three = Edited::new().tensor(POSITIONS, &[3, 32], &[0.5; 96]).config("max_position_embeddings", json!(3));
    let answer = three.load(Options::default()).unwrap().classify(["good", "not good"]).unwrap();
    assert_eq!((answer.tokens, answer.truncated), (vec![3, 3], vec![false, true]));
}

#[test]
fn unsupported_architectures_are_named_with_what_is_supported() {
    let mut names = Vec::new();
    let mut check = |name: &str, result: wgbert::Result<_>| {
        let supported = wgbert::models::ARCHITECTURES.iter().map(|architecture| architecture.model_type);
        let parts: Vec<&str> = supported.chain([name]).collect();
        let error = says::<wgbert::Classifier>(result, &parts);
        assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
        names.push(name.to_string());
    };
    for name in ["gpt2", "", "BERT", "bert\n", "no such thing"].map(String::from) {
        if !name.is_empty() {
            let shown = format!("{name:?}");
            check(&shown, Edited::new().config("model_type", json!(name)).load(Options::default()));
        }
    }
    let mut folders: Vec<_> = fs::read_dir(golden("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.join("expected.json").exists()) {
        let expected: Value = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
        let name = expected["model_type"].as_str().unwrap();
        if wgbert::models::ARCHITECTURES.iter().all(|architecture| architecture.model_type != name) {
            check(name, Options::default().load(folder));
        }
    }
    println!("refused: {}", names.join(", "));
}

/// Values that no model has. None may panic, allocate by the number in the file, or load.
#[test]
fn odd_configs_are_refused_by_field() {
    let huge = json!(1_000_000_000_000u64);
    let overflowing = json!(u64::MAX);
    let cases = [
        (
            "hidden_size",
            vec![json!(0), huge.clone(), overflowing.clone(), json!(-1), json!("64"), json!(1.5), json!(null)],
        ),
        ("hidden_size", vec![json!(33), json!([32]), json!(true)]),
        ("num_attention_heads", vec![json!(0), json!(5), huge.clone(), overflowing.clone(), json!(-4)]),
        ("num_hidden_layers", vec![json!(0), json!(1_000_000_000), overflowing.clone(), json!("two")]),
        ("vocab_size", vec![json!(0), huge.clone(), overflowing.clone(), json!({})]),
        ("max_position_embeddings", vec![json!(0), json!(1_000_000_000), overflowing.clone(), json!("512")]),
        ("intermediate_size", vec![json!(0), huge.clone(), overflowing.clone()]),
        ("type_vocab_size", vec![huge.clone(), overflowing.clone(), json!(-1)]),
        ("layer_norm_eps", vec![json!("1e-12"), json!(-1e-12), json!(1e39), json!(null), json!([1e-12])]),
        ("hidden_act", vec![json!("swiglu"), json!(""), json!(3), json!({"name": "gelu"})]),
        ("position_embedding_type", vec![json!("rotary"), json!(0)]),
        ("is_decoder", vec![json!(true), json!("yes")]),
        ("num_labels", vec![json!(0), json!(1_000_000_000), overflowing, json!(-1), json!("3")]),
        ("id2label", vec![json!({"0": "a", "2": "b"}), json!({"x": "a"}), json!([]), json!({}), json!({"0": 1})]),
        ("problem_type", vec![json!("ranking"), json!(1)]),
        ("architectures", vec![json!("BertForQuestionAnswering"), json!(["XLNetForTokenClassification"])]),
        ("model_type", vec![json!(null), json!(""), json!(1)]),
    ];
    let mut count = 0;
    for (field, values) in cases {
        for value in values {
            let shown = value.to_string();
            let edited = Edited::new().config(field, value);
            let start = Instant::now();
            let error = edited.load(Options::default()).expect_err(&format!("{field}: {shown} loads"));
            let message = error.to_string();
            println!("{field} {shown}: {}", message.replace(&edited.path().display().to_string(), ""));
            // A size that only disagrees with the file is reported by the tensor and both shapes.
            let by_tensor = matches!(error, Error::Tensor { .. }) && message.contains("config.json asks for");
            let words: Vec<&str> = field.split('_').filter(|word| !["num", "size", "model"].contains(word)).collect();
            let named =
                message.contains(field) || words.iter().all(|word| message.contains(word.trim_end_matches('s')));
            assert!(by_tensor || named && message.contains("config.json"), "{field} {shown}: {message}");
            assert!(start.elapsed().as_secs() < 5, "{field} {shown} took {:?}", start.elapsed());
            count += 1;
        }
    }
    // Heads wider than the kernels' registers.
    for (hidden, heads) in [(300, 1), (65, 1), (1040, 4)] {
        let edited = Edited::new().config("hidden_size", json!(hidden)).config("num_attention_heads", json!(heads));
        let error = says(edited.load(Options::default()), &["config.json", "head", &format!("{}", hidden / heads)]);
        assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
        count += 1;
    }
    println!("{count} configs");
}

/// Every field of every architecture's config in turn takes values that no model has: it loads or is refused, and what
/// loads answers, without a panic and without a wait.
#[test]
fn no_value_of_a_config_makes_it_panic() {
    let odd = [
        json!(0),
        json!(1),
        json!(-1),
        json!(7),
        json!(65536),
        json!(1_000_000_000_000u64),
        json!(u64::MAX),
        json!(1e300),
        json!(-0.5),
        json!("x"),
        json!([]),
        json!([0]),
        json!({}),
        json!(true),
        json!(false),
        json!(null),
    ];
    let (mut tried, mut refused) = (0, 0);
    for golden in crate::common::golden::supported() {
        let tokenizer = Tokenizer::from_folder(&golden.folder).unwrap();
        let weights = fs::read(golden.folder.join("model.safetensors")).unwrap();
        let config: Value = serde_json::from_slice(&fs::read(golden.folder.join("config.json")).unwrap()).unwrap();
        for field in config.as_object().unwrap().keys() {
            for value in &odd {
                let mut spoilt = config.clone();
                spoilt[field] = value.clone();
                let start = Instant::now();
                let answer = std::panic::catch_unwind(|| {
                    let bytes = serde_json::to_vec(&spoilt).unwrap();
                    let checkpoint = Checkpoint::from_bytes(&golden.name, &bytes, weights.clone())?;
                    let options = Options::default().adapter(Adapter::Reference);
                    gpu::block_on(options.open(checkpoint, tokenizer.clone()))?.classify(["good"])
                });
                let what = format!("{}: {field} = {value}", golden.name);
                let answer = answer.unwrap_or_else(|_| panic!("{what} panics"));
                assert!(start.elapsed().as_secs() < 10, "{what} took {:?}", start.elapsed());
                tried += 1;
                refused += usize::from(answer.is_err());
            }
        }
    }
    println!("{tried} configs, {refused} refused");
}

#[test]
fn odd_files_are_refused_by_name() {
    let spoil = |name: &str, contents: &[u8]| {
        let edited = Edited::new();
        edited.load(Options::default().adapter(Adapter::Reference)).unwrap();
        fs::write(edited.path().join(name), contents).unwrap();
        let result = Options::default().load(edited.path());
        let error = says(result, &[name]);
        println!("{}", error.to_string().replace(&edited.path().display().to_string(), ""));
    };
    let empty = b"\x02\0\0\0\0\0\0\0{}";
    for contents in [&b""[..], b"{}", empty, &[0xff; 8], &[0xff; 4096], b"\0\0\0\0\0\0\0\0"] {
        spoil("model.safetensors", contents);
    }
    for contents in [&b""[..], b"{", b"null", b"[]", b"{}", &[0xff, 0xfe], "[".repeat(100_000).as_bytes()] {
        spoil("config.json", contents);
    }
    for contents in [&b""[..], b"{}", b"null", br#"{"model": {"type": "WordPiece"}}"#, "[".repeat(100_000).as_bytes()] {
        spoil("tokenizer.json", contents);
    }
}

/// Tokenizers that load, but do not belong to the model.
#[test]
fn odd_tokenizers_fail_text_by_text() {
    let with = |edit: fn(&mut Value)| {
        let mut edited = Edited::new();
        let mut tokenizer: Value = serde_json::from_slice(&edited.tokenizer).unwrap();
        edit(&mut tokenizer);
        edited.tokenizer = serde_json::to_vec(&tokenizer).unwrap();
        edited
    };
    let far = with(|tokenizer| tokenizer["model"]["vocab"]["good"] = json!(4_000_000_000u32));
    let error = says(far.load(Options::default()).unwrap().classify(["bad", "good"]), &["4000000000", "163 rows"]);
    assert!(matches!(error, Error::Text { index: 1, .. }));
    let bare = with(|tokenizer| tokenizer["post_processor"] = Value::Null);
    // transformers 5 makes the class's own whatever the file says.
    let bare = bare.config("transformers_version", json!("4.57.6"));
    let classifier = bare.load(Options::default()).unwrap();
    assert!(matches!(says(classifier.classify([""]), &["text 0", "no tokens"]), Error::Text { index: 0, .. }));
    assert_eq!(classifier.classify(["good"]).unwrap().tokens, [1]);
    // A million characters without a space, and every kind of odd character.
    let long = "x".repeat(1_000_000);
    let odd = "\0\u{feff}\u{202e}\u{fffd}\u{1f468}\u{200d}\u{1f469}\r\n\t\u{0301}\u{0301}";
    let classifier = Edited::new().load(Options::default()).unwrap();
    let answer = classifier.classify([long.as_str(), odd]).unwrap();
    assert!(answer.logits.values.iter().all(|logit| logit.is_finite()));
}
