//! Which files of a repository make a classifier.

use std::path::Path;

use super::name::Name;
use crate::checkpoint::missing::{self, Source};
use crate::checkpoint::sentence_transformers::{ENCODER_CONFIG, MODEL_CONFIG, MODULES, module_files};
use crate::checkpoint::shards;
use crate::{Error, Result, text};

pub(super) const CONFIG: &str = "config.json";
pub(super) const WEIGHTS: &str = "model.safetensors";
pub(super) const INDEX: &str = "model.safetensors.index.json";

/// What is read where it is there.
pub(super) const OPTIONAL: [&str; 11] = [
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

/// The files to fetch of those that the repository has, the weights last; of weights in shards only the index.
///
/// # Errors
/// [`Error::MissingFile`] if they do not make a classifier: what opening them as a folder would say.
pub(super) fn wanted(name: &Name, files: &[String]) -> Result<Vec<&'static str>> {
    let place = Path::new(&name.repository);
    let source = Source { place, revision: name.unusual_revision(), files };
    let has = |name: &str| files.iter().any(|file| file == name);
    if !has(CONFIG) {
        return Err(missing::config(&source));
    }
    if let Some(error) = missing::other_kind(&source) {
        return Err(error);
    }
    let weights = [WEIGHTS, INDEX].into_iter().find(|name| has(name)).ok_or_else(|| missing::weights(&source))?;
    if !text::files::is_readable(has) {
        return Err(text::files::missing(place, has));
    }
    let optional = OPTIONAL.into_iter().filter(|name| has(name));
    Ok([CONFIG].into_iter().chain(optional).chain([weights]).collect())
}

/// The first file that a snapshot lacks; none where the snapshot is complete.
///
/// # Errors
/// Those of reading the index of the shards.
pub(super) fn lacking(snapshot: &Path) -> Result<Option<String>> {
    let has = |name: &str| snapshot.join(name).exists();
    if !has(CONFIG) {
        return Ok(Some(CONFIG.into()));
    }
    if !has(WEIGHTS) {
        if !has(INDEX) {
            return Ok(Some(WEIGHTS.into()));
        }
        if let Some(shard) = shards::names(&snapshot.join(INDEX))?.into_iter().find(|shard| !has(shard)) {
            return Ok(Some(shard));
        }
    }
    if !text::files::is_readable(has) {
        return Ok(Some("tokenizer.json".into()));
    }
    Ok(module_files(snapshot)?.into_iter().find(|file| !has(file)))
}

/// The files of the modules of a cross-encoder that the repository has, once the files that name them are there.
///
/// # Errors
/// Those of reading these.
pub(super) fn modules(snapshot: &Path, files: &[String]) -> Result<Vec<String>> {
    Ok(module_files(snapshot)?.into_iter().filter(|file| files.contains(file)).collect())
}

/// The shards of the weights that are behind an index.
///
/// # Errors
/// [`Error::Malformed`] where the index is not one, or a shard's name is none that a terminal and a URL can take as it is.
pub(super) fn shards(snapshot: &Path) -> Result<Vec<String>> {
    let index = snapshot.join(INDEX);
    let names: Vec<String> = shards::names(&index)?.into_iter().collect();
    let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    match names.iter().find(|name| !plain(name)) {
        Some(name) => Err(Error::malformed(&index, format!("weight_map names {name:?}, which no file is called"))),
        None => Ok(names),
    }
}
