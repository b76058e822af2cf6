//! A table that is altered under a running sync: what cannot be read is said, and nothing is lost.

use anyhow::{Result, ensure};
use rstest::rstest;
use rstest_reuse::apply;
use wattle_core::Entity;
use wattle_testbed::Engine;

use crate::engines::every_source;
use crate::mini::{Mini, Setup};

const ACCOUNTS: &str = "insert into crm.account (account_no, display_name) values ('A', 'Old'), ('B', 'B')";

#[apply(every_source)]
#[tokio::test]
async fn a_renamed_column_pauses_until_it_is_renamed_back(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(ACCOUNTS).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("alter table crm.account rename display_name to title").await?;
    mini.sql("update crm.account set title = 'New' where account_no = 'A'").await?;
    mini.sql(
        "insert into crm.account (account_no) values ('C'); delete from crm.account where account_no = 'B'",
    )
    .await?;
    mini.says(&["paused", "fetch account", "display_name"]).await?;
    mini.expect(Entity::Account, &["A", "B"]).await?;
    mini.sql("alter table crm.account rename title to display_name").await?;
    mini.settled().await?;
    mini.says(&["running"]).await?;
    mini.expect(Entity::Account, &["A", "C"]).await?;
    ensure!(mini.names().await?["A"] == "New", "{:?}", mini.names().await?);
    Ok(())
}

#[tokio::test]
async fn a_column_of_another_type_is_read_as_what_it_is() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql(ACCOUNTS).await?;
    mini.sql("insert into billing.bill (bill_id, account_no) values (1, 'A')").await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("alter table crm.account alter opened_on type timestamp").await?;
    // PostgreSQL refuses this while the column is published.
    mini.sql(
        "alter publication wattle drop table billing.bill;
         alter table billing.bill alter bill_id type bigint;
         alter publication wattle add table billing.bill (bill_id)",
    )
    .await?;
    mini.sql("update crm.account set display_name = 'New' where account_no = 'A'").await?;
    mini.sql("insert into billing.bill (bill_id, account_no) values (5000000000, 'A')").await?;
    mini.settled().await?;
    ensure!(mini.names().await?["A"] == "New", "{:?}", mini.names().await?);
    mini.expect(Entity::Invoice, &["1", "5000000000"]).await
}

#[apply(every_source)]
#[tokio::test]
async fn a_dropped_column_pauses_until_it_is_there_again(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(ACCOUNTS).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("alter table crm.account drop column opened_on").await?;
    mini.sql("update crm.account set display_name = 'New' where account_no = 'A'").await?;
    mini.sql(
        "insert into crm.account (account_no) values ('C'); delete from crm.account where account_no = 'B'",
    )
    .await?;
    mini.says(&["paused", "fetch account", "opened_on"]).await?;
    mini.expect(Entity::Account, &["A", "B"]).await?;
    mini.sql("alter table crm.account add opened_on date not null default '2025-01-01'").await?;
    mini.settled().await?;
    mini.says(&["running"]).await?;
    mini.expect(Entity::Account, &["A", "C"]).await?;
    let account = mini.account("A").await?;
    ensure!(account["displayName"] == "New" && account["creationDate"] == "2025-01-01", "{account}");
    Ok(())
}

/// As SQLite's own documentation alters what `alter table` cannot: nothing announces what changes on the way, and the
/// triggers are gone with the old table.
#[rstest]
#[tokio::test]
async fn a_table_that_was_built_anew_is_read_again(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Sqlite, target).await?;
    mini.sql(ACCOUNTS).await?;
    mini.sql("insert into billing.bill (bill_id, account_no) values (1, 'A'), (2, 'B')").await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql(
        "create table new_account (account_no text primary key, display_name text not null default 'Home',
             opened_on text not null default '2024-07-01', address_id text, deleted_at text, note text);
         insert into new_account (account_no, display_name) values ('A', 'New'), ('C', 'C');
         drop table account;
         alter table new_account rename to account",
    )
    .await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A", "C"]).await?;
    mini.expect(Entity::Invoice, &["1"]).await?;
    ensure!(mini.names().await?["A"] == "New", "{:?}", mini.names().await?);
    // It is heard again from now on.
    mini.sql("update crm.account set display_name = 'Newer' where account_no = 'A'").await?;
    mini.settled().await?;
    ensure!(mini.names().await?["A"] == "Newer", "{:?}", mini.names().await?);
    Ok(())
}

/// Only a table that PostgreSQL publishes whole announces its other columns.
#[apply(every_source)]
#[tokio::test]
async fn an_altered_table_is_stored_as_such(source: Engine, target: Engine) -> Result<()> {
    let sql = match source {
        Engine::Postgres => "alter table crm.person replica identity full".to_owned(),
        Engine::Sqlite | Engine::MariaDb | Engine::SqlServer => String::new(),
    };
    let mini = Mini::of(Setup { source, target, sql, ..Setup::default() }).await?;
    mini.sql("insert into crm.person (person_id) values (1)").await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("update crm.person set kind = 'O'").await?;
    mini.settled().await?;
    mini.sql("alter table crm.person add nickname text").await?;
    mini.sql(
        "update crm.person set kind = 'P', nickname = 'x'; insert into crm.person (person_id) values (2)",
    )
    .await?;
    mini.settled().await?;
    mini.expect(Entity::Customer, &["1", "2"]).await?;
    let heard = mini.stored("live").await?.into_iter().flat_map(|stored| stored.changes);
    let kinds: String = heard
        .filter(|change| change[1] == "person" && change[0] != "o")
        .filter_map(|change| change[0].as_str().map(str::to_owned))
        .collect();
    ensure!(kinds == "usui", "what was heard of persons is {kinds}");
    Ok(())
}
