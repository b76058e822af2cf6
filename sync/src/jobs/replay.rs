//! Replays: what is in the archive, applied again.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;
use wattle_core::{Change, Entity, EntityGraph, SourceSystem, TenantId};
use wattle_tenants::TenantSession;

use super::JobKind;
use super::page::{Page, STREAM_PAGE_LEN, again};
use crate::SyncError;
use crate::archive::reader::{Reader, Whole};
use crate::archive::{Archive, ArchiveError, ArchivedChange, FileId};
use crate::runner::Runner;
use crate::store::jobs::{self as store, Scan};
use crate::store::stream::Lane;
use crate::store::{Scope, marker, segment};

/// The days on which changes were appended to the stream, both included, by UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReplayDays {
    /// The first.
    pub from: NaiveDate,
    /// The last.
    pub through: NaiveDate,
}

/// What a replay would do.
#[derive(Debug, Clone, Serialize)]
pub struct ReplayPreview {
    /// The days.
    pub days: ReplayDays,
    /// Whole files.
    pub files: u64,
    /// Their compressed bytes.
    pub bytes: u64,
    /// Changes in them.
    pub changes: u64,
    /// Different rows and records that they name, of the entities asked for, counted by their hashes.
    pub distinct_keys: u64,
    /// What cannot be replayed, and why.
    pub damaged: Vec<String>,
}

