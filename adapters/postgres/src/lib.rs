//! The PostgreSQL engine: any retailer on PostgreSQL 15 or later, read through its pack.
//!
//! **Capture** streams logical replication (`pgoutput`) from a slot of ours over a publication that the retailer's
//! DBA made, and decodes keys only. What was stored durably is acknowledged, and idle keep-alives too, so that the
//! slot never holds other databases' log.
//!
//! **The terms.** The log does not say that a table left the publication, or that a partition came or went. The catalogue
//! does: it is looked at when capture begins, at each start of a feed, and every few seconds, compared with what the
//! position says of it, and what may not have been heard is read whole. On terms that would miss changes nothing starts.
//!
//! **The fence.** A logical client may hear a commit before any other session sees it, and as long as a synchronous
//! standby keeps it waiting, while later commits are visible already. A snapshot is handed out only when none of the
//! transactions heard is in progress in that very snapshot and, on a replica, when it has replayed past them.
//!
//! **Fetch** expands `{keys}` to `unnest` of text arrays cast to the key columns' exact types, so that indexes serve.
//!
//! **Gentleness.** Sessions are read-only, with statement and lock time-outs, at most a few at once. `row_security` is
//! off, which makes PostgreSQL refuse a query that a row policy would thin out, instead of letting a policy look like
//! deleted rows. A slot is never made on a server that would let it grow without limit.
//!
//! Verified on PostgreSQL 15.18.

mod catalogue;
mod check;
mod connect;
mod error;
mod feed;
mod pgoutput;
mod position;
mod settings;
mod slot;
mod snapshot;
mod terms;
mod value;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard, RwLock, Semaphore};
use wattle_core::{
    EntityGraph, Feed, Fence, Finding, Key, KeyPage, NodeId, NodeStatistics, Position, QueryPlan,
    SourceAdapter, SourceError, SourceSnapshot, Statistics,
};
use wattle_sql::Pack;

use catalogue::Catalogue;
use connect::{Connector, Session};
use error::source_error;
use position::{Identity, PgPosition};
pub use settings::Options;

/// A session of the driver's own, encrypted as the options say and with none of their other settings: for tools that look at
/// a source, or work in it, as themselves.
///
/// # Errors
/// When the address or a file of the options cannot be read, or the server does not let the login in.
pub async fn connect(url: &str, options: &Options) -> Result<tokio_postgres::Client, SourceError> {
    connect::Connector::new(url, options)?.plain().await
}

/// A PostgreSQL source, seen through a pack.
#[derive(Clone)]
pub struct PostgresAdapter {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pack: Pack,
    options: Options,
    slot: String,
    /// The primary: capture, and all else unless there is a replica.
    primary: Connector,
    /// Where rows are read.
    reader: Connector,
    idle: Mutex<Vec<Session>>,
    /// A session on the primary for short questions about its log, which must not wait until rows are read.
    aside: Mutex<Option<Session>>,
    /// Bounds the sessions that read rows at once.
    sessions: Arc<Semaphore>,
    catalogue: RwLock<Option<Arc<Catalogue>>>,
}

