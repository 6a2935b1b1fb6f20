//! What is kept between processes, in a folder of the user's: that of [`Options::cache_dir`](crate::Options::cache_dir).

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Result};

/// `WGBERT_CACHE_DIR` where it is set, none where it is empty; else `wgbert` in the user's folder for caches, which is
/// `XDG_CACHE_HOME` where it is set, else `LOCALAPPDATA` on Windows, `~/Library/Caches` on macOS and `~/.cache` elsewhere.
/// None where there is no home folder.
pub fn default_folder() -> Option<PathBuf> {
    folder(&|name| env::var_os(name), env::home_dir())
}

fn folder(variable: &dyn Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    if let Some(own) = variable("WGBERT_CACHE_DIR") {
        return (!own.is_empty()).then(|| own.into());
    }
    // As the XDG specification has it: what is empty or relative is as good as unset.
    let path = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let system = || match env::consts::OS {
        "windows" => path("LOCALAPPDATA"),
        "macos" => home.as_ref().map(|home| home.join("Library/Caches")),
        _ => home.as_ref().map(|home| home.join(".cache")),
    };
    path("XDG_CACHE_HOME").or_else(system).map(|caches| caches.join("wgbert"))
}

/// Replaces a file as a whole, with its folders: who reads at the same time sees the old contents or the new.
pub(super) fn write(path: &Path, contents: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    }
    let mut unfinished = path.as_os_str().to_owned();
    // Processes, and threads of one, may do so at a time.
    static WRITTEN: AtomicU32 = AtomicU32::new(0);
    unfinished.push(format!(".{}-{}", process::id(), WRITTEN.fetch_add(1, Ordering::Relaxed)));
    let unfinished = PathBuf::from(unfinished);
    let written = fs::write(&unfinished, contents).and_then(|()| fs::rename(&unfinished, path));
    written.map_err(|error| {
        // On a full disk a part of it is in the way of others.
        let _ = fs::remove_file(&unfinished);
        Error::file("write", path)(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_folder_is_where_caches_are() {
        let found = |value: &'static str, home: Option<&str>| {
            folder(&|name| (name == "XDG_CACHE_HOME").then(|| value.into()), home.map(PathBuf::from))
        };
        assert_eq!(found("/x", Some("/home/user")).as_deref(), Some(Path::new("/x/wgbert")));
        assert_eq!(found("/x", None).as_deref(), Some(Path::new("/x/wgbert")));
        for unset in ["", "relative"] {
            assert_eq!(found(unset, Some("/home/user")).as_deref(), Some(Path::new("/home/user/.cache/wgbert")));
            assert_eq!(found(unset, None), None);
        }
        let own = |value: &'static str| folder(&|name| (name == "WGBERT_CACHE_DIR").then(|| value.into()), None);
        assert_eq!((own("x").as_deref(), own("")), (Some(Path::new("x")), None));
    }
}
