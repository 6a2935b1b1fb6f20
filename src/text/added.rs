//! The tokens that a folder's files name beside the vocabulary, as transformers collects them.
//!
//! Decided by `_from_pretrained` (`tokenization_utils_base.py`), which reads the files, and by the constructors of the
//! class and of `PreTrainedTokenizerFast` (4.57, `tokenization_utils_fast.py`) or `TokenizersBackend` (5,
//! `tokenization_utils_tokenizers.py`), which choose what is added and in which order: new tokens get their ids in it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use tokenizers::AddedToken;

use super::class::{Rules, Transformers};
use super::node::Node;
use super::special;
use crate::{Error, Result};

/// The special tokens that have names of their own, in the order in which they are added.
pub(super) const NAMED: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// Most special tokens without names: those of two files are compared one by one.
const MOST_LISTED: usize = 10_000;

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

/// The keyword arguments of the class's constructor, as far as they are tokens.
#[derive(Default)]
struct Collected {
    /// `None` is a null, which takes the class's default away.
    named: Vec<(String, Option<Token>)>,
    additional: Option<Vec<Token>>,
    extra: Option<Vec<Token>>,
    /// A model's own named tokens.
    own: Vec<(String, Token)>,
    decoder: BTreeMap<u32, Token>,
}

impl Collected {
    fn read_four(&mut self, sources: &Sources<'_>) -> Result<()> {
        let Sources { path, config, .. } = sources;
        self.read_named(path, config)?;
        self.additional = list(path, "additional_special_tokens", config)?;
        self.own = own_tokens(path, config.get("extra_special_tokens"))?;
        let mut by_content = HashMap::new();
        if config.get("added_tokens_decoder").is_object() {
            self.read_decoder(path, config.get("added_tokens_decoder"))?;
            by_content.extend(self.decoder.values().map(|token| (token.content.clone(), token.clone())));
        } else {
            let (path, map) = (&path.with_file_name("special_tokens_map.json"), sources.special_tokens_map);
            self.read_named(path, &special_objects(map))?;
            if let Some(tokens) = list(path, "additional_special_tokens", &special_objects(map))? {
                let all = self.additional.get_or_insert_default();
                for token in tokens {
                    if !all.iter().any(|other| other.equals(&token)) {
                        all.push(token);
                    }
                }
            }
            let special: HashSet<String> =
                self.named_contents().chain(self.additional.iter().flatten()).map(content).collect();
            let last = self.read_added_tokens(path, sources.added_tokens, &special)?;
            // A slip in 4.57: each token of added_tokens.json is noted under the text of the last additional special one.
            let noted = map.get("additional_special_tokens").items().last().and_then(Token::read);
            by_content.extend(noted.zip(last).map(|(noted, last)| (noted.content, last)));
            by_content.extend(self.read_listed(sources.listed));
        }
        self.prefer(&by_content);
        Ok(())
    }

    fn read_five(&mut self, sources: &Sources<'_>) -> Result<()> {
        let Sources { path, config, .. } = sources;
        self.read_named(path, config)?;
        let additional = list(path, "additional_special_tokens", config)?;
        match config.get("extra_special_tokens") {
            extra @ Node::Object(fields) if !fields.is_empty() => {
                self.own = own_names(config);
                merge(&mut self.own, own_tokens(path, extra)?);
                self.additional = additional;
            }
            extra => {
                self.own = own_names(config);
                self.extra = list(path, "extra_special_tokens", config)?.filter(|tokens| !tokens.is_empty());
                if self.extra.is_none() {
                    self.extra = additional;
                } else {
                    self.additional = additional;
                }
                if self.extra.is_none() && matches!(extra, Node::List(_)) {
                    self.extra = Some(Vec::new());
                }
            }
        }
        // Those with flags become tokens only after the texts were taken out, and come first.
        let mut flagged = own_flagged(config);
        let mut by_content = HashMap::new();
        if config.get("added_tokens_decoder").is_object() {
            self.read_decoder(path, config.get("added_tokens_decoder"))?;
            by_content.extend(self.decoder.values().map(|token| (token.content.clone(), token.clone())));
        } else {
            let (path, map) =
                (&path.with_file_name("special_tokens_map.json"), special_objects(sources.special_tokens_map));
            self.read_named(path, &map)?;
            merge(&mut flagged, own_names(&map));
            merge(&mut flagged, own_flagged(&map));
            if let Some(tokens) = list(path, "additional_special_tokens", &map)? {
                self.additional = Some(tokens);
            }
            match map.get("extra_special_tokens") {
                Node::Null => {}
                Node::List(_) => {
                    let all = self.extra.get_or_insert_default();
                    for token in list(path, "extra_special_tokens", &map)?.into_iter().flatten() {
                        if !all.iter().any(|other| other.equals(&token)) {
                            all.push(token);
                        }
                    }
                }
                extra => {
                    self.extra = None;
                    merge(&mut self.own, own_tokens(path, extra)?);
                }
            }
            let special: HashSet<String> =
                self.named_contents().chain(self.extra.iter().flatten()).map(content).collect();
            self.read_added_tokens(path, sources.added_tokens, &special)?;
            by_content.extend(self.decoder.values().map(|token| (token.content.clone(), token.clone())));
            by_content.extend(self.read_listed(sources.listed));
        }
        self.prefer(&by_content);
        merge(&mut flagged, std::mem::take(&mut self.own));
        self.own = flagged;
        Ok(())
    }

