//! A request's trip: tenant, token, certificate, headers and version, scope, statement, bytes.

use std::time::{Duration, Instant};

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL,
    CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde::Serialize;
use wattle_core::TenantId;
use wattle_tenants::{Tenant, Tenants};

use crate::ApiState;
use crate::call::Call;
use crate::endpoints::{self, Access, BASE_PATH, Endpoint, Operation, Resolved};
use crate::envelope::Address;
use crate::error::{ApiError, Cause, ErrorCode};
use crate::headers::{self, InteractionId, X_FAPI_INTERACTION_ID, X_MIN_V, X_V};
use crate::log::{self, Known};
use crate::query::Query;
use crate::routes;
use crate::token::{self, CertificateThumbprint, Origin};

/// Longer than any tier of the standard allows; a database that hangs must not hold requests for ever.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// A request's body: some thousands of account ids.
const BODY_LIMIT_BYTES: usize = 1024 * 1024;

/// Answers any request below [`BASE_PATH`].
pub(crate) async fn answer(request: HttpRequest, payload: Payload, state: Data<ApiState>) -> HttpResponse {
    let started = Instant::now();
    let interaction = InteractionId::of(request.headers());
    let mut known = Known::default();
    let served = tokio::time::timeout(
        REQUEST_LIMIT,
        serve(&request, payload, &state.tenants, &interaction, &mut known),
    );
    let served = served.await.unwrap_or_else(|late| Err(ApiError::unavailable(late)));
    let (mut response, error) = match served {
        Ok(Served::Data { body, version }) => {
            let mut response = HttpResponse::Ok();
            response.insert_header((CONTENT_TYPE, "application/json"));
            response.insert_header((HeaderName::from_static(X_V), HeaderValue::from(version)));
            (response.body(body), None)
        }
        Ok(Served::Preflight) => {
            let mut response = HttpResponse::NoContent();
            response.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, format!("{X_V}, {X_MIN_V}")));
            (response.finish(), None)
        }
        Err(error) => (error.response(), Some(error)),
    };
    let interaction_id = interaction.as_str();
    let text = HeaderValue::from_str(interaction_id).expect("a UUID is visible ASCII");
    response.headers_mut().insert(HeaderName::from_static(X_FAPI_INTERACTION_ID), text);
    // What is served is one customer's, and good for one call.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if known.endpoint.is_some_and(|endpoint| endpoint.access == Access::Public) {
        open_to_browsers(response.headers_mut());
    }
    let presence = headers::presence(request.headers());
    state.metrics.answered(&known, presence, response.status(), started.elapsed());
    log::answered(&known, interaction_id, presence, response.status(), error.as_ref(), started);
    response
}

/// What anyone may ask, a page of any site may: its browser lets it read the answer and the version, and lets it say
/// which version it wants.
fn open_to_browsers(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(X_V));
}

/// What a browser asks before it sends the standard's headers, on behalf of a page, to a path that anyone may ask.
fn is_preflight(method: &Method, path: &str) -> bool {
    method == Method::OPTIONS && endpoints::of_path(path).all(|endpoint| endpoint.access == Access::Public)
}

/// Answers a request for a path that is nobody's.
pub(crate) async fn not_found() -> HttpResponse {
    ApiError::new(ErrorCode::ResourceNotFound, "").response()
}

/// Answers whether the process is up and its registry in reach.
pub(crate) async fn health(state: Data<ApiState>) -> HttpResponse {
    #[derive(Serialize)]
    struct Health {
        status: &'static str,
        registry: &'static str,
    }
    match tokio::time::timeout(REQUEST_LIMIT, state.tenants.all()).await {
        Ok(Ok(_)) => HttpResponse::Ok().json(Health { status: "up", registry: "reachable" }),
        Ok(Err(_)) | Err(_) => {
            HttpResponse::ServiceUnavailable().json(Health { status: "up", registry: "unreachable" })
        }
    }
}

/// An answer that is no error.
enum Served {
    /// A 200.
    Data { body: Vec<u8>, version: u32 },
    /// A 204, which lets a browser send the headers of the standard.
    Preflight,
}

