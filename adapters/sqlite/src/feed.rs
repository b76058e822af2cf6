//! The feed: the outbox, read in the order of its numbers. SQLite has one writer, so that is the order of commits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use wattle_core::{Change, Feed, FeedEvent, Hint, Key, NodeId, Position, SourceError};
use wattle_sql::{SourceValue, key_of};

use crate::catalogue::Catalogue;
use crate::position::OutboxPosition;
use crate::session::Session;
use crate::{Inner, outbox, value};

/// How long a look at the file's version waits for the next: far below what anyone notices, and thousands of times
/// what a look costs.
const POLL: Duration = Duration::from_millis(50);
/// Rows of the outbox read at once.
const PAGE: usize = 1_000;
/// Rows removed at once: a few milliseconds in which the retailer's own writes wait.
const PRUNE: usize = 5_000;
/// The least time between two removals.
const PRUNE_EVERY: Duration = Duration::from_millis(250);

pub(crate) struct SqliteFeed {
    inner: Arc<Inner>,
    session: Session,
    /// The row of the outbox that was read last. It is still there.
    last: OutboxPosition,
    ready: VecDeque<FeedEvent>,
    /// The file's version when everything in it had been read.
    data_version: Option<i64>,
    /// The schema for which the triggers were found to stand.
    schema: Option<(i64, Catalogue)>,
    /// What may be removed, and what has been.
    acknowledged: i64,
    pruned: i64,
    prune_after: Instant,
    writer: Option<Session>,
}

impl SqliteFeed {
    pub(crate) async fn start(inner: Arc<Inner>, from: &Position) -> Result<Self, SourceError> {
        let from = OutboxPosition::decode(from)?;
        let mut session = inner.connector.reader().await?;
        let holds = match outbox::require(&mut session, &from).await {
            Ok(_) => outbox::holds(&mut session, &from).await?,
            Err(SourceError::LostPosition { .. }) => false,
            Err(error) => return Err(error),
        };
        if !holds {
            outbox::start_anew(&inner, &from).await?;
            return Err(set_back(&session));
        }
        let mut feed = Self {
            inner,
            session,
            acknowledged: from.seq,
            pruned: from.seq,
            last: from,
            ready: VecDeque::new(),
            data_version: None,
            schema: None,
            prune_after: Instant::now(),
            writer: None,
        };
        feed.verify().await?;
        Ok(feed)
    }

    /// Makes sure that the triggers stand whenever the schema may have changed. Those of a table that was built anew
    /// are made again, and the outbox then says that all of it is to be read.
    async fn verify(&mut self) -> Result<(), SourceError> {
        let version = self.session.integer("look at the schema", "pragma schema_version").await?;
        if self.schema.as_ref().is_some_and(|(known, _)| *known == version) {
            return Ok(());
        }
        let graph = self.inner.graph();
        if !outbox::missing(&mut self.session, graph).await?.is_empty() {
            outbox::prepare(&self.inner).await?;
        }
        let catalogue = Catalogue::read(&mut self.session, graph).await?.heard(graph);
        // Making triggers changed the schema as well: looked at once more, and found in order.
        let altered: Vec<NodeId> = match &self.schema {
            None => graph.captured().filter(|node| catalogue.table(*node).is_none()).collect(),
            Some((_, known)) => {
                let sql = |catalogue: &Catalogue, node| catalogue.table(node).map(|table| table.sql.clone());
                graph.captured().filter(|node| sql(known, *node) != sql(&catalogue, *node)).collect()
            }
        };
        self.schema = Some((version, catalogue));
        for node in altered {
            tracing::info!(node = graph.node(node).name, "a captured table was altered");
            let position = self.last.encode();
            self.ready.push_back(FeedEvent::Change(Change::SchemaChanged { node }, position));
        }
        Ok(())
    }

