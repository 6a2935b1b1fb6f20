//! Models of real size against float64: BERT-base with weights that any language can make (tests/tools/bert_base.py),
//! and a fine-tuned MiniLM where there is one.

#[path = "common/environment.rs"]
mod environment;
#[path = "common/requirements.rs"]
mod requirements;

use requirements::{Need, not_run};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Instant;
use wgbert::ir::Random;
use wgbert::text::Encoding;
use wgbert::{Classification, Classifier, Options, Precision, Request, SequenceClassifierOutput, Text};

const LOGITS: f64 = 5e-6;
const HIDDEN_STATES: f64 = 2e-6;
const LOGITS_F16: f64 = 1e-2;

fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    serde_json::from_slice(&fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn difference(actual: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let distance = |(&a, e): (&f32, &f64)| if a.is_nan() { f64::INFINITY } else { (f64::from(a) - e).abs() };
    actual.iter().zip(expected).map(distance).fold(0.0, f64::max)
}

/// `fill` of tests/tools/golden.py: uniform numbers of standard deviation `deviation`, keyed by the tensor's name.
fn fill(name: &str, count: usize, deviation: f64, seed: u64) -> Vec<f32> {
    let fnv =
        name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let unit = (deviation * 3f64.sqrt() / f64::from(1 << 23)) as f32;
    let mut random = Random(fnv ^ seed);
    (0..count).map(|_| ((random.next() >> 40) as i64 - (1 << 23)) as f32 * unit).collect()
}

/// The tensors of transformers' `BertForSequenceClassification` with `BertConfig(num_labels=3)`.
fn shapes() -> Vec<(String, Vec<usize>)> {
    const HIDDEN: usize = 768;
    let mut all = Vec::new();
    let mut linear = |name: String, outputs: usize, inputs: usize| {
        all.push((format!("{name}.weight"), vec![outputs, inputs]));
        all.push((format!("{name}.bias"), vec![outputs]));
    };
    for layer in 0..12 {
        let name = |part: &str| format!("bert.encoder.layer.{layer}.{part}");
        for part in ["self.query", "self.key", "self.value", "output.dense"] {
            linear(name(&format!("attention.{part}")), HIDDEN, HIDDEN);
        }
        linear(name("intermediate.dense"), 4 * HIDDEN, HIDDEN);
        linear(name("output.dense"), HIDDEN, 4 * HIDDEN);
    }
    linear("bert.pooler.dense".into(), HIDDEN, HIDDEN);
    linear("classifier".into(), 3, HIDDEN);
    for (table, rows) in [("word", 30522), ("position", 512), ("token_type", 2)] {
        all.push((format!("bert.embeddings.{table}_embeddings.weight"), vec![rows, HIDDEN]));
    }
    let layers =
        (0..12).flat_map(|layer| ["attention.output", "output"].map(|part| format!("encoder.layer.{layer}.{part}")));
    for norm in layers.chain(["embeddings".into()]) {
        all.extend(["weight", "bias"].map(|field| (format!("bert.{norm}.LayerNorm.{field}"), vec![HIDDEN])));
    }
    all
}

/// Writes the checkpoint as bert_base.py does, byte for byte.
fn write_bert_base(folder: &Path, expected: &Value) {
    let deviation = |field: &str| expected[field].as_f64().unwrap();
    let seed = expected["seed"].as_u64().unwrap();
    let tensor = |name: &str, count: usize| match name {
        _ if name.contains("LayerNorm") => {
            let one = if name.ends_with("weight") { 1.0 } else { 0.0 };
            fill(name, count, deviation("norm_std"), seed).into_iter().map(|x| x + one).collect()
        }
        _ if name.ends_with("bias") => fill(name, count, deviation("bias_std"), seed),
        "classifier.weight" => fill(name, count, deviation("head_std"), seed),
        _ => fill(name, count, deviation("std"), seed),
    };
    let tensors: Vec<(String, Vec<usize>, Vec<f32>)> = shapes()
        .into_iter()
        .map(|(name, shape)| {
            let numbers = tensor(&name, shape.iter().product());
            (name, shape, numbers)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, numbers)| {
        (name, TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(numbers)).unwrap())
    });
    let bytes = safetensors::serialize(views, Some(HashMap::from([("format".into(), "pt".into())]))).unwrap();
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(expected["model_sha256"].as_str(), Some(hash.as_str()), "these are not the weights of bert_base.py");
    fs::write(folder.join("model.safetensors"), bytes).unwrap();
    // Everything else is transformers' default.
    fs::write(folder.join("config.json"), json!({"model_type": "bert", "num_labels": 3}).to_string()).unwrap();
    let vocab = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bert-base-uncased/vocab.txt");
    fs::copy(vocab, folder.join("vocab.txt")).unwrap();
    fs::write(folder.join("tokenizer_config.json"), json!({"do_lower_case": true}).to_string()).unwrap();
}

fn encode(classifier: &Classifier, index: usize, text: &Value) -> Encoding {
    let string = |value: &Value| value.as_str().unwrap().to_string();
    let encoding = match text.as_array() {
        Some(pair) => classifier.encode(index, Text::Pair(&string(&pair[0]), &string(&pair[1]))),
        None => classifier.encode(index, Text::Single(&string(text))),
    };
    encoding.unwrap()
}

