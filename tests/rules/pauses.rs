//! Section 9: what someone must put right pauses what it concerns and nothing else, and the gap is closed afterwards.

use anyhow::{Result, ensure};
use rstest::rstest;
use rstest_reuse::apply;
use wattle_core::Entity;
use wattle_sync::operate::{Accept, pause, resume};
use wattle_testbed::{Engine, eventually};

use crate::engines::{every_source, two_sources};
use crate::mini::recorder::Call;
use crate::mini::{Mini, PATIENCE, pack, system};

const BEFORE: &str = "
insert into crm.account (account_no, display_name) values ('A', 'Old'), ('B', 'B');
insert into billing.bill (bill_id, account_no) values (1, 'A'), (2, 'B');
insert into billing.balance (account_no, amount) values ('A', 10);";

/// While invoices cannot be read: one is new, one is gone, one goes with its account, and accounts and balances change.
const MEANWHILE: &str = "
insert into billing.bill (bill_id, account_no) values (3, 'A');
delete from billing.bill where bill_id = 1;
delete from crm.account where account_no = 'B';
insert into crm.account (account_no) values ('C');
insert into billing.bill (bill_id, account_no) values (4, 'C');
update crm.account set display_name = 'New' where account_no = 'A';
update billing.balance set amount = 20;";

/// Waits until the source is said to run, and nothing to be amiss.
async fn runs(mini: &Mini) -> Result<()> {
    eventually(PATIENCE, async || {
        let state = mini.state().await?;
        ensure!(state == "running", "it says {state}");
        Ok(())
    })
    .await
}

/// Waits until account A has this name: what is not paused goes on.
async fn is_named(mini: &Mini, name: &str) -> Result<()> {
    eventually(PATIENCE, async || {
        ensure!(mini.names().await?["A"] == name, "{:?}; {}", mini.names().await?, mini.state().await?);
        Ok(())
    })
    .await
}

#[apply(every_source)]
#[tokio::test]
async fn a_column_that_is_gone_pauses_its_entity_alone_and_the_gap_is_closed(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(BEFORE).await?;
    let running = mini.run_and_hydrate().await?;
    mini.sql("alter table billing.bill rename usage to consumption").await?;
    mini.sql(MEANWHILE).await?;
    mini.says(&["running", "invoice is paused", "usage"]).await?;
    // All else goes on.
    eventually(PATIENCE, async || {
        mini.expect(Entity::Account, &["A", "C"]).await?;
        ensure!(mini.names().await?["A"] == "New", "{:?}", mini.names().await?);
        ensure!(mini.value("select balance from balance").await?.as_deref() == Some("20.00"));
        Ok(())
    })
    .await?;
    // What its owner took along is gone; of the others nothing is known.
    mini.expect(Entity::Invoice, &["1"]).await?;
    let fetched = mini.adapter.fetches(Entity::Invoice).len();

    // Whoever takes over knows of it.
    running.stop().await?;
    let _running = mini.run();
    mini.says(&["running", "invoice is paused", "usage"]).await?;
    mini.sql("alter table billing.bill rename consumption to usage").await?;
    mini.settled().await?;
    mini.expect(Entity::Invoice, &["3", "4"]).await?;
    runs(&mini).await?;
    // Without a reload: what it missed was read, and a try or two.
    let read: usize = mini.adapter.fetches(Entity::Invoice)[fetched..].iter().sum();
    ensure!(read < 30, "{read} invoices were read to make up for five");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_table_that_may_not_be_read_pauses_what_is_built_from_it_alone(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Postgres, target).await?;
    mini.sql(BEFORE).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql(&format!("revoke select on billing.bill from {}", mini.reader())).await?;
    mini.sql(MEANWHILE).await?;
    mini.says(&["running", "invoice is paused", "permission denied for table bill"]).await?;
    eventually(PATIENCE, async || mini.expect(Entity::Account, &["A", "C"]).await).await?;
    mini.sql(&format!("grant select on billing.bill to {}", mini.reader())).await?;
    mini.settled().await?;
    mini.expect(Entity::Invoice, &["3", "4"]).await
}

/// Its rows come without a name for their key, and the grant that gives it back is no news of it: also not to a process
/// that was begun meanwhile, nor to one that is begun when it is back.
#[rstest]
#[tokio::test]
async fn a_table_of_mariadb_that_may_not_be_seen_for_a_while_is_made_up_for(
    #[values(false, true)] starts_again: bool,
) -> Result<()> {
    let mini = Mini::on(Engine::MariaDb, Engine::Sqlite).await?;
    mini.sql(BEFORE).await?;
    mini.run_and_hydrate().await?.stop().await?;
    mini.sql(&format!("revoke select on billing.bill from {}@'%'", mini.reader())).await?;
    let blind = mini.run();
    mini.sql(MEANWHILE).await?;
    eventually(PATIENCE, async || mini.expect(Entity::Account, &["A", "C"]).await).await?;
    let blind = if starts_again {
        blind.stop().await?;
        None
    } else {
        Some(blind)
    };
    mini.sql(&format!("grant select on billing.bill to {}@'%'", mini.reader())).await?;
    let _running = blind.unwrap_or_else(|| mini.run());
    eventually(PATIENCE, async || mini.expect(Entity::Invoice, &["3", "4"]).await).await
}

