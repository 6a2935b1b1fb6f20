//! Golden checkpoints: every output against the float64 forward of transformers (tests/tools/golden.py).

mod common;

use common::golden::{Golden, Worst, one_of_each, supported};
use wgbert::checkpoint::Config;
use wgbert::ir::Capabilities;
use wgbert::{Classifier, MatrixUnits, Options, Precision, Request, models};

/// The f32 kernels' largest error of logits and hidden states.
const TOLERANCE: f64 = 3e-5;
/// The same where everything that is stored is rounded to f16.
const TOLERANCE_F16: f64 = 5e-2;

fn open(golden: &Golden, options: &Options) -> Classifier {
    options.clone().load(&golden.folder).unwrap_or_else(|error| panic!("{}: {error}", golden.name))
}

/// In both precisions, with kernels chosen as for an adapter that offers `capabilities`.
fn precisions(capabilities: Option<Capabilities>) -> Vec<Options> {
    let stored_as = |precision| Options { precision, capabilities: capabilities.clone(), ..Options::default() };
    if !common::gpu().capabilities.f16 {
        println!("NOT RUN with activations in f16: {} has no 16-bit floats in shaders", common::gpu().name);
    }
    vec![stored_as(Precision::F32), stored_as(Precision::F16)]
}

/// Weights in f16 and activations in f32. Tests of the kernels go through all tiles, these through the adapter's own.
fn packed() -> Options {
    let capabilities = Some(Capabilities { f16: false, cooperative: None, ..common::gpu().capabilities.clone() });
    Options { precision: Precision::F16, capabilities, ..Options::default() }
}

/// The kernels of matrix units; none where the adapter lacks them.
fn matrix_units() -> Vec<Options> {
    let own = common::gpu().capabilities.clone();
    if own.cooperative.is_none() {
        println!("NOT RUN: {} has no square cooperative matrices, f16 in and f32 out", common::gpu().name);
        return Vec::new();
    }
    let with_units = |options| Options { matrix_units: MatrixUnits::Always, ..options };
    precisions(Some(Capabilities { cpu: false, ..own })).into_iter().map(with_units).collect()
}

/// The kernels of graphics cards.
fn card() -> Option<Capabilities> {
    Some(common::card(&common::gpu().capabilities))
}

#[test]
fn golden_checkpoints_agree_with_float64() {
    let cases = supported();
    agree_with_float64(&precisions(None), &cases);
    assert!(cases.iter().filter(|golden| golden.name.starts_with("bert")).count() >= 8, "BERT's own cases are missing");
}

#[test]
fn golden_checkpoints_agree_with_float64_on_cards() {
    let (f32, f16): (Vec<_>, Vec<_>) =
        precisions(card()).into_iter().partition(|options| options.precision == Precision::F32);
    agree_with_float64(&f32, &supported());
    agree_with_float64(&f16, &one_of_each());
}

#[test]
fn golden_checkpoints_agree_with_float64_without_f16_in_shaders() {
    agree_with_float64(&[packed()], &one_of_each());
}

#[test]
fn golden_checkpoints_agree_with_float64_on_matrix_units() {
    agree_with_float64(&matrix_units(), &supported());
}

fn agree_with_float64(options: &[Options], cases: &[Golden]) {
    for (options, golden) in options.iter().flat_map(|options| cases.iter().map(move |golden| (options, golden))) {
        let precision = options.precision;
        let classifier = open(golden, options);
        let encodings = golden.encode(&classifier);
        let everything = Request { hidden_states: true, attentions: golden.has_attentions(), labels: golden.labels() };
        let output = classifier.run(&encodings, &everything).unwrap_or_else(|error| panic!("{}: {error}", golden.name));
        let worst = golden.compare(&output);
        println!("{precision:?} {:28} {worst}", golden.name);
        let Worst { logits, hidden_states, probabilities, attentions, loss } = worst;
        let tolerance = match precision {
            Precision::F32 => TOLERANCE.max(golden.floor()),
            Precision::F16 => TOLERANCE_F16,
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
    are_bit_identical(&precisions(None), &supported());
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
fn answers_are_bit_identical_on_matrix_units() {
    are_bit_identical(&matrix_units(), &one_of_each());
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
        let small =
            Options { batch_tokens: Some(1), batch_texts: Some(3), ..options.clone() }.load(&golden.folder).unwrap();
        let split = small.run(&many, &plain).unwrap();
        let everything = Request { hidden_states: true, attentions: golden.has_attentions(), labels: golden.labels() };
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

/// Older and newer spellings of the same config describe the same model.
#[test]
fn old_spellings_mean_the_same() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let respell = |case: &str, rename: &[(&str, &str)], remove: &[&str], add: &[(&str, serde_json::Value)]| {
        let path = folder.join(case).join("config.json");
        let described = |fields: &serde_json::Map<String, serde_json::Value>| {
            let config = Config::new(&serde_json::to_vec(fields).unwrap(), &path).unwrap();
            let architecture = models::architecture(&config).unwrap();
            format!("{:?}", (architecture.describe)(&config).unwrap())
        };
        let mut fields: serde_json::Map<_, _> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let newer = described(&fields);
        for (from, to) in rename {
            let value = fields.remove(*from).unwrap_or_else(|| panic!("{case} has no {from}"));
            fields.insert((*to).into(), value);
        }
        for name in remove {
            fields.remove(*name).unwrap_or_else(|| panic!("{case} has no {name}"));
        }
        fields.extend(add.iter().map(|(name, value)| ((*name).to_string(), value.clone())));
        assert_eq!(described(&fields), newer, "{case}");
    };
    let sizes = [("dim", "hidden_size"), ("n_layers", "num_hidden_layers"), ("n_heads", "num_attention_heads")];
    respell("distilbert", &sizes, &[], &[]);
    let rope = [
        ("global_rope_theta", 160_000.0.into()),
        ("local_rope_theta", 10_000.0.into()),
        ("global_attn_every_n_layers", 2.into()),
    ];
    respell("modernbert", &[], &["layer_types", "rope_parameters"], &rope);
    respell("nomic-bert", &[], &["rope_parameters"], &[("rope_theta", 1000.0.into())]);
    respell("deberta-v2", &[], &[], &[("pos_att_type", "p2c|c2p".into())]);
}
