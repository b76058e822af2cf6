//! Jobs: hydration and repair as touches, page by page, with a bound on how many are under way.

mod compare;
mod page;
mod repeats;
mod replay;
mod request;
mod throttle;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sea_orm::DatabaseTransaction;
use wattle_core::{Change, Entity, EntityGraph, ErrorClass, NodeId, Position, SourceError};

use self::page::read_page;
use self::repeats::Repeats;
pub(crate) use self::replay::Replaying;
use self::throttle::Throttle;
use crate::SyncError;
use crate::apply::touch;
use crate::runner::{Loop, Runner};
use crate::store::entity_pause::Pause;
use crate::store::jobs::{self as store, Job, Scan, Step};
use crate::store::marker::{self, Markers};
use crate::store::stream::{self, Lane, append, ensure_day};
use crate::store::{due, entity_pause, source_state};

pub(crate) use self::compare::Side;
pub use self::compare::{EntityReport, Report};
pub use self::replay::{ReplayDays, ReplayPreview, preview_replay, request_replay};
pub use self::request::{
    RewindPreview, RewindRange, RewindTo, preview_rewind, request_hydration, request_reconcile,
    request_retry, request_rewind, rewind_range,
};
pub use crate::store::jobs::{JobKind, JobState};

/// Keys of one page: a batch's worth.
const PAGE_LEN: usize = 1_000;
/// Touches appended and not yet applied. Enough to keep the consumer busy, few enough that a pause is short.
const MAX_OUTSTANDING: i64 = 10_000;
/// How often a runner without work looks for some.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Both passes over each entity, owners first, but for those that are not asked for; none asked for means all.
pub(crate) fn compare_scans(graph: &EntityGraph, entities: &[Entity]) -> Vec<Scan> {
    let both = |entity| [Side::Source, Side::Target].map(|side| Scan::Compare { entity, side, after: None });
    asked(graph, entities).flat_map(both).collect()
}

/// The same, and what is in quarantine of them, which no side's keys name when the source has it no longer.
pub(crate) fn repair_scans(graph: &EntityGraph, entities: &[Entity]) -> Vec<Scan> {
    let mut scans: Vec<Scan> = asked(graph, entities).map(quarantine_scan).collect();
    scans.extend(compare_scans(graph, entities));
    scans
}

/// All that is in quarantine of an entity, though it was discarded.
fn quarantine_scan(entity: Entity) -> Scan {
    Scan::Quarantine { entity: Some(entity), key: None, discarded: true }
}

/// Those of a source's entities that are asked for, owners first; none asked for means all.
fn asked<'a>(graph: &'a EntityGraph, entities: &'a [Entity]) -> impl Iterator<Item = Entity> + 'a {
    graph.entities().filter(|entity| entities.is_empty() || entities.contains(entity))
}

/// Everything that any row of a node may affect.
pub(crate) fn whole_scans(graph: &EntityGraph, node: NodeId) -> Vec<Scan> {
    let name = graph.node(node).name.clone();
    let mut scans = vec![Scan::Source { node: name.clone() }];
    if let Some(entity) = graph.node(node).entity {
        scans.push(Scan::Target { entity: entity.name().to_owned() });
        scans.push(quarantine_scan(entity));
    }
    if !graph.feeding(node).is_empty() {
        scans.push(Scan::Lineage { node: name, keys: None });
    }
    scans
}

/// What is remembered from one page to the next.
#[derive(Debug, Default)]
struct Memory {
    throttle: Throttle,
    repeats: Repeats,
}

/// Carries out jobs until something fails or the process stops.
pub(crate) async fn run(runner: &Runner) -> Result<(), SyncError> {
    let mut applied = runner.progress.applied();
    let mut added = runner.progress.jobs_added();
    let mut due_looked_at: Option<Instant> = None;
    let mut memory = Memory::default();
    while !runner.progress.stopping() {
        applied.mark_unchanged();
        added.mark_unchanged();
        if due_looked_at.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
            take_due(runner).await?;
            due_looked_at = Some(Instant::now());
        }
        let mut jobs = store::unfinished(runner.db(), &runner.scope).await?;
        if !jobs.is_empty() && source_state::position(runner.db(), &runner.scope).await?.is_none() {
            jobs.clear();
        }
        memory.repeats.retain(&jobs);
        let busy = work_on_one(runner, &jobs, &mut memory).await?;
        runner.works(Loop::Jobs);
        if !busy {
            tokio::select! {
                // A job under way waits for its touches to be applied.
                _ = applied.changed(), if !jobs.is_empty() => {}
                _ = added.changed() => {}
                () = tokio::time::sleep(memory.throttle.rest().min(LOOK_EVERY)) => {}
                () = runner.progress.stopped() => {}
            }
        }
    }
    Ok(())
}

