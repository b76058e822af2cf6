//! The entity graph: a source's tables as nodes, their ownership and references as edges, and all that follows.
//!
//! What is declared: each node's relation and key; each node's predecessors, which it is `owned_by` or `refers_to`;
//! each entity's root node and the other nodes that its fetch *reads*. What is derived:
//!
//! * **Rank**: predecessors before the rows that point at them. Upserts go by rank, deletes against it.
//! * **Paths**. A fetch walks outward from its root: a row may look up its predecessors, and a predecessor may list
//!   the rows it owns. A change on a node affects the records whose fetch could have walked to it; the walk read
//!   backwards, from the changed row to the roots, is a path.
//! * **Tracking**. A node that only ever changes together with its owner, in the same transaction, and never moves
//!   to another owner, is *folded*: its rows are read with the owner, its events are never captured.
//! * **Ownership of entities**: which records a record needs to be present, and which it takes along when it goes.

mod build;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::{Entity, KeyType, NodeId, PathId};

pub use build::GraphError;

/// The declared part of a graph, as written in `graph.toml` or in Rust.
#[derive(Debug, Clone, Default)]
pub struct GraphSpec {
    /// The nodes, by name.
    pub nodes: BTreeMap<String, NodeSpec>,
    /// The entities that this source feeds.
    pub entities: BTreeMap<Entity, EntitySpec>,
}

/// One declared node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSpec {
    /// The table or view in the source's own notation, such as `billing.bill`.
    pub relation: String,
    /// The key's columns, in order, each as `"column type"`.
    pub key: Vec<KeyColumn>,
    /// Predecessors without which a row of this node means nothing.
    #[serde(default)]
    pub owned_by: Vec<EdgeSpec>,
    /// Predecessors that a row merely mentions.
    #[serde(default)]
    pub refers_to: Vec<EdgeSpec>,
}

/// One declared edge to a predecessor.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeSpec {
    /// The predecessor's name.
    pub node: String,
    /// This node's columns that hold the predecessor's key, in its order.
    pub by: Vec<String>,
    /// May a row change its predecessor? Assumed unless denied.
    #[serde(default = "yes")]
    pub moves: bool,
    /// Does a row change on its own, or only in a transaction that also changes its predecessor?
    #[serde(default)]
    pub changes: Changes,
}

fn yes() -> bool {
    true
}

/// When the rows of a node change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Changes {
    /// At any time.
    #[default]
    Own,
    /// Only together with the predecessor's row, in the same transaction.
    WithPredecessor,
}

/// One declared entity.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntitySpec {
    /// The node whose key is the record's id.
    pub root: String,
    /// Every other node that its fetch reads.
    #[serde(default)]
    pub reads: Vec<String>,
}

/// A key column and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct KeyColumn {
    /// The column's name in the source.
    pub name: String,
    /// What it holds.
    pub key_type: KeyType,
}

impl TryFrom<String> for KeyColumn {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.split_once(' ')
            .and_then(|(name, key_type)| {
                Some(Self { name: name.to_owned(), key_type: KeyType::from_name(key_type.trim())? })
            })
            .ok_or_else(|| {
                format!("`{text}` is not a key column: write \"column type\" with type integer, text, uuid, decimal or date")
            })
    }
}

/// Whether a node's events are captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracking {
    /// Its changes are heard.
    Captured,
    /// Its rows only change with a row of this node, whose changes are heard instead.
    Folded {
        /// The predecessor.
        into: NodeId,
    },
}

/// One node of a valid graph.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name in the graph.
    pub name: String,
    /// The relation in the source.
    pub relation: String,
    /// The key's columns, in order.
    pub key: Vec<KeyColumn>,
    /// The entity it roots.
    pub entity: Option<Entity>,
    /// Captured or folded.
    pub tracking: Tracking,
    /// Its distance from the nodes without predecessors.
    pub rank: u16,
}

/// What a predecessor is to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeKind {
    /// The row goes when the predecessor goes.
    Owns,
    /// The row mentions the predecessor.
    Refers,
}

/// An edge of a valid graph.
#[derive(Debug, Clone)]
pub struct Edge {
    /// The node whose rows point.
    pub child: NodeId,
    /// The node pointed at.
    pub predecessor: NodeId,
    /// The child's columns that hold the predecessor's key, in its order.
    pub columns: Vec<String>,
    /// Owner or mere reference.
    pub kind: EdgeKind,
    /// May a row change its predecessor?
    pub moves: bool,
}

