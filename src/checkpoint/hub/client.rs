//! Requests to the hub.
//!
//! hf-hub has the paths and the form of the answers. Its requests are not used: they drop the headers that say why the hub
//! refuses, are never repeated after a 5xx, and append to a partial file whatever the server sends.

use std::time::Duration;

use hf_hub::Repo;
use hf_hub::api::RepoInfo;
use ureq::http::{Response, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::Hub;
use super::name::{Name, is_commit};
use super::problem::{Problem, wait};
use crate::{Error, Result};

/// What the hub says of a file that it keeps elsewhere.
const LINKED_ETAG: &str = "x-linked-etag";
const LINKED_SIZE: &str = "x-linked-size";

const CONNECT: Duration = Duration::from_secs(15);
/// Without a byte: large files may take hours, a server that is silent for this long is gone.
const SILENCE: Duration = Duration::from_secs(30);
const MOST_REDIRECTS: usize = 8;
/// Lists of files have some kB.
const LARGEST_LIST: u64 = 16 << 20;

pub(super) struct Client<'a> {
    agent: Agent,
    pub(super) hub: &'a Hub,
    pub(super) name: &'a Name,
    /// Without a slash at the end.
    pub(super) endpoint: &'a str,
}

/// What the hub says of a file before it sends it.
#[derive(Debug)]
pub(super) struct Metadata {
    /// Checked to be a plain file name.
    pub etag: String,
    pub size: Option<u64>,
    /// The contents' SHA-256 in hexadecimal, which large files have for an ETag.
    pub sha256: Option<String>,
}

/// How often a request is repeated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Patience {
    None,
    Full,
}

