//! The tokenizers of PhoBERT and BERTweet, which transformers has in Python only: BPE whose pieces inside a word end with
//! `@@`, from `vocab.txt` (a piece and its count a line) and `bpe.codes` (a pair and its count a line).
//!
//! `models/phobert/tokenization_phobert.py`, `models/bertweet/tokenization_bertweet.py`, and what both are made of:
//! `tokenization_utils.py` of 4.57, `tokenization_python.py` of 5, which agree.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use tokenizers::AddedToken;

use super::added::{Token, Tokens};
use super::class::{Rules, Transformers};
use super::settings::Settings;
use super::vocabulary::utf8;
use super::{Tokenizer, bounds, tweet};
use crate::{Error, Result};

/// Two symbols -> (rank, the one that they become).
type Merges = HashMap<(u32, u32), (u32, u32)>;

/// What both classes encode with.
#[derive(Debug)]
pub(super) struct Codes {
    /// Pieces, and words' last pieces without a mark.
    vocab: HashMap<String, u32>,
    /// Symbols of the merges by their texts.
    symbols: HashMap<String, u32>,
    merges: Merges,
    /// The tokens that are looked for in texts.
    added: HashMap<String, (u32, Token)>,
    /// The first character of each of them, with their lengths in bytes, the longest first.
    starts: HashMap<char, Vec<usize>>,
    unknown: u32,
    /// Before the first text, and after each.
    ends: [u32; 2],
    normalized: bool,
    split_special: bool,
}

impl Settings {
    /// Reads both files; `listed` are the added tokens of a `tokenizer.json` beside them.
    pub(super) fn read_codes(&self, vocab_txt: &[u8], codes: &[u8], listed: &[(u32, AddedToken)]) -> Result<Tokenizer> {
        let tokens = self.tokens(listed, None, false)?;
        let mut vocab = HashMap::new();
        for (name, id) in [("bos_token", 0), ("pad_token", 1), ("eos_token", 2), ("unk_token", 3)] {
            vocab.insert(tokens.text(name).unwrap_or("None").to_owned(), id);
        }
        let text = utf8(&self.path, vocab_txt)?.replace("\r\n", "\n").replace('\r', "\n");
        for (number, line) in (1..).zip(text.strip_suffix('\n').unwrap_or(&text).split('\n')) {
            let fail = || Error::malformed(&self.path, format!("line {number} is not a piece and its count: {line:?}"));
            let (word, _) = line.trim_matches(is_space).rsplit_once(' ').ok_or_else(fail)?;
            // A piece that stands twice takes the place that the next one will have, too.
            let id = vocab.len() as u32;
            vocab.insert(word.to_owned(), id);
        }
        let (symbols, merges) = merges(utf8(&self.path.with_file_name("bpe.codes"), codes)?);
        let mut read = Codes {
            unknown: vocab.get(tokens.text("unk_token").unwrap_or("None")).copied().unwrap_or(3),
            vocab,
            symbols,
            merges,
            added: HashMap::new(),
            starts: HashMap::new(),
            ends: [0; 2],
            normalized: self.class.rules == Rules::Bertweet && self.flag("normalization", false)?,
            split_special: self.flag("split_special_tokens", false)?,
        };
        read.add(self, &tokens)?;
        for (place, name) in ["cls_token", "sep_token"].into_iter().enumerate() {
            let token = tokens.text(name).unwrap_or_default();
            let fail = || Error::malformed(&self.path, format!("the special token {name} ({token:?}) is absent"));
            read.ends[place] = read.id(token).ok_or_else(fail)?;
        }
        Tokenizer::of_codes(self, read)
    }
}

impl Codes {
    /// `_add_tokens`: those of the files by their ids, then the special ones, new ones at the end of the table.
    fn add(&mut self, settings: &Settings, tokens: &Tokens) -> Result<()> {
        for (id, token) in &tokens.decoder {
            self.added.insert(token.content.clone(), (*id, token.clone()));
        }
        let special: Vec<Token> = match settings.version {
            Transformers::Four => tokens.special_of_four().into_iter().cloned().collect(),
            // By their texts alone.
            Transformers::Five => {
                let all = tokens.named.iter().map(|(_, token)| token).chain(&tokens.extra);
                all.map(|token| Token::plain(&token.content)).collect()
            }
        };
        let contents: std::collections::HashSet<&str> =
            self.vocab.keys().chain(self.added.keys()).map(String::as_str).collect();
        let mut next = contents.len() as u32;
        for token in special {
            let known = self.added.get(&token.content).map(|(id, _)| *id);
            if token.content.is_empty() || !token.flagged && known.is_some() {
                continue;
            }
            let id = known.or_else(|| self.vocab.get(&token.content).copied()).unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            let token = Token { special: true, flagged: true, ..token };
            self.added.insert(token.content.clone(), (id, token));
        }
        let all: Vec<AddedToken> = self.added.values().map(|(_, token)| token.added()).collect();
        bounds::check_added(&settings.config_path(), &all)?;
        for content in self.added.keys() {
            if let Some(start) = content.chars().next() {
                self.starts.entry(start).or_default().push(content.len());
            }
        }
        for lengths in self.starts.values_mut() {
            lengths.sort_unstable_by_key(|&length| Reverse(length));
            lengths.dedup();
        }
        Ok(())
    }

