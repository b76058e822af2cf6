//! `wattle serve`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use prometheus_client::registry::Registry;
use wattle_api::ApiState;

use crate::context::{Context, patiently};
use crate::{metrics, signals};

/// Serves the CDR API.
///
/// Runs until it is stopped by SIGINT or SIGTERM, and then finishes the requests under way.
///
/// Example: wattle serve --listen 127.0.0.1:8080
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to listen; what the settings say for `serve` by default.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Where to show metrics for Prometheus; what the settings say for `serve` by default, and else nowhere.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
}

impl Serve {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        let mut stop = signals::stop_requested()?;
        // A registry that was never made is said now, and not to the first caller.
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return Ok(ExitCode::SUCCESS),
            read = patiently(async || Ok(context.tenants.all().await?)) => read.map(drop)?,
        }
        let stopping = stop.clone();
        let shutdown = async move {
            let _ = stop.wait_for(|stop| *stop).await;
        };
        let listen = self.listen.unwrap_or(context.settings.listen);
        let counters = wattle_api::Metrics::default();
        let mut registry = Registry::default();
        counters.register(&mut registry);
        let state = ApiState::new(context.tenants.clone()).measured_by(&counters);
        let shows = self.metrics.or(context.settings.serve_metrics);
        let shown = metrics::show(shows, &context.tenants, registry, stopping);
        let served = async { Ok(wattle_api::serve(state, wattle_api::bind(listen)?, shutdown).await?) };
        tokio::try_join!(served, shown)?;
        Ok(ExitCode::SUCCESS)
    }
}
