//! The proxy's faults, in front of a real server.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};
use wattle_testbed::{Database, Fault, Postgres, Proxy, eventually};

const LIMIT: Duration = Duration::from_secs(10);
/// Long enough for a local server to have answered if it was going to.
const SILENCE: Duration = Duration::from_millis(200);

async fn fixture() -> Result<(Database, Proxy)> {
    let server = Postgres::shared().await?;
    let database = server.database("proxied").await?;
    database.psql("create table written (id int)").await?;
    Ok((database, server.proxy().await?))
}

async fn client_through(proxy: &Proxy, database: &Database) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(&database.url_through(proxy), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

#[tokio::test]
async fn passes_large_answers_and_counts_connections() -> Result<()> {
    let (database, proxy) = fixture().await?;
    let client = client_through(&proxy, &database).await?;
    let row = client.query_one("select repeat('x', 20000000)", &[]).await?;
    assert_eq!(row.get::<_, &str>(0).len(), 20_000_000);
    let second = client_through(&proxy, &database).await?;
    assert_eq!((proxy.accepted_count(), proxy.open_count()), (2, 2));
    drop(second);
    eventually(LIMIT, async || {
        ensure!(proxy.open_count() == 1, "{} connections", proxy.open_count());
        Ok(())
    })
    .await?;
    assert_eq!(proxy.accepted_count(), 2);
    Ok(())
}

#[tokio::test]
async fn a_cut_ends_old_connections_and_lets_new_ones_in() -> Result<()> {
    let (database, proxy) = fixture().await?;
    let client = client_through(&proxy, &database).await?;
    proxy.cut().await;
    assert_eq!(proxy.open_count(), 0);
    assert!(client.simple_query("select 1").await.is_err());
    client_through(&proxy, &database).await?.simple_query("select 1").await?;
    Ok(())
}

#[tokio::test]
async fn refusing_looks_like_a_server_that_is_down() -> Result<()> {
    let (database, proxy) = fixture().await?;
    let old = client_through(&proxy, &database).await?;
    proxy.set(Fault::Refuse).await?;
    let refused = tokio::net::TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    old.simple_query("select 1").await?;
    proxy.set(Fault::Pass).await?;
    client_through(&proxy, &database).await?.simple_query("select 1").await?;
    Ok(())
}

#[tokio::test]
async fn a_black_hole_stalls_everything_and_loses_nothing() -> Result<()> {
    let (database, proxy) = fixture().await?;
    let old = client_through(&proxy, &database).await?;
    proxy.set(Fault::BlackHole).await?;
    let stalled = old.execute("insert into written values (1)", &[]);
    tokio::pin!(stalled);
    assert!(timeout(SILENCE, &mut stalled).await.is_err());
    let new = client_through(&proxy, &database);
    tokio::pin!(new);
    assert!(timeout(SILENCE, &mut new).await.is_err());
    assert_eq!(database.value("select count(*) from written").await?.as_deref(), Some("0"));
    proxy.set(Fault::Pass).await?;
    assert_eq!(stalled.await?, 1);
    new.await?.simple_query("select 1").await?;
    Ok(())
}

#[tokio::test]
async fn held_answers_and_a_cut_lose_the_answer_to_work_that_was_done() -> Result<()> {
    let (database, proxy) = fixture().await?;
    let client = client_through(&proxy, &database).await?;
    proxy.set(Fault::HoldAnswers).await?;
    let unanswered = client.batch_execute("insert into written values (1)");
    tokio::pin!(unanswered);
    let done = eventually(LIMIT, async || {
        let count = database.value("select count(*) from written").await?;
        ensure!(count.as_deref() == Some("1"), "{count:?} rows");
        Ok(())
    });
    tokio::select! {
        answer = &mut unanswered => panic!("answered: {answer:?}"),
        done = done => done?,
    }
    proxy.cut().await;
    assert!(unanswered.await.is_err());
    Ok(())
}

#[tokio::test]
async fn slow_delays_every_round_trip() -> Result<()> {
    let (database, proxy) = fixture().await?;
    let client = client_through(&proxy, &database).await?;
    let delay = Duration::from_millis(60);
    proxy.set(Fault::Slow(delay)).await?;
    let started = Instant::now();
    client.simple_query("select 1").await?;
    assert!(started.elapsed() >= 2 * delay, "a round trip took {:?}", started.elapsed());
    Ok(())
}
