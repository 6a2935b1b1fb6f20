//! What a `tokenizer.json` may ask of the tokenizers library, checked beforehand: a panic can be caught, but nothing stops
//! an allocation that the machine cannot serve, a stack that overflows, or twenty steps that each double a text.

use std::borrow::Borrow;
use std::fmt;
use std::path::Path;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokenizers::{AddedToken, ModelWrapper};

use crate::{Error, Result};

/// How much longer its steps may make a text, by the estimate below: more than any tokenizer that was trained needs, but
/// too little for steps that multiply each other.
const MOST_GROWTH: usize = 1 << 16;

/// Longest word that WordPiece looks up: it tries every end of a word at each of its places, which takes as long as the
/// word's length cubed. Every known tokenizer says 100.
const LONGEST_WORD: usize = 1000;

/// Longest token in bytes where the library builds a tree of tokens. Unigram's has a node for each byte inside the one
/// before, freed by as deep a recursion; that of added tokens takes the square of their length to build. SentencePiece
/// makes tokens of at most 16 characters unless told otherwise.
const LONGEST_TOKEN: usize = 1000;

/// Most tokens that are named beside the vocabulary. Those of tokenizers for speech are some 1,500.
const MOST_ADDED: usize = 1 << 16;

/// What of a `tokenizer.json` is looked at.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    added_tokens: Option<Vec<Added>>,
    model: Option<Model>,
}

#[derive(Deserialize)]
struct Added {
    #[serde(default)]
    id: u32,
    #[serde(flatten)]
    token: AddedToken,
}

#[derive(Deserialize)]
struct Model {
    #[serde(default)]
    vocab: LongestListed,
}

/// Checks a `tokenizer.json` before the library reads it, and returns its added tokens by their ids.
///
/// # Errors
/// [`Error::Malformed`] when it is not a JSON object, a character map announces more than it holds, a token is too long, or
/// the steps before the model together could make a text longer without bound.
pub(super) fn check_file(path: &Path, tokenizer_json: &[u8]) -> Result<Vec<(u32, AddedToken)>> {
    let fail = |message: &dyn ToString| Error::malformed(path, format!("not a tokenizer: {}", message.to_string()));
    let file: File = serde_json::from_slice(tokenizer_json).map_err(|error| fail(&error))?;
    check_steps(path, &[file.normalizer, file.pre_tokenizer])?;
    let added: Vec<(u32, AddedToken)> =
        file.added_tokens.into_iter().flatten().map(|added| (added.id, added.token)).collect();
    let LongestListed(listed) = file.model.map(|model| model.vocab).unwrap_or_default();
    let longest = added.iter().map(|(_, token)| token.content.len()).chain([listed]).max();
    check_token(path, longest.unwrap_or(0))?;
    Ok(added)
}

/// Checks the steps before the model: a normalizer and a pre-tokenizer as JSON.
///
/// # Errors
/// [`Error::Malformed`] when a character map announces more than it holds, or they could make a text longer without bound.
pub(super) fn check_steps(path: &Path, steps: &[impl Borrow<Value>]) -> Result<()> {
    let fail = |message: String| Error::malformed(path, format!("not a tokenizer: {message}"));
    let mut growth = 1_usize;
    for part in steps {
        growth = growth.saturating_mul(part_growth(part.borrow()).map_err(fail)?);
    }
    if growth > MOST_GROWTH {
        return Err(fail(format!("its normalizers and pre-tokenizers could make a text {growth} times as long")));
    }
    Ok(())
}

/// Checks the tokens that are added to a vocabulary: each is looked for by a tree.
///
/// # Errors
/// [`Error::Malformed`] when they are too many, or one is too long.
pub(super) fn check_added(path: &Path, tokens: &[AddedToken]) -> Result<()> {
    if tokens.len() > MOST_ADDED {
        let message = format!("{} tokens are added, more than {MOST_ADDED}", tokens.len());
        return Err(Error::malformed(path, message));
    }
    check_token(path, tokens.iter().map(|token| token.content.len()).max().unwrap_or(0))
}

/// Checks the length of a token that is looked for by a tree.
///
/// # Errors
/// [`Error::Malformed`] when it is too long.
fn check_token(path: &Path, length: usize) -> Result<()> {
    if length <= LONGEST_TOKEN {
        return Ok(());
    }
    Err(Error::malformed(path, format!("a token has {length} bytes, more than {LONGEST_TOKEN}")))
}