/// One step of a path, from a changed row towards the records it feeds. The number is the edge's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// From a row to the predecessor it points at.
    ToPredecessor(usize),
    /// From a row to the rows that point at it.
    ToChildren(usize),
}

/// The way from a changed row to the keys of the records it affects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Where the changed row is.
    pub from: NodeId,
    /// The entity whose root the path ends at.
    pub entity: Entity,
    /// The steps, never none.
    pub steps: Vec<Step>,
}

/// A valid graph with everything derived from it.
#[derive(Debug, Clone)]
pub struct EntityGraph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) paths: Vec<Path>,
    /// Per node: paths to the records that read it.
    pub(crate) feeding: Vec<Vec<PathId>>,
    /// Per node: paths to the records owned by the record it roots.
    pub(crate) owning: Vec<Vec<PathId>>,
    pub(crate) roots: BTreeMap<Entity, NodeId>,
    pub(crate) reads: BTreeMap<Entity, Vec<NodeId>>,
}

impl EntityGraph {
    /// Validates a declared graph and derives the rest.
    ///
    /// # Errors
    /// Every finding at once, each naming the nodes and the rule.
    pub fn new(spec: GraphSpec) -> Result<Self, Vec<GraphError>> {
        build::build(spec)
    }

    /// A node. Ids come from this graph only.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The node of that name.
    pub fn node_named(&self, name: &str) -> Option<NodeId> {
        self.node_ids().find(|id| self.node(*id).name == name)
    }

    /// All nodes, in rank order.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u16::try_from(self.nodes.len()).expect("build() bounds the number of nodes")).map(NodeId)
    }

    /// The nodes whose changes must be heard, in rank order.
    pub fn captured(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.node_ids().filter(|id| self.node(*id).tracking == Tracking::Captured)
    }

    /// All edges; a [`Step`] holds an index into them.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// All paths.
    pub fn path_ids(&self) -> impl Iterator<Item = PathId> + use<> {
        (0..u16::try_from(self.paths.len()).expect("build() bounds the number of paths")).map(PathId)
    }

    /// A path. Ids come from this graph only.
    pub fn path(&self, id: PathId) -> &Path {
        &self.paths[id.index()]
    }

    /// The paths from a changed row to the records that read it, other than the record it roots.
    pub fn feeding(&self, node: NodeId) -> &[PathId] {
        &self.feeding[node.index()]
    }

    /// The paths from the root of a record to the roots of the records it owns directly.
    pub fn owning(&self, node: NodeId) -> &[PathId] {
        &self.owning[node.index()]
    }

    /// The entities this source feeds, owners first.
    pub fn entities(&self) -> impl Iterator<Item = Entity> + '_ {
        self.node_ids().filter_map(|id| self.node(id).entity)
    }

    /// The root node of an entity, if this source feeds it.
    pub fn root(&self, entity: Entity) -> Option<NodeId> {
        self.roots.get(&entity).copied()
    }

    /// The nodes that an entity's fetch reads besides its root.
    pub fn reads(&self, entity: Entity) -> &[NodeId] {
        self.reads.get(&entity).map_or(&[], Vec::as_slice)
    }

    /// The entities whose fetch reads a node, as their root or besides it.
    pub fn read_from(&self, node: NodeId) -> impl Iterator<Item = Entity> + '_ {
        self.entities()
            .filter(move |entity| self.root(*entity) == Some(node) || self.reads(*entity).contains(&node))
    }

    /// The captured nodes that an entity's fetch reads, its root among them.
    pub fn captured_for(&self, entity: Entity) -> impl Iterator<Item = NodeId> + '_ {
        self.captured().filter(move |node| self.read_from(*node).any(|read| read == entity))
    }

    /// The key types of a node, in order.
    pub fn key_types(&self, node: NodeId) -> impl ExactSizeIterator<Item = KeyType> + '_ {
        self.node(node).key.iter().map(|column| column.key_type)
    }
}

impl fmt::Display for Tracking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Captured => "captured",
            Self::Folded { .. } => "folded",
        })
    }
}

#[cfg(test)]
pub(crate) mod random;
#[cfg(test)]
mod tests;
