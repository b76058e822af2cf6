//! The heart of Wattle, without I/O: what a retailer's tables mean to the Consumer Data Right, what a change
//! affects, and what must be read again because of it.
//!
//! * [`EntityGraph`]: the source's tables as nodes, who owns and who refers to whom, and everything that follows
//!   from it: rank, the captured set, the paths from a changed row to the records it feeds.
//! * [`Key`], [`Change`], [`Position`], [`Fence`]: events carry keys, never values.
//! * [`SourceAdapter`], [`Feed`], [`SourceSnapshot`]: the contract between Wattle and a retailer's database.
//! * [`Entity`] and [`Record`]: what the target stores and the API serves, with the rules of CDS 1.36.0 that a
//!   record must meet before it is written ([`Record::check`]).
//! * [`plan`]: the pure planner that turns a batch of changes into the fewest fetches, in graph order.
//! * [`explain()`]: an error with its causes, as it is told to the operator.
//!
//! This crate assumes nothing of engines, SQL, target tables or HTTP, and fails only by returning errors that name
//! the node, entity, key, field or rule that is wrong.

mod adapter;
mod change;
pub mod entity;
mod explain;
mod graph;
mod id;
mod key;
pub mod plan;

pub use adapter::{
    ErrorClass, Feed, FeedEvent, Fetched, Finding, KeyPage, NodeStatistics, QueryPlan, Severity,
    SourceAdapter, SourceError, SourceSnapshot, Statistics,
};
pub use change::{Change, Fence, Hint, Position};
pub use entity::{Entity, Record, RecordError};
pub use explain::explain;
pub use graph::{
    Edge, EdgeKind, EdgeSpec, EntityGraph, EntitySpec, GraphError, GraphSpec, KeyColumn, Node, NodeSpec,
    Path, Step, Tracking,
};
pub use id::{IdError, NodeId, PathId, SourceSystem, TenantId};
pub use key::{Key, KeyError, KeyType};
