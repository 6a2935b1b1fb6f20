//! Good checkpoints open; in bad ones each fault is an error that names the file and the tensor or field.

use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use tempfile::TempDir;
use wgbert::checkpoint::{Checkpoint, Weights};
use wgbert::ir::Weight;
use wgbert::models::Linear;

mod mutations;

const CONFIG: &str = r#"{"model_type": "bert", "hidden_size": 4, "num_labels": 3, "problem_type": null,
    "id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 0, "b": 1, "c": 2}, "architectures": ["Bert"]}"#;

fn serialized(tensors: &[(&str, Dtype, &[usize])]) -> Vec<u8> {
    let bytes = [0; 4096];
    let views = tensors.iter().map(|&(name, element, shape)| {
        let count = shape.iter().product::<usize>() * element.bitsize() / 8;
        (name, TensorView::new(element, shape.to_vec(), &bytes[..count]).expect("the sizes agree"))
    });
    safetensors::serialize(views, None).expect("the tensors are valid")
}

fn small() -> Vec<u8> {
    let float = Dtype::F32;
    serialized(&[
        ("bert.words", float, &[5, 4]),
        ("bert.norm", Dtype::F16, &[4]),
        ("classifier.weight", float, &[3, 4]),
    ])
}

/// A file with this header, of `data` zero bytes.
fn with_header(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, contents) in files {
        fs::write(folder.path().join(name), contents).expect("a file of it");
    }
    folder
}

/// The error of opening a folder of these files, with the folder's own path as `DIR`.
fn refusal(files: &[(&str, &[u8])]) -> String {
    let folder = folder(files);
    let error = Checkpoint::open(folder.path()).expect_err("the checkpoint is bad");
    error.to_string().replace(&folder.path().display().to_string(), "DIR")
}

