//! The terms on which the captured tables are heard: which relations they are, how the publication carries them, and
//! which files hold their rows.
//!
//! The log says nothing of a table that left the publication, of a partition that was attached, detached, dropped or
//! truncated, or of a rewrite. The terms tell: each position that a feed may go on from holds a digest of them, so that
//! they can be compared after any time, and a running feed has them looked at again and again. On other terms than
//! before, a table is read whole.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wattle_core::{ErrorClass, NodeId, Position, SourceError};

use crate::catalogue::Catalogue;
use crate::error::source_error;
use crate::position::{Identity, PgPosition, parse_lsn};
use crate::{Inner, check, identity_mismatch};

/// How often a running feed's terms are looked at: a handful of small queries on a connection of their own. Between a
/// mistake at the source and the pause, what is served may be this old.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// The same while a table is not there: whoever puts that right wants to see it soon.
const LOOK_FOR_ABSENT_EVERY: Duration = Duration::from_secs(3);
/// Half the first wait for transactions that began on the old terms and are still under way; doubled each time.
const SETTLE_FIRST: Duration = Duration::from_millis(200);

/// The terms at one moment.
pub(crate) struct Terms {
    pub(crate) catalogue: Arc<Catalogue>,
    timeline: String,
    /// A snapshot that includes it shows all that was not heard before.
    pub(crate) position: Position,
    /// Transactions below this are over.
    oldest: u64,
    /// Transactions from this on had not begun.
    next: u64,
    tables: Vec<Table>,
    /// Nodes whose relation is not there with its key, or has another name.
    pub(crate) absent: Vec<NodeId>,
}

/// The terms of one node's table.
#[derive(Clone)]
struct Table {
    node: NodeId,
    digest: String,
    /// The relation and how it is published, then its files.
    parts: HashSet<String>,
    /// The same without the files that are empty.
    filled: HashSet<String>,
}

impl Table {
    /// May there be, or have been, rows that were not heard? A partition that is new and still empty hides none.
    fn differs(&self, before: &Self) -> bool {
        !before.parts.is_subset(&self.parts) || !self.filled.is_subset(&before.parts)
    }
}

/// The server's timeline, as the names of its log files begin: a standby that takes over begins a new one.
pub(crate) const TIMELINE: &str = "left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)";

impl Terms {
    /// Looks at the source, and refuses terms on which changes would be missed.
    pub(crate) async fn look(inner: &Inner, identity: Identity) -> Result<Self, SourceError> {
        let session = inner.primary.connect("terms").await?;
        if session.identity() != identity {
            return Err(identity_mismatch(identity, session.identity()));
        }
        let (session, catalogue) = check::require_heard(inner, session).await?;
        let graph = inner.graph();
        let (mut relations, mut absent) = (Vec::new(), Vec::new());
        for node in graph.captured() {
            match catalogue.relation(node) {
                Some(relation) => relations.push((node, relation.oid)),
                None => absent.push(node),
            }
        }
        let oids: Vec<u32> = relations.iter().map(|(_, oid)| *oid).collect();
        let failed = |error| source_error("look at what is heard", error);
        let rows = session
            .client()
            .query(include_str!("sql/terms.sql"), &[&oids, &inner.options.publication])
            .await
            .map_err(failed)?;
        if rows.len() != relations.len() {
            let what = "a captured table or the publication was dropped just now".to_owned();
            return Err(SourceError::Unavailable { what, cause: None });
        }
        let set = |row: &tokio_postgres::Row, at| row.get::<_, Vec<String>>(at).into_iter().collect();
        let table = |((node, _), row): (&(NodeId, u32), &tokio_postgres::Row)| Table {
            node: *node,
            digest: row.get(0),
            parts: set(row, 1),
            filled: set(row, 2),
        };
        let tables = relations.iter().zip(&rows).map(table).collect();
        // After the terms: whatever began on others is below `next`, and all that was not heard is before the position.
        let row = session
            .client()
            .query_one(
                &format!(
                    "select pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint,
                            pg_current_wal_insert_lsn()::text, {TIMELINE} from pg_current_snapshot() s"
                ),
                &[],
            )
            .await
            .map_err(failed)?;
        let [oldest, next] = [0, 1].map(|at| row.get::<_, i64>(at).unsigned_abs());
        let position = PgPosition { identity, lsn: parse_lsn(row.get(2))?, xid: None }.encode();
        let catalogue = Arc::new(catalogue);
        Ok(Self { catalogue, timeline: row.get(3), position, oldest, next, tables, absent })
    }

    /// As a position holds them: the timeline, and a digest for each table.
    pub(crate) fn text(&self) -> String {
        self.text_without(&HashSet::new())
    }

    /// The same without some tables, which are read whole by whoever goes on from there.
    pub(crate) fn text_without(&self, nodes: &HashSet<NodeId>) -> String {
        let tables = self.tables.iter().filter(|table| !nodes.contains(&table.node));
        let digests: Vec<&str> = tables.map(|table| table.digest.as_str()).collect();
        format!("{}:{}", self.timeline, digests.join(","))
    }

