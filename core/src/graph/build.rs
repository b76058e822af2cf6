//! From a declared graph to a valid one: every rule that a graph must meet, and everything derived from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    Changes, Edge, EdgeKind, EdgeSpec, EntityGraph, GraphSpec, Node, NodeSpec, Path, Step, Tracking,
};
use crate::{Entity, NodeId, PathId};

/// Far above any real retailer's schema, and low enough that a wrong graph is found out before it is expensive.
const MAX_NODES: usize = 500;
const MAX_PATHS_PER_ENTITY: usize = 500;

/// A rule that a graph breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum GraphError {
    #[error("the graph has {0} nodes; more than {MAX_NODES} are not supported")]
    TooManyNodes(usize),
    #[error(
        "node `{node}` cannot be named so: `$from.` and a name make an alias, so use letters, digits, `_` and `-`"
    )]
    BadName { node: String },
    #[error("node `{node}` has no key: list its key columns, such as key = [\"bill_id integer\"]")]
    NoKey { node: String },
    #[error(
        "node `{node}` names a predecessor `{predecessor}` that is not in the graph: add it or remove the edge"
    )]
    UnknownPredecessor { node: String, predecessor: String },
    #[error(
        "node `{node}` points at `{predecessor}` by {given} columns, but its key has {expected}: give `by` in the order of the predecessor's key"
    )]
    EdgeArity { node: String, predecessor: String, expected: usize, given: usize },
    #[error("the nodes {} form a cycle: remove one of the edges between them, only a self-reference is allowed", nodes.join(" -> "))]
    Cycle { nodes: Vec<String> },
    #[error("entity `{entity}` names a node `{node}` that is not in the graph")]
    UnknownNode { entity: Entity, node: String },
    #[error("node `{node}` roots both `{first}` and `{second}`: a node roots at most one entity")]
    TwoEntities { node: String, first: Entity, second: Entity },
    #[error("entity `{entity}` needs its owner `{owner}`, which this graph does not feed")]
    MissingOwner { entity: Entity, owner: Entity },
    #[error(
        "the root `{root}` of entity `{entity}` does not reach `{owner_root}`, the root of its owner `{owner}`, by owned_by edges through nodes that it reads"
    )]
    UnreachedOwner { entity: Entity, root: String, owner: Entity, owner_root: String },
    #[error(
        "entity `{entity}` reads `{node}`, which no walk from its root `{root}` reaches: a row may look up its predecessors, a predecessor may list what it owns; add the nodes between to `reads`, or remove it"
    )]
    Unreached { entity: Entity, root: String, node: String },
    #[error(
        "node `{node}` roots no entity and no entity reads it: remove it, or add it to an entity's `reads`"
    )]
    Unused { node: String },
    #[error(
        "entity `{entity}` reads its nodes in more than {MAX_PATHS_PER_ENTITY} ways: remove edges that its fetch does not use"
    )]
    TooManyPaths { entity: Entity },
    #[error("node `{node}` cannot be folded into `{into}`: {why}")]
    UnsafeFold { node: String, into: String, why: &'static str },
}

