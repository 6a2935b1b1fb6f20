//! The special tokens that each class has by default, and the flags that its constructor gives to those that are texts:
//! the `__init__` of `models/*/tokenization_*.py`.

use super::added::Token;
use super::class::{Rules, Transformers};

/// What a special token is where no file says so; none where the class has none by this name. `slow`: of the slow class
/// that 4.57 makes the fast one of.
pub(super) fn default(rules: Rules, name: &str, slow: bool) -> Option<&'static str> {
    let brackets = |name: &str| match name {
        "unk_token" => Some("[UNK]"),
        "sep_token" => Some("[SEP]"),
        "pad_token" => Some("[PAD]"),
        "cls_token" => Some("[CLS]"),
        "mask_token" => Some("[MASK]"),
        _ => None,
    };
    let angles = |name: &str| match name {
        "bos_token" | "cls_token" => Some("<s>"),
        "eos_token" | "sep_token" => Some("</s>"),
        "unk_token" => Some("<unk>"),
        "pad_token" => Some("<pad>"),
        "mask_token" => Some("<mask>"),
        _ => None,
    };
    let ends = |name: &str| match name {
        "bos_token" => Some("[CLS]"),
        "eos_token" => Some("[SEP]"),
        _ => None,
    };
    let pieces = |name: &str| match name {
        "unk_token" => Some("<unk>"),
        "pad_token" => Some("<pad>"),
        _ => brackets(name),
    };
    match rules {
        Rules::Generic => None,
        Rules::Bert => brackets(name),
        Rules::Mpnet if name == "unk_token" => Some("[UNK]"),
        Rules::Herbert if name == "eos_token" || name == "bos_token" && !slow => None,
        Rules::Roberta
        | Rules::XlmRoberta
        | Rules::Camembert
        | Rules::Barthez
        | Rules::Herbert
        | Rules::Mpnet
        | Rules::Phobert
        | Rules::Bertweet => angles(name),
        Rules::Deberta | Rules::DebertaV2 => brackets(name).or(ends(name)),
        Rules::Albert | Rules::RemBert => pieces(name).or(ends(name)),
        Rules::FNet => pieces(name),
        Rules::BigBird => match name {
            "bos_token" => Some("<s>"),
            "eos_token" => Some("</s>"),
            _ => pieces(name),
        },
        Rules::Gpt2 => matches!(name, "bos_token" | "eos_token" | "unk_token").then_some("<|endoftext|>"),
    }
}

/// The flags of a special token that is a text; none where it stays one.
pub(super) fn flags(version: Transformers, rules: Rules, name: &str, slow: bool) -> Option<Token> {
    let mask = name == "mask_token";
    let plain = Token { flagged: true, ..Token::plain("") };
    let special = Token { special: true, ..plain.clone() };
    let stripped = Token { lstrip: true, ..plain.clone() };
    let verbatim = Token { normalized: Some(false), ..stripped.clone() };
    match (rules, version) {
        (Rules::Mpnet, Transformers::Four) if slow => {
            Some(if mask { Token { lstrip: true, ..special } } else { special })
        }
        (Rules::Mpnet, _) => Some(if mask { stripped } else { plain }),
        (Rules::Roberta, Transformers::Four) if mask => Some(verbatim),
        (Rules::Roberta, Transformers::Four) if slow => Some(plain),
        (Rules::Deberta, Transformers::Four) if slow => Some(if mask { stripped } else { special }),
        (Rules::Albert, Transformers::Four) if mask => Some(verbatim),
        (Rules::Camembert, _) if mask => Some(Token { lstrip: true, ..special }),
        (Rules::XlmRoberta | Rules::Barthez | Rules::RemBert, Transformers::Four) if mask => Some(stripped),
        (Rules::BigBird, _) => Some(if mask { stripped } else { plain }),
        (Rules::FNet, _) => match name {
            "mask_token" => Some(stripped),
            "cls_token" | "sep_token" => Some(plain),
            _ => None,
        },
        _ => None,
    }
}

/// Special tokens without names where the files list none.
pub(super) fn extra(rules: Rules, slow: bool) -> Vec<Token> {
    match rules {
        Rules::Camembert => ["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"].map(Token::plain).into(),
        Rules::Herbert if slow => (0..10).map(|number| Token::plain(&format!("<special{number}>"))).collect(),
        _ => Vec::new(),
    }
}