/// Checks the numbers of a model that was read.
///
/// # Errors
/// [`Error::Malformed`] when a text would not have one answer, or words take too long.
pub(super) fn check_model(path: &Path, model: &ModelWrapper) -> Result<()> {
    match model {
        ModelWrapper::BPE(bpe) if bpe.dropout.is_some_and(|dropout| dropout != 0.0) => {
            let message = "dropout skips merges at random, so that a text has no one answer; set it to null";
            Err(Error::malformed(path, message))
        }
        ModelWrapper::WordPiece(words) if words.max_input_chars_per_word > LONGEST_WORD => {
            let length = words.max_input_chars_per_word;
            Err(Error::malformed(path, format!("max_input_chars_per_word is {length}, more than {LONGEST_WORD}")))
        }
        _ => Ok(()),
    }
}

/// Bytes of a string, or of the longest string in lists, such as Unigram's of `[token, score]`; objects, such as the vocabularies of the
/// other models, are not looked into. Nothing is kept.
#[derive(Default)]
struct LongestListed(usize);

impl<'de> Deserialize<'de> for LongestListed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LongestListed, D::Error> {
        deserializer.deserialize_any(LongestVisitor).map(LongestListed)
    }
}

struct LongestVisitor;

impl<'de> Visitor<'de> for LongestVisitor {
    type Value = usize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a vocabulary")
    }

    fn visit_str<E>(self, token: &str) -> Result<usize, E> {
        Ok(token.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<usize, A::Error> {
        let mut longest = 0;
        while let Some(LongestListed(length)) = list.next_element()? {
            longest = longest.max(length);
        }
        Ok(longest)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(0)
    }

    fn visit_unit<E>(self) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_bool<E>(self, _: bool) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_i64<E>(self, _: i64) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_u64<E>(self, _: u64) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_f64<E>(self, _: f64) -> Result<usize, E> {
        Ok(0)
    }
}

/// The bytes that the steps of a tree make of one byte at most. Steps are known by their fields, as the library knows
/// those that have no `type`.
fn part_growth(part: &Value) -> Result<usize, String> {
    let children: Vec<&Value> = match part {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => return Ok(1),
    };
    let own = step_growth(part)?;
    children.into_iter().try_fold(own, |growth, child| Ok(growth.saturating_mul(part_growth(child)?)))
}

fn step_growth(step: &Value) -> Result<usize, String> {
    let text = |field: &str| step[field].as_str().unwrap_or_default();
    if step["precompiled_charsmap"].is_string() {
        return character_map_growth(text("precompiled_charsmap"));
    }
    if step["pattern"].is_object() {
        let content = text("content").len();
        // An empty match inserts without taking anything away.
        let replaced = match (step["pattern"]["String"].as_str(), step["pattern"]["Regex"].as_str()) {
            (Some(pattern), None) => content.div_ceil(pattern.len().max(1)) + usize::from(pattern.is_empty()),
            (_, pattern) => content + usize::from(pattern.is_none_or(may_match_nothing)),
        };
        return Ok(replaced.max(1));
    }
    if step["prepend"].is_string() {
        return Ok(1 + text("prepend").len());
    }
    Ok(match text("type") {
        // `ﷺ` becomes 18 letters of two bytes, most of which have one.
        "NFKC" | "NFKD" => 11,
        "NFC" | "NFD" | "BertNormalizer" | "Bert" => 3,
        "Lowercase" => 2,
        // A space before each piece, and two bytes for one.
        _ if step["add_prefix_space"].is_boolean() => 4,
        "ByteLevel" => 2,
        // A mark of up to four bytes before each piece and for each space.
        "Metaspace" => 8,
        _ => 1,
    })
}

/// Whether a regex might match the empty string; that it cannot must be plain to see.
fn may_match_nothing(pattern: &str) -> bool {
    let escapes = ["\\b", "\\B", "\\A", "\\z", "\\Z", "\\G", "\\K", "{0", "{,"];
    pattern.is_empty()
        || pattern.contains(['*', '?', '|', '(', '^', '$'])
        || escapes.iter().any(|escape| pattern.contains(escape))
}

/// SentencePiece's map from characters to texts: the size of its index, the index, and the texts with a zero after each.
/// The longest of them stands for one byte at most.
fn character_map_growth(base64: &str) -> Result<usize, String> {
    let bytes = decode(base64);
    let Some((size, rest)) = bytes.split_first_chunk::<4>() else {
        return Ok(1);
    };
    let size = u32::from_le_bytes(*size) as usize;
    // The library allocates what the file announces before it looks for it.
    let texts = rest.get(size..).ok_or_else(|| {
        format!("its precompiled_charsmap announces an index of {size} bytes, of which it has {}", rest.len())
    })?;
    Ok(texts.split(|&byte| byte == 0).map(<[u8]>::len).max().unwrap_or(0).max(1))
}

/// The bytes before the first character that is not base64; the library refuses the rest.
fn decode(base64: &str) -> Vec<u8> {
    let digit = |letter: u8| match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> = base64.bytes().map_while(digit).collect();
    let bytes = digits.chunks(4).flat_map(|digits| {
        let bits = digits.iter().fold(0, |bits, &digit| bits << 6 | u32::from(digit)) << (6 * (4 - digits.len()));
        bits.to_be_bytes().into_iter().skip(1).take(digits.len() * 6 / 8)
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn growth(normalizer: Value) -> Result<usize, String> {
        part_growth(&normalizer)
    }

    #[test]
    fn steps_multiply() {
        let double = json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"});
        let twenty = json!({"type": "Sequence", "normalizers": vec![double; 20]});
        assert_eq!(growth(twenty), Ok(1 << 20));
        let replace = |pattern: &str| json!({"type": "Replace", "pattern": {"Regex": pattern}, "content": "▁"});
        assert_eq!(growth(replace(" {2,}")), Ok(3));
        assert_eq!(growth(replace("x*")), Ok(4));
        assert_eq!(growth(json!({"type": "Replace", "pattern": {"String": "``"}, "content": "\""})), Ok(1));
        assert_eq!(growth(json!({"type": "Sequence", "normalizers": [{"type": "StripAccents"}, null]})), Ok(1));
    }

    #[test]
    fn tokens_in_trees_are_short() {
        let path = Path::new("tokenizer.json");
        let token = "a".repeat(LONGEST_TOKEN + 1);
        let file = |vocab: Value| json!({"model": {"vocab": vocab}}).to_string();
        let unigram = check_file(path, file(json!([["a", 0.0], [token, -1.5]])).as_bytes());
        let message = unigram.expect_err("it is too long").to_string();
        assert!(message.contains("has 1001 bytes, more than 1000"), "{message}");
        let flags =
            json!({"single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
        let added = |content: &str| {
            let mut token = flags.clone();
            (token["id"], token["content"]) = (json!(7), json!(content));
            json!({"added_tokens": [token]}).to_string()
        };
        let (id, short) = check_file(path, added("a").as_bytes()).expect("it is short").remove(0);
        assert_eq!((id, short.content.as_str(), short.special), (7, "a", true));
        let message = check_file(path, added(&token).as_bytes()).expect_err("it is too long").to_string();
        assert!(message.contains("has 1001 bytes, more than 1000"), "{message}");
        let many: Vec<AddedToken> = (0..=MOST_ADDED).map(|id| AddedToken::from(id.to_string(), true)).collect();
        let message = check_added(path, &many).expect_err("they are too many").to_string();
        assert!(message.contains("65537 tokens are added, more than 65536"), "{message}");
        assert!(check_added(path, &[AddedToken::from(token.clone(), true)]).is_err());
        check_file(path, file(json!([["a", 0], [null, true]])).as_bytes()).expect("the library says what is wrong");
        check_file(path, file(json!({token: 0})).as_bytes()).expect("other models have no tree");
    }

    #[test]
    fn a_character_map_holds_what_it_announces() {
        assert_eq!(decode("AQIDBP8="), [1, 2, 3, 4, 255]);
        let map = |text: &str| json!({"type": "Precompiled", "precompiled_charsmap": text});
        // Four bytes of index, and the texts "a" and "bcd".
        assert_eq!(growth(map("BAAAAAAAAABhAGJjZAA=")), Ok(3));
        let message = growth(map("/////wAA")).expect_err("four gigabytes are not there");
        assert!(message.contains("announces an index of 4294967295 bytes, of which it has 2"), "{message}");
    }
}
