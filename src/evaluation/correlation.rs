//! Pearson's and Spearman's correlation, as scipy's `pearsonr` and `spearmanr`.

/// Pearson's coefficient of pairs; `None` of fewer than two, or where one side is constant.
pub(super) fn pearson(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 2 || is_constant(pairs, |pair| pair.0) || is_constant(pairs, |pair| pair.1) {
        return None;
    }
    let count = pairs.len() as f64;
    let mean = |side: fn(&(f64, f64)) -> f64| pairs.iter().map(side).sum::<f64>() / count;
    let (left, right) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let norm = |side: fn(&(f64, f64)) -> f64, mean: f64| {
        pairs.iter().map(|pair| (side(pair) - mean) * (side(pair) - mean)).sum::<f64>().sqrt()
    };
    let (left_norm, right_norm) = (norm(|pair| pair.0, left), norm(|pair| pair.1, right));
    // The squares of numbers out of any scale are infinite or zero.
    if ![left_norm, right_norm].iter().all(|norm| norm.is_normal()) {
        return None;
    }
    let product: f64 = pairs.iter().map(|pair| (pair.0 - left) / left_norm * ((pair.1 - right) / right_norm)).sum();
    // Rounding can lead beyond.
    Some(product.clamp(-1.0, 1.0))
}

/// Pearson's coefficient of the ranks, in which equals share the mean of theirs.
pub(super) fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let ranks = |side: fn(&(f64, f64)) -> f64| ranks(pairs.iter().map(side).collect());
    let pairs: Vec<(f64, f64)> = ranks(|pair| pair.0).into_iter().zip(ranks(|pair| pair.1)).collect();
    pearson(&pairs)
}

fn ranks(values: Vec<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for equals in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = first as f64 + (equals.len() + 1) as f64 / 2.0;
        equals.iter().for_each(|&place| ranks[place] = mean);
        first += equals.len();
    }
    ranks
}

/// Whether one side is the same number everywhere.
pub(super) fn is_constant(pairs: &[(f64, f64)], side: fn(&(f64, f64)) -> f64) -> bool {
    pairs.windows(2).all(|two| side(&two[0]) == side(&two[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_share_their_ranks() {
        assert_eq!(ranks(vec![3.0, 1.0, 3.0, 2.0, 3.0]), [4.0, 1.0, 4.0, 2.0, 4.0]);
        assert_eq!(ranks(vec![0.0, -0.0]), [1.5, 1.5]);
    }

    #[test]
    fn what_is_undefined_is_none() {
        for pairs in [&[][..], &[(1.0, 2.0)], &[(1.0, 2.0), (1.0, 3.0)], &[(0.1, 0.2), (0.3, 0.2), (0.4, 0.2)]] {
            assert_eq!((pearson(pairs), spearman(pairs)), (None, None), "{pairs:?}");
        }
        assert_eq!(pearson(&[(1e300, 1.0), (-1e300, 2.0)]), None);
        assert!(spearman(&[(1e300, 1.0), (-1e300, 2.0)]).is_some_and(|ranks| (ranks + 1.0).abs() < 1e-12));
    }
}
