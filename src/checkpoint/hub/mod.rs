//! A model's name on the Hugging Face hub -> a folder with its files.
//!
//! The files come from, and go to, the cache that the Hugging Face tools share: what huggingface_hub has downloaded is
//! not downloaded again, and the other way round. Requests are made only for what is not known: with a complete copy in
//! the cache one asks which commit the revision is, and where there is no network, or `HF_HUB_OFFLINE` is set, none.
//!
//! `name`, `folder` and `environment` say what is wanted and where it is looked for, `cache` where things lie, `files` which of
//! them make a classifier; `client` makes requests, `problem` says why they failed, `download` brings one file and
//! verifies it.

mod cache;
mod client;
mod download;
mod environment;
mod folder;
mod name;
mod problem;

use std::fmt;
use std::path::{Path, PathBuf};

use self::cache::Cache;
use self::client::{Client, Patience};
use self::name::{Name, is_commit};
use crate::checkpoint::needed;
use crate::folder::Folder;
use crate::{Error, Result};

/// A hub, its cache, and how to use them. [`Hub::from_env`] makes what the environment variables say.
#[derive(Clone)]
#[non_exhaustive]
pub struct Hub {
    /// The server, `https://huggingface.co` or one that speaks its protocol.
    pub endpoint: String,
    /// The folder that holds the folders `models--OWNER--NAME`.
    pub cache: PathBuf,
    /// Who asks: for private models, and those whose licence has to be accepted.
    pub token: Option<String>,
    /// Make no requests: the cache is all there is.
    pub offline: bool,
    /// Link the files of a commit to their contents, where the file system can; else they are moved or copied.
    pub symlinks: bool,
    /// Trust the certificates of this PEM file rather than Mozilla's list: a proxy that reads along has its own.
    pub certificates: Option<PathBuf>,
}

impl fmt::Debug for Hub {
    /// Without the token, which is a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hub { endpoint, cache, token, offline, symlinks, certificates } = self;
        let token = &token.as_ref().map(|_| "...");
        formatter
            .debug_struct("Hub")
            .field("endpoint", endpoint)
            .field("cache", cache)
            .field("token", token)
            .field("offline", offline)
            .field("symlinks", symlinks)
            .field("certificates", certificates)
            .finish()
    }
}

/// How far the download of a file is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Its path in the repository.
    pub file: &'a str,
    /// Bytes that are here, those of an earlier attempt included.
    pub received: u64,
    /// Bytes of the whole file, if the server says.
    pub size: Option<u64>,
    /// Whether it is whole.
    pub complete: bool,
    /// What has interrupted the download, which will go on.
    pub trouble: Option<&'a str>,
}

/// Is told of downloads as they go on.
pub type Watch<'a> = dyn FnMut(Progress<'_>) + 'a;

/// The folder of a model that is either a folder, which wins, or a name on the hub of [`Hub::from_env`], or the address of its
/// page there. What looks like a path is never looked for on the hub: `OWNER/NAME` does where a folder `OWNER` is here.
///
/// # Errors
/// Those of [`Hub::fetch`]; and [`Error::Hub`] for what is neither.
pub fn locate(model: impl AsRef<Path>, watch: &mut Watch) -> Result<PathBuf> {
    let model = model.as_ref();
    // A file too: opening it tells what is wrong with that.
    if model.exists() {
        return Ok(model.into());
    }
    let shown = model.display();
    let fail = |message| Err(Error::Hub { model: shown.to_string(), status: None, message });
    let Some(name) = model.to_str() else { return fail(format!("{}, and it is not Unicode", folder::absent(model))) };
    let hub = Hub::from_env()?;
    if !name::is_address(name, &hub.endpoint) {
        let absent = folder::absent(model);
        match Name::read(name, &hub.endpoint) {
            Ok(_) if !folder::is_path(name) => {}
            Ok(name) => {
                let page = hub.endpoint.trim_end_matches('/');
                return fail(format!(
                    "{absent}; if the hub's model is meant, give its address: {page}/{}",
                    name.page()
                ));
            }
            Err(message) => return fail(format!("{absent}; and {message}")),
        }
    }
    let found = hub.fetch(name, watch);
    // Only what may be one name too few letters away from a folder: the hub has most of the others.
    match (found, &folder::similar(name, Path::new("."))[..]) {
        (Err(Error::Hub { model, status: Some(status @ (401 | 404)), message }), similar @ [_, ..]) => {
            let message = format!("{message}; {} a folder here", folder::are(similar));
            Err(Error::Hub { model, status: Some(status), message })
        }
        (found, _) => found,
    }
}

