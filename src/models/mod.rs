//! Stage 3, first half: weights -> description. A [`Model`] is data: which tensors, which sizes, which variant of each
//! part. One file per architecture turns `config.json` into a `Model`; none of them computes anything. The one
//! function that records any `Model` is [`encoder::record`].

mod albert;
mod architectures;
mod bert;
mod block;
mod deberta_v2;
mod distilbert;
mod electra;
pub mod encoder;
mod modernbert;
mod mpnet;
mod parts;
mod record;
mod roberta;
mod rope;
mod rotary_bert;

pub use architectures::{ARCHITECTURES, Architecture, architecture, describe, scoring};
pub use parts::{Part, PartWeights};

use crate::ir::{Role, Rows, Weight};
use crate::kernels::{Activation, Half, Pooling};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// `y = x W^T + b`, with `W` stored `[outputs, inputs]` in the file and used as `[inputs, outputs]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Linear {
    pub weight: Weight,
    pub bias: Option<Weight>,
}

impl Linear {
    /// The layers `{prefix}.weight` and `{prefix}.bias` of every prefix, stacked along their outputs (so that q, k and v
    /// are one product); each has `outputs / prefixes.len()` outputs.
    pub fn stacked(prefixes: &[String], inputs: usize, outputs: usize) -> Linear {
        let names = |field| prefixes.iter().map(|prefix| format!("{prefix}.{field}")).collect::<Vec<_>>();
        Linear {
            weight: Weight {
                names: names("weight"),
                rows: outputs,
                columns: inputs,
                transposed: true,
                role: Role::Encoder,
                times_root_of: 1,
            },
            bias: Some(Weight {
                names: names("bias"),
                rows: 1,
                columns: outputs,
                transposed: false,
                role: Role::Encoder,
                times_root_of: 1,
            }),
        }
    }

    pub fn new(prefix: impl Into<String>, inputs: usize, outputs: usize) -> Linear {
        Linear::stacked(&[prefix.into()], inputs, outputs)
    }

    /// Leaves the bias out unless `present`.
    pub fn with_bias(self, present: bool) -> Linear {
        Linear { bias: self.bias.filter(|_| present), ..self }
    }

    /// Marks the layer as part of the classification head.
    pub fn of_head(mut self) -> Linear {
        self.weight.role = Role::Head;
        self.bias.iter_mut().for_each(|bias| bias.role = Role::Head);
        self
    }

    fn weights(&self) -> impl Iterator<Item = &Weight> {
        std::iter::once(&self.weight).chain(&self.bias)
    }

    pub fn inputs(&self) -> usize {
        self.weight.columns
    }

    pub fn outputs(&self) -> usize {
        self.weight.rows
    }
}

/// Layer normalisation: `(x - mean) / sqrt(variance + epsilon) * weight + bias`.
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    pub weight: Weight,
    pub bias: Option<Weight>,
    pub epsilon: f32,
}

impl Norm {
    pub fn new(prefix: impl Into<String>, columns: usize, epsilon: f32) -> Norm {
        let prefix = prefix.into();
        let weight = Weight::vector(format!("{prefix}.weight"), columns);
        Norm { weight, bias: Some(Weight::vector(format!("{prefix}.bias"), columns)), epsilon }
    }

    /// Leaves the bias out unless `present`.
    pub fn with_bias(self, present: bool) -> Norm {
        Norm { bias: self.bias.filter(|_| present), ..self }
    }

    /// Marks the norm as part of the classification head.
    pub fn of_head(mut self) -> Norm {
        self.weight.role = Role::Head;
        self.bias.iter_mut().for_each(|bias| bias.role = Role::Head);
        self
    }

    fn weights(&self) -> impl Iterator<Item = &Weight> {
        std::iter::once(&self.weight).chain(&self.bias)
    }
}

/// What a model classifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// Texts: transformers' `...ForSequenceClassification`.
    SequenceClassification,
    /// Every token of a text: transformers' `...ForTokenClassification`.
    TokenClassification,
}

impl Task {
    /// transformers' name of its pipeline: `text-classification` or `token-classification`.
    pub fn name(self) -> &'static str {
        match self {
            Task::SequenceClassification => "text-classification",
            Task::TokenClassification => "token-classification",
        }
    }
}

/// A BERT-family encoder, the trunk, with a classification head, as data.
#[derive(Clone, Debug)]
pub struct Model {
    pub hidden: usize,
    /// Longest text in tokens, special tokens included.
    pub max_length: usize,
    pub embeddings: Embeddings,
    pub layers: Vec<Arc<Layer>>,
    /// ModernBERT normalises once more after the last layer.
    pub final_norm: Option<Norm>,
    pub head: Head,
}

/// `ids -> norm(word + position + type)`, with a projection to the hidden width before or after the norm.
#[derive(Clone, Debug)]
pub struct Embeddings {
    pub words: Weight,
    pub positions: Option<Positions>,
    pub types: Option<Weight>,
    /// DeBERTa: tables narrower than the hidden width are projected before the norm.
    pub projection_before: Option<Linear>,
    pub norm: Norm,
    /// ELECTRA, ALBERT: ... or after it.
    pub projection_after: Option<Linear>,
}

