//! A target that an earlier release made is brought up to date with all that it holds, and sync goes on from there.

use anyhow::{Result, ensure};
use rstest::rstest;
use wattle_core::Entity;
use wattle_sync::{RewindTo, request_rewind, rewind_range};
use wattle_testbed::Engine;

use crate::mini::{Mini, Setup, system};

#[rstest]
#[tokio::test]
async fn a_target_of_the_first_schema_keeps_what_it_has_and_takes_what_comes(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::of(Setup { target, first_schema: true, ..Setup::default() }).await?;
    mini.expect(Entity::Account, &["OLD"]).await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('OLD', 'After')").await?;
    let running = mini.run();
    mini.settled().await?;
    let began_at = mini.status().await?.live_seq;
    ensure!(began_at > 7, "positions begin anew at {began_at}");
    mini.sql("insert into crm.account (account_no) values ('NEW')").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["NEW", "OLD"]).await?;
    mini.hydrate(&[]).await?;
    mini.settled().await?;
    ensure!(mini.names().await?["OLD"] == "After", "{:?}", mini.names().await?);

    // The tables of later schemas are there for this tenant, too.
    for table in ["payment_schedule", "concession"] {
        ensure!(mini.number(&format!("select count(*) from {table}")).await? == 0, "{table}");
    }
    // What the second schema brought works here, too.
    let session = mini.tenants.session(&mini.tenant).await?;
    let range = rewind_range(&session, &system(), RewindTo::Position(began_at)).await?;
    request_rewind(&session, &system(), range, &[]).await?;
    mini.settled().await?;
    running.stop().await
}
