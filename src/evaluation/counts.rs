//! Precision, recall and F1 of counts, and their averages (scikit-learn's `precision_recall_fscore_support`). A quotient by
//! zero is 0, as scikit-learn has it where nothing else is asked for (`zero_division`).

use serde::Serialize;

/// How often a label was right, predicted, and both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Rows where it is right and was predicted.
    pub(super) hits: u64,
    /// Rows where it was predicted.
    pub(super) predicted: u64,
    /// Rows where it is right.
    pub(super) support: u64,
}

/// Precision, recall and F1, of one label or averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Scores {
    /// Of what was predicted, the share that is right; 0 where nothing was.
    pub precision: f64,
    /// Of what is right, the share that was predicted; 0 where nothing is.
    pub recall: f64,
    /// The harmonic mean of both; 0 where there is none.
    pub f1_score: f64,
}

/// [`Scores`] averaged in scikit-learn's ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Averages {
    /// Of the sums of all labels' counts.
    pub micro: Scores,
    /// The mean of the labels. Where one label of a text is right, labels that are neither expected nor predicted anywhere are left
    /// out, as scikit-learn does where it is given no list of labels; where several may be right, all labels count.
    #[serde(rename = "macro")]
    pub macro_: Scores,
    /// The mean of the labels, weighted by the rows where each is right.
    pub weighted: Scores,
    /// The mean of the rows' own scores; where several labels may be right only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<Scores>,
}

impl Counts {
    pub(super) fn add(&mut self, expected: bool, predicted: bool) {
        self.hits += u64::from(expected && predicted);
        self.predicted += u64::from(predicted);
        self.support += u64::from(expected);
    }

    pub(super) fn scores(self) -> Scores {
        let quotient = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        Scores {
            precision: quotient(self.hits, self.predicted),
            recall: quotient(self.hits, self.support),
            f1_score: quotient(2 * self.hits, self.predicted + self.support),
        }
    }

    /// Whether the label occurs at all.
    pub(super) fn occurs(self) -> bool {
        self.predicted + self.support > 0
    }
}

impl Scores {
    pub(super) fn add(&mut self, other: Scores, weight: f64) {
        self.precision += weight * other.precision;
        self.recall += weight * other.recall;
        self.f1_score += weight * other.f1_score;
    }

    /// The mean of a sum with these weights together; 0 of none.
    pub(super) fn over(self, weight: f64) -> Scores {
        let mean = |sum: f64| if weight == 0.0 { 0.0 } else { sum / weight };
        Scores { precision: mean(self.precision), recall: mean(self.recall), f1_score: mean(self.f1_score) }
    }
}

/// The averages over these labels, without that of rows.
pub(super) fn averages(labels: &[Counts]) -> Averages {
    let (mut sum, mut macro_, mut weighted) = (Counts::default(), Scores::default(), Scores::default());
    for counts in labels {
        sum.hits += counts.hits;
        sum.predicted += counts.predicted;
        sum.support += counts.support;
        macro_.add(counts.scores(), 1.0);
        weighted.add(counts.scores(), counts.support as f64);
    }
    Averages {
        micro: sum.scores(),
        macro_: macro_.over(labels.len() as f64),
        weighted: weighted.over(sum.support as f64),
        samples: None,
    }
}
