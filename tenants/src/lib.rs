//! Who the tenants are, and the only way to their data.
//!
//! * [`Lifecycle`] is the administrator's side: it migrates the schema, onboards tenants (partitions, login role,
//!   policies) and names their sources. It needs the target's owner.
//! * [`Tenants`] is the running processes' side: the registry, read through a role that can read nothing else, and
//!   [`TenantSession`]s, each logged in as one tenant's own role for its whole life. There is no other way to run a
//!   statement on tenant data, and no way to build a session but from a [`Tenant`] of the registry.
//! * The target is PostgreSQL, or embedded: a folder with a SQLite file for each tenant, which holds all of it.
//! * [`Secrets`] derives every password and key from one master secret, so none of them is stored.
//! * [`discovery`] is what a tenant's operator tells anyone of its service.
//! * [`block`] keeps accounts from being shared whatever the consent says.
//! * [`consent`] writes arrangements; [`issuer`] stands in for the authorisation server of development tenants.
//!
//! Fails by [`TenantError`], whose class says whether waiting helps.

pub mod block;
pub mod consent;
pub mod discovery;
mod error;
pub mod issuer;
mod lifecycle;
mod pools;
mod registry;
mod secrets;
mod session;
mod settings;
mod target;

pub use error::{TenantError, database_error_class, refusal};
pub use lifecycle::{Lifecycle, NewSource, NewTenant, NewUpkeep};
pub use registry::{Mode, Source, Tenant, Tenants};
pub use secrets::{Secrets, resolve_reference};
pub use session::{Lock, TenantSession};
pub use settings::TargetSettings;
pub use wattle_migrations::dialect;
