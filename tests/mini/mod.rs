//! A small retailer with a pack of its own, and a Wattle that syncs it inside the test's process: on any engine, on
//! either side.
//!
//! A test works on the source as the retailer would, waits until the target has [settled](Mini::settled), and looks at
//! the target through sessions of the tenant. What the source's administrator must do is done as `check` prints it.
//! SQL at the source is written as PostgreSQL reads it; [`pack::on`] has what the others read otherwise.

#![expect(dead_code, reason = "each suite uses its own part")]

mod first_schema;
mod look;
pub(crate) mod pack;
pub(crate) mod recorder;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wattle_core::{Entity, Finding, Severity, SourceAdapter, SourceSystem, TenantId};
use wattle_postgres::Options;
use wattle_sql::Pack;
use wattle_sync::{Archive, SourceRunner, SyncError, Until, request_hydration};
use wattle_tenants::issuer::DevelopmentIssuer;
use wattle_tenants::{Lifecycle, Mode, NewTenant, Secrets, TargetSettings, Tenant, Tenants};
use wattle_testbed::{Database, Engine, MariaDb, Postgres, Target, eventually};

use recorder::Recorder;
use source::{Source, slot_of};

/// Long enough for a debug build on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const TENANT: &str = "mini";
pub(crate) const READER_PASSWORD: &str = "reads";

/// What makes one small retailer different from another.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) source: Engine,
    pub(crate) target: Engine,
    /// Where a source on PostgreSQL is; the shared server by default.
    pub(crate) server: Option<Postgres>,
    /// Where a source on MariaDB is; the shared server by default.
    pub(crate) mariadb: Option<MariaDb>,
    /// Files of the pack in place of the usual ones.
    pub(crate) files: Vec<(&'static str, String)>,
    /// Run after the tables are made and before anyone looks at them.
    pub(crate) sql: String,
    /// Of a source on PostgreSQL.
    pub(crate) options: Options,
    /// The target was made by the first release, and is brought up to date.
    pub(crate) first_schema: bool,
}

pub(crate) struct Mini {
    source: Source,
    target: Target,
    pub(crate) tenants: Tenants,
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) adapter: Arc<Recorder>,
    pub(crate) secrets: Secrets,
    /// The test's own way to the target, which takes no connection from the sync's.
    looks: Tenants,
    options: Options,
    pack: Pack,
    beats: AtomicU32,
}

/// A runner at work.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), SyncError>>,
}

