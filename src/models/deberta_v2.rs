//! DeBERTa-v2 and v3: transformers models/deberta_v2/modeling_deberta_v2.py. Scores with terms by distance ("disentangled
//! attention", He et al. 2020), whose tables are projected by each layer, and in v2-xlarge a convolution after layer 0.

use super::{
    Architecture, Buckets, Convolution, Dense, DistanceTable, Embeddings, Head, Layer, Linear, Model, Norm, Pooling,
    Positions, Projected, Score, Weight,
    block::{self, MAX_LAYERS, MAX_POSITIONS, MAX_ROWS, MAX_WIDTH, Names, Sizes},
};
use crate::checkpoint::Config;
use crate::error::{Error, Result};
use serde::Deserialize;
use std::sync::Arc;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    model_type: "deberta-v2",
    class: "DebertaV2ForSequenceClassification",
    base_prefix: "deberta",
    former_prefix: None,
    soft_labels: true,
    token_dense: false,
    describe,
};

/// The fields of `DebertaV2Config` that decide the forward pass, with transformers' defaults.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct DebertaV2Config {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: String,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f32,
    /// Null is false, as Python has it.
    relative_attention: Option<bool>,
    /// Looked at only with `relative_attention`.
    max_relative_positions: Option<i64>,
    /// Null is false, as Python has it.
    position_biased_input: Option<bool>,
    pos_att_type: Option<PositionTerms>,
    pooler_hidden_act: String,
    pooler_hidden_size: Option<usize>,
    embedding_size: Option<usize>,
    position_buckets: i64,
    share_att_key: bool,
    norm_rel_ebd: String,
    conv_kernel_size: usize,
    conv_groups: usize,
    conv_act: String,
    attention_head_size: Option<usize>,
}

impl Default for DebertaV2Config {
    fn default() -> DebertaV2Config {
        DebertaV2Config {
            vocab_size: 128_100,
            hidden_size: 1536,
            num_hidden_layers: 24,
            num_attention_heads: 24,
            intermediate_size: 6144,
            hidden_act: "gelu".into(),
            max_position_embeddings: 512,
            type_vocab_size: 0,
            layer_norm_eps: 1e-7,
            relative_attention: Some(false),
            max_relative_positions: Some(-1),
            position_biased_input: Some(true),
            pos_att_type: None,
            pooler_hidden_act: "gelu".into(),
            pooler_hidden_size: None,
            embedding_size: None,
            position_buckets: -1,
            share_att_key: false,
            norm_rel_ebd: "none".into(),
            conv_kernel_size: 0,
            conv_groups: 1,
            conv_act: "tanh".into(),
            attention_head_size: None,
        }
    }
}

/// `pos_att_type`: a list, or a string with bars.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum PositionTerms {
    List(Vec<String>),
    Text(String),
}

impl DebertaV2Config {
    fn has_term(&self, term: &str) -> bool {
        match &self.pos_att_type {
            None => false,
            Some(PositionTerms::List(terms)) => terms.iter().any(|other| other == term),
            Some(PositionTerms::Text(terms)) => terms.to_lowercase().split('|').any(|other| other.trim() == term),
        }
    }

    /// Distances that keep a row of the relative table to themselves or their bucket, on each side.
    fn span(&self) -> i64 {
        if self.position_buckets > 0 { self.position_buckets } else { self.max_relative() }
    }

    fn max_relative(&self) -> i64 {
        let given = self.max_relative_positions.filter(|positions| *positions >= 1);
        given.unwrap_or(self.max_position_embeddings as i64)
    }

    /// Row of the relative table for query minus key.
    fn row(&self, distance: i64) -> u32 {
        let span = self.span();
        let bucket = if self.position_buckets > 0 {
            log_bucket(distance, self.position_buckets, self.max_relative())
        } else {
            distance
        };
        (bucket + span).clamp(0, 2 * span - 1) as u32
    }
}

