//! How often a source's task may break down and start over.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What breaks down more often within [`WITHIN`] is not cured by starting over, and would cost the other sources.
pub(super) const LIMIT: usize = 5;
/// A task that ran for longer since has done something of use.
pub(super) const WITHIN: Duration = Duration::from_secs(600);

/// The latest restarts.
#[derive(Debug, Default)]
pub(super) struct Restarts(VecDeque<Instant>);

impl Restarts {
    /// May it start over once more?
    pub(super) fn allow(&mut self, now: Instant) -> bool {
        self.0.retain(|restarted_at| now.duration_since(*restarted_at) < WITHIN);
        self.0.push_back(now);
        self.0.len() <= LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_starts_over_a_few_times_and_as_often_again_after_a_while() {
        let start = Instant::now();
        let mut restarts = Restarts::default();
        for second in 0..LIMIT as u64 {
            assert!(restarts.allow(start + Duration::from_secs(second)));
        }
        assert!(!restarts.allow(start + Duration::from_secs(60)));
        assert!(restarts.allow(start + WITHIN + Duration::from_secs(100)));
    }
}
