//! Reading what a job walks through, a page at a time.

use std::collections::HashSet;

use wattle_core::{Change, Entity, EntityGraph, Fence, Hint, Key, NodeId, PathId};

use super::PAGE_LEN;
use super::compare::{self, EntityReport};
use super::replay::{self, ReplayDays};
use crate::SyncError;
use crate::apply::touch;
use crate::batch::path_of_scan;
use crate::runner::Runner;
use crate::store::jobs::Scan;
use crate::store::quarantine::QuarantineFilter;
use crate::store::stream::read;
use crate::store::{entity_pause, lineage, marker, quarantine, records};

/// Changes of the stream looked at in one page: their keys repeat, so there are fewer touches than that.
pub(super) const STREAM_PAGE_LEN: usize = 5 * PAGE_LEN;

/// Touches of one page, and where the next begins.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) touches: Vec<Change>,
    pub(super) next: Option<String>,
    /// What a comparison has found.
    pub(super) found: Option<(Entity, EntityReport)>,
}

/// Reads a page of a scan; nothing when something else must come first.
pub(super) async fn read_page(
    runner: &Runner,
    scan: &Scan,
    cursor: Option<&str>,
) -> Result<Option<Page>, SyncError> {
    let graph = runner.adapter.graph();
    let outdated = || SyncError::Outdated;
    let after = cursor.map(Key::from_canonical);
    Ok(match scan {
        Scan::Roots { entity } => {
            let Some(entity) = Entity::from_name(entity) else { return Err(outdated()) };
            let Some(root) = graph.root(entity) else { return Err(outdated()) };
            keys_of(runner, root, after.as_ref(), |key| Change::Record { node: root, key }).await?
        }
        Scan::Source { node } => {
            let Some(node) = graph.node_named(node) else { return Err(outdated()) };
            keys_of(runner, node, after.as_ref(), |key| Change::Row { node, key, hint: Hint::Touch }).await?
        }
        Scan::Target { entity } => {
            let Some(entity) = Entity::from_name(entity) else { return Err(outdated()) };
            let Some(root) = graph.root(entity) else { return Err(outdated()) };
            let keys = records::page(runner.db(), &runner.scope, entity, after.as_ref(), PAGE_LEN).await?;
            let next =
                (keys.len() == PAGE_LEN).then(|| keys.last().map(|key| key.as_str().to_owned())).flatten();
            let record = |key| Change::Record { node: root, key };
            Some(Page { touches: keys.into_iter().map(record).collect(), next, found: None })
        }
        Scan::Lineage { node, keys } => Some(built_from(runner, node, keys.as_deref(), cursor).await?),
        Scan::Path { from, entity, owning, nth, keys } => {
            let Some(path) = path_of_scan(graph, from, entity, *owning, *nth) else { return Err(outdated()) };
            let Some(root) = graph.root(graph.path(path).entity) else { return Err(outdated()) };
            let keys: Vec<Key> = keys.iter().map(|key| Key::from_canonical(key.as_str())).collect();
            let heard = marker::read(runner.db(), &runner.scope).await?.position;
            let mut snapshot = runner.adapter.snapshot(&Fence::new(heard)).await?;
            let page = snapshot.resolve(path, &keys, after.as_ref(), PAGE_LEN).await?;
            let touches = page.keys.into_iter().map(|key| Change::Record { node: root, key }).collect();
            Some(Page { touches, next: page.next.map(|key| key.as_str().to_owned()), found: None })
        }
        Scan::Stream { lane, after, through, entities } => {
            let from = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(*after);
            let mut entries = read(runner.db(), &runner.scope, graph, *lane, from, STREAM_PAGE_LEN).await?;
            let whole_page = entries.len() == STREAM_PAGE_LEN;
            entries.retain(|entry| entry.seq <= *through);
            let last = entries.last().map(|entry| entry.seq).filter(|last| whole_page && last < through);
            let changes = entries.into_iter().filter_map(|entry| entry.change);
            Some(Page {
                touches: again(graph, changes, entities),
                next: last.map(|seq| seq.to_string()),
                found: None,
            })
        }
        Scan::Compare { entity, side, after: put_off_at } => {
            let after = after.or_else(|| put_off_at.as_deref().map(Key::from_canonical));
            return compare::page(runner, *entity, *side, after.as_ref()).await;
        }
        Scan::Archive { from, through, entities, skip_damaged } => {
            let days = ReplayDays { from: *from, through: *through };
            Some(replay::page(runner, days, entities, *skip_damaged, cursor).await?)
        }
        Scan::Quarantine { entity, key, discarded } => {
            let filter = QuarantineFilter { entity: *entity, key: key.as_deref(), discarded: *discarded };
            Some(quarantined(runner, filter, cursor).await?)
        }
    })
}

