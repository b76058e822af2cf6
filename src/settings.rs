//! `wattle.toml`, and the environment variables that override it.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;
use wattle_tenants::{Secrets, TargetSettings};

/// Where the settings are unless told otherwise. It need not be there: the environment may say everything.
pub(crate) const DEFAULT_FILE: &str = "wattle.toml";

/// Where `serve` listens unless told otherwise: this machine only.
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// All settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) target: TargetSettings,
    master_secret: String,
    pub(crate) listen: SocketAddr,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// `env:NAME` or `file:PATH` of the secret that all keys and passwords are derived from.
    master_secret: Option<String>,
    target: Option<TargetSettings>,
    #[serde(default)]
    serve: ServeFile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServeFile {
    listen: Option<String>,
}

impl Settings {
    /// Reads the settings file, if there is one, and the environment, which wins.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let file = match std::fs::read_to_string(path) {
            Ok(text) => {
                toml::from_str(&text).with_context(|| format!("{} cannot be read", path.display()))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && path == Path::new(DEFAULT_FILE) => {
                File::default()
            }
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        let overridden = |name: &str| std::env::var(name).ok();
        let target = match (overridden("WATTLE_TARGET_URL"), file.target) {
            (Some(url), Some(target)) => TargetSettings { url, ..target },
            (Some(url), None) => TargetSettings::new(url),
            (None, Some(target)) => target,
            (None, None) => bail!(
                "no target database is set: write [target] url = \"postgres://owner:password@host:5432/wattle\" in {}, or set WATTLE_TARGET_URL",
                path.display()
            ),
        };
        let Some(master_secret) = overridden("WATTLE_MASTER_SECRET").or(file.master_secret) else {
            bail!(
                "no master secret is set: make one with `openssl rand -hex 32`, and name it in {} as master_secret = \"file:PATH\" or \"env:NAME\", or set WATTLE_MASTER_SECRET so",
                path.display()
            );
        };
        let listen =
            overridden("WATTLE_LISTEN").or(file.serve.listen).unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
        let listen = listen.parse().with_context(|| {
            format!("`{listen}` is not an address to listen on: write it as {DEFAULT_LISTEN}")
        })?;
        Ok(Self { target, master_secret, listen })
    }

    pub(crate) fn secrets(&self) -> anyhow::Result<Secrets> {
        Secrets::from_reference(&self.master_secret).context("the setting master_secret is of no use")
    }
}
