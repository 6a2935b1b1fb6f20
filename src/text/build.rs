//! The rules of each class around a vocabulary: normalizer, pre-tokenizer, post-processor.
//!
//! 4.57 builds so where there is no `tokenizer.json` (`convert_slow_tokenizer.py`). 5 always does (the `__init__` of
//! `models/*/tokenization_*.py`): of a `tokenizer.json` its classes take the vocabulary, the merges and the character map.

use serde_json::json;
use tokenizers::decoders::bpe::BPEDecoder;
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::models::unigram::Unigram;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::{
    BertNormalizer, Lowercase, NFC, NFKD, Precompiled, Replace, Sequence as Normalizers, Strip, StripAccents,
};
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::sequence::Sequence as Splitters;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::processors::roberta::RobertaProcessing;
use tokenizers::{
    DecoderWrapper, Model, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper,
    SplitDelimiterBehavior,
};

use super::added::Tokens;
use super::bounds;
use super::class::{Rules, Transformers};
use super::library::guarded;
use super::settings::Settings;
use crate::{Error, Result};

/// SentencePiece's sign for a space.
const SPACE: char = '▁';
/// What ends a word of HerBERT's.
const WORD_END: &str = "</w>";

impl Settings {
    /// A WordPiece model, as all of BERT's kin have it.
    pub(super) fn word_piece(&self, vocab: Vocab, tokens: &Tokens) -> Result<ModelWrapper> {
        // Where the vocabulary does not have it, texts without unknown words still have an answer.
        let unknown = self.special(tokens, "unk_token")?.to_owned();
        let build = || WordPiece::builder().vocab(vocab).unk_token(unknown).build();
        guarded(build).map(ModelWrapper::WordPiece).map_err(|message| Error::malformed(&self.path, message))
    }

    /// A BPE model with the class's fields.
    pub(super) fn bpe(&self, vocab: Vocab, merges: Merges, tokens: &Tokens) -> Result<ModelWrapper> {
        let bpe = guarded(|| BPE::builder().vocab_and_merges(vocab, merges).build())
            .map_err(|message| Error::malformed(&self.path.with_file_name("merges.txt"), message))?;
        self.fields(bpe, tokens)
    }

    fn fields(&self, mut bpe: BPE, tokens: &Tokens) -> Result<ModelWrapper> {
        let herbert = self.class.rules == Rules::Herbert;
        bpe.unk_token = if herbert { Some(self.special(tokens, "unk_token")?.to_owned()) } else { None };
        bpe.end_of_word_suffix = herbert.then(|| WORD_END.to_owned());
        bpe.continuing_subword_prefix = None;
        (bpe.dropout, bpe.fuse_unk, bpe.byte_fallback, bpe.ignore_merges) = (None, false, false, false);
        Ok(ModelWrapper::BPE(bpe))
    }

    /// What a class of 5 makes of the model in `tokenizer.json`.
    pub(super) fn model_of_five(&self, model: &ModelWrapper, tokens: &Tokens) -> Result<ModelWrapper> {
        let vocab = || model.get_vocab().into_iter().collect::<Vocab>();
        match (self.class.rules, model) {
            (Rules::Bert | Rules::Mpnet, _) => self.word_piece(vocab(), tokens),
            (Rules::Roberta | Rules::Deberta | Rules::Herbert, ModelWrapper::BPE(bpe)) => {
                match &bpe.continuing_subword_prefix {
                    Some(prefix) if !prefix.is_empty() => Err(self.other_model("BPE with a continuing_subword_prefix")),
                    _ => self.fields(bpe.clone(), tokens),
                }
            }
            (Rules::Roberta | Rules::Deberta | Rules::Herbert, _) => self.bpe(vocab(), Merges::new(), tokens),
            (_, ModelWrapper::Unigram(unigram)) => {
                let pieces: Vec<(String, f64)> = unigram.iter().cloned().collect();
                let place = |piece: &str| pieces.iter().position(|(other, _)| other == piece);
                let unknown = tokens.text("unk_token").unwrap_or_default();
                let unknown = match self.class.rules {
                    Rules::XlmRoberta => 3,
                    Rules::Camembert => place(unknown).unwrap_or(0),
                    // A score other than 0 is another piece.
                    Rules::DebertaV2 => {
                        match pieces.iter().position(|(other, score)| other == unknown && *score == 0.0) {
                            Some(place) => place,
                            None => self.config.get("unk_id").as_f64().map_or(1, |id| id as usize),
                        }
                    }
                    _ => 1,
                };
                guarded(|| Unigram::from(pieces, Some(unknown), false))
                    .map(ModelWrapper::Unigram)
                    .map_err(|message| Error::malformed(&self.path, message))
            }
            (_, ModelWrapper::BPE(_)) => Err(self.other_model("BPE")),
            (_, ModelWrapper::WordPiece(_)) => Err(self.other_model("WordPiece")),
            (_, ModelWrapper::WordLevel(_)) => Err(self.other_model("WordLevel")),
        }
    }

