//! How long to wait before trying again.

use std::time::Duration;

use rand::RngExt;

/// The first wait: most interruptions are over at once.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait: an operator who has fixed the cause does not want to wait longer to see it.
const LONGEST: Duration = Duration::from_secs(10);

/// Doubling waits with jitter, so that tenants whose shared server comes back do not all return at once.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub(crate) fn next(&mut self) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures += 1;
        doubled.mul_f64(rand::rng().random_range(0.5..1.0))
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_anew() {
        let mut backoff = Backoff::default();
        assert!(backoff.next() <= FIRST);
        let late = (0..100).map(|_| backoff.next()).last().unwrap();
        assert!(late <= LONGEST && late >= LONGEST / 2);
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
