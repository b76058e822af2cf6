//! Capture: what is done to rows of each captured node is heard, and read as it is.

use std::collections::HashSet;

use wattle_core::{Change, EdgeKind, Feed, FeedEvent, Fence, Key, NodeId, Position, SourceError, Tracking};

use crate::bench::{BenchError, End, Work};
use crate::drift;
use crate::prove::Proof;
use crate::report::Check;

/// Rows that are tried in turn until the database lets one be copied.
const TRIES: usize = 20;

/// What was heard of one node.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) keys: HashSet<Key>,
    pub(crate) whole: bool,
    pub(crate) schema: bool,
    pub(crate) last: Option<Position>,
}

impl Heard {
    fn all(&self, wanted: &[Key]) -> bool {
        self.whole || wanted.iter().all(|key| self.keys.contains(key))
    }
}

/// Listens until every key is heard, or the feed has come to where the source is now, or patience ends.
pub(crate) async fn hear(
    proof: &Proof<'_>,
    feed: &mut dyn Feed,
    node: NodeId,
    wanted: &[Key],
) -> Result<Heard, SourceError> {
    let there = proof.adapter.now().await?;
    let mut heard = Heard::default();
    let listening = async {
        loop {
            if !wanted.is_empty() && heard.all(wanted) {
                return Ok(());
            }
            let at = match feed.next().await? {
                FeedEvent::Change(change, position) => {
                    if change.node() == node {
                        match change {
                            Change::Row { key, .. }
                            | Change::Record { key, .. }
                            | Change::Owned { key, .. } => {
                                heard.keys.insert(key);
                            }
                            Change::Whole { .. } => heard.whole = true,
                            Change::SchemaChanged { .. } => heard.schema = true,
                        }
                    }
                    heard.last = Some(position);
                    continue;
                }
                FeedEvent::Commit(position) | FeedEvent::Idle(position) => position,
            };
            if proof.adapter.reached(&at, &there) {
                return Ok(());
            }
        }
    };
    // A feed that never says that it has come so far is judged by what it has said.
    tokio::time::timeout(proof.settings.patience, listening).await.unwrap_or(Ok(()))?;
    Ok(heard)
}

pub(crate) async fn prove(proof: &mut Proof<'_>, from: &Position) {
    let mut feed = match proof.adapter.changes(from).await {
        Ok(feed) => feed,
        Err(error) => return proof.broke(Check::Insert, "source", "a feed opens where begin() said", &error),
    };
    let graph = proof.adapter.graph();
    let mut large = None;
    for node in graph.node_ids() {
        let name = proof.name(node);
        if let Tracking::Folded { into } = graph.node(node).tracking {
            let reason =
                format!("folded: it is read with {}, whose changes are heard", graph.node(into).name);
            proof.report.not_applicable(Check::Insert, &name, reason);
            continue;
        }
        let checks = [Check::Insert, Check::Update, Check::Delete, Check::Rollback];
        let Some(of) = copyable(proof, node, &checks).await else { continue };
        let mut row = Row { node, name, key: None };
        let done = row.life(proof, feed.as_mut(), &of).await;
        if let Some(key) = row.key.take() {
            // What a failed check left behind.
            if let Err(error) = proof.bench.run(&[Work::Delete { node, key: key.clone() }], End::Commit).await
            {
                let seen = format!("the row {key} that the kit inserted is still there: {error}");
                proof.report.failed(
                    Check::Delete,
                    &row.name,
                    "nothing is left behind",
                    seen,
                    "delete this row",
                );
            }
        }
        match done {
            Ok(()) => large = large.or(Some((node, of))),
            Err(error) => {
                proof.broke(Check::Insert, &row.name, "the feed goes on", &error);
                return;
            }
        }
    }
    match large {
        Some((node, of)) => large_transaction(proof, feed.as_mut(), node, &of).await,
        None => {
            proof.report.not_applicable(Check::LargeTransaction, "source", "no node lets its rows be copied")
        }
    }
    drift::prove(proof, feed.as_mut()).await;
}

/// A row of a node that can be copied, which is tried and rolled back; without one, these checks cannot be tried.
pub(crate) async fn copyable(proof: &mut Proof<'_>, node: NodeId, checks: &[Check]) -> Option<Key> {
    let name = proof.name(node);
    let keys: Vec<Key> = proof.keys.get(&node).into_iter().flatten().take(TRIES).cloned().collect();
    let mut refused = BenchError::NotPossible("the node has no row to copy".into());
    for of in keys {
        match proof.bench.run(&[Work::Copy { node, of: of.clone() }], End::Rollback).await {
            Ok(_) => return Some(of),
            Err(error) => refused = error,
        }
    }
    checks.iter().for_each(|check| proof.unable(*check, &name, &refused));
    None
}