    /// The tokenizer around a model, with all tokens that are named beside it. `stored` is the `tokenizer.json` of which 5
    /// takes parts.
    pub(super) fn assemble(
        &self,
        model: ModelWrapper,
        stored: Option<&tokenizers::Tokenizer>,
        tokens: &Tokens,
    ) -> Result<tokenizers::Tokenizer> {
        let characters = stored.and_then(|stored| characters(stored.get_normalizer()));
        let (normalizer, splitter) = (self.normalizer(characters)?, self.pre_tokenizer()?);
        let steps = [serde_json::to_value(&normalizer), serde_json::to_value(&splitter)].map(Result::unwrap_or_default);
        bounds::check_steps(&self.path, &steps.each_ref())?;
        let (cls, sep) = self.ends(tokens)?;
        let of_vocabulary = [model.token_to_id(&cls), model.token_to_id(&sep)];
        let mut inner = tokenizers::Tokenizer::new(model);
        inner.with_normalizer(normalizer).with_pre_tokenizer(Some(splitter));
        self.add(&mut inner, tokens, &[])?;
        let id = |token: &str, of_vocabulary: Option<u32>| {
            let named = tokens.decoder.iter().rfind(|(_, added)| added.content == token).map(|(id, _)| *id);
            let found = match (self.class.rules, self.version) {
                // Asked before tokens are added.
                (Rules::Albert, _) => of_vocabulary,
                // Of the slow class, which takes the files at their word.
                (_, Transformers::Four) => named.or(of_vocabulary),
                (_, Transformers::Five) => of_vocabulary.or(named).and(inner.token_to_id(token)),
            };
            // transformers would add it at the end of the table, where no model that was trained has it.
            found.ok_or_else(|| self.absent(token))
        };
        let [cls_id, sep_id] = match (self.class.rules, self.version) {
            // Whatever the vocabulary says.
            (Rules::Herbert, Transformers::Five) => [0, 2],
            _ => [id(&cls, of_vocabulary[0])?, id(&sep, of_vocabulary[1])?],
        };
        // ALBERT's class of 5 sets its own before the file's.
        let processor =
            stored.and_then(|stored| stored.get_post_processor()).filter(|_| self.class.rules == Rules::Albert);
        let processor = match processor {
            Some(processor) => processor.clone(),
            None => self.processor((cls, cls_id), (sep, sep_id))?,
        };
        inner.with_post_processor(Some(processor)).with_decoder(Some(self.decoder()?));
        Ok(inner)
    }

    /// What makes a text of tokens again.
    fn decoder(&self) -> Result<DecoderWrapper> {
        Ok(match (self.class.rules, self.pre_tokenizer()?) {
            (Rules::Herbert, _) => DecoderWrapper::BPE(BPEDecoder::new(WORD_END.into())),
            (_, PreTokenizerWrapper::Sequence(steps)) => {
                let pieces = steps.as_ref().iter().find_map(|step| match step {
                    PreTokenizerWrapper::Metaspace(pieces) => Some(pieces.clone()),
                    _ => None,
                });
                DecoderWrapper::Metaspace(pieces.expect("it splits pieces last"))
            }
            (_, PreTokenizerWrapper::ByteLevel(bytes)) => DecoderWrapper::ByteLevel(bytes),
            _ => DecoderWrapper::WordPiece(WordPieceDecoder::new("##".into(), true)),
        })
    }

