//! The feed: the binlog as keys.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use mysql_async::binlog::events::Event as RawEvent;
use wattle_core::{Change, Feed, FeedEvent, Hint, NodeId, Position, SourceError, Tracking};

use crate::binlog::{
    self, Effect, Event, Gtid, KeyColumn, Layout, Malformed, RowChange, RowKey, RowsEvent, Statement,
    TableMap, XaEnd,
};
use crate::catalogue::Catalogue;
use crate::position::{BinlogPosition, file_number};
use crate::stream::Stream;
use crate::watch::Watch;
use crate::{Inner, check, server};

/// A flag of events that the server made up for this stream.
const ARTIFICIAL: u16 = 0x20;
/// How often a table that is not there is looked for: whoever has given the grant wants to see it soon.
const DESCRIBE_EVERY: Duration = Duration::from_secs(3);
/// Changes kept of one transaction that is prepared and not committed yet; of a larger one the tables are read whole.
const MAX_PREPARED: usize = 10_000;

pub(crate) struct MySqlFeed {
    inner: Arc<Inner>,
    stream: Stream,
    watch: Watch,
    /// How far everything has been yielded, shared with whoever watches the server.
    reached: Arc<Mutex<(u64, u64)>>,
    position: BinlogPosition,
    catalogue: Arc<Catalogue>,
    /// The captured tables and all others, by the numbers that the server gives them.
    tables: HashMap<u64, Option<Captured>>,
    transaction: Transaction,
    /// Changes of distributed transactions that are prepared: they become visible when they are committed.
    prepared: HashMap<String, Prepared>,
    ready: VecDeque<FeedEvent>,
    /// A table was altered, and what is known of its schema is not yet forgotten.
    altered: bool,
    /// Nodes that a statement had read whole since the tables were described.
    announced: HashSet<NodeId>,
    /// When the tables were described.
    described: Instant,
}

/// A captured table as its rows come.
struct Captured {
    nodes: Vec<NodeId>,
    /// The columns of each node's key.
    keys: Vec<Vec<KeyColumn>>,
    layouts: Vec<Layout>,
}

/// The transaction being received.
#[derive(Default)]
struct Transaction {
    /// A commit will follow.
    open: bool,
    changed: bool,
    /// Nodes that are announced whole already.
    whole: HashSet<NodeId>,
    /// What was said so far of a part of a distributed one.
    distributed: Option<Prepared>,
}

#[derive(Default)]
struct Prepared {
    changes: Vec<Change>,
    /// There were too many.
    whole: HashSet<NodeId>,
}

impl MySqlFeed {
    pub(crate) async fn start(inner: Arc<Inner>, from: &Position) -> Result<Self, SourceError> {
        let from = BinlogPosition::decode(from)?;
        let mut session = inner.connector.connect().await?;
        server::require(&inner, &mut session, &from).await?;
        inner.forget_schema().await;
        let (session, catalogue) = check::require_heard(&inner, session).await?;
        let heard = catalogue.heard(inner.graph());
        let stream = Stream::start(session, &from).await?;
        let reached = Arc::new(Mutex::new(from.place()));
        let watch = Watch::start(inner.clone(), from.identity.clone(), reached.clone());
        let mut feed = Self {
            inner,
            stream,
            watch,
            reached,
            position: from,
            catalogue: Arc::new(heard),
            tables: HashMap::new(),
            transaction: Transaction::default(),
            prepared: HashMap::new(),
            ready: VecDeque::new(),
            altered: false,
            announced: HashSet::new(),
            described: Instant::now(),
        };
        feed.begin().await?;
        feed.make_up();
        for node in feed.inner.graph().captured().filter(|node| feed.catalogue.table(*node).is_none()) {
            tracing::warn!(
                node = feed.inner.graph().node(node).name,
                "a captured table is not there with its key"
            );
            let change = FeedEvent::Change(Change::SchemaChanged { node }, feed.position.encode());
            feed.ready.push_back(change);
        }
        Ok(feed)
    }

    /// Everything up to here has been yielded.
    pub(crate) fn position(&self) -> &BinlogPosition {
        &self.position
    }

    /// Notes which tables are not there, and reads those whole that are there again: a grant gives a table back and says
    /// nothing of it in the log. What a statement of the log gave back it has announced itself.
    fn make_up(&mut self) {
        let inner = self.inner.clone();
        for node in inner.graph().captured() {
            let name = &inner.graph().node(node).name;
            if self.catalogue.table(node).is_none() {
                self.position.behind.insert(name.clone());
            } else if self.position.behind.remove(name) && !self.announced.contains(&node) {
                tracing::info!(node = name, "a table is there again, and read whole");
                self.push(Change::SchemaChanged { node });
                self.whole(node);
            }
        }
        self.announced.clear();
        if self.transaction.changed && !self.transaction.open {
            self.end();
        }
    }

