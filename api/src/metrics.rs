//! What is counted of requests, and the page that Prometheus reads.

use std::future::Future;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::endpoints::Presence;
use crate::log::Known;
use crate::serve::{ServeError, until};

const REQUESTS: &str = "wattle_api_requests";
const DURATION: &str = "wattle_api_request_duration";

/// Upper bounds in seconds: what we promise ourselves, and the limits of the standard's performance tiers.
const BOUNDS: [f64; 7] = [0.01, 0.05, 0.25, 1.0, 1.5, 4.0, 6.0];

/// The media type of the OpenMetrics text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a label says where nothing is known.
const UNKNOWN: &str = "unknown";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    tenant: String,
    operation: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    operation: &'static str,
    tier: String,
}

/// The counters of all requests. Clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<DurationLabels, Histogram, fn() -> Histogram>,
}

fn histogram() -> Histogram {
    Histogram::new(BOUNDS)
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram as fn() -> Histogram),
        }
    }
}

impl Metrics {
    /// Adds them to a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(REQUESTS, "Requests answered", self.requests.clone());
        let help = "Time from a request to its answer, by the tier that the standard counts it in";
        registry.register_with_unit(DURATION, help, Unit::Seconds, self.durations.clone());
    }

    /// A request was answered. Only what the registry and the endpoint table know becomes a label: callers cannot make
    /// up more.
    pub(crate) fn answered(&self, known: &Known, presence: Presence, status: StatusCode, took: Duration) {
        let operation = known.endpoint.map_or(UNKNOWN, |endpoint| endpoint.operation_id);
        let tenant = known.tenant.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        let status = status.as_u16();
        self.requests.get_or_create_owned(&RequestLabels { tenant, operation, status }).inc();
        let tier = known.endpoint.map(|endpoint| format!("{:?}", endpoint.tier_of(presence)));
        let tier = tier.unwrap_or_else(|| UNKNOWN.to_owned());
        self.durations.get_or_create_owned(&DurationLabels { operation, tier }).observe(took.as_secs_f64());
    }
}

/// Makes the text of a scrape.
pub type Scrape = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = String> + Send>> + Send + Sync>;

/// Serves `/metrics` until `shutdown` completes.
pub async fn serve_metrics(
    listener: TcpListener,
    scrape: Scrape,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let app =
        move || App::new().app_data(Data::new(scrape.clone())).route("/metrics", web::get().to(metrics));
    let server =
        HttpServer::new(app).workers(1).disable_signals().listen(listener).map_err(ServeError::Server)?;
    for address in server.addrs() {
        tracing::info!("metrics are on http://{address}/metrics");
    }
    until(server.run(), shutdown).await
}

async fn metrics(scrape: Data<Scrape>) -> HttpResponse {
    HttpResponse::Ok().content_type(OPEN_METRICS).body((scrape)().await)
}
