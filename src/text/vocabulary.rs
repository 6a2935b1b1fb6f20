//! Tokenizers of checkpoints without `tokenizer.json`, built as transformers' converters build them
//! (`src/transformers/convert_slow_tokenizer.py`: `BertConverter`, `MPNetConverter`, `RobertaConverter`).

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tokenizers::AddedToken;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::processors::roberta::RobertaProcessing;

use super::tokenizer::guarded;
use super::{Tokenizer, bounds};
use crate::{Error, Result};

impl Tokenizer {
    /// BERT's WordPiece tokenizer from `vocab.txt`: one token per line, its id the line's number from 0.
    ///
    /// Of `tokenizer_config` (the parsed `tokenizer_config.json`): `do_lower_case` (true), `strip_accents` (as
    /// `do_lower_case`), `tokenize_chinese_chars` (true), `unk_token` and the other special tokens, `added_tokens_decoder`.
    /// A vocabulary that has `<s>` and no `[CLS]` is MPNet's, whose pairs are joined as RoBERTa's.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the bytes are not UTF-8, or lack a special token that every text needs.
    pub fn from_vocab(path: &Path, vocab_txt: &[u8], tokenizer_config: Option<&Value>) -> Result<Tokenizer> {
        let config = tokenizer_config.unwrap_or(&Value::Null);
        let text = utf8(path, vocab_txt)?;
        let vocab: Vocab = (0u32..).zip(text.lines()).map(|(id, token)| (token.to_owned(), id)).collect();
        let mpnet = vocab.contains_key("<s>") && !vocab.contains_key("[CLS]");
        let defaults = if mpnet { &MPNET } else { &BERT };
        let special = special_tokens(path, config, defaults)?;

        let unknown = &special["unk_token"].content;
        let cls = required(path, &vocab, &special["cls_token"])?;
        let sep = required(path, &vocab, &special["sep_token"])?;
        required(path, &vocab, &special["unk_token"])?;
        let model = guarded(|| WordPiece::builder().vocab(vocab.clone()).unk_token(unknown.clone()).build());
        let model = model.map_err(|message| Error::malformed(path, message))?;

        let flag = |name: &str| config[name].as_bool();
        let mut inner = tokenizers::Tokenizer::new(model);
        inner.with_normalizer(Some(BertNormalizer::new(
            true,
            flag("tokenize_chinese_chars").unwrap_or(true),
            flag("strip_accents"),
            flag("do_lower_case").unwrap_or(true),
        )));
        inner.with_pre_tokenizer(Some(BertPreTokenizer));
        if mpnet {
            inner.with_post_processor(Some(RobertaProcessing::new(sep, cls).trim_offsets(false)));
        } else {
            inner.with_post_processor(Some(BertProcessing::new(sep, cls)));
        }
        add_tokens(path, &mut inner, &vocab, special, config)?;
        Tokenizer::new(path, inner, tokenizer_config)
    }

    /// RoBERTa's byte-level BPE from `vocab.json` (token -> id) and `merges.txt` (one pair per line, by rank).
    ///
    /// Of `tokenizer_config`: `add_prefix_space` (false), the special tokens, `added_tokens_decoder`. `path` is that of
    /// `vocab.json`; `merges.txt` lies beside it.
    ///
    /// # Errors
    /// [`Error::Malformed`] when one of the files cannot be parsed, a merge needs a token that the vocabulary lacks, or a
    /// special token is absent.
    pub fn from_vocab_merges(
        path: &Path,
        vocab_json: &[u8],
        merges_txt: &[u8],
        tokenizer_config: Option<&Value>,
    ) -> Result<Tokenizer> {
        let config = tokenizer_config.unwrap_or(&Value::Null);
        let vocab: BTreeMap<String, u32> =
            crate::json::from_slice(vocab_json).map_err(|error| Error::malformed(path, error))?;
        let vocab: Vocab = vocab.into_iter().collect();
        let merges_path = path.with_file_name("merges.txt");
        let merges = parse_merges(&merges_path, merges_txt)?;
        let special = special_tokens(path, config, &ROBERTA)?;
        let cls = required(path, &vocab, &special["cls_token"])?;
        let sep = required(path, &vocab, &special["sep_token"])?;

        let model = guarded(|| BPE::builder().vocab_and_merges(vocab.clone(), merges).build())
            .map_err(|message| Error::malformed(&merges_path, message))?;
        let add_prefix_space = config["add_prefix_space"].as_bool().unwrap_or(false);
        let mut inner = tokenizers::Tokenizer::new(model);
        inner.with_pre_tokenizer(Some(ByteLevel::new(add_prefix_space, false, true)));
        // Offsets are not used, so that trimming them would be work for nothing.
        inner.with_post_processor(Some(RobertaProcessing::new(sep, cls).trim_offsets(false)));
        add_tokens(path, &mut inner, &vocab, special, config)?;
        Tokenizer::new(path, inner, tokenizer_config)
    }
}

