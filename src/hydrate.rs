//! `wattle hydrate`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::sync::watch;
use uuid::Uuid;
use wattle_core::{Entity, TenantId};
use wattle_sync::{JobState, SourceRunner, Until, request_hydration, status};
use wattle_tenants::{Tenant, TenantSession};

use crate::context::{Context, SourceAndAdapter, patiently};
use crate::output::Progress;
use crate::signals;

/// How often progress is read.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Reads every record of a tenant's sources into the target.
///
/// Owners come first, and changes go on being heard. Safe to interrupt: the job goes on where it was with the next
/// `hydrate` or `sync`. Where a `sync` is running, it does the work and this shows its progress.
///
/// Example: wattle hydrate correa
#[derive(Debug, Args)]
pub(crate) struct Hydrate {
    /// The tenant's name.
    tenant: TenantId,
    /// Only this entity, such as `invoice`; may be repeated.
    #[arg(long = "entity")]
    entities: Vec<String>,
}

impl Hydrate {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let entities: Vec<Entity> = self
            .entities
            .iter()
            .map(|name| {
                let known = || Entity::ALL.map(Entity::name).join(", ");
                Entity::from_name(name)
                    .with_context(|| format!("`{name}` is not an entity: there are {}", known()))
            })
            .collect::<Result<_, _>>()?;
        let context = Context::open(config).await?;
        let stop = signals::stop_requested()?;
        let tenant = unless(&stop, patiently(async || context.tenant(&self.tenant).await)).await?;
        Ok(if hydrate(&context, &tenant, &entities, &stop).await? {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// Reads records of a tenant's sources, of these entities or of all, and shows the progress. False when it was
/// interrupted.
pub(crate) async fn hydrate(
    context: &Context,
    tenant: &Arc<Tenant>,
    entities: &[Entity],
    stop: &watch::Receiver<bool>,
) -> anyhow::Result<bool> {
    for part in unless(stop, patiently(async || context.sources(tenant).await)).await? {
        let session = context.tenants.session(tenant).await?;
        let job = unless(stop, patiently(async || job(&session, &part, entities).await)).await?;
        let SourceAndAdapter { source, adapter } = part;
        let runner =
            SourceRunner::new(context.tenants.clone(), tenant.clone(), source.system, adapter, stop.clone());
        tokio::select! {
            // The runner waits for the lease; whoever has it does the work.
            ended = runner.run(Until::Job(job)) => ended?,
            shown = show(&session, job) => shown?,
        }
        // Whoever has stopped it does not wait for a target that is down.
        let stopped = *stop.borrow();
        let over = if stopped {
            view(&session, job).await.ok().flatten()
        } else {
            patiently(async || view(&session, job).await).await?
        };
        match over {
            Some(view) if view.state == JobState::Done => {
                let took = view.finished_at.unwrap_or_default() - view.started_at.unwrap_or_default();
                println!(
                    "hydrated {} records in {:.1} s; next: wattle sync, where it is not running",
                    view.touched,
                    took.num_milliseconds() as f64 / 1000.0
                );
            }
            Some(view) if view.state == JobState::Failed => {
                bail!("the job failed: {}", view.error.unwrap_or_default())
            }
            _ => {
                println!(
                    "interrupted; the job goes on with the next `wattle hydrate {}` or `wattle sync`",
                    tenant.id
                );
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Does some waiting, unless it is asked to stop.
async fn unless<T>(
    stop: &watch::Receiver<bool>,
    waiting: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let mut stop = stop.clone();
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => bail!("stopped while it waited; nothing is lost: the same command goes on"),
        done = waiting => done,
    }
}

/// The hydration that is under way, or a new one.
async fn job(session: &TenantSession, part: &SourceAndAdapter, entities: &[Entity]) -> anyhow::Result<Uuid> {
    let under_way = status::read(session).await?.jobs.into_iter().find(|job| {
        job.kind == wattle_sync::JobKind::Hydrate
            && job.source_system == part.source.system.as_str()
            && matches!(job.state, JobState::Waiting | JobState::Running)
    });
    if let (Some(job), true) = (under_way, entities.is_empty()) {
        tracing::info!(job_id = %job.job_id, touched = job.touched, "goes on with the hydration that is under way");
        return Ok(job.job_id);
    }
    let graph = part.adapter.graph();
    let statistics = part.adapter.statistics().await?;
    let estimate = graph
        .entities()
        .filter(|entity| entities.is_empty() || entities.contains(entity))
        .filter_map(|entity| graph.root(entity))
        .filter_map(|root| statistics.nodes.get(root.index()))
        .map(|node| node.rows)
        .sum();
    Ok(request_hydration(session, &part.source.system, graph, entities, Some(estimate)).await?)
}

async fn view(session: &TenantSession, job: Uuid) -> anyhow::Result<Option<wattle_sync::JobView>> {
    Ok(status::job(session, job).await?)
}

/// Shows a job's progress until it is over.
async fn show(session: &TenantSession, job: Uuid) -> anyhow::Result<()> {
    let mut progress: Option<Progress> = None;
    loop {
        let read = status::job(session, job).await;
        // A target that is down for a moment is waited for by the runner; the bar just stands still.
        if let Ok(found) = read {
            let Some(view) = found else { return Ok(()) };
            let estimate = view.estimate.and_then(|rows| u64::try_from(rows).ok()).filter(|rows| *rows > 0);
            let bar = progress.get_or_insert_with(|| Progress::new("hydrating", estimate));
            let done = u64::try_from(view.touched - view.outstanding).unwrap_or(0);
            bar.at(done, view.current.as_deref().unwrap_or("the last touches"));
            if matches!(view.state, JobState::Done | JobState::Failed) {
                if let Some(bar) = progress.take() {
                    bar.finish();
                }
                return Ok(());
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