impl Running {
    /// Ends it in order.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.stop.send_replace(true);
        let ended =
            tokio::time::timeout(PATIENCE, &mut self.task).await.context("the runner does not end")?;
        Ok(ended??)
    }

    /// Waits until it ends by itself.
    pub(crate) async fn end(mut self) -> Result<()> {
        Ok((&mut self.task).await??)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// The error that ends it.
    pub(crate) async fn ended(mut self) -> Result<SyncError> {
        let ended =
            tokio::time::timeout(PATIENCE, &mut self.task).await.context("the runner does not end")?;
        ended?.err().context("it ended well")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Mini {
    /// Both sides on PostgreSQL.
    pub(crate) async fn start() -> Result<Self> {
        Self::of(Setup::default()).await
    }

    pub(crate) async fn on(source: Engine, target: Engine) -> Result<Self> {
        Self::of(Setup { source, target, ..Setup::default() }).await
    }

    /// Tables, login, grants and publication at the source, and a tenant at the target.
    pub(crate) async fn of(setup: Setup) -> Result<Self> {
        // `RUST_LOG=wattle=debug` shows what a failing test's runner did.
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let shared = Postgres::shared().await?;
        let server = setup.server.as_ref().unwrap_or(shared);
        let source = match &setup.mariadb {
            Some(mariadb) => Source::on_mariadb(mariadb).await?,
            None => Source::new(setup.source, server).await?,
        };
        source.sql(&setup.sql).await?;
        let target = Target::new(setup.target, "wattle").await?;
        let secrets = Secrets::new(&[7; 32])?;
        if setup.first_schema {
            first_schema::make(&target, &secrets).await?;
        }
        let (tenants, tenant) = onboard(&target.url(), &secrets, TENANT).await?;
        let looks = Tenants::connect(&TargetSettings::new(target.url()), secrets.clone()).await?;
        let pack = pack_with(setup.source, &setup.files)?;
        let adapter = source.adapter(&pack, setup.options.clone())?;
        source.do_as_check_says(&*adapter).await?;
        Ok(Self {
            source,
            target,
            tenants,
            tenant,
            adapter: Arc::new(Recorder::new(adapter)),
            secrets,
            looks,
            options: setup.options,
            pack,
            beats: AtomicU32::new(0),
        })
    }

    /// The same with rows read from a replica of the server.
    pub(crate) async fn of_replica(server: Postgres, replica: &Postgres, options: Options) -> Result<Self> {
        let mut mini = Self::of(Setup { server: Some(server), options, ..Setup::default() }).await?;
        let url = replica.url_as(mini.reader(), READER_PASSWORD, mini.source().name());
        mini.options.read_url = Some(url);
        mini.adapter = Arc::new(Recorder::new(mini.another_adapter()?));
        // All that the set-up did is there, so that a test begins with what it does itself.
        let there = format!("select pg_last_wal_replay_lsn() >= '{}'", mini.lsn().await?);
        eventually(PATIENCE, async || {
            ensure!(
                replica.psql("postgres", &there).await?[0][0].as_deref() == Some("t"),
                "the replica is behind"
            );
            Ok(())
        })
        .await?;
        Ok(mini)
    }

    /// Where the source's log ends.
    pub(crate) async fn lsn(&self) -> Result<String> {
        self.source().value("select pg_current_wal_insert_lsn()").await?.context("it has an end")
    }

    /// The source, in tests that have it on PostgreSQL.
    pub(crate) fn source(&self) -> &Arc<Database> {
        match &self.source {
            Source::Postgres { database, .. } => database,
            Source::Sqlite(_) | Source::MariaDb { .. } | Source::SqlServer { .. } => {
                panic!("this test's source is another engine's")
            }
        }
    }

    /// The login that reads a source on a server.
    pub(crate) fn reader(&self) -> &str {
        match &self.source {
            Source::Postgres { reader, .. }
            | Source::MariaDb { reader, .. }
            | Source::SqlServer { reader, .. } => reader,
            Source::Sqlite(_) => panic!("this test's source is a file"),
        }
    }

    /// The source, in tests that have it in a file, or treat both engines alike.
    pub(crate) fn retailer(&self) -> &Source {
        &self.source
    }

    /// The target, in tests that have it on PostgreSQL.
    pub(crate) fn target(&self) -> &Database {
        match &self.target {
            Target::Postgres(database) => database,
            Target::Sqlite(_) => panic!("this test's target is a folder"),
        }
    }

    pub(crate) fn target_of_either(&self) -> &Target {
        &self.target
    }

    /// Another adapter of the same source, as another process would have.
    pub(crate) fn another_adapter(&self) -> Result<Arc<dyn SourceAdapter>> {
        self.adapter_with(self.options.clone())
    }

    /// Another adapter of the same source, with other options.
    pub(crate) fn adapter_with(&self, options: Options) -> Result<Arc<dyn SourceAdapter>> {
        self.source.adapter(&self.pack, options)
    }

    /// The source's address as the reader has it.
    pub(crate) fn reader_url(&self) -> String {
        self.source().url_as(self.reader(), READER_PASSWORD)
    }

    pub(crate) fn slot(&self) -> String {
        slot_of(self.source())
    }

    /// Starts to sync.
    pub(crate) fn run(&self) -> Running {
        self.run_on(self.adapter.clone())
    }

    /// Starts to sync through another adapter.
    pub(crate) fn run_on(&self, adapter: Arc<dyn SourceAdapter>) -> Running {
        self.begin(adapter, None, Until::Stopped)
    }

    /// Starts to sync, and to archive what is heard.
    pub(crate) fn run_archiving(&self, archive: &Arc<Archive>) -> Running {
        self.begin(self.adapter.clone(), Some(archive.clone()), Until::Stopped)
    }

    /// Starts to sync until nothing is left to do.
    pub(crate) fn run_until_idle(&self, archive: &Arc<Archive>) -> Running {
        self.begin(self.adapter.clone(), Some(archive.clone()), Until::Idle)
    }

    fn begin(&self, adapter: Arc<dyn SourceAdapter>, archive: Option<Arc<Archive>>, until: Until) -> Running {
        let (stop, stopped) = watch::channel(false);
        let runner = SourceRunner::new(self.tenants.clone(), self.tenant.clone(), system(), adapter, stopped);
        Running { stop, task: tokio::spawn(runner.archiving_to(archive).run(until)) }
    }

    /// Starts to sync and brings over what there is.
    pub(crate) async fn run_and_hydrate(&self) -> Result<Running> {
        let running = self.run();
        self.hydrate(&[]).await?;
        self.settled().await?;
        Ok(running)
    }

    /// Asks for a hydration; no entities means all.
    pub(crate) async fn hydrate(&self, entities: &[Entity]) -> Result<()> {
        let session = self.tenants.session(&self.tenant).await?;
        request_hydration(&session, &system(), self.adapter.graph(), entities, None).await?;
        Ok(())
    }

    /// Runs SQL at the source as its administrator.
    pub(crate) async fn sql(&self, sql: &str) -> Result<()> {
        self.source.sql(sql).await
    }

    /// Waits until capture has begun: what happens at the source from now on is heard.
    async fn capturing(&self) -> Result<()> {
        eventually(PATIENCE, async || {
            ensure!(
                self.position().await?.is_some(),
                "capture has not begun; the source is {}",
                self.state().await?
            );
            Ok(())
        })
        .await
    }

    /// Waits until everything that was done at the source before this call is applied, and everything it led to.
    pub(crate) async fn settled(&self) -> Result<()> {
        self.capturing().await?;
        // A plan of its own each time: it is heard of after all that was done before. Its event counts, and not its record
        // alone, which a hydration may have read long before; but for sources whose events were lost.
        let beat = self.beats.fetch_add(1, Ordering::Relaxed) + 1;
        self.sql(&format!("insert into billing.plan (plan_code, name) values ('BEAT{beat}', '{beat}')"))
            .await?;
        let look = format!(
            "select concat_ws(' ', (select count(*) from plan where source_id = 'BEAT{beat}'),
                        (select min(heard) from (select 1 as heard from stream_event where lane = 'live' and changes like '%\"BEAT{beat}\"%'
                                             union all select 1 from job where kind = 'repair') h),
                        (select sum(h.last_seq - m.seq) from stream_head h join marker m using (lane)),
                        (select count(*) from job where state in ('waiting', 'running')), (select count(*) from entity_pause))"
        );
        eventually(PATIENCE, async || {
            let found = self.value(&look).await?.unwrap_or_default();
            let state = self.state().await?;
            ensure!(
                found == "1 1 0 0 0",
                "the beat, its event, lag, jobs and pauses are {found}, not 1 1 0 0 0; the source is {state}"
            );
            Ok(())
        })
        .await
    }
}

pub(crate) fn system() -> SourceSystem {
    SourceSystem::parse("main").expect("it is a name")
}

/// The usual pack with some files replaced or added.
pub(crate) fn pack_with(source: Engine, files: &[(&'static str, String)]) -> Result<Pack> {
    let mut all: BTreeMap<&str, String> =
        pack::FILES.iter().map(|(path, text)| (*path, pack::on(source, text))).collect();
    all.extend(files.iter().map(|(path, text)| (*path, pack::on(source, text))));
    let all: Vec<(&str, &str)> = all.iter().map(|(path, text)| (*path, text.as_str())).collect();
    Pack::from_files(&all).map_err(|errors| anyhow::anyhow!("the pack has mistakes: {errors:?}"))
}

/// Migrates a target and adds a tenant.
pub(crate) async fn onboard(url: &str, secrets: &Secrets, name: &str) -> Result<(Tenants, Arc<Tenant>)> {
    let settings = TargetSettings::new(url.to_owned());
    let lifecycle = Lifecycle::connect(&settings, secrets.clone()).await?;
    lifecycle.migrate().await?;
    let id = TenantId::parse(name)?;
    let new = NewTenant {
        id: id.clone(),
        display_name: name.to_owned(),
        mode: Mode::Development,
        issuer: "urn:test".to_owned(),
        audience: "urn:test".to_owned(),
        jwks: DevelopmentIssuer::new(secrets, &id).jwks(),
        public_base_url: "http://localhost".to_owned(),
        host: None,
    };
    lifecycle.add_tenant(new).await?;
    let tenants = Tenants::connect(&settings, secrets.clone()).await?;
    let tenant = tenants.tenant(&id).await?.context("it was just added")?;
    Ok((tenants, tenant))
}

/// What keeps a source from being synced.
pub(crate) async fn refused(adapter: &dyn SourceAdapter) -> Result<Vec<Finding>> {
    let mut findings = adapter.check().await?;
    findings.retain(|finding| finding.severity == Severity::Refused);
    Ok(findings)
}
