//! From a batch of changes to the records it affects, read from one fenced snapshot.

mod reader;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Instant;

use wattle_core::plan;
use wattle_core::{Entity, EntityGraph, Fence, Key, NodeId, PathId, Position, Record, RecordError};

pub(crate) use self::reader::{Reader, WHOLE_RECORD};

use crate::SyncError;
use crate::jobs::whole_scans;
use crate::runner::Runner;
use crate::store::jobs::{JobKind, Scan};
use crate::store::lineage;
use crate::store::marker::Markers;
use crate::store::stream::{Entry, Lane, read};

/// Changes taken at once: a fetch of a thousand keys costs little more than one of a hundred, and a batch is still
/// applied well within the latency that is promised.
pub(crate) const BATCH_LEN: usize = 1_000;
/// Backfill beside live changes is never starved, and never keeps them waiting: this part of a batch.
const BESIDE_LIVE: usize = 10;
/// Backfill alone: a live change that comes now waits for two batches of this part at most.
const ALONE: usize = 2;
/// More affected records than this become a job, so that no batch grows with the size of the source.
pub(crate) const FAN_OUT_LEN: usize = 1_000;

/// A run of both lanes, and the markers before and after it.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) from: Markers,
    pub(crate) to: Markers,
    pub(crate) entries: Vec<Entry>,
}

/// Takes the next batch after the markers; nothing when there is none.
pub(crate) async fn take(runner: &Runner, from: &Markers) -> Result<Option<Batch>, SyncError> {
    let graph = runner.adapter.graph();
    let len = runner.appetite.len();
    let mut entries = read(runner.db(), &runner.scope, graph, Lane::Live, from.live, len).await?;
    let mut to = from.clone();
    if let Some(last) = entries.last() {
        to.live = last.seq;
        to.position = Some(last.position.clone());
    }
    let room = (len / if entries.is_empty() { ALONE } else { BESIDE_LIVE }).max(1);
    let backfill = read(runner.db(), &runner.scope, graph, Lane::Backfill, from.backfill, room).await?;
    if let Some(last) = backfill.last() {
        to.backfill = last.seq;
    }
    entries.extend(backfill);
    Ok((!entries.is_empty()).then(|| Batch { from: from.clone(), to, entries }))
}

/// What the source has of a batch's records now.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) from: Markers,
    pub(crate) to: Markers,
    /// In graph order: owners before what they own.
    pub(crate) groups: Vec<Group>,
    /// Work that is too large for a batch.
    pub(crate) jobs: Vec<(JobKind, Vec<Scan>)>,
    /// Entities that cannot be read, each with the reason: from here on they are left out.
    pub(crate) paused: Vec<(Entity, String)>,
    pub(crate) last_position: Option<Position>,
}

/// The answers for one entity.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) entity: Entity,
    pub(crate) records: Vec<Record>,
    pub(crate) errors: Vec<RecordError>,
    /// Keys that the source does not have: missing, or known there under another form.
    pub(crate) gone: Vec<Key>,
}

impl Fetched {
    /// How many changes it answers, of both lanes.
    pub(crate) fn changes(&self) -> u64 {
        self.live_changes() + u64::try_from(self.to.backfill - self.from.backfill).unwrap_or(0)
    }

    /// How many of them are of the live lane.
    pub(crate) fn live_changes(&self) -> u64 {
        u64::try_from(self.to.live - self.from.live).unwrap_or(0)
    }

    /// The lineage that will be there once this is applied: the next batch must see it now.
    fn pending_lineage(&self, lookups: &BTreeMap<NodeId, Vec<Key>>) -> Vec<(Entity, Key)> {
        let wanted: HashSet<(NodeId, &Key)> =
            lookups.iter().flat_map(|(node, keys)| keys.iter().map(|key| (*node, key))).collect();
        let feeds =
            |lineage: &[(NodeId, Key)]| lineage.iter().any(|(node, key)| wanted.contains(&(*node, key)));
        let mut affected = Vec::new();
        for group in &self.groups {
            let records = group.records.iter().map(|record| (&record.key, &record.lineage));
            let errors = group.errors.iter().map(|error| (&error.key, &error.lineage));
            let fed = records.chain(errors).filter(|(_, lineage)| feeds(lineage));
            affected.extend(fed.map(|(key, _)| (group.entity, key.clone())));
        }
        affected
    }
}

