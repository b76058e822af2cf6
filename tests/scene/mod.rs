//! A scene: the sample retailer Correa on a private source server, Wattle on a private target server, and the program
//! run as an operator would.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use wattle_testbed::{Database, Launch, Postgres, Wattle};

/// Long enough for a debug build on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The master secret of every scene.
pub(crate) const MASTER_SECRET: &str = "for tests only, and long enough for a master secret";

/// The login that reads the source, as a retailer's administrator would make it.
const READER: &str = "reader";

/// One retailer, one Wattle.
pub(crate) struct Scene {
    pub(crate) source: Database,
    pub(crate) target: Database,
    reader: String,
    folder: TempDir,
}

impl Scene {
    /// Fresh databases with the sample retailer in one and Wattle's schema in the other.
    pub(crate) async fn create(
        source_server: &Postgres,
        target_server: &Postgres,
        customers: u32,
        seed: u64,
    ) -> Result<Self> {
        let source = source_server.database("correa").await?;
        let target = target_server.database("wattle").await?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("master.secret"), MASTER_SECRET)?;
        let scene = Self { reader: source_server.unique_name(READER), source, target, folder };
        let (customers, seed) = (customers.to_string(), seed.to_string());
        let url = scene.source.url();
        scene
            .run(&["sample", "create", "correa", "--url", &url, "--customers", &customers, "--seed", &seed])
            .await?;
        scene.run(&["migrate"]).await?;
        Ok(scene)
    }

    /// The program with this scene's settings.
    pub(crate) fn wattle(&self, args: &[&str]) -> Launch {
        Wattle::at(env!("CARGO_BIN_EXE_wattle"))
            .args(args)
            .cwd(self.folder.path())
            .env("WATTLE_TARGET_URL", self.target.url())
            .env("WATTLE_MASTER_SECRET", "file:master.secret")
            .env("WATTLE_LISTEN", "127.0.0.1:0")
    }

    /// Runs the program to its end; what it wrote to standard output.
    pub(crate) async fn run(&self, args: &[&str]) -> Result<String> {
        self.wattle(args).run(PATIENCE).await?.success()
    }

    /// Onboards a tenant on the source, and does at the source what `wattle check` prints.
    pub(crate) async fn onboard(&self, tenant: &str) -> Result<()> {
        let reader = &self.reader;
        self.source
            .psql(&format!(
                "do $$ begin create role {reader} login password 'reads'; exception when duplicate_object then null; end $$"
            ))
            .await?;
        let url = self.source.url_as(reader, "reads");
        self.run(&["tenant", "add", tenant, "--adapter", "correa", "--source", &url]).await?;
        // A grant can bring to light what could not be looked at before.
        for _ in 0..5 {
            let checked = self.wattle(&["check", tenant, "--sql"]).run(PATIENCE).await?;
            if checked.status.success() {
                return Ok(());
            }
            self.source
                .psql(&checked.stdout)
                .await
                .with_context(|| format!("running:\n{}", checked.stdout))?;
        }
        bail!("the source still does not pass its check:\n{}", self.run(&["check", tenant]).await?)
    }
}
