//! Apply: one target transaction holds a batch's records, what follows from them, and the markers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use wattle_core::{Change, Entity, EntityGraph, ErrorClass, Key, Position, Record, RecordError};
use wattle_tenants::{database_error_class, refusal};

use crate::SyncError;
use crate::batch::{Fetched, Group, WHOLE_RECORD};
use crate::guard::{Recent, Toll, breaker};
use crate::metrics::Done;
use crate::runner::Runner;
use crate::store::jobs::{self as job_store, JobKind, Scan};
use crate::store::records::Upserted;
use crate::store::stream::{Lane, append, ensure_day};
use crate::store::{due, entity_pause, lineage, marker, quarantine, records};

/// What the consumer remembers between batches, to leave out statements that would find nothing.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    /// Entities some of whose records change at a known time.
    pub(crate) with_due: BTreeSet<Entity>,
    /// Is anything in quarantine?
    pub(crate) quarantined: bool,
    /// What the latest batches took away.
    pub(crate) recent: Recent,
}

/// One batch being applied.
struct Apply<'a> {
    runner: &'a Runner,
    graph: &'a EntityGraph,
    work: DatabaseTransaction,
    hints: &'a mut Hints,
    how: How,
    /// Records that are new, by entity: what they own may have come before them and been skipped.
    inserted: BTreeMap<Entity, Vec<String>>,
    /// Records that the target would not take.
    refused: Vec<RecordError>,
    written: u64,
    toll: Toll,
}

/// How records are given to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// As many as there are at once.
    Together,
    /// In parts, halved until those are found that it refuses.
    Divided,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    Whole,
    /// The target refused some of it: what was fetched after it is to be fetched again.
    Divided,
}

/// Applies a batch; on any error nothing of it is there. Where the target refuses a record, the batch is divided until
/// it is found: it is quarantined, and all else is applied.
pub(crate) async fn apply(
    runner: &Runner,
    fetched: &Fetched,
    hints: &mut Hints,
) -> Result<Applied, SyncError> {
    match attempt(runner, fetched, hints, How::Together).await {
        Ok(()) => Ok(Applied::Whole),
        Err(error) if error.class() == ErrorClass::Record => {
            attempt(runner, fetched, hints, How::Divided).await?;
            Ok(Applied::Divided)
        }
        Err(error) => Err(error),
    }
}

async fn attempt(runner: &Runner, fetched: &Fetched, hints: &mut Hints, how: How) -> Result<(), SyncError> {
    let began = Instant::now();
    let work = runner.begin().await?;
    marker::move_both(&work, &runner.scope, runner.token, &fetched.from, &fetched.to).await?;
    let mut apply = Apply {
        runner,
        graph: runner.adapter.graph(),
        work,
        hints,
        how,
        inserted: BTreeMap::new(),
        refused: Vec::new(),
        written: 0,
        toll: Toll::default(),
    };
    let mut gone: BTreeMap<Entity, Vec<String>> = BTreeMap::new();
    for group in &fetched.groups {
        let orphans = apply.upsert(group).await?;
        let keys = group.gone.iter().map(|key| key.as_str().to_owned());
        gone.entry(group.entity).or_default().extend(keys.chain(orphans));
    }
    for (entity, ids) in gone {
        apply.delete(entity, ids).await?;
    }
    apply.quarantine(fetched).await?;
    apply.follow_up(fetched).await?;
    let passage = breaker(runner, &apply.hints.recent, &apply.toll).await?;
    let done = Done {
        changes: fetched.changes(),
        written: apply.written,
        deleted: apply.toll.deleted_count(),
        quarantined: apply.toll.quarantined,
    };
    apply.work.commit().await?;
    let mut toll = apply.toll;
    // What a hydration finds says nothing of the changes beside it, and would outweigh them.
    toll.found = toll.found * fetched.live_changes() / fetched.changes().max(1);
    apply.hints.recent.add(toll, passage);
    runner.meter.has_applied(done, began.elapsed());
    tracing::debug!(
        written_count = done.written,
        deleted_count = done.deleted,
        live_seq = fetched.to.live,
        backfill_seq = fetched.to.backfill,
        "applied a batch"
    );
    Ok(())
}

