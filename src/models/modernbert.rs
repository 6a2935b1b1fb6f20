//! ModernBERT: transformers models/modernbert/modeling_modernbert.py. Norms before each part, rotary positions, most layers
//! with a window, a gated feed-forward, and nearly no biases.

use super::{
    Architecture, Attention, Dense, Embeddings, FeedForward, Half, Head, Layer, Linear, Model, Norm, NormOrder,
    Pooling, Score, Weight,
    block::{MAX_LAYERS, MAX_POSITIONS, MAX_ROWS, MAX_WIDTH},
    rope::{self, Rope},
};
use crate::checkpoint::Config;
use crate::error::{Error, Result};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;

pub const ARCHITECTURE: Architecture = Architecture {
    model_type: "modernbert",
    class: "ModernBertForSequenceClassification",
    base_prefix: "model",
    describe,
};

/// The fields of `ModernBertConfig` that decide the forward pass, with transformers' defaults: both the spelling of 5.x
/// (`layer_types`, `rope_parameters`) and the older one.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct ModernBertConfig {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_activation: String,
    max_position_embeddings: usize,
    norm_eps: f32,
    norm_bias: bool,
    attention_bias: bool,
    mlp_bias: bool,
    classifier_bias: bool,
    classifier_pooling: String,
    classifier_activation: String,
    local_attention: usize,
    global_attn_every_n_layers: usize,
    layer_types: Option<Vec<String>>,
    rope_parameters: Option<HashMap<String, Rope>>,
    global_rope_theta: Option<f64>,
    local_rope_theta: Option<f64>,
}

impl Default for ModernBertConfig {
    fn default() -> ModernBertConfig {
        ModernBertConfig {
            vocab_size: 50368,
            hidden_size: 768,
            num_hidden_layers: 22,
            num_attention_heads: 12,
            intermediate_size: 1152,
            hidden_activation: "gelu".into(),
            max_position_embeddings: 8192,
            norm_eps: 1e-5,
            norm_bias: false,
            attention_bias: false,
            mlp_bias: false,
            classifier_bias: false,
            classifier_pooling: "cls".into(),
            classifier_activation: "gelu".into(),
            local_attention: 128,
            global_attn_every_n_layers: 3,
            layer_types: None,
            rope_parameters: None,
            global_rope_theta: None,
            local_rope_theta: None,
        }
    }
}

/// Whether a layer sees the whole text or a window of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Full,
    Sliding,
}

impl ModernBertConfig {
    fn reach(&self, config: &Config, index: usize) -> Result<Reach> {
        let Some(types) = &self.layer_types else {
            let full = index.is_multiple_of(self.global_attn_every_n_layers);
            return Ok(if full { Reach::Full } else { Reach::Sliding });
        };
        match types.get(index).map(String::as_str) {
            Some("full_attention") => Ok(Reach::Full),
            Some("sliding_attention") => Ok(Reach::Sliding),
            Some(other) => {
                Err(config.unsupported(&format!("layer type {other:?}"), "full_attention and sliding_attention"))
            }
            None => Err(Error::malformed(config.path(), format!("layer_types has no entry for layer {index}"))),
        }
    }

    /// Base of a layer's rotary angles.
    fn theta(&self, config: &Config, reach: Reach) -> Result<f64> {
        let (name, older, default) = match reach {
            Reach::Full => ("full_attention", self.global_rope_theta, 160_000.0),
            // Before 5.x an absent local base meant the global one, but files say both.
            Reach::Sliding => ("sliding_attention", self.local_rope_theta, 10_000.0),
        };
        let rope = self.rope_parameters.as_ref().and_then(|ropes| ropes.get(name));
        rope::theta(config, &format!("rope_theta of {name}"), rope, older, default)
    }

