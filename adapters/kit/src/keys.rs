//! Keys: their types and their pages, and the graph beside the catalogue.

use std::collections::HashSet;

use wattle_core::{Key, NodeId, SourceAdapter, SourceError};

use crate::bench::{Disagreement, Review};
use crate::prove::Proof;
use crate::report::Check;

/// More pages than this of one size say nothing new.
const MAX_PAGES: usize = 60;

pub(crate) async fn prove(proof: &mut Proof<'_>) {
    for node in proof.adapter.graph().node_ids() {
        let name = proof.name(node);
        match scan(proof.adapter, node, proof.settings.keys, proof.settings.keys).await {
            Err(error) => {
                proof.broke(Check::Graph, &name, "the relation and its key columns are there", &error)
            }
            Ok(keys) => {
                types(proof, node, &keys);
                pages(proof, node, &keys).await;
                proof.keys.insert(node, keys);
            }
        }
    }
    catalogue(proof).await;
}

/// The graph beside the source's own foreign keys.
async fn catalogue(proof: &mut Proof<'_>) {
    let subject = "foreign keys";
    let Review { disagreements, followed, left_out } = match proof.bench.review().await {
        Ok(review) => review,
        Err(error) => return proof.unable(Check::Graph, subject, &error),
    };
    let sound = disagreements.is_empty();
    for Disagreement { node, what, fix } in disagreements {
        let name = proof.name(node);
        proof.report.failed(Check::Graph, &name, "the graph says what the catalogue says", what, fix);
    }
    if sound && followed == 0 && left_out.is_empty() {
        let reason = "the source declares none between these nodes: read the edges with care";
        proof.report.not_applicable(Check::Graph, subject, reason);
    } else if sound {
        let mut seen = format!("{followed} are edges");
        if !left_out.is_empty() {
            seen.push_str(&format!(", not: {}", left_out.join(", ")));
        }
        proof.report.passed(Check::Graph, subject, seen);
    }
}

/// Keys of a node in pages of a size, up to a number of them.
async fn scan(
    adapter: &dyn SourceAdapter,
    node: NodeId,
    size: usize,
    most: usize,
) -> Result<Vec<Key>, SourceError> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = adapter.keys(node, after.as_ref(), size).await?;
        if page.keys.len() > size {
            return Err(SourceError::Bug { what: format!("a page of {size} has {} keys", page.keys.len()) });
        }
        if page.next.is_some() && page.next == after {
            return Err(SourceError::Bug { what: "the cursor stands still".into() });
        }
        keys.extend(page.keys);
        after = page.next;
        if after.is_none() || keys.len() >= most {
            keys.truncate(most);
            return Ok(keys);
        }
    }
}

fn types(proof: &mut Proof<'_>, node: NodeId, keys: &[Key]) {
    let name = proof.name(node);
    let graph = proof.adapter.graph();
    let fits = |key: &Key| {
        let values = key.values();
        Key::new(graph.key_types(node), values.iter().map(|value| &**value)).as_ref() == Ok(key)
    };
    let wrong = keys.iter().filter(|key| !fits(key)).count();
    if wrong > 0 {
        proof.report.failed(
            Check::Graph,
            &name,
            "every key has the graph's columns and types, in canonical form",
            format!("{wrong} of {} keys do not", keys.len()),
            "give the key columns' types as the table has them, and build keys by Key::new",
        );
    } else if keys.is_empty() {
        proof.report.passed(Check::Graph, &name, "the relation is there, and empty");
    } else {
        proof.report.passed(Check::Graph, &name, format!("{} keys have their types", keys.len()));
    }
}

/// Pages of other sizes must tell the same keys in the same order, and none twice.
async fn pages(proof: &mut Proof<'_>, node: NodeId, keys: &[Key]) {
    let name = proof.name(node);
    if keys.len() < 2 {
        let reason = format!("the node has {} rows, and two make a second page", keys.len());
        return proof.report.not_applicable(Check::Paging, &name, reason);
    }
    let expected = "every key once and in the same order, whatever the page's size";
    let fix =
        "order by all key columns, in the order in which the cursor is compared, and begin after the cursor";
    let distinct: HashSet<&Key> = keys.iter().collect();
    if distinct.len() < keys.len() {
        let seen = format!("{} of {} keys come twice", keys.len() - distinct.len(), keys.len());
        return proof.report.failed(Check::Paging, &name, expected, seen, fix);
    }
    for size in [1, 7, keys.len() - 1, keys.len()] {
        let most = keys.len().min(size.saturating_mul(MAX_PAGES));
        match scan(proof.adapter, node, size, most).await {
            Err(error) => return proof.broke(Check::Paging, &name, expected, &error),
            Ok(again) if again != keys[..most] => {
                let at = again.iter().zip(keys).take_while(|(a, b)| a == b).count();
                let seen = format!("pages of {size} differ at key {} of {most}", at + 1);
                return proof.report.failed(Check::Paging, &name, expected, seen, fix);
            }
            Ok(_) => {}
        }
    }
    proof.report.passed(Check::Paging, &name, format!("{} keys in pages of four sizes", keys.len()));
}
