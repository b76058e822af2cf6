//! What is said of freshness can be trusted: at every stage, when idle, behind, cut off, and right after a restart.

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use rstest::rstest;
use rstest_reuse::apply;
use wattle_core::Entity;
use wattle_sync::status::{SourceStatus, Stage};
use wattle_testbed::{Engine, Postgres, Stop, eventually};

use crate::engines::every_source;
use crate::mini::recorder::Call;
use crate::mini::{Mini, PATIENCE, Setup, TENANT};

const NOTHING: Stage = Stage { count: Some(0), age_ms: Some(0) };
/// What a stage says of changes that only the source could count, when there are none.
const ALL_CAPTURED: Stage = Stage { count: None, age_ms: Some(0) };

fn ensure_fresh(status: &SourceStatus) -> Result<()> {
    let fresh = status.captured == ALL_CAPTURED && status.fetched == NOTHING && status.applied == NOTHING;
    ensure!(fresh && status.state == "running", "it is not fresh: {status:?}");
    Ok(())
}

async fn fresh(mini: &Mini) -> Result<()> {
    eventually(PATIENCE, async || ensure_fresh(&mini.status().await?)).await
}

/// Waits until the source was noted anew since a time; how it is then.
async fn noted_after(mini: &Mini, time: DateTime<Utc>) -> Result<SourceStatus> {
    eventually(PATIENCE, async || {
        let status = mini.status().await?;
        ensure!(status.updated_at > time, "nothing was noted since {time}");
        Ok(status)
    })
    .await
}

#[apply(every_source)]
#[tokio::test]
async fn an_idle_source_is_fresh_and_stays_so(source: Engine, target: Engine) -> Result<()> {
    // What others do on a server must be looked through before it is known to be no news.
    let server = match source {
        Engine::Postgres => Some(Postgres::start().await?),
        Engine::MariaDb | Engine::SqlServer | Engine::Sqlite => None,
    };
    let mini = Mini::of(Setup { source, target, server, ..Setup::default() }).await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    let _running = mini.run_and_hydrate().await?;
    fresh(&mini).await?;
    let mut noted_at = mini.status().await?.updated_at;
    for _ in 0..5 {
        let status = noted_after(&mini, noted_at).await?;
        ensure_fresh(&status)?;
        noted_at = status.updated_at;
    }
    Ok(())
}

#[apply(every_source)]
#[tokio::test]
async fn what_waits_is_counted_at_the_stage_that_it_waits_for(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    let _running = mini.run_and_hydrate().await?;
    let waiting = |stage: Stage| stage.count == Some(3) && stage.age_ms.is_some_and(|age| age > 0);
    let mut fetch = mini.adapter.hold(|call| matches!(call, Call::Fetch(Entity::Account, _)));
    // One change, so that the others are not divided among batches.
    mini.sql("update crm.account set display_name = 'Held' where account_no = 'A'").await?;
    fetch.reached().await?;
    mini.sql("insert into crm.account (account_no) values ('B'), ('C')").await?;
    let unfetched = eventually(PATIENCE, async || {
        let status = mini.status().await?;
        let captured = status.captured == ALL_CAPTURED;
        ensure!(captured && waiting(status.fetched) && waiting(status.applied), "{status:?}");
        Ok(status)
    })
    .await?;
    let later = noted_after(&mini, unfetched.updated_at).await?;
    ensure!(later.fetched.age_ms > unfetched.fetched.age_ms, "{unfetched:?}, then {later:?}");

    // A file has one lock for all, and nothing could be noted under it.
    let marker = match target {
        Engine::Postgres => Some(mini.holding(&format!("select from t_{TENANT}.marker for update")).await?),
        Engine::MariaDb | Engine::SqlServer | Engine::Sqlite => None,
    };
    fetch.go_on();
    if let Some(marker) = marker {
        eventually(PATIENCE, async || {
            let status = mini.status().await?;
            ensure!(status.fetched == NOTHING && waiting(status.applied), "{status:?}");
            Ok(())
        })
        .await?;
        marker.release().await?;
    }
    fresh(&mini).await
}

/// Nobody knows what happens at a source that cannot be asked: it could be anything since it last was.
#[rstest]
#[tokio::test]
async fn a_source_that_is_cut_off_grows_old(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let server = Postgres::start().await?;
    let mini = Mini::of(Setup { server: Some(server.clone()), target, ..Setup::default() }).await?;
    let _running = mini.run_and_hydrate().await?;
    fresh(&mini).await?;
    server.stop(Stop::Fast).await?;
    let old = eventually(PATIENCE, async || {
        let status = mini.status().await?;
        ensure!(status.captured.age_ms > Some(0) && status.applied == NOTHING, "{status:?}");
        Ok(status)
    })
    .await?;
    let older = noted_after(&mini, old.updated_at).await?;
    ensure!(older.captured.age_ms > old.captured.age_ms, "{old:?}, then {older:?}");
    server.start_again().await?;
    fresh(&mini).await
}

#[apply(every_source)]
#[tokio::test]
async fn a_sync_that_was_stopped_is_no_longer_fresh_and_is_again_once_it_has_caught_up(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    let running = mini.run_and_hydrate().await?;
    fresh(&mini).await?;
    running.stop().await?;
    let stopped = mini.status().await?;
    ensure!(stopped.state == "stopped" && stopped.captured.age_ms > Some(0), "{stopped:?}");
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    // What is said right after the start is no better than what was known before it.
    let mut changes = mini.adapter.hold(|call| matches!(call, Call::Changes(_)));
    let _running = mini.run();
    changes.reached().await?;
    let started = noted_after(&mini, stopped.updated_at).await?;
    ensure!(started.captured.age_ms > stopped.captured.age_ms, "{stopped:?}, then {started:?}");
    changes.go_on();
    mini.settled().await?;
    fresh(&mini).await?;
    mini.expect(Entity::Account, &["A"]).await
}