    /// The tokens of [`NAMED`] that an object has; a later file's win.
    fn read_named(&mut self, path: &Path, object: &Node) -> Result<()> {
        for name in NAMED {
            let Some(node) = object.field(name) else { continue };
            let token = if node.is_null() { None } else { Some(read(path, name, node)?) };
            match self.named.iter_mut().find(|(other, _)| other == name) {
                Some(field) => field.1 = token,
                None => self.named.push((name.into(), token)),
            }
        }
        Ok(())
    }

    fn read_decoder(&mut self, path: &Path, decoder: &Node) -> Result<()> {
        for (id, node) in decoder.fields() {
            let fail = || Error::malformed(path, format!("the added token {id:?}: {node} has no id or no content"));
            let token = Token::read(node).filter(|token| token.flagged).ok_or_else(fail)?;
            self.decoder.insert(id.trim().parse().map_err(|_| fail())?, token);
        }
        Ok(())
    }

    /// `added_tokens.json`: texts and their ids. Returns the last.
    fn read_added_tokens(&mut self, path: &Path, added: &Node, special: &HashSet<String>) -> Result<Option<Token>> {
        let mut last = None;
        for (content, node) in added.fields() {
            let id = node.as_f64().filter(|id| id.fract() == 0.0 && (0.0..f64::from(u32::MAX)).contains(id));
            let id = id.ok_or_else(|| {
                let path = path.with_file_name("added_tokens.json");
                Error::malformed(&path, format!("the id of {content:?} is {node}, not a number of a token"))
            })?;
            let special = special.contains(content);
            let token = Token { flagged: true, normalized: Some(!special), special, ..Token::plain(content) };
            last = Some(token.clone());
            self.decoder.insert(id as u32, token);
        }
        Ok(last)
    }

    /// The added tokens of `tokenizer.json`, by their texts.
    fn read_listed(&mut self, listed: &[(u32, AddedToken)]) -> HashMap<String, Token> {
        let token = |(id, added): &(u32, AddedToken)| {
            let token = Token {
                content: added.content.clone(),
                flagged: true,
                single_word: added.single_word,
                lstrip: added.lstrip,
                rstrip: added.rstrip,
                normalized: Some(added.normalized),
                special: added.special,
            };
            (*id, token)
        };
        let tokens: Vec<(u32, Token)> = listed.iter().map(token).collect();
        let by_content = tokens.iter().map(|(_, token)| (token.content.clone(), token.clone())).collect();
        self.decoder.extend(tokens);
        by_content
    }

    /// Gives the named tokens the flags that the added ones of the same text have.
    fn prefer(&mut self, by_content: &HashMap<String, Token>) {
        for token in self.named.iter_mut().filter_map(|(_, token)| token.as_mut()) {
            if let Some(added) = by_content.get(&token.content) {
                *token = added.clone();
            }
        }
    }

    fn named_contents(&self) -> impl Iterator<Item = &Token> {
        self.named.iter().filter_map(|(_, token)| token.as_ref())
    }

