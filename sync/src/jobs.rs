//! Jobs: hydration and repair as touches, page by page, with a bound on how many are under way.

use std::time::{Duration, Instant};

use uuid::Uuid;
use wattle_core::{Change, Entity, EntityGraph, Fence, Hint, Key, NodeId, Position, SourceError};
use wattle_tenants::TenantSession;

use crate::SyncError;
use crate::apply::touch;
use crate::batch::path_of_scan;
use crate::runner::{Loop, Runner};
use crate::store::jobs::{self as store, Job, Scan, Step};
use crate::store::stream::{Lane, append, ensure_day};
use crate::store::{Scope, due, lineage, marker, records, source_state};

pub use crate::store::jobs::{JobKind, JobState};

/// Keys of one page: a batch's worth.
const PAGE_LEN: usize = 1_000;
/// Touches appended and not yet applied. Enough to keep the consumer busy, few enough that a pause is short.
const MAX_OUTSTANDING: i64 = 10_000;
/// How often a runner without work looks for some.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Asks for every record of a source to be read, or for those of some entities. The holder of the source's lease
/// carries it out.
pub async fn request_hydration(
    session: &TenantSession,
    system: &wattle_core::SourceSystem,
    graph: &EntityGraph,
    entities: &[Entity],
    estimate: Option<u64>,
) -> Result<Uuid, SyncError> {
    let scope = Scope { tenant: session.tenant().to_string(), source: system.to_string() };
    marker::ensure(session.db(), &scope).await?;
    let scans: Vec<Scan> = graph
        .entities()
        .filter(|entity| entities.is_empty() || entities.contains(entity))
        .filter_map(|entity| graph.root(entity))
        .map(|root| Scan::Source { node: graph.node(root).name.clone() })
        .collect();
    let estimate = estimate.and_then(|rows| i64::try_from(rows).ok());
    Ok(store::insert(session.db(), &scope, JobKind::Hydrate, &scans, estimate).await?)
}

/// Every record, from both sides, owners first: what the source has is read, what only the target has is missed.
pub(crate) fn resync_scans(graph: &EntityGraph) -> Vec<Scan> {
    let both = |entity: Entity| {
        let root = graph.root(entity).expect("it is listed");
        [
            Scan::Source { node: graph.node(root).name.clone() },
            Scan::Target { entity: entity.name().to_owned() },
        ]
    };
    graph.entities().flat_map(both).collect()
}

/// Everything that any row of a node may affect.
pub(crate) fn whole_scans(graph: &EntityGraph, node: NodeId) -> Vec<Scan> {
    let name = graph.node(node).name.clone();
    let mut scans = vec![Scan::Source { node: name.clone() }];
    scans.extend(graph.node(node).entity.map(|entity| Scan::Target { entity: entity.name().to_owned() }));
    if !graph.feeding(node).is_empty() {
        scans.push(Scan::Lineage { node: name, keys: None });
    }
    scans
}

