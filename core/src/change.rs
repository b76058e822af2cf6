//! What is heard of the source: keys and positions, never values.

use serde::{Deserialize, Serialize};

use crate::{Key, NodeId};

/// A place in the source's own log, in the adapter's own notation. Only the adapter can compare two of them; the
/// stream keeps them beside the changes and the marker keeps the last one applied.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(Box<str>);

impl Position {
    /// Wraps an adapter's notation.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The adapter's notation.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a change seemed to be. A hint only: what is done follows from what the source has now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hint {
    /// A row was inserted.
    Insert,
    /// A row was updated, or took this key.
    Update,
    /// A row was deleted, or gave up this key.
    Delete,
    /// No one changed anything: what was heard once is looked at once more.
    Touch,
}

/// One entry of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// The row of this node with this key may have changed, appeared or gone.
    Row {
        /// Where.
        node: NodeId,
        /// Which.
        key: Key,
        /// What it seemed to be.
        hint: Hint,
    },
    /// The record rooted at this row is to be read, and no other: no one changed anything.
    Record {
        /// The root node of its entity.
        node: NodeId,
        /// Which.
        key: Key,
    },
    /// Any row of this node may have changed: a TRUNCATE, a write that left no keys.
    Whole {
        /// Where.
        node: NodeId,
    },
    /// The table behind this node was altered.
    SchemaChanged {
        /// Where.
        node: NodeId,
    },
    /// The record rooted at this row is new in the target: what it owns must be read, because records that came
    /// before their owner were skipped.
    Owned {
        /// The root node of the owner.
        node: NodeId,
        /// The owner.
        key: Key,
    },
}

impl Change {
    /// The node it concerns.
    pub fn node(&self) -> NodeId {
        match self {
            Self::Row { node, .. }
            | Self::Record { node, .. }
            | Self::Whole { node }
            | Self::SchemaChanged { node }
            | Self::Owned { node, .. } => *node,
        }
    }
}

/// What a snapshot must prove that it includes: every position heard and not yet proven, and the position of the
/// live marker, below which no snapshot may fall.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fence {
    positions: Vec<Position>,
}

impl Fence {
    /// A fence over these positions; repeated ones count once.
    pub fn new(positions: impl IntoIterator<Item = Position>) -> Self {
        let mut seen = std::collections::HashSet::new();
        Self { positions: positions.into_iter().filter(|position| seen.insert(position.clone())).collect() }
    }

    /// The positions that must be included.
    pub fn positions(&self) -> &[Position] {
        &self.positions
    }
}