/// A `config.json` that does not say which transformers wrote it is of the version of the tokenizer's files beside it: they
/// were saved together.
#[test]
fn the_files_beside_a_config_say_which_transformers_wrote_it() {
    let config = CONFIG.replace("\"num_labels\": 3", "\"num_labels\": 2");
    let labels = |config: &str, beside: &[(&str, &[u8])]| {
        let weights = small();
        let files = [&[("config.json", config.as_bytes()), ("model.safetensors", &weights)], beside].concat();
        Checkpoint::open(folder(&files).path()).expect("it opens").config.labels
    };
    let (four, five) = (["a", "b", "c"], ["LABEL_0", "LABEL_1"]);
    assert_eq!(labels(&config, &[]), four);
    assert_eq!(labels(&config, &[("tokenizer_config.json", b"{}")]), four);
    assert_eq!(labels(&config, &[("tokenizer_config.json", br#"{"backend": "tokenizers"}"#)]), five);
    assert_eq!(labels(&config, &[("special_tokens_map.json", br#"{"extra_special_tokens": []}"#)]), five);
    // What it says itself counts.
    let older = config.replacen('{', r#"{"transformers_version": "4.40.0","#, 1);
    assert_eq!(labels(&older, &[("tokenizer_config.json", br#"{"backend": "tokenizers"}"#)]), four);
}

#[track_caller]
fn assert_contains(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

#[test]
fn a_saved_checkpoint_opens() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bert");
    let checkpoint = Checkpoint::open(&golden).expect("the golden checkpoint opens");
    assert_eq!(checkpoint.config.model_type, "bert");
    assert_eq!(checkpoint.config.labels, ["negative", "neutral", "positive"]);

    let Checkpoint { weights, .. } = checkpoint;
    let weights = weights.with_base_prefix("bert");
    assert_eq!(weights.bytes(), fs::metadata(golden.join("model.safetensors")).expect("it was opened").len());
    let prefix = "bert.encoder.layer.0.attention.self";
    let qkv = Linear::stacked(&["query", "key", "value"].map(|part| format!("{prefix}.{part}")), 32, 96);
    let matrix = weights.read(&qkv.weight).expect("finite");
    // Input 7 to output 1 of the keys, by way of the file's own bytes.
    let key = Weight::table(format!("{prefix}.key.weight"), 32, 32);
    assert_eq!(matrix[7 * 96 + 32 + 1], weights.read_rows(&key, 1..2).expect("finite")[7]);
    assert_eq!(weights.read(&qkv.bias.expect("it has one")).expect("finite").len(), 96);

    // The same file in memory is the same checkpoint.
    let bytes = |name: &str| fs::read(golden.join(name)).expect("a golden file");
    let embedded = Checkpoint::from_bytes("golden", &bytes("config.json"), bytes("model.safetensors"));
    assert_eq!(embedded.expect("it opened above").weights.read(&qkv.weight).expect("finite"), matrix);
}

#[test]
fn folders_that_are_no_checkpoints_say_what_they_are() {
    let config = ("config.json", CONFIG.as_bytes());
    let missing = |name: &str| refusal(&[config, (name, b"")]);
    assert_contains(&refusal(&[]), &["DIR: no config.json; pass the folder"]);
    assert_contains(
        &refusal(&[("adapter_config.json", b"{}")]),
        &["DIR: no config.json", "PEFT adapter", "merge it first"],
    );
    assert_contains(&refusal(&[config]), &["DIR: no model.safetensors; the folder holds no weights"]);
    assert_contains(
        &missing("pytorch_model.bin"),
        &[
            "DIR: no model.safetensors; there is pytorch_model.bin, a Python pickle",
            "convert it once with: python -c \"from transformers import",
            "M.from_pretrained('DIR').save_pretrained('DIR-safetensors')",
        ],
    );
    assert_contains(&missing("pytorch_model.bin.index.json"), &["pytorch_model.bin.index.json, a Python pickle"]);
    assert_contains(&missing("tf_model.h5"), &["tf_model.h5, weights of TensorFlow", "('DIR', from_tf=True)"]);
    assert_contains(
        &missing("flax_model.msgpack"),
        &["flax_model.msgpack, weights of Flax", "('DIR', from_flax=True)"],
    );
    assert_contains(&missing("model.fp16.safetensors"), &["there is model.fp16.safetensors", "rename it"]);
    assert_contains(
        &missing("model.onnx"),
        &["there is model.onnx, a model exported to ONNX", "the model that it was made of"],
    );
    assert_contains(&missing("adapter_config.json"), &["DIR: no model.safetensors", "PEFT adapter"]);

    let folder = folder(&[config]);
    let open = |name: &str| Checkpoint::open(folder.path().join(name)).expect_err("no folder").to_string();
    assert_contains(&open("absent"), &["cannot open the checkpoint folder", "absent"]);
    assert_contains(&open("config.json"), &["config.json: is a file; pass the folder"]);
}

#[test]
fn broken_weight_files_name_the_file_and_the_tensor() {
    let refusal = |bytes: &[u8]| refusal(&[("config.json", CONFIG.as_bytes()), ("model.safetensors", bytes)]);
    let whole = small();
    assert_contains(&refusal(b""), &["model.safetensors: is truncated: 0 bytes"]);
    assert_contains(&refusal(&whole[..7]), &["is truncated: 7 bytes"]);
    assert_contains(&refusal(&whole[..40]), &["announce a header of", "and 32 follow"]);
    assert_contains(
        &refusal(&whole[..whole.len() - 1]),
        &["model.safetensors: tensor ", "ends at byte", "the file is truncated, download it again"],
    );
    assert_contains(&refusal(&[whole.as_slice(), b"x"].concat()), &["1 bytes of data belong to no tensor"]);
    assert_contains(&refusal(&[0xff; 64]), &["announce a header of 18446744073709551615 bytes"]);
    assert_contains(&refusal(b"version https://git-lfs.github.com/spec/v1\noid sha256:00"), &["git lfs pull"]);
    assert_contains(&refusal(b"<!DOCTYPE html><html>404</html>"), &["not a safetensors file"]);

    let header = |header: &str, data| refusal(&with_header(header, data));
    let broken = "model.safetensors: the safetensors header is broken: ";
    assert_contains(&header("{", 0), &[broken, "EOF"]);
    assert_contains(&header("[]", 0), &[broken, "expected a map from tensor names"]);
    assert_contains(&header(r#"{"a": 1}"#, 0), &[broken, "tensor a: invalid type: integer `1`"]);
    let tensor = |name: &str, element: &str, shape: &str, offsets: &str| {
        format!(r#""{name}": {{"dtype": "{element}", "shape": {shape}, "data_offsets": {offsets}}}"#)
    };
    let one = |element: &str, shape: &str, offsets: &str| format!("{{{}}}", tensor("a", element, shape, offsets));
    assert_contains(&header(&one("F31", "[1]", "[0, 4]"), 4), &[broken, "tensor a: unknown variant `F31`"]);
    assert_contains(&header(&one("F32", "[-1]", "[0, 4]"), 4), &[broken, "tensor a: invalid value: integer `-1`"]);
    let named = "model.safetensors: tensor a: ";
    assert_contains(&header(&one("F32", "[2]", "[0, 4]"), 4), &[named, "shape [2] of F32 does not fit bytes 0 to 4"]);
    assert_contains(&header(&one("F32", "[1]", "[4, 0]"), 4), &[named, "starts at byte 4 of the data"]);
    assert_contains(&header(&one("F32", "[1]", "[4, 8]"), 8), &[named, "where 0 was expected"]);
    assert_contains(&header(&one("F4", "[1]", "[0, 1]"), 1), &[named, "shape [1] of F4 does not fit"]);
    let vast = one("F32", "[4294967296, 4294967296, 4294967296]", "[0, 4]");
    assert_contains(&header(&vast, 4), &[named, "does not fit bytes 0 to 4"]);
    assert_contains(
        &header(&one("U8", "[18446744073709551615]", "[0, 18446744073709551615]"), 0),
        &[named, "truncated"],
    );
    let twice = tensor("a", "F32", "[1]", "[0, 4]");
    assert_contains(&header(&format!("{{{twice}, {twice}}}"), 4), &[broken, "tensor a is listed twice"]);
    let overlap = format!("{{{twice}, {}}}", tensor("b", "F32", "[2]", "[0, 8]"));
    assert_contains(&header(&overlap, 8), &["tensor b: starts at byte 0 of the data, where 4 was expected"]);
}

/// An index that places the tensors of `small` in these files.
fn index(places: &[(&str, &str)]) -> Vec<u8> {
    let places: Vec<String> = places.iter().map(|(tensor, file)| format!("{tensor:?}: {file:?}")).collect();
    format!(r#"{{"metadata": {{"total_size": 8}}, "weight_map": {{{}}}}}"#, places.join(",")).into_bytes()
}

#[test]
fn shards_are_checked_against_their_index() {
    let first = serialized(&[("a", Dtype::F32, &[2])]);
    let second = serialized(&[("b", Dtype::F32, &[1, 2]), ("c", Dtype::F32, &[1])]);
    let good = index(&[("a", "1.safetensors"), ("b", "2.safetensors"), ("c", "2.safetensors")]);
    let config = ("config.json", CONFIG.as_bytes());
    let name = "model.safetensors.index.json";

    let whole = folder(&[config, (name, &good), ("1.safetensors", &first), ("2.safetensors", &second)]);
    let Checkpoint { weights, .. } = Checkpoint::open(whole.path()).expect("all shards are there");
    assert_eq!(weights.names().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(weights.bytes(), (first.len() + second.len()) as u64);
    let error = weights.check(&Weight::vector("c", 2)).expect_err("another shape").to_string();
    assert_contains(&error, &["2.safetensors: tensor c: has the shape [1] in the file, but config.json asks for [2]"]);

    let refusal = |index: &[u8], shards: &[(&str, &[u8])]| refusal(&[&[config, (name, index)], shards].concat());
    assert_contains(
        &refusal(&good, &[("1.safetensors", &first)]),
        &["DIR: no shard of the weights; ", "index.json names 2.safetensors"],
    );
    // Of a tensor in two shards the last counts, and what the index says of tensors does not: as in transformers.
    let other = serialized(&[("a", Dtype::F32, &[3])]);
    let twice = index(&[("a", "1.safetensors"), ("b", "2.safetensors"), ("z", "1.safetensors")]);
    let twice = folder(&[config, (name, &twice), ("1.safetensors", &first), ("2.safetensors", &other)]);
    let Checkpoint { weights, .. } = Checkpoint::open(twice.path()).expect("all shards are there");
    assert_eq!(weights.names().collect::<Vec<_>>(), ["a"]);
    assert_eq!(weights.shape("a"), Some(&[3][..]));
    assert_contains(
        &refusal(&good, &[("1.safetensors", &first), ("2.safetensors", &second[..second.len() - 1])]),
        &["DIR", "2.safetensors: tensor c: ends at byte", "truncated"],
    );
    for outside in ["../x.safetensors", "/etc/passwd", "sub/x", "..", "", ".", "a\\b", "C:x"] {
        let message = refusal(&index(&[("a", outside)]), &[]);
        assert_contains(&message, &["index.json: weight_map names", "not a file of the same folder"]);
    }
    assert_contains(&refusal(b"{}", &[]), &["index.json: missing field `weight_map`"]);
    assert_contains(&refusal(&index(&[]), &[]), &["index.json: weight_map names no file"]);
}

#[test]
fn types_that_are_not_read_are_named() {
    let bytes = serialized(&[("a", Dtype::I64, &[2]), ("b", Dtype::I8, &[2]), ("c", Dtype::BF16, &[2])]);
    let weights = Weights::from_bytes("model.safetensors", bytes).expect("the file is valid");
    let check = |name: &str| weights.check(&Weight::vector(name, 2)).map_err(|error| error.to_string());
    let supported = "supported are F64, F32, F16 and BF16";
    assert_contains(&check("a").expect_err("I64"), &["model.safetensors: tensor a: its elements are I64", supported]);
    assert_contains(&check("b").expect_err("I8"), &["model.safetensors: tensor b: its elements are I8", supported]);
    check("c").expect("BF16 is read");
}

#[test]
fn models_of_other_libraries_are_named() {
    let config = ("config.json", CONFIG.as_bytes());
    let weights = small();
    let weights = ("model.safetensors", weights.as_slice());
    for file in ["model_head.pkl", "config_setfit.json"] {
        assert_contains(&refusal(&[config, weights, (file, b"")]), &[file, "SetFit", "model_head.pkl"]);
    }
}
