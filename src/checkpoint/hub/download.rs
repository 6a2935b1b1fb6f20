//! One file from the hub into the cache.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::cache::Cache;
use super::client::{Client, Metadata};
use super::problem::{Problem, wait};
use super::{Progress, Watch};
use crate::{Error, Result};

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

/// Downloads `file` of the commit, unless its contents are in the cache, and links it into the snapshot.
///
/// Contents are written to a partial file, which stays where the download stops, and is continued by the next.
///
/// # Errors
/// Those of the requests; [`Error::Hub`] if the contents are not those that were announced, and then nothing is kept;
/// [`Error::File`] if the cache cannot be written.
pub(super) fn file(client: &Client, cache: &Cache, commit: &str, file: &str, watch: &mut Watch) -> Result<()> {
    let metadata = client.metadata(commit, file)?;
    let _lock = cache.lock(&metadata.etag, file)?;
    if cache.snapshot(commit).join(file).exists() {
        // The process that was waited for has brought it.
        return Ok(());
    }
    let blob = cache.blob(&metadata.etag);
    // Another commit may have the same. Its hash was verified then.
    let whole = |length| metadata.size.is_none_or(|size| size == length);
    let new = !fs::metadata(&blob).is_ok_and(|data| data.is_file() && whole(data.len()));
    if new {
        let path = cache.partial(&metadata.etag);
        let partial = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let partial = partial.map_err(Error::file("write", &path))?;
        let mut download = Download { client, commit, file, metadata: &metadata, partial, path: &path, watch };
        download.complete()?;
        download.verify()?;
        fs::rename(&path, &blob).map_err(Error::file("write", &blob))?;
        let size = metadata.size.or_else(|| fs::metadata(&blob).ok().map(|data| data.len()));
        watch(Progress { file, received: size.unwrap_or(0), size, complete: true, trouble: None });
    }
    cache.link(commit, file, &metadata.etag, new)
}

struct Download<'a, 'b> {
    client: &'a Client<'a>,
    commit: &'a str,
    file: &'a str,
    metadata: &'a Metadata,
    partial: File,
    path: &'a Path,
    watch: &'a mut Watch<'b>,
}

impl Download<'_, '_> {
    /// Brings what is missing, in as many attempts as it takes while they get on.
    fn complete(&mut self) -> Result<(), Problem> {
        let mut received = self.length()?;
        let (mut attempt, mut most) = (0, received);
        loop {
            let Err(problem) = self.get_on(received) else { return Ok(()) };
            received = self.length()?;
            if received > most {
                (attempt, most) = (0, received);
            }
            let (file, size) = (self.file, self.metadata.size);
            let tell = |message: &str| {
                (self.watch)(Progress { file, received, size, complete: false, trouble: Some(message) })
            };
            if !wait(&problem, attempt, tell) {
                return Err(problem);
            }
            attempt += 1;
        }
    }

    /// One attempt from `from` on.
    fn get_on(&mut self, from: u64) -> Result<(), Problem> {
        let size = self.metadata.size;
        if size == Some(from) {
            return Ok(());
        }
        // What is too long is not a part of the file, and of a file of unknown length nobody knows what is missing.
        let from = if size.is_some_and(|size| from < size) { from } else { 0 };
        let response = self.client.contents(self.commit, self.file, from)?;
        let range = response.headers().get("content-range").and_then(|value| value.to_str().ok());
        let continues =
            response.status() == 206 && range.is_some_and(|range| range.starts_with(&format!("bytes {from}-")));
        if response.status() == 206 && !continues {
            return Err(self.problem(format!("sends {range:?} instead of the bytes from {from} on")));
        }
        if from > 0 && !continues {
            log::info!("{}: the server does not continue the file, which begins again", self.file);
        }
        let mut received = if continues { from } else { 0 };
        self.cut(received)?;
        let mut body = response.into_body().into_reader();
        let mut chunk = vec![0; CHUNK];
        loop {
            (self.watch)(Progress { file: self.file, received, size, complete: false, trouble: None });
            let count = body.read(&mut chunk).map_err(|error| self.client.interrupted(Some(self.file), error))?;
            if count == 0 {
                break;
            }
            received += count as u64;
            if let Some(size) = size.filter(|size| received > *size) {
                self.cut(0)?;
                return Err(self.problem(format!("sends more than the {size} bytes it announced")));
            }
            self.partial.write_all(&chunk[..count]).map_err(Error::file("write", self.path))?;
        }
        match size {
            Some(size) if received < size => {
                Err(self.client.interrupted(Some(self.file), format!("{received} bytes instead of {size}")))
            }
            _ => Ok(()),
        }
    }

    /// Compares the contents with the hash that the hub announced; what differs is removed.
    fn verify(&mut self) -> Result<()> {
        if let Some(expected) = &self.metadata.sha256 {
            let read = Error::file("read", self.path);
            let actual = sha256(&mut self.partial).map_err(read)?;
            if actual != *expected {
                fs::remove_file(self.path).map_err(Error::file("remove", self.path))?;
                let message = format!(
                    "sent something else than it announced (SHA-256 {actual} instead of {expected}), which is removed; \
                     run again, and if it stays so, something between here and there changes files"
                );
                return Err(self.problem(message).into());
            }
        }
        // From now on nobody looks at the contents again: a machine that loses its power must not lose some of them.
        self.partial.sync_all().map_err(Error::file("write", self.path))
    }

    fn length(&self) -> Result<u64> {
        Ok(self.partial.metadata().map_err(Error::file("read", self.path))?.len())
    }

    /// Keeps the first `length` bytes; the next come behind them.
    fn cut(&mut self, length: u64) -> Result<()> {
        let cut = self.partial.set_len(length).and_then(|()| self.partial.seek(SeekFrom::Start(length)));
        cut.map(drop).map_err(Error::file("write", self.path))
    }

    fn problem(&self, message: String) -> Problem {
        self.client.problem(Some(self.file), None, message)
    }
}

/// Of the whole file, in hexadecimal.
fn sha256(file: &mut File) -> std::io::Result<String> {
    file.rewind()?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            count => hash.update(&chunk[..count]),
        }
    }
}
