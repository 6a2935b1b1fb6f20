//! What decides how a folder's tokenizer is read: the class, the version, and the small files.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokenizers::{AddedToken, AddedVocabulary};

use super::added::{Sources, Tokens};
use super::bounds;
use super::class::{Class, Transformers};
use super::library::guarded;
use super::node::Node;
use crate::{Error, Result};

/// The settings of one tokenizer.
pub(super) struct Settings {
    /// That of the file with the vocabulary, by which errors name it.
    pub(super) path: PathBuf,
    pub(super) version: Transformers,
    pub(super) class: &'static Class,
    /// `tokenizer_config.json`.
    pub(super) config: Node,
    pub(super) special_tokens_map: Node,
    pub(super) added_tokens: Node,
}

impl Settings {
    /// Of a parsed `tokenizer_config.json` alone; where that names no class, `other`.
    pub(super) fn of_config(path: &Path, config: Option<&Value>, other: &str) -> Result<Settings> {
        let config = config.map_or(Node::Null, Node::from);
        let version = Transformers::of(&config, &Node::Null, &Node::Null);
        let class = Class::of(&path.with_file_name("tokenizer_config.json"), version, &config, &Node::Null)?;
        Ok(Settings {
            path: path.into(),
            version,
            class: class.or_else(|| Class::named(other)).expect("it is a class"),
            config,
            special_tokens_map: Node::Null,
            added_tokens: Node::Null,
        })
    }

    pub(super) fn config_path(&self) -> PathBuf {
        self.path.with_file_name("tokenizer_config.json")
    }

    /// A field that is true or false; the default where it is absent.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it is neither.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.config.field(name) {
            None => Ok(default),
            Some(Node::Bool(value)) => Ok(*value),
            Some(node) => {
                Err(Error::malformed(&self.config_path(), format!("{name} is {node}, neither true nor false")))
            }
        }
    }

    /// `strip_accents`; none is as `do_lower_case`.
    pub(super) fn strip_accents(&self) -> Result<Option<bool>> {
        if self.config.get("strip_accents").is_null() { Ok(None) } else { self.flag("strip_accents", false).map(Some) }
    }

    /// All tokens that are named beside the vocabulary; `listed` and `padding` are those of `tokenizer.json`, `slow` says
    /// that there is none and 4.57 makes the tokenizer of a slow one.
    pub(super) fn tokens(&self, listed: &[(u32, AddedToken)], padding: Option<&str>, slow: bool) -> Result<Tokens> {
        let sources = Sources {
            path: &self.config_path(),
            config: &self.config,
            special_tokens_map: &self.special_tokens_map,
            added_tokens: &self.added_tokens,
            listed,
            padding,
        };
        Tokens::of(&sources, self.version, self.class.rules, slow && self.version == Transformers::Four)
    }

    /// Adds the tokens that a tokenizer lacks, as transformers does: each that the vocabulary does not have gets the next
    /// id, whatever a file says. `listed` are those that it already has.
    pub(super) fn add(
        &self,
        inner: &mut tokenizers::Tokenizer,
        tokens: &Tokens,
        listed: &[(u32, AddedToken)],
    ) -> Result<()> {
        let present: HashSet<String> = listed.iter().map(|(_, token)| token.content.clone()).collect();
        let mut added = tokens.to_add(self.version, &present);
        if self.version == Transformers::Five {
            added = last_of_each(listed.iter().map(|(_, token)| token.clone()).chain(added));
            inner.with_added_vocabulary(AddedVocabulary::new());
        }
        bounds::check_added(&self.config_path(), &added)?;
        guarded(|| Ok(inner.add_tokens(&added))).map_err(|message| Error::malformed(&self.path, message))?;
        let moved = tokens.decoder.iter().find(|(id, token)| inner.token_to_id(&token.content) != Some(**id));
        if let Some((id, token)) = moved
            && let Some(found) = inner.token_to_id(&token.content)
        {
            log::warn!(
                "{}: the added token {:?} has the id {found}, not {id} as the files say: that is the next one, and \
                 transformers counts so",
                self.path.display(),
                token.content
            );
        }
        Ok(())
    }
}

/// One token of each text, in the order of the first, with the flags of the last: of tokens that are added again, the
/// tokenizers library of transformers 5 (0.23) takes the last flags, ours some of the first.
fn last_of_each(tokens: impl Iterator<Item = AddedToken>) -> Vec<AddedToken> {
    let mut places = HashMap::new();
    let mut kept: Vec<AddedToken> = Vec::new();
    for token in tokens {
        match places.entry(token.content.clone()) {
            Entry::Occupied(place) => {
                let place: &usize = place.get();
                let special = token.special || kept[*place].special;
                kept[*place] = AddedToken { special, ..token };
            }
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(token);
            }
        }
    }
    kept
}
