//! Whatever happens to the processes and servers while a retailer works, the target ends up as if it had been built
//! from scratch, and the API answers what the retailer's own model says.
//!
//! One schedule is a seed. `WATTLE_TEST_SEED=7 cargo test --test convergence` repeats it; `WATTLE_TEST_SEEDS=100` runs that many.

mod oracles;
mod scene;

use std::time::Duration;

use anyhow::{Context, Result};
use scene::{PATIENCE, Scene};
use wattle_correa::Workload;
use wattle_testbed::{Dice, Postgres, Stop, Wattle, eventually};

/// Schedules of an ordinary run.
const SEEDS: u64 = 6;
/// Faults of one schedule.
const FAULTS: u64 = 10;
const CUSTOMERS: u32 = 40;
const TENANT: &str = "correa";

#[actix_web::test]
async fn any_schedule_of_faults_ends_in_the_same_rows_and_answers() -> Result<()> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>());
    let seeds: Vec<u64> = match number("WATTLE_TEST_SEED") {
        Some(seed) => vec![seed?],
        None => (1..=number("WATTLE_TEST_SEEDS").unwrap_or(Ok(SEEDS))?).collect(),
    };
    for seed in seeds {
        run(seed).await.with_context(|| {
            format!("this schedule repeats with: WATTLE_TEST_SEED={seed} cargo test --test convergence")
        })?;
    }
    Ok(())
}

async fn run(seed: u64) -> Result<()> {
    let mut dice = Dice::seeded(seed);
    let (source_server, target_server) = (Postgres::start().await?, Postgres::start().await?);
    let scene = Scene::create(&source_server, &target_server, CUSTOMERS, seed).await?;
    let mut workload = Workload::open(&scene.source.url()).await?;
    work(&mut workload, dice.number(0..60)).await?;
    scene.onboard(TENANT).await?;
    let mut sync = Some(scene.wattle(&["sync"]).start()?);
    work(&mut workload, dice.number(0..30)).await?;
    let hydrate = scene.wattle(&["hydrate", TENANT]).start()?;
    for _ in 0..FAULTS {
        let steps = dice.number(5..60);
        let fault = dice.number(0..7);
        match fault {
            0 | 1 => {
                if let Some(running) = sync.take() {
                    running.kill()?;
                    running.exit(PATIENCE).await?;
                }
                work(&mut workload, steps).await?;
            }
            2 => source_server.restart(stop_of(&mut dice)).await?,
            3 => target_server.restart(stop_of(&mut dice)).await?,
            // With dice of its own: how often they are thrown depends on what has arrived by now.
            4 => deliver_again(&scene, Dice::seeded(dice.number(0..u64::MAX))).await?,
            5 => {
                if let Some(running) = &sync {
                    running.freeze()?;
                    work(&mut workload, steps).await?;
                    running.thaw()?;
                }
            }
            _ => {}
        }
        if sync.is_none() {
            sync = Some(scene.wattle(&["sync"]).start()?);
        }
        work(&mut workload, steps).await?;
    }
    settle(&scene, sync, &hydrate).await?;
    scene.assert_equal_to_a_rebuild(TENANT, "fresh").await?;
    let compared = oracles::answers::assert_equal_to_the_world(&scene, TENANT, workload.world()).await?;
    println!(
        "seed {seed}: {} mutations, {compared} served values compared",
        workload.world().mutation_count()
    );
    anyhow::ensure!(compared > 500, "only {compared} values were compared");
    Ok(())
}

fn stop_of(dice: &mut Dice) -> Stop {
    *dice.pick(&[Stop::Fast, Stop::Immediate])
}

/// Lets the retailer work, through any restart of its server.
async fn work(workload: &mut Workload, steps: u64) -> Result<()> {
    for _ in 0..steps {
        eventually(PATIENCE, async || match workload.step().await {
            Ok(_) => Ok(true),
            Err(error) if error.is_transient() => Err(error.into()),
            Err(error) => {
                println!("the workload failed: {error}");
                Ok(false)
            }
        })
        .await
        .and_then(|worked| if worked { Ok(()) } else { anyhow::bail!("the workload failed") })?;
    }
    Ok(())
}

/// Repeats changes that were delivered before, in another order.
async fn deliver_again(scene: &Scene, mut dice: Dice) -> Result<()> {
    let stored = scene
        .target
        .psql(&format!(
            "select changes from t_{TENANT}.stream_event where lane = 'live' order by random() limit 5"
        ))
        .await?;
    let mut groups: Vec<serde_json::Value> = Vec::new();
    for row in stored {
        let text = row.into_iter().next().flatten().context("a segment")?;
        groups.extend(serde_json::from_str::<Vec<serde_json::Value>>(&text)?);
    }
    for at in (1..groups.len()).rev() {
        let other = usize::try_from(dice.number(0..at as u64 + 1))?;
        groups.swap(at, other);
    }
    let count: usize = groups.iter().filter_map(|group| group["c"].as_array()).map(Vec::len).sum();
    if count == 0 {
        return Ok(());
    }
    let text = serde_json::to_string(&groups)?.replace('\'', "''");
    scene
        .target
        .psql(&format!(
            "begin;
             with head as (
                 update t_{TENANT}.stream_head set last_seq = last_seq + {count} where lane = 'live' returning source_system, last_seq)
             insert into t_{TENANT}.stream_event (tenant_id, source_system, lane, first_seq, last_seq, appended_on, changes)
             select '{TENANT}', source_system, 'live', last_seq - {count} + 1, last_seq, (now() at time zone 'utc')::date, '{text}' from head;
             commit"
        ))
        .await?;
    Ok(())
}

/// Ends the running sync cleanly and lets another one finish everything.
async fn settle(scene: &Scene, sync: Option<Wattle>, hydrate: &Wattle) -> Result<()> {
    hydrate.exit(PATIENCE).await?;
    if let Some(running) = sync {
        running.terminate()?;
        running.exit(Duration::from_secs(30)).await?;
    }
    scene.run(&["sync", "--until-idle"]).await?;
    Ok(())
}
