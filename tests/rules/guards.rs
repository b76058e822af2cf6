//! Section 9: a source that shows less than it has is not believed before someone says so.

use anyhow::{Result, ensure};
use rstest::rstest;
use rstest_reuse::apply;
use wattle_core::Entity;
use wattle_sync::operate::{Accept, resume};
use wattle_testbed::Engine;

use crate::engines::two_sources;
use crate::mini::pack::{FILES, numbers};
use crate::mini::{Mini, Setup, system};

/// As many accounts with a bill each as there are customers.
fn hundreds() -> String {
    let numbers = numbers(300);
    format!(
        "{numbers} insert into crm.account (account_no) select cast(n as text) from numbers;
         {numbers} insert into billing.bill (bill_id, account_no) select n, cast(n as text) from numbers;
         {numbers} insert into crm.person (person_id) select n from numbers;"
    )
}

async fn accept(mini: &Mini, accept: Accept) -> Result<()> {
    let session = mini.tenants.session(&mini.tenant).await?;
    Ok(resume(&session, &system(), accept).await?)
}

async fn count(mini: &Mini, entity: Entity) -> Result<usize> {
    Ok(mini.ids(entity).await?.len())
}

/// More than a fifth of a batch, and more than fifty records.
#[apply(two_sources)]
#[tokio::test]
async fn the_breaker_stops_a_batch_that_deletes_too_much_until_it_is_accepted(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(&hundreds()).await?;
    let _running = mini.run_and_hydrate().await?;
    // What an account owns counts, and so does what the batches before took.
    mini.sql("delete from crm.account where cast(account_no as integer) <= 100").await?;
    mini.says(&["paused", "account", "invoice", "nothing more was deleted", "--accept-deletes"]).await?;
    let left = (count(&mini, Entity::Account).await?, count(&mini, Entity::Invoice).await?);
    ensure!(left.0 >= 274 && left.0 == left.1, "{left:?} of 300 accounts and bills are left");
    accept(&mini, Accept { deletes: true, ..Accept::default() }).await?;
    mini.settled().await?;
    ensure!(count(&mini, Entity::Account).await? == 200 && count(&mini, Entity::Invoice).await? == 200);
    // It counted for what was under way, and no longer.
    mini.sql("delete from crm.account where cast(account_no as integer) <= 200").await?;
    mini.says(&["paused", "account"]).await?;
    ensure!(count(&mini, Entity::Account).await? >= 174);
    Ok(())
}

/// The same rows come back: nothing was lost, and nobody has to say anything.
#[apply(two_sources)]
#[tokio::test]
async fn the_breaker_goes_on_by_itself_when_the_rows_are_back(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(&hundreds()).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("create table kept as select * from crm.person where person_id <= 150; delete from crm.person where person_id <= 150")
        .await?;
    mini.says(&["paused", "customer"]).await?;
    mini.sql("insert into crm.person select * from kept").await?;
    mini.settled().await?;
    mini.says(&["running"]).await?;
    ensure!(count(&mini, Entity::Customer).await? == 300);
    Ok(())
}

/// One customer leaves with a long history, the bills first: that is no reason to ask.
#[rstest]
#[tokio::test]
async fn a_customer_who_leaves_with_all_they_had_is_let_go(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Postgres, target).await?;
    mini.sql(
        "insert into crm.account (account_no) values ('A'), ('B');
         insert into billing.bill (bill_id, account_no) select n, 'A' from generate_series(1, 300) n;
         insert into billing.bill (bill_id, account_no) select n, 'B' from generate_series(301, 310) n",
    )
    .await?;
    let _running = mini.run_and_hydrate().await?;
    for work in ["bill where bill_id <= 100", "bill where bill_id <= 200"] {
        mini.sql(&format!("delete from billing.{work}")).await?;
        mini.settled().await?;
    }
    mini.sql(
        "delete from billing.bill where account_no = 'A'; delete from crm.account where account_no = 'A'",
    )
    .await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["B"]).await?;
    ensure!(count(&mini, Entity::Invoice).await? == 10);
    Ok(())
}

