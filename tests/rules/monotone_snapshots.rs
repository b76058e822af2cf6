//! Rule 4: snapshots are applied in the order they were opened; a failure discards what was prefetched.

use anyhow::{Result, ensure};
use wattle_core::Entity;
use wattle_testbed::eventually;

use crate::mini::recorder::Call;
use crate::mini::{Mini, PATIENCE, TENANT};

/// A batch is fetched, the next is prefetched, and the first one's apply is cut off. What is fetched anew for it is
/// newer than what was prefetched before: the account must never go back to that.
#[tokio::test]
async fn a_failed_apply_discards_what_was_prefetched() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('A', '0')").await?;
    let _running = mini.run_and_hydrate().await?;
    keep_history(&mini).await?;
    let locked = mini.holding(&format!("select from t_{TENANT}.account for update")).await?;
    mini.adapter.forget();
    let heard = mini.heard().await?;
    let mut first = mini.adapter.hold(|call| matches!(call, Call::Fetch(Entity::Account, _)));
    mini.sql("update crm.account set display_name = '1'").await?;
    first.reached().await?;
    // The first batch is fetched: this makes a second one.
    mini.sql("update crm.account set display_name = '2'").await?;
    mini.has_heard(heard + 2).await?;
    first.go_on();
    let applying = mini.blocked().await?;
    eventually(PATIENCE, async || {
        ensure!(mini.adapter.fetches(Entity::Account) == [1, 1], "the next batch is not yet prefetched");
        Ok(())
    })
    .await?;
    mini.sql("update crm.account set display_name = '3'").await?;
    mini.has_heard(heard + 3).await?;
    mini.target.psql(&format!("select pg_terminate_backend({applying})")).await?;
    locked.batch_execute("rollback").await?;
    mini.settled().await?;
    let history = mini.target.psql("select name from history order by at").await?;
    let history: Vec<String> = history.into_iter().flatten().flatten().collect();
    ensure!(history.is_sorted(), "the account went back: {history:?}");
    ensure!(history.last().is_some_and(|name| name == "3"), "the account is not up to date: {history:?}");
    Ok(())
}

/// Writes down every name that accounts of the target are given.
async fn keep_history(mini: &Mini) -> Result<()> {
    mini.target
        .psql(&format!(
            "create table history (at bigserial, name text);
             create function keep_history() returns trigger language plpgsql security definer set search_path = public as
                 $$ begin insert into history (name) values (new.body::jsonb ->> 'displayName'); return new; end $$;
             create trigger history after insert or update on t_{TENANT}.account for each row execute function keep_history()"
        ))
        .await?;
    Ok(())
}