/// Verifies the files of these days, every byte of them, and says what a replay would do. Changes nothing.
pub async fn preview_replay(
    archive: Arc<Archive>,
    tenant: &TenantId,
    system: &SourceSystem,
    graph: &EntityGraph,
    days: ReplayDays,
    entities: &[Entity],
) -> Result<ReplayPreview, SyncError> {
    let reader = Reader::open(archive, tenant, system, days.from, days.through).await?;
    let damaged = reader.gaps().iter().map(ToString::to_string).collect();
    let mut preview = ReplayPreview { days, files: 0, bytes: 0, changes: 0, distinct_keys: 0, damaged };
    let (hasher, mut keys) = (RandomState::new(), HashSet::new());
    for file in reader.files() {
        let read = match reader.read(*file).await {
            Ok(whole) => read_all(&whole).map(|changes| (whole, changes)),
            Err(error) => Err(error),
        };
        match read {
            Ok((whole, changes)) => {
                preview.files += 1;
                preview.bytes += whole.manifest().byte_count;
                preview.changes += changes.len() as u64;
                let changes = changes.iter().filter_map(|change| of_graph(graph, change));
                keys.extend(again(graph, changes, entities).iter().map(|touch| hasher.hash_one(touch)));
            }
            Err(error) if error.is_damage() => preview.damaged.push(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    preview.distinct_keys = keys.len() as u64;
    Ok(preview)
}

fn read_all(whole: &Whole) -> Result<Vec<ArchivedChange>, ArchiveError> {
    whole.changes().collect()
}

fn of_graph(graph: &EntityGraph, change: &ArchivedChange) -> Option<Change> {
    segment::change(graph, &change.kind, &change.node, &change.key)
}

/// Asks for what is in the archive to be applied again, beside live changes and after them: of these entities, or of
/// all. What is damaged ends it, or is left out.
pub async fn request_replay(
    session: &TenantSession,
    system: &SourceSystem,
    days: ReplayDays,
    entities: &[Entity],
    skip_damaged: bool,
    estimate: Option<u64>,
) -> Result<Uuid, SyncError> {
    let scope = Scope::new(session.tenant(), system);
    marker::ensure(session.db(), &scope).await?;
    let ReplayDays { from, through } = days;
    let scans = [Scan::Archive { from, through, entities: entities.to_vec(), skip_damaged }];
    let estimate = estimate.and_then(|keys| i64::try_from(keys).ok());
    Ok(store::insert(session.db(), &scope, JobKind::Replay, &scans, estimate).await?)
}

/// What a runner has of the archive while it replays: the list of files, and the one that it is in, so that a page
/// costs no look at the store.
pub(crate) struct Replaying {
    days: ReplayDays,
    skip_damaged: bool,
    reader: Reader,
    /// None of its changes, where it is damaged and skipped.
    open: Option<(FileId, Vec<ArchivedChange>)>,
}

/// Reads a page of the archive. A cursor names a file by its lane and first position, and says how many of its changes
/// are done with.
pub(super) async fn page(
    runner: &Runner,
    days: ReplayDays,
    entities: &[Entity],
    skip_damaged: bool,
    cursor: Option<&str>,
) -> Result<Page, SyncError> {
    let Some(archive) = &runner.archive else {
        let fix = "start `wattle sync` with one";
        return Err(ArchiveError::config("the process that syncs this source has no archive", fix).into());
    };
    let mut replaying = runner.replaying.lock().await;
    if cursor.is_none()
        || replaying.as_ref().is_none_or(|of| (of.days, of.skip_damaged) != (days, skip_damaged))
    {
        *replaying = Some(begin(runner, archive, days, skip_damaged).await?);
    }
    let replaying = replaying.as_mut().expect("it has just begun");
    let (lane, first_seq, offset) = cursor.and_then(parse).unwrap_or((Lane::Live, 0, 0));
    let mut left =
        replaying.reader.files().iter().filter(|file| (file.lane, file.first_seq) >= (lane, first_seq));
    let Some(file) = left.next().copied() else {
        return Ok(Page::default());
    };
    let following = left.next().map(|next| written(*next, 0));
    // What was done of a file that is no longer there says nothing of the next one.
    let offset = if (file.lane, file.first_seq) == (lane, first_seq) { offset } else { 0 };
    if replaying.open.as_ref().is_none_or(|(open, _)| *open != file) {
        let read = replaying.reader.read(file).await.and_then(|whole| read_all(&whole));
        let changes = match read {
            Err(error) if error.is_damage() && skip_damaged => {
                tracing::warn!(error = %error, "a replay leaves out what is damaged");
                Vec::new()
            }
            read => read?,
        };
        replaying.open = Some((file, changes));
    }
    let all = replaying.open.as_ref().map_or(&[][..], |(_, changes)| changes);
    let end = all.len().min(offset.saturating_add(STREAM_PAGE_LEN));
    let graph = runner.adapter.graph();
    let changes = all.get(offset..end).unwrap_or_default().iter();
    let touches = again(graph, changes.filter_map(|change| of_graph(graph, change)), entities);
    let next = if end < all.len() { Some(written(file, end)) } else { following };
    if next.is_none() {
        replaying.open = None;
    }
    Ok(Page { touches, next, found: None })
}

/// Lists what is to be replayed.
async fn begin(
    runner: &Runner,
    archive: &Arc<Archive>,
    days: ReplayDays,
    skip_damaged: bool,
) -> Result<Replaying, SyncError> {
    let (tenant, source) = runner.scope.ids();
    let mut reader = Reader::open(archive.clone(), &tenant, &source, days.from, days.through).await?;
    if skip_damaged {
        for gap in reader.gaps() {
            tracing::warn!(error = %gap, "a replay leaves out what is damaged");
        }
    } else if let Some(gap) = reader.take_gap() {
        return Err(gap.into());
    }
    Ok(Replaying { days, skip_damaged, reader, open: None })
}

fn written(file: FileId, offset: usize) -> String {
    format!("{} {} {offset}", file.lane.name(), file.first_seq)
}

fn parse(cursor: &str) -> Option<(Lane, i64, usize)> {
    let mut parts = cursor.split(' ');
    Some((Lane::parse(parts.next()?)?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back() {
        let date = NaiveDate::from_ymd_opt(2026, 3, 9).unwrap();
        let file = FileId { lane: Lane::Backfill, first_seq: 7, last_seq: 9, date };
        assert_eq!(parse(&written(file, 2)), Some((Lane::Backfill, 7, 2)));
        assert_eq!(parse("somewhere"), None);
    }
}
