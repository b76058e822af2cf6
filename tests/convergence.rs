//! Whatever happens to the processes and servers while a retailer works, the target ends up as if it had been built
//! from scratch, and the API answers what the retailer's own model says: on both engines, on either side.
//!
//! One schedule is a pair of engines and a seed. `WATTLE_TEST_SEED=7 cargo test --test convergence` repeats it;
//! `WATTLE_TEST_SEEDS=100` runs that many of each pair.

mod oracles;
mod scene;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rstest::rstest;
use scene::{PATIENCE, Place, Retailer, Scene};
use sea_orm::ConnectionTrait;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use wattle_correa::Correa;
use wattle_dianella::Dianella;
use wattle_sample::World;
use wattle_tenants::dialect::statement;
use wattle_testbed::{Dice, Engine, Postgres, Stop, Target, Wattle, eventually};

/// Schedules of each pair in an ordinary run.
const SEEDS: u64 = 3;
/// Faults of one schedule.
const FAULTS: u64 = 10;
const CUSTOMERS: u32 = 40;
const TENANT: &str = "retailer";

#[rstest]
#[actix_web::test]
async fn any_schedule_of_faults_ends_in_the_same_rows_and_answers(
    #[values(Engine::Postgres, Engine::Sqlite)] source: Engine,
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>());
    let seeds: Vec<u64> = match number("WATTLE_TEST_SEED") {
        Some(seed) => vec![seed?],
        None => (1..=number("WATTLE_TEST_SEEDS").unwrap_or(Ok(SEEDS))?).collect(),
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
    let mut dice = Dice::seeded(seed);
    let (source_server, target_server) = (server(source).await?, server(target).await?);
    let scene = Scene::create(place(&source_server), place(&target_server), CUSTOMERS, seed).await?;
    let mut workload = Workload::open(&scene.retailer).await?;
    work(&mut workload, dice.number(0..60)).await?;
    scene.onboard(TENANT, &scene.retailer).await?;
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
            2 => match (&source_server, &scene.retailer) {
                (Some(server), _) => server.restart(stop_of(&mut dice)).await?,
                (_, Retailer::Dianella(folder)) => {
                    hold(&folder.path().join("dianella.db"), &mut dice).await?;
                }
                _ => {}
            },
            3 => match (&target_server, &scene.target) {
                (Some(server), _) => server.restart(stop_of(&mut dice)).await?,
                (_, Target::Sqlite(folder)) => {
                    hold(&folder.path().join("target").join(format!("{TENANT}.db")), &mut dice).await?;
                }
                _ => {}
            },
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
    let compared = assert_both_oracles(&scene, TENANT, &scene.retailer, &workload).await?;
    println!(
        "{source:?} to {target:?}, seed {seed}: {} mutations, {compared} served values compared",
        workload.world().mutation_count()
    );
    Ok(())
}

/// Two brands whose systems have nothing in common, in one process and one target.
#[rstest]
#[actix_web::test]
async fn two_retailers_on_two_engines_sync_at_once(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let target_server = server(target).await?;
    let source_server = Postgres::shared().await?;
    let scene = Scene::create(Place::On(source_server), place(&target_server), CUSTOMERS, 1).await?;
    let other = scene.another_retailer(Place::InFiles, CUSTOMERS, 2).await?;
    let both = [("correa", &scene.retailer), ("dianella", &other)];
    let mut workloads = Vec::new();
    for (tenant, retailer) in both {
        scene.onboard(tenant, retailer).await?;
        workloads.push(Workload::open(retailer).await?);
    }
    let sync = scene.wattle(&["sync"]).start()?;
    for (tenant, _) in both {
        scene.run(&["hydrate", tenant]).await?;
    }
    for _ in 0..100 {
        for workload in &mut workloads {
            work(workload, 1).await?;
        }
    }
    sync.terminate()?;
    sync.exit(PATIENCE).await?;
    scene.run(&["sync", "--until-idle"]).await?;
    for ((tenant, retailer), workload) in both.into_iter().zip(&workloads) {
        assert_both_oracles(&scene, tenant, retailer, workload).await.context(tenant)?;
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
    let world = workload.world();
    let compared = match retailer {
        Retailer::Correa { .. } => {
            oracles::answers::assert_equal_to_the_world(scene, tenant, world, &Correa).await?
        }
        Retailer::Dianella(_) => {
            oracles::answers::assert_equal_to_the_world(scene, tenant, world, &Dianella).await?
        }
    };
    anyhow::ensure!(compared > 500, "only {compared} values were compared");
    Ok(compared)
}

async fn server(engine: Engine) -> Result<Option<Postgres>> {
    Ok(match engine {
        Engine::Postgres => Some(Postgres::start().await?),
        Engine::Sqlite => None,
    })
}

fn place(server: &Option<Postgres>) -> Place<'_> {
    server.as_ref().map_or(Place::InFiles, Place::On)
}