    fn processor(&self, cls: (String, u32), sep: (String, u32)) -> Result<PostProcessorWrapper> {
        Ok(match (self.class.rules, self.version) {
            // `MPNetConverter`: as RoBERTa's, but for the type ids, which count where `model_input_names` lists them.
            (Rules::Mpnet, Transformers::Four) => {
                let special = |token: &str, type_id: u32| json!({"SpecialToken": {"id": token, "type_id": type_id}});
                let text = |id: &str, type_id: u32| json!({"Sequence": {"id": id, "type_id": type_id}});
                let first = [special(&cls.0, 0), text("A", 0), special(&sep.0, 0)];
                let second = [special(&sep.0, 0), text("B", 1), special(&sep.0, 1)];
                let defined: serde_json::Map<_, _> = [&cls, &sep]
                    .map(|(token, id)| (token.clone(), json!({"id": token, "ids": [id], "tokens": [token]})))
                    .into_iter()
                    .collect();
                let pair = [first.as_slice(), second.as_slice()].concat();
                let template =
                    json!({"type": "TemplateProcessing", "single": first, "pair": pair, "special_tokens": defined});
                serde_json::from_value(template).expect("the template names what it defines")
            }
            (Rules::Roberta, _) => {
                let processor = RobertaProcessing::new(sep, cls).trim_offsets(self.flag("trim_offsets", true)?);
                PostProcessorWrapper::Roberta(processor.add_prefix_space(self.flag("add_prefix_space", false)?))
            }
            (Rules::Mpnet, Transformers::Five) => {
                PostProcessorWrapper::Roberta(RobertaProcessing::new(sep, cls).add_prefix_space(false))
            }
            (Rules::XlmRoberta | Rules::Camembert, _) | (Rules::Deberta, Transformers::Five) => {
                PostProcessorWrapper::Roberta(RobertaProcessing::new(sep, cls).trim_offsets(false))
            }
            _ => PostProcessorWrapper::Bert(BertProcessing::new(sep, cls)),
        })
    }

    /// The tokens before the first text and after each.
    fn ends(&self, tokens: &Tokens) -> Result<(String, String)> {
        let (cls, sep) = match (self.class.rules, self.version) {
            (Rules::XlmRoberta | Rules::Camembert, _) => ("bos_token", "eos_token"),
            // By their texts, whatever the files name.
            (Rules::Deberta, Transformers::Four) => return Ok(("[CLS]".into(), "[SEP]".into())),
            _ => ("cls_token", "sep_token"),
        };
        Ok((self.special(tokens, cls)?.into(), self.special(tokens, sep)?.into()))
    }

    fn normalizer(&self, characters: Option<Precompiled>) -> Result<Option<NormalizerWrapper>> {
        let replace = |pattern: &str, content: &str| {
            Replace::new(pattern, content).map(NormalizerWrapper::Replace).expect("a text is a pattern")
        };
        Ok(match self.class.rules {
            Rules::Bert | Rules::Mpnet => {
                // Without the basic tokenizer, of which 4.57 takes the flags; BERT's own class then sets them again.
                let basic = self.version == Transformers::Five
                    || self.class.rules == Rules::Bert
                    || self.flag("do_basic_tokenize", true)?;
                Some(NormalizerWrapper::BertNormalizer(BertNormalizer::new(
                    true,
                    self.flag("tokenize_chinese_chars", true)? && basic,
                    self.strip_accents()?,
                    self.flag("do_lower_case", true)?,
                )))
            }
            Rules::Herbert => {
                Some(NormalizerWrapper::BertNormalizer(BertNormalizer::new(true, true, Some(false), false)))
            }
            Rules::XlmRoberta | Rules::Camembert => characters.map(NormalizerWrapper::Precompiled),
            Rules::Albert => {
                let mut steps = vec![replace("``", "\""), replace("''", "\"")];
                if !self.flag("keep_accents", false)? {
                    steps.push(NormalizerWrapper::NFKD(NFKD));
                    steps.push(NormalizerWrapper::StripAccents(StripAccents));
                }
                if self.flag("do_lower_case", true)? {
                    steps.push(NormalizerWrapper::Lowercase(Lowercase));
                }
                steps.extend(characters.map(NormalizerWrapper::Precompiled));
                Some(NormalizerWrapper::Sequence(Normalizers::new(steps)))
            }
            Rules::DebertaV2 => {
                let mut steps = Vec::new();
                if self.flag("do_lower_case", false)? {
                    steps.push(NormalizerWrapper::Lowercase(Lowercase));
                }
                let pattern = tokenizers::normalizers::replace::ReplacePattern::Regex(r"\s{2,}|[\n\r\t]".into());
                let spaces = guarded(|| Replace::new(pattern, " ")).expect("the expression is right");
                steps.push(NormalizerWrapper::Replace(spaces));
                steps.push(NormalizerWrapper::NFC(NFC));
                steps.push(NormalizerWrapper::StripNormalizer(Strip::new(false, true)));
                Some(NormalizerWrapper::Sequence(Normalizers::new(steps)))
            }
            _ => None,
        })
    }

