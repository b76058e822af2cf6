//! The feed: change tracking as keys.
//!
//! A task of its own looks again and again, each time in one snapshot transaction, so that the version, the terms of the
//! tables and the changes belong together. It looks often while there are changes and seldom when there are none. What it
//! finds waits in a channel of one place: a caller that gives up waiting loses nothing, and one that is slow holds the
//! next look back.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tiberius::Row;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wattle_core::{Change, Feed, FeedEvent, NodeId, Position, SourceError};

use crate::catalogue::Catalogue;
use crate::connect::{BEGIN, Session};
use crate::position::TrackedPosition;
use crate::tracking::{
    Changed, Terms, VERSION, changed, changes_query, terms_of, terms_query, untracked, version_of,
};
use crate::{Inner, check, identity_mismatch};

const DOING: &str = "look at the changes";
/// How often a table without its key is looked at anew, should the server not say that it was altered.
const DESCRIBE_EVERY: Duration = Duration::from_secs(15);

pub(crate) struct SqlServerFeed {
    found: mpsc::Receiver<Result<Vec<FeedEvent>, SourceError>>,
    task: JoinHandle<()>,
    ready: VecDeque<FeedEvent>,
}

impl Drop for SqlServerFeed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SqlServerFeed {
    pub(crate) async fn start(inner: Arc<Inner>, from: &Position) -> Result<Self, SourceError> {
        let from = TrackedPosition::decode(from)?;
        let session = inner.connector.connect().await?;
        require(&inner, &session, &from)?;
        inner.forget_schema().await;
        let (session, catalogue) = check::require_heard(&inner, session).await?;
        let from = TrackedPosition { identity: session.identity().clone(), ..from };
        let catalogue = catalogue.heard(inner.graph());
        let mut poller = Poller {
            inner,
            session,
            position: from,
            terms: HashMap::new(),
            told: HashMap::new(),
            catalogue,
            described: Instant::now(),
            absent: HashSet::new(),
            keyless: HashSet::new(),
        };
        // What is wrong with the position is said at once.
        let first = poller.poll().await?;
        let (tell, found) = mpsc::channel(1);
        let task = tokio::spawn(poller.run(tell));
        Ok(Self { found, task, ready: first.into() })
    }
}

/// Is this the database, and the life of it, that a position belongs to?
fn require(inner: &Inner, session: &Session, from: &TrackedPosition) -> Result<(), SourceError> {
    let here = session.identity();
    if here.broker != from.identity.broker {
        if inner.options.was(&from.identity.broker) {
            let what =
                format!("the source was {} before, as the option `formerly` says", from.identity.broker);
            return Err(SourceError::LostPosition { what });
        }
        return Err(identity_mismatch(&from.identity, here));
    }
    if !here.is_same(&from.identity) {
        let what = format!(
            "the database was restored, renamed or failed over: it is {} now, and was {} when it was heard",
            here.life, from.identity.life
        );
        return Err(SourceError::LostPosition { what });
    }
    Ok(())
}

struct Poller {
    inner: Arc<Inner>,
    session: Session,
    position: TrackedPosition,
    /// The terms at the last look.
    terms: HashMap<NodeId, Terms>,
    /// The version from which a table was tracked anew when it was told whole.
    told: HashMap<NodeId, i64>,
    /// The tables that are there with their key.
    catalogue: Catalogue,
    /// When that was read.
    described: Instant,
    /// The tables that were not there with their key at the last look.
    absent: HashSet<NodeId>,
    /// Those of them that are there, but without their key.
    keyless: HashSet<NodeId>,
}

/// What one look found.
#[derive(Default)]
struct Look {
    altered: Vec<NodeId>,
    whole: Vec<NodeId>,
    changes: Vec<Changed>,
    /// Everything up to this version was seen, but of the tables that are not there.
    until: i64,
    /// Those, and up to which version each was heard.
    behind: BTreeMap<String, i64>,
}

/// A table whose changes after a version are to be read.
struct Heard {
    node: NodeId,
    after: i64,
}

