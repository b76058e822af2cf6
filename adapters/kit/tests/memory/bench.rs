//! What the billing system's own software does.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use wattle_adapter_kit::{Bench, BenchError, End, Held, MARKER, Probe, Review, Work};
use wattle_core::{Key, NodeId};

use super::{Logged, Part, Row, Source, State, Transaction, columns};

pub struct MemoryBench(pub Arc<Source>);

impl MemoryBench {
    /// A key of the same kind that no row has.
    fn fresh(&self, state: &mut State, node: NodeId, of: &Key) -> Key {
        state.next += 1;
        match self.0.graph.node(node).name.as_str() {
            "customer" => Key::from_canonical(format!("Cust-ü{}", state.next)),
            "holding" => {
                let codes = state.tables[self.0.node("customer").index()].values();
                let number = of.values()[1].to_string();
                let free = codes
                    .map(|row| Key::from_canonical(format!("{}|{number}", row.key)))
                    .find(|key| !state.tables[node.index()].contains_key(&self.0.parts(node, key).unwrap()));
                free.unwrap()
            }
            _ => Key::from_canonical(state.next.to_string()),
        }
    }

    fn take(&self, state: &mut State, node: NodeId, key: &Key) -> Result<Row, BenchError> {
        let parts: Vec<Part> = self.0.parts(node, key).unwrap();
        state.tables[node.index()].remove(&parts).ok_or_else(|| BenchError::Failed(format!("no row {key}")))
    }

    fn put_row(&self, state: &mut State, node: NodeId, row: Row) {
        state.tables[node.index()].insert(self.0.parts(node, &row.key).unwrap(), row);
    }

    fn one(&self, state: &mut State, work: &Work) -> Result<(Logged, Key), BenchError> {
        match work {
            Work::Copy { node, of } => {
                let key = self.fresh(state, *node, of);
                self.put_row(state, *node, Row::new(key.clone(), 1));
                Ok((Logged::Insert(*node, key.clone()), key))
            }
            Work::Update { node, key } => {
                let mut row = self.take(state, *node, key)?;
                row.value += 1;
                self.put_row(state, *node, row);
                Ok((Logged::Update(*node, key.clone()), key.clone()))
            }
            Work::Rekey { node, key } | Work::Move { node, key, .. } => {
                // While the row is still there, so that its own key is not free.
                let new = self.fresh(state, *node, key);
                let mut row = self.take(state, *node, key)?;
                row.key = new.clone();
                self.put_row(state, *node, row);
                let logged = match work {
                    Work::Move { .. } => Logged::Move(*node, key.clone(), new.clone()),
                    _ => Logged::Rekey(*node, key.clone(), new.clone()),
                };
                Ok((logged, new))
            }
            Work::Delete { node, key } => {
                self.take(state, *node, key)?;
                Ok((Logged::Delete(*node, key.clone()), key.clone()))
            }
        }
    }

    fn log(&self, state: &mut State, entries: Vec<Logged>, committed: bool) {
        state.log.push(Transaction { entries, committed });
        self.0.grown.send_replace(state.log.len());
    }
}

#[async_trait]
impl Bench for MemoryBench {
    async fn run(&mut self, work: &[Work], end: End) -> Result<Vec<Key>, BenchError> {
        let mut state = self.0.state();
        let saved = state.tables.clone();
        let done: Result<Vec<_>, _> = work.iter().map(|work| self.one(&mut state, work)).collect();
        let committed = done.is_ok() && end == End::Commit;
        if committed {
            state.before = saved;
        } else {
            state.tables = saved;
        }
        let (entries, keys) = done?.into_iter().unzip();
        self.log(&mut state, entries, committed);
        Ok(keys)
    }

    async fn finds(&mut self, node: NodeId, key: &Key) -> Result<bool, BenchError> {
        let parts = self.0.parts(node, key).ok_or_else(|| BenchError::Failed("no such key".into()))?;
        Ok(self.0.state().tables[node.index()].contains_key(&parts))
    }

    async fn statement_count(&mut self) -> Result<u64, BenchError> {
        Ok(self.0.state().statements)
    }

    async fn cut(&mut self) -> Result<(), BenchError> {
        self.0.state().epoch += 1;
        Ok(())
    }

    async fn review(&mut self) -> Result<Review, BenchError> {
        Ok(Review { followed: 3, ..Review::default() })
    }

    async fn free_columns(&mut self, node: NodeId) -> Result<Vec<String>, BenchError> {
        Ok(columns(&self.0.graph.node(node).name).iter().map(|column| (*column).to_owned()).collect())
    }

    async fn put(&mut self, node: NodeId, key: &Key, column: &str, probe: Probe) -> Result<Held, BenchError> {
        let at = |month| NaiveDate::from_ymd_opt(2026, month, 15).unwrap().and_hms_opt(13, 45, 0).unwrap();
        let held = match (column, probe) {
            (_, Probe::Null) => Held::Null,
            ("owed", Probe::LargestNumber) => Held::Number("99999999999999.37".into()),
            ("owed", Probe::SomeNumber) => Held::Number("47.19".into()),
            ("owed", Probe::SmallestNumber) => Held::Number("-99999999999999.37".into()),
            ("surname", Probe::LongestText) => Held::Text(format!("Zoë 電🔌 {MARKER}{}", "x".repeat(300))),
            ("updated", Probe::January) => Held::Local(at(1)),
            ("updated", Probe::July) => Held::Local(at(7)),
            _ => return Err(BenchError::NotPossible("another type".into())),
        };
        let known = columns(&self.0.graph.node(node).name).iter().find(|known| **known == column).unwrap();
        let mut state = self.0.state();
        state.before = state.tables.clone();
        let mut row = self.take(&mut state, node, key)?;
        row.columns.insert(known, held.clone());
        self.put_row(&mut state, node, row);
        self.log(&mut state, vec![Logged::Update(node, key.clone())], true);
        Ok(held)
    }

    async fn alter(&mut self, node: NodeId) -> Result<(), BenchError> {
        let mut state = self.0.state();
        self.log(&mut state, vec![Logged::Alter(node)], true);
        Ok(())
    }
}