/// One row is asked for, and none of the others that are known can be seen either. What hides them is no policy, which
/// the adapter would notice, but the query itself.
#[rstest]
#[tokio::test]
async fn the_sentinel_does_not_believe_a_source_that_shows_none_of_what_is_known(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let file = FILES.iter().find(|(path, _)| *path == "fetch/account.sql").expect("the pack has it");
    let hiding = format!("{} and current_setting('mini.hides', true) is distinct from 'all'", file.1);
    let files = vec![("fetch/account.sql", hiding)];
    let mini = Mini::of(Setup { files, target, ..Setup::default() }).await?;
    mini.sql(&hundreds()).await?;
    mini.run_and_hydrate().await?.stop().await?;
    let hide = async |value: &str| {
        let reader = mini.reader();
        mini.sql(&format!("alter role {reader} set mini.hides = '{value}'")).await?;
        // Sessions that are there already keep what they began with.
        mini.sql(&format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = '{reader}'"
        ))
        .await
    };
    hide("all").await?;
    let running = mini.run_on(mini.another_adapter()?);
    mini.sql("update crm.account set display_name = 'New' where account_no = '7'").await?;
    mini.says(&["paused", "shows none of the account records that are known", "--accept-deletes"]).await?;
    ensure!(count(&mini, Entity::Account).await? == 300 && count(&mini, Entity::Invoice).await? == 300);
    running.stop().await?;
    hide("none").await?;
    let _running = mini.run_on(mini.another_adapter()?);
    mini.settled().await?;
    ensure!(count(&mini, Entity::Account).await? == 300 && mini.names().await?["7"] == "New");
    Ok(())
}

/// An emptied table is what it looks like, or it is not: someone must say.
#[apply(two_sources)]
#[tokio::test]
async fn an_emptied_table_is_believed_when_someone_says_so(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(&hundreds()).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql(&mini.retailer().emptied(&["crm.account"])).await?;
    mini.says(&["paused", "account", "--accept-deletes"]).await?;
    ensure!(count(&mini, Entity::Account).await? == 300 && count(&mini, Entity::Invoice).await? == 300);
    accept(&mini, Accept { deletes: true, ..Accept::default() }).await?;
    mini.settled().await?;
    ensure!(count(&mini, Entity::Account).await? == 0 && count(&mini, Entity::Invoice).await? == 0);
    Ok(())
}

#[apply(two_sources)]
#[tokio::test]
async fn the_breaker_stops_a_batch_that_quarantines_too_much_until_it_is_accepted(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(&hundreds()).await?;
    let _running = mini.run_and_hydrate().await?;
    let quarantined = async || mini.number("select count(*) from quarantine").await;
    mini.sql("update crm.person set kind = 'X' where person_id <= 150").await?;
    mini.says(&["paused", "cannot be written", "customerUType", "--accept-quarantine"]).await?;
    ensure!(quarantined().await? <= 50);
    // A mapping that is put right, or a source, needs no one's word.
    mini.sql("update crm.person set kind = 'P'").await?;
    mini.settled().await?;
    ensure!(quarantined().await? == 0);
    mini.says(&["running"]).await?;
    mini.sql("update crm.person set kind = 'X' where person_id <= 150").await?;
    mini.says(&["paused"]).await?;
    accept(&mini, Accept { quarantine: true, ..Accept::default() }).await?;
    mini.settled().await?;
    ensure!(quarantined().await? == 150);
    // Those that are there already are not counted again.
    mini.sql("update crm.person set kind = 'Y' where person_id <= 150").await?;
    mini.settled().await?;
    ensure!(quarantined().await? == 150);
    Ok(())
}

/// A mistake that comes in small batches is one mistake, and no hydration before it makes it smaller.
#[rstest]
#[tokio::test]
async fn the_breaker_sums_up_small_batches_and_leaves_out_what_a_hydration_found(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Postgres, target).await?;
    mini.sql(&hundreds()).await?;
    let _running = mini.run_and_hydrate().await?;
    let spoil = async |from: u32| {
        mini.sql(&format!(
            "update crm.person set kind = 'X' where person_id between {from} and {}",
            from + 19
        ))
        .await
    };
    spoil(1).await?;
    mini.settled().await?;
    spoil(21).await?;
    mini.settled().await?;
    spoil(41).await?;
    // One transaction may be heard in two batches.
    mini.says(&["paused", "of the latest", "--accept-quarantine"]).await?;
    let quarantined = mini.number("select count(*) from quarantine").await?;
    ensure!((40..=50).contains(&quarantined), "{quarantined} are in quarantine");
    Ok(())
}
