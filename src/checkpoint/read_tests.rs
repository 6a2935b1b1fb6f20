use super::*;
use crate::models::Linear;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// Weights of these tensors, whose elements count 1, 2, 3... through all of them.
fn weights(tensors: &[(&str, &[usize])]) -> Weights {
    let mut next = 0.0_f32;
    let data: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, shape)| {
            let count = shape.iter().product();
            let numbers = (0..count).flat_map(|_: usize| {
                next += 1.0;
                next.to_le_bytes()
            });
            numbers.collect()
        })
        .collect();
    let views = tensors.iter().zip(&data).map(|((name, shape), data)| {
        (*name, TensorView::new(Dtype::F32, shape.to_vec(), data).expect("the sizes agree"))
    });
    let bytes = safetensors::serialize(views, None).expect("the tensors are valid");
    Weights::from_bytes("model.safetensors", bytes).expect("the file is valid")
}

fn stacked(names: &[&str], inputs: usize, outputs: usize) -> Linear {
    Linear::stacked(&names.iter().map(|name| name.to_string()).collect::<Vec<_>>(), inputs, outputs)
}

#[test]
fn a_stack_is_laid_out_for_the_device() {
    let weights = weights(&[("q.weight", &[2, 3]), ("k.weight", &[1, 3]), ("q.bias", &[2]), ("k.bias", &[1])]);
    let linear = stacked(&["q", "k"], 3, 3);
    // Stacked [outputs, inputs] it is 1 2 3 | 4 5 6 | 7 8 9.
    assert_eq!(weights.read(&linear.weight).expect("there"), [1., 4., 7., 2., 5., 8., 3., 6., 9.]);
    assert_eq!(weights.read_rows(&linear.weight, 1..3).expect("there"), [2., 5., 8., 3., 6., 9.]);
    assert_eq!(weights.read_columns(&linear.weight, 1..3).expect("there"), [4., 5., 6., 7., 8., 9.]);
    let straight = Weight { transposed: false, ..linear.weight };
    assert_eq!(weights.read_columns(&straight, 1..3).expect("there"), [2., 5., 8., 3., 6., 9.]);
    assert_eq!(weights.read(&straight).expect("there"), [1., 2., 3., 4., 5., 6., 7., 8., 9.]);
    for (rows, expected) in [(0..0, &[][..]), (1..2, &[4., 5., 6.]), (1..3, &[4., 5., 6., 7., 8., 9.])] {
        assert_eq!(weights.read_rows(&straight, rows).expect("there"), expected);
    }
    assert_eq!(weights.read(&linear.bias.expect("it has one")).expect("there"), [10., 11., 12.]);
}

#[test]
fn one_row_is_a_vector_or_a_table() {
    let weights = weights(&[("types", &[1, 3]), ("head.weight", &[1, 3])]);
    assert_eq!(weights.read(&Weight::table("types", 1, 3)).expect("there"), [1., 2., 3.]);
    // A classifier with one label, transposed.
    assert_eq!(weights.read(&Linear::new("head", 3, 1).weight).expect("there"), [4., 5., 6.]);
}