    /// Reads up to the first event of the file, which says when it was begun: a file of the same name that was begun at
    /// another time is not the one that was heard.
    async fn begin(&mut self) -> Result<(), SourceError> {
        loop {
            let raw = self.stream.next().await?;
            match parse(&raw)? {
                Event::Begun { created } => {
                    if let Some(before) = self.position.created.filter(|before| *before != created) {
                        return Err(SourceError::LostPosition {
                            what: format!(
                                "{} was begun at {created} (seconds since 1970), and the one that was heard at {before}: the binlog was begun anew, or the server restored",
                                self.position.file
                            ),
                        });
                    }
                    self.position.created = Some(created);
                    return Ok(());
                }
                // With a checksum that the driver does not know of yet.
                Event::Rotate { file, .. } if file.starts_with(&self.position.file) => {}
                Event::Rotate { file, .. } => {
                    let what = format!("the server begins with {file} and not with {}", self.position.file);
                    return Err(SourceError::LostPosition { what });
                }
                _ => {}
            }
        }
    }

    /// Without an await, so that an event once received is never lost when the caller gives up waiting.
    fn take(&mut self, raw: &RawEvent) -> Result<(), SourceError> {
        let event = parse(raw)?;
        let header = raw.header();
        let artificial = header.flags_raw() & ARTIFICIAL != 0;
        if let Event::Rotate { file, offset } = event {
            file_number(&file).ok_or_else(|| malformed(Malformed("it names no file")))?;
            (self.position.file, self.position.offset) = (file, offset);
            self.tables.clear();
            return Ok(());
        }
        if !artificial || matches!(event, Event::Heartbeat) {
            self.advance(header.log_pos());
        }
        match event {
            Event::Begun { created } => self.position.created = Some(created),
            Event::Gtid(Gtid { id, standalone, prepares }) => {
                self.position.gtid = id;
                self.transaction.open = self.position.identity.is_mariadb() && !standalone;
                self.transaction.distributed = prepares.then(Prepared::default);
            }
            Event::TableMap(map) => self.map(&map)?,
            Event::Rows(rows) => self.rows(&rows)?,
            Event::PartialRows { table_id } => {
                let nodes =
                    self.tables.get(&table_id).and_then(Option::as_ref).map(|table| table.nodes.clone());
                nodes.into_iter().flatten().for_each(|node| self.whole(node));
            }
            Event::Query { schema, sql } | Event::Loaded { schema, sql } => {
                let schema = schema.into_owned();
                self.statement(&schema, &sql);
            }
            Event::Commit => self.end(),
            Event::Prepared(XaEnd::OnePhase) => {
                self.transaction.distributed = None;
                self.end();
            }
            Event::Prepared(XaEnd::Prepared(name)) => {
                let changes = self.transaction.distributed.take().unwrap_or_default();
                self.prepared.insert(name, changes);
                self.end();
            }
            Event::Incident => {
                tracing::error!("the server lost changes of its log: every captured table is read whole");
                self.all_whole();
                self.end();
            }
            Event::Heartbeat if !self.transaction.open => {
                self.ready.push_back(FeedEvent::Idle(self.position.encode()));
            }
            Event::Unknown(event_type) => return Err(unknown(event_type)),
            Event::Heartbeat | Event::Rotate { .. } | Event::Payload | Event::Stop | Event::Silent => {}
        }
        Ok(())
    }

    /// The header has four bytes for where the event ends, and a file may be longer.
    fn advance(&mut self, log_pos: u32) {
        const WRAP: u64 = 1 << 32;
        let here = self.position.offset;
        let mut there = here & !(WRAP - 1) | u64::from(log_pos);
        if there + WRAP / 2 < here {
            there += WRAP;
        }
        self.position.offset = here.max(there);
    }

    fn here(&self) -> Position {
        let gtid = if self.position.identity.is_mariadb() { None } else { self.position.gtid.clone() };
        BinlogPosition { gtid, created: None, ..self.position.clone() }.encode()
    }

    fn push(&mut self, change: Change) {
        let position = self.here();
        self.push_at(change, position);
    }

    fn push_at(&mut self, change: Change, position: Position) {
        self.transaction.changed = true;
        if let Some(distributed) = &mut self.transaction.distributed {
            distributed.keep(&change);
        }
        self.ready.push_back(FeedEvent::Change(change, position));
    }

