//! The consumer: batch after batch, fetching the next while the last is applied.

use std::time::Duration;

use crate::SyncError;
use crate::apply::{Hints, apply};
use crate::batch::{Fetched, fetch, take};
use crate::runner::{Loop, Runner};
use crate::store::{due, marker, quarantine};

/// Appends by this process wake the consumer at once; this finds what another process appended.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Consumes until something fails or the process stops. What was prefetched is dropped with any error: the next run
/// begins where the markers stand.
pub(crate) async fn run(runner: &Runner) -> Result<(), SyncError> {
    let mut hints = Hints {
        with_due: due::entities(runner.db(), &runner.scope).await?,
        quarantined: quarantine::count(runner.db(), &runner.scope).await? > 0,
    };
    let mut at = marker::read(runner.db(), &runner.scope).await?;
    let mut appended = runner.progress.appended();
    let mut ready: Option<Fetched> = None;
    loop {
        if runner.progress.stopping() {
            return Ok(());
        }
        let Some(current) = ready.take() else {
            appended.mark_unchanged();
            match take(runner, &at).await? {
                Some(batch) => ready = Some(fetch(runner, batch, None).await?),
                None => {
                    runner.works(Loop::Consumer);
                    wait(runner, &mut appended).await;
                }
            }
            continue;
        };
        let next = async {
            match take(runner, &current.to).await? {
                Some(batch) => Ok(Some(fetch(runner, batch, Some(&current)).await?)),
                None => Ok::<_, SyncError>(None),
            }
        };
        let (applied, prefetched) = tokio::join!(apply(runner, &current, &mut hints), next);
        applied?;
        if !current.jobs.is_empty() {
            runner.progress.has_added_job();
        }
        at = current.to;
        runner.works(Loop::Consumer);
        runner.progress.has_applied();
        // A failed prefetch is fetched again from the marker, and then its error counts.
        ready = prefetched?;
    }
}

async fn wait(runner: &Runner, appended: &mut tokio::sync::watch::Receiver<u64>) {
    tokio::select! {
        _ = appended.changed() => {}
        () = tokio::time::sleep(LOOK_EVERY) => {}
        () = runner.progress.stopped() => {}
    }
}
