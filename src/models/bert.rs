//! BERT, and what loads as it (MiniLM, TinyBERT): transformers models/bert/modeling_bert.py,
//! `BertForSequenceClassification`. The position types are those of transformers 4.57, which computed them; 5.x ignores the
//! setting without a word, and so it is in files that 5.x wrote.

use super::{
    Activation, Architecture, Buckets, Dense, DistanceTable, Embeddings, Head, Layer, Linear, Model, Norm, Pooling,
    Positions, Score, Weight,
    block::{self, MAX_LAYERS, MAX_POSITIONS, MAX_ROWS, MAX_WIDTH, Names, Sizes},
};
use crate::checkpoint::Config;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    model_type: "bert",
    class: "BertForSequenceClassification",
    base_prefix: "bert",
    former_prefix: None,
    soft_labels: false,
    token_dense: false,
    describe,
};

/// The fields of `BertConfig` that decide the forward pass; its family shares them, each with its own defaults.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct BertConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub hidden_act: String,
    pub max_position_embeddings: usize,
    pub type_vocab_size: usize,
    pub layer_norm_eps: f32,
    pub position_embedding_type: Option<String>,
    pub is_decoder: bool,
}

/// BERT's own.
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
            position_embedding_type: Some("absolute".into()),
            is_decoder: false,
        }
    }
}

/// What tells a model where its tokens stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PositionType {
    Absolute,
    /// What a query and, if `keys`, a key meet at each distance; the table of absolute positions, which is still in the
    /// file, is not read.
    Relative {
        keys: bool,
    },
    /// Nothing at all.
    None,
}

/// How the terms of a relative position type are added to `q . k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terms {
    /// All is divided by the root of a head's width.
    Scaled,
    /// ALBERT of transformers 4.57: `q . k` alone is.
    Unscaled,
}

impl BertConfig {
    /// The fields of a config, refused where no forward pass can come of them.
    pub(super) fn read(config: &Config, defaults: &BertConfig) -> Result<BertConfig> {
        let fields = config.parse_over(defaults)?;
        config.sizes(&[
            ("vocab_size", fields.vocab_size, MAX_ROWS),
            ("hidden_size", fields.hidden_size, MAX_WIDTH),
            ("num_hidden_layers", fields.num_hidden_layers, MAX_LAYERS),
            ("num_attention_heads", fields.num_attention_heads, MAX_WIDTH),
            ("intermediate_size", fields.intermediate_size, MAX_WIDTH),
            ("max_position_embeddings", fields.max_position_embeddings, MAX_POSITIONS),
            ("type_vocab_size + 1", fields.type_vocab_size.saturating_add(1), MAX_ROWS),
        ])?;
        config.epsilon("layer_norm_eps", fields.layer_norm_eps)?;
        Ok(fields)
    }

    /// Refuses a decoder, where the architecture can be one.
    pub(super) fn check_encoder(&self, config: &Config) -> Result<()> {
        if self.is_decoder {
            return Err(config.unsupported("is_decoder: true (causal attention)", "encoders"));
        }
        Ok(())
    }

    pub(super) fn sizes(&self, config: &Config) -> Result<Sizes> {
        Ok(Sizes {
            hidden: self.hidden_size,
            heads: self.num_attention_heads,
            intermediate: self.intermediate_size,
            activation: config.activation("hidden_act", &self.hidden_act)?,
            epsilon: self.layer_norm_eps,
        })
    }

    /// The tables under `{prefix}.embeddings`, `width` columns each, normalised.
    pub(super) fn embeddings(
        &self,
        config: &Config,
        prefix: &str,
        width: usize,
        padding: Option<u32>,
    ) -> Result<Embeddings> {
        let table =
            |name: &str, rows| Weight::table(format!("{prefix}.embeddings.{name}_embeddings.weight"), rows, width);
        let absolute = self.position_type(config)? == PositionType::Absolute;
        let positions = || Positions { table: table("position", self.max_position_embeddings), padding };
        Ok(Embeddings {
            words: table("word", self.vocab_size),
            positions: absolute.then(positions),
            types: (self.type_vocab_size > 0).then(|| table("token_type", self.type_vocab_size)),
            projection_before: None,
            norm: Norm::new(format!("{prefix}.embeddings.LayerNorm"), width, self.layer_norm_eps),
            projection_after: None,
        })
    }

