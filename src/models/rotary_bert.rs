//! Encoders that kept BERT's layers but take positions from rotation: NomicBERT (transformers
//! models/nomic_bert/modeling_nomic_bert.py), GTE (models/gte/modeling_gte.py) and Jina embeddings v3
//! (models/jina_embeddings_v3/modeling_jina_embeddings_v3.py). Names are those of saved files.

use super::bert::{BertConfig, dense_head, pooler_head};
use super::block::{self, Names};
use super::rope::{Rope, Shape};
use super::{Activation, Architecture, Half, Head, Linear, Model, Norm, Score};
use crate::checkpoint::Config;
use crate::error::Result;
use std::sync::Arc;

pub(super) const NOMIC_BERT: Architecture = Architecture {
    model_type: "nomic_bert",
    class: "NomicBertForSequenceClassification",
    base_prefix: "nomic_bert",
    former_prefix: None,
    soft_labels: false,
    token_dense: false,
    describe: |config| describe(config, &NOMIC),
};
pub(super) const GTE: Architecture = Architecture {
    model_type: "gte",
    class: "GteForSequenceClassification",
    base_prefix: "gte",
    former_prefix: Some("new"),
    soft_labels: false,
    token_dense: false,
    describe: |config| describe(config, &GENERAL),
};
pub(super) const JINA_V3: Architecture = Architecture {
    model_type: "jina_embeddings_v3",
    class: "JinaEmbeddingsV3ForSequenceClassification",
    base_prefix: "roberta",
    former_prefix: None,
    soft_labels: false,
    token_dense: false,
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
    defaults: fn() -> BertConfig,
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
    defaults: || BertConfig {
        vocab_size: 30528,
        hidden_act: "silu".into(),
        max_position_embeddings: 2048,
        ..BertConfig::default()
    },
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
    defaults: || BertConfig {
        vocab_size: 250_048,
        max_position_embeddings: 8192,
        type_vocab_size: 1,
        ..BertConfig::default()
    },
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
    defaults: || BertConfig {
        vocab_size: 250_002,
        hidden_size: 1024,
        num_hidden_layers: 24,
        num_attention_heads: 16,
        intermediate_size: 4096,
        max_position_embeddings: 8194,
        type_vocab_size: 1,
        layer_norm_eps: 1e-5,
        ..BertConfig::default()
    },
    head: |config, hidden| dense_head(Activation::Tanh, config, hidden),
};

fn describe(config: &Config, variant: &Variant) -> Result<Model> {
    let defaults = (variant.defaults)();
    let fields = BertConfig {
        // Rotation is the only position type, whatever the config inherits.
        position_embedding_type: defaults.position_embedding_type.clone(),
        ..BertConfig::read(config, &defaults)?
    };
    let (hidden, inner, max_length) = (fields.hidden_size, fields.intermediate_size, fields.max_position_embeddings);
    let head_width = config.head_width(hidden, fields.num_attention_heads)?;
    let rope = Rope::of_model(config, Shape { head_width, positions: max_length }, variant.theta)?;
    let sizes = fields.sizes(config)?;

    let layer = |index: usize| {
        let name = |part: &str| format!("{}.{}.{index}.{part}", variant.prefix, variant.layers);
        let [qkv, output, attention_norm, norm] = variant.attention.map(name);
        let up: Vec<String> = variant.up.iter().map(|part| name(part)).collect();
        let width = if variant.gate.is_some() { 2 * inner } else { inner };
        let names = Names { output, attention_norm, down: name(variant.down), norm, ..Names::default() };
        let mut layer = block::post_norm(config, names, sizes, |_| Score::Plain)?;
        let attention = &mut layer.attention;
        rope.rotate(attention);
        attention.qkv = Linear::new(qkv, hidden, 3 * hidden).with_bias(variant.attention_bias);
        attention.output.bias = attention.output.bias.take().filter(|_| variant.attention_bias);
        let feed_forward = &mut layer.feed_forward;
        feed_forward.up = Linear::stacked(&up, hidden, width).with_bias(variant.up_bias);
        feed_forward.gate = variant.gate;
        feed_forward.down.bias = feed_forward.down.bias.take().filter(|_| variant.down_bias);
        Ok(Arc::new(layer))
    };
    let mut embeddings = fields.embeddings(config, variant.prefix, hidden, None)?;
    embeddings.positions = None;
    embeddings.norm =
        Norm::new(format!("{}.{}", variant.prefix, variant.embedding_norm), hidden, fields.layer_norm_eps);
    Ok(Model {
        hidden,
        max_length,
        embeddings,
        layers: (0..fields.num_hidden_layers).map(layer).collect::<Result<_>>()?,
        final_norm: None,
        head: (variant.head)(config, hidden),
    })
}
