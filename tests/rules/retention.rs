//! Section 8: the stream is kept for as long as the tenant wants, and never trimmed past who still has to read it.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use chrono::{NaiveDate, TimeDelta, Utc};
use rstest::rstest;
use wattle_core::Entity;
use wattle_sync::{Archive, RewindTo, rewind_range};
use wattle_tenants::{Lifecycle, NewUpkeep, TargetSettings};
use wattle_testbed::{Engine, Target, eventually};

use crate::mini::{Mini, PATIENCE, TENANT, system};

fn days_ago(days: i64) -> NaiveDate {
    (Utc::now() - TimeDelta::days(days)).date_naive()
}

/// Makes what is in the stream up to the markers noted as of this day as old as that day.
async fn age(mini: &Mini, days: i64) -> Result<()> {
    let day = days_ago(days);
    if let Target::Postgres(database) = mini.target_of_either() {
        let (name, next) = (day.format("stream_event_%Y%m%d"), day + TimeDelta::days(1));
        database
            .psql(&format!(
                "create table t_{TENANT}.{name} partition of t_{TENANT}.stream_event for values from ('{day}') to ('{next}')"
            ))
            .await?;
    }
    let of_that_day = format!(
        "last_seq <= (select max(d.seq) from marker_day d
                      where d.lane = stream_event.lane and d.source_system = stream_event.source_system and d.day = '{day}')"
    );
    let yesterday = days_ago(1);
    mini.execute(&format!(
        "update stream_event set appended_on = '{day}' where appended_on >= '{yesterday}' and {of_that_day}"
    ))
    .await
}

/// Notes the markers as those of a day.
async fn note(mini: &Mini, days: i64) -> Result<()> {
    let day = days_ago(days);
    mini.execute(&format!(
        "insert into marker_day (tenant_id, source_system, lane, day, seq)
         select tenant_id, source_system, lane, '{day}', seq from marker"
    ))
    .await
}

async fn days(mini: &Mini) -> Result<Vec<String>> {
    let sql = "select distinct cast(appended_on as text) as v from stream_event order by 1";
    Ok(mini.list(sql).await?.into_iter().flatten().collect())
}

/// Two days of changes: of 20 days ago, and of 10.
async fn aged(source: Engine, target: Engine) -> Result<Mini> {
    let mini = Mini::on(source, target).await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    let running = mini.run_and_hydrate().await?;
    mini.sql("update crm.account set display_name = 'New'").await?;
    mini.settled().await?;
    note(&mini, 20).await?;
    mini.sql("insert into crm.account (account_no) values ('B')").await?;
    mini.settled().await?;
    running.stop().await?;
    note(&mini, 10).await?;
    age(&mini, 20).await?;
    age(&mini, 10).await?;
    Ok(mini)
}

async fn dropped(mini: &Mini, day: NaiveDate) -> Result<()> {
    eventually(PATIENCE, async || {
        let days = days(mini).await?;
        ensure!(!days.contains(&day.to_string()), "there are {days:?}");
        Ok(())
    })
    .await
}

#[rstest]
#[case(Engine::Postgres, Engine::Postgres)]
#[case(Engine::Postgres, Engine::Sqlite)]
#[case(Engine::MariaDb, Engine::Postgres)]
#[case(Engine::SqlServer, Engine::Postgres)]
#[tokio::test]
async fn days_that_were_applied_long_enough_ago_are_dropped_and_no_others(
    #[case] source: Engine,
    #[case] target: Engine,
) -> Result<()> {
    let mini = aged(source, target).await?;
    // The first day goes as soon as someone looks.
    let running = mini.run();
    dropped(&mini, days_ago(20)).await?;
    ensure!(days(&mini).await?.contains(&days_ago(10).to_string()), "{:?}", days(&mini).await?);
    if let Target::Postgres(database) = mini.target_of_either() {
        let name = days_ago(20).format("stream_event_%Y%m%d");
        let there = database.value(&format!("select to_regclass('t_{TENANT}.{name}')")).await?;
        ensure!(there.is_none(), "the partition is still there");
    }
    // What is no longer kept cannot be rewound to.
    let session = mini.tenants.session(&mini.tenant).await?;
    let too_far = rewind_range(&session, &system(), RewindTo::Position(1)).await;
    ensure!(too_far.is_err_and(|error| error.explain().contains("wattle replay")));
    running.stop().await?;

    // The tenant wants it shorter.
    let settings = TargetSettings::new(mini.target_of_either().url());
    let lifecycle = Lifecycle::connect(&settings, mini.secrets.clone()).await?;
    let upkeep = NewUpkeep { retention_days: Some(5), ..NewUpkeep::default() };
    lifecycle.set_upkeep(&mini.tenant.id, upkeep).await?;
    eventually(PATIENCE, async || {
        let tenant = mini.tenants.tenant(&mini.tenant.id).await?.context("it is there")?;
        ensure!(tenant.retention_days == 5, "the registry says {}", tenant.retention_days);
        Ok(())
    })
    .await?;
    let _running = mini.run();
    dropped(&mini, days_ago(10)).await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A", "B"]).await
}

