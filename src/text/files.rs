//! The files of a checkpoint -> its tokenizer.

use std::borrow::Cow;
use std::path::Path;

use serde_json::Value;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper};

use super::class::{Class, Rules, Transformers};
use super::library::guarded;
use super::node::Node;
use super::settings::Settings;
use super::vocabulary::class_of_vocab;
use super::{Tokenizer, bounds};
use crate::folder::Folder;
use crate::{Error, Result};

/// The largest tokenizers that exist have some 35 MB; parsing takes several times the file in memory.
const LARGEST_FILE: u64 = 512 << 20;

/// Files that only transformers' slow tokenizers read, and that `save_pretrained` turns into `tokenizer.json`.
const SENTENCE_PIECE: [&str; 4] = ["spiece.model", "sentencepiece.bpe.model", "spm.model", "tokenizer.model"];

impl Tokenizer {
    /// The tokenizer of a checkpoint folder, as transformers' `AutoTokenizer` reads it: by the class that
    /// `tokenizer_config.json` or `config.json` names, else by the `model_type`; of `tokenizer.json`, else of `vocab.txt`,
    /// of `vocab.json` with `merges.txt`, or of `vocab.txt` with `bpe.codes`, as the class has it; with the tokens that
    /// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` name. Where 4.57 and 5 differ, the
    /// version that wrote the files decides ([`Transformers`](super::Transformers)).
    ///
    /// # Errors
    /// [`Error::MissingFile`] when there is none of them, with the way out when there is a SentencePiece file;
    /// [`Error::Unsupported`] when the class is not computed here, or is code of the model's own;
    /// [`Error::File`] and [`Error::Malformed`], naming the file.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Tokenizer> {
        Tokenizer::of(Folder::on_disk(folder.as_ref()))
    }

    /// [`Tokenizer::from_folder`] of files wherever they are.
    ///
    /// # Errors
    /// Those of [`Tokenizer::from_folder`].
    pub(crate) fn of(folder: Folder<'_>) -> Result<Tokenizer> {
        let files = Files::read(folder)?;
        let python = files.class.filter(|class| matches!(class.rules, Rules::Phobert | Rules::Bertweet));
        if let Some(class) = python {
            return files.read_python(folder, class);
        }
        let path = folder.join("tokenizer.json");
        if let Some(bytes) = read(folder, "tokenizer.json")? {
            return files.settings(&path, "PreTrainedTokenizerFast").read_json(&bytes);
        }
        // Where both vocabularies lie there, the class says which it reads.
        let of_merges =
            files.class.is_some_and(|class| matches!(class.rules, Rules::Roberta | Rules::Deberta | Rules::Herbert));
        let path = folder.join("vocab.json");
        let merges = || -> Result<_> { Ok(read(folder, "vocab.json")?.zip(read(folder, "merges.txt")?)) };
        if let Some((vocab, merges)) = if of_merges { merges()? } else { None } {
            return files.settings(&path, "RobertaTokenizer").read_vocab_merges(&vocab, &merges);
        }
        let words = folder.join("vocab.txt");
        if let Some(bytes) = read(folder, "vocab.txt")? {
            return files.settings(&words, class_of_vocab(&bytes)).read_vocab(&bytes);
        }
        if let Some((vocab, merges)) = merges()? {
            return files.settings(&path, "RobertaTokenizer").read_vocab_merges(&vocab, &merges);
        }
        Err(missing(folder.path, |name| folder.has(name)))
    }

    /// The tokenizer that `tokenizer.json` describes; `path` names it in errors, `tokenizer_config` is the parsed
    /// `tokenizer_config.json` beside it, whose `tokenizer_class` decides what is done to it (none takes it as it is, with
    /// the tokens that are named beside it). Padding and truncation stored in the file are ignored.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the bytes are not a tokenizer, or one whose work or answer has no bound, or one of
    /// `tokenizer_config`'s fields has the wrong type; [`Error::Unsupported`] when the class is not computed here.
    pub fn from_json(path: &Path, tokenizer_json: &[u8], tokenizer_config: Option<&Value>) -> Result<Tokenizer> {
        Settings::of_config(path, tokenizer_config, "PreTrainedTokenizerFast")?.read_json(tokenizer_json)
    }
}

/// The small files of a folder, and what they decide.
struct Files {
    version: Transformers,
    /// None where no file names one.
    class: Option<&'static Class>,
    config: Node,
    special_tokens_map: Node,
    added_tokens: Node,
}

