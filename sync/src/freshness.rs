//! How far capture is behind the source, measured: the source is asked where its log ends, and until capture has come
//! that far something may be missing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use wattle_core::Position;

use crate::runner::Runner;

/// How often the source is asked where its log ends.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// A source that takes longer to say so is not waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Ends of the log that capture has yet to reach. Past this every other one is forgotten: while capture is minutes
/// behind, its age need not be known to the second.
const OUTSTANDING_LEN: usize = 256;

/// What capture has heard of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    /// All that was committed before this is captured; nothing where this process does not know yet.
    pub(crate) through: Option<Instant>,
    /// Is there something to capture, or could there be, as far as is known?
    pub(crate) uncaptured: bool,
}

impl Heard {
    /// What is known at the start: nothing.
    pub(crate) const NOTHING: Self = Self { through: None, uncaptured: true };
}

/// Where the source's log ended at some times, until capture has come that far.
#[derive(Debug, Default)]
struct Outstanding(VecDeque<(Instant, Position)>);

impl Outstanding {
    fn add(&mut self, asked_at: Instant, end: Position) {
        if self.0.len() == OUTSTANDING_LEN {
            let mut keep = false;
            self.0.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.0.push_back((asked_at, end));
    }

    /// Forgets the ends that are reached, and returns when the latest of them was asked for.
    fn reached(&mut self, is_reached: impl Fn(&Position) -> bool) -> Option<Instant> {
        let latest = self.0.iter().rposition(|(_, end)| is_reached(end))?;
        self.0.drain(..=latest).next_back().map(|(asked_at, _)| asked_at)
    }
}

/// Measures for as long as it is polled.
pub(crate) async fn measure(runner: &Runner, heard: &watch::Sender<Heard>) {
    let mut captured = runner.progress.captured();
    let mut outstanding = Outstanding::default();
    let mut ask = tokio::time::interval(ASK_EVERY);
    ask.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut answers = false;
    loop {
        tokio::select! {
            _ = ask.tick() => {
                let asked_at = Instant::now();
                // Capture has begun before anything else is asked of the source.
                let asks = captured.borrow().is_some() && runner.reads_source();
                let end = match asks {
                    true => tokio::time::timeout(ANSWER_WITHIN, runner.adapter.now()).await.ok().and_then(Result::ok),
                    false => None,
                };
                answers = end.is_some();
                if let Some(end) = end {
                    outstanding.add(asked_at, end);
                }
            }
            changed = captured.changed() => if changed.is_err() { return },
        }
        let latest = match &*captured.borrow_and_update() {
            Some(here) => outstanding.reached(|end| runner.adapter.reached(here, end)),
            None => None,
        };
        heard.send_modify(|heard| {
            heard.through = latest.or(heard.through);
            heard.uncaptured = !answers || !outstanding.0.is_empty();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_end_that_is_reached_counts_and_what_was_asked_before_it_is_forgotten() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut outstanding = Outstanding::default();
        for second in 0..5 {
            outstanding.add(at(second), Position::new(second.to_string()));
        }
        // The first is of another incarnation of the source: it will never be reached.
        let reached = outstanding.reached(|end| ["1", "2"].contains(&end.as_str()));
        assert_eq!(reached, Some(at(2)));
        assert_eq!(outstanding.0.len(), 2);
        assert_eq!(outstanding.reached(|_| false), None);
        assert_eq!(outstanding.reached(|_| true), Some(at(4)));
        assert!(outstanding.0.is_empty());
    }

    #[test]
    fn a_capture_that_is_far_behind_costs_no_more_memory_and_keeps_the_oldest_and_newest() {
        let start = Instant::now();
        let mut outstanding = Outstanding::default();
        for second in 0..10_000_u64 {
            outstanding.add(start + Duration::from_secs(second), Position::new(second.to_string()));
        }
        assert!(outstanding.0.len() <= OUTSTANDING_LEN);
        assert_eq!(outstanding.0.front().map(|(at, _)| *at), Some(start));
        assert_eq!(outstanding.0.back().map(|(at, _)| *at), Some(start + Duration::from_secs(9_999)));
    }
}
