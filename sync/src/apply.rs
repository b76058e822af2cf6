//! Apply: one target transaction holds a batch's records, what follows from them, and the markers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use wattle_core::{Change, Entity, EntityGraph, Hint, Key, Position, Record};

use crate::SyncError;
use crate::batch::{Fetched, Group};
use crate::runner::Runner;
use crate::store::jobs::{self as job_store, JobKind, Scan};
use crate::store::stream::{Lane, append, ensure_day};
use crate::store::{due, lineage, marker, quarantine, records};

/// What the consumer remembers between batches, to leave out statements that would find nothing.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    /// Entities some of whose records change at a known time.
    pub(crate) with_due: BTreeSet<Entity>,
    /// Is anything in quarantine?
    pub(crate) quarantined: bool,
}

/// One batch being applied.
struct Apply<'a> {
    runner: &'a Runner,
    graph: &'a EntityGraph,
    work: DatabaseTransaction,
    hints: &'a mut Hints,
    /// Records that are new, by entity: what they own may have come before them and been skipped.
    inserted: BTreeMap<Entity, Vec<String>>,
    written: u64,
    deleted: u64,
}

/// Applies a batch; on any error nothing of it is there.
pub(crate) async fn apply(runner: &Runner, fetched: &Fetched, hints: &mut Hints) -> Result<(), SyncError> {
    let work = runner.begin().await?;
    marker::move_both(&work, &runner.scope, runner.token, &fetched.from, &fetched.to).await?;
    let graph = runner.adapter.graph();
    let mut apply = Apply { runner, graph, work, hints, inserted: BTreeMap::new(), written: 0, deleted: 0 };
    let mut gone: BTreeMap<Entity, Vec<String>> = BTreeMap::new();
    for group in &fetched.groups {
        let orphans = apply.upsert(group).await?;
        let keys = group.gone.iter().map(|key| key.as_str().to_owned());
        gone.entry(group.entity).or_default().extend(keys.chain(orphans));
    }
    for (entity, ids) in gone.into_iter().rev() {
        apply.delete(entity, ids).await?;
    }
    apply.quarantine(fetched).await?;
    apply.follow_up(fetched).await?;
    let (written, deleted) = (apply.written, apply.deleted);
    apply.work.commit().await?;
    tracing::debug!(
        written_count = written,
        deleted_count = deleted,
        live_seq = fetched.to.live,
        backfill_seq = fetched.to.backfill,
        "applied a batch"
    );
    Ok(())
}

