//! The tokenizers library: what of it is run, and what its panics become.

use std::collections::HashMap;
use std::ops::Range;

use crate::panics;

use tokenizers::{
    Decoder, Encoding as Tokens, ModelWrapper, NormalizedString, Normalizer, PostProcessor, PostProcessorWrapper,
};

use super::class::Transformers;

/// A tokenizer of the library.
#[derive(Clone)]
pub(super) struct Library {
    pub(super) inner: tokenizers::Tokenizer,
    /// What is done to the tokens at the end: once, after texts are cut.
    processor: Option<PostProcessorWrapper>,
    /// The id of `unk_token`, where there is one.
    pub(super) unknown: Option<u32>,
    /// Added tokens that are called as the normalizer has them.
    normalized: HashMap<u32, String>,
}

impl Library {
    pub(super) fn new(mut inner: tokenizers::Tokenizer, version: Transformers, unknown: Option<u32>) -> Library {
        let processor = inner.get_post_processor().cloned();
        inner.with_post_processor(None::<PostProcessorWrapper>);
        // The library of transformers 5 (0.23) answers so, that of 4.57 with what the file says.
        let normalized = match (version, inner.get_normalizer()) {
            (Transformers::Five, Some(normalizer)) => {
                let added = inner.get_added_tokens_decoder();
                let normal = |content: &str| {
                    let mut text = NormalizedString::from(content);
                    guarded(|| normalizer.normalize(&mut text)).ok().map(|()| text.get().to_owned())
                };
                let tokens = added.iter().filter(|(_, token)| token.normalized);
                tokens.filter_map(|(id, token)| Some((*id, normal(&token.content)?))).collect()
            }
            _ => HashMap::new(),
        };
        Library { inner, processor, unknown, normalized }
    }

    /// What is done to the tokens at the end.
    #[cfg(test)]
    pub(super) fn processor(&self) -> Option<&PostProcessorWrapper> {
        self.processor.as_ref()
    }

    /// The token of an id, if there is one.
    pub(super) fn token(&self, id: u32) -> Option<String> {
        self.normalized.get(&id).cloned().or_else(|| self.inner.id_to_token(id))
    }

    /// What marks a token that goes on a word, where the model has such a mark.
    pub(super) fn subword_prefix(&self) -> Option<&str> {
        let prefix = match self.inner.get_model() {
            ModelWrapper::WordPiece(model) => Some(model.continuing_subword_prefix.as_str()),
            ModelWrapper::BPE(model) => model.continuing_subword_prefix.as_deref(),
            _ => None,
        };
        prefix.filter(|prefix| !prefix.is_empty())
    }

    /// Tokens as a text.
    pub(super) fn join(&self, tokens: Vec<String>) -> Result<String, String> {
        match self.inner.get_decoder() {
            Some(decoder) => guarded(|| decoder.decode(tokens)),
            None => Ok(tokens.join(" ")),
        }
    }

    /// The tokens of one sequence, without special ones, and where they stand, in characters.
    pub(super) fn tokens(&self, text: &str) -> Result<Tokens, String> {
        let mut tokens = guarded(|| self.inner.encode_char_offsets(text, false))?;
        // A post-processor that has an opinion overwrites them; the others leave what they find.
        tokens.set_type_ids(vec![0; tokens.len()]);
        Ok(tokens)
    }

    /// The ids of one sequence, without special ones.
    pub(super) fn ids(&self, text: &str) -> Result<Vec<u32>, String> {
        guarded(|| self.inner.encode_fast(text, false)).map(|tokens| tokens.get_ids().to_vec())
    }

    /// The ids and type ids of a text, or of a pair, of the ids of its sequences.
    pub(super) fn assemble(&self, first: &[u32], second: Option<&[u32]>) -> Result<(Vec<u32>, Vec<u32>), String> {
        // `encode_fast` knows nothing else of a token. A post-processor that has an opinion of the type ids overwrites them.
        let tokens = |ids: &[u32], type_id| ids.iter().map(|id| (*id, String::new(), (0, 0), None, type_id)).collect();
        let tokens = self.post_process(tokens(first, 0), second.map(|second| tokens(second, 1)))?;
        Ok((tokens.get_ids().to_vec(), tokens.get_type_ids().to_vec()))
    }

    /// Adds the special tokens, and whatever else the processor does.
    pub(super) fn post_process(&self, first: Tokens, second: Option<Tokens>) -> Result<Tokens, String> {
        guarded(|| match &self.processor {
            Some(processor) => processor.process(first, second, true),
            // The library joins them.
            None => self.inner.post_process(first, second, true),
        })
    }
}

/// Some of the tokens.
pub(super) fn slice(tokens: &Tokens, range: Range<usize>) -> Tokens {
    Tokens::new(
        tokens.get_ids()[range.clone()].to_vec(),
        tokens.get_type_ids()[range.clone()].to_vec(),
        tokens.get_tokens()[range.clone()].to_vec(),
        tokens.get_word_ids()[range.clone()].to_vec(),
        tokens.get_offsets()[range.clone()].to_vec(),
        tokens.get_special_tokens_mask()[range.clone()].to_vec(),
        tokens.get_attention_mask()[range].to_vec(),
        Vec::new(),
        Default::default(),
    )
}

/// Calls into the tokenizers library with its panics turned into errors.
///
/// A `tokenizer.json` is a small program of some forty kinds of steps, and the library indexes and unwraps on what it
/// says: a template that names an undefined token, a BPE prefix longer than a merge, a broken `precompiled_charsmap`, a
/// chunk length of 0. Checking the file beforehand would mean to write the library a second time. Nothing is left half
/// done: encoding takes `&self`, whose caches survive a poisoned lock by being skipped, and a tokenizer that fails to
/// load is dropped.
pub(super) fn guarded<T>(call: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, String> {
    panics::guarded("tokenizers", call)
}
