//! The feed: logical replication as keys.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use pgwire_replication::{Lsn, ReplicationClient, ReplicationEvent};
use wattle_core::{Change, Feed, FeedEvent, Hint, Key, NodeId, Position, SourceError};

use crate::error::source_error;
use crate::pgoutput::{Message, Tuple, parse};
use crate::position::{Identity, PgPosition};
use crate::{Inner, slot};

pub(crate) struct PgFeed {
    inner: Arc<Inner>,
    client: ReplicationClient,
    identity: Identity,
    /// The captured nodes behind each relation, by its oid.
    nodes: HashMap<u32, Vec<Captured>>,
    /// What the relation messages of this connection said.
    shapes: HashMap<u32, Shape>,
    /// The transaction being received: the position its changes carry.
    transaction: Option<Position>,
    ready: VecDeque<FeedEvent>,
    /// A table was altered, and what is known of its schema is not yet forgotten.
    altered: bool,
    /// Nodes whose rows come without their key from here on.
    keyless: Vec<NodeId>,
}

/// A captured node, and which of its key columns are blank-padded: CHAR(n) arrives with blanks that are no part of
/// its value.
#[derive(Clone)]
struct Captured {
    node: NodeId,
    padded: Vec<bool>,
}

/// A relation as this connection described it.
struct Shape {
    columns: Vec<String>,
    /// Per node behind the relation: where its key columns are.
    keys: Vec<(Captured, Vec<usize>)>,
}

impl PgFeed {
    pub(crate) async fn start(inner: Arc<Inner>, from: &Position) -> Result<Self, SourceError> {
        let from = PgPosition::decode(from)?;
        slot::require(&inner, &from).await?;
        let nodes = {
            let session = inner.primary.connect("catalogue").await?;
            inner.forget_schema().await;
            let catalogue = inner.catalogue(&session).await?;
            let mut nodes: HashMap<u32, Vec<Captured>> = HashMap::new();
            for node in inner.graph().captured() {
                let relation = catalogue.known(inner.graph(), node)?;
                let is_padded =
                    |name: &str| relation.columns.iter().any(|c| c.name == name && c.base_type == "bpchar");
                let padded =
                    inner.graph().node(node).key.iter().map(|column| is_padded(&column.name)).collect();
                nodes.entry(relation.oid).or_default().push(Captured { node, padded });
            }
            nodes
        };
        let mut config = inner.primary.replication(&inner.slot, &inner.options.publication);
        config.start_lsn = Lsn(from.lsn);
        let client = ReplicationClient::connect(config).await.map_err(replication_error)?;
        Ok(Self {
            inner,
            client,
            identity: from.identity,
            nodes,
            shapes: HashMap::new(),
            transaction: None,
            ready: VecDeque::new(),
            altered: false,
            keyless: Vec::new(),
        })
    }

    fn position(&self, lsn: Lsn, xid: Option<u32>) -> Position {
        PgPosition { identity: self.identity, lsn: lsn.0, xid }.encode()
    }

