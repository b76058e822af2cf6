//! One master secret, from which everything else is derived and nothing else need be stored.

use hkdf::Hkdf;
use sha2::Sha256;
use wattle_core::TenantId;

use crate::TenantError;

/// Shorter master secrets can be guessed.
const MIN_MASTER_BYTES: usize = 32;

/// The keys and passwords of this installation.
#[derive(Clone)]
pub struct Secrets {
    master: Hkdf<Sha256>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Takes the master secret: at least 32 bytes that nobody can guess.
    pub fn new(master: &[u8]) -> Result<Self, TenantError> {
        if master.len() < MIN_MASTER_BYTES {
            return Err(TenantError::config(
                format!("the master secret has {} bytes, and needs {MIN_MASTER_BYTES}", master.len()),
                "make one with `openssl rand -hex 32` and name it as master_secret = \"file:PATH\" or \"env:NAME\"",
            ));
        }
        Ok(Self { master: Hkdf::new(Some(b"wattle"), master) })
    }

    /// The master secret that a reference names; white space around it does not count.
    pub fn from_reference(reference: &str) -> Result<Self, TenantError> {
        Self::new(resolve_reference(reference)?.trim().as_bytes())
    }

    pub(crate) fn derive(&self, purpose: &[&str]) -> [u8; 32] {
        let mut key = [0; 32];
        // Length before each part, so that no two lists of parts meet in one text.
        let info: Vec<u8> = purpose
            .iter()
            .flat_map(|part| [&[u8::try_from(part.len()).unwrap_or(u8::MAX)], part.as_bytes()].concat())
            .collect();
        self.master.expand(&info, &mut key).expect("32 bytes is a length that HKDF-SHA256 can make");
        key
    }

    /// The password of a login role that Wattle made.
    pub(crate) fn role_password(&self, role: &str) -> String {
        self.derive(&["role", role]).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Tells this master secret from others, and nothing else about it.
    pub(crate) fn check(&self) -> String {
        self.derive(&["check"]).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The key that makes a tenant's resource ids, by version.
    pub fn id_key(&self, tenant: &TenantId, version: u32) -> [u8; 32] {
        self.derive(&["resource-id", tenant.as_str(), &version.to_string()])
    }
}

/// The text that `env:NAME` or `file:PATH` names. Secrets are given by reference only.
pub fn resolve_reference(reference: &str) -> Result<String, TenantError> {
    match reference.split_once(':') {
        Some(("env", name)) => std::env::var(name).map_err(|_| {
            TenantError::config(format!("the environment variable {name} is not set"), format!("set {name}"))
        }),
        Some(("file", path)) => std::fs::read_to_string(path).map_err(|error| {
            TenantError::config(
                format!("{path} cannot be read: {error}"),
                "name a file that this user may read",
            )
        }),
        _ => Err(TenantError::config(
            "a secret is written out where a reference belongs",
            "write env:NAME or file:PATH",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_has_its_own_key() {
        let secrets = Secrets::new(&[7; 32]).unwrap();
        let tenant = |name| TenantId::parse(name).unwrap();
        let keys = [
            secrets.derive(&["a", "bc"]),
            secrets.derive(&["ab", "c"]),
            secrets.id_key(&tenant("correa"), 1),
            secrets.id_key(&tenant("correa"), 2),
            secrets.id_key(&tenant("banksia"), 1),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[at + 1..].contains(key));
        }
    }

    #[test]
    fn secrets_come_by_reference_only() {
        assert!(Secrets::new(b"short").unwrap_err().to_string().contains("openssl rand"));
        assert!(resolve_reference("hunter2").unwrap_err().to_string().contains("env:NAME or file:PATH"));
        assert!(
            resolve_reference("file:/nowhere/at/all").unwrap_err().to_string().contains("/nowhere/at/all")
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "s3cret").unwrap();
        assert_eq!(resolve_reference(&format!("file:{}", path.display())).unwrap(), "s3cret");
    }
}
