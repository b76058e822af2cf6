//! What a source's options may say.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use wattle_core::SourceError;
use wattle_sql::TlsMode;

/// How a source tells its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capture {
    /// Change tracking: at once, without an agent, and with little storage.
    #[default]
    ChangeTracking,
    /// The change tables of change data capture, where the retailer has them already or change tracking is not wanted. A
    /// job of the server fills them, seconds later.
    Cdc,
}

/// Options of a SQL Server source, as JSON in the registry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// How the source tells its changes; another way than before makes every record be compared once.
    pub capture: Capture,
    /// The database's broker GUID before it got another, as a position begins with: its positions are lost then, and not
    /// another database's.
    pub formerly: Option<String>,
    /// TLS; by default required unless the server is on this machine.
    pub tls: Option<TlsMode>,
    /// PEM file of the certification authority, beside the system's own.
    pub tls_ca: Option<PathBuf>,
    /// Sessions that read rows at once.
    pub max_sessions: u32,
    /// Milliseconds after which a statement at the source is given up.
    pub statement_timeout_ms: u64,
    /// Milliseconds after which waiting for a lock at the source is given up.
    pub lock_timeout_ms: u64,
    /// Milliseconds to wait for a snapshot that includes what was heard.
    pub fence_timeout_ms: u64,
    /// Milliseconds between two looks at the changes while there are some.
    pub poll_min_ms: u64,
    /// Milliseconds between two looks at the changes when there have been none for a while.
    pub poll_max_ms: u64,
    /// Changed keys of one table that are taken up at once. A table of which one transaction changed more is read whole.
    pub poll_keys: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            capture: Capture::default(),
            formerly: None,
            tls: None,
            tls_ca: None,
            // One snapshot being applied, one prefetched, one key scan.
            max_sessions: 3,
            // A batch of 1,000 keys takes tens of milliseconds; a plan gone wrong must not hold the source for long.
            statement_timeout_ms: 30_000,
            // Snapshots take no locks on rows, so we only ever wait behind DDL.
            lock_timeout_ms: 5_000,
            // What was heard is visible already; a server that was set back is found out by the feed.
            fence_timeout_ms: 10_000,
            // One round trip of catalogue functions: a few milliseconds of the server's time.
            poll_min_ms: 50,
            // An idle source is asked once a second, and what happens then is heard that much later.
            poll_max_ms: 1_000,
            // About 10 MB of keys.
            poll_keys: 100_000,
        }
    }
}

impl Options {
    /// Refuses what would only fail, or wait for ever, once the source is in use.
    pub(crate) fn validate(&self) -> Result<(), SourceError> {
        let config = |what: &str, fix: &str| Err(SourceError::Config { what: what.into(), fix: fix.into() });
        if self.max_sessions == 0 {
            return config(
                "the option `max_sessions` is 0, and nothing could be read",
                "set it to 1 at least, or leave it out",
            );
        }
        if self.poll_min_ms == 0 || self.poll_min_ms > self.poll_max_ms {
            return config(
                "the options `poll_min_ms` and `poll_max_ms` are not a range of milliseconds",
                "set `poll_min_ms` to 1 at least and `poll_max_ms` no lower, or leave them out",
            );
        }
        if self.poll_keys == 0 {
            return config(
                "the option `poll_keys` is 0, and no change could be taken up",
                "set it to 1 at least, or leave it out",
            );
        }
        Ok(())
    }

    /// Is this what the source was before it got another identity?
    pub(crate) fn was(&self, broker: &str) -> bool {
        self.formerly.as_deref().is_some_and(|formerly| formerly.eq_ignore_ascii_case(broker))
    }

    pub(crate) fn fence_timeout(&self) -> Duration {
        Duration::from_millis(self.fence_timeout_ms)
    }
}
