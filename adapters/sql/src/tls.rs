//! Whether a source's connections are encrypted.

use serde::Deserialize;

/// Whether connections are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// No TLS: for a server on this machine or behind a tunnel.
    Off,
    /// TLS, the certificate's chain and host name verified.
    VerifyFull,
}

impl TlsMode {
    /// What was chosen, or else none for a server on this machine and full verification for any other.
    pub fn or_by_place(chosen: Option<Self>, is_local: bool) -> Self {
        chosen.unwrap_or(if is_local { Self::Off } else { Self::VerifyFull })
    }
}

/// Is this the name of the machine that Wattle runs on?
pub fn is_local_host(name: &str) -> bool {
    matches!(name, "localhost" | "127.0.0.1" | "::1")
}
