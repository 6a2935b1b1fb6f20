//! BERT, and what loads as it (MiniLM, TinyBERT): transformers models/bert/modeling_bert.py,
//! `BertForSequenceClassification`. The relative position types are those of transformers 4.57, which computed them;
//! 5.x ignores the setting without a word.

use super::{
    Activation, Architecture, Attention, Embeddings, FeedForward, Head, Layer, Linear, Model, Norm, NormOrder, Pool,
    Positions, Score, Weight,
};
use crate::checkpoint::Config;
use crate::error::Result;
use serde::Deserialize;
use std::sync::Arc;

/// The fields of `BertConfig` that decide the forward pass, with transformers' defaults.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct BertConfig {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: String,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f32,
    position_embedding_type: String,
    is_decoder: bool,
}

impl Default for BertConfig {
    fn default() -> BertConfig {
        BertConfig {
            vocab_size: 30522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "gelu".into(),
            max_position_embeddings: 512,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            position_embedding_type: "absolute".into(),
            is_decoder: false,
        }
    }
}

pub const ARCHITECTURE: Architecture =
    Architecture { model_type: "bert", class: "BertForSequenceClassification", base_prefix: "bert", describe };

fn describe(config: &Config) -> Result<Model> {
    let fields: BertConfig = config.parse()?;
    let BertConfig { hidden_size: hidden, max_position_embeddings: max_length, .. } = fields;
    config.sizes(&[
        ("vocab_size", fields.vocab_size, 1 << 24),
        ("hidden_size", hidden, 1 << 16),
        ("num_hidden_layers", fields.num_hidden_layers, 1 << 10),
        ("intermediate_size", fields.intermediate_size, 1 << 16),
        ("max_position_embeddings", max_length, (1 << 16) - 1),
        ("type_vocab_size + 1", fields.type_vocab_size.saturating_add(1), 1 << 16),
    ])?;
    let epsilon = config.epsilon("layer_norm_eps", fields.layer_norm_eps)?;
    if fields.is_decoder {
        return Err(config.unsupported("is_decoder: true (causal attention)", "encoders"));
    }
    let activation = config.activation("hidden_act", &fields.hidden_act)?;
    let head_width = config.head_width(hidden, fields.num_attention_heads)?;

    let embedding = |name: &str, rows| Weight::table(format!("bert.embeddings.{name}_embeddings.weight"), rows, hidden);
    let layer = |index: usize| -> Result<Arc<Layer>> {
        let name = |part: &str| format!("bert.encoder.layer.{index}.{part}");
        let distance = |keys| {
            let table = name("attention.self.distance_embedding.weight");
            Score::Distance { table: Weight::table(table, 2 * max_length - 1, head_width), keys }
        };
        let score = match fields.position_embedding_type.as_str() {
            "absolute" => Score::Plain,
            "relative_key" => distance(false),
            "relative_key_query" => distance(true),
            other => {
                let feature = format!("position_embedding_type {other:?}");
                return Err(config.unsupported(&feature, "absolute, relative_key and relative_key_query"));
            }
        };
        let projections = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        Ok(Arc::new(Layer {
            order: NormOrder::Post,
            attention: Attention {
                heads: fields.num_attention_heads,
                qkv: Linear::stacked(&projections, hidden, 3 * hidden),
                output: Linear::new(name("attention.output.dense"), hidden, hidden),
                scale: 1.0 / (head_width as f32).sqrt(),
                score,
            },
            attention_norm: Some(Norm::new(name("attention.output.LayerNorm"), hidden, epsilon)),
            feed_forward: FeedForward {
                up: Linear::new(name("intermediate.dense"), hidden, fields.intermediate_size),
                activation,
                down: Linear::new(name("output.dense"), fields.intermediate_size, hidden),
            },
            feed_forward_norm: Norm::new(name("output.LayerNorm"), hidden, epsilon),
        }))
    };

    let absolute = fields.position_embedding_type == "absolute";
    Ok(Model {
        hidden,
        max_length,
        embeddings: Embeddings {
            words: embedding("word", fields.vocab_size),
            positions: absolute.then(|| Positions { table: embedding("position", max_length), first: 0 }),
            types: (fields.type_vocab_size > 0).then(|| embedding("token_type", fields.type_vocab_size)),
            norm: Norm::new("bert.embeddings.LayerNorm", hidden, epsilon),
            projection: None,
        },
        layers: (0..fields.num_hidden_layers).map(layer).collect::<Result<_>>()?,
        final_norm: None,
        head: Head {
            pool: Pool::First,
            // The pooler is pretrained with the encoder, but a checkpoint without it cannot classify either.
            dense: Some((Linear::new("bert.pooler.dense", hidden, hidden).of_head(), Activation::Tanh)),
            classifier: Linear::new("classifier", hidden, config.num_labels()).of_head(),
        },
    })
}