/// [`Hub::fetch`] from the hub of [`Hub::from_env`].
///
/// # Errors
/// Those of both.
pub fn fetch(name: &str, watch: &mut Watch) -> Result<PathBuf> {
    Hub::from_env()?.fetch(name, watch)
}

impl Hub {
    /// The folder that holds the files of a model (`NAME`, `OWNER/NAME`, either with `@REVISION`, or the address of its page), for
    /// [`Checkpoint::open`](super::Checkpoint::open) and [`Tokenizer::from_folder`](crate::text::Tokenizer::from_folder).
    /// What the cache lacks is downloaded; interrupted, a download goes on where it stopped when it is asked for again.
    ///
    /// # Errors
    /// [`Error::Hub`], saying what to do, if there is no such model or revision, it may not be had, the server cannot be
    /// reached and the cache has no copy, or what arrived is not what was announced; [`Error::MissingFile`] if the model
    /// is not one that this engine reads; [`Error::File`] if the cache cannot be written.
    pub fn fetch(&self, name: &str, watch: &mut Watch) -> Result<PathBuf> {
        let name = Name::read(name, &self.endpoint).map_err(|message| Error::Hub {
            model: name.into(),
            status: None,
            message,
        })?;
        let cache = Cache::new(self, &name);
        let cached = cache.cached();
        if self.offline {
            return self.cached_only(&name, cached);
        }
        // An index that is broken will be fetched again.
        let complete =
            cached.filter(|snapshot| needed::lacking(Folder::on_disk(snapshot)).is_ok_and(|lacking| lacking.is_none()));
        if let Some(snapshot) = &complete
            && is_commit(&name.revision)
            && needed::OPTIONAL.iter().all(|file| snapshot.join(file).exists() || cache.is_absent(&name.revision, file))
        {
            // It can neither have changed since nor lack a file that matters.
            return Ok(snapshot.clone());
        }
        let client = Client::new(self, &name)?;
        let patience = if complete.is_some() { Patience::None } else { Patience::Full };
        let (commit, siblings) = match (client.files(patience), complete) {
            (Ok(answer), _) => answer,
            (Err(problem), Some(snapshot)) if problem.passing => {
                log::warn!("{problem}; using the copy in the cache, which may be out of date");
                return Ok(snapshot);
            }
            (Err(problem), _) => return Err(problem.into()),
        };
        let snapshot = cache.snapshot(&commit);
        let mut fetch = |file: &str| match snapshot.join(file).exists() {
            true => Ok(()),
            false => download::file(&client, &cache, &commit, file, watch),
        };
        let wanted = needed::wanted(Path::new(&name.repository), name.unusual_revision(), &siblings)?;
        wanted.iter().try_for_each(|file| fetch(file))?;
        // A shard that the repository does not have is asked for, and the hub says so; a module may have no weights.
        let named = needed::named(Folder::on_disk(&snapshot))?;
        let there = |file: &&String| !file.contains('/') || siblings.contains(file);
        named.iter().filter(there).try_for_each(|file| fetch(file))?;
        for file in needed::OPTIONAL.iter().filter(|file| !siblings.iter().any(|sibling| sibling == **file)) {
            // Who cannot write it asks again.
            let _ = cache.remember_absent(&commit, file);
        }
        // Only now, so that a download that fails leaves the former commit to those who are offline.
        if let Err(error) = cache.remember(&commit) {
            log::warn!("{error}; {name} will not be found while offline");
        }
        Ok(snapshot)
    }

    fn cached_only(&self, name: &Name, cached: Option<PathBuf>) -> Result<PathBuf> {
        let lacking = match &cached {
            None => "this model at this revision".into(),
            Some(snapshot) => match needed::lacking(Folder::on_disk(snapshot))? {
                None => return Ok(snapshot.clone()),
                Some(file) => format!("{file} of this model"),
            },
        };
        let folder = cached.as_ref().unwrap_or(&self.cache).display();
        let message = format!(
            "no request may be made (HF_HUB_OFFLINE), and the cache ({folder}) does not hold {lacking}; unset \
             HF_HUB_OFFLINE once to download it, or download it where there is a network (wgbert does, as does `hf download \
             {}`), copy the cache and name its folder in HF_HUB_CACHE",
            name.repository
        );
        Err(Error::Hub { model: name.to_string(), status: None, message })
    }
}
