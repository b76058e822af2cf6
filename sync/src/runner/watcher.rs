//! Beside the loops: the lease is confirmed, and how the source is doing is noted for whoever looks.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch::Sender;

use super::Runner;
use crate::SyncError;
use crate::freshness::{self, Heard};
use crate::lease::Lease;
use crate::store::source_state::{self, Seen};

/// How often the lease's connection is asked whether it is still there, and the source's state is shown afresh.
const CONFIRM_EVERY: Duration = Duration::from_secs(1);
/// How often the source is asked how much of its log it keeps for us: it costs a connection.
const RETAINED_EVERY: Duration = Duration::from_secs(15);

/// Watches until the lease is lost.
pub(super) async fn watch_over(runner: &Runner, lease: &mut Lease) -> SyncError {
    let retained = Sender::new(None);
    let heard = Sender::new(Heard::NOTHING);
    // A source that takes its time with an answer must not keep the lease from being confirmed.
    tokio::select! {
        lost = confirm(runner, lease, &retained, &heard) => lost,
        () = ask_what_is_retained(runner, &retained) => SyncError::LeaseLost,
        () = freshness::measure(runner, &heard) => SyncError::LeaseLost,
    }
}

/// Confirms the lease and notes how the source is doing, until the lease is lost.
async fn confirm(
    runner: &Runner,
    lease: &mut Lease,
    retained: &Sender<Option<u64>>,
    heard: &Sender<Heard>,
) -> SyncError {
    let mut clock = None;
    loop {
        if let Err(lost) = lease.confirm().await {
            return lost;
        }
        let (state, reason) = runner.shown();
        let known = *heard.borrow();
        let seen = Seen {
            state,
            reason,
            retained_bytes: *retained.borrow(),
            heard_through: known.through.zip(clock).map(|(through, clock)| by_clock(clock, through)),
            uncaptured: known.uncaptured,
            fetched_seq: runner.progress.fetched_seq(),
        };
        let asked = match source_state::report(runner.db(), &runner.scope, seen).await {
            Ok(now) => {
                clock = now.map(|now| (Instant::now(), now));
                source_state::pause_is_asked(runner.db(), &runner.scope).await
            }
            Err(error) => Err(error),
        };
        match asked {
            Ok(asked) => {
                runner.pause_asked.send_if_modified(|before| std::mem::replace(before, asked) != asked);
            }
            Err(error) => return error.into(),
        }
        tokio::time::sleep(CONFIRM_EVERY).await;
    }
}

/// A moment of this process by the target's clock, which was read at another.
fn by_clock((read_at, now): (Instant, DateTime<Utc>), moment: Instant) -> DateTime<Utc> {
    let span = |time: Duration| TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
    match moment.checked_duration_since(read_at) {
        Some(after) => now + span(after),
        None => now - span(read_at.duration_since(moment)),
    }
}

async fn ask_what_is_retained(runner: &Runner, retained: &Sender<Option<u64>>) {
    let mut said = false;
    loop {
        tokio::time::sleep(CONFIRM_EVERY).await;
        if runner.reads_source() {
            match tokio::time::timeout(RETAINED_EVERY, runner.adapter.retained_bytes()).await {
                Ok(Ok(bytes)) => {
                    retained.send_replace(bytes);
                    said = false;
                }
                Ok(Err(error)) if !std::mem::replace(&mut said, true) => {
                    let reason = SyncError::from(error).explain();
                    tracing::warn!(reason, "the source does not tell how much log it keeps");
                }
                Ok(Err(_)) | Err(_) => {}
            }
            tokio::time::sleep(RETAINED_EVERY).await;
        }
    }
}