    /// Any row may have changed; said once a transaction. Of a folded table, of those that it is read with.
    fn whole(&mut self, node: NodeId) {
        let mut node = node;
        while let Tracking::Folded { into } = self.inner.graph().node(node).tracking {
            node = into;
        }
        if self.transaction.whole.insert(node) {
            self.push(Change::Whole { node });
        }
    }

    fn all_whole(&mut self) {
        let captured: Vec<NodeId> = self.inner.graph().captured().collect();
        captured.into_iter().for_each(|node| self.whole(node));
    }

    /// A transaction is over.
    fn end(&mut self) {
        let changed = self.transaction.changed;
        self.transaction = Transaction::default();
        let position = self.position.encode();
        *self.reached.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = self.position.place();
        self.ready.push_back(if changed { FeedEvent::Commit(position) } else { FeedEvent::Idle(position) });
    }

    fn statement(&mut self, schema: &str, sql: &str) {
        match binlog::understand(sql) {
            Statement::Begin { distributed } => {
                self.transaction.open = true;
                if distributed {
                    self.transaction.distributed.get_or_insert_default();
                }
                return;
            }
            Statement::End => return self.end(),
            Statement::DistributedEnd { name, commits } => {
                match self.prepared.remove(&name) {
                    Some(prepared) if commits => self.commit_prepared(prepared),
                    // It was prepared before this feed began to listen.
                    None if commits => self.all_whole(),
                    Some(_) | None => {}
                }
                return self.end();
            }
            Statement::Tables { effect, tables, columns } => {
                // A statement may name a table more than once.
                let nodes: BTreeSet<NodeId> = tables
                    .iter()
                    .flat_map(|table| {
                        let schema = table.schema.as_deref().unwrap_or(schema);
                        self.catalogue.nodes_of(self.inner.graph(), schema, &table.name)
                    })
                    .collect();
                for node in nodes {
                    // It may have been without its key until now, and nothing was heard of it.
                    let key = &self.inner.graph().node(node).key;
                    let is_key = |name: &String| key.iter().any(|key| key.name.eq_ignore_ascii_case(name));
                    let effect = if columns.iter().any(is_key) { Effect::Altered } else { effect };
                    self.affect(node, effect);
                }
            }
            Statement::DropDatabase { schema } => {
                for node in self.catalogue.nodes_in(self.inner.graph(), &schema) {
                    self.affect(node, Effect::Altered);
                }
            }
            Statement::Other => {}
        }
        if !self.transaction.open {
            self.end();
        }
    }

    fn affect(&mut self, node: NodeId, effect: Effect) {
        if effect != Effect::Rows {
            tracing::info!(node = self.inner.graph().node(node).name, "a table was altered");
            self.altered = true;
            let captured = self.inner.graph().captured().any(|captured| captured == node);
            if captured {
                self.push(Change::SchemaChanged { node });
            }
        }
        if effect != Effect::AlteredOnly {
            self.announced.insert(node);
            self.whole(node);
        }
    }

    fn commit_prepared(&mut self, prepared: Prepared) {
        let position = self.here();
        for change in prepared.changes {
            self.push_at(change, position.clone());
        }
        prepared.whole.into_iter().for_each(|node| self.whole(node));
    }

    /// Finds out where the keys are in the rows of a table.
    fn map(&mut self, map: &TableMap<'_>) -> Result<(), SourceError> {
        if self.tables.contains_key(&map.table_id) {
            return Ok(());
        }
        let graph = self.inner.graph();
        let mut nodes = self.catalogue.nodes_of(graph, map.schema, map.table);
        // One that is not there with its key is read whole when it is.
        nodes.retain(|node| {
            graph.node(*node).tracking == Tracking::Captured && self.catalogue.table(*node).is_some()
        });
        let captured = if nodes.is_empty() {
            None
        } else {
            let layouts = map.layouts().map_err(malformed)?;
            let names = map.column_names();
            let mut captured = Captured { nodes: Vec::new(), keys: Vec::new(), layouts };
            for node in nodes {
                captured.nodes.push(node);
                captured.keys.push(self.key_columns(node, names.as_deref(), map.column_count()));
            }
            Some(captured)
        };
        self.tables.insert(map.table_id, captured);
        Ok(())
    }

