//! Repeatable randomness for fault schedules.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The variable that repeats a run: set it to the seed a failed run printed.
const SEED_VARIABLE: &str = "WATTLE_TEST_SEED";

/// A seeded source of choices. The same seed gives the same schedule.
#[derive(Debug)]
pub struct Dice {
    seed: u64,
    rng: StdRng,
}

impl Dice {
    /// Takes the seed from `WATTLE_TEST_SEED`, or a new one, and prints it: the test harness shows what a failed test
    /// printed, so a failure always says how to repeat it.
    pub fn new() -> Dice {
        let given = std::env::var(SEED_VARIABLE).ok();
        let seed = match given {
            Some(text) => text.parse().expect("WATTLE_TEST_SEED is a whole number"),
            None => random_u64(),
        };
        println!("random choices repeat with {SEED_VARIABLE}={seed}");
        Dice::seeded(seed)
    }

    /// A schedule that is the same in every run.
    pub fn seeded(seed: u64) -> Dice {
        Dice { seed, rng: StdRng::seed_from_u64(seed) }
    }

    /// The seed in use.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A whole number of the range.
    pub fn number(&mut self, range: Range<u64>) -> u64 {
        self.rng.random_range(range)
    }

    /// True `percent` times in a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.number(0..100) < percent
    }

    /// A duration of the range, to the microsecond.
    pub fn pause(&mut self, range: Range<Duration>) -> Duration {
        let micros =
            |end: Duration| u64::try_from(end.as_micros()).expect("a pause fits in 64 bits of microseconds");
        Duration::from_micros(self.number(micros(range.start)..micros(range.end)))
    }

    /// One of the choices, which must not be empty.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.rng.random_range(0..choices.len())]
    }
}

impl Default for Dice {
    fn default() -> Dice {
        Dice::new()
    }
}

/// A number nobody can guess: the standard library's hasher is keyed by the operating system.
pub(crate) fn random_u64() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_schedule() {
        let schedule = |seed| {
            let mut dice = Dice::seeded(seed);
            let pause = dice.pause(Duration::from_millis(1)..Duration::from_secs(1));
            (dice.number(0..1_000_000), dice.chance(50), pause, *dice.pick(&["cut", "kill", "stall"]))
        };
        assert_eq!(schedule(7), schedule(7));
        assert_ne!(schedule(7), schedule(8));
    }
}