#[test]
fn names_are_found_however_they_were_saved() {
    for (saved, wanted) in [
        ("bert.pooler.dense.weight", "bert.pooler.dense.weight"),
        ("pooler.dense.weight", "bert.pooler.dense.weight"),
        ("bert.pooler.dense.weight", "pooler.dense.weight"),
        ("bert.embeddings.LayerNorm.gamma", "bert.embeddings.LayerNorm.weight"),
        ("embeddings.LayerNorm.beta", "bert.embeddings.LayerNorm.bias"),
        ("LayerNorm.weight", "LayerNorm.gamma"),
        ("module.bert.embeddings.LayerNorm.beta", "bert.embeddings.LayerNorm.bias"),
        ("module.pooler.dense.weight", "bert.pooler.dense.weight"),
        ("_orig_mod.bert.pooler.dense.weight", "bert.pooler.dense.weight"),
        ("_orig_mod.module.bert.pooler.dense.weight", "bert.pooler.dense.weight"),
        ("module._orig_mod.pooler.dense.weight", "bert.pooler.dense.weight"),
        ("model.bert.pooler.dense.weight", "bert.pooler.dense.weight"),
        ("_orig_mod.model.pooler.dense.weight", "bert.pooler.dense.weight"),
        // One part of the model was wrapped by itself.
        ("bert._orig_mod.embeddings.LayerNorm.gamma", "bert.embeddings.LayerNorm.weight"),
        ("bert.encoder.layer.0._checkpoint_wrapped_module.x", "bert.encoder.layer.0.x"),
    ] {
        let weights = weights(&[(saved, &[4])]).with_base_prefix("bert");
        assert_eq!(weights.find(wanted).expect(wanted).name, saved);
        assert_eq!(weights.shape(wanted), Some(&[4][..]));
        assert_eq!(weights.element(wanted), Some(Dtype::F32));
    }
    // What GTE's encoder was called before it was transformers' own.
    for (saved, wanted) in [
        ("new.pooler.dense.weight", "gte.pooler.dense.weight"),
        ("module.new.pooler.dense.weight", "gte.pooler.dense.weight"),
        ("new.embeddings.LayerNorm.gamma", "gte.embeddings.LayerNorm.weight"),
        ("pooler.dense.weight", "gte.pooler.dense.weight"),
        ("classifier.weight", "classifier.weight"),
    ] {
        let weights = weights(&[(saved, &[4])]).with_base_prefix("gte").with_former_prefix("new");
        assert_eq!(weights.find(wanted).expect(wanted).name, saved);
    }
    // The exact name wins; other prefixes and parts of a prefix do not count.
    let weights = weights(&[("bert.a", &[1]), ("a", &[2]), ("bertha.b", &[3])]).with_base_prefix("bert");
    assert_eq!(weights.shape("a"), Some(&[2][..]));
    assert_eq!(weights.shape("bert.a"), Some(&[1][..]));
    assert_eq!(weights.shape("b"), None);
    // Nor does a wrapper's prefix where the name is there without, or twice with one.
    let weights = weights_of(&["a", "model.a", "module.b", "model.b", "model.c"]).with_base_prefix("model");
    assert_eq!(weights.find("a").expect("there").name, "a");
    assert_eq!(weights.find("model.a").expect("there").name, "model.a");
    assert_eq!(weights.find("c").expect("there").name, "model.c");
    assert_eq!(weights_of(&["module.b", "_orig_mod.b"]).find("b").map(|stored| stored.name.to_string()), None);
}

/// Vectors of one element.
fn weights_of(names: &[&str]) -> Weights {
    weights(&names.iter().map(|&name| (name, &[1][..])).collect::<Vec<_>>())
}

#[test]
fn prefixes_of_unknown_wrappers_are_named() {
    let weights = weights_of(&["net.bert.a", "net.classifier.weight", "loss.weight"]).with_base_prefix("bert");
    for name in ["bert.a", "classifier.weight"] {
        for role in [Role::Encoder, Role::Head] {
            let weight = Weight { role, ..Weight::vector(name, 1) };
            let message = weights.check(&weight).expect_err("it is elsewhere").to_string();
            assert!(message.contains(&format!("tensor {name}: is stored with net. before its name")), "{message}");
        }
    }
    // A head of pretraining is no wrapper.
    let weights = weights_of(&["albert.a", "albert.b", "sop_classifier.classifier.weight"]).with_base_prefix("albert");
    let head = Weight { role: Role::Head, ..Weight::vector("classifier.weight", 1) };
    assert!(matches!(weights.check(&head), Err(Error::MissingHead { .. })));
}

#[test]
fn rows_of_tables_that_are_not_finite_fail_who_reads_them() {
    let values = [1.0, 2.0, f32::NAN, 4.0, 5.0, 6.0];
    let data: Vec<u8> = values.iter().flat_map(|value: &f32| value.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, vec![3, 2], &data).expect("the sizes agree");
    let bytes = safetensors::serialize([("words", view)], None).expect("the tensors are valid");
    let open = || Weights::from_bytes("model.safetensors", bytes.clone()).expect("the file is valid");
    let table = Weight::table("words", 3, 2);
    assert!(open().read(&table).expect_err("no table").to_string().contains("tensor words: element [1, 0] is NaN"));
    let weights = open().with_tables([&table]);
    assert!(weights.is_finite());
    assert_eq!(weights.read_rows(&table, 0..1).expect("finite"), [1.0, 2.0]);
    assert!(weights.is_finite());
    assert_eq!(weights.read_rows(&table, 1..3).expect("a table"), [0.0, 0.0, 5.0, 6.0]);
    assert!(!weights.is_finite());
    assert_eq!([weights.check_row(&table, 0), weights.check_row(&table, 2)], [Ok(()), Ok(())]);
    let message = weights.check_row(&table, 1).expect_err("it is NaN");
    assert!(message.starts_with("it reads row 1 of the tensor words, whose element [1, 0] is NaN"), "{message}");
}

