//! `--until-idle` ends when everything is archived as well.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::timeout;
use wattle_core::Entity;
use wattle_sync::archive::Archive;
use wattle_testbed::Engine;

use crate::agrees;
use crate::mini::{Mini, PATIENCE};

/// Files that would grow for hours are written at once; and one that cannot be is waited for, and says so.
#[tokio::test]
async fn all_is_archived_before_it_ends() -> Result<()> {
    let mini = Mini::on(Engine::Sqlite, Engine::Sqlite).await?;
    let scratch = tempfile::tempdir()?;
    let path = scratch.path().join("archive");
    let archive = Archive::open(path.to_str().context("a path")?)?;
    let archive = Arc::new(archive.every(Duration::from_secs(3_600)));
    std::fs::write(&path, "in the place of the folder")?;
    mini.hydrate(&[]).await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    let running = mini.run_until_idle(&archive);
    mini.says(&["paused", "archive"]).await?;
    mini.expect(Entity::Account, &["A"]).await?;
    ensure!(!running.is_over(), "it ended with an archive that cannot be written");
    std::fs::remove_file(&path)?;
    timeout(PATIENCE, running.end()).await.context("it does not end")??;
    agrees(&mini, &archive).await
}
