//! What repetitions come to.

use serde_json::{Value, json};
use std::time::Duration;

/// The repetitions of one row, in seconds.
#[derive(Clone, Debug)]
pub struct Summary {
    /// In ascending order.
    sorted: Vec<f64>,
}

impl Summary {
    /// # Panics
    /// Of no repetitions.
    pub fn new(times: &[Duration]) -> Summary {
        assert!(!times.is_empty(), "at least one repetition");
        let mut sorted: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
        sorted.sort_by(f64::total_cmp);
        Summary { sorted }
    }

    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    pub fn min(&self) -> f64 {
        self.sorted[0]
    }

    pub fn max(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }

    pub fn median(&self) -> f64 {
        middle(&self.sorted)
    }

    /// Median absolute deviation from the median; half of the repetitions lie closer to it.
    pub fn deviation(&self) -> f64 {
        let median = self.median();
        let mut distances: Vec<f64> = self.sorted.iter().map(|time| (time - median).abs()).collect();
        distances.sort_by(f64::total_cmp);
        middle(&distances)
    }

    /// The repetition that `percent` of 100 are not above (nearest rank): p99 of fewer than 100 is the largest.
    pub fn percentile(&self, percent: f64) -> f64 {
        let rank = (percent / 100.0 * self.sorted.len() as f64).ceil() as usize;
        self.sorted[rank.clamp(1, self.sorted.len()) - 1]
    }

    /// In milliseconds.
    pub(super) fn json(&self) -> Value {
        json!({
            "median": milliseconds(self.median()),
            "deviation": milliseconds(self.deviation()),
            "min": milliseconds(self.min()),
            "max": milliseconds(self.max()),
            "p50": milliseconds(self.percentile(50.0)),
            "p99": milliseconds(self.percentile(99.0)),
        })
    }
}

fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

fn milliseconds(seconds: f64) -> f64 {
    significant(seconds * 1e3)
}

/// With the digits that a measurement can have: six.
pub(super) fn significant(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(milliseconds: &[u64]) -> Summary {
        Summary::new(&milliseconds.iter().map(|time| Duration::from_millis(*time)).collect::<Vec<_>>())
    }

    fn is(actual: f64, milliseconds: f64) {
        assert!((actual * 1e3 - milliseconds).abs() < 1e-9, "{actual} s is not {milliseconds} ms");
    }

    #[test]
    fn one_disturbed_repetition_moves_neither_median_nor_deviation() {
        for last in [14, 9000] {
            let times = summary(&[12, last, 10, 13, 11]);
            is(times.median(), 12.0);
            is(times.deviation(), 1.0);
            is(times.min(), 10.0);
            is(times.percentile(99.0), last as f64);
        }
    }

    #[test]
    fn percentiles_are_repetitions() {
        let hundred = summary(&(1..=100).collect::<Vec<_>>());
        is(hundred.percentile(50.0), 50.0);
        is(hundred.percentile(99.0), 99.0);
        is(hundred.percentile(100.0), 100.0);
        is(hundred.median(), 50.5);
        let one = summary(&[7]);
        is(one.percentile(1.0), 7.0);
        is(one.deviation(), 0.0);
    }

    #[test]
    fn numbers_keep_six_digits() {
        assert_eq!(significant(1234.56789), 1234.57);
        assert_eq!(significant(0.0), 0.0);
    }
}