/// An entity that is paused, and a rewind that is under way, still have to read what came since.
#[rstest]
#[case(
    "insert into entity_pause (tenant_id, source_system, entity, reason, live_seq, backfill_seq)
        select tenant_id, source_system, 'customer', 'a test', 1, 0 from source_state"
)]
#[case(r#"insert into job (tenant_id, job_id, source_system, kind, scans)
        select tenant_id, '5a5c9b0e-0000-4000-8000-000000000001', source_system, 'rewind',
               '[{"scan": "stream", "lane": "live", "after": 1, "through": 2, "entities": []}]' from source_state"#)]
#[tokio::test]
async fn what_someone_still_has_to_read_is_kept(
    #[case] needs: &str,
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = aged(Engine::Postgres, target).await?;
    // Nobody carries anything out meanwhile.
    mini.execute("update source_state set pause_asked = true").await?;
    mini.execute(needs).await?;
    let running = mini.run();
    let free = "select max(free_seq) from marker where lane = 'live'";
    eventually(PATIENCE, async || {
        ensure!(mini.number(free).await? == 1, "the lane is free up to {}", mini.number(free).await?);
        Ok(())
    })
    .await?;
    running.stop().await?;
    ensure!(days(&mini).await?.contains(&days_ago(20).to_string()), "{:?}", days(&mini).await?);
    mini.execute("delete from entity_pause; delete from job where kind = 'rewind'").await?;
    let _running = mini.run();
    dropped(&mini, days_ago(20)).await
}

#[rstest]
#[tokio::test]
async fn a_reconcile_begins_by_itself_when_the_last_is_long_ago(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Postgres, target).await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    mini.run_and_hydrate().await?.stop().await?;
    let week_ago = (Utc::now() - TimeDelta::days(8)).to_rfc3339();
    mini.execute(&format!("update job set created_at = '{week_ago}'")).await?;
    let _running = mini.run();
    eventually(PATIENCE, async || {
        let done =
            mini.number("select count(*) from job where kind = 'reconcile' and state = 'done'").await?;
        ensure!(done == 1, "{done} reconciles are done");
        Ok(())
    })
    .await
}

/// What is not archived yet is kept, however long ago it was applied.
#[rstest]
#[tokio::test]
async fn what_is_not_archived_is_kept(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = aged(Engine::Postgres, target).await?;
    // Something that upkeep forgets last: when it is gone, all else was looked at.
    note(&mini, 400).await?;
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("archive");
    let archive = Arc::new(Archive::open(&place.display().to_string())?);
    std::fs::write(&place, "in the way")?;
    let running = mini.run_archiving(&archive);
    let old = format!("select count(*) from marker_day where day = '{}'", days_ago(400));
    eventually(PATIENCE, async || {
        ensure!(mini.number(&old).await? == 0, "upkeep has not looked yet");
        Ok(())
    })
    .await?;
    running.stop().await?;
    ensure!(days(&mini).await?.contains(&days_ago(20).to_string()), "{:?}", days(&mini).await?);
    std::fs::remove_file(&place)?;
    std::fs::create_dir(&place)?;
    mini.run_until_idle(&archive).end().await?;
    let _running = mini.run_archiving(&archive);
    dropped(&mini, days_ago(20)).await
}
