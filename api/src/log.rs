//! The one log line of a request. It holds ids and outcomes, never a token, a header or a value of a record.

use std::time::Instant;

use actix_web::http::StatusCode;

use crate::endpoints::{Endpoint, Presence};
use crate::error::ApiError;

const TENANT: &str = "tenant";
const OPERATION_ID: &str = "operation_id";
const TIER: &str = "tier";
const INTERACTION_ID: &str = "interaction_id";
const SOFTWARE_PRODUCT: &str = "software_product";
const STATUS: &str = "status";
const DURATION_MS: &str = "duration_ms";
const CAUSE: &str = "cause";

/// What is known of a request so far.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The tenant asked.
    pub(crate) tenant: Option<String>,
    /// The endpoint asked for.
    pub(crate) endpoint: Option<&'static Endpoint>,
    /// The software product whose token was good.
    pub(crate) software_product: Option<String>,
}

/// Writes the line of a request that was answered with this status.
pub(crate) fn answered(
    known: &Known,
    interaction_id: &str,
    presence: Presence,
    status: StatusCode,
    error: Option<&ApiError>,
    started: Instant,
) {
    let cause = error.and_then(ApiError::cause).map(|cause| cause.for_log());
    let tier = known.endpoint.map(|endpoint| tracing::field::debug(endpoint.tier_of(presence)));
    macro_rules! line {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                { TENANT } = known.tenant.as_deref(),
                { OPERATION_ID } = known.endpoint.map(|endpoint| endpoint.operation_id),
                { TIER } = tier,
                { SOFTWARE_PRODUCT } = known.software_product.as_deref(),
                { INTERACTION_ID } = interaction_id,
                { STATUS } = status.as_u16(),
                { DURATION_MS } = started.elapsed().as_micros() as f64 / 1e3,
                { CAUSE } = cause.as_deref(),
                $message
            )
        };
    }
    if status.is_server_error() { line!(error, "request failed") } else { line!(info, "request answered") }
}
