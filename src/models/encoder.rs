//! Stage 3, second half: description -> recording. The one function that records any [`Model`].

use super::{Activation, Layer, Model, NormOrder, Pool};
use crate::checkpoint::Scoring;
use crate::gpu::{Output, Recording, Tensor};
use crate::kernels::attention::Projections;
use crate::kernels::loss::LossKind;
use crate::kernels::{argmax, attention, attention_weights, embed, layernorm, loss, matmul, pool, sigmoid, softmax};

/// What a run is to answer beside logits, probabilities and argmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    pub scoring: Scoring,
    pub hidden_states: bool,
    pub attentions: bool,
    pub loss: Option<LossKind>,
}

/// Records the forward pass of any model. `max_binding`: bytes that one binding of the device may span.
pub fn record(model: &Model, wanted: Wanted, max_binding: u64) -> Recording {
    let mut recording = Recording::new(max_binding);
    let r = &mut recording;

    let mut hidden = embed::record(r, &model.embeddings);
    hidden = layernorm::record(r, hidden, None, &model.embeddings.norm);
    if let Some(projection) = &model.embeddings.projection {
        hidden = matmul::record(r, hidden, projection, Activation::Identity, None);
    }
    if wanted.hidden_states {
        r.output(Output::HiddenState(0), hidden);
    }

    // Where the head reads first tokens only and nobody asked for more, the last layer computes nothing else.
    let narrow = model.head.pool == Pool::First && !wanted.hidden_states && !wanted.attentions;
    for (index, layer) in model.layers.iter().enumerate() {
        let rows = if narrow && index + 1 == model.layers.len() { LayerRows::First } else { LayerRows::All };
        let projections;
        (hidden, projections) = record_layer(r, layer, hidden, rows, model.max_length);
        if wanted.attentions {
            let weights = attention_weights::record(r, &layer.attention, projections, model.max_length);
            r.output(Output::Attention(index), weights);
        }
        if wanted.hidden_states {
            r.output(Output::HiddenState(index + 1), hidden);
        }
    }
    if let Some(norm) = &model.final_norm {
        hidden = layernorm::record(r, hidden, None, norm);
    }

    let mut pooled = if narrow && !model.layers.is_empty() { hidden } else { pool::record(r, hidden, model.head.pool) };
    if let Some((dense, activation)) = &model.head.dense {
        pooled = matmul::record(r, pooled, dense, *activation, None);
    }
    let logits = matmul::record(r, pooled, &model.head.classifier, Activation::Identity, None);
    r.output(Output::Logits, logits);
    match wanted.scoring {
        Scoring::None => {}
        Scoring::Sigmoid => {
            let probabilities = sigmoid::record(r, logits);
            r.output(Output::Probabilities, probabilities);
        }
        Scoring::Softmax => {
            let probabilities = softmax::record(r, logits);
            r.output(Output::Probabilities, probabilities);
        }
    }
    let [index, value] = argmax::record(r, logits);
    r.output(Output::Argmax, index);
    r.output(Output::Maximum, value);
    if let Some(kind) = wanted.loss {
        let losses = loss::record(r, logits, kind);
        r.output(Output::Loss, losses);
    }
    recording
}

/// Which rows of a layer's output are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LayerRows {
    All,
    /// The first token of each text; keys and values still come from all rows.
    First,
}

fn record_layer(
    r: &mut Recording,
    layer: &Layer,
    input: Tensor,
    rows: LayerRows,
    max_length: usize,
) -> (Tensor, Projections) {
    let attention = &layer.attention;
    let pre = layer.order == NormOrder::Pre;
    let normed = match &layer.attention_norm {
        Some(norm) if pre => layernorm::record(r, input, None, norm),
        _ => input,
    };

    let width = attention.output.inputs();
    let (projections, residual) = match rows {
        LayerRows::All => {
            let qkv = matmul::record(r, normed, &attention.qkv, Activation::Identity, None);
            (Projections { queries: qkv, keys: qkv, first_key: width }, input)
        }
        LayerRows::First => {
            let first = pool::record(r, normed, Pool::First);
            let mut part =
                |input, columns| matmul::record_columns(r, input, &attention.qkv, columns, Activation::Identity, None);
            let projections =
                Projections { queries: part(first, 0..width), keys: part(normed, width..3 * width), first_key: 0 };
            (projections, if pre { pool::record(r, input, Pool::First) } else { first })
        }
    };
    let attended = attention::record(r, attention, projections, max_length);

    let feed_forward = &layer.feed_forward;
    let output = match (layer.order, &layer.attention_norm) {
        (NormOrder::Post, Some(norm)) => {
            let attended = matmul::record(r, attended, &attention.output, Activation::Identity, None);
            let middle = layernorm::record(r, attended, Some(residual), norm);
            let inner = matmul::record(r, middle, &feed_forward.up, feed_forward.activation, None);
            let outer = matmul::record(r, inner, &feed_forward.down, Activation::Identity, None);
            layernorm::record(r, outer, Some(middle), &layer.feed_forward_norm)
        }
        (NormOrder::Post, None) => unreachable!("a post-norm layer normalises its attention"),
        (NormOrder::Pre, _) => {
            let middle = matmul::record(r, attended, &attention.output, Activation::Identity, Some(residual));
            let normed = layernorm::record(r, middle, None, &layer.feed_forward_norm);
            let inner = matmul::record(r, normed, &feed_forward.up, feed_forward.activation, None);
            matmul::record(r, inner, &feed_forward.down, Activation::Identity, Some(middle))
        }
    };
    (output, projections)
}
