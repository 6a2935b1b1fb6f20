//! What an adapter was checked for, kept in a file for each adapter, driver and version of this crate.

use super::{AdapterDescription, cache};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io};

/// The version of wgpu, which translates the shaders: `tests/self_check.rs` compares it with `Cargo.lock`.
pub const WGPU: &str = "30.0.1";

/// What came of the checks of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// What was checked, in words.
    pub what: String,
    /// Keys of the variants of steps that were, where it was steps.
    #[serde(default)]
    pub steps: BTreeSet<String>,
    /// Seconds since 1970, of the last.
    pub at: u64,
    /// Of all of them.
    pub milliseconds: u64,
    /// What was wrong, if anything was.
    pub problem: Option<String>,
}

impl Verified {
    /// Just now.
    pub fn now(what: String, milliseconds: u64, problem: Option<String>) -> Verified {
        // A browser's wasm has no clock in std, and keeps no files either.
        let since = match cfg!(target_arch = "wasm32") {
            true => None,
            false => SystemTime::now().duration_since(UNIX_EPOCH).ok(),
        };
        let at = since.map_or(0, |since| since.as_secs());
        Verified { what, steps: BTreeSet::new(), at, milliseconds, problem }
    }

    /// The same, of these steps.
    pub fn of(self, steps: impl IntoIterator<Item = String>) -> Verified {
        Verified { steps: steps.into_iter().collect(), ..self }
    }

    /// The day, in UTC: `2026-11-26`.
    pub fn day(&self) -> String {
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days.
        let days = self.at / 86_400 + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        format!("{:04}-{month:02}-{day:02}", year + era * 400 + u64::from(month <= 2))
    }
}

/// The file: what it holds is only true of this adapter, driver and these versions.
#[derive(Serialize, Deserialize)]
struct Document {
    adapter: String,
    version: String,
    wgpu: String,
    checked: BTreeMap<String, Verified>,
}

/// Where an adapter's checks are kept in a folder of caches.
fn path(folder: &Path, adapter: &AdapterDescription) -> PathBuf {
    folder.join(format!("verified-{}.json", adapter.file_stem()))
}

/// An adapter's checks by their keys, which say what was checked: none where there were none with this driver and these
/// versions, or where what is kept cannot be read. To check again costs a second, to refuse would cost the answer.
pub fn read(folder: &Path, adapter: &AdapterDescription) -> BTreeMap<String, Verified> {
    let path = path(folder, adapter);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                log::warn!("cannot read {}: {error}", path.display());
            }
            return BTreeMap::new();
        }
    };
    match serde_json::from_slice::<Document>(&text) {
        Ok(document)
            if document.adapter == adapter.to_string()
                && document.version == env!("CARGO_PKG_VERSION")
                && document.wgpu == WGPU =>
        {
            document.checked
        }
        Ok(_) => BTreeMap::new(),
        Err(error) => {
            log::info!("{}: {error}: it is replaced", path.display());
            BTreeMap::new()
        }
    }
}

/// Adds a check to those of the adapter: to the steps of that key that had the same result, while other checks lose the steps
/// that this one looked at again.
///
/// # Errors
/// [`File`](crate::Error::File).
pub fn keep(folder: &Path, adapter: &AdapterDescription, key: &str, mut verified: Verified) -> Result<()> {
    let mut checked = read(folder, adapter);
    let same = checked.remove(key).filter(|same| same.problem.is_none() && verified.problem.is_none());
    checked.retain(|_, other| {
        let steps = other.steps.len();
        other.steps.retain(|step| !verified.steps.contains(step));
        steps == 0 || !other.steps.is_empty()
    });
    if let Some(same) = same.filter(|same| !same.steps.is_empty()) {
        verified.milliseconds += same.milliseconds;
        verified.steps.extend(same.steps);
    }
    checked.insert(key.into(), verified);
    let document = Document {
        adapter: adapter.to_string(),
        version: env!("CARGO_PKG_VERSION").into(),
        wgpu: WGPU.into(),
        checked,
    };
    let text = serde_json::to_vec_pretty(&document).expect("numbers and names have a JSON form");
    cache::write(&path(folder, adapter), &text)
}

/// Writes a report on an adapter into the folder, else into the current one, and says where it is.
///
/// # Errors
/// [`File`](crate::Error::File).
pub fn report(folder: Option<&Path>, adapter: &AdapterDescription, text: &str) -> Result<PathBuf> {
    let name = format!("report-{}.md", adapter.file_stem());
    let here = Path::new(".").join(format!("wgbert-{name}"));
    let Some(folder) = folder else {
        return cache::write(&here, text.as_bytes()).map(|()| here);
    };
    let path = folder.join(name);
    match cache::write(&path, text.as_bytes()) {
        Ok(()) => Ok(path),
        Err(_) => cache::write(&here, text.as_bytes()).map(|()| here),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{adapters, block_on};

    #[test]
    fn days_are_those_of_the_calendar() {
        let day = |at| Verified { at, ..Verified::now(String::new(), 0, None) }.day();
        let cases = [(0, "1970-01-01"), (951_782_400, "2000-02-29"), (1_709_164_800, "2024-02-29")];
        for (at, expected) in cases.into_iter().chain([(1_767_225_599, "2025-12-31"), (1_767_225_600, "2026-01-01")]) {
            assert_eq!(day(at), expected);
        }
    }

    #[test]
    fn checks_are_kept_for_the_adapter_and_driver_that_passed_them() {
        let adapter = block_on(adapters(None)).into_iter().next().expect("an adapter");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path().join("made");
        assert!(read(&folder, &adapter).is_empty());
        let [right, wrong] = [None, Some("zeros".into())].map(|problem| Verified::now("steps".into(), 7, problem));
        keep(&folder, &adapter, "a", right.clone()).unwrap();
        keep(&folder, &adapter, "b", wrong.clone()).unwrap();
        let kept = BTreeMap::from([("a".into(), right.clone()), ("b".into(), wrong)]);
        assert_eq!(read(&folder, &adapter), kept);
        let mut updated = adapter.clone();
        updated.driver = "newer".into();
        assert!(read(&folder, &updated).is_empty(), "another driver was not checked");
        fs::write(path(&folder, &adapter), "{").unwrap();
        assert!(read(&folder, &adapter).is_empty());
        keep(&folder, &adapter, "a", right).unwrap();
        assert_eq!(read(&folder, &adapter).len(), 1, "what cannot be read is replaced");
    }

    #[test]
    fn a_step_has_one_result() {
        let adapter = block_on(adapters(None)).into_iter().next().expect("an adapter");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let check = |key: &str, problem: Option<&str>, steps: &[&str]| {
            let verified =
                Verified::now("steps".into(), 1, problem.map(Into::into)).of(steps.iter().map(|s| (*s).into()));
            keep(folder.path(), &adapter, key, verified).unwrap();
            let kept = read(folder.path(), &adapter).into_iter();
            kept.map(|(key, check)| (key, check.steps.into_iter().collect::<Vec<_>>().join(""))).collect::<Vec<_>>()
        };
        let kept = |key: &str, steps: &str| (key.to_string(), steps.to_string());
        check("right", None, &["a", "b"]);
        assert_eq!(check("right", None, &["b", "c"]), [kept("right", "abc")], "they add up");
        assert_eq!(check("wrong", Some("zeros"), &["a", "d"]), [kept("right", "bc"), kept("wrong", "ad")]);
        assert_eq!(check("right", None, &["a"]), [kept("right", "abc"), kept("wrong", "d")], "it was looked at again");
        assert_eq!(check("right", None, &["d"]), [kept("right", "abcd")]);
    }
}
