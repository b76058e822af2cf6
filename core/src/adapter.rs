//! The contract between Wattle and a retailer's database.
//!
//! # What an adapter promises
//!
//! * **Keys, never values.** [`Feed`] yields keys of captured nodes in canonical form; values only ever come from a
//!   [`SourceSnapshot`].
//! * **Order and duplicates.** A feed yields changes in commit order. It may yield any of them again after a
//!   reconnect, and may yield touches that changed nothing; it must never leave one out between two positions.
//! * **The fence.** A snapshot handed out for a [`Fence`] provably includes every position in it; an adapter that
//!   cannot prove this within its bound returns [`SourceError::Behind`] and no snapshot. Successive snapshots of one
//!   adapter never go back in time.
//! * **Misses.** A key that [`SourceSnapshot::fetch`] was asked for and no result names is gone from the source. The
//!   source's own equality decides. An adapter that could not look (permission, row policy, missing column) must
//!   return an error, never a miss.
//! * **Durability.** The source may forget changes up to an acknowledged position, so the caller acknowledges only
//!   what it has stored durably. [`SourceAdapter::begin`] returns a position from which no later change is lost, and
//!   the caller stores it before it scans the first key.
//!
//! # Who retries
//!
//! Adapters do not retry; they report. [`SourceError::class`] tells the caller what to do. Every future may be
//! dropped at any await: a dropped snapshot rolls its transaction back, a dropped feed closes its connection.
//!
//! # Gentleness
//!
//! The retailer's database comes first: sessions are read-only, statements and locks have time-outs, connections are
//! few, and nothing an adapter creates may make the retailer's own writes fail.

use async_trait::async_trait;

use crate::{Change, Entity, EntityGraph, Fence, Key, NodeId, PathId, Position, Record, RecordError};

/// One source, seen through its retailer's pack.
#[async_trait]
pub trait SourceAdapter: Send + Sync {
    /// What its tables mean.
    fn graph(&self) -> &EntityGraph;

    /// What is missing or risky at the source, each with the statement that fixes it. Changes nothing.
    async fn check(&self) -> Result<Vec<Finding>, SourceError>;

    /// Prepares capture, keeping what is already prepared, and returns a position that no change after this call
    /// precedes.
    async fn begin(&self) -> Result<Position, SourceError>;

    /// A position at or after everything that is visible now: touches carry it.
    async fn now(&self) -> Result<Position, SourceError>;

    /// Does a feed that has come to `here` have yielded everything up to `there`? A broken position is never reached.
    fn reached(&self, here: &Position, there: &Position) -> bool;

    /// Listens from a position on. Fails with [`SourceError::LostPosition`] when the source no longer has it, and with
    /// [`SourceError::Config`] while changes would be missed; what was missed before is yielded as [`Change::Whole`].
    async fn changes(&self, from: &Position) -> Result<Box<dyn Feed>, SourceError>;

    /// Up to `limit` keys of a node after a cursor, in an order that only the source knows. The cursor of a page is
    /// absent when nothing follows. Rows that appear behind the cursor announce themselves in the feed.
    async fn keys(&self, node: NodeId, after: Option<&Key>, limit: usize) -> Result<KeyPage, SourceError>;

    /// Opens a consistent, read-only view that includes every position of the fence.
    async fn snapshot(&self, fence: &Fence) -> Result<Box<dyn SourceSnapshot>, SourceError>;

    /// Rough sizes and write counts, for estimates and for `wattle graph`.
    async fn statistics(&self) -> Result<Statistics, SourceError>;

    /// How the source would run the adapter's queries for a batch of keys, where it can tell. Changes nothing.
    async fn plans(&self) -> Result<Option<Vec<QueryPlan>>, SourceError>;

    /// Bytes of its log that the source keeps for us, if it can tell.
    async fn retained_bytes(&self) -> Result<Option<u64>, SourceError>;
}

/// The source's own log, as keys.
#[async_trait]
pub trait Feed: Send {
    /// The next event; waits for it, and yields [`FeedEvent::Idle`] when the source says that there is none. A caller
    /// that gives up waiting and calls again has lost no event.
    async fn next(&mut self) -> Result<FeedEvent, SourceError>;

    /// Everything up to here is durable; the source may forget it. Cheap, and sent in the feed's own time.
    fn acknowledge(&mut self, position: &Position);
}

/// What a feed yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedEvent {
    /// A change and the position of its transaction.
    Change(Change, Position),
    /// All changes of the transactions up to here have been yielded: this position may be acknowledged.
    Commit(Position),
    /// Nothing to report up to here: this position may be acknowledged, so that the source's log does not pile up
    /// because of writes that are none of our business.
    Idle(Position),
}

