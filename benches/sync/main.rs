//! `make bench`: how fast and how large Wattle is on this machine, against the ceiling measured in the same run.
//!
//! Private servers with fsync on, client and servers on the same cores. Every figure is the median of several rounds,
//! printed as a table and written as JSON to `target/bench/sync.json`. `WATTLE_BENCH_CUSTOMERS` sets the size,
//! `WATTLE_BENCH_ONLY` (`capture`, `path`, `served`, `repairs` or `tenants`) leaves out what comes after the hydration.

#[path = "../../tests/scene/mod.rs"]
mod scene;

mod http;
mod repairs;
mod report;
mod tenants;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http::{Client, Load};
use report::{Report, peak_mb};
use scene::{PATIENCE, Place, Scene};
use tokio::process::Command;
use wattle_correa::PACK;
use wattle_sql::Pack;
use wattle_testbed::{Database, Postgres, Wattle, eventually};

/// Rounds of the measurements that are quick enough to repeat.
const ROUNDS: usize = 3;
/// Single-row updates of one capture round, in transactions of 100.
const CAPTURED: u64 = 300_000;
/// Updated bills of one full-path round.
const PATH_BILLS: u64 = 50_000;
/// Samples of commit to served.
const LATENCY_SAMPLES: usize = 300;
/// Transactions of one change each that go on beside them.
const BUSY_PER_SEC: u64 = 500;
/// The load of the standard: secure and public requests a second.
const SECURE_PER_SEC: u64 = 450;
const PUBLIC_PER_SEC: u64 = 300;
const LOAD_SECS: u64 = 20;

const TENANT: &str = "correa";

#[actix_web::main]
async fn main() -> Result<()> {
    // `cargo bench` passes its own flags; there is nothing to choose.
    let customers: u32 = match std::env::var("WATTLE_BENCH_CUSTOMERS") {
        Ok(text) => text.parse().context("WATTLE_BENCH_CUSTOMERS is a number")?,
        Err(_) => 3_000,
    };
    let server = || {
        Postgres::builder()
            .setting("fsync", "on")
            .setting("shared_buffers", "512MB")
            .setting("max_wal_size", "4GB")
    };
    let (source, target) = (server().start().await?, server().start().await?);
    let scene = Scene::create(Place::On(&source), Place::On(&target), customers, 1).await?;
    let mut report = Report::new(customers);
    let source_rows = source_rows(&scene).await?;

    hydration(&scene, source_rows, &mut report).await?;
    let bench = Bench { scene: &scene };
    let only = std::env::var("WATTLE_BENCH_ONLY").ok();
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    if wanted("capture") {
        bench.capture(&mut report).await?;
    }
    if wanted("path") {
        bench.full_path(&mut report).await?;
    }
    if wanted("served") {
        bench.served(&mut report).await?;
    }
    if wanted("repairs") {
        repairs::measure(&scene, &mut report).await?;
    }
    if wanted("tenants") {
        tenants::measure(&mut report).await?;
    }
    report.finish("sync")
}

/// Rows that a hydration reads: every row of every node, folded ones counted.
async fn source_rows(scene: &Scene) -> Result<u64> {
    let pack = Pack::from_files(PACK).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    let mut rows = 0;
    for id in pack.graph().node_ids() {
        let counted = scene
            .source()
            .value(&format!("select count(*)::text from {}", pack.graph().node(id).relation))
            .await?;
        rows += counted.unwrap_or_default().parse::<u64>()?;
    }
    Ok(rows)
}

/// Each round hydrates a tenant of its own.
async fn hydration(scene: &Scene, source_rows: u64, report: &mut Report) -> Result<()> {
    let mut rates = Vec::new();
    for round in 0..ROUNDS {
        let tenant = if round == 0 { TENANT.to_owned() } else { format!("{TENANT}{round}") };
        scene.onboard(&tenant, &scene.retailer).await?;
        let began = Instant::now();
        scene.run(&["hydrate", &tenant]).await?;
        rates.push(source_rows as f64 / began.elapsed().as_secs_f64());
    }
    report.add("hydration, source rows read", "rows/s", rates, Some(40_000.0));
    Ok(())
}

