//! Upkeep of a source's stream: what nobody needs any more is dropped, and a scheduled reconcile is asked for.

use std::time::Duration;

use chrono::{NaiveDate, TimeDelta, Utc};
use wattle_core::ErrorClass;

use crate::SyncError;
use crate::jobs::compare_scans;
use crate::runner::{Loop, Runner};
use crate::store::jobs::{self as job_store, JobKind, Scan};
use crate::store::stream::Lane;
use crate::store::{archive as archive_store, entity_pause, retention};

/// Days are dropped whole, so nothing is lost by looking seldom.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Looks after the stream until the process stops.
pub(crate) async fn run(runner: &Runner) -> Result<(), SyncError> {
    loop {
        match upkeep(runner).await {
            // A reader of old segments keeps a day from being dropped for a moment.
            Err(error) if error.class() != ErrorClass::Transient => return Err(error),
            Err(error) => tracing::debug!(reason = error.explain(), "upkeep is put off"),
            Ok(()) => runner.works(Loop::Keeper),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = runner.progress.stopped() => return Ok(()),
        }
    }
}

async fn upkeep(runner: &Runner) -> Result<(), SyncError> {
    let Some(tenant) = runner.tenant().await? else { return Ok(()) };
    trim(runner, tenant.retention_days).await?;
    if tenant.reconcile_every_hours > 0 {
        schedule_reconcile(runner, TimeDelta::hours(tenant.reconcile_every_hours)).await?;
    }
    Ok(())
}

/// Drops the days whose changes were all applied so many days ago, unless someone still has to read them.
async fn trim(runner: &Runner, retention_days: i64) -> Result<(), SyncError> {
    let (db, scope) = (runner.db(), &runner.scope);
    let today = Utc::now().date_naive();
    retention::note_markers(db, scope, today).await?;
    let Some(applied_by) = today.checked_sub_signed(TimeDelta::days(retention_days)) else { return Ok(()) };
    for lane in Lane::BOTH {
        let free = free_up_to(runner, lane, applied_by).await?;
        retention::note_free(db, scope, lane, free).await?;
    }
    for day in retention::old_days(db, today).await? {
        if !retention::is_free(db, scope, day).await? {
            break;
        }
        retention::drop_day(db, day).await?;
        tracing::info!(%day, "a day of the stream is no longer kept");
    }
    Ok(retention::forget_old(db, scope, applied_by).await?)
}

/// Up to where nobody needs a lane any more: it was applied by that day, it is archived where there is an archive, and no
/// job or pause goes back to it.
async fn free_up_to(runner: &Runner, lane: Lane, applied_by: NaiveDate) -> Result<i64, SyncError> {
    let (db, scope) = (runner.db(), &runner.scope);
    let mut free = retention::applied_by(db, scope, lane, applied_by).await?;
    if runner.archive.is_some() {
        archive_store::ensure(db, scope).await?;
        free = free.min(archive_store::read(db, scope, lane).await?.seq);
    }
    for pause in entity_pause::all(db, scope).await?.values() {
        free = free.min(match lane {
            Lane::Live => pause.live,
            Lane::Backfill => pause.backfill,
        });
    }
    for scan in job_store::unfinished(db, scope).await?.iter().flat_map(|job| &job.scans) {
        if let Scan::Stream { lane: of, after, .. } = scan
            && *of == lane
        {
            free = free.min(*after);
        }
    }
    Ok(free)
}

/// Asks for a reconcile when the last comparison, or hydration, is long enough ago.
async fn schedule_reconcile(runner: &Runner, every: TimeDelta) -> Result<(), SyncError> {
    let (db, scope) = (runner.db(), &runner.scope);
    if !job_store::compared_before(db, scope, Utc::now() - every).await? {
        return Ok(());
    }
    let scans = compare_scans(runner.adapter.graph(), &[]);
    job_store::insert(db, scope, JobKind::Reconcile, &scans, None).await?;
    runner.progress.has_added_job();
    tracing::info!("a scheduled reconcile begins");
    Ok(())
}