impl Files {
    fn read(folder: Folder<'_>) -> Result<Files> {
        let object = |name: &str| read_object(folder, name);
        let config = object("tokenizer_config.json")?;
        let (special_tokens_map, added_tokens) = (object("special_tokens_map.json")?, object("added_tokens.json")?);
        let model = object("config.json")?;
        let version = Transformers::of(&config, &special_tokens_map, &model);
        let class = Class::of(&folder.join("tokenizer_config.json"), version, &config, &model)?;
        Ok(Files { version, class, config, special_tokens_map, added_tokens })
    }

    /// The settings of the tokenizer in the file `path`, of the class `other` where none is named.
    fn settings(self, path: &Path, other: &str) -> Settings {
        let Files { version, class, config, special_tokens_map, added_tokens } = self;
        let class = class.or_else(|| Class::named(other)).expect("it is a class");
        Settings { path: path.into(), version, class, config, special_tokens_map, added_tokens }
    }

    /// Of a class that 4.57 and 5 both have in Python only: a `tokenizer.json` beside its files is of something else.
    fn read_python(self, folder: Folder<'_>, class: &Class) -> Result<Tokenizer> {
        let path = folder.join("vocab.txt");
        let (Some(vocab), Some(codes)) = (read(folder, "vocab.txt")?, read(folder, "bpe.codes")?) else {
            let hint = format!(
                "the tokenizer class {} is read from vocab.txt and bpe.codes; \"tokenizer_class\": \
                 \"PreTrainedTokenizerFast\" in tokenizer_config.json takes a tokenizer.json as it is",
                class.name
            );
            return Err(Error::MissingFile { folder: folder.path.into(), missing: "vocab.txt with bpe.codes", hint });
        };
        let tokenizer_json = folder.join("tokenizer.json");
        let listed = match read(folder, "tokenizer.json")? {
            Some(bytes) => bounds::check_file(&tokenizer_json, &bytes)?,
            None => Vec::new(),
        };
        self.settings(&path, class.name).read_codes(&vocab, &codes, &listed)
    }
}

impl Settings {
    fn read_json(&self, tokenizer_json: &[u8]) -> Result<Tokenizer> {
        if matches!(self.class.rules, Rules::Phobert | Rules::Bertweet) {
            return Err(self.other_files());
        }
        let path = &self.path;
        let listed = bounds::check_file(path, tokenizer_json)?;
        let mut inner = guarded(|| tokenizers::Tokenizer::from_bytes(tokenizer_json))
            .map_err(|message| Error::malformed(path, format!("not a tokenizer: {message}")))?;
        bounds::check_model(path, inner.get_model())?;
        let padding = inner.get_padding().map(|padding| padding.pad_token.clone());
        let tokens = self.tokens(&listed, padding.as_deref(), false)?;
        if self.version == Transformers::Four || self.class.rules == Rules::Generic {
            self.add(&mut inner, &tokens, &listed)?;
            if self.version == Transformers::Four {
                self.prefer_class(&mut inner)?;
            }
            return Tokenizer::new(self, inner, &tokens);
        }
        let model = self.model_of_five(inner.get_model(), &tokens)?;
        let mut built = self.assemble(model, Some(&inner), &tokens)?;
        if let (Some(NormalizerWrapper::BertNormalizer(stored)), Some(NormalizerWrapper::BertNormalizer(built))) =
            (inner.get_normalizer(), built.get_normalizer())
        {
            self.compare(stored, built);
        }
        if let Some(direction) = inner.get_truncation().map(|stored| stored.direction) {
            let truncation = tokenizers::TruncationParams { direction, ..Default::default() };
            guarded(|| built.with_truncation(Some(truncation)).map(|_| ()))
                .map_err(|message| Error::malformed(path, message))?;
        }
        Tokenizer::new(self, built, &tokens)
    }

