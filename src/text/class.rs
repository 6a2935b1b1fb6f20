//! Which class of which transformers reads a folder: `tokenizer_class` and `model_type` -> the rules.
//!
//! Decided by `AutoTokenizer.from_pretrained` (`models/auto/tokenization_auto.py`) of 4.57.6 and of 5.24.0.

use std::fmt;
use std::path::Path;

use super::files::read_object;
use super::node::Node;
use crate::folder::Folder;
use crate::{Error, Result};

/// Which transformers is meant where they differ: the one that wrote the files, since the model was trained with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transformers {
    /// 4.57, the last of the fours: files that say nothing of 5.
    Four,
    /// 5.24.
    Five,
}

impl Transformers {
    /// By `tokenizer_config.json` and `config.json`: 5 names itself as the version that wrote the model, writes a
    /// `backend`, a class that 4 does not have, and a list of `extra_special_tokens`, at which 4 fails.
    pub(super) fn of(tokenizer_config: &Node, special_tokens_map: &Node, config: &Node) -> Transformers {
        let written = config.get("transformers_version").as_str().and_then(Transformers::of_version);
        let list = |node: &Node| matches!(node.get("extra_special_tokens"), Node::List(_));
        let five = written == Some(Transformers::Five)
            || tokenizer_config.get("backend").as_str().is_some()
            || tokenizer_config.get("tokenizer_class").as_str() == Some("TokenizersBackend")
            || list(tokenizer_config)
            || list(special_tokens_map);
        if five { Transformers::Five } else { Transformers::Four }
    }

    /// By a `transformers_version`; none where it is no version.
    pub(crate) fn of_version(version: &str) -> Option<Transformers> {
        let major: u32 = version.split('.').next()?.trim().parse().ok()?;
        Some(if major >= 5 { Transformers::Five } else { Transformers::Four })
    }

    /// By the files for the tokenizer in a folder, for a `config.json` that has no version of its own.
    ///
    /// # Errors
    /// As [`Tokenizer::from_folder`](super::Tokenizer::from_folder) of these files.
    pub(crate) fn of_tokenizer(folder: Folder<'_>) -> Result<Transformers> {
        let [config, special_tokens_map] =
            ["tokenizer_config.json", "special_tokens_map.json"].map(|name| read_object(folder, name));
        Ok(Transformers::of(&config?, &special_tokens_map?, &Node::Null))
    }
}

impl fmt::Display for Transformers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Transformers::Four => "4.57",
            Transformers::Five => "5",
        })
    }
}

/// The rules of a class: what it builds from a vocabulary, and what it does to a `tokenizer.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// `tokenizer.json` as it is.
    Generic,
    /// `vocab.txt`, WordPiece, `[CLS] A [SEP] B [SEP]`.
    Bert,
    /// `vocab.txt`, WordPiece, `<s> A </s></s> B </s>`.
    Mpnet,
    /// `vocab.json` and `merges.txt`, byte-level BPE, `<s> A </s></s> B </s>`.
    Roberta,
    /// The same, `[CLS] A [SEP] B [SEP]`.
    Deberta,
    /// `vocab.json` and `merges.txt`, BPE of BERT's words with `</w>` at their ends.
    Herbert,
    // SentencePiece's Unigram, of tokenizer.json.
    XlmRoberta,
    Camembert,
    Albert,
    DebertaV2,
    // The same, and GPT-2's byte-level BPE; with 4.57 only, which takes tokenizer.json as it is.
    BigBird,
    Barthez,
    RemBert,
    FNet,
    Gpt2,
    /// `vocab.txt` and `bpe.codes`, in Python.
    Phobert,
    /// The same, of tweets.
    Bertweet,
}

/// A class of transformers.
#[derive(Debug)]
pub(super) struct Class {
    /// Without `Fast`.
    pub(super) name: &'static str,
    pub(super) rules: Rules,
    /// Whether `token_type_ids` are among its `model_input_names`, in 4.57 and in 5.
    types: [bool; 2],
}

const fn class(name: &'static str, rules: Rules, types: [bool; 2]) -> Class {
    Class { name, rules, types }
}

