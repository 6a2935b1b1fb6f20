//! Which tile each matrix product runs on, where an adapter was measured; kept in a file between runs.

use super::{AdapterDescription, Storage};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A product `[rows, inner] . [inner, columns]`, as far as the best tile depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// A power of two: that many rows, or fewer but more than half of it.
    pub rows: u32,
    pub inner: u32,
    pub columns: u32,
    /// Of what is multiplied.
    pub storage: Storage,
    /// Whether it runs on matrix units, whose tiles are others.
    pub matrix_units: bool,
}

/// The fastest tile of each product that was measured. Products that were not run on the built-in choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuning(BTreeMap<Problem, String>);

/// One line of the file.
#[derive(Serialize, Deserialize)]
struct Choice {
    #[serde(flatten)]
    problem: Problem,
    tile: String,
}

/// The file: what it holds is only true of this adapter, driver and version.
#[derive(Serialize, Deserialize)]
struct Document {
    adapter: String,
    version: String,
    matmul: Vec<Choice>,
}

impl Tuning {
    /// Name of the tile for a product.
    pub fn tile(&self, problem: &Problem) -> Option<&str> {
        self.0.get(problem).map(String::as_str)
    }

    pub fn set(&mut self, problem: Problem, tile: impl Into<String>) {
        self.0.insert(problem, tile.into());
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many products were measured.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Where the choices for an adapter are kept in a folder of caches.
    pub fn path(folder: &Path, adapter: &AdapterDescription) -> PathBuf {
        folder.join(format!("tuning-{}.json", adapter.file_stem()))
    }

    /// The choices for an adapter; none where it was never tuned, or with another driver or version.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Malformed`] where there is a file and it cannot be read.
    pub fn read(folder: &Path, adapter: &AdapterDescription) -> Result<Tuning> {
        let path = Tuning::path(folder, adapter);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tuning::default()),
            Err(source) => return Err(Error::File { action: "read", path, source }),
        };
        let document: Document = serde_json::from_slice(&text)
            .map_err(|error| Error::malformed(&path, format!("{error}; delete it, or run `wgbert tune` again")))?;
        // Two adapters may share a file name, which has no room for every character of theirs.
        if document.adapter != adapter.to_string() || document.version != env!("CARGO_PKG_VERSION") {
            return Ok(Tuning::default());
        }
        Ok(Tuning(document.matmul.into_iter().map(|Choice { problem, tile }| (problem, tile)).collect()))
    }

    /// Adds these choices to those that the folder has for the adapter.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&self, folder: &Path, adapter: &AdapterDescription) -> Result<()> {
        // What cannot be read is of no use to anybody.
        let mut all = Tuning::read(folder, adapter).unwrap_or_default();
        all.0.extend(self.0.clone());
        let document = Document {
            adapter: adapter.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            matmul: all.0.into_iter().map(|(problem, tile)| Choice { problem, tile }).collect(),
        };
        let text = serde_json::to_vec_pretty(&document).expect("numbers and names have a JSON form");
        super::cache::write(&Tuning::path(folder, adapter), &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{adapters, block_on};

    #[test]
    fn choices_are_kept_for_the_adapter_that_they_were_measured_on() {
        let adapter = block_on(adapters(None)).into_iter().next().expect("an adapter");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path().join("made");
        let problem = |rows| Problem { rows, inner: 8, columns: 4, storage: Storage::F16, matrix_units: false };
        assert_eq!(Tuning::read(&folder, &adapter).unwrap(), Tuning::default());

        let mut first = Tuning::default();
        first.set(problem(1), "small");
        first.set(problem(2), "small");
        first.write(&folder, &adapter).unwrap();
        // A second run for other products adds to them, and what it measured again is replaced.
        let mut second = Tuning::default();
        second.set(problem(2), "large");
        second.set(problem(4), "large");
        second.write(&folder, &adapter).unwrap();
        let read = Tuning::read(&folder, &adapter).unwrap();
        let tiles = [1, 2, 4, 8].map(|rows| read.tile(&problem(rows)));
        assert_eq!(tiles, [Some("small"), Some("large"), Some("large"), None]);

        let mut updated = adapter.clone();
        updated.driver = "newer".into();
        assert_eq!(Tuning::read(&folder, &updated).unwrap(), Tuning::default());

        let path = Tuning::path(&folder, &adapter);
        fs::write(&path, "{\"adapter\": ").unwrap();
        let error = Tuning::read(&folder, &adapter).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()) && error.contains("wgbert tune"), "{error}");
        first.write(&folder, &adapter).unwrap();
        assert_eq!(Tuning::read(&folder, &adapter).unwrap(), first);
    }
}
