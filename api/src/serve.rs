//! The HTTP server.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::LazyLock;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header::ContentType;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use tokio::net::TcpSocket;
use utoipa_swagger_ui::{Config, SwaggerUi};
use wattle_tenants::Tenants;

use crate::dispatch;
use crate::endpoints::BASE_PATH;
use crate::metrics::Metrics;
use crate::openapi;

/// Connections that one worker holds open. The standard's busiest site makes 750 calls a second.
const CONNECTIONS_PER_WORKER: usize = 10_000;
/// Connections that wait to be taken up: enough for the burst after a restart.
const BACKLOG: u32 = 1_024;
/// For the head of a request to arrive.
const HEAD_LIMIT: Duration = Duration::from_secs(5);
/// Longer than the pause between the calls of one session, shorter than what proxies keep.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// For requests under way when the server is told to stop.
const DRAIN_SECS: u64 = 15;

/// Where the OpenAPI document is.
const OPENAPI_PATH: &str = "/openapi.json";

/// What requests are served from.
#[derive(Clone)]
pub struct ApiState {
    pub(crate) tenants: Tenants,
    pub(crate) metrics: Metrics,
}

impl ApiState {
    /// Serves these tenants.
    pub fn new(tenants: Tenants) -> Self {
        Self { tenants, metrics: Metrics::default() }
    }

    /// The same, which counts its requests with those of others.
    pub fn measured_by(self, metrics: &Metrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }
}

/// Adds the API to an application: `/cds-au/v1/…` for hosts that serve one tenant alone, `/t/{tenant}/cds-au/v1/…` for
/// shared ones, `/health`, and what describes it: `/openapi.json`, and `/docs` to read that.
pub fn configure(cfg: &mut ServiceConfig, state: ApiState) {
    cfg.app_data(Data::new(state))
        .route("/health", web::get().to(dispatch::health))
        .route(OPENAPI_PATH, web::get().to(openapi_document))
        .service(web::redirect("/docs", "/docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").config(docs_page()))
        .service(web::scope(BASE_PATH).default_service(web::to(dispatch::answer)))
        .service(web::scope(&format!("/t/{{tenant}}{BASE_PATH}")).default_service(web::to(dispatch::answer)))
        .default_service(web::to(dispatch::not_found));
}

async fn openapi_document() -> HttpResponse {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| openapi::document().to_string());
    HttpResponse::Ok().content_type(ContentType::json()).body(DOCUMENT.as_str())
}

/// The page reads the document of its own host and asks nobody else.
fn docs_page() -> Config<'static> {
    Config::from(OPENAPI_PATH).validator_url("none").default_models_expand_depth(0)
}

/// A server that could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}", bind_advice(.source))]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The server ended by itself.
    #[error("the HTTP server failed")]
    Server(#[source] io::Error),
}

fn bind_advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; stop it or choose another port".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not; choose a port above 1023 or grant the right to lower ones".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        _ => error.to_string(),
    }
}

/// Listens on an address. Who calls from now on is answered once [`serve`] runs.
pub fn bind(listen: SocketAddr) -> Result<TcpListener, ServeError> {
    let bound = || {
        let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restart need not wait until the last connections are forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(listen)?;
        socket.listen(BACKLOG)?.into_std()
    };
    bound().map_err(|source| ServeError::Bind { address: listen, source })
}

/// Serves the API until `shutdown` completes; then takes no more requests and finishes those under way.
pub async fn serve(
    state: ApiState,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let bound = HttpServer::new(move || App::new().configure(|cfg| configure(cfg, state.clone())))
        .max_connections(CONNECTIONS_PER_WORKER)
        .client_request_timeout(HEAD_LIMIT)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(DRAIN_SECS)
        .disable_signals()
        .listen(listener)
        .map_err(ServeError::Server)?;
    for address in bound.addrs() {
        tracing::info!("serving the CDR API on http://{address}");
    }
    let shutdown = async {
        shutdown.await;
        tracing::info!("stopping: no more requests are taken");
    };
    until(bound.run(), shutdown).await
}

/// Runs a server until `shutdown` completes, and then until the requests under way are answered.
pub(crate) async fn until(mut server: Server, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    let handle = server.handle();
    tokio::select! {
        ended = &mut server => return ended.map_err(ServeError::Server),
        () = shutdown => {}
    }
    let ((), ended) = tokio::join!(handle.stop(true), server);
    ended.map_err(ServeError::Server)
}
