//! The way to the database behind the adapter's back.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
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

/// A value that is easily spoilt on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// The largest number that the column holds, with digits in every decimal place.
    LargestNumber,
    /// The smallest, below zero where the column holds such numbers.
    SmallestNumber,
    /// A number of everyday size, with digits in every decimal place.
    SomeNumber,
    /// A text as long as the column holds, with [`MARKER`] in it and characters beyond ASCII.
    LongestText,
    /// A date or time in January, 13:45 by the clock.
    January,
    /// The same in July.
    July,
    /// Nothing.
    Null,
}

impl Probe {
    /// All, in the order in which they are put into a column.
    pub const ALL: [Self; 7] = [
        Self::LargestNumber,
        Self::SmallestNumber,
        Self::SomeNumber,
        Self::LongestText,
        Self::January,
        Self::July,
        Self::Null,
    ];
}

/// Stands in every text that is put into a column, and is recognised when the rest of it is spoilt.
pub const MARKER: &str = "W7q";

/// What a column holds after a value was put into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Nothing.
    Null,
    /// An exact number, in plain notation.
    Number(String),
    /// A text.
    Text(String),
    /// A day.
    Date(NaiveDate),
    /// A date and time by the retailer's clock, whose zone the column does not have.
    Local(NaiveDateTime),
    /// A point in time.
    Instant(DateTime<Utc>),
}

/// Something that the graph says and the database's catalogue does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// Whose.
    pub node: NodeId,
    /// What the graph says, and what the catalogue.
    pub what: String,
    /// What to do.
    pub fix: String,
}

/// What a catalogue says of a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Review {
    /// Where they contradict each other.
    pub disagreements: Vec<Disagreement>,
    /// How many foreign keys the graph has as edges.
    pub followed: usize,
    /// Foreign keys between nodes that are no edges, each in words: what changes along them reaches no record by them.
    pub left_out: Vec<String>,
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

    /// Compares the graph with the catalogue.
    ///
    /// # Errors
    /// Where there is no catalogue, which is what is answered unless a bench knows better.
    async fn review(&mut self) -> Result<Review, BenchError> {
        Err(BenchError::NotPossible("this bench has no catalogue".into()))
    }

    /// The columns of a node whose values are free: part of no key, no edge and no unique index.
    ///
    /// # Errors
    /// Where values cannot be put into columns, which is what is answered unless a bench knows better.
    async fn free_columns(&mut self, _node: NodeId) -> Result<Vec<String>, BenchError> {
        Err(BenchError::NotPossible("this bench puts no values of its own into columns".into()))
    }

    /// Puts a value into a free column of a row, and answers what the column holds then.
    ///
    /// # Errors
    /// Not possible where the column cannot hold it: another type, or a rule of the table.
    async fn put(
        &mut self,
        _node: NodeId,
        _key: &Key,
        _column: &str,
        _probe: Probe,
    ) -> Result<Held, BenchError> {
        Err(BenchError::NotPossible("this bench puts no values of its own into columns".into()))
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
