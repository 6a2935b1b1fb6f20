//! The layer that BERT has and most of its family keeps: attention and feed-forward, each followed by a residual and a
//! norm. What differs is names.

use super::{Activation, Attention, FeedForward, Layer, Linear, Norm, NormOrder, Score};
use crate::checkpoint::Config;
use crate::error::Result;

/// Largest sizes that a config may have; no model comes near them.
pub(super) const MAX_WIDTH: usize = 1 << 16;
pub(super) const MAX_ROWS: usize = 1 << 24;
pub(super) const MAX_LAYERS: usize = 1 << 10;
/// Loops over the keys of a text are cut at 65,535 rounds on Mesa 22.
pub(super) const MAX_POSITIONS: usize = 65_535;

/// The sizes that the layers of a model share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub hidden: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub activation: Activation,
    pub epsilon: f32,
}

/// What an architecture calls the parts of a layer, prefixes included.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub query: String,
    pub key: String,
    pub value: String,
    pub output: String,
    pub attention_norm: String,
    pub up: String,
    pub down: String,
    pub norm: String,
}

impl Names {
    /// `{layer}.{part}` for the parts in the order of the fields.
    pub(super) fn new(layer: &str, parts: [&str; 8]) -> Names {
        let [query, key, value, output, attention_norm, up, down, norm] = parts.map(|part| format!("{layer}.{part}"));
        Names { query, key, value, output, attention_norm, up, down, norm }
    }

    /// BERT's own, which RoBERTa and ELECTRA keep.
    pub(super) fn bert(layer: &str) -> Names {
        Names::new(
            layer,
            [
                "attention.self.query",
                "attention.self.key",
                "attention.self.value",
                "attention.output.dense",
                "attention.output.LayerNorm",
                "intermediate.dense",
                "output.dense",
                "output.LayerNorm",
            ],
        )
    }
}

/// A layer that normalises after each residual; `score` gets the width of a head.
pub(super) fn post_norm(
    config: &Config,
    names: Names,
    sizes: Sizes,
    score: impl FnOnce(usize) -> Score,
) -> Result<Layer> {
    let Sizes { hidden, heads, intermediate, activation, epsilon } = sizes;
    let head_width = config.head_width(hidden, heads)?;
    Ok(Layer {
        order: NormOrder::Post,
        attention: Attention {
            heads,
            qkv: Linear::stacked(&[names.query, names.key, names.value], hidden, 3 * hidden),
            output: Linear::new(names.output, hidden, hidden),
            scale: 1.0 / (head_width as f32).sqrt(),
            score: score(head_width),
            window: None,
            rotary: None,
        },
        attention_norm: Some(Norm::new(names.attention_norm, hidden, epsilon)),
        feed_forward: FeedForward {
            up: Linear::new(names.up, hidden, intermediate),
            activation,
            gate: None,
            down: Linear::new(names.down, intermediate, hidden),
        },
        feed_forward_norm: Norm::new(names.norm, hidden, epsilon),
        convolution: None,
    })
}
