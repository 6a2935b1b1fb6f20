//! `NAME`, `OWNER/NAME`, either with `@REVISION` -> repository and revision.

use std::fmt;

/// The branch that is meant where nobody names a revision.
const MAIN: &str = "main";

/// A model of the hub at one of its revisions.
///
/// Both parts become paths of the cache and of URLs: what is parsed here can be put into either as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// `OWNER/NAME`, or `NAME` alone for the models that are older than owners.
    pub repository: String,
    /// A branch, a tag, a pull request (`refs/pr/1`) or a commit.
    pub revision: String,
}

impl Name {
    /// The name that `text` is, or that is in it where it is the address of a model's page on the hub.
    ///
    /// # Errors
    /// What it is instead.
    pub(super) fn read(text: &str, endpoint: &str) -> Result<Name, String> {
        let no_name = || {
            "it is no name of a model on the Hugging Face hub, which is NAME or OWNER/NAME, with @REVISION if not the \
             main branch is meant"
                .to_string()
        };
        let Some((host, path)) = address(text, endpoint) else {
            return Name::parse(text).ok_or_else(no_name);
        };
        let (own, folder) = host_and_folder(endpoint);
        let path = match host.to_ascii_lowercase() {
            host if host == own.to_ascii_lowercase() => {
                path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/')
            }
            host if HOSTS.contains(&host.as_str()) => path,
            host => {
                return Err(format!(
                    "it is an address on {host}, not of the Hugging Face hub; give a model's name there (OWNER/NAME), or \
                     clone what is at the address (git clone, git lfs pull) and give the folder"
                ));
            }
        };
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let parts: Vec<&str> = path.trim_end_matches(".git").split('/').collect();
        let (repository, rest) = match parts[..] {
            ["datasets" | "spaces" | "collections" | "papers" | "docs", ..] => {
                return Err(format!("it is the address of one of the hub's {}, not of a model", parts[0]));
            }
            [name] => (name.to_string(), &[][..]),
            [owner, name, ref rest @ ..] => (format!("{owner}/{name}"), rest),
            [] => return Err(no_name()),
        };
        let name = match *rest {
            [] => repository,
            // A page of a file, or of the files, at a revision.
            ["tree" | "blob" | "resolve" | "raw" | "commit", "refs", kind, revision, ..] => {
                format!("{repository}@refs/{kind}/{revision}")
            }
            ["tree" | "blob" | "resolve" | "raw" | "commit", revision, ..] => format!("{repository}@{revision}"),
            [..] => repository,
        };
        // Of a branch like feature/x.
        let name = name.replace("%2F", "/").replace("%2f", "/");
        Name::parse(&name).ok_or_else(no_name)
    }

    /// None where the hub could have no model of this name.
    pub(super) fn parse(text: &str) -> Option<Name> {
        let (repository, revision) = text.split_once('@').unwrap_or((text, MAIN));
        let mut parts = repository.split('/');
        let valid = parts.clone().count() <= 2 && parts.all(is_part) && is_revision(revision);
        valid.then(|| Name { repository: repository.into(), revision: revision.into() })
    }

    /// The path of its page on the hub.
    pub(super) fn page(&self) -> String {
        let revision = self.unusual_revision().map(|revision| format!("/tree/{revision}")).unwrap_or_default();
        format!("{}{revision}", self.repository)
    }

    /// The revision, unless it is the one that everybody takes by default.
    pub(super) fn unusual_revision(&self) -> Option<&str> {
        Some(self.revision.as_str()).filter(|revision| *revision != MAIN)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.repository)?;
        self.unusual_revision().map_or(Ok(()), |revision| write!(formatter, "@{revision}"))
    }
}

/// Under which the hub is known.
const HOSTS: [&str; 3] = ["huggingface.co", "hf.co", "www.huggingface.co"];

pub(super) fn is_address(text: &str, endpoint: &str) -> bool {
    address(text, endpoint).is_some()
}

/// Of a server's address: who it is, and the folder of it that is the hub.
fn host_and_folder(endpoint: &str) -> (&str, &str) {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest).trim_end_matches('/');
    let (host, folder) = rest.split_once('/').unwrap_or((rest, ""));
    (host.rsplit('@').next().unwrap_or(host), folder)
}

/// Host and path of an address of the web or of Git, if it is one.
fn address<'a>(text: &'a str, endpoint: &str) -> Option<(&'a str, &'a str)> {
    let text = text.trim();
    if let Some(path) = text.strip_prefix("hf://") {
        return Some((HOSTS[0], path.strip_prefix("models/").unwrap_or(path)));
    }
    if let Some((host, path)) = text.strip_prefix("git@").and_then(|rest| rest.split_once(':')) {
        return Some((host, path));
    }
    let schemes = ["https", "http", "git+https", "ssh", "git", "ftp"];
    let rest = match text.split_once("://") {
        Some((scheme, rest)) => Some(rest).filter(|_| schemes.contains(&scheme.to_ascii_lowercase().as_str())),
        // Copied without the scheme.
        None => Some(text).filter(|text| {
            let host = text.split('/').next().unwrap_or_default().to_ascii_lowercase();
            let known = HOSTS.contains(&host.as_str()) || ["github.com", "gitlab.com"].contains(&host.as_str());
            text.contains('/') && (known || host == host_and_folder(endpoint).0.to_ascii_lowercase())
        }),
    }?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    Some((host.rsplit('@').next().unwrap_or(host), path))
}