impl Poller {
    async fn run(mut self, tell: mpsc::Sender<Result<Vec<FeedEvent>, SourceError>>) {
        let shortest = Duration::from_millis(self.inner.options.poll_min_ms);
        let longest = Duration::from_millis(self.inner.options.poll_max_ms);
        let mut wait = shortest;
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = tell.closed() => return,
            }
            let found = self.poll().await;
            let failed = found.is_err();
            let busy = found.as_ref().is_ok_and(|events| events.len() > 1);
            wait = if busy { shortest } else { (wait * 2).min(longest) };
            if tell.send(found).await.is_err() || failed {
                return;
            }
        }
    }

    /// Looks once.
    async fn poll(&mut self) -> Result<Vec<FeedEvent>, SourceError> {
        let looked = self.look().await?;
        self.session.batch(DOING, "commit").await?;
        Ok(self.events(looked))
    }

    async fn look(&mut self) -> Result<Look, SourceError> {
        let inner = self.inner.clone();
        let graph = inner.graph();
        let asked = format!("{BEGIN}; {VERSION}; {}", terms_query(graph));
        let answers = self.session.batch(DOING, &asked).await?;
        let [version, terms] = answers.as_slice() else {
            return Err(SourceError::Bug { what: "a look at the changes lacks answers".into() });
        };
        let current = version_of(version)?;
        if current < self.position.version {
            let what = format!(
                "change tracking stands at version {current}, before {} that was heard: the database was set back",
                self.position.version
            );
            return Err(SourceError::LostPosition { what });
        }
        let mut looked = Look { until: current, ..Look::default() };
        let terms = terms_of(graph, terms)?;
        let is_due = self.described.elapsed() >= DESCRIBE_EVERY;
        let is_altered = |terms: &Terms| {
            let is_back = terms.is_there() && self.absent.contains(&terms.node);
            self.terms.get(&terms.node).is_some_and(|before| terms.is_altered(before))
                || is_back && (is_due || !self.keyless.contains(&terms.node))
        };
        if terms.iter().any(is_altered) {
            self.described = Instant::now();
            inner.forget_schema().await;
            // Whoever reads rows next finds it read.
            let catalogue = inner.catalogue(&mut self.session).await?;
            self.catalogue = Catalogue::clone(&catalogue).heard(graph);
        }
        let mut heard = self.judge(terms, &mut looked)?;
        heard.retain(|heard| heard.after < current);
        if !heard.is_empty() {
            let limit = inner.options.poll_keys;
            let queries: Vec<String> =
                heard.iter().map(|heard| changes_query(graph, heard.node, heard.after, limit)).collect();
            let answers = self.session.batch(DOING, &queries.join("; ")).await?;
            if answers.len() != heard.len() {
                return Err(SourceError::Bug { what: "a look at the changes lacks tables".into() });
            }
            for (heard, rows) in heard.into_iter().zip(answers) {
                self.take(&heard, &rows, &mut looked)?;
            }
            let until = looked.until;
            looked.changes.retain(|change| change.version <= until);
            // By table as they come, and by version across the tables.
            looked.changes.sort_by_key(|change| change.version);
        }
        Ok(looked)
    }

    /// Compares the terms with those of before; returns the tables whose changes are known from where they were heard.
    fn judge(&mut self, terms: Vec<Terms>, looked: &mut Look) -> Result<Vec<Heard>, SourceError> {
        let inner = self.inner.clone();
        let graph = inner.graph();
        let mut heard = Vec::new();
        let (mut count, mut forgotten) = (0, 0);
        for terms in terms {
            let node = terms.node;
            let name = &graph.node(node).name;
            let after = self.position.behind.get(name).copied();
            if !terms.is_there() || self.catalogue.table(node).is_none() {
                if after.is_none() {
                    tracing::warn!(
                        node = name,
                        "a table is not there with its key: its changes are read when it is there again"
                    );
                }
                if terms.is_there() {
                    self.terms.insert(node, terms);
                    self.keyless.insert(node);
                } else {
                    self.keyless.remove(&node);
                }
                if self.absent.insert(node) {
                    looked.altered.push(node);
                }
                looked.behind.insert(name.clone(), after.unwrap_or(self.position.version));
                continue;
            }
            if self.absent.remove(&node) {
                tracing::info!(node = name, "a table is there again");
            }
            count += 1;
            let after = after.unwrap_or(self.position.version);
            let since = terms.since.ok_or_else(|| untracked(graph, node))?;
            let before = self.terms.insert(node, terms.clone());
            if before.as_ref().is_some_and(|before| terms.is_altered(before)) {
                tracing::info!(node = graph.node(node).name, "a table was altered");
                looked.altered.push(node);
            }
            let replaced = before.is_some_and(|before| terms.is_replaced(&before));
            let late = since > after && self.told.get(&node) != Some(&since);
            forgotten += usize::from(late);
            if replaced || late {
                self.told.insert(node, since);
                looked.whole.push(node);
            } else {
                heard.push(Heard { node, after });
            }
        }
        if count > 0 && forgotten == count {
            let what = format!(
                "the changes after version {} are no longer kept for any table: the retention has passed, or tracking was begun anew",
                self.position.version
            );
            return Err(SourceError::LostPosition { what });
        }
        Ok(heard)
    }

    /// Takes the changes of a table. Where there are more than are taken at once, the look ends with the last version that
    /// is there in full, for all tables.
    fn take(&self, heard: &Heard, rows: &[Row], looked: &mut Look) -> Result<(), SourceError> {
        let (graph, node) = (self.inner.graph(), heard.node);
        let mut changes: Vec<Changed> =
            rows.iter().map(|row| changed(graph, node, row)).collect::<Result<_, _>>()?;
        let is_cut = rows.len() as u64 > u64::from(self.inner.options.poll_keys);
        if heard.after < self.position.version {
            // It was not there for a while. The others are ahead of it, and the position does not go back.
            if is_cut {
                looked.whole.push(node);
                return Ok(());
            }
            for change in &mut changes {
                change.version = change.version.max(self.position.version);
            }
        } else if let (true, Some(last)) = (is_cut, changes.last().map(|change| change.version)) {
            if changes.first().is_some_and(|first| first.version == last) {
                tracing::warn!(
                    node = graph.node(node).name,
                    "one transaction changed more rows than are taken at once: the table is read whole"
                );
                looked.whole.push(node);
                looked.until = looked.until.min(last);
                changes.clear();
            } else {
                changes.retain(|change| change.version < last);
                looked.until = looked.until.min(last - 1);
            }
        }
        looked.changes.append(&mut changes);
        Ok(())
    }

    /// What was found as events, and the position moves past them.
    fn events(&mut self, looked: Look) -> Vec<FeedEvent> {
        let before = self.position.encode();
        let at = |version| TrackedPosition { version, ..self.position.clone() }.encode();
        let mut events = Vec::new();
        for node in looked.altered {
            events.push(FeedEvent::Change(Change::SchemaChanged { node }, before.clone()));
        }
        let mut changes = looked.changes.into_iter().peekable();
        while let Some(Changed { version, node, key, hint }) = changes.next() {
            events.push(FeedEvent::Change(Change::Row { node, key, hint }, at(version)));
            let goes_on = changes.peek().is_some_and(|next| next.version == version);
            if !goes_on && version < looked.until {
                events.push(FeedEvent::Commit(at(version)));
            }
        }
        let here = TrackedPosition {
            version: looked.until,
            behind: looked.behind,
            identity: self.position.identity.clone(),
        };
        let reached = here.encode();
        for node in looked.whole {
            events.push(FeedEvent::Change(Change::Whole { node }, reached.clone()));
        }
        events.push(if events.is_empty() { FeedEvent::Idle(reached) } else { FeedEvent::Commit(reached) });
        self.position = here;
        events
    }
}

#[async_trait]
impl Feed for SqlServerFeed {
    async fn next(&mut self) -> Result<FeedEvent, SourceError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            match self.found.recv().await {
                Some(found) => self.ready.extend(found?),
                None => {
                    let what = "the feed ended with an earlier error".to_owned();
                    return Err(SourceError::Unavailable { what, cause: None });
                }
            }
        }
    }

    /// The server keeps its changes by its own settings, whoever has read them.
    fn acknowledge(&mut self, _: &Position) {}
}