pub(super) fn build(spec: GraphSpec) -> Result<EntityGraph, Vec<GraphError>> {
    if spec.nodes.len() > MAX_NODES {
        return Err(vec![GraphError::TooManyNodes(spec.nodes.len())]);
    }
    let mut errors = declared_errors(&spec);
    if !errors.is_empty() {
        return Err(errors);
    }
    let ranks = ranks(&spec.nodes).map_err(|cycle| vec![cycle])?;
    let mut graph = assemble(&spec, &ranks);
    place_entities(&mut graph, &spec, &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    fold(&mut graph, &spec, &mut errors);
    derive_feeding(&mut graph, &mut errors);
    derive_owning(&mut graph, &mut errors);
    report_unused(&graph, &mut errors);
    if errors.is_empty() { Ok(graph) } else { Err(errors) }
}

fn declared_edges(node: &NodeSpec) -> impl Iterator<Item = (&EdgeSpec, EdgeKind)> {
    let owners = node.owned_by.iter().map(|edge| (edge, EdgeKind::Owns));
    owners.chain(node.refers_to.iter().map(|edge| (edge, EdgeKind::Refers)))
}

fn declared_errors(spec: &GraphSpec) -> Vec<GraphError> {
    let mut errors = Vec::new();
    for (name, node) in &spec.nodes {
        let may_stand = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(may_stand) {
            errors.push(GraphError::BadName { node: name.clone() });
        }
        if node.key.is_empty() {
            errors.push(GraphError::NoKey { node: name.clone() });
        }
        for (edge, _) in declared_edges(node) {
            match spec.nodes.get(&edge.node) {
                None => errors.push(GraphError::UnknownPredecessor {
                    node: name.clone(),
                    predecessor: edge.node.clone(),
                }),
                Some(predecessor) if predecessor.key.len() != edge.by.len() => {
                    errors.push(GraphError::EdgeArity {
                        node: name.clone(),
                        predecessor: edge.node.clone(),
                        expected: predecessor.key.len(),
                        given: edge.by.len(),
                    })
                }
                Some(_) => {}
            }
        }
    }
    for (entity, declared) in &spec.entities {
        for node in std::iter::once(&declared.root).chain(&declared.reads) {
            if !spec.nodes.contains_key(node) {
                errors.push(GraphError::UnknownNode { entity: *entity, node: node.clone() });
            }
        }
    }
    errors
}

/// Each node's distance from the nodes without predecessors, self-references aside.
fn ranks(nodes: &BTreeMap<String, NodeSpec>) -> Result<HashMap<&str, u16>, GraphError> {
    let mut ranks: HashMap<&str, u16> = HashMap::new();
    loop {
        let ready: Vec<(&str, u16)> = nodes
            .iter()
            .filter(|(name, _)| !ranks.contains_key(name.as_str()))
            .filter_map(|(name, node)| {
                let mut rank = 0;
                for (edge, _) in declared_edges(node).filter(|(edge, _)| edge.node != *name) {
                    rank = rank.max(ranks.get(edge.node.as_str())? + 1);
                }
                Some((name.as_str(), rank))
            })
            .collect();
        if ready.is_empty() {
            break;
        }
        ranks.extend(ready);
    }
    if ranks.len() == nodes.len() {
        Ok(ranks)
    } else {
        Err(GraphError::Cycle { nodes: find_cycle(nodes, &ranks) })
    }
}

/// Follows unranked predecessors until a node repeats: each unranked node has at least one.
fn find_cycle(nodes: &BTreeMap<String, NodeSpec>, ranks: &HashMap<&str, u16>) -> Vec<String> {
    let unranked = |name: &str| !ranks.contains_key(name);
    let mut walk: Vec<&str> =
        nodes.keys().map(String::as_str).filter(|name| unranked(name)).take(1).collect();
    while let Some(current) = walk.last().copied() {
        let next = declared_edges(&nodes[current])
            .map(|(edge, _)| edge.node.as_str())
            .find(|next| *next != current && unranked(next));
        let Some(next) = next else { break };
        if let Some(start) = walk.iter().position(|seen| *seen == next) {
            walk.push(next);
            return walk[start..].iter().map(ToString::to_string).collect();
        }
        walk.push(next);
    }
    walk.iter().map(ToString::to_string).collect()
}

fn assemble(spec: &GraphSpec, ranks: &HashMap<&str, u16>) -> EntityGraph {
    let mut names: Vec<&String> = spec.nodes.keys().collect();
    names.sort_by_key(|name| (ranks[name.as_str()], *name));
    let id = |name: &str| {
        let at = names.iter().position(|n| *n == name).expect("declared_errors() knows every name");
        NodeId(u16::try_from(at).expect("build() bounds the number of nodes"))
    };
    let nodes: Vec<Node> = names
        .iter()
        .map(|name| Node {
            name: (*name).clone(),
            relation: spec.nodes[*name].relation.clone(),
            key: spec.nodes[*name].key.clone(),
            entity: None,
            tracking: Tracking::Captured,
            rank: ranks[name.as_str()],
        })
        .collect();
    let edges = names
        .iter()
        .flat_map(|name| declared_edges(&spec.nodes[*name]).map(move |(edge, kind)| (*name, edge, kind)))
        .map(|(name, edge, kind)| Edge {
            child: id(name),
            predecessor: id(&edge.node),
            columns: edge.by.clone(),
            kind,
            moves: edge.moves,
        })
        .collect();
    let count = nodes.len();
    EntityGraph {
        nodes,
        edges,
        paths: Vec::new(),
        feeding: vec![Vec::new(); count],
        owning: vec![Vec::new(); count],
        roots: BTreeMap::new(),
        reads: BTreeMap::new(),
    }
}

fn place_entities(graph: &mut EntityGraph, spec: &GraphSpec, errors: &mut Vec<GraphError>) {
    for (entity, declared) in &spec.entities {
        let id = |name: &str| graph.node_named(name).expect("declared_errors() knows every name");
        let root = id(&declared.root);
        let reads: BTreeSet<NodeId> = declared.reads.iter().map(|name| id(name)).collect();
        graph.reads.insert(*entity, reads.into_iter().collect());
        graph.roots.insert(*entity, root);
        match graph.nodes[root.index()].entity.replace(*entity) {
            None => {}
            Some(first) => {
                errors.push(GraphError::TwoEntities { node: declared.root.clone(), first, second: *entity })
            }
        }
    }
    for entity in spec.entities.keys() {
        for owner in entity.owners() {
            if !spec.entities.contains_key(owner) {
                errors.push(GraphError::MissingOwner { entity: *entity, owner: *owner });
            }
        }
    }
}

fn fold(graph: &mut EntityGraph, spec: &GraphSpec, errors: &mut Vec<GraphError>) {
    for id in graph.node_ids() {
        let node = graph.node(id).clone();
        for (edge, kind) in declared_edges(&spec.nodes[&node.name]) {
            if edge.changes != Changes::WithPredecessor {
                continue;
            }
            let into = graph.node_named(&edge.node).expect("declared_errors() knows every name");
            let problem = if edge.moves {
                Some("its rows may move to another row there; say moves = false if they never do")
            } else if kind == EdgeKind::Refers {
                Some("it only refers to it; only a row that is owned is read with its owner")
            } else if node.entity.is_some() {
                Some("it roots an entity, whose changes must be heard")
            } else if into == id {
                Some("it is the same node")
            } else if matches!(graph.node(id).tracking, Tracking::Folded { .. }) {
                Some("it is folded into another node already")
            } else {
                None
            };
            match problem {
                Some(why) => {
                    errors.push(GraphError::UnsafeFold {
                        node: node.name.clone(),
                        into: edge.node.clone(),
                        why,
                    });
                }
                None => graph.nodes[id.index()].tracking = Tracking::Folded { into },
            }
        }
    }
}

/// All simple walks outward from a root through the given nodes, each as the path back.
struct Walks<'a> {
    graph: &'a EntityGraph,
    entity: Entity,
    within: BTreeSet<NodeId>,
    found: Vec<Path>,
}

