//! Golden checkpoints: every output against the float64 forward of transformers (tests/tools/golden.py).

mod common;

use common::golden::{Golden, Worst, one_of_each, supported};
use common::requirements::{Need, not_run};
use serde_json::{Value, json};
use wgbert::checkpoint::Config;
use wgbert::ir::Capabilities;
use wgbert::{Classifier, Options, Precision, Request, TensorCores, models};

/// The f32 kernels' largest error of logits and hidden states.
const TOLERANCE: f64 = 3e-5;
/// The same where everything that is stored is rounded to f16.
const TOLERANCE_F16: f64 = 5e-2;

fn open(golden: &Golden, options: &Options) -> Classifier {
    options.clone().load(&golden.folder).unwrap_or_else(|error| panic!("{}: {error}", golden.name))
}

/// In both precisions, with kernels chosen as for an adapter that offers `capabilities`.
fn precisions(capabilities: Option<Capabilities>) -> Vec<Options> {
    let stored_as = |precision| Options::default().precision(precision).capabilities(capabilities.clone());
    if !common::gpu().capabilities.f16 {
        not_run(Need::F16, format_args!("{} has no 16-bit floats in shaders", common::gpu().name));
    }
    vec![stored_as(Precision::F32), stored_as(Precision::F16)]
}

/// Weights in f16 and activations in f32. Tests of the kernels go through all tiles, these through the adapter's own.
fn packed() -> Options {
    let capabilities =
        Some(Capabilities { f16: false, cooperative_matrix_size: None, ..common::gpu().capabilities.clone() });
    Options::default().precision(Precision::F16).capabilities(capabilities)
}

/// The kernels of tensor cores; none where the adapter lacks them.
fn tensor_cores() -> Vec<Options> {
    let own = common::gpu().capabilities.clone();
    if own.cooperative_matrix_size.is_none() {
        not_run(Need::TensorCores, format_args!("{} has no square cooperative matrices", common::gpu().name));
        return Vec::new();
    }
    let with_units = |options: Options| options.tensor_cores(TensorCores::Always);
    precisions(Some(Capabilities { cpu: false, ..own })).into_iter().map(with_units).collect()
}

/// The kernels of graphics cards.
fn card() -> Option<Capabilities> {
    Some(common::card(&common::gpu().capabilities))
}

/// All that a checkpoint may hold is tried in f32 on this adapter; elsewhere one checkpoint of each architecture runs the same kernels.
fn by_precision(options: Vec<Options>) -> (Vec<Options>, Vec<Options>) {
    options.into_iter().partition(|options| options.precision == Precision::F32)
}

#[test]
fn golden_checkpoints_agree_with_float64() {
    let cases = supported();
    let (f32, f16) = by_precision(precisions(None));
    agree_with_float64(&f32, &cases);
    agree_with_float64(&f16, &one_of_each());
    assert!(cases.iter().filter(|golden| golden.name.starts_with("bert")).count() >= 8, "BERT's own cases are missing");
}

#[test]
fn golden_checkpoints_agree_with_float64_on_cards() {
    agree_with_float64(&precisions(card()), &one_of_each());
}

#[test]
fn golden_checkpoints_agree_with_float64_without_f16_in_shaders() {
    agree_with_float64(&[packed()], &one_of_each());
}

#[test]
fn golden_checkpoints_agree_with_float64_on_tensor_cores() {
    agree_with_float64(&tensor_cores(), &supported());
}

