//! What operators ask for. The holder of the source's lease carries it out.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;
use wattle_core::{Entity, EntityGraph, SourceSystem};
use wattle_tenants::{TenantError, TenantSession};

use super::page::again;
use super::{JobKind, PAGE_LEN, asked, compare_scans, quarantine_scan, repair_scans};
use crate::SyncError;
use crate::operate::scope_of;
use crate::store::jobs::{self as store, Scan};
use crate::store::marker;
use crate::store::stream::{self, Lane};

/// Asks for every record of a source to be read, or for those of some entities.
pub async fn request_hydration(
    session: &TenantSession,
    system: &SourceSystem,
    graph: &EntityGraph,
    entities: &[Entity],
    estimate: Option<u64>,
) -> Result<Uuid, SyncError> {
    let scope = scope_of(session, system).await?;
    let mut scans: Vec<Scan> = asked(graph, entities).map(quarantine_scan).collect();
    scans.extend(asked(graph, entities).map(|entity| Scan::Roots { entity: entity.name().to_owned() }));
    let estimate = estimate.and_then(|rows| i64::try_from(rows).ok());
    Ok(store::insert(session.db(), &scope, JobKind::Hydrate, &scans, estimate).await?)
}

/// Asks for what is in quarantine to be read again: an entity's keys, one of them, or all.
pub async fn request_retry(
    session: &TenantSession,
    system: &SourceSystem,
    entity: Option<Entity>,
    key: Option<&str>,
) -> Result<Uuid, SyncError> {
    let scope = scope_of(session, system).await?;
    // One that is named is meant, though it was discarded.
    let scans = [Scan::Quarantine { entity, key: key.map(str::to_owned), discarded: key.is_some() }];
    Ok(store::insert(session.db(), &scope, JobKind::Retry, &scans, None).await?)
}

/// Asks for both sides to be compared, of these entities or of all: as a [`JobKind::Reconcile`], a [`JobKind::Repair`]
/// or a [`JobKind::Compare`].
pub async fn request_reconcile(
    session: &TenantSession,
    system: &SourceSystem,
    graph: &EntityGraph,
    kind: JobKind,
    entities: &[Entity],
    estimate: Option<u64>,
) -> Result<Uuid, SyncError> {
    let scope = scope_of(session, system).await?;
    let estimate = estimate.and_then(|rows| i64::try_from(rows).ok());
    let scans = match kind {
        JobKind::Repair => repair_scans(graph, entities),
        _ => compare_scans(graph, entities),
    };
    Ok(store::insert(session.db(), &scope, kind, &scans, estimate).await?)
}

/// How far back to rewind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RewindTo {
    /// To all that was captured at this time or later.
    Time(DateTime<Utc>),
    /// To this position of the live lane, such as [`crate::status::SourceStatus::live_seq`], and all that was touched since it was captured.
    Position(i64),
}

/// The part of the stream that a rewind applies again: of each lane, after one position and up to another. What is not
/// applied yet is no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RewindRange {
    /// The live lane: changes of the source.
    pub live: (i64, i64),
    /// The backfill lane: touches of earlier jobs.
    pub backfill: (i64, i64),
}

impl RewindRange {
    fn of(&self, lane: Lane) -> (i64, i64) {
        match lane {
            Lane::Live => self.live,
            Lane::Backfill => self.backfill,
        }
    }

    fn scans(&self, entities: &[Entity]) -> Vec<Scan> {
        let scan = |lane| {
            let (after, through) = self.of(lane);
            Scan::Stream { lane, after, through, entities: entities.to_vec() }
        };
        Lane::BOTH.into_iter().map(scan).collect()
    }

    fn len(&self) -> i64 {
        Lane::BOTH.into_iter().map(|lane| (self.of(lane).1 - self.of(lane).0).max(0)).sum()
    }
}

/// What a rewind would do.
#[derive(Debug, Clone, Serialize)]
pub struct RewindPreview {
    /// What it would apply again.
    pub range: RewindRange,
    /// Changes in it.
    pub changes: u64,
    /// Different rows and records that they name, counted by their hashes.
    pub distinct_keys: u64,
}

/// Finds the range of a rewind. Fails when the stream no longer goes back so far.
pub async fn rewind_range(
    session: &TenantSession,
    system: &SourceSystem,
    to: RewindTo,
) -> Result<RewindRange, SyncError> {
    let scope = scope_of(session, system).await?;
    let db = session.db();
    let markers = marker::read(db, &scope).await?;
    let time = match to {
        RewindTo::Time(time) => time,
        RewindTo::Position(seq) => stream::appended_at(db, &scope, Lane::Live, seq)
            .await?
            .ok_or_else(|| trimmed(format!("the stream has no position {seq}")))?,
    };
    let mut range = RewindRange { live: (0, markers.live), backfill: (0, markers.backfill) };
    for (lane, part) in [(Lane::Live, &mut range.live), (Lane::Backfill, &mut range.backfill)] {
        let kept = stream::kept(db, &scope, lane, time).await?;
        if let Some(since) = kept.since.filter(|since| time < *since) {
            return Err(trimmed(format!("the stream is kept since {}", since.format("%FT%T%.3fZ"))));
        }
        part.0 = kept.from.map_or(part.1, |first| first - 1).min(part.1);
    }
    if let RewindTo::Position(seq) = to {
        range.live.0 = (seq - 1).min(range.live.1);
    }
    Ok(range)
}

fn trimmed(what: String) -> SyncError {
    let fix = "name a later time or position, or use `wattle replay`, which reads the archive";
    TenantError::Config { what, fix: fix.to_owned() }.into()
}

/// Says what a rewind would do, and changes nothing.
pub async fn preview_rewind(
    session: &TenantSession,
    system: &SourceSystem,
    graph: &EntityGraph,
    range: RewindRange,
    entities: &[Entity],
) -> Result<RewindPreview, SyncError> {
    let scope = scope_of(session, system).await?;
    let (hasher, mut keys, mut changes) = (RandomState::new(), HashSet::new(), 0);
    for lane in Lane::BOTH {
        let (mut at, through) = range.of(lane);
        while at < through {
            let mut entries = stream::read(session.db(), &scope, graph, lane, at, PAGE_LEN).await?;
            entries.retain(|entry| entry.seq <= through);
            let Some(last) = entries.last() else { break };
            at = last.seq;
            changes += entries.len() as u64;
            let touches = again(graph, entries.into_iter().filter_map(|entry| entry.change), entities);
            keys.extend(touches.iter().map(|touch| hasher.hash_one(touch)));
        }
    }
    Ok(RewindPreview { range, changes, distinct_keys: keys.len() as u64 })
}

/// Asks for a range of the stream to be applied again, beside live changes and after them: of these entities, or of
/// all.
pub async fn request_rewind(
    session: &TenantSession,
    system: &SourceSystem,
    range: RewindRange,
    entities: &[Entity],
) -> Result<Uuid, SyncError> {
    let scope = scope_of(session, system).await?;
    let scans = range.scans(entities);
    Ok(store::insert(session.db(), &scope, JobKind::Rewind, &scans, Some(range.len())).await?)
}
