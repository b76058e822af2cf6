//! `wattle sync`.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument;
use wattle_core::{SourceSystem, TenantId};
use wattle_sync::{Archive, Metrics, SourceRunner, SyncError, Until};

use crate::adapters;
use crate::context::{Context, no_source, patiently};
use crate::{metrics, signals};

/// How often the registry is asked for tenants and sources that were added since.
const LOOK_FOR_TENANTS_EVERY: Duration = Duration::from_secs(5);

/// Keeps the target in step with the sources.
///
/// Runs until it is stopped by SIGINT or SIGTERM. Tenants that are onboarded later are taken up within seconds.
///
/// Example: wattle sync --tenant correa
#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// Only this tenant; may be repeated.
    #[arg(long = "tenant")]
    tenants: Vec<TenantId>,
    /// Ends when all that the sources had at the start is applied and archived, and no job is left.
    #[arg(long)]
    until_idle: bool,
    /// Where to show metrics for Prometheus; what the settings say for `sync` by default, and else nowhere.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
}

/// The sources that are being synced, and those whose trouble was named already.
#[derive(Default)]
struct Sources {
    running: HashMap<(TenantId, SourceSystem), JoinHandle<Result<(), SyncError>>>,
    named: HashSet<(TenantId, SourceSystem)>,
    /// Stopped for good, by a broken invariant: what it did last must be looked at before it goes on.
    broken: HashSet<(TenantId, SourceSystem)>,
    /// Where all of them are archived.
    archive: Option<Arc<Archive>>,
    /// What they all count.
    metrics: Metrics,
}

impl Sync {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        let stop = signals::stop_requested()?;
        let shows = self.metrics.or(context.settings.sync_metrics);
        let counters = Metrics::default();
        let mut registry = Registry::default();
        counters.register(&mut registry);
        // Sync ends by itself, or when it has stopped in order; the metrics are there for as long.
        let shown = async {
            match metrics::show(shows, &context.tenants, registry, stop.clone()).await {
                Ok(()) => std::future::pending().await,
                Err(error) => error,
            }
        };
        tokio::select! {
            synced = self.until_stopped(&context, &counters, stop.clone()) => synced,
            error = shown => Err(error),
        }
    }

    /// All sources of all tenants, until it is stopped.
    pub(crate) fn of_all() -> Self {
        Self { tenants: Vec::new(), until_idle: false, metrics: None }
    }

    pub(crate) async fn until_stopped(
        self,
        context: &Context,
        counters: &Metrics,
        mut stop: watch::Receiver<bool>,
    ) -> anyhow::Result<ExitCode> {
        let stopping = stop.clone();
        let archive = context.settings.archive()?;
        match &archive {
            Some(archive) => tracing::info!(archive = archive.place(), "archives what it hears"),
            None => tracing::info!("archives nothing: archive.url is \"none\""),
        }
        let mut sources = Sources { archive, metrics: counters.clone(), ..Sources::default() };
        loop {
            tokio::select! {
                started = self.start_new(context, &stopping, &mut sources) => started?,
                _ = stop.wait_for(|stop| *stop) => break,
            }
            if self.until_idle {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_FOR_TENANTS_EVERY) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            let ended: Vec<_> = sources.running.extract_if(|_, task| task.is_finished()).collect();
            for (place, task) in ended {
                sources.ended(place, task.await);
            }
        }
        for (place, task) in std::mem::take(&mut sources.running) {
            sources.ended(place, task.await);
        }
        tracing::info!("sync has stopped");
        Ok(if sources.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Starts the sources that are not running yet. A tenant whose source cannot be built is no reason to hold up the
    /// others: it is named, and tried again the next time, unless it was asked for by name.
    async fn start_new(
        &self,
        context: &Context,
        stop: &watch::Receiver<bool>,
        known: &mut Sources,
    ) -> anyhow::Result<()> {
        let tenants = patiently(async || {
            let mut named = Vec::new();
            for id in &self.tenants {
                named.push(context.tenant(id).await?);
            }
            Ok(if named.is_empty() { context.tenants.all().await? } else { named })
        })
        .await?;
        if tenants.is_empty() && known.running.is_empty() {
            tracing::warn!("there is no tenant to sync yet; `wattle tenant add` onboards one");
        }
        for tenant in tenants {
            let sources = patiently(async || Ok(context.tenants.sources(&tenant).await?)).await?;
            if sources.is_empty() && !self.tenants.is_empty() {
                return Err(no_source(&tenant.id));
            }
            for source in sources {
                let place = (tenant.id.clone(), source.system.clone());
                if known.running.contains_key(&place) || known.broken.contains(&place) {
                    continue;
                }
                let span = tracing::info_span!("source", tenant = %tenant.id, source = %source.system);
                let adapter = match adapters::build(&source) {
                    Ok(adapter) => adapter,
                    Err(error) if self.tenants.is_empty() && !self.until_idle => {
                        if known.named.insert(place) {
                            tracing::error!(parent: &span, reason = format!("{error:#}"), "the source cannot be synced");
                        }
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                let runner = SourceRunner::new(
                    context.tenants.clone(),
                    tenant.clone(),
                    source.system,
                    adapter,
                    stop.clone(),
                )
                .archiving_to(known.archive.clone())
                .measured_by(&known.metrics);
                let until = if self.until_idle { Until::Idle } else { Until::Stopped };
                known.running.insert(place, tokio::spawn(runner.run(until).instrument(span)));
                tracing::info!(source_count = known.running.len(), "syncs another source");
            }
        }
        Ok(())
    }
}

impl Sources {
    /// A source's task is over: at the end, or because of a defect, which is said at once and not when all is over.
    fn ended(&mut self, place: (TenantId, SourceSystem), how: Result<Result<(), SyncError>, JoinError>) {
        let (tenant, source) = &place;
        match how {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(
                    %tenant, %source, reason = error.explain(),
                    "the source stopped for good: this is a defect of Wattle or its adapter"
                );
                self.broken.insert(place);
            }
            // A runner starts over by itself as often as makes sense.
            Err(panic) => {
                tracing::error!(%tenant, %source, %panic, "the source's task broke down for good");
                self.broken.insert(place);
            }
        }
    }
}