const CLASSES: &[Class] = &[
    GENERIC,
    class("TokenizersBackend", Rules::Generic, [false, false]),
    class("BertTokenizer", Rules::Bert, [true, true]),
    class("DistilBertTokenizer", Rules::Bert, [false, false]),
    class("ElectraTokenizer", Rules::Bert, [true, true]),
    class("MobileBertTokenizer", Rules::Bert, [true, true]),
    class("LayoutLMTokenizer", Rules::Bert, [true, true]),
    class("LxmertTokenizer", Rules::Bert, [true, true]),
    class("SqueezeBertTokenizer", Rules::Bert, [true, true]),
    class("MPNetTokenizer", Rules::Mpnet, [false, false]),
    class("RobertaTokenizer", Rules::Roberta, [false, false]),
    class("LongformerTokenizer", Rules::Roberta, [false, false]),
    class("XLMRobertaTokenizer", Rules::XlmRoberta, [false, false]),
    class("CamembertTokenizer", Rules::Camembert, [false, false]),
    class("AlbertTokenizer", Rules::Albert, [true, false]),
    class("DebertaV2Tokenizer", Rules::DebertaV2, [true, true]),
    class("DebertaTokenizer", Rules::Deberta, [true, true]),
    class("HerbertTokenizer", Rules::Herbert, [true, false]),
    class("BigBirdTokenizer", Rules::BigBird, [false, false]),
    class("BarthezTokenizer", Rules::Barthez, [false, false]),
    class("RemBertTokenizer", Rules::RemBert, [true, false]),
    class("FNetTokenizer", Rules::FNet, [true, true]),
    class("GPT2Tokenizer", Rules::Gpt2, [false, false]),
    // They list the type ids and then set them all to 0.
    class("PhobertTokenizer", Rules::Phobert, [false, false]),
    class("BertweetTokenizer", Rules::Bertweet, [false, false]),
];
const GENERIC: Class = class("PreTrainedTokenizerFast", Rules::Generic, [true, false]);

/// Classes that transformers 5 has besides, without `Fast`. Another name is nobody's, and 5 takes the generic class for it.
const OTHERS: &[&str] = &[
    "BartTokenizer",
    "BartphoTokenizer",
    "BertGenerationTokenizer",
    "BertJapaneseTokenizer",
    "BioGptTokenizer",
    "BlenderbotSmallTokenizer",
    "BlenderbotTokenizer",
    "ByT5Tokenizer",
    "CLIPTokenizer",
    "CTRLTokenizer",
    "CanineTokenizer",
    "ClvpTokenizer",
    "CodeGenTokenizer",
    "CodeLlamaTokenizer",
    "CohereTokenizer",
    "ConvBertTokenizer",
    "CpmAntTokenizer",
    "CpmTokenizer",
    "DPRContextEncoderTokenizer",
    "DPRQuestionEncoderTokenizer",
    "DPRReaderTokenizer",
    "EsmTokenizer",
    "FSMTTokenizer",
    "FlaubertTokenizer",
    "FunnelTokenizer",
    "GPTNeoXJapaneseTokenizer",
    "GPTNeoXTokenizer",
    "GPTSw3Tokenizer",
    "GemmaTokenizer",
    "LEDTokenizer",
    "LayoutLMv2Tokenizer",
    "LayoutLMv3Tokenizer",
    "LayoutXLMTokenizer",
    "LlamaTokenizer",
    "LukeTokenizer",
    "M2M100Tokenizer",
    "MBart50Tokenizer",
    "MBartTokenizer",
    "MLukeTokenizer",
    "MarianTokenizer",
    "MarkupLMTokenizer",
    "MgpstrTokenizer",
    "MvpTokenizer",
    "MyT5Tokenizer",
    "NllbTokenizer",
    "NougatTokenizer",
    "OpenAIGPTTokenizer",
    "PLBartTokenizer",
    "PegasusTokenizer",
    "PerceiverTokenizer",
    "ProphetNetTokenizer",
    "Qwen2Tokenizer",
    "Qwen3_5Tokenizer",
    "RagTokenizer",
    "ReformerTokenizer",
    "RoCBertTokenizer",
    "RoFormerTokenizer",
    "SeamlessM4TTokenizer",
    "SiglipTokenizer",
    "SplinterTokenizer",
    "T5Tokenizer",
    "TapasTokenizer",
    "UdopTokenizer",
    "WhisperTokenizer",
    "XGLMTokenizer",
    "XLMTokenizer",
    "XLNetTokenizer",
];

