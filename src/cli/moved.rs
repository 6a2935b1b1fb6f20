//! The parts that moved the answers to many rows, in a table of bounded size.

use super::parts::Effects;
use std::collections::HashMap;

/// Most parts that are remembered; beyond, the half that moved least is forgotten.
pub const MOST: usize = 1 << 17;

/// Parts with their effects, in small letters, by the label that they moved.
#[derive(Debug, Default)]
pub struct Moved {
    /// One a label.
    sums: Vec<HashMap<String, Sum>>,
    /// Parts in all of them.
    parts: usize,
    most: usize,
    pub rows: usize,
    /// Parts that were forgotten, of which some may have come again.
    pub forgotten: usize,
}

/// What is known of a part.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    rows: usize,
    /// The last row that has it, from 1.
    last: usize,
    times: usize,
    effect: f64,
}

/// A part that moved answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Mover<'a> {
    pub part: &'a str,
    pub label: usize,
    /// Rows that have it, and how often they do.
    pub rows: usize,
    pub times: usize,
    /// All of its effects together.
    pub total: f64,
}

impl Mover<'_> {
    pub fn mean(&self) -> f64 {
        self.total / self.times as f64
    }
}

impl Moved {
    pub fn new() -> Moved {
        Moved { most: MOST, ..Moved::default() }
    }

    /// Counts the parts of a row.
    pub fn see(&mut self, row: &Effects) {
        self.rows += 1;
        for effect in row.parts().iter().filter(|effect| effect.effect.is_finite()) {
            self.count(row.label, &effect.part.text.to_lowercase(), effect.effect);
        }
        if self.parts > self.most {
            self.forget();
        }
    }

    fn count(&mut self, label: usize, part: &str, effect: f32) {
        if self.sums.len() <= label {
            self.sums.resize_with(label + 1, HashMap::new);
        }
        let sums = &mut self.sums[label];
        if !sums.contains_key(part) {
            sums.insert(part.into(), Sum::default());
            self.parts += 1;
        }
        let sum = sums.get_mut(part).expect("it is there");
        sum.rows += usize::from(sum.last != self.rows);
        sum.last = self.rows;
        sum.times += 1;
        sum.effect += f64::from(effect);
    }

    /// Forgets those that moved least.
    fn forget(&mut self) {
        let mut sizes: Vec<f64> = self.sums.iter().flat_map(HashMap::values).map(|sum| sum.effect.abs()).collect();
        let middle = sizes.len() / 2;
        let (_, border, _) = sizes.select_nth_unstable_by(middle, f64::total_cmp);
        let border = *border;
        self.sums.iter_mut().for_each(|sums| sums.retain(|_, sum| sum.effect.abs() > border));
        let left = self.sums.iter().map(HashMap::len).sum();
        self.forgotten += self.parts - left;
        self.parts = left;
    }

    /// All that are remembered, the one that moved most first.
    pub fn movers(&self) -> Vec<Mover<'_>> {
        let mut movers: Vec<Mover<'_>> = Vec::with_capacity(self.parts);
        for (label, sums) in self.sums.iter().enumerate() {
            movers.extend(sums.iter().map(|(part, sum)| Mover {
                part,
                label,
                rows: sum.rows,
                times: sum.times,
                total: sum.effect,
            }));
        }
        // The same in every run, whatever order a table has.
        movers.sort_by(|one, other| {
            let by_size = other.total.abs().total_cmp(&one.total.abs());
            by_size.then_with(|| (one.part, one.label).cmp(&(other.part, other.label)))
        });
        movers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(most: usize, rows: &[&[(usize, &str, f32)]]) -> Moved {
        let mut moved = Moved { most, ..Moved::new() };
        for row in rows {
            moved.rows += 1;
            row.iter().for_each(|(label, part, effect)| moved.count(*label, part, *effect));
            if moved.parts > moved.most {
                moved.forget();
            }
        }
        moved
    }

    #[test]
    fn parts_are_ordered_by_all_of_their_effects() {
        let rows: [&[_]; 3] = [
            &[(1, "good", 0.5), (1, "a", 0.25), (1, "good", 0.25)],
            &[(0, "good", -0.125), (0, "bad", 1.0)],
            &[(1, "good", 0.25), (1, "b", -0.25)],
        ];
        let moved = seen(MOST, &rows);
        let movers: Vec<_> =
            moved.movers().iter().map(|mover| (mover.part.to_string(), mover.label, mover.rows, mover.times)).collect();
        let expected = [("bad", 0, 1, 1), ("good", 1, 2, 3), ("a", 1, 1, 1), ("b", 1, 1, 1), ("good", 0, 1, 1)];
        assert_eq!(movers, expected.map(|(part, label, rows, times)| (part.to_string(), label, rows, times)));
        assert_eq!((moved.movers()[1].mean(), moved.movers()[1].total), (1.0 / 3.0, 1.0));
        assert_eq!((moved.rows, moved.forgotten), (3, 0));
    }

    #[test]
    fn what_moved_least_is_forgotten() {
        let names: Vec<String> = (0..100).map(|number| format!("word{number}")).collect();
        let rows: Vec<Vec<(usize, &str, f32)>> = names
            .iter()
            .enumerate()
            .map(|(place, name)| vec![(0, name.as_str(), place as f32), (0, "best", 1e3)])
            .collect();
        let rows: Vec<&[_]> = rows.iter().map(Vec::as_slice).collect();
        let moved = seen(10, &rows);
        assert!(moved.parts <= 10 && moved.movers().len() == moved.parts, "{moved:?}");
        let best = &moved.movers()[0];
        assert_eq!((best.part, best.rows, best.total), ("best", 100, 1e5));
        assert_eq!(moved.parts + moved.forgotten, 101);
    }
}
