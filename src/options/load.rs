//! Options -> a classifier: of a folder, of the hub, of what is compiled in.

use super::Options;
use crate::checkpoint::Checkpoint;
use crate::classifier::Classifier;
use crate::error::Result;
use crate::folder::{Files, Folder};
use crate::gpu;
use crate::oneshot::on_a_thread;
use crate::text::Tokenizer;
use std::path::Path;
use std::sync::Arc;

impl Options {
    /// Loads a folder as transformers' `save_pretrained` writes it.
    ///
    /// # Errors
    /// Everything that can be wrong with the files, each named; [`Error::NoAdapter`](crate::Error::NoAdapter) and the other adapter errors.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn load(self, folder: impl AsRef<Path>) -> Result<Classifier> {
        let (checkpoint, tokenizer) = read_folder(folder.as_ref())?;
        gpu::block_on(self.open(checkpoint, tokenizer))
    }

    /// [`Options::load`] without blocking: the files are read on a thread of their own.
    ///
    /// # Errors
    /// Those of [`Options::load`].
    pub async fn load_async(self, folder: impl AsRef<Path>) -> Result<Classifier> {
        let folder = folder.as_ref().to_path_buf();
        let (checkpoint, tokenizer) = on_a_thread(move || read_folder(&folder)).await?;
        self.open(checkpoint, tokenizer).await
    }

    /// Loads a checkpoint whose files are in memory, which [`Options::load`] would find in a folder: their names, those of files
    /// in a folder of it with its name and `/` before theirs, and their contents. `name` stands for the folder in messages. The
    /// weights stay in memory as long as the classifier lives.
    ///
    /// # Errors
    /// Those of [`Options::load`].
    pub async fn load_files_async(
        self,
        name: impl AsRef<Path>,
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Result<Classifier> {
        let name = name.as_ref().to_path_buf();
        let files: Files = files.into_iter().map(|(name, bytes)| (name, Arc::new(bytes))).collect();
        let read = move || read(Folder::in_memory(&name, &files));
        let (checkpoint, tokenizer) = on_a_thread(read).await?;
        self.open(checkpoint, tokenizer).await
    }

    /// Loads a model of the Hugging Face hub by its name, or a folder, which wins; what the cache lacks is downloaded.
    ///
    /// [`hub::fetch`](crate::checkpoint::hub::fetch) tells of the download as it goes on, and
    /// [`Hub`](crate::checkpoint::hub::Hub) takes another server or cache than the environment's.
    ///
    /// # Errors
    /// Those of [`hub::locate`](crate::checkpoint::hub::locate) and [`Options::load`].
    #[cfg(feature = "hub")]
    #[cfg(not(target_arch = "wasm32"))]
    pub fn load_hub(self, model: impl AsRef<Path>) -> Result<Classifier> {
        self.load(crate::checkpoint::hub::locate(model, &mut |_| {})?)
    }

    /// [`Options::load_hub`] without blocking: the files are downloaded and read on a thread of their own. The download goes
    /// on if this future is given up.
    ///
    /// # Errors
    /// Those of [`Options::load_hub`].
    #[cfg(feature = "hub")]
    pub async fn load_hub_async(self, model: impl AsRef<Path>) -> Result<Classifier> {
        let model = model.as_ref().to_path_buf();
        let files = move || read_folder(&crate::checkpoint::hub::locate(model, &mut |_| {})?);
        let (checkpoint, tokenizer) = on_a_thread(files).await?;
        self.open(checkpoint, tokenizer).await
    }

    /// The small English sentiment model (negative, neutral, positive) that is compiled in. It takes 512 tokens, but was
    /// trained on sentences of at most 64: longer texts are better split, by
    /// `Options::default().max_length(64).truncation(Truncation::Windows { stride: 16 })`.
    #[cfg(feature = "embedded")]
    #[cfg(not(target_arch = "wasm32"))]
    pub fn sentiment(self) -> Result<Classifier> {
        gpu::block_on(self.sentiment_async())
    }

    /// [`Options::sentiment`] without blocking.
    #[cfg(feature = "embedded")]
    pub async fn sentiment_async(self) -> Result<Classifier> {
        let (checkpoint, tokenizer) = on_a_thread(Options::embedded).await?;
        self.open(checkpoint, tokenizer).await
    }

    /// The files that are compiled in.
    #[cfg(feature = "embedded")]
    pub(crate) fn embedded() -> Result<(Checkpoint, Tokenizer)> {
        const NAME: &str = "(embedded) models/sentiment";
        let config = include_bytes!("../../models/sentiment/config.json");
        let weights = include_bytes!("../../models/sentiment/model.safetensors");
        let tokenizer = include_bytes!("../../models/sentiment/tokenizer.json");
        let checkpoint = Checkpoint::from_bytes(NAME, config, weights.as_slice())?;
        let tokenizer = Tokenizer::from_json(&Path::new(NAME).join("tokenizer.json"), tokenizer, None)?;
        Ok((checkpoint, tokenizer))
    }

    /// Makes a classifier from an opened checkpoint and a tokenizer, without blocking.
    ///
    /// The weights' presence, types and shapes are checked here; their contents are read when they are uploaded, at the
    /// first batch.
    ///
    /// # Errors
    /// As [`Options::load`].
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub async fn open(self, checkpoint: Checkpoint, tokenizer: Tokenizer) -> Result<Classifier> {
        Classifier::open(self, checkpoint, tokenizer).await
    }
}

/// What a folder holds of a classifier.
fn read_folder(folder: &Path) -> Result<(Checkpoint, Tokenizer)> {
    Ok((Checkpoint::open(folder)?, Tokenizer::from_folder(folder)?))
}

/// What files hold of a classifier, wherever they are.
fn read(folder: Folder<'_>) -> Result<(Checkpoint, Tokenizer)> {
    Ok((Checkpoint::of(folder)?, Tokenizer::of(folder)?))
}