impl Apply<'_> {
    /// Writes the records of a group and returns those that have no owner.
    async fn upsert(&mut self, group: &Group) -> Result<Vec<String>, SyncError> {
        if group.records.is_empty() {
            return Ok(Vec::new());
        }
        let scope = &self.runner.scope;
        let all: Vec<&Record> = group.records.iter().collect();
        let upserted = records::upsert(&self.work, scope, group.entity, &all).await?;
        self.written += upserted.written;
        if !upserted.inserted.is_empty() && group.entity.owns().next().is_some() {
            self.inserted.entry(group.entity).or_default().extend(upserted.inserted);
        }
        let orphans: BTreeSet<&str> = upserted.orphans.iter().map(String::as_str).collect();
        let kept: Vec<&Record> =
            all.into_iter().filter(|record| !orphans.contains(record.key.as_str())).collect();
        if !kept.is_empty() {
            if !self.graph.reads(group.entity).is_empty() {
                lineage::rewrite(&self.work, scope, self.graph, group.entity, &kept).await?;
            }
            self.rewrite_due(group.entity, &kept).await?;
            if self.hints.quarantined {
                quarantine::release(&self.work, scope, group.entity, kept.iter().map(|r| r.key.as_str()))
                    .await?;
            }
        }
        Ok(upserted.orphans)
    }

    async fn rewrite_due(&mut self, entity: Entity, kept: &[&Record]) -> Result<(), SyncError> {
        let changes: Vec<(&str, DateTime<Utc>)> =
            kept.iter().filter_map(|record| Some((record.key.as_str(), record.changes_at?))).collect();
        if !changes.is_empty() {
            self.hints.with_due.insert(entity);
        }
        if self.hints.with_due.contains(&entity) {
            let all = kept.iter().map(|record| record.key.as_str());
            due::rewrite(&self.work, &self.runner.scope, entity, all, &changes).await?;
        }
        Ok(())
    }

    /// Deletes records and everything they own.
    async fn delete(&mut self, entity: Entity, ids: Vec<String>) -> Result<(), SyncError> {
        if ids.is_empty() {
            return Ok(());
        }
        let scope = &self.runner.scope;
        if self.hints.quarantined {
            quarantine::release(&self.work, scope, entity, ids.iter().map(String::as_str)).await?;
            // A record that was never applied has lineage, too.
            lineage::forget(&self.work, scope, entity, &ids).await?;
        }
        let deleted = records::delete(&self.work, scope, entity, &ids).await?;
        let mut cascade = vec![(entity, deleted)];
        while let Some((owner, ids)) = cascade.pop() {
            if ids.is_empty() {
                continue;
            }
            self.deleted += ids.len() as u64;
            if !self.graph.reads(owner).is_empty() {
                lineage::forget(&self.work, scope, owner, &ids).await?;
            }
            if self.hints.with_due.contains(&owner) {
                due::rewrite(&self.work, scope, owner, ids.iter().map(String::as_str), &[]).await?;
            }
            for owned in owner.owns().filter(|owned| self.graph.root(*owned).is_some()) {
                let deleted = records::delete_owned(&self.work, scope, owned, owner, &ids).await?;
                cascade.push((owned, deleted));
            }
        }
        Ok(())
    }

    async fn quarantine(&mut self, fetched: &Fetched) -> Result<(), SyncError> {
        let position = fetched.last_position.as_ref().map_or("", Position::as_str);
        for group in fetched.groups.iter().filter(|group| !group.errors.is_empty()) {
            // One line a batch, however many are broken by the same mistake.
            let first = &group.errors[0];
            tracing::warn!(
                entity = %first.entity, quarantined_count = group.errors.len(), field = first.field, rule = first.rule,
                "records were quarantined, the first for this"
            );
            let scope = &self.runner.scope;
            quarantine::put(&self.work, scope, &group.errors, position).await?;
            // What spoils a record need not be its root: it is read again when any of its rows changes.
            let rows: Vec<lineage::Row<'_>> = group
                .errors
                .iter()
                .flat_map(|error| {
                    error.lineage.iter().map(|(node, key)| (error.key.as_str(), *node, key.as_str()))
                })
                .collect();
            lineage::add(&self.work, scope, self.graph, group.entity, &rows).await?;
            self.hints.quarantined = true;
        }
        Ok(())
    }

    /// What the batch leads to: reading what new owners own, and work too large for a batch.
    async fn follow_up(&mut self, fetched: &Fetched) -> Result<(), SyncError> {
        let scope = &self.runner.scope;
        // Live touches must not carry a position before the marker's: it would go back to it.
        let position = fetched.to.position.clone().or_else(|| fetched.last_position.clone());
        let position = position.unwrap_or_else(|| Position::new(""));
        let mut touches = Vec::new();
        if !self.inserted.is_empty() {
            let ahead = self.still_to_be_hydrated().await?;
            for (owner, ids) in std::mem::take(&mut self.inserted) {
                let node = self.graph.root(owner).expect("it was fetched");
                if owner
                    .owns()
                    .filter(|owned| self.graph.root(*owned).is_some())
                    .all(|owned| ahead.contains(&owned))
                {
                    continue;
                }
                let owned = |id| (Change::Owned { node, key: Key::from_canonical(id) }, position.clone());
                touches.extend(ids.into_iter().map(|id: String| owned(id)));
            }
        }
        if !touches.is_empty() {
            ensure_day(&self.work).await?;
            append(&self.work, scope, self.graph, Lane::Live, &touches).await?;
        }
        for (kind, scans) in &fetched.jobs {
            job_store::insert(&self.work, scope, *kind, scans, None).await?;
        }
        Ok(())
    }

    /// The entities that a running hydration has yet to reach: it will read them anyway, after their owners.
    async fn still_to_be_hydrated(&self) -> Result<BTreeSet<Entity>, SyncError> {
        let mut ahead = BTreeSet::new();
        let jobs = job_store::unfinished(&self.work, &self.runner.scope).await?;
        for job in jobs.iter().filter(|job| job.kind == JobKind::Hydrate) {
            for scan in job.scans.iter().skip(job.scan + usize::from(job.cursor.is_some())) {
                if let Scan::Source { node } = scan
                    && let Some(entity) =
                        self.graph.node_named(node).and_then(|node| self.graph.node(node).entity)
                {
                    ahead.insert(entity);
                }
            }
        }
        Ok(ahead)
    }
}

/// A touch of a record's root row.
pub(crate) fn touch(graph: &EntityGraph, entity: Entity, key: Key) -> Option<Change> {
    Some(Change::Row { node: graph.root(entity)?, key, hint: Hint::Touch })
}