/// Relative rms of the error of each hidden state, from the digest's samples.
fn hidden_state_errors(output: &SequenceClassifierOutput, digest: &Value) -> Vec<f64> {
    let states = output.hidden_states.as_ref().unwrap();
    let places: Vec<Vec<u32>> = digest["places"].as_array().unwrap().iter().map(ids).collect();
    let rms = numbers(&digest["rms"]);
    let layers = digest["values"].as_array().unwrap();
    assert_eq!((layers.len(), rms.len()), (states[0].shape[0], states[0].shape[0]));
    let error = |(layer, values): (usize, &Value)| {
        let square = |(place, expected): (&Vec<u32>, f64)| {
            let [text, token, channel] = [0, 1, 2].map(|axis| place[axis] as usize);
            let actual = states[text].row(layer)[token * states[text].shape[2] + channel];
            (f64::from(actual) - expected).powi(2)
        };
        let total: f64 = places.iter().zip(numbers(values)).map(square).sum();
        (total / places.len() as f64).sqrt() / rms[layer]
    };
    layers.iter().enumerate().map(error).collect()
}

#[test]
fn bert_base_agrees_with_float64() {
    let (expected, digest) = (golden("bert_base_expected.json"), golden("bert_base_hidden.json"));
    let folder = tempfile::tempdir().unwrap();
    let start = Instant::now();
    write_bert_base(folder.path(), &expected);
    println!("weights made in {:.1?}", start.elapsed());
    let classifier = Options::default().load(folder.path()).unwrap();
    let sentences = expected["sentences"].as_array().unwrap();
    let encodings: Vec<_> =
        sentences.iter().enumerate().map(|(index, text)| encode(&classifier, index, text)).collect();
    for (index, encoding) in encodings.iter().enumerate() {
        assert_eq!(encoding.ids, ids(&expected["input_ids"][index]), "ids of sentence {index}");
        assert_eq!(encoding.type_ids, ids(&expected["token_type_ids"][index]), "types of sentence {index}");
    }
    let start = Instant::now();
    let plain = classifier.run(&encodings, &Request::default()).unwrap();
    println!("first run on {} in {:.1?}", classifier.adapter(), start.elapsed());
    let memory = classifier.memory().expect("an adapter");
    let everything = Request::default().hidden_states(true);
    let output = classifier.run(&encodings, &everything).unwrap();
    assert_eq!(plain.logits, output.logits, "the logits depend on whether hidden states are asked for");

    let (mut logits, mut probabilities, mut first) = (0.0f64, 0.0f64, 0.0f64);
    for (index, text) in output.texts().enumerate() {
        logits = logits.max(difference(text.logits(), &numbers(&expected["logits"][index])));
        let scores = text.probabilities().unwrap();
        probabilities = probabilities.max(difference(scores, &numbers(&expected["probabilities"][index])));
        let last = output.hidden_states.as_ref().unwrap()[index].row(12);
        first = first.max(difference(&last[..8], &numbers(&expected["last_hidden_state_cls_first8"][index])));
        assert_eq!(text.argmax(), Some(expected["argmax"][index].as_u64().unwrap() as usize));
    }
    let states = hidden_state_errors(&output, &digest);
    let worst = states.iter().copied().fold(0.0, f64::max);
    let anchor = &expected["anchors"]["trained_like_std0.04"]["f32_eager"];
    let anchor_states = numbers(&anchor["hidden_relative_rms_by_layer"]).into_iter().fold(0.0, f64::max);
    println!("logits {logits:.1e} (PyTorch f32 {:.1e})", anchor["logits_max_abs"].as_f64().unwrap());
    println!("probabilities {probabilities:.1e} (PyTorch f32 {:.1e})", anchor["probs_max_abs"].as_f64().unwrap());
    println!("last hidden state, first 8 channels of [CLS] {first:.1e}");
    println!("hidden states, relative rms: worst {worst:.1e} (PyTorch f32 {anchor_states:.1e})");
    println!("by layer: {}", states.iter().map(|error| format!("{error:.1e}")).collect::<Vec<_>>().join(" "));
    assert!(logits <= LOGITS, "logits are off by {logits:e}");
    assert!(worst <= HIDDEN_STATES, "hidden states are off by {worst:e} of their rms");

    let half = Options::default().precision(Precision::F16).load(folder.path()).unwrap();
    let output = half.run(&encodings, &Request::default()).unwrap();
    let error =
        |(index, text): (usize, Classification<'_>)| difference(text.logits(), &numbers(&expected["logits"][index]));
    let worst = output.texts().enumerate().map(error).fold(0.0, f64::max);
    println!("in f16: logits {worst:.1e}");
    assert!(worst <= LOGITS_F16, "in f16: logits are off by {worst:e}");
    let less = half.memory().expect("an adapter");
    println!("device memory: {memory:?}, in f16 {less:?}");
    assert!(less.weights as f64 <= 0.51 * memory.weights as f64, "f16 takes {less:?} of {memory:?}");
}

/// The checkpoint is not in the repository: `WGBERT_MINILM` names its folder.
#[test]
fn a_fine_tuned_minilm_agrees_with_float64() {
    let Some(folder) = std::env::var_os("WGBERT_MINILM") else {
        return not_run(Need::Minilm, "WGBERT_MINILM does not name the folder of the fine-tuned MiniLM");
    };
    let folder = Path::new(&folder);
    let expected: Value = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let rows = expected["rows"].as_array().unwrap();
    let classifier = Options::default().load(folder).unwrap();
    let encodings: Vec<_> =
        rows.iter().enumerate().map(|(index, row)| encode(&classifier, index, &row["text"])).collect();
    let output = classifier.run(&encodings, &Request::default()).unwrap();
    let mut worst = 0.0f64;
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(encodings[index].ids, ids(&row["input_ids"]), "ids of {}", row["text"]);
        worst = worst.max(difference(output.logits.row(index), &numbers(&row["logits"])));
        assert_eq!(output.argmax[index], row["argmax"].as_u64().map(|index| index as usize), "{}", row["text"]);
    }
    println!("MiniLM, {} texts: logits off by {worst:.1e}", rows.len());
    assert!(worst <= 3e-5, "logits are off by {worst:e}");
}