struct Bench<'a> {
    scene: &'a Scene,
}

impl Bench<'_> {
    /// Updates bills, one row a statement, in transactions of 100.
    async fn update_bills(&self, count: u64) -> Result<()> {
        self.scene
            .source()
            .psql(
                "create or replace procedure wattle_sample.touch_bills(wanted bigint) language plpgsql as $$
                 declare id bigint; done bigint := 0;
                 begin
                     loop
                         for id in select bill_id from billing.bill order by bill_id loop
                             update billing.bill set paid = paid where bill_id = id;
                             done := done + 1;
                             if done % 100 = 0 then commit; end if;
                             if done = wanted then commit; return; end if;
                         end loop;
                     end loop;
                 end $$; ",
            )
            .await?;
        self.scene.source().psql(&format!("call wattle_sample.touch_bills({count})")).await?;
        Ok(())
    }

    /// The last position of the live lane that was given out, or applied.
    async fn position(&self, column: &str, table: &str) -> Result<u64> {
        let sql = format!("select {column}::text from t_{TENANT}.{table} where lane = 'live'");
        Ok(self.scene.target().value(&sql).await?.unwrap_or_default().parse()?)
    }

    async fn head(&self) -> Result<u64> {
        self.position("last_seq", "stream_head").await
    }

    async fn marker(&self) -> Result<u64> {
        self.position("seq", "marker").await
    }

    /// Applies what is left, so that the next measurement begins with nothing to do.
    async fn drain(&self) -> Result<()> {
        self.scene.run(&["sync", "--tenant", TENANT, "--until-idle"]).await?;
        Ok(())
    }

    /// Capture into the durable stream while the consumer is held up, against `pg_recvlogical` on the same publication.
    async fn capture(&self, report: &mut Report) -> Result<()> {
        let (mut ceiling, mut ours) = (Vec::new(), Vec::new());
        self.drain().await?;
        for _ in 0..ROUNDS {
            self.scene
                .source()
                .psql("select pg_create_logical_replication_slot('ceiling', 'pgoutput')")
                .await?;
            self.update_bills(CAPTURED).await?;
            let end = self
                .scene
                .source()
                .value("select pg_current_wal_insert_lsn()::text")
                .await?
                .context("a position")?;
            // Something after the end, so that the receiver sees that it has passed it.
            self.update_bills(100).await?;
            let began = Instant::now();
            self.receive(&end).await?;
            ceiling.push(CAPTURED as f64 / began.elapsed().as_secs_f64());
            self.scene.source().psql("select pg_drop_replication_slot('ceiling')").await?;
            ours.push(self.captured_per_sec().await?);
        }
        let median = report::median(&ceiling);
        report.add("pg_recvlogical, same publication (ceiling)", "changes/s", ceiling, None);
        report.add("capture into the durable stream", "changes/s", ours, Some(0.4 * median));
        Ok(())
    }

    async fn receive(&self, end: &str) -> Result<()> {
        let binary = ["/usr/lib/postgresql/15/bin/pg_recvlogical", "pg_recvlogical"];
        let binary = binary.iter().find(|path| std::path::Path::new(path).exists()).unwrap_or(&binary[1]);
        let status = Command::new(binary)
            .args([
                "--dbname",
                &self.scene.source().url(),
                "--slot",
                "ceiling",
                "--start",
                "--no-loop",
                "--file",
                "/dev/null",
            ])
            .args(["--option", "proto_version=1", "--option", "publication_names=wattle", "--endpos", end])
            .status()
            .await?;
        anyhow::ensure!(status.success(), "pg_recvlogical ended with {status}");
        Ok(())
    }

    async fn captured_per_sec(&self) -> Result<f64> {
        let (before, began) = (self.head().await?, Instant::now());
        let sync = self.scene.wattle(&["sync", "--tenant", TENANT]).start()?;
        sync.line("holds the lease", PATIENCE).await?;
        // The consumer moves the marker first in each transaction: here it waits.
        let held = self.scene.target().client().await?;
        held.batch_execute(&format!("begin; select * from t_{TENANT}.marker for update")).await?;
        eventually(PATIENCE, async || {
            anyhow::ensure!(self.head().await? >= before + CAPTURED, "not all is captured");
            Ok(())
        })
        .await?;
        let rate = CAPTURED as f64 / began.elapsed().as_secs_f64();
        held.batch_execute("rollback").await?;
        self.skip(sync).await?;
        Ok(rate)
    }

    /// What capture left behind is not applied but passed over: it was only there to be captured.
    async fn skip(&self, sync: Wattle) -> Result<()> {
        sync.terminate()?;
        sync.exit(PATIENCE).await?;
        let sql = format!(
            "update t_{TENANT}.marker m set seq = h.last_seq from t_{TENANT}.stream_head h
             where h.lane = m.lane and h.source_system = m.source_system"
        );
        self.scene.target().psql(&sql).await?;
        Ok(())
    }

    /// Stream, fetch and apply of updated bills, each read with its lines.
    async fn full_path(&self, report: &mut Report) -> Result<()> {
        let lines = self.scene.source().value(
            "select (count(*)::float8 / (select count(*) from billing.bill))::text from billing.bill_line",
        );
        let rows_each = 1.0 + lines.await?.unwrap_or_default().parse::<f64>()?;
        let (mut rows, mut changes) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            self.drain().await?;
            self.update_bills(PATH_BILLS).await?;
            let goal = self.marker().await? + PATH_BILLS;
            let began = Instant::now();
            let sync = self.scene.wattle(&["sync", "--tenant", TENANT]).start()?;
            eventually(PATIENCE, async || {
                anyhow::ensure!(self.marker().await? >= goal, "not all is applied");
                Ok(())
            })
            .await?;
            let rate = PATH_BILLS as f64 / began.elapsed().as_secs_f64();
            changes.push(rate);
            rows.push(rate * rows_each);
            sync.terminate()?;
            sync.exit(PATIENCE).await?;
        }
        report.add("full path of updated bills, source rows read", "rows/s", rows, Some(40_000.0));
        report.add("full path of updated bills, changes", "changes/s", changes, None);
        Ok(())
    }

    /// What a recipient sees: freshness, latency under the standard's load, and what it costs in memory.
    async fn served(&self, report: &mut Report) -> Result<()> {
        self.drain().await?;
        let sync = self.scene.wattle(&["sync"]).start()?;
        let serve = self.scene.wattle(&["serve"]).start()?;
        let address = address(&serve).await?;
        let clients = clients(self.scene, TENANT, address, 100).await?;

        let source = self.scene.source();
        let busy = tokio::spawn(work(source.client().await?));
        let latencies = commit_to_served(source, &clients, LATENCY_SAMPLES).await?;
        busy.abort();
        report.add_percentiles("commit to served, beside 500 changes/s", latencies, Some(500.0));

        let scene = self.scene;
        let busy = tokio::spawn(work(scene.source().client().await?));
        let latencies =
            beside_hydrations(scene, TENANT, commit_to_served(source, &clients, LATENCY_SAMPLES)).await?;
        busy.abort();
        report.add_percentiles("the same, while the same tenant is hydrated", latencies, Some(500.0));

        scene.onboard("loaded", &scene.retailer).await?;
        let time = Duration::from_secs(LOAD_SECS);
        let load = Load::run(&clients, address, SECURE_PER_SEC, PUBLIC_PER_SEC, time);
        let load = beside_hydrations(scene, "loaded", load).await?;
        report.add(
            "API under load, hydration running",
            "requests/s",
            vec![load.per_sec],
            Some((SECURE_PER_SEC + PUBLIC_PER_SEC) as f64 * 0.99),
        );
        report.add_percentiles("API secure requests under load", load.secure_ms, Some(50.0));
        report.add_percentiles("API public requests under load", load.public_ms, Some(50.0));
        report.add("peak memory of sync", "MB", vec![peak_mb(&sync)?], Some(-150.0));
        report.add("peak memory of serve", "MB", vec![peak_mb(&serve)?], Some(-100.0));
        for process in [sync, serve] {
            process.terminate()?;
            process.exit(PATIENCE).await?;
        }
        Ok(())
    }
}

