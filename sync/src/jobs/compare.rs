//! Reconcile: what the target has is compared with the source, in two passes for each entity. Keys of the source are
//! looked up in the target, and find what is missing; records of the target are read from the source, and find what is
//! extra and what has changed.
//!
//! Both sides move meanwhile, so a difference is only suspected at first. It counts when the source says the same twice,
//! and the target still differs though it has applied everything that the source had announced by the first time. Then
//! no event will repair it: its key is touched. Whether or not it counts, nothing but touches ever comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use wattle_core::plan::FetchGroup;
use wattle_core::{Change, Entity, Fence, Key, Position, Record, RecordError, SourceError, Tracking};

use super::now;
use super::page::Page;
use crate::SyncError;
use crate::batch::{Group, Reader};
use crate::runner::Runner;
use crate::store::compare::{self, Difference};
use crate::store::stream::Lane;
use crate::store::{entity_pause, marker, records, stream};

/// How long live changes are waited for before a page is put off: they go first, and other jobs get their turn.
const SETTLE_FOR: Duration = Duration::from_secs(10);
/// Records that may differ before a reconcile gives up.
const DIFFERING_ROWS: i64 = 1_000;
/// The same as a part of those compared.
const DIFFERING_PERCENT: i64 = 20;
/// Keys of differing records that a report names, for each entity.
const EXAMPLES: usize = 5;

/// What a comparison has found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// For each entity.
    pub entities: BTreeMap<Entity, EntityReport>,
}

/// What a comparison has found of an entity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EntityReport {
    /// Records of the target that were read from the source.
    pub compared: i64,
    /// Records that only the source had.
    pub missing: i64,
    /// Records that only the target had.
    pub extra: i64,
    /// Records that both had, and not alike.
    pub changed: i64,
    /// Records that changed too often to be compared. They are touched all the same.
    pub unsettled: i64,
    /// The fields that differed, as CDR paths, and in how many of the records looked at.
    pub fields: BTreeMap<String, i64>,
    /// Folded nodes that the differing records are built from: a row of theirs may change without its owner, of which no
    /// event tells.
    pub suspect_folds: BTreeSet<String>,
    /// Some of the keys.
    pub examples: Vec<String>,
    /// Why the entity was not compared.
    pub skipped: Option<String>,
}

impl EntityReport {
    /// Records that differed without an event to repair it.
    pub fn differing(&self) -> i64 {
        self.missing + self.extra + self.changed
    }
}

impl Report {
    /// Records of the target that were read from the source.
    pub fn compared(&self) -> i64 {
        self.entities.values().map(|entity| entity.compared).sum()
    }

    /// Records that differed without an event to repair it.
    pub fn differing(&self) -> i64 {
        self.entities.values().map(EntityReport::differing).sum()
    }

    /// More than a few records differ, and more than a few of all: that is no drift but a mistake on one of the sides.
    pub(super) fn differs_too_much(&self) -> bool {
        let differing = self.differing();
        differing > DIFFERING_ROWS && differing * 100 > DIFFERING_PERCENT * self.compared()
    }

    pub(super) fn too_much(&self, tenant: &str) -> String {
        let parts: Vec<String> = self
            .entities
            .iter()
            .filter(|(_, found)| found.differing() > 0)
            .map(|(entity, found)| format!("{} {entity}", found.differing()))
            .collect();
        format!(
            "{} of {} records differ ({}): look whether the source and the pack are the right ones; to touch them all the same, run `wattle reconcile {tenant} --accept-differences`",
            self.differing(),
            self.compared(),
            parts.join(", ")
        )
    }

    /// Were all entities compared, and found to agree?
    pub fn agrees(&self) -> bool {
        self.entities
            .values()
            .all(|entity| entity.differing() == 0 && entity.unsettled == 0 && entity.skipped.is_none())
    }

    pub(super) fn add(&mut self, entity: Entity, found: EntityReport) {
        let sum = self.entities.entry(entity).or_default();
        sum.compared += found.compared;
        sum.missing += found.missing;
        sum.extra += found.extra;
        sum.changed += found.changed;
        sum.unsettled += found.unsettled;
        for (field, count) in found.fields {
            *sum.fields.entry(field).or_default() += count;
        }
        sum.suspect_folds.extend(found.suspect_folds);
        sum.examples.extend(found.examples);
        sum.examples.truncate(EXAMPLES);
        sum.skipped = sum.skipped.take().or(found.skipped);
    }
}

