//! The test that a version becomes visible only when all smaller ones are.

use std::time::Duration;

use anyhow::{Result, ensure};
use wattle_testbed::eventually;

use crate::SqlServer;

const LIMIT: Duration = Duration::from_secs(20);

/// PostgreSQL keeps the first writer waiting after it has its version and before anybody sees its commit; a second one
/// that does not wait must not become visible before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_version_waits_for_an_earlier_one() -> Result<()> {
    let server = SqlServer::start().await?;
    let database = server.database("order").await?;
    database
        .sql("alter database current set change_tracking = on; create table t (id int primary key); alter table t enable change_tracking")
        .await?;
    let postgres = server.postgres();
    let watcher = postgres.client(database.name()).await?;
    postgres.set("synchronous_standby_names", "nobody").await?;
    let first = postgres.client(database.name()).await?;
    let slow = tokio::spawn(async move { first.batch_execute("insert into dbo.t values (1)").await });
    eventually(LIMIT, async || {
        let waiting =
            watcher.query("select 1 from pg_stat_activity where wait_event = 'SyncRep'", &[]).await?;
        ensure!(!waiting.is_empty(), "the first writer does not wait yet");
        Ok(())
    })
    .await?;
    let second = postgres.client(database.name()).await?;
    let fast = tokio::spawn(async move {
        second.batch_execute("set synchronous_commit = off; insert into dbo.t values (2)").await
    });
    let held = "select 1 from pg_locks where locktype = 'advisory' and not granted";
    eventually(LIMIT, async || {
        ensure!(
            fast.is_finished() || !watcher.query(held, &[]).await?.is_empty(),
            "the second writer is on its way"
        );
        Ok(())
    })
    .await?;
    let seen =
        "select count(*)::int, coalesce(max(version), 0)::int from sys.commits where version is not null";
    let row = watcher.query_one(seen, &[]).await?;
    assert_eq!(
        (row.get::<_, i32>(0), row.get::<_, i32>(1)),
        (0, 0),
        "commits that can be seen, and the last version"
    );
    postgres.set("synchronous_standby_names", "").await?;
    slow.await??;
    fast.await??;
    let changes = database
        .sql("select id, sys_change_version from changetable(changes dbo.t, 0) ct order by 2")
        .await?;
    let changes: Vec<_> =
        changes.into_iter().map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(":")).collect();
    assert_eq!(changes, ["1:1", "2:2"]);
    Ok(())
}
