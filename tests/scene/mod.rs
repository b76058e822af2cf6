//! A scene: a sample retailer in a private source, Wattle on a private target, and the program run as an operator would.

#![expect(dead_code, reason = "each suite uses its own part")]

pub(crate) mod workload;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use wattle_core::TenantId;
use wattle_sqlserver::Capture;
use wattle_tds_simulator::SqlServer;
use wattle_tenants::{Secrets, TargetSettings, TenantSession, Tenants};
use wattle_testbed::{Database, Launch, MariaDatabase, MariaDb, Postgres, Proxy, Target, Wattle};

/// Long enough for a debug build on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// The master secret of every scene.
pub(crate) const MASTER_SECRET: &str = "for tests only, and long enough for a master secret";

/// The login that reads the source, as a retailer's administrator would make it.
const READER: &str = "reader";

/// Where one side of a scene is put.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    On(&'a Postgres),
    /// A source alone.
    OnMariaDb(&'a MariaDb),
    /// A source alone, simulated.
    OnSqlServer(&'a SqlServer, Capture),
    InFiles,
}

/// A sample retailer's database.
pub(crate) enum Retailer {
    Correa { database: Database, reader: String },
    Dianella(TempDir),
    Banksia { database: MariaDatabase, reader: String },
    Acacia { database: wattle_tds_simulator::Database, reader: String, capture: Capture },
}

impl Retailer {
    async fn new(place: Place<'_>) -> Result<Self> {
        Ok(match place {
            Place::On(server) => Self::Correa {
                database: server.database("correa").await?,
                reader: server.unique_name(READER),
            },
            Place::OnMariaDb(server) => Self::Banksia {
                database: server.database("banksia").await?,
                reader: server.unique_name(READER),
            },
            Place::OnSqlServer(server, capture) => Self::Acacia {
                database: server.database("acacia").await?,
                reader: server.unique_name(READER),
                capture,
            },
            Place::InFiles => Self::Dianella(tempfile::tempdir()?),
        })
    }

    /// Its name, and that of its adapter.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Correa { .. } => "correa",
            Self::Dianella(_) => "dianella",
            Self::Banksia { .. } => "banksia",
            Self::Acacia { .. } => "acacia",
        }
    }

    /// Its address, as the retailer's own software uses it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Correa { database, .. } => database.url(),
            Self::Dianella(folder) => format!("sqlite:{}", folder.path().join("dianella.db").display()),
            Self::Banksia { database, .. } => database.url(),
            Self::Acacia { database, .. } => database.url(),
        }
    }
}

/// One retailer, one Wattle.
pub(crate) struct Scene {
    pub(crate) retailer: Retailer,
    pub(crate) target: Target,
    /// What Wattle reaches the source through, in scenes that have it so.
    pub(crate) source_proxy: Option<Proxy>,
    /// What Wattle reaches the target through.
    pub(crate) target_proxy: Option<Proxy>,
    folder: TempDir,
}

