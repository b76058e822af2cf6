//! How fast a MariaDB source is on this machine, against the ceiling measured in the same run: `cargo bench --bench mysql`.
//!
//! Every figure is the median of several rounds, printed as a table and written as JSON to `target/bench/mysql.json`.
//! `WATTLE_BENCH_CUSTOMERS` sets the size.

#[path = "../sync/report.rs"]
mod report;
#[path = "../../tests/scene/mod.rs"]
mod scene;

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use report::{Report, peak_mb};
use scene::{PATIENCE, Place, Retailer, Scene};
use tokio::process::Command;
use wattle_banksia::PACK;
use wattle_core::{Entity, FeedEvent, Fence, SourceAdapter};
use wattle_mysql::{MySqlAdapter, Options};
use wattle_sql::Pack;
use wattle_testbed::{MariaDatabase, MariaDb, Postgres, eventually};

/// Rounds of the measurements that are quick enough to repeat.
const ROUNDS: usize = 3;
/// Single-row updates of one capture round, in transactions of 100.
const CAPTURED: u64 = 200_000;
/// Keys of one fetch.
const KEYS: usize = 1_000;
const TENANT: &str = "banksia";

#[actix_web::main]
async fn main() -> Result<()> {
    // `cargo bench` passes its own flags; there is nothing to choose.
    let customers: u32 = match std::env::var("WATTLE_BENCH_CUSTOMERS") {
        Ok(text) => text.parse().context("WATTLE_BENCH_CUSTOMERS is a number")?,
        Err(_) => 3_000,
    };
    let source = MariaDb::start_with(&["--innodb-buffer-pool-size=512M"]).await?;
    let target = Postgres::builder().setting("shared_buffers", "512MB").start().await?;
    let scene = Scene::create(Place::OnMariaDb(&source), Place::On(&target), customers, 1).await?;
    let Retailer::Banksia { database, .. } = &scene.retailer else { anyhow::bail!("it was made on MariaDB") };
    let pack = Pack::from_files(PACK).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    let adapter = MySqlAdapter::new(pack, &database.url(), Options::default())?;
    let mut report = Report::new(customers);
    hydration(&scene, &adapter, database, &mut report).await?;
    fetch(&adapter, &mut report).await?;
    capture(&adapter, database, &mut report).await?;
    full_path(&scene, &mut report).await?;
    report.finish("mysql")
}

/// Stream, fetch and apply of everything there is; each round hydrates a tenant of its own.
async fn hydration(
    scene: &Scene,
    adapter: &MySqlAdapter,
    database: &MariaDatabase,
    report: &mut Report,
) -> Result<()> {
    let mut source_rows = 0;
    for node in adapter.graph().node_ids() {
        let counted = format!("select count(*) from {}", adapter.graph().node(node).relation);
        source_rows += database.value(&counted).await?.unwrap_or_default().parse::<u64>()?;
    }
    let mut rates = Vec::new();
    for round in 0..ROUNDS {
        let tenant = format!("{TENANT}{round}");
        scene.onboard(&tenant, &scene.retailer).await?;
        let began = Instant::now();
        scene.run(&["hydrate", &tenant]).await?;
        rates.push(source_rows as f64 / began.elapsed().as_secs_f64());
    }
    report.add("hydration, source rows read", "rows/s", rates, Some(40_000.0));
    Ok(())
}

/// Records by keys of two columns, with their adjustments and factors.
async fn fetch(adapter: &MySqlAdapter, report: &mut Report) -> Result<()> {
    let entity = Entity::BillingTransaction;
    let root = adapter.graph().root(entity).context("the pack feeds it")?;
    let (mut after, mut latencies_ms) = (None, Vec::new());
    for _ in 0..50 {
        let page = adapter.keys(root, after.as_ref(), KEYS).await?;
        let mut snapshot = adapter.snapshot(&Fence::default()).await?;
        let began = Instant::now();
        let fetched = snapshot.fetch(entity, &page.keys).await?;
        latencies_ms.push(began.elapsed().as_secs_f64() * 1_000.0);
        ensure!(fetched.len() == page.keys.len(), "a key was not found");
        after = page.next;
    }
    report.add_percentiles("fetch of 1,000 composite keys", latencies_ms, None);
    Ok(())
}

