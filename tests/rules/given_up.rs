//! What is given up leaves nothing behind: a transaction that was about to begin, or a lock that was about to be taken,
//! would stay with a pooled session and hold up everyone who comes after.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::FutureExt;
use wattle_tenants::{Secrets, TargetSettings, TenantSession, Tenants};
use wattle_testbed::{Database, Fault, Postgres, Proxy, eventually};

use crate::mini::{PATIENCE, TENANT, onboard};

/// How long an answer is on its way, and a request: a session is asked whether it is alive before it is asked for more,
/// so that nothing would begin if no answer came at all.
const ON_THE_WAY: Duration = Duration::from_secs(1);

/// A session whose answers take their time.
struct Distant {
    target: Database,
    proxy: Proxy,
    session: TenantSession,
}

impl Distant {
    async fn start() -> Result<Self> {
        let server = Postgres::shared().await?;
        let target = server.database("given_up").await?;
        let secrets = Secrets::new(&[7; 32])?;
        let (_, tenant) = onboard(&target.url(), &secrets, TENANT).await?;
        let proxy = server.proxy().await?;
        let tenants = Tenants::connect(&TargetSettings::new(target.url_through(&proxy)), secrets).await?;
        let session = tenants.session(&tenant).await?;
        // A connection is there before it becomes slow.
        session.begin().await?.commit().await?;
        proxy.set(Fault::Slow(ON_THE_WAY)).await?;
        Ok(Self { target, proxy, session })
    }

    /// How many rows of a catalogue view there are of this target.
    async fn count(&self, of: &str) -> Result<String> {
        let sql = format!("select count(*) from {of} and datname = current_database()");
        Ok(self.target.value(&sql).await?.unwrap_or_default())
    }

    /// Gives something up once the server has done it and its answer is on the way, and waits until nothing is left.
    async fn give_up<F: Future>(&self, begin: impl Fn() -> F, left: &str) -> Result<()> {
        {
            let mut begun = Box::pin(begin());
            eventually(PATIENCE, async || {
                if begun.as_mut().now_or_never().is_some() {
                    // This test was too slow to see it on the way.
                    begun.set(begin());
                }
                ensure!(self.count(left).await? == "1", "the server has not heard of it");
                Ok(())
            })
            .await?;
        }
        self.proxy.set(Fault::Pass).await?;
        eventually(PATIENCE, async || {
            let count = self.count(left).await?;
            ensure!(count == "0", "{count} left of what was given up: {left}");
            Ok(())
        })
        .await
    }
}

#[tokio::test]
async fn a_transaction_given_up_while_it_begins_is_rolled_back() -> Result<()> {
    let distant = Distant::start().await?;
    distant.give_up(|| distant.session.begin(), "pg_stat_activity where state = 'idle in transaction'").await
}

#[tokio::test]
async fn a_lock_given_up_while_it_is_taken_is_free() -> Result<()> {
    let distant = Distant::start().await?;
    let locks = "pg_locks l join pg_database d on d.oid = l.database where l.locktype = 'advisory'";
    distant.give_up(|| distant.session.try_lock("sync-main"), locks).await
}