impl Walks<'_> {
    /// False when there are too many.
    fn walk(&mut self, visited: &mut Vec<NodeId>, steps_back: &mut Vec<Step>) -> bool {
        let here = *visited.last().expect("a walk begins at its root");
        for (at, edge) in self.graph.edges.iter().enumerate() {
            // Outward to a predecessor is inward to children, and the reverse.
            let outward = [
                (edge.child == here).then_some((edge.predecessor, Step::ToChildren(at))),
                (edge.predecessor == here && edge.kind == EdgeKind::Owns)
                    .then_some((edge.child, Step::ToPredecessor(at))),
            ];
            for (next, step_back) in outward.into_iter().flatten() {
                let self_reference = next == here && visited.len() == 1;
                if !self.within.contains(&next) || visited.contains(&next) && !self_reference {
                    continue;
                }
                steps_back.push(step_back);
                let path = Path {
                    from: next,
                    entity: self.entity,
                    steps: steps_back.iter().rev().copied().collect(),
                };
                if !self.found.contains(&path) {
                    self.found.push(path);
                }
                if self.found.len() > MAX_PATHS_PER_ENTITY {
                    return false;
                }
                if !self_reference {
                    visited.push(next);
                    if !self.walk(visited, steps_back) {
                        return false;
                    }
                    visited.pop();
                }
                steps_back.pop();
            }
        }
        true
    }
}

