//! Tokenizers of checkpoints without `tokenizer.json`: the files of a vocabulary.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tokenizers::models::bpe::{Merges, Vocab};

use super::Tokenizer;
use super::class::{Rules, Transformers};
use super::settings::Settings;
use crate::{Error, Result};

impl Tokenizer {
    /// BERT's WordPiece tokenizer from `vocab.txt`: one token per line, its id the line's number from 0.
    ///
    /// Of `tokenizer_config` (the parsed `tokenizer_config.json`): `tokenizer_class`, which must be one that reads such a
    /// file, `do_lower_case` (true), `strip_accents` (as `do_lower_case`), `tokenize_chinese_chars` (true), and all tokens
    /// that it names. Where it names no class, a vocabulary that has `<s>` and no `[CLS]` is MPNet's, whose pairs are
    /// joined as RoBERTa's.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the bytes are not UTF-8, or lack a special token that every text needs;
    /// [`Error::Unsupported`] when the class is not computed here.
    pub fn from_vocab(path: &Path, vocab_txt: &[u8], tokenizer_config: Option<&Value>) -> Result<Tokenizer> {
        let other = class_of_vocab(vocab_txt);
        Settings::of_config(path, tokenizer_config, other)?.read_vocab(vocab_txt)
    }

    /// A BPE tokenizer from `vocab.json` (token -> id) and `merges.txt` (one pair per line, by rank): RoBERTa's, of bytes,
    /// unless `tokenizer_config` names another class that reads them.
    ///
    /// Of `tokenizer_config`: `tokenizer_class`, `add_prefix_space` (false), and all tokens that it names. `path` is that
    /// of `vocab.json`; `merges.txt` lies beside it.
    ///
    /// # Errors
    /// [`Error::Malformed`] when one of the files cannot be parsed, a merge needs a token that the vocabulary lacks, or a
    /// special token is absent; [`Error::Unsupported`] when the class is not computed here.
    pub fn from_vocab_merges(
        path: &Path,
        vocab_json: &[u8],
        merges_txt: &[u8],
        tokenizer_config: Option<&Value>,
    ) -> Result<Tokenizer> {
        Settings::of_config(path, tokenizer_config, "RobertaTokenizer")?.read_vocab_merges(vocab_json, merges_txt)
    }
}

/// The class that a `vocab.txt` looks like.
pub(super) fn class_of_vocab(vocab_txt: &[u8]) -> &'static str {
    let has =
        |token: &str| vocab_txt.split(|&byte| byte == b'\n').any(|line| line.trim_ascii_end() == token.as_bytes());
    if has("<s>") && !has("[CLS]") { "MPNetTokenizer" } else { "BertTokenizer" }
}

impl Settings {
    pub(super) fn read_vocab(&self, vocab_txt: &[u8]) -> Result<Tokenizer> {
        if !matches!(self.class.rules, Rules::Bert | Rules::Mpnet) {
            return Err(self.other_files());
        }
        let text = utf8(&self.path, vocab_txt)?;
        // 4.57 reads in Python, for which each sort of line break is one, 5 in the library, which trims each line.
        let vocab: Vocab = match self.version {
            Transformers::Four => {
                let text = text.replace("\r\n", "\n").replace('\r', "\n");
                let lines = text.strip_suffix('\n').unwrap_or(&text).split('\n');
                (0u32..).zip(lines).map(|(id, token)| (token.to_owned(), id)).collect()
            }
            Transformers::Five => {
                (0u32..).zip(text.lines()).map(|(id, token)| (token.trim_end().to_owned(), id)).collect()
            }
        };
        let tokens = self.tokens(&[], None, true)?;
        let model = self.word_piece(vocab, &tokens)?;
        Tokenizer::new(self, self.assemble(model, None, &tokens)?, &tokens)
    }

    pub(super) fn read_vocab_merges(&self, vocab_json: &[u8], merges_txt: &[u8]) -> Result<Tokenizer> {
        if !matches!(self.class.rules, Rules::Roberta | Rules::Deberta | Rules::Herbert) {
            return Err(self.other_files());
        }
        let vocab: BTreeMap<String, u32> =
            crate::json::from_slice(vocab_json).map_err(|error| Error::malformed(&self.path, error))?;
        let merges = self.parse_merges(merges_txt)?;
        let tokens = self.tokens(&[], None, true)?;
        let model = self.bpe(vocab.into_iter().collect(), merges, &tokens)?;
        Tokenizer::new(self, self.assemble(model, None, &tokens)?, &tokens)
    }

    /// 4.57 leaves out the first line, which says the version, and what follows the last line break; 5 leaves out lines
    /// that say a version.
    fn parse_merges(&self, merges_txt: &[u8]) -> Result<Merges> {
        let path = self.path.with_file_name("merges.txt");
        let text = utf8(&path, merges_txt)?.replace("\r\n", "\n");
        let mut lines: Vec<(usize, &str)> = (1..).zip(text.split('\n')).collect();
        if self.version == Transformers::Four {
            lines.pop();
            let herbert = self.class.rules == Rules::Herbert;
            if lines.first().is_some_and(|(_, line)| !herbert || line.starts_with("#version:")) {
                lines.remove(0);
            }
        }
        let mut merges = Merges::new();
        for (number, line) in lines {
            if line.is_empty() || self.version == Transformers::Five && line.starts_with("#version") {
                continue;
            }
            let (first, second) = line
                .split_once(' ')
                .filter(|(_, second)| !second.contains(' '))
                .ok_or_else(|| Error::malformed(&path, format!("line {number} is not a pair of tokens: {line:?}")))?;
            merges.push((first.into(), second.into()));
        }
        Ok(merges)
    }

    /// What to say where there are other files than those that the class reads.
    pub(super) fn other_files(&self) -> Error {
        let (wanted, way_out) = match self.class.rules {
            Rules::Bert | Rules::Mpnet => ("vocab.txt", ""),
            Rules::Roberta | Rules::Deberta | Rules::Herbert => ("vocab.json and merges.txt", ""),
            Rules::Phobert | Rules::Bertweet => ("vocab.txt and bpe.codes", ""),
            Rules::Generic => ("tokenizer.json", ""),
            _ => (
                "tokenizer.json",
                ", which transformers makes of its other files: python -c 'from transformers import AutoTokenizer as T; \
                 T.from_pretrained(\"FOLDER\").save_pretrained(\"FOLDER\")'",
            ),
        };
        let name = self.class.name;
        let message = format!("the tokenizer class {name} is not read from it, but from {wanted}{way_out}");
        Error::malformed(&self.path, message)
    }
}

pub(super) fn utf8<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|error| Error::malformed(path, format!("not UTF-8: {error}")))
}
