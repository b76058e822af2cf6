//! The World's randomness: splitmix64.
//!
//! A stored seed must give the same World with every later build of Wattle, which no generator of the `rand` crate's
//! standard set promises; this one is fixed here for good.

use std::ops::Range;

/// What a stream of dice is for; streams of one seed are independent of each other.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Catalogue = 1,
    Population = 2,
    History = 3,
    Mutation = 4,
    Customer = 5,
    Terms = 6,
}

/// A small, fast, seeded generator.
pub(crate) struct Dice(u64);

impl Dice {
    /// The `n`th generator of a stream.
    pub(crate) fn new(seed: u64, stream: Stream, n: u64) -> Self {
        Self(mix(mix(seed ^ (stream as u64).rotate_left(56)) ^ n))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// A number in the range.
    pub(crate) fn range(&mut self, range: Range<i64>) -> i64 {
        range.start + self.below((range.end - range.start) as usize) as i64
    }

    /// True in `percent` of a hundred throws.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

/// Scatters a number over all 64 bits; a bijection.
pub(crate) fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
