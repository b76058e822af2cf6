//! An outage of any length leaves nothing in quarantine, and costs no memory.

use anyhow::{Context, Result, ensure};
use rstest::rstest;
use wattle_testbed::{Fault, Postgres, Wattle, eventually};

use crate::scene::workload::{Workload, work};
use crate::scene::{PATIENCE, Place, Scene};
use crate::{CUSTOMERS, TENANT};

/// How many seconds an outage lasts: tries follow each other faster at first, and back off to about as long.
const OUTAGE_SECS: usize = 15;
/// What a runtime's and an allocator's own ways account for.
const LEEWAY_KB: u64 = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Target,
}

#[rstest]
#[actix_web::test]
async fn an_outage_leaves_nothing_in_quarantine_and_memory_as_it_was(
    #[values(Side::Source, Side::Target)] side: Side,
    #[values(Fault::Refuse, Fault::BlackHole)] fault: Fault,
) -> Result<()> {
    let (source, target) = (Postgres::start().await?, Postgres::start().await?);
    let mut scene = Scene::create(Place::On(&source), Place::On(&target), CUSTOMERS, 1).await?;
    scene.behind_proxies(Some(source.proxy().await?), Some(target.proxy().await?));
    scene.onboard(TENANT, &scene.retailer).await?;
    let mut workload = Workload::open(&scene.retailer).await?;
    let sync = scene.wattle(&["sync"]).start()?;
    scene.run(&["hydrate", TENANT]).await?;
    work(&mut workload, 100).await?;
    let before = resident_kb(&sync)?;
    let proxy = match side {
        Side::Source => scene.source_proxy.as_ref(),
        Side::Target => scene.target_proxy.as_ref(),
    };
    let proxy = proxy.context("it is on a server")?;
    proxy.set(fault).await?;
    if fault == Fault::Refuse {
        proxy.cut().await;
    }
    work(&mut workload, 300).await?;
    for _ in 0..OUTAGE_SECS {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        ensure!(sync.is_running(), "sync has ended:\n{}", sync.lines().join("\n"));
    }
    let during = resident_kb(&sync)?;
    ensure!(
        during < before + LEEWAY_KB,
        "{before} kB were resident before the outage, and {during} kB in it"
    );
    proxy.set(Fault::Pass).await?;
    eventually(PATIENCE, async || {
        let status = scene.run(&["status", "--json"]).await?;
        let status: serde_json::Value = serde_json::from_str(&status)?;
        let source = &status[0]["sources"][0];
        scene.answer_the_guard(TENANT, source["reason"].as_str()).await?;
        let caught_up = source["state"] == "running" && source["applied"]["count"] == 0;
        ensure!(caught_up && source["quarantine_count"] == 0, "{source}");
        Ok(())
    })
    .await?;
    sync.terminate()?;
    sync.exit(PATIENCE).await?;
    scene.run(&["tenant", "resume", TENANT, "--accept-deletes"]).await?;
    scene.run(&["sync", "--until-idle"]).await?;
    crate::assert_both_oracles(&scene, TENANT, &scene.retailer, &workload).await?;
    Ok(())
}

/// The memory that a process holds, by the kernel.
fn resident_kb(process: &Wattle) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("it has memory")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
