//! The SQL Server engine: any retailer on SQL Server 2016 or later, read through its pack.
//!
//! **Capture** polls change tracking, which names the keys of changed rows and the version of the transaction that
//! changed them last, and no value; or, by the option `capture`, the change tables of change data capture (CDC), which a
//! job of the server fills from its log some seconds later. Each look is one snapshot transaction, so that how far it has
//! come, what is known of each table and the changes belong together. Nothing is made at the server; what must be set is
//! told by `check`.
//!
//! **Order.** Changes come in the order of their commits across tables. Change tracking names a row that was changed
//! several times once, with its last version, and a changed key as a delete and an insert; change tables have every change.
//!
//! **Positions** name the database by its broker GUID, its life by its recovery fork and date of creation, and the
//! version or the place in the log. A restore may set them back without a word: then it is another life, and the position
//! is lost. So it is when the retention has passed for every table, or when changes are heard in the other way; a table
//! that was truncated or is heard anew is read whole.
//!
//! **The fence.** Change tracking tells what is visible. A snapshot is handed out only when the version that is read inside
//! of its own transaction is at or past everything heard. CDC tells what the log has, and its job reads a commit from the
//! log, writes it down and commits itself before it is heard; that the commit is visible by then is taken from the server.
//! `now` is the end of the log there, which the job passes with the next change, or, where nothing changes, with an entry
//! that it makes every few minutes.
//!
//! **Fetch** expands `{keys}` to `openjson` of one text, each key column cast to its exact type and collation. Decimals are
//! read as they are; `money` is refused, since the driver makes a float of it: the pack casts it to `decimal(19, 4)`.
//!
//! **Gentleness.** At most a few sessions, with statement and lock time-outs, whose transactions are snapshots and take no
//! locks. SQL Server has no read-only session: that a login cannot write is for its grants to say, and `check` warns.
//!
//! **Limits.** SQL logins only. What a fetch query reads is found in its text: a view is refused and not looked behind. A
//! fail-over of an availability group begins a new recovery fork, after which every record is compared again.
//!
//! Verified on a simulator, and on no SQL Server yet.

mod address;
mod capture;
mod catalogue;
mod check;
mod connect;
mod dialect;
mod error;
mod feed;
mod position;
mod settings;
mod snapshot;
mod value;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Mutex, OwnedSemaphorePermit, RwLock, Semaphore};
use wattle_core::{
    EntityGraph, Feed, Fence, Finding, Key, KeyPage, NodeId, NodeStatistics, Position, QueryPlan,
    SourceAdapter, SourceError, SourceSnapshot, Statistics,
};
use wattle_sql::Pack;

pub use address::Address;
use catalogue::Catalogue;
use connect::{Connector, Session};
use position::{Identity, TrackedPosition};
pub use settings::{Capture, Options};

/// A session of the driver's own, encrypted and limited in time as the options say, and with none of their other settings:
/// for tools that look at a source, or work in it, as themselves.
///
/// # Errors
/// When the address or a file of the options cannot be read, or the server does not let the login in.
pub async fn connect(
    url: &str,
    options: &Options,
) -> Result<tiberius::Client<tokio_util::compat::Compat<tokio::net::TcpStream>>, SourceError> {
    connect::Connector::new(url, options)?.plain().await
}

/// A SQL Server source, seen through a pack.
#[derive(Clone)]
pub struct SqlServerAdapter {
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

impl SqlServerAdapter {
    /// A source at an address (`sqlserver://user:password@host:port/database`). Connects on first use.
    ///
    /// # Errors
    /// [`SourceError::Config`] for an address or options that cannot be used.
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
            if session.batch("look whether a session is open", "select 1").await.is_ok() {
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

    /// A table may have been altered: its types are read again, and queries are understood again.
    pub(crate) async fn forget_schema(&self) {
        *self.catalogue.write().await = None;
        self.idle.lock().await.clear();
    }

    async fn permit(&self) -> OwnedSemaphorePermit {
        self.sessions.clone().acquire_owned().await.expect("the semaphore is never closed")
    }
}

#[async_trait]
impl SourceAdapter for SqlServerAdapter {
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
        Ok(capture::begin(&self.inner).await?.encode())
    }

    async fn now(&self) -> Result<Position, SourceError> {
        let _permit = self.inner.permit().await;
        let mut session = self.inner.session().await?;
        let position = capture::now(&self.inner, &mut session).await?;
        self.inner.keep(session).await;
        Ok(position.encode())
    }

    fn reached(&self, here: &Position, there: &Position) -> bool {
        match (TrackedPosition::decode(here), TrackedPosition::decode(there)) {
            (Ok(here), Ok(there)) => here.includes(&there),
            _ => false,
        }
    }

    async fn changes(&self, from: &Position) -> Result<Box<dyn Feed>, SourceError> {
        Ok(Box::new(feed::SqlServerFeed::start(self.inner.clone(), from).await?))
    }

    async fn keys(&self, node: NodeId, after: Option<&Key>, limit: usize) -> Result<KeyPage, SourceError> {
        let permit = self.inner.permit().await;
        let mut snapshot =
            snapshot::SqlServerSnapshot::open(self.inner.clone(), permit, &Fence::default()).await?;
        snapshot.keys(node, after, limit).await
    }

    async fn snapshot(&self, fence: &Fence) -> Result<Box<dyn SourceSnapshot>, SourceError> {
        let permit = self.inner.permit().await;
        Ok(Box::new(snapshot::SqlServerSnapshot::open(self.inner.clone(), permit, fence).await?))
    }

    /// Rows are the server's own counts; it keeps no count of writes that would last, so those are zero.
    async fn statistics(&self) -> Result<Statistics, SourceError> {
        let _permit = self.inner.permit().await;
        let mut session = self.inner.session().await?;
        let catalogue = Catalogue::read(&mut session, self.inner.graph()).await?;
        self.inner.keep(session).await;
        let rows = |node| catalogue.table(node).map_or(0, |table| table.row_count);
        let nodes = self.inner.graph().node_ids().map(|node| NodeStatistics { rows: rows(node), writes: 0 });
        Ok(Statistics { nodes: nodes.collect(), other_writes: 0 })
    }

    /// The server keeps changes by its own settings, and nothing of them for us.
    async fn retained_bytes(&self) -> Result<Option<u64>, SourceError> {
        Ok(None)
    }
}

pub(crate) fn identity_mismatch(expected: &Identity, found: &Identity) -> SourceError {
    SourceError::ChangedServer {
        what: format!(
            "the position belongs to database {0}, and this is {1}; to fix it: point the address back with `wattle tenant add`, or, if it is the same database under another broker, give the source the option \"formerly\": \"{0}\" and restart sync, which then compares every record",
            expected.broker, found.broker
        ),
    }
}
