//! What a source's options may say.

use std::path::PathBuf;

use serde::Deserialize;
use wattle_core::SourceError;

/// Options of a SQLite source, as JSON in the registry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Sessions that read rows at once.
    pub max_sessions: u32,
    /// Milliseconds after which a statement at the source is given up.
    pub statement_timeout_ms: u64,
    /// Milliseconds after which waiting for a lock at the source is given up.
    pub lock_timeout_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // One snapshot being applied, one prefetched, one key scan.
            max_sessions: 3,
            // A batch of 1,000 keys takes tens of milliseconds; a plan gone wrong must not hold the source for long.
            statement_timeout_ms: 30_000,
            // With a write-ahead log readers never wait; without one they wait for the writer's commit.
            lock_timeout_ms: 5_000,
        }
    }
}

impl Options {
    /// Refuses what would wait for ever once the source is in use.
    pub(crate) fn validate(&self) -> Result<(), SourceError> {
        if self.max_sessions > 0 {
            return Ok(());
        }
        Err(SourceError::Config {
            what: "the option `max_sessions` is 0, and nothing could be read".into(),
            fix: "set it to 1 at least, or leave it out".into(),
        })
    }
}

/// The file of an address: `sqlite:PATH` or `sqlite://PATH`.
pub(crate) fn file_of(url: &str) -> Result<PathBuf, SourceError> {
    let path = url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
    match path {
        Some(path) if !path.is_empty() && !path.starts_with(":memory:") && !path.contains('?') => {
            Ok(PathBuf::from(path))
        }
        _ => Err(SourceError::Config {
            what: "the source's address is not that of a SQLite file".into(),
            fix: "write it as sqlite:/path/to/billing.db, without parameters".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_file() {
        assert_eq!(file_of("sqlite:billing.db").unwrap(), PathBuf::from("billing.db"));
        assert_eq!(file_of("sqlite:///srv/billing.db").unwrap(), PathBuf::from("/srv/billing.db"));
        for wrong in ["sqlite:", "sqlite::memory:", "billing.db", "sqlite:a.db?mode=rwc"] {
            assert!(file_of(wrong).is_err(), "{wrong}");
        }
    }
}
