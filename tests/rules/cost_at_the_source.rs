//! The retailer's database comes first: few statements, few events, and no log kept for nothing.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use rstest_reuse::apply;
use serde_json::Value;
use wattle_testbed::{Engine, eventually};

use crate::engines::two_sources;
use crate::mini::pack::numbers;
use crate::mini::{Mini, PATIENCE, TENANT};

/// Beside those of the kinds in a batch.
const FIXED_STATEMENTS: i64 = 4;

/// A thousand changes of two entities, which have one collection each, in one batch.
#[tokio::test]
async fn the_statements_of_a_batch_follow_its_kinds_and_not_its_changes() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql(
        "insert into crm.account (account_no) select 'A' || n from generate_series(1, 500) n;
         insert into billing.bill (bill_id, account_no) select n, 'A' || n from generate_series(1, 500) n;
         insert into billing.bill_line select n, l, 'Usage', 1 from generate_series(1, 500) n, generate_series(1, 3) l",
    )
    .await?;
    let _running = mini.run_and_hydrate().await?;
    // One small batch is held up at the marker while the large one gathers behind it.
    let locked = mini.holding(&format!("select from t_{TENANT}.marker for update")).await?;
    let heard = mini.heard().await?;
    mini.sql("insert into billing.plan (plan_code, name) values ('P', 'Plan')").await?;
    mini.blocked().await?;
    mini.sql(
        "update crm.account set display_name = 'New';
         update billing.bill set usage = 12.50",
    )
    .await?;
    mini.has_heard(heard + 1_001).await?;
    mini.source().reset_statements().await?;
    locked.release().await?;
    let lag = format!(
        "select sum(h.last_seq - m.seq) from t_{TENANT}.stream_head h join t_{TENANT}.marker m using (lane)"
    );
    eventually(PATIENCE, async || {
        ensure!(mini.number(&lag).await? == 0, "not all is applied");
        Ok(())
    })
    .await?;
    let kinds = 2 + 2;
    let statements = mini.source().statements().await?;
    // Once in a while, whatever is in the batches: how much log the slot keeps, on a connection of its own.
    let aside = |query: &str| query.contains("pg_control_system") || query.contains("pg_replication_slots");
    let calls: BTreeMap<&str, i64> = statements
        .iter()
        .filter(|statement| statement.role == mini.reader() && !aside(&statement.query))
        .map(|statement| (statement.query.as_str(), statement.calls))
        .collect();
    let total: i64 = calls.values().sum();
    ensure!(total <= kinds + FIXED_STATEMENTS, "{total} statements for {kinds} kinds: {calls:#?}");
    ensure!(calls.keys().filter(|query| query.contains("unnest")).count() == 4, "they are {calls:#?}");
    let updated =
        format!("select count(*) from t_{TENANT}.invoice where body::jsonb ->> 'balanceAtIssue' = '12.50'");
    ensure!(mini.number(&updated).await? == 500, "not every invoice was updated");
    Ok(())
}

#[apply(two_sources)]
#[tokio::test]
async fn a_bill_with_fifty_lines_is_one_captured_change(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    let _running = mini.run_and_hydrate().await?;
    let events = async || -> Result<usize> {
        let changes = mini.stored("live").await?.into_iter().flat_map(|stored| stored.changes);
        Ok(changes.filter(|change| change.to_string().contains("\"bill")).count())
    };
    ensure!(events().await? == 0);
    mini.sql(&format!(
        "insert into billing.bill (bill_id, account_no) values (1, 'A');
         {} insert into billing.bill_line select 1, n, 'Line ' || n, n from numbers",
        numbers(50)
    ))
    .await?;
    mini.settled().await?;
    ensure!(events().await? == 1, "{} changes were captured", events().await?);
    let body = mini.value("select body from invoice").await?.context("there is an invoice")?;
    let body: Value = serde_json::from_str(&body)?;
    let lines = body["electricity"]["otherCharges"].as_array().map_or(0, Vec::len);
    ensure!(lines == 50, "the invoice has {lines} lines");
    Ok(())
}

/// A row that is touched is followed to all that it feeds, which a hydration reads by itself.
#[apply(two_sources)]
#[tokio::test]
async fn a_hydration_asks_for_each_record_and_follows_no_row(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(
        "insert into crm.account (account_no) values ('A');
         insert into billing.bill (bill_id, account_no) values (1, 'A')",
    )
    .await?;
    let _running = mini.run_and_hydrate().await?;
    let changes: Vec<Value> =
        mini.stored("backfill").await?.into_iter().flat_map(|stored| stored.changes).collect();
    ensure!(changes.len() >= 2 && changes.iter().all(|change| change[0] == "r"), "{changes:?}");
    Ok(())
}

/// The retailer's server writes megabytes that are none of our business.
#[tokio::test]
async fn an_idle_slot_does_not_keep_the_log_of_other_databases() -> Result<()> {
    const WRITTEN: i64 = 20 << 20;
    let mini = Mini::start().await?;
    let _running = mini.run_and_hydrate().await?;
    let other = mini.source().server().database("other").await?;
    other.psql("create table filler (f text)").await?;
    let before = mini.lsn().await?;
    other.psql("insert into filler select repeat(md5(n::text), 10) from generate_series(1, 70000) n").await?;
    let end = mini.lsn().await?;
    let written = format!("select ('{end}'::pg_lsn - '{before}')::bigint");
    let written: i64 = mini.source().value(&written).await?.context("a difference")?.parse()?;
    ensure!(written > WRITTEN, "only {written} bytes of log were written");
    let slot = mini.slot();
    eventually(PATIENCE, async || {
        // A slot lets go of log where the server notes which transactions are running, as every checkpoint does.
        mini.sql("checkpoint").await?;
        let behind = mini
            .source()
            .value(&format!("select greatest('{end}'::pg_lsn - restart_lsn, 0)::bigint from pg_replication_slots where slot_name = '{slot}'"))
            .await?;
        let behind: i64 = behind.context("the slot is there")?.parse()?;
        ensure!(behind == 0, "the slot keeps {behind} bytes");
        Ok(())
    })
    .await
}

/// The target cannot store anything for a while: the source must not forget what is not stored.
#[tokio::test]
async fn a_change_is_acknowledged_when_it_is_stored_and_not_before() -> Result<()> {
    let mini = Mini::start().await?;
    let _running = mini.run_and_hydrate().await?;
    let locked = mini.holding(&format!("select from t_{TENANT}.stream_head for update")).await?;
    mini.sql("insert into crm.person (person_id) values (1)").await?;
    let end = mini.lsn().await?;
    mini.blocked().await?;
    let slot = mini.slot();
    let feedback = format!(
        "select extract(epoch from reply_time) from pg_stat_replication r join pg_replication_slots s on s.active_pid = r.pid
         where s.slot_name = '{slot}'"
    );
    // The feed reports where it stands all the while.
    for _ in 0..2 {
        let last = mini.source().value(&feedback).await?;
        eventually(PATIENCE, async || {
            ensure!(mini.source().value(&feedback).await? != last, "the feed does not report");
            Ok(())
        })
        .await?;
    }
    let acknowledged =
        format!("select confirmed_flush_lsn >= '{end}' from pg_replication_slots where slot_name = '{slot}'");
    ensure!(
        mini.source().value(&acknowledged).await?.as_deref() == Some("f"),
        "what is not stored is acknowledged"
    );
    locked.release().await?;
    eventually(PATIENCE, async || {
        ensure!(
            mini.source().value(&acknowledged).await?.as_deref() == Some("t"),
            "what is stored is not acknowledged"
        );
        Ok(())
    })
    .await
}
