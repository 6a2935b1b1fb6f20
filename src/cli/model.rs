//! The model of a command, and what is said of where it runs.

use super::device::DeviceArguments;
use super::download::Downloads;
use super::row_arguments::ModelArguments;
use super::{Failure, say};
use crate::checkpoint::hub;
use crate::{Adapter, Classifier, Error};
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Loads it; says where no GPU computes.
pub fn load(model: &ModelArguments, device: &DeviceArguments, quiet: bool, timed: bool) -> Result<Classifier, Failure> {
    let options = model.options(device.options()).map_err(Failure::Message)?.timed(timed);
    let classifier = match &model.model {
        Some(model) => {
            let mut downloads = Downloads::default();
            options.load(hub::locate(model, &mut |progress| downloads.advance(progress))?)?
        }
        None => options.sentiment()?,
    };
    let software = classifier.gpus().next().is_none() || classifier.gpus().any(|gpu| gpu.capabilities.cpu);
    if software && device.require_gpu {
        return Err(Failure::Message(format!(
            "no GPU: {} computes on the CPU, and --require-gpu refuses that; wgbert adapters lists what there is",
            classifier.adapter()
        )));
    }
    // Who named an adapter knows.
    if software && !quiet && device.adapter.as_ref().is_none_or(|adapter| *adapter == Adapter::Best) {
        say(format_args!("note: no GPU was found: {} computes on the CPU", classifier.adapter()));
    }
    Ok(classifier)
}

/// What tells one model from another: its name, and the sizes and times of its files.
pub fn fingerprint(model: &ModelArguments) -> Result<String, Error> {
    let Some(name) = &model.model else { return Ok("sentiment (compiled in)".into()) };
    let folder = hub::locate(name, &mut |_| {})?;
    let failed = |source: std::io::Error| Error::File { action: "read", path: folder.clone(), source: source.into() };
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        files.extend(file(&path));
    }
    files.sort();
    Ok(format!("{} ({})", name.display(), files.join(", ")))
}

fn file(path: &Path) -> Option<String> {
    // Of the hub's cache the files are links.
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(format!("{} {} {modified}", path.file_name()?.to_string_lossy(), metadata.len()))
}
