//! The MySQL and MariaDB engine: any retailer on MariaDB 10.6 or MySQL 8 or later, read through its pack.
//!
//! **Capture** reads the server's binlog as a replica would, and decodes keys only, by a decoder of its own: all layouts
//! of row events, compressed ones too, whole and minimal images, with and without the columns' names. What comes as a
//! statement is understood as far as it names tables: a TRUNCATE, a write of a session that logs statements, and whatever
//! alters a table, are told as what they are. Parts of distributed transactions are announced when they are logged and
//! once more when they are committed. Nothing is made at the server.
//!
//! **What no event announces.** Foreign keys that cascade change rows without a word in the log. A parent's change
//! affects the records that read it or that its record owns; `check` refuses a graph that leaves a cascade uncovered.
//!
//! **Positions** name the server, the file, the offset, when the file was begun, and the transaction that ends there. A
//! log that was purged, begun anew or restored does not have all of them, and the position is lost.
//!
//! **The fence.** A reader of the log may hear a commit before it is visible. MariaDB says which place in its log a
//! snapshot stands for, and MySQL whether it has executed a transaction: a snapshot is handed out only when it is past
//! everything heard. MySQL without transaction ids is refused.
//!
//! **Fetch** expands `{keys}` to `json_table` of one text, with each key column declared as its table has it, character
//! set and collation too, so that indexes serve, and `{now}` to the time at which the snapshot was opened, in the
//! retailer's zone, as DATETIME(6).
//!
//! **Gentleness.** Sessions are read-only, with statement and lock time-outs, at most a few at once, and take no locks.
//!
//! **Limits.** A session that turns its log off (`sql_log_bin = 0`) is not heard, nor is what the triggers of a table write
//! when a session logs statements. After a failover the position is lost, and every record is compared again.
//!
//! Verified on MariaDB 10.11. What is MySQL's own (its row events' layout, GTID sets) is written by its documentation
//! and was not run against a server.

mod binlog;
mod catalogue;
mod check;
mod connect;
mod dialect;
mod error;
mod feed;
mod position;
mod server;
mod settings;
mod snapshot;
mod stream;
mod value;
mod watch;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Mutex, OwnedSemaphorePermit, RwLock, Semaphore};
use wattle_core::{
    EntityGraph, Feed, Fence, Finding, Key, KeyPage, NodeId, NodeStatistics, Position, QueryPlan,
    SourceAdapter, SourceError, SourceSnapshot, Statistics,
};
use wattle_sql::Pack;

use catalogue::Catalogue;
use connect::{Connector, Session};
use position::{BinlogPosition, Identity};
pub use settings::Options;

/// A session of the driver's own, encrypted as the options say and with none of their other settings: for tools that look at
/// a source, or work in it, as themselves.
///
/// # Errors
/// When the address or a file of the options cannot be read, or the server does not let the login in.
pub async fn connect(url: &str, options: &Options) -> Result<mysql_async::Conn, SourceError> {
    connect::Connector::new(url, options)?.plain().await
}

/// A MySQL or MariaDB source, seen through a pack.
#[derive(Clone)]
pub struct MySqlAdapter {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pack: Pack,
    options: Options,
    connector: Connector,
    idle: Mutex<Vec<Session>>,
    /// Bounds the sessions that read rows at once.
    sessions: Arc<Semaphore>,
    catalogue: RwLock<Option<Arc<Catalogue>>>,
}

impl MySqlAdapter {
    /// A source at an address (`mysql://user:password@host:port/database`, or `…/database?socket=PATH`). Connects on first
    /// use.
    pub fn new(pack: Pack, url: &str, options: Options) -> Result<Self, SourceError> {
        options.validate()?;
        let connector = Connector::new(url, &options)?;
        let sessions = Arc::new(Semaphore::new(options.max_sessions as usize));
        let (idle, catalogue) = (Mutex::new(Vec::new()), RwLock::new(None));
        Ok(Self { inner: Arc::new(Inner { pack, options, connector, idle, sessions, catalogue }) })
    }
}

impl Inner {
    pub(crate) fn graph(&self) -> &EntityGraph {
        self.pack.graph()
    }

