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
    /// None where the hub could have no model of this name.
    pub fn parse(text: &str) -> Option<Name> {
        let (repository, revision) = text.split_once('@').unwrap_or((text, MAIN));
        let mut parts = repository.split('/');
        let valid = parts.clone().count() <= 2 && parts.all(is_part) && is_revision(revision);
        valid.then(|| Name { repository: repository.into(), revision: revision.into() })
    }

    /// The revision, unless it is the one that everybody takes by default.
    pub fn unusual_revision(&self) -> Option<&str> {
        Some(self.revision.as_str()).filter(|revision| *revision != MAIN)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.repository)?;
        self.unusual_revision().map_or(Ok(()), |revision| write!(formatter, "@{revision}"))
    }
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
