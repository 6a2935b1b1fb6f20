//! Stage 2: files -> config and weights. A [`Checkpoint`] is a folder as transformers saves it, opened but not yet
//! understood: what the numbers mean is for `models`. Nothing a file says is trusted: sizes are checked
//! against the file's own length before anything is allocated.

mod config;
#[cfg(feature = "hub")]
pub mod hub;
mod labels;
mod missing;
#[cfg(feature = "internals")]
pub mod needed;
#[cfg(not(feature = "internals"))]
mod needed;
mod random_head;
mod read;
mod safetensors_file;
mod scoring;
mod sentence_transformers;
mod shards;
mod stored;
mod weights;

pub use scoring::{ProblemType, Scoring};
pub(crate) use sentence_transformers::{ModuleDense, ModuleHead};

#[cfg(feature = "internals")]
pub use self::{config::Config, labels::MAX_LABELS, stored::Stored, weights::Weights};
#[cfg(not(feature = "internals"))]
pub(crate) use self::{config::Config, labels::MAX_LABELS, stored::Stored, weights::Weights};
#[cfg(feature = "internals")]
pub use safetensors::Dtype;
#[cfg(not(feature = "internals"))]
pub(crate) use safetensors::Dtype;

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use self::missing::Source;
use self::sentence_transformers::Settings;
use crate::folder::Folder;
use crate::text::Transformers;
use crate::{Error, Result};

/// The configuration and the weights of one model.
#[derive(Debug)]
#[cfg_attr(not(feature = "internals"), doc(hidden))]
pub struct Checkpoint {
    /// What `config.json` says.
    pub config: Config,
    /// The tensors.
    pub weights: Weights,
    /// The folder it was opened from, or the name it was given; for messages.
    pub path: PathBuf,
}

impl Checkpoint {
    /// Opens a folder written by `save_pretrained`: `config.json` beside `model.safetensors`, or beside
    /// `model.safetensors.index.json` and its shards; of a cross-encoder of sentence-transformers also its own files. The
    /// weights are memory-mapped, not read.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the folder cannot be opened; [`Error::MissingFile`] with what to do if the configuration or
    /// the weights are absent or in another format; and the errors of [`Config::new`] and [`Weights::open`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Checkpoint> {
        let folder = folder.as_ref();
        let metadata = fs::metadata(folder).map_err(Error::file("open the checkpoint folder", folder))?;
        if !metadata.is_dir() {
            return Err(Error::malformed(
                folder,
                "is a file; pass the folder that holds config.json and model.safetensors",
            ));
        }
        Checkpoint::of(Folder::on_disk(folder))
    }

    /// [`Checkpoint::open`] of files wherever they are.
    ///
    /// # Errors
    ///
    /// Those of [`Checkpoint::open`].
    pub(crate) fn of(folder: Folder<'_>) -> Result<Checkpoint> {
        let files = folder.names();
        let source = Source { place: folder.path, revision: None, files: &files };
        let Some(bytes) = folder.read(needed::CONFIG)? else {
            return Err(missing::config(&source));
        };
        if let Some(error) = missing::other_kind(&source) {
            return Err(error);
        }
        let path = folder.join(needed::CONFIG);
        let (mut config, mut weights) =
            (Config::beside(&bytes, path, || Transformers::of_tokenizer(folder))?, Weights::of(folder)?);
        if let Some(settings) = Settings::read(folder)? {
            config = config.with_settings(settings);
            weights = weights.with_folders(folder, &config.settings.folders)?;
        }
        Ok(Checkpoint { config, weights, path: folder.path.into() })
    }

    /// A checkpoint that is already in memory: the contents of `config.json` and of `model.safetensors`. `name` stands
    /// for the folder in messages.
    ///
    /// # Errors
    ///
    /// Those of [`Config::new`] and [`Weights::from_bytes`].
    pub fn from_bytes(
        name: impl Into<PathBuf>,
        config: &[u8],
        weights: impl Into<Cow<'static, [u8]>>,
    ) -> Result<Checkpoint> {
        let path = name.into();
        Ok(Checkpoint {
            config: Config::new(config, path.join("config.json"))?,
            weights: Weights::from_bytes(path.join("model.safetensors"), weights)?,
            path,
        })
    }

    /// A checkpoint without files: the model that a `config.json` describes, with [`Weights::generated`]. Its answers
    /// mean nothing, its speed does.
    ///
    /// # Errors
    ///
    /// Those of [`Config::new`].
    pub fn generated(name: impl Into<PathBuf>, config: &[u8], seed: u64) -> Result<Checkpoint> {
        let path = name.into();
        let config = Config::new(config, path.join("config.json"))?;
        Ok(Checkpoint { config, weights: Weights::generated(&path, seed), path })
    }
}
