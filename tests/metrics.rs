//! The metrics of both processes, scraped as Prometheus does.

#[path = "scene/mod.rs"]
mod scene;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use scene::workload::{Workload, work};
use scene::{PATIENCE, Place, Scene};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wattle_testbed::{Postgres, Stop, Wattle, eventually};

const TENANT: &str = "mulga";
const LABELS: &str = "tenant=\"mulga\",source=\"main\"";

/// Samples by their names and labels.
type Samples = BTreeMap<String, f64>;

/// Gets a page of a server that says where it listens in a line of its log.
async fn get(process: &Wattle, says: &str, path: &str) -> Result<String> {
    let line = process.line(says, PATIENCE).await?;
    let address = line.split("http://").nth(1).context("an address")?;
    let address = address.trim_end_matches("/metrics");
    let mut stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn scrape(process: &Wattle) -> Result<Samples> {
    let answer = get(process, "metrics are on", "/metrics").await?;
    ensure!(answer.contains("application/openmetrics-text"), "it is of another type:\n{answer}");
    ensure!(answer.trim_end().ends_with("# EOF"), "it is cut off:\n{answer}");
    let samples = answer.lines().filter_map(|line| line.rsplit_once(' '));
    Ok(samples.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
}

/// Waits until samples hold these values.
async fn shows(process: &Wattle, wanted: &[(String, f64)]) -> Result<Samples> {
    eventually(PATIENCE, async || {
        let samples = scrape(process).await?;
        for (name, value) in wanted {
            ensure!(samples.get(name) == Some(value), "{name} is not {value} in {samples:#?}");
        }
        Ok(samples)
    })
    .await
}

fn of_source(name: &str, more: &str) -> String {
    format!("{name}{{{LABELS}{more}}}")
}

#[tokio::test]
async fn both_processes_show_how_fresh_each_tenant_is_and_what_they_did() -> Result<()> {
    let (source, target) = (Postgres::start().await?, Postgres::start().await?);
    let scene = Scene::create(Place::On(&source), Place::On(&target), 10, 1).await?;
    scene.onboard(TENANT, &scene.retailer).await?;
    let sync = scene.wattle(&["sync", "--metrics", "127.0.0.1:0"]).start()?;
    scene.run(&["hydrate", TENANT]).await?;
    let mut workload = Workload::open(&scene.retailer).await?;
    work(&mut workload, 50).await?;
    let serve = scene.wattle(&["serve"]).env("WATTLE_SERVE_METRICS", "127.0.0.1:0").start()?;
    get(&serve, "serving the CDR API", &format!("/t/{TENANT}/cds-au/v1/energy/accounts")).await?;
    get(&serve, "serving the CDR API", "/t/nobody/cds-au/v1/energy/accounts").await?;

    let stages = ["captured", "fetched", "applied"];
    let mut fresh = vec![
        ("wattle_target_up".to_owned(), 1.0),
        (of_source("wattle_source_state", ",state=\"running\""), 1.0),
        (of_source("wattle_source_state", ",state=\"paused\""), 0.0),
        (of_source("wattle_stage_changes", ",stage=\"applied\""), 0.0),
        (of_source("wattle_quarantined_keys", ""), 0.0),
        (of_source("wattle_backfill_touches", ""), 0.0),
    ];
    let age = |stage: &str| (of_source("wattle_stage_age_seconds", &format!(",stage=\"{stage}\"")), 0.0);
    fresh.extend(stages.map(age));
    let synced = shows(&sync, &fresh).await?;
    let served = shows(&serve, &fresh).await?;
    let sample =
        |samples: &Samples, name: &str| samples.get(name).copied().with_context(|| format!("no {name}"));
    for name in ["captured_changes", "applied_changes", "written_records", "batches"] {
        let count = sample(&synced, &of_source(&format!("wattle_sync_{name}_total"), ""))?;
        ensure!(count > 0.0, "{name} is {count}");
    }
    let batches = sample(&synced, &of_source("wattle_sync_batches_total", ""))?;
    let applied = sample(&synced, &of_source("wattle_sync_apply_seconds_count", ""))?;
    ensure!(applied == batches, "{batches} batches, and {applied} that took their time");
    ensure!(sample(&synced, "wattle_stream_size_bytes{tenant=\"mulga\"}")? > 0.0);
    let operation = "operation=\"listEnergyAccounts\",status";
    ensure!(
        sample(&served, &format!("wattle_api_requests_total{{tenant=\"{TENANT}\",{operation}=\"401\"}}"))?
            == 1.0
    );
    // A name that nobody has is no label: who calls could make up any number of them.
    ensure!(
        sample(&served, &format!("wattle_api_requests_total{{tenant=\"unknown\",{operation}=\"404\"}}"))?
            == 1.0
    );
    ensure!(!served.keys().any(|name| name.contains("nobody")), "{served:#?}");

    target.stop(Stop::Immediate).await?;
    for process in [&sync, &serve] {
        let down = shows(process, &[("wattle_target_up".to_owned(), 0.0)]).await?;
        ensure!(!down.keys().any(|name| name.starts_with("wattle_stage")), "{down:#?}");
    }
    target.start_again().await?;
    shows(&sync, &fresh).await?;
    shows(&serve, &fresh).await?;
    Ok(())
}
