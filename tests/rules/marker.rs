//! Rule 5: the marker moves by compare-and-set on its old place and the lease's token.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use wattle_testbed::eventually;

use crate::mini::{Mini, PATIENCE, TENANT, system};

/// Lets a stranger change the markers behind a consumer's back, and makes sure that the consumer changes nothing with
/// its next batch and lets go of the source; whoever has the lease after that goes on.
async fn changes_nothing_after(sql: &str) -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('A', 'Old')").await?;
    let _running = mini.run_and_hydrate().await?;
    // The next in line for the lease, so that nobody else has it when the consumer lets go.
    let next = mini.target.client().await?;
    let lock = format!("hashtextextended('wattle sync-{} {TENANT}', 0)", system());
    let (taking, unlock) =
        (format!("select pg_advisory_lock({lock})"), format!("select pg_advisory_unlock({lock})"));
    let taking = tokio::spawn(async move { next.batch_execute(&taking).await.map(|()| next) });
    mini.blocked_stranger().await?;
    mini.target.psql(sql).await?;
    let markers = format!(
        "select string_agg(concat_ws(' ', lane, seq, position), ', ' order by lane) from t_{TENANT}.marker"
    );
    let before = mini.target.value(&markers).await?;
    mini.sql("update crm.account set display_name = 'New'").await?;
    eventually(PATIENCE, async || {
        let applied = mini.names().await?["A"] == "New";
        ensure!(applied || taking.is_finished(), "the consumer holds on to the lease, and applies nothing");
        Ok(())
    })
    .await?;
    ensure!(mini.names().await?["A"] == "Old", "a consumer that should not have changed the target");
    ensure!(mini.target.value(&markers).await? == before, "the markers were moved");
    taking.await??.batch_execute(&unlock).await?;
    mini.settled().await?;
    ensure!(mini.names().await?["A"] == "New", "{:?}", mini.names().await?);
    Ok(())
}

#[tokio::test]
async fn a_consumer_with_a_stale_lease_token_changes_nothing() -> Result<()> {
    changes_nothing_after(&format!("update t_{TENANT}.marker set lease_token = lease_token + 1")).await
}

#[tokio::test]
async fn a_consumer_whose_marker_was_moved_changes_nothing() -> Result<()> {
    changes_nothing_after(&format!("update t_{TENANT}.marker set seq = seq - 1 where lane = 'live'")).await
}

#[tokio::test]
async fn of_two_runners_one_works_and_the_other_takes_over_when_it_ends() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('A', '0')").await?;
    let first = mini.run_and_hydrate().await?;
    let token = token(&mini).await?;
    mini.target.reset_statements().await?;
    let _second = mini.run_on(Arc::new(mini.another_adapter()?));
    // It has asked more than once, and was turned away.
    eventually(PATIENCE, async || {
        let statements = mini.target.statements().await?;
        let asked =
            statements.iter().find(|s| s.query.contains("pg_try_advisory_lock")).map_or(0, |s| s.calls);
        ensure!(asked >= 3, "the second runner asked {asked} times for the lease");
        Ok(())
    })
    .await?;
    mini.sql("update crm.account set display_name = '1'").await?;
    mini.settled().await?;
    ensure!(mini.names().await?["A"] == "1", "{:?}", mini.names().await?);
    ensure!(self::token(&mini).await? == token, "the second runner has taken the lease from the first");
    first.stop().await?;
    mini.sql("update crm.account set display_name = '2'").await?;
    mini.settled().await?;
    ensure!(mini.names().await?["A"] == "2", "{:?}", mini.names().await?);
    ensure!(self::token(&mini).await? == token + 1, "one lease followed the other");
    Ok(())
}

async fn token(mini: &Mini) -> Result<i64> {
    let tokens = mini.target.psql(&format!("select distinct lease_token from t_{TENANT}.marker")).await?;
    ensure!(tokens.len() == 1, "the lanes have different tokens: {tokens:?}");
    Ok(tokens[0][0].as_ref().context("it is not null")?.parse()?)
}
