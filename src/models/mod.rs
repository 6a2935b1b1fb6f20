//! Stage 3, first half: weights -> description. A [`Model`] is data: which tensors, which sizes, which variant of each
//! part. One file per architecture turns `config.json` into a `Model`; none of them computes anything. The one
//! function that records any `Model` is [`encoder::record`].

mod activation;
pub mod bert;
pub mod encoder;

pub use activation::Activation;

use crate::checkpoint::Config;
use crate::error::{Error, Result};
use std::sync::Arc;

/// A matrix or vector of the checkpoint, named as transformers names it, that the engine needs.
///
/// Two equal `Weight`s are one buffer on the device, which is how layers that share weights share memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Weight {
    /// Tensor names without the base prefix rule applied (`bert.encoder.layer.0...` or `encoder.layer.0...` both
    /// match). More than one: stacked along the first axis in this order.
    pub names: Vec<String>,
    /// Rows of the whole in the file's layout, all `names` stacked (a vector has one row).
    pub rows: usize,
    /// Columns of the whole in the file's layout.
    pub columns: usize,
    /// Whether the engine wants `[columns, rows]`: a linear layer's `[out, in]` is used as `[in, out]`.
    pub transposed: bool,
    /// The part of the model it belongs to.
    pub role: Role,
}

/// What a weight is for; decides what its absence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Absent: the checkpoint is unusable.
    Encoder,
    /// Absent: the checkpoint was not fine-tuned ([`crate::Error::MissingHead`]), or filled from a seed on request.
    Head,
}

impl Weight {
    /// A vector of `columns` elements (a bias, a norm's gain).
    pub fn vector(name: impl Into<String>, columns: usize) -> Weight {
        Weight { names: vec![name.into()], rows: 1, columns, transposed: false, role: Role::Encoder }
    }

    /// A table of `rows` rows used as it is stored (embeddings).
    pub fn table(name: impl Into<String>, rows: usize, columns: usize) -> Weight {
        Weight { names: vec![name.into()], rows, columns, transposed: false, role: Role::Encoder }
    }

    /// The shape on the device: `[rows, columns]`.
    pub fn shape(&self) -> [usize; 2] {
        if self.transposed { [self.columns, self.rows] } else { [self.rows, self.columns] }
    }
}

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
            },
            bias: Some(Weight {
                names: names("bias"),
                rows: 1,
                columns: outputs,
                transposed: false,
                role: Role::Encoder,
            }),
        }
    }

    pub fn new(prefix: impl Into<String>, inputs: usize, outputs: usize) -> Linear {
        Linear::stacked(&[prefix.into()], inputs, outputs)
    }

    pub fn without_bias(self) -> Linear {
        Linear { bias: None, ..self }
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

    fn weights(&self) -> impl Iterator<Item = &Weight> {
        std::iter::once(&self.weight).chain(&self.bias)
    }
}

/// A BERT-family encoder with a sequence classification head, as data.
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

/// `ids -> norm(word + position + type)`, then an optional projection to the hidden width.
#[derive(Clone, Debug)]
pub struct Embeddings {
    pub words: Weight,
    pub positions: Option<Positions>,
    pub types: Option<Weight>,
    pub norm: Norm,
    pub projection: Option<Linear>,
}

/// A learned table of absolute positions; token `i` of a text reads row `first + i`.
#[derive(Clone, Debug)]
pub struct Positions {
    pub table: Weight,
    /// RoBERTa starts at `pad_token_id + 1`.
    pub first: usize,
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
}

#[derive(Clone, Debug)]
pub struct Attention {
    pub heads: usize,
    /// q, k and v stacked: `[hidden] -> [3 * hidden]`.
    pub qkv: Linear,
    pub output: Linear,
    /// Multiplies the score, all terms of it.
    pub scale: f32,
    pub score: Score,
}

/// What is added to `q . k` before the softmax.
#[derive(Clone, Debug)]
pub enum Score {
    Plain,
    /// Query `i` and key `j` also meet a learned vector of their distance: `q_i . table[d]`, and with `keys` also
    /// `k_j . table[d]`, with `d = i - j + distances / 2`, shared by all heads (Shaw et al. 2018; Huang et al. 2020).
    Distance {
        table: Weight,
        keys: bool,
    },
}

#[derive(Clone, Debug)]
pub struct FeedForward {
    pub up: Linear,
    pub activation: Activation,
    pub down: Linear,
}

