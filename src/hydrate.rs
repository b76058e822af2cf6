//! `wattle hydrate`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokio::sync::watch;
use uuid::Uuid;
use wattle_core::Entity;
use wattle_sync::{JobKind, JobState, request_hydration, status};
use wattle_tenants::{Tenant, TenantSession};

use crate::context::{Context, SourceAndAdapter, patiently};
use crate::job::{Which, carry_out, estimate, seconds, unless};
use crate::signals;

/// Reads every record of a tenant's sources into the target.
///
/// Owners come first, and changes go on being heard. Safe to interrupt: the job goes on where it was with the next
/// `hydrate` or `sync`. Where a `sync` is running, it does the work and this shows its progress.
///
/// Example: wattle hydrate correa
#[derive(Debug, Args)]
pub(crate) struct Hydrate {
    #[command(flatten)]
    which: Which,
}

impl Hydrate {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        let stop = signals::stop_requested()?;
        let tenant = self.which.tenant(&context, &stop).await?;
        let sources = self.which.sources(&context, &tenant, &stop).await?;
        Ok(if hydrate(&context, &tenant, sources, &self.which.entities, &stop).await? {
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
    sources: Vec<SourceAndAdapter>,
    entities: &[Entity],
    stop: &watch::Receiver<bool>,
) -> anyhow::Result<bool> {
    for part in sources {
        let session = context.tenants.session(tenant).await?;
        let job = unless(stop, patiently(async || job(&session, &part, entities).await)).await?;
        let Some(view) = carry_out(context, tenant, part, job, "hydrating", stop).await? else {
            println!(
                "interrupted; the job goes on with the next `wattle hydrate {}` or `wattle sync`",
                tenant.id
            );
            return Ok(false);
        };
        println!(
            "hydrated {} records in {:.1} s; next: wattle sync, where it is not running",
            view.touched,
            seconds(&view)
        );
    }
    Ok(true)
}

/// The hydration that is under way, or a new one.
async fn job(session: &TenantSession, part: &SourceAndAdapter, entities: &[Entity]) -> anyhow::Result<Uuid> {
    let under_way = status::read(session).await?.jobs.into_iter().find(|job| {
        job.kind == JobKind::Hydrate
            && job.source_system == part.source.system.as_str()
            && matches!(job.state, JobState::Waiting | JobState::Running)
    });
    if let (Some(job), true) = (under_way, entities.is_empty()) {
        tracing::info!(job_id = %job.job_id, touched = job.touched, "goes on with the hydration that is under way");
        return Ok(job.job_id);
    }
    let rows = estimate(part, entities).await?;
    let graph = part.adapter.graph();
    Ok(request_hydration(session, &part.source.system, graph, entities, Some(rows)).await?)
}
