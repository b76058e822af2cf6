//! Fetches: ordinals, equality, misses, bad keys, values, and what they cost.

use serde_json::Value;
use wattle_core::{Entity, ErrorClass, Fence, Fetched, Key, KeyType, NodeId, SourceAdapter, SourceError};

use crate::prove::Proof;
use crate::report::Check;

/// Keys of one fetch, as in sync.
const BATCH: usize = 1_000;
/// Keys that are asked for alone too.
const ALONE: usize = 12;
/// How often the statements of a fetch are counted.
const REPEATS: usize = 3;
/// Keys that are too few to tell a query for each of them from one for each collection that some of them have.
const FEW: usize = 10;
/// Values that no row is likely to have, in the order of trying.
const STRANGE: [&str; 3] = ["zz~wattle~none", "-7999999", "7999999"];

pub(crate) async fn prove(proof: &mut Proof<'_>) {
    let graph = proof.adapter.graph();
    for (entity, root) in graph.entities().filter_map(|entity| Some((entity, graph.root(entity)?))) {
        let name = entity.to_string();
        let Some(keys) = proof.keys.get(&root).map(|keys| keys[..keys.len().min(BATCH)].to_vec()) else {
            proof.report.not_applicable(Check::Fetch, &name, "the keys of its root could not be read");
            continue;
        };
        bad_keys(proof, entity, root, &keys).await;
        if keys.is_empty() {
            proof.report.not_applicable(Check::Fetch, &name, "its root has no rows");
            continue;
        }
        match fetch(proof.adapter, entity, &keys).await {
            Err(error) => proof.broke(Check::Fetch, &name, "a batch of keys is answered", &error),
            Ok(found) => {
                batch(proof, entity, &keys, &found).await;
                values(proof, entity, &keys, &found).await;
                cost(proof, entity, &keys).await;
                misses(proof, entity, root, &keys).await;
                equality(proof, entity, root, &keys, &found).await;
            }
        }
    }
}

pub(crate) async fn fetch(
    adapter: &dyn SourceAdapter,
    entity: Entity,
    keys: &[Key],
) -> Result<Vec<Fetched>, SourceError> {
    adapter.snapshot(&Fence::default()).await?.fetch(entity, keys).await
}

/// The ordinals of a batch, and that it says what each key alone says.
async fn batch(proof: &mut Proof<'_>, entity: Entity, keys: &[Key], found: &[Fetched]) {
    let name = entity.to_string();
    let expected = "each key is answered at most once, by its own ordinal";
    let fix = "return `ord` of the key relation unchanged, and join nothing that multiplies the record";
    let mut answered = vec![false; keys.len()];
    for fetched in found {
        let before = answered.get_mut(fetched.ordinal).map(|seen| std::mem::replace(seen, true));
        let wrong = match before {
            None => Some("an ordinal is beyond the keys that were asked for"),
            Some(true) => Some("a key is answered twice"),
            Some(false) => match &fetched.record {
                Ok(record) if record.entity != entity => Some("a record is of another entity"),
                Ok(record) if record.key != keys[fetched.ordinal] => {
                    Some("a record has another key than its ordinal's")
                }
                Ok(record) if record.owners.len() != entity.owners().len() => {
                    Some("a record lacks an owner's key")
                }
                Ok(_) | Err(_) => None,
            },
        };
        if let Some(wrong) = wrong {
            return proof.report.failed(Check::Fetch, &name, expected, wrong, fix);
        }
    }
    // Backwards, so that an ordinal that only counts rows shows.
    let backwards: Vec<Key> = keys.iter().rev().cloned().collect();
    match fetch(proof.adapter, entity, &backwards).await {
        Err(error) => return proof.broke(Check::Fetch, &name, expected, &error),
        Ok(again) => {
            let of = |fetched: &Fetched| {
                fetched.record.as_ref().is_ok_and(|it| it.key != backwards[fetched.ordinal])
            };
            if again.len() != found.len() || again.iter().any(of) {
                let seen = "the same keys in another order are answered otherwise";
                return proof.report.failed(Check::Fetch, &name, expected, seen, fix);
            }
        }
    }
    for at in (0..keys.len()).step_by(keys.len().div_ceil(ALONE)) {
        match fetch(proof.adapter, entity, &keys[at..=at]).await {
            Err(error) => return proof.broke(Check::Fetch, &name, expected, &error),
            Ok(alone) if (alone.len() == 1) != answered[at] => {
                let seen = "a key alone is answered otherwise than in a batch";
                return proof.report.failed(Check::Fetch, &name, expected, seen, fix);
            }
            Ok(_) => {}
        }
    }
    let skipped = keys.len() - found.len();
    proof.report.passed(
        Check::Fetch,
        &name,
        format!("{} of {} rows are records, the query leaves out {skipped}", found.len(), keys.len()),
    );
}

