//! The feed: what the source tells of its changes, as keys.
//!
//! A task of its own looks again and again, each time in one snapshot transaction, so that how far it has come, the terms
//! of the tables and the changes belong together. It looks often while there are changes and seldom when there are none.
//! What it finds waits in a channel of one place: a caller that gives up waiting loses nothing, and one that is slow holds
//! the next look back.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tiberius::Row;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wattle_core::{Change, Feed, FeedEvent, NodeId, Position, SourceError};

use crate::capture::{Changed, Heard, Terms};
use crate::catalogue::Catalogue;
use crate::connect::{BEGIN, Session};
use crate::position::{Mark, TrackedPosition};
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
    if from.mark.capture() != inner.options.capture {
        let what = "it was heard in another way before: the option `capture` was changed".to_owned();
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
    /// From where on a table was heard anew when it was told whole.
    told: HashMap<NodeId, Mark>,
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
struct Look {
    altered: Vec<NodeId>,
    whole: Vec<NodeId>,
    changes: Vec<Changed>,
    /// Everything up to here was seen, but of the tables that are not there.
    until: Mark,
    /// Those, and up to where each was heard.
    behind: BTreeMap<String, Mark>,
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
        let (capture, graph) = (inner.options.capture, inner.graph());
        let asked = format!("{BEGIN}; {}; {}", capture.standing_query(), capture.terms_query(graph));
        let answers = self.session.batch(DOING, &asked).await?;
        let [standing, terms] = answers.as_slice() else {
            return Err(SourceError::Bug { what: "a look at the changes lacks answers".into() });
        };
        let standing = capture.standing_of(standing)?;
        if standing.end < self.position.mark {
            let what = format!(
                "the source stands at {}, before {} that was heard: the database was set back",
                standing.end, self.position.mark
            );
            return Err(SourceError::LostPosition { what });
        }
        // Where nothing was told since the tables were taken up, the position is ahead of what is told.
        let current = standing.told.map_or(self.position.mark, |told| told.max(self.position.mark));
        let mut looked = Look {
            altered: Vec::new(),
            whole: Vec::new(),
            changes: Vec::new(),
            until: current,
            behind: BTreeMap::new(),
        };
        let terms = capture.terms_of(graph, terms)?;
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
                heard.iter().map(|heard| capture.changes_query(graph, heard, &current, limit)).collect();
            let answers = self.session.batch(DOING, &queries.join("; ")).await?;
            if answers.len() != heard.len() {
                return Err(SourceError::Bug { what: "a look at the changes lacks tables".into() });
            }
            for (heard, rows) in heard.into_iter().zip(answers) {
                self.take(&heard, &rows, &mut looked)?;
            }
            let until = looked.until;
            looked.changes.retain(|change| change.mark <= until);
            // By table as they come, and in the order of the commits across the tables.
            looked.changes.sort_by_key(|change| change.mark);
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
                looked.behind.insert(name.clone(), after.unwrap_or(self.position.mark));
                continue;
            }
            if self.absent.remove(&node) {
                tracing::info!(node = name, "a table is there again");
            }
            count += 1;
            let after = after.unwrap_or(self.position.mark);
            let told = terms.told(Some(after)).ok_or_else(|| inner.options.capture.untold(graph, node))?;
            let since = told.since;
            let heard_of = Heard { node, after, instance: told.name.clone() };
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
                heard.push(heard_of);
            }
        }
        if count > 0 && forgotten == count {
            let what = format!(
                "the changes after {} are no longer kept for any table: the retention has passed, or the tables were taken up anew",
                self.position.mark
            );
            return Err(SourceError::LostPosition { what });
        }
        Ok(heard)
    }

    /// Takes the changes of a table. Where there are more than are taken at once, the look ends with the last transaction
    /// that is there in full, for all tables.
    fn take(&self, heard: &Heard, rows: &[Row], looked: &mut Look) -> Result<(), SourceError> {
        let (capture, graph, node) = (self.inner.options.capture, self.inner.graph(), heard.node);
        let mut changes: Vec<Changed> = rows
            .iter()
            .filter_map(|row| capture.changed(graph, node, row).transpose())
            .collect::<Result<_, _>>()?;
        // A change table has an update twice, as it was and as it is, mostly of the same key.
        changes
            .dedup_by(|next, last| next.mark == last.mark && next.hint == last.hint && next.key == last.key);
        let is_cut = rows.len() as u64 > u64::from(self.inner.options.poll_keys);
        if heard.after < self.position.mark {
            // It was not there for a while. The others are ahead of it, and the position does not go back.
            if is_cut {
                looked.whole.push(node);
                return Ok(());
            }
            for change in &mut changes {
                change.mark = change.mark.max(self.position.mark);
            }
        } else if let (true, Some(last)) = (is_cut, changes.last().map(|change| change.mark)) {
            if changes.first().is_some_and(|first| first.mark == last) {
                tracing::warn!(
                    node = graph.node(node).name,
                    "one transaction changed more rows than are taken at once: the table is read whole"
                );
                looked.whole.push(node);
                looked.until = looked.until.min(last);
                changes.clear();
            } else {
                changes.retain(|change| change.mark < last);
                looked.until = looked.until.min(last.before());
            }
        }
        looked.changes.append(&mut changes);
        Ok(())
    }

    /// What was found as events, and the position moves past them.
    fn events(&mut self, looked: Look) -> Vec<FeedEvent> {
        let before = self.position.encode();
        let at = |mark| TrackedPosition { mark, ..self.position.clone() }.encode();
        let mut events = Vec::new();
        for node in looked.altered {
            events.push(FeedEvent::Change(Change::SchemaChanged { node }, before.clone()));
        }
        // Whoever goes on from a place between would not know of the tables that are read whole, or are not there.
        let is_plain = looked.whole.is_empty() && looked.behind == self.position.behind;
        let mut changes = looked.changes.into_iter().peekable();
        while let Some(Changed { mark, node, key, hint }) = changes.next() {
            events.push(FeedEvent::Change(Change::Row { node, key, hint }, at(mark)));
            let goes_on = changes.peek().is_some_and(|next| next.mark == mark);
            if is_plain && !goes_on && mark < looked.until {
                events.push(FeedEvent::Commit(at(mark)));
            }
        }
        let here = TrackedPosition {
            mark: looked.until,
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
