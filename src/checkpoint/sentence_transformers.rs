//! The files that sentence-transformers 6 keeps beside a cross-encoder's checkpoint: `modules.json`, which modules it is made
//! of; `config_sentence_transformers.json`, its activation and its prompts; `sentence_bert_config.json`, how its encoder is
//! used (sentence_transformers/base/model.py, cross_encoder/model.py, base/modules/transformer.py).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::scoring::torch_class;
use crate::folder::Folder;
use crate::{Error, Result, json};

pub(super) const MODULES: &str = "modules.json";
pub(super) const MODEL_CONFIG: &str = "config_sentence_transformers.json";
pub(super) const ENCODER_CONFIG: &str = "sentence_bert_config.json";
/// What the folder of a module holds; the weights where it has any.
const MODULE_FILES: [&str; 2] = ["config.json", "model.safetensors"];

/// torch's default, which the module LayerNorm does not change.
const EPSILON: f32 = 1e-5;

/// transformers' name of the function that changes nothing.
const IDENTITY: &str = "linear";

/// What they say of a cross-encoder.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// The class in torch that makes scores of logits, and the file that names it.
    pub activation: Option<(String, PathBuf)>,
    pub prompt: Option<String>,
    pub max_length: Option<usize>,
    /// The head that the modules behind the encoder are; none where the checkpoint has its own.
    pub head: Option<ModuleHead>,
    /// The modules' folders that hold weights.
    pub folders: Vec<String>,
}

/// The head that modules behind an encoder are, as their files describe it.
#[derive(Clone, Debug)]
pub(crate) struct ModuleHead {
    /// Whether the mean of a text's tokens is pooled, and not the first of them.
    pub mean: bool,
    pub dense: Option<ModuleDense>,
    /// A norm after the dense layer: the prefix of its tensors, and its epsilon.
    pub norm: Option<(String, f32)>,
    /// What makes the scores.
    pub classifier: ModuleDense,
}

/// A module `activation(linear(x))`.
#[derive(Clone, Debug)]
pub(crate) struct ModuleDense {
    /// Prefix of its tensors.
    pub prefix: String,
    pub inputs: usize,
    pub outputs: usize,
    pub bias: bool,
    /// Under transformers' name.
    pub activation: &'static str,
}