    /// A session that answers, from the idle ones or new. The caller holds a permit.
    pub(crate) async fn session(&self) -> Result<Session, SourceError> {
        loop {
            let idle = self.idle.lock().await.pop();
            let Some(mut session) = idle else { return self.connector.connect().await };
            // The server may have ended it meanwhile, or been restarted.
            if session.run("look whether a session is open", "do 0").await.is_ok() {
                return Ok(session);
            }
        }
    }

    /// Keeps a session that is in a good state for the next caller.
    pub(crate) async fn keep(&self, session: Session) {
        self.idle.lock().await.push(session);
    }

    /// What the source's catalogue says of the graph's nodes, read once and again after a schema change.
    pub(crate) async fn catalogue(&self, session: &mut Session) -> Result<Arc<Catalogue>, SourceError> {
        if let Some(known) = self.catalogue.read().await.as_ref() {
            return Ok(known.clone());
        }
        let read = Arc::new(Catalogue::read(session, self.graph()).await?);
        *self.catalogue.write().await = Some(read.clone());
        Ok(read)
    }

    /// A table may have been altered: its types are read again, and statements are prepared again.
    pub(crate) async fn forget_schema(&self) {
        *self.catalogue.write().await = None;
        self.idle.lock().await.clear();
    }

    async fn permit(&self) -> OwnedSemaphorePermit {
        self.sessions.clone().acquire_owned().await.expect("the semaphore is never closed")
    }
}

#[async_trait]
impl SourceAdapter for MySqlAdapter {
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
        server::begin(&self.inner).await
    }

    async fn now(&self) -> Result<Position, SourceError> {
        let _permit = self.inner.permit().await;
        let mut session = self.inner.session().await?;
        let position = server::now(&mut session).await?;
        self.inner.keep(session).await;
        Ok(position.encode())
    }

    fn reached(&self, here: &Position, there: &Position) -> bool {
        match (BinlogPosition::decode(here), BinlogPosition::decode(there)) {
            (Ok(here), Ok(there)) => here.includes(&there),
            _ => false,
        }
    }

    async fn changes(&self, from: &Position) -> Result<Box<dyn Feed>, SourceError> {
        Ok(Box::new(feed::MySqlFeed::start(self.inner.clone(), from).await?))
    }

    async fn keys(&self, node: NodeId, after: Option<&Key>, limit: usize) -> Result<KeyPage, SourceError> {
        let permit = self.inner.permit().await;
        let mut snapshot =
            snapshot::MySqlSnapshot::open(self.inner.clone(), permit, &Fence::default()).await?;
        snapshot.keys(node, after, limit).await
    }

    async fn snapshot(&self, fence: &Fence) -> Result<Box<dyn SourceSnapshot>, SourceError> {
        let permit = self.inner.permit().await;
        Ok(Box::new(snapshot::MySqlSnapshot::open(self.inner.clone(), permit, fence).await?))
    }

    /// Rows are the engine's estimates; the servers keep no count of writes, so those are zero.
    async fn statistics(&self) -> Result<Statistics, SourceError> {
        let _permit = self.inner.permit().await;
        let mut session = self.inner.session().await?;
        let catalogue = Catalogue::read(&mut session, self.inner.graph()).await?;
        self.inner.keep(session).await;
        let rows = |node| catalogue.table(node).map_or(0, |table| table.row_count);
        let nodes = self.inner.graph().node_ids().map(|node| NodeStatistics { rows: rows(node), writes: 0 });
        Ok(Statistics { nodes: nodes.collect(), other_writes: 0 })
    }

    /// The server keeps its log by its own settings, and nothing of it for us.
    async fn retained_bytes(&self) -> Result<Option<u64>, SourceError> {
        Ok(None)
    }
}

pub(crate) fn identity_mismatch(expected: &Identity, found: &Identity) -> SourceError {
    SourceError::ChangedServer {
        what: format!(
            "the position belongs to server {expected}, and this is {found}; to fix it: point the address back with `wattle tenant add`, or, if it is the same database on another server, give the source the option \"formerly\": \"{expected}\" and restart sync, which then compares every record"
        ),
    }
}
