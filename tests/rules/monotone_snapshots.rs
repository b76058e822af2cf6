//! Rule 4: snapshots are applied in the order they were opened; a failure discards what was prefetched.

use anyhow::{Result, bail, ensure};
use rstest_reuse::apply;
use wattle_core::Entity;
use wattle_testbed::{Engine, eventually};

use crate::engines::two_sources;
use crate::mini::recorder::Call;
use crate::mini::{Mini, PATIENCE, TENANT};

/// A batch is fetched, the next is prefetched, and the first one's apply is cut off. What is fetched anew for it is
/// newer than what was prefetched before: the account must never go back to that.
#[apply(two_sources)]
#[tokio::test]
async fn a_failed_apply_discards_what_was_prefetched(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql("insert into crm.account (account_no, display_name) values ('A', '0')").await?;
    let _running = mini.run_and_hydrate().await?;
    keep_history(&mini, target).await?;
    mini.adapter.forget();
    let heard = mini.heard().await?;
    let mut first = mini.adapter.hold(|call| matches!(call, Call::Fetch(Entity::Account, _)));
    mini.sql("update crm.account set display_name = '1'").await?;
    first.reached().await?;
    // The first batch is fetched: this makes a second one.
    mini.sql("update crm.account set display_name = '2'").await?;
    mini.has_heard(heard + 2).await?;
    let locked = mini.holding(&format!("select from t_{TENANT}.account for update")).await?;
    first.go_on();
    eventually(PATIENCE, async || {
        ensure!(mini.adapter.fetches(Entity::Account) == [1, 1], "the next batch is not yet prefetched");
        Ok(())
    })
    .await?;
    mini.sql("update crm.account set display_name = '3'").await?;
    match target {
        Engine::Postgres => {
            mini.has_heard(heard + 3).await?;
            let applying = mini.blocked().await?;
            mini.target().psql(&format!("select pg_terminate_backend({applying})")).await?;
            locked.release().await?;
        }
        // There is no session to be cut off: for a while there is no such table.
        Engine::Sqlite => {
            locked.run("alter table account rename to hidden").await?;
            mini.says(&["paused", "no such table"]).await?;
            mini.execute("alter table hidden rename to account").await?;
        }
        Engine::MariaDb | Engine::SqlServer => bail!("it is no target"),
    }
    mini.settled().await?;
    let history: Vec<String> =
        mini.list("select name as v from history order by at").await?.into_iter().flatten().collect();
    ensure!(history.is_sorted(), "the account went back: {history:?}");
    ensure!(history.last().is_some_and(|name| name == "3"), "the account is not up to date: {history:?}");
    Ok(())
}

/// Writes down every name that accounts of the target are given.
async fn keep_history(mini: &Mini, target: Engine) -> Result<()> {
    match target {
        Engine::Postgres => mini
            .target()
            .psql(&format!(
                "create table t_{TENANT}.history (at bigserial, name text);
                 grant select on t_{TENANT}.history to public;
                 create function keep_history() returns trigger language plpgsql security definer set search_path = t_{TENANT} as
                     $$ begin insert into history (name) values (new.body::jsonb ->> 'displayName'); return new; end $$;
                 create trigger history after insert or update on t_{TENANT}.account for each row execute function keep_history()"
            ))
            .await
            .map(drop),
        Engine::MariaDb | Engine::SqlServer => bail!("it is no target"),
        Engine::Sqlite => {
            let keeps = "begin insert into history (name) values (new.body ->> 'displayName'); end";
            mini.execute(&format!(
                "create table history (at integer primary key, name text);
                 create trigger history_insert after insert on account {keeps};
                 create trigger history_update after update on account {keeps}"
            ))
            .await
        }
    }
}
