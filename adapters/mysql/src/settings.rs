//! What a source's options may say.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use wattle_core::SourceError;
use wattle_sql::TlsMode;

use crate::position::Identity;

/// Options of a MySQL or MariaDB source, as JSON in the registry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// What the source was called before it got another identity, as a position begins with: its positions are lost then,
    /// and not another server's.
    pub formerly: Option<String>,
    /// TLS; by default required unless the server is on this machine.
    pub tls: Option<TlsMode>,
    /// PEM file of the certification authority; the public ones by default.
    pub tls_ca: Option<PathBuf>,
    /// Sessions that read rows at once.
    pub max_sessions: u32,
    /// Milliseconds after which a statement at the source is given up.
    pub statement_timeout_ms: u64,
    /// Milliseconds after which waiting for a lock at the source is given up; the server counts whole seconds.
    pub lock_timeout_ms: u64,
    /// Milliseconds to wait for a snapshot that includes what was heard.
    pub fence_timeout_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            formerly: None,
            tls: None,
            tls_ca: None,
            // One snapshot being applied, one prefetched, one key scan.
            max_sessions: 3,
            // A batch of 1,000 keys takes tens of milliseconds; a plan gone wrong must not hold the source for long.
            statement_timeout_ms: 30_000,
            // We only read, so we only ever wait behind DDL.
            lock_timeout_ms: 5_000,
            // A commit may wait for a semi-synchronous replica after it was logged; the caller backs off and asks again.
            fence_timeout_ms: 10_000,
        }
    }
}

impl Options {
    /// Refuses what would only fail, or wait for ever, once the source is in use.
    pub(crate) fn validate(&self) -> Result<(), SourceError> {
        if self.max_sessions == 0 {
            return Err(SourceError::Config {
                what: "the option `max_sessions` is 0, and nothing could be read".into(),
                fix: "set it to 1 at least, or leave it out".into(),
            });
        }
        if let Some(formerly) = &self.formerly
            && formerly.parse::<Identity>().is_err()
        {
            return Err(SourceError::Config {
                what: format!("the option `formerly` is `{formerly}`, which no server is called"),
                fix: "give it as the message says that it is wanted for, such as mariadb-1".into(),
            });
        }
        Ok(())
    }

    /// Is this what the source was before it got another identity?
    pub(crate) fn was(&self, identity: &Identity) -> bool {
        self.formerly.as_deref().and_then(|formerly| formerly.parse().ok()).as_ref() == Some(identity)
    }

    pub(crate) fn fence_timeout(&self) -> Duration {
        Duration::from_millis(self.fence_timeout_ms)
    }
}
