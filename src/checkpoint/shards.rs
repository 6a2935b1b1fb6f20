//! `model.safetensors.index.json`: which file of the folder holds which tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde::Deserialize;

use super::safetensors_file::{Header, SafetensorsFile};
use crate::folder::Folder;
use crate::{Error, Result, json};

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Opens every shard that the index names, in the order of their names. As in transformers the index says no more than
/// that: a tensor counts wherever it is, of one in two shards the last, and one that is nowhere is absent.
///
/// # Errors
///
/// Naming the index and shard, if a shard is not a file of the folder itself, is absent or broken.
pub(super) fn open(folder: Folder<'_>, index: &str) -> Result<Vec<(SafetensorsFile, Header)>> {
    let weight_map = read(folder, index)?;
    let names: BTreeSet<&str> = weight_map.values().map(String::as_str).collect();
    let mut shards = Vec::with_capacity(names.len());
    for name in names {
        if !folder.has(name) {
            return Err(Error::MissingFile {
                folder: folder.path.into(),
                missing: "shard of the weights",
                hint: format!("{} names {name}; was the download complete?", folder.join(index).display()),
            });
        }
        shards.push(SafetensorsFile::of(folder, name)?);
    }
    Ok(shards)
}

/// Names of the shards.
///
/// # Errors
///
/// Naming the index, if it is not one or a shard is not a file of the folder itself.
pub(super) fn names(folder: Folder<'_>, index: &str) -> Result<BTreeSet<String>> {
    Ok(read(folder, index)?.into_values().collect())
}

/// The tensors' names and the shards they are in, of which there is at least one.
fn read(folder: Folder<'_>, index: &str) -> Result<BTreeMap<String, String>> {
    let path = folder.join(index);
    let Some(bytes) = folder.read(index)? else {
        return Err(Error::malformed(&path, "is absent"));
    };
    let Index { weight_map } = json::from_slice(&bytes).map_err(|error| Error::malformed(&path, error))?;
    if weight_map.is_empty() {
        return Err(Error::malformed(&path, "weight_map names no file"));
    }
    let names: BTreeSet<&String> = weight_map.values().collect();
    names.into_iter().try_for_each(|name| check_name(&path, name))?;
    Ok(weight_map)
}

/// A shard lies beside its index: a path that leads elsewhere would let a download read any file of this machine.
fn check_name(index: &Path, name: &str) -> Result<()> {
    let mut components = Path::new(name).components();
    let plain = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    // Separators of other systems too, so that a checkpoint is refused everywhere or nowhere.
    if plain && !name.contains(['/', '\\', ':', '\0']) {
        return Ok(());
    }
    Err(Error::malformed(index, format!("weight_map names {name:?}, which is not a file of the same folder")))
}
