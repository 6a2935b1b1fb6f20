//! Which architectures load, and the checks that their files share.

use super::{
    Activation, Dense, Head, Linear, Model, Norm, Pooling, Task, albert, bert, deberta_v2, distilbert, electra,
    modernbert, mpnet, roberta, rotary_bert,
};
use crate::checkpoint::{Config, ModuleDense, ModuleHead, Scoring, Weights};
use crate::error::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

/// An architecture: what `config.json` calls it and what turns the config into a model.
#[derive(Debug)]
pub struct Architecture {
    /// `model_type` in config.json.
    pub model_type: &'static str,
    /// The transformers class of sequence classification whose checkpoints load; [`Architecture::class_of`] names the
    /// others.
    pub class: &'static str,
    /// Prefix of the encoder's tensors, which some files leave out and others add.
    pub base_prefix: &'static str,
    /// What stood in its place before the architecture was transformers' own.
    pub former_prefix: Option<&'static str>,
    /// Whether labels that are a number for each of several classes say, where the config has no `problem_type`, how much
    /// of each there is, and not whether each is right.
    pub soft_labels: bool,
    /// Whether the layer before the classifier is one of token classification, too; elsewhere it belongs to the pooling.
    pub token_dense: bool,
    pub describe: fn(&Config) -> Result<Model>,
}

/// What classes are for whose tensors may have the names and shapes of a classifier that is computed, and mean something
/// else; of token classification those that no architecture has.
const OTHER_TASKS: [&str; 8] = [
    "TokenClassification",
    "QuestionAnswering",
    "MultipleChoice",
    "NextSentencePrediction",
    "CausalLM",
    "LMHead",
    "ConditionalGeneration",
    "ImageClassification",
];

impl Architecture {
    /// The transformers class of a task: its names differ in nothing else.
    pub fn class_of(&self, task: Task) -> String {
        match task {
            Task::SequenceClassification => self.class.into(),
            Task::TokenClassification => self.class.replace("ForSequence", "ForToken"),
        }
    }

    /// The weights, found under the names that files of this architecture give them.
    pub fn named(&self, weights: Weights) -> Weights {
        let weights = weights.with_base_prefix(self.base_prefix);
        match self.former_prefix {
            Some(prefix) => weights.with_former_prefix(prefix),
            None => weights,
        }
    }
}

/// What loads. An architecture is its file and one line here.
pub const ARCHITECTURES: &[Architecture] = &[
    bert::ARCHITECTURE,
    roberta::ROBERTA,
    roberta::XLM_ROBERTA,
    roberta::CAMEMBERT,
    distilbert::ARCHITECTURE,
    electra::ARCHITECTURE,
    albert::ARCHITECTURE,
    mpnet::ARCHITECTURE,
    deberta_v2::ARCHITECTURE,
    modernbert::ARCHITECTURE,
    rotary_bert::NOMIC_BERT,
    rotary_bert::GTE,
    rotary_bert::JINA_V3,
];

/// The architecture of a config.
///
/// As in transformers the `model_type` decides, whatever class the file names; that the class is another is said. Of the
/// class the task is taken ([`describe`]), and one of a task that is not computed is refused, even if its tensors would fit.
///
/// # Errors
/// [`Error::Unsupported`] naming the `model_type` or the class, with what is supported.
pub fn architecture(config: &Config) -> Result<&'static Architecture> {
    let names = || ARCHITECTURES.iter().map(|architecture| architecture.model_type).collect::<Vec<_>>().join(", ");
    let found = ARCHITECTURES.iter().find(|architecture| architecture.model_type == config.model_type);
    let found = found.ok_or_else(|| config.unsupported(&format!("model_type {:?}", config.model_type), &names()))?;
    config.refuse_pruned_heads()?;
    let task = task(config, found);
    let own = found.class_of(task);
    if config.architectures.contains(&own) {
        return Ok(found);
    }
    let classes = || config.architectures.iter();
    let other = |class: &&String| OTHER_TASKS.iter().any(|task| class.contains(task));
    if let Some(class) = classes().find(other).filter(|_| task == Task::SequenceClassification) {
        let supported = format!("{} and {}", found.class, found.class_of(Task::TokenClassification));
        return Err(config.unsupported(&format!("architecture {class}"), &supported));
    }
    // A config saved from the bare encoder or the pretraining class names that; the missing head speaks for itself.
    let without_head =
        |class: &str| class.ends_with("Model") || ["PreTraining", "MaskedLM"].iter().any(|task| class.contains(task));
    if let Some(class) = classes().find(|class| !without_head(class)) {
        log::warn!(
            "{}: architectures names {class}; as in transformers the model_type {:?} decides, and the tensors are read as \
             those of {}",
            config.path().display(),
            found.model_type,
            own
        );
    }
    Ok(found)
}

