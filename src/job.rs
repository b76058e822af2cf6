//! Jobs, as the verbs that ask for them see them: carried out here or by whoever has the source's lease, and shown.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::sync::watch;
use uuid::Uuid;
use wattle_core::{Entity, SourceSystem, TenantId};
use wattle_sync::{JobState, JobView, SourceRunner, Until, status};
use wattle_tenants::{Tenant, TenantSession};

use crate::context::{Context, SourceAndAdapter, patiently};
use crate::output::Progress;

/// How often progress is read.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Which records a verb is about.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The tenant's name.
    pub(crate) tenant: TenantId,
    /// Only this source of the tenant; all of them by default.
    #[arg(long)]
    pub(crate) source: Option<SourceSystem>,
    /// Only this entity, such as `invoice`; may be repeated.
    #[arg(long = "entity", value_parser = entity)]
    pub(crate) entities: Vec<Entity>,
}

/// An entity by its name.
pub(crate) fn entity(name: &str) -> anyhow::Result<Entity> {
    let known = || Entity::ALL.map(Entity::name).join(", ");
    Entity::from_name(name).with_context(|| format!("`{name}` is not an entity: there are {}", known()))
}

impl Which {
    /// The tenant, once the registry answers.
    pub(crate) async fn tenant(
        &self,
        context: &Context,
        stop: &watch::Receiver<bool>,
    ) -> anyhow::Result<Arc<Tenant>> {
        unless(stop, patiently(async || context.tenant(&self.tenant).await)).await
    }

    /// The sources that are meant.
    pub(crate) async fn sources(
        &self,
        context: &Context,
        tenant: &Tenant,
        stop: &watch::Receiver<bool>,
    ) -> anyhow::Result<Vec<SourceAndAdapter>> {
        let mut sources = unless(stop, patiently(async || context.sources(tenant).await)).await?;
        if let Some(wanted) = &self.source {
            sources.retain(|part| part.source.system == *wanted);
            if sources.is_empty() {
                bail!("tenant {} has no source {wanted}: `wattle tenant show {0}` lists them", tenant.id);
            }
        }
        Ok(sources)
    }
}

/// Carries out a job that is recorded already, unless a running `sync` does, and shows its progress. Fails if the job
/// does; nothing when it was interrupted.
pub(crate) async fn carry_out(
    context: &Context,
    tenant: &Arc<Tenant>,
    part: SourceAndAdapter,
    job: Uuid,
    doing: &'static str,
    stop: &watch::Receiver<bool>,
) -> anyhow::Result<Option<JobView>> {
    let session = context.tenants.session(tenant).await?;
    let SourceAndAdapter { source, adapter } = part;
    let runner =
        SourceRunner::new(context.tenants.clone(), tenant.clone(), source.system, adapter, stop.clone())
            .archiving_to(context.settings.archive()?);
    tokio::select! {
        // The runner waits for the lease; whoever has it does the work.
        ended = runner.run(Until::Job(job)) => ended?,
        shown = show(&session, job, doing) => shown?,
    }
    // Whoever has stopped it does not wait for a target that is down.
    let stopped = *stop.borrow();
    let over = if stopped {
        view(&session, job).await.ok().flatten()
    } else {
        patiently(async || view(&session, job).await).await?
    };
    match over {
        Some(view) if view.state == JobState::Done => Ok(Some(view)),
        Some(view) if view.state == JobState::Failed => {
            bail!("the job failed: {}", view.error.unwrap_or_default())
        }
        _ => Ok(None),
    }
}

/// Roughly how many records a source has: of these entities, or of all.
pub(crate) async fn estimate(part: &SourceAndAdapter, entities: &[Entity]) -> anyhow::Result<u64> {
    let (graph, statistics) = (part.adapter.graph(), part.adapter.statistics().await?);
    Ok(graph
        .entities()
        .filter(|entity| entities.is_empty() || entities.contains(entity))
        .filter_map(|entity| graph.root(entity))
        .filter_map(|root| statistics.nodes.get(root.index()))
        .map(|node| node.rows)
        .sum())
}

/// Says that a job goes on without the verb that asked for it.
pub(crate) fn interrupted() -> ExitCode {
    println!("interrupted; the job goes on with the next `wattle sync`");
    ExitCode::FAILURE
}

/// How long a job took.
pub(crate) fn seconds(view: &JobView) -> f64 {
    let took = view.finished_at.unwrap_or_default() - view.started_at.unwrap_or(view.created_at);
    took.num_milliseconds().max(0) as f64 / 1000.0
}

/// Does some waiting, unless it is asked to stop.
pub(crate) async fn unless<T>(
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

async fn view(session: &TenantSession, job: Uuid) -> anyhow::Result<Option<JobView>> {
    Ok(status::job(session, job).await?)
}

/// Shows a job's progress until it is over.
async fn show(session: &TenantSession, job: Uuid, doing: &'static str) -> anyhow::Result<()> {
    let mut progress: Option<Progress> = None;
    let mut hindrance = None;
    loop {
        let read = status::job(session, job).await;
        // A target that is down for a moment is waited for by the runner; the bar just stands still.
        if let Ok(found) = read {
            let Some(view) = found else { return Ok(()) };
            let estimate = view.estimate.and_then(|rows| u64::try_from(rows).ok()).filter(|rows| *rows > 0);
            let bar = progress.get_or_insert_with(|| Progress::new(doing, estimate));
            let done = u64::try_from(view.done()).unwrap_or(0);
            bar.at(done, view.current.as_deref().unwrap_or("the last touches"));
            if matches!(view.state, JobState::Done | JobState::Failed) {
                if let Some(bar) = progress.take() {
                    bar.finish();
                }
                return Ok(());
            }
            if view.error != hindrance {
                if let Some(reason) = &view.error {
                    tracing::warn!(reason, "the job does not get on");
                }
                hindrance = view.error;
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
