//! `wattle sync`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use futures::future::join_all;
use tracing::Instrument;
use wattle_core::TenantId;
use wattle_sync::{SourceRunner, Until};
use wattle_tenants::Tenant;

use crate::context::{Context, SourceAndAdapter, patiently};
use crate::signals;

/// Keeps the target in step with the sources, until it is stopped by SIGINT or SIGTERM.
///
/// Example: wattle sync --tenant correa
#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// Only this tenant; may be repeated.
    #[arg(long = "tenant")]
    tenants: Vec<TenantId>,
    /// Ends when all that the sources had at the start is applied and no job is left.
    #[arg(long)]
    until_idle: bool,
}

impl Sync {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        let sources = patiently(async || self.sources(&context).await).await?;
        let until = if self.until_idle { Until::Idle } else { Until::Stopped };
        let stop = signals::stop_requested()?;
        let mut running = Vec::new();
        for (tenant, SourceAndAdapter { source, adapter }) in sources {
            let span = tracing::info_span!("source", tenant = %tenant.id, source = %source.system);
            let runner =
                SourceRunner::new(context.tenants.clone(), tenant, source.system, adapter, stop.clone());
            running.push(tokio::spawn(runner.run(until).instrument(span)));
        }
        tracing::info!(source_count = running.len(), "sync is running");
        let mut code = ExitCode::SUCCESS;
        for ended in join_all(running).await {
            if let Err(error) = ended? {
                tracing::error!(
                    reason = error.explain(),
                    "a source stopped for good: this is a defect of Wattle or of its adapter"
                );
                code = ExitCode::FAILURE;
            }
        }
        tracing::info!("sync has stopped");
        Ok(code)
    }
    async fn sources(&self, context: &Context) -> anyhow::Result<Vec<(Arc<Tenant>, SourceAndAdapter)>> {
        let tenants = if self.tenants.is_empty() {
            context.tenants.all().await?
        } else {
            let mut named = Vec::new();
            for id in &self.tenants {
                named.push(context.tenant(id).await?);
            }
            named
        };
        if tenants.is_empty() {
            anyhow::bail!("there is no tenant to sync; `wattle tenant add` onboards one");
        }
        let mut sources = Vec::new();
        for tenant in tenants {
            let of_tenant = context.sources(&tenant).await?;
            sources.extend(of_tenant.into_iter().map(|source| (tenant.clone(), source)));
        }
        Ok(sources)
    }
}