/// `make_log_bucket_position`: distances up to half of the buckets have their own, further ones share logarithmically. In
/// f32 like upstream, whatever the model computes in: where a logarithm falls on the edge of a bucket its rounding decides.
fn log_bucket(distance: i64, buckets: i64, farthest: i64) -> i64 {
    let middle = buckets / 2;
    let away = distance.abs();
    if away <= middle {
        return distance;
    }
    let logarithm = |ratio: f32| f64::from(ratio).ln() as f32;
    let [exact, last] = [middle, farthest - 1].map(|distance| distance as f64);
    let share = logarithm(away as f32 / exact as f32) / logarithm((last / exact) as f32);
    distance.signum() * ((share * (exact as f32 - 1.0)).ceil() as i64 + middle)
}

fn describe(config: &Config) -> Result<Model> {
    let fields: DebertaV2Config = config.parse()?;
    let (hidden, max_length) = (fields.hidden_size, fields.max_position_embeddings);
    let width = fields.embedding_size.unwrap_or(hidden);
    let pooled = fields.pooler_hidden_size.unwrap_or(hidden);
    let row_limit = MAX_POSITIONS as i64;
    config.sizes(&[
        ("vocab_size", fields.vocab_size, MAX_ROWS),
        ("hidden_size", hidden, MAX_WIDTH),
        ("num_hidden_layers", fields.num_hidden_layers, MAX_LAYERS),
        ("num_attention_heads", fields.num_attention_heads, MAX_WIDTH),
        ("intermediate_size", fields.intermediate_size, MAX_WIDTH),
        ("max_position_embeddings", max_length, MAX_POSITIONS),
        ("embedding_size", width, MAX_WIDTH),
        ("type_vocab_size + 1", fields.type_vocab_size.saturating_add(1), MAX_ROWS),
        ("position_buckets + 2", (fields.position_buckets.clamp(-1, row_limit) + 2) as usize, MAX_POSITIONS),
        (
            "max_relative_positions + 2",
            (fields.max_relative_positions.unwrap_or(-1).clamp(-1, row_limit) + 2) as usize,
            MAX_POSITIONS,
        ),
    ])?;
    config.epsilon("layer_norm_eps", fields.layer_norm_eps)?;
    let relative = fields.relative_attention.unwrap_or(false);
    if relative && fields.max_relative_positions.is_none() {
        return Err(Error::malformed(
            config.path(),
            "max_relative_positions is null, but relative_attention needs a number",
        ));
    }
    if pooled != hidden {
        return Err(config.unsupported(&format!("pooler_hidden_size {pooled}"), &format!("the hidden size {hidden}")));
    }
    let heads = fields.num_attention_heads;
    if fields.attention_head_size.is_some_and(|width| width.checked_mul(heads) != Some(hidden)) {
        return Err(config.unsupported("an attention_head_size other than hidden_size / heads", "that"));
    }
    let (exact, farthest) = (fields.position_buckets / 2, max_length as i64 - 1);
    // Further distances than those with buckets of their own are divided by the logarithm of this ratio.
    let logarithmic = relative && fields.position_buckets > 0;
    if logarithmic && farthest > exact && [0, fields.max_relative() - 1].contains(&exact) {
        let feature = format!("position_buckets {} for {} positions", fields.position_buckets, fields.max_relative());
        return Err(config.unsupported(&feature, "others than 1 and than twice the positions less one"));
    }

    let table = |name: &str, rows| Weight::table(format!("deberta.embeddings.{name}_embeddings.weight"), rows, width);
    let positions = || Positions { table: table("position", max_length), padding: None };
    // The layers share it: their number and the text's length must not multiply.
    let buckets = relative.then(|| Buckets::new(max_length, |distance| fields.row(distance)));
    let layer = |index| layer(config, &fields, buckets.as_ref(), index).map(Arc::new);
    let layers = (0..fields.num_hidden_layers).map(layer);
    Ok(Model {
        hidden,
        max_length,
        embeddings: Embeddings {
            words: table("word", fields.vocab_size),
            positions: fields.position_biased_input.unwrap_or(false).then(positions),
            types: (fields.type_vocab_size > 0).then(|| table("token_type", fields.type_vocab_size)),
            projection_before: (width != hidden)
                .then(|| Linear::new("deberta.embeddings.embed_proj", width, hidden).with_bias(false)),
            norm: Norm::new("deberta.embeddings.LayerNorm", hidden, fields.layer_norm_eps),
            projection_after: None,
        },
        layers: layers.collect::<Result<_>>()?,
        final_norm: None,
        head: Head {
            pool: Some(Pooling::First),
            dense: Some(Dense {
                linear: Linear::new("pooler.dense", hidden, hidden).of_head(),
                activation: config.activation("pooler_hidden_act", &fields.pooler_hidden_act)?,
                norm: None,
            }),
            classifier: Linear::new("classifier", hidden, config.num_labels()).of_head(),
        },
    })
}