    /// Of the digests that a position holds, those of tables that are there as they were. A table that is not listened
    /// to must be read whole when it is there again.
    pub(crate) fn still_holding(&self, text: &str) -> String {
        let kept = text.split([':', ',']).skip(1);
        let kept = kept.filter(|digest| self.tables.iter().any(|table| table.digest == **digest));
        format!("{}:{}", timeline(text), kept.collect::<Vec<_>>().join(","))
    }

    /// Takes over the terms of tables that are not there now. A running feed goes on hearing them by whatever name.
    fn keep_absent(&mut self, before: &Self) {
        let absent = |table: &&Table| self.absent.contains(&table.node);
        let kept: Vec<Table> = before.tables.iter().filter(absent).cloned().collect();
        self.tables.extend(kept);
    }

    /// The nodes whose terms are not those of before.
    fn changed(&self, before: &Before) -> Vec<NodeId> {
        let differs = |table: &&Table| match before {
            Before::Text(text) => !text.split([':', ',']).skip(1).any(|digest| digest == table.digest),
            Before::Terms(before) => {
                before.tables.iter().find(|b| b.node == table.node).is_none_or(|b| table.differs(b))
            }
        };
        self.tables.iter().filter(differs).map(|table| table.node).collect()
    }

    /// Are these the relations that the others were of, as far as they are there?
    pub(crate) fn same_relations(&self, other: &Catalogue) -> bool {
        let oid = |catalogue: &Catalogue, node| catalogue.relation(node).map(|relation| relation.oid);
        let mut there = self.tables.iter().filter(|table| !self.absent.contains(&table.node));
        there.all(|table| oid(&self.catalogue, table.node) == oid(other, table.node))
    }
}

/// The timeline in a position's terms.
pub(crate) fn timeline(text: &str) -> &str {
    text.split(':').next().unwrap_or_default()
}

/// What terms are compared with.
enum Before {
    /// What a position says of them.
    Text(String),
    Terms(Arc<Terms>),
}

/// What a look has found.
pub(crate) struct News {
    /// Tables to be read whole.
    pub(crate) nodes: Vec<NodeId>,
    /// Tables that are not there since the last look.
    pub(crate) gone: Vec<NodeId>,
    pub(crate) terms: Arc<Terms>,
}

/// Looks at the terms for as long as it is held.
pub(crate) struct Watch {
    news: mpsc::Receiver<Result<News, SourceError>>,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    /// Compares with what the position says, if it says anything, and from then on with what was found last.
    pub(crate) fn start(inner: Arc<Inner>, identity: Identity, from: Option<&str>, first: Terms) -> Self {
        let (tell, news) = mpsc::channel(1);
        let from = from.map(str::to_owned);
        let task = tokio::spawn(async move { watch(&inner, identity, from, first, tell).await });
        Self { news, task }
    }

    /// What has changed. A caller that gives up waiting has lost nothing.
    pub(crate) async fn news(&mut self) -> Result<News, SourceError> {
        let ended = || SourceError::Unavailable { what: "nobody looks at what is heard".into(), cause: None };
        self.news.recv().await.ok_or_else(ended)?
    }
}

/// Ends when something is wrong, or nobody listens.
async fn watch(
    inner: &Inner,
    identity: Identity,
    from: Option<String>,
    first: Terms,
    tell: mpsc::Sender<Result<News, SourceError>>,
) {
    let mut before = Before::Text(from.unwrap_or_else(|| first.text()));
    let mut looked: Result<_, SourceError> = Ok(Arc::new(first));
    // Terms that are new, and the first transaction that can only have begun on them.
    let mut unsettled: Option<(String, u64)> = None;
    let mut settle = SETTLE_FIRST;
    loop {
        let wait = match looked {
            // The stream goes on; if the source is really gone, it says so.
            Err(error) if error.class() == ErrorClass::Transient => LOOK_EVERY,
            Err(error) => {
                let _ = tell.send(Err(error)).await;
                return;
            }
            Ok(now) => {
                let nodes = now.changed(&before);
                let text = now.text();
                let next = match &unsettled {
                    Some((seen, next)) if *seen == text => *next,
                    _ => now.next,
                };
                if !nodes.is_empty() && now.oldest < next {
                    // What a transaction writes on old terms is not heard, and not visible before it ends.
                    unsettled = Some((text, next));
                    settle = (settle * 2).min(LOOK_EVERY);
                    settle
                } else {
                    let known = match &before {
                        Before::Terms(before) => before.absent.as_slice(),
                        Before::Text(_) => &[],
                    };
                    let gone = now.absent.iter().filter(|node| !known.contains(node)).copied().collect();
                    if tell.send(Ok(News { nodes, gone, terms: now.clone() })).await.is_err() {
                        return;
                    }
                    let wait = if now.absent.is_empty() { LOOK_EVERY } else { LOOK_FOR_ABSENT_EVERY };
                    before = Before::Terms(now);
                    settle = SETTLE_FIRST;
                    wait
                }
            }
        };
        tokio::time::sleep(wait).await;
        looked = Terms::look(inner, identity).await.map(|mut now| {
            if let Before::Terms(before) = &before {
                now.keep_absent(before);
            }
            Arc::new(now)
        });
    }
}
