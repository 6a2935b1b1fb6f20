//! ModernBERT: transformers models/modernbert/modeling_modernbert.py. Norms before each part, rotary positions, most layers
//! with a window, a gated feed-forward, and nearly no biases.

use super::block::{MAX_LAYERS, MAX_POSITIONS, MAX_ROWS, MAX_WIDTH};
use super::rope::{Rope, Shape};
use super::{
    Architecture, Attention, Dense, Embeddings, FeedForward, Half, Head, Layer, Linear, Model, Norm, NormOrder,
    Pooling, Score, Weight,
};
use crate::checkpoint::Config;
use crate::error::{Error, Result};
use serde::Deserialize;
use std::sync::Arc;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    model_type: "modernbert",
    class: "ModernBertForSequenceClassification",
    base_prefix: "model",
    former_prefix: None,
    soft_labels: false,
    token_dense: true,
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
    local_attention: i64,
    /// Since 5.x a name of `local_attention / 2`.
    sliding_window: Option<i64>,
    /// Looked at only without `layer_types`.
    global_attn_every_n_layers: Option<usize>,
    layer_types: Option<Vec<String>>,
    global_rope_theta: f64,
    /// Null: the global one.
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
            sliding_window: None,
            global_attn_every_n_layers: Some(3),
            layer_types: None,
            global_rope_theta: 160_000.0,
            local_rope_theta: Some(10_000.0),
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
            let every = self.global_attn_every_n_layers.ok_or_else(|| {
                Error::malformed(config.path(), "there are neither layer_types nor a global_attn_every_n_layers")
            })?;
            let full = index.is_multiple_of(every);
            return Ok(if full { Reach::Full } else { Reach::Sliding });
        };
        match types.get(index).map(String::as_str) {
            // "attention" is its older name (`remap_legacy_layer_types`).
            Some("full_attention" | "attention") => Ok(Reach::Full),
            Some("sliding_attention") => Ok(Reach::Sliding),
            Some(other) => {
                Err(config.unsupported(&format!("layer type {other:?}"), "full_attention and sliding_attention"))
            }
            None => Err(Error::malformed(config.path(), format!("layer_types has no entry for layer {index}"))),
        }
    }

    /// How the layers that reach so far rotate.
    fn rope(&self, config: &Config, reach: Reach, head_width: usize) -> Result<Rope> {
        let (name, theta) = match reach {
            Reach::Full => ("full_attention", self.global_rope_theta),
            Reach::Sliding => ("sliding_attention", self.local_rope_theta.unwrap_or(self.global_rope_theta)),
        };
        Rope::of_layers(config, name, Shape { head_width, positions: self.max_position_embeddings }, theta)
    }

    /// How far the sliding layers see; `None`: as far as the others.
    fn window(&self, config: &Config) -> Result<Option<usize>> {
        let newer = config.is_of_transformers_5();
        let window = match self.sliding_window {
            Some(window) if newer => window,
            _ => self.local_attention.div_euclid(2),
        };
        match window {
            0.. => Ok(Some(window as usize)),
            // (-1, -1) is flash attention's word for no window, and `ModernBertAttention` of 4.57 compares with it; the mask of
            // 5.x hides every key.
            -1 if !newer => Ok(None),
            _ => {
                let supported = "0 or more, and -1 (no window) in files older than transformers 5";
                Err(config.unsupported(&format!("local_attention {}", self.local_attention), supported))
            }
        }
    }

    fn layer(&self, config: &Config, index: usize) -> Result<Layer> {
        let (hidden, inner, heads) = (self.hidden_size, self.intermediate_size, self.num_attention_heads);
        let name = |part: &str| format!("model.layers.{index}.{part}");
        let reach = self.reach(config, index)?;
        let head_width = config.head_width(hidden, heads)?;
        let linear = |part: &str, inputs, outputs, bias| Linear::new(name(part), inputs, outputs).with_bias(bias);
        let norm = |part: &str| Norm::new(name(part), hidden, self.norm_eps).with_bias(self.norm_bias);
        let window = if reach == Reach::Sliding { self.window(config)? } else { None };
        let mut layer = Layer {
            order: NormOrder::Pre,
            attention: Attention {
                heads,
                qkv: linear("attn.Wqkv", hidden, 3 * hidden, self.attention_bias),
                output: linear("attn.Wo", hidden, hidden, self.attention_bias),
                scale: 1.0 / (head_width as f32).sqrt(),
                score: Score::Plain,
                window,
                rotary: None,
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
        };
        self.rope(config, reach, head_width)?.rotate(&mut layer.attention);
        Ok(layer)
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
        ("global_attn_every_n_layers", fields.global_attn_every_n_layers.unwrap_or(1), usize::MAX),
    ])?;
    config.epsilon("norm_eps", fields.norm_eps)?;
    let pool = match fields.classifier_pooling.as_str() {
        "cls" => Some(Pooling::First),
        "mean" => Some(Pooling::Mean),
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
