//! The consumer: batch after batch, fetching the next while the last is applied.

use std::time::Duration;

use crate::SyncError;
use crate::apply::{Applied, Hints, apply};
use crate::batch::{Fetched, fetch, take};
use crate::guard::Recent;
use crate::paused::Paused;
use crate::runner::{Loop, Runner};
use crate::store::{due, marker, quarantine, source_state};

/// Appends by this process wake the consumer at once; this finds what another process appended.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Consumes until something fails or the process stops. What was prefetched is dropped with any error: the next run
/// begins where the markers stand.
pub(crate) async fn run(runner: &Runner) -> Result<(), SyncError> {
    let mut hints = Hints {
        with_due: due::entities(runner.db(), &runner.scope).await?,
        quarantined: quarantine::count(runner.db(), &runner.scope).await? > 0,
        recent: Recent::default(),
    };
    let mut at = marker::read(runner.db(), &runner.scope).await?;
    runner.progress.has_fetched(at.live);
    let mut paused = Paused::read(runner).await?;
    let mut appended = runner.progress.appended();
    let mut ready: Option<Fetched> = None;
    let mut busy = true;
    loop {
        if runner.progress.stopping() {
            return Ok(());
        }
        if paused.mend(runner, &at).await? {
            // It was fetched without what is read again from here on.
            ready = None;
        }
        let Some(current) = ready.take() else {
            appended.mark_unchanged();
            match take(runner, &at).await? {
                Some(batch) => ready = Some(fetch(runner, batch, None, paused.entities()).await?),
                None => {
                    runner.works(Loop::Consumer);
                    if std::mem::take(&mut busy) {
                        source_state::end_accepted_if_quiet(runner.db(), &runner.scope).await?;
                    }
                    wait(runner, &mut appended).await;
                }
            }
            continue;
        };
        busy = true;
        paused.add(runner, &current);
        let next = async {
            match take(runner, &current.to).await? {
                Some(batch) => Ok(Some(fetch(runner, batch, Some(&current), paused.entities()).await?)),
                None => Ok::<_, SyncError>(None),
            }
        };
        let (applied, prefetched) = tokio::join!(apply(runner, &current, &mut hints), next);
        let applied = applied?;
        if !current.jobs.is_empty() {
            runner.progress.has_added_job();
        }
        at = current.to;
        runner.works(Loop::Consumer);
        runner.progress.has_applied();
        ready = match applied {
            // A failed prefetch is fetched again from the marker, and then its error counts.
            Applied::Whole => prefetched?,
            Applied::Divided => None,
        };
    }
}

async fn wait(runner: &Runner, appended: &mut tokio::sync::watch::Receiver<u64>) {
    tokio::select! {
        _ = appended.changed() => {}
        () = tokio::time::sleep(LOOK_EVERY) => {}
        () = runner.progress.stopped() => {}
    }
}