#[test]
fn wrong_shapes_name_both() {
    let weights = weights(&[("a.weight", &[3, 4]), ("b.weight", &[2, 4]), ("a.bias", &[3]), ("b.bias", &[1, 2])]);
    let message = |weight: &Weight| {
        let error = weights.check(weight).expect_err("the shape is wrong").to_string();
        assert_eq!(weights.read(weight).expect_err("the same").to_string(), error);
        error
    };
    assert_eq!(
        message(&Weight::table("a.weight", 4, 3)),
        "model.safetensors: tensor a.weight: has the shape [3, 4] in the file, but config.json asks for [4, 3]"
    );
    assert_eq!(
        message(&stacked(&["a", "b"], 4, 6).weight),
        "model.safetensors: tensor a.weight + b.weight: has the shape [3, 4] + [2, 4] in the file, but config.json asks for \
         [6, 4], stacked"
    );
    assert!(
        message(&Weight::vector("a.bias", 4)).ends_with("has the shape [3] in the file, but config.json asks for [4]")
    );
    // Stacking tables of one row is not stacking vectors.
    assert!(message(&stacked(&["a", "b"], 4, 5).bias.expect("it has one")).contains("[3] + [1, 2]"));
    assert!(message(&Linear::new("a", 4, 2).of_head().weight).contains("how many labels id2label or num_labels say"));
    assert!(
        message(&Weight::vector("bias", 4)).contains("tensor bias: is absent; the model that config.json describes")
    );
}

#[test]
fn a_head_is_only_made_up_on_request() {
    let bare = || weights(&[("bert.a.weight", &[3, 4])]);
    let head = Linear::new("classifier", 64, 48).of_head();
    let bias = head.bias.clone().expect("it has one");
    let error = bare().check(&head.weight).expect_err("absent");
    assert!(matches!(error, Error::MissingHead { tensor, .. } if tensor == "classifier.weight"));

    let read = |seed, weight: &Weight| bare().with_random_head(seed).read(weight).expect("made up");
    let matrix = read(1, &head.weight);
    assert_eq!(matrix, read(1, &head.weight));
    assert_ne!(matrix, read(2, &head.weight));
    assert_ne!(matrix, read(1, &Linear::new("dense", 64, 48).of_head().weight));
    // The transposed one holds the same numbers.
    let straight = read(1, &Weight { transposed: false, ..head.weight.clone() });
    let piece = bare().with_random_head(1).read_rows(&head.weight, 5..7).expect("made up");
    assert_eq!(piece, matrix[5 * 48..7 * 48]);
    assert_eq!(matrix[5 * 48 + 7], straight[7 * 64 + 5]);
    let count = matrix.len() as f32;
    let mean = matrix.iter().sum::<f32>() / count;
    let deviation = (matrix.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt();
    assert!(mean.abs() < 1.5e-3 && (deviation - 0.02).abs() < 1e-3, "mean {mean}, deviation {deviation}");

    assert_eq!(read(1, &bias), vec![0.0; 48]);
    assert_eq!(read(1, &Weight { role: Role::Head, ..Weight::vector("norm.weight", 2) }), [1.0, 1.0]);
    // Not for the encoder, and not for any size a config may ask for.
    let encoder = Linear::new("classifier", 64, 48).weight;
    assert!(matches!(bare().with_random_head(1).check(&encoder), Err(Error::Tensor { .. })));
    let vast = Linear::new("classifier", usize::MAX / 2, 3).of_head().weight;
    let message = bare().with_random_head(1).read(&vast).expect_err("too large").to_string();
    assert!(message.contains("is too large"), "{message}");
}

#[test]
fn unused_tensors() {
    let names = ["bert.a", "bert.b", "bert.embeddings.position_ids", "cls.predictions.bias", "module.cls.x"];
    let tensors: Vec<(&str, &[usize])> = names.iter().map(|&name| (name, &[1][..])).collect();
    let weights = weights(&tensors).with_base_prefix("bert");
    assert_eq!(weights.unused(&[Weight::vector("a", 1)]), ["bert.b"]);
    assert_eq!(weights.names().count(), 5);
}

#[test]
fn what_pretraining_left_is_not_unexpected() {
    let weights = weights_of(&[
        "roberta.a",
        "roberta.pooler.dense.weight",
        "roberta.embeddings.token_type_ids",
        "roberta.embeddings.position_ids",
        "lm_head.decoder.bias",
        "discriminator_predictions.dense.bias",
        "module.vocab_projector.bias",
        "roberta.layer.0.query.lora_A.weight",
        "extra",
    ]);
    assert_eq!(weights.unexpected(&[Weight::vector("roberta.a", 1)]), ["extra", "roberta.layer.0.query.lora_A.weight"]);
}
