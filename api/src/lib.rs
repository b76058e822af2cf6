//! The CDR energy APIs over the target: what an accredited data recipient calls.
//!
//! A request goes: tenant (path or host) -> access token and its certificate -> headers and version -> scope -> one
//! SQL statement that checks the consent and reads the page -> bytes. [`endpoints`] is the one table that says what
//! there is; nothing else knows a path.
//!
//! **What it guarantees.** Nothing of a customer is read but by a statement that begins with the arrangement, and
//! nothing is served that the same statement did not find permitted, so a revocation or a blocked account counts from
//! the next call on. A resource id of another tenant, software product or customer is answered exactly like one that
//! never existed. Bodies are served as they were stored, byte for byte, but for their slots. Every answer below
//! `/cds-au/v1` carries an interaction id.
//!
//! **What it assumes.** That stored bodies are valid by the standard (sync checks them before it writes them), and
//! that whatever terminates TLS in this process puts the client certificate's [`CertificateThumbprint`] into the
//! connection's data. "Today" is the date in Sydney.
//!
//! **How it fails.** With the standard's error codes ([`ErrorCode`]). Clients never see a cause; the request's log
//! line does. A target that cannot be reached is 503, anything else on our side 500.

mod body;
mod call;
mod dispatch;
pub mod endpoints;
mod envelope;
mod error;
mod headers;
mod ids;
mod log;
mod metrics;
pub mod openapi;
mod queries;
mod query;
mod request;
mod routes;
mod serve;
mod token;

pub use error::ErrorCode;
pub use metrics::{Metrics, Scrape, serve_metrics};
pub use serve::{ApiState, ServeError, bind, configure, serve};
pub use token::CertificateThumbprint;
