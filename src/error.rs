//! What a user, a file or a device got wrong. Wrong shapes inside a recording are our own bugs and panic instead.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Everything that can fail, each variant naming the file, tensor, text or adapter concerned and what to do about it, which
/// its message says in words. The fields are what the message is made of.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named after what they hold, and each variant says what that is")]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: Arc<std::io::Error> },

    /// A file of the checkpoint is absent.
    #[error("{}: no {missing}; {hint}", folder.display())]
    MissingFile { folder: PathBuf, missing: &'static str, hint: String },

    /// A file of the checkpoint was read but says something unusable.
    #[error("{}: {message}", path.display())]
    Malformed { path: PathBuf, message: String },

    /// A model could not be fetched from the Hugging Face hub, or not be found in its cache. `status` is the server's
    /// answer, where it is one that was the problem.
    #[error("{model}: {message}")]
    Hub { model: String, status: Option<u16>, message: String },

    /// `config.json` describes a model, or a variant of one, that this engine does not compute.
    #[error("{}: {feature} is not supported; supported are {supported}", path.display())]
    Unsupported { path: PathBuf, feature: String, supported: String },

    /// A tensor has the wrong shape or type, is absent, or holds numbers that cannot be used.
    #[error("{}: tensor {tensor}: {message}", path.display())]
    Tensor { path: PathBuf, tensor: String, message: String },

    /// The checkpoint is an encoder without a classification head.
    #[error(
        "{}: the checkpoint has no classification head (tensor {tensor} is absent): it was saved from the pretrained encoder, \
         not from a fine-tuned classifier; use a fine-tuned checkpoint, or ask for random head weights with \
         `Options::random_head` if the answers do not matter", path.display()
    )]
    MissingHead { path: PathBuf, tensor: String },

    /// A call is for models of another task.
    #[error(
        "the model classifies {}: ask it with {}",
        if *.tokens { "the tokens of texts" } else { "texts" },
        if *.tokens { "`classify_tokens` or `run_tokens`" } else { "`classify` or `run`" }
    )]
    WrongTask {
        /// Whether the model classifies tokens.
        tokens: bool,
    },

    /// One text cannot be classified; the others of the call can. `index` is its position among them, from 0, as in
    /// [`SequenceClassifierOutput::text`](crate::SequenceClassifierOutput::text).
    #[error("text {index}: {message}")]
    Text { index: usize, message: String },

    /// What a call asks for is nothing that any model could answer.
    #[error("{message}")]
    Request { message: String },

    /// No adapter at all.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        error(
            "no GPU adapter was found ({looked}): install the GPU's driver (on Linux without a GPU, Mesa's software one does: \
             apt-get install mesa-vulkan-drivers), or run on the CPU reference, slowly, with \
             `Adapter::Reference`"
        )
    )]
    #[cfg_attr(
        target_arch = "wasm32",
        error(
            "no GPU adapter was found: {looked}; without one the CPU reference answers, slowly, with `Adapter::Reference`"
        )
    )]
    NoAdapter { looked: String },

    /// Adapters were found, but not the one that was asked for.
    #[error("no adapter matches {wanted:?}; there are: {available}")]
    NoSuchAdapter { wanted: String, available: String },

    /// The adapter cannot run this model.
    #[error("adapter {adapter}: {message}")]
    Adapter { adapter: String, message: String },

    /// Tensor cores were asked for, and the adapter has none.
    #[error(
        "adapter {adapter} has no tensor cores that kernels can use (cooperative matrices of f16 with sums in f32, on a \
         GPU): run without them, as `TensorCores::Auto` does on such an adapter"
    )]
    NoTensorCores { adapter: String },

    /// The adapter computes something else than the kernels say, by the self-check before it answers or a canary among what
    /// it answers: a fault of its driver, of the hardware, or ours. What was not answered by it before is not.
    #[error(
        "adapter {adapter} computes wrong answers, and none of them is given: {message}{}; update its driver, choose another \
         adapter, or run on the CPU reference, slowly, with `Adapter::Reference`",
        report.as_ref().map_or(String::new(), |path| format!(". A report is in {}: please send it to the project", path.display()))
    )]
    WrongAnswers { adapter: String, message: String, report: Option<PathBuf> },

    /// The device's memory was exhausted.
    #[error(
        "adapter {adapter} is out of memory while {doing} ({bytes} bytes); lower the batch's capacity (`Options::batch_tokens`), \
         or choose another adapter"
    )]
    OutOfMemory { adapter: String, doing: String, bytes: u64 },

    /// The device went away: a driver reset, a removed card, a watchdog.
    #[error(
        "adapter {adapter} was lost while {doing}: {message}; what was already returned is valid, a new classifier can be made"
    )]
    DeviceLost { adapter: String, doing: String, message: String },
}

/// Shorthand for a [`std::result::Result`] with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::File { action, path, source: source.into() }
    }

    pub(crate) fn malformed(path: &Path, message: impl ToString) -> Error {
        Error::Malformed { path: path.into(), message: message.to_string() }
    }

    pub(crate) fn tensor(path: &Path, tensor: &str, message: impl ToString) -> Error {
        Error::Tensor { path: path.into(), tensor: tensor.into(), message: message.to_string() }
    }
}
