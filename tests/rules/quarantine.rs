//! A record in quarantine is read again when anything that it is built from changes, not only its root.

use anyhow::{Result, ensure};
use rstest::rstest;
use rstest_reuse::apply;
use wattle_core::{Entity, SourceAdapter};
use wattle_testbed::Engine;

use crate::engines::every_source;
use crate::mini::{Mini, Setup};

/// Two accounts, and a contact of A without the name that the CDR asks for.
const SPOILT: &str = "
insert into crm.account (account_no) values ('A'), ('B');
insert into crm.contact (contact_id, account_no, last_name) values (1, 'A', null), (2, 'A', 'Right');";

async fn spoilt(source: Engine, target: Engine) -> Result<Mini> {
    let sql = "drop table crm.contact; create table crm.contact (contact_id int primary key not null, account_no text not null, last_name text)";
    let mini = Mini::of(Setup { source, target, sql: sql.to_owned(), ..Setup::default() }).await?;
    mini.sql(SPOILT).await?;
    Ok(mini)
}

async fn quarantined(mini: &Mini) -> Result<i64> {
    mini.number("select count(*) from quarantine").await
}

async fn lineage(mini: &Mini) -> Result<i64> {
    mini.number("select count(*) from lineage").await
}

#[apply(every_source)]
#[tokio::test]
async fn a_record_whose_child_spoilt_it_comes_back_when_the_child_goes(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = spoilt(source, target).await?;
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
#[apply(every_source)]
#[tokio::test]
async fn a_record_whose_child_spoilt_it_comes_back_when_the_child_moves(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = spoilt(source, target).await?;
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

#[apply(every_source)]
#[tokio::test]
async fn a_record_that_goes_from_quarantine_leaves_no_lineage(source: Engine, target: Engine) -> Result<()> {
    let mini = spoilt(source, target).await?;
    let _running = mini.run_and_hydrate().await?;
    ensure!(quarantined(&mini).await? == 1, "the account is not in quarantine");
    mini.sql("delete from crm.account where account_no = 'A'").await?;
    mini.settled().await?;
    ensure!(quarantined(&mini).await? == 0, "it is still in quarantine");
    ensure!(lineage(&mini).await? == 0, "its lineage is still there");
    Ok(())
}

/// How a row goes without its own word.
#[derive(Debug, Clone, Copy)]
enum Unheard {
    Truncated,
    PositionLost,
    HydratedAnew,
}

#[rstest]
#[tokio::test]
async fn a_record_that_goes_unheard_does_not_stay_in_quarantine(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
    #[values(Unheard::Truncated, Unheard::PositionLost, Unheard::HydratedAnew)] how: Unheard,
) -> Result<()> {
    let mini = spoilt(Engine::Postgres, target).await?;
    let running = mini.run_and_hydrate().await?;
    ensure!(quarantined(&mini).await? == 1, "the account is not in quarantine");
    let _running = if let Unheard::Truncated = how {
        mini.sql(&mini.retailer().emptied(&["crm.account"])).await?;
        running
    } else {
        running.stop().await?;
        mini.sql("delete from crm.account where account_no = 'A'").await?;
        if let Unheard::PositionLost = how {
            mini.sql(&format!("select pg_drop_replication_slot('{}')", mini.slot())).await?;
            mini.run()
        } else {
            let now = mini.adapter.now().await?;
            mini.execute(&format!("update source_state set position = '{}'", now.as_str())).await?;
            mini.run_and_hydrate().await?
        }
    };
    mini.settled().await?;
    ensure!(quarantined(&mini).await? == 0, "it is still in quarantine");
    ensure!(lineage(&mini).await? == 0, "its lineage is still there");
    Ok(())
}
