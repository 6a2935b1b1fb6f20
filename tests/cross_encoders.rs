//! Cross-encoders as sentence-transformers saves and runs them: each case of cross_encoders.json, which
//! `tests/tools/cross_encoders.py` made by running them, gets the same scores, or is refused by name.

#[path = "common/changes.rs"]
mod changes;

use changes::{changed, read, tests};
use serde_json::{Value, json};
use wgbert::{Adapter, Classifier, Options, Text};

/// On the reference, which needs no pipelines; on an adapter where the case is about what is computed in another way.
fn load(case: &Value) -> wgbert::Result<Classifier> {
    let computed = case.to_string().contains("Tanh\"") || case["changes"] == json!({});
    let adapter = if computed { Adapter::Best } else { Adapter::Reference };
    Options::default().adapter(adapter).load(changed(case).path())
}

#[test]
fn scores_are_those_of_sentence_transformers() {
    let table = read(&tests().join("cross_encoders.json"));
    let pairs: Vec<[String; 2]> = serde_json::from_value(table["pairs"].clone()).expect("pairs");
    let (mut answered, mut refused) = (0, 0);
    for case in table["cases"].as_array().expect("cases") {
        if let Some(words) = case["refused"].as_array() {
            let message = load(case).err().unwrap_or_else(|| panic!("{case} is answered")).to_string();
            for word in words {
                assert!(message.contains(word.as_str().expect("a word")), "{case}: {word} is not in {message:?}");
            }
            refused += 1;
            continue;
        }
        let classifier = load(case).unwrap_or_else(|error| panic!("{case}: {error}"));
        let texts = pairs.iter().map(|[first, second]| Text::Pair(first, second));
        let output = classifier.classify(texts).unwrap_or_else(|error| panic!("{case}: {error}"));
        let scores: Vec<f64> = output.texts().map(|text| f64::from(text.scores()[0])).collect();
        for (score, expected) in scores.iter().zip(case["scores"].as_array().expect("scores")) {
            let expected = expected.as_f64().expect("a number");
            assert!((score - expected).abs() < 1e-5, "{case}: {scores:?}");
        }
        answered += 1;
    }
    assert!(answered > 30 && refused > 10, "{answered} answered, {refused} refused");
}

/// The modules' own weights are looked for where modules.json says.
#[test]
fn absent_modules_are_named() {
    let case = json!({"folder": "reports/modular-reranker", "changes": {"4_Dense/model.safetensors": null}});
    let message = load(&case).expect_err("its weights are absent").to_string();
    assert!(message.contains("4_Dense") && message.contains("no model.safetensors"), "{message}");
    let case = json!({"folder": "reports/modular-reranker", "changes": {"1_Pooling/config.json": null}});
    let message = load(&case).expect_err("its config is absent").to_string();
    assert!(message.contains("modules.json") && message.contains("1_Pooling"), "{message}");
}