impl<'a> Client<'a> {
    pub(super) fn new(hub: &'a Hub, name: &'a Name) -> Result<Client<'a>> {
        let mut tls = TlsConfig::builder();
        if let Some(path) = &hub.certificates {
            let pem = std::fs::read(path).map_err(Error::file("read the certificates (SSL_CERT_FILE)", path))?;
            let certificates = parse_pem(&pem).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
                Ok(_) => None,
                Err(error) => Some(Err(Error::malformed(path, error))),
            });
            let certificates = certificates.collect::<Result<Vec<_>>>()?;
            if certificates.is_empty() {
                return Err(Error::malformed(path, "holds no certificates (SSL_CERT_FILE)"));
            }
            tls = tls.root_certs(RootCerts::from(certificates));
        }
        // Redirects are followed here: the token is for the hub alone, and some headers only the first answer has.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .tls_config(tls.build())
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .user_agent(concat!("wgbert/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Client { agent: agent.into(), hub, name, endpoint: hub.endpoint.trim_end_matches('/') })
    }

    /// The commit that the revision is, and the names of its files.
    pub(super) fn files(&self, patience: Patience) -> Result<(String, Vec<String>), Problem> {
        let url = format!("{}/api/{}", self.endpoint, self.repo(&self.name.revision).api_url());
        self.retry(patience, || {
            let mut body = self.get(&url, 0, None)?.into_body();
            let list =
                body.with_config().limit(LARGEST_LIST).read_to_vec().map_err(|error| self.interrupted(None, error))?;
            let info: RepoInfo = serde_json::from_slice(&list).map_err(|error| {
                self.problem(None, None, format!("does not answer as a hub does ({error}); is HF_ENDPOINT right?"))
            })?;
            // It becomes a path.
            if !is_commit(&info.sha) {
                return Err(self.problem(None, None, format!("gives {:?} for a commit", info.sha)));
            }
            Ok((info.sha, info.siblings.into_iter().map(|sibling| sibling.rfilename).collect()))
        })
    }

    pub(super) fn metadata(&self, commit: &str, file: &str) -> Result<Metadata, Problem> {
        self.retry(Patience::Full, || {
            let response = self.follow(true, &self.url(commit, file), 0, Some(file))?;
            let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
            let linked = header(LINKED_ETAG);
            let etag = linked.or_else(|| header("etag")).unwrap_or_default();
            let etag = etag.trim_start_matches("W/").trim_matches('"');
            // It becomes a path.
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if !(1..=128).contains(&etag.len()) || etag.starts_with('.') || !etag.bytes().all(plain) {
                return Err(self.problem(Some(file), None, format!("gives {etag:?} for the file's ETag")));
            }
            let is_hash = etag.len() == 64 && etag.bytes().all(|byte| byte.is_ascii_hexdigit());
            let length = || header("content-length").filter(|_| !response.status().is_redirection());
            Ok(Metadata {
                etag: etag.into(),
                size: header(LINKED_SIZE).or_else(length).and_then(|size| size.parse().ok()),
                sha256: (linked.is_some() && is_hash).then(|| etag.to_ascii_lowercase()),
            })
        })
    }

    /// The file's bytes from `from` on; status 200 means that they come from the beginning nevertheless. One attempt.
    pub(super) fn contents(&self, commit: &str, file: &str, from: u64) -> Result<Response<Body>, Problem> {
        self.get(&self.url(commit, file), from, Some(file))
    }

    /// Makes a request again while what fails may pass.
    fn retry<T>(&self, patience: Patience, request: impl Fn() -> Result<T, Problem>) -> Result<T, Problem> {
        let mut attempt = 0;
        loop {
            match request() {
                Err(problem)
                    if patience == Patience::Full && wait(&problem, attempt, |message| log::warn!("{message}")) =>
                {
                    attempt += 1
                }
                result => return result,
            }
        }
    }

    fn repo(&self, revision: &str) -> Repo {
        Repo::with_revision(self.name.repository.clone(), hf_hub::RepoType::Model, revision.into())
    }

    /// `file` is one of [`super::files`], which needs no quoting.
    fn url(&self, commit: &str, file: &str) -> String {
        format!("{}/{}/resolve/{commit}/{file}", self.endpoint, self.repo(commit).url())
    }

    fn get(&self, url: &str, from: u64, file: Option<&str>) -> Result<Response<Body>, Problem> {
        self.follow(false, url, from, file)
    }

    /// The answer at the end of the redirects, or for `head` the first that describes the file.
    fn follow(&self, head: bool, url: &str, from: u64, file: Option<&str>) -> Result<Response<Body>, Problem> {
        let mut url = url.to_string();
        for _ in 0..=MOST_REDIRECTS {
            let request = if head { self.agent.head(&url) } else { self.agent.get(&url) };
            // What is counted, hashed and resumed are the file's own bytes.
            let mut request = request.header("accept-encoding", "identity");
            if from > 0 {
                request = request.header("range", format!("bytes={from}-"));
            }
            if let Some(token) = self.hub.token.as_ref().filter(|_| origin(&url) == origin(self.endpoint)) {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let response = request.call().map_err(|error| self.unreachable(file, error))?;
            let status = response.status();
            if status.is_success() || (head && status.is_redirection() && response.headers().contains_key(LINKED_ETAG))
            {
                return Ok(response);
            }
            if !status.is_redirection() {
                return Err(self.refused(file, status.as_u16(), response.headers()));
            }
            let location = response.headers().get("location").and_then(|value| value.to_str().ok());
            url = location.and_then(|location| redirect(&url, location)).ok_or_else(|| {
                self.problem(file, Some(status.as_u16()), format!("redirects to {location:?}, which is not followed"))
            })?;
        }
        Err(self.problem(file, None, "redirects in a circle".into()))
    }
}

/// Scheme and host (with port) of a URL, without the user that it may name.
pub(super) fn origin(url: &str) -> Option<(String, String)> {
    let url: Uri = url.parse().ok()?;
    let host = url.authority()?.as_str().rsplit('@').next()?;
    Some((url.scheme_str()?.into(), host.to_ascii_lowercase()))
}

/// Where a redirect leads; none if that is no URL, or one that gives up encryption.
fn redirect(from: &str, location: &str) -> Option<String> {
    let (scheme, host) = origin(from)?;
    let url = match location {
        _ if location.starts_with("//") => format!("{scheme}:{location}"),
        _ if location.starts_with('/') => format!("{scheme}://{host}{location}"),
        _ => location.into(),
    };
    let (new, _) = origin(&url)?;
    (new == "https" || (new == "http" && scheme == "http")).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_encrypted() {
        let from = "https://hub.example/owner/name/resolve/main/file";
        for (location, to) in [
            ("/other?x=1", Some("https://hub.example/other?x=1")),
            ("//cdn.example/y", Some("https://cdn.example/y")),
            ("https://cdn.example/y", Some("https://cdn.example/y")),
            ("http://cdn.example/y", None),
            ("file:///etc/passwd", None),
            ("other", None),
            ("", None),
        ] {
            assert_eq!(redirect(from, location).as_deref(), to, "{location:?}");
        }
        assert_eq!(redirect("http://a:1/b", "/c").as_deref(), Some("http://a:1/c"));
        assert_eq!(redirect("http://a:1/b", "http://d/c").as_deref(), Some("http://d/c"));
    }

    #[test]
    fn the_origin_tells_hosts_and_ports_apart() {
        assert_eq!(origin("https://Hub.example/a"), origin("https://hub.example"));
        assert_ne!(origin("https://hub.example"), origin("http://hub.example"));
        assert_ne!(origin("https://hub.example"), origin("https://hub.example:444"));
        assert_ne!(origin("https://hub.example"), origin("https://hub.example.evil"));
    }
}
