//! A rewind applies the old range of the stream again, beside live changes, and never moves a live marker back.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use rstest::rstest;
use rstest_reuse::apply;
use wattle_core::Entity;
use wattle_sync::{RewindTo, preview_rewind, request_rewind, rewind_range};
use wattle_testbed::Engine;

use crate::engines::every_source;
use crate::mini::{Mini, system};

const BEFORE: &str = "
insert into crm.account (account_no, display_name) values ('A', 'a'), ('B', 'b'), ('C', 'c');
insert into billing.bill (bill_id, account_no) values (1, 'A'), (2, 'B');";

/// What a mistake in a mapping might have left: another name, a record that should not be there, one that is missing.
const DAMAGE: &str = "
update account set body = '{}', detail = '{}' where source_id in ('A', 'C');
insert into invoice (tenant_id, source_system, source_id, account_id, issue_date, body)
    select tenant_id, source_system, '3', account_id, issue_date, body from invoice where source_id = '1';
delete from invoice where source_id = '2';";

async fn rewind(mini: &Mini, to: RewindTo, entities: &[Entity]) -> Result<()> {
    let session = mini.tenants.session(&mini.tenant).await?;
    let range = rewind_range(&session, &system(), to).await?;
    request_rewind(&session, &system(), range, entities).await?;
    mini.settled().await
}

async fn now(mini: &Mini) -> Result<DateTime<Utc>> {
    // By the clock that stamps the stream.
    let text = mini.value("select now()").await?.context("there is a clock")?;
    Ok(DateTime::parse_from_str(&text, "%F %T%.f%#z")
        .or_else(|_| DateTime::parse_from_rfc3339(&text))?
        .to_utc())
}

#[apply(every_source)]
#[tokio::test]
async fn a_rewind_repairs_what_was_named_since_and_moves_no_live_marker(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('C', 'c')").await?;
    mini.settled().await?;
    let position = mini.heard().await? + 1;
    mini.sql(&BEFORE.replace(", ('C', 'c')", "")).await?;
    mini.sql("insert into billing.bill (bill_id, account_no) values (3, 'B'); delete from billing.bill where bill_id = 3")
        .await?;
    mini.settled().await?;
    mini.execute(DAMAGE).await?;
    let marker = "select seq from marker where lane = 'live'";
    let before = mini.number(marker).await?;

    // Of one entity, the others are left as they are.
    rewind(&mini, RewindTo::Position(position), &[Entity::Invoice]).await?;
    mini.expect(Entity::Invoice, &["1", "2"]).await?;
    ensure!(mini.account("A").await?.get("displayName").is_none(), "accounts were not asked for");

    rewind(&mini, RewindTo::Position(position), &[]).await?;
    ensure!(mini.account("A").await?["displayName"] == "a", "{}", mini.account("A").await?);
    ensure!(mini.account("C").await?.get("displayName").is_none(), "C was named before the position");

    rewind(&mini, RewindTo::Position(1), &[]).await?;
    ensure!(mini.account("C").await?["displayName"] == "c", "{}", mini.account("C").await?);
    ensure!(mini.number(marker).await? >= before, "the live marker went back");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_dry_run_counts_distinct_keys_and_changes_nothing(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Postgres, target).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql(BEFORE).await?;
    mini.settled().await?;
    let since = now(&mini).await?;
    for name in ["x", "y", "z"] {
        mini.sql(&format!("update crm.account set display_name = '{name}' where account_no in ('A', 'B')"))
            .await?;
    }
    mini.settled().await?;
    let jobs = mini.number("select count(*) from job").await?;
    let session = mini.tenants.session(&mini.tenant).await?;
    let range = rewind_range(&session, &system(), RewindTo::Time(since)).await?;
    let graph = wattle_core::SourceAdapter::graph(&*mini.adapter);
    let preview = preview_rewind(&session, &system(), graph, range, &[]).await?;
    // Three updates of two accounts, and one of the plan that shows that the target has settled.
    ensure!((preview.changes, preview.distinct_keys) == (7, 3), "{preview:?}");
    ensure!(mini.number("select count(*) from job").await? == jobs, "a job was recorded");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_rewind_further_back_than_the_stream_goes_is_refused(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Postgres, target).await?;
    let running = mini.run_and_hydrate().await?;
    mini.sql(BEFORE).await?;
    mini.settled().await?;
    running.stop().await?;
    mini.execute("delete from stream_event where first_seq = 1").await?;
    let session = mini.tenants.session(&mini.tenant).await?;
    for to in [RewindTo::Position(1), RewindTo::Time(DateTime::UNIX_EPOCH)] {
        let Err(error) = rewind_range(&session, &system(), to).await else {
            anyhow::bail!("{to:?} was taken");
        };
        ensure!(error.explain().contains("wattle replay"), "{}", error.explain());
    }
    Ok(())
}

/// A rewind touches keys, and the next one finds those touches as well: none of them is read twice.
#[rstest]
#[tokio::test]
async fn a_second_rewind_reads_no_more_than_the_first(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    // Two of these stretches are more than a job looks at in one page.
    const ACCOUNTS: i64 = 3_000;
    let mini = Mini::on(Engine::Postgres, target).await?;
    mini.sql("insert into crm.account (account_no) select 'A' || n from generate_series(1, 3000) n").await?;
    let since = now(&mini).await?;
    let _running = mini.run_and_hydrate().await?;
    rewind(&mini, RewindTo::Time(since), &[]).await?;
    rewind(&mini, RewindTo::Time(since), &[]).await?;
    let touched = "select touched as v from job where kind = 'rewind' order by created_at";
    let touched: Vec<i64> =
        mini.list(touched).await?.into_iter().flatten().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let beats = touched.last().map_or(0, |last| last - ACCOUNTS);
    ensure!(touched.len() == 2 && (1..=3).contains(&beats), "as many were touched: {touched:?}");
    Ok(())
}
