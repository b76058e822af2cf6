//! What a source's options may say.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use wattle_core::SourceError;
use wattle_sql::TlsMode;

use crate::position::Identity;

/// PostgreSQL keeps 63 bytes of a name, and refuses a longer one for a slot.
const MAX_SLOT_LEN: usize = 63;

/// Options of a PostgreSQL source, as JSON in the registry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The publication that the retailer's DBA made for us.
    pub publication: String,
    /// The replication slot's name; from the tenant's and the source's names by default.
    pub slot: Option<String>,
    /// A replica to read rows from; capture stays on the primary.
    pub read_url: Option<String>,
    /// What the source was called before it got another identity, as a position begins with: its positions are lost then,
    /// and not another database's.
    pub formerly: Option<String>,
    /// Use a slot although the server would let it grow without limit and fill the retailer's disk.
    pub allow_unlimited_slot: bool,
    /// TLS; by default required unless the server is on this machine.
    pub tls: Option<TlsMode>,
    /// PEM file of the certification authority; the public ones by default.
    pub tls_ca: Option<PathBuf>,
    /// Sessions that read rows at once.
    pub max_sessions: u32,
    /// Milliseconds after which a statement at the source is given up.
    pub statement_timeout_ms: u64,
    /// Milliseconds after which waiting for a lock at the source is given up.
    pub lock_timeout_ms: u64,
    /// Milliseconds to wait for a snapshot that includes what was heard.
    pub fence_timeout_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            publication: "wattle".to_owned(),
            slot: None,
            read_url: None,
            formerly: None,
            allow_unlimited_slot: false,
            tls: None,
            tls_ca: None,
            // One snapshot being applied, one prefetched, one key scan.
            max_sessions: 3,
            // A batch of 1,000 keys takes tens of milliseconds; a plan gone wrong must not hold the source for long.
            statement_timeout_ms: 30_000,
            // We only read, so we only ever wait behind DDL.
            lock_timeout_ms: 5_000,
            // A synchronous standby may keep a commit invisible for a while; the caller backs off and asks again.
            fence_timeout_ms: 10_000,
        }
    }
}

impl Options {
    /// Refuses what would only fail, or wait for ever, once the source is in use.
    pub(crate) fn validate(&self, slot: &str) -> Result<(), SourceError> {
        let config = |what: String, fix: &str| Err(SourceError::Config { what, fix: fix.into() });
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if slot.is_empty() || slot.len() > MAX_SLOT_LEN || !slot.chars().all(plain) {
            return config(
                format!("PostgreSQL takes no replication slot of the name `{slot}`"),
                "name one with the option `slot`: up to 63 of a-z, 0-9 and _",
            );
        }
        if self.max_sessions == 0 {
            return config(
                "the option `max_sessions` is 0, and nothing could be read".into(),
                "set it to 1 at least, or leave it out",
            );
        }
        if let Some(formerly) = &self.formerly
            && Identity::parse(formerly).is_none()
        {
            return config(
                format!("the option `formerly` is `{formerly}`, which no server and database is called"),
                "give it as the message says that it is wanted for, such as 7711559788127014347.16384",
            );
        }
        Ok(())
    }

    /// Is this what the source was before an upgrade or a restore gave it another identity?
    pub(crate) fn was(&self, identity: Identity) -> bool {
        self.formerly.as_deref().and_then(Identity::parse) == Some(identity)
    }

    pub(crate) fn fence_timeout(&self) -> Duration {
        Duration::from_millis(self.fence_timeout_ms)
    }
}
