//! Where the demo keeps its files.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use uuid::Uuid;

/// The folder unless told otherwise, within the current one.
pub(super) const DEFAULT: &str = ".wattle/demo";

const SETTINGS: &str = "wattle.toml";
const LOCK: &str = "lock";

/// The folder of a running demo. No other one runs in it meanwhile.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder, or goes on with the one that is there; with `reset`, without what is in it.
    pub(super) fn open(path: &Path, reset: bool) -> anyhow::Result<Self> {
        let path = std::path::absolute(path)?;
        let unusable = || format!("the folder {} cannot be used", path.display());
        let others = match fs::read_dir(&path) {
            Ok(entries) => entries.collect::<Result<Vec<_>, _>>().with_context(unusable)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error).with_context(unusable),
        };
        if !others.is_empty() && !path.join(LOCK).exists() {
            bail!("{} holds something else than a demo: name another folder with --data-dir", path.display());
        }
        create_for_this_user(&path).with_context(unusable)?;
        let lock = File::create(path.join(LOCK)).with_context(unusable)?;
        if lock.try_lock().is_err() {
            bail!(
                "another demo is running in {}: stop it, or name another folder with --data-dir",
                path.display()
            );
        }
        if reset {
            for entry in others.iter().filter(|entry| entry.file_name() != LOCK) {
                let entry = entry.path();
                let removed =
                    if entry.is_dir() { fs::remove_dir_all(&entry) } else { fs::remove_file(&entry) };
                removed.with_context(unusable)?;
            }
        }
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The retailer's database.
    pub(super) fn retailer(&self) -> PathBuf {
        retailer(&self.path)
    }

    pub(super) fn retailer_url(&self) -> String {
        format!("sqlite:{}", self.retailer().display())
    }

    /// Where the retailer's database is made; what an interrupted run left there is removed.
    pub(super) fn unfinished_retailer(&self) -> anyhow::Result<PathBuf> {
        let path = self.path.join("dianella.new");
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.clone().into_os_string();
            name.push(suffix);
            match fs::remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(path)
    }

    /// The settings that every other verb takes, too.
    pub(super) fn settings(&self) -> PathBuf {
        self.path.join(SETTINGS)
    }

    pub(super) fn token(&self) -> PathBuf {
        self.path.join("token")
    }

    /// Writes the settings, and the master secret when there is none yet.
    pub(super) fn write_settings(&self, listen: SocketAddr) -> anyhow::Result<()> {
        let secret = self.path.join("master.secret");
        if !secret.exists() {
            fs::write(&secret, format!("{}{}\n", Uuid::new_v4().simple(), Uuid::new_v4().simple()))?;
        }
        // A text of JSON is one of TOML, too.
        let quoted = |text: String| serde_json::Value::String(text).to_string();
        let text = format!(
            "# Written by `wattle demo` at every start.\nmaster_secret = {}\n\n[target]\nurl = {}\n\n[archive]\nurl = {}\n\n[serve]\nlisten = {}\n",
            quoted(format!("file:{}", secret.display())),
            quoted(format!("sqlite:{}", self.path.join("target").display())),
            quoted(self.path.join("archive").display().to_string()),
            quoted(listen.to_string()),
        );
        fs::write(self.settings(), text)?;
        Ok(())
    }
}

/// The retailer's database within a demo's folder.
pub(super) fn retailer(folder: &Path) -> PathBuf {
    folder.join("dianella.db")
}

/// The demo's secrets are nobody else's business.
fn create_for_this_user(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_demos_folder_is_taken_and_emptied() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("demo");
        let listen = "127.0.0.1:8080".parse().unwrap();
        let folder = Folder::open(&path, false).unwrap();
        folder.write_settings(listen).unwrap();
        let secret = fs::read_to_string(path.join("master.secret")).unwrap();
        folder.write_settings(listen).unwrap();
        assert_eq!(fs::read_to_string(path.join("master.secret")).unwrap(), secret);
        let error = Folder::open(&path, true).err().unwrap().to_string();
        assert!(error.contains("another demo is running"), "{error}");
        drop(folder);

        let folder = Folder::open(&path, true).unwrap();
        assert!(!folder.settings().exists());
        fs::write(scratch.path().join("thesis.txt"), "mine").unwrap();
        let error = Folder::open(scratch.path(), true).err().unwrap().to_string();
        assert!(error.contains("something else than a demo"), "{error}");
        assert!(scratch.path().join("thesis.txt").exists());
    }
}
