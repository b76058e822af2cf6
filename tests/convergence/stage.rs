//! One schedule of faults, while a retailer works and operators repair.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sea_orm::ConnectionTrait;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use wattle_sqlserver::Capture;
use wattle_tds_simulator::SqlServer;
use wattle_tenants::dialect::statement;
use wattle_testbed::{Dice, Engine, Fault, MariaDb, Postgres, Proxy, Stop, Target, Wattle, eventually};

use crate::scene::workload::{Workload, work};
use crate::scene::{PATIENCE, Place, Retailer, Scene};
use crate::{CUSTOMERS, TENANT, retailer};

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happening {
    Nothing,
    Killed,
    Frozen,
    SourceRestarts,
    TargetRestarts,
    DeliveredAgain,
    ConnectionsCut,
    Slow,
    BlackHole,
    AnswersLost,
    Refused,
    ArchiveFull,
    PoisonRows,
    PermissionRevoked,
    ColumnRenamed,
    LogLost,
    TableEmptiedAndFilled,
    Rewind,
    Replay,
    Reconcile,
}

use Happening::*;

const EVERYTHING: [Happening; 20] = [
    Nothing,
    Killed,
    Frozen,
    SourceRestarts,
    TargetRestarts,
    DeliveredAgain,
    ConnectionsCut,
    Slow,
    BlackHole,
    AnswersLost,
    Refused,
    ArchiveFull,
    PoisonRows,
    PermissionRevoked,
    ColumnRenamed,
    LogLost,
    TableEmptiedAndFilled,
    Rewind,
    Replay,
    Reconcile,
];

pub(crate) struct Stage {
    scene: Scene,
    source_server: SourceServer,
    target_server: Option<Postgres>,
    workload: Workload,
    sync: Option<Wattle>,
    hydrate: Wattle,
    /// What operators have started since.
    repairs: Vec<Repair>,
    dice: Dice,
}

/// What a source is on.
enum SourceServer {
    Postgres(Postgres),
    MariaDb(MariaDb),
    SqlServer(SqlServer, Capture),
    /// A file.
    None,
}

impl SourceServer {
    /// A server of an engine; one of SQL Server tells its changes by turns in one way and the other.
    async fn start(engine: Engine, seed: u64) -> Result<Self> {
        Ok(match engine {
            Engine::Postgres => Self::Postgres(Postgres::start().await?),
            Engine::MariaDb => Self::MariaDb(MariaDb::start().await?),
            Engine::SqlServer => {
                let capture = if seed.is_multiple_of(2) { Capture::Cdc } else { Capture::ChangeTracking };
                Self::SqlServer(SqlServer::start().await?, capture)
            }
            Engine::Sqlite => Self::None,
        })
    }

    fn place(&self) -> Place<'_> {
        match self {
            Self::Postgres(server) => Place::On(server),
            Self::MariaDb(server) => Place::OnMariaDb(server),
            Self::SqlServer(server, capture) => Place::OnSqlServer(server, *capture),
            Self::None => Place::InFiles,
        }
    }

    async fn proxy(&self) -> Result<Option<Proxy>> {
        Ok(match self {
            Self::Postgres(server) => Some(server.proxy().await?),
            Self::MariaDb(server) => Some(server.proxy().await?),
            Self::SqlServer(server, _) => Some(server.proxy().await?),
            Self::None => None,
        })
    }
}

pub(crate) async fn server(engine: Engine) -> Result<Option<Postgres>> {
    Ok(match engine {
        Engine::Postgres => Some(Postgres::start().await?),
        Engine::Sqlite => None,
        Engine::MariaDb | Engine::SqlServer => bail!("Wattle keeps no copies on {engine:?}"),
    })
}

pub(crate) fn place(server: &Option<Postgres>) -> Place<'_> {
    server.as_ref().map_or(Place::InFiles, Place::On)
}

