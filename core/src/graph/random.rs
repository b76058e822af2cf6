//! Random valid graphs with random rows, and the meaning of the derived parts by definition: slow, and written
//! without looking at how they are derived.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;

use super::{EdgeKind, EdgeSpec, EntityGraph, EntitySpec, GraphSpec, KeyColumn, NodeSpec, Step, Tracking};
use crate::graph::Changes;
use crate::{Entity, Key, KeyType, NodeId, PathId};

/// A graph, and rows of its nodes.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) graph: EntityGraph,
    /// Per node: each row's pointers, by edge index.
    rows: BTreeMap<NodeId, Vec<HashMap<usize, usize>>>,
    /// What used to feed what: (node, row) -> records.
    past: BTreeMap<(NodeId, Key), BTreeSet<(Entity, Key)>>,
}

pub(crate) fn instance() -> impl Strategy<Value = Instance> {
    let shape = (
        prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>()), 0..8),
        prop::collection::vec(any::<u16>(), 400),
        any::<u8>(),
    );
    shape.prop_map(|(extras, dice, entities)| build(&extras, &dice, entities))
}

fn key_of(row: usize) -> Key {
    Key::from_canonical(row.to_string())
}

fn edge(node: &str, moves: bool, changes: Changes) -> EdgeSpec {
    EdgeSpec { node: node.to_owned(), by: vec![format!("{node}_id")], moves, changes }
}

fn node(owned_by: Vec<EdgeSpec>, refers_to: Vec<EdgeSpec>) -> NodeSpec {
    let key = vec![KeyColumn { name: "id".into(), key_type: KeyType::Integer }];
    NodeSpec { relation: "t".into(), key, owned_by, refers_to }
}

/// Roots for some entities with their owners, and extra nodes hung on by the dice. An extra either belongs to an
/// earlier node (and may be folded into it) or is referred to by one.
fn build(extras: &[(u8, u8, u8, u8)], dice: &[u16], entities: u8) -> Instance {
    let mut spec = GraphSpec::default();
    let optional = [
        Entity::Holding,
        Entity::Balance,
        Entity::Invoice,
        Entity::BillingTransaction,
        Entity::Plan,
        Entity::PaymentSchedule,
        Entity::Concession,
    ];
    let chosen =
        optional.iter().enumerate().filter(|(at, _)| entities >> at & 1 == 1).map(|(_, entity)| *entity);
    for entity in [Entity::Customer, Entity::Account].into_iter().chain(chosen) {
        let owners = entity.owners().iter().map(|owner| edge(owner.name(), true, Changes::Own)).collect();
        spec.nodes.insert(entity.name().to_owned(), node(owners, Vec::new()));
        spec.entities.insert(entity, EntitySpec { root: entity.name().to_owned(), reads: Vec::new() });
    }
    for (at, (target, kind, reader, fold)) in extras.iter().enumerate() {
        let name = format!("x{at}");
        let names: Vec<String> = spec.nodes.keys().cloned().collect();
        let target = names[usize::from(*target) % names.len()].clone();
        let foldable = fold % 2 == 0;
        if kind % 2 == 0 {
            let changes = if foldable { Changes::WithPredecessor } else { Changes::Own };
            spec.nodes.insert(name.clone(), node(vec![edge(&target, !foldable, changes)], Vec::new()));
        } else {
            spec.nodes.insert(name.clone(), node(Vec::new(), Vec::new()));
            let pointing = spec.nodes.get_mut(&target).expect("it was listed");
            pointing.refers_to.push(edge(&name, true, Changes::Own));
        }
        let readers: Vec<Entity> = spec.entities.keys().copied().collect();
        let reader = readers[usize::from(*reader) % readers.len()];
        for entity in readers {
            let declared = spec.entities.get_mut(&entity).expect("it was listed");
            let neighbour = declared.root == target || declared.reads.contains(&target);
            if neighbour || entity == reader {
                declared.reads.push(name.clone());
            }
        }
    }
    let graph = prune(spec);
    let rows = random_rows(&graph, dice);
    let mut instance = Instance { graph, rows, past: BTreeMap::new() };
    for (at, (node, key)) in instance.captured_rows().into_iter().enumerate() {
        let entity = Entity::Account;
        let feeds = !instance.graph.feeding(node).is_empty();
        if feeds && dice[at % dice.len()].is_multiple_of(3) {
            instance.past.entry((node, key)).or_default().insert((entity, key_of(at % 3)));
        }
    }
    instance
}

/// Drops what validation names, until the graph is valid.
fn prune(mut spec: GraphSpec) -> EntityGraph {
    loop {
        let errors = match EntityGraph::new(spec.clone()) {
            Ok(graph) => return graph,
            Err(errors) => errors,
        };
        for error in errors {
            match error {
                super::GraphError::Unreached { entity, node, .. } => {
                    spec.entities.get_mut(&entity).expect("it was named").reads.retain(|read| *read != node);
                }
                super::GraphError::Unused { node } => {
                    spec.nodes.remove(&node);
                    for other in spec.nodes.values_mut() {
                        other.owned_by.retain(|edge| edge.node != node);
                        other.refers_to.retain(|edge| edge.node != node);
                    }
                }
                super::GraphError::UnsafeFold { node, .. } => {
                    for edge in &mut spec.nodes.get_mut(&node).expect("it was named").owned_by {
                        edge.changes = Changes::Own;
                    }
                }
                other => panic!("the generator made {other}"),
            }
        }
    }
}

