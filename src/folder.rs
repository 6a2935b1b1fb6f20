//! The files of a checkpoint: of a folder on this machine, or in memory, as a browser's are.

use crate::error::{Error, Result};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files in memory by their names; those of a folder in it have its name and `/` before theirs.
pub(crate) type Files = BTreeMap<String, Arc<Vec<u8>>>;

/// Where the files of a checkpoint are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folder<'a> {
    /// The folder; for files in memory the name that messages have for it.
    pub path: &'a Path,
    memory: Option<&'a Files>,
}

impl<'a> Folder<'a> {
    /// A folder on this machine.
    pub(crate) fn on_disk(path: &'a Path) -> Folder<'a> {
        Folder { path, memory: None }
    }

    /// Files in memory, of which messages speak as if they lay in a folder of this name.
    pub(crate) fn in_memory(path: &'a Path, files: &'a Files) -> Folder<'a> {
        Folder { path, memory: Some(files) }
    }

    /// The files in memory, where they are.
    pub(crate) fn memory(&self) -> Option<&'a Files> {
        self.memory
    }

    /// The path of a file, for messages.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether there is a file of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self.memory {
            Some(files) => files.contains_key(name),
            None => self.join(name).exists(),
        }
    }

    /// Bytes that a file has; none where there is no such file.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(crate) fn length(&self, name: &str) -> Result<Option<u64>> {
        if let Some(files) = self.memory {
            return Ok(files.get(name).map(|bytes| bytes.len() as u64));
        }
        let path = self.join(name);
        match fs::metadata(&path) {
            Ok(data) => Ok(Some(data.len())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("read", path)(error)),
        }
    }

    /// The contents of a file; none where there is no such file.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(crate) fn read(&self, name: &str) -> Result<Option<Cow<'a, [u8]>>> {
        if let Some(files) = self.memory {
            return Ok(files.get(name).map(|bytes| Cow::Borrowed(bytes.as_slice())));
        }
        let path = self.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(Cow::Owned(bytes))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("read", path)(error)),
        }
    }

    /// Names of its files and of the files of the folders in it, as far as they can be read.
    pub(crate) fn names(&self) -> Vec<String> {
        if let Some(files) = self.memory {
            return files.keys().cloned().collect();
        }
        let names = |folder: &Path| -> Vec<String> {
            let entries = fs::read_dir(folder).into_iter().flatten();
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
        };
        let inside = |name: String| match self.join(&name).is_dir() {
            true => names(&self.join(&name)).into_iter().map(|inner| format!("{name}/{inner}")).collect(),
            false => vec![name],
        };
        names(self.path).into_iter().flat_map(inside).collect()
    }
}
