//! An input is made of its seed alone, on every machine.

use wgbert::ir;

pub struct Random(ir::Random);

impl Random {
    pub fn new(seed: u64) -> Random {
        // Neighbouring seeds must not share their numbers with a shift of one.
        Random(ir::Random(ir::Random(seed).next()))
    }

    pub fn number(&mut self) -> u64 {
        self.0.next()
    }

    /// A number below `end`, which must not be 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Any power of two up to `most`, times something: small numbers are as likely as large ones.
    pub fn size(&mut self, most: usize) -> usize {
        let bound = 1 + self.below(most.ilog2() as usize + 1);
        self.below(1 << bound).min(most)
    }
}
