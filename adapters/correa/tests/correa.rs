//! The sample database agrees with the World, through the pack's own queries.

mod fetch;

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::Utc;
use tokio_postgres::Client;
use wattle_core::Entity;
use wattle_correa::{Correa, Error, Workload, create};
use wattle_sample::{MutationKind, World, WorldConfig};
use wattle_sql::Pack;
use wattle_testbed::{Database, Fault, Fetched, Postgres, eventually};

fn config(seed: u64, customers: u32) -> WorldConfig {
    let today = Utc::now().with_timezone(&chrono_tz::Australia::Melbourne).date_naive();
    WorldConfig { seed, customers, today, months: 24 }
}

async fn sample(label: &str, seed: u64, customers: u32) -> Result<Database> {
    let database = Postgres::shared().await?.database(label).await?;
    create(&database.url(), config(seed, customers), |_| {}).await?;
    Ok(database)
}

/// Fetches everything there is and compares it with what the World says.
async fn assert_agrees(client: &Client, pack: &Pack, world: &World) -> Result<()> {
    let mut records = HashMap::new();
    for entity in Entity::ALL {
        records.insert(entity, fetch::all(client, pack, entity).await?);
    }
    Fetched::new(&records).compare(world, &Correa)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_agrees_with_the_world_before_and_after_mutations() -> Result<()> {
    let database = sample("correa_agrees", 41, 250).await?;
    let (client, pack) = (database.client().await?, fetch::pack());
    let mut workload = Workload::open(&database.url()).await?;
    assert_agrees(&client, &pack, workload.world()).await?;
    for kind in MutationKind::ALL {
        assert_eq!(workload.step_kind(*kind).await?.kind, *kind);
    }
    for _ in 0..2_500 {
        workload.step().await?;
    }
    assert_agrees(&client, &pack, workload.world()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_goes_on_where_another_stopped() -> Result<()> {
    let database = sample("correa_resumes", 42, 60).await?;
    let mut first = Workload::open(&database.url()).await?;
    for number in 0..300 {
        let step = if number % 7 == 0 {
            first.step_kind(MutationKind::MoveContact).await?
        } else {
            first.step().await?
        };
        assert_eq!(step.index, number);
    }
    let mut second = Workload::open(&database.url()).await?;
    assert_eq!(second.world().mutation_count(), 300);
    assert_eq!(second.step().await?.index, 300);
    // The first is behind now: it is told so, catches up, and goes on.
    assert!(matches!(first.step().await, Err(Error::Overtaken)));
    assert_eq!(first.step().await?.index, 300);
    assert_eq!(first.step().await?.index, 301);
    let client = database.client().await?;
    assert_agrees(&client, &fetch::pack(), first.world()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_step_is_done_twice_when_the_connection_breaks() -> Result<()> {
    let database = sample("correa_breaks", 43, 60).await?;
    let end = "select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()";
    let mut workload = Workload::open(&database.url()).await?;
    let client = database.client().await?;
    let mut done = Vec::new();
    while done.len() < 200 {
        if done.len() % 9 == 0 {
            client.simple_query(end).await?;
        }
        match workload.step().await {
            Ok(step) => done.push(step.index),
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    }
    assert_eq!(done, (0..200).collect::<Vec<u64>>());
    assert_agrees(&client, &fetch::pack(), workload.world()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_was_lost_is_found_out() -> Result<()> {
    let database = sample("correa_lost", 44, 60).await?;
    let proxy = database.server().proxy().await?;
    let mut workload = Workload::open(&database.url_through(&proxy)).await?;
    for index in 0..10 {
        proxy.set(Fault::HoldAnswers).await?;
        let committed = async {
            let count = "select mutations::text from wattle_sample.state";
            eventually(Duration::from_secs(10), async || {
                ensure!(database.value(count).await? == Some((index + 1).to_string()));
                Ok(())
            })
            .await?;
            proxy.cut().await;
            proxy.set(Fault::Pass).await
        };
        let (lost, cut) = tokio::join!(workload.step_kind(MutationKind::NewInvoice), committed);
        cut?;
        assert!(lost.unwrap_err().is_transient());
        let step = workload.step().await?;
        assert_eq!((step.index, step.row_count), (index, 0));
    }
    assert_eq!(workload.world().mutation_count(), 10);
    let client = database.client().await?;
    assert_agrees(&client, &fetch::pack(), workload.world()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_empty_databases_and_own_samples_are_touched() -> Result<()> {
    let database = Postgres::shared().await?.database("correa_refuses").await?;
    let url = database.url();
    assert!(matches!(Workload::open("localhost").await, Err(Error::Address(_))));
    assert!(matches!(Workload::open(&url).await, Err(Error::NoSample)));
    database.psql("create table precious (id integer)").await?;
    let refused = create(&url, config(1, 10), |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("public.precious"), "{refused}");
    database.psql("drop table precious").await?;
    let mut stages = Vec::new();
    create(&url, config(1, 10), |progress| stages.push(progress.stage)).await?;
    assert!(stages.contains(&"billing.ledger") && stages.last() == Some(&"keys and indices"));
    database.psql("update wattle_sample.state set version = 0").await?;
    assert!(matches!(Workload::open(&url).await, Err(Error::OtherVersion { found: 0 })));
    Ok(())
}
