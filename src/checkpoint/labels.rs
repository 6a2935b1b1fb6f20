//! The names of the labels, under transformers' rules (transformers/configuration_utils.py, `PreTrainedConfig`).

use std::path::Path;

use serde_json::{Map, Value};

use crate::text::Transformers;
use crate::{Error, Result, json};

/// More labels than any classifier has; a larger number in a config is a mistake, and must not be allocated for.
pub const MAX_LABELS: usize = 1_000_000;

/// Transformers' `num_labels` where the config says nothing.
const DEFAULT_LABELS: u64 = 2;

/// The names, by index; without names they are `LABEL_0`, `LABEL_1`... Where `id2label` has another length than `num_labels`,
/// 5 takes `num_labels`, which it sets last, and 4.57 `id2label`, of which it is the length.
pub(super) fn resolve(
    path: &Path,
    written: Transformers,
    num_labels: Option<u64>,
    id2label: Option<&Map<String, Value>>,
) -> Result<Vec<String>> {
    match (num_labels, id2label) {
        (None, Some(names)) => named(path, names),
        (Some(count), Some(names)) if count == names.len() as u64 => named(path, names),
        (Some(count), Some(names)) if written == Transformers::Four => {
            log::warn!(
                "{}: num_labels is {count} but id2label names {}; as in transformers 4.57 and older, one of which wrote the \
                 file, id2label counts",
                path.display(),
                names.len()
            );
            named(path, names)
        }
        (count, names) => {
            let count = check_count(path, count.unwrap_or(DEFAULT_LABELS))?;
            if let Some(names) = names {
                log::warn!(
                    "{}: num_labels is {count} but id2label names {}; as in transformers 5, which wrote the file, num_labels \
                     counts, and the labels are called LABEL_0 to LABEL_{}",
                    path.display(),
                    names.len(),
                    count - 1
                );
            }
            Ok((0..count).map(|index| format!("LABEL_{index}")).collect())
        }
    }
}

fn check_count(path: &Path, count: u64) -> Result<usize> {
    match usize::try_from(count) {
        Ok(0) => Err(Error::malformed(path, "the model has no label: num_labels or id2label is empty")),
        Ok(count) if count <= MAX_LABELS => Ok(count),
        _ => Err(Error::malformed(path, format!("{count} labels (num_labels, id2label) are more than {MAX_LABELS}"))),
    }
}

fn named(path: &Path, names: &Map<String, Value>) -> Result<Vec<String>> {
    let count = check_count(path, names.len() as u64)?;
    let mut labels = vec![None; count];
    for (key, name) in names {
        let place = key.trim().parse().ok().and_then(|index: usize| labels.get_mut(index));
        let place = place.ok_or_else(|| {
            let last = count - 1;
            Error::malformed(
                path,
                format!(
                    "id2label has the key {key:?}; the keys of {count} labels are \"0\" to \"{last}\", without gaps"
                ),
            )
        })?;
        // Transformers takes any name; what is no string is shown as JSON has it.
        let name = match name {
            Value::String(name) => name.clone(),
            other => json::show(other),
        };
        if place.replace(name).is_some() {
            return Err(Error::malformed(path, format!("id2label names label {key} twice")));
        }
    }
    // As many distinct indices below `count` as there are keys: none is absent.
    Ok(labels.into_iter().flatten().collect())
}
