//! BertForSequenceClassification out of burn's own modules, as their users would build it.

use burn::module::Module;
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::store::{ModuleSnapshot, PyTorchToBurnAdapter, SafetensorsStore};
use burn::tensor::{Bool, Device, Int, Tensor};
use serde_json::Value;
use std::error::Error;
use std::path::Path;

/// transformers' names, as regular expressions, and burn's; in this order, each on what the ones before left.
const NAMES: [(&str, &str); 11] = [
    (r"^bert\.", ""),
    (r"^embeddings\.LayerNorm", "embeddings.norm"),
    (r"\.layer\.", ".layers."),
    (r"\.attention\.self\.", ".mha."),
    (r"\.attention\.output\.dense", ".mha.output"),
    (r"\.attention\.output\.LayerNorm", ".norm_1"),
    (r"\.intermediate\.dense", ".pwff.linear_inner"),
    (r"\.(\d+)\.output\.dense", ".$1.pwff.linear_outer"),
    (r"\.output\.LayerNorm", ".norm_2"),
    (r"^pooler\.dense", "pooler"),
    (r"_embeddings\.", "."),
];

#[derive(Module, Debug)]
struct Embeddings {
    word: Embedding,
    position: Embedding,
    token_type: Embedding,
    norm: LayerNorm,
}

#[derive(Module, Debug)]
pub struct Bert {
    embeddings: Embeddings,
    encoder: TransformerEncoder,
    pooler: Linear,
    classifier: Linear,
}

impl Bert {
    /// The checkpoint in `folder`: `config.json` and `model.safetensors`.
    pub fn load(folder: &Path, device: &Device) -> Result<Bert, Box<dyn Error>> {
        let config: Value = serde_json::from_slice(&std::fs::read(folder.join("config.json"))?)?;
        let size = |name: &str| {
            config[name].as_u64().map(|size| size as usize).ok_or_else(|| format!("config.json: {name} is no size"))
        };
        let hidden = size("hidden_size")?;
        let epsilon = config["layer_norm_eps"].as_f64().ok_or("config.json: layer_norm_eps is no number")?;
        let encoder = TransformerEncoderConfig::new(
            hidden,
            size("intermediate_size")?,
            size("num_attention_heads")?,
            size("num_hidden_layers")?,
        );
        let mut bert = Bert {
            embeddings: Embeddings {
                word: EmbeddingConfig::new(size("vocab_size")?, hidden).init(device),
                position: EmbeddingConfig::new(size("max_position_embeddings")?, hidden).init(device),
                token_type: EmbeddingConfig::new(size("type_vocab_size")?, hidden).init(device),
                norm: LayerNormConfig::new(hidden).with_epsilon(epsilon).init(device),
            },
            encoder: encoder.with_layer_norm_eps(epsilon).init(device),
            pooler: LinearConfig::new(hidden, hidden).init(device),
            classifier: LinearConfig::new(hidden, size("num_labels")?).init(device),
        };
        let mut store =
            SafetensorsStore::from_file(folder.join("model.safetensors")).with_from_adapter(PyTorchToBurnAdapter);
        for (theirs, ours) in NAMES {
            store = store.with_key_remapping(theirs, ours);
        }
        let loaded = bert.load_from(&mut store)?;
        if !loaded.unused.is_empty() {
            return Err(format!("tensors that have no place: {:?}", loaded.unused).into());
        }
        Ok(bert)
    }

    /// `ids`, and `padding` where there is any, are `[texts, tokens]`; the logits `[texts, labels]`.
    pub fn logits(&self, ids: Tensor<2, Int>, padding: Option<Tensor<2, Bool>>) -> Tensor<2> {
        let [texts, tokens] = ids.dims();
        let device = ids.device();
        let Embeddings { word, position, token_type, norm } = &self.embeddings;
        let positions = Tensor::arange(0..tokens as i64, &device).unsqueeze();
        let rows = word.forward(ids) + position.forward(positions) + token_type.forward(Tensor::zeros([1, 1], &device));
        let mut input = TransformerEncoderInput::new(norm.forward(rows));
        if let Some(padding) = padding {
            input = input.mask_pad(padding);
        }
        let rows = self.encoder.forward(input);
        let [.., hidden] = rows.dims();
        let first = rows.slice([0..texts, 0..1]).reshape([texts, hidden]);
        self.classifier.forward(self.pooler.forward(first).tanh())
    }
}