    /// Reads a page of the outbox from the last row on; true when there may be more. One statement, so that the row
    /// that was read last and those after it are of one and the same file.
    async fn read(&mut self) -> Result<bool, SourceError> {
        let keys = outbox::key_columns(outbox::width(self.inner.graph()));
        let columns: Vec<&str> =
            ["seq", "token", "node", "kind"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        let sql = format!(
            "select {} from wattle_outbox where seq >= cast(?1 as integer) order by seq limit {}",
            columns.join(", "),
            PAGE + 1
        );
        let rows = self.session.rows("read the outbox", &sql, &[&self.last.seq.to_string()]).await?;
        // Without an await from here on: a caller that gave up waiting has lost nothing.
        let mut places = rows.iter().map(|row| match (&row[0], &row[1]) {
            (SourceValue::Integer(seq), SourceValue::Integer(token)) => Some((*seq, *token)),
            _ => None,
        });
        if places.next().flatten() != Some((self.last.seq, self.last.token)) {
            return Err(set_back(&self.session));
        }
        let mut ready = VecDeque::new();
        let mut last = self.last.clone();
        for (row, place) in rows.iter().skip(1).zip(places) {
            let (seq, token) = place.ok_or_else(|| outbox::lost("a row of its outbox was overwritten"))?;
            last = OutboxPosition { seq, token, ..last };
            ready.extend(self.change(row).map(|change| FeedEvent::Change(change, last.encode())));
        }
        let position = last.encode();
        let moved = last != self.last;
        ready.push_back(if moved { FeedEvent::Commit(position) } else { FeedEvent::Idle(position) });
        self.ready.append(&mut ready);
        self.last = last;
        Ok(rows.len() > PAGE)
    }

    /// What a row of the outbox says; nothing where it begins the outbox or is of a node that is not captured.
    fn change(&self, row: &[SourceValue]) -> Option<Change> {
        let graph = self.inner.graph();
        let texts = (row[2].plain_text(), row[3].plain_text());
        let (Some(name), Some(kind)) = texts else { return None };
        let node = outbox::node_of(graph, &name)?;
        let hint = match kind.as_str() {
            "w" => return Some(Change::Whole { node }),
            "i" => Hint::Insert,
            "u" => Hint::Update,
            _ => Hint::Delete,
        };
        Some(match key(&self.inner, node, &row[4..4 + graph.node(node).key.len()]) {
            Ok(key) => Change::Row { node, key, hint },
            // The row may be gone by now. If it is not, the scan of the table's keys says what is wrong with it.
            Err(error) => {
                tracing::warn!(%error, "a change came with a key that cannot be read");
                Change::Whole { node }
            }
        })
    }

    /// Removes what was acknowledged. The retailer's writes come first: when the file is busy it waits.
    async fn prune(&mut self) -> Result<(), SourceError> {
        if self.pruned >= self.acknowledged || Instant::now() < self.prune_after {
            return Ok(());
        }
        self.prune_after = Instant::now() + PRUNE_EVERY;
        match self.remove().await {
            // The outbox keeps its rows a little longer.
            Err(error @ SourceError::Unavailable { .. }) => {
                tracing::debug!(%error, "the outbox was not pruned");
                Ok(())
            }
            done => done,
        }
    }

    async fn remove(&mut self) -> Result<(), SourceError> {
        if self.writer.is_none() {
            self.writer = Some(self.inner.connector.writer().await?);
        }
        let writer = self.writer.as_mut().expect("it was just opened");
        let sql = format!(
            "delete from wattle_outbox where seq in (
                 select seq from wattle_outbox where seq < cast(?1 as integer) and exists (
                     select 1 from wattle_outbox where seq = cast(?2 as integer) and token = cast(?3 as integer))
                 order by seq limit {PRUNE})
             returning seq"
        );
        let texts = [self.acknowledged, self.last.seq, self.last.token].map(|number| number.to_string());
        let removed = writer.rows("prune the outbox", &sql, &[&texts[0], &texts[1], &texts[2]]).await?;
        if removed.len() < PRUNE {
            self.pruned = self.acknowledged;
        }
        Ok(())
    }
}

/// The key of values as the file holds them.
pub(crate) fn key(inner: &Inner, node: NodeId, values: &[SourceValue]) -> Result<Key, SourceError> {
    let graph = inner.graph();
    let texts: Option<Vec<String>> = values
        .iter()
        .zip(graph.key_types(node))
        .map(|(value, key_type)| value::key_text(value, key_type))
        .collect();
    let texts = texts.ok_or_else(|| SourceError::Config {
        what: format!(
            "a key of {} does not have the types that graph.toml gives, or not in the one form that is looked up",
            graph.node(node).name
        ),
        fix: "give the key columns' types as the table has them; a UUID that is not in lower case is a text".into(),
    })?;
    key_of(graph, node, &texts)
}

fn set_back(session: &Session) -> SourceError {
    outbox::lost(&format!(
        "{} was set back to an older copy, or its outbox was emptied",
        session.file().display()
    ))
}

#[async_trait]
impl Feed for SqliteFeed {
    async fn next(&mut self) -> Result<FeedEvent, SourceError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            if !self.session.is_current().await? {
                let what =
                    format!("{} was replaced, and must be opened again", self.session.file().display());
                return Err(SourceError::Unavailable { what, cause: None });
            }
            self.prune().await?;
            // Looked at before reading: what is committed meanwhile shows the next time.
            let version = self.session.integer("look at the file", "pragma data_version").await?;
            if self.data_version == Some(version) {
                tokio::time::sleep(POLL).await;
                continue;
            }
            self.verify().await?;
            if !self.read().await? {
                self.data_version = Some(version);
            }
        }
    }

    fn acknowledge(&mut self, position: &Position) {
        if let Ok(position) = OutboxPosition::decode(position) {
            self.acknowledged = self.acknowledged.max(position.seq.min(self.last.seq));
        }
    }
}
