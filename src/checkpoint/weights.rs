//! The tensors of a checkpoint by name.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use safetensors::Dtype;
use safetensors::tensor::TensorInfo;

use super::{
    missing::{self, Source},
    safetensors_file::{Header, SafetensorsFile},
    shards,
    stored::Stored,
};
use crate::Result;
use crate::folder::Folder;
use crate::ir::Weight;

/// The file of all weights, and that of weights in shards.
pub(super) const SINGLE: &str = "model.safetensors";
pub(super) const INDEX: &str = "model.safetensors.index.json";

/// The opened weights of a checkpoint: one `model.safetensors`, or several shards.
#[derive(Debug)]
pub struct Weights {
    /// `model.safetensors` or the index of the shards.
    pub(super) path: PathBuf,
    files: Vec<SafetensorsFile>,
    pub(super) tensors: BTreeMap<String, Place>,
    /// The tensors' names as stored, by what [`unwrapped`] makes of them, where that is another and only one has it.
    unwrapped: BTreeMap<String, String>,
    base_prefix: String,
    /// Weights of which a text reads only some rows.
    pub(super) tables: HashSet<Weight>,
    /// Rows of tables that cannot be used, by the table's first name, with what is wrong with them; known once they were
    /// read.
    pub(super) unusable: Mutex<BTreeMap<String, BTreeMap<usize, String>>>,
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
        Weights::of(Folder::on_disk(folder))
    }

    /// [`Weights::open`] of files wherever they are.
    ///
    /// # Errors
    ///
    /// Those of [`Weights::open`].
    pub(super) fn of(folder: Folder<'_>) -> Result<Weights> {
        if folder.has(SINGLE) {
            Ok(Weights::new(folder.join(SINGLE), vec![SafetensorsFile::of(folder, SINGLE)?]))
        } else if folder.has(INDEX) {
            Ok(Weights::new(folder.join(INDEX), shards::open(folder, INDEX)?))
        } else {
            Err(missing::weights(&Source { place: folder.path, revision: None, files: &folder.names() }))
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
        let mut weights = Weights {
            path,
            files: Vec::with_capacity(opened.len()),
            tensors: BTreeMap::new(),
            unwrapped: BTreeMap::new(),
            base_prefix: String::new(),
            former_prefix: None,
            tables: HashSet::new(),
            unusable: Mutex::default(),
            random_head: None,
            generated: false,
        };
        // Of a tensor that several files hold the last counts.
        opened.into_iter().for_each(|(file, header)| weights.add(file, header, ""));
        let mut stored = BTreeMap::<String, Vec<&String>>::new();
        for name in weights.tensors.keys() {
            stored.entry(unwrapped(name)).or_default().push(name);
        }
        let alone = |(name, stored): (String, Vec<&String>)| match stored[..] {
            [stored] if *stored != name => Some((name, stored.clone())),
            _ => None,
        };
        weights.unwrapped = stored.into_iter().filter_map(alone).collect();
        weights
    }

    /// Adds the tensors of a file, `prefix` before their names.
    fn add(&mut self, file: SafetensorsFile, header: Header, prefix: &str) {
        let number = self.files.len();
        let place = |(name, info)| (format!("{prefix}{name}"), Place { file: number, info });
        self.tensors.extend(header.into_iter().map(place));
        self.files.push(file);
    }

    /// Opens the `model.safetensors` of folders beside it as well; their tensors' names begin with the folder's.
    ///
    /// # Errors
    ///
    /// As [`Weights::open`].
    pub(super) fn with_folders(mut self, folder: Folder<'_>, names: &[String]) -> Result<Weights> {
        for name in names {
            let inner = format!("{name}/{SINGLE}");
            if !folder.has(&inner) {
                let within = |file: String| file.strip_prefix(&format!("{name}/")).map(str::to_string);
                let files: Vec<String> = folder.names().into_iter().filter_map(within).collect();
                return Err(missing::weights(&Source { place: &folder.join(name), revision: None, files: &files }));
            }
            let (file, header) = SafetensorsFile::of(folder, &inner)?;
            self.add(file, header, &format!("{name}."));
        }
        Ok(self)
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

    /// Of these weights each text reads some rows: a row of numbers that are not finite makes the texts that read it fail
    /// ([`Weights::check_row`]), not the whole checkpoint.
    pub(crate) fn with_tables<'w>(self, tables: impl IntoIterator<Item = &'w Weight>) -> Weights {
        Weights { tables: tables.into_iter().cloned().collect(), ..self }
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
    /// `name` has none (transformers/core_model_loading.py, `rename_source_key`); else any of these under the names that
    /// the wrappers of torch and others give it, which transformers does not know.
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
        let (name, place) = found
            .or_else(|| spellings.iter().find_map(|name| self.unwrapped.get(name).and_then(|name| stored(name))))?;
        Some(self.stored(name, place))
    }

    /// What stands before `name` where the file has it only with more before it, which most of its names begin with: the
    /// prefix of a wrapper that is not known.
    pub(super) fn other_prefix(&self, name: &str) -> Option<&str> {
        let prefix = self.names().find_map(|stored| stored.strip_suffix(name)?.strip_suffix('.'))?;
        let begins = |name: &&str| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
        (prefix != self.base_prefix && 2 * self.names().filter(begins).count() > self.tensors.len()).then_some(prefix)
    }

    /// Whether a text may read the row of a table.
    ///
    /// # Errors
    ///
    /// What is wrong with it. Only rows that were read before can have an error.
    pub(crate) fn check_row(&self, table: &Weight, row: usize) -> Result<(), String> {
        let unusable = self.unusable.lock().expect("nothing panics while it is held");
        let name = &table.names[0];
        match unusable.get(name).and_then(|rows| rows.get(&row)) {
            None => Ok(()),
            Some(fault) => Err(format!("it reads row {row} of the tensor {name}, whose {fault}")),
        }
    }

    /// Whether each row that was read can be used.
    pub(crate) fn is_finite(&self) -> bool {
        self.unusable.lock().expect("nothing panics while it is held").is_empty()
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
        let expected = |name: &str| name.ends_with("position_ids") || unwrapped(name).starts_with("cls.");
        self.names().filter(|name| !used.contains(name) && !expected(name)).collect()
    }

    /// Those of [`Weights::unused`] that are worth a warning: that a classifier's file kept the heads of pretraining, a
    /// pooler that its class does not have, or buffers, says nothing about the answers.
    pub(crate) fn unexpected<'w>(&self, used: impl IntoIterator<Item = &'w Weight>) -> Vec<&str> {
        const BUFFERS: [&str; 2] = ["token_type_ids", "inv_freq"];
        // What a class of transformers has, and does not read where the distances of tokens are relative, or are not.
        const SWITCHED_OFF: [&str; 3] =
            ["position_embeddings.weight", "encoder.LayerNorm.weight", "encoder.LayerNorm.bias"];
        const PRETRAINING: [&str; 12] = [
            "lm_head",
            "vocab_transform",
            "vocab_layer_norm",
            "vocab_projector",
            "generator_predictions",
            "generator_lm_head",
            "discriminator_predictions",
            "predictions",
            "sop_classifier",
            "lm_predictions",
            "mask_predictions",
            "decoder",
        ];
        let expected = |name: &str| {
            let name = unwrapped(name);
            let first = name.split('.').next().unwrap_or_default();
            PRETRAINING.contains(&first)
                || name.split('.').any(|part| part == "pooler")
                || BUFFERS.iter().chain(&SWITCHED_OFF).any(|end| name.ends_with(end))
        };
        let mut unused = self.unused(used);
        unused.retain(|name| !expected(name));
        unused
    }
}

/// The name without what wrapping a model puts into it: `torch.compile` (`_orig_mod`), torch's parallel ones (`module`,
/// `_fsdp_wrapped_module`), its activation checkpoints, and a `model` in front, as of the attribute of a training loop's own
/// class.
fn unwrapped(name: &str) -> String {
    const WRAPPERS: [&str; 4] = ["_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];
    let parts: Vec<&str> = name.split('.').filter(|part| !WRAPPERS.contains(part)).collect();
    let parts = if parts.len() > 1 && parts[0] == "model" { &parts[1..] } else { &parts[..] };
    parts.join(".")
}

/// TensorFlow's name for a parameter of a layer norm, or torch's for TensorFlow's.
fn legacy(name: &str) -> Option<String> {
    const PAIRS: [(&str, &str); 2] = [("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")];
    PAIRS.iter().flat_map(|&(torch, tensorflow)| [(torch, tensorflow), (tensorflow, torch)]).find_map(|(from, to)| {
        let prefix = name.strip_suffix(from)?;
        Some(format!("{prefix}{to}"))
    })
}
