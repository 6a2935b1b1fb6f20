//! MPNet: transformers models/mpnet/modeling_mpnet.py. BERT's layers under other names, RoBERTa's positions and head, and
//! one table of biases by distance, shared by all layers.

use super::bert::{BertConfig, dense_head};
use super::block::{self, MAX_ROWS, Names};
use super::roberta::usable_positions;
use super::{Activation, Architecture, Buckets, Model, Score, Weight};
use crate::checkpoint::Config;
use crate::error::Result;
use serde::Deserialize;
use std::sync::Arc;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    model_type: "mpnet",
    class: "MPNetForSequenceClassification",
    base_prefix: "mpnet",
    former_prefix: None,
    soft_labels: false,
    token_dense: false,
    describe,
};

/// `MPNetEmbeddings.padding_idx`, whatever `pad_token_id` says.
const PADDING: u32 = 1;

/// What `MPNetConfig` has beside BERT's fields.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct MpnetConfig {
    relative_attention_num_buckets: usize,
}

impl Default for MpnetConfig {
    fn default() -> MpnetConfig {
        MpnetConfig { relative_attention_num_buckets: 32 }
    }
}

fn describe(config: &Config) -> Result<Model> {
    let defaults = BertConfig { vocab_size: 30527, ..BertConfig::default() };
    // There are no token types and no position types, whatever the config inherits.
    let fields = BertConfig {
        type_vocab_size: 0,
        position_embedding_type: defaults.position_embedding_type.clone(),
        ..BertConfig::read(config, &defaults)?
    };
    if !config.is_of_transformers_5() {
        fields.check_encoder(config)?;
    }
    let MpnetConfig { relative_attention_num_buckets: rows } = config.parse()?;
    // The computation has 32 buckets; the config's number only sizes the table.
    if rows < 32 {
        return Err(config.unsupported(&format!("relative_attention_num_buckets {rows}"), "32 or more"));
    }
    config.sizes(&[("relative_attention_num_buckets", rows, MAX_ROWS)])?;
    let (hidden, heads) = (fields.hidden_size, fields.num_attention_heads);
    let max_length = usable_positions(config, &fields, Some(PADDING))?;
    let score = Score::Bias {
        table: Weight::table("mpnet.encoder.relative_attention_bias.weight", rows, heads),
        buckets: Buckets::new(max_length, bucket),
    };
    let sizes = fields.sizes(config)?;
    let layer = |index: usize| {
        let parts = [
            "attention.attn.q",
            "attention.attn.k",
            "attention.attn.v",
            "attention.attn.o",
            "attention.LayerNorm",
            "intermediate.dense",
            "output.dense",
            "output.LayerNorm",
        ];
        let names = Names::new(&format!("mpnet.encoder.layer.{index}"), parts);
        block::post_norm(config, names, sizes, |_| score.clone()).map(Arc::new)
    };
    Ok(Model {
        hidden,
        max_length,
        embeddings: fields.embeddings(config, "mpnet", hidden, Some(PADDING))?,
        layers: (0..fields.num_hidden_layers).map(layer).collect::<Result<_>>()?,
        final_norm: None,
        head: dense_head(Activation::Tanh, config, hidden),
    })
}

/// `MPNetEncoder.relative_position_bucket` of key minus query, with its fixed 32 buckets and farthest distance 128: half
/// of the buckets for keys behind the query, half of each exact, the rest logarithmic.
fn bucket(distance: i64) -> u32 {
    // Ours is query minus key.
    let base = if distance < 0 { 16 } else { 0 };
    let away = distance.unsigned_abs() as u32;
    let logarithmic = |away: u32| 8 + ((f64::from(away) / 8.0).ln() / 16f64.ln() * 8.0) as u32;
    base + if away < 8 { away } else { logarithmic(away).min(15) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn buckets_start_where_upstream_has_them() {
        for (first, bucket) in
            [(0, 0), (7, 7), (8, 8), (12, 9), (16, 10), (23, 11), (32, 12), (46, 13), (64, 14), (91, 15)]
        {
            assert_eq!(super::bucket(first), bucket);
            assert_eq!(super::bucket(-first), if first == 0 { 0 } else { 16 + bucket });
            assert!(first == 0 || super::bucket(first - 1) == bucket - 1, "the bucket before {first}");
        }
        assert_eq!(super::bucket(100_000), 15);
    }
}
