//! The tokens that a folder's files name beside the vocabulary, as transformers collects them.
//!
//! Decided by `_from_pretrained` (`tokenization_utils_base.py`), which reads the files, and by the constructors of the
//! class and of `PreTrainedTokenizerFast` (4.57, `tokenization_utils_fast.py`) or `TokenizersBackend` (5,
//! `tokenization_utils_tokenizers.py`), which choose what is added and in which order: new tokens get their ids in it.

mod collected;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use tokenizers::AddedToken;

use self::collected::Collected;
use super::class::{Rules, Transformers};
use super::node::Node;
use crate::Result;

/// The special tokens that have names of their own, in the order in which they are added.
pub(super) const NAMED: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// A token as Python has it: a text, or an `AddedToken`.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) content: String,
    /// `AddedToken` rather than a text.
    pub(super) flagged: bool,
    pub(super) single_word: bool,
    pub(super) lstrip: bool,
    pub(super) rstrip: bool,
    /// Where nothing is said, special tokens are not and the others are.
    pub(super) normalized: Option<bool>,
    pub(super) special: bool,
}

impl Token {
    pub(super) fn plain(content: &str) -> Token {
        Token {
            content: content.into(),
            flagged: false,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: None,
            special: false,
        }
    }

    /// A text, or an object with `content` and flags.
    pub(super) fn read(node: &Node) -> Option<Token> {
        if let Some(content) = node.as_str() {
            return Some(Token::plain(content));
        }
        let flag = |name: &str| node.get(name).as_bool();
        Some(Token {
            content: node.get("content").as_str()?.into(),
            flagged: true,
            single_word: flag("single_word").unwrap_or(false),
            lstrip: flag("lstrip").unwrap_or(false),
            rstrip: flag("rstrip").unwrap_or(false),
            normalized: flag("normalized"),
            special: flag("special").unwrap_or(false),
        })
    }

    fn is_normalized(&self) -> bool {
        self.normalized.unwrap_or(!self.special)
    }

    /// As Python's `==`: a text is never equal to an `AddedToken`.
    fn equals(&self, other: &Token) -> bool {
        self.flagged == other.flagged
            && self.content == other.content
            && (!self.flagged || self.added() == other.added())
    }

    pub(super) fn added(&self) -> AddedToken {
        AddedToken {
            content: self.content.clone(),
            single_word: self.single_word,
            lstrip: self.lstrip,
            rstrip: self.rstrip,
            normalized: self.is_normalized(),
            special: self.special,
        }
    }
}

/// All that the files and the class name.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// By name: those of [`NAMED`], then a model's own.
    pub(super) named: Vec<(String, Token)>,
    /// `additional_special_tokens` (4.57), `extra_special_tokens` (5).
    pub(super) extra: Vec<Token>,
    /// `added_tokens_decoder`, or what older files say in its place.
    pub(super) decoder: BTreeMap<u32, Token>,
}

/// The files that name tokens; null where one is absent.
pub(super) struct Sources<'a> {
    /// That of `tokenizer_config.json`.
    pub(super) path: &'a Path,
    pub(super) config: &'a Node,
    pub(super) special_tokens_map: &'a Node,
    pub(super) added_tokens: &'a Node,
    /// Of `tokenizer.json`.
    pub(super) listed: &'a [(u32, AddedToken)],
    /// `pad_token` of the padding that `tokenizer.json` has stored.
    pub(super) padding: Option<&'a str>,
}

impl Tokens {
    /// What the files name, and what a class adds to it by default. `slow`: 4.57 makes the tokenizer of a slow one, since
    /// there is no `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a token is neither a text nor an object with content, or its id no number.
    pub(super) fn of(sources: &Sources<'_>, version: Transformers, rules: Rules, slow: bool) -> Result<Tokens> {
        let mut collected = Collected::default();
        match version {
            Transformers::Four => collected.read_four(sources)?,
            Transformers::Five => collected.read_five(sources)?,
        }
        Ok(collected.of_class(version, rules, slow, sources.padding))
    }

    /// The text of a special token.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.named.iter().find(|(other, _)| other == name).map(|(_, token)| token.content.as_str())
    }

    /// What is added to a tokenizer that has the added tokens `present`, in this order.
    pub(super) fn to_add(&self, version: Transformers, present: &HashSet<String>) -> Vec<AddedToken> {
        let mut tokens: Vec<Token> = self.decoder.values().cloned().collect();
        let mut known: HashSet<&str> = present.iter().map(String::as_str).collect();
        known.extend(self.decoder.values().map(|token| token.content.as_str()));
        let mut chosen: HashMap<&str, Vec<&Token>> = HashMap::new();
        for token in self.decoder.values() {
            chosen.entry(&token.content).or_default().push(token);
        }
        let is_chosen = |chosen: &HashMap<&str, Vec<&Token>>, token: &Token| {
            chosen.get(token.content.as_str()).is_some_and(|others| others.iter().any(|other| other.equals(token)))
        };
        match version {
            Transformers::Four => {
                let special = self.special_of_four();
                let is_new = |token: &&Token| {
                    (token.flagged || !known.contains(token.content.as_str())) && !is_chosen(&chosen, token)
                };
                tokens.extend(special.iter().copied().filter(is_new).cloned());
                let special: HashSet<&str> = special.iter().map(|token| token.content.as_str()).collect();
                for token in &mut tokens {
                    token.special |= special.contains(token.content.as_str());
                }
            }
            Transformers::Five => {
                for token in self.named.iter().map(|(_, token)| token).chain(&self.extra) {
                    if !known.contains(token.content.as_str()) && !is_chosen(&chosen, token) {
                        tokens.push(token.clone());
                        chosen.entry(&token.content).or_default().push(token);
                    }
                }
                let named: HashSet<&str> = self.named.iter().map(|(_, token)| token.content.as_str()).collect();
                for token in &mut tokens {
                    token.special |= !token.flagged || named.contains(token.content.as_str());
                }
            }
        }
        tokens.iter().map(Token::added).collect()
    }

    /// `all_special_tokens_extended`: each text once, but for those of one list.
    pub(super) fn special_of_four(&self) -> Vec<&Token> {
        let mut seen = HashSet::new();
        let mut special = Vec::new();
        let is_own = |name: &str| !NAMED.contains(&name);
        let named = self.named.iter().filter(|(name, _)| !is_own(name)).map(|(_, token)| vec![token]);
        let own = self.named.iter().filter(|(name, _)| is_own(name)).map(|(_, token)| vec![token]);
        for group in named.chain([self.extra.iter().collect()]).chain(own) {
            let new: Vec<&Token> =
                group.into_iter().filter(|token| !token.content.is_empty() && !seen.contains(&token.content)).collect();
            seen.extend(new.iter().map(|token| &token.content));
            special.extend(new);
        }
        special
    }
}