    /// Without an await, so that an event once received is never lost when the caller gives up waiting.
    fn take(&mut self, event: ReplicationEvent) -> Result<(), SourceError> {
        match event {
            ReplicationEvent::Begin { final_lsn, xid, .. } => {
                self.transaction = Some(self.position(final_lsn, Some(xid)));
            }
            ReplicationEvent::Commit { end_lsn, .. } => {
                self.transaction = None;
                let position = self.position(end_lsn, None);
                self.ready.push_back(FeedEvent::Commit(position));
            }
            ReplicationEvent::KeepAlive { wal_end, .. } if self.transaction.is_none() => {
                let position = self.position(wal_end, None);
                self.ready.push_back(FeedEvent::Idle(position));
            }
            ReplicationEvent::XLogData { data, .. } => {
                let message = parse(data).ok_or_else(|| SourceError::Bug {
                    what: "the source sent a pgoutput message that cannot be read".into(),
                })?;
                self.read(message)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn read(&mut self, message: Message) -> Result<(), SourceError> {
        match message {
            Message::Relation { oid, columns } => self.relation(oid, columns)?,
            Message::Insert { oid, new } => self.row(oid, None, Some((&new, Hint::Insert)))?,
            Message::Update { oid, old, new } => self.row(oid, old.as_ref(), Some((&new, Hint::Update)))?,
            Message::Delete { oid, old } => self.row(oid, Some(&old), None)?,
            Message::Truncate { oids } => {
                for oid in oids {
                    for captured in self.nodes.get(&oid).cloned().unwrap_or_default() {
                        self.push(Change::Whole { node: captured.node });
                    }
                }
            }
            Message::Other => {}
        }
        Ok(())
    }

    fn push(&mut self, change: Change) {
        let position = self.transaction.clone().unwrap_or_else(|| self.position(Lsn(0), None));
        self.ready.push_back(FeedEvent::Change(change, position));
    }

    /// A relation message precedes the first row of its table and comes again when the table was altered.
    fn relation(&mut self, oid: u32, columns: Vec<String>) -> Result<(), SourceError> {
        let nodes = self.nodes.get(&oid).cloned().unwrap_or_default();
        let graph = self.inner.graph();
        let mut keys = Vec::new();
        for captured in &nodes {
            let node = graph.node(captured.node);
            let place = |name: &String| columns.iter().position(|column| column == name);
            let found: Option<Vec<usize>> = node.key.iter().map(|key| place(&key.name)).collect();
            match found {
                Some(places) => keys.push((captured.clone(), places)),
                None => self.keyless.push(captured.node),
            }
        }
        let column_count = columns.len();
        let before = self.shapes.insert(oid, Shape { columns, keys });
        // The message also comes again when nothing was altered, after an ANALYZE for one.
        if before.is_some_and(|before| before.columns != self.shapes[&oid].columns) {
            self.altered = true;
            tracing::info!(relation_oid = oid, column_count, "a captured table was altered");
            for captured in nodes {
                self.push(Change::SchemaChanged { node: captured.node });
            }
        }
        Ok(())
    }

    /// The log names columns as they were called when a row changed. What was written under another name of a key
    /// column is past when the table has its name again, and then any row may have changed; until then, someone must
    /// give the name back.
    async fn give_up_keys(&self, node: NodeId) -> Result<(), SourceError> {
        let Inner { options, primary, .. } = &*self.inner;
        let node = self.inner.graph().node(node);
        let session = primary.connect("catalogue").await?;
        let row = session
            .client()
            .query_one(
                "select coalesce(array_agg(a.name::text), '{}')
                 from pg_class c join pg_namespace n on n.oid = c.relnamespace
                 join pg_publication_tables p on p.schemaname = n.nspname and p.tablename = c.relname, unnest(p.attnames) a(name)
                 where c.oid = to_regclass($2) and p.pubname = $1",
                &[&options.publication, &node.relation],
            )
            .await
            .map_err(|error| source_error("look at the publication", error))?;
        let published: Vec<String> = row.get(0);
        match node.key.iter().find(|column| !published.contains(&column.name)) {
            None => Ok(()),
            Some(column) => Err(SourceError::Config {
                what: format!(
                    "the publication {} does not carry the key column {} of {}",
                    options.publication, column.name, node.relation
                ),
                fix: "give a renamed column its name back, or run `wattle check`, which prints the publication's right columns".into(),
            }),
        }
    }

    fn row(&mut self, oid: u32, old: Option<&Tuple>, new: Option<(&Tuple, Hint)>) -> Result<(), SourceError> {
        let shape = self
            .shapes
            .get(&oid)
            .ok_or_else(|| SourceError::Bug { what: "the source sent a row before its relation".into() })?;
        let mut changes = Vec::with_capacity(1);
        for (captured, columns) in &shape.keys {
            let node = captured.node;
            let old_key = old.map(|tuple| self.key(captured, columns, tuple)).transpose()?;
            let new_key = new
                .map(|(tuple, hint)| self.key(captured, columns, tuple).map(|key| (key, hint)))
                .transpose()?;
            if let Some(key) = old_key
                && new_key.as_ref().is_none_or(|(new_key, _)| *new_key != key)
            {
                changes.push(Change::Row { node, key, hint: Hint::Delete });
            }
            changes.extend(new_key.map(|(key, hint)| Change::Row { node, key, hint }));
        }
        changes.into_iter().for_each(|change| self.push(change));
        Ok(())
    }

    fn key(&self, captured: &Captured, columns: &[usize], tuple: &Tuple) -> Result<Key, SourceError> {
        let graph = self.inner.graph();
        let name = &graph.node(captured.node).name;
        let missing = || SourceError::Config {
            what: format!("a change of {name} came without its key: the replica identity does not hold it"),
            fix: "run `wattle check`, which prints the fitting replica identity".into(),
        };
        let mut values = Vec::with_capacity(columns.len());
        for (column, padded) in columns.iter().zip(&captured.padded) {
            let text = tuple.text(*column).ok_or_else(missing)?;
            values.push(if *padded { text.trim_end_matches(' ') } else { text });
        }
        Key::new(graph.key_types(captured.node), values.into_iter()).map_err(|error| SourceError::Config {
            what: format!("a key of {name} does not have the types that graph.toml gives: {error}"),
            fix: "give the key columns' types as the table has them".into(),
        })
    }
}

#[async_trait]
impl Feed for PgFeed {
    async fn next(&mut self) -> Result<FeedEvent, SourceError> {
        loop {
            if self.altered {
                self.inner.forget_schema().await;
                self.altered = false;
            }
            if let Some(node) = self.keyless.last().copied() {
                self.give_up_keys(node).await?;
                self.keyless.pop();
                self.push(Change::Whole { node });
            }
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            match self.client.recv().await.map_err(replication_error)? {
                Some(event) => self.take(event)?,
                None => {
                    return Err(SourceError::Unavailable {
                        what: "the replication stream ended".into(),
                        cause: None,
                    });
                }
            }
        }
    }

    fn acknowledge(&mut self, position: &Position) {
        if let Ok(position) = PgPosition::decode(position) {
            self.client.update_applied_lsn(Lsn(position.lsn));
        }
    }
}

/// The replication client gives server errors as text with the SQLSTATE in it.
fn replication_error(error: pgwire_replication::PgWireError) -> SourceError {
    let text = error.to_string();
    let config = |fix: &str| SourceError::Config {
        what: format!("the source refused to stream changes: {text}"),
        fix: fix.into(),
    };
    if error.is_auth() || text.contains("28P01") || text.contains("28000") {
        return config("set the source's login right, and give it the REPLICATION attribute");
    }
    if text.contains("42501") {
        return config("give the login the REPLICATION attribute: alter role … replication");
    }
    if text.contains("42704") {
        return config("run `wattle check`, which prints the statement that makes the publication");
    }
    SourceError::Unavailable { what: "the replication stream failed".into(), cause: Some(Box::new(error)) }
}