impl PostgresAdapter {
    /// A source at an address (`postgres://user:password@host:port/database`), captured through the named slot
    /// unless the options name another.
    /// Connects on first use.
    pub fn new(
        pack: Pack,
        url: &str,
        slot: impl Into<String>,
        options: Options,
    ) -> Result<Self, SourceError> {
        let slot = options.slot.clone().unwrap_or_else(|| slot.into());
        options.validate(&slot)?;
        let primary = Connector::new(url, &options)?;
        let reader = match &options.read_url {
            Some(url) => Connector::new(url, &options)?,
            None => primary.clone(),
        };
        let sessions = Arc::new(Semaphore::new(options.max_sessions as usize));
        let inner = Inner {
            pack,
            slot,
            primary,
            reader,
            idle: Mutex::new(Vec::new()),
            aside: Mutex::new(None),
            sessions,
            catalogue: RwLock::new(None),
            options,
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Inner {
    pub(crate) fn graph(&self) -> &EntityGraph {
        self.pack.graph()
    }

    /// A session on the reading server, from the idle ones or new. The caller holds a permit.
    pub(crate) async fn session(&self) -> Result<Session, SourceError> {
        loop {
            let idle = self.idle.lock().await.pop();
            match idle {
                Some(session) if session.is_open() => return Ok(session),
                Some(_) => {}
                None => return self.reader.connect("read").await,
            }
        }
    }

    /// Keeps a session that is in a good state for the next caller.
    pub(crate) async fn keep(&self, session: Session) {
        self.idle.lock().await.push(session);
    }

    /// The session for short questions, which one asks at a time.
    async fn aside(&self) -> Result<MappedMutexGuard<'_, Session>, SourceError> {
        let mut aside = self.aside.lock().await;
        if !aside.as_ref().is_some_and(Session::is_open) {
            *aside = Some(self.primary.connect("position").await?);
        }
        Ok(MutexGuard::map(aside, |session| session.as_mut().expect("it was just made")))
    }

    /// What the source's catalogue says of the graph's nodes, read once and again after a schema change.
    pub(crate) async fn catalogue(&self, session: &Session) -> Result<Arc<Catalogue>, SourceError> {
        if let Some(known) = self.catalogue.read().await.as_ref() {
            return Ok(known.clone());
        }
        let read = Arc::new(Catalogue::read(session, self.graph()).await?);
        *self.catalogue.write().await = Some(read.clone());
        Ok(read)
    }

    /// The table may have been altered: its types are read again, and statements are prepared again.
    pub(crate) async fn forget_schema(&self) {
        *self.catalogue.write().await = None;
        self.idle.lock().await.clear();
    }

    async fn permit(&self) -> tokio::sync::OwnedSemaphorePermit {
        self.sessions.clone().acquire_owned().await.expect("the semaphore is never closed")
    }
}

#[async_trait]
impl SourceAdapter for PostgresAdapter {
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
        slot::begin(&self.inner).await
    }

    async fn now(&self) -> Result<Position, SourceError> {
        let session = self.inner.aside().await?;
        let row = session.client().query_one("select pg_current_wal_insert_lsn()::text", &[]).await;
        let row = row.map_err(|error| source_error("read the current position", error))?;
        let lsn = position::parse_lsn(row.get(0))?;
        Ok(PgPosition { identity: session.identity(), lsn, xid: None }.encode())
    }

    fn reached(&self, here: &Position, there: &Position) -> bool {
        match (PgPosition::decode(here), PgPosition::decode(there)) {
            (Ok(here), Ok(there)) => here.identity == there.identity && here.lsn >= there.lsn,
            _ => false,
        }
    }

    async fn changes(&self, from: &Position) -> Result<Box<dyn Feed>, SourceError> {
        Ok(Box::new(feed::PgFeed::start(self.inner.clone(), from).await?))
    }

    async fn keys(&self, node: NodeId, after: Option<&Key>, limit: usize) -> Result<KeyPage, SourceError> {
        let fence = match self.inner.options.read_url {
            None => Fence::default(),
            // No event announces rows from before capture began: a replica must have replayed them.
            Some(_) => Fence::new([self.now().await?]),
        };
        let permit = self.inner.permit().await;
        let mut snapshot = snapshot::PgSnapshot::open(self.inner.clone(), permit, &fence).await?;
        snapshot.keys(node, after, limit).await
    }

    async fn snapshot(&self, fence: &Fence) -> Result<Box<dyn SourceSnapshot>, SourceError> {
        let permit = self.inner.permit().await;
        Ok(Box::new(snapshot::PgSnapshot::open(self.inner.clone(), permit, fence).await?))
    }

    async fn statistics(&self) -> Result<Statistics, SourceError> {
        let _permit = self.inner.permit().await;
        let session = self.inner.session().await?;
        let graph = self.inner.graph();
        let relations: Vec<&str> = graph.node_ids().map(|id| graph.node(id).relation.as_str()).collect();
        let rows = session
            .client()
            .query(include_str!("sql/statistics.sql"), &[&relations])
            .await
            .map_err(|error| source_error("read statistics", error))?;
        self.inner.keep(session).await;
        let mut statistics = Statistics::default();
        for row in &rows {
            let count = |at| u64::try_from(row.get::<_, i64>(at)).unwrap_or(0);
            match row.get::<_, Option<i64>>(0) {
                Some(_) => statistics.nodes.push(NodeStatistics { rows: count(1), writes: count(2) }),
                None => statistics.other_writes = count(2),
            }
        }
        Ok(statistics)
    }

    async fn retained_bytes(&self) -> Result<Option<u64>, SourceError> {
        slot::retained_bytes(&*self.inner.aside().await?, &self.inner.slot).await
    }
}

pub(crate) fn identity_mismatch(expected: Identity, found: Identity) -> SourceError {
    SourceError::ChangedServer {
        what: format!(
            "the position belongs to server and database {expected}, and this is {found}; to fix it: point the address back with `wattle tenant add`, or, if it is the same database after pg_upgrade or a restore from a dump, give the source the option \"formerly\": \"{expected}\" and restart sync, which then compares every record"
        ),
    }
}
