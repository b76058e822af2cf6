//! `wattle serve`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use crate::context::{Context, patiently};
use crate::signals;

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
        let shutdown = async move {
            let _ = stop.wait_for(|stop| *stop).await;
        };
        let listen = self.listen.unwrap_or(context.settings.listen);
        wattle_api::serve(context.tenants, wattle_api::bind(listen)?, shutdown).await?;
        Ok(ExitCode::SUCCESS)
    }
}
