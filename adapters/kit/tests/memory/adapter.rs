//! The adapter, and what can be wrong with it.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeZone;
use chrono_tz::Australia::Melbourne;
use serde_json::{Value, json};
use tokio::sync::watch;
use wattle_adapter_kit::{Check, Held};
use wattle_core::{
    Change, Entity, EntityGraph, Feed, FeedEvent, Fence, Fetched, Finding, Hint, Key, KeyPage, NodeId,
    NodeStatistics, PathId, Position, QueryPlan, Record, Severity, SourceAdapter, SourceError,
    SourceSnapshot, Statistics, Step,
};

use super::{Fault, Logged, Part, Row, Source, Tables, Transaction};

pub struct MemoryAdapter {
    pub source: Arc<Source>,
    pub fault: Fault,
}

impl MemoryAdapter {
    fn is(&self, check: Check) -> bool {
        self.fault == Some(check)
    }

    fn length(&self) -> usize {
        self.source.state().log.len()
    }
}

fn position(length: usize) -> Position {
    Position::new(length.to_string())
}

fn length(position: &Position) -> usize {
    position.as_str().parse().unwrap_or(usize::MAX)
}

fn bug(what: &str) -> SourceError {
    SourceError::Bug { what: what.to_owned() }
}

#[async_trait]
impl SourceAdapter for MemoryAdapter {
    fn graph(&self) -> &EntityGraph {
        &self.source.graph
    }

    async fn check(&self) -> Result<Vec<Finding>, SourceError> {
        let refused = Finding {
            severity: Severity::Refused,
            what: "the log is switched off".into(),
            fix: "switch it on".into(),
        };
        Ok(if self.is(Check::Ready) { vec![refused] } else { Vec::new() })
    }

    async fn begin(&self) -> Result<Position, SourceError> {
        Ok(position(self.length()))
    }

    async fn now(&self) -> Result<Position, SourceError> {
        Ok(position(self.length()))
    }

    fn reached(&self, here: &Position, there: &Position) -> bool {
        length(here) >= length(there)
    }

    async fn changes(&self, from: &Position) -> Result<Box<dyn Feed>, SourceError> {
        let from = if self.is(Check::Reconnect) { self.length() } else { length(from) };
        let state = self.source.state();
        Ok(Box::new(MemoryFeed {
            source: self.source.clone(),
            fault: self.fault,
            read: from,
            epoch: state.epoch,
            ready: VecDeque::new(),
            idle: false,
            grown: self.source.grown.subscribe(),
        }))
    }

    async fn keys(&self, node: NodeId, after: Option<&Key>, limit: usize) -> Result<KeyPage, SourceError> {
        let state = self.source.state();
        let after =
            after.map(|key| self.source.parts(node, key).ok_or_else(|| bug("a cursor"))).transpose()?;
        let table = &state.tables[node.index()];
        let later = |parts: &&Vec<Part>| after.as_ref().is_none_or(|after| *parts > after);
        let skipped = usize::from(self.is(Check::Paging) && after.is_some());
        let mut keys: Vec<Key> = table
            .iter()
            .filter(|(parts, _)| later(parts))
            .skip(skipped)
            .take(limit + 1)
            .map(|(_, row)| row.key.clone())
            .collect();
        let next = if keys.len() > limit {
            keys.truncate(limit);
            keys.last().cloned()
        } else {
            None
        };
        if self.is(Check::Graph) {
            keys = keys.iter().map(|key| Key::from_canonical(format!("0{key}|"))).collect();
        }
        Ok(KeyPage { keys, next })
    }

    async fn snapshot(&self, fence: &Fence) -> Result<Box<dyn SourceSnapshot>, SourceError> {
        let state = self.source.state();
        if fence.positions().iter().any(|position| length(position) > state.log.len()) {
            return Err(SourceError::Behind { what: "the log is shorter".into() });
        }
        let stale = self.is(Check::Fence) && !fence.positions().is_empty();
        let tables = if stale { state.before.clone() } else { state.tables.clone() };
        Ok(Box::new(MemorySnapshot { source: self.source.clone(), fault: self.fault, tables }))
    }

    async fn statistics(&self) -> Result<Statistics, SourceError> {
        let state = self.source.state();
        let rows =
            |table: &std::collections::BTreeMap<_, _>| NodeStatistics { rows: table.len() as u64, writes: 0 };
        Ok(Statistics { nodes: state.tables.iter().map(rows).collect(), other_writes: 0 })
    }

    async fn plans(&self) -> Result<Option<Vec<QueryPlan>>, SourceError> {
        let whole = if self.is(Check::Index) { vec![("map".to_owned(), 20_000)] } else { Vec::new() };
        Ok(Some(vec![QueryPlan { query: "account".to_owned(), whole }]))
    }

