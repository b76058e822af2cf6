//! Certificates of servers with TLS, by an authority of a test's own.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::machine::{self, Account};

/// A certification authority, and the files of a server that it vouches for. They are removed when it is dropped.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// A new authority, and a certificate of it for a server of this name, which may be an address.
    pub fn of(server: &str) -> Result<Certificates> {
        let account = Account::for_servers()?;
        let folder = machine::folder("wattle-certificates-", account)?;
        // The tests read the authority's certificate, whoever they run as.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new([server.to_owned()])?.signed_by(&key, &authority)?;
        let made = Certificates { folder };
        write(&made.authority(), &authority.pem(), account)?;
        write(&made.certificate(), &certificate.pem(), account)?;
        write(&made.key(), &key.serialize_pem(), account)?;
        Ok(made)
    }

    /// The authority's certificate, as a PEM file.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The server's certificate, as a PEM file.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// The key of the server's certificate, which only the server's user may read.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }
}

fn write(path: &Path, text: &str, account: Option<Account>) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    if let Some(Account { uid, gid }) = account {
        chown(path, Some(uid), Some(gid)).context("handing a certificate to the server's user")?;
    }
    Ok(())
}
