//! RoBERTa, XLM-RoBERTa, CamemBERT: transformers models/roberta/modeling_roberta.py and its copies. BERT's layers with
//! positions counted from `pad_token_id + 1` and a head of their own.

use super::bert::{BertConfig, dense_head};
use super::{Activation, Architecture, Model};
use crate::checkpoint::Config;
use crate::error::{Error, Result};
use serde::Deserialize;

pub(super) const ROBERTA: Architecture = Architecture {
    model_type: "roberta",
    class: "RobertaForSequenceClassification",
    base_prefix: "roberta",
    former_prefix: None,
    soft_labels: false,
    token_dense: false,
    describe: |config| describe(config, &BertConfig { vocab_size: 50265, ..BertConfig::default() }),
};
pub(super) const XLM_ROBERTA: Architecture = Architecture {
    model_type: "xlm-roberta",
    class: "XLMRobertaForSequenceClassification",
    describe: |config| describe(config, &BertConfig::default()),
    ..ROBERTA
};
pub(super) const CAMEMBERT: Architecture =
    Architecture { model_type: "camembert", class: "CamembertForSequenceClassification", ..XLM_ROBERTA };

/// What the three have beside BERT's fields.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct RobertaConfig {
    pad_token_id: Option<i64>,
}

impl Default for RobertaConfig {
    fn default() -> RobertaConfig {
        RobertaConfig { pad_token_id: Some(1) }
    }
}

fn describe(config: &Config, defaults: &BertConfig) -> Result<Model> {
    let fields = BertConfig::read(config, defaults)?;
    let hidden = fields.hidden_size;
    let RobertaConfig { pad_token_id } = config.parse()?;
    let padding = match pad_token_id {
        // Every token is counted, from 0.
        Some(-1) => None,
        Some(id) if (0..i64::from(u32::MAX)).contains(&id) => Some(id as u32),
        other => {
            let other = other.map_or("null".to_string(), |id| id.to_string());
            let message = format!("pad_token_id is {other}; positions are counted from the one after it, 0 or more");
            return Err(Error::malformed(config.path(), message));
        }
    };
    let max_length = usable_positions(config, &fields, padding)?;
    Ok(Model {
        hidden,
        max_length,
        embeddings: fields.embeddings(config, "roberta", hidden, padding)?,
        layers: fields.layers(config, "roberta", max_length)?,
        final_norm: None,
        head: dense_head(Activation::Tanh, config, hidden),
    })
}

/// Rows of the position table that a text can use: those up to the padding's own are never a token's.
pub(super) fn usable_positions(config: &Config, fields: &BertConfig, padding: Option<u32>) -> Result<usize> {
    let first = padding.map_or(0, |padding| padding as usize + 1);
    let usable = fields.max_position_embeddings.checked_sub(first).filter(|usable| *usable > 0);
    usable.ok_or_else(|| {
        let message = format!(
            "max_position_embeddings is {}, but positions start at {first}, after pad_token_id",
            fields.max_position_embeddings
        );
        Error::malformed(config.path(), message)
    })
}
