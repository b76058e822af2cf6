//! The metrics of a process: what it counts itself, and how fresh the tenants are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::{StreamExt, TryStreamExt, stream};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use wattle_core::TenantId;
use wattle_sync::metrics::register_status;
use wattle_sync::status::{self, TenantStatus};
use wattle_tenants::{Tenant, Tenants};

const TARGET_UP: &str = "wattle_target_up";

/// How long a scrape waits for the target: less than the ten seconds that Prometheus waits for a scrape.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// Tenants that are looked at at once.
const AT_ONCE: usize = 8;

/// Shows metrics until the process is asked to stop; where it is to show none, waits for that alone.
pub(crate) async fn show(
    listen: Option<SocketAddr>,
    tenants: &Tenants,
    counters: Registry,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let stopped = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let Some(listen) = listen else {
        stopped.await;
        return Ok(());
    };
    let listener =
        wattle_api::bind(listen).context("the metrics are shown on the address that --metrics names")?;
    let (tenants, counters) = (tenants.clone(), Arc::new(counters));
    let scrape: wattle_api::Scrape = Arc::new(move || {
        let (tenants, counters) = (tenants.clone(), counters.clone());
        Box::pin(async move { text(&tenants, &counters).await })
    });
    Ok(wattle_api::serve_metrics(listener, scrape, stopped).await?)
}

/// What the process counts, and how fresh the tenants are that can be read.
async fn text(tenants: &Tenants, counters: &Registry) -> String {
    let read = match tokio::time::timeout(READ_WITHIN, read(tenants)).await {
        Ok(Ok(read)) => Some(read),
        Ok(Err(error)) => {
            tracing::warn!(reason = format!("{error:#}"), "the metrics lack how fresh tenants are");
            None
        }
        Err(_) => {
            tracing::warn!("the target does not answer in time: the metrics lack how fresh tenants are");
            None
        }
    };
    let mut fresh = Registry::default();
    let up: Gauge = Gauge::default();
    up.set(i64::from(read.is_some()));
    fresh.register(TARGET_UP, "1 when the target could be read for this scrape", up);
    register_status(&mut fresh, &read.unwrap_or_default());
    let mut text = String::new();
    for registry in [counters, &fresh] {
        encode_registry(&mut text, registry).expect("a string takes all");
    }
    encode_eof(&mut text).expect("a string takes all");
    text
}

async fn read(tenants: &Tenants) -> anyhow::Result<Vec<(TenantId, TenantStatus)>> {
    let all = tenants.all().await?;
    let status = |tenant: Arc<Tenant>| async move {
        let session = tenants.session(&tenant).await?;
        let status = status::read(&session).await.with_context(|| format!("tenant {}", tenant.id))?;
        anyhow::Ok((tenant.id.clone(), status))
    };
    stream::iter(all).map(status).buffer_unordered(AT_ONCE).try_collect().await
}