    fn id(&self, token: &str) -> Option<u32> {
        self.added.get(token).map(|(id, _)| *id).or_else(|| self.vocab.get(token).copied())
    }

    /// How many tokens there are, added ones included.
    pub(super) fn len(&self) -> usize {
        self.vocab.len() + self.added.keys().filter(|token| !self.vocab.contains_key(*token)).count()
    }

    /// The token of an id.
    pub(super) fn token(&self, id: u32) -> Option<String> {
        let added = self.added.iter().find(|(_, (other, _))| *other == id).map(|(token, _)| token);
        added.or_else(|| self.vocab.iter().find(|(_, other)| **other == id).map(|(token, _)| token)).cloned()
    }

    /// The special tokens of a text, or of a pair.
    pub(super) const SPECIAL: [usize; 2] = [2, 4];

    /// `<s> A </s>`, `<s> A </s></s> B </s>`.
    pub(super) fn join(&self, first: &[u32], second: Option<&[u32]>) -> Vec<u32> {
        let [cls, sep] = self.ends;
        let mut ids = [&[cls], first, &[sep]].concat();
        if let Some(second) = second {
            ids.extend([&[sep], second, &[sep]].concat());
        }
        ids
    }

    /// The ids of a text, without special tokens around it.
    ///
    /// # Errors
    /// What of the text cannot be normalized as in Python.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let mut ids = Vec::new();
        if self.split_special {
            self.pieces(text, &mut ids)?;
            return Ok(ids);
        }
        let mut parts = self.split(text);
        for place in 0..parts.len() {
            let Some((_, token)) = self.added.get(&parts[place]) else { continue };
            let left = place.checked_sub(1).map(|left| parts[left].clone()).filter(|left| !left.is_empty());
            let right = parts.get(place + 1).cloned().filter(|right| !right.is_empty());
            if let (true, Some(right)) = (token.rstrip, &right) {
                parts[place + 1] = right.trim_start_matches(is_space).to_owned();
            }
            if let (true, Some(left)) = (token.lstrip, &left) {
                parts[place - 1] = left.trim_end_matches(is_space).to_owned();
            }
            if !token.single_word {
                continue;
            }
            if left.is_some_and(|left| !left.ends_with(' ')) {
                let token = std::mem::take(&mut parts[place]);
                parts[place - 1] += &token;
            } else if right.is_some_and(|right| !right.starts_with(' ')) {
                let token = std::mem::take(&mut parts[place]);
                parts[place + 1].insert_str(0, &token);
            }
        }
        for part in parts.iter().filter(|part| !part.is_empty()) {
            match self.added.get(part) {
                Some((id, _)) => ids.push(*id),
                None => self.pieces(part, &mut ids)?,
            }
        }
        Ok(ids)
    }

    /// Cuts a text at the added tokens: of those that overlap the first, of those that start together the longest.
    fn split(&self, text: &str) -> Vec<String> {
        let mut parts = Vec::new();
        let (mut start, mut place) = (0, 0);
        while let Some(character) = text[place..].chars().next() {
            let lengths = self.starts.get(&character).into_iter().flatten();
            let found = lengths
                .filter_map(|length| text.get(place..place + length))
                .find(|content| self.added.contains_key(*content));
            match found {
                Some(content) => {
                    parts.extend((start < place).then(|| text[start..place].to_owned()));
                    parts.push(content.to_owned());
                    place += content.len();
                    start = place;
                }
                None => place += character.len_utf8(),
            }
        }
        parts.extend((start < text.len()).then(|| text[start..].to_owned()));
        parts
    }

    /// The pieces of the words of a text; a line break belongs to the word before it.
    fn pieces(&self, text: &str, ids: &mut Vec<u32>) -> Result<(), String> {
        let normal = if self.normalized { Some(tweet::normalize(text)?) } else { None };
        let text = normal.as_deref().unwrap_or(text);
        let mut rest = text.trim_start_matches(is_space);
        while !rest.is_empty() {
            let mut end = rest.find(is_space).unwrap_or(rest.len());
            end += usize::from(rest[end..].starts_with('\n'));
            self.word(&rest[..end], ids);
            rest = rest[end..].trim_start_matches(is_space);
        }
        Ok(())
    }

    /// BPE: again and again the pair of the lowest rank, wherever it stands, from the left.
    fn word(&self, word: &str, ids: &mut Vec<u32>) {
        let ends: Vec<usize> = word.char_indices().map(|(start, character)| start + character.len_utf8()).collect();
        let count = ends.len();
        let symbol = |text: &str, last: bool| {
            let id = if last { self.symbols.get(&format!("{text}</w>")) } else { self.symbols.get(text) };
            id.copied()
        };
        // Each symbol where it starts; what was taken in is gone.
        let mut symbols: Vec<Option<u32>> = (0..count)
            .map(|place| {
                symbol(&word[place.checked_sub(1).map_or(0, |before| ends[before])..ends[place]], place + 1 == count)
            })
            .collect();
        let mut next: Vec<usize> = (1..=count).collect();
        let mut before: Vec<usize> = (0..count).map(|place| place.wrapping_sub(1)).collect();
        let mut alive = vec![true; count];
        let pair = |symbols: &[Option<u32>], next: &[usize], place: usize| {
            let second = *symbols.get(next[place])?;
            self.merges.get(&(symbols[place]?, second?)).copied()
        };
        let mut queue: BinaryHeap<Reverse<(u32, usize)>> = (0..count)
            .filter_map(|place| pair(&symbols, &next, place).map(|(rank, _)| Reverse((rank, place))))
            .collect();
        while let Some(&Reverse((rank, _))) = queue.peek() {
            let mut changed = Vec::new();
            while let Some(&Reverse((other, place))) = queue.peek()
                && other == rank
            {
                queue.pop();
                let found = if alive[place] { pair(&symbols, &next, place) } else { None };
                let Some((_, merged)) = found.filter(|(found, _)| *found == rank) else { continue };
                let second = next[place];
                symbols[place] = Some(merged);
                alive[second] = false;
                next[place] = next[second];
                if let Some(after) = before.get_mut(next[place]) {
                    *after = place;
                }
                changed.push(place);
            }
            for place in changed.into_iter().filter(|&place| alive[place]) {
                for place in [Some(place), Some(before[place])].into_iter().flatten().filter(|&place| place < count) {
                    if let Some((rank, _)) = pair(&symbols, &next, place) {
                        queue.push(Reverse((rank, place)));
                    }
                }
            }
        }
        let mut start = 0;
        for place in (0..count).filter(|&place| alive[place]) {
            let end = ends[next[place] - 1];
            let piece = &word[start..end];
            let id = if end == word.len() { self.id(piece) } else { self.id(&format!("{piece}@@")) };
            ids.push(id.unwrap_or(self.unknown));
            start = end;
        }
    }
}
/// The symbols of the merges, and the merges; what is no pair merges nothing, and of a pair that stands twice the last
/// rank holds.
fn merges(text: &str) -> (HashMap<String, u32>, Merges) {
    let mut symbols = HashMap::new();
    let mut symbol = |text: String| {
        let next = symbols.len() as u32;
        *symbols.entry(text).or_insert(next)
    };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    // What follows the last line break.
    lines.pop();
    let mut merges = HashMap::new();
    for (rank, line) in (0..).zip(lines) {
        let words: Vec<&str> = line.split(is_space).filter(|word| !word.is_empty()).collect();
        if let [first, second, _] = words[..] {
            let pair = (symbol(first.into()), symbol(second.into()));
            merges.insert(pair, (rank, symbol(format!("{first}{second}"))));
        }
    }
    (symbols, merges)
}