fn random_rows(graph: &EntityGraph, dice: &[u16]) -> BTreeMap<NodeId, Vec<HashMap<usize, usize>>> {
    let mut throws = dice.iter().cycle().map(|throw| usize::from(*throw));
    let mut rows: BTreeMap<NodeId, Vec<HashMap<usize, usize>>> = BTreeMap::new();
    for id in graph.node_ids() {
        let pointers: Vec<usize> =
            (0..graph.edges().len()).filter(|at| graph.edges()[*at].child == id).collect();
        let count = throws.next().expect("cycled") % 4;
        let row = |throws: &mut dyn Iterator<Item = usize>| {
            // One in five points at nothing.
            let pick = |at: &usize, throw: usize| (!throw.is_multiple_of(5)).then_some((*at, throw / 5 % 4));
            pointers.iter().filter_map(|at| pick(at, throws.next().expect("cycled"))).collect()
        };
        let made = (0..count).map(|_| row(&mut throws)).collect();
        rows.insert(id, made);
    }
    rows
}

impl Instance {
    /// Every row of every captured node, and one key of each that no row has.
    pub(crate) fn captured_rows(&self) -> Vec<(NodeId, Key)> {
        let rows = |id: NodeId| (0..=self.rows[&id].len()).map(move |row| (id, key_of(row)));
        self.graph.captured().flat_map(rows).collect()
    }

    pub(crate) fn lineage(&self, node: NodeId, key: &Key) -> BTreeSet<(Entity, Key)> {
        self.past.get(&(node, key.clone())).cloned().unwrap_or_default()
    }

    /// Follows a path as a source would: by keys, through the rows that are there.
    pub(crate) fn resolve(&self, path: PathId, key: &Key) -> BTreeSet<Key> {
        let mut here: BTreeSet<usize> = BTreeSet::from([key.as_str().parse().expect("keys are row numbers")]);
        for step in &self.graph.path(path).steps {
            here = match step {
                Step::ToPredecessor(at) => {
                    let rows = &self.rows[&self.graph.edges()[*at].child];
                    here.iter().filter_map(|row| rows.get(*row)?.get(at).copied()).collect()
                }
                Step::ToChildren(at) => {
                    let rows = &self.rows[&self.graph.edges()[*at].child];
                    let points = |row: &usize| rows[*row].get(at).is_some_and(|to| here.contains(to));
                    (0..rows.len()).filter(points).collect()
                }
            };
        }
        here.into_iter().map(key_of).collect()
    }

    /// The records whose fetch could have read this row: those whose outward walk meets it, and those that lineage
    /// remembers.
    pub(crate) fn affected_by_definition(&self, node: NodeId, key: &Key) -> BTreeSet<(Entity, Key)> {
        let mut affected = self.lineage(node, key);
        if let Some(entity) = self.graph.node(node).entity {
            affected.insert((entity, key.clone()));
        }
        let target = (node, key.as_str().parse::<usize>().expect("keys are row numbers"));
        for entity in self.graph.entities() {
            let root = self.graph.root(entity).expect("it is listed");
            // One more than the rows: a key without a row can still be pointed at.
            for row in 0..5 {
                if self.walk_meets(entity, &mut vec![(root, row)], target) {
                    affected.insert((entity, key_of(row)));
                }
            }
        }
        affected
    }

    fn walk_meets(&self, entity: Entity, walk: &mut Vec<(NodeId, usize)>, target: (NodeId, usize)) -> bool {
        let (here, row) = *walk.last().expect("a walk begins at its root");
        let reads = self.graph.reads(entity);
        for (at, edge) in self.graph.edges().iter().enumerate() {
            let mut next = Vec::new();
            if edge.child == here
                && let Some(to) = self.rows[&here].get(row).and_then(|pointers| pointers.get(&at))
            {
                next.push((edge.predecessor, *to));
            }
            if edge.predecessor == here && edge.kind == EdgeKind::Owns {
                let children = &self.rows[&edge.child];
                let points = |child: &usize| children[*child].get(&at) == Some(&row);
                next.extend((0..children.len()).filter(points).map(|child| (edge.child, child)));
            }
            for (node, row) in next {
                if !reads.contains(&node) || walk.iter().any(|(seen, _)| *seen == node) {
                    continue;
                }
                if (node, row) == target {
                    return true;
                }
                walk.push((node, row));
                let met = self.walk_meets(entity, walk, target);
                walk.pop();
                if met {
                    return true;
                }
            }
        }
        false
    }

    /// The records that the record rooted at this row owns: in this generator every owned root points at its owner.
    pub(crate) fn owned_by_definition(&self, node: NodeId, key: &Key) -> BTreeSet<(Entity, Key)> {
        let owner = self.graph.node(node).entity.expect("only roots are asked");
        let row: usize = key.as_str().parse().expect("keys are row numbers");
        let mut owned = BTreeSet::new();
        for entity in self.graph.entities().filter(|entity| entity.owners().contains(&owner)) {
            let root = self.graph.root(entity).expect("it is listed");
            for (at, edge) in self.graph.edges().iter().enumerate() {
                if edge.child == root && edge.predecessor == node {
                    let rows = &self.rows[&root];
                    let points = |child: &usize| rows[*child].get(&at) == Some(&row);
                    owned.extend((0..rows.len()).filter(points).map(|child| (entity, key_of(child))));
                }
            }
        }
        owned
    }

    /// True when some node is folded: the generator must produce such graphs.
    pub(crate) fn folds(&self) -> bool {
        self.graph.node_ids().any(|id| self.graph.node(id).tracking != Tracking::Captured)
    }
}
