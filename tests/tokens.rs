//! Token classification: logits against the float64 forward of transformers, entities against its pipeline
//! (tests/tools/tokens.py).

mod common;

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use wgbert::models::ARCHITECTURES;
use wgbert::text::Encoding;
use wgbert::{
    Adapter, Aggregation, Classifier, Entity, EntityKind, Error, Label, Options, Precision, Request, Task, Text,
    TokenClassifierOutput,
};

const TOLERANCE: f64 = 1e-5;
/// What is stored is rounded to f16.
const TOLERANCE_F16: f64 = 5e-2;
const AGGREGATIONS: [(&str, Aggregation); 5] = [
    ("none", Aggregation::None),
    ("simple", Aggregation::Simple),
    ("first", Aggregation::First),
    ("average", Aggregation::Average),
    ("max", Aggregation::Max),
];

/// One checkpoint with its expectations.
struct Golden {
    name: String,
    folder: PathBuf,
    expected: Value,
}

impl Golden {
    fn texts(&self) -> Vec<String> {
        let texts = self.expected["texts"].as_array().unwrap();
        texts.iter().map(|text| text.as_str().unwrap().into()).collect()
    }

    fn load(&self, options: &Options) -> Classifier {
        options.clone().load(&self.folder).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Largest difference of a logit from transformers'; checks what is not a number on the way.
    fn compare(&self, output: &TokenClassifierOutput) -> f64 {
        let mut worst: f64 = 0.0;
        assert_eq!(output.len(), self.texts().len());
        for (index, answer) in output.texts().enumerate() {
            let (name, expected) = (format!("{}, text {index}", self.name), |field: &str| &self.expected[field][index]);
            assert_eq!(json!(answer.ids()), *expected("input_ids"), "{name}");
            assert_eq!(json!(answer.truncated()), *expected("truncated"), "{name}");
            let spans = answer.spans().expect("the classifier encoded them");
            let special: Vec<u8> = spans.special.iter().copied().map(u8::from).collect();
            assert_eq!(json!(special), *expected("special_tokens_mask"), "{name}");
            let offsets = spans.offsets.as_ref();
            let offsets = offsets.map(|offsets| offsets.iter().map(|at| [at.start, at.end]).collect::<Vec<_>>());
            assert_eq!(json!(offsets), *expected("offset_mapping"), "{name}");
            let logits: Vec<f64> = expected("logits").as_array().unwrap().iter().flat_map(numbers).collect();
            assert_eq!(answer.logits().len(), logits.len(), "{name}");
            let difference = |(&logit, expected): (&f32, &f64)| {
                if logit.is_nan() { f64::INFINITY } else { (f64::from(logit) - expected).abs() }
            };
            worst = answer.logits().iter().zip(&logits).map(difference).fold(worst, f64::max);
        }
        worst
    }
}

fn numbers(row: &Value) -> Vec<f64> {
    row.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn golden(name: &str) -> Golden {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tokens").join(name);
    let expected = std::fs::read(folder.join("expected.json")).unwrap();
    Golden { name: name.into(), expected: serde_json::from_slice(&expected).unwrap(), folder }
}

fn every() -> Vec<Golden> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tokens");
    let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> = folders.collect();
    names.iter().map(|name| golden(name)).collect()
}

#[test]
fn every_architecture_has_a_checkpoint() {
    let cases = every();
    for architecture in ARCHITECTURES {
        let class = architecture.class_of(Task::TokenClassification);
        let found = cases.iter().any(|golden| golden.expected["architecture"] == json!(class));
        assert!(found, "tests/tools/tokens.py makes no {class}");
    }
}

#[test]
fn logits_agree_with_float64() {
    for golden in every() {
        // One in f16: what is stored is narrower, whatever head reads it.
        let narrow = Options::default().precision(Precision::F16);
        for (options, tolerance) in [
            (Options::default(), TOLERANCE),
            (Options::default().adapter(Adapter::Reference), TOLERANCE),
            (narrow, TOLERANCE_F16),
        ] {
            if options.precision == Precision::F16 && golden.name != "modernbert" {
                continue;
            }
            let classifier = golden.load(&options);
            assert_eq!(classifier.task(), Task::TokenClassification);
            let output = classifier.classify_tokens(&golden.texts()).unwrap_or_else(|e| panic!("{}: {e}", golden.name));
            let worst = golden.compare(&output);
            println!("{:16} {:?} {worst:.1e}", golden.name, options.precision);
            assert!(worst <= tolerance, "{}: logits are off by {worst:e}, more than {tolerance:e}", golden.name);
            for row in output.probabilities.values.chunks(output.labels.len()) {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn entities_are_those_of_the_pipeline() {
    for golden in every() {
        let output = golden.load(&Options::default()).classify_tokens(&golden.texts()).unwrap();
        for (name, aggregation) in AGGREGATIONS {
            let expected = &golden.expected["entities"][name];
            for answer in output.texts() {
                let text = format!("{}, {name}, text {}", golden.name, answer.index);
                let entities = answer.entities(aggregation);
                let Some(expected) = expected.as_array() else {
                    // The pipeline refuses it, too.
                    let message = entities.expect_err(&text).to_string();
                    assert!(message.contains("does not say where its tokens stand"), "{message}");
                    continue;
                };
                let entities = entities.unwrap_or_else(|error| panic!("{text}: {error}"));
                let expected = expected[answer.index].as_array().unwrap();
                assert_eq!(entities.len(), expected.len(), "{text}: {entities:?}");
                entities.iter().zip(expected).for_each(|(entity, expected)| compare(entity, expected, &text));
            }
        }
    }
}

fn compare(entity: &Entity, expected: &Value, text: &str) {
    let (kind, index) = match &entity.kind {
        EntityKind::Token { index, .. } => ("entity", json!(index)),
        EntityKind::Group(_) => ("entity_group", Value::Null),
    };
    let offsets = entity.offsets.as_ref();
    let found = json!({
        "kind": entity.label(), "word": entity.word, "index": index,
        "start": offsets.map(|at| at.start), "end": offsets.map(|at| at.end),
    });
    let wanted = json!({
        "kind": expected[kind], "word": expected["word"], "index": expected["index"], "start": expected["start"],
        "end": expected["end"],
    });
    assert_eq!(found, wanted, "{text}");
    let difference = (f64::from(entity.score) - expected["score"].as_f64().unwrap()).abs();
    assert!(difference <= TOLERANCE, "{text}: the score of {found} is off by {difference:e}");
}

/// A token's logits do not depend on what else is classified, in which order, or in how many batches, nor on what else is
/// asked for.
#[test]
fn answers_are_bit_identical_alone_and_in_any_batch() {
    let card = Some(common::card(&common::gpu().capabilities));
    for name in ["bert", "deberta-v2", "modernbert"] {
        for capabilities in [None, card.clone()] {
            let golden = golden(name);
            let options = Options::default().capabilities(capabilities);
            let classifier = golden.load(&options);
            let encodings: Vec<Encoding> =
                golden.texts().iter().map(|text| classifier.encode(0, text).unwrap()).collect();
            let run = |classifier: &Classifier, encodings: &[Encoding], request: &Request| -> Vec<Vec<u32>> {
                let output = classifier.run_tokens(encodings, request).unwrap();
                output.texts().map(|answer| answer.logits().iter().map(|x| x.to_bits()).collect()).collect()
            };
            let plain = Request::default();
            let alone: Vec<_> =
                encodings.iter().map(|one| run(&classifier, std::slice::from_ref(one), &plain).remove(0)).collect();
            assert_eq!(run(&classifier, &encodings, &plain), alone, "{name}: together");
            let everything = Request::default().hidden_states(true).attentions(true);
            assert_eq!(run(&classifier, &encodings, &everything), alone, "{name}: with all outputs");
            let order: Vec<usize> = (0..40).map(|i| (i * 7 + i / 3) % encodings.len()).collect();
            let many: Vec<_> = order.iter().map(|&index| encodings[index].clone()).collect();
            let small = golden.load(&options.batch_tokens(1).batch_texts(3));
            for (index, logits) in order.iter().zip(run(&small, &many, &plain)) {
                assert!(logits == alone[*index], "{name}: text {index} in a batch of several");
            }
        }
    }
}

/// Each text's part of hidden states and attentions is its own.
#[test]
fn hidden_states_and_attentions_are_answered_by_text() {
    let golden = golden("bert");
    let classifier = golden.load(&Options::default());
    let encodings: Vec<Encoding> = golden.texts().iter().map(|text| classifier.encode(0, text).unwrap()).collect();
    let request = Request::default().hidden_states(true).attentions(true);
    let output = classifier.run_tokens(&encodings, &request).unwrap();
    let (states, attentions) = (output.hidden_states.unwrap(), output.attentions.unwrap());
    let refused = classifier.run_tokens(&encodings, &Request::default().pooled_output(true)).unwrap_err();
    assert!(refused.to_string().contains("pooled output"), "{refused}");
    for (index, encoding) in encodings.iter().enumerate() {
        let alone = classifier.run_tokens(std::slice::from_ref(encoding), &request).unwrap();
        assert_eq!(states[index], alone.hidden_states.unwrap()[0]);
        assert_eq!(attentions[index], alone.attentions.unwrap()[0]);
        assert_eq!(states[index].shape, [3, encoding.ids.len(), 8]);
    }
}

#[test]
fn calls_for_another_task_say_which_is_right() {
    let tokens = golden("bert").load(&Options::default());
    let message = |error: Error| error.to_string();
    let error = message(tokens.classify(["good"]).expect_err("it classifies tokens"));
    assert!(error.contains("`classify_tokens`"), "{error}");
    let first = tokens.classify_iter(["good"]).next().unwrap();
    assert!(message(first.expect_err("it classifies tokens")).contains("`classify_tokens`"));
    let sequences = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bert");
    let sequences = Classifier::load(sequences).unwrap();
    assert_eq!(sequences.task(), Task::SequenceClassification);
    let error = message(sequences.classify_tokens(["good"]).expect_err("it classifies texts"));
    assert!(error.contains("classifies texts") && error.contains("`classify` or `run`"), "{error}");

    let error = message(tokens.classify_tokens([Text::Pair("was it good?", "it was")]).expect_err("a pair"));
    assert!(error.contains("text 0: it is a pair"), "{error}");
    let encodings = [tokens.encode(0, "good").unwrap()];
    let labels = vec![Some(Label::Class(1))];
    let error = message(tokens.run_tokens(&encodings, &Request::default().labels(labels)).expect_err("a label"));
    assert!(error.contains("text 0: it has a label"), "{error}");
    // Tokens that somebody took out are missed.
    let mut short = encodings[0].clone();
    short.ids.truncate(2);
    short.type_ids.truncate(2);
    let error = message(tokens.run_tokens(&[short], &Request::default()).expect_err("spans of other tokens"));
    assert!(error.contains("2 ids, but spans of 3"), "{error}");
    // Encodings of another origin have logits, but no words.
    let output = tokens.run_tokens(&[Encoding::new(vec![2, 9, 3], vec![0; 3])], &Request::default()).unwrap();
    let answer = output.text(0).unwrap();
    assert_eq!(answer.logits().len(), 3 * 7);
    assert!(message(answer.entities(Aggregation::None).unwrap_err()).contains("does not say where its tokens stand"));
}

#[test]
fn no_text_is_an_answer_without_texts() {
    let output = golden("bert").load(&Options::default()).classify_tokens(Vec::<&str>::new()).unwrap();
    assert!(output.is_empty() && output.cu_seqlens == [0] && output.argmax.is_empty());
}
