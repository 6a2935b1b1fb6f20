//! The most confident mistakes, of any number of rows in constant memory.

use serde::Serialize;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Characters of a text that are kept.
const LONGEST_TEXT: usize = 1000;

/// One row that was answered wrongly.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Mistake {
    /// The row's position, as it was given.
    pub index: usize,
    /// What the row is called or where it is, as it was given.
    pub name: String,
    /// The text; one of more than 1000 characters is cut there, and ends with `…`.
    pub text: String,
    /// What is right.
    pub expected: Answer,
    /// What was answered.
    pub predicted: Answer,
    /// Which label, or which output of a regression, is the farthest from right, where there are several to be wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The score of the predicted label; where several may be right, that of `label`; of a regression, the value of `label`.
    pub score: f64,
    /// How far the score is from 0 or 1, or the value from the right one; `None` where one label of a text is right, whose mistakes
    /// are ordered by their score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
}

/// What is right for a row or was answered, in the labels' names.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// The one label.
    Label(String),
    /// The labels that hold, perhaps none.
    Labels(Vec<String>),
    /// The value of each output.
    Values(Vec<f64>),
}

/// The worst rows so far, the least of them first to go.
#[derive(Clone, Debug)]
pub(super) struct Mistakes {
    limit: usize,
    heap: BinaryHeap<Reverse<Ranked>>,
}

#[derive(Clone, Debug)]
struct Ranked {
    rank: f64,
    mistake: Mistake,
}

impl Mistakes {
    pub(super) fn new(limit: usize) -> Mistakes {
        Mistakes { limit, heap: BinaryHeap::new() }
    }

    /// Takes the mistake if it is among the worst; of equals the first row stays, in whatever order they come.
    pub(super) fn offer(&mut self, rank: f64, index: usize, mistake: impl FnOnce() -> Mistake) {
        let better = |Reverse(least): &Reverse<Ranked>| order(rank, index, least.rank, least.mistake.index).is_gt();
        if self.heap.len() < self.limit || self.heap.peek().is_some_and(better) {
            self.heap.push(Reverse(Ranked { rank, mistake: mistake() }));
            if self.heap.len() > self.limit {
                self.heap.pop();
            }
        }
    }

    /// The worst first.
    pub(super) fn finish(self) -> Vec<Mistake> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(ranked)| ranked.mistake).collect()
    }
}

fn order(rank: f64, index: usize, other_rank: f64, other_index: usize) -> Ordering {
    rank.total_cmp(&other_rank).then(other_index.cmp(&index))
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        order(self.rank, self.mistake.index, other.rank, other.mistake.index)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

/// The text's first characters, with a sign where it goes on.
pub(super) fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// As much of a text as is kept.
pub(super) fn kept(text: &str) -> String {
    cut(text, LONGEST_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(index: usize, score: f64) -> Mistake {
        let label = |name: &str| Answer::Label(name.into());
        let (name, text) = (index.to_string(), String::new());
        Mistake { index, name, text, expected: label("a"), predicted: label("b"), label: None, score, error: None }
    }

    #[test]
    fn the_worst_stay_in_whatever_order_they_come() {
        let scores = [0.5, 0.9, 0.7, 0.9, 0.6, 0.7, 0.8];
        for turn in 0..scores.len() {
            let mut mistakes = Mistakes::new(4);
            for place in 0..scores.len() {
                let index = (place + turn) % scores.len();
                mistakes.offer(scores[index], index, || mistake(index, scores[index]));
            }
            let kept: Vec<usize> = mistakes.finish().iter().map(|mistake| mistake.index).collect();
            assert_eq!(kept, [1, 3, 6, 2]);
        }
    }

    #[test]
    fn none_are_kept_where_none_are_wanted() {
        let mut mistakes = Mistakes::new(0);
        mistakes.offer(1.0, 0, || panic!("it is not made"));
        assert!(mistakes.finish().is_empty());
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("äöü", 2), "äö…");
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(kept(&"ß".repeat(2000)).chars().count(), 1001);
    }
}
