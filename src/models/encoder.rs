//! Stage 3, second half: description -> recording. The one function that records any [`Model`].

use super::{
    Activation, Attention, Buckets, Convolution, Dense, DistanceTable, FeedForward, Layer, Model, NormOrder, Pooling,
    Projected, Score, record,
};
use crate::checkpoint::Scoring;
use crate::ir::{Output, Recording, Rows, Storage, Tensor, Values};
use crate::kernels::{
    argmax,
    attention::{self, Heads, Projections, ScoreTables, Term},
    attention_weights, elementwise, gate,
    loss::{self, LossKind},
    pool, rotary, softmax, unfold,
};
use std::collections::HashMap;
use std::sync::Arc;

/// What a run is to answer beside logits, probabilities and argmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutputSpec {
    pub scoring: Scoring,
    pub hidden_states: bool,
    /// For texts of at most so many tokens.
    pub attentions: Option<u32>,
    /// Of models that classify texts.
    pub pooled_output: bool,
    pub loss: Option<LossKind>,
}

impl OutputSpec {
    /// Nothing beside.
    pub fn scores(scoring: Scoring) -> OutputSpec {
        OutputSpec { scoring, hidden_states: false, attentions: None, pooled_output: false, loss: None }
    }
}

/// Records the forward pass of any model. `max_binding`: bytes that one binding of the device may span; `storage`: what
/// weights and activations are stored as. Logits and what is made of them are f32.
pub fn record(model: &Model, wanted: OutputSpec, max_binding: u64, storage: Storage) -> Recording {
    let recording = Recording::new(max_binding).with_storage(storage);
    let mut encoder = Encoder { recording, model, tables: Tables::default() };
    let mut features = encoder.encode(wanted);
    let mut recording = encoder.recording;
    let r = &mut recording;

    if let Some(Dense { linear, activation, norm }) = &model.head.dense {
        features = record::linear(r, features, linear, *activation, None);
        if let Some(norm) = norm {
            features = record::norm(r, features, None, norm);
        }
    }
    if wanted.pooled_output {
        r.output(Output::PooledOutput, features);
    }
    let logits = record::logits(r, features, &model.head.classifier);
    r.output(Output::Logits, logits);
    let probabilities = match wanted.scoring {
        Scoring::None => None,
        Scoring::Sigmoid => Some(elementwise::record(r, logits, Activation::Sigmoid)),
        Scoring::Tanh => Some(elementwise::record(r, logits, Activation::Tanh)),
        Scoring::Softmax => Some(softmax::record(r, logits)),
    };
    if let Some(probabilities) = probabilities {
        r.output(Output::Probabilities, probabilities);
    }
    let index = argmax::record(r, logits);
    r.output(Output::Argmax, index);
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

struct Encoder<'a> {
    recording: Recording,
    model: &'a Model,
    tables: Tables,
}

/// Tensors that layers share and that no batch changes.
#[derive(Default)]
struct Tables {
    /// Cosines and sines, by the bits of the frequencies.
    angles: HashMap<Vec<u64>, Tensor>,
    buckets: HashMap<Arc<[u32]>, Tensor>,
    /// Normalised embeddings of distances, by the tensor of the embeddings and the name of the norm.
    distances: HashMap<(String, Option<String>), Tensor>,
}

