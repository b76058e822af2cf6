//! A record in quarantine is read again when anything that it is built from changes, not only its root.

use anyhow::{Result, ensure};
use wattle_core::Entity;

use crate::mini::{Mini, Setup, TENANT};

/// Two accounts, and a contact of A without the name that the CDR asks for.
const SPOILT: &str = "
insert into crm.account (account_no) values ('A'), ('B');
insert into crm.contact (contact_id, account_no, last_name) values (1, 'A', null), (2, 'A', 'Right');";

async fn spoilt() -> Result<Mini> {
    let sql = "alter table crm.contact alter last_name drop not null";
    let mini = Mini::of(Setup { sql, ..Setup::default() }).await?;
    mini.sql(SPOILT).await?;
    Ok(mini)
}

async fn quarantined(mini: &Mini) -> Result<i64> {
    mini.number(&format!("select count(*) from t_{TENANT}.quarantine")).await
}

async fn lineage(mini: &Mini) -> Result<i64> {
    mini.number(&format!("select count(*) from t_{TENANT}.lineage")).await
}

#[tokio::test]
async fn a_record_whose_child_spoilt_it_comes_back_when_the_child_goes() -> Result<()> {
    let mini = spoilt().await?;
    let _running = mini.run_and_hydrate().await?;
    mini.expect(Entity::Account, &["B"]).await?;
    ensure!(quarantined(&mini).await? == 1, "the account is not in quarantine");
    mini.sql("delete from crm.contact where contact_id = 1").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A", "B"]).await?;
    ensure!(quarantined(&mini).await? == 0, "it is still in quarantine");
    ensure!(mini.contacts("A").await? == ["Right"], "{:?}", mini.contacts("A").await?);
    Ok(())
}

/// The next account that the child belongs to is spoilt in its turn, and the first is not.
#[tokio::test]
async fn a_record_whose_child_spoilt_it_comes_back_when_the_child_moves() -> Result<()> {
    let mini = spoilt().await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("update crm.contact set account_no = 'B' where contact_id = 1").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A", "B"]).await?;
    ensure!(quarantined(&mini).await? == 1, "B is spoilt now, and keeps what it was before");
    mini.sql("update crm.contact set last_name = 'Mended' where contact_id = 1").await?;
    mini.settled().await?;
    ensure!(mini.contacts("B").await? == ["Mended"], "{:?}", mini.contacts("B").await?);
    ensure!(quarantined(&mini).await? == 0, "B is still in quarantine");
    Ok(())
}

#[tokio::test]
async fn a_record_that_goes_from_quarantine_leaves_no_lineage() -> Result<()> {
    let mini = spoilt().await?;
    let _running = mini.run_and_hydrate().await?;
    ensure!(quarantined(&mini).await? == 1, "the account is not in quarantine");
    mini.sql("delete from crm.account where account_no = 'A'").await?;
    mini.settled().await?;
    ensure!(quarantined(&mini).await? == 0, "it is still in quarantine");
    ensure!(lineage(&mini).await? == 0, "its lineage is still there");
    Ok(())
}