impl Stage {
    /// A retailer at work, a sync, and a hydration that has just begun.
    pub(crate) async fn set(source: Engine, target: Engine, seed: u64) -> Result<Self> {
        let mut dice = Dice::seeded(seed);
        let (source_server, target_server) =
            (SourceServer::start(source, seed).await?, server(target).await?);
        let mut scene = Scene::create(source_server.place(), place(&target_server), CUSTOMERS, seed).await?;
        let target_proxy = match &target_server {
            Some(server) => Some(server.proxy().await?),
            None => None,
        };
        scene.behind_proxies(source_server.proxy().await?, target_proxy);
        scene.archives_often()?;
        retailer::allow_poison(&scene.retailer).await?;
        let mut workload = Workload::open(&scene.retailer).await?;
        work(&mut workload, dice.number(0..60)).await?;
        scene.onboard(TENANT, &scene.retailer).await?;
        let sync = Some(scene.wattle(&["sync"]).start()?);
        work(&mut workload, dice.number(0..30)).await?;
        let hydrate = scene.wattle(&["hydrate", TENANT]).start()?;
        let repairs = Vec::new();
        Ok(Self { scene, source_server, target_server, workload, sync, hydrate, repairs, dice })
    }

    /// Lets something happen, and the retailer go on.
    pub(crate) async fn fault(&mut self) -> Result<()> {
        let steps = self.dice.number(5..60);
        let happening = *self.dice.pick(&EVERYTHING);
        self.happens(happening, steps)
            .await
            .with_context(|| format!("while this happened: {happening:?}"))?;
        if self.sync.is_none() {
            self.sync = Some(self.scene.wattle(&["sync"]).start()?);
        }
        work(&mut self.workload, steps).await
    }

    /// What an engine does not have happens to it as nothing.
    async fn happens(&mut self, happening: Happening, steps: u64) -> Result<()> {
        match happening {
            Nothing => {}
            Killed => {
                if let Some(running) = self.sync.take() {
                    running.kill()?;
                    running.exit(PATIENCE).await?;
                }
                work(&mut self.workload, steps).await?;
            }
            Frozen => {
                if let Some(running) = &self.sync {
                    running.freeze()?;
                    // It may hold the lock of a source in a file, so that the retailer waits for it.
                    let frozen_for = Duration::from_millis(self.dice.number(500..3_000));
                    let thawed = async {
                        tokio::time::sleep(frozen_for).await;
                        running.thaw()
                    };
                    tokio::try_join!(work(&mut self.workload, steps), thawed)?;
                }
            }
            SourceRestarts => match (&self.source_server, &self.scene.retailer) {
                (SourceServer::Postgres(server), _) => server.restart(stop_of(&mut self.dice)).await?,
                (SourceServer::MariaDb(server), _) => server.restart(stop_of(&mut self.dice)).await?,
                (SourceServer::SqlServer(server, _), _) => server.restart(stop_of(&mut self.dice)).await?,
                (SourceServer::None, Retailer::Dianella(folder)) => {
                    hold(&folder.path().join("dianella.db"), &mut self.dice).await?;
                }
                (SourceServer::None, _) => {}
            },
            TargetRestarts => match (&self.target_server, &self.scene.target) {
                (Some(server), _) => server.restart(stop_of(&mut self.dice)).await?,
                (_, Target::Sqlite(folder)) => {
                    let file = folder.path().join("target").join(format!("{TENANT}.db"));
                    hold(&file, &mut self.dice).await?;
                }
                _ => {}
            },
            // With dice of its own: how often they are thrown depends on what has arrived by now.
            DeliveredAgain => {
                deliver_again(&self.scene, Dice::seeded(self.dice.number(0..u64::MAX))).await?;
            }
            ConnectionsCut | Slow | BlackHole | AnswersLost | Refused => {
                self.connections_suffer(happening, steps).await?;
            }
            ArchiveFull => {
                self.scene.take_archive_away()?;
                work(&mut self.workload, steps).await?;
                self.scene.give_archive_back()?;
            }
            PoisonRows => {
                let which = self.dice.number(0..u64::from(CUSTOMERS));
                retailer::poison(&self.scene.retailer, which).await?;
                work(&mut self.workload, steps).await?;
                retailer::repair(&self.scene.retailer).await?;
            }
            PermissionRevoked => {
                retailer::revoke(&self.scene.retailer).await?;
                work(&mut self.workload, steps).await?;
                retailer::grant(&self.scene.retailer).await?;
            }
            ColumnRenamed => {
                // The retailer's own software cannot work meanwhile.
                retailer::rename(&self.scene.retailer).await?;
                tokio::time::sleep(Duration::from_millis(self.dice.number(50..1_500))).await;
                retailer::rename_back(&self.scene.retailer).await?;
            }
            LogLost => retailer::lose_log(&self.scene.retailer, TENANT).await?,
            TableEmptiedAndFilled => retailer::empty_and_fill(&self.scene.retailer).await?,
            Rewind | Replay | Reconcile => self.operator_repairs(happening)?,
        }
        Ok(())
    }