/// Carries out jobs, oldest first, until something fails or the process stops.
pub(crate) async fn run(runner: &Runner) -> Result<(), SyncError> {
    let mut applied = runner.progress.applied();
    let mut added = runner.progress.jobs_added();
    let mut due_looked_at: Option<Instant> = None;
    while !runner.progress.stopping() {
        applied.mark_unchanged();
        added.mark_unchanged();
        if due_looked_at.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
            take_due(runner).await?;
            due_looked_at = Some(Instant::now());
        }
        let job = store::next(runner.db(), &runner.scope).await?;
        let began = job.is_some() && source_state::position(runner.db(), &runner.scope).await?.is_some();
        let job = job.filter(|_| began);
        let busy = match &job {
            Some(job) => work_on(runner, job).await?,
            None => false,
        };
        runner.works(Loop::Jobs);
        if !busy {
            tokio::select! {
                // A job under way waits for its touches to be applied.
                _ = applied.changed(), if job.is_some() => {}
                _ = added.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
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
    let touches: Vec<(Change, Position)> =
        due.into_iter().filter_map(|(entity, key)| Some((touch(graph, entity, key)?, now.clone()))).collect();
    ensure_day(&work).await?;
    append(&work, &runner.scope, graph, Lane::Live, &touches).await?;
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

/// Does one page of a job; false when it must wait for touches to be applied.
async fn work_on(runner: &Runner, job: &Job) -> Result<bool, SyncError> {
    let markers = marker::read(runner.db(), &runner.scope).await?;
    let outstanding = (job.last_seq - markers.backfill).max(0);
    let Some(scan) = job.scans.get(job.scan) else {
        if outstanding == 0 {
            store::finish(runner.db(), job, None).await?;
            tracing::info!(job_id = %job.id, kind = job.kind.name(), "a job is done");
        }
        return Ok(outstanding == 0);
    };
    // A scan begins when all touches of those before it are applied: owners are there before what they own.
    if outstanding >= MAX_OUTSTANDING || (job.cursor.is_none() && outstanding > 0) {
        return Ok(false);
    }
    let page = match read_page(runner, scan, job.cursor.as_deref()).await? {
        Some(page) => page,
        None => {
            let error = "the pack's graph no longer has what this job walks through";
            store::finish(runner.db(), job, Some(error)).await?;
            tracing::warn!(job_id = %job.id, error, "a job failed");
            return Ok(true);
        }
    };
    let now = now(runner).await?;
    let touches: Vec<(Change, Position)> =
        page.touches.into_iter().map(|touch| (touch, now.clone())).collect();
    let work = runner.begin().await?;
    let last_seq = if touches.is_empty() {
        None
    } else {
        ensure_day(&work).await?;
        Some(append(&work, &runner.scope, runner.adapter.graph(), Lane::Backfill, &touches).await?)
    };
    let scan = if page.next.is_some() { job.scan } else { job.scan + 1 };
    let step = Step { scan, cursor: page.next.as_deref(), touched: touches.len(), last_seq };
    store::advance(&work, job, step).await?;
    work.commit().await?;
    runner.progress.has_appended();
    Ok(true)
}

/// Touches of one page, and where the next begins.
struct Page {
    touches: Vec<Change>,
    next: Option<String>,
}

/// Reads a page of a scan; nothing when the graph no longer has what it names.
async fn read_page(runner: &Runner, scan: &Scan, cursor: Option<&str>) -> Result<Option<Page>, SyncError> {
    let graph = runner.adapter.graph();
    let after = cursor.map(Key::from_canonical);
    let row = |node, key| Change::Row { node, key, hint: Hint::Touch };
    Ok(match scan {
        Scan::Source { node } => {
            let Some(node) = graph.node_named(node) else { return Ok(None) };
            let page = runner.adapter.keys(node, after.as_ref(), PAGE_LEN).await?;
            let touches = page.keys.into_iter().map(|key| row(node, key)).collect();
            Some(Page { touches, next: page.next.map(|key| key.as_str().to_owned()) })
        }
        Scan::Target { entity } => {
            let Some(entity) = Entity::from_name(entity) else { return Ok(None) };
            let Some(root) = graph.root(entity) else { return Ok(None) };
            let keys = records::page(runner.db(), &runner.scope, entity, after.as_ref(), PAGE_LEN).await?;
            let next =
                (keys.len() == PAGE_LEN).then(|| keys.last().map(|key| key.as_str().to_owned())).flatten();
            Some(Page { touches: keys.into_iter().map(|key| row(root, key)).collect(), next })
        }
        Scan::Lineage { node, keys } => {
            let keys: Option<Vec<Key>> =
                keys.as_ref().map(|keys| keys.iter().map(|key| Key::from_canonical(key.as_str())).collect());
            // An entity's name holds no blank, so the first one ends it.
            let after = cursor.and_then(|cursor| cursor.split_once(' '));
            let found =
                lineage::page(runner.db(), &runner.scope, node, keys.as_deref(), after, PAGE_LEN).await?;
            let next = (found.len() == PAGE_LEN)
                .then(|| found.last().map(|(entity, key)| format!("{entity} {key}")))
                .flatten();
            Some(Page {
                touches: found.into_iter().filter_map(|(entity, key)| touch(graph, entity, key)).collect(),
                next,
            })
        }
        Scan::Path { from, entity, owning, nth, keys } => {
            let Some(path) = path_of_scan(graph, from, entity, *owning, *nth) else { return Ok(None) };
            let Some(root) = graph.root(graph.path(path).entity) else { return Ok(None) };
            let keys: Vec<Key> = keys.iter().map(|key| Key::from_canonical(key.as_str())).collect();
            let heard = marker::read(runner.db(), &runner.scope).await?.position;
            let mut snapshot = runner.adapter.snapshot(&Fence::new(heard)).await?;
            let page = snapshot.resolve(path, &keys, after.as_ref(), PAGE_LEN).await?;
            let touches = page.keys.into_iter().map(|key| row(root, key)).collect();
            Some(Page { touches, next: page.next.map(|key| key.as_str().to_owned()) })
        }
    })
}
