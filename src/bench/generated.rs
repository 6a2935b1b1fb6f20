//! Models to time without any file: sizes by name, as each architecture, with weights made from a seed.

use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::models::Architecture;
use crate::options::Options;
use crate::text::Tokenizer;
use crate::{Classifier, gpu};
use serde_json::{Map, Value, json};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

const SEED: u64 = 1;
/// BERT's, for every architecture: tables of other sizes would say nothing about speed.
const VOCABULARY: usize = 30522;
const POSITIONS: usize = 512;

/// The sizes of a well-known checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub name: &'static str,
    /// What the checkpoint of that name is.
    pub model_type: &'static str,
    pub layers: usize,
    pub hidden: usize,
    pub heads: usize,
    pub intermediate: usize,
}

const fn size(name: &'static str, layers: usize, hidden: usize, heads: usize) -> Size {
    Size { name, model_type: "bert", layers, hidden, heads, intermediate: 4 * hidden }
}

/// What models by name there are.
pub const SIZES: &[Size] = &[
    size("tiny", 2, 128, 2),
    size("minilm", 6, 384, 12),
    Size { model_type: "distilbert", ..size("distilbert-base", 6, 768, 12) },
    size("bert-base", 12, 768, 12),
    size("bert-large", 24, 1024, 16),
];

/// What to time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelChoice {
    /// A model of that size with generated weights.
    Generated(Size),
    /// A checkpoint.
    Folder(PathBuf),
}

impl FromStr for ModelChoice {
    type Err = String;

    /// The name of a size, or an existing folder.
    fn from_str(name: &str) -> Result<ModelChoice, String> {
        if let Some(size) = SIZES.iter().find(|size| size.name == name) {
            return Ok(ModelChoice::Generated(*size));
        }
        if Path::new(name).is_dir() {
            return Ok(ModelChoice::Folder(name.into()));
        }
        let names: Vec<_> = SIZES.iter().map(|size| size.name).collect();
        Err(format!(
            "no model is called {name:?}; there are: {} (with generated weights), or the folder of a checkpoint",
            names.join(", ")
        ))
    }
}

impl fmt::Display for ModelChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModelChoice::Generated(size) => f.write_str(size.name),
            ModelChoice::Folder(folder) => folder.display().fmt(f),
        }
    }
}

impl ModelChoice {
    /// A classifier of it; a size is what its checkpoint is.
    ///
    /// # Errors
    /// Those of [`Options::load`] and [`Size::classifier`].
    pub fn classifier(&self, options: Options) -> Result<Classifier> {
        match self {
            ModelChoice::Generated(size) => size.classifier(named(size.model_type), options),
            ModelChoice::Folder(folder) => options.load(folder),
        }
    }
}

/// The architecture of that name, which is one of ours.
pub(super) fn named(model_type: &str) -> &'static Architecture {
    super::architectures(model_type).unwrap_or_else(|error| panic!("{error}"))[0]
}

impl Size {
    /// A `config.json` of this size: the proportions are those of the architecture's published base model, the vocabulary
    /// and the positions BERT's.
    pub fn config(&self, architecture: &Architecture) -> Value {
        let Size { layers, hidden, heads, intermediate, .. } = *self;
        let mut config = json!({
            "model_type": architecture.model_type,
            "num_labels": 2,
            "vocab_size": VOCABULARY,
            "max_position_embeddings": POSITIONS,
            "num_hidden_layers": layers,
            "hidden_size": hidden,
            "num_attention_heads": heads,
            "intermediate_size": intermediate,
        });
        let own = match architecture.model_type {
            "roberta" | "xlm-roberta" | "camembert" | "mpnet" => json!({
                // Positions start after the padding's.
                "max_position_embeddings": POSITIONS + 2,
                "pad_token_id": 1,
                "type_vocab_size": 1,
                "layer_norm_eps": 1e-5,
            }),
            "distilbert" => json!({"hidden_dim": intermediate}),
            "electra" => json!({"embedding_size": hidden}),
            "albert" => json!({"embedding_size": 128, "hidden_act": "gelu_new"}),
            "deberta-v2" => json!({
                "relative_attention": true,
                "position_buckets": 256,
                "norm_rel_ebd": "layer_norm",
                "share_att_key": true,
                "pos_att_type": "p2c|c2p",
                "position_biased_input": false,
                "type_vocab_size": 0,
            }),
            "modernbert" => json!({"intermediate_size": hidden * 3 / 2}),
            _ => json!({}),
        };
        let merge = |config: &mut Map<String, Value>, own: Map<String, Value>| config.extend(own);
        if let (Value::Object(config), Value::Object(own)) = (&mut config, own) {
            merge(config, own);
        }
        config
    }

    /// A classifier of this size with generated weights.
    ///
    /// # Errors
    /// The adapter's, and [`crate::Error::Unsupported`] where the architecture has no model of such a size.
    pub fn classifier(&self, architecture: &Architecture, options: Options) -> Result<Classifier> {
        // It is never asked: texts come as ids.
        const TOKENIZER: &[u8] = br#"{"version": "1.0", "added_tokens": [],
            "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}"#;
        let name = format!("(generated) {} as {}", self.name, architecture.model_type);
        let config = self.config(architecture).to_string();
        let checkpoint = Checkpoint::generated(&name, config.as_bytes(), SEED)?;
        let tokenizer = Tokenizer::from_json(Path::new(&name), TOKENIZER, None)?;
        gpu::block_on(options.open(checkpoint, tokenizer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Adapter;
    use crate::models::{ARCHITECTURES, Model};

    fn model(size: &Size, architecture: &Architecture) -> Model {
        let options = Options { adapter: Adapter::Reference, ..Options::default() };
        let classifier = size.classifier(architecture, options).unwrap_or_else(|error| panic!("{error}"));
        classifier.model().clone()
    }

    #[test]
    fn every_architecture_has_every_size() {
        for (size, architecture) in SIZES.iter().flat_map(|size| ARCHITECTURES.iter().map(move |known| (size, known))) {
            let model = model(size, architecture);
            let name = format!("{} as {}", size.name, architecture.model_type);
            assert_eq!((model.hidden, model.layers.len()), (size.hidden, size.layers), "{name}");
            assert_eq!((model.embeddings.words.rows, model.max_length), (VOCABULARY, POSITIONS), "{name}");
            assert_eq!(model.layers[0].attention.heads, size.heads, "{name}");
        }
    }

    #[test]
    fn bert_base_has_as_many_parameters_as_the_published_one() {
        let bert = ARCHITECTURES.iter().find(|known| known.model_type == "bert").unwrap();
        let size = SIZES.iter().find(|size| size.name == "bert-base").unwrap();
        let parameters: usize = model(size, bert).weights().iter().map(|weight| weight.rows * weight.columns).sum();
        // transformers' BertForSequenceClassification with two labels.
        assert_eq!(parameters, 109_483_778);
    }
}
