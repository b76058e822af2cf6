//! Rule 3: a snapshot provably includes everything that was heard, or it is not handed out.

use std::sync::Arc;

use anyhow::{Result, ensure};
use rstest::rstest;
use tokio::task::JoinHandle;
use wattle_core::Entity;
use wattle_postgres::Options;
use wattle_testbed::{Database, Engine, Postgres, eventually};

use crate::mini::recorder::Call;
use crate::mini::{Mini, PATIENCE, Setup, TENANT};

/// A fence that is asked for again soon, so that a test sees it wait.
fn impatient() -> Options {
    Options { fence_timeout_ms: 200, ..Options::default() }
}

/// Commits one statement, which a synchronous standby keeps waiting.
fn commit_slowly(source: Arc<Database>, sql: &'static str) -> JoinHandle<Result<()>> {
    tokio::spawn(async move { Ok(source.client().await?.batch_execute(sql).await?) })
}

/// Waits until the consumer either says that it waits, or has applied all there is, which is too early.
async fn waits_or_applies(mini: &Mini, words: &str) -> Result<()> {
    eventually(PATIENCE, async || {
        let state = mini.state().await?;
        ensure!(state.contains(words) || mini.lag().await? == 0, "the source is {state}");
        Ok(())
    })
    .await
}

/// An update, an insert and a delete are in the log and heard, and no other session sees them; a later commit, which
/// waits for no standby, is visible already. Read too early, each would be wrong for good: no event follows.
#[tokio::test]
async fn a_commit_that_is_heard_before_it_is_visible_is_waited_for() -> Result<()> {
    let server = Postgres::start().await?;
    let mini =
        Mini::of(Setup { server: Some(server.clone()), options: impatient(), ..Setup::default() }).await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('A', 'Old'), ('B', 'B')").await?;
    let _running = mini.run_and_hydrate().await?;
    let heard = mini.heard().await?;

    server.set("synchronous_standby_names", "nobody").await?;
    let slow = [
        "update crm.account set display_name = 'New' where account_no = 'A'",
        "insert into crm.account (account_no) values ('C')",
        "delete from crm.account where account_no = 'B'",
    ]
    .map(|sql| commit_slowly(mini.source().clone(), sql));
    eventually(PATIENCE, async || {
        let waiting = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
        ensure!(mini.source().value(waiting).await?.as_deref() == Some("3"), "not all commits wait");
        Ok(())
    })
    .await?;
    mini.sql("set synchronous_commit = local; insert into crm.person (person_id) values (5)").await?;
    mini.has_heard(heard + 4).await?;
    waits_or_applies(&mini, "is not visible yet").await?;

    server.set("synchronous_standby_names", "").await?;
    for commit in slow {
        commit.await??;
    }
    mini.settled().await?;
    ensure!(mini.names().await?["A"] == "New", "the old row was stored: {:?}", mini.names().await?);
    mini.expect(Entity::Account, &["A", "C"]).await?;
    mini.expect(Entity::Customer, &["5"]).await
}

/// A primary, and a small retailer on it whose rows are read from a replica.
async fn with_replica(settings: &[(&str, &str)], options: Options) -> Result<(Mini, Postgres)> {
    let server = Postgres::start().await?;
    let replica = server.standby(settings).await?;
    let mini = Mini::of_replica(server, &replica, options).await?;
    Ok((mini, replica))
}

/// Waits until a server gives this answer.
async fn answers(server: &Postgres, question: &str, answer: &str) -> Result<()> {
    eventually(PATIENCE, async || {
        let found = server.psql("postgres", question).await?;
        ensure!(found[0][0].as_deref() == Some(answer), "{question} answers {found:?}");
        Ok(())
    })
    .await
}

/// Lets a replica come to where the source is, and no further.
async fn stop_replay(mini: &Mini, replica: &Postgres) -> Result<()> {
    let end = mini.lsn().await?;
    answers(replica, &format!("select pg_last_wal_replay_lsn() >= '{end}'"), "t").await?;
    replica.psql("postgres", "select pg_wal_replay_pause()").await?;
    answers(replica, "select pg_get_wal_replay_pause_state()", "paused").await
}

#[tokio::test]
async fn a_replica_that_lags_is_waited_for() -> Result<()> {
    let (mini, _replica) = with_replica(&[("recovery_min_apply_delay", "300ms")], Options::default()).await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('A', '0')").await?;
    let _running = mini.run_and_hydrate().await?;
    for name in ["1", "2", "3"] {
        mini.sql(&format!("update crm.account set display_name = '{name}'")).await?;
        mini.settled().await?;
        ensure!(mini.names().await?["A"] == name, "{:?} was stored after {name}", mini.names().await?);
    }
    Ok(())
}