    fn position_type(&self, config: &Config) -> Result<PositionType> {
        match self.position_embedding_type.as_deref() {
            Some("absolute") => Ok(PositionType::Absolute),
            // Only transformers 4 has the others; it adds absolute positions for no name but their own.
            None | Some("relative_key" | "relative_key_query") if config.is_of_transformers_5() => {
                Ok(PositionType::Absolute)
            }
            None => Ok(PositionType::None),
            Some("relative_key") => Ok(PositionType::Relative { keys: false }),
            Some("relative_key_query") => Ok(PositionType::Relative { keys: true }),
            Some(other) => {
                let feature = format!("position_embedding_type {other:?}");
                Err(config.unsupported(&feature, "absolute, relative_key and relative_key_query"))
            }
        }
    }

    /// What `position_embedding_type` asks for, for texts of up to `max_length` tokens: makes a layer's score of the prefix
    /// of its table and the width of a head.
    pub(super) fn score(
        &self,
        config: &Config,
        max_length: usize,
        terms: Terms,
    ) -> Result<impl Fn(&str, usize) -> Score + use<>> {
        let keys = match self.position_type(config)? {
            PositionType::Relative { keys } => Some(keys),
            PositionType::Absolute | PositionType::None => None,
        };
        let longest = self.max_position_embeddings;
        // A row for every distance of as many positions as the table has, also those that no text of RoBERTa reaches. The
        // layers share it: their number and the text's length must not multiply.
        let buckets = keys.map(|_| Buckets::new(max_length, |distance| (distance + longest as i64 - 1) as u32));
        Ok(move |attention: &str, head_width| {
            let (Some(keys), Some(buckets)) = (keys, &buckets) else {
                return Score::Plain;
            };
            let name = format!("{attention}.distance_embedding.weight");
            let mut table = Weight::table(name, 2 * longest - 1, head_width);
            if terms == Terms::Unscaled {
                // The scale takes it back.
                table.times_root_of = head_width;
            }
            let table = DistanceTable::Shared(table);
            Score::Relative {
                query_table: Some(table.clone()),
                key_table: keys.then_some(table),
                buckets: buckets.clone(),
            }
        })
    }

    /// The layers under `{prefix}.encoder.layer`, for texts of up to `max_length` tokens.
    pub(super) fn layers(&self, config: &Config, prefix: &str, max_length: usize) -> Result<Vec<Arc<Layer>>> {
        self.check_encoder(config)?;
        let sizes = self.sizes(config)?;
        let score = self.score(config, max_length, Terms::Scaled)?;
        let layer = |index: usize| {
            let name = format!("{prefix}.encoder.layer.{index}");
            let attention = format!("{name}.attention.self");
            let names = Names::bert(&name);
            block::post_norm(config, names, sizes, |head_width| score(&attention, head_width)).map(Arc::new)
        };
        (0..self.num_hidden_layers).map(layer).collect()
    }
}

fn describe(config: &Config) -> Result<Model> {
    let fields = BertConfig::read(config, &BertConfig::default())?;
    let (hidden, max_length) = (fields.hidden_size, fields.max_position_embeddings);
    Ok(Model {
        hidden,
        max_length,
        embeddings: fields.embeddings(config, "bert", hidden, None)?,
        layers: fields.layers(config, "bert", max_length)?,
        final_norm: None,
        head: pooler_head("bert.pooler.dense", config, hidden),
    })
}

/// `classifier(tanh(pooler(first token)))`. The pooler is pretrained with the encoder, but a checkpoint without it cannot
/// classify either.
pub(super) fn pooler_head(pooler: &str, config: &Config, hidden: usize) -> Head {
    Head {
        pool: Some(Pooling::First),
        dense: Some(Dense {
            linear: Linear::new(pooler, hidden, hidden).of_head(),
            activation: Activation::Tanh,
            norm: None,
        }),
        classifier: Linear::new("classifier", hidden, config.num_labels()).of_head(),
    }
}

/// `classifier.out_proj(activation(classifier.dense(first token)))`: RoBERTa, ELECTRA, MPNet.
pub(super) fn dense_head(activation: Activation, config: &Config, hidden: usize) -> Head {
    Head {
        pool: Some(Pooling::First),
        dense: Some(Dense {
            linear: Linear::new("classifier.dense", hidden, hidden).of_head(),
            activation,
            norm: None,
        }),
        classifier: Linear::new("classifier.out_proj", hidden, config.num_labels()).of_head(),
    }
}
