//! Paths: a changed row leads to the records that are built from it, and an owner to what it owns.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use wattle_core::{
    Entity, ErrorClass, Fence, Key, NodeId, PathId, Record, SourceError, SourceSnapshot, Tracking,
};

use crate::prove::Proof;
use crate::report::Check;

/// Rows and records that are looked at, of each node and entity.
const SAMPLE: usize = 200;
/// Rows that are followed one by one: together, one row could lead to what belongs to another.
const ALONE: usize = 10;

/// The records that name a row, by that row.
type Named = BTreeMap<Key, BTreeSet<Key>>;

pub(crate) async fn prove(proof: &mut Proof<'_>) {
    pages(proof).await;
    if let Err(error) = records(proof).await {
        proof.broke(Check::Paths, "source", "rows that records name can be followed", &error);
    }
}

async fn pages(proof: &mut Proof<'_>) {
    let graph = proof.adapter.graph();
    for node in graph.node_ids() {
        for id in graph.feeding(node).iter().chain(graph.owning(node)) {
            let path = graph.path(*id);
            let subject = format!("{} to {}", graph.node(path.from).name, path.entity);
            let keys: Vec<Key> =
                proof.keys.get(&path.from).into_iter().flatten().take(SAMPLE).cloned().collect();
            if keys.is_empty() {
                proof.report.not_applicable(Check::Paths, &subject, "the node has no rows");
                continue;
            }
            let expected = "the same keys in pages of any size";
            let whole = resolved(proof, *id, &keys, 100_000).await;
            let paged = resolved(proof, *id, &keys, 97).await;
            match (whole, paged) {
                (Err(error), _) | (_, Err(error)) => proof.broke(Check::Paths, &subject, expected, &error),
                (Ok(whole), Ok(paged)) => {
                    let distinct: HashSet<&Key> = paged.iter().collect();
                    if whole != paged || distinct.len() < paged.len() {
                        let seen = format!("{} keys at once, {} in pages", whole.len(), paged.len());
                        let fix =
                            "order by all key columns, select distinct keys, and begin after the cursor";
                        proof.report.failed(Check::Paths, &subject, expected, seen, fix);
                    } else {
                        let seen = format!("{} rows lead to {} records", keys.len(), whole.len());
                        proof.report.passed(Check::Paths, &subject, seen);
                    }
                }
            }
        }
    }
}

async fn resolved(
    proof: &Proof<'_>,
    path: PathId,
    keys: &[Key],
    limit: usize,
) -> Result<Vec<Key>, SourceError> {
    follow(&mut *proof.adapter.snapshot(&Fence::default()).await?, path, keys, limit).await
}