#[derive(Deserialize)]
struct ModelConfig {
    model_type: Option<String>,
    activation_fn: Option<String>,
    #[serde(default)]
    prompts: BTreeMap<String, Option<String>>,
    default_prompt_name: Option<String>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    class: String,
    path: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EncoderConfig {
    transformer_task: Option<String>,
    max_seq_length: Option<usize>,
    do_lower_case: Option<bool>,
    processor_kwargs: Option<Map<String, Value>>,
    tokenizer_args: Option<Map<String, Value>>,
    processing_kwargs: Option<Map<String, Value>>,
    query_expansion: Option<Value>,
}

#[derive(Deserialize)]
struct Pooling {
    pooling_mode: Option<Value>,
    include_prompt: Option<bool>,
    /// Older files say which modes are on.
    #[serde(flatten)]
    legacy: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct DenseConfig {
    in_features: usize,
    out_features: usize,
    bias: Option<bool>,
    activation_function: Option<String>,
    module_input_name: Option<String>,
    module_output_name: Option<String>,
    use_residual: Option<bool>,
}

impl Settings {
    /// Reads a folder; none where it is no cross-encoder that sentence-transformers saved.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] naming the file and field; [`Error::Unsupported`] naming `modules.json` and the modules.
    pub(super) fn read(folder: Folder<'_>) -> Result<Option<Settings>> {
        let path = folder.join(MODULES);
        // Without it sentence-transformers reads none of the others.
        let Some(modules) = read::<Vec<Module>>(folder, MODULES)? else { return Ok(None) };
        let config_path = folder.join(MODEL_CONFIG);
        let config = read::<ModelConfig>(folder, MODEL_CONFIG)?;
        // The settings of another kind of model do not count for a classifier.
        let Some(config) = config.filter(ModelConfig::is_cross_encoder) else {
            return Ok(None);
        };
        let prompt = match &config.default_prompt_name {
            None => None,
            Some(name) => match config.prompts.get(name) {
                Some(prompt) => prompt.clone().filter(|prompt| !prompt.is_empty()),
                None => {
                    let message = format!("default_prompt_name is {name:?}, which is none of the prompts");
                    return Err(Error::malformed(&config_path, message));
                }
            },
        };
        let encoder_path = folder.join(ENCODER_CONFIG);
        let encoder = read::<EncoderConfig>(folder, ENCODER_CONFIG)?.unwrap_or_default();
        let mut settings = Settings {
            activation: config.activation_fn.map(|class| (class, config_path)),
            prompt,
            max_length: encoder.max_length(&encoder_path)?,
            ..Settings::default()
        };
        let modules = Modules { path: &path, folder, modules: &modules };
        modules.check_encoder()?;
        if modules.modules.len() > 1 {
            if encoder.transformer_task.as_deref().is_some_and(|task| task != "feature-extraction") {
                return Err(modules.unsupported("modules behind a classifier of its own"));
            }
            settings.head = Some(modules.head(settings.prompt.is_some())?);
            settings.folders = modules.folders();
        }
        Ok(Some(settings))
    }
}

impl ModelConfig {
    fn is_cross_encoder(&self) -> bool {
        self.model_type.as_deref() == Some("CrossEncoder")
    }
}

impl EncoderConfig {
    /// The longest text: of one call's arguments, else of the tokenizer's, else the setting of its own.
    fn max_length(&self, path: &Path) -> Result<Option<usize>> {
        let unsupported = |feature: &str| {
            Err(Error::Unsupported {
                path: path.into(),
                feature: feature.into(),
                supported: "max_seq_length, and the max_length of processing_kwargs".into(),
            })
        };
        if self.do_lower_case == Some(true) {
            return unsupported("do_lower_case");
        }
        if self.query_expansion.as_ref().is_some_and(|value| !value.is_null()) {
            return unsupported("query_expansion");
        }
        let mut longest = None;
        for (part, arguments) in self.processing_kwargs.iter().flatten() {
            for (name, value) in arguments.as_object().into_iter().flatten() {
                match (part.as_str(), name.as_str()) {
                    ("text" | "common", "max_length") => longest = Some(value),
                    // Padding changes no answer, and these are the defaults.
                    ("text" | "common", "padding" | "pad_to_multiple_of" | "return_tensors") => {}
                    ("text" | "common", "truncation") if *value == true || value == "longest_first" => {}
                    ("text" | "common", _) => return unsupported(&format!("processing_kwargs' {name}: {value}")),
                    _ => {}
                }
            }
        }
        let arguments = self.processor_kwargs.as_ref().or(self.tokenizer_args.as_ref());
        let longest = longest.or_else(|| arguments?.get("model_max_length"));
        match longest {
            None => Ok(self.max_seq_length.filter(|length| *length > 0)),
            Some(value) => match json::as_f64(value) {
                // transformers' VERY_LARGE_INTEGER, 1e30, is no limit.
                Some(length) if length > f64::from(u32::MAX) => Ok(None),
                Some(length) if length >= 1.0 => Ok(Some(length as usize)),
                _ => Err(Error::malformed(
                    path,
                    format!("the longest text is {}, not a number of tokens", json::show(value)),
                )),
            },
        }
    }
}

/// The modules of a cross-encoder, in their order.
struct Modules<'a> {
    /// `modules.json`.
    path: &'a Path,
    folder: Folder<'a>,
    modules: &'a [Module],
}

impl Module {
    /// The class's name, if it is one of sentence-transformers.
    fn kind(&self) -> Option<&str> {
        let path = self.class.strip_prefix("sentence_transformers.")?;
        path.rsplit('.').next()
    }
}

impl Modules<'_> {
    fn unsupported(&self, what: &str) -> Error {
        let name = |module: &Module| match module.path.as_str() {
            "" => module.kind().unwrap_or(&module.class).to_string(),
            path => format!("{path} ({})", module.kind().unwrap_or(&module.class)),
        };
        let names: Vec<String> = self.modules.iter().map(name).collect();
        Error::Unsupported {
            path: self.path.into(),
            feature: format!("a cross-encoder of the modules {}: {what}", names.join(", ")),
            supported:
                "an encoder with a classifier of its own, and an encoder, Pooling (cls or mean), at most one Dense \
                        with at most one LayerNorm, and a Dense that makes the scores"
                    .into(),
        }
    }

