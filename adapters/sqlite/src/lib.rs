//! The SQLite engine: any retailer with a SQLite file, read through its pack. It is the smallest engine there is, and
//! the one to read first.
//!
//! **Capture.** [`SourceAdapter::begin`] puts triggers on the captured tables, which copy the key columns of what was
//! written into a table of the same file, the outbox. A write and its key commit together. The triggers use no
//! function and the outbox has no constraint that a key could break, so they cannot make a write fail. Rows that
//! `REPLACE` removes without a delete trigger are announced by triggers of their own. The feed looks at the file's
//! version every 50 ms and reads the outbox in order; what was acknowledged is removed from it. When a table was built
//! anew its triggers are gone, or name another page than it begins at: they are made again, and the whole table is
//! announced. VACUUM moves tables, and is taken for the same.
//!
//! **The fence.** SQLite shows a commit to every later reader, so a position that was heard can be read. What can
//! happen instead is that the file is another one, or was set back to an older copy. Positions therefore name the
//! outbox by a random identity, and its rows by number and random token; both are looked at inside the very
//! transaction that is read from.
//!
//! **Fetch** expands `{keys}` to `json_each` of one text, cast to the key columns' types and collations, so that
//! indexes serve, and `{now}` to the time at which the snapshot was opened, UTC, as text `YYYY-MM-DD HH:MM:SS`. Keys
//! are whole numbers, text, and UUIDs and dates kept as text in canonical form; a key in another form is an error and
//! never a miss. Floats and blobs are not read: a query selects them as text with a stated precision.
//!
//! **Gentleness.** Sessions open the file read-only; only the outbox is written, in short transactions. Without a
//! write-ahead log a reader holds up the retailer's commits, and `check` says so. The retailer's program should wait
//! for locks (`pragma busy_timeout`), as for any second user of a file.
//!
//! **Limits.** One Wattle source a file, because it prunes the outbox. Tables and triggers whose names begin with
//! `wattle_` are ours. A program that turns triggers off for its connection is not heard, nor is what `REPLACE` removes
//! through a unique index over an expression or a part of the rows. With `auto_vacuum` a table built anew can come to begin
//! where the old one did; if its triggers were put back too, nothing tells of it.
//!
//! Verified on the SQLite library that `libsqlite3-sys` 0.37 bundles.

mod catalogue;
mod check;
mod error;
mod feed;
mod outbox;
mod position;
mod session;
mod settings;
mod snapshot;
mod value;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use wattle_core::{
    EntityGraph, Feed, Fence, Finding, Key, KeyPage, NodeId, NodeStatistics, Position, QueryPlan,
    SourceAdapter, SourceError, SourceSnapshot, Statistics,
};
use wattle_sql::Pack;

use catalogue::Catalogue;
use position::OutboxPosition;
use session::{Connector, Session};
pub use settings::Options;

/// A SQLite source, seen through a pack.
#[derive(Clone)]
pub struct SqliteAdapter {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pack: Pack,
    connector: Connector,
    idle: Mutex<Vec<Session>>,
    /// Bounds the sessions that read rows at once.
    sessions: Arc<Semaphore>,
}

