//! What goes wrong with one source costs it alone: its task starts over a few times, and takes up so much memory at most.

use anyhow::{Result, ensure};
use rstest::rstest;
use wattle_core::Entity;
use wattle_testbed::Engine;

use crate::mini::Mini;
use crate::mini::recorder::Call;

#[rstest]
#[tokio::test]
async fn a_task_that_breaks_down_starts_over_and_loses_nothing(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Postgres, target).await?;
    let running = mini.run_and_hydrate().await?;
    mini.adapter.break_down(3, |call| matches!(call, Call::Fetch(Entity::Account, _)));
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A"]).await?;
    running.stop().await
}

#[tokio::test]
async fn a_task_that_breaks_down_again_and_again_stops_and_says_so() -> Result<()> {
    let mini = Mini::start().await?;
    let running = mini.run_and_hydrate().await?;
    mini.adapter.break_down(usize::MAX, |call| matches!(call, Call::Fetch(Entity::Account, _)));
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    mini.says(&["waiting", "its task broke down", "defect"]).await?;
    let error = running.ended().await?.explain();
    ensure!(error.contains("broke down 6 times within 10 minutes"), "{error}");
    mini.says(&["stopped", "broke down 6 times within 10 minutes"]).await?;
    // Whoever has mended it starts it again, and nothing is lost.
    mini.adapter.break_down(0, |_| true);
    let _running = mini.run();
    mini.settled().await?;
    mini.expect(Entity::Account, &["A"]).await
}

#[rstest]
#[tokio::test]
async fn large_records_are_read_a_few_at_a_time(
    #[values(Engine::Postgres, Engine::Sqlite)] source: Engine,
) -> Result<()> {
    const RECORDS: usize = 400;
    const RECORD_BYTES: usize = 200_000;
    /// What two batches may take up is bounded; this is one of them.
    const BUDGET_BYTES: usize = 16 << 20;
    let mini = Mini::on(source, Engine::Postgres).await?;
    let name = "x".repeat(RECORD_BYTES);
    let accounts: Vec<String> = (0..RECORDS).map(|n| format!("('A{n}', '{name}')")).collect();
    for some in accounts.chunks(50) {
        mini.sql(&format!("insert into crm.account (account_no, display_name) values {}", some.join(", ")))
            .await?;
    }
    let _running = mini.run_and_hydrate().await?;
    let fetches = mini.adapter.fetches(Entity::Account);
    ensure!(fetches.iter().sum::<usize>() >= RECORDS, "they are {fetches:?}");
    let largest = fetches.iter().max().copied().unwrap_or_default();
    ensure!(largest * RECORD_BYTES <= BUDGET_BYTES, "{largest} records were read at once: {fetches:?}");
    Ok(())
}
