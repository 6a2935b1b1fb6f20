//! ELECTRA: transformers models/electra/modeling_electra.py. BERT's layers, tables that may be narrower than the layers,
//! and a head whose activation is GELU whatever the config says.

use super::bert::{BertConfig, dense_head};
use super::block::MAX_WIDTH;
use super::{Activation, Architecture, Linear, Model};
use crate::checkpoint::Config;
use crate::error::Result;
use serde::Deserialize;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    model_type: "electra",
    class: "ElectraForSequenceClassification",
    base_prefix: "electra",
    former_prefix: None,
    soft_labels: false,
    token_dense: false,
    describe,
};

/// What `ElectraConfig` has beside BERT's fields.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct ElectraConfig {
    /// Width of the tables.
    embedding_size: usize,
}

impl Default for ElectraConfig {
    fn default() -> ElectraConfig {
        ElectraConfig { embedding_size: 128 }
    }
}

fn describe(config: &Config) -> Result<Model> {
    let defaults =
        BertConfig { hidden_size: 256, num_attention_heads: 4, intermediate_size: 1024, ..BertConfig::default() };
    let fields = BertConfig::read(config, &defaults)?;
    let (hidden, max_length) = (fields.hidden_size, fields.max_position_embeddings);
    let ElectraConfig { embedding_size: width } = config.parse()?;
    config.sizes(&[("embedding_size", width, MAX_WIDTH)])?;
    let mut embeddings = fields.embeddings(config, "electra", width, None)?;
    if width != hidden {
        embeddings.projection_after = Some(Linear::new("electra.embeddings_project", width, hidden));
    }
    Ok(Model {
        hidden,
        max_length,
        embeddings,
        layers: fields.layers(config, "electra", max_length)?,
        final_norm: None,
        head: dense_head(Activation::Gelu, config, hidden),
    })
}