/// The rules of the CDR, and that nothing depends on the moment of reading.
async fn values(proof: &mut Proof<'_>, entity: Entity, keys: &[Key], found: &[Fetched]) {
    let name = entity.to_string();
    let expected = "every body meets the CDR's rules, and reads the same twice";
    let mut broken = found.iter().filter_map(|fetched| match &fetched.record {
        Ok(record) => record.check().err(),
        Err(error) => Some(error.clone()),
    });
    if let Some(error) = broken.next() {
        let seen = format!("{error}, and {} more records", broken.count());
        let fix =
            "select what the rule asks for, map the code, or correct the row: it would go to the quarantine";
        return proof.report.failed(Check::Values, &name, expected, seen, fix);
    }
    let body = |fetched: &Fetched| fetched.record.as_ref().ok().map(|record| record.body.clone());
    match fetch(proof.adapter, entity, keys).await {
        Err(error) => proof.broke(Check::Values, &name, expected, &error),
        Ok(again) => {
            let body_of = |ordinal| again.iter().find(|it| it.ordinal == ordinal).and_then(body);
            let differ = found.iter().filter(|fetched| body_of(fetched.ordinal) != body(fetched)).count();
            if differ > 0 {
                let seen = format!("{differ} records differ (did someone write meanwhile?)");
                let fix = "order array queries by a unique key, and ask no clock";
                return proof.report.failed(Check::Values, &name, expected, seen, fix);
            }
            let mut kinds = Kinds::default();
            found.iter().filter_map(body).for_each(|body| kinds.look(&body));
            if kinds.mangled > 0 {
                let seen = format!("{} texts hold U+FFFD, left by a wrong character set", kinds.mangled);
                let fix = "read text in the column's own character set";
                return proof.report.failed(Check::Values, &name, expected, seen, fix);
            }
            let seen = format!(
                "{} records: {} decimals, {} times with their offsets, {} texts beyond ASCII",
                found.len(),
                kinds.decimals,
                kinds.times,
                kinds.beyond_ascii
            );
            proof.report.passed(Check::Values, &name, seen);
        }
    }
}

/// Which kinds of values occurred: what did not occur was not proved.
#[derive(Default)]
struct Kinds {
    decimals: usize,
    times: usize,
    beyond_ascii: usize,
    mangled: usize,
}