/// Touches the records whose time has come.
async fn take_due(runner: &Runner) -> Result<(), SyncError> {
    if !due::any(runner.db(), &runner.scope).await? {
        return Ok(());
    }
    // Asked before the transaction begins, which is not kept waiting for the source.
    let now = now(runner).await?;
    let graph = runner.adapter.graph();
    let work = runner.begin().await?;
    let due = due::take(&work, &runner.scope, PAGE_LEN as i64).await?;
    let touches = due.into_iter().filter_map(|(entity, key)| touch(graph, entity, key));
    append_touches(runner, &work, Lane::Live, touches, &now).await?;
    work.commit().await?;
    runner.progress.has_appended();
    Ok(())
}

/// The position that touches carry. A source that has not come to where capture already was is another one, or was
/// set back: its keys are not ours to touch.
async fn now(runner: &Runner) -> Result<Position, SyncError> {
    let captured = source_state::position(runner.db(), &runner.scope).await?;
    let now = runner.adapter.now().await?;
    if captured.is_some_and(|captured| !runner.adapter.reached(&now, &captured)) {
        let what = "it does not have the changes that were already heard".to_owned();
        return Err(SourceError::ChangedServer { what }.into());
    }
    Ok(now)
}

/// What does not become better by waiting ends a job.
fn is_final(error: &SyncError) -> bool {
    match error {
        SyncError::Outdated => true,
        SyncError::Archive(error) => error.is_damage(),
        _ => false,
    }
}

/// Does a page of the first job that has one to do: what a change at the source led to comes before what an operator
/// asked for. A job that cannot get on says why, and holds up no other.
async fn work_on_one(runner: &Runner, jobs: &[Job], memory: &mut Memory) -> Result<bool, SyncError> {
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|at| !matches!(jobs[*at].kind, JobKind::FanOut | JobKind::Resync));
    let mut hindered = None;
    for at in order {
        let job = &jobs[at];
        if let Some(first) = waits_for(job, &jobs[..at]) {
            let why = format!("it waits for the {} that was asked for before it", first.kind.name());
            store::hinder(runner.db(), job, &why).await?;
            continue;
        }
        match work_on(runner, job, memory).await {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) if is_final(&error) => {
                let error = error.explain();
                store::finish(runner.db(), job, Some(&error)).await?;
                tracing::warn!(job_id = %job.id, error, "a job failed");
                return Ok(true);
            }
            Err(error) if matches!(error.class(), ErrorClass::Config | ErrorClass::Record) => {
                store::hinder(runner.db(), job, &error.explain()).await?;
                hindered.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    hindered.map_or(Ok(false), Err)
}

/// What a comparison waits for, of the jobs that were asked for before it: what one of them is about to bring is no
/// difference. One that does not get on may take days, and is not waited for.
fn waits_for<'a>(job: &Job, earlier: &'a [Job]) -> Option<&'a Job> {
    let only_compares = |job: &Job| matches!(job.kind, JobKind::Reconcile | JobKind::Compare);
    earlier.iter().find(|earlier| only_compares(job) && !only_compares(earlier) && !earlier.is_hindered)
}

/// Does one page of a job; false when something else must come first.
async fn work_on(runner: &Runner, job: &Job, memory: &mut Memory) -> Result<bool, SyncError> {
    let markers = marker::read(runner.db(), &runner.scope).await?;
    let outstanding = (job.last_seq - markers.backfill).max(0);
    let Some(scan) = job.scans.get(job.scan) else {
        if outstanding == 0 {
            store::finish(runner.db(), job, None).await?;
            tracing::info!(job_id = %job.id, kind = job.kind.name(), "a job is done");
        }
        return Ok(outstanding == 0);
    };
    let compares = matches!(scan, Scan::Compare { .. });
    // A scan begins when all touches of those before it are applied: owners are there before what they own.
    let waits = outstanding >= MAX_OUTSTANDING || (job.cursor.is_none() && outstanding > 0);
    if waits || (compares && memory.throttle.rest() > Duration::ZERO) {
        return Ok(false);
    }
    let began = Instant::now();
    let page = match read_page(runner, scan, job.cursor.as_deref()).await {
        Ok(Some(page)) => page,
        Ok(None) if compares => return Ok(false),
        Ok(None) => {
            let paused = entity_pause::all(runner.db(), &runner.scope).await?;
            store::hinder(runner.db(), job, &told(&paused)).await?;
            return Ok(false);
        }
        Err(error) => {
            if let (Scan::Compare { entity, .. }, SyncError::Source(SourceError::Config { .. })) =
                (scan, &error)
            {
                ask_to_look(runner, *entity, &markers).await?;
            }
            return Err(error);
        }
    };
    if job.kind == JobKind::Repair && page.found.as_ref().is_some_and(|(_, found)| found.skipped.is_some()) {
        return put_off(runner, job).await;
    }
    if compares {
        memory.throttle.took(began.elapsed());
    }
    let report = page.found.map(|(entity, found)| {
        let mut report = job.report.clone();
        report.add(entity, found);
        report
    });
    let touches = match job.kind {
        JobKind::Compare => Vec::new(),
        _ => memory.repeats.fresh(job, page.touches),
    };
    let scan = if page.next.is_some() { job.scan } else { job.scan + 1 };
    let step = Step {
        scan,
        cursor: page.next.as_deref(),
        touched: touches.len(),
        last_seq: None,
        report: report.as_ref(),
    };
    advance(runner, job, &touches, step).await?;
    memory.repeats.add(job, &touches);
    if let (JobKind::Reconcile, Some(report)) = (job.kind, &report)
        && report.differs_too_much()
    {
        let error = report.too_much(&runner.scope.tenant);
        store::finish(runner.db(), job, Some(&error)).await?;
        tracing::warn!(job_id = %job.id, error, "a reconcile gave up");
    }
    Ok(true)
}

