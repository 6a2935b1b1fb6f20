//! Many encodings -> packed batches.
//!
//! The tokens of a batch's texts lie end to end, without padding. Texts of like length share a batch, so that the work
//! of one batch is even; a text's answer does not depend on its neighbours, so that the order is free.

use std::borrow::Borrow;
use std::cmp::Reverse;

use super::Encoding;
use crate::ir::BatchLimits;

/// The texts of one batch, as the kernels read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// `[tokens]` of (id, type id, position, text in this batch).
    pub tokens: Vec<[u32; 4]>,
    /// `[texts + 1]`: text `i` is `tokens[cu_seqlens[i]..cu_seqlens[i + 1]]`.
    pub cu_seqlens: Vec<u32>,
    /// `[texts]`: which input each text was.
    pub rows: Vec<usize>,
}

impl Batch {
    /// The batch of the encodings `rows`, in that order.
    ///
    /// A token's position is its place in its text; with `padding`, as RoBERTa has it, the number of tokens up to it
    /// that are not `padding`, plus `padding`, and for such a token `padding` itself (transformers
    /// models/roberta/modeling_roberta.py, `create_position_ids_from_input_ids`).
    ///
    /// # Panics
    /// When a row is out of range.
    pub fn new<E: Borrow<Encoding>>(encodings: &[E], rows: &[usize], padding: Option<u32>) -> Batch {
        let total = rows.iter().map(|&row| encodings[row].borrow().ids.len()).sum();
        let mut tokens = Vec::with_capacity(total);
        let mut cu_seqlens = Vec::with_capacity(rows.len() + 1);
        cu_seqlens.push(0);
        for (text, &row) in (0u32..).zip(rows) {
            let Encoding { ids, type_ids, .. } = encodings[row].borrow();
            let mut counted = padding.map_or(0, |padding| padding + 1);
            tokens.extend(ids.iter().zip(type_ids).map(|(&id, &type_id)| {
                let position = if Some(id) == padding { id } else { counted };
                counted += u32::from(Some(id) != padding);
                [id, type_id, position, text]
            }));
            cu_seqlens.push(tokens.len() as u32);
        }
        Batch { tokens, cu_seqlens, rows: rows.to_vec() }
    }

    /// Number of texts.
    pub fn texts(&self) -> usize {
        self.rows.len()
    }

    /// `[texts]`: tokens of each text.
    pub fn lengths(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.cu_seqlens.windows(2).map(|ends| ends[1] - ends[0])
    }
}

/// Which rows share a batch: 8 bytes per row, and no copy of their tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packing {
    /// All rows, longest first; equally long ones in their own order.
    order: Vec<usize>,
    /// Batch `i` is `order[bounds[i]..bounds[i + 1]]`.
    bounds: Vec<usize>,
}

impl Packing {
    /// Packs texts of `lengths` tokens, the longest first: the batch that needs most memory is the first to run.
    ///
    /// # Panics
    /// When the capacity holds no text or more tokens than `u32` counts, or one text exceeds it.
    pub fn new(lengths: &[usize], capacity: BatchLimits) -> Packing {
        let BatchLimits { tokens, texts } = capacity;
        assert!(texts > 0 && u32::try_from(tokens).is_ok(), "a batch cannot have {capacity:?}");
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|&row| Reverse(lengths[row]));
        if let Some(&row) = order.first() {
            let length = lengths[row];
            assert!(length <= tokens, "text {row} has {length} tokens, a batch holds {tokens}");
        }

        let mut bounds = vec![0];
        let (mut start, mut filled) = (0, 0);
        for (end, &row) in order.iter().enumerate() {
            if filled + lengths[row] > tokens || end - start == texts {
                bounds.push(end);
                (start, filled) = (end, 0);
            }
            filled += lengths[row];
        }
        if !order.is_empty() {
            bounds.push(order.len());
        }
        Packing { order, bounds }
    }

    /// The rows of each batch, for [`Batch::new`].
    pub fn batches(&self) -> impl ExactSizeIterator<Item = &[usize]> {
        self.bounds.windows(2).map(|ends| &self.order[ends[0]..ends[1]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoding(row: usize, length: usize) -> Encoding {
        let ids = (0..length).map(|position| (row * 1000 + position) as u32).collect();
        let type_ids = (0..length).map(|position| (position % 2) as u32).collect();
        Encoding { ids, type_ids, truncated: false }
    }

    proptest! {
        #[test]
        fn every_text_is_in_one_batch(
            lengths in prop::collection::vec(1usize..40, 0..120),
            tokens in 40usize..200,
            texts in 1usize..20,
        ) {
            let encodings: Vec<Encoding> =
                lengths.iter().enumerate().map(|(row, &length)| encoding(row, length)).collect();
            let lengths: Vec<usize> = encodings.iter().map(|encoding| encoding.ids.len()).collect();
            let packing = Packing::new(&lengths, BatchLimits { tokens, texts });
            let batches: Vec<Batch> = packing.batches().map(|rows| Batch::new(&encodings, rows, None)).collect();

            let mut seen: Vec<usize> = batches.iter().flat_map(|batch| batch.rows.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            for batch in &batches {
                prop_assert!(!batch.rows.is_empty());
                prop_assert!(batch.tokens.len() <= tokens && batch.texts() <= texts);
                prop_assert_eq!(batch.cu_seqlens.len(), batch.texts() + 1);
                prop_assert_eq!(batch.cu_seqlens[0], 0);
                prop_assert_eq!(batch.cu_seqlens[batch.texts()] as usize, batch.tokens.len());
                prop_assert!(batch.lengths().is_sorted_by(|longer, shorter| longer >= shorter));
                for (text, (&row, length)) in batch.rows.iter().zip(batch.lengths()).enumerate() {
                    let Encoding { ids, type_ids, .. } = &encodings[row];
                    prop_assert_eq!(length as usize, ids.len());
                    for position in 0..ids.len() {
                        let token = batch.tokens[batch.cu_seqlens[text] as usize + position];
                        prop_assert_eq!(token, [ids[position], type_ids[position], position as u32, text as u32]);
                    }
                }
            }
        }
    }

    #[test]
    fn roberta_counts_what_is_not_padding() {
        let encoding = Encoding { ids: vec![0, 7, 1, 8, 1, 2], type_ids: vec![0; 6], truncated: false };
        let positions = |padding| Batch::new(&[&encoding], &[0], padding).tokens.iter().map(|token| token[2]).collect();
        let (counted, plain): (Vec<u32>, Vec<u32>) = (positions(Some(1)), positions(None));
        assert_eq!(counted, [2, 3, 1, 4, 1, 5]);
        assert_eq!(plain, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn equally_long_texts_keep_their_order() {
        let packing = Packing::new(&[3, 5, 3, 5, 3], BatchLimits { tokens: 8, texts: 8 });
        let batches: Vec<&[usize]> = packing.batches().collect();
        assert_eq!(batches, [&[1][..], &[3, 0], &[2, 4]]);
    }

    #[test]
    #[should_panic(expected = "text 1 has 9 tokens, a batch holds 8")]
    fn a_text_beyond_the_capacity_is_a_bug() {
        Packing::new(&[3, 9], BatchLimits { tokens: 8, texts: 8 });
    }
}
