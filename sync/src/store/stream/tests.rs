//! Rule 2: positions become visible in the order in which they were given out.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;
use wattle_core::{
    Entity, EntitySpec, GraphSpec, Hint, Key, KeyColumn, KeyType, NodeSpec, SourceSystem, TenantId,
};
use wattle_tenants::issuer::DevelopmentIssuer;
use wattle_tenants::{Lifecycle, Mode, NewTenant, Secrets, TargetSettings, TenantSession, Tenants};
use wattle_testbed::{Database, Postgres};

use super::*;
use crate::store::marker;

const APPENDERS: usize = 6;
const APPENDS_EACH: usize = 40;

fn graph() -> EntityGraph {
    let mut spec = GraphSpec::default();
    let key = vec![KeyColumn { name: "id".into(), key_type: KeyType::Text }];
    spec.nodes
        .insert("plan".into(), NodeSpec { relation: "r".into(), key, owned_by: vec![], refers_to: vec![] });
    spec.entities.insert(Entity::Plan, EntitySpec { root: "plan".into(), reads: vec![] });
    EntityGraph::new(spec).expect("it is a graph")
}

/// A target with one tenant, and a session of it with a connection for everyone.
async fn target() -> Result<(Database, TenantSession, Scope)> {
    let database = Postgres::shared().await?.database("stream").await?;
    let secrets = Secrets::new(&[7; 32])?;
    let mut settings = TargetSettings::new(database.url());
    settings.max_connections_per_tenant = u32::try_from(APPENDERS)? + 2;
    let lifecycle = Lifecycle::connect(&settings, secrets.clone()).await?;
    lifecycle.migrate().await?;
    let id = TenantId::parse("mini")?;
    let new = NewTenant {
        id: id.clone(),
        display_name: "Mini".into(),
        mode: Mode::Development,
        issuer: "urn:test".into(),
        audience: "urn:test".into(),
        jwks: DevelopmentIssuer::new(&secrets, &id).jwks(),
        public_base_url: "http://localhost".into(),
        host: None,
    };
    lifecycle.add_tenant(new).await?;
    let tenants = Tenants::connect(&settings, secrets).await?;
    let tenant = tenants.tenant(&id).await?.context("it was just added")?;
    let session = tenants.session(&tenant).await?;
    let scope = Scope { tenant: id.to_string(), source: SourceSystem::parse("main")?.to_string() };
    marker::ensure(session.db(), &scope).await?;
    ensure_day(session.db()).await?;
    Ok((database, session, scope))
}

/// Appends in transactions that stay open for a while; every fifth is rolled back. The keys that were committed.
async fn append_now_and_then(session: &TenantSession, scope: &Scope, who: usize) -> Result<Vec<String>> {
    let graph = graph();
    let node = graph.node_named("plan").context("it has the node")?;
    let mut committed = Vec::new();
    for nth in 0..APPENDS_EACH {
        let keys: Vec<String> = (0..=nth % 3).map(|at| format!("{who} {nth} {at}")).collect();
        let change = |key: &String| {
            let key = Key::from_canonical(key.as_str());
            (Change::Row { node, key, hint: Hint::Update }, Position::new("p"))
        };
        let changes: Vec<_> = keys.iter().map(change).collect();
        let work = session.begin().await?;
        append(&work, scope, &graph, Lane::Live, &changes).await?;
        execute(&work, "select pg_sleep(random() * 0.003)", vec![]).await?;
        if nth % 5 == 4 {
            work.rollback().await?;
        } else {
            work.commit().await?;
            committed.extend(keys);
        }
    }
    Ok(committed)
}

/// Reads on from where it came to, as the consumer does, until nobody appends any more and nothing is left.
async fn follow(session: &TenantSession, scope: &Scope, done: &AtomicUsize) -> Result<HashSet<String>> {
    let (graph, mut after, mut keys) = (graph(), 0, HashSet::new());
    loop {
        let was_done = done.load(Ordering::SeqCst) == APPENDERS;
        let entries = read(session.db(), scope, &graph, Lane::Live, after, 7).await?;
        if entries.is_empty() && was_done {
            return Ok(keys);
        }
        for entry in entries {
            ensure!(entry.seq == after + 1, "position {} came after {after}", entry.seq);
            after = entry.seq;
            if let Some(Change::Row { key, .. }) = entry.change {
                keys.insert(key.as_str().to_owned());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_follows_concurrent_appends_skips_no_position() -> Result<()> {
    let (_database, session, scope) = target().await?;
    let (session, done) = (Arc::new(session), Arc::new(AtomicUsize::new(0)));
    let mut appending = JoinSet::new();
    for who in 0..APPENDERS {
        let (session, scope, done) = (session.clone(), scope.clone(), done.clone());
        appending.spawn(async move {
            let committed = append_now_and_then(&session, &scope, who).await;
            done.fetch_add(1, Ordering::SeqCst);
            committed
        });
    }
    let read = follow(&session, &scope, &done).await?;
    let mut committed = HashSet::new();
    for keys in appending.join_all().await {
        committed.extend(keys?);
    }
    let skipped: Vec<_> = committed.difference(&read).collect();
    ensure!(skipped.is_empty(), "the reader skipped {skipped:?}");
    ensure!(read.len() == committed.len(), "{} were read, and {} committed", read.len(), committed.len());
    Ok(())
}