/// Reads everything that a batch affects, but for paused entities. `pending` is the batch before it, fetched and
/// perhaps not yet applied.
pub(crate) async fn fetch(
    runner: &Runner,
    batch: Batch,
    pending: Option<&Fetched>,
    paused: BTreeSet<Entity>,
) -> Result<Fetched, SyncError> {
    let began = Instant::now();
    let graph = runner.adapter.graph();
    let lookups = plan::lookups(graph, batch.entries.iter().filter_map(|entry| entry.change.as_ref()));
    let heard = batch.entries.iter().map(|entry| entry.position.clone()).chain(batch.from.position.clone());
    let mut reader = Reader::new(runner, Fence::new(heard), paused);
    let mut fetched = Fetched {
        last_position: batch.entries.last().map(|entry| entry.position.clone()),
        jobs: lookups.whole.iter().map(|node| (JobKind::Resync, whole_scans(graph, *node))).collect(),
        groups: Vec::new(),
        paused: Vec::new(),
        from: batch.from,
        to: batch.to,
    };
    let mut affected = pending.map(|pending| pending.pending_lineage(&lookups.lineage)).unwrap_or_default();
    for (node, keys) in &lookups.lineage {
        let name = &graph.node(*node).name;
        let found = lineage::look_up(runner.db(), &runner.scope, name, keys, FAN_OUT_LEN + 1).await?;
        if found.len() > FAN_OUT_LEN {
            fetched
                .jobs
                .push((JobKind::FanOut, vec![Scan::Lineage { node: name.clone(), keys: Some(texts(keys)) }]));
        } else {
            affected.extend(found);
        }
    }
    for (path, keys) in lookups.resolve {
        let found = reader.resolve(path, keys).await?;
        let entity = graph.path(path).entity;
        affected.extend(found.keys.into_iter().map(|key| (entity, key)));
        fetched.jobs.extend(found.many.map(|keys| (JobKind::FanOut, vec![path_scan(graph, path, &keys)])));
    }
    for asked in plan::fetches(graph, lookups.named, affected) {
        fetched.groups.extend(reader.group(asked).await?);
    }
    for entity in lookups.altered {
        reader.look_at(entity).await?;
    }
    fetched.paused = reader.newly_paused();
    runner.progress.has_fetched(fetched.to.live);
    runner.appetite.has_had(batch.entries.len(), &fetched.groups);
    runner.meter.has_fetched(began.elapsed());
    Ok(fetched)
}

fn texts(keys: &[Key]) -> Vec<String> {
    keys.iter().map(|key| key.as_str().to_owned()).collect()
}

/// A path by names, so that the stored scan survives a change of the graph.
fn path_scan(graph: &EntityGraph, id: PathId, keys: &[Key]) -> Scan {
    let path = graph.path(id);
    let owning = graph.owning(path.from).contains(&id);
    let alike = if owning { graph.owning(path.from) } else { graph.feeding(path.from) };
    let nth =
        alike.iter().filter(|other| graph.path(**other).entity == path.entity).position(|other| *other == id);
    Scan::Path {
        from: graph.node(path.from).name.clone(),
        entity: path.entity.name().to_owned(),
        owning,
        nth: nth.expect("every path is in one of its start's lists"),
        keys: texts(keys),
    }
}

/// The path that [`path_scan`] named, if the graph still has it.
pub(crate) fn path_of_scan(
    graph: &EntityGraph,
    from: &str,
    entity: &str,
    owning: bool,
    nth: usize,
) -> Option<PathId> {
    let from = graph.node_named(from)?;
    let alike = if owning { graph.owning(from) } else { graph.feeding(from) };
    alike.iter().filter(|id| graph.path(**id).entity.name() == entity).nth(nth).copied()
}