async fn follow(
    snapshot: &mut dyn SourceSnapshot,
    path: PathId,
    keys: &[Key],
    limit: usize,
) -> Result<Vec<Key>, SourceError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = snapshot.resolve(path, keys, after.as_ref(), limit).await?;
        found.extend(page.keys);
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// A record names the rows that it was built from, and its owners: along the graph's edges they must lead back to it, or
/// nobody would know of it when they change.
async fn records(proof: &mut Proof<'_>) -> Result<(), SourceError> {
    let graph = proof.adapter.graph();
    let mut snapshot = proof.adapter.snapshot(&Fence::default()).await?;
    for entity in graph.entities() {
        let Some(root) = graph.root(entity) else { continue };
        let keys: Vec<Key> = proof.keys.get(&root).into_iter().flatten().take(SAMPLE).cloned().collect();
        let fetched = match snapshot.fetch(entity, &keys).await {
            Ok(fetched) => fetched,
            // Which record that is the check of values says. After an error a snapshot is of no use.
            Err(error) if error.class() == ErrorClass::Record => {
                let reason = "one of its records cannot be read, so that rows were not followed to it";
                proof.report.not_applicable(Check::Paths, entity.name(), reason);
                snapshot = proof.adapter.snapshot(&Fence::default()).await?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let (mut built_from, mut owned_by) =
            (BTreeMap::<NodeId, Named>::new(), BTreeMap::<NodeId, Named>::new());
        let note = |named: &mut BTreeMap<NodeId, Named>, node: NodeId, row: Key, record: &Key| {
            named.entry(node).or_default().entry(row).or_default().insert(record.clone());
        };
        if entity == Entity::Account {
            let records = fetched.iter().filter_map(|fetched| fetched.record.as_ref().ok());
            // Of an account that is closed the plan may be gone.
            let open = records.filter(|account| account.body["openStatus"] == "OPEN");
            let plans: BTreeSet<&str> = open.flat_map(Record::plan_ids).collect();
            plans_are_there(proof, &plans).await?;
        }
        for record in fetched.into_iter().filter_map(|fetched| fetched.record.ok()) {
            let captured = |node: &NodeId| matches!(graph.node(*node).tracking, Tracking::Captured);
            for (node, row) in record.lineage.into_iter().filter(|(node, _)| captured(node)) {
                note(&mut built_from, node, row, &record.key);
            }
            for (owner, row) in entity.owners().iter().zip(record.owners) {
                if let Some(node) = graph.root(*owner) {
                    note(&mut owned_by, node, row, &record.key);
                }
            }
        }
        for (node, named) in built_from {
            leads(proof, &mut *snapshot, node, graph.feeding(node), entity, named).await?;
        }
        for (node, named) in owned_by {
            leads(proof, &mut *snapshot, node, graph.owning(node), entity, named).await?;
        }
    }
    Ok(())
}

/// An account may have a plan that the source has no longer; when all have, it is the pack that names them wrongly.
async fn plans_are_there(proof: &mut Proof<'_>, plans: &BTreeSet<&str>) -> Result<(), SourceError> {
    let keys: Vec<Key> = plans.iter().map(|plan| Key::from_canonical(*plan)).collect();
    if keys.is_empty() || proof.adapter.graph().root(Entity::Plan).is_none() {
        return Ok(());
    }
    let mut snapshot = proof.adapter.snapshot(&Fence::default()).await?;
    let there = match snapshot.fetch(Entity::Plan, &keys).await {
        Ok(found) => found.len(),
        Err(error) if error.class() == ErrorClass::Record => return Ok(()),
        Err(error) => return Err(error),
    };
    let subject = "plans of accounts";
    if there == 0 {
        let seen =
            format!("none of the {} plans that accounts name is there, such as {}", keys.len(), keys[0]);
        let fix = "select as \"$plan\" the key that the plan's root has; without it an account's detail is not served";
        proof.report.failed(Check::Values, subject, "an account names plans of this source", seen, fix);
    } else {
        proof.report.passed(Check::Values, subject, format!("{there} of {} are there", keys.len()));
    }
    Ok(())
}

async fn leads(
    proof: &mut Proof<'_>,
    snapshot: &mut dyn SourceSnapshot,
    node: NodeId,
    paths: &[PathId],
    entity: Entity,
    named: Named,
) -> Result<(), SourceError> {
    let graph = proof.adapter.graph();
    let (name, subject) = (proof.name(node), format!("{} to {entity}", graph.node(node).name));
    let paths: Vec<PathId> = paths.iter().copied().filter(|id| graph.path(*id).entity == entity).collect();
    let step = named.len().div_ceil(ALONE).max(1);
    let (mut followed, mut records) = (0, 0);
    for (row, expected) in named.iter().step_by(step) {
        let mut found = HashSet::new();
        for path in &paths {
            found.extend(follow(snapshot, *path, std::slice::from_ref(row), 10_000).await?);
        }
        if let Some(record) = expected.iter().find(|record| !found.contains(*record)) {
            let where_to = if found.is_empty() { "nowhere" } else { "elsewhere" };
            let seen = format!("{entity} {record} names {name} {row}, which leads {where_to}");
            let fix = format!(
                "look at the edges between node `{name}` and the root of {entity}: `by` lists the columns that hold the predecessor's key, in the order of that key"
            );
            proof.report.failed(Check::Paths, &subject, "a row leads to the records that name it", seen, fix);
            return Ok(());
        }
        (followed, records) = (followed + 1, records + expected.len());
    }
    proof.report.passed(
        Check::Paths,
        &subject,
        format!("{followed} rows, one by one, lead to the {records} records that name them"),
    );
    Ok(())
}