    async fn connections_suffer(&mut self, happening: Happening, steps: u64) -> Result<()> {
        let proxies = [&self.scene.source_proxy, &self.scene.target_proxy];
        let sides: Vec<&Proxy> = proxies.into_iter().flatten().collect();
        if sides.is_empty() {
            return Ok(());
        }
        let proxy = *self.dice.pick(&sides);
        match happening {
            ConnectionsCut => proxy.cut().await,
            Slow => proxy.set(Fault::Slow(Duration::from_millis(self.dice.number(1..20)))).await?,
            BlackHole => proxy.set(Fault::BlackHole).await?,
            AnswersLost => proxy.set(Fault::HoldAnswers).await?,
            _ => {
                proxy.set(Fault::Refuse).await?;
                proxy.cut().await;
            }
        }
        work(&mut self.workload, steps).await?;
        if happening == AnswersLost {
            proxy.cut().await;
        }
        proxy.set(Fault::Pass).await
    }

    fn operator_repairs(&mut self, how: Happening) -> Result<()> {
        let day = |days: i64| (chrono::Utc::now() + chrono::TimeDelta::days(days)).date_naive().to_string();
        let (yesterday, tomorrow) = (day(-1), day(1));
        let asked = match how {
            Rewind => vec!["rewind", TENANT, "--to", &yesterday],
            Replay => vec!["replay", TENANT, "--from", &yesterday, "--to", &tomorrow],
            _ => vec!["reconcile", TENANT],
        };
        let repair = self.scene.wattle(&asked).start()?;
        self.repairs.push(Repair { how, asked: asked.into_iter().map(str::to_owned).collect(), repair });
        Ok(())
    }

    /// Lets the repairs end, ends the running sync cleanly, and lets another one finish everything.
    pub(crate) async fn settle(self) -> Result<(Scene, Workload)> {
        let Self { scene, workload, sync, hydrate, repairs, .. } = self;
        let ended = eventually(PATIENCE, async || {
            ensure!(!answer_the_guard(&scene, &hydrate).await?, "the hydration goes on");
            Ok(())
        });
        ended.await.with_context(|| hydrate.lines().join("\n"))?;
        hydrate.exit(PATIENCE).await?;
        for Repair { how, asked, repair } in repairs {
            let ended = repair.exit(PATIENCE).await?;
            let said = repair.lines().join("\n");
            // A replay that begins while the archive is away has nothing to read.
            if ended.success() || how == Replay {
                continue;
            }
            // Whoever asks while connections are cut is told so, and asks again.
            ensure!(
                said.contains("error communicating with database"),
                "{how:?} ended with {ended}:\n{said}"
            );
            scene.run(&asked.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        }
        if let Some(running) = sync {
            running.terminate()?;
            running.exit(Duration::from_secs(30)).await?;
        }
        // So few customers do so much at once that what they delete is a good part of all there is.
        scene.run(&["tenant", "resume", TENANT, "--accept-deletes"]).await?;
        scene.run(&["sync", "--until-idle", "--tenant", TENANT]).await?;
        Ok((scene, workload))
    }
}

/// What an operator asked for, and the program that carries it out.
struct Repair {
    how: Happening,
    asked: Vec<String>,
    repair: Wattle,
}

/// Answers the guard if it asks while a command goes on; does it?
async fn answer_the_guard(scene: &Scene, command: &Wattle) -> Result<bool> {
    if command.is_running() {
        let status: serde_json::Value = serde_json::from_str(&scene.run(&["status", "--json"]).await?)?;
        scene.answer_the_guard(TENANT, status[0]["sources"][0]["reason"].as_str()).await?;
    }
    Ok(command.is_running())
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
