//! The tensors of a checkpoint by name.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::TensorInfo;

use super::safetensors_file::{Header, SafetensorsFile};
use super::stored::Stored;
use super::{missing, missing::Source, shards};
use crate::Result;
use crate::models::Weight;

/// The opened weights of a checkpoint: one `model.safetensors`, or several shards.
#[derive(Debug)]
pub struct Weights {
    /// `model.safetensors` or the index of the shards.
    pub(super) path: PathBuf,
    files: Vec<SafetensorsFile>,
    pub(super) tensors: BTreeMap<String, Place>,
    base_prefix: String,
    former_prefix: Option<String>,
    pub(super) random_head: Option<u64>,
    /// Whether there is no file at all, and the encoder's weights are made from the seed too.
    pub(super) generated: bool,
}

#[derive(Debug)]
pub(super) struct Place {
    file: usize,
    info: TensorInfo,
}

impl Weights {
    /// Opens `model.safetensors` of the folder, else the shards of `model.safetensors.index.json`. They are mapped into
    /// memory: a tensor's bytes are read when it is.
    ///
    /// # Errors
    ///
    /// [`crate::Error::MissingFile`], with the way to convert what is there instead; [`crate::Error::Malformed`] or [`crate::Error::Tensor`]
    /// naming the file and tensor if a file is truncated or its header is not consistent with its length.
    pub fn open(folder: &Path) -> Result<Weights> {
        let (single, index) = (folder.join("model.safetensors"), folder.join("model.safetensors.index.json"));
        if single.exists() {
            let file = SafetensorsFile::open(single.clone())?;
            Ok(Weights::new(single, vec![file]))
        } else if index.exists() {
            let files = shards::open(folder, &index)?;
            Ok(Weights::new(index, files))
        } else {
            Err(missing::weights(&Source { place: folder, revision: None, files: &missing::files(folder) }))
        }
    }

    /// The contents of a `model.safetensors`; `path` names it in messages.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Malformed`] or [`crate::Error::Tensor`], as [`Weights::open`].
    pub fn from_bytes(path: impl Into<PathBuf>, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Weights> {
        let path = path.into();
        let file = SafetensorsFile::from_bytes(path.clone(), bytes.into())?;
        Ok(Weights::new(path, vec![file]))
    }

    fn new(path: PathBuf, opened: Vec<(SafetensorsFile, Header)>) -> Weights {
        let mut files = Vec::with_capacity(opened.len());
        let mut tensors = BTreeMap::new();
        for (number, (file, header)) in opened.into_iter().enumerate() {
            tensors.extend(header.into_iter().map(|(name, info)| (name, Place { file: number, info })));
            files.push(file);
        }
        Weights {
            path,
            files,
            tensors,
            base_prefix: String::new(),
            former_prefix: None,
            random_head: None,
            generated: false,
        }
    }

    /// No files: every weight that is asked for is made from `seed` and its name, for who measures speed. `path` names
    /// them in messages.
    pub fn generated(path: impl Into<PathBuf>, seed: u64) -> Weights {
        Weights { random_head: Some(seed), generated: true, ..Weights::new(path.into(), Vec::new()) }
    }

    /// The attribute under which the architecture keeps its encoder, without a dot: transformers' `base_model_prefix`
    /// (`bert`, `roberta`, `model`...). A checkpoint saved from the bare encoder lacks it in its names, and
    /// [`Weights::find`] then does without.
    pub fn with_base_prefix(self, prefix: impl Into<String>) -> Weights {
        Weights { base_prefix: prefix.into(), ..self }
    }

    /// What stands in the place of the base prefix in files of before the architecture was transformers' own
    /// (transformers/conversion_mapping.py, `PrefixChange`).
    pub fn with_former_prefix(self, prefix: impl Into<String>) -> Weights {
        Weights { former_prefix: Some(prefix.into()), ..self }
    }

    /// Weights of the head that are absent are filled from `seed` instead of being an error; their answers mean nothing.
    pub fn with_random_head(self, seed: u64) -> Weights {
        Weights { random_head: Some(seed), ..self }
    }

    /// `model.safetensors`, or the index of the shards.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tensors' names as stored, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// All tensors, in the order of their names.
    pub fn tensors(&self) -> impl Iterator<Item = Stored<'_>> {
        self.tensors.iter().map(|(name, place)| self.stored(name, place))
    }

    /// Bytes of the file, or of all shards.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(SafetensorsFile::len).sum()
    }

    /// The tensor that transformers would load as `name`: the one of that name; else with `LayerNorm.gamma` and
    /// `LayerNorm.beta`, TensorFlow's names, for `.weight` and `.bias`; else without the base prefix, or with it if
    /// `name` has none (transformers/core_model_loading.py, `rename_source_key`); else any of these behind `module.`,
    /// which torch's `DataParallel` adds.
    pub fn find(&self, name: &str) -> Option<Stored<'_>> {
        let other_prefix = match name.strip_prefix(&self.base_prefix).and_then(|rest| rest.strip_prefix('.')) {
            _ if self.base_prefix.is_empty() => None,
            Some(without) => Some(without.to_string()),
            None => Some(format!("{}.{name}", self.base_prefix)),
        };
        let unprefixed = other_prefix.as_deref().filter(|other| other.len() < name.len()).unwrap_or(name);
        let former = self.former_prefix.as_ref().map(|prefix| format!("{prefix}.{unprefixed}"));
        let spellings = [Some(name.to_string()), other_prefix.clone(), former].into_iter().flatten();
        let spellings: Vec<String> = spellings.flat_map(|name| [Some(name.clone()), legacy(&name)]).flatten().collect();
        let stored = |name: &str| self.tensors.get_key_value(name);
        let found = spellings.iter().find_map(|name| stored(name));
        let (name, place) = found.or_else(|| spellings.iter().find_map(|name| stored(&format!("module.{name}"))))?;
        Some(self.stored(name, place))
    }

    fn stored<'a>(&'a self, name: &'a str, place: &'a Place) -> Stored<'a> {
        let file = &self.files[place.file];
        Stored {
            name,
            shape: &place.info.shape,
            element: place.info.dtype,
            path: &file.path,
            data: file.data(&place.info),
        }
    }

    /// The shape of [`Weights::find`]'s tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.find(name).map(|stored| stored.shape)
    }

    /// The element type of [`Weights::find`]'s tensor.
    pub fn element(&self, name: &str) -> Option<Dtype> {
        self.find(name).map(|stored| stored.element)
    }

    /// The names of the tensors that none of the `used` weights reads, without those that are no weights of a classifier
    /// in any checkpoint: buffers of positions, and `cls.*`, the head of pretraining.
    pub fn unused<'w>(&self, used: impl IntoIterator<Item = &'w Weight>) -> Vec<&str> {
        let used = used.into_iter().flat_map(|weight| &weight.names).filter_map(|name| self.find(name));
        let used: BTreeSet<&str> = used.map(|stored| stored.name).collect();
        let expected = |name: &str| {
            name.ends_with("position_ids") || name.strip_prefix("module.").unwrap_or(name).starts_with("cls.")
        };
        self.names().filter(|name| !used.contains(name) && !expected(name)).collect()
    }
}

/// TensorFlow's name for a parameter of a layer norm, or torch's for TensorFlow's.
fn legacy(name: &str) -> Option<String> {
    const PAIRS: [(&str, &str); 2] = [("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")];
    PAIRS.iter().flat_map(|&(torch, tensorflow)| [(torch, tensorflow), (tensorflow, torch)]).find_map(|(from, to)| {
        let prefix = name.strip_suffix(from)?;
        Some(format!("{prefix}{to}"))
    })
}
