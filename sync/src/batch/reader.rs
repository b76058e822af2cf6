//! Reading records from snapshots of one fence, whatever the source objects to.
//!
//! What the source says decides what becomes of it. A record that it cannot read, without saying which, halves what was
//! asked until the key is found; that key is quarantined and the others are read. A query that no longer fits the
//! source, or may no longer be run, pauses its entity, and the others are read. All else ends the batch. After an error
//! a snapshot is of no use: the next one of the same fence is as good, since records of one batch are applied together.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use wattle_core::plan::FetchGroup;
use wattle_core::{Entity, Fence, Fetched, Key, PathId, RecordError, SourceError, SourceSnapshot};

use super::{FAN_OUT_LEN, Group};
use crate::SyncError;
use crate::guard;
use crate::runner::Runner;
use crate::store::records;

/// What the field of an error is called that concerns a record as a whole.
pub(crate) const WHOLE_RECORD: &str = "the record";

/// A way to the source's records.
pub(crate) struct Reader<'a> {
    runner: &'a Runner,
    fence: Fence,
    snapshot: Option<Box<dyn SourceSnapshot>>,
    paused: BTreeSet<Entity>,
    newly_paused: BTreeMap<Entity, String>,
}

/// Where a path leads.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) keys: Vec<Key>,
    /// The keys that lead to more than a batch should hold.
    pub(crate) many: Option<Vec<Key>>,
}

/// A group while its parts come in.
struct Parts {
    group: Group,
    found: HashSet<Key>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(runner: &'a Runner, fence: Fence, paused: BTreeSet<Entity>) -> Self {
        Self { runner, fence, snapshot: None, paused, newly_paused: BTreeMap::new() }
    }

    /// The entities that turned out to be unreadable, each with the reason.
    pub(crate) fn newly_paused(self) -> Vec<(Entity, String)> {
        self.newly_paused.into_iter().collect()
    }

    async fn snapshot(&mut self) -> Result<&mut Box<dyn SourceSnapshot>, SourceError> {
        if self.snapshot.is_none() {
            self.snapshot = Some(self.runner.adapter.snapshot(&self.fence).await?);
        }
        Ok(self.snapshot.as_mut().expect("it was just opened"))
    }

    /// Follows a path, unless its entity is paused.
    pub(crate) async fn resolve(&mut self, path: PathId, keys: Vec<Key>) -> Result<Resolved, SyncError> {
        let entity = self.runner.adapter.graph().path(path).entity;
        if self.paused.contains(&entity) {
            return Ok(Resolved::default());
        }
        let (mut resolved, mut many) = (Resolved::default(), Vec::new());
        let mut parts = Division::of(keys);
        while let Some(keys) = parts.next() {
            match self.snapshot().await?.resolve(path, &keys, None, FAN_OUT_LEN).await {
                Ok(page) if page.next.is_some() => many.extend(keys),
                Ok(page) => resolved.keys.extend(page.keys),
                Err(SourceError::Record { .. }) => {
                    self.snapshot = None;
                    // No row can have a key that its columns cannot hold: it leads nowhere.
                    let _ = parts.divide(keys);
                }
                Err(error) => return self.pause(entity, error).map(|()| Resolved::default()),
            }
        }
        resolved.many = (!many.is_empty()).then_some(many);
        Ok(resolved)
    }

    /// Reads a group; nothing when its entity is paused.
    pub(crate) async fn group(&mut self, asked: FetchGroup) -> Result<Option<Group>, SyncError> {
        let entity = asked.entity;
        if self.paused.contains(&entity) {
            return Ok(None);
        }
        let mut answer = Parts::new(entity);
        let mut parts = Division::of(asked.keys.clone());
        while let Some(keys) = parts.next() {
            match self.snapshot().await?.fetch(entity, &keys).await {
                Ok(answers) => answer.sort_out(keys, answers)?,
                Err(SourceError::Config { .. }) if parts.tries_anew(&keys) => self.snapshot = None,
                Err(SourceError::Record { what }) => {
                    self.snapshot = None;
                    if let Some(key) = parts.divide(keys) {
                        answer.refuse(key, what);
                    }
                }
                Err(error) => return self.pause(entity, error).map(|()| None),
            }
        }
        let group = answer.whole();
        if !group.gone.is_empty() && !self.shows_known_records(entity, &asked.keys).await? {
            return Err(guard::vanished(self.runner, entity));
        }
        Ok(Some(group))
    }

    /// Pauses an entity whose queries no longer fit an altered table, before anything is asked of it that matters.
    pub(crate) async fn look_at(&mut self, entity: Entity) -> Result<(), SyncError> {
        if self.paused.contains(&entity) {
            return Ok(());
        }
        let (db, scope) = (self.runner.db(), &self.runner.scope);
        let keys = records::page(db, scope, entity, None, 1).await?;
        match self.try_entity(entity, &keys).await {
            Ok(()) => Ok(()),
            Err(error) => self.pause(entity, error),
        }
    }