impl Encoder<'_> {
    /// From ids to the rows that the head reads: `[texts, hidden]`, or `[tokens, hidden]` where it reads every token.
    fn encode(&mut self, wanted: OutputSpec) -> Tensor {
        let model = self.model;
        let embeddings = &model.embeddings;
        let r = &mut self.recording;
        let mut hidden = record::embed(r, embeddings);
        if let Some(projection) = &embeddings.projection_before {
            hidden = record::linear(r, hidden, projection, Activation::Identity, None);
        }
        hidden = record::norm(r, hidden, None, &embeddings.norm);
        if let Some(projection) = &embeddings.projection_after {
            hidden = record::linear(r, hidden, projection, Activation::Identity, None);
        }
        if wanted.hidden_states {
            r.output(Output::HiddenState(0), hidden);
        }

        // Where the head reads first tokens only and nobody asked for more, the last layer computes nothing else.
        let last = model.layers.len() - 1;
        let narrow = model.head.pool == Some(Pooling::First)
            && !wanted.hidden_states
            && wanted.attentions.is_none()
            && model.layers[last].convolution.is_none();
        for (index, layer) in model.layers.iter().enumerate() {
            let rows = if narrow && index == last { LayerRows::First } else { LayerRows::All };
            let weights = wanted.attentions.map(|longest| (index, longest));
            let first = self.recording.steps.len();
            hidden = self.layer(layer, hidden, rows, weights);
            self.recording.layers.push(first..self.recording.steps.len());
            if index == last
                && let Some(norm) = &model.final_norm
            {
                hidden = record::norm(&mut self.recording, hidden, None, norm);
            }
            if wanted.hidden_states {
                // The last one is after the final norm, as in transformers 5.
                self.recording.output(Output::HiddenState(index + 1), hidden);
            }
        }
        match model.head.pool {
            Some(pooling) if !narrow => pool::record(&mut self.recording, hidden, pooling),
            _ => hidden,
        }
    }

    /// One layer; with `weights` its attention weights are an output of that index, for texts up to that length.
    fn layer(&mut self, layer: &Layer, input: Tensor, rows: LayerRows, weights: Option<(usize, u32)>) -> Tensor {
        let attention = &layer.attention;
        let pre = layer.order == NormOrder::Pre;
        let normed = match &layer.attention_norm {
            Some(norm) if pre => record::norm(&mut self.recording, input, None, norm),
            _ => input,
        };
        let mut wanted_rows = |all| match rows {
            LayerRows::All => all,
            LayerRows::First => pool::record(&mut self.recording, all, Pooling::First),
        };
        let asking = wanted_rows(normed);
        let residual = if normed == input { asking } else { wanted_rows(input) };
        let projections = self.project(attention, asking, normed);

        let heads = heads(attention, &projections, self.model.max_length);
        let tables = self.score_tables(&attention.score);
        let r = &mut self.recording;
        if let Some((index, longest)) = weights {
            let weights = attention_weights::record(r, heads.clone(), longest, projections, tables);
            r.output(Output::Attention(index), weights);
        }
        let attended = attention::record(r, heads, projections, tables);
        let output = match &layer.attention_norm {
            Some(norm) if !pre => {
                let attended = record::linear(r, attended, &attention.output, Activation::Identity, None);
                let middle = record::norm(r, attended, Some(residual), norm);
                let outer = feed_forward(r, middle, &layer.feed_forward, None);
                record::norm(r, outer, Some(middle), &layer.feed_forward_norm)
            }
            _ => {
                let middle = record::linear(r, attended, &attention.output, Activation::Identity, Some(residual));
                let normed = record::norm(r, middle, None, &layer.feed_forward_norm);
                feed_forward(r, normed, &layer.feed_forward, Some(middle))
            }
        };
        match &layer.convolution {
            None => output,
            Some(Convolution { kernel, linear, activation, norm }) => {
                let unfolded = unfold::record(r, input, *kernel);
                let convolved = record::linear(r, unfolded, linear, *activation, None);
                record::norm(r, convolved, Some(output), norm)
            }
        }
    }

    /// Queries of the rows that ask, keys and values of all, rotated where the layer has it.
    fn project(&mut self, attention: &Attention, asking: Tensor, all: Tensor) -> Projections {
        let width = attention.output.inputs();
        let angles = attention.rotary.as_ref().map(|frequencies| self.angles(frequencies));
        let r = &mut self.recording;
        if asking == all {
            let qkv = record::linear(r, all, &attention.qkv, Activation::Identity, None);
            if let Some(angles) = angles {
                rotary::record(r, qkv, 2 * attention.heads, angles);
            }
            return Projections { queries: qkv, keys: qkv, first_key: width };
        }
        let mut part = |input, columns| record::linear_columns(r, input, &attention.qkv, columns);
        // The first token's angles are zero: its query stays as it is.
        let (queries, keys) = (part(asking, 0..width), part(all, width..3 * width));
        if let Some(angles) = angles {
            rotary::record(r, keys, attention.heads, angles);
        }
        Projections { queries, keys, first_key: 0 }
    }

    fn angles(&mut self, frequencies: &[f64]) -> Tensor {
        let Encoder { recording, model, tables } = self;
        let key = frequencies.iter().map(|frequency| frequency.to_bits()).collect();
        *tables.angles.entry(key).or_insert_with(|| rotary::angles(recording, model.max_length, frequencies))
    }

    fn score_tables(&mut self, score: &Score) -> ScoreTables {
        match score {
            Score::Plain => ScoreTables::default(),
            Score::Bias { table, buckets } => {
                let query_table = Some(self.recording.table(table));
                ScoreTables { query_table, key_table: None, buckets: Some(self.buckets(buckets)) }
            }
            Score::Relative { query_table, key_table, buckets } => {
                let [query_table, key_table] =
                    [query_table, key_table].map(|table| table.as_ref().map(|table| self.distance_table(table)));
                ScoreTables {
                    query_table: query_table.or(key_table),
                    key_table: key_table.or(query_table),
                    buckets: Some(self.buckets(buckets)),
                }
            }
        }
    }

    fn buckets(&mut self, Buckets(buckets): &Buckets) -> Tensor {
        let recording = &mut self.recording;
        let make = || recording.constant(Rows::Fixed(buckets.len() as u32), 1, Values::U32(buckets.to_vec()));
        *self.tables.buckets.entry(buckets.clone()).or_insert_with(make)
    }

    /// Depends on weights alone, so that it is computed once.
    fn distance_table(&mut self, table: &DistanceTable) -> Tensor {
        let r = &mut self.recording;
        match table {
            DistanceTable::Shared(weight) => r.table(weight),
            DistanceTable::Projected(projected) => {
                let Projected { embeddings, norm, linear, columns } = projected.as_ref();
                let key = (embeddings.names.join(" "), norm.as_ref().map(|norm| norm.weight.names.join(" ")));
                let rows = *self.tables.distances.entry(key).or_insert_with(|| {
                    let rows = r.table(embeddings);
                    norm.as_ref().map_or(rows, |norm| record::norm(r, rows, None, norm))
                });
                record::linear_columns(r, rows, linear, columns.clone())
            }
        }
    }
}