    fn check_encoder(&self) -> Result<()> {
        match self.modules.first() {
            Some(module) if module.kind() == Some("Transformer") && module.path.is_empty() => Ok(()),
            Some(module) => Err(self.unsupported(&format!("{:?} is no encoder in this folder", module.path))),
            None => Err(Error::malformed(self.path, "lists no module")),
        }
    }

    fn folders(&self) -> Vec<String> {
        let weights = self.modules.iter().filter(|module| matches!(module.kind(), Some("Dense" | "LayerNorm")));
        weights.map(|module| module.path.clone()).collect()
    }

    /// The modules behind the encoder as a head.
    fn head(&self, prompted: bool) -> Result<ModuleHead> {
        let (mut mean, mut layers, mut norm) = (None, Vec::<(ModuleDense, bool)>::new(), None);
        for module in &self.modules[1..] {
            let fault = |what: &str| Err(self.unsupported(&format!("{} {what}", module.path)));
            check_folder(self.path, &module.path)?;
            match module.kind() {
                Some("Dropout") => {}
                Some("Pooling") if mean.is_none() && layers.is_empty() => {
                    let pooling: Pooling = self.config(module)?;
                    if prompted && pooling.include_prompt == Some(false) {
                        return fault("leaves the prompt out");
                    }
                    mean = match pooling.mode().as_deref() {
                        Some("cls") => Some(false),
                        Some("mean") => Some(true),
                        mode => return fault(&format!("pools by {}", mode.unwrap_or("several modes"))),
                    };
                }
                Some("Dense") if mean.is_some() => {
                    let dense: DenseConfig = self.config(module)?;
                    let names = [&dense.module_input_name, &dense.module_output_name];
                    let [input, output] =
                        names.map(|name| name.as_deref().unwrap_or("sentence_embedding") == "sentence_embedding");
                    let scores = dense.module_output_name.as_deref() == Some("scores");
                    if dense.use_residual == Some(true) {
                        return fault("has a residual");
                    }
                    if !input || !(output || scores) {
                        return fault("reads or makes something else than the sentence embedding and the scores");
                    }
                    // Without a name it is Tanh.
                    let class = dense.activation_function.as_deref().unwrap_or("torch.nn.Tanh");
                    let Some(activation) = activation(class) else {
                        return fault(&format!("has the activation {class:?}"));
                    };
                    let layer = ModuleDense {
                        prefix: format!("{}.linear", module.path),
                        inputs: dense.in_features,
                        outputs: dense.out_features,
                        bias: dense.bias != Some(false),
                        activation,
                    };
                    layers.push((layer, scores));
                }
                Some("LayerNorm") if norm.is_none() && layers.len() == 1 => {
                    norm = Some((format!("{}.norm", module.path), EPSILON));
                }
                _ => return fault("is not computed in this place"),
            }
        }
        let Some(mean) = mean else {
            return Err(self.unsupported("no Pooling"));
        };
        let (last, first) = match layers.len() {
            1 if norm.is_none() => (layers.remove(0), None),
            2 => (layers.remove(1), Some(layers.remove(0))),
            count => return Err(self.unsupported(&format!("{count} Dense"))),
        };
        let (classifier, scores) = last;
        if !scores || classifier.activation != IDENTITY {
            return Err(self.unsupported("the last Dense does not make the scores as they are"));
        }
        let dense = first.map(|(dense, _)| dense);
        if dense.as_ref().is_some_and(|dense| dense.outputs != classifier.inputs) {
            return Err(self.unsupported("one Dense does not fit the other"));
        }
        Ok(ModuleHead { mean, dense, norm, classifier })
    }

