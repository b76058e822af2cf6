//! The archive, end to end: what is captured comes to be in it, once, whatever is killed or fails meanwhile; what is
//! damaged is named; and what is whole can be applied again.

#[path = "../mini/mod.rs"]
mod mini;
#[path = "../scene/mod.rs"]
mod scene;

mod contract;
mod damage;
mod faults;
mod replay;
mod s3;
mod scripted;
mod until_idle;
mod verbs;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use chrono::{NaiveDate, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;
use wattle_core::TenantId;
use wattle_sync::Lane;
use wattle_sync::archive::{Archive, ArchivedChange, FileId, reader::Reader};
use wattle_testbed::eventually;

use mini::{Mini, PATIENCE, TENANT, system};

/// An archive in a folder of a test's own, which does not wait for changes to grow old.
fn folder() -> Result<(TempDir, Arc<Archive>)> {
    let scratch = tempfile::tempdir()?;
    let archive = at_once(Archive::open(scratch.path().join("archive").to_str().context("a path")?)?);
    Ok((scratch, archive))
}

fn at_once(archive: Archive) -> Arc<Archive> {
    Arc::new(archive.every(std::time::Duration::ZERO))
}

/// Waits until all that the stream has is archived, by what the mark says.
async fn archived(mini: &Mini) -> Result<()> {
    let behind =
        "select coalesce(sum(h.last_seq - m.seq), -1) from stream_head h join archive_mark m using (lane)";
    eventually(PATIENCE, async || {
        let behind = mini.number(behind).await?;
        ensure!(behind == 0, "{behind} changes are not archived; the source is {}", mini.state().await?);
        Ok(())
    })
    .await
}

/// All days that a test can have run on.
fn days() -> (NaiveDate, NaiveDate) {
    let today = Utc::now().date_naive();
    (today - chrono::Days::new(1), today)
}

async fn reader(archive: &Arc<Archive>) -> Result<Reader> {
    let (from, through) = days();
    Ok(Reader::open(archive.clone(), &TenantId::parse(TENANT)?, &system(), from, through).await?)
}

/// All that the archive has, once it is sure that its files join up.
async fn read(archive: &Arc<Archive>) -> Result<Vec<(FileId, Vec<ArchivedChange>)>> {
    let reader = reader(archive).await?;
    ensure!(reader.gaps().is_empty(), "the files do not join up: {:?}", reader.gaps());
    let mut all = Vec::new();
    for file in reader.files() {
        let whole = reader.read(*file).await?;
        all.push((*file, whole.changes().collect::<Result<Vec<_>, _>>()?));
    }
    Ok(all)
}

/// Makes sure that the archive has what the stream has, change by change, and each once.
async fn agrees(mini: &Mini, archive: &Arc<Archive>) -> Result<()> {
    let files = read(archive).await?;
    for (lane, name) in [(Lane::Live, "live"), (Lane::Backfill, "backfill")] {
        let of_lane = files.iter().filter(|(file, _)| file.lane == lane);
        let found: Vec<Value> = of_lane
            .flat_map(|(_, changes)| changes)
            .map(|change| json!([change.seq, change.position, [change.kind, change.node, change.key]]))
            .collect();
        let mut wanted = Vec::new();
        for group in mini.stored(name).await? {
            for change in group.changes {
                wanted.push(json!([wanted.len() + 1, group.position, change]));
            }
        }
        ensure!(found == wanted, "the {name} lane is archived as {found:?} instead of {wanted:?}");
    }
    Ok(())
}
