//! Whether a source's connections are encrypted.

use std::error::Error;

use serde::Deserialize;
use wattle_core::{SourceError, explain};

/// How rustls, which every driver but SQL Server's uses, begins what it says of a certificate that it refuses.
const REFUSED: &str = "invalid peer certificate";

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

/// The error to give when a connection came to nothing because of the server's certificate; nothing for other causes. It
/// stays as it is until someone puts it right.
pub fn certificate_error(doing: &str, error: &(dyn Error + 'static)) -> Option<SourceError> {
    let said = explain(error);
    said.contains(REFUSED).then(|| SourceError::Config {
        what: format!("could not {doing}: {said}"),
        fix: "name the certification authority of the source's certificate as the option `tls_ca`, and the host as the certificate has it".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_certificate_is_told_from_a_connection_that_breaks() {
        let of = |text: &str| certificate_error("connect", &std::io::Error::other(text.to_owned()));
        assert!(matches!(of("invalid peer certificate: UnknownIssuer"), Some(SourceError::Config { .. })));
        assert!(of("connection reset by peer").is_none());
    }
}