    fn config<T: DeserializeOwned>(&self, module: &Module) -> Result<T> {
        let missing = || Error::malformed(self.path, format!("names {}, which has no config.json", module.path));
        read(self.folder, &format!("{}/{}", module.path, MODULE_FILES[0]))?.ok_or_else(missing)
    }
}

impl Pooling {
    /// The one mode, if it is one.
    fn mode(&self) -> Option<String> {
        const MODES: [(&str, &str); 6] = [
            ("pooling_mode_cls_token", "cls"),
            ("pooling_mode_max_tokens", "max"),
            ("pooling_mode_mean_tokens", "mean"),
            ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
            ("pooling_mode_weightedmean_tokens", "weightedmean"),
            ("pooling_mode_lasttoken", "lasttoken"),
        ];
        let modes: Vec<&str> = match &self.pooling_mode {
            Some(Value::String(mode)) => vec![mode],
            Some(Value::Array(modes)) => modes.iter().map(|mode| mode.as_str().unwrap_or_default()).collect(),
            _ => {
                let on = |field: &str| self.legacy.get(field).is_some_and(|value| *value == true);
                let on: Vec<&str> = MODES.iter().filter(|(field, _)| on(field)).map(|(_, mode)| *mode).collect();
                if on.is_empty() { vec!["mean"] } else { on }
            }
        };
        match modes[..] {
            [mode] => Some(mode.into()),
            _ => None,
        }
    }
}

/// The files of the modules behind a cross-encoder's encoder, for who has only the folder's own.
///
/// # Errors
///
/// [`Error::Malformed`] naming the file that is not one, or a folder that is none of the model's own.
pub(super) fn module_files(folder: Folder<'_>) -> Result<Vec<String>> {
    let path = folder.join(MODULES);
    let is_cross_encoder = read::<ModelConfig>(folder, MODEL_CONFIG)?.is_some_and(|config| config.is_cross_encoder());
    let mut files = Vec::new();
    for module in read::<Vec<Module>>(folder, MODULES)?.filter(|_| is_cross_encoder).into_iter().flatten() {
        if module.path.is_empty() {
            continue;
        }
        check_folder(&path, &module.path)?;
        let has_weights = matches!(module.kind(), Some("Dense" | "LayerNorm"));
        let names = if has_weights { &MODULE_FILES[..] } else { &MODULE_FILES[..1] };
        files.extend(names.iter().map(|name| format!("{}/{name}", module.path)));
    }
    Ok(files)
}

/// A module lies in a folder of the model's own: a path that leads elsewhere would let a checkpoint read any file.
fn check_folder(path: &Path, folder: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !folder.is_empty() && !folder.starts_with('.') && folder.bytes().all(plain) {
        return Ok(());
    }
    Err(Error::malformed(path, format!("names {folder:?}, which is not a folder beside it")))
}

/// transformers' name of the activation that a class of torch computes, made without arguments.
fn activation(class: &str) -> Option<&'static str> {
    Some(match torch_class(class)? {
        "Identity" => IDENTITY,
        "GELU" => "gelu",
        "ReLU" => "relu",
        "SiLU" => "silu",
        "Tanh" => "tanh",
        "Sigmoid" => "sigmoid",
        "ReLU6" => "relu6",
        "LeakyReLU" => "leaky_relu",
        "Mish" => "mish",
        _ => return None,
    })
}

/// A file as JSON, none where it does not exist.
fn read<T: DeserializeOwned>(folder: Folder<'_>, name: &str) -> Result<Option<T>> {
    let Some(bytes) = folder.read(name)? else { return Ok(None) };
    json::from_slice(&bytes).map(Some).map_err(|error| Error::malformed(&folder.join(name), error))
}
