//! The feed: logical replication as keys.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use pgwire_replication::{Lsn, ReplicationClient, ReplicationEvent};
use wattle_core::{Change, Feed, FeedEvent, Hint, Key, KeyType, NodeId, Position, SourceError};
use wattle_sql::certificate_error;

use crate::catalogue::Catalogue;
use crate::pgoutput::{Message, Tuple, parse};
use crate::position::{Identity, PgPosition, terms_of};
use crate::terms::{News, Terms, Watch};
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
    /// The terms of what is heard, as positions hold them.
    terms: String,
    watch: Watch,
    catalogue: Arc<Catalogue>,
    ready: VecDeque<FeedEvent>,
    /// A table was altered, and what is known of its schema is not yet forgotten.
    altered: bool,
    /// Nodes whose rows come without their key from here on.
    keyless: Vec<NodeId>,
    /// Nodes of which rows were passed over, since their key is not as graph.toml gives it. They are read whole when it is.
    away: HashSet<NodeId>,
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
        let (from, terms) = (PgPosition::decode(from)?, terms_of(from));
        slot::require(&inner, &from, terms).await?;
        inner.forget_schema().await;
        let first = Terms::look(&inner, from.identity).await?;
        let catalogue = first.catalogue.clone();
        let mut nodes: HashMap<u32, Vec<Captured>> = HashMap::new();
        for node in inner.graph().captured() {
            // One that is not there is listened to from when it is there again, and read whole then.
            let Some(relation) = catalogue.relation(node) else { continue };
            let is_padded =
                |name: &str| relation.columns.iter().any(|c| c.name == name && c.base_type == "bpchar");
            let padded = inner.graph().node(node).key.iter().map(|column| is_padded(&column.name)).collect();
            nodes.entry(relation.oid).or_default().push(Captured { node, padded });
        }
        let mut config = inner.primary.replication(&inner.slot, &inner.options.publication);
        config.start_lsn = Lsn(from.lsn);
        let client = ReplicationClient::connect(config).await.map_err(replication_error)?;
        // Until the first news the terms are the old ones: a crash before it must find the same difference.
        let text = match terms {
            Some(terms) if first.absent.is_empty() => terms.to_owned(),
            Some(terms) => first.still_holding(terms),
            None => first.text(),
        };
        let watch = Watch::start(inner.clone(), from.identity, terms, first);
        Ok(Self {
            inner,
            client,
            terms: text,
            watch,
            catalogue,
            identity: from.identity,
            nodes,
            shapes: HashMap::new(),
            transaction: None,
            ready: VecDeque::new(),
            altered: false,
            keyless: Vec::new(),
            away: HashSet::new(),
        })
    }

    fn position(&self, lsn: Lsn, xid: Option<u32>) -> Position {
        PgPosition { identity: self.identity, lsn: lsn.0, xid }.encode()
    }

    /// A position to go on from.
    fn reached(&self, lsn: Lsn) -> Position {
        PgPosition { identity: self.identity, lsn: lsn.0, xid: None }.encode_with(&self.terms)
    }

    /// What was not heard is read; then the new terms hold.
    fn take_news(&mut self, News { mut nodes, gone, terms }: News) -> Result<(), SourceError> {
        if !terms.same_relations(&self.catalogue) {
            let what = "a captured table was made anew: it is listened to from the start".to_owned();
            return Err(SourceError::Unavailable { what, cause: None });
        }
        for node in gone {
            let name = &self.inner.graph().node(node).name;
            tracing::warn!(node = name, "a captured table is not there with its key, or has another name");
            self.altered = true;
            self.push(Change::SchemaChanged { node });
        }
        let back = self.away.extract_if(|node| !terms.absent.contains(node));
        nodes.extend(back.filter(|node| !nodes.contains(node)).collect::<Vec<_>>());
        for node in nodes {
            let name = &self.inner.graph().node(node).name;
            tracing::info!(node = name, "changes of a table may not have been heard: it is read whole");
            self.ready.push_back(FeedEvent::Change(Change::Whole { node }, terms.position.clone()));
        }
        self.terms = terms.text_without(&self.away);
        Ok(())
    }

    /// Without an await, so that an event once received is never lost when the caller gives up waiting.
    fn take(&mut self, event: ReplicationEvent) -> Result<(), SourceError> {
        match event {
            ReplicationEvent::Begin { final_lsn, xid, .. } => {
                self.transaction = Some(self.position(final_lsn, Some(xid)));
            }
            ReplicationEvent::Commit { end_lsn, .. } => {
                self.transaction = None;
                let position = self.reached(end_lsn);
                self.ready.push_back(FeedEvent::Commit(position));
            }
            ReplicationEvent::KeepAlive { wal_end, .. } if self.transaction.is_none() => {
                let position = self.reached(wal_end);
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
        let (mut keys, mut keyless) = (Vec::new(), Vec::new());
        for captured in &nodes {
            let node = graph.node(captured.node);
            let place = |name: &String| columns.iter().position(|column| column == name);
            let found: Option<Vec<usize>> = node.key.iter().map(|key| place(&key.name)).collect();
            match found {
                Some(places) => keys.push((captured.clone(), places)),
                None => keyless.push(captured.node),
            }
        }
        self.give_up(keyless);
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

    /// The log has rows as they were logged when they changed: without their key, if a key column had another name or type
    /// then, or was not in the replica identity. When that is put right it is past, and any row may have changed. Until
    /// then nothing is heard of that table, and what is read from it is tried.
    async fn give_up_keys(&mut self, node: NodeId) -> Result<(), SourceError> {
        let terms = Terms::look(&self.inner, self.identity).await?;
        self.keyless.retain(|keyless| *keyless != node);
        if !terms.absent.contains(&node) {
            self.push(Change::Whole { node });
        } else if self.away.insert(node) {
            let name = &self.inner.graph().node(node).name;
            tracing::warn!(node = name, "a captured table has another key than graph.toml gives");
            self.terms = terms.still_holding(&self.terms);
            self.altered = true;
            self.push(Change::SchemaChanged { node });
        }
        Ok(())
    }

    /// Rows of these nodes have no key; of those that are away that is known.
    fn give_up(&mut self, nodes: Vec<NodeId>) {
        self.keyless.extend(nodes.into_iter().filter(|node| !self.away.contains(node)));
    }

    fn row(&mut self, oid: u32, old: Option<&Tuple>, new: Option<(&Tuple, Hint)>) -> Result<(), SourceError> {
        let shape = self
            .shapes
            .get(&oid)
            .ok_or_else(|| SourceError::Bug { what: "the source sent a row before its relation".into() })?;
        let mut changes = Vec::with_capacity(1);
        let mut keyless = Vec::new();
        for (captured, columns) in &shape.keys {
            let node = captured.node;
            let old_key = old.map(|tuple| self.key(captured, columns, tuple, None));
            let new_key = new.map(|(tuple, _)| self.key(captured, columns, tuple, old));
            if [&old_key, &new_key].contains(&&Some(RowKey::Missing)) {
                keyless.push(node);
                continue;
            }
            let new_key = new_key.and_then(RowKey::into_key);
            if let Some(key) = old_key.and_then(RowKey::into_key)
                && new_key.as_ref() != Some(&key)
            {
                changes.push(Change::Row { node, key, hint: Hint::Delete });
            }
            let hint = new.map_or(Hint::Delete, |(_, hint)| hint);
            changes.extend(new_key.map(|key| Change::Row { node, key, hint }));
        }
        self.give_up(keyless);
        changes.into_iter().for_each(|change| self.push(change));
        Ok(())
    }

    /// The key in a row; what the row does not say because it is unchanged may be in `old`.
    fn key(&self, captured: &Captured, columns: &[usize], tuple: &Tuple, old: Option<&Tuple>) -> RowKey {
        let graph = self.inner.graph();
        let mut values = Vec::with_capacity(columns.len());
        for (column, padded) in columns.iter().zip(&captured.padded) {
            if tuple.is_null(*column) {
                return RowKey::None;
            }
            let Some(text) = tuple.text(*column).or_else(|| old?.text(*column)) else {
                return RowKey::Missing;
            };
            values.push(if *padded { text.trim_end_matches(' ') } else { text });
        }
        if graph.key_types(captured.node).zip(&values).any(|(key_type, value)| is_no_key(key_type, value)) {
            return RowKey::None;
        }
        let key = Key::new(graph.key_types(captured.node), values.into_iter());
        // Its column has another type than graph.toml gives, or had it then.
        key.map_or(RowKey::Missing, RowKey::Key)
    }
}

/// NaN, infinity, and dates before the year 1 or after 9999: what these types hold in PostgreSQL and no key can be.
fn is_no_key(key_type: KeyType, text: &str) -> bool {
    matches!(key_type, KeyType::Date | KeyType::Decimal) && key_type.canonical(text).is_err()
}

/// What a row says of its key.
#[derive(Debug, PartialEq, Eq)]
enum RowKey {
    Key(Key),
    /// It has none: part of it is null, or nothing that a key can be.
    None,
    /// It came without one of the types that graph.toml gives.
    Missing,
}

impl RowKey {
    fn into_key(self) -> Option<Key> {
        match self {
            Self::Key(key) => Some(key),
            Self::None | Self::Missing => None,
        }
    }
}

#[async_trait]
impl Feed for PgFeed {
    async fn next(&mut self) -> Result<FeedEvent, SourceError> {
        loop {
            if let Some(node) = self.keyless.last().copied() {
                self.give_up_keys(node).await?;
                continue;
            }
            if self.altered {
                self.inner.forget_schema().await;
                self.altered = false;
            }
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            tokio::select! {
                news = self.watch.news() => self.take_news(news?)?,
                event = self.client.recv() => match event.map_err(replication_error)? {
                    Some(event) => self.take(event)?,
                    None => {
                        let what = "the replication stream ended".into();
                        return Err(SourceError::Unavailable { what, cause: None });
                    }
                },
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
    if let Some(refused) = certificate_error("stream changes", &error) {
        return refused;
    }
    if text.contains("42501") {
        return config("give the login the REPLICATION attribute: alter role … replication");
    }
    if text.contains("42704") {
        return config("run `wattle check`, which prints the statement that makes the publication");
    }
    SourceError::Unavailable { what: "the replication stream failed".into(), cause: Some(Box::new(error)) }
}
