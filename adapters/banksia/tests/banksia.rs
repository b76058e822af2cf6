//! The sample database agrees with the World, through the pack and the engine that reads it.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use wattle_banksia::{Banksia, Error, Workload, create};
use wattle_core::{Entity, Fence, Severity, SourceAdapter};
use wattle_mysql::{MySqlAdapter, Options};
use wattle_sample::{MutationKind, World, WorldConfig};
use wattle_sql::Pack;
use wattle_testbed::{Fetched, MariaDatabase, MariaDb, Records, Stop};

fn config(seed: u64, customers: u32) -> WorldConfig {
    let today = chrono::Utc::now().date_naive();
    WorldConfig { seed, customers, today, months: 24 }
}

async fn sample(label: &str, seed: u64, customers: u32) -> Result<MariaDatabase> {
    let database = MariaDb::shared().await?.database(label).await?;
    create(&database.url(), config(seed, customers), |_| {}).await?;
    Ok(database)
}

fn adapter(url: &str) -> Result<MySqlAdapter> {
    let pack = Pack::from_files(wattle_banksia::PACK).map_err(|errors| anyhow::anyhow!("{errors:#?}"))?;
    Ok(MySqlAdapter::new(pack, url, Options::default())?)
}

/// Fetches everything there is, in pages of keys, and compares it with what the World says.
async fn assert_agrees(adapter: &MySqlAdapter, world: &World) -> Result<()> {
    let mut records = HashMap::new();
    for entity in Entity::ALL {
        let root = adapter.graph().root(entity).context("the pack feeds every entity")?;
        let (mut found, mut after): (Records, _) = (Records::new(), None);
        loop {
            let page = adapter.keys(root, after.as_ref(), 700).await?;
            let mut snapshot = adapter.snapshot(&Fence::default()).await?;
            for fetched in snapshot.fetch(entity, &page.keys).await? {
                found.insert(page.keys[fetched.ordinal].clone(), fetched.record?);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        records.insert(entity, found);
    }
    Fetched::new(&records).compare(world, &Banksia)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_agrees_with_the_world_before_and_after_mutations() -> Result<()> {
    let database = sample("banksia_agrees", 41, 150).await?;
    let adapter = adapter(&database.url())?;
    let mut workload = Workload::open(&database.url()).await?;
    assert_agrees(&adapter, workload.world()).await?;
    for kind in MutationKind::ALL {
        assert_eq!(workload.step_kind(*kind).await?.kind, *kind);
    }
    for _ in 0..1_500 {
        workload.step().await?;
    }
    assert_agrees(&adapter, workload.world()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn check_asks_for_nothing_but_grants() -> Result<()> {
    let database = sample("banksia_check", 42, 30).await?;
    let server = database.server();
    let reader = server.unique_name("reader");
    server.sql("", &format!("create user {reader}@'%' identified by 'reads'")).await?;
    let adapter = adapter(&database.url_as(&reader, "reads"))?;
    for _ in 0..5 {
        let mut refused = adapter.check().await?;
        refused.retain(|finding| finding.severity == Severity::Refused);
        if refused.is_empty() {
            return Ok(());
        }
        for finding in refused {
            ensure!(finding.fix.starts_with("grant "), "{finding:?}");
            database.sql(&finding.fix).await.with_context(|| format!("{finding:?}"))?;
        }
    }
    anyhow::bail!("it still asks: {:?}", adapter.check().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_step_is_done_twice_when_the_server_restarts() -> Result<()> {
    let server = MariaDb::start().await?;
    let database = server.database("banksia").await?;
    create(&database.url(), config(43, 30), |_| {}).await?;
    let mut workload = Workload::open(&database.url()).await?;
    let mut done = Vec::new();
    while done.len() < 60 {
        if matches!(done.len(), 20 | 40) {
            server.restart(if done.len() == 20 { Stop::Fast } else { Stop::Immediate }).await?;
        }
        match workload.step().await {
            Ok(step) => done.push(step.index),
            Err(error) => ensure!(error.is_transient(), "{error:?}"),
        }
    }
    assert_eq!(done, (0..60).collect::<Vec<u64>>());
    assert_agrees(&adapter(&database.url())?, workload.world()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_empty_databases_and_own_samples_are_touched() -> Result<()> {
    let database = MariaDb::shared().await?.database("banksia_refuses").await?;
    let url = database.url();
    assert!(matches!(Workload::open("localhost").await, Err(Error::Address(_))));
    assert!(matches!(Workload::open(&url).await, Err(Error::NoSample)));
    database.sql("create table precious (id integer)").await?;
    let refused = create(&url, config(1, 10), |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("precious"), "{refused}");
    database.sql("drop table precious").await?;
    let mut stages = Vec::new();
    create(&url, config(1, 10), |progress| stages.push(progress.stage)).await?;
    assert!(stages.contains(&"bil_ledger") && stages.last() == Some(&"noise"));
    database.sql("update wattle_sample_state set version = 0").await?;
    assert!(matches!(Workload::open(&url).await, Err(Error::OtherVersion { found: 0 })));
    Ok(())
}