    async fn retained_bytes(&self) -> Result<Option<u64>, SourceError> {
        Ok(None)
    }
}

struct MemoryFeed {
    source: Arc<Source>,
    fault: Fault,
    read: usize,
    epoch: u64,
    ready: VecDeque<FeedEvent>,
    idle: bool,
    grown: watch::Receiver<usize>,
}

impl MemoryFeed {
    /// The keys that an entry of the log announces.
    fn announced(&self, entry: &Logged) -> Vec<Change> {
        let row = |node: NodeId, key: &Key, hint| Change::Row { node, key: key.clone(), hint };
        let is = |check| self.fault == Some(check);
        match entry {
            Logged::Insert(..) if is(Check::Insert) => Vec::new(),
            Logged::Update(..) if is(Check::Update) => Vec::new(),
            Logged::Delete(..) if is(Check::Delete) => Vec::new(),
            Logged::Alter(..) if is(Check::SchemaDrift) => Vec::new(),
            Logged::Move(node, _, new) if is(Check::Move) => vec![row(*node, new, Hint::Update)],
            Logged::Rekey(node, _, new) if is(Check::KeyChange) => vec![row(*node, new, Hint::Update)],
            Logged::Insert(node, key) => vec![row(*node, key, Hint::Insert)],
            Logged::Update(node, key) => vec![row(*node, key, Hint::Update)],
            Logged::Delete(node, key) => vec![row(*node, key, Hint::Delete)],
            Logged::Move(node, old, new) | Logged::Rekey(node, old, new) => {
                vec![row(*node, old, Hint::Delete), row(*node, new, Hint::Insert)]
            }
            Logged::Alter(node) => vec![Change::SchemaChanged { node: *node }],
        }
    }

    fn read(&mut self, transaction: &Transaction) {
        self.read += 1;
        let here = position(self.read);
        if transaction.committed || self.fault == Some(Check::Rollback) {
            let most = if self.fault == Some(Check::LargeTransaction) { 10 } else { usize::MAX };
            let changes: Vec<Change> =
                transaction.entries.iter().take(most).flat_map(|entry| self.announced(entry)).collect();
            self.ready.extend(changes.into_iter().map(|change| FeedEvent::Change(change, here.clone())));
        }
        self.ready.push_back(FeedEvent::Commit(here));
    }
}

#[async_trait]
impl Feed for MemoryFeed {
    async fn next(&mut self) -> Result<FeedEvent, SourceError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            let source = self.source.clone();
            let (epoch, transaction) = {
                let state = source.state();
                (state.epoch, state.log.get(self.read).cloned())
            };
            if epoch != self.epoch {
                return Err(SourceError::Unavailable { what: "the connection was cut".into(), cause: None });
            }
            match transaction {
                Some(transaction) => {
                    self.idle = false;
                    self.read(&transaction);
                }
                None if !self.idle => {
                    self.idle = true;
                    return Ok(FeedEvent::Idle(position(self.read)));
                }
                None => {
                    let read = self.read;
                    self.grown
                        .wait_for(|length| *length > read)
                        .await
                        .map_err(|_| bug("the source is gone"))?;
                }
            }
        }
    }

    fn acknowledge(&mut self, _: &Position) {}
}

struct MemorySnapshot {
    source: Arc<Source>,
    fault: Fault,
    tables: Tables,
}

impl MemorySnapshot {
    fn is(&self, check: Check) -> bool {
        self.fault == Some(check)
    }

    /// A column's value as the CDR has it.
    fn shown(&self, held: &Held) -> Option<Value> {
        Some(match held {
            Held::Null if self.is(Check::Nulls) => "null".into(),
            Held::Null => return None,
            Held::Number(number) if self.is(Check::Numbers) => {
                format!("{:.0}.00", number.parse::<f64>().unwrap()).into()
            }
            Held::Text(text) if self.is(Check::Texts) => text.replace(|c: char| !c.is_ascii(), "?").into(),
            Held::Local(at) if self.is(Check::Times) => format!("{}Z", at.format("%FT%T")).into(),
            Held::Number(text) | Held::Text(text) => text.as_str().into(),
            Held::Local(at) => Melbourne.from_local_datetime(at).unwrap().to_rfc3339().into(),
            Held::Date(_) | Held::Instant(_) => unreachable!("no column is of this type"),
        })
    }

