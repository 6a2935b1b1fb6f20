//! The tokens of a folder's files as the keyword arguments of a class's constructor, and what that makes of them.

use super::super::class::{Rules, Transformers};
use super::super::node::Node;
use super::super::special;
use super::{NAMED, Sources, Token, Tokens};
use crate::{Error, Result};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use tokenizers::AddedToken;

/// Most special tokens without names: those of two files are compared one by one.
const MOST_LISTED: usize = 10_000;

/// The keyword arguments of the class's constructor, as far as they are tokens.
#[derive(Default)]
pub(super) struct Collected {
    /// `None` is a null, which takes the class's default away.
    named: Vec<(String, Option<Token>)>,
    additional: Option<Vec<Token>>,
    extra: Option<Vec<Token>>,
    /// A model's own named tokens.
    own: Vec<(String, Token)>,
    decoder: BTreeMap<u32, Token>,
}

impl Collected {
    pub(super) fn read_four(&mut self, sources: &Sources<'_>) -> Result<()> {
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

    pub(super) fn read_five(&mut self, sources: &Sources<'_>) -> Result<()> {
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
    pub(super) fn of_class(mut self, version: Transformers, rules: Rules, slow: bool, padding: Option<&str>) -> Tokens {
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
