//! ALBERT: transformers models/albert/modeling_albert.py. Narrow tables, and layers in groups that share their weights.

use super::bert::{BertConfig, Terms, pooler_head};
use super::block::{self, MAX_LAYERS, MAX_WIDTH, Names};
use super::{Architecture, Layer, Linear, Model};
use crate::checkpoint::Config;
use crate::error::Result;
use serde::Deserialize;
use std::sync::Arc;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    model_type: "albert",
    class: "AlbertForSequenceClassification",
    base_prefix: "albert",
    former_prefix: None,
    soft_labels: false,
    token_dense: false,
    describe,
};

/// What `AlbertConfig` has beside BERT's fields.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct AlbertConfig {
    /// Width of the tables.
    embedding_size: usize,
    num_hidden_groups: usize,
    inner_group_num: usize,
}

impl Default for AlbertConfig {
    fn default() -> AlbertConfig {
        AlbertConfig { embedding_size: 128, num_hidden_groups: 1, inner_group_num: 1 }
    }
}

fn describe(config: &Config) -> Result<Model> {
    let defaults = BertConfig {
        vocab_size: 30000,
        hidden_size: 4096,
        num_attention_heads: 64,
        intermediate_size: 16384,
        hidden_act: "gelu_new".into(),
        ..BertConfig::default()
    };
    let fields = BertConfig::read(config, &defaults)?;
    let AlbertConfig { embedding_size: width, num_hidden_groups: groups, inner_group_num: inner } = config.parse()?;
    config.sizes(&[
        ("embedding_size", width, MAX_WIDTH),
        ("num_hidden_groups", groups, fields.num_hidden_layers),
        ("inner_group_num", inner, MAX_LAYERS),
        ("num_hidden_layers * inner_group_num", fields.num_hidden_layers.saturating_mul(inner), MAX_LAYERS),
    ])?;
    let (hidden, max_length) = (fields.hidden_size, fields.max_position_embeddings);
    let mut embeddings = fields.embeddings(config, "albert", width, None)?;
    // There even where the widths are equal.
    embeddings.projection_after = Some(Linear::new("albert.encoder.embedding_hidden_mapping_in", width, hidden));

    let sizes = fields.sizes(config)?;
    let score = fields.score(config, max_length, Terms::Unscaled)?;
    let layer = |group: usize, index: usize| {
        let name = format!("albert.encoder.albert_layer_groups.{group}.albert_layers.{index}");
        let parts = [
            "attention.query",
            "attention.key",
            "attention.value",
            "attention.dense",
            "attention.LayerNorm",
            "ffn",
            "ffn_output",
            "full_layer_layer_norm",
        ];
        let score = |head_width| score(&format!("{name}.attention"), head_width);
        block::post_norm(config, Names::new(&name, parts), sizes, score).map(Arc::new)
    };
    let groups_of_layers: Vec<Vec<Arc<Layer>>> =
        (0..groups).map(|group| (0..inner).map(|index| layer(group, index)).collect()).collect::<Result<_>>()?;
    // The same arithmetic as upstream, where the groups need not divide the layers.
    let group_of = |index: usize| (index as f64 / (fields.num_hidden_layers as f64 / groups as f64)) as usize;
    let layers = (0..fields.num_hidden_layers).flat_map(|index| groups_of_layers[group_of(index)].clone());
    Ok(Model {
        hidden,
        max_length,
        embeddings,
        layers: layers.collect(),
        final_norm: None,
        head: pooler_head("albert.pooler", config, hidden),
    })
}
