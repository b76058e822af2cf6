//! A retailer whose billing system is no SQL database: an adapter written by hand, over maps in memory.
//!
//! It can be broken on purpose, in one way for each check of the kit.

mod adapter;
mod bench;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;
use wattle_adapter_kit::{Check, Held};
use wattle_core::{Entity, EntityGraph, EntitySpec, GraphSpec, Key, KeyType, NodeId, NodeSpec};

pub use adapter::MemoryAdapter;
pub use bench::MemoryBench;

/// A value of a key, as the source compares it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Integer(i64),
    Text(String),
}

/// A row; what it holds beyond its key is a number, and values in columns that only some rows have.
#[derive(Debug, Clone)]
pub struct Row {
    pub key: Key,
    pub value: u64,
    pub columns: BTreeMap<&'static str, Held>,
}

impl Row {
    pub fn new(key: Key, value: u64) -> Self {
        Self { key, value, columns: BTreeMap::new() }
    }
}

/// The columns of a node.
pub fn columns(node: &str) -> &'static [&'static str] {
    match node {
        "customer" => &["surname", "updated"],
        "debt" => &["owed"],
        _ => &[],
    }
}

/// What is written to the log.
#[derive(Debug, Clone)]
pub enum Logged {
    Insert(NodeId, Key),
    Update(NodeId, Key),
    Rekey(NodeId, Key, Key),
    Move(NodeId, Key, Key),
    Delete(NodeId, Key),
    Alter(NodeId),
}

/// A transaction of the log.
#[derive(Debug, Clone)]
pub struct Transaction {
    pub entries: Vec<Logged>,
    pub committed: bool,
}

pub type Tables = Vec<BTreeMap<Vec<Part>, Row>>;

/// The billing system.
pub struct Source {
    pub graph: EntityGraph,
    /// Does the source hold `ab` and `AB` equal?
    pub caseless: bool,
    pub state: Mutex<State>,
    /// How long the log is.
    pub grown: watch::Sender<usize>,
}

pub struct State {
    pub tables: Tables,
    /// As they were before the last transaction.
    pub before: Tables,
    pub log: Vec<Transaction>,
    pub statements: u64,
    /// Connections of earlier ones are cut.
    pub epoch: u64,
    pub next: i64,
}

impl Source {
    pub fn new(caseless: bool) -> Arc<Self> {
        let graph = graph();
        let tables = vec![BTreeMap::new(); graph.node_ids().count()];
        let state =
            State { before: tables.clone(), tables, log: Vec::new(), statements: 0, epoch: 0, next: 5_000 };
        let source = Self { graph, caseless, state: Mutex::new(state), grown: watch::Sender::new(0) };
        source.fill();
        Arc::new(source)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn node(&self, name: &str) -> NodeId {
        self.graph.node_named(name).unwrap()
    }

    /// How the source compares a key; none when it cannot be one of this node.
    pub fn parts(&self, node: NodeId, key: &Key) -> Option<Vec<Part>> {
        let (values, types) = (key.values(), self.graph.key_types(node));
        if values.len() != types.len() {
            return None;
        }
        let part = |(value, key_type): (&std::borrow::Cow<'_, str>, KeyType)| match key_type {
            KeyType::Integer => value.parse().ok().map(Part::Integer),
            _ if self.caseless => Some(Part::Text(value.trim_end().to_lowercase())),
            _ => Some(Part::Text(value.to_string())),
        };
        values.iter().zip(types).map(part).collect()
    }

    fn fill(&self) {
        let mut state = self.state();
        for number in 0..23_u64 {
            let rows = [
                ("customer", format!("Cust-é{number:03}")),
                ("account", (1_000 + number).to_string()),
                ("holding", format!("Cust-é{number:03}|{}", 1_000 + number)),
                ("debt", (1_000 + number).to_string()),
            ];
            for (name, key) in rows {
                let (node, key) = (self.node(name), Key::from_canonical(key));
                let parts = self.parts(node, &key).unwrap();
                state.tables[node.index()].insert(parts, Row::new(key, number));
            }
        }
        state.before = state.tables.clone();
    }
}

fn graph() -> EntityGraph {
    let node = |key: &[&str], owners: &[(&str, &str)]| NodeSpec {
        relation: "map".to_owned(),
        key: key.iter().map(|column| (*column).to_owned().try_into().unwrap()).collect(),
        owned_by: owners
            .iter()
            .map(|(node, by)| wattle_core::EdgeSpec {
                node: (*node).to_owned(),
                by: vec![(*by).to_owned()],
                moves: true,
                changes: Default::default(),
            })
            .collect(),
        refers_to: Vec::new(),
    };
    let nodes = [
        ("customer", node(&["code text"], &[])),
        ("account", node(&["number integer"], &[])),
        ("holding", node(&["code text", "number integer"], &[("customer", "code"), ("account", "number")])),
        ("debt", node(&["number integer"], &[("account", "number")])),
    ];
    let entity = |root: &str| EntitySpec { root: root.to_owned(), reads: Vec::new() };
    let entities = [
        (Entity::Customer, entity("customer")),
        (Entity::Account, entity("account")),
        (Entity::Holding, entity("holding")),
        (Entity::Balance, entity("debt")),
    ];
    let nodes = nodes.into_iter().map(|(name, node)| (name.to_owned(), node)).collect();
    EntityGraph::new(GraphSpec { nodes, entities: entities.into_iter().collect() }).unwrap()
}

/// Which check is broken.
pub type Fault = Option<Check>;
