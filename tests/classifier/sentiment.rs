//! The embedded model against what was recorded for it in float64 (models/sentiment/expected.json).
#![cfg(feature = "embedded")]

use super::{bits, difference};
use serde_json::Value;
use wgbert::{Adapter, Options, Request};

const TOLERANCE: f64 = 3e-5;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn every_recorded_sentence_has_its_ids_logits_and_label() {
    let expected: Value = serde_json::from_str(include_str!("../../models/sentiment/expected.json")).unwrap();
    let sentences = expected["sentences"].as_array().unwrap();
    let [mut device, mut reference] =
        [Adapter::Best, Adapter::Reference].map(|adapter| Options::default().adapter(adapter).sentiment().unwrap());
    let text = |index: usize| sentences[index]["text"].as_str().unwrap();
    let encodings: Vec<_> = (0..sentences.len()).map(|index| device.encode(index, text(index)).unwrap()).collect();
    let [answer, twin] =
        [&mut device, &mut reference].map(|classifier| classifier.run(&encodings, &Request::default()).unwrap());
    let (mut logits, mut probabilities, mut twins) = (0.0f64, 0.0f64, 0.0f64);
    for (index, sentence) in sentences.iter().enumerate() {
        let ids: Vec<u32> = sentence["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect();
        assert_eq!(encodings[index].ids, ids, "{:?}", text(index));
        let own = answer.text(index).unwrap();
        logits = logits.max(difference(own.logits(), numbers(&sentence["logits"])));
        probabilities =
            probabilities.max(difference(own.probabilities().unwrap(), numbers(&sentence["probabilities"])));
        twins = twins.max(difference(own.logits(), twin.logits.row(index).iter().map(|&logit| f64::from(logit))));
        assert_eq!(own.label(), sentence["label"].as_str(), "{:?}", text(index));
    }
    println!(
        "{} sentences: logits off by {logits:.1e}, probabilities by {probabilities:.1e}; device and reference differ \
         by {twins:.1e}",
        sentences.len()
    );
    assert!(logits <= TOLERANCE && probabilities <= TOLERANCE, "logits {logits:e}, probabilities {probabilities:e}");
    assert!(twins <= 1e-5, "device and reference differ by {twins:e}");
}

#[test]
fn four_sentences_as_a_first_program_would() {
    let classifier = Options::default().sentiment().unwrap();
    let texts = [
        ("This movie was absolutely fantastic.", "positive"),
        ("This product is terrible.", "negative"),
        ("I am very satisfied with this service.", "positive"),
        ("It was an okay experience.", "neutral"),
    ];
    let output = classifier.classify(texts.map(|(text, _)| text)).unwrap();
    assert_eq!(classifier.labels(), ["negative", "neutral", "positive"]);
    for (answer, (text, label)) in output.texts().zip(texts) {
        println!("{:9} {:.4}  {text}", answer.label().unwrap(), answer.score().unwrap());
        assert_eq!(answer.label(), Some(label), "{text}");
        let probabilities = answer.probabilities().unwrap();
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        let top = answer.top(3);
        assert_eq!((top[0].0, top.len()), (label, 3));
        assert!(top.is_sorted_by(|better, worse| better.1 >= worse.1));
        assert_eq!(bits(&[top[0].1]), bits(&[answer.score().unwrap()]));
    }
}
