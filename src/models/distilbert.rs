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

pub(super) const ARCHITECTURE: Architecture = Architecture {
    model_type: "distilbert",
    class: "DistilBertForSequenceClassification",
    base_prefix: "distilbert",
    former_prefix: None,
    soft_labels: false,
    token_dense: false,
    describe,
};

const EPSILON: f32 = 1e-12;

/// The fields of `DistilBertConfig` that decide the forward pass, with transformers' defaults. The sinusoidal flag is not
/// among them: it decides how a table is initialised, and a checkpoint has the table.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct DistilBertConfig {
    vocab_size: usize,
    dim: usize,
    n_layers: usize,
    n_heads: usize,
    hidden_dim: usize,
    activation: String,
    max_position_embeddings: usize,
}

impl Default for DistilBertConfig {
    fn default() -> DistilBertConfig {
        DistilBertConfig {
            vocab_size: 30522,
            dim: 768,
            n_layers: 6,
            n_heads: 12,
            hidden_dim: 3072,
            activation: "gelu".into(),
            max_position_embeddings: 512,
        }
    }
}

/// Its `attribute_map`: general names, which are set after the fields' own and so win.
#[derive(Debug, Deserialize)]
struct GeneralNames {
    hidden_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
}

fn describe(config: &Config) -> Result<Model> {
    let fields: DistilBertConfig = config.parse()?;
    let general: GeneralNames = config.parse()?;
    let hidden = general.hidden_size.unwrap_or(fields.dim);
    let layers = general.num_hidden_layers.unwrap_or(fields.n_layers);
    let heads = general.num_attention_heads.unwrap_or(fields.n_heads);
    let (vocabulary, intermediate, max_length) = (fields.vocab_size, fields.hidden_dim, fields.max_position_embeddings);
    config.sizes(&[
        ("vocab_size", vocabulary, MAX_ROWS),
        ("dim", hidden, MAX_WIDTH),
        ("n_layers", layers, MAX_LAYERS),
        ("n_heads", heads, MAX_WIDTH),
        ("hidden_dim", intermediate, MAX_WIDTH),
        ("max_position_embeddings", max_length, MAX_POSITIONS),
    ])?;
    let activation = config.activation("activation", &fields.activation)?;
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
            pool: Some(Pooling::First),
            dense: Some(Dense {
                linear: Linear::new("pre_classifier", hidden, hidden).of_head(),
                activation: Activation::Relu,
                norm: None,
            }),
            classifier: Linear::new("classifier", hidden, config.num_labels()).of_head(),
        },
    })
}
