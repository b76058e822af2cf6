//! Capture: from the source's log to the durable stream.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use wattle_core::{Change, Feed, FeedEvent, Position, SourceError};

use crate::SyncError;
use crate::jobs;
use crate::runner::{Loop, Runner};
use crate::store::jobs::JobKind;
use crate::store::stream::{Lane, append, ensure_day};
use crate::store::{jobs as job_store, source_state};

/// Events taken from the feed and not yet stored. Holds a few appends; past it the feed waits, and with it the source.
const FEED_BUFFER: usize = 16_384;
/// Events stored in one transaction: large enough that its commit does not count.
const APPEND_LEN: usize = 8_192;
/// How often an idle position is stored, so that a source which is busy with other things costs us few writes.
const IDLE_STORE_EVERY: Duration = Duration::from_secs(1);

/// Captures until the feed fails or the process stops.
pub(crate) async fn run(runner: &Runner) -> Result<(), SyncError> {
    let from = begin(runner).await?;
    let (from, feed) = match runner.adapter.changes(&from).await {
        Ok(feed) => (from, feed),
        Err(SourceError::LostPosition { what }) => {
            let from = start_anew(runner, &what).await?;
            let feed = runner.adapter.changes(&from).await?;
            (from, feed)
        }
        Err(error) => return Err(error.into()),
    };
    runner.works(Loop::Capture);
    runner.progress.has_captured(&from);
    let (sender, receiver) = mpsc::channel(FEED_BUFFER);
    let (acknowledge, acknowledged) = mpsc::channel(64);
    let reading = read(feed, sender, acknowledged);
    let ended = tokio::select! {
        // Whichever fails first ends the other; both are safe to drop at any await.
        read = reading => read,
        stored = store(runner, receiver, acknowledge) => stored,
        () = runner.progress.stopped() => Ok(()),
    };
    // A source may say only when it is read that its log does not go on where it was left.
    if let Err(SyncError::Source(SourceError::LostPosition { what })) = &ended {
        start_anew(runner, what).await?;
    }
    ended
}

/// The position to capture from; on the first start the source is prepared and the position stored before any key is
/// scanned.
async fn begin(runner: &Runner) -> Result<Position, SyncError> {
    if let Some(position) = source_state::position(runner.db(), &runner.scope).await? {
        return Ok(position);
    }
    let position = runner.adapter.begin().await?;
    source_state::captured(runner.db(), &runner.scope, &position).await?;
    tracing::info!(position = position.as_str(), "capture begins");
    Ok(position)
}

/// The source no longer has our position: capture from now on, and compare everything on both sides, because what
/// changed in between will never be heard. The API keeps serving meanwhile.
async fn start_anew(runner: &Runner, what: &str) -> Result<Position, SyncError> {
    tracing::warn!(
        reason = what,
        "the position was lost: capture starts anew, and every record is compared again"
    );
    let position = runner.adapter.begin().await?;
    let work = runner.begin().await?;
    source_state::captured(&work, &runner.scope, &position).await?;
    let scans = jobs::repair_scans(runner.adapter.graph(), &[]);
    job_store::insert(&work, &runner.scope, JobKind::Repair, &scans, None).await?;
    work.commit().await?;
    runner.progress.has_added_job();
    Ok(position)
}

/// Moves events from the feed to the buffer, and acknowledgements back.
async fn read(
    mut feed: Box<dyn Feed>,
    sender: mpsc::Sender<FeedEvent>,
    mut acknowledged: mpsc::Receiver<Position>,
) -> Result<(), SyncError> {
    loop {
        tokio::select! {
            biased;
            Some(position) = acknowledged.recv() => feed.acknowledge(&position),
            event = feed.next() => {
                let event = event?;
                // While the buffer is full acknowledgements still go out.
                let permit = loop {
                    tokio::select! {
                        permit = sender.reserve() => break permit,
                        Some(position) = acknowledged.recv() => feed.acknowledge(&position),
                    }
                };
                match permit {
                    Ok(permit) => permit.send(event),
                    Err(_) => return Ok(()),
                }
            }
        }
    }
}

/// Stores what is in the buffer, as much at once as there is.
async fn store(
    runner: &Runner,
    mut receiver: mpsc::Receiver<FeedEvent>,
    acknowledge: mpsc::Sender<Position>,
) -> Result<(), SyncError> {
    let mut events = Vec::with_capacity(APPEND_LEN);
    let mut day = None;
    let mut idle_stored = Instant::now() - IDLE_STORE_EVERY;
    while receiver.recv_many(&mut events, APPEND_LEN).await > 0 {
        let mut changes: Vec<(Change, Position)> = Vec::with_capacity(events.len());
        let (mut durable, mut idle) = (None, false);
        for event in events.drain(..) {
            match event {
                FeedEvent::Change(change, position) => {
                    changes.push((change, position));
                    idle = false;
                }
                FeedEvent::Commit(position) => durable = Some(position),
                FeedEvent::Idle(position) => {
                    durable = Some(position);
                    idle = true;
                }
            }
        }
        let stores_idle = idle && idle_stored.elapsed() >= IDLE_STORE_EVERY;
        if !changes.is_empty() || stores_idle || (durable.is_some() && !idle) {
            let today = chrono::Utc::now().date_naive();
            if day != Some(today) {
                ensure_day(runner.db()).await?;
                day = Some(today);
            }
            let work = runner.begin().await?;
            if !changes.is_empty() {
                append(&work, &runner.scope, runner.adapter.graph(), Lane::Live, &changes).await?;
            }
            if let Some(position) = &durable {
                source_state::captured(&work, &runner.scope, position).await?;
            }
            work.commit().await?;
            idle_stored = Instant::now();
            if !changes.is_empty() {
                runner.meter.has_captured(changes.len());
                runner.progress.has_appended();
            }
            if let Some(position) = &durable
                && acknowledge.send(position.clone()).await.is_err()
            {
                return Ok(());
            }
        }
        // With nothing before it that is not stored, an idle position counts whether or not it was worth storing.
        if let Some(position) = &durable {
            runner.progress.has_captured(position);
        }
    }
    Ok(())
}
