//! Random numbers that are the same on every machine.

/// splitmix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"), from a seed: the same numbers on
/// every machine.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// Any of 2^64, each as likely.
    #[allow(clippy::should_implement_trait, reason = "there is no end, and nobody iterates")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in -1..1.
    pub fn numbers(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0).collect()
    }
}