    fn record(&self, entity: Entity, row: &Row, clock: u64) -> Record {
        let Row { key, value, .. } = row;
        let values = key.values();
        let owners = match entity {
            Entity::Holding => values.iter().map(|value| Key::from_canonical(value.to_string())).collect(),
            Entity::Balance => vec![key.clone()],
            _ => Vec::new(),
        };
        let clock = if self.is(Check::Values) { clock } else { 0 };
        let mut body = match entity {
            Entity::Customer => json!({"customerUType": "person", "person": {
                "lastName": "Müller", "middleNames": [], "phoneNumbers": [], "emailAddresses": [], "physicalAddresses": [],
            }}),
            Entity::Holding => json!({"role": "HOLDER", "shareable": value.is_multiple_of(2)}),
            Entity::Balance => json!({"balance": format!("{}.{:02}", value, clock % 100)}),
            _ => {
                json!({"accountNumber": values[0], "displayName": "Müller", "openStatus": "CLOSED", "plans": []})
            }
        };
        for (column, held) in &row.columns {
            let (place, field) = match *column {
                "owed" => ("", "balance"),
                "surname" => ("/person", "lastName"),
                _ => ("/person", "lastUpdateTime"),
            };
            if let (Some(shown), Some(place)) = (self.shown(held), body.pointer_mut(place)) {
                place[field] = shown;
            }
        }
        Record { entity, key: key.clone(), owners, body, lineage: Vec::new(), changes_at: None }
    }
}

#[async_trait]
impl SourceSnapshot for MemorySnapshot {
    async fn fetch(&mut self, entity: Entity, keys: &[Key]) -> Result<Vec<Fetched>, SourceError> {
        let node = self.source.graph.root(entity).ok_or_else(|| bug("no such entity"))?;
        let clock = {
            let mut state = self.source.state();
            state.statements += if self.is(Check::Batch) { keys.len() as u64 } else { 1 };
            state.statements
        };
        let mut found = Vec::new();
        for (ordinal, key) in keys.iter().enumerate() {
            let row = match self.source.parts(node, key) {
                None if self.is(Check::BadKey) => None,
                None => return Err(bug("a key that is none of this node's")),
                Some(_) if self.is(Check::Equality) => {
                    let lower = key.as_str().to_lowercase();
                    self.tables[node.index()].values().find(|row| row.key.as_str().to_lowercase() == lower)
                }
                Some(parts) => self.tables[node.index()].get(&parts),
            };
            let row =
                row.or_else(|| self.tables[node.index()].values().next().filter(|_| self.is(Check::Miss)));
            if let Some(row) = row {
                let ordinal = if self.is(Check::Fetch) { found.len() / 2 } else { ordinal };
                found.push(Fetched { ordinal, record: Ok(self.record(entity, row, clock)) });
            }
        }
        Ok(found)
    }

    async fn resolve(
        &mut self,
        path: PathId,
        keys: &[Key],
        after: Option<&Key>,
        limit: usize,
    ) -> Result<KeyPage, SourceError> {
        let path = self.source.graph.path(path).clone();
        let mut at: Vec<Key> = keys.to_vec();
        let mut node = path.from;
        for step in &path.steps {
            let (Step::ToPredecessor(edge) | Step::ToChildren(edge)) = *step;
            let edge = &self.source.graph.edges()[edge];
            // Each edge of this graph is one column, which the child's key has.
            let columns = &self.source.graph.node(edge.child).key;
            let place = columns
                .iter()
                .position(|column| column.name == edge.columns[0])
                .ok_or_else(|| bug("an edge"))?;
            (node, at) = match step {
                Step::ToPredecessor(_) => {
                    let owner = |key: &Key| Key::from_canonical(key.values()[place].to_string());
                    (edge.predecessor, at.iter().map(owner).collect())
                }
                Step::ToChildren(_) => {
                    let owned = |key: &Key| at.iter().any(|owner| owner.as_str() == key.values()[place]);
                    let rows = self.tables[edge.child.index()].values();
                    (edge.child, rows.map(|row| row.key.clone()).filter(|key| owned(key)).collect())
                }
            };
        }
        let mut found: Vec<Vec<Part>> = at.iter().filter_map(|key| self.source.parts(node, key)).collect();
        found.sort();
        found.dedup();
        let after = after.and_then(|key| self.source.parts(node, key));
        let table = &self.tables[node.index()];
        let rows = found.iter().filter(|parts| after.as_ref().is_none_or(|after| *parts > after));
        let mut keys: Vec<Key> =
            rows.filter_map(|parts| table.get(parts)).map(|row| row.key.clone()).collect();
        if self.is(Check::Paths) && limit < 100 {
            keys.pop();
        }
        let more = keys.len() > limit;
        keys.truncate(limit);
        let next = if more { keys.last().cloned() } else { None };
        Ok(KeyPage { keys, next })
    }
}
