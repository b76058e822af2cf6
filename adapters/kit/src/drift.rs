//! Schema drift: an altered table is noticed, keeps nothing else from being read, and loses nothing.

use wattle_core::{Entity, ErrorClass, Feed, Key, NodeId, Severity, SourceError};

use crate::bench::BenchError;
use crate::capture::hear;
use crate::fetching::fetch;
use crate::prove::Proof;
use crate::report::Check;

/// How often it may fail after all is right again.
const ATTEMPTS: usize = 2;

/// How many records of an entity are found, or why it cannot be read.
type Counts = Vec<(Entity, Result<usize, SourceError>)>;

pub(crate) async fn prove(proof: &mut Proof<'_>, feed: &mut dyn Feed) {
    let mut refused = BenchError::NotPossible("no captured node".into());
    let before = counts(proof).await;
    for node in proof.adapter.graph().captured().collect::<Vec<_>>() {
        match proof.bench.alter(node).await {
            Ok(()) => return altered(proof, feed, node, &before).await,
            Err(error) => refused = error,
        }
    }
    proof.unable(Check::SchemaDrift, "source", &refused);
}

async fn altered(proof: &mut Proof<'_>, feed: &mut dyn Feed, node: NodeId, before: &Counts) {
    let name = proof.name(node);
    let heard = hear(proof, feed, node, &[]).await;
    let findings = proof.adapter.check().await;
    let checked = findings.is_ok_and(|found| found.iter().any(|it| it.severity == Severity::Refused));
    let meanwhile = Compared::new(before, counts(proof).await);
    if let Err(error) = proof.bench.restore(node).await {
        let fix = "take the alteration of this table back";
        let expected = "nothing is left behind";
        return proof.report.failed(Check::SchemaDrift, &name, expected, error.to_string(), fix);
    }
    let mut noticed = Vec::new();
    match heard {
        Ok(heard) if heard.schema => noticed.push("the feed says so".to_owned()),
        Ok(_) => {}
        Err(error) if error.class() == ErrorClass::Config => {
            noticed.push("the feed stops and says what to do".to_owned());
        }
        Err(error) => {
            let expected = "the feed says so or stops with a setting to mend";
            return proof.broke(Check::SchemaDrift, &name, expected, &error);
        }
    }
    if checked {
        noticed.push("check() refuses it".to_owned());
    }
    if meanwhile.refused > 0 {
        noticed.push(format!("{} entities say what to mend", meanwhile.refused));
    }
    let expected =
        "it is noticed, what it does not concern is read as before, and all of it again afterwards";
    // What an adapter remembers of the tables it may learn to be old by a fetch that fails.
    let mut restored = Compared::new(before, counts(proof).await);
    for _ in 0..ATTEMPTS {
        if restored.refused > 0 {
            restored = Compared::new(before, counts(proof).await);
        }
    }
    let seen = if noticed.is_empty() {
        "neither the feed nor check() nor a fetch says anything".to_owned()
    } else if let Some(wrong) = meanwhile.wrong.first() {
        format!("while it was altered: {wrong}")
    } else if let Some(wrong) = restored.wrong.first() {
        format!("after it was put right: {wrong}")
    } else if restored.refused > 0 {
        format!("after it was put right {} entities still cannot be read", restored.refused)
    } else {
        let seen = format!("{}; {} entities were read as before", noticed.join(", "), meanwhile.as_before);
        return proof.report.passed(Check::SchemaDrift, &name, seen);
    };
    let fix = "yield Change::SchemaChanged, let check() compare the columns with the catalogue, and answer a fetch that \
               cannot look with an error of a setting";
    proof.report.failed(Check::SchemaDrift, &name, expected, seen, fix);
}

/// Reads a few records of every entity.
async fn counts(proof: &Proof<'_>) -> Counts {
    let graph = proof.adapter.graph();
    let mut counts = Vec::new();
    for (entity, root) in graph.entities().filter_map(|entity| Some((entity, graph.root(entity)?))) {
        let keys: Vec<Key> = proof.keys.get(&root).into_iter().flatten().take(50).cloned().collect();
        counts.push((entity, fetch(proof.adapter, entity, &keys).await.map(|found| found.len())));
    }
    counts
}

/// What is read otherwise than before.
#[derive(Default)]
struct Compared {
    /// How many entities are read as before.
    as_before: usize,
    /// How many say that a setting, a grant or the pack must be mended.
    refused: usize,
    /// What else happened, in words.
    wrong: Vec<String>,
}

impl Compared {
    fn new(before: &Counts, now: Counts) -> Self {
        let mut compared = Self::default();
        for ((_, before), (entity, now)) in before.iter().zip(now) {
            match (before, now) {
                (Err(_), _) => {}
                (Ok(before), Ok(now)) if *before == now => compared.as_before += 1,
                (Ok(before), Ok(now)) => compared.wrong.push(format!(
                    "of {before} records of {entity} {now} are found, and others taken for gone"
                )),
                (Ok(_), Err(error)) if error.class() == ErrorClass::Config => compared.refused += 1,
                (Ok(_), Err(error)) => {
                    compared.wrong.push(format!("{entity}: {}", wattle_core::explain(&error)));
                }
            }
        }
        compared
    }
}
