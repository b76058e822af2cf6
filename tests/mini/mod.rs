//! A small retailer in PostgreSQL with a pack of its own, and a Wattle that syncs it inside the test's process.
//!
//! A test works on the source as the retailer would, waits until the target has [settled](Mini::settled), and looks at
//! the target as a superuser. What the source's administrator must do is done as `check` prints it.

#![expect(dead_code, reason = "each suite uses its own part")]

pub(crate) mod pack;
pub(crate) mod recorder;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wattle_core::{Entity, Finding, Severity, SourceAdapter, SourceSystem, TenantId};
use wattle_postgres::{Options, PostgresAdapter};
use wattle_sql::Pack;
use wattle_sync::{SourceRunner, SyncError, Until, request_hydration};
use wattle_tenants::issuer::DevelopmentIssuer;
use wattle_tenants::{Lifecycle, Mode, NewTenant, Secrets, TargetSettings, Tenant, Tenants};
use wattle_testbed::{Database, Postgres, eventually};

use recorder::Recorder;

/// Long enough for a debug build on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const TENANT: &str = "mini";
pub(crate) const READER_PASSWORD: &str = "reads";

/// What makes one small retailer different from another.
#[derive(Default)]
pub(crate) struct Setup {
    /// Where the source is; the shared server by default.
    pub(crate) server: Option<Postgres>,
    /// Files of the pack in place of the usual ones.
    pub(crate) files: Vec<(&'static str, String)>,
    /// Run after the tables are made and before anyone looks at them.
    pub(crate) sql: &'static str,
    pub(crate) options: Options,
}

pub(crate) struct Mini {
    pub(crate) source: Arc<Database>,
    pub(crate) target: Arc<Database>,
    pub(crate) tenants: Tenants,
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) adapter: Arc<Recorder>,
    /// The login that reads the source.
    pub(crate) reader: String,
    pub(crate) secrets: Secrets,
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
    pub(crate) async fn start() -> Result<Self> {
        Self::of(Setup::default()).await
    }

    /// Tables, login, grants and publication at the source, and a tenant at the target.
    pub(crate) async fn of(setup: Setup) -> Result<Self> {
        // `RUST_LOG=wattle=debug` shows what a failing test's runner did.
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let shared = Postgres::shared().await?;
        let server = setup.server.as_ref().unwrap_or(shared);
        let source = server.database("mini").await?;
        source.psql(pack::TABLES).await?;
        source.psql(setup.sql).await?;
        let reader = format!("{}_reader", source.name());
        source.psql(&format!("create role {reader} login password '{READER_PASSWORD}'")).await?;
        let target = shared.database("wattle").await?;
        let secrets = Secrets::new(&[7; 32])?;
        let (tenants, tenant) = onboard(&target, &secrets, TENANT).await?;
        let pack = pack_with(&setup.files)?;
        let adapter = adapter(&pack, &source, &reader, setup.options.clone())?;
        do_as_check_says(&source, &adapter).await?;
        Ok(Self {
            source: Arc::new(source),
            target: Arc::new(target),
            tenants,
            tenant,
            adapter: Arc::new(Recorder::new(Arc::new(adapter))),
            reader,
            secrets,
            options: setup.options,
            pack,
            beats: AtomicU32::new(0),
        })
    }

    /// The same with rows read from a replica of the server.
    pub(crate) async fn of_replica(server: Postgres, replica: &Postgres, options: Options) -> Result<Self> {
        let mut mini = Self::of(Setup { server: Some(server), options, ..Setup::default() }).await?;
        let url = replica.url_as(&mini.reader, READER_PASSWORD, mini.source.name());
        mini.options.read_url = Some(url);
        mini.adapter = Arc::new(Recorder::new(Arc::new(mini.another_adapter()?)));
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
        self.source.value("select pg_current_wal_insert_lsn()").await?.context("it has an end")
    }

    /// Another adapter of the same source, as another process would have.
    pub(crate) fn another_adapter(&self) -> Result<PostgresAdapter> {
        self.adapter_with(self.options.clone())
    }

    /// Another adapter of the same source, with other options.
    pub(crate) fn adapter_with(&self, options: Options) -> Result<PostgresAdapter> {
        adapter(&self.pack, &self.source, &self.reader, options)
    }