    fn layer(&self, config: &Config, index: usize) -> Result<Layer> {
        let (hidden, inner, heads) = (self.hidden_size, self.intermediate_size, self.num_attention_heads);
        let name = |part: &str| format!("model.layers.{index}.{part}");
        let reach = self.reach(config, index)?;
        let head_width = config.head_width(hidden, heads)?;
        if head_width % 2 != 0 {
            return Err(
                config.unsupported(&format!("rotary positions in heads of {head_width} columns"), "even widths")
            );
        }
        let linear = |part: &str, inputs, outputs, bias| Linear::new(name(part), inputs, outputs).with_bias(bias);
        let norm = |part: &str| Norm::new(name(part), hidden, self.norm_eps).with_bias(self.norm_bias);
        Ok(Layer {
            order: NormOrder::Pre,
            attention: Attention {
                heads,
                qkv: linear("attn.Wqkv", hidden, 3 * hidden, self.attention_bias),
                output: linear("attn.Wo", hidden, hidden, self.attention_bias),
                scale: 1.0 / (head_width as f32).sqrt(),
                score: Score::Plain,
                window: (reach == Reach::Sliding).then_some(self.local_attention / 2),
                rotary: Some(self.theta(config, reach)?),
            },
            // The embeddings were normalised a moment ago.
            attention_norm: (index > 0).then(|| norm("attn_norm")),
            feed_forward: FeedForward {
                up: linear("mlp.Wi", hidden, 2 * inner, self.mlp_bias),
                activation: config.activation("hidden_activation", &self.hidden_activation)?,
                gate: Some(Half::First),
                down: linear("mlp.Wo", inner, hidden, self.mlp_bias),
            },
            feed_forward_norm: norm("mlp_norm"),
            convolution: None,
        })
    }
}

fn describe(config: &Config) -> Result<Model> {
    let fields: ModernBertConfig = config.parse()?;
    let hidden = fields.hidden_size;
    config.sizes(&[
        ("vocab_size", fields.vocab_size, MAX_ROWS),
        ("hidden_size", hidden, MAX_WIDTH),
        ("num_hidden_layers", fields.num_hidden_layers, MAX_LAYERS),
        ("num_attention_heads", fields.num_attention_heads, MAX_WIDTH),
        ("intermediate_size", fields.intermediate_size, MAX_WIDTH),
        ("max_position_embeddings", fields.max_position_embeddings, MAX_POSITIONS),
        ("global_attn_every_n_layers", fields.global_attn_every_n_layers, usize::MAX),
        ("local_attention + 1", fields.local_attention.saturating_add(1), MAX_ROWS),
    ])?;
    config.epsilon("norm_eps", fields.norm_eps)?;
    let pool = match fields.classifier_pooling.as_str() {
        "cls" => Pooling::First,
        "mean" => Pooling::Mean,
        other => return Err(config.unsupported(&format!("classifier_pooling {other:?}"), "cls and mean")),
    };
    let norm = |name: &str| Norm::new(name, hidden, fields.norm_eps).with_bias(fields.norm_bias);
    let layers = (0..fields.num_hidden_layers).map(|index| fields.layer(config, index).map(Arc::new));
    Ok(Model {
        hidden,
        max_length: fields.max_position_embeddings,
        embeddings: Embeddings {
            words: Weight::table("model.embeddings.tok_embeddings.weight", fields.vocab_size, hidden),
            positions: None,
            types: None,
            projection_before: None,
            norm: norm("model.embeddings.norm"),
            projection_after: None,
        },
        layers: layers.collect::<Result<_>>()?,
        final_norm: Some(norm("model.final_norm")),
        head: Head {
            pool,
            dense: Some(Dense {
                linear: Linear::new("head.dense", hidden, hidden).with_bias(fields.classifier_bias).of_head(),
                activation: config.activation("classifier_activation", &fields.classifier_activation)?,
                norm: Some(norm("head.norm").of_head()),
            }),
            classifier: Linear::new("classifier", hidden, config.num_labels()).of_head(),
        },
    })
}