    /// Does to `tokenizer.json` what the constructors of 4.57 do (`models/*/tokenization_*_fast.py`): BERT's kin set the
    /// flags of its normalizer, MPNet's only two of them, all set the space before the first word, and RoBERTa's whether
    /// a token's span has it.
    fn prefer_class(&self, inner: &mut tokenizers::Tokenizer) -> Result<()> {
        if let rules @ (Rules::Bert | Rules::Mpnet) = self.class.rules {
            match inner.get_normalizer() {
                Some(NormalizerWrapper::BertNormalizer(stored)) => {
                    let mut normalizer = *stored;
                    normalizer.lowercase = self.flag("do_lower_case", true)?;
                    normalizer.strip_accents = self.strip_accents()?;
                    if rules == Rules::Bert {
                        normalizer.handle_chinese_chars = self.flag("tokenize_chinese_chars", true)?;
                    }
                    self.compare(stored, &normalizer);
                    inner.with_normalizer(Some(normalizer));
                }
                Some(_) => {}
                None => {
                    let message = format!(
                        "it has no normalizer, of which {} would set the flags; \"tokenizer_class\": \
                         \"PreTrainedTokenizerFast\" in tokenizer_config.json takes the file as it is",
                        self.class.name
                    );
                    return Err(Error::malformed(&self.path, message));
                }
            }
        }
        let prefix = self.config.field("add_prefix_space").map_or(Some(false), Node::as_bool);
        if let (Some(PreTokenizerWrapper::ByteLevel(stored)), Some(prefix)) = (inner.get_pre_tokenizer(), prefix)
            && stored.add_prefix_space != prefix
        {
            // It is made anew, so that what is not given is the default.
            let splitter = ByteLevel::new(prefix, true, stored.use_regex);
            inner.with_pre_tokenizer(Some(splitter));
        }
        if self.class.rules == Rules::Roberta {
            let (trim, prefix) = (self.flag("trim_offsets", true)?, prefix.unwrap_or(false));
            let processor = inner.get_post_processor().cloned().map(|processor| match processor {
                PostProcessorWrapper::Roberta(roberta) => {
                    PostProcessorWrapper::Roberta(roberta.trim_offsets(trim).add_prefix_space(prefix))
                }
                PostProcessorWrapper::ByteLevel(bytes) => {
                    PostProcessorWrapper::ByteLevel(bytes.trim_offsets(trim).add_prefix_space(prefix))
                }
                other => other,
            });
            inner.with_post_processor(processor);
        }
        Ok(())
    }

    /// Says where the class and `tokenizer.json` disagree about the text that the model sees.
    fn compare(&self, stored: &BertNormalizer, set: &BertNormalizer) {
        let flags = |normalizer: &BertNormalizer| {
            let BertNormalizer { lowercase, strip_accents, handle_chinese_chars, .. } = *normalizer;
            (lowercase, strip_accents.unwrap_or(lowercase), handle_chinese_chars)
        };
        if flags(stored) == flags(set) {
            return;
        }
        let say = |normalizer: &BertNormalizer| {
            let (lowercase, strip, chinese) = flags(normalizer);
            format!("do_lower_case {lowercase}, strip_accents {strip}, tokenize_chinese_chars {chinese}")
        };
        log::warn!(
            "{} says {}, but {} by tokenizer_config.json {}: as in transformers, the class wins; if the model was trained \
             with the former, write that into tokenizer_config.json",
            self.path.display(),
            say(stored),
            self.class.name,
            say(set)
        );
    }
}

/// Whether [`Tokenizer::from_folder`] finds a tokenizer among these files.
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
        None => "a tokenizer is tokenizer.json, or vocab.txt, or vocab.json and merges.txt, or vocab.txt and bpe.codes"
            .into(),
    };
    Error::MissingFile { folder: folder.into(), missing: "tokenizer.json", hint }
}

/// `model_max_length`, in tokens; earlier files call it `max_len`.
pub(super) fn max_length(path: &Path, config: &Node) -> Result<Option<usize>> {
    let fields = [config.get("model_max_length"), config.get("max_len")];
    let Some(value) = fields.into_iter().find(|value| !value.is_null()) else {
        return Ok(None);
    };
    let value = &serde_json::Value::from(value);
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

/// A JSON object; null where the file is absent.
pub(super) fn read_object(folder: Folder<'_>, name: &str) -> Result<Node> {
    let Some(bytes) = read(folder, name)? else { return Ok(Node::Null) };
    let path = folder.join(name);
    match crate::json::from_slice(&bytes).map_err(|error| Error::malformed(&path, error))? {
        object @ Node::Object(_) => Ok(object),
        node => Err(Error::malformed(&path, format!("it is {node}, not an object"))),
    }
}

/// A file's bytes; none where it does not exist.
fn read<'a>(folder: Folder<'a>, name: &str) -> Result<Option<Cow<'a, [u8]>>> {
    if let Some(length) = folder.length(name)?.filter(|length| *length > LARGEST_FILE) {
        let message = format!("{length} bytes are too many for a tokenizer's file");
        return Err(Error::malformed(&folder.join(name), message));
    }
    folder.read(name)
}