impl SqliteAdapter {
    /// A source at an address: `sqlite:PATH` or `sqlite://PATH`. Opens the file on first use.
    pub fn new(pack: Pack, url: &str, options: Options) -> Result<Self, SourceError> {
        options.validate()?;
        let connector = Connector::new(settings::file_of(url)?, &options);
        let sessions = Arc::new(Semaphore::new(options.max_sessions as usize));
        let inner = Inner { pack, connector, idle: Mutex::new(Vec::new()), sessions };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Inner {
    pub(crate) fn graph(&self) -> &EntityGraph {
        self.pack.graph()
    }

    /// A session that reads the file that is there now, from the idle ones or new. The caller holds a permit.
    pub(crate) async fn session(&self) -> Result<Session, SourceError> {
        loop {
            let idle = self.idle.lock().await.pop();
            match idle {
                Some(session) if session.is_current().await? => return Ok(session),
                Some(_) => {}
                None => return self.connector.reader().await,
            }
        }
    }

    /// Keeps a session that is in a good state for the next caller.
    pub(crate) async fn keep(&self, session: Session) {
        self.idle.lock().await.push(session);
    }

    async fn permit(&self) -> OwnedSemaphorePermit {
        self.sessions.clone().acquire_owned().await.expect("the semaphore is never closed")
    }

    async fn head(&self) -> Result<outbox::Head, SourceError> {
        let _permit = self.permit().await;
        let mut session = self.session().await?;
        let head = outbox::head(&mut session).await?;
        let missing = || SourceError::Config {
            what: format!("{} has no outbox", session.file().display()),
            fix: "start sync, which makes it".into(),
        };
        let head = head.ok_or_else(missing)?;
        self.keep(session).await;
        Ok(head)
    }
}

#[async_trait]
impl SourceAdapter for SqliteAdapter {
    fn graph(&self) -> &EntityGraph {
        self.inner.graph()
    }

    async fn check(&self) -> Result<Vec<Finding>, SourceError> {
        Ok(check::check(&self.inner).await?.sorted())
    }

    async fn plans(&self) -> Result<Option<Vec<QueryPlan>>, SourceError> {
        Ok(Some(check::check(&self.inner).await?.into_plans()))
    }

    async fn begin(&self) -> Result<Position, SourceError> {
        let catalogue = Catalogue::read(&mut self.inner.connector.reader().await?, self.graph()).await?;
        for node in self.graph().captured() {
            catalogue.key_types(self.graph(), node)?;
        }
        Ok(outbox::prepare(&self.inner).await?.last.encode())
    }

    async fn now(&self) -> Result<Position, SourceError> {
        Ok(self.inner.head().await?.last.encode())
    }

    fn reached(&self, here: &Position, there: &Position) -> bool {
        match (OutboxPosition::decode(here), OutboxPosition::decode(there)) {
            (Ok(here), Ok(there)) => here.identity == there.identity && here.seq >= there.seq,
            _ => false,
        }
    }

    async fn changes(&self, from: &Position) -> Result<Box<dyn Feed>, SourceError> {
        Ok(Box::new(feed::SqliteFeed::start(self.inner.clone(), from).await?))
    }

    async fn keys(&self, node: NodeId, after: Option<&Key>, limit: usize) -> Result<KeyPage, SourceError> {
        let permit = self.inner.permit().await;
        let mut snapshot =
            snapshot::SqliteSnapshot::open(self.inner.clone(), permit, &Fence::default()).await?;
        snapshot.keys(node, after, limit).await
    }

    async fn snapshot(&self, fence: &Fence) -> Result<Box<dyn SourceSnapshot>, SourceError> {
        let permit = self.inner.permit().await;
        Ok(Box::new(snapshot::SqliteSnapshot::open(self.inner.clone(), permit, fence).await?))
    }

    /// Rows are counted; SQLite keeps no count of writes, so those are zero.
    async fn statistics(&self) -> Result<Statistics, SourceError> {
        let _permit = self.inner.permit().await;
        let mut session = self.inner.session().await?;
        let mut statistics = Statistics::default();
        for node in self.inner.graph().node_ids() {
            let sql = format!("select count(*) from {}", self.inner.graph().node(node).relation);
            let rows = session.integer("count rows", &sql).await?;
            statistics.nodes.push(NodeStatistics { rows: u64::try_from(rows).unwrap_or(0), writes: 0 });
        }
        self.inner.keep(session).await;
        Ok(statistics)
    }

    async fn retained_bytes(&self) -> Result<Option<u64>, SourceError> {
        let head = self.inner.head().await?;
        let rows = u64::try_from(head.last.seq - head.first).unwrap_or(0);
        Ok(Some(rows * outbox::ROW_BYTES))
    }
}