#[apply(two_sources)]
#[tokio::test]
async fn a_source_that_the_operator_pauses_is_left_alone_until_it_is_resumed(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(BEFORE).await?;
    let running = mini.run_and_hydrate().await?;
    let session = mini.tenants.session(&mini.tenant).await?;
    pause(&session, &system()).await?;
    mini.says(&["paused", "the operator has paused it"]).await?;
    let heard = mini.heard().await?;
    mini.sql(MEANWHILE).await?;
    // A restart is no way around it.
    running.stop().await?;
    mini.says(&["stopped"]).await?;
    mini.adapter.forget();
    let _running = mini.run();
    mini.says(&["paused", "the operator has paused it"]).await?;
    ensure!(mini.heard().await? == heard, "it was captured all the same");
    ensure!(mini.adapter.calls().is_empty(), "{:?}", mini.adapter.calls());
    resume(&session, &system(), Accept::default()).await?;
    mini.settled().await?;
    mini.expect(Entity::Invoice, &["3", "4"]).await?;
    runs(&mini).await?;
    Ok(())
}

/// A table that has another name for a while, and Wattle is restarted meanwhile.
#[apply(every_source)]
#[tokio::test]
async fn a_renamed_table_pauses_what_is_built_from_it_alone_and_the_gap_is_closed(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(BEFORE).await?;
    let running = mini.run_and_hydrate().await?;
    mini.sql("alter table billing.bill rename to billed").await?;
    mini.sql("insert into billing.billed (bill_id, account_no) values (8, 'A')").await?;
    mini.sql("update crm.account set display_name = 'New' where account_no = 'A'").await?;
    let words = pack::on(source, "billing.bill");
    mini.says(&["running", "invoice is paused", words.trim_start_matches("billing.")]).await?;
    is_named(&mini, "New").await?;
    running.stop().await?;
    mini.sql("insert into billing.billed (bill_id, account_no) values (9, 'B'); delete from billing.billed where bill_id = 2; update crm.account set display_name = 'Newer' where account_no = 'A'")
        .await?;
    let _running = mini.run();
    is_named(&mini, "Newer").await?;
    mini.expect(Entity::Invoice, &["1", "2"]).await?;
    mini.sql("alter table billing.billed rename to bill").await?;
    mini.settled().await?;
    mini.says(&["running"]).await?;
    mini.expect(Entity::Invoice, &["1", "8", "9"]).await
}

/// Nothing can be told of a table's rows while its key has another name, and of the others everything. Wattle is restarted
/// meanwhile.
#[rstest]
#[tokio::test]
async fn a_renamed_key_column_pauses_what_is_built_from_its_table_alone_and_the_gap_is_closed(
    #[values(Engine::Postgres, Engine::Sqlite, Engine::MariaDb, Engine::SqlServer)] source: Engine,
) -> Result<()> {
    let mini = Mini::on(source, Engine::Postgres).await?;
    mini.sql(BEFORE).await?;
    let running = mini.run_and_hydrate().await?;
    mini.sql("alter table billing.bill rename bill_id to number").await?;
    mini.sql("insert into billing.bill (number, account_no) values (8, 'A'); update crm.account set display_name = 'New' where account_no = 'A'")
        .await?;
    mini.says(&["running", "invoice is paused", "bill_id"]).await?;
    is_named(&mini, "New").await?;
    running.stop().await?;
    mini.sql("insert into billing.bill (number, account_no) values (9, 'B'); delete from billing.bill where number = 2; update crm.account set display_name = 'Newer' where account_no = 'A'")
        .await?;
    let _running = mini.run();
    is_named(&mini, "Newer").await?;
    mini.says(&["running", "invoice is paused", "bill_id"]).await?;
    mini.expect(Entity::Invoice, &["1", "2"]).await?;
    mini.sql("alter table billing.bill rename number to bill_id").await?;
    // That the query fits again is seen before the rows are read that were not heard of.
    eventually(PATIENCE, async || mini.expect(Entity::Invoice, &["1", "8", "9"]).await).await?;
    mini.settled().await?;
    runs(&mini).await
}

/// Tables whose key has one column: schema, name, key, and what is behind it.
const BILL: [&str; 4] = [
    "billing",
    "bill",
    "bill_id",
    "account_no text not null, issued_on date not null default '2026-10-01', usage text not null default '0'",
];
const CONTACT: [&str; 4] =
    ["crm", "contact", "contact_id", "account_no text not null, last_name text not null"];

