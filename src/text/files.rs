//! The files of a checkpoint -> its tokenizer.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper};

use super::tokenizer::guarded;
use super::{Tokenizer, bounds};
use crate::{Error, Result};

/// The largest tokenizers that exist have some 35 MB; parsing takes several times the file in memory.
const LARGEST_FILE: u64 = 512 << 20;

/// Files that only transformers' slow tokenizers read, and that `save_pretrained` turns into `tokenizer.json`.
const SENTENCE_PIECE: [&str; 4] = ["spiece.model", "sentencepiece.bpe.model", "spm.model", "tokenizer.model"];

impl Tokenizer {
    /// The tokenizer of a checkpoint folder: `tokenizer.json`, else `vocab.txt` (BERT), else `vocab.json` with
    /// `merges.txt` (RoBERTa), each with `tokenizer_config.json`, `special_tokens_map.json` and, for the latter two,
    /// `added_tokens.json` where they exist.
    ///
    /// # Errors
    /// [`Error::MissingFile`] when there is none of them, with the way out when there is a SentencePiece file;
    /// [`Error::File`] and [`Error::Malformed`], naming the file.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Tokenizer> {
        let folder = folder.as_ref();
        let config = read_config(folder)?;
        let path = folder.join("tokenizer.json");
        if let Some(bytes) = read(&path)? {
            return Tokenizer::from_json(&path, &bytes, Some(&config));
        }
        let path = folder.join("vocab.txt");
        if let Some(bytes) = read(&path)? {
            return Tokenizer::from_vocab(&path, &bytes, Some(&config));
        }
        let path = folder.join("vocab.json");
        if let (Some(vocab), Some(merges)) = (read(&path)?, read(&folder.join("merges.txt"))?) {
            return Tokenizer::from_vocab_merges(&path, &vocab, &merges, Some(&config));
        }
        Err(missing(folder, |name| folder.join(name).exists()))
    }

    /// The tokenizer that `tokenizer.json` describes; `path` names it in errors, `tokenizer_config` is the parsed
    /// `tokenizer_config.json` beside it. Padding and truncation stored in the file are ignored.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the bytes are not a tokenizer, or one whose work or answer has no bound, or one of
    /// `tokenizer_config`'s fields has the wrong type.
    pub fn from_json(path: &Path, tokenizer_json: &[u8], tokenizer_config: Option<&Value>) -> Result<Tokenizer> {
        bounds::check_file(path, tokenizer_json)?;
        let mut inner = guarded(|| tokenizers::Tokenizer::from_bytes(tokenizer_json))
            .map_err(|message| Error::malformed(path, format!("not a tokenizer: {message}")))?;
        if let Some(config) = tokenizer_config {
            prefer_config(&mut inner, config);
        }
        Tokenizer::new(path, inner, tokenizer_config)
    }
}

/// Whether [`Tokenizer::from_folder`] finds a tokenizer among these files.
#[cfg(feature = "hub")]
pub(crate) fn is_readable(has: impl Fn(&str) -> bool) -> bool {
    has("tokenizer.json") || has("vocab.txt") || (has("vocab.json") && has("merges.txt"))
}

/// What to say where it finds none.
pub(crate) fn missing(folder: &Path, has: impl Fn(&str) -> bool) -> Error {
    let hint = match SENTENCE_PIECE.into_iter().find(|name| has(name)) {
        Some(name) => format!(
            "{name} alone is read by slow tokenizers only; this writes tokenizer.json beside it: python -c \
             'from transformers import AutoTokenizer as T; T.from_pretrained(\"FOLDER\").save_pretrained(\"FOLDER\")'"
        ),
        None => "a tokenizer is tokenizer.json, or vocab.txt, or vocab.json and merges.txt".into(),
    };
    Error::MissingFile { folder: folder.into(), missing: "tokenizer.json", hint }
}

/// Lets `tokenizer_config.json` win where it and `tokenizer.json` disagree, as the constructors of transformers'
/// `BertTokenizerFast` and `RobertaTokenizerFast` do. Only what the configuration says explicitly: upstream's defaults
/// would make an uncased tokenizer of a cased one. The generic `PreTrainedTokenizerFast` takes the file as it is.
fn prefer_config(inner: &mut tokenizers::Tokenizer, config: &Value) {
    if matches!(config["tokenizer_class"].as_str(), Some("PreTrainedTokenizerFast" | "TokenizersBackend")) {
        return;
    }
    if let Some(NormalizerWrapper::BertNormalizer(stored)) = inner.get_normalizer() {
        let mut normalizer = *stored;
        if let Some(lowercase) = config["do_lower_case"].as_bool() {
            normalizer.lowercase = lowercase;
        }
        if let Some(split) = config["tokenize_chinese_chars"].as_bool() {
            normalizer.handle_chinese_chars = split;
        }
        if let Some(strip) = config.get("strip_accents") {
            normalizer.strip_accents = strip.as_bool();
        }
        inner.with_normalizer(Some(normalizer));
    }
    if let Some(PreTokenizerWrapper::ByteLevel(stored)) = inner.get_pre_tokenizer() {
        let mut splitter = *stored;
        if let Some(add) = config["add_prefix_space"].as_bool() {
            splitter.add_prefix_space = add;
        }
        inner.with_pre_tokenizer(Some(splitter));
    }
}

/// `model_max_length`, in tokens; earlier files call it `max_len`.
pub(super) fn max_length(path: &Path, config: &Value) -> Result<Option<usize>> {
    let fields = [&config["model_max_length"], &config["max_len"]];
    let Some(value) = fields.into_iter().find(|value| !value.is_null()) else {
        return Ok(None);
    };
    match crate::json::as_f64(value) {
        // 1e30, in transformers VERY_LARGE_INTEGER, stands for "not known".
        Some(length) if length > f64::from(u32::MAX) => Ok(None),
        Some(length) if length >= 1.0 => Ok(Some(length as usize)),
        _ => Err(Error::malformed(
            path,
            format!("model_max_length is {}, not a number of tokens", crate::json::show(value)),
        )),
    }
}

/// `tokenizer_config.json`, completed by the two files that older versions of transformers wrote beside it.
fn read_config(folder: &Path) -> Result<Value> {
    let mut config = read_object(&folder.join("tokenizer_config.json"))?;
    for (name, token) in read_object(&folder.join("special_tokens_map.json"))? {
        config.entry(name).or_insert(token);
    }
    let path = folder.join("added_tokens.json");
    for (token, id) in read_object(&path)? {
        let tokens = config.entry("added_tokens_decoder").or_insert_with(|| json!({}));
        if let Some(tokens) = tokens.as_object_mut() {
            tokens.entry(id.to_string()).or_insert_with(|| json!({ "content": token }));
        }
    }
    Ok(Value::Object(config))
}

/// A JSON object, empty where the file is absent.
fn read_object(path: &Path) -> Result<Map<String, Value>> {
    match read(path)? {
        Some(bytes) => crate::json::from_slice(&bytes).map_err(|error| Error::malformed(path, error)),
        None => Ok(Map::new()),
    }
}

/// A file's bytes; none where it does not exist.
fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Ok(data) if data.len() > LARGEST_FILE => {
            let message = format!("{} bytes are too many for a tokenizer's file", data.len());
            return Err(Error::malformed(path, message));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    fs::read(path).map(Some).map_err(Error::file("read", path))
}