/// The side whose keys a pass goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    Source,
    Target,
}

/// Compares a page; nothing when live changes must be applied first.
pub(super) async fn page(
    runner: &Runner,
    entity: Entity,
    side: Side,
    after: Option<&Key>,
) -> Result<Option<Page>, SyncError> {
    let graph = runner.adapter.graph();
    let Some(root) = graph.root(entity) else { return Ok(Some(Page::default())) };
    if let Some(pause) = entity_pause::all(runner.db(), &runner.scope).await?.remove(&entity) {
        let found = EntityReport { skipped: Some(pause.reason), ..EntityReport::default() };
        return Ok(Some(Page { found: Some((entity, found)), ..Page::default() }));
    }
    let mut found = EntityReport::default();
    // A page of keys is a page of records, where they are missing.
    let len = runner.appetite.len();
    let (suspects, next) = match side {
        Side::Source => {
            let page = runner.adapter.keys(root, after, len).await?;
            let there = compare::there(runner.db(), &runner.scope, entity, &page.keys).await?;
            let missing = page.keys.into_iter().filter(|key| !there.contains(key)).collect();
            (missing, page.next)
        }
        Side::Target => {
            let keys = records::page(runner.db(), &runner.scope, entity, after, len).await?;
            found.compared = i64::try_from(keys.len()).expect("pages are bounded");
            let next = (keys.len() == len).then(|| keys.last().cloned()).flatten();
            let group = fetch(runner, entity, keys).await?;
            (differences(runner, &group).await?.into_keys().collect(), next)
        }
    };
    let Some(differing) = confirmed(runner, entity, suspects, &mut found).await? else { return Ok(None) };
    let touch = |key| Change::Record { node: root, key };
    Ok(Some(Page {
        touches: differing.into_iter().map(touch).collect(),
        next: next.map(|key| key.as_str().to_owned()),
        found: Some((entity, found)),
    }))
}

async fn fetch(runner: &Runner, entity: Entity, keys: Vec<Key>) -> Result<Group, SyncError> {
    let nothing = Group { entity, records: Vec::new(), errors: Vec::new(), gone: Vec::new() };
    if keys.is_empty() {
        return Ok(nothing);
    }
    let heard = marker::read(runner.db(), &runner.scope).await?.position;
    let mut reader = Reader::new(runner, Fence::new(heard), BTreeSet::new());
    let asked = keys.len();
    let group = reader.group(FetchGroup { entity, keys }).await?;
    runner.appetite.has_had(asked, &group);
    if let Some(group) = group {
        return Ok(group);
    }
    // The consumer pauses entities, and is asked to; here it is enough that the job cannot get on.
    let what = reader.newly_paused().pop().map(|(_, reason)| reason).unwrap_or_default();
    Err(SourceError::Config { what, fix: "run `wattle check`".to_owned() }.into())
}

/// What of a group the target does not have as the source has it.
async fn differences(runner: &Runner, group: &Group) -> Result<BTreeMap<Key, Difference>, SyncError> {
    let (db, scope, graph) = (runner.db(), &runner.scope, runner.adapter.graph());
    let records: Vec<_> = group.records.iter().collect();
    let mut differing = compare::differing(db, scope, graph, group.entity, &records).await?;
    let broken: Vec<Key> = group.errors.iter().map(|error| error.key.clone()).collect();
    let known = compare::quarantined(db, scope, group.entity, &broken).await?;
    let unknown = broken.into_iter().filter(|key| !known.contains(key));
    differing.extend(unknown.map(|key| (key, Difference::Changed)));
    let extra = compare::there(db, scope, group.entity, &group.gone).await?;
    differing.extend(extra.into_iter().map(|key| (key, Difference::Extra)));
    Ok(differing)
}

/// The keys to touch among those that seemed to differ; nothing when live changes must be applied first.
async fn confirmed(
    runner: &Runner,
    entity: Entity,
    suspects: Vec<Key>,
    found: &mut EntityReport,
) -> Result<Option<Vec<Key>>, SyncError> {
    let first = fetch(runner, entity, suspects).await?;
    if first.records.is_empty() && first.errors.is_empty() && first.gone.is_empty() {
        return Ok(Some(Vec::new()));
    }
    if !applied(runner, &now(runner).await?).await? {
        return Ok(None);
    }
    let still = differences(runner, &first).await?;
    let second = fetch(runner, entity, still.into_keys().collect()).await?;
    let differing = differences(runner, &second).await?;
    for (key, difference) in &differing {
        if says_of(&first, key) != says_of(&second, key) {
            found.unsettled += 1;
            continue;
        }
        match difference {
            Difference::Missing => found.missing += 1,
            Difference::Extra => found.extra += 1,
            Difference::Changed => {
                found.changed += 1;
                describe(runner, &second, key, found).await?;
            }
        }
        if found.examples.len() < EXAMPLES {
            found.examples.push(key.as_str().to_owned());
        }
    }
    Ok(Some(differing.into_keys().collect()))
}

