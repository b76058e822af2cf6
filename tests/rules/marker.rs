//! Rule 5: the marker moves by compare-and-set on its old place and the lease's token.

use anyhow::{Context, Result, ensure};
use rstest_reuse::apply;
use wattle_core::Entity;
use wattle_testbed::{Engine, eventually};

use crate::engines::two_sources;
use crate::mini::{Mini, PATIENCE};

/// Lets a stranger change the markers behind a consumer's back, and makes sure that the consumer changes nothing with
/// its next batch and lets go of the source; whoever has the lease after that goes on.
async fn changes_nothing_after(source: Engine, target: Engine, sql: &str) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('A', 'Old')").await?;
    let _running = mini.run_and_hydrate().await?;
    // The next in line for the lease, so that nobody else has it when the consumer lets go.
    let taking = mini.next_in_line().await?;
    mini.execute(sql).await?;
    let markers =
        "select lane || ' ' || seq || ' ' || coalesce(position, '-') as v from marker order by lane";
    let before = mini.list(markers).await?;
    mini.sql("update crm.account set display_name = 'New'").await?;
    eventually(PATIENCE, async || {
        let applied = mini.names().await?["A"] == "New";
        ensure!(applied || taking.is_finished(), "the consumer holds on to the lease, and applies nothing");
        Ok(())
    })
    .await?;
    ensure!(mini.names().await?["A"] == "Old", "a consumer that should not have changed the target");
    ensure!(mini.list(markers).await? == before, "the markers were moved");
    drop(taking.await??);
    mini.settled().await?;
    ensure!(mini.names().await?["A"] == "New", "{:?}", mini.names().await?);
    Ok(())
}

#[apply(two_sources)]
#[tokio::test]
async fn a_consumer_with_a_stale_lease_token_changes_nothing(source: Engine, target: Engine) -> Result<()> {
    changes_nothing_after(source, target, "update marker set lease_token = lease_token + 1").await
}

#[apply(two_sources)]
#[tokio::test]
async fn a_consumer_whose_marker_was_moved_changes_nothing(source: Engine, target: Engine) -> Result<()> {
    changes_nothing_after(source, target, "update marker set seq = seq - 1 where lane = 'live'").await
}

/// Another consumer may have gone on without what is paused: it alone knows from where it must be made up for.
#[apply(two_sources)]
#[tokio::test]
async fn a_consumer_with_a_stale_lease_token_ends_no_pause(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("alter table billing.bill rename usage to consumption").await?;
    mini.sql("insert into billing.bill (bill_id, account_no) values (1, 'A')").await?;
    mini.says(&["running", "invoice is paused"]).await?;
    let taking = mini.next_in_line().await?;
    mini.execute("update marker set lease_token = lease_token + 1").await?;
    mini.sql("alter table billing.bill rename consumption to usage").await?;
    let paused = async || mini.value("select reason from entity_pause").await;
    eventually(PATIENCE, async || {
        let ended = paused().await?.is_none();
        ensure!(ended || taking.is_finished(), "the consumer holds on to the lease, and tries nothing");
        Ok(())
    })
    .await?;
    ensure!(paused().await?.is_some(), "a consumer that should not have ended the pause");
    drop(taking.await??);
    mini.settled().await?;
    mini.expect(Entity::Invoice, &["1"]).await
}

#[apply(two_sources)]
#[tokio::test]
async fn of_two_runners_one_works_and_the_other_takes_over_when_it_ends(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('A', '0')").await?;
    let first = mini.run_and_hydrate().await?;
    let token = token(&mini).await?;
    mini.count_anew().await?;
    let _second = mini.run_on(mini.another_adapter()?);
    // It has asked more than once, and was turned away.
    mini.has_asked("pg_try_advisory_lock", 3, async || Ok(false)).await?;
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
    let tokens = mini.list("select distinct lease_token as v from marker").await?;
    ensure!(tokens.len() == 1, "the lanes have different tokens: {tokens:?}");
    Ok(tokens[0].as_ref().context("it is not null")?.parse()?)
}
