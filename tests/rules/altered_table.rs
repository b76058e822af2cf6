//! A table that is altered under a running sync: what cannot be read is said, and nothing is lost.

use anyhow::{Result, ensure};
use wattle_core::Entity;

use crate::mini::{Mini, Setup, TENANT};

const ACCOUNTS: &str = "insert into crm.account (account_no, display_name) values ('A', 'Old'), ('B', 'B')";

#[tokio::test]
async fn a_renamed_column_pauses_until_it_is_renamed_back() -> Result<()> {
    let mini = Mini::start().await?;
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

/// The log keeps the name that the column had when a row changed: renaming it back does not change what is in there.
#[tokio::test]
async fn a_renamed_key_column_pauses_until_it_is_renamed_back() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql(ACCOUNTS).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("alter table crm.account rename account_no to number").await?;
    mini.sql("update crm.account set display_name = 'New' where number = 'A'").await?;
    mini.sql("insert into crm.account (number) values ('C'); delete from crm.account where number = 'B'")
        .await?;
    mini.says(&["paused", "account", "account_no"]).await?;
    mini.expect(Entity::Account, &["A", "B"]).await?;
    mini.sql("alter table crm.account rename number to account_no").await?;
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

/// Only a table that is published whole announces its other columns.
#[tokio::test]
async fn an_altered_table_is_stored_as_such() -> Result<()> {
    let mini =
        Mini::of(Setup { sql: "alter table crm.person replica identity full", ..Setup::default() }).await?;
    mini.sql("insert into crm.person (person_id) values (1)").await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("update crm.person set kind = 'O'").await?;
    mini.sql("alter table crm.person add nickname text").await?;
    mini.sql(
        "update crm.person set kind = 'P', nickname = 'x'; insert into crm.person (person_id) values (2)",
    )
    .await?;
    mini.settled().await?;
    mini.expect(Entity::Customer, &["1", "2"]).await?;
    let kinds = mini
        .target
        .psql(&format!(
            "select string_agg(c ->> 0, '' order by first_seq, o1, o2) from t_{TENANT}.stream_event,
                 jsonb_array_elements(changes::jsonb) with ordinality as g (g, o1),
                 jsonb_array_elements(g -> 'c') with ordinality as c (c, o2)
             where lane = 'live' and c ->> 1 = 'person' and c ->> 0 <> 'o'"
        ))
        .await?;
    ensure!(kinds[0][0].as_deref() == Some("usui"), "what was heard of persons is {kinds:?}");
    Ok(())
}
