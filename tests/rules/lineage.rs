//! Rule 6: a change affects what the row used to feed and what it feeds now.

use anyhow::{Result, ensure};
use rstest_reuse::apply;
use wattle_core::Entity;
use wattle_testbed::{Engine, eventually};

use crate::engines::every_source;
use crate::mini::recorder::Call;
use crate::mini::{Mini, PATIENCE, TENANT};

async fn three_accounts(source: Engine, target: Engine) -> Result<Mini> {
    let mini = Mini::on(source, target).await?;
    mini.sql("insert into crm.account (account_no) values ('A'), ('B'), ('C'); insert into crm.contact values (1, 'A', 'Nguyen')")
        .await?;
    Ok(mini)
}

/// The contact is on one of the accounts, and on no other.
async fn contact_is_on(mini: &Mini, wanted: &str) -> Result<()> {
    for account in ["A", "B", "C"] {
        let contacts = mini.contacts(account).await?;
        let right = if account == wanted { contacts == ["Nguyen"] } else { contacts.is_empty() };
        ensure!(right, "account {account} has {contacts:?}, and the contact belongs to {wanted}");
    }
    Ok(())
}

#[apply(every_source)]
#[tokio::test]
async fn a_row_that_moves_updates_both_records(source: Engine, target: Engine) -> Result<()> {
    let mini = three_accounts(source, target).await?;
    let _running = mini.run_and_hydrate().await?;
    contact_is_on(&mini, "A").await?;
    mini.sql("update crm.contact set account_no = 'B'").await?;
    mini.settled().await?;
    contact_is_on(&mini, "B").await
}

#[apply(every_source)]
#[tokio::test]
async fn a_deleted_row_updates_the_record_it_was_part_of(source: Engine, target: Engine) -> Result<()> {
    let mini = three_accounts(source, target).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("delete from crm.contact").await?;
    mini.settled().await?;
    contact_is_on(&mini, "nobody").await
}

#[apply(every_source)]
#[tokio::test]
async fn a_row_that_moves_twice_within_a_batch_is_where_it_came_to(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = three_accounts(source, target).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("update crm.contact set account_no = 'B'; update crm.contact set account_no = 'C'").await?;
    mini.settled().await?;
    contact_is_on(&mini, "C").await?;
    mini.sql(
        "update crm.contact set contact_id = 2, account_no = 'B'; update crm.contact set account_no = 'A'",
    )
    .await?;
    mini.settled().await?;
    contact_is_on(&mini, "A").await
}

/// The contact moves to B, and while that is not yet applied to C: only what is pending knows that B has it.
#[apply(every_source)]
#[tokio::test]
async fn a_prefetch_sees_the_lineage_that_is_pending(source: Engine, target: Engine) -> Result<()> {
    let mini = three_accounts(source, target).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.adapter.forget();
    let heard = mini.heard().await?;
    let mut first = mini.adapter.hold(|call| matches!(call, Call::Fetch(Entity::Account, _)));
    mini.sql("update crm.contact set account_no = 'B'").await?;
    first.reached().await?;
    mini.sql("update crm.contact set account_no = 'C'").await?;
    mini.has_heard(heard + 2).await?;
    let locked =
        mini.holding(&format!("select from t_{TENANT}.account where source_id = 'B' for update")).await?;
    first.go_on();
    eventually(PATIENCE, async || {
        ensure!(mini.adapter.fetches(Entity::Account).len() == 2, "the next batch is not yet prefetched");
        Ok(())
    })
    .await?;
    locked.release().await?;
    mini.settled().await?;
    contact_is_on(&mini, "C").await
}