    /// The source's address as the reader has it.
    pub(crate) fn reader_url(&self) -> String {
        self.source.url_as(&self.reader, READER_PASSWORD)
    }

    pub(crate) fn slot(&self) -> String {
        slot_of(&self.source)
    }

    /// Starts to sync.
    pub(crate) fn run(&self) -> Running {
        self.run_on(self.adapter.clone())
    }

    /// Starts to sync through another adapter.
    pub(crate) fn run_on(&self, adapter: Arc<dyn SourceAdapter>) -> Running {
        let (stop, stopped) = watch::channel(false);
        let runner = SourceRunner::new(self.tenants.clone(), self.tenant.clone(), system(), adapter, stopped);
        Running { stop, task: tokio::spawn(runner.run(Until::Stopped)) }
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
        self.source.psql(sql).await.map(drop)
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

    /// The position that capture has stored.
    pub(crate) async fn position(&self) -> Result<Option<String>> {
        self.target.value(&format!("select max(position) from t_{TENANT}.source_state")).await
    }

    /// Waits until everything that was done at the source before this call is applied, and everything it led to.
    pub(crate) async fn settled(&self) -> Result<()> {
        self.capturing().await?;
        let beat = self.beats.fetch_add(1, Ordering::Relaxed) + 1;
        self.sql(&format!(
            "insert into billing.plan (plan_code, name) values ('BEAT', '{beat}')
             on conflict (plan_code) do update set name = excluded.name"
        ))
        .await?;
        let look = format!(
            "select concat_ws(' ', coalesce((select body::jsonb ->> 'displayName' from t_{TENANT}.plan where source_id = 'BEAT'), '-'),
                 (select sum(h.last_seq - m.seq) from t_{TENANT}.stream_head h join t_{TENANT}.marker m using (lane)),
                 (select count(*) from t_{TENANT}.job where state in ('waiting', 'running')))"
        );
        eventually(PATIENCE, async || {
            let found = self.target.value(&look).await?.unwrap_or_default();
            let state = self.state().await?;
            ensure!(
                found == format!("{beat} 0 0"),
                "beat, lag and jobs are {found}, not {beat} 0 0; the source is {state}"
            );
            Ok(())
        })
        .await
    }

    /// How the source is doing, and why.
    pub(crate) async fn state(&self) -> Result<String> {
        let sql = format!("select concat_ws(': ', max(state), max(reason)) from t_{TENANT}.source_state");
        Ok(self.target.value(&sql).await?.unwrap_or_default())
    }

    /// Waits until the source's state and reason hold all these words; what they are then.
    pub(crate) async fn says(&self, words: &[&str]) -> Result<String> {
        eventually(PATIENCE, async || {
            let state = self.state().await?;
            ensure!(words.iter().all(|word| state.contains(word)), "it says `{state}`, not {words:?}");
            Ok(state)
        })
        .await
    }

    /// The ids of an entity's records in the target.
    pub(crate) async fn ids(&self, entity: Entity) -> Result<BTreeSet<String>> {
        let sql = format!("select source_id from t_{TENANT}.{entity} where source_id <> 'BEAT'");
        Ok(self.target.psql(&sql).await?.into_iter().filter_map(|mut row| row.remove(0)).collect())
    }

    /// Checks which records of an entity are there.
    pub(crate) async fn expect(&self, entity: Entity, ids: &[&str]) -> Result<()> {
        let found = self.ids(entity).await?;
        let wanted: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        ensure!(found == wanted, "the target has {entity} {found:?} instead of {wanted:?}");
        Ok(())
    }

    /// The full body of an account.
    pub(crate) async fn account(&self, id: &str) -> Result<Value> {
        let sql = format!("select detail from t_{TENANT}.account where source_id = '{id}'");
        let rows = self.target.psql(&sql).await?;
        let text = rows.into_iter().next().and_then(|mut row| row.remove(0));
        Ok(serde_json::from_str(&text.with_context(|| format!("there is no account {id}"))?)?)
    }

    /// What each account's display name is.
    pub(crate) async fn names(&self) -> Result<BTreeMap<String, String>> {
        let sql = format!("select source_id, body::jsonb ->> 'displayName' from t_{TENANT}.account");
        let pair = |row: Vec<Option<String>>| {
            let mut values = row.into_iter().flatten();
            Some((values.next()?, values.next()?))
        };
        Ok(self.target.psql(&sql).await?.into_iter().filter_map(pair).collect())
    }