/// What the source says of a key: its record, the rule that it breaks, or neither.
fn says_of<'a>(group: &'a Group, key: &Key) -> (Option<&'a Record>, Option<&'a RecordError>) {
    let record = group.records.iter().find(|record| record.key == *key);
    (record, group.errors.iter().find(|error| error.key == *key))
}

/// Notes in which fields a record differs, and which of its rows never announce a change of their own.
async fn describe(
    runner: &Runner,
    group: &Group,
    key: &Key,
    found: &mut EntityReport,
) -> Result<(), SyncError> {
    if found.examples.len() >= EXAMPLES {
        return Ok(());
    }
    let graph = runner.adapter.graph();
    let Some(record) = group.records.iter().find(|record| record.key == *key) else { return Ok(()) };
    let stored = compare::body(runner.db(), &runner.scope, group.entity, key).await?;
    let mut fields = BTreeSet::new();
    if let Some(stored) = stored {
        changed_fields("", &stored, &record.body, &mut fields);
    }
    for field in fields {
        *found.fields.entry(field).or_default() += 1;
    }
    let folded = graph.reads(group.entity).iter().map(|id| graph.node(*id));
    let folded = folded.filter(|node| matches!(node.tracking, Tracking::Folded { .. }));
    found.suspect_folds.extend(folded.map(|node| node.name.clone()));
    Ok(())
}

/// The paths at which two bodies differ, down to arrays.
fn changed_fields(path: &str, stored: &Json, fetched: &Json, fields: &mut BTreeSet<String>) {
    match (stored, fetched) {
        (Json::Object(a), Json::Object(b)) => {
            for name in a.keys().chain(b.keys()) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let null = &Json::Null;
                changed_fields(&path, a.get(name).unwrap_or(null), b.get(name).unwrap_or(null), fields);
            }
        }
        (a, b) if a != b => {
            fields.insert(path.to_owned());
        }
        _ => {}
    }
}

/// Waits until everything is applied that the source had announced at a position; false when that takes too long.
async fn applied(runner: &Runner, position: &Position) -> Result<bool, SyncError> {
    let settled = async {
        let reached = |captured: &Option<Position>| {
            captured.as_ref().is_some_and(|captured| runner.adapter.reached(captured, position))
        };
        let (mut captured, mut applied) = (runner.progress.captured(), runner.progress.applied());
        // The runner owns the senders, and outlives its loops.
        let _ = captured.wait_for(reached).await;
        let head = stream::head(runner.db(), &runner.scope, Lane::Live).await?;
        while marker::read(runner.db(), &runner.scope).await?.live < head {
            let _ = applied.changed().await;
        }
        Ok::<_, SyncError>(())
    };
    match tokio::time::timeout(SETTLE_FOR, settled).await {
        Ok(settled) => settled.map(|()| true),
        Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changed_fields_are_named_down_to_arrays() {
        let mut fields = BTreeSet::new();
        let stored = json!({"a": 1, "b": {"c": "x", "d": [1, 2]}, "gone": true});
        let fetched = json!({"a": 1, "b": {"c": "y", "d": [1, 3]}, "new": {"e": 1}});
        changed_fields("", &stored, &fetched, &mut fields);
        assert_eq!(fields.into_iter().collect::<Vec<_>>(), ["b.c", "b.d", "gone", "new"]);
    }

    #[test]
    fn a_report_agrees_when_nothing_differs_and_nothing_was_left_out() {
        let mut report = Report::default();
        report.add(Entity::Plan, EntityReport { compared: 5, ..EntityReport::default() });
        assert!(report.agrees());
        let skipped = EntityReport { skipped: Some("paused".into()), ..EntityReport::default() };
        report.add(Entity::Invoice, skipped);
        assert!(!report.agrees());
        report.add(Entity::Plan, EntityReport { changed: 2, compared: 5, ..EntityReport::default() });
        assert_eq!((report.compared(), report.differing()), (10, 2));
    }
}