impl Apply<'_> {
    /// Writes the records of a group and returns those that have no owner.
    async fn upsert(&mut self, group: &Group) -> Result<Vec<String>, SyncError> {
        self.toll.found += group.records.len() as u64;
        let all: Vec<&Record> = group.records.iter().collect();
        let mut orphans = Vec::new();
        match self.how {
            How::Together if all.is_empty() => {}
            How::Together => {
                let upserted = self.upsert_part(group.entity, &all).await?;
                self.count(group.entity, upserted, &mut orphans);
            }
            How::Divided => {
                let mut parts = vec![all];
                while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
                    self.work.execute_unprepared("savepoint part").await?;
                    match self.upsert_part(group.entity, &part).await {
                        Ok(upserted) => {
                            self.work.execute_unprepared("release savepoint part").await?;
                            self.count(group.entity, upserted, &mut orphans);
                        }
                        Err(SyncError::Target(error))
                            if database_error_class(&error) == ErrorClass::Record =>
                        {
                            self.work.execute_unprepared("rollback to savepoint part").await?;
                            match part[..] {
                                [record] => self.refused.push(refused(record, &error)),
                                _ => {
                                    let (left, right) = part.split_at(part.len() / 2);
                                    parts.extend([right.to_vec(), left.to_vec()]);
                                }
                            }
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Ok(orphans)
    }

    fn count(&mut self, entity: Entity, upserted: Upserted, orphans: &mut Vec<String>) {
        self.written += upserted.written;
        if !upserted.inserted.is_empty() && entity.owns().next().is_some() {
            self.inserted.entry(entity).or_default().extend(upserted.inserted);
        }
        orphans.extend(upserted.orphans);
    }

    /// Writes records, and what goes with them.
    async fn upsert_part(&mut self, entity: Entity, all: &[&Record]) -> Result<Upserted, SyncError> {
        let scope = &self.runner.scope;
        let upserted = records::upsert(&self.work, scope, entity, all).await?;
        let orphans: BTreeSet<&str> = upserted.orphans.iter().map(String::as_str).collect();
        let kept: Vec<&Record> =
            all.iter().copied().filter(|record| !orphans.contains(record.key.as_str())).collect();
        if !kept.is_empty() {
            if !self.graph.reads(entity).is_empty() {
                lineage::rewrite(&self.work, scope, self.graph, entity, &kept).await?;
            }
            self.rewrite_due(entity, &kept).await?;
            if self.hints.quarantined {
                quarantine::release(&self.work, scope, entity, kept.iter().map(|r| r.key.as_str())).await?;
            }
        }
        Ok(upserted)
    }

    async fn rewrite_due(&mut self, entity: Entity, kept: &[&Record]) -> Result<(), SyncError> {
        let now = Utc::now();
        let changes: Vec<(&str, DateTime<Utc>)> =
            kept.iter().filter_map(|record| Some((record.key.as_str(), due::after(record, now)?))).collect();
        if !changes.is_empty() {
            self.hints.with_due.insert(entity);
        }
        if self.hints.with_due.contains(&entity) {
            let all = kept.iter().map(|record| record.key.as_str());
            due::rewrite(&self.work, &self.runner.scope, entity, all, &changes).await?;
        }
        Ok(())
    }

    /// Deletes records and everything they own. Owners come first: what still has to go by itself then shows how much
    /// went missing.
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
        let owner = entity.owners().last().copied();
        let mut deleted = Vec::new();
        for (id, owner_id) in records::delete(&self.work, scope, entity, owner, &ids).await? {
            self.toll.bereaves(owner.unwrap_or(entity), owner_id.as_ref().unwrap_or(&id));
            deleted.push(id);
        }
        let mut cascade = vec![(entity, deleted)];
        while let Some((owner, ids)) = cascade.pop() {
            if ids.is_empty() {
                continue;
            }
            *self.toll.deleted.entry(owner).or_default() += ids.len() as u64;
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

    /// Puts aside what could not be read or written, and notes which entities are paused from here on.
    async fn quarantine(&mut self, fetched: &Fetched) -> Result<(), SyncError> {
        let scope = &self.runner.scope;
        let position = fetched.last_position.as_ref().map_or("", Position::as_str);
        let mut errors: BTreeMap<Entity, Vec<&RecordError>> = BTreeMap::new();
        let all = fetched.groups.iter().flat_map(|group| &group.errors).chain(&self.refused);
        all.for_each(|error| errors.entry(error.entity).or_default().push(error));
        for (entity, errors) in errors {
            // One line a batch, however many are broken by the same mistake.
            let first = errors[0];
            tracing::warn!(
                %entity, quarantined_count = errors.len(), field = first.field, rule = first.rule,
                "records are quarantined, the first for this"
            );
            self.toll.quarantined += quarantine::put(&self.work, scope, &errors, position).await?;
            self.toll.example.get_or_insert_with(|| first.to_string());
            // What spoils a record need not be its root: it is read again when any of its rows changes.
            let rows: Vec<lineage::Row<'_>> = errors
                .iter()
                .flat_map(|error| {
                    error.lineage.iter().map(|(node, key)| (error.key.as_str(), *node, key.as_str()))
                })
                .collect();
            lineage::add(&self.work, scope, self.graph, entity, &rows).await?;
            self.hints.quarantined = true;
        }
        for (entity, reason) in &fetched.paused {
            entity_pause::put(&self.work, scope, *entity, reason, &fetched.from).await?;
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
                if let Scan::Roots { entity } = scan {
                    ahead.extend(Entity::from_name(entity));
                }
            }
        }
        Ok(ahead)
    }
}

/// The error of a record that the target would not take. What the server says of it may repeat values.
fn refused(record: &Record, error: &DbErr) -> RecordError {
    RecordError {
        entity: record.entity,
        key: record.key.clone(),
        field: WHOLE_RECORD.to_owned(),
        rule: refusal(error),
        lineage: record.lineage.clone(),
    }
}

/// A touch of a record.
pub(crate) fn touch(graph: &EntityGraph, entity: Entity, key: Key) -> Option<Change> {
    Some(Change::Record { node: graph.root(entity)?, key })
}