/// Whether this names a commit, whose files never change, rather than a branch or a tag.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The hub's rule for owners and names, `validate_repo_id` of huggingface_hub.
fn is_part(part: &str) -> bool {
    let letters = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let ends = !part.starts_with(['-', '.']) && !part.ends_with(['-', '.']) && !part.ends_with(".git");
    (1..=96).contains(&part.len()) && letters && ends && !part.contains("--") && !part.contains("..")
}

/// Git allows more, but nothing that occurs: what would need quoting in a URL, or leads out of the cache, is refused.
fn is_revision(revision: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+=,@".contains(&byte);
    let component = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(letters);
    revision.len() <= 200 && revision.split('/').all(component) && !revision.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUB: &str = "https://huggingface.co";

    #[test]
    fn names_of_the_hub_have_a_repository_and_a_revision() {
        let commit = "2439f60ef33a0d46d85da5001d52aeda5b00ce9f";
        for (text, repository, revision) in [
            ("bert-base-uncased", "bert-base-uncased", "main"),
            ("distilbert/distilbert-base", "distilbert/distilbert-base", "main"),
            ("owner/name@v1.0", "owner/name", "v1.0"),
            ("owner/name@refs/pr/1", "owner/name", "refs/pr/1"),
            (&format!("a_b/C.d-e@{commit}"), "a_b/C.d-e", commit),
        ] {
            let name = Name::parse(text).expect("a name of the hub");
            assert_eq!((name.repository.as_str(), name.revision.as_str()), (repository, revision));
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn addresses_of_the_hub_are_names() {
        for (text, expected) in [
            ("https://huggingface.co/owner/name", "owner/name"),
            ("https://huggingface.co/bert-base-uncased/", "bert-base-uncased"),
            ("https://user:secret@huggingface.co/owner/name.git", "owner/name"),
            ("http://hf.co/owner/name?library=transformers#usage", "owner/name"),
            ("huggingface.co/owner/name/tree/main", "owner/name"),
            ("https://huggingface.co/owner/name/tree/v1.0", "owner/name@v1.0"),
            ("https://huggingface.co/owner/name/blob/refs/pr/1/config.json", "owner/name@refs/pr/1"),
            ("https://huggingface.co/owner/name/discussions/3", "owner/name"),
            ("git@hf.co:owner/name", "owner/name"),
            ("hf://owner/name", "owner/name"),
            ("owner/name@v1.0", "owner/name@v1.0"),
            ("HTTPS://HuggingFace.co/Owner/Name/", "Owner/Name"),
            ("https://hf.co/owner/name/tree/main/", "owner/name"),
            ("https://hf.co/owner/name/tree/feature%2Fx", "owner/name@feature/x"),
        ] {
            assert_eq!(Name::read(text, HUB).map(|name| name.to_string()), Ok(expected.to_string()));
        }
        for (text, expected) in [
            ("https://github.com/owner/name", "it is an address on github.com"),
            ("github.com/owner/name", "git lfs pull"),
            ("git@gitlab.com:owner/name.git", "it is an address on gitlab.com"),
            ("https://huggingface.co/datasets/owner/name", "one of the hub's datasets"),
            ("https://huggingface.co", "it is no name"),
            ("https://huggingface.co/owner/na me", "it is no name"),
            ("./model", "it is no name"),
        ] {
            let message = Name::read(text, HUB).expect_err(text);
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn addresses_on_another_server_are_names_where_it_is_the_hub() {
        for endpoint in ["https://mirror.example:8080/hf", "http://user@Mirror.example:8080/hf/"] {
            for text in [
                "https://mirror.example:8080/hf/owner/name/tree/v1/",
                "mirror.example:8080/hf/owner/name/blob/v1/config.json",
                "https://huggingface.co/owner/name/tree/v1",
            ] {
                let name = Name::read(text, endpoint).expect(text);
                assert_eq!((name.to_string(), name.page()), ("owner/name@v1".into(), "owner/name/tree/v1".into()));
            }
        }
        let message = Name::read("https://mirror.example/owner/name", HUB).expect_err("another server");
        assert!(message.contains("it is an address on mirror.example"), "{message}");
    }

    #[test]
    fn paths_are_no_names() {
        for text in [
            "",
            ".",
            "..",
            "./model",
            "../model",
            "/model",
            "model/",
            "a/b/c",
            "a//b",
            "C:\\model",
            "a\\b",
            "~/model",
            "a--b",
            "a..b",
            "-a",
            "a-",
            "a.git",
            "owner/ name",
            "ówner/name",
            "a@",
            "a@..",
            "a@../b",
            "a@b/../c",
            "a@/b",
            "a@b/",
            "a@.b",
            "a@b c",
            "a@b?c",
            "a@b#c",
            "a@b%2e",
            "a@b\\c",
            "a\n",
            "a\0",
        ] {
            assert_eq!(Name::parse(text), None, "{text:?}");
        }
        assert_eq!(Name::parse(&"a".repeat(97)), None);
    }
}