/// The feed alone, against `mariadb-binlog` that reads the same log from the server and throws it away.
async fn capture(adapter: &MySqlAdapter, database: &MariaDatabase, report: &mut Report) -> Result<()> {
    database
        .sql(
            "create procedure touch_entries(wanted bigint)
             begin
                 declare done bigint default 0;
                 declare at_end boolean default false;
                 declare entry bigint unsigned;
                 declare entries cursor for select entry_id from bil_ledger order by entry_id;
                 declare continue handler for not found set at_end = true;
                 while done < wanted do
                     set at_end = false;
                     open entries;
                     start transaction;
                     touching: loop
                         fetch entries into entry;
                         if at_end or done >= wanted then leave touching; end if;
                         update bil_ledger set amount = amount + if(amount > 0, 0.01, -0.01) where entry_id = entry;
                         set done = done + 1;
                         if done % 100 = 0 then commit; start transaction; end if;
                     end loop;
                     commit;
                     close entries;
                 end while;
             end",
        )
        .await?;
    let (mut ceiling, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let from = adapter.begin().await?;
        database.sql(&format!("call touch_entries({CAPTURED})")).await?;
        let began = Instant::now();
        let mut feed = adapter.changes(&from).await?;
        let mut heard = 0;
        while heard < CAPTURED {
            let event = tokio::time::timeout(Duration::from_secs(30), feed.next()).await??;
            heard += u64::from(matches!(event, FeedEvent::Change(..)));
        }
        ours.push(CAPTURED as f64 / began.elapsed().as_secs_f64());
        ceiling.push(CAPTURED as f64 / dump_secs(database, from.as_str()).await?);
    }
    let median = report::median(&ceiling);
    report.add("mariadb-binlog, the same log (ceiling)", "changes/s", ceiling, None);
    report.add("the feed", "changes/s", ours, Some(0.4 * median));
    Ok(())
}

/// What `capture` logged, to one of the tenants that were hydrated before: stream, fetch and apply, by a process that is
/// looked at for its memory.
async fn full_path(scene: &Scene, report: &mut Report) -> Result<()> {
    let marker = format!("select seq::text from t_{TENANT}0.marker where lane = 'live'");
    let marker = async || -> Result<u64> {
        Ok(scene.target().value(&marker).await?.context("it is hydrated")?.parse()?)
    };
    let changes = ROUNDS as u64 * CAPTURED;
    let goal = marker().await? + changes;
    let began = Instant::now();
    let sync = scene.wattle(&["sync", "--tenant", &format!("{TENANT}0")]).start()?;
    eventually(PATIENCE, async || {
        ensure!(marker().await? >= goal, "not all is applied");
        Ok(())
    })
    .await?;
    let rate = changes as f64 / began.elapsed().as_secs_f64();
    report.add("full path of updated entries", "changes/s", vec![rate], None);
    report.add("peak memory of sync", "MB", vec![peak_mb(&sync)?], Some(-150.0));
    sync.terminate()?;
    sync.exit(PATIENCE).await?;
    Ok(())
}

/// Seconds that `mariadb-binlog` takes for the log from a position to its end.
async fn dump_secs(database: &MariaDatabase, position: &str) -> Result<f64> {
    let mut parts = position.split(' ');
    let (offset, file) = (parts.nth(1).context("it has an offset")?, parts.nth(2).context("it has a file")?);
    let address = database.server().address();
    let url = database.url();
    let password = url.split([':', '@']).nth(2).context("it has a password")?;
    let began = Instant::now();
    let status = Command::new("mariadb-binlog")
        .args(["--no-defaults", "--read-from-remote-server", "--to-last-log", "--base64-output=decode-rows"])
        .args(["--protocol=tcp", "--user=admin"])
        .arg(format!("--password={password}"))
        .arg(format!("--host={}", address.ip()))
        .arg(format!("--port={}", address.port()))
        .arg(format!("--start-position={offset}"))
        .arg(file)
        .stdout(Stdio::null())
        .status()
        .await?;
    ensure!(status.success(), "mariadb-binlog ended with {status}");
    Ok(began.elapsed().as_secs_f64())
}
