//! What a test sees of the target, on either engine, and how it gets in the way of whoever writes there.
//!
//! Statements are written as Wattle's own: as PostgreSQL reads them, by plain table names. They run in sessions of the
//! tenant, from a pool that the sync does not share.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::MetadataExt;

use anyhow::{Context, Result, ensure};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use serde_json::Value;
use tokio::task::JoinHandle;
use wattle_core::Entity;
use wattle_sync::status::{self, SourceStatus};
use wattle_tenants::dialect::{statement, translated};
use wattle_testbed::{Target, eventually};

use super::{Mini, PATIENCE, TENANT, system};

/// Changes as the stream has them: the position of the source, and the changes as lists.
pub(crate) struct Stored {
    pub(crate) position: String,
    pub(crate) changes: Vec<Value>,
}

/// Something in the target that is kept from whoever writes there.
pub(crate) enum Kept {
    Rows(tokio_postgres::Client),
    File(DatabaseTransaction),
}

impl Kept {
    /// Lets it go after a change.
    pub(crate) async fn run(self, sql: &str) -> Result<()> {
        match self {
            Self::Rows(client) => client.batch_execute(&format!("{sql}; commit")).await?,
            Self::File(work) => {
                work.execute_unprepared(sql).await?;
                work.commit().await?;
            }
        }
        Ok(())
    }

    /// Lets it go, and changes nothing.
    pub(crate) async fn release(self) -> Result<()> {
        match self {
            Self::Rows(client) => client.batch_execute("rollback").await?,
            Self::File(work) => work.rollback().await?,
        }
        Ok(())
    }
}

impl Mini {
    /// The texts of a query's column `v`, in the query's order.
    pub(crate) async fn list(&self, sql: &str) -> Result<Vec<Option<String>>> {
        let session = self.looks.session(&self.tenant).await?;
        let sql = format!("select cast(v as text) as v from ({sql}) as q");
        let rows = session
            .db()
            .query_all_raw(statement(session.db().get_database_backend(), &sql, vec![]))
            .await
            .with_context(|| format!("asking {sql}"))?;
        Ok(rows.iter().map(|row| row.try_get("", "v")).collect::<Result<_, _>>()?)
    }

    /// The one value that a query answers.
    pub(crate) async fn value(&self, sql: &str) -> Result<Option<String>> {
        let values = self.list(&format!("select ({sql}) as v")).await?;
        Ok(values.into_iter().next().flatten())
    }

    /// The one number that a query answers.
    pub(crate) async fn number(&self, sql: &str) -> Result<i64> {
        Ok(self.value(sql).await?.with_context(|| format!("{sql} is null"))?.parse()?)
    }

    /// Runs statements, all of them or none, in the tenant's session.
    pub(crate) async fn execute(&self, sql: &str) -> Result<()> {
        let session = self.looks.session(&self.tenant).await?;
        let work = session.begin().await?;
        work.execute_unprepared(&translated(work.get_database_backend(), sql)).await?;
        Ok(work.commit().await?)
    }

    /// The position that capture has stored.
    pub(crate) async fn position(&self) -> Result<Option<String>> {
        self.value("select max(position) from source_state").await
    }

    /// How the source is doing, and why.
    pub(crate) async fn state(&self) -> Result<String> {
        let sql = "select concat_ws(': ', max(state), max(reason)) from source_state";
        Ok(self.value(sql).await?.unwrap_or_default())
    }

    /// What `wattle status` would say of the source.
    pub(crate) async fn status(&self) -> Result<SourceStatus> {
        let status = status::read(&self.looks.session(&self.tenant).await?).await?;
        status.sources.into_iter().next().context("sync has run")
    }

    /// Waits until the source's state and reason hold all these words; what they are then.
    pub(crate) async fn says(&self, words: &[&str]) -> Result<String> {
        eventually(PATIENCE, async || {
            let state = self.state().await?;
            ensure!(words.iter().all(|word| state.contains(word)), "it says `{state}`, not {words:?}");
            Ok(state)
        })
        .await
    }

    /// The ids of an entity's records in the target.
    pub(crate) async fn ids(&self, entity: Entity) -> Result<BTreeSet<String>> {
        let sql = format!("select source_id as v from {entity} where source_id not like 'BEAT%'");
        Ok(self.list(&sql).await?.into_iter().flatten().collect())
    }

    /// Checks which records of an entity are there.
    pub(crate) async fn expect(&self, entity: Entity, ids: &[&str]) -> Result<()> {
        let found = self.ids(entity).await?;
        let wanted: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        ensure!(found == wanted, "the target has {entity} {found:?} instead of {wanted:?}");
        Ok(())
    }

    /// The full body of an account.
    pub(crate) async fn account(&self, id: &str) -> Result<Value> {
        let text = self.value(&format!("select detail from account where source_id = '{id}'")).await?;
        Ok(serde_json::from_str(&text.with_context(|| format!("there is no account {id}"))?)?)
    }

    /// What each account's display name is.
    pub(crate) async fn names(&self) -> Result<BTreeMap<String, String>> {
        let sql = "select json_build_array(source_id, body::json ->> 'displayName') as v from account";
        let pairs = self.list(sql).await?.into_iter().flatten();
        Ok(pairs.map(|pair| serde_json::from_str(&pair)).collect::<Result<_, _>>()?)
    }

