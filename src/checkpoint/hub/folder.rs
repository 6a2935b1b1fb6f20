//! What is meant as a folder and is none.

use std::fs;
use std::path::{Path, PathBuf};

/// Most folders that are offered in the place of one.
const MOST: usize = 4;

/// Whether this is a path rather than a name of the hub. What could be both, `OWNER/NAME`, is a path where a folder `OWNER`
/// is here.
pub(super) fn is_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    let drive = matches!(bytes, [letter, b':', ..] if letter.is_ascii_alphabetic());
    let outer = text.split_once('@').map_or(text, |(repository, _)| repository);
    let parent = outer.split_once('/').is_some_and(|(first, _)| Path::new(first).is_dir());
    drive
        || parent
        || text.starts_with(['.', '/', '~'])
        || text.contains('\\')
        || outer.ends_with('/')
        || outer.matches('/').count() > 1
}

/// Says how much of the path of a folder exists, and what is there that it may be meant to be.
pub(super) fn absent(path: &Path) -> String {
    let mut parent = path;
    let mut missing = path;
    while let Some(next) = parent.parent() {
        (missing, parent) = (parent, next);
        if here(parent).is_dir() {
            break;
        }
    }
    let name = missing.file_name().unwrap_or(missing.as_os_str()).to_string_lossy();
    let mut said = format!("there is no such folder: {} has no {name}", here(parent).display());
    let similar = similar(&name, parent);
    if !similar.is_empty() {
        said += &format!(" ({} there)", are(&similar));
    }
    if path.starts_with("~") {
        said += "; a shell replaces ~ only where it is not quoted";
    }
    said
}

/// `is NAME`, or `NAME and NAME are`, for what is similar.
pub(super) fn are(similar: &[String]) -> String {
    match similar {
        [one] => format!("{one} is"),
        more => format!("{} are", more.join(", ")),
    }
}

/// The folders in `parent` whose names differ from this one by little, the most similar first.
pub(super) fn similar(name: &str, parent: &Path) -> Vec<String> {
    let wanted = name.to_lowercase();
    let most = (wanted.chars().count() / 3).max(1);
    let measure = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok().filter(|_| entry.path().is_dir())?;
        let lower = name.to_lowercase();
        let within = wanted.len() > 2 && (lower.contains(&wanted) || wanted.contains(&lower)) && lower.len() > 2;
        let distance = distance(&wanted, &lower);
        (within || distance <= most).then_some((distance, name))
    };
    let mut found: Vec<_> = fs::read_dir(here(parent)).into_iter().flatten().flatten().filter_map(measure).collect();
    found.sort();
    found.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// The folder of a path without one is the one that the program was started in.
fn here(parent: &Path) -> PathBuf {
    if parent.as_os_str().is_empty() { ".".into() } else { parent.into() }
}

/// How many letters have to be put in, left out or replaced to make one of the other, where two that have changed places are
/// two.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, same) in other.iter().map(|other| *other == letter).enumerate() {
            let replaced = diagonal + usize::from(!same);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_names_are_told_apart() {
        // Tests run in the folder of the package, which has a folder src.
        for path in [
            ".",
            "./model",
            "../model",
            "/model",
            "~/model",
            "C:\\model",
            "c:/model",
            "a\\b",
            "model/",
            "a/b/c",
            "src/model",
        ] {
            assert!(is_path(path), "{path}");
        }
        for name in ["model", "owner/name", "owner/name@v1", "owner/name@refs/pr/1", "src"] {
            assert!(!is_path(name), "{name}");
        }
    }

    #[test]
    fn what_is_similar_is_offered() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["my-classifier", "my-classifier-2", "other"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        fs::write(folder.path().join("my-clasifier.txt"), "").expect("a file");
        assert_eq!(similar("My-Clasifier", folder.path()), ["my-classifier", "my-classifier-2"]);
        assert_eq!(similar("nothing", folder.path()), [""; 0]);
        let said = absent(&folder.path().join("othr/model"));
        assert!(said.contains("has no othr (other is there)"), "{said}");
        assert_eq!(absent(Path::new("nosuch/model")), "there is no such folder: . has no nosuch");
    }
}
