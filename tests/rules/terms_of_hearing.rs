//! What the log does not say of the tables themselves: a table outside the publication, partitions that come and go, a
//! server that was set back. Sync says so, pauses, and makes up for what it did not hear.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use wattle_core::{Entity, Position, SourceAdapter, SourceError};
use wattle_postgres::{Options, PostgresAdapter};
use wattle_testbed::{Engine, Postgres, Stop, eventually};

use crate::mini::{Mini, PATIENCE, READER_PASSWORD, Setup, TENANT, pack, pack_with};

const ACCOUNTS: &str = "insert into crm.account (account_no, display_name) values ('A', 'Old'), ('B', 'B')";
/// Written while nobody hears it.
const UNHEARD: &str = "update crm.account set display_name = 'New' where account_no = 'A';
    insert into crm.account (account_no) values ('C'); delete from crm.account where account_no = 'B'";

async fn is_made_up_for(mini: &Mini) -> Result<()> {
    eventually(PATIENCE, async || {
        mini.expect(Entity::Account, &["A", "C"]).await?;
        ensure!(mini.names().await?["A"] == "New", "{:?}", mini.names().await?);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_table_that_leaves_the_publication_pauses_capture_and_is_read_anew() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql(ACCOUNTS).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("alter publication wattle drop table crm.account").await?;
    mini.sql(UNHEARD).await?;
    mini.says(&[
        "paused",
        "does not carry crm.account",
        "alter publication \"wattle\" add table crm.account",
    ])
    .await?;
    mini.sql("alter publication wattle add table crm.account (account_no)").await?;
    is_made_up_for(&mini).await?;
    mini.says(&["running"]).await?;
    Ok(())
}

/// Nobody was there to see what was wrong, and it was put right again: the position tells the difference.
#[tokio::test]
async fn a_publication_that_was_wrong_while_nobody_listened_is_noticed() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql(ACCOUNTS).await?;
    mini.run_and_hydrate().await?.stop().await?;
    mini.sql("alter publication wattle set (publish = 'insert')").await?;
    mini.sql(UNHEARD).await?;
    mini.sql("alter publication wattle set (publish = 'insert, update, delete, truncate')").await?;
    let _running = mini.run();
    is_made_up_for(&mini).await
}

#[tokio::test]
async fn capture_does_not_begin_on_a_publication_that_would_leave_changes_out() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql("alter publication wattle set (publish_via_partition_root = false)").await?;
    match mini.another_adapter()?.begin().await {
        Err(SourceError::Config { what, fix }) => {
            ensure!(
                what.contains("leaves out some kinds of change") && fix.contains("alter publication"),
                "{what}: {fix}"
            );
        }
        other => bail!("it answers {other:?}"),
    }
    let slots = mini
        .source()
        .value(&format!("select count(*) from pg_replication_slots where slot_name = '{}'", mini.slot()))
        .await?;
    ensure!(slots.as_deref() == Some("0"), "a slot was made");
    Ok(())
}

/// What a transaction wrote before the table was published is not in the stream, and not visible until it ends.
#[tokio::test]
async fn a_transaction_from_before_the_repair_is_waited_for() -> Result<()> {
    let server = Postgres::start().await?;
    let mini = Mini::of(Setup { server: Some(server), ..Setup::default() }).await?;
    mini.sql(ACCOUNTS).await?;
    mini.run_and_hydrate().await?.stop().await?;
    mini.sql("alter publication wattle drop table crm.account").await?;
    let late = mini.source().client().await?;
    late.batch_execute(&format!("begin; {UNHEARD}")).await?;
    mini.sql("alter publication wattle add table crm.account (account_no)").await?;
    let _running = mini.run();
    mini.settled().await?;
    let jobs = "select count(*) from job where kind = 'resync'";
    ensure!(mini.number(jobs).await? == 0, "it was read while the transaction was under way");
    late.batch_execute("commit").await?;
    is_made_up_for(&mini).await
}

#[tokio::test]
async fn a_table_made_anew_under_its_name_is_read_anew() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql(ACCOUNTS).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql(&format!(
        "begin; create table crm.anew (like crm.account including all); drop table crm.account;
         alter table crm.anew rename to account; grant select on crm.account to {};
         alter publication wattle add table crm.account (account_no);
         insert into crm.account (account_no, display_name) values ('A', 'New'), ('C', 'C'); commit",
        mini.reader()
    ))
    .await?;
    is_made_up_for(&mini).await?;
    mini.sql("insert into crm.account (account_no) values ('D')").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A", "C", "D"]).await
}

