//! Values: what the kit puts into a column must stand in the record, exactly as the source holds it.
//!
//! Which column feeds which field is the pack's to know, so the record is compared with what it was before: what has
//! changed in it shows the value, or is made from it. A field that is computed proves nothing, and is told apart from
//! one that is spoilt by what is left of the value.

mod judge;

use std::collections::BTreeMap;

use serde_json::Value;
use wattle_core::{Entity, ErrorClass, Fence, Key, NodeId, SourceError};

use self::judge::{Shift, Verdict, judge};
use crate::bench::{BenchError, End, Held, Probe, Work};
use crate::capture::copyable;
use crate::prove::Proof;
use crate::report::Check;

const CHECKS: [Check; 4] = [Check::Numbers, Check::Texts, Check::Times, Check::Nulls];

/// What has become of the values of a node, and why a copy showed in no record.
#[derive(Default)]
struct Seen {
    tallies: BTreeMap<Check, Tally>,
    hidden: Option<String>,
}

/// What became of the values of one kind in one node.
#[derive(Default)]
struct Tally {
    exact: usize,
    unseen: usize,
    /// Columns whose value the record may not have: by a rule of the CDR, or a map that does not know it.
    refused: Vec<String>,
    /// Columns from which something else is made.
    computed: Vec<String>,
    /// What is spoilt, in words.
    spoilt: Vec<String>,
}

/// Why the values of a node are proved no further.
enum Stopped {
    /// The bench's doing.
    Bench(BenchError),
    /// The adapter's, while values of this check were in the row.
    Adapter(Check, SourceError),
}

pub(crate) async fn prove(proof: &mut Proof<'_>) {
    let graph = proof.adapter.graph();
    for node in graph.node_ids() {
        let name = proof.name(node);
        let columns = match proof.bench.free_columns(node).await {
            Ok(columns) => columns,
            Err(error) => {
                CHECKS.iter().for_each(|check| proof.unable(*check, &name, &error));
                continue;
            }
        };
        let Some(of) = copyable(proof, node, &CHECKS).await else { continue };
        let mut seen = Seen::default();
        let mut stopped = None;
        for column in columns {
            if let Err(reason) = prove_column(proof, node, &of, &column, &mut seen).await {
                stopped = Some(reason);
                break;
            }
        }
        match stopped {
            Some(Stopped::Bench(error)) => {
                let untold = CHECKS.iter().filter(|check| !seen.tallies.contains_key(check));
                untold.for_each(|check| proof.unable(*check, &name, &error));
            }
            Some(Stopped::Adapter(check, error)) => {
                proof.broke(check, &name, "a row with other values can be read", &error);
            }
            None if seen.tallies.is_empty() => {
                let reason = match &seen.hidden {
                    Some(why) => format!("no copy of its rows shows in a record: {why}"),
                    None => "none of its columns takes a value of the kit's".to_owned(),
                };
                CHECKS.iter().for_each(|check| proof.report.not_applicable(*check, &name, &*reason));
            }
            None => {}
        }
        for (check, tally) in seen.tallies {
            tally.report(proof, check, &name);
        }
    }
}

fn check_of(held: &Held) -> Check {
    match held {
        Held::Null => Check::Nulls,
        Held::Number(_) => Check::Numbers,
        Held::Text(_) => Check::Texts,
        Held::Date(_) | Held::Local(_) | Held::Instant(_) => Check::Times,
    }
}

/// Puts every value into one column of a row of its own.
async fn prove_column(
    proof: &mut Proof<'_>,
    node: NodeId,
    of: &Key,
    column: &str,
    seen: &mut Seen,
) -> Result<(), Stopped> {
    // That it can be copied was seen; what the database looks at last may refuse it all the same.
    let copied = proof.bench.run(&[Work::Copy { node, of: of.clone() }], End::Commit).await;
    let Some(key) = copied.map_err(Stopped::Bench)?.into_iter().next() else { return Ok(()) };
    let done = put_all(proof, node, &key, column, seen).await;
    if let Err(error) = proof.bench.run(&[Work::Delete { node, key: key.clone() }], End::Commit).await {
        let seen = format!("the row {key} that the kit inserted is still there: {error}");
        let name = proof.name(node);
        proof.report.failed(Check::Nulls, &name, "nothing is left behind", seen, "delete this row");
    }
    done
}

