//! Which files make a classifier, for who has them to fetch.

use std::path::Path;

use super::missing::{self, Source};
use super::sentence_transformers::{ENCODER_CONFIG, MODEL_CONFIG, MODULES, module_files};
use super::shards;
use super::weights::{INDEX, SINGLE};
use crate::folder::Folder;
use crate::{Error, Result, text};

/// What every checkpoint has.
pub const CONFIG: &str = "config.json";

/// What is read where it is there.
pub const OPTIONAL: [&str; 11] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "bpe.codes",
    MODULES,
    MODEL_CONFIG,
    ENCODER_CONFIG,
];

/// The weights: all of them, or which files have them.
pub const WEIGHTS: [&str; 2] = [SINGLE, INDEX];

/// The files to fetch of those that there are, the weights last; of weights in shards only the index. `place` and `revision` name
/// them in errors.
///
/// # Errors
/// [`Error::MissingFile`] if they do not make a classifier: what opening them as a folder would say.
pub fn wanted(place: &Path, revision: Option<&str>, files: &[String]) -> Result<Vec<&'static str>> {
    let source = Source { place, revision, files };
    let has = |name: &str| files.iter().any(|file| file == name);
    if !has(CONFIG) {
        return Err(missing::config(&source));
    }
    if let Some(error) = missing::other_kind(&source) {
        return Err(error);
    }
    let weights = WEIGHTS.into_iter().find(|name| has(name)).ok_or_else(|| missing::weights(&source))?;
    if !text::files::is_readable(has) {
        return Err(text::files::missing(place, has));
    }
    let optional = OPTIONAL.into_iter().filter(|name| has(name));
    Ok([CONFIG].into_iter().chain(optional).chain([weights]).collect())
}

/// The first file that a folder lacks; none where it is complete.
///
/// # Errors
/// Those of reading the index of the shards.
#[cfg(feature = "hub")]
pub(super) fn lacking(folder: Folder<'_>) -> Result<Option<String>> {
    let has = |name: &str| folder.has(name);
    if !has(CONFIG) {
        return Ok(Some(CONFIG.into()));
    }
    if !has(SINGLE) {
        if !has(INDEX) {
            return Ok(Some(SINGLE.into()));
        }
        if let Some(shard) = shards::names(folder, INDEX)?.into_iter().find(|shard| !has(shard)) {
            return Ok(Some(shard));
        }
    }
    if !text::files::is_readable(has) {
        return Ok(Some("tokenizer.json".into()));
    }
    Ok(module_files(folder)?.into_iter().find(|file| !has(file)))
}

/// The files that those name which [`wanted`] names, once these are there: of the modules of a cross-encoder, and the shards of
/// weights that are behind an index.
///
/// # Errors
/// Those of reading these; [`Error::Malformed`] where a shard's name is none that a terminal and a URL can take as it is.
pub(crate) fn named(folder: Folder<'_>) -> Result<Vec<String>> {
    let mut files = module_files(folder)?;
    if !folder.has(SINGLE) && folder.has(INDEX) {
        let shards = shards::names(folder, INDEX)?;
        let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if let Some(name) = shards.iter().find(|name| !plain(name)) {
            let message = format!("weight_map names {name:?}, which no file is called");
            return Err(Error::malformed(&folder.join(INDEX), message));
        }
        files.extend(shards);
    }
    Ok(files)
}

/// The further files that a checkpoint's files in memory name: modules and shards. Errors speak as if all lay in a folder `place`.
///
/// # Errors
/// Those of reading the files; [`Error::Malformed`] where a shard's name is none that a terminal and a URL can take as it is.
#[cfg(feature = "internals")]
pub fn named_by(place: &Path, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Vec<String>> {
    let files = files.into_iter().map(|(name, bytes)| (name, bytes.into())).collect();
    named(Folder::in_memory(place, &files))
}