/// Another replica identity while the table is published whole: deletes come without the key.
#[tokio::test]
async fn changes_without_their_key_pause_capture_until_they_have_it_again() -> Result<()> {
    let sql = "alter table crm.account add code int not null generated always as identity;
        create unique index account_code on crm.account (code)";
    let mini = Mini::of(Setup { sql: sql.to_owned(), ..Setup::default() }).await?;
    mini.sql(
        "alter publication wattle drop table crm.account; alter publication wattle add table crm.account",
    )
    .await?;
    mini.sql(ACCOUNTS).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("alter table crm.account replica identity using index account_code").await?;
    mini.sql(UNHEARD).await?;
    mini.says(&["paused", "the replica identity of crm.account lacks \"account_no\""]).await?;
    mini.sql("alter table crm.account replica identity default").await?;
    is_made_up_for(&mini).await
}

#[tokio::test]
async fn values_that_a_new_type_changes_are_read() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql(ACCOUNTS).await?;
    mini.sql("insert into billing.bill (bill_id, account_no, usage) values (1, 'A', 12.34)").await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("alter table billing.bill alter usage type numeric(12, 0)").await?;
    let usage = format!("select body::jsonb ->> 'balanceAtIssue' from t_{TENANT}.invoice");
    eventually(PATIENCE, async || {
        let usage = mini.target().value(&usage).await?;
        ensure!(usage.as_deref() == Some("12.00"), "the balance is {usage:?}");
        Ok(())
    })
    .await
}

/// `crm.account` in partitions by its first letter; a table that stands ready to be attached; and one that is empty.
const PARTITIONED: &str = "
drop table crm.account;
create table crm.account (
    account_no text primary key, display_name text not null default 'Home', opened_on date not null default '2024-07-01',
    address_id uuid, deleted_at timestamptz) partition by range (account_no);
create table crm.account_a partition of crm.account for values from ('A') to ('C');
create table crm.account_c (like crm.account including all);
insert into crm.account_c (account_no) values ('C');";

#[tokio::test]
async fn partitions_that_come_and_go_are_noticed() -> Result<()> {
    let mini = Mini::of(Setup { sql: PARTITIONED.to_owned(), ..Setup::default() }).await?;
    mini.sql(ACCOUNTS).await?;
    let running = mini.run_and_hydrate().await?;
    let expect =
        async |ids: &[&str]| eventually(PATIENCE, async || mini.expect(Entity::Account, ids).await).await;
    mini.sql("alter table crm.account attach partition crm.account_c for values from ('C') to ('D')").await?;
    expect(&["A", "B", "C"]).await?;
    mini.sql("truncate crm.account_a").await?;
    expect(&["C"]).await?;
    // A partition that is new and empty hides nothing.
    let jobs = "select count(*) from job where kind = 'resync'";
    // The reading for the first may have shown what the second did, before that is heard of.
    let before = eventually(PATIENCE, async || {
        let before = mini.number(jobs).await?;
        ensure!(before == 2, "{before} tables were read anew");
        Ok(before)
    })
    .await?;
    let terms = async || {
        Ok::<_, anyhow::Error>(mini.position().await?.and_then(|p| p.split(' ').nth(3).map(str::to_owned)))
    };
    mini.settled().await?;
    let known = terms().await?;
    mini.sql("create table crm.account_d partition of crm.account for values from ('D') to ('E')").await?;
    eventually(PATIENCE, async || {
        ensure!(terms().await? != known, "the partition is not noticed");
        Ok(())
    })
    .await?;
    mini.settled().await?;
    ensure!(mini.number(jobs).await? == before, "an empty partition had its table read anew");
    mini.sql("alter table crm.account detach partition crm.account_c").await?;
    expect(&[]).await?;
    running.stop().await?;
    mini.sql("insert into crm.account (account_no) values ('D')").await?;
    mini.sql("drop table crm.account_d; insert into crm.account (account_no) values ('A')").await?;
    let _running = mini.run();
    expect(&["A"]).await
}

