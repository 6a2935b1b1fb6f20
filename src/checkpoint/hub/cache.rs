//! The cache of models that the Hugging Face tools share: `models--OWNER--NAME` with `blobs` (the files, by ETag),
//! `snapshots` (for each commit its files' names, linked to the blobs), `refs` (for each branch its commit) and `.no_exist`
//! (for each commit names that it has no file of).

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use hf_hub::{CacheRepo, Repo};

use super::Hub;
use super::name::{Name, is_commit};
use crate::{Error, Result};

/// One model's part of the cache.
pub(super) struct Cache<'a> {
    root: &'a Path,
    paths: CacheRepo,
    folder: PathBuf,
    name: &'a Name,
    symlinks: bool,
}

impl<'a> Cache<'a> {
    pub(super) fn new(hub: &'a Hub, name: &'a Name) -> Cache<'a> {
        let repo = Repo::model(name.repository.clone());
        let folder = hub.cache.join(repo.folder_name());
        let paths = hf_hub::Cache::new(hub.cache.clone()).repo(repo);
        Cache { root: &hub.cache, paths, folder, name, symlinks: hub.symlinks }
    }

    /// The folder with the files of a commit.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.paths.pointer_path(commit)
    }

    /// The snapshot of the revision, as of when it was last asked for; none if it never was.
    pub(super) fn cached(&self) -> Option<PathBuf> {
        let revision = &self.name.revision;
        let commit = if is_commit(revision) {
            revision.clone()
        } else {
            fs::read_to_string(self.reference()).ok()?.trim().to_string()
        };
        // What a file says becomes a path.
        Some(self.snapshot(&commit)).filter(|snapshot| is_commit(&commit) && snapshot.is_dir())
    }

    /// The contents that have this ETag.
    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.paths.blob_path(etag)
    }

    /// Where they are until they are complete.
    pub(super) fn partial(&self, etag: &str) -> PathBuf {
        self.paths.blob_path(&format!("{etag}.incomplete"))
    }

    /// Makes the folders that a download needs, and waits until no other process downloads the same; held until dropped.
    pub(super) fn lock(&self, etag: &str, file: &str) -> Result<Option<File>> {
        let locks = self.root.join(".locks").join(self.folder.file_name().unwrap_or_default());
        for folder in [&locks, &self.folder.join("blobs")] {
            fs::create_dir_all(folder).map_err(Error::file("create the folder", folder))?;
        }
        let path = locks.join(format!("{etag}.lock"));
        let lock = File::options().write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(Error::file("create", &path))?;
        let locked = match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                log::warn!("another process downloads {file} of {}; waiting for it", self.name);
                lock.lock()
            }
            Err(TryLockError::Error(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        // Some network file systems have no locks: two processes may then disturb each other, which the hash tells.
        Ok(locked.ok().map(|()| lock))
    }

    /// Lets `file` of the commit be the contents that have this ETag. `new`: they belong to nothing else yet.
    pub(super) fn link(&self, commit: &str, file: &str, etag: &str, new: bool) -> Result<()> {
        let path = self.snapshot(commit).join(file);
        let folder = path.parent().expect("it is in the snapshot");
        fs::create_dir_all(folder).map_err(Error::file("create the folder", folder))?;
        // Renamed into place: what another process has opened or is about to open is never absent.
        let name = path.file_name().unwrap_or_default().display();
        let temporary = folder.join(format!(".{name}.{}", std::process::id()));
        // Relative, so that the cache can be moved.
        let up = 2 + file.matches('/').count();
        let target: PathBuf = std::iter::repeat_n("..", up).chain(["blobs", etag]).collect();
        let placed = if self.symlinks && symlink(&target, &temporary).is_ok() {
            fs::rename(&temporary, &path)
        } else if new {
            // Windows lets few users make links, some file systems nobody: huggingface_hub then moves or copies as well.
            fs::rename(self.blob(etag), &path)
        } else {
            fs::copy(self.blob(etag), &temporary).and_then(|_| fs::rename(&temporary, &path))
        };
        placed.map_err(Error::file("write", path))
    }

    /// Whether it is known that the commit has no such file.
    pub(super) fn is_absent(&self, commit: &str, file: &str) -> bool {
        self.absence(commit, file).exists()
    }

    /// Remembers that the commit has no such file, as huggingface_hub does.
    pub(super) fn remember_absent(&self, commit: &str, file: &str) -> std::io::Result<()> {
        let path = self.absence(commit, file);
        fs::create_dir_all(path.parent().expect("it is in a folder"))?;
        File::create(path).map(drop)
    }

    fn absence(&self, commit: &str, file: &str) -> PathBuf {
        self.folder.join(".no_exist").join(commit).join(file)
    }

    /// Remembers which commit the revision is.
    pub(super) fn remember(&self, commit: &str) -> Result<()> {
        if self.name.revision == commit {
            return Ok(());
        }
        let path = self.reference();
        if fs::read_to_string(&path).is_ok_and(|known| known == commit) {
            return Ok(());
        }
        let folder = path.parent().expect("it is in refs");
        fs::create_dir_all(folder).map_err(Error::file("create the folder", folder))?;
        // Renamed into place, so that nobody reads half a commit.
        let new = folder.join(format!(".{commit}.{}", std::process::id()));
        fs::write(&new, commit).map_err(Error::file("write", &new))?;
        fs::rename(&new, &path).map_err(Error::file("write", path))
    }

    fn reference(&self) -> PathBuf {
        self.folder.join("refs").join(&self.name.revision)
    }
}

#[cfg(unix)]
fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(windows)]
fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, path)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