fn add_path(graph: &mut EntityGraph, path: Path) -> PathId {
    let id =
        PathId(u16::try_from(graph.paths.len()).expect("paths are bounded per entity, and entities are few"));
    graph.paths.push(path);
    id
}

fn derive_feeding(graph: &mut EntityGraph, errors: &mut Vec<GraphError>) {
    for (entity, root) in graph.roots.clone() {
        let reads = graph.reads[&entity].clone();
        // A root that is listed among the reads may walk to itself by a self-reference.
        let mut walks = Walks { graph, entity, within: reads.iter().copied().collect(), found: Vec::new() };
        if !walks.walk(&mut vec![root], &mut Vec::new()) {
            errors.push(GraphError::TooManyPaths { entity });
            continue;
        }
        let found = walks.found;
        for node in &reads {
            if !found.iter().any(|path| path.from == *node) {
                errors.push(GraphError::Unreached {
                    entity,
                    root: graph.node(root).name.clone(),
                    node: graph.node(*node).name.clone(),
                });
            }
        }
        for path in found {
            match graph.node(path.from).tracking {
                Tracking::Captured => {
                    let from = path.from;
                    let id = add_path(graph, path);
                    graph.feeding[from.index()].push(id);
                }
                Tracking::Folded { into } if !begins_at_owner(graph, &path, into) => {
                    errors.push(GraphError::UnsafeFold {
                        node: graph.node(path.from).name.clone(),
                        into: graph.node(into).name.clone(),
                        why: "an entity reads it by another way, and would not hear of its changes",
                    });
                }
                Tracking::Folded { .. } => {}
            }
        }
    }
}

fn begins_at_owner(graph: &EntityGraph, path: &Path, into: NodeId) -> bool {
    matches!(path.steps[0], Step::ToPredecessor(edge) if graph.edges[edge].predecessor == into)
}

/// From each record to those it owns directly: the owner's root is reached from the owned root by owners alone.
fn derive_owning(graph: &mut EntityGraph, errors: &mut Vec<GraphError>) {
    for (entity, root) in graph.roots.clone() {
        for owner in entity.owners() {
            let owner_root = graph.roots[owner];
            match chain_of_owners(graph, entity, root, owner_root) {
                Some(steps) => {
                    let id = add_path(graph, Path { from: owner_root, entity, steps });
                    graph.owning[owner_root.index()].push(id);
                }
                None => errors.push(GraphError::UnreachedOwner {
                    entity,
                    root: graph.node(root).name.clone(),
                    owner: *owner,
                    owner_root: graph.node(owner_root).name.clone(),
                }),
            }
        }
    }
}

/// The shortest chain of owners from `root` up to `owner_root`, as the steps down again.
fn chain_of_owners(
    graph: &EntityGraph,
    entity: Entity,
    root: NodeId,
    owner_root: NodeId,
) -> Option<Vec<Step>> {
    let reads = &graph.reads[&entity];
    let mut frontier = vec![(root, Vec::new())];
    for _ in 0..graph.nodes.len() {
        let mut next = Vec::new();
        for (here, steps) in &frontier {
            for (at, edge) in graph.edges.iter().enumerate() {
                if edge.child != *here || edge.kind != EdgeKind::Owns || edge.predecessor == *here {
                    continue;
                }
                let mut longer: Vec<Step> = vec![Step::ToChildren(at)];
                longer.extend(steps);
                if edge.predecessor == owner_root {
                    return Some(longer);
                }
                if reads.contains(&edge.predecessor) {
                    next.push((edge.predecessor, longer));
                }
            }
        }
        frontier = next;
    }
    None
}

fn report_unused(graph: &EntityGraph, errors: &mut Vec<GraphError>) {
    for id in graph.node_ids() {
        let node = graph.node(id);
        let used = node.entity.is_some() || graph.reads.values().any(|reads| reads.contains(&id));
        if !used {
            errors.push(GraphError::Unused { node: node.name.clone() });
        }
    }
}