#[derive(Clone, Debug)]
pub struct Head {
    pub pool: Pool,
    /// The layer between pooling and classifier, with its activation.
    pub dense: Option<(Linear, Activation)>,
    pub classifier: Linear,
}

/// How the rows of a text become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The first token, `[CLS]` or `<s>`.
    First,
    /// The mean of all tokens.
    Mean,
}

impl Model {
    pub fn labels(&self) -> usize {
        self.head.classifier.outputs()
    }

    /// Every weight that the forward pass reads, shared ones once for each use.
    pub fn weights(&self) -> Vec<&Weight> {
        let mut all = vec![&self.embeddings.words];
        all.extend(self.embeddings.positions.as_ref().map(|positions| &positions.table));
        all.extend(&self.embeddings.types);
        all.extend(self.embeddings.norm.weights());
        all.extend(self.embeddings.projection.iter().flat_map(Linear::weights));
        for layer in &self.layers {
            let Attention { qkv, output, score, .. } = &layer.attention;
            all.extend(qkv.weights().chain(output.weights()));
            if let Score::Distance { table, .. } = score {
                all.push(table);
            }
            all.extend(layer.attention_norm.iter().flat_map(Norm::weights));
            all.extend(layer.feed_forward.up.weights().chain(layer.feed_forward.down.weights()));
            all.extend(layer.feed_forward_norm.weights());
        }
        all.extend(self.final_norm.iter().flat_map(Norm::weights));
        all.extend(self.head.dense.iter().flat_map(|(dense, _)| dense.weights()));
        all.extend(self.head.classifier.weights());
        all
    }
}

/// Checks and errors that architecture files share.
impl Config {
    /// The error that names what of this config is not computed here.
    pub(crate) fn unsupported(&self, feature: &str, supported: &str) -> Error {
        Error::Unsupported { path: self.path().into(), feature: feature.into(), supported: supported.into() }
    }

    fn activation(&self, field: &str, name: &str) -> Result<Activation> {
        let unknown = || self.unsupported(&format!("{field} {name:?}"), &Activation::NAMES.join(", "));
        Activation::from_name(name).ok_or_else(unknown)
    }

    /// Columns of one attention head, which must divide the hidden width and fit the kernels' registers.
    fn head_width(&self, hidden: usize, heads: usize) -> Result<usize> {
        let width = hidden.checked_div(heads).filter(|width| *width > 0 && width * heads == hidden);
        let width = width.ok_or_else(|| {
            Error::malformed(self.path(), format!("hidden size {hidden} is not a multiple of {heads} attention heads"))
        })?;
        let limit = if width % 4 == 0 { 256 } else { 64 };
        if width > limit {
            return Err(self.unsupported(&format!("an attention head of {width} columns"), &format!("up to {limit}")));
        }
        Ok(width)
    }
}

/// An architecture: what `config.json` calls it and what turns the config into a model.
#[derive(Debug)]
pub struct Architecture {
    /// `model_type` in config.json.
    pub model_type: &'static str,
    /// The transformers class whose checkpoints load.
    pub class: &'static str,
    /// Prefix of the encoder's tensors, which some files leave out and others add.
    pub base_prefix: &'static str,
    pub describe: fn(&Config) -> Result<Model>,
}

/// What loads. An architecture is its file and one line here.
pub const ARCHITECTURES: &[Architecture] = &[bert::ARCHITECTURE];

/// The architecture of a config.
///
/// # Errors
/// [`Error::Unsupported`] naming the `model_type`, with what is supported.
pub fn architecture(config: &Config) -> Result<&'static Architecture> {
    let names = || ARCHITECTURES.iter().map(|architecture| architecture.model_type).collect::<Vec<_>>().join(", ");
    let found = ARCHITECTURES.iter().find(|architecture| architecture.model_type == config.model_type);
    let found = found.ok_or_else(|| config.unsupported(&format!("model_type {:?}", config.model_type), &names()))?;
    // A config saved from the bare encoder or the pretraining class names that; the missing head speaks for itself.
    let other_task = config.architectures.iter().find(|class| class.contains("For") && !class.contains("PreTraining"));
    match other_task {
        Some(class)
            if !config.architectures.iter().any(|class| class == found.class) && !class.contains("MaskedLM") =>
        {
            Err(config.unsupported(&format!("architecture {class}"), found.class))
        }
        _ => Ok(found),
    }
}