/// What a checkpoint is for, by the classes that its config names: its architecture's class of sequence classification, or
/// none, or else a class of token classification of any architecture that is computed.
fn task(config: &Config, found: &Architecture) -> Task {
    let classes: Vec<String> = ARCHITECTURES.iter().map(|known| known.class_of(Task::TokenClassification)).collect();
    let own = config.architectures.iter().any(|class| class == found.class);
    match !own && config.architectures.iter().any(|class| classes.contains(class)) {
        true => Task::TokenClassification,
        false => Task::SequenceClassification,
    }
}

/// The model of a config: its architecture's, with the head that modules of sentence-transformers put in place of its own,
/// or with that of token classification, `classifier(dropout(hidden state))` for every token, where its class asks for it.
///
/// # Errors
/// Those of the architecture, and [`Error::Malformed`] if the head does not fit.
pub fn describe(architecture: &Architecture, config: &Config) -> Result<Model> {
    let mut model = (architecture.describe)(config)?;
    if task(config, architecture) == Task::TokenClassification {
        model.head = Head {
            pool: None,
            dense: model.head.dense.filter(|_| architecture.token_dense),
            classifier: Linear::new("classifier", model.hidden, config.num_labels()).of_head(),
        };
        return Ok(model);
    }
    if let Some(head) = config.head() {
        let inputs = head.dense.as_ref().unwrap_or(&head.classifier).inputs;
        if inputs != model.hidden {
            let message = format!("the first Dense has {inputs} in_features, but the encoder {} columns", model.hidden);
            return Err(Error::malformed(&config.path().with_file_name("modules.json"), message));
        }
        model.head = of_modules(head);
    }
    Ok(model)
}

/// How the logits of a config's model become scores, where nobody says otherwise. Of tokens transformers' pipeline knows
/// the softmax alone.
///
/// # Errors
/// Those of [`Config::scoring`].
pub fn scoring(config: &Config, model: &Model) -> Result<Scoring> {
    match model.task() {
        Task::SequenceClassification => config.scoring(),
        Task::TokenClassification => Ok(Scoring::Softmax),
    }
}

/// The head that modules of sentence-transformers are.
fn of_modules(modules: &ModuleHead) -> Head {
    let linear =
        |dense: &ModuleDense| Linear::new(&dense.prefix, dense.inputs, dense.outputs).with_bias(dense.bias).of_head();
    Head {
        pool: Some(if modules.mean { Pooling::Mean } else { Pooling::First }),
        dense: modules.dense.as_ref().map(|dense| Dense {
            linear: linear(dense),
            activation: Activation::from_name(dense.activation).expect("a name of transformers'"),
            norm: modules.norm.as_ref().map(|(prefix, epsilon)| Norm::new(prefix, dense.outputs, *epsilon).of_head()),
        }),
        classifier: linear(&modules.classifier),
    }
}

/// Checks and errors that architecture files share.
impl Config {
    /// The error that names what of this config is not computed here.
    pub(crate) fn unsupported(&self, feature: &str, supported: &str) -> Error {
        Error::Unsupported { path: self.path().into(), feature: feature.into(), supported: supported.into() }
    }

    /// Refuses a model some of whose heads were cut out, which `PreTrainedModel.prune_heads` of 4.57 does as it loads one; 5
    /// does not look at the field.
    fn refuse_pruned_heads(&self) -> Result<()> {
        #[derive(Deserialize)]
        struct Pruned {
            pruned_heads: Option<Value>,
        }
        let Pruned { pruned_heads } = self.parse()?;
        let none = pruned_heads.is_none_or(|heads| heads.as_object().is_some_and(Map::is_empty));
        if none || self.is_of_transformers_5() {
            return Ok(());
        }
        Err(self.unsupported("pruned_heads (heads that were cut out)", "models that have all their heads"))
    }

    pub(super) fn activation(&self, field: &str, name: &str) -> Result<Activation> {
        let unknown = || self.unsupported(&format!("{field} {name:?}"), &Activation::NAMES.join(", "));
        Activation::from_name(name).ok_or_else(unknown)
    }

    /// Columns of one attention head, which must divide the hidden width and fit the kernels' registers.
    pub(super) fn head_width(&self, hidden: usize, heads: usize) -> Result<usize> {
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

#[cfg(test)]
#[path = "architectures_tests.rs"]
mod tests;