/// A row that the kit inserted.
struct Row {
    node: NodeId,
    name: String,
    /// Its key while it is there.
    key: Option<Key>,
}

impl Row {
    /// From insert to delete; an error is the feed's.
    async fn life(
        &mut self,
        proof: &mut Proof<'_>,
        feed: &mut dyn Feed,
        of: &Key,
    ) -> Result<(), SourceError> {
        let node = self.node;
        let copied = proof.bench.run(&[Work::Copy { node, of: of.clone() }], End::Commit).await;
        let Some(key) = self.done(proof, Check::Insert, copied) else { return Ok(()) };
        self.key = Some(key.clone());
        let position = self.heard(proof, feed, Check::Insert, std::slice::from_ref(&key)).await?;
        self.shows(proof, position, &key, of).await;
        self.change(proof, feed, Check::Update, |key| Work::Update { node, key }).await?;
        self.rollback(proof, feed, of).await?;
        self.change(proof, feed, Check::KeyChange, |key| Work::Rekey { node, key }).await?;
        let graph = proof.adapter.graph();
        let owner = graph.edges().iter().position(|edge| {
            edge.child == node && edge.kind == EdgeKind::Owns && edge.moves && edge.predecessor != node
        });
        if let Some(edge) = owner {
            self.change(proof, feed, Check::Move, |key| Work::Move { node, key, edge }).await?;
        }
        let Some(key) = self.key.clone() else { return Ok(()) };
        let deleted = proof.bench.run(&[Work::Delete { node, key: key.clone() }], End::Commit).await;
        if self.done(proof, Check::Delete, deleted).is_some() {
            self.key = None;
            let position = self.heard(proof, feed, Check::Delete, std::slice::from_ref(&key)).await?;
            self.gone(proof, position, &key).await;
        }
        Ok(())
    }

    /// The key of what was done, or why it was not.
    fn done(&self, proof: &mut Proof<'_>, check: Check, done: Result<Vec<Key>, BenchError>) -> Option<Key> {
        match done {
            Ok(keys) => keys.into_iter().next(),
            Err(error) => {
                proof.unable(check, &self.name, &error);
                None
            }
        }
    }

    async fn change(
        &mut self,
        proof: &mut Proof<'_>,
        feed: &mut dyn Feed,
        check: Check,
        work: impl Fn(Key) -> Work,
    ) -> Result<(), SourceError> {
        let Some(before) = self.key.clone() else { return Ok(()) };
        let changed = proof.bench.run(&[work(before.clone())], End::Commit).await;
        let Some(after) = self.done(proof, check, changed) else { return Ok(()) };
        self.key = Some(after.clone());
        if check == Check::KeyChange && before == after {
            proof.report.not_applicable(check, &self.name, "the bench left the row's key as it was");
            return Ok(());
        }
        let wanted = if before == after { vec![after] } else { vec![before, after] };
        self.heard(proof, feed, check, &wanted).await.map(drop)
    }

    /// Reports whether these keys are heard, and where.
    async fn heard(
        &self,
        proof: &mut Proof<'_>,
        feed: &mut dyn Feed,
        check: Check,
        wanted: &[Key],
    ) -> Result<Option<Position>, SourceError> {
        let heard = hear(proof, feed, self.node, wanted).await?;
        if heard.all(wanted) {
            proof.report.passed(
                check,
                &self.name,
                if heard.whole { "heard as a whole node" } else { "heard by its key" },
            );
        } else {
            let missing = wanted.iter().filter(|key| !heard.keys.contains(key)).count();
            let seen = format!("{missing} of {} keys were not heard", wanted.len());
            let fix = "see that the log carries this table and operation with the old key and the new one";
            proof.report.failed(check, &self.name, "an event for each key that a row has or had", seen, fix);
        }
        Ok(heard.last)
    }

    /// What was rolled back must not be heard before what was committed after it.
    async fn rollback(
        &self,
        proof: &mut Proof<'_>,
        feed: &mut dyn Feed,
        of: &Key,
    ) -> Result<(), SourceError> {
        let (node, Some(key)) = (self.node, self.key.clone()) else { return Ok(()) };
        let rolled_back = proof.bench.run(&[Work::Copy { node, of: of.clone() }], End::Rollback).await;
        let Some(never) = self.done(proof, Check::Rollback, rolled_back) else { return Ok(()) };
        if let Err(error) = proof.bench.run(&[Work::Update { node, key: key.clone() }], End::Commit).await {
            proof.unable(Check::Rollback, &self.name, &error);
            return Ok(());
        }
        let after = [key];
        let heard = hear(proof, feed, node, &after).await?;
        if !heard.all(&after) {
            let fix = "see that a transaction that is rolled back does not keep the feed from going on";
            let seen = "the commit after it was not heard either";
            proof.report.failed(Check::Rollback, &self.name, "the commit that followed", seen, fix);
        } else if heard.keys.contains(&never) {
            let fix = "yield changes only when their transaction has committed";
            let seen = "a row that was rolled back was heard";
            proof.report.failed(
                Check::Rollback,
                &self.name,
                "nothing of a transaction that never was",
                seen,
                fix,
            );
        } else {
            let seen = "nothing was heard of it before the commit that followed";
            proof.report.passed(Check::Rollback, &self.name, seen);
        }
        Ok(())
    }