    /// Where a node's key is in the rows; nowhere when the table is not as the catalogue has it. Rows may have been logged
    /// before the table was altered. Then there are columns that they do not have, or its rows are announced whole where it
    /// was altered, or columns have other names now, by which the rows are found.
    fn key_columns(&self, node: NodeId, names: Option<&[&str]>, column_count: usize) -> Vec<KeyColumn> {
        let Some(table) = self.catalogue.table(node) else { return Vec::new() };
        // Columns that the catalogue does not show are at the end.
        if names.is_none() && table.columns.len() > column_count {
            return Vec::new();
        }
        let key = self.inner.graph().node(node).key.iter();
        let columns = key.map(|key| {
            let column = table.column(&key.name)?;
            let is_it = |name: &str| name.eq_ignore_ascii_case(&key.name);
            let at = match names {
                Some(names) => names.iter().position(|name| is_it(name))?,
                None => table.columns.iter().position(|column| is_it(&column.name))?,
            };
            Some(KeyColumn {
                at,
                key_type: key.key_type,
                unsigned: column.is_unsigned(),
                charset: column.charset.clone().unwrap_or_default(),
            })
        });
        columns.collect::<Option<_>>().unwrap_or_default()
    }

    fn rows(&mut self, rows: &RowsEvent<'_>) -> Result<(), SourceError> {
        let table = self
            .tables
            .get(&rows.table_id)
            .ok_or_else(|| SourceError::Bug { what: "the source sent rows before their table".into() })?;
        let Some(table) = table else { return Ok(()) };
        let hint = match rows.change {
            RowChange::Insert => Hint::Insert,
            RowChange::Update => Hint::Update,
            RowChange::Delete => Hint::Delete,
        };
        let (mut changes, mut unread) = (Vec::new(), HashSet::new());
        let read = rows.keys(&table.layouts, &table.keys, |at, keys| {
            let node = table.nodes[at];
            let missing = |key: &Option<RowKey>| *key == Some(RowKey::Missing);
            if table.keys[at].is_empty() || missing(&keys.old) || missing(&keys.new) {
                unread.insert(node);
                return;
            }
            let old = keys.old.and_then(RowKey::into_key);
            let new = keys.new.and_then(RowKey::into_key);
            if let Some(key) = old
                && new.as_ref() != Some(&key)
            {
                changes.push(Change::Row { node, key, hint: Hint::Delete });
            }
            changes.extend(new.map(|key| Change::Row { node, key, hint }));
        });
        if let Err(Malformed(why)) = read {
            tracing::warn!(why, "rows of a captured table came with keys that cannot be read");
            unread.extend(table.nodes.iter().copied());
        }
        let position = self.here();
        for change in changes {
            self.push_at(change, position.clone());
        }
        unread.into_iter().for_each(|node| self.whole(node));
        Ok(())
    }

    /// Tables are described anew, as they are now.
    async fn describe(&mut self) -> Result<(), SourceError> {
        self.inner.forget_schema().await;
        let mut session = self.inner.connector.connect().await?;
        let catalogue = Catalogue::read(&mut session, self.inner.graph()).await?;
        self.catalogue = Arc::new(catalogue.heard(self.inner.graph()));
        self.tables.clear();
        (self.altered, self.described) = (false, Instant::now());
        self.make_up();
        Ok(())
    }
}

impl Prepared {
    fn keep(&mut self, change: &Change) {
        if self.changes.len() >= MAX_PREPARED {
            self.whole.extend(self.changes.drain(..).map(|change| change.node()));
        }
        if self.whole.contains(&change.node()) {
            return;
        }
        self.changes.push(change.clone());
    }
}

fn parse(raw: &RawEvent) -> Result<Event<'_>, SourceError> {
    let header = raw.header();
    let (server_id, time) = (header.server_id(), header.timestamp());
    binlog::read(header.event_type_raw(), server_id, time, header.flags_raw(), raw.data()).map_err(malformed)
}

fn malformed(Malformed(why): Malformed) -> SourceError {
    SourceError::Bug { what: format!("the source sent an event of its binlog that cannot be read: {why}") }
}

/// Whatever it says would be missed.
fn unknown(event_type: u8) -> SourceError {
    SourceError::Config {
        what: format!("the source's binlog has events of type {event_type}, which Wattle does not read"),
        fix: "turn off the server's feature that writes them, or use a version of Wattle that reads them"
            .into(),
    }
}

#[async_trait]
impl Feed for MySqlFeed {
    async fn next(&mut self) -> Result<FeedEvent, SourceError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            // After what the statement itself announced, and before the rows that follow it.
            let is_behind = !self.position.behind.is_empty() && !self.transaction.open;
            if self.altered || is_behind && self.described.elapsed() >= DESCRIBE_EVERY {
                self.describe().await?;
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(DESCRIBE_EVERY), if is_behind => {}
                failed = self.watch.failed() => return Err(failed),
                raw = self.stream.next() => self.take(&raw?)?,
            }
        }
    }

    /// The server keeps its log by its own settings, whoever reads it.
    fn acknowledge(&mut self, _: &Position) {}
}