    fn pre_tokenizer(&self) -> Result<PreTokenizerWrapper> {
        let pieces = |first, scheme| {
            let pieces = PreTokenizerWrapper::Metaspace(Metaspace::new(SPACE, scheme, true));
            PreTokenizerWrapper::Sequence(Splitters::new([first, Some(pieces)].into_iter().flatten().collect()))
        };
        Ok(match self.class.rules {
            Rules::Bert | Rules::Mpnet | Rules::Herbert => PreTokenizerWrapper::BertPreTokenizer(BertPreTokenizer),
            Rules::XlmRoberta | Rules::Camembert | Rules::Albert => {
                let prefix = self.flag("add_prefix_space", true)?;
                let scheme = if prefix { PrependScheme::Always } else { PrependScheme::Never };
                pieces(Some(PreTokenizerWrapper::WhitespaceSplit(WhitespaceSplit)), scheme)
            }
            Rules::DebertaV2 => {
                let prefix = self.flag("add_prefix_space", true)?;
                let scheme = if prefix { PrependScheme::Always } else { PrependScheme::First };
                let split = self.flag("split_by_punct", false)?;
                let signs = PreTokenizerWrapper::Punctuation(Punctuation::new(SplitDelimiterBehavior::Isolated));
                pieces(split.then_some(signs), scheme)
            }
            _ => PreTokenizerWrapper::ByteLevel(ByteLevel::new(self.flag("add_prefix_space", false)?, false, true)),
        })
    }

    /// The text of a special token that the class cannot do without.
    fn special<'a>(&self, tokens: &'a Tokens, name: &str) -> Result<&'a str> {
        let fail = || Error::malformed(&self.config_path(), format!("{} needs a {name}", self.class.name));
        tokens.text(name).ok_or_else(fail)
    }

    fn absent(&self, token: &str) -> Error {
        Error::malformed(&self.path, format!("the special token {token:?} is not in the vocabulary"))
    }

    fn other_model(&self, model: &str) -> Error {
        let name = self.class.name;
        let message = format!(
            "{name} of transformers 5 builds its own tokenizer from the vocabulary, which it cannot from this one of {model}; \
             \"tokenizer_class\": \"TokenizersBackend\" in tokenizer_config.json takes the file as it is"
        );
        Error::malformed(&self.path, message)
    }
}

/// SentencePiece's map of characters, wherever it stands among the first steps.
fn characters(normalizer: Option<&NormalizerWrapper>) -> Option<Precompiled> {
    let precompiled = |step: &NormalizerWrapper| match step {
        NormalizerWrapper::Precompiled(characters) => Some(characters.clone()),
        _ => None,
    };
    match normalizer {
        Some(NormalizerWrapper::Sequence(steps)) => steps.as_ref().iter().find_map(precompiled),
        Some(step) => precompiled(step),
        None => None,
    }
}
