//! What a source's loops tell each other: how far each has come, and when to stop.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::watch;
use wattle_core::Position;

/// Shared by the loops of one source.
pub(crate) struct Progress {
    /// Counts appends to either lane: whoever waits for work watches it.
    appended: watch::Sender<u64>,
    /// How far the source is captured, durably.
    captured: watch::Sender<Option<Position>>,
    /// How far the live lane is fetched.
    fetched_seq: AtomicI64,
    /// Counts moves of a marker.
    applied: watch::Sender<u64>,
    /// Counts jobs added by this process.
    jobs_added: watch::Sender<u64>,
    /// Set when nothing is left to do but to archive: files are then written at once.
    archive_at_once: watch::Sender<bool>,
    stop: watch::Receiver<bool>,
}

impl Progress {
    pub(crate) fn new(stop: watch::Receiver<bool>) -> Self {
        let counter = || watch::Sender::new(0);
        Self {
            appended: counter(),
            captured: watch::Sender::new(None),
            fetched_seq: AtomicI64::new(0),
            applied: counter(),
            jobs_added: counter(),
            archive_at_once: watch::Sender::new(false),
            stop,
        }
    }

    pub(crate) fn has_appended(&self) {
        self.appended.send_modify(|count| *count += 1);
    }

    pub(crate) fn has_captured(&self, through: &Position) {
        self.captured.send_replace(Some(through.clone()));
    }

    pub(crate) fn captured(&self) -> watch::Receiver<Option<Position>> {
        self.captured.subscribe()
    }

    pub(crate) fn has_fetched(&self, live_seq: i64) {
        self.fetched_seq.store(live_seq, Ordering::Relaxed);
    }

    pub(crate) fn fetched_seq(&self) -> i64 {
        self.fetched_seq.load(Ordering::Relaxed)
    }

    pub(crate) fn has_applied(&self) {
        self.applied.send_modify(|count| *count += 1);
    }

    pub(crate) fn has_added_job(&self) {
        self.jobs_added.send_modify(|count| *count += 1);
    }

    pub(crate) fn jobs_added(&self) -> watch::Receiver<u64> {
        self.jobs_added.subscribe()
    }

    pub(crate) fn appended(&self) -> watch::Receiver<u64> {
        self.appended.subscribe()
    }

    pub(crate) fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// True when nobody had asked before.
    pub(crate) fn ask_to_archive_at_once(&self) -> bool {
        self.archive_at_once.send_if_modified(|asked| !std::mem::replace(asked, true))
    }

    pub(crate) fn archive_at_once(&self) -> watch::Receiver<bool> {
        self.archive_at_once.subscribe()
    }

    pub(crate) fn stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Resolves when the process is asked to stop.
    pub(crate) async fn stopped(&self) {
        // A dropped sender means that whoever could ask is gone.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }
}
