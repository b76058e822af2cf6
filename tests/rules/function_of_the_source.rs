//! Rule 1: a record is in the target if and only if its fetch finds it and every owner is present.

use anyhow::{Result, ensure};
use rstest_reuse::apply;
use wattle_core::Entity;
use wattle_testbed::Engine;

use crate::engines::every_source;
use crate::mini::Mini;

/// Two accounts of one person, each with a balance and bills.
const TWO_ACCOUNTS: &str = "
insert into crm.person (person_id) values (1);
insert into crm.account (account_no) values ('A'), ('B');
insert into crm.holding (person_id, account_no) values (1, 'A'), (1, 'B');
insert into billing.balance values ('A', 10), ('B', 20);
insert into billing.bill (bill_id, account_no) values (1, 'A'), (2, 'A'), (3, 'B');";

async fn expect_both(mini: &Mini) -> Result<()> {
    mini.expect(Entity::Customer, &["1"]).await?;
    mini.expect(Entity::Account, &["A", "B"]).await?;
    mini.expect(Entity::Holding, &["1|A", "1|B"]).await?;
    mini.expect(Entity::Balance, &["A", "B"]).await?;
    mini.expect(Entity::Invoice, &["1", "2", "3"]).await
}

async fn nothing_in_quarantine(mini: &Mini) -> Result<()> {
    let count = mini.number("select count(*) from quarantine").await?;
    ensure!(count == 0, "{count} keys are in quarantine");
    Ok(())
}

/// No bill changes in all this, so no event speaks of one.
#[apply(every_source)]
#[tokio::test]
async fn a_soft_deleted_account_takes_all_it_owns_and_brings_it_back_when_undeleted(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(TWO_ACCOUNTS).await?;
    let _running = mini.run_and_hydrate().await?;
    expect_both(&mini).await?;
    mini.sql("update crm.account set deleted_at = current_timestamp where account_no = 'A'").await?;
    mini.settled().await?;
    mini.expect(Entity::Customer, &["1"]).await?;
    mini.expect(Entity::Account, &["B"]).await?;
    mini.expect(Entity::Holding, &["1|B"]).await?;
    mini.expect(Entity::Balance, &["B"]).await?;
    mini.expect(Entity::Invoice, &["3"]).await?;
    mini.sql("update crm.account set deleted_at = null where account_no = 'A'").await?;
    mini.settled().await?;
    expect_both(&mini).await?;
    nothing_in_quarantine(&mini).await
}

#[apply(every_source)]
#[tokio::test]
async fn a_record_without_its_owner_is_skipped_and_comes_with_the_owner(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("insert into billing.bill (bill_id, account_no) values (1, 'A'); insert into billing.balance values ('A', 1)")
        .await?;
    mini.sql("insert into crm.person (person_id) values (1); insert into crm.holding (person_id, account_no) values (1, 'A')")
        .await?;
    mini.settled().await?;
    mini.expect(Entity::Invoice, &[]).await?;
    mini.expect(Entity::Balance, &[]).await?;
    mini.expect(Entity::Holding, &[]).await?;
    nothing_in_quarantine(&mini).await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    mini.settled().await?;
    mini.expect(Entity::Invoice, &["1"]).await?;
    mini.expect(Entity::Balance, &["A"]).await?;
    mini.expect(Entity::Holding, &["1|A"]).await
}

/// A holding needs its account and its customer, whichever comes last.
#[apply(every_source)]
#[tokio::test]
async fn a_record_with_two_owners_needs_both(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    mini.sql("insert into crm.holding (person_id, account_no) values (1, 'A')").await?;
    mini.settled().await?;
    mini.expect(Entity::Holding, &[]).await?;
    mini.sql("insert into crm.person (person_id) values (1)").await?;
    mini.settled().await?;
    mini.expect(Entity::Holding, &["1|A"]).await?;
    mini.sql("delete from crm.person").await?;
    mini.settled().await?;
    mini.expect(Entity::Holding, &[]).await?;
    mini.expect(Entity::Account, &["A"]).await
}

#[apply(every_source)]
#[tokio::test]
async fn a_row_that_moves_to_an_absent_owner_goes(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(TWO_ACCOUNTS).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("update billing.bill set account_no = 'nobody' where bill_id = 1").await?;
    mini.settled().await?;
    mini.expect(Entity::Invoice, &["2", "3"]).await?;
    nothing_in_quarantine(&mini).await?;
    mini.sql("update billing.bill set account_no = 'B' where bill_id = 1").await?;
    mini.settled().await?;
    mini.expect(Entity::Invoice, &["1", "2", "3"]).await
}

/// An account refers to its address: it is read again without it, and stays.
#[apply(every_source)]
#[tokio::test]
async fn a_deleted_reference_touches_its_referrer_and_deletes_nothing(
    source: Engine,
    target: Engine,
) -> Result<()> {
    const ADDRESS: &str = "0f0e0d0c-0000-4000-8000-000000000001";
    let mini = Mini::on(source, target).await?;
    mini.sql(TWO_ACCOUNTS).await?;
    mini.sql(&format!("insert into crm.address values ('{ADDRESS}', 'Fitzroy'); update crm.account set address_id = '{ADDRESS}' where account_no = 'A'"))
        .await?;
    let _running = mini.run_and_hydrate().await?;
    ensure!(mini.names().await?["A"] == "Home, Fitzroy", "the suburb is missing: {:?}", mini.names().await?);
    mini.sql("delete from crm.address").await?;
    mini.settled().await?;
    ensure!(mini.names().await?["A"] == "Home", "the suburb is still there: {:?}", mini.names().await?);
    expect_both(&mini).await?;
    mini.sql(&format!("insert into crm.address values ('{ADDRESS}', 'Carlton')")).await?;
    mini.settled().await?;
    ensure!(
        mini.names().await?["A"] == "Home, Carlton",
        "the new suburb is missing: {:?}",
        mini.names().await?
    );
    Ok(())
}

/// What is owned is asked for first, and the owners last.
#[apply(every_source)]
#[tokio::test]
async fn the_order_of_hydration_does_not_matter(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(TWO_ACCOUNTS).await?;
    let _running = mini.run();
    for entity in [Entity::Invoice, Entity::Balance, Entity::Holding, Entity::Account, Entity::Customer] {
        mini.hydrate(&[entity]).await?;
    }
    mini.settled().await?;
    expect_both(&mini).await
}