/// One consistent view of the source.
#[async_trait]
pub trait SourceSnapshot: Send {
    /// Reads the records with these keys, of which there are no two equal, in one query, and one more per folded
    /// collection. Each result names the key it answers; a key that none names is a miss.
    async fn fetch(&mut self, entity: Entity, keys: &[Key]) -> Result<Vec<Fetched>, SourceError>;

    /// Follows a path from these keys to the keys of the records at its end: up to `limit` distinct ones after a
    /// cursor, in the source's order.
    async fn resolve(
        &mut self,
        path: PathId,
        keys: &[Key],
        after: Option<&Key>,
        limit: usize,
    ) -> Result<KeyPage, SourceError>;
}

/// One answer of a fetch.
#[derive(Debug)]
pub struct Fetched {
    /// The place of the key that this answers among the keys asked for.
    pub ordinal: usize,
    /// The record, or the rule it breaks.
    pub record: Result<Record, RecordError>,
}

/// A page of keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// The keys, in the source's order.
    pub keys: Vec<Key>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<Key>,
}

/// Rough figures of a source.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    /// Per node of the graph, by its index.
    pub nodes: Vec<NodeStatistics>,
    /// Row writes on relations that are not in the graph.
    pub other_writes: u64,
}

/// Rough figures of a node.
#[derive(Debug, Clone, Copy, Default)]
pub struct NodeStatistics {
    /// Rows it holds.
    pub rows: u64,
    /// Rows inserted, updated and deleted since the source began to count.
    pub writes: u64,
}

/// How a source would run one query for a batch of keys, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryPlan {
    /// The query, by the name that a pack's author knows it by.
    pub query: String,
    /// The relations that it would read from end to end, each with about as many rows as it has.
    pub whole: Vec<(String, u64)>,
}

impl QueryPlan {
    /// A relation larger than this is not to be read whole for a batch of keys.
    pub const MANY_ROWS: u64 = 10_000;

    /// The large relations among those that it would read from end to end.
    pub fn large(&self) -> impl Iterator<Item = &(String, u64)> {
        self.whole.iter().filter(|(_, rows)| *rows > Self::MANY_ROWS)
    }
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Works, and could be better.
    Advice,
    /// Works, and may harm the retailer or slow the source down.
    Warning,
    /// Sync does not start.
    Refused,
}

/// Something that is missing or risky at the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was found, naming the object.
    pub what: String,
    /// Statements that put it right, to be run as they stand; where none helps, plain words as an SQL comment.
    pub fix: String,
}

/// What to do about an error. Decided in one place, [`SourceError::class`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// Back off and try again, for as long as it takes.
    Transient,
    /// One record or key is at fault.
    Record,
    /// Someone must change a setting, a grant or a table: pause, say so, go on when it is done.
    Config,
    /// Wattle is wrong: stop the tenant, keep everything.
    Bug,
}

/// Why a source could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be reached, or gave up for now: connection lost, time-out, deadlock, starting up.
    #[error("the source is unavailable: {what}")]
    Unavailable {
        /// What was being done.
        what: String,
        /// The driver's error.
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// No snapshot includes the fence yet.
    #[error("the source does not show yet what it announced: {what}")]
    Behind {
        /// What is missing from the snapshot.
        what: String,
    },
    /// The log no longer has our position.
    #[error("the source no longer has our position: {what}")]
    LostPosition {
        /// How it was lost.
        what: String,
    },
    /// This is not the server or database whose position we hold.
    #[error("the source is another database than before: {what}")]
    ChangedServer {
        /// What differs.
        what: String,
    },
    /// Something at the source is not as Wattle needs it.
    #[error("{what}; to fix it: {fix}")]
    Config {
        /// What was found.
        what: String,
        /// What to do.
        fix: String,
    },
    /// The data of some record cannot be read, and the source did not say whose.
    #[error("the source could not read a record: {what}")]
    Record {
        /// The source's message, without values.
        what: String,
    },
    /// The adapter broke its own rules.
    #[error("the adapter broke its contract: {what}")]
    Bug {
        /// Which one.
        what: String,
    },
}

impl SourceError {
    /// What to do about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unavailable { .. } | Self::Behind { .. } => ErrorClass::Transient,
            Self::Record { .. } => ErrorClass::Record,
            Self::LostPosition { .. } | Self::ChangedServer { .. } | Self::Config { .. } => {
                ErrorClass::Config
            }
            Self::Bug { .. } => ErrorClass::Bug,
        }
    }
}
