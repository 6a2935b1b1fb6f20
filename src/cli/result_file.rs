//! Results that are written at once, at the end of a run: a page, or figures.

use super::Failure;
use crate::Error;
use std::fs;
use std::path::Path;

/// Refuses a file that cannot be written, before anything is computed for it.
pub fn refuse(path: &Path, overwrite: bool) -> Result<(), Failure> {
    let refused = |message: &str| Err(Failure::Message(format!("{}: {message}", path.display())));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        _ if path.is_dir() => refused("is a folder; name a file in it"),
        _ if path.is_file() && !overwrite => refused("is there already; --overwrite replaces it"),
        Some(folder) if !folder.is_dir() => refused("its folder is not there; make it first"),
        _ => Ok(()),
    }
}

/// Writes a file that is whole or not there.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed =
        |source: std::io::Error| Error::File { action: "write", path: path.into(), source: source.into() }.into();
    // What is there and no file has no name to give.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return fs::write(path, text).map_err(failed);
    }
    let mut partial = path.file_name().unwrap_or_default().to_os_string();
    partial.push(".partial");
    let partial = path.with_file_name(partial);
    fs::write(&partial, text).and_then(|()| fs::rename(&partial, path)).map_err(failed)
}
