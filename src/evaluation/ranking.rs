//! What the order of one label's scores says: average precision, and the threshold with the largest F1.

use super::counts::Counts;

/// The figures of one label's scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ranking {
    /// `sum_k (recall_k - recall_{k-1}) * precision_k` over the distinct scores, the largest first.
    pub(super) average_precision: f64,
    /// The threshold that a score must be above, such that F1 is the largest; of several such, the lowest.
    pub(super) threshold: f32,
    /// The counts with that threshold.
    pub(super) counts: Counts,
}

/// Ranks the scores of the rows where the label is right (`positive`) and where it is not, in any order, none of them NaN;
/// `None` where it is right nowhere.
pub(super) fn rank(mut positive: Vec<f32>, mut negative: Vec<f32>) -> Option<Ranking> {
    let support = positive.len() as u64;
    for scores in [&mut positive, &mut negative] {
        scores.sort_unstable_by(|a, b| b.total_cmp(a));
    }
    let (mut positive, mut negative) = (&positive[..], &negative[..]);
    let mut counts = Counts { support, ..Counts::default() };
    let (mut average_precision, mut best): (f64, Option<(f32, Counts)>) = (0.0, None);
    while let Some(score) = largest(positive, negative) {
        let hits = take(&mut positive, score);
        counts.hits += hits;
        counts.predicted += hits + take(&mut negative, score);
        average_precision += hits as f64 / support as f64 * counts.scores().precision;
        // Equal quotients of integers are equal numbers.
        if best.is_none_or(|(_, best)| counts.scores().f1_score >= best.scores().f1_score) {
            best = Some((between(largest(positive, negative), score), counts));
        }
    }
    let (threshold, counts) = best.filter(|_| support > 0)?;
    Some(Ranking { average_precision, threshold, counts })
}

fn largest(positive: &[f32], negative: &[f32]) -> Option<f32> {
    match (positive.first(), negative.first()) {
        (Some(&positive), Some(&negative)) => Some(positive.max(negative)),
        (one, other) => one.or(other).copied(),
    }
}

/// Takes the scores that are this one from the front, and says how many they were.
fn take(scores: &mut &[f32], score: f32) -> u64 {
    let equal = scores.iter().take_while(|other| **other == score).count();
    *scores = &scores[equal..];
    equal as u64
}

/// The threshold that lets `upper` pass and `lower` not: halfway, where a number of the type lies there. Below all scores it is
/// 0 if that will do.
fn between(lower: Option<f32>, upper: f32) -> f32 {
    match lower {
        Some(lower) => Some(lower / 2.0 + upper / 2.0).filter(|half| (lower..upper).contains(half)).unwrap_or(lower),
        None if upper > 0.0 => 0.0,
        None => upper.next_down(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_of_the_best_thresholds() {
        // Above 0.6: 1 of 1, F1 2/3. Above 0.2: 2 of 4, F1 2/3.
        let ranking = rank(vec![0.75, 0.25], vec![0.5, 0.375, 0.125]).expect("it is right somewhere");
        assert_eq!(ranking.counts, Counts { hits: 2, predicted: 4, support: 2 });
        assert_eq!(ranking.threshold, 0.1875);
        assert_eq!(ranking.average_precision, 0.5 + 0.5 * 0.5);
    }

    #[test]
    fn a_label_that_is_right_nowhere_has_none() {
        assert_eq!(rank(vec![], vec![0.5, 0.25]), None);
        assert_eq!(rank(vec![], vec![]), None);
    }

    #[test]
    fn a_threshold_lets_pass_what_it_should() {
        for upper in [0.0, f32::MIN_POSITIVE, 0.3, 1.0, -2.0] {
            assert!(between(None, upper) < upper);
            let lower = upper.next_down();
            let threshold = between(Some(lower), upper);
            assert!(threshold < upper && threshold >= lower, "{threshold} between {lower} and {upper}");
        }
        assert_eq!(between(Some(0.25), 0.75), 0.5);
        assert_eq!(rank(vec![0.0; 3], vec![]).expect("it is right").counts.predicted, 3);
    }
}