/// What an administrator runs to give the key of a table another type.
fn with_key_type(source: Engine, [schema, table, key, others]: [&str; 4], key_type: &str) -> String {
    match source {
        Engine::Postgres => format!(
            "alter publication wattle drop table {schema}.{table};
             alter table {schema}.{table} alter {key} type {key_type} using {key}::{key_type};
             alter publication wattle add table {schema}.{table} ({key})"
        ),
        Engine::MariaDb => format!("alter table {schema}.{table} modify {key} {key_type}"),
        Engine::SqlServer => format!(
            "alter table {schema}.{table} disable change_tracking;
             alter table {schema}.{table} drop constraint [{table}_pkey];
             alter table {schema}.{table} alter column {key} {key_type} not null;
             alter table {schema}.{table} add constraint [{table}_pkey] primary key ({key});
             alter table {schema}.{table} enable change_tracking"
        ),
        // The triggers go with the table that it was.
        Engine::Sqlite => format!(
            "create table new_{table} ({key} {key_type} primary key, {others});
             insert into new_{table} select * from {table};
             drop table {table};
             alter table new_{table} rename to {table}"
        ),
    }
}

#[rstest]
#[tokio::test]
async fn a_key_column_of_another_type_pauses_what_is_built_from_its_table_alone_and_the_gap_is_closed(
    #[values(Engine::Postgres, Engine::Sqlite, Engine::MariaDb, Engine::SqlServer)] source: Engine,
) -> Result<()> {
    let mini = Mini::on(source, Engine::Postgres).await?;
    mini.sql(BEFORE).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql(&with_key_type(source, BILL, "varchar(20)")).await?;
    mini.sql("insert into billing.bill (bill_id, account_no) values ('8', 'A'); update crm.account set display_name = 'New' where account_no = 'A'")
        .await?;
    mini.says(&["running", "invoice is paused", "bill_id", "graph.toml says integer"]).await?;
    is_named(&mini, "New").await?;
    mini.sql("delete from billing.bill where bill_id = '2'").await?;
    mini.sql(&with_key_type(source, BILL, "int")).await?;
    eventually(PATIENCE, async || mini.expect(Entity::Invoice, &["1", "8"]).await).await?;
    mini.settled().await?;
    runs(&mini).await
}

/// What is read with a record, and is not its root, may have another type without any query that fails.
#[rstest]
#[tokio::test]
async fn a_key_column_of_another_type_pauses_what_reads_its_table_beside_its_own(
    #[values(Engine::Postgres, Engine::Sqlite, Engine::MariaDb, Engine::SqlServer)] source: Engine,
) -> Result<()> {
    let mini = Mini::on(source, Engine::Postgres).await?;
    mini.sql(BEFORE).await?;
    mini.sql("insert into crm.contact (contact_id, account_no, last_name) values (7, 'A', 'Nguyen')").await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql(&with_key_type(source, CONTACT, "varchar(20)")).await?;
    mini.sql("insert into crm.contact (contact_id, account_no, last_name) values ('x8', 'A', 'Moss'); insert into billing.bill (bill_id, account_no) values (3, 'A')")
        .await?;
    mini.says(&["running", "account is paused", "contact_id", "graph.toml says integer"]).await?;
    eventually(PATIENCE, async || mini.expect(Entity::Invoice, &["1", "2", "3"]).await).await?;
    // Accounts by themselves could be read. It is tried, and seen that nothing would be heard of what is read with them.
    let snapshots = || mini.adapter.calls().into_iter().filter(|call| *call == Call::Snapshot).count();
    let before = snapshots();
    eventually(PATIENCE, async || {
        ensure!(snapshots() >= before + 2, "nobody tries whether accounts can be read");
        Ok(())
    })
    .await?;
    ensure!(
        mini.value("select job_id from job where kind = 'rewind'").await?.is_none(),
        "the pause was ended"
    );
    mini.sql("update crm.contact set contact_id = '8' where contact_id = 'x8'").await?;
    mini.sql(&with_key_type(source, CONTACT, "int")).await?;
    eventually(PATIENCE, async || {
        let body = mini.value("select body from account where source_id = 'A'").await?;
        ensure!(body.as_ref().is_some_and(|body| body.contains("Moss")), "{body:?}");
        Ok(())
    })
    .await?;
    mini.settled().await?;
    runs(&mini).await
}

/// Floats are not exact: no engine's query may select them.
#[rstest]
#[case(
    Engine::Postgres,
    "alter table billing.bill alter usage type double precision",
    "alter table billing.bill alter usage type numeric(12, 2)"
)]
#[case(
    Engine::MariaDb,
    "alter table billing.bill modify `usage` double not null default 0",
    "alter table billing.bill modify `usage` decimal(12, 2) not null default 0"
)]
#[case(
    Engine::SqlServer,
    "alter table billing.bill alter column usage float not null",
    "alter table billing.bill alter column usage decimal(12, 2) not null"
)]
#[tokio::test]
async fn a_column_of_a_type_that_cannot_be_read_pauses_its_entity_alone_and_the_gap_is_closed(
    #[case] source: Engine,
    #[case] other: &str,
    #[case] same: &str,
) -> Result<()> {
    let mini = Mini::on(source, Engine::Postgres).await?;
    mini.sql(BEFORE).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql(other).await?;
    mini.sql(MEANWHILE).await?;
    mini.says(&["running", "invoice is paused", "balanceAtIssue"]).await?;
    is_named(&mini, "New").await?;
    mini.sql(same).await?;
    mini.settled().await?;
    mini.expect(Entity::Invoice, &["3", "4"]).await?;
    runs(&mini).await
}