fn agree_with_float64(options: &[Options], cases: &[Golden]) {
    for (options, golden) in options.iter().flat_map(|options| cases.iter().map(move |golden| (options, golden))) {
        let precision = options.precision;
        let classifier = open(golden, options);
        let encodings = golden.encode(&classifier);
        let everything =
            Request::default().hidden_states(true).attentions(golden.has_attentions()).labels(golden.labels());
        let output = classifier.run(&encodings, &everything).unwrap_or_else(|error| panic!("{}: {error}", golden.name));
        let worst = golden.compare(&output);
        println!("{precision:?} {:28} {worst}", golden.name);
        let Worst { logits, hidden_states, probabilities, attentions, loss } = worst;
        let tolerance = match precision {
            Precision::F32 => TOLERANCE.max(golden.floor()),
            Precision::F16 | Precision::Auto => TOLERANCE_F16,
        };
        for (what, error) in [
            ("logits", logits),
            ("hidden states", hidden_states),
            ("probabilities", probabilities),
            ("attentions", attentions),
            ("loss", loss),
        ] {
            let name = &golden.name;
            assert!(error <= tolerance, "{name}, {precision:?}: {what} are off by {error:e}, more than {tolerance:e}");
        }
    }
    println!("{} checkpoints, stored in {} ways", cases.len(), options.len());
}

/// One text's logits do not depend on what else is classified, in which order, in how many batches, or on what else is
/// asked for.
#[test]
fn answers_are_bit_identical_alone_and_in_any_batch() {
    let (f32, f16) = by_precision(precisions(None));
    are_bit_identical(&f32, &supported());
    are_bit_identical(&f16, &one_of_each());
}

#[test]
fn answers_are_bit_identical_on_cards() {
    are_bit_identical(&precisions(card()), &one_of_each());
}

#[test]
fn answers_are_bit_identical_without_f16_in_shaders() {
    are_bit_identical(&[packed()], &one_of_each());
}

#[test]
fn answers_are_bit_identical_on_tensor_cores() {
    are_bit_identical(&tensor_cores(), &one_of_each());
}