/// The class of a `model_type` where no file names one, in 4.57 and in 5; those that 4.57 does not know are 5's.
const MODELS: &[(&str, [&str; 2])] = &[
    ("albert", ["AlbertTokenizer"; 2]),
    ("bert", ["BertTokenizer"; 2]),
    ("big_bird", ["BigBirdTokenizer"; 2]),
    ("camembert", ["CamembertTokenizer"; 2]),
    ("deberta", ["DebertaTokenizer"; 2]),
    ("deberta-v2", ["DebertaV2Tokenizer"; 2]),
    ("distilbert", ["DistilBertTokenizer", "BertTokenizer"]),
    ("electra", ["ElectraTokenizer", "BertTokenizer"]),
    ("gte", ["XLMRobertaTokenizer"; 2]),
    ("jina_embeddings_v3", ["XLMRobertaTokenizer"; 2]),
    ("mobilebert", ["MobileBertTokenizer"; 2]),
    ("modernbert", ["PreTrainedTokenizerFast", "TokenizersBackend"]),
    ("mpnet", ["MPNetTokenizer"; 2]),
    ("nomic_bert", ["BertTokenizer"; 2]),
    ("roberta", ["RobertaTokenizer"; 2]),
    ("xlm-roberta", ["XLMRobertaTokenizer"; 2]),
];

impl Class {
    /// Whether it gives type ids, unless `model_input_names` says otherwise.
    pub(super) fn types(&self, version: Transformers) -> bool {
        self.types[usize::from(version == Transformers::Five)]
    }

    /// By its name in a file, with or without `Fast`.
    pub(super) fn named(name: &str) -> Option<&'static Class> {
        let bare = |name| str::strip_suffix(name, "Fast").unwrap_or(name);
        CLASSES.iter().find(|class| bare(class.name) == bare(name))
    }

    /// That which reads a folder; none where neither a class nor a known `model_type` is named, so that the files that
    /// there are must tell. `path` is that of `tokenizer_config.json`, by which errors name it.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where it is code of the model's own, or a class whose rules are not computed here.
    pub(super) fn of(
        path: &Path,
        version: Transformers,
        tokenizer_config: &Node,
        config: &Node,
    ) -> Result<Option<&'static Class>> {
        let own = tokenizer_config.get("tokenizer_class").as_str();
        let declared = own.or_else(|| config.get("tokenizer_class").as_str());
        refuse_code(path, tokenizer_config.get("auto_map"), declared)?;
        if own.is_none() {
            refuse_code(&path.with_file_name("config.json"), config.get("auto_map"), declared)?;
        }
        let model_type = config.get("model_type").as_str();
        let registered = MODELS.iter().find(|(model, _)| Some(*model) == model_type);
        let registered =
            registered.and_then(|(_, names)| Class::named(names[usize::from(version == Transformers::Five)]));
        let Some(name) = declared else {
            return Ok(registered);
        };
        // Of models whose files often name a wrong class, 5 takes the generic one whatever they say.
        if version == Transformers::Five && registered.is_some_and(|class| class.rules == Rules::Generic) {
            return Ok(registered);
        }
        let bare = name.strip_suffix("Fast").unwrap_or(name);
        match Class::named(name) {
            Some(class) if class.is_built(version) => Ok(Some(class)),
            None if version == Transformers::Five && !OTHERS.contains(&bare) => Ok(Class::named("TokenizersBackend")),
            _ => Err(unsupported(path, version, name)),
        }
    }

    /// Whether its rules are computed here.
    fn is_built(&self, version: Transformers) -> bool {
        // In 5 they build the tokenizer anew, each in its own way.
        let four = [Rules::BigBird, Rules::Barthez, Rules::RemBert, Rules::FNet, Rules::Gpt2];
        version == Transformers::Four || !four.contains(&self.rules)
    }
}

/// Refuses a tokenizer that is Python code in the folder, in the older form (a list) and in today's.
fn refuse_code(path: &Path, auto_map: &Node, declared: Option<&str>) -> Result<()> {
    let code = match auto_map {
        Node::List(_) => auto_map,
        _ => auto_map.get("AutoTokenizer"),
    };
    if code.is_null() {
        return Ok(());
    }
    let named = code.items().iter().chain([code]).find_map(Node::as_str).or(declared).unwrap_or("a class");
    let feature = format!("a tokenizer that is code of the model's own ({named}, by auto_map)");
    let supported = "the classes of transformers; where the code only sets up a fast tokenizer, save that as tokenizer.json \
                     and write \"tokenizer_class\": \"PreTrainedTokenizerFast\" in the place of auto_map";
    Err(Error::Unsupported { path: path.into(), feature, supported: supported.into() })
}