    /// A snapshot behind the fence of what was heard finds the new row, if its like is a record.
    async fn shows(&self, proof: &mut Proof<'_>, position: Option<Position>, key: &Key, of: &Key) {
        let graph = proof.adapter.graph();
        let (Some(entity), Some(position)) = (graph.node(self.node).entity, position) else { return };
        let expected = "a snapshot that includes what was heard";
        let found = async {
            let mut snapshot = proof.adapter.snapshot(&Fence::new([position])).await?;
            snapshot.fetch(entity, &[key.clone(), of.clone()]).await
        };
        match found.await {
            Err(error) => proof.broke(Check::Fence, &self.name, expected, &error),
            Ok(found) if found.iter().any(|fetched| fetched.ordinal == 0) => {
                proof.report.passed(Check::Fence, &self.name, "a row is read as soon as it is heard");
            }
            Ok(found) if found.is_empty() => {
                let reason = "the query leaves out the row that was copied, and so its copy";
                proof.report.not_applicable(Check::Fence, &self.name, reason);
            }
            Ok(_) => {
                let fix = "prove that the snapshot includes every position of the fence, and that the query finds \
                           every row that is like another that it finds";
                proof.report.failed(
                    Check::Fence,
                    &self.name,
                    expected,
                    "the row that was heard is a miss",
                    fix,
                );
            }
        }
    }

    async fn gone(&self, proof: &mut Proof<'_>, position: Option<Position>, key: &Key) {
        let graph = proof.adapter.graph();
        let (Some(entity), Some(position)) = (graph.node(self.node).entity, position) else { return };
        let expected = "a deleted row is a miss as soon as it is heard";
        let found = async {
            proof
                .adapter
                .snapshot(&Fence::new([position]))
                .await?
                .fetch(entity, std::slice::from_ref(key))
                .await
        };
        match found.await {
            Err(error) => proof.broke(Check::Delete, &self.name, expected, &error),
            Ok(found) if found.is_empty() => {
                proof.report.passed(Check::Delete, &self.name, "a miss when heard")
            }
            Ok(_) => {
                let fix = "prove that the snapshot includes every position of the fence";
                proof.report.failed(Check::Delete, &self.name, expected, "the row still comes back", fix);
            }
        }
    }
}

async fn large_transaction(proof: &mut Proof<'_>, feed: &mut dyn Feed, node: NodeId, of: &Key) {
    let name = proof.name(node);
    let work = vec![Work::Copy { node, of: of.clone() }; proof.settings.large];
    let keys = match proof.bench.run(&work, End::Commit).await {
        Ok(keys) => keys,
        Err(error) => return proof.unable(Check::LargeTransaction, &name, &error),
    };
    let inserted = hear(proof, feed, node, &keys).await;
    let away: Vec<Work> = keys.iter().map(|key| Work::Delete { node, key: key.clone() }).collect();
    if let Err(error) = proof.bench.run(&away, End::Commit).await {
        let seen = format!("{} rows that the kit inserted are still there: {error}", keys.len());
        let expected = "nothing is left behind";
        return proof.report.failed(Check::LargeTransaction, &name, expected, seen, "delete them");
    }
    let deleted = hear(proof, feed, node, &keys).await;
    match (inserted, deleted) {
        (Err(error), _) | (_, Err(error)) => {
            proof.broke(Check::LargeTransaction, &name, "the feed goes on", &error);
        }
        (Ok(inserted), Ok(deleted)) if inserted.all(&keys) && deleted.all(&keys) => {
            let seen = format!("{} rows inserted at once, and deleted at once", keys.len());
            proof.report.passed(Check::LargeTransaction, &name, seen);
        }
        (Ok(inserted), Ok(deleted)) => {
            let heard = |heard: &Heard| keys.iter().filter(|key| heard.keys.contains(key)).count();
            let seen = format!("{} inserts and {} deletes heard", heard(&inserted), heard(&deleted));
            let fix = "read on until the transaction's end, however large";
            proof.report.failed(Check::LargeTransaction, &name, format!("{} of each", keys.len()), seen, fix);
        }
    }
}