fn are_bit_identical(options: &[Options], cases: &[Golden]) {
    for (options, golden) in options.iter().flat_map(|options| cases.iter().map(move |golden| (options, golden))) {
        let classifier = open(golden, options);
        let encodings = golden.encode(&classifier);
        let plain = Request::default();
        let alone: Vec<Vec<u32>> = encodings
            .iter()
            .map(|encoding| bits(classifier.run(std::slice::from_ref(encoding), &plain).unwrap().logits.row(0)))
            .collect();
        let together = classifier.run(&encodings, &plain).unwrap();
        // Forty texts in a scrambled order, on a plan that needs several batches for them.
        let order: Vec<usize> = (0..40).map(|i| (i * 7 + i / 3) % encodings.len()).collect();
        let many: Vec<_> = order.iter().map(|&index| encodings[index].clone()).collect();
        let small = options.clone().batch_tokens(1).batch_texts(3).load(&golden.folder).unwrap();
        let split = small.run(&many, &plain).unwrap();
        let everything =
            Request::default().hidden_states(true).attentions(golden.has_attentions()).labels(golden.labels());
        let full = classifier.run(&encodings, &everything).unwrap();
        for (index, expected) in alone.iter().enumerate() {
            assert_eq!(&bits(together.logits.row(index)), expected, "{}: text {index} in a batch", golden.name);
            assert_eq!(&bits(full.logits.row(index)), expected, "{}: text {index} with all outputs", golden.name);
        }
        for (row, &index) in order.iter().enumerate() {
            assert_eq!(bits(split.logits.row(row)), alone[index], "{}: text {index} in row {row}", golden.name);
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

type Fields = serde_json::Map<String, Value>;

fn golden_config(case: &str) -> Fields {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case).join("config.json");
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
}

/// The model that a config describes, in words, or what it is refused with.
fn described(fields: &Fields) -> Result<String, String> {
    let config = Config::new(&serde_json::to_vec(fields).unwrap(), "config.json").map_err(|error| error.to_string())?;
    let architecture = models::architecture(&config).map_err(|error| error.to_string())?;
    (architecture.describe)(&config).map(|model| format!("{model:?}")).map_err(|error| error.to_string())
}

/// The fields, `remove`d and added to.
fn respelt(case: &str, remove: &[&str], add: &[(&str, Value)]) -> Fields {
    let mut fields = golden_config(case);
    for name in remove {
        fields.remove(*name).unwrap_or_else(|| panic!("{case} has no {name}"));
    }
    fields.extend(add.iter().map(|(name, value)| ((*name).to_string(), value.clone())));
    fields
}

/// Older and newer spellings of the same config describe the same model.
#[test]
fn old_spellings_mean_the_same() {
    let same = |case: &str, remove: &[&str], add: &[(&str, Value)]| {
        let fields = respelt(case, remove, add);
        assert_eq!(described(&fields).unwrap(), described(&golden_config(case)).unwrap(), "{case}: {add:?}");
    };
    let distilbert = golden_config("distilbert");
    let sizes = [("hidden_size", "dim"), ("num_hidden_layers", "n_layers"), ("num_attention_heads", "n_heads")];
    let general = sizes.map(|(general, own)| (general, distilbert[own].clone()));
    same("distilbert", &["dim", "n_layers", "n_heads"], &general);
    // The general names win.
    same("distilbert", &[], &[&general[..], &sizes.map(|(_, own)| (own, json!(999)))].concat());

    let older = ["transformers_version", "layer_types", "rope_parameters"];
    let every_other = ("global_attn_every_n_layers", json!(2));
    let thetas = [("global_rope_theta", json!(160_000.0)), ("local_rope_theta", json!(10_000.0)), every_other.clone()];
    same("modernbert", &older, &thetas);
    same("modernbert", &older[1..], &thetas);
    // Absent bases are these, too; null is the global one.
    same("modernbert", &older, std::slice::from_ref(&every_other));
    let alike = [("global_rope_theta", json!(100.0)), every_other];
    let [named, null] = [json!(100.0), Value::Null].map(|local| {
        described(&respelt("modernbert", &older, &[&alike[..], &[("local_rope_theta", local)]].concat())).unwrap()
    });
    assert_eq!(named, null);

    let yarn = |kind: &str| json!({ kind: "yarn", "factor": 4.0, "original_max_position_embeddings": 32 });
    let linear = |kind: &str| json!({ kind: "linear", "factor": 4.0 });
    let local = ("local_rope_theta", json!(100.0));
    let scaled = |scaling| [&alike[..], &[local.clone(), ("rope_scaling", scaling)]].concat();
    for kind in ["rope_type", "type"] {
        same("modernbert-yarn", &older, &scaled(yarn(kind)));
        same("modernbert-linear", &older, &scaled(linear(kind)));
        let theta = ("rope_theta", json!(100.0));
        same("gte-linear", &["rope_parameters"], &[theta.clone(), ("rope_scaling", linear(kind))]);
        same("gte-linear", &["rope_parameters"], &[theta, ("rope_parameters", linear(kind))]);
    }
    // Transformers 5 merges into entries that have the type "default": only "rope_type" says another.
    let mut plain = scaled(Value::Null);
    plain.pop();
    let plain = described(&respelt("modernbert-linear", &older[1..], &plain)).unwrap();
    assert_eq!(described(&respelt("modernbert-linear", &older[1..], &scaled(linear("type")))).unwrap(), plain);
    same("modernbert-linear", &older[1..], &scaled(linear("rope_type")));

    same("nomic-bert", &["rope_parameters"], &[("rope_theta", json!(1000.0))]);
    same("nomic-bert", &["rope_parameters"], &[]);
    same("deberta-v2", &[], &[("pos_att_type", json!("p2c|c2p"))]);
    same("mpnet", &[], &[("position_embedding_type", json!("relative_key"))]);
    same("bert", &[], &[("pad_token_id", json!(-1))]);
    // Transformers 5 computes no relative positions, and 4.57 no absolute ones under another name.
    let types = [json!("relative_key"), Value::Null].map(|name| ("position_embedding_type", name));
    types.iter().for_each(|kind| same("bert", &[], std::slice::from_ref(kind)));
    let without = described(&respelt("bert", &["transformers_version"], &types[1..])).unwrap();
    assert!(without.contains("positions: None"), "{without}");

    // Null where nobody looks, and null as Python takes it.
    let older = |add: &[(&str, Value)]| described(&respelt("deberta-v2", &["transformers_version"], add));
    let plain = ("relative_attention", json!(false));
    let null = ("max_relative_positions", Value::Null);
    assert_eq!(older(&[plain.clone(), null.clone()]).unwrap(), older(&[plain]).unwrap());
    assert!(
        older(&[("relative_attention", json!(true)), null]).unwrap_err().contains("max_relative_positions is null")
    );
    let biased = |value| older(&[("position_biased_input", value)]).unwrap();
    assert_eq!(biased(Value::Null), biased(json!(false)));
    same("modernbert", &[], &[("global_attn_every_n_layers", Value::Null)]);
    let error = described(&respelt("modernbert", &["layer_types"], &[("global_attn_every_n_layers", Value::Null)]));
    assert!(error.unwrap_err().contains("neither layer_types nor"));
}

/// Transformers 4.57 cuts out the heads that the file lists, of which 5 knows nothing.
#[test]
fn heads_that_were_cut_out_are_refused() {
    let pruned = ("pruned_heads", json!({ "0": [1] }));
    let error = described(&respelt("bert", &["transformers_version"], std::slice::from_ref(&pruned))).unwrap_err();
    assert!(error.contains("pruned_heads (heads that were cut out) is not supported"), "{error}");
    for fields in [
        respelt("bert", &["transformers_version"], &[("pruned_heads", json!({}))]),
        respelt("bert", &["transformers_version"], &[("pruned_heads", Value::Null)]),
        respelt("bert", &[], &[pruned]),
    ] {
        assert_eq!(described(&fields).unwrap(), described(&golden_config("bert")).unwrap());
    }
}

/// What transformers rotates or masks in ways that are not computed is refused by name.
#[test]
fn rotations_that_are_not_computed_are_refused() {
    let refused = |case: &str, field: &str, value: Value, words: &str| {
        let error = described(&respelt(case, &[], &[(field, value.clone())])).unwrap_err();
        assert!(error.contains(words), "{case}, {field} {value}: {error}");
    };
    for kind in ["llama3", "longrope", "ntk", "proportional"] {
        let scaling = json!({ "rope_type": kind, "factor": 2.0, "rope_theta": 100.0 });
        refused("gte", "rope_scaling", scaling.clone(), &format!("rope_type {kind:?} is not supported"));
        refused("modernbert", "rope_scaling", scaling, &format!("rope_type {kind:?} is not supported"));
    }
    refused("gte", "rope_scaling", json!({ "type": "linear" }), "rope_parameters has no factor");
    refused("gte", "rope_scaling", json!({ "type": "linear", "factor": 0 }), "factor of rope_parameters is 0");
    let half = json!({ "type": "linear", "factor": 2.0, "partial_rotary_factor": 0.5 });
    refused("gte", "rope_scaling", half, "partial_rotary_factor 0.5");
    refused("gte", "head_dim", json!(4), "head_dim");
    // The mask of transformers 5 hides every key from every query; that of 4.57 none.
    refused("modernbert", "local_attention", json!(-1), "local_attention -1");
    let older = respelt("modernbert", &["transformers_version"], &[("local_attention", json!(-1))]);
    assert!(!described(&older).unwrap().contains("window: Some"));
    refused("roberta", "pad_token_id", Value::Null, "pad_token_id is null");
    refused("roberta", "pad_token_id", json!(-2), "pad_token_id is -2");
    let from_zero = described(&respelt("roberta", &[], &[("pad_token_id", json!(-1))])).unwrap();
    assert!(from_zero.contains("padding: None") && from_zero.contains("max_length: 66"), "{from_zero}");
}

/// Fields of transformers' configuration classes that no forward pass of a classifier reads.
const UNREAD: &[&str] = &[
    "add_cross_attention",
    "attention_dropout",
    "attention_probs_dropout_prob",
    "bos_token_id",
    "classifier_dropout",
    "classifier_dropout_prob",
    "cls_dropout",
    "cls_token_id",
    "decoder_bias",
    "deterministic_flash_attn",
    "dropout",
    "embedding_dropout",
    "eos_token_id",
    "hidden_dropout_prob",
    "initializer_cutoff_factor",
    "initializer_range",
    "legacy",
    "mlp_dropout",
    "pooler_dropout",
    "qa_dropout",
    "repad_logits_with_grad",
    "sep_token_id",
    "seq_classif_dropout",
    "sinusoidal_pos_embds",
    "sparse_pred_ignore_index",
    "sparse_prediction",
    "summary_activation",
    "summary_last_dropout",
    "summary_type",
    "summary_use_proj",
    "tie_word_embeddings",
    "use_cache",
];

/// A field that is absent is what transformers' configuration class says (tests/tools/defaults.py), for every field of
/// every architecture; another value than that makes another model, or none, wherever the forward pass reads it.
#[test]
fn absent_fields_are_what_transformers_says() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/defaults.json");
    let table: Fields = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let named: Vec<&str> = models::ARCHITECTURES.iter().map(|architecture| architecture.model_type).collect();
    assert_eq!(
        table.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
        named.into_iter().collect()
    );
    for (model_type, entry) in &table {
        let defaults = entry["fields"].as_object().unwrap();
        let value = |field: &str| match defaults[field].as_str().and_then(|value| value.strip_prefix("config.")) {
            Some(other) => defaults[other].clone(),
            None => defaults[field].clone(),
        };
        let mut all: Fields = defaults.keys().map(|field| (field.clone(), value(field))).collect();
        all.insert("model_type".into(), json!(model_type));
        let mut read = std::collections::BTreeSet::new();
        for added in [
            json!({}),
            json!({ "transformers_version": "5.24.0" }),
            // DeBERTa's other fields matter only then.
            json!({ "pos_att_type": ["c2p"] }),
            json!({ "relative_attention": true, "pos_att_type": ["c2p"], "conv_kernel_size": 3 }),
        ] {
            let added = added.as_object().unwrap();
            let mut explicit = all.clone();
            explicit.extend(added.clone());
            let expected = described(&explicit).unwrap_or_else(|error| panic!("{model_type}: {error}"));
            for field in defaults.keys().filter(|field| !added.contains_key(*field)) {
                let mut fields = explicit.clone();
                fields.remove(field);
                assert_eq!(described(&fields).as_ref(), Ok(&expected), "{model_type} without {field}, {added:?}");
                let changes = others(&value(field)).into_iter().any(|other| {
                    fields.insert(field.clone(), other);
                    described(&fields).as_ref() != Ok(&expected)
                });
                if changes {
                    read.insert(field.as_str());
                }
            }
            let mut none = added.clone();
            none.insert("model_type".into(), json!(model_type));
            assert_eq!(described(&none).as_ref(), Ok(&expected), "{model_type} without any field, {added:?}");
        }
        for field in defaults.keys() {
            let counts_positions = ["roberta", "xlm-roberta", "camembert"].contains(&model_type.as_str());
            let unread = UNREAD.contains(&field.as_str()) || (field == "pad_token_id" && !counts_positions);
            assert_ne!(read.contains(field.as_str()), unread, "{model_type}: whether {field} is read");
        }
    }
}

/// Values beside a default.
fn others(default: &Value) -> Vec<Value> {
    match default {
        Value::Bool(value) => vec![json!(!value)],
        Value::Number(number) if number.is_f64() => vec![json!(number.as_f64().unwrap() + 0.5)],
        Value::Number(number) => vec![json!(number.as_i64().unwrap() + 2)],
        Value::String(_) => vec![json!("relu"), json!("layer_norm")],
        _ => vec![json!(3), json!(["c2p"]), json!({ "rope_type": "linear", "factor": 2.0 })],
    }
}
