//! Changes that come with time alone: a record says when it will read differently, and is read again then.

use anyhow::{Context, Result, ensure};
use rstest::rstest;
use wattle_core::Entity;
use wattle_sync::{JobKind, Report};
use wattle_testbed::{Engine, eventually};

use crate::mini::{Mini, PATIENCE, Setup};
use crate::reconcile::reconciled;

/// A holding counts until it ends.
const UNTIL: &str = r#"select k.ord as "$ord", h.person_id as "$key.person_id", h.account_no as "$key.account_no",
       h.person_id as "$owner.customer", h.account_no as "$owner.account", h.role, true as "shareable",
       h.ends_at as "$changesAt"
from {keys} k join crm.holding h on h.person_id = k.person_id and h.account_no = k.account_no
where h.ends_at is null or h.ends_at > {now}"#;

async fn with(target: Engine, holding: &str) -> Result<Mini> {
    let sql = "alter table crm.holding add ends_at timestamptz".to_owned();
    let files = vec![("fetch/holding.sql", holding.to_owned())];
    let mini = Mini::of(Setup { target, files, sql, ..Setup::default() }).await?;
    mini.sql("insert into crm.person (person_id) values (1); insert into crm.account (account_no) values ('A'), ('B')")
        .await?;
    Ok(mini)
}

async fn compared(mini: &Mini) -> Result<Report> {
    reconciled(mini, JobKind::Reconcile).await?.report.context("it compared")
}

#[rstest]
#[tokio::test]
async fn a_record_is_read_again_when_its_time_comes(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = with(target, UNTIL).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("insert into crm.holding values (1, 'A', 'H', now() + interval '3 s'), (1, 'B', 'H', now() + interval '1 day')")
        .await?;
    mini.settled().await?;
    ensure!(mini.number("select count(*) from due").await? >= 1);
    // Nothing happens at the source.
    eventually(PATIENCE, async || mini.expect(Entity::Holding, &["1|B"]).await).await?;
    ensure!(mini.number("select count(*) from due").await? == 1);
    // One that no longer ends is not waited for.
    mini.sql("update crm.holding set ends_at = null").await?;
    mini.settled().await?;
    ensure!(mini.number("select count(*) from due").await? == 0);
    Ok(())
}

/// A pack that says so of records which have changed already would have them read without end.
#[rstest]
#[tokio::test]
async fn a_time_long_past_is_not_waited_for(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let always = UNTIL.split("\nwhere").next().context("it has a condition")?;
    let mini = with(target, always).await?;
    mini.sql("insert into crm.holding values (1, 'A', 'H', now() - interval '1 day')").await?;
    let _running = mini.run_and_hydrate().await?;
    let head = "select last_seq from stream_head where lane = 'live'";
    let before = mini.number(head).await?;
    mini.settled().await?;
    mini.settled().await?;
    ensure!(mini.number(head).await? == before + 2, "more than both beats was appended");
    ensure!(mini.number("select count(*) from due").await? == 0);
    ensure!(compared(&mini).await?.agrees());
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_reconcile_finds_a_time_that_is_not_known_or_wrong(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = with(target, UNTIL).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("insert into crm.holding values (1, 'A', 'H', '2126-01-01 00:00Z'), (1, 'B', 'H', '2126-01-02 00:00Z')").await?;
    mini.settled().await?;
    let times = "select source_id || ' ' || due_at as v from due order by 1";
    let right = mini.list(times).await?;
    ensure!(right.len() == 2 && compared(&mini).await?.agrees());
    mini.execute(
        "delete from due where source_id = '1|A'; update due set due_at = '2125-12-31 00:00:00.000000+00:00'",
    )
    .await?;
    let report = compared(&mini).await?;
    ensure!(report.entities[&Entity::Holding].changed == 2, "{report:?}");
    mini.settled().await?;
    ensure!(mini.list(times).await? == right, "{:?}", mini.list(times).await?);
    Ok(())
}