/// Where a server listens.
async fn address(serve: &Wattle) -> Result<std::net::SocketAddr> {
    let line = serve.line("serving the CDR API on http://", PATIENCE).await?;
    Ok(line.rsplit("http://").next().context("an address")?.trim().parse()?)
}

/// Sessions of some of a tenant's customers.
async fn clients(
    scene: &Scene,
    tenant: &str,
    address: std::net::SocketAddr,
    count: usize,
) -> Result<Vec<Client>> {
    let sql = format!(
        "select h.customer_id, min(h.account_id) from t_{tenant}.holding h join t_{tenant}.balance b using (account_id)
         where h.shareable group by 1 order by 1 limit {count}"
    );
    let mut clients = Vec::new();
    for row in scene.target().psql(&sql).await? {
        let [Some(customer), Some(account)] = row.as_slice() else { continue };
        let which = ["token", tenant, "--customer", customer, "--account", account];
        let args = [&which[..], &["--ttl-secs", "7200", "--json"]].concat();
        let made: serde_json::Value = serde_json::from_str(&scene.run(&args).await?)?;
        let token = made["access_token"].as_str().context("a token")?;
        clients.push(Client::open(address, tenant, token, account).await?);
    }
    anyhow::ensure!(!clients.is_empty(), "tenant {tenant} has no customer with a balance");
    Ok(clients)
}

