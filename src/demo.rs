//! `wattle demo`.

mod folder;
mod sql;
mod tour;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::Utc;
use clap::{Args, Subcommand};
use tokio::sync::watch;
use wattle_api::ApiState;
use wattle_core::{SourceSystem, TenantId};
use wattle_dianella::Workload;
use wattle_sample::WorldConfig;
use wattle_sync::{JobKind, JobState, Metrics, status};
use wattle_tenants::{Lifecycle, NewSource, Tenant};

use crate::context::Context;
use crate::output::Progress;
use crate::settings::Settings;
use crate::sync::Sync;
use crate::{hydrate, signals, tenant, token};
use folder::Folder;

/// The sample retailer, and the tenant that it is.
const RETAILER: &str = "dianella";
/// As many as a small retailer has, and as are there within seconds.
const CUSTOMERS: u32 = 1_000;
/// Invoices reach back over the window that the CDR asks for.
const MONTHS: u32 = 24;
/// Between two things that happen at the retailer.
const WORK_EVERY: Duration = Duration::from_millis(500);

/// Shows all of Wattle on this machine: a sample retailer at work, its sync and its CDR API.
///
/// Needs no server: the retailer's database and Wattle's copy are SQLite files. Runs until Ctrl-C; the next run goes on
/// where this one was.
///
/// Example: wattle demo --port 8081
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Demo {
    #[command(subcommand)]
    verb: Option<DemoVerb>,
    /// The port to serve on, on this machine only; 0 for any that is free.
    #[arg(long, env = "PORT", default_value_t = 8080)]
    port: u16,
    /// Where the demo keeps its files.
    #[arg(long, default_value = folder::DEFAULT)]
    data_dir: PathBuf,
    /// Throws away what is there and starts anew.
    #[arg(long)]
    reset: bool,
}

#[derive(Debug, Subcommand)]
enum DemoVerb {
    Sql(sql::Sql),
}

impl Demo {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.verb {
            Some(DemoVerb::Sql(sql)) => sql.run().await,
            None => self.show().await,
        }
    }

    async fn show(self) -> anyhow::Result<ExitCode> {
        let stop = signals::stop_requested()?;
        let folder = Folder::open(&self.data_dir, self.reset)?;
        // A port that is taken is said before anything else is begun.
        let listener = wattle_api::bind((Ipv4Addr::LOCALHOST, self.port).into())
            .context("the demo serves on the port that --port or PORT names")?;
        let listen = listener.local_addr()?;
        folder.write_settings(listen)?;
        let ready = self.get_ready(&folder, &stop).await.with_context(|| {
            format!(
                "the demo cannot go on with what is in {}; `{} --reset` starts anew",
                folder.path().display(),
                tour::command(&self.data_dir)
            )
        });
        let Some((context, shown)) = ready? else {
            println!("stopped before it was ready; the next run goes on where this one was");
            return Ok(ExitCode::SUCCESS);
        };
        tour::print(&self.data_dir, listen, &shown);
        let counters = Metrics::default();
        let mut stopping = stop.clone();
        let (served, synced, worked) = tokio::join!(
            wattle_api::serve(ApiState::new(context.tenants.clone()), listener, async move {
                let _ = stopping.wait_for(|stop| *stop).await;
            }),
            Sync::of_all().until_stopped(&context, &counters, stop.clone()),
            work(&folder, stop.clone()),
        );
        served?;
        worked?;
        println!("stopped; `{}` goes on where it was", tour::command(&self.data_dir));
        synced
    }

    /// The retailer's database, Wattle's schema, the tenant and its data: whatever of it is not there yet. Nothing when it
    /// was asked to stop meanwhile.
    async fn get_ready(
        &self,
        folder: &Folder,
        stop: &watch::Receiver<bool>,
    ) -> anyhow::Result<Option<(Context, tour::Shown)>> {
        if !folder.retailer().exists() {
            let mut stop = stop.clone();
            tokio::select! {
                created = create(folder) => created?,
                _ = stop.wait_for(|stop| *stop) => return Ok(None),
            }
        }
        let settings = Settings::read(&folder.settings())?;
        let lifecycle = Lifecycle::connect(&settings.target, settings.secrets()?).await?;
        lifecycle.migrate().await?;
        let id = TenantId::parse(RETAILER).expect("it is a name");
        let mut new = tenant::development(&settings, &id)?;
        new.display_name = "Dianella Power".to_owned();
        lifecycle.add_tenant(new).await?;
        let source = NewSource {
            system: SourceSystem::parse(token::DEFAULT_SOURCE).expect("it is a name"),
            adapter: RETAILER.to_owned(),
            url: folder.retailer_url(),
            options: serde_json::json!({}),
        };
        lifecycle.add_source(&id, source).await?;
        let context = Context::open(&folder.settings()).await?;
        let tenant = context.tenant(&id).await?;
        let sources = context.sources(&tenant).await?;
        if !is_hydrated(&context, &tenant).await?
            && !hydrate::hydrate(&context, &tenant, sources, &[], stop).await?
        {
            return Ok(None);
        }
        let shown = tour::Shown::choose(folder, &context, &tenant).await?;
        Ok(Some((context, shown)))
    }
}

/// Builds the retailer's database under another name until it is whole.
async fn create(folder: &Folder) -> anyhow::Result<()> {
    let unfinished = folder.unfinished_retailer()?;
    let today = chrono::Local::now().date_naive();
    let config = WorldConfig { seed: 1, customers: CUSTOMERS, today, months: MONTHS };
    let began = Instant::now();
    let mut progress = Progress::new("creating", None);
    let mut row_count = 0;
    wattle_dianella::create(&format!("sqlite:{}", unfinished.display()), config, |at| {
        row_count = at.row_count;
        progress.at(at.row_count, at.stage);
    })
    .await?;
    progress.finish();
    std::fs::rename(&unfinished, folder.retailer())?;
    println!(
        "{RETAILER} has {CUSTOMERS} customers and {MONTHS} months of bills: {row_count} rows in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

async fn is_hydrated(context: &Context, tenant: &Tenant) -> anyhow::Result<bool> {
    let jobs = status::read(&context.tenants.session(tenant).await?).await?.jobs;
    Ok(jobs.iter().any(|job| job.kind == JobKind::Hydrate && job.state == JobState::Done))
}

/// Lets things happen at the retailer, now and then.
async fn work(folder: &Folder, mut stop: watch::Receiver<bool>) -> anyhow::Result<()> {
    let mut workload = Workload::open(&folder.retailer_url()).await?;
    loop {
        tokio::select! {
            () = tokio::time::sleep(WORK_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
        match workload.step().await {
            Ok(step) => tracing::debug!(at = %Utc::now(), kind = step.kind.name(), "the retailer worked"),
            Err(error) if error.is_transient() => tracing::warn!(%error, "the retailer waits"),
            // Whoever plays with the retailer's data may get in its way; the demo is worth more than its work.
            Err(error) => {
                tracing::warn!(%error, "the retailer's own work has ended");
                let _ = stop.wait_for(|stop| *stop).await;
                return Ok(());
            }
        }
    }
}
