//! Rule 10: before the first key is scanned, the position that capture begins at is stored. Touches carry the position
//! of their time.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use rstest_reuse::apply;
use wattle_core::Entity;
use wattle_postgres::Options;
use wattle_testbed::{Engine, Postgres, eventually};

use crate::engines::two_sources;
use crate::mini::recorder::Call;
use crate::mini::{Mini, PATIENCE};

/// The jobs loop finds a hydration to do while the source is still being prepared, and waits.
#[apply(two_sources)]
#[tokio::test]
async fn the_position_is_stored_before_the_first_key_is_scanned(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    let mut begin = mini.adapter.hold(|call| matches!(call, Call::Begin(_)));
    let mut keys = mini.adapter.hold(|call| matches!(call, Call::Keys(_)));
    mini.hydrate(&[]).await?;
    mini.count_anew().await?;
    let _running = mini.run();
    begin.reached().await?;
    mini.has_asked("from job where", 2, async || Ok(mini.adapter.calls().len() > 1)).await?;
    ensure!(mini.position().await?.is_none(), "this test holds capture before it stores its position");
    ensure!(mini.adapter.calls().len() == 1, "more than capture is at work: {:?}", mini.adapter.calls());
    begin.go_on();
    keys.reached().await?;
    ensure!(mini.position().await?.is_some(), "keys are scanned, and no position is stored");
    keys.go_on();
    mini.settled().await?;
    mini.expect(Entity::Account, &["A"]).await
}

/// The feed is held until the accounts were scanned and written: what changes from then on, and before the feed
/// begins, is in the log after the position that was stored.
#[apply(two_sources)]
#[tokio::test]
async fn what_changes_between_the_position_and_the_feed_is_not_lost(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('A', 'Old'), ('B', 'B')").await?;
    let mut feed = mini.adapter.hold(|call| matches!(call, Call::Changes(_)));
    mini.hydrate(&[]).await?;
    let _running = mini.run();
    feed.reached().await?;
    eventually(PATIENCE, async || mini.expect(Entity::Account, &["A", "B"]).await).await?;
    mini.sql("update crm.account set display_name = 'New' where account_no = 'A'; delete from crm.account where account_no = 'B'")
        .await?;
    feed.go_on();
    mini.settled().await?;
    mini.expect(Entity::Account, &["A"]).await?;
    ensure!(mini.names().await?["A"] == "New", "{:?}", mini.names().await?);
    Ok(())
}

/// Keys are scanned on a replica that has yet to replay rows from before capture began: no event speaks of those.
#[tokio::test]
async fn a_scan_on_a_replica_sees_what_was_there_when_capture_began() -> Result<()> {
    let server = Postgres::start().await?;
    let replica = server.standby(&[]).await?;
    let impatient = Options { fence_timeout_ms: 200, ..Options::default() };
    let mini = Mini::of_replica(server, &replica, impatient).await?;
    replica.psql("postgres", "select pg_wal_replay_pause()").await?;
    eventually(PATIENCE, async || {
        let state = replica.psql("postgres", "select pg_get_wal_replay_pause_state()").await?;
        ensure!(state[0][0].as_deref() == Some("paused"), "the replica is {state:?}");
        Ok(())
    })
    .await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    mini.hydrate(&[Entity::Account]).await?;
    let _running = mini.run();
    let jobs = "select count(*) from job where state = 'done'";
    eventually(PATIENCE, async || {
        let state = mini.state().await?;
        let waits = state.contains("has not replayed");
        ensure!(waits || mini.number(jobs).await? == 1, "the source is {state}");
        Ok(())
    })
    .await?;
    replica.psql("postgres", "select pg_wal_replay_resume()").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A"]).await
}

#[apply(two_sources)]
#[tokio::test]
async fn touches_carry_the_position_of_their_time(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql("insert into crm.account (account_no) values ('A'), ('B')").await?;
    let _running = mini.run_and_hydrate().await?;
    let carried = mini.stored("backfill").await?.into_iter().map(|stored| stored.position);
    let carried: BTreeSet<String> = carried.collect();
    let asked = mini.adapter.calls().into_iter().filter_map(|call| match call {
        Call::Now(position) => Some(position.as_str().to_owned()),
        _ => None,
    });
    let asked: BTreeSet<String> = asked.collect();
    ensure!(
        !carried.is_empty() && carried.is_subset(&asked),
        "touches carry {carried:?}, and the source was asked for {asked:?}"
    );
    Ok(())
}
