//! `wattle.toml`, and the environment variables that override it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use wattle_sync::Archive;
use wattle_sync::archive::DEFAULT_INTERVAL;
use wattle_tenants::{Secrets, TargetSettings};

/// Where the settings are unless told otherwise. It need not be there: the environment may say everything.
pub(crate) const DEFAULT_FILE: &str = "wattle.toml";

/// Where `serve` listens unless told otherwise: this machine only.
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// Where the archive is unless told otherwise, within the target's folder.
const ARCHIVE_IN_TARGET: &str = "archive";
/// Where it is when the target is not a folder, within the current one.
const ARCHIVE_HERE: &str = "wattle-archive";
/// What is written in the place of its address to do without one.
const NO_ARCHIVE: &str = "none";

/// All settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) target: TargetSettings,
    master_secret: String,
    pub(crate) listen: SocketAddr,
    /// Where `serve` and `sync` show their metrics, if they do.
    pub(crate) serve_metrics: Option<SocketAddr>,
    pub(crate) sync_metrics: Option<SocketAddr>,
    /// The archive's address; nothing where there is to be none.
    archive_url: Option<String>,
    archive_interval: Duration,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// `env:NAME` or `file:PATH` of the secret that all keys and passwords are derived from.
    master_secret: Option<String>,
    target: Option<TargetSettings>,
    #[serde(default)]
    serve: ServeFile,
    #[serde(default)]
    sync: SyncFile,
    #[serde(default)]
    archive: ArchiveFile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServeFile {
    listen: Option<String>,
    metrics: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SyncFile {
    metrics: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArchiveFile {
    url: Option<String>,
    interval_secs: Option<u64>,
}

impl ArchiveFile {
    /// How old a change may become before it is archived.
    fn interval(&self) -> anyhow::Result<Duration> {
        match self.interval_secs {
            Some(0) => bail!("interval_secs of [archive] is 0: set it to 1 at least, or leave it out"),
            Some(secs) => Ok(Duration::from_secs(secs)),
            None => Ok(DEFAULT_INTERVAL),
        }
    }
}

/// An address to listen on.
fn address(written: &str) -> anyhow::Result<SocketAddr> {
    written
        .parse()
        .with_context(|| format!("`{written}` is not an address to listen on: write it as {DEFAULT_LISTEN}"))
}

/// Where the archive is unless told otherwise: with the target, or here.
fn usual_archive(target: &TargetSettings) -> String {
    match target.url.strip_prefix("sqlite:") {
        Some(folder) => {
            let folder = Path::new(folder.strip_prefix("//").unwrap_or(folder));
            folder.join(ARCHIVE_IN_TARGET).display().to_string()
        }
        None => ARCHIVE_HERE.to_owned(),
    }
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
        let mut target = file.target.unwrap_or_else(|| TargetSettings::new(""));
        target.url = overridden("WATTLE_TARGET_URL").unwrap_or(target.url);
        if target.url.is_empty() {
            bail!(
                "no target database is set: write [target] url = \"postgres://owner:password@host:5432/wattle\" in {}, or set WATTLE_TARGET_URL",
                path.display()
            );
        }
        let Some(master_secret) = overridden("WATTLE_MASTER_SECRET").or(file.master_secret) else {
            bail!(
                "no master secret is set: make one with `openssl rand -hex 32`, and name it in {} as master_secret = \"file:PATH\" or \"env:NAME\", or set WATTLE_MASTER_SECRET so",
                path.display()
            );
        };
        let listen =
            overridden("WATTLE_LISTEN").or(file.serve.listen).unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
        let listen = address(&listen)?;
        let metrics = |name: &str, written: Option<String>| {
            overridden(name).or(written).map(|written| address(&written)).transpose()
        };
        let serve_metrics = metrics("WATTLE_SERVE_METRICS", file.serve.metrics)?;
        let sync_metrics = metrics("WATTLE_SYNC_METRICS", file.sync.metrics)?;
        let archive_interval = file.archive.interval()?;
        let archive_url =
            overridden("WATTLE_ARCHIVE_URL").or(file.archive.url).unwrap_or_else(|| usual_archive(&target));
        let archive_url = Some(archive_url).filter(|url| url != NO_ARCHIVE);
        Ok(Self { target, master_secret, listen, serve_metrics, sync_metrics, archive_url, archive_interval })
    }

    /// The archive, unless there is to be none.
    pub(crate) fn archive(&self) -> anyhow::Result<Option<Arc<Archive>>> {
        let Some(url) = &self.archive_url else { return Ok(None) };
        let archive = Archive::open(url).context("the setting archive.url is of no use")?;
        Ok(Some(Arc::new(archive.every(self.archive_interval))))
    }

    pub(crate) fn secrets(&self) -> anyhow::Result<Secrets> {
        Secrets::from_reference(&self.master_secret).context("the setting master_secret is of no use")
    }
}