fn layer(config: &Config, fields: &DebertaV2Config, buckets: Option<&Buckets>, index: usize) -> Result<Layer> {
    let hidden = fields.hidden_size;
    let sizes = Sizes {
        hidden,
        heads: fields.num_attention_heads,
        intermediate: fields.intermediate_size,
        activation: config.activation("hidden_act", &fields.hidden_act)?,
        epsilon: fields.layer_norm_eps,
    };
    let name = format!("deberta.encoder.layer.{index}");
    let names = Names {
        query: format!("{name}.attention.self.query_proj"),
        key: format!("{name}.attention.self.key_proj"),
        value: format!("{name}.attention.self.value_proj"),
        ..Names::bert(&name)
    };
    let mut layer = block::post_norm(config, names, sizes, |_| Score::Plain)?;
    let attention = &mut layer.attention;
    // The terms are counted even where relative_attention is off and none is computed.
    let terms = 1 + usize::from(fields.has_term("c2p")) + usize::from(fields.has_term("p2c"));
    attention.scale = 1.0 / ((hidden / fields.num_attention_heads * terms) as f32).sqrt();
    if let Some(buckets) = buckets {
        // q meets projected keys of distances (c2p), k projected queries (p2c).
        let table = |term: &str, shared: std::ops::Range<usize>, own: &str| {
            let (linear, columns) = if fields.share_att_key {
                (attention.qkv.clone(), shared)
            } else {
                (Linear::new(format!("{name}.attention.self.{own}"), hidden, hidden), 0..hidden)
            };
            let norm = fields.norm_rel_ebd.split('|').any(|part| part.trim().eq_ignore_ascii_case("layer_norm"));
            let projected = || Projected {
                embeddings: Weight::table("deberta.encoder.rel_embeddings.weight", 2 * fields.span() as usize, hidden),
                norm: norm.then(|| Norm::new("deberta.encoder.LayerNorm", hidden, fields.layer_norm_eps)),
                linear,
                columns,
            };
            fields.has_term(term).then(|| DistanceTable::Projected(Box::new(projected())))
        };
        let query_table = table("c2p", hidden..2 * hidden, "pos_key_proj");
        let key_table = table("p2c", 0..hidden, "pos_query_proj");
        if query_table.is_some() || key_table.is_some() {
            attention.score = Score::Relative { query_table, key_table, buckets: buckets.clone() };
        }
    }
    if fields.conv_kernel_size > 0 && index == 0 {
        let kernel = fields.conv_kernel_size;
        if fields.conv_groups != 1 || kernel.is_multiple_of(2) || kernel > 31 {
            let feature = format!("a convolution of {kernel} tokens in {} groups", fields.conv_groups);
            return Err(config.unsupported(&feature, "an odd number of tokens up to 31 in one group"));
        }
        layer.convolution = Some(Convolution {
            kernel,
            linear: Linear::new("deberta.encoder.conv.conv", hidden * kernel, hidden),
            activation: config.activation("conv_act", &fields.conv_act)?,
            norm: Norm::new("deberta.encoder.conv.LayerNorm", hidden, fields.layer_norm_eps),
        });
    }
    Ok(layer)
}
