//! Where the target is and how much of it may be used.

use std::time::Duration;

use serde::Deserialize;

/// The target database. `serde` reads it from `[target]` of `wattle.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetSettings {
    /// Address of the database, as its owner: `postgres://owner:password@host:5432/wattle`. The running processes
    /// put their own roles and passwords in its place, so for them neither is needed. Or `sqlite:FOLDER`, for a SQLite
    /// file per tenant in that folder.
    #[serde(default)] // an environment variable may say it
    pub url: String,
    /// Sessions that one process may have at once, over all tenants: each request of `serve` and each source of `sync`
    /// has one. Idle tenants' connections are closed to make room for others.
    #[serde(default = "default_max_connections")]
    pub max_connections: u32,
    /// Connections that one tenant may hold in one process, 2 at least.
    #[serde(default = "default_max_connections_per_tenant")]
    pub max_connections_per_tenant: u32,
    /// Seconds after which an idle connection is closed.
    #[serde(default = "default_idle_secs")]
    pub idle_secs: u64,
    /// Seconds to wait for a connection before the caller is told that the target is unavailable.
    #[serde(default = "default_acquire_secs")]
    pub acquire_secs: u64,
}

/// Half of PostgreSQL's default of 100, so that `serve` and `sync` fit side by side.
fn default_max_connections() -> u32 {
    48
}

/// A tenant at its traffic threshold of 450 requests a second needs about three, at 5 ms a statement.
fn default_max_connections_per_tenant() -> u32 {
    6
}

/// Long enough to serve a burst without reconnecting, short enough that quiet tenants cost nothing.
fn default_idle_secs() -> u64 {
    60
}

/// Under the tightest service level of the standard (1,000 ms) nobody is served anyway after this.
fn default_acquire_secs() -> u64 {
    5
}

impl TargetSettings {
    /// The target at this address, with the defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: default_max_connections(),
            max_connections_per_tenant: default_max_connections_per_tenant(),
            idle_secs: default_idle_secs(),
            acquire_secs: default_acquire_secs(),
        }
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_secs)
    }

    pub(crate) fn acquire(&self) -> Duration {
        Duration::from_secs(self.acquire_secs)
    }
}