async fn put_all(
    proof: &mut Proof<'_>,
    node: NodeId,
    key: &Key,
    column: &str,
    seen: &mut Seen,
) -> Result<(), Stopped> {
    let in_copy = |error| Stopped::Adapter(CHECKS[0], error);
    let Some((entity, record)) = record_of(proof, node, key).await.map_err(in_copy)? else {
        seen.hidden = Some("no path leads from it to one".to_owned());
        return Ok(());
    };
    let mut before = match body(proof, entity, &record).await.map_err(in_copy)? {
        Ok(body) => body,
        Err(why) => {
            seen.hidden = Some(why);
            return Ok(());
        }
    };
    let mut shifts: Vec<Shift> = Vec::new();
    for probe in Probe::ALL {
        let held = match proof.bench.put(node, key, column, probe).await {
            Ok(held) => held,
            Err(BenchError::NotPossible(_)) => continue,
            Err(error) => return Err(Stopped::Bench(error)),
        };
        let check = check_of(&held);
        let read = body(proof, entity, &record).await.map_err(|error| Stopped::Adapter(check, error))?;
        let tally = seen.tallies.entry(check).or_default();
        let Ok(after) = read else {
            tally.refused(column);
            continue;
        };
        match judge(&held, &before, &after, proof.settings.zone) {
            Verdict::Exact => {
                tally.exact += 1;
                // With those that are not, it tells summer from winter.
                shifts.extend((check == Check::Times).then_some(Shift::NONE));
            }
            Verdict::Unseen => tally.unseen += 1,
            Verdict::Computed => tally.computed(column),
            Verdict::Shifted(shift) => shifts.push(shift),
            Verdict::Spoilt(how) => tally.spoilt.push(format!("{column}: {how}")),
        }
        before = after;
    }
    if let Some(tally) = seen.tallies.get_mut(&Check::Times) {
        match Shift::of_zone(&shifts) {
            Some(how) => tally.spoilt.push(format!("{column}: {how}")),
            None if shifts.iter().any(|shift| shift.is_some()) => tally.computed(column),
            None => {}
        }
    }
    Ok(())
}

/// A record that a row is read for.
async fn record_of(proof: &Proof<'_>, node: NodeId, key: &Key) -> Result<Option<(Entity, Key)>, SourceError> {
    let graph = proof.adapter.graph();
    if let Some(entity) = graph.node(node).entity {
        return Ok(Some((entity, key.clone())));
    }
    let mut snapshot = proof.adapter.snapshot(&Fence::new([proof.adapter.now().await?])).await?;
    for path in graph.feeding(node) {
        let page = snapshot.resolve(*path, std::slice::from_ref(key), None, 1).await?;
        if let Some(found) = page.keys.into_iter().next() {
            return Ok(Some((graph.path(*path).entity, found)));
        }
    }
    Ok(None)
}

/// The body of a record as it is now; or why it would not be served.
async fn body(proof: &Proof<'_>, entity: Entity, key: &Key) -> Result<Result<Value, String>, SourceError> {
    let mut snapshot = proof.adapter.snapshot(&Fence::new([proof.adapter.now().await?])).await?;
    let found = match snapshot.fetch(entity, std::slice::from_ref(key)).await {
        Ok(found) => found,
        // As the source may refuse a query for one record's value.
        Err(error) if error.class() == ErrorClass::Record => return Ok(Err(error.to_string())),
        Err(error) => return Err(error),
    };
    let Some(fetched) = found.into_iter().next() else {
        return Ok(Err(format!("the query of {entity} leaves it out")));
    };
    let whole = fetched.record.and_then(|record| record.check().map(|()| record.body));
    Ok(whole.map_err(|broken| format!("{entity} {}: {}", broken.field, broken.rule)))
}

impl Tally {
    fn refused(&mut self, column: &str) {
        if self.refused.last().is_none_or(|last| last != column) {
            self.refused.push(column.to_owned());
        }
    }

    fn computed(&mut self, column: &str) {
        if self.computed.last().is_none_or(|last| last != column) {
            self.computed.push(column.to_owned());
        }
    }

    fn report(self, proof: &mut Proof<'_>, check: Check, name: &str) {
        let (what, fix) = match check {
            Check::Numbers => ("number", "carry it as a decimal or as text, never as a float"),
            Check::Texts => ("text", "read it in the column's own character set, at its whole length"),
            Check::Times => {
                ("date or time", "give the pack the retailer's zone, and convert by nothing else")
            }
            _ => ("NULL", "select the column as it is: what is NULL is left out"),
        };
        if !self.spoilt.is_empty() {
            let expected = format!("each {what} stands in the record as the source holds it");
            return proof.report.failed(check, name, expected, self.spoilt.join("; "), fix);
        }
        let mut seen = vec![format!("{} values exact", self.exact)];
        if self.unseen > 0 {
            seen.push(format!("{} not shown by the record", self.unseen));
        }
        if !self.refused.is_empty() {
            seen.push(format!("refused by a rule of the record: {}", self.refused.join(", ")));
        }
        if !self.computed.is_empty() {
            seen.push(format!("something else is made of {}", self.computed.join(", ")));
        }
        let seen = seen.join(", ");
        if self.exact > 0 {
            proof.report.passed(check, name, seen);
        } else {
            proof.report.not_applicable(check, name, format!("no {what} shows as it is: {seen}"));
        }
    }
}