/// Why these entities are paused, in words.
fn told(paused: &BTreeMap<Entity, Pause>) -> String {
    let told = paused.iter().map(|(entity, pause)| format!("{entity} is paused: {}", pause.reason));
    told.collect::<Vec<_>>().join("; ")
}

/// Has the consumer look at an entity that could not be compared: it alone pauses one, and what was altered may not have
/// come before it yet, for want of a change. Asked once at a time.
async fn ask_to_look(runner: &Runner, entity: Entity, markers: &Markers) -> Result<(), SyncError> {
    let Some(node) = runner.adapter.graph().root(entity) else { return Ok(()) };
    if stream::head(runner.db(), &runner.scope, Lane::Backfill).await? > markers.backfill {
        return Ok(());
    }
    let now = now(runner).await?;
    let work = runner.begin().await?;
    append_touches(runner, &work, Lane::Backfill, [Change::SchemaChanged { node }], &now).await?;
    work.commit().await?;
    runner.progress.has_appended();
    Ok(())
}

/// Appends changes of our own making; answers where the lane ends now.
async fn append_touches(
    runner: &Runner,
    work: &DatabaseTransaction,
    lane: Lane,
    touches: impl IntoIterator<Item = Change>,
    now: &Position,
) -> Result<i64, SyncError> {
    let touches: Vec<(Change, Position)> = touches.into_iter().map(|touch| (touch, now.clone())).collect();
    ensure_day(work).await?;
    Ok(append(work, &runner.scope, runner.adapter.graph(), lane, &touches).await?)
}

/// A repair comes last to what is paused, and waits for it: what was never heard of it would be missing for good.
async fn put_off(runner: &Runner, job: &Job) -> Result<bool, SyncError> {
    let paused = entity_pause::all(runner.db(), &runner.scope).await?;
    let is_paused = |scan: &Scan| matches!(scan, Scan::Compare { entity, .. } if paused.contains_key(entity));
    let mut scans = job.scans.clone();
    if let (Some(Scan::Compare { after, .. }), Some(cursor)) = (scans.get_mut(job.scan), &job.cursor) {
        *after = Some(cursor.clone());
    }
    let left = scans.split_off(job.scan);
    let (last, first): (Vec<Scan>, Vec<Scan>) = left.into_iter().partition(is_paused);
    if first.is_empty() {
        store::hinder(runner.db(), job, &told(&paused)).await?;
        return Ok(false);
    }
    scans.extend(first.into_iter().chain(last));
    store::reorder(runner.db(), job, &scans).await?;
    Ok(true)
}

/// Appends the touches of a page and moves the job on, both or neither.
async fn advance(runner: &Runner, job: &Job, touches: &[Change], step: Step<'_>) -> Result<(), SyncError> {
    // Asked before the transaction begins, which is not kept waiting for the source.
    let now = if touches.is_empty() { None } else { Some(now(runner).await?) };
    let work = runner.begin().await?;
    let mut last_seq = None;
    if let Some(now) = now {
        let touches = touches.iter().cloned();
        last_seq = Some(append_touches(runner, &work, Lane::Backfill, touches, &now).await?);
    }
    store::advance(&work, job, Step { last_seq, ..step }).await?;
    work.commit().await?;
    runner.progress.has_appended();
    Ok(())
}
