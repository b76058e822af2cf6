//! The way to the database behind the adapter's back.

use async_trait::async_trait;
use wattle_core::{Key, NodeId};

/// Something to do to one row. Keys are in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Insert a row like this one under a key that no row has.
    Copy {
        /// Where.
        node: NodeId,
        /// The row to copy.
        of: Key,
    },
    /// Change a value of a row that is not part of its key.
    Update {
        /// Where.
        node: NodeId,
        /// Which.
        key: Key,
    },
    /// Give a row a key that no row has.
    Rekey {
        /// Where.
        node: NodeId,
        /// Which.
        key: Key,
    },
    /// Point a row at another predecessor.
    Move {
        /// Where.
        node: NodeId,
        /// Which.
        key: Key,
        /// The edge, by its index in the graph.
        edge: usize,
    },
    /// Delete a row.
    Delete {
        /// Where.
        node: NodeId,
        /// Which.
        key: Key,
    },
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It counts.
    Commit,
    /// It never was.
    Rollback,
}

/// Why something could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BenchError {
    /// This database, table or bench does not have what it takes: the check is not applicable.
    NotPossible(String),
    /// The database cannot be used: what was being proved is unknown.
    Failed(String),
}

/// A database that can be changed. Every method is called by one caller at a time.
#[async_trait]
pub trait Bench: Send {
    /// Does all of the work in one transaction, and answers the key that each row has afterwards.
    ///
    /// # Errors
    /// The transaction was rolled back.
    async fn run(&mut self, work: &[Work], end: End) -> Result<Vec<Key>, BenchError>;

    /// Does the source find a row by this key, which need not be in the form that the row has? Changes nothing.
    ///
    /// # Errors
    /// When it cannot be asked.
    async fn finds(&mut self, node: NodeId, key: &Key) -> Result<bool, BenchError>;

    /// How many statements the adapter has run at the source so far.
    ///
    /// # Errors
    /// Where the engine does not count them, which is what is answered unless a bench knows better.
    async fn statement_count(&mut self) -> Result<u64, BenchError> {
        Err(BenchError::NotPossible(
            "not measured: this bench does not count the adapter's statements".into(),
        ))
    }

    /// Cuts every connection of the adapter, and none of its own.
    ///
    /// # Errors
    /// Where there are no connections to cut.
    async fn cut(&mut self) -> Result<(), BenchError> {
        Err(BenchError::NotPossible("this bench does not cut the adapter's connections".into()))
    }

    /// Alters a node's table in a way that the pack does not know of.
    ///
    /// # Errors
    /// Where tables are not to be altered, which is what is answered unless a bench knows better.
    async fn alter(&mut self, _node: NodeId) -> Result<(), BenchError> {
        Err(BenchError::NotPossible("this bench alters no tables of the retailer's".into()))
    }

    /// Takes [`Bench::alter`] back.
    ///
    /// # Errors
    /// As for [`Bench::alter`].
    async fn restore(&mut self, _node: NodeId) -> Result<(), BenchError> {
        Ok(())
    }
}

impl std::fmt::Display for BenchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::NotPossible(what) | Self::Failed(what)) = self;
        f.write_str(what)
    }
}
