//! Whatever happens to processes, servers, connections and tables while a retailer works, the target ends up as if it had been built
//! from scratch, and the API answers what the retailer's own model says: on every engine, on either side.
//!
//! One schedule is a pair of engines and a seed. `WATTLE_TEST_SEED=7 cargo test --test convergence` repeats it;
//! `WATTLE_TEST_SEEDS=100` runs that many of each pair.

#[path = "../oracles/mod.rs"]
mod oracles;
#[path = "../scene/mod.rs"]
mod scene;

mod outage;
mod retailer;
mod stage;

use anyhow::{Context, Result};
use rstest::rstest;
use scene::workload::{Workload, work};
use scene::{PATIENCE, Place, Retailer, Scene};
use wattle_sqlserver::Capture;
use wattle_tds_simulator::SqlServer;
use wattle_testbed::{Engine, MariaDb, Postgres};

use stage::{Stage, place, server};

/// Schedules of each pair in an ordinary run, and of a pair whose source takes longer to start and to restart.
const SEEDS: u64 = 4;
const SEEDS_OF_SLOW_SERVERS: u64 = 2;
/// Faults of one schedule.
const FAULTS: u64 = 10;
const CUSTOMERS: u32 = 40;
const TENANT: &str = "retailer";

#[rstest]
#[actix_web::test]
async fn any_schedule_of_faults_ends_in_the_same_rows_and_answers(
    #[values(Engine::Postgres, Engine::Sqlite, Engine::MariaDb, Engine::SqlServer)] source: Engine,
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>());
    let seeds: Vec<u64> = match number("WATTLE_TEST_SEED") {
        Some(seed) => vec![seed?],
        None => {
            let is_slow = matches!(source, Engine::MariaDb | Engine::SqlServer);
            let usual = if is_slow { SEEDS_OF_SLOW_SERVERS } else { SEEDS };
            (1..=number("WATTLE_TEST_SEEDS").unwrap_or(Ok(usual))?).collect()
        }
    };
    for seed in seeds {
        run(source, target, seed).await.with_context(|| {
            format!(
                "this schedule, {source:?} to {target:?}, repeats with: WATTLE_TEST_SEED={seed} cargo test --test convergence"
            )
        })?;
    }
    Ok(())
}

async fn run(source: Engine, target: Engine, seed: u64) -> Result<()> {
    let mut stage = Stage::set(source, target, seed).await?;
    for _ in 0..FAULTS {
        stage.fault().await?;
    }
    let (scene, workload) = stage.settle().await?;
    let compared = assert_both_oracles(&scene, TENANT, &scene.retailer, &workload).await?;
    let archived = oracles::archive::assert_equal_to_the_stream(&scene, TENANT).await?;
    println!(
        "{source:?} to {target:?}, seed {seed}: {} mutations, {compared} served values compared, {archived} changes archived",
        workload.world().mutation_count()
    );
    Ok(())
}

/// Four brands whose systems have nothing in common, in one process and one target.
#[rstest]
#[actix_web::test]
async fn four_retailers_on_four_engines_sync_at_once(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let target_server = server(target).await?;
    // A slot is the server's, and named after the tenant.
    let (postgres, mariadb) = (Postgres::start().await?, MariaDb::start().await?);
    let sql_server = SqlServer::start().await?;
    let scene = Scene::create(Place::On(&postgres), place(&target_server), CUSTOMERS, 1).await?;
    let others = [
        Place::InFiles,
        Place::OnMariaDb(&mariadb),
        Place::OnSqlServer(&sql_server, Capture::ChangeTracking),
    ];
    let mut retailers = Vec::new();
    for (place, seed) in others.into_iter().zip(2..) {
        retailers.push(scene.another_retailer(place, CUSTOMERS, seed).await?);
    }
    let all: Vec<&Retailer> = std::iter::once(&scene.retailer).chain(&retailers).collect();
    let mut workloads = Vec::new();
    for retailer in &all {
        scene.onboard(retailer.name(), retailer).await?;
        workloads.push(Workload::open(retailer).await?);
    }
    let sync = scene.wattle(&["sync"]).start()?;
    for retailer in &all {
        scene.run(&["hydrate", retailer.name()]).await?;
    }
    for _ in 0..100 {
        for workload in &mut workloads {
            work(workload, 1).await?;
        }
    }
    sync.terminate()?;
    sync.exit(PATIENCE).await?;
    scene.run(&["sync", "--until-idle"]).await?;
    for (retailer, workload) in all.into_iter().zip(&workloads) {
        assert_both_oracles(&scene, retailer.name(), retailer, workload).await.context(retailer.name())?;
    }
    Ok(())
}

/// How many served values were compared.
async fn assert_both_oracles(
    scene: &Scene,
    tenant: &str,
    retailer: &Retailer,
    workload: &Workload,
) -> Result<usize> {
    scene.assert_equal_to_a_rebuild(tenant, retailer).await?;
    let nothing_else = &mut |_: &str, _: &serde_json::Value| Ok(());
    let compared = oracles::answers::assert_equal_to_the_world(scene, tenant, workload, nothing_else).await?;
    anyhow::ensure!(compared > 500, "only {compared} values were compared");
    Ok(compared)
}