    /// Runs the queries of an entity, of its keys and of the paths that lead to it, to see whether the source takes them.
    pub(crate) async fn try_entity(&mut self, entity: Entity, keys: &[Key]) -> Result<(), SourceError> {
        let graph = self.runner.adapter.graph();
        if let Some(root) = graph.root(entity) {
            self.runner.adapter.keys(root, None, 1).await?;
        }
        let snapshot = self.snapshot().await?;
        match snapshot.fetch(entity, keys).await {
            Ok(_) => {}
            // A broken record is no reason to leave out the others.
            Err(SourceError::Record { .. }) => self.snapshot = None,
            Err(error) => return Err(error),
        }
        for path in graph.path_ids().filter(|path| graph.path(*path).entity == entity) {
            self.snapshot().await?.resolve(path, &[], None, 1).await?;
        }
        Ok(())
    }

    /// Leaves an entity out whose query does not fit the source.
    fn pause(&mut self, entity: Entity, error: SourceError) -> Result<(), SyncError> {
        self.snapshot = None;
        let SourceError::Config { .. } = error else { return Err(error.into()) };
        let reason = SyncError::from(error).explain();
        tracing::warn!(%entity, reason, "the entity is paused: it is not read until this is fixed");
        self.paused.insert(entity);
        self.newly_paused.insert(entity, reason);
        Ok(())
    }

    /// Does the snapshot that misses some records of an entity show others that the target knows? A source that shows
    /// none of them is not to be believed.
    async fn shows_known_records(&mut self, entity: Entity, asked: &[Key]) -> Result<bool, SyncError> {
        let known = guard::known_records(self.runner, entity, asked).await?;
        if known.is_empty() {
            return Ok(true);
        }
        match self.snapshot().await?.fetch(entity, &known).await {
            Ok(shown) if shown.is_empty() => guard::deletes_are_accepted(self.runner).await,
            Ok(_) => Ok(true),
            // What cannot be read is there.
            Err(SourceError::Record { .. }) => {
                self.snapshot = None;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Keys that are asked for in parts, because of one that cannot be.
struct Division {
    parts: Vec<Vec<Key>>,
    tried_anew: bool,
}

impl Division {
    fn of(keys: Vec<Key>) -> Self {
        Self { parts: vec![keys], tried_anew: false }
    }

    fn next(&mut self) -> Option<Vec<Key>> {
        self.parts.pop()
    }

    /// The first time all of a part is tried once more: a new session may know by then that a column has another type, and
    /// what else is wrong with it.
    fn tries_anew(&mut self, keys: &[Key]) -> bool {
        let is_first = !std::mem::replace(&mut self.tried_anew, true);
        if is_first {
            self.parts.push(keys.to_vec());
        }
        is_first
    }

    /// Halves a part that was refused again; a single key is returned: it is at fault.
    fn divide(&mut self, mut keys: Vec<Key>) -> Option<Key> {
        if self.tries_anew(&keys) {
            return None;
        }
        if keys.len() > 1 {
            self.parts.push(keys.split_off(keys.len() / 2));
            self.parts.push(keys);
        } else {
            return keys.pop();
        }
        None
    }
}

impl Parts {
    fn new(entity: Entity) -> Self {
        let group = Group { entity, records: Vec::new(), errors: Vec::new(), gone: Vec::new() };
        Self { group, found: HashSet::new() }
    }

    /// Separates records, errors and misses. The source's equality decides: a record that came back under another form
    /// of the key is stored under its own, and the form asked for is gone.
    fn sort_out(&mut self, asked: Vec<Key>, answers: Vec<Fetched>) -> Result<(), SyncError> {
        let mut answered = vec![false; asked.len()];
        for answer in answers {
            let known = answered
                .get_mut(answer.ordinal)
                .ok_or_else(|| SyncError::Bug("a fetch answered a key that was not asked".into()))?;
            *known = true;
            match answer.record {
                Ok(record) => {
                    if record.key != asked[answer.ordinal] {
                        self.group.gone.push(asked[answer.ordinal].clone());
                    }
                    // Two forms of one key were asked: it is one record.
                    if self.found.insert(record.key.clone()) {
                        self.group.records.push(record);
                    }
                }
                Err(error) => self.group.errors.push(error),
            }
        }
        let missed = asked.into_iter().zip(answered).filter(|(_, answered)| !answered);
        self.group.gone.extend(missed.map(|(key, _)| key));
        Ok(())
    }

    fn refuse(&mut self, key: Key, rule: String) {
        let (entity, field) = (self.group.entity, WHOLE_RECORD.to_owned());
        self.group.errors.push(RecordError { entity, key, field, rule, lineage: Vec::new() });
    }

    fn whole(mut self) -> Group {
        self.group.gone.retain(|key| !self.found.contains(key));
        self.group
    }
}
