//! An adapter that passes every call on, remembers it, holds one while a test does something, and breaks down when told.

use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::{Context, Result};
use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio::time::timeout;
use wattle_core::{
    Entity, EntityGraph, Feed, Fence, Fetched, Finding, Key, KeyPage, NodeId, PathId, Position, QueryPlan,
    SourceAdapter, SourceError, SourceSnapshot, Statistics,
};

use super::PATIENCE;

/// A call of the adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// Capture was prepared, and this position was answered.
    Begin(Position),
    /// This position was answered.
    Now(Position),
    /// The feed is about to begin at this position.
    Changes(Position),
    /// The keys of this node are about to be scanned.
    Keys(String),
    /// A snapshot was handed out.
    Snapshot,
    /// As many keys of this entity were fetched; what was found is on its way to the caller.
    Fetch(Entity, usize),
    /// A path was followed from as many keys.
    Resolve(usize),
}

/// A call that is to be held: its caller waits until the test lets it go on, or drops this.
pub(crate) struct Held {
    reached: oneshot::Receiver<()>,
    go_on: oneshot::Sender<()>,
}

impl Held {
    /// Waits until the call is made.
    pub(crate) async fn reached(&mut self) -> Result<()> {
        timeout(PATIENCE, &mut self.reached).await.context("the call to be held is not made")??;
        Ok(())
    }

    /// Lets the caller go on.
    pub(crate) fn go_on(self) {
        let _ = self.go_on.send(());
    }
}

struct Hook {
    condition: fn(&Call) -> bool,
    reached: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

pub(crate) struct Recorder {
    inner: Arc<dyn SourceAdapter>,
    log: Arc<Log>,
}

/// Calls made, and those to be held.
#[derive(Default)]
struct Log {
    calls: Mutex<Vec<Call>>,
    hooks: Mutex<Vec<Hook>>,
    breaks: Mutex<Option<Break>>,
}

/// Calls that panic, and how often they still will.
struct Break {
    condition: fn(&Call) -> bool,
    times: usize,
}

impl Recorder {
    pub(crate) fn new(inner: Arc<dyn SourceAdapter>) -> Self {
        Self { inner, log: Arc::default() }
    }

    /// Holds the first call from now on that meets a condition.
    pub(crate) fn hold(&self, condition: fn(&Call) -> bool) -> Held {
        let (reached, is_reached) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel();
        lock(&self.log.hooks).push(Hook { condition, reached, go_on: may_go_on });
        Held { reached: is_reached, go_on }
    }

    /// Panics in the next calls that meet a condition.
    pub(crate) fn break_down(&self, times: usize, condition: fn(&Call) -> bool) {
        *lock(&self.log.breaks) = Some(Break { condition, times });
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        lock(&self.log.calls).clone()
    }

    /// Forgets the calls so far.
    pub(crate) fn forget(&self) {
        lock(&self.log.calls).clear();
    }

    /// The number of keys in each fetch of an entity.
    pub(crate) fn fetches(&self, entity: Entity) -> Vec<usize> {
        let sizes = self.calls().into_iter().filter_map(|call| match call {
            Call::Fetch(fetched, keys) if fetched == entity => Some(keys),
            _ => None,
        });
        sizes.collect()
    }
}

impl Log {
    async fn add(&self, call: Call) {
        let due = {
            let mut hooks = lock(&self.hooks);
            let due = hooks.iter().position(|hook| (hook.condition)(&call));
            due.map(|at| hooks.remove(at))
        };
        let breaks = lock(&self.breaks).as_mut().is_some_and(|next| {
            let breaks = next.times > 0 && (next.condition)(&call);
            next.times -= usize::from(breaks);
            breaks
        });
        lock(&self.calls).push(call);
        assert!(!breaks, "the adapter breaks down, as the test wants it");
        if let Some(hook) = due {
            let _ = hook.reached.send(());
            let _ = hook.go_on.await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock panics")
}

#[async_trait]
impl SourceAdapter for Recorder {
    fn graph(&self) -> &EntityGraph {
        self.inner.graph()
    }

    async fn check(&self) -> Result<Vec<Finding>, SourceError> {
        self.inner.check().await
    }

    async fn begin(&self) -> Result<Position, SourceError> {
        let position = self.inner.begin().await?;
        self.log.add(Call::Begin(position.clone())).await;
        Ok(position)
    }

    async fn now(&self) -> Result<Position, SourceError> {
        let position = self.inner.now().await?;
        self.log.add(Call::Now(position.clone())).await;
        Ok(position)
    }

    fn reached(&self, here: &Position, there: &Position) -> bool {
        self.inner.reached(here, there)
    }

    async fn changes(&self, from: &Position) -> Result<Box<dyn Feed>, SourceError> {
        self.log.add(Call::Changes(from.clone())).await;
        self.inner.changes(from).await
    }

    async fn keys(&self, node: NodeId, after: Option<&Key>, limit: usize) -> Result<KeyPage, SourceError> {
        self.log.add(Call::Keys(self.graph().node(node).name.clone())).await;
        self.inner.keys(node, after, limit).await
    }

    async fn snapshot(&self, fence: &Fence) -> Result<Box<dyn SourceSnapshot>, SourceError> {
        let inner = self.inner.snapshot(fence).await?;
        self.log.add(Call::Snapshot).await;
        Ok(Box::new(RecordedSnapshot { inner, log: self.log.clone() }))
    }

    async fn statistics(&self) -> Result<Statistics, SourceError> {
        self.inner.statistics().await
    }

    async fn plans(&self) -> Result<Option<Vec<QueryPlan>>, SourceError> {
        self.inner.plans().await
    }

    async fn retained_bytes(&self) -> Result<Option<u64>, SourceError> {
        self.inner.retained_bytes().await
    }
}

struct RecordedSnapshot {
    inner: Box<dyn SourceSnapshot>,
    log: Arc<Log>,
}

#[async_trait]
impl SourceSnapshot for RecordedSnapshot {
    async fn fetch(&mut self, entity: Entity, keys: &[Key]) -> Result<Vec<Fetched>, SourceError> {
        let fetched = self.inner.fetch(entity, keys).await?;
        self.log.add(Call::Fetch(entity, keys.len())).await;
        Ok(fetched)
    }

    async fn resolve(
        &mut self,
        path: PathId,
        keys: &[Key],
        after: Option<&Key>,
        limit: usize,
    ) -> Result<KeyPage, SourceError> {
        let page = self.inner.resolve(path, keys, after, limit).await?;
        self.log.add(Call::Resolve(keys.len())).await;
        Ok(page)
    }
}
