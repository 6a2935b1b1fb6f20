//! RoBERTa, XLM-RoBERTa, CamemBERT: transformers models/roberta/modeling_roberta.py and its copies. BERT's layers with
//! positions counted from `pad_token_id + 1` and a head of their own.

use super::bert::{BertConfig, dense_head};
use super::{Activation, Architecture, Model};
use crate::checkpoint::Config;
use crate::error::{Error, Result};

pub const ROBERTA: Architecture =
    Architecture { model_type: "roberta", class: "RobertaForSequenceClassification", base_prefix: "roberta", describe };
pub const XLM_ROBERTA: Architecture =
    Architecture { model_type: "xlm-roberta", class: "XLMRobertaForSequenceClassification", ..ROBERTA };
pub const CAMEMBERT: Architecture =
    Architecture { model_type: "camembert", class: "CamembertForSequenceClassification", ..ROBERTA };

fn describe(config: &Config) -> Result<Model> {
    let fields = BertConfig::read(config)?;
    let hidden = fields.hidden_size;
    let padding = fields.pad_token_id.unwrap_or(1);
    Ok(Model {
        hidden,
        max_length: usable_positions(config, &fields, padding)?,
        embeddings: fields.embeddings("roberta", hidden, Some(padding)),
        layers: fields.layers(config, "roberta")?,
        final_norm: None,
        head: dense_head(Activation::Tanh, config, hidden),
    })
}

/// Rows of the position table that a text can use: those up to the padding's own are never a token's.
pub(super) fn usable_positions(config: &Config, fields: &BertConfig, padding: u32) -> Result<usize> {
    let usable = fields.max_position_embeddings.checked_sub(padding as usize + 1).filter(|usable| *usable > 0);
    usable.ok_or_else(|| {
        let message = format!(
            "max_position_embeddings is {}, but positions start after pad_token_id {padding}",
            fields.max_position_embeddings
        );
        Error::malformed(config.path(), message)
    })
}