    /// The last names of an account's contacts.
    pub(crate) async fn contacts(&self, id: &str) -> Result<Vec<String>> {
        let account = self.account(id).await?;
        let contacts = account["authorisedContacts"].as_array().cloned().unwrap_or_default();
        let name = |contact: &Value| contact["lastName"].as_str().map(str::to_owned);
        Ok(contacts.iter().filter_map(name).collect())
    }

    /// The one number that a query of the target answers.
    pub(crate) async fn number(&self, sql: &str) -> Result<i64> {
        Ok(self.target.value(sql).await?.context("it is null")?.parse()?)
    }

    /// How many changes capture has stored.
    pub(crate) async fn heard(&self) -> Result<i64> {
        self.number(&format!(
            "select coalesce(sum(last_seq), 0) from t_{TENANT}.stream_head where lane = 'live'"
        ))
        .await
    }

    /// Waits until capture has stored this many changes.
    pub(crate) async fn has_heard(&self, count: i64) -> Result<()> {
        eventually(PATIENCE, async || {
            let heard = self.heard().await?;
            ensure!(heard >= count, "{heard} of {count} changes are stored");
            Ok(())
        })
        .await
    }

    /// A transaction of the target's superuser that has run these statements and holds its locks until it is ended.
    pub(crate) async fn holding(&self, sql: &str) -> Result<tokio_postgres::Client> {
        let client = self.target.client().await?;
        client.batch_execute(&format!("begin; {sql}")).await?;
        Ok(client)
    }

    /// Waits until a session of the tenant waits for a lock in the target; its process id.
    pub(crate) async fn blocked(&self) -> Result<i32> {
        self.waits_for_a_lock("application_name = 'wattle'").await
    }

    /// Waits until a session that is not the tenant's waits for a lock in the target.
    pub(crate) async fn blocked_stranger(&self) -> Result<i32> {
        self.waits_for_a_lock("application_name <> 'wattle'").await
    }

    async fn waits_for_a_lock(&self, who: &str) -> Result<i32> {
        let sql = format!(
            "select max(pid) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and {who}"
        );
        eventually(PATIENCE, async || {
            let pid = self.target.value(&sql).await?.context("no session waits for a lock")?;
            Ok(pid.parse()?)
        })
        .await
    }
}

pub(crate) fn system() -> SourceSystem {
    SourceSystem::parse("main").expect("it is a name")
}

fn slot_of(source: &Database) -> String {
    format!("{}_slot", source.name())
}

/// The usual pack with some files replaced or added.
pub(crate) fn pack_with(files: &[(&'static str, String)]) -> Result<Pack> {
    let mut all: BTreeMap<&str, &str> = pack::FILES.iter().copied().collect();
    all.extend(files.iter().map(|(path, text)| (*path, text.as_str())));
    let all: Vec<(&str, &str)> = all.into_iter().collect();
    Pack::from_files(&all).map_err(|errors| anyhow::anyhow!("the pack has mistakes: {errors:?}"))
}

pub(crate) fn adapter(
    pack: &Pack,
    source: &Database,
    reader: &str,
    options: Options,
) -> Result<PostgresAdapter> {
    let url = source.url_as(reader, READER_PASSWORD);
    Ok(PostgresAdapter::new(pack.clone(), &url, slot_of(source), options)?)
}

/// Migrates a target and adds a tenant.
pub(crate) async fn onboard(
    target: &Database,
    secrets: &Secrets,
    name: &str,
) -> Result<(Tenants, Arc<Tenant>)> {
    let settings = TargetSettings::new(target.url());
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

/// Does at the source what `check` prints, until nothing is missing: exactly those grants, and that publication.
async fn do_as_check_says(source: &Database, adapter: &dyn SourceAdapter) -> Result<()> {
    // A grant can bring to light what could not be looked at before.
    for _ in 0..5 {
        let findings = refused(adapter).await?;
        if findings.is_empty() {
            return Ok(());
        }
        for Finding { what, fix, .. } in findings {
            source.psql(&fix).await.with_context(|| format!("the fix for `{what}` was {fix}"))?;
        }
    }
    bail!("the source still does not pass its check: {:?}", refused(adapter).await?)
}