#[tokio::test]
async fn every_partition_is_checked() -> Result<()> {
    let mini = Mini::of(Setup { sql: PARTITIONED.to_owned(), ..Setup::default() }).await?;
    let cases = [
        (
            "alter table crm.account_a replica identity full",
            "the partitions crm.account_a do not have the replica identity of crm.account",
        ),
        (
            "alter table crm.account_a set unlogged",
            "the partitions crm.account_a of crm.account are unlogged",
        ),
    ];
    for (done, what) in cases {
        mini.sql(done).await?;
        let findings = crate::mini::refused(&*mini.adapter).await?;
        ensure!(findings.len() == 1 && findings[0].what.contains(what), "{findings:?}");
        mini.sql(&findings[0].fix).await?;
        let findings = crate::mini::refused(&*mini.adapter).await?;
        ensure!(findings.is_empty(), "{findings:?}");
    }
    // A key in a partition of another server is not unique, so the root has none and every kind of finding comes.
    mini.sql(
        "create extension postgres_fdw; create server far foreign data wrapper postgres_fdw;
         alter table crm.account drop constraint account_pkey;
         create foreign table crm.account_f partition of crm.account for values from ('F') to ('G') server far",
    )
    .await?;
    let findings = crate::mini::refused(&*mini.adapter).await?;
    let what = "the partitions crm.account_f of crm.account are on another server";
    ensure!(findings.iter().any(|finding| finding.what.contains(what)), "{findings:?}");
    Ok(())
}

/// The server's folder as it was, put back: the same server, with part of its past undone.
#[tokio::test]
async fn a_server_that_was_set_back_is_noticed_and_compared() -> Result<()> {
    let server = Postgres::start().await?;
    let mini = Mini::of(Setup { server: Some(server.clone()), ..Setup::default() }).await?;
    mini.sql(ACCOUNTS).await?;
    mini.run_and_hydrate().await?.stop().await?;
    let (data, backup) = (server.folder().join("data"), server.folder().join("backup"));
    let copy = |from: &std::path::Path, to: &std::path::Path| -> Result<()> {
        let copied = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
        ensure!(copied.success(), "cp ended with {copied}");
        Ok(())
    };
    server.stop(Stop::Fast).await?;
    copy(&data, &backup)?;
    server.start_again().await?;
    let running = mini.run();
    // More log and more transactions than the server makes by itself until capture looks at it.
    mini.sql("create table filler (f text)").await?;
    mini.sql(
        "do $$ begin for n in 1..1000 loop
             insert into filler select repeat(md5(random()::text), 10) from generate_series(1, 20); commit;
         end loop; end $$",
    )
    .await?;
    mini.sql(
        "update crm.account set display_name = 'Undone'; insert into crm.account (account_no) values ('Z')",
    )
    .await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A", "B", "Z"]).await?;
    running.stop().await?;
    server.stop(Stop::Fast).await?;
    std::fs::remove_dir_all(&data)?;
    copy(&backup, &data)?;
    server.start_again().await?;
    let position = Position::new(mini.position().await?.context("capture has begun")?);
    match mini.another_adapter()?.changes(&position).await.map(drop) {
        Err(SourceError::LostPosition { what }) => ensure!(what.contains("restored from a backup"), "{what}"),
        other => bail!("it answers {other:?}"),
    }
    let _running = mini.run();
    eventually(PATIENCE, async || {
        mini.expect(Entity::Account, &["A", "B"]).await?;
        ensure!(mini.names().await?["A"] == "Old", "{:?}", mini.names().await?);
        Ok(())
    })
    .await?;
    mini.sql("insert into crm.account (account_no) values ('C')").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A", "B", "C"]).await
}

