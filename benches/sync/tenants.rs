//! Twenty tenants on one runner: what goes wrong with one of them must not be felt by the others.

use anyhow::{Context, Result};
use wattle_testbed::{Database, Postgres, Stop};

use crate::http::Client;
use crate::report::{Report, percentile};
use crate::scene::{Place, Retailer, Scene};
use crate::{address, beside_hydrations, clients, commit_to_served};

/// All tenants, the troubled one included.
const TENANTS: usize = 20;
const TROUBLED: &str = "troubled";
/// Of each of the others.
const CUSTOMERS: u32 = 30;
/// Of the troubled one: enough that its bills are the ten thousand that break a rule.
const TROUBLED_CUSTOMERS: u32 = 1_000;
/// Samples of each of the others, in each phase.
const SAMPLES: usize = 20;
/// How much slower the others may become.
const TIMES: f64 = 2.0;

/// Has this many bills break a rule of the pack.
const POISON: &str = "alter table billing.bill drop constraint bill_paid_check;
     update billing.bill set paid = 'X' where bill_id in (select bill_id from billing.bill order by bill_id limit 10000)";

pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    let server = || {
        Postgres::builder()
            .setting("fsync", "on")
            .setting("max_replication_slots", "40")
            .setting("max_wal_senders", "40")
            .setting("max_connections", "400")
    };
    let (sources, target, troubled) =
        (server().start().await?, server().start().await?, server().start().await?);
    let scene = Scene::create(Place::On(&troubled), Place::On(&target), TROUBLED_CUSTOMERS, 1).await?;
    scene.onboard(TROUBLED, &scene.retailer).await?;
    let mut others = Vec::new();
    for n in 1..TENANTS {
        let retailer = scene.another_retailer(Place::On(&sources), CUSTOMERS, n as u64).await?;
        scene.onboard(&format!("other{n}"), &retailer).await?;
        others.push(retailer);
    }
    let sync = scene.wattle(&["sync"]).start()?;
    let serve = scene.wattle(&["serve"]).start()?;
    let address = address(&serve).await?;
    scene.run(&["hydrate", TROUBLED]).await?;
    let mut sessions = Vec::new();
    for (n, retailer) in (1..).zip(&others) {
        let tenant = format!("other{n}");
        scene.run(&["hydrate", &tenant]).await?;
        let Retailer::Correa { database, .. } = retailer else { anyhow::bail!("it is on a server") };
        sessions.push((database, clients(&scene, &tenant, address, 5).await?));
    }

    let quiet = p99(&sessions, SAMPLES).await?;
    report.add("20 tenants, commit to served p99, all quiet", "ms", vec![quiet], None);
    let goal = Some(-TIMES * quiet);
    let hydrating = beside_hydrations(&scene, TROUBLED, p99(&sessions, SAMPLES)).await?;
    report.add("the same, one hydrates", "ms", vec![hydrating], goal);
    scene.source().psql(POISON).await.context("poisoning")?;
    scene.run(&["tenant", "resume", TROUBLED, "--accept-quarantine"]).await?;
    let poisoned = p99(&sessions, SAMPLES).await?;
    report.add("the same, one has 10,000 poison rows", "ms", vec![poisoned], goal);
    troubled.stop(Stop::Immediate).await?;
    let dead = p99(&sessions, SAMPLES).await?;
    report.add("the same, one has a dead source", "ms", vec![dead], goal);
    let again = p99(&sessions, SAMPLES).await?;
    report.add("the same, quiet again but for that one", "ms", vec![again], None);
    drop((sync, serve));
    Ok(())
}

/// The 99th percentile over the samples of all tenants, which are asked one after the other.
async fn p99(sessions: &[(&Database, Vec<Client>)], samples: usize) -> Result<f64> {
    let mut all_ms = Vec::new();
    for (source, clients) in sessions {
        all_ms.extend(commit_to_served(source, clients, samples).await?);
    }
    Ok(percentile(&all_ms, 99.0))
}
