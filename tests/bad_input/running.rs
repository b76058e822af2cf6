//! Running verbs: what keeps them from starting, what they wait for, and how they end.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use wattle_testbed::{Fault, Postgres, eventually};

use crate::scene::{PATIENCE, Place, Scene};
use crate::{Shop, all_of, refuses};

/// How long a stop may take.
const STOP: Duration = Duration::from_secs(20);

const NOWHERE: &str = "postgres://postgres:secret@127.0.0.1:1/wattle";

async fn count(shop: &Shop, table: &str) -> Result<String> {
    let sql = format!("select count(*) from t_{}.{table}", shop.tenant);
    Ok(shop.scene.target().value(&sql).await?.unwrap_or_default())
}

#[tokio::test]
async fn an_interrupted_hydration_goes_on() -> Result<()> {
    let shop = Shop::ready(Postgres::shared().await?).await?;
    // This mode takes no transaction id, for which the making of a replication slot on the same server would wait.
    let holder = shop.scene.target().client().await?;
    holder.batch_execute(&format!("begin; lock table t_{}.invoice in exclusive mode", shop.tenant)).await?;
    let hydrate = shop.wattle("hydrate", &[]).start()?;
    eventually(PATIENCE, async || {
        let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        ensure!(shop.scene.target().value(waits).await?.as_deref() != Some("0"), "it has not come to invoices");
        Ok(())
    })
    .await?;
    hydrate.interrupt()?;
    hydrate.line("stopping", PATIENCE).await?;
    holder.batch_execute("rollback").await?;
    ensure!(hydrate.exit(STOP).await?.code() == Some(1), "{:?}", hydrate.lines());
    let how = format!(
        "interrupted; the job goes on with the next `wattle hydrate {}` or `wattle sync`",
        shop.tenant
    );
    ensure!(hydrate.lines().contains(&how), "{:?}", hydrate.lines());
    ensure!(count(&shop, "billing_transaction").await? == "0", "it was over before it was interrupted");

    let again = shop.wattle("hydrate", &[]).run(PATIENCE).await?;
    ensure!(all_of(&again).contains("goes on with the hydration that is under way"), "{}", all_of(&again));
    let said = again.success()?;
    ensure!(said.contains("hydrated ") && said.contains("next: wattle sync"), "{said}");
    let there = shop.scene.source().value("select count(*) from billing.ledger").await?;
    ensure!(Some(count(&shop, "billing_transaction").await?) == there, "not all transactions arrived");
    let jobs = format!("select count(*) from t_{}.job where kind = 'hydrate'", shop.tenant);
    ensure!(shop.scene.target().value(&jobs).await?.as_deref() == Some("1"), "it began again");
    tokens(&shop).await
}

/// Tokens for those who are not there, or may not share.
async fn tokens(shop: &Shop) -> Result<()> {
    let holding = "select party_id, account_no from crm.account_holding where may_share and ended_on is null order by 1 limit 1";
    let row = shop.scene.source().psql(holding).await?.remove(0);
    let (customer, own) = (row[0].clone().unwrap_or_default(), row[1].clone().unwrap_or_default());
    let other = format!("select account_no from crm.account a where not exists (
        select from crm.account_holding h where h.account_no = a.account_no and h.party_id = {customer}) limit 1");
    let other = shop.scene.source().value(&other).await?.unwrap_or_default();
    let arrangements = count(shop, "arrangement").await?;
    let no_account = ["customer 999999 has no account to share in source main", "hydrated"];
    refuses(shop.wattle("token", &["--customer", "999999"]), &no_account).await?;
    let foreign = format!("customer {customer} may not share account {other}, only");
    refuses(shop.wattle("token", &["--customer", &customer, "--account", &other]), &[&foreign, &own]).await?;
    refuses(
        shop.wattle("token", &["--customer", &customer, "--ttl-secs", "9223372036854775807"]),
        &["--ttl-secs"],
    )
    .await?;
    refuses(shop.wattle("token", &["--customer", &customer, "--source", "other"]), &["in source other"])
        .await?;
    ensure!(count(shop, "arrangement").await? == arrangements, "a refused token left an arrangement");
    shop.wattle("token", &["--customer", &customer]).run(PATIENCE).await?.success()?;
    Ok(())
}