    /// What the constructor of the class makes of its arguments.
    fn of_class(mut self, version: Transformers, rules: Rules, slow: bool, padding: Option<&str>) -> Tokens {
        let mut named = Vec::new();
        for name in NAMED {
            let default = special::default(rules, name, slow).or(padding.filter(|_| name == "pad_token"));
            let given = self.named.iter_mut().find(|(other, _)| other == name).map(|(_, token)| token.take());
            let Some(mut token) = given.unwrap_or_else(|| default.map(Token::plain)) else { continue };
            if let Some(flags) = special::flags(version, rules, name, slow).filter(|_| !token.flagged) {
                token = Token { content: token.content, ..flags };
            }
            named.push((name.to_string(), token));
        }
        let lists = match version {
            Transformers::Four => self.additional,
            Transformers::Five => self.extra.or(self.additional),
        };
        let mut extra = lists.unwrap_or_else(|| special::extra(rules, slow));
        if slow {
            // They went through a copy, which writes down what was not said.
            let all = named.iter_mut().map(|(_, token)| token).chain(&mut extra);
            all.filter(|token| token.flagged).for_each(|token| token.normalized = Some(token.is_normalized()));
        }
        named.extend(self.own);
        Tokens { named, extra, decoder: self.decoder }
    }
}

fn content(token: &Token) -> String {
    token.content.clone()
}

fn read(path: &Path, name: &str, node: &Node) -> Result<Token> {
    let fail = || Error::malformed(path, format!("{name} is {node}, neither a text nor an object with content"));
    Token::read(node).ok_or_else(fail)
}

/// A list of tokens; none where the field is absent or null.
fn list(path: &Path, name: &str, object: &Node) -> Result<Option<Vec<Token>>> {
    match object.get(name) {
        Node::List(items) if items.len() > MOST_LISTED => {
            Err(Error::malformed(path, format!("{name} has {} tokens, more than {MOST_LISTED}", items.len())))
        }
        Node::List(items) => items.iter().map(|item| read(path, name, item)).collect::<Result<_>>().map(Some),
        Node::Null | Node::Object(_) => Ok(None),
        node => Err(Error::malformed(path, format!("{name} is {node}, not a list of tokens"))),
    }
}

/// The tokens of an object by their names.
fn own_tokens(path: &Path, object: &Node) -> Result<Vec<(String, Token)>> {
    object.fields().iter().map(|(name, node)| Ok((name.clone(), read(path, name, node)?))).collect()
}

fn is_own(name: &str) -> bool {
    name.ends_with("_token") && !NAMED.contains(&name)
}

/// Texts that a model's own names have, such as `image_token`.
fn own_names(object: &Node) -> Vec<(String, Token)> {
    let own = object.fields().iter().filter(|(name, _)| is_own(name));
    own.filter_map(|(name, node)| Some((name.clone(), Token::plain(node.as_str()?)))).collect()
}

/// The same with flags.
fn own_flagged(object: &Node) -> Vec<(String, Token)> {
    let own = object.fields().iter().filter(|(name, node)| is_own(name) && node.is_object());
    own.filter_map(|(name, node)| Some((name.clone(), Token::read(node)?))).collect()
}

/// Python's `update` of a dictionary: a known name keeps its place.
fn merge(all: &mut Vec<(String, Token)>, more: Vec<(String, Token)>) {
    for (name, token) in more {
        match all.iter_mut().find(|(other, _)| *other == name) {
            Some(field) => field.1 = token,
            None => all.push((name, token)),
        }
    }
}

/// `special_tokens_map.json`, whose tokens with flags are all special.
fn special_objects(map: &Node) -> Node {
    let special = |node: &Node| match node {
        Node::Object(fields) => {
            let mut fields = fields.clone();
            fields.retain(|(name, _)| name != "special");
            fields.push(("special".into(), Node::Bool(true)));
            Node::Object(fields)
        }
        other => other.clone(),
    };
    let field = |(name, node): &(String, Node)| {
        let node = match node {
            Node::List(items) => Node::List(items.iter().map(special).collect()),
            // Names and texts, not a token.
            object if name == "extra_special_tokens" => object.clone(),
            other => special(other),
        };
        (name.clone(), node)
    };
    Node::Object(map.fields().iter().map(field).collect())
}
