//! Cut connections: what is written while they are down must be heard from the last position on.

use wattle_core::{ErrorClass, Fence, Key, NodeId, SourceError};

use crate::bench::{End, Work};
use crate::capture::hear;
use crate::prove::Proof;
use crate::report::Check;

/// Calls that may fail before the adapter has noticed: one for each pooled session, and one more.
const ATTEMPTS: usize = 8;

pub(crate) async fn prove(proof: &mut Proof<'_>) {
    let (expected, subject) = ("what is written while connections are down is heard", "source");
    let copied = match first_copy(proof).await {
        Some(copied) => copied,
        None => {
            let reason = "no node lets its rows be copied";
            return proof.report.not_applicable(Check::Reconnect, subject, reason);
        }
    };
    let (node, of) = copied;
    let from = match proof.adapter.now().await {
        Ok(from) => from,
        Err(error) => return proof.broke(Check::Reconnect, subject, expected, &error),
    };
    let feed = proof.adapter.changes(&from).await;
    if let Err(error) = proof.bench.cut().await {
        return proof.unable(Check::Reconnect, subject, &error);
    }
    drop(feed);
    let key = match proof.bench.run(&[Work::Copy { node, of }], End::Commit).await {
        Ok(keys) => keys[0].clone(),
        Err(error) => return proof.unable(Check::Reconnect, subject, &error),
    };
    let again = again(proof, &from, node, &key).await;
    if let Err(error) = proof.bench.run(&[Work::Delete { node, key }], End::Commit).await {
        return proof.unable(Check::Reconnect, subject, &error);
    }
    match again {
        Ok(true) => proof.report.passed(
            Check::Reconnect,
            subject,
            "snapshots and the feed go on, and nothing is lost",
        ),
        Ok(false) => {
            let fix = "begin a feed exactly at the position that it is given";
            proof.report.failed(Check::Reconnect, subject, expected, "the write was not heard", fix);
        }
        Err(error) => proof.broke(Check::Reconnect, subject, expected, &error),
    }
}

async fn first_copy(proof: &mut Proof<'_>) -> Option<(NodeId, Key)> {
    for node in proof.adapter.graph().captured().collect::<Vec<_>>() {
        for of in proof.keys.get(&node).into_iter().flatten().take(3).cloned().collect::<Vec<_>>() {
            if proof.bench.run(&[Work::Copy { node, of: of.clone() }], End::Rollback).await.is_ok() {
                return Some((node, of));
            }
        }
    }
    None
}

async fn again(
    proof: &Proof<'_>,
    from: &wattle_core::Position,
    node: NodeId,
    key: &Key,
) -> Result<bool, SourceError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let tried = async {
            drop(proof.adapter.snapshot(&Fence::default()).await?);
            let mut feed = proof.adapter.changes(from).await?;
            let heard = hear(proof, feed.as_mut(), node, std::slice::from_ref(key)).await?;
            Ok(heard.whole || heard.keys.contains(key))
        };
        match tried.await {
            Err(error) if attempt < ATTEMPTS && SourceError::class(&error) == ErrorClass::Transient => {
                // A server may hold on to a slot until it has noticed the cut.
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
            done => return done,
        }
    }
}
