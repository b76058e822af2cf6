//! The pure batch planner: which records a batch of changes affects, and in which order to read them.
//!
//! Planning has two steps, with the I/O between them left to the caller. [`lookups`] says what must be looked up:
//! changed rows in the target's lineage (the records they used to feed) and along paths in the source (the records
//! they feed now). [`fetches`] joins the answers with the records that the changes name themselves. The number of
//! look-ups and fetches depends on the kinds of change in the batch, never on their number.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::{Change, Entity, EntityGraph, Key, NodeId, PathId};

/// What must be looked up before it is known which records a batch affects. No list holds a key twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Records that changes name themselves, by the root's key.
    pub named: BTreeMap<Entity, Vec<Key>>,
    /// Changed rows whose former records the target's lineage knows.
    pub lineage: BTreeMap<NodeId, Vec<Key>>,
    /// Changed rows, and new owners, whose records the source must be asked for.
    pub resolve: BTreeMap<PathId, Vec<Key>>,
    /// Nodes any row of which may have changed.
    pub whole: BTreeSet<NodeId>,
    /// Entities that are read from an altered table: their queries may fit it no longer.
    pub altered: BTreeSet<Entity>,
}

/// One query to the source: records of one entity by their keys, none twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchGroup {
    /// What to fetch.
    pub entity: Entity,
    /// Which.
    pub keys: Vec<Key>,
}

/// Sorts a batch into what must be looked up, dropping repeated keys.
pub fn lookups<'a>(graph: &EntityGraph, changes: impl IntoIterator<Item = &'a Change>) -> Lookups {
    let mut lookups = Lookups::default();
    let (mut rows, mut records, mut owners) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut name = |named: &mut BTreeMap<Entity, Vec<Key>>, node: NodeId, key: &'a Key| {
        if let Some(entity) = graph.node(node).entity
            && records.insert((node, key))
        {
            named.entry(entity).or_default().push(key.clone());
        }
    };
    for change in changes {
        match change {
            Change::Row { node, key, .. } => {
                if !rows.insert((*node, key)) {
                    continue;
                }
                name(&mut lookups.named, *node, key);
                if !graph.feeding(*node).is_empty() {
                    lookups.lineage.entry(*node).or_default().push(key.clone());
                }
                for path in graph.feeding(*node) {
                    lookups.resolve.entry(*path).or_default().push(key.clone());
                }
            }
            Change::Record { node, key } => name(&mut lookups.named, *node, key),
            Change::Owned { node, key } => {
                if !owners.insert((*node, key)) {
                    continue;
                }
                for path in graph.owning(*node) {
                    lookups.resolve.entry(*path).or_default().push(key.clone());
                }
            }
            Change::Whole { node } => {
                lookups.whole.insert(*node);
            }
            // What it did to the rows announces itself.
            Change::SchemaChanged { node } => lookups.altered.extend(graph.read_from(*node)),
        }
    }
    lookups
}