/// A learned table of absolute positions.
#[derive(Clone, Debug)]
pub struct Positions {
    pub table: Weight,
    /// RoBERTa counts the tokens that are not this id, from the id + 1 on; `None`: token `i` reads row `i`.
    pub padding: Option<u32>,
}

/// Where a layer normalises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormOrder {
    /// BERT: after adding the residual.
    Post,
    /// ModernBERT: before attention and feed-forward; the residual is not normalised.
    Pre,
}

#[derive(Clone, Debug)]
pub struct Layer {
    pub order: NormOrder,
    pub attention: Attention,
    /// Absent in layer 0 of ModernBERT, whose input was just normalised.
    pub attention_norm: Option<Norm>,
    pub feed_forward: FeedForward,
    pub feed_forward_norm: Norm,
    pub convolution: Option<Convolution>,
}

#[derive(Clone, Debug)]
pub struct Attention {
    pub heads: usize,
    /// q, k and v stacked: `[hidden] -> [3 * hidden]`.
    pub qkv: Linear,
    pub output: Linear,
    /// Multiplies `q . k` and the terms beside it.
    pub scale: f32,
    pub score: Score,
    /// Keys further than this from the query are not seen.
    pub window: Option<usize>,
    /// Where q and k are rotated by their positions (Su et al. 2021): what the angle of each pair of a head's columns grows
    /// by from token to token.
    pub rotary: Option<Arc<[f64]>>,
}

/// What is added to `q . k` before the softmax, by the distance of query `i` and key `j`.
#[derive(Clone, Debug)]
pub enum Score {
    Plain,
    /// `q_i . table[r]` and `k_j . table[r]`, before the scale, with `r = bucket(i - j)` (Shaw et al. 2018, Huang et al.
    /// 2020, He et al. 2020).
    Relative {
        query_table: Option<DistanceTable>,
        key_table: Option<DistanceTable>,
        buckets: Buckets,
    },
    /// `table[bucket(i - j)][head]`, after the scale (Raffel et al. 2020).
    Bias {
        table: Weight,
        buckets: Buckets,
    },
}

/// A vector for each bucket of distances.
#[derive(Clone, Debug)]
pub enum DistanceTable {
    /// `[buckets, head width]`, all heads alike.
    Shared(Weight),
    /// `[buckets, hidden]`, a part of it for each head.
    Projected(Box<Projected>),
}

/// The outputs `columns` of `linear(norm(embeddings))`.
#[derive(Clone, Debug)]
pub struct Projected {
    pub embeddings: Weight,
    pub norm: Option<Norm>,
    pub linear: Linear,
    pub columns: Range<usize>,
}

/// The bucket of each distance: `table[i - j + longest - 1]` for texts of up to `longest` tokens.
#[derive(Clone)]
pub struct Buckets(pub Arc<[u32]>);

impl Buckets {
    /// The buckets of the distances of texts of up to `longest` tokens.
    pub fn new(longest: usize, bucket: impl Fn(i64) -> u32) -> Buckets {
        let farthest = longest as i64 - 1;
        Buckets((-farthest..=farthest).map(bucket).collect())
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buckets(of {} distances)", self.0.len())
    }
}

#[derive(Clone, Debug)]
pub struct FeedForward {
    pub up: Linear,
    pub activation: Activation,
    /// Where `up` has two halves: which one is activated; the other multiplies it (Shazeer 2020).
    pub gate: Option<Half>,
    pub down: Linear,
}

/// DeBERTa-v2-xlarge: `norm(output of the layer + activation(convolution of the layer's input along the text))`.
#[derive(Clone, Debug)]
pub struct Convolution {
    /// Tokens that one output sees, itself in the middle.
    pub kernel: usize,
    /// `[hidden * kernel] -> [hidden]`, an input channel's taps beside each other.
    pub linear: Linear,
    pub activation: Activation,
    pub norm: Norm,
}

/// What makes logits of the last hidden state.
#[derive(Clone, Debug)]
pub struct Head {
    /// How the rows of a text become one; `None`: the head reads every token.
    pub pool: Option<Pooling>,
    /// The layer before the classifier.
    pub dense: Option<Dense>,
    pub classifier: Linear,
}

/// `norm(activation(linear(x)))`.
#[derive(Clone, Debug)]
pub struct Dense {
    pub linear: Linear,
    pub activation: Activation,
    pub norm: Option<Norm>,
}

impl Head {
    /// What the rows of logits, and of all that is made of them, belong to.
    pub fn rows(&self) -> Rows {
        if self.pool.is_some() { Rows::Texts } else { Rows::Tokens }
    }
}

impl Model {
    pub fn task(&self) -> Task {
        match self.head.pool {
            Some(_) => Task::SequenceClassification,
            None => Task::TokenClassification,
        }
    }

    pub fn labels(&self) -> usize {
        self.head.classifier.outputs()
    }

    /// The id that positions are not counted for, where there is one.
    pub fn position_padding(&self) -> Option<u32> {
        self.embeddings.positions.as_ref().and_then(|positions| positions.padding)
    }
}