fn stop_of(dice: &mut Dice) -> Stop {
    *dice.pick(&[Stop::Fast, Stop::Immediate])
}

/// Keeps everyone from writing to a file for a while, as another program might, and then changes nothing.
async fn hold(file: &Path, dice: &mut Dice) -> Result<()> {
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(PATIENCE);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("begin exclusive").execute(&mut connection).await?;
    tokio::time::sleep(Duration::from_millis(dice.number(50..1_500))).await;
    sqlx::query("rollback").execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// A retailer at work.
enum Workload {
    Correa(wattle_correa::Workload),
    Dianella(wattle_dianella::Workload),
}

impl Workload {
    async fn open(retailer: &Retailer) -> Result<Self> {
        let url = retailer.url();
        Ok(match retailer {
            Retailer::Correa { .. } => Self::Correa(wattle_correa::Workload::open(&url).await?),
            Retailer::Dianella(_) => Self::Dianella(wattle_dianella::Workload::open(&url).await?),
        })
    }

    fn world(&self) -> &World {
        match self {
            Self::Correa(workload) => workload.world(),
            Self::Dianella(workload) => workload.world(),
        }
    }

    /// Does the next thing; an error that another try may mend is within.
    async fn step(&mut self) -> Result<Result<()>> {
        macro_rules! step {
            ($workload:expr) => {
                match $workload.step().await {
                    Ok(_) => Ok(Ok(())),
                    Err(error) if error.is_transient() => Ok(Err(error.into())),
                    Err(error) => Err(error.into()),
                }
            };
        }
        match self {
            Self::Correa(workload) => step!(workload),
            Self::Dianella(workload) => step!(workload),
        }
    }
}

/// Lets the retailer work, through any restart of its server.
async fn work(workload: &mut Workload, steps: u64) -> Result<()> {
    for _ in 0..steps {
        eventually(PATIENCE, async || match workload.step().await {
            Ok(done) => done.map(|()| Ok(())),
            Err(error) => Ok(Err(error)),
        })
        .await??;
    }
    Ok(())
}

/// Repeats changes that were delivered before, in another order.
async fn deliver_again(scene: &Scene, mut dice: Dice) -> Result<()> {
    let session = scene.session(TENANT).await?;
    let backend = session.db().get_database_backend();
    let stored = session
        .db()
        .query_all_raw(statement(
            backend,
            "select changes from stream_event where lane = 'live' order by random() limit 5",
            vec![],
        ))
        .await?;
    let mut groups: Vec<serde_json::Value> = Vec::new();
    for row in stored {
        let text: String = row.try_get("", "changes")?;
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
    let count = i64::try_from(count)?;
    let work = session.begin().await?;
    let head = work
        .query_one_raw(statement(
            backend,
            "update stream_head set last_seq = last_seq + $1 where lane = 'live' returning source_system, last_seq",
            vec![count.into()],
        ))
        .await?
        .context("the stream has a head")?;
    let (system, last): (String, i64) = (head.try_get("", "source_system")?, head.try_get("", "last_seq")?);
    work.execute_raw(statement(
        backend,
        "insert into stream_event (tenant_id, source_system, lane, first_seq, last_seq, appended_on, changes)
         values ($1, $2, 'live', $3, $4, $5, $6)",
        vec![
            TENANT.into(),
            system.into(),
            (last - count + 1).into(),
            last.into(),
            chrono::Utc::now().date_naive().into(),
            serde_json::to_string(&groups)?.into(),
        ],
    ))
    .await?;
    work.commit().await?;
    Ok(())
}

/// Ends the running sync cleanly and lets another one finish everything.
async fn settle(scene: &Scene, sync: Option<Wattle>, hydrate: &Wattle) -> Result<()> {
    hydrate.exit(PATIENCE).await?;
    if let Some(running) = sync {
        running.terminate()?;
        running.exit(Duration::from_secs(30)).await?;
    }
    scene.run(&["sync", "--until-idle", "--tenant", TENANT]).await?;
    Ok(())
}