#[tokio::test]
async fn sync_ends_cleanly() -> Result<()> {
    let shop = Shop::ready(Postgres::shared().await?).await?;
    for interrupt in [false, true] {
        let sync = shop.scene.wattle(&["sync"]).start()?;
        sync.line("holds the lease", PATIENCE).await?;
        if interrupt {
            sync.interrupt()?
        } else {
            sync.terminate()?
        }
        ensure!(sync.exit(STOP).await?.success(), "{:?}", sync.lines());
        sync.line("sync has stopped", PATIENCE).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_source_that_is_down_is_waited_for() -> Result<()> {
    let shop = Shop::ready(Postgres::shared().await?).await?;
    let proxy = shop.scene.source().server().proxy().await?;
    shop.set_source("correa", &proxy.url(&shop.reader_url()), &json!({})).await?.success()?;
    proxy.set(Fault::Refuse).await?;
    let place = format!("could not connect to {}", proxy.address());

    let hint = "start it, or set its address right with `wattle tenant add`";
    refuses(shop.wattle("check", &[]), &["source main of tenant", hint, &place, "Connection refused"])
        .await?;
    // The graph is known without the source.
    let graph = shop.wattle("graph", &[]).run(PATIENCE).await?.success()?;
    ensure!(graph.contains("account_balance    captured"), "{graph}");

    let sync = shop.scene.wattle(&["sync"]).start()?;
    let said = sync.line("does not get on", PATIENCE).await?;
    ensure!(said.contains("waiting") && said.contains(&place), "{said}");
    eventually(PATIENCE, async || {
        let status = shop.wattle("status", &[]).run(PATIENCE).await?.success()?;
        ensure!(status.contains("main: waiting") && status.contains(&place), "{status}");
        Ok(())
    })
    .await?;
    sync.terminate()?;
    ensure!(sync.exit(STOP).await?.success(), "{:?}", sync.lines());

    // Waiting is not in the way of a stop.
    let hydrate = shop.wattle("hydrate", &[]).start()?;
    ensure!(hydrate.line("waiting", PATIENCE).await?.contains(&place));
    hydrate.interrupt()?;
    ensure!(hydrate.exit(STOP).await?.code() == Some(1), "{:?}", hydrate.lines());
    hydrate.line("stopped while it waited; nothing is lost", PATIENCE).await?;

    let hydrate = shop.wattle("hydrate", &[]).start()?;
    hydrate.line("waiting", PATIENCE).await?;
    proxy.set(Fault::Pass).await?;
    ensure!(hydrate.exit(PATIENCE).await?.success(), "{:?}", hydrate.lines());
    let there = shop.scene.source().value("select count(*) from billing.bill").await?;
    ensure!(Some(count(&shop, "invoice").await?) == there, "not all invoices arrived");
    Ok(())
}

#[tokio::test]
async fn a_target_that_is_down_is_waited_for() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("master.secret"), crate::scene::MASTER_SECRET)?;
    for (args, code) in [(&["sync"][..], 0), (&["serve"], 0), (&["hydrate", "correa"], 1)] {
        let running = crate::bare(folder.path(), args)
            .env("WATTLE_TARGET_URL", NOWHERE)
            .env("WATTLE_MASTER_SECRET", "file:master.secret")
            .start()?;
        running.line("waiting", PATIENCE).await?;
        running.terminate()?;
        ensure!(running.exit(STOP).await?.code() == Some(code), "{args:?}: {:?}", running.lines());
    }
    Ok(())
}

#[tokio::test]
async fn a_port_that_is_taken() -> Result<()> {
    let server = Postgres::shared().await?;
    let scene = Scene::create(Place::On(server), Place::On(server), 1, 1).await?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let serve = scene.wattle(&["serve", "--listen", &address]);
    refuses(
        serve,
        &[&format!("cannot listen on {address}"), "another program listens there", "another port"],
    )
    .await?;
    refuses(scene.wattle(&["serve", "--listen", "localhost"]), &["--listen", "invalid socket address"])
        .await?;
    Ok(())
}
