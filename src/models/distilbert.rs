//! DistilBERT: transformers models/distilbert/modeling_distilbert.py. BERT's layers under other names, no token types,
//! epsilon 1e-12 whatever the config says, and a head with ReLU.

use super::{
    Activation, Architecture, Dense, Embeddings, Head, Linear, Model, Norm, Pooling, Positions, Score, Weight,
    block::{self, MAX_LAYERS, MAX_POSITIONS, MAX_ROWS, MAX_WIDTH, Names, Sizes},
};
use crate::checkpoint::Config;
use crate::error::Result;
use serde::Deserialize;
use std::sync::Arc;

pub const ARCHITECTURE: Architecture = Architecture {
    model_type: "distilbert",
    class: "DistilBertForSequenceClassification",
    base_prefix: "distilbert",
    describe,
};

const EPSILON: f32 = 1e-12;

/// `DistilBertConfig`, each size under its own name or the general one (its `attribute_map`). The sinusoidal flag is not
/// read: it decides how a table is initialised, and a checkpoint has the table.
#[derive(Debug, Deserialize)]
struct DistilBertConfig {
    vocab_size: Option<usize>,
    dim: Option<usize>,
    hidden_size: Option<usize>,
    n_layers: Option<usize>,
    num_hidden_layers: Option<usize>,
    n_heads: Option<usize>,
    num_attention_heads: Option<usize>,
    hidden_dim: Option<usize>,
    activation: Option<String>,
    max_position_embeddings: Option<usize>,
}

fn describe(config: &Config) -> Result<Model> {
    let fields: DistilBertConfig = config.parse()?;
    let vocabulary = fields.vocab_size.unwrap_or(30522);
    let hidden = fields.dim.or(fields.hidden_size).unwrap_or(768);
    let layers = fields.n_layers.or(fields.num_hidden_layers).unwrap_or(6);
    let heads = fields.n_heads.or(fields.num_attention_heads).unwrap_or(12);
    let intermediate = fields.hidden_dim.unwrap_or(3072);
    let max_length = fields.max_position_embeddings.unwrap_or(512);
    config.sizes(&[
        ("vocab_size", vocabulary, MAX_ROWS),
        ("dim", hidden, MAX_WIDTH),
        ("n_layers", layers, MAX_LAYERS),
        ("n_heads", heads, MAX_WIDTH),
        ("hidden_dim", intermediate, MAX_WIDTH),
        ("max_position_embeddings", max_length, MAX_POSITIONS),
    ])?;
    let activation = config.activation("activation", fields.activation.as_deref().unwrap_or("gelu"))?;
    let sizes = Sizes { hidden, heads, intermediate, activation, epsilon: EPSILON };

    let table =
        |name: &str, rows| Weight::table(format!("distilbert.embeddings.{name}_embeddings.weight"), rows, hidden);
    let layer = |index: usize| {
        let parts = [
            "attention.q_lin",
            "attention.k_lin",
            "attention.v_lin",
            "attention.out_lin",
            "sa_layer_norm",
            "ffn.lin1",
            "ffn.lin2",
            "output_layer_norm",
        ];
        let names = Names::new(&format!("distilbert.transformer.layer.{index}"), parts);
        block::post_norm(config, names, sizes, |_| Score::Plain).map(Arc::new)
    };
    Ok(Model {
        hidden,
        max_length,
        embeddings: Embeddings {
            words: table("word", vocabulary),
            positions: Some(Positions { table: table("position", max_length), padding: None }),
            types: None,
            projection_before: None,
            norm: Norm::new("distilbert.embeddings.LayerNorm", hidden, EPSILON),
            projection_after: None,
        },
        layers: (0..layers).map(layer).collect::<Result<_>>()?,
        final_norm: None,
        head: Head {
            pool: Pooling::First,
            dense: Some(Dense {
                linear: Linear::new("pre_classifier", hidden, hidden).of_head(),
                activation: Activation::Relu,
                norm: None,
            }),
            classifier: Linear::new("classifier", hidden, config.num_labels()).of_head(),
        },
    })
}
