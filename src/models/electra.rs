//! ELECTRA: transformers models/electra/modeling_electra.py. BERT's layers, tables that may be narrower than the layers,
//! and a head whose activation is GELU whatever the config says.

use super::bert::{BertConfig, dense_head};
use super::{Activation, Architecture, Linear, Model};
use crate::checkpoint::Config;
use crate::error::Result;

pub const ARCHITECTURE: Architecture =
    Architecture { model_type: "electra", class: "ElectraForSequenceClassification", base_prefix: "electra", describe };

fn describe(config: &Config) -> Result<Model> {
    let fields = BertConfig::read(config)?;
    let hidden = fields.hidden_size;
    let width = fields.embedding_size.unwrap_or(128);
    let mut embeddings = fields.embeddings("electra", width, None);
    if width != hidden {
        embeddings.projection_after = Some(Linear::new("electra.embeddings_project", width, hidden));
    }
    Ok(Model {
        hidden,
        max_length: fields.max_position_embeddings,
        embeddings,
        layers: fields.layers(config, "electra")?,
        final_norm: None,
        head: dense_head(Activation::Gelu, config, hidden),
    })
}