impl Kinds {
    fn look(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                let number =
                    text.contains('.') && text.bytes().all(|b| b.is_ascii_digit() || b"-.".contains(&b));
                self.decimals += usize::from(number);
                self.times += usize::from(text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T'));
                self.beyond_ascii += usize::from(!text.is_ascii());
                self.mangled += usize::from(text.contains('\u{fffd}'));
            }
            Value::Array(values) => values.iter().for_each(|value| self.look(value)),
            Value::Object(members) => members.values().for_each(|value| self.look(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

async fn cost(proof: &mut Proof<'_>, entity: Entity, keys: &[Key]) {
    let name = entity.to_string();
    let mut costs = Vec::new();
    // The first fetch may prepare statements, and others may use the server meanwhile: the least counts.
    for keys in [keys, &keys[..1]].into_iter().cycle().take(2 * REPEATS) {
        let before = match proof.bench.statement_count().await {
            Ok(count) => count,
            Err(error) => return proof.unable(Check::Batch, &name, &error),
        };
        if let Err(error) = fetch(proof.adapter, entity, keys).await {
            return proof.broke(Check::Batch, &name, "a batch of keys is answered", &error);
        }
        match proof.bench.statement_count().await {
            Ok(count) => costs.push(count.saturating_sub(before)),
            Err(error) => return proof.unable(Check::Batch, &name, &error),
        }
    }
    let least = |first: usize| costs.iter().skip(first).step_by(2).min().copied().unwrap_or(0);
    let (many, one) = (least(0), least(1));
    let seen = format!("{one} statements for one key, {many} for {}", keys.len());
    if one == 0 || many == 0 {
        let reason = "not measured: the counter does not show the adapter's statements to the bench's login";
        proof.report.not_applicable(Check::Batch, &name, reason);
    } else if keys.len() < FEW {
        let reason = format!("{seen}: of so few rows nobody can tell");
        proof.report.not_applicable(Check::Batch, &name, reason);
    } else if many.saturating_sub(one) * 2 > keys.len() as u64 {
        let expected = "no more statements than there are collections, however many keys";
        let fix = "send all keys with one query, as a relation to join";
        proof.report.failed(Check::Batch, &name, expected, seen, fix);
    } else {
        proof.report.passed(Check::Batch, &name, seen);
    }
}

/// A key with another value in one of its columns.
fn with_part(proof: &Proof<'_>, node: NodeId, key: &Key, at: usize, part: &str) -> Option<Key> {
    let mut values: Vec<String> = key.values().iter().map(|value| value.to_string()).collect();
    *values.get_mut(at)? = part.to_owned();
    Key::new(proof.adapter.graph().key_types(node), values.iter().map(String::as_str)).ok()
}

async fn misses(proof: &mut Proof<'_>, entity: Entity, root: NodeId, keys: &[Key]) {
    let name = entity.to_string();
    let fresh = uuid::Uuid::new_v4().to_string();
    let tried = STRANGE.iter().copied().chain([fresh.as_str(), "1803-02-01"]);
    let mut reason = "no key was found that the source does not have".to_owned();
    let last = keys[0].values().len().saturating_sub(1);
    for key in tried.filter_map(|part| with_part(proof, root, &keys[0], last, part)).collect::<Vec<_>>() {
        match proof.bench.finds(root, &key).await {
            Ok(true) => continue,
            Err(error) => {
                reason = error.to_string();
                continue;
            }
            Ok(false) => {}
        }
        let expected = "no answer to a key that the source does not have, and answers to those beside it";
        return match fetch(proof.adapter, entity, &[keys[0].clone(), key]).await {
            Err(error) => proof.broke(Check::Miss, &name, expected, &error),
            Ok(found) if found.iter().any(|fetched| fetched.ordinal == 1) => {
                let fix = "join the keys by the root's own key, and by nothing wider";
                proof.report.failed(Check::Miss, &name, expected, "a record came back", fix)
            }
            Ok(_) => {
                proof.report.passed(Check::Miss, &name, "a key that the source does not have has no answer")
            }
        };
    }
    proof.report.not_applicable(Check::Miss, &name, reason);
}

/// Another letter case and a trailing blank find the row here if and only if they do over there.
async fn equality(proof: &mut Proof<'_>, entity: Entity, root: NodeId, keys: &[Key], found: &[Fetched]) {
    let name = entity.to_string();
    let types: Vec<KeyType> = proof.adapter.graph().key_types(root).collect();
    let Some(at) = types.iter().rposition(|key_type| *key_type == KeyType::Text) else {
        let reason = "its key holds no text: equal values have one form";
        return proof.report.not_applicable(Check::Equality, &name, reason);
    };
    let lettered = |text: &str| text.chars().any(char::is_alphabetic);
    let chosen = found.iter().map(|fetched| &keys[fetched.ordinal]);
    let chosen = chosen.max_by_key(|key| key.values().get(at).is_some_and(|part| lettered(part)));
    let Some(key) = chosen.cloned() else {
        return proof.report.not_applicable(Check::Equality, &name, "no row is a record");
    };
    let part = key.values().get(at).map(|part| part.to_string()).unwrap_or_default();
    let forms = [
        ("upper case", part.to_uppercase()),
        ("lower case", part.to_lowercase()),
        ("a trailing blank", format!("{part} ")),
    ];
    let mut agreed = Vec::new();
    for (what, form) in forms.into_iter().filter(|(_, form)| *form != part) {
        let Some(asked) = with_part(proof, root, &key, at, &form) else { continue };
        let there = match proof.bench.finds(root, &asked).await {
            Ok(there) => there,
            Err(error) => return proof.unable(Check::Equality, &name, &error),
        };
        let expected = format!("{what} finds the row: {there}, as at the source");
        match fetch(proof.adapter, entity, std::slice::from_ref(&asked)).await {
            Err(error) => return proof.broke(Check::Equality, &name, &expected, &error),
            Ok(here) if here.is_empty() == there => {
                let fix = "compare keys in the source, with the key column's own type and collation";
                let seen = format!("{what} finds the row: {}", !here.is_empty());
                return proof.report.failed(Check::Equality, &name, expected, seen, fix);
            }
            Ok(here) if here.iter().any(|it| it.record.as_ref().is_ok_and(|it| it.key == asked)) => {
                let fix = "return the key as the row has it, not as it was asked for";
                let seen = "the record has the key that was asked for";
                return proof.report.failed(Check::Equality, &name, "the row's own key", seen, fix);
            }
            Ok(_) => agreed.push(format!("{what}: {}", if there { "equal" } else { "another key" })),
        }
    }
    proof.report.passed(Check::Equality, &name, agreed.join(", "));
}

async fn bad_keys(proof: &mut Proof<'_>, entity: Entity, root: NodeId, keys: &[Key]) {
    let name = entity.to_string();
    let types: Vec<KeyType> = proof.adapter.graph().key_types(root).collect();
    let sound = keys.first().map_or_else(|| "1".to_owned(), |key| key.as_str().to_owned());
    let mut bad = vec![("a value too many", format!("{sound}|1"))];
    if types.len() > 1 {
        bad.push(("a value too few", "1".to_owned()));
    }
    if types.iter().any(|key_type| *key_type != KeyType::Text) {
        bad.push(("values of another type", vec!["no such value"; types.len()].join("|")));
    }
    let expected = "an error, since a miss would delete the record";
    let count = bad.len();
    for (what, key) in bad {
        match fetch(proof.adapter, entity, &[Key::from_canonical(key)]).await {
            Err(error) if error.class() != ErrorClass::Transient => {}
            Err(error) => {
                let seen = format!("{what}: to be tried again for ever: {}", wattle_core::explain(&error));
                let fix = "return an error whose class is not transient";
                return proof.report.failed(Check::BadKey, &name, expected, seen, fix);
            }
            Ok(_) => {
                let fix = "check the key's values against the graph's key types before asking the source";
                return proof.report.failed(Check::BadKey, &name, expected, format!("{what}: a miss"), fix);
            }
        }
    }
    proof.report.passed(Check::BadKey, &name, format!("{count} kinds of bad keys are errors"));
}