async fn serve(
    request: &HttpRequest,
    payload: Payload,
    tenants: &Tenants,
    interaction: &InteractionId,
    known: &mut Known,
) -> Result<Served, ApiError> {
    let path = request.match_info().unprocessed();
    let (endpoint, operation, parameter) = match endpoints::resolve(request.method(), path) {
        Resolved::Served(endpoint, operation, parameter) => (endpoint, operation, parameter),
        Resolved::NotImplemented(endpoint) => {
            known.endpoint = Some(endpoint);
            return Err(ApiError::new(ErrorCode::ResourceNotImplemented, format!("{BASE_PATH}{path}")));
        }
        Resolved::WrongMethod(path) if is_preflight(request.method(), path) => {
            known.endpoint = endpoints::of_path(path).next();
            return Ok(Served::Preflight);
        }
        Resolved::WrongMethod(path) => {
            let methods: Vec<_> = endpoints::of_path(path).map(|endpoint| endpoint.method.as_str()).collect();
            return Err(ApiError::method_not_allowed(methods.join(", ")));
        }
        Resolved::Unknown => {
            return Err(ApiError::new(ErrorCode::ResourceNotFound, format!("{BASE_PATH}{path}")));
        }
    };
    known.endpoint = Some(endpoint);
    let tenant = tenant(request, tenants).await?;
    let tenant = tenant.ok_or_else(|| ApiError::new(ErrorCode::ResourceNotFound, ""))?;
    known.tenant = Some(tenant.id.to_string());
    if let Operation::Public(operation) = operation {
        let version = headers::check_public(request.headers(), endpoint)?;
        let url = format!("{}{BASE_PATH}{path}", tenant.public_base_url);
        let address = Address { url, query: Query(request.query_string()) };
        let body = routes::discovery::serve(operation, &tenant, &address, Utc::now());
        return Ok(Served::Data { body, version });
    }
    let token = token::authenticate(request.headers(), &tenant, origin(request), Utc::now())?;
    known.software_product = Some(token.software_product().to_owned());
    let accepted = headers::check(request.headers(), interaction, endpoint)?;
    let query = Query(request.query_string());
    let body = body(endpoint, payload).await?;
    let call = Call::authorise(tenants, &tenant, token, endpoint, parameter, query, &body)?;
    let body = routes::serve(operation, &call).await?;
    Ok(Served::Data { body, version: accepted.version })
}

/// What a request has beside its address; nothing unless the endpoint asks for it.
async fn body(endpoint: &Endpoint, payload: Payload) -> Result<Bytes, ApiError> {
    if endpoint.method != Method::POST {
        return Ok(Bytes::new());
    }
    match payload.to_bytes_limited(BODY_LIMIT_BYTES).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(broken)) => Err(ApiError::expected(StatusCode::BAD_REQUEST, "body")
            .because(Cause::Failure(broken.to_string().into()))),
        Err(_) => Err(ApiError::expected(StatusCode::PAYLOAD_TOO_LARGE, "body")),
    }
}

/// The tenant that the path names, on shared hosts, or else the one that the host serves alone.
async fn tenant(
    request: &HttpRequest,
    tenants: &Tenants,
) -> Result<Option<std::sync::Arc<Tenant>>, ApiError> {
    if let Some(name) = request.match_info().get("tenant") {
        let Ok(id) = TenantId::parse(name) else { return Ok(None) };
        return Ok(tenants.tenant(&id).await?);
    }
    let Ok(Some(host)) = headers::single(request.headers(), HOST) else { return Ok(None) };
    Ok(tenants.tenant_of_host(&host_name(host)).await?)
}

/// The name in a Host header: without the port, in lower case.
fn host_name(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn origin(request: &HttpRequest) -> Origin {
    Origin {
        certificate: request.conn_data::<CertificateThumbprint>().copied(),
        loopback: request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_by_name() {
        for host in
            ["cdr.correa.example", "CDR.Correa.example:8443", "cdr.correa.example.", "cdr.correa.example:"]
        {
            assert_eq!(host_name(host), "cdr.correa.example");
        }
        assert_eq!(host_name("[::1]:8080"), "[::1]");
    }
}
