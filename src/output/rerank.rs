//! How well documents answer a query.

use super::SequenceClassifierOutput;
use serde::Serialize;

/// How well the second text of a pair belongs to the first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairScore {
    /// What sentence-transformers' `CrossEncoder.predict` answers: the logit behind the activation.
    pub score: f32,
    /// What the model computes, before any activation.
    pub logit: f32,
    /// Tokens of the pair as classified, special tokens included; those of all its windows.
    pub tokens: usize,
    /// Whether tokens of the pair had no part in its score.
    pub truncated: bool,
}

/// A document of [`Classifier::rerank`](crate::Classifier::rerank).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// Its position among the documents of the call, from 0: sentence-transformers' name for it.
    pub corpus_id: usize,
    /// How well it answers the query.
    #[serde(flatten)]
    pub pair: PairScore,
}

impl PairScore {
    /// The scores of the pairs that a model of one label answered, in their order.
    pub(crate) fn all(output: &SequenceClassifierOutput) -> impl Iterator<Item = PairScore> + '_ {
        output.texts().map(|pair| PairScore {
            score: pair.scores()[0],
            logit: pair.logits()[0],
            tokens: pair.tokens(),
            truncated: pair.truncated(),
        })
    }
}

impl Ranked {
    /// The best score first, of equal ones the first document, as `CrossEncoder.rank` sorts; what is no number last.
    pub(crate) fn sort(documents: impl IntoIterator<Item = Ranked>) -> Vec<Ranked> {
        let mut ranked: Vec<Ranked> = documents.into_iter().collect();
        // None is less than any number, and 0 equal to -0.
        let key = |ranked: &Ranked| Some(ranked.pair.score).filter(|score| !score.is_nan());
        ranked.sort_by(|a, b| key(b).partial_cmp(&key(a)).expect("neither is NaN"));
        ranked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_keep_their_order_and_nan_is_last() {
        let pair = |score| PairScore { score, logit: score, tokens: 4, truncated: false };
        let scores = [f32::NAN, 0.5, -0.0, f32::NEG_INFINITY, 0.0, 0.5, f32::INFINITY];
        let documents = scores.map(pair).into_iter().enumerate().map(|(corpus_id, pair)| Ranked { corpus_id, pair });
        let order: Vec<usize> = Ranked::sort(documents).iter().map(|ranked| ranked.corpus_id).collect();
        assert_eq!(order, [6, 1, 5, 2, 4, 3, 0]);
    }
}