fn unsupported(path: &Path, version: Transformers, name: &str) -> Error {
    let feature = format!("the tokenizer class {name} (tokenizer_class, as transformers {version} reads it)");
    let built: Vec<&str> = CLASSES.iter().filter(|class| class.is_built(version)).map(|class| class.name).collect();
    let supported = format!(
        "{}; where tokenizer.json is what the class loads and no more, \"tokenizer_class\": \"PreTrainedTokenizerFast\" \
         reads it as it is",
        built.join(", ")
    );
    Error::Unsupported { path: path.into(), feature, supported }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn name(version: Transformers, tokenizer_config: serde_json::Value, config: serde_json::Value) -> Result<String> {
        let (one, other) = (Node::from(&tokenizer_config), Node::from(&config));
        Class::of(Path::new("m/tokenizer_config.json"), version, &one, &other)
            .map(|class| class.map_or("none", |class| class.name).to_string())
    }

    #[test]
    fn names_are_unique_and_models_have_classes() {
        let mut names: Vec<&str> = CLASSES.iter().map(|class| class.name).chain(OTHERS.iter().copied()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(MODELS.iter().flat_map(|(_, names)| names).all(|name| Class::named(name).is_some()));
    }

    #[test]
    fn the_version_is_that_of_the_files() {
        let of = |tokenizer: serde_json::Value, config: serde_json::Value| {
            Transformers::of(&Node::from(&tokenizer), &Node::Null, &Node::from(&config))
        };
        assert_eq!(of(json!({}), json!({"transformers_version": "4.57.6"})), Transformers::Four);
        assert_eq!(of(json!({}), json!({"transformers_version": "5.0.0.dev0"})), Transformers::Five);
        assert_eq!(of(json!({}), json!({"transformers_version": null})), Transformers::Four);
        assert_eq!(of(json!({"backend": "tokenizers"}), json!({})), Transformers::Five);
        assert_eq!(of(json!({"tokenizer_class": "TokenizersBackend"}), json!({})), Transformers::Five);
        assert_eq!(of(json!({"extra_special_tokens": []}), json!({})), Transformers::Five);
        assert_eq!(of(json!({"extra_special_tokens": {}}), json!({})), Transformers::Four);
    }

    #[test]
    fn the_class_is_that_of_auto_tokenizer() {
        let (four, five) = (Transformers::Four, Transformers::Five);
        let declared = |name: &str| json!({"tokenizer_class": name});
        let model = |name: &str| json!({"model_type": name});
        assert_eq!(name(four, declared("RobertaTokenizerFast"), model("bert")).unwrap(), "RobertaTokenizer");
        assert_eq!(name(four, json!({}), model("distilbert")).unwrap(), "DistilBertTokenizer");
        assert_eq!(name(five, json!({}), model("distilbert")).unwrap(), "BertTokenizer");
        assert_eq!(name(five, declared("BertTokenizer"), model("modernbert")).unwrap(), "TokenizersBackend");
        assert_eq!(name(four, declared("BertTokenizer"), model("modernbert")).unwrap(), "BertTokenizer");
        assert_eq!(name(five, declared("OwnTokenizer"), model("bert")).unwrap(), "TokenizersBackend");
        assert_eq!(name(four, json!({}), json!({})).unwrap(), "none");
        for (version, declared) in [(four, "OwnTokenizer"), (five, "T5TokenizerFast"), (five, "GPT2Tokenizer")] {
            let message = name(version, json!({"tokenizer_class": declared}), json!({})).unwrap_err().to_string();
            assert!(message.contains(declared) && message.contains("PreTrainedTokenizerFast"), "{message}");
        }
        let code = json!({"tokenizer_class": "BertTokenizer", "auto_map": {"AutoTokenizer": [null, "own.Fast"]}});
        let message = name(four, code, json!({})).unwrap_err().to_string();
        assert!(message.contains("auto_map") && message.contains("own.Fast"), "{message}");
    }
}
