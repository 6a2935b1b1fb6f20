//! The file that keeps a [`Tuning`] between runs.

use super::AdapterDescription;
use crate::error::{Error, Result};
use crate::ir::{MatmulShape, Storage, Tuning};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// One line of the file.
#[derive(Serialize, Deserialize)]
struct Choice {
    #[serde(flatten)]
    problem: MatmulShape,
    tile: String,
}

/// The file: what it holds is only true of this adapter, driver and version.
#[derive(Serialize, Deserialize)]
struct Document {
    adapter: String,
    version: String,
    matmul: Vec<Choice>,
    /// Whether models stored so are faster on tensor cores.
    #[serde(default, alias = "matrix_units")]
    tensor_cores: BTreeMap<Storage, bool>,
}

impl Tuning {
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
            Err(source) => return Err(Error::File { action: "read", path, source: source.into() }),
        };
        let document: Document = serde_json::from_slice(&text)
            .map_err(|error| Error::malformed(&path, format!("{error}; delete it, or run `wgbert tune` again")))?;
        // Two adapters may share a file name, which has no room for every character of theirs.
        if document.adapter != adapter.to_string() || document.version != env!("CARGO_PKG_VERSION") {
            return Ok(Tuning::default());
        }
        let tiles = document.matmul.into_iter().map(|Choice { problem, tile }| (problem, tile)).collect();
        Ok(Tuning { tiles, tensor_cores: document.tensor_cores })
    }

    /// Adds these choices to those that the folder has for the adapter.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&self, folder: &Path, adapter: &AdapterDescription) -> Result<()> {
        // What cannot be read is of no use to anybody.
        let mut all = Tuning::read(folder, adapter).unwrap_or_default();
        all.tiles.extend(self.tiles.clone());
        all.tensor_cores.extend(&self.tensor_cores);
        let document = Document {
            adapter: adapter.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            matmul: all.tiles.into_iter().map(|(problem, tile)| Choice { problem, tile }).collect(),
            tensor_cores: all.tensor_cores,
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
        let problem = |rows| MatmulShape { rows, inner: 8, columns: 4, storage: Storage::F16, tensor_cores: false };
        assert_eq!(Tuning::read(&folder, &adapter).unwrap(), Tuning::default());

        let mut first = Tuning::default();
        first.set_tile(problem(1), "small");
        first.set_tile(problem(2), "small");
        first.set_tensor_cores(Storage::F32, true);
        first.set_tensor_cores(Storage::F16, true);
        first.write(&folder, &adapter).unwrap();
        // A second run for other products adds to them, and what it measured again is replaced.
        let mut second = Tuning::default();
        second.set_tile(problem(2), "large");
        second.set_tile(problem(4), "large");
        second.set_tensor_cores(Storage::F32, false);
        second.write(&folder, &adapter).unwrap();
        let read = Tuning::read(&folder, &adapter).unwrap();
        let tiles = [1, 2, 4, 8].map(|rows| read.tile(&problem(rows)));
        assert_eq!(tiles, [Some("small"), Some("large"), Some("large"), None]);
        let units = [Storage::F32, Storage::F16, Storage::PackedWeights].map(|storage| read.tensor_cores(storage));
        assert_eq!(units, [Some(false), Some(true), None]);

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