/// The replica stands right before the commit that is heard, and has replayed the end of a transaction that began
/// later: neither its position in the log nor its transaction counter is past the commit's by more than nothing.
#[tokio::test]
async fn a_replica_that_stands_right_before_a_commit_does_not_include_it() -> Result<()> {
    let (mini, replica) = with_replica(&[], impatient()).await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('A', 'Old'), ('B', 'B')").await?;
    let _running = mini.run_and_hydrate().await?;
    let early = mini.source().client().await?;
    early.batch_execute("begin; update crm.account set display_name = 'New' where account_no = 'A'").await?;
    mini.sql("update crm.account set display_name = 'Later' where account_no = 'B'").await?;
    mini.settled().await?;
    ensure!(mini.names().await?["B"] == "Later", "{:?}", mini.names().await?);
    stop_replay(&mini, &replica).await?;
    let heard = mini.heard().await?;
    early.batch_execute("commit").await?;
    mini.has_heard(heard + 1).await?;
    waits_or_applies(&mini, "has not replayed").await?;
    replica.psql("postgres", "select pg_wal_replay_resume()").await?;
    mini.settled().await?;
    ensure!(mini.names().await?["A"] == "New", "the old row was stored: {:?}", mini.names().await?);
    Ok(())
}

/// A change was read from the primary and applied. Then a touch from before it is delivered again, and rows are read
/// from a replica that has replayed up to the touch.
#[tokio::test]
async fn an_old_touch_is_not_read_from_before_the_live_marker() -> Result<()> {
    let (mini, replica) = with_replica(&[], impatient()).await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('A', 'Old')").await?;
    let on_primary = mini.run_on(mini.adapter_with(Options::default())?);
    mini.hydrate(&[]).await?;
    mini.settled().await?;
    stop_replay(&mini, &replica).await?;
    mini.sql("update crm.account set display_name = 'New'").await?;
    mini.settled().await?;
    on_primary.stop().await?;
    mini.target()
        .psql(&format!(
            "with touches as (
                 select changes, last_seq - first_seq + 1 as count, appended_on from t_{TENANT}.stream_event
                 where lane = 'backfill' and changes like '%\"account\"%' limit 1),
             head as (
                 update t_{TENANT}.stream_head set last_seq = last_seq + (select count from touches)
                 where lane = 'backfill' returning last_seq)
             insert into t_{TENANT}.stream_event (tenant_id, source_system, lane, first_seq, last_seq, appended_on, changes)
             select '{TENANT}', 'main', 'backfill', last_seq - count + 1, last_seq, appended_on, changes from head, touches"
        ))
        .await?;
    let _on_replica = mini.run();
    waits_or_applies(&mini, "has not replayed").await?;
    replica.psql("postgres", "select pg_wal_replay_resume()").await?;
    mini.settled().await?;
    ensure!(mini.names().await?["A"] == "New", "the old row was stored: {:?}", mini.names().await?);
    Ok(())
}

/// The file is set back to an older copy after changes were heard, and before they are read. Capture, which would make
/// up for it, is held. What the copy has is older than the target, and lacks an account: it must not be taken.
#[rstest]
#[tokio::test]
async fn a_file_set_back_is_not_read_for_what_was_heard_before(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Sqlite, target).await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('A', 'Old'), ('B', 'B')").await?;
    let _running = mini.run_and_hydrate().await?;
    let older = mini.retailer().copy().await?;
    mini.sql("update crm.account set display_name = 'New' where account_no = 'A'; insert into crm.account (account_no) values ('C')")
        .await?;
    mini.settled().await?;
    let heard = mini.heard().await?;
    let mut first = mini.adapter.hold(|call| matches!(call, Call::Fetch(Entity::Plan, _)));
    mini.sql("insert into billing.plan (plan_code, name) values ('P', 'Plan')").await?;
    first.reached().await?;
    mini.sql("update crm.account set display_name = 'Newer'").await?;
    mini.has_heard(heard + 4).await?;
    let mut feed = mini.adapter.hold(|call| matches!(call, Call::Changes(_)));
    mini.retailer().replace_with(&older)?;
    feed.reached().await?;
    first.go_on();
    waits_or_applies(&mini, "older copy").await?;
    mini.expect(Entity::Account, &["A", "B", "C"]).await?;
    ensure!(mini.names().await?["A"] == "New", "the old row was stored: {:?}", mini.names().await?);
    feed.go_on();
    mini.settled().await?;
    mini.expect(Entity::Account, &["A", "B"]).await?;
    ensure!(mini.names().await?["A"] == "Old", "{:?}", mini.names().await?);
    Ok(())
}