/// Python's `str.isspace`, and `\s` of its `re`.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As Python does it, on lists.
    fn slowly(word: &str, merges: &[(String, String)]) -> Vec<String> {
        let mut symbols: Vec<String> = word.chars().map(String::from).collect();
        *symbols.last_mut().unwrap() += "</w>";
        loop {
            let rank = |pair: &[String]| merges.iter().rposition(|(a, b)| (a, b) == (&pair[0], &pair[1]));
            let Some(best) = symbols.windows(2).filter_map(rank).min() else { break };
            let (first, second) = &merges[best];
            let mut merged = Vec::new();
            let mut rest = symbols.into_iter().peekable();
            while let Some(symbol) = rest.next() {
                match rest.next_if(|next| symbol == *first && next == second) {
                    Some(next) => merged.push(symbol + &next),
                    None => merged.push(symbol),
                }
            }
            symbols = merged;
        }
        symbols
    }

    proptest! {
        #[test]
        fn the_lowest_rank_is_merged_first(
            word in "[ab]{1,24}",
            pairs in prop::collection::vec(("[ab]{1,3}", "[ab]{1,3}(</w>)?"), 0..12),
        ) {
            let text: String = pairs.iter().map(|(a, b)| format!("{a} {b} 1\n")).collect();
            let (symbols, merges) = merges(&text);
            let mut codes = Codes {
                vocab: HashMap::new(), symbols, merges, added: HashMap::new(), starts: HashMap::new(), unknown: 0, ends: [0; 2],
                normalized: false, split_special: false,
            };
            let pieces = slowly(&word, &pairs);
            let marked = |place: usize, piece: &str| match piece.strip_suffix("</w>") {
                Some(last) if place + 1 == pieces.len() => last.to_owned(),
                _ => format!("{piece}@@"),
            };
            let marked: Vec<String> = pieces.iter().enumerate().map(|(place, piece)| marked(place, piece)).collect();
            for piece in &marked {
                let id = codes.vocab.len() as u32 + 1;
                codes.vocab.entry(piece.clone()).or_insert(id);
            }
            let mut ids = Vec::new();
            codes.word(&word, &mut ids);
            let expected: Vec<u32> = marked.iter().map(|piece| codes.vocab[piece]).collect();
            prop_assert_eq!(ids, expected);
        }
    }
}