/// A page of what is in quarantine, as touches.
async fn quarantined(
    runner: &Runner,
    filter: QuarantineFilter<'_>,
    cursor: Option<&str>,
) -> Result<Page, SyncError> {
    let after = cursor.and_then(|cursor| cursor.split_once(' '));
    let found = quarantine::list(runner.db(), &runner.scope, filter, after, PAGE_LEN).await?;
    let next = (found.len() == PAGE_LEN)
        .then(|| found.last().map(|last| format!("{} {}", last.entity, last.source_id)))
        .flatten();
    let graph = runner.adapter.graph();
    let touches = found
        .into_iter()
        .filter_map(|found| touch(graph, found.entity, Key::from_canonical(found.source_id)));
    Ok(Page { touches: touches.collect(), next, found: None })
}

/// A page of the records that were built from these rows of a node, or from any, as touches.
async fn built_from(
    runner: &Runner,
    node: &str,
    keys: Option<&[String]>,
    cursor: Option<&str>,
) -> Result<Page, SyncError> {
    let keys: Option<Vec<Key>> =
        keys.map(|keys| keys.iter().map(|key| Key::from_canonical(key.as_str())).collect());
    // An entity's name holds no blank, so the first one ends it.
    let after = cursor.and_then(|cursor| cursor.split_once(' '));
    let found = lineage::page(runner.db(), &runner.scope, node, keys.as_deref(), after, PAGE_LEN).await?;
    let next = (found.len() == PAGE_LEN)
        .then(|| found.last().map(|(entity, key)| format!("{entity} {key}")))
        .flatten();
    let graph = runner.adapter.graph();
    let touches = found.into_iter().filter_map(|(entity, key)| touch(graph, entity, key)).collect();
    Ok(Page { touches, next, found: None })
}

/// A page of the keys of a node at the source, as touches.
async fn keys_of(
    runner: &Runner,
    node: NodeId,
    after: Option<&Key>,
    touch: impl Fn(Key) -> Change,
) -> Result<Option<Page>, SyncError> {
    if all_paused(runner, node).await? {
        return Ok(None);
    }
    let page = runner.adapter.keys(node, after, PAGE_LEN).await?;
    let touches = page.keys.into_iter().map(touch).collect();
    Ok(Some(Page { touches, next: page.next.map(|key| key.as_str().to_owned()), found: None }))
}

/// Are all entities paused that are read from a node? Then it may not even be there.
async fn all_paused(runner: &Runner, node: NodeId) -> Result<bool, SyncError> {
    let paused = entity_pause::all(runner.db(), &runner.scope).await?;
    let mut read = runner.adapter.graph().read_from(node);
    Ok(!paused.is_empty() && read.all(|entity| paused.contains_key(&entity)))
}

/// Changes to be looked at once more, none twice: those that concern these entities, or all of them. That a table was
/// altered is no news.
pub(crate) fn again(
    graph: &EntityGraph,
    changes: impl Iterator<Item = Change>,
    entities: &[Entity],
) -> Vec<Change> {
    let mut seen = HashSet::new();
    let mut touches = Vec::new();
    for change in changes.filter(|change| concerns(graph, change, entities)) {
        let touch = match change {
            Change::Row { node, key, .. } => Change::Row { node, key, hint: Hint::Touch },
            Change::SchemaChanged { .. } => continue,
            Change::Record { .. } | Change::Owned { .. } | Change::Whole { .. } => change,
        };
        if seen.insert(touch.clone()) {
            touches.push(touch);
        }
    }
    touches
}

/// Can a change affect records of these entities? No entities means all.
fn concerns(graph: &EntityGraph, change: &Change, entities: &[Entity]) -> bool {
    let roots = |node: NodeId| graph.node(node).entity.is_some_and(|entity| entities.contains(&entity));
    let leads_to = |paths: &[PathId]| paths.iter().any(|path| entities.contains(&graph.path(*path).entity));
    let node = change.node();
    entities.is_empty()
        || match change {
            Change::Record { .. } => roots(node),
            Change::Owned { .. } => leads_to(graph.owning(node)),
            Change::Row { .. } | Change::Whole { .. } | Change::SchemaChanged { .. } => {
                roots(node) || leads_to(graph.feeding(node))
            }
        }
}