/// Special tokens of a family where `tokenizer_config.json` does not say otherwise.
type Defaults = [(&'static str, &'static str); 5];

const BERT: Defaults = [
    ("unk_token", "[UNK]"),
    ("sep_token", "[SEP]"),
    ("pad_token", "[PAD]"),
    ("cls_token", "[CLS]"),
    ("mask_token", "[MASK]"),
];
const MPNET: Defaults = [
    ("unk_token", "[UNK]"),
    ("sep_token", "</s>"),
    ("pad_token", "<pad>"),
    ("cls_token", "<s>"),
    ("mask_token", "<mask>"),
];
const ROBERTA: Defaults = [
    ("unk_token", "<unk>"),
    ("sep_token", "</s>"),
    ("pad_token", "<pad>"),
    ("cls_token", "<s>"),
    ("mask_token", "<mask>"),
];

/// The special tokens by their name in `tokenizer_config.json`.
fn special_tokens(path: &Path, config: &Value, defaults: &Defaults) -> Result<BTreeMap<&'static str, AddedToken>> {
    let read = |&(name, default): &(&'static str, &'static str)| {
        let mut token = match &config[name] {
            Value::Null => AddedToken::from(default, true),
            value => added_token(value, true).ok_or_else(|| {
                let path = path.with_file_name("tokenizer_config.json");
                Error::malformed(&path, format!("{name} is {value}, neither a text nor an object with content"))
            })?,
        };
        // A plain `<mask>` is made with lstrip=True by the constructors of RoBERTa's and MPNet's tokenizers.
        if name == "mask_token" && default == "<mask>" && !config[name].is_object() {
            token.lstrip = true;
        }
        Ok((name, token))
    };
    defaults.iter().map(read).collect()
}

/// A token as transformers writes it: its text, or an object with `content` and flags.
fn added_token(value: &Value, special: bool) -> Option<AddedToken> {
    let content = value.as_str().or_else(|| value["content"].as_str())?;
    let flag = |name: &str| value[name].as_bool();
    let special = flag("special").unwrap_or(special);
    Some(AddedToken {
        content: content.into(),
        single_word: flag("single_word").unwrap_or(false),
        lstrip: flag("lstrip").unwrap_or(false),
        rstrip: flag("rstrip").unwrap_or(false),
        normalized: flag("normalized").unwrap_or(!special),
        special,
    })
}

/// A special token with its id, as post-processors want it.
fn required(path: &Path, vocab: &Vocab, token: &AddedToken) -> Result<(String, u32)> {
    let content = &token.content;
    match vocab.get(content) {
        Some(&id) => Ok((content.clone(), id)),
        None => Err(Error::malformed(path, format!("the special token {content:?} is not in the vocabulary"))),
    }
}

/// Adds the special tokens that the vocabulary has, so that they are found in texts, and `added_tokens_decoder` (id ->
/// token).
fn add_tokens(
    path: &Path,
    inner: &mut tokenizers::Tokenizer,
    vocab: &Vocab,
    mut special: BTreeMap<&'static str, AddedToken>,
    config: &Value,
) -> Result<()> {
    special.retain(|_, token| vocab.contains_key(&token.content));
    let mut added = BTreeMap::new();
    for (id, value) in config["added_tokens_decoder"].as_object().into_iter().flatten() {
        let (Ok(id), Some(token)) = (id.parse::<u32>(), added_token(value, false)) else {
            let path = path.with_file_name("tokenizer_config.json");
            return Err(Error::malformed(&path, format!("the added token {id}: {value} has no id or no content")));
        };
        special.retain(|_, other| other.content != token.content);
        added.insert(id, token);
    }
    let tokens: Vec<AddedToken> = special.into_values().chain(added.values().cloned()).collect();
    bounds::check_token(path, tokens.iter().map(|token| token.content.len()).max().unwrap_or(0))?;
    guarded(|| Ok(inner.add_tokens(&tokens))).map_err(|message| Error::malformed(path, message))?;
    // New tokens are numbered in order; a gap would shift all that follow.
    for (id, AddedToken { content, .. }) in &added {
        if inner.token_to_id(content) != Some(*id) {
            let message = format!("the added token {content:?} cannot have the id {id}");
            return Err(Error::malformed(path, message));
        }
    }
    Ok(())
}

fn parse_merges(path: &Path, merges_txt: &[u8]) -> Result<Merges> {
    let mut merges = Merges::new();
    for (number, line) in (1..).zip(utf8(path, merges_txt)?.lines()) {
        if line.is_empty() || number == 1 && line.starts_with("#version") {
            continue;
        }
        let (first, second) = line
            .split_once(' ')
            .filter(|(_, second)| !second.contains(' '))
            .ok_or_else(|| Error::malformed(path, format!("line {number} is not a pair of tokens: {line:?}")))?;
        merges.push((first.into(), second.into()));
    }
    Ok(merges)
}

fn utf8<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|error| Error::malformed(path, format!("not UTF-8: {error}")))
}