/// `down(activation(up(input)))`, gated where it is, plus the residual where it is given.
fn feed_forward(r: &mut Recording, input: Tensor, layer: &FeedForward, residual: Option<Tensor>) -> Tensor {
    let FeedForward { up, activation, gate: gated, down } = layer;
    let inner = match gated {
        None => record::linear(r, input, up, *activation, None),
        Some(half) => {
            let halves = record::linear(r, input, up, Activation::Identity, None);
            gate::record(r, halves, *activation, *half)
        }
    };
    record::linear(r, inner, down, Activation::Identity, residual)
}

/// How the kernels find the heads of a layer in its projections.
fn heads(attention: &Attention, projections: &Projections, max_length: usize) -> Heads {
    let hidden = attention.output.inputs();
    Heads {
        queries: projections.queries.rows,
        heads: attention.heads as u32,
        head_width: (hidden / attention.heads) as u32,
        query_stride: projections.queries.columns as u32,
        key_stride: projections.keys.columns as u32,
        first_key: projections.first_key as u32,
        first_value: (projections.first_key + hidden) as u32,
        window: attention.window.map_or(u32::MAX, |window| window as u32),
        max_length: max_length as u32,
        scale: attention.scale,
        element: projections.queries.element,
        score: match &attention.score {
            Score::Plain => Term::None,
            Score::Bias { .. } => Term::Bias,
            Score::Relative { query_table, key_table, .. } => Term::Relative {
                queries: query_table.is_some(),
                keys: key_table.is_some(),
                shared: matches!(query_table.as_ref().or(key_table.as_ref()), Some(DistanceTable::Shared(_))),
            },
        },
    }
}