impl Scene {
    /// A fresh sample retailer, and Wattle's schema in a fresh target.
    pub(crate) async fn create(
        source: Place<'_>,
        target: Place<'_>,
        customers: u32,
        seed: u64,
    ) -> Result<Self> {
        let target = match target {
            Place::On(server) => Target::Postgres(server.database("wattle").await?),
            Place::OnMariaDb(_) | Place::OnSqlServer(..) => {
                bail!("Wattle keeps its copies on PostgreSQL or in files")
            }
            Place::InFiles => Target::Sqlite(tempfile::tempdir()?),
        };
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("master.secret"), MASTER_SECRET)?;
        let retailer = Retailer::new(source).await?;
        let scene = Self { retailer, target, source_proxy: None, target_proxy: None, folder };
        scene.fill(&scene.retailer, customers, seed).await?;
        scene.run(&["migrate"]).await?;
        Ok(scene)
    }

    /// Another fresh sample retailer.
    pub(crate) async fn another_retailer(
        &self,
        place: Place<'_>,
        customers: u32,
        seed: u64,
    ) -> Result<Retailer> {
        let retailer = Retailer::new(place).await?;
        self.fill(&retailer, customers, seed).await?;
        Ok(retailer)
    }

    async fn fill(&self, retailer: &Retailer, customers: u32, seed: u64) -> Result<()> {
        let (customers, seed) = (customers.to_string(), seed.to_string());
        let (name, url) = (retailer.name(), retailer.url());
        self.run(&["sample", "create", name, "--url", &url, "--customers", &customers, "--seed", &seed])
            .await?;
        Ok(())
    }

    /// The source, in scenes that have it on PostgreSQL.
    pub(crate) fn source(&self) -> &Database {
        match &self.retailer {
            Retailer::Correa { database, .. } => database,
            Retailer::Dianella(_) | Retailer::Banksia { .. } | Retailer::Acacia { .. } => {
                panic!("this scene's source is another engine's")
            }
        }
    }

    /// The target's database, in scenes that have it on PostgreSQL.
    pub(crate) fn target(&self) -> &Database {
        match &self.target {
            Target::Postgres(database) => database,
            Target::Sqlite(_) => panic!("this scene's target is a folder"),
        }
    }

    /// From here on Wattle reaches these servers through proxies.
    pub(crate) fn behind_proxies(&mut self, source: Option<Proxy>, target: Option<Proxy>) {
        (self.source_proxy, self.target_proxy) = (source, target);
    }

    /// Has every second's changes archived, to a folder of the scene's own.
    pub(crate) fn archives_often(&self) -> Result<()> {
        self.settings(&format!("[archive]\nurl = \"{}\"\ninterval_secs = 1\n", self.archive().display()))
    }

    /// What the program's settings are from here on, besides where things are.
    pub(crate) fn settings(&self, settings: &str) -> Result<()> {
        Ok(std::fs::write(self.folder.path().join("wattle.toml"), settings)?)
    }

    /// The folder that Wattle archives to, in scenes that archive often.
    pub(crate) fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    /// Puts a file where the archive's folder is: nothing can be written there.
    pub(crate) fn take_archive_away(&self) -> Result<()> {
        if self.archive().is_dir() {
            std::fs::rename(self.archive(), self.archive().with_extension("away"))?;
        }
        Ok(std::fs::write(self.archive(), "in the way")?)
    }

    /// The archive is where it was.
    pub(crate) fn give_archive_back(&self) -> Result<()> {
        std::fs::remove_file(self.archive())?;
        if self.archive().with_extension("away").is_dir() {
            std::fs::rename(self.archive().with_extension("away"), self.archive())?;
        }
        Ok(())
    }

    /// The program with this scene's settings.
    pub(crate) fn wattle(&self, args: &[&str]) -> Launch {
        Wattle::at(env!("CARGO_BIN_EXE_wattle"))
            .args(args)
            .cwd(self.folder.path())
            .env("WATTLE_TARGET_URL", self.target_url())
            .env("WATTLE_MASTER_SECRET", "file:master.secret")
            .env("WATTLE_LISTEN", "127.0.0.1:0")
    }

    /// What an operator says to a guard who asks about deletes: what is gone is gone. So few customers do so much at once
    /// that what they delete is a good part of all there is.
    pub(crate) async fn answer_the_guard(&self, tenant: &str, reason: Option<&str>) -> Result<()> {
        if reason.is_some_and(|reason| reason.contains("--accept-deletes")) {
            self.run(&["tenant", "resume", tenant, "--accept-deletes"]).await?;
        }
        Ok(())
    }

    fn target_url(&self) -> String {
        let url = self.target.url();
        self.target_proxy.as_ref().map_or(url.clone(), |proxy| proxy.url(&url))
    }

    /// Runs the program to its end; what it wrote to standard output.
    pub(crate) async fn run(&self, args: &[&str]) -> Result<String> {
        self.wattle(args).run(PATIENCE).await?.success()
    }

    /// Wattle's way to the target's data.
    pub(crate) async fn tenants(&self) -> Result<Tenants> {
        let secrets = Secrets::new(MASTER_SECRET.as_bytes())?;
        Ok(Tenants::connect(&TargetSettings::new(self.target.url()), secrets).await?)
    }

    pub(crate) async fn session(&self, tenant: &str) -> Result<TenantSession> {
        let tenants = self.tenants().await?;
        let tenant = tenants.tenant(&TenantId::parse(tenant)?).await?.context("the tenant is onboarded")?;
        Ok(tenants.session(&tenant).await?)
    }

    /// Onboards a tenant on a retailer, and does there what `wattle check` prints.
    pub(crate) async fn onboard(&self, tenant: &str, retailer: &Retailer) -> Result<()> {
        let url = self.readers_url(retailer).await?;
        let mut add = vec!["tenant", "add", tenant, "--adapter", retailer.name(), "--source", &url];
        if let Retailer::Acacia { capture: Capture::Cdc, .. } = retailer {
            add.extend(["--options", r#"{"capture": "cdc"}"#]);
        }
        self.run(&add).await?;
        // A grant can bring to light what could not be looked at before.
        for _ in 0..5 {
            let checked = self.wattle(&["check", tenant, "--sql"]).run(PATIENCE).await?;
            if checked.status.success() {
                return Ok(());
            }
            let sql = &checked.stdout;
            match retailer {
                Retailer::Correa { database, .. } => database.psql(sql).await.map(drop),
                Retailer::Banksia { database, .. } => {
                    run_lines(sql, async |line| database.sql(line).await.map(drop)).await
                }
                Retailer::Acacia { database, .. } => {
                    run_lines(sql, async |line| database.sql(line).await.map(drop)).await
                }
                Retailer::Dianella(_) => break,
            }
            .with_context(|| format!("running:\n{sql}\n{}", checked.stderr))?;
        }
        bail!("the source still does not pass its check:\n{}", self.run(&["check", tenant]).await?)
    }

    /// The address by which Wattle reads a retailer, as a login that has no right yet.
    async fn readers_url(&self, retailer: &Retailer) -> Result<String> {
        let url = match retailer {
            Retailer::Dianella(_) => return Ok(retailer.url()),
            Retailer::Correa { database, reader } => {
                database
                    .psql(&format!(
                        "do $$ begin create role {reader} login password 'reads'; exception when duplicate_object then null; end $$"
                    ))
                    .await?;
                database.url_as(reader, "reads")
            }
            Retailer::Banksia { database, reader } => {
                database
                    .sql(&format!("create user if not exists {reader}@'%' identified by 'reads'"))
                    .await?;
                database.url_as(reader, "reads")
            }
            Retailer::Acacia { database, reader, .. } => {
                match database.login(reader, "reads").await {
                    // A rebuild reads as the same login.
                    Err(error) if format!("{error:#}").contains("already exists") => {}
                    made => made?,
                }
                database.url_as(reader, "reads")
            }
        };
        Ok(self.source_proxy.as_ref().map_or(url.clone(), |proxy| proxy.url(&url)))
    }
}

/// Runs a script that has a statement in each line, and comments: the server would take a comment at the end for a
/// statement.
async fn run_lines(script: &str, run: impl AsyncFn(&str) -> Result<()>) -> Result<()> {
    for line in script.lines().filter(|line| !line.is_empty() && !line.starts_with("--")) {
        run(line.split(";  --").next().unwrap_or(line)).await?;
    }
    Ok(())
}