/// A standby that has everything takes over: its log goes on, on a timeline of its own.
#[tokio::test]
async fn a_server_on_another_timeline_is_not_gone_on_with() -> Result<()> {
    let server = Postgres::start().await?;
    let mini = Mini::of(Setup { server: Some(server.clone()), ..Setup::default() }).await?;
    let position = mini.another_adapter()?.begin().await?;
    let standby = server.standby(&[]).await?;
    standby.psql("postgres", "select pg_promote()").await?;
    let url = standby.url_as(mini.reader(), READER_PASSWORD, mini.source().name());
    let promoted =
        PostgresAdapter::new(pack_with(Engine::Postgres, &[])?, &url, mini.slot(), Options::default())?;
    match promoted.changes(&position).await.map(drop) {
        Err(SourceError::LostPosition { what }) => ensure!(what.contains("on timeline 00000002"), "{what}"),
        other => bail!("it answers {other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn a_source_with_a_new_identity_goes_on_when_its_old_one_is_given() -> Result<()> {
    let server = Postgres::start().await?;
    let mini = Mini::of(Setup { server: Some(server), ..Setup::default() }).await?;
    mini.sql(ACCOUNTS).await?;
    let running = mini.run_and_hydrate().await?;
    mini.sql("update crm.account set display_name = 'Older'").await?;
    mini.settled().await?;
    running.stop().await?;
    let other = Postgres::builder().own_identity().start().await?;
    let upgraded = Mini::of(Setup { server: Some(other), ..Setup::default() }).await?;
    upgraded
        .sql("insert into crm.account (account_no, display_name) values ('A', 'New'), ('C', 'C')")
        .await?;
    let running = mini.run_on(upgraded.another_adapter()?);
    let said = mini.says(&["paused", "pg_upgrade", "\"formerly\": \""]).await?;
    running.stop().await?;
    let formerly = said.split("\"formerly\": \"").nth(1).and_then(|rest| rest.split('"').next());
    let formerly = formerly.map(str::to_owned);
    let adapter = upgraded.adapter_with(Options { formerly, ..Options::default() })?;
    let _running = mini.run_on(adapter);
    is_made_up_for(&mini).await
}

/// Bills whose key is a date, and no primary key, published whole.
const ODD_KEYS: &str = "
drop table billing.bill;
create table billing.bill (
    bill_id date, account_no text not null, issued_on date not null default '2026-10-01', usage numeric(12, 2) not null default 0);
alter table billing.bill replica identity full;
create index on billing.bill (account_no);";

fn with_date_keys() -> Vec<(&'static str, String)> {
    let graph = pack::GRAPH.replace("key = [\"bill_id integer\"]", "key = [\"bill_id date\"]").replace(
        "key = [\"bill_id integer\", \"line_no integer\"]",
        "key = [\"bill_id date\", \"line_no integer\"]",
    );
    vec![("graph.toml", graph)]
}

const BILL_LINES: &str = "alter table billing.bill_line alter bill_id type date using '2026-01-01'";

#[tokio::test]
async fn keys_are_the_same_whatever_the_login_has_been_given() -> Result<()> {
    let mini = Mini::of(Setup {
        sql: format!("{ODD_KEYS}{BILL_LINES}"),
        files: with_date_keys(),
        ..Setup::default()
    })
    .await?;
    mini.sql(&format!(
        "alter role {} set datestyle = 'German'; alter role {} set timezone = 'Asia/Tokyo'",
        mini.reader(),
        mini.reader()
    ))
    .await?;
    mini.sql("insert into crm.account (account_no) values ('A'); insert into billing.bill values ('2026-10-01', 'A')").await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("insert into billing.bill values ('2026-11-12', 'A')").await?;
    mini.settled().await?;
    mini.expect(Entity::Invoice, &["2026-10-01", "2026-11-12"]).await
}

#[tokio::test]
async fn rows_without_a_key_are_left_out_and_told_of() -> Result<()> {
    let mini = Mini::of(Setup {
        sql: format!("{ODD_KEYS}{BILL_LINES}"),
        files: with_date_keys(),
        ..Setup::default()
    })
    .await?;
    let findings = mini.adapter.check().await?;
    ensure!(
        findings
            .iter()
            .any(|f| f.what.contains("billing.bill.bill_id may be null") && f.fix.contains("set not null")),
        "{findings:?}"
    );
    const WITHOUT: &str = "insert into billing.bill (bill_id, account_no) values (null, 'A'), ('infinity', 'A'), ('-infinity', 'A'), ('0044-03-15 BC', 'A')";
    mini.sql(&format!("insert into crm.account (account_no) values ('A'); {WITHOUT}; insert into billing.bill values ('2026-10-01', 'A')")).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.expect(Entity::Invoice, &["2026-10-01"]).await?;
    mini.sql(WITHOUT).await?;
    mini.sql(
        "delete from billing.bill where bill_id is null; insert into billing.bill values (null, 'A');
         update billing.bill set bill_id = '2026-11-12' where bill_id is null;
         update billing.bill set bill_id = null where bill_id = '2026-10-01'",
    )
    .await?;
    // A record's rows are also found from its owner.
    mini.sql("update crm.account set display_name = 'New'").await?;
    mini.settled().await?;
    mini.expect(Entity::Invoice, &["2026-11-12"]).await?;
    let jobs = "select count(*) from job where kind = 'resync'";
    ensure!(mini.number(jobs).await? == 0, "its table was read anew for a row without a key");
    Ok(())
}
