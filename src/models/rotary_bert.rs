//! Encoders that kept BERT's layers but take positions from rotation: NomicBERT (transformers
//! models/nomic_bert/modeling_nomic_bert.py), GTE (models/gte/modeling_gte.py) and Jina embeddings v3
//! (models/jina_embeddings_v3/modeling_jina_embeddings_v3.py). Names are those of saved files.

use super::bert::{BertConfig, dense_head, pooler_head};
use super::block::{self, Names};
use super::rope::{self, Rope};
use super::{Activation, Architecture, Half, Head, Linear, Model, Norm, Score};
use crate::checkpoint::Config;
use crate::error::Result;
use serde::Deserialize;
use std::sync::Arc;

pub const NOMIC_BERT: Architecture = Architecture {
    model_type: "nomic_bert",
    class: "NomicBertForSequenceClassification",
    base_prefix: "nomic_bert",
    describe: |config| describe(config, &NOMIC),
};
pub const GTE: Architecture = Architecture {
    model_type: "gte",
    class: "GteForSequenceClassification",
    base_prefix: "gte",
    describe: |config| describe(config, &GENERAL),
};
pub const JINA_V3: Architecture = Architecture {
    model_type: "jina_embeddings_v3",
    class: "JinaEmbeddingsV3ForSequenceClassification",
    base_prefix: "roberta",
    describe: |config| describe(config, &JINA),
};

/// How the three differ.
struct Variant {
    prefix: &'static str,
    layers: &'static str,
    embedding_norm: &'static str,
    /// q, k and v in one, output, norm after attention, norm after the feed-forward.
    attention: [&'static str; 4],
    attention_bias: bool,
    /// What is stacked into the first product of the feed-forward.
    up: &'static [&'static str],
    up_bias: bool,
    down: &'static str,
    down_bias: bool,
    gate: Option<Half>,
    theta: f64,
    positions: usize,
    activation: &'static str,
    head: fn(&Config, usize) -> Head,
}

const NOMIC: Variant = Variant {
    prefix: "nomic_bert",
    layers: "encoder.layers",
    embedding_norm: "emb_ln",
    attention: ["attn.Wqkv", "attn.out_proj", "norm1", "norm2"],
    attention_bias: false,
    // fc12 is the gate.
    up: &["mlp.fc12", "mlp.fc11"],
    up_bias: false,
    down: "mlp.fc2",
    down_bias: false,
    gate: Some(Half::First),
    theta: 1000.0,
    positions: 2048,
    activation: "silu",
    head: |config, hidden| pooler_head("nomic_bert.pooler.dense", config, hidden),
};

const GENERAL: Variant = Variant {
    prefix: "gte",
    layers: "encoder.layer",
    embedding_norm: "embeddings.LayerNorm",
    attention: ["attention.qkv_proj", "attention.o_proj", "attn_ln", "mlp_ln"],
    attention_bias: true,
    // The gate is the second half.
    up: &["mlp.up_gate_proj"],
    up_bias: false,
    down: "mlp.down_proj",
    down_bias: true,
    gate: Some(Half::Second),
    theta: 160_000.0,
    positions: 8192,
    activation: "gelu",
    head: |config, hidden| pooler_head("gte.pooler.dense", config, hidden),
};

const JINA: Variant = Variant {
    prefix: "roberta",
    layers: "encoder.layers",
    embedding_norm: "emb_ln",
    attention: ["mixer.Wqkv", "mixer.out_proj", "norm1", "norm2"],
    attention_bias: true,
    up: &["mlp.fc1"],
    up_bias: true,
    down: "mlp.fc2",
    down_bias: true,
    gate: None,
    theta: 20_000.0,
    positions: 8194,
    activation: "gelu",
    head: |config, hidden| dense_head(Activation::Tanh, config, hidden),
};

/// What these configs have beside or instead of BERT's fields.
#[derive(Debug, Deserialize)]
struct RotaryConfig {
    hidden_act: Option<String>,
    max_position_embeddings: Option<usize>,
    head_dim: Option<usize>,
    rope_theta: Option<f64>,
    rope_parameters: Option<Rope>,
}

fn describe(config: &Config, variant: &Variant) -> Result<Model> {
    let rotary: RotaryConfig = config.parse()?;
    let mut fields = BertConfig::read(config)?;
    fields.hidden_act = rotary.hidden_act.clone().unwrap_or(variant.activation.into());
    fields.max_position_embeddings = rotary.max_position_embeddings.unwrap_or(variant.positions);
    let (hidden, inner) = (fields.hidden_size, fields.intermediate_size);
    let head_width = config.head_width(hidden, fields.num_attention_heads)?;
    if rotary.head_dim.is_some_and(|width| width != head_width) || !head_width.is_multiple_of(2) {
        return Err(config.unsupported("a head_dim that is odd or not hidden_size / heads", "the others"));
    }
    let rope = rotary.rope_parameters.as_ref();
    let theta = rope::theta(config, "rope_theta", rope, rotary.rope_theta, variant.theta)?;
    let sizes = fields.sizes(config)?;

    let layer = |index: usize| {
        let name = |part: &str| format!("{}.{}.{index}.{part}", variant.prefix, variant.layers);
        let [qkv, output, attention_norm, norm] = variant.attention.map(name);
        let up: Vec<String> = variant.up.iter().map(|part| name(part)).collect();
        let width = if variant.gate.is_some() { 2 * inner } else { inner };
        let names = Names { output, attention_norm, down: name(variant.down), norm, ..Names::default() };
        let mut layer = block::post_norm(config, names, sizes, |_| Score::Plain)?;
        let attention = &mut layer.attention;
        attention.rotary = Some(theta);
        attention.qkv = Linear::new(qkv, hidden, 3 * hidden).with_bias(variant.attention_bias);
        attention.output.bias = attention.output.bias.take().filter(|_| variant.attention_bias);
        let feed_forward = &mut layer.feed_forward;
        feed_forward.up = Linear::stacked(&up, hidden, width).with_bias(variant.up_bias);
        feed_forward.gate = variant.gate;
        feed_forward.down.bias = feed_forward.down.bias.take().filter(|_| variant.down_bias);
        Ok(Arc::new(layer))
    };
    let mut embeddings = fields.embeddings(variant.prefix, hidden, None);
    embeddings.positions = None;
    embeddings.norm =
        Norm::new(format!("{}.{}", variant.prefix, variant.embedding_norm), hidden, fields.layer_norm_eps);
    Ok(Model {
        hidden,
        max_length: fields.max_position_embeddings,
        embeddings,
        layers: (0..fields.num_hidden_layers).map(layer).collect::<Result<_>>()?,
        final_norm: None,
        head: (variant.head)(config, hidden),
    })
}