/// Changes one balance after the other and asks the API until it is served.
async fn commit_to_served(source: &Database, clients: &[Client], samples: usize) -> Result<Vec<f64>> {
    let source = source.client().await?;
    let mut latencies_ms = Vec::new();
    for sample in 0..samples {
        let client = &clients[sample % clients.len()];
        // Unlike any that the account had before.
        static CHANGES: AtomicU64 = AtomicU64::new(0);
        let change = CHANGES.fetch_add(1, Ordering::Relaxed);
        let balance = format!("{}.{:02}", 1_000 + change / 100, change % 100);
        let changed = source
            .execute(
                "update billing.account_balance set balance = $1::text::numeric where account_no = $2",
                &[&balance, &client.account],
            )
            .await?;
        anyhow::ensure!(changed == 1, "account {} has no balance", client.account);
        let committed = Instant::now();
        while !client.balance().await?.contains(&balance) {
            anyhow::ensure!(committed.elapsed() < PATIENCE, "the balance {balance} is never served");
        }
        latencies_ms.push(committed.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(latencies_ms)
}

/// Measures while one hydration follows the other; the running sync carries them out.
async fn beside_hydrations<T>(
    scene: &Scene,
    tenant: &str,
    measured: impl Future<Output = Result<T>>,
) -> Result<T> {
    let hydrations = async {
        loop {
            scene.run(&["hydrate", tenant]).await?;
        }
    };
    tokio::select! {
        measured = measured => measured,
        ended = hydrations => ended,
    }
}

/// Changes bills, one a transaction, at a steady rate.
async fn work(source: tokio_postgres::Client) -> Result<()> {
    let bills: Vec<i64> = source
        .query("select bill_id from billing.bill order by bill_id", &[])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    let mut pace = tokio::time::interval(Duration::from_secs(1) / u32::try_from(BUSY_PER_SEC)?);
    for bill in bills.iter().cycle() {
        pace.tick().await;
        source.execute("update billing.bill set paid = paid where bill_id = $1", &[bill]).await?;
    }
    Ok(())
}
