//! What of an encoding a model's tables can hold.

use super::{Encoding, Spans};

/// What the model's tables can hold; every [`Encoding`] respects them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest text in tokens, special tokens included: the model's positions, or fewer.
    pub max_length: usize,
    /// Rows of the table of words.
    pub vocabulary: usize,
    /// Rows of the table of types. With 0 or 1 every type id is 0, whatever the tokenizer says: transformers' own
    /// tokenizers of such models do not produce type ids.
    pub types: usize,
}

impl Limits {
    /// What of an encoding the model's tables do not have: not every [`Encoding`] comes from this model's tokenizer.
    pub(crate) fn check(&self, encoding: &Encoding) -> Result<(), String> {
        let Limits { max_length, vocabulary, types } = *self;
        let Encoding { ids, type_ids, spans, .. } = encoding;
        if ids.is_empty() || ids.len() > max_length {
            return Err(format!("it has {} tokens, the model takes 1 to {max_length}", ids.len()));
        }
        if ids.len() != type_ids.len() {
            return Err(format!("it has {} ids, but {} type ids", ids.len(), type_ids.len()));
        }
        let placed = |spans: &Spans| spans.offsets.as_ref().is_none_or(|offsets| offsets.len() == ids.len());
        if let Some(spans) = spans.as_deref().filter(|spans| spans.special.len() != ids.len() || !placed(spans)) {
            return Err(format!("it has {} ids, but spans of {}", ids.len(), spans.special.len()));
        }
        let beyond = |ids: &[u32], rows: usize| ids.iter().copied().max().filter(|&id| id as usize >= rows);
        match (beyond(ids, vocabulary), beyond(type_ids, types.max(1))) {
            (Some(id), _) => Err(format!("it has the id {id}, but the model's table has {vocabulary} rows")),
            (_, Some(id)) => Err(format!("it has the type id {id}, but the model's table has {types} rows")),
            (None, None) => Ok(()),
        }
    }
}