    /// The last names of an account's contacts.
    pub(crate) async fn contacts(&self, id: &str) -> Result<Vec<String>> {
        let account = self.account(id).await?;
        let contacts = account["plans"].as_array().cloned().unwrap_or_default();
        let name = |contact: &Value| contact["nickname"].as_str().map(str::to_owned);
        Ok(contacts.iter().filter_map(name).collect())
    }

    /// How many changes capture has stored.
    pub(crate) async fn heard(&self) -> Result<i64> {
        self.number("select coalesce(sum(last_seq), 0) from stream_head where lane = 'live'").await
    }

    /// Waits until capture has stored this many changes.
    pub(crate) async fn has_heard(&self, count: i64) -> Result<()> {
        eventually(PATIENCE, async || {
            let heard = self.heard().await?;
            ensure!(heard >= count, "{heard} of {count} changes are stored");
            Ok(())
        })
        .await
    }

    /// How many changes are stored and not yet applied.
    pub(crate) async fn lag(&self) -> Result<i64> {
        self.number("select sum(h.last_seq - m.seq) from stream_head h join marker m using (lane)").await
    }

    /// What a lane of the stream has, in its order.
    pub(crate) async fn stored(&self, lane: &str) -> Result<Vec<Stored>> {
        let sql = format!("select changes as v from stream_event where lane = '{lane}' order by first_seq");
        let mut stored = Vec::new();
        for segment in self.list(&sql).await?.into_iter().flatten() {
            for group in serde_json::from_str::<Vec<Value>>(&segment)? {
                stored.push(Stored {
                    position: group["p"].as_str().context("a position is a text")?.to_owned(),
                    changes: group["c"].as_array().context("changes are a list")?.clone(),
                });
            }
        }
        Ok(stored)
    }

    /// Waits until such a statement was run in the target as often since they were counted from none, or something else
    /// has come true. SQLite counts no statements: there as many signs of life stand for them, which come once a second,
    /// and no more often than anything is asked again and again.
    pub(crate) async fn has_asked(
        &self,
        text: &str,
        times: i64,
        or: impl AsyncFn() -> Result<bool>,
    ) -> Result<()> {
        let Target::Postgres(database) = &self.target else { return self.signs_of_life(times).await };
        eventually(PATIENCE, async || {
            let statements = database.statements().await?;
            let asked = statements.iter().find(|s| s.query.contains(text)).map_or(0, |s| s.calls);
            ensure!(asked >= times || or().await?, "`{text}` was run {asked} times");
            Ok(())
        })
        .await
    }

    /// Counts the statements in the target from none, where they are counted.
    pub(crate) async fn count_anew(&self) -> Result<()> {
        match &self.target {
            Target::Postgres(database) => database.reset_statements().await,
            Target::Sqlite(_) => Ok(()),
        }
    }

    /// Waits until the holder of the lease has shown its state that often.
    async fn signs_of_life(&self, times: i64) -> Result<()> {
        let shown = "select max(updated_at) from source_state";
        for _ in 0..times {
            let last = self.value(shown).await?;
            eventually(PATIENCE, async || {
                ensure!(self.value(shown).await? != last, "the runner shows no sign of life");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Runs these statements as the target's superuser and holds their locks. SQLite has one lock for all.
    pub(crate) async fn holding(&self, sql: &str) -> Result<Kept> {
        match &self.target {
            Target::Postgres(database) => {
                let client = database.client().await?;
                client.batch_execute(&format!("begin; {sql}")).await?;
                Ok(Kept::Rows(client))
            }
            Target::Sqlite(_) => Ok(Kept::File(self.looks.session(&self.tenant).await?.begin().await?)),
        }
    }

    /// Waits until a session of the tenant waits for a lock in the target; its process id.
    pub(crate) async fn blocked(&self) -> Result<i32> {
        self.waits_for_a_lock("application_name = 'wattle'").await
    }

    async fn waits_for_a_lock(&self, who: &str) -> Result<i32> {
        let sql = format!(
            "select max(pid) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and {who}"
        );
        eventually(PATIENCE, async || {
            let pid = self.target().value(&sql).await?.context("no session waits for a lock")?;
            Ok(pid.parse()?)
        })
        .await
    }

    /// Waits for the lease as another process would, until its holder lets go of it. Nobody else has it before what is
    /// returned then is dropped.
    pub(crate) async fn next_in_line(&self) -> Result<JoinHandle<Result<Box<dyn Any + Send>>>> {
        let lease = format!("sync-{}", system());
        match &self.target {
            Target::Postgres(database) => {
                let next = database.client().await?;
                let lock = format!("select pg_advisory_lock(hashtextextended('wattle {lease} {TENANT}', 0))");
                let taking = tokio::spawn(async move {
                    next.batch_execute(&lock).await?;
                    Ok(Box::new(next) as Box<dyn Any + Send>)
                });
                self.waits_for_a_lock("application_name <> 'wattle'").await?;
                Ok(taking)
            }
            Target::Sqlite(folder) => {
                let path = folder.path().join("target").join(format!("{TENANT}.{lease}.lock"));
                let file = File::options().append(true).open(path)?;
                let inode = format!(":{} ", file.metadata()?.ino());
                let taking = tokio::task::spawn_blocking(move || {
                    file.lock()?;
                    Ok(Box::new(file) as Box<dyn Any + Send>)
                });
                eventually(PATIENCE, async || {
                    let locks = std::fs::read_to_string("/proc/locks")?;
                    let waits = locks.lines().any(|lock| lock.contains("-> ") && lock.contains(&inode));
                    ensure!(waits, "nobody waits for the lease");
                    Ok(())
                })
                .await?;
                Ok(taking)
            }
        }
    }
}
