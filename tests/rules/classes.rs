//! Section 9: what an error leads to depends on its class.

use anyhow::{Result, ensure};
use rstest::rstest;
use rstest_reuse::apply;
use wattle_core::{Entity, ErrorClass};
use wattle_postgres::Options;
use wattle_testbed::Engine;

use crate::engines::two_sources;
use crate::mini::recorder::Call;
use crate::mini::{Mini, Setup, TENANT};

async fn quarantine(mini: &Mini) -> Result<Vec<String>> {
    let sql = "select concat_ws(' ', entity, source_id, error) as v from quarantine order by 1";
    Ok(mini.list(sql).await?.into_iter().flatten().collect())
}

/// A kind of person that the pack does not know. What was there before stays, and all else goes on.
#[apply(two_sources)]
#[tokio::test]
async fn a_record_that_breaks_a_rule_is_quarantined_and_the_rest_is_applied(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql("insert into crm.person (person_id) values (1), (2)").await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("update crm.person set kind = 'X' where person_id = 1; insert into crm.person values (3, 'X'), (4, 'O'); delete from crm.person where person_id = 2")
        .await?;
    mini.settled().await?;
    mini.expect(Entity::Customer, &["1", "4"]).await?;
    let found = quarantine(&mini).await?;
    ensure!(found.len() == 2, "{found:?}");
    for (error, key) in found.iter().zip(["1", "3"]) {
        let named = format!("customer {key} customerUType: ");
        ensure!(error.starts_with(&named) && !error.contains('X'), "{error}");
    }
    mini.sql(
        "update crm.person set kind = 'O' where person_id = 1; delete from crm.person where person_id = 3",
    )
    .await?;
    mini.settled().await?;
    mini.expect(Entity::Customer, &["1", "4"]).await?;
    ensure!(quarantine(&mini).await?.is_empty(), "{:?}", quarantine(&mini).await?);
    Ok(())
}

/// A stored position that no adapter ever wrote.
#[apply(two_sources)]
#[tokio::test]
async fn a_broken_invariant_stops_the_source_and_keeps_everything(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql("insert into crm.person (person_id) values (1)").await?;
    let running = mini.run_and_hydrate().await?;
    let nonsense = r#"[{"p": "nonsense", "c": [["d", "person", "1"]]}]"#;
    let today = chrono::Utc::now().date_naive();
    mini.execute(&format!(
        "update stream_head set last_seq = last_seq + 1 where lane = 'live';
         insert into stream_event (tenant_id, source_system, lane, first_seq, last_seq, appended_on, changes)
         select '{TENANT}', 'main', 'live', last_seq, last_seq, '{today}', '{nonsense}' from stream_head where lane = 'live'"
    ))
    .await?;
    let error = running.ended().await?;
    ensure!(error.class() == ErrorClass::Bug, "it ended with {}", error.explain());
    let state = mini.state().await?;
    ensure!(state.starts_with("stopped") && state.contains("nonsense"), "the source is {state}");
    mini.expect(Entity::Customer, &["1"]).await
}

/// Records that the source keeps from being read are not broken, however few of them are asked for at once.
#[rstest]
#[tokio::test]
async fn records_that_cannot_be_read_in_time_are_waited_for(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let options = Options { lock_timeout_ms: 100, ..Options::default() };
    let mini = Mini::of(Setup { target, options, ..Setup::default() }).await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    let _running = mini.run_and_hydrate().await?;
    let mut snapshot = mini.adapter.hold(|call| matches!(call, Call::Snapshot));
    mini.sql("update crm.account set display_name = 'New'").await?;
    snapshot.reached().await?;
    let locked = mini.source().client().await?;
    locked.batch_execute("begin; lock table crm.account in access exclusive mode").await?;
    snapshot.go_on();
    mini.says(&["waiting", "lock timeout"]).await?;
    ensure!(quarantine(&mini).await?.is_empty(), "{:?}", quarantine(&mini).await?);
    locked.batch_execute("rollback").await?;
    mini.settled().await?;
    ensure!(quarantine(&mini).await?.is_empty(), "{:?}", quarantine(&mini).await?);
    ensure!(mini.names().await?["A"] == "New", "{:?}", mini.names().await?);
    Ok(())
}
