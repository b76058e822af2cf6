//! A file that is damaged or missing is named, and nothing of it is used.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use wattle_sync::archive::{Archive, FileId};
use wattle_sync::{ReplayDays, ReplayPreview, preview_replay};
use wattle_testbed::Engine;

use crate::mini::{Mini, TENANT, system};
use crate::{archived, days, folder, reader};

/// An archive with at least four files of the live lane, and a way to break them.
struct Broken {
    scratch: TempDir,
    archive: Arc<Archive>,
    mini: Mini,
    files: Vec<FileId>,
}

impl Broken {
    async fn new() -> Result<Self> {
        let mini = Mini::on(Engine::Sqlite, Engine::Sqlite).await?;
        let (scratch, archive) = folder()?;
        let running = mini.run_archiving(&archive);
        mini.settled().await?;
        for account in ["A", "B", "C", "D"] {
            mini.sql(&format!("insert into crm.account (account_no) values ('{account}')")).await?;
            mini.settled().await?;
            archived(&mini).await?;
        }
        running.stop().await?;
        let files = reader(&archive).await?.files().to_vec();
        ensure!(files.len() >= 4, "there are only {files:?}");
        Ok(Self { scratch, archive, mini, files })
    }

    fn path(&self, file: FileId) -> PathBuf {
        let folder = format!("archive/tenant={TENANT}/source={}", system());
        self.scratch.path().join(folder).join(file.to_string())
    }

    fn manifest(&self, file: FileId) -> PathBuf {
        PathBuf::from(format!("{}.manifest.json", self.path(file).display()))
    }

    async fn preview(&self) -> Result<ReplayPreview> {
        let (from, through) = days();
        let graph = wattle_core::SourceAdapter::graph(&*self.mini.adapter);
        let days = ReplayDays { from, through };
        let tenant = &self.mini.tenant.id;
        Ok(preview_replay(self.archive.clone(), tenant, &system(), graph, days, &[]).await?)
    }

    /// What a look at everything names, which must be one thing, and about this object.
    async fn names(&self, object: &Path, words: &str) -> Result<()> {
        let damaged = self.preview().await?.damaged;
        let name = object.file_name().context("it has a name")?.to_string_lossy();
        ensure!(
            damaged.len() == 1 && damaged[0].contains(&*name) && damaged[0].contains(words),
            "{damaged:?} is not of {name}: {words}"
        );
        Ok(())
    }
}

#[tokio::test]
async fn what_is_damaged_or_missing_is_named() -> Result<()> {
    let broken = Broken::new().await?;
    let whole = broken.preview().await?;
    ensure!(whole.damaged.is_empty() && whole.files == broken.files.len() as u64, "{whole:?}");
    let (file, next) = (broken.files[1], broken.files[2]);
    let (data, manifest) = (broken.path(file), broken.manifest(file));
    let (bytes, text) = (fs::read(&data)?, fs::read(&manifest)?);
    let restore = || fs::write(&data, &bytes).and_then(|()| fs::write(&manifest, &text));

    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 0x10;
    fs::write(&data, flipped)?;
    broken.names(&data, "checksum").await?;

    fs::write(&data, &bytes[..bytes.len() / 2])?;
    broken.names(&data, "bytes instead of").await?;

    fs::remove_file(&data)?;
    broken.names(&data, "is missing").await?;

    restore()?;
    fs::remove_file(&manifest)?;
    broken.names(&manifest, "in no whole file").await?;

    fs::write(&manifest, "{}")?;
    broken.names(&manifest, "cannot be read").await?;

    // Without a trace of it, the next file says what is missing.
    fs::remove_file(&manifest)?;
    fs::remove_file(&data)?;
    let range = format!("changes {} to {} of the live lane", file.first_seq, file.last_seq);
    broken.names(&broken.path(next), &range).await?;

    // Two files that hold the same.
    restore()?;
    let longer = FileId { last_seq: next.last_seq, ..file };
    fs::copy(&data, broken.path(longer))?;
    fs::copy(&manifest, broken.manifest(longer))?;
    let damaged = broken.preview().await?.damaged;
    ensure!(damaged.iter().any(|damage| damage.contains("holds changes that")), "{damaged:?}");
    ensure!(damaged.iter().any(|damage| damage.contains("what its name says")), "{damaged:?}");
    fs::remove_file(broken.path(longer))?;
    fs::remove_file(broken.manifest(longer))?;
    ensure!(broken.preview().await?.damaged.is_empty());
    Ok(())
}

/// What a crash leaves of a file that was being written, and a file without a manifest that nothing follows yet.
#[tokio::test]
async fn a_half_written_file_is_never_taken_for_a_whole_one() -> Result<()> {
    let broken = Broken::new().await?;
    let last = *broken.files.last().context("it has files")?;
    let staged = format!("{}#1", broken.path(last).display());
    fs::write(&staged, "half")?;
    ensure!(broken.preview().await?.damaged.is_empty());
    let next = FileId { first_seq: last.last_seq + 1, last_seq: last.last_seq + 9, ..last };
    fs::write(broken.path(next), "half")?;
    let preview = broken.preview().await?;
    ensure!(preview.damaged.is_empty() && preview.files == broken.files.len() as u64, "{preview:?}");
    Ok(())
}