/// The fetches for a batch: every record that a change names, that lineage remembers or that a path leads to, each
/// once, owners before what they own.
pub fn fetches(
    graph: &EntityGraph,
    named: BTreeMap<Entity, Vec<Key>>,
    looked_up: impl IntoIterator<Item = (Entity, Key)>,
) -> Vec<FetchGroup> {
    let mut groups = named;
    for (entity, key) in looked_up {
        groups.entry(entity).or_default().push(key);
    }
    graph
        .entities()
        .filter_map(|entity| {
            let mut keys = groups.remove(&entity)?;
            let mut seen = HashSet::new();
            keys.retain(|key| seen.insert(key.clone()));
            (!keys.is_empty()).then_some(FetchGroup { entity, keys })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hint;
    use crate::graph::random::{Instance, instance};
    use proptest::prelude::*;

    fn changes(instance: &Instance, picks: &[prop::sample::Index]) -> Vec<Change> {
        let rows = instance.captured_rows();
        if rows.is_empty() {
            return Vec::new();
        }
        let row = |pick: &prop::sample::Index| {
            let (node, key) = rows[pick.index(rows.len())].clone();
            Change::Row { node, key, hint: Hint::Update }
        };
        picks.iter().map(row).collect()
    }

    /// The whole pipeline with a source and a lineage that are plain data.
    fn plan(instance: &Instance, changes: &[Change]) -> (Lookups, Vec<FetchGroup>) {
        let graph = &instance.graph;
        let lookups = lookups(graph, changes);
        let mut found = Vec::new();
        for (node, keys) in &lookups.lineage {
            found.extend(keys.iter().flat_map(|key| instance.lineage(*node, key)));
        }
        for (path, keys) in &lookups.resolve {
            let entity = graph.path(*path).entity;
            found.extend(keys.iter().flat_map(|key| instance.resolve(*path, key)).map(|key| (entity, key)));
        }
        let groups = fetches(graph, lookups.named.clone(), found);
        (lookups, groups)
    }

    proptest! {
        #[test]
        fn never_fetches_or_looks_up_a_key_twice(
            instance in instance(), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..60)
        ) {
            let changes = changes(&instance, &picks);
            let (lookups, groups) = plan(&instance, &changes);
            let lists = groups.iter().map(|g| &g.keys)
                .chain(lookups.lineage.values()).chain(lookups.resolve.values()).chain(lookups.named.values());
            for keys in lists {
                let distinct: HashSet<_> = keys.iter().collect();
                prop_assert_eq!(distinct.len(), keys.len());
            }
            let entities: HashSet<_> = groups.iter().map(|g| g.entity).collect();
            prop_assert_eq!(entities.len(), groups.len(), "one fetch an entity");
        }

        #[test]
        fn fetches_owners_before_what_they_own(
            instance in instance(), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..60)
        ) {
            let (_, groups) = plan(&instance, &changes(&instance, &picks));
            for (at, group) in groups.iter().enumerate() {
                for owner in group.entity.owners() {
                    prop_assert!(!groups[at..].iter().any(|later| later.entity == *owner));
                }
            }
        }

        #[test]
        fn affects_exactly_what_changes_name_lineage_remembers_and_the_source_resolves(
            instance in instance(), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..60)
        ) {
            let changes = changes(&instance, &picks);
            let (_, groups) = plan(&instance, &changes);
            let planned: BTreeSet<(Entity, Key)> =
                groups.into_iter().flat_map(|g| g.keys.into_iter().map(move |key| (g.entity, key))).collect();
            let expected: BTreeSet<(Entity, Key)> = changes.iter().flat_map(|change| {
                let Change::Row { node, key, .. } = change else { unreachable!("only rows were picked") };
                instance.affected_by_definition(*node, key)
            }).collect();
            prop_assert_eq!(planned, expected);
        }

        #[test]
        fn the_number_of_queries_follows_the_kinds_not_the_changes(instance in instance()) {
            let all: Vec<Change> = instance.captured_rows().into_iter()
                .map(|(node, key)| Change::Row { node, key, hint: Hint::Insert }).collect();
            let lookups = lookups(&instance.graph, &all);
            prop_assert!(lookups.resolve.len() <= instance.graph.path_ids().count());
            prop_assert!(lookups.lineage.len() <= instance.graph.captured().count());
        }

        #[test]
        fn a_record_is_read_alone_and_once(
            instance in instance(), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..60)
        ) {
            let rows = changes(&instance, &picks);
            let (_, of_rows) = plan(&instance, &rows);
            let records: Vec<Change> = rows.iter().map(|change| {
                let Change::Row { node, key, .. } = change else { unreachable!("only rows were picked") };
                Change::Record { node: *node, key: key.clone() }
            }).collect();
            let (lookups, groups) = plan(&instance, &records);
            prop_assert!(lookups.lineage.is_empty() && lookups.resolve.is_empty());
            let expected: BTreeSet<(Entity, Key)> = records.iter().filter_map(|change| {
                let Change::Record { node, key } = change else { unreachable!("they were made above") };
                Some((instance.graph.node(*node).entity?, key.clone()))
            }).collect();
            let planned: Vec<(Entity, Key)> =
                groups.into_iter().flat_map(|g| g.keys.into_iter().map(move |key| (g.entity, key))).collect();
            prop_assert_eq!(planned.len(), expected.len());
            prop_assert_eq!(planned.into_iter().collect::<BTreeSet<_>>(), expected);
            // Beside changes of the same rows they ask for nothing more.
            let both: Vec<Change> = records.into_iter().chain(rows).collect();
            let (_, of_both) = plan(&instance, &both);
            let sorted = |groups: Vec<FetchGroup>| -> BTreeSet<(Entity, Key)> {
                groups.into_iter().flat_map(|g| g.keys.into_iter().map(move |key| (g.entity, key))).collect()
            };
            prop_assert_eq!(sorted(of_both), sorted(of_rows));
        }

        #[test]
        fn a_new_owner_leads_to_all_that_it_owns(instance in instance()) {
            let graph = &instance.graph;
            for (node, key) in instance.captured_rows() {
                if graph.node(node).entity.is_none() { continue; }
                let (_, groups) = plan(&instance, &[Change::Owned { node, key: key.clone() }]);
                let planned: BTreeSet<(Entity, Key)> =
                    groups.into_iter().flat_map(|g| g.keys.into_iter().map(move |key| (g.entity, key))).collect();
                prop_assert_eq!(planned, instance.owned_by_definition(node, &key));
            }
        }
    }
}
