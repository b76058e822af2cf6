//! What an archive is, wherever it is.

use std::sync::Arc;

use anyhow::{Result, ensure};
use rstest::rstest;
use tempfile::TempDir;
use wattle_core::{ErrorClass, TenantId};
use wattle_sync::archive::reader::Reader;
use wattle_sync::archive::{Archive, FileId};
use wattle_testbed::Engine;

use crate::mini::{Mini, TENANT, system};
use crate::s3::S3;
use crate::{agrees, archived, at_once, days, folder, read, reader};

/// Where an archive is put.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Folder,
    S3,
}

/// A place of a test's own.
#[expect(dead_code, reason = "what it is made of lives as long as it")]
pub(crate) enum Kept {
    Folder(TempDir),
    S3(S3),
}

impl Place {
    async fn archive(self) -> Result<(Kept, Arc<Archive>)> {
        Ok(match self {
            Self::Folder => {
                let (scratch, archive) = folder()?;
                (Kept::Folder(scratch), archive)
            }
            Self::S3 => {
                let server = S3::start().await?;
                let archive = Archive::open_with(&S3::url("some/prefix"), &server.variables())?;
                (Kept::S3(server), at_once(archive))
            }
        })
    }
}

const CHANGES: &str = "
insert into crm.account (account_no, display_name) values ('A', 'a'), ('B', 'b');
insert into billing.bill (bill_id, account_no) values (1, 'A'), (2, 'B');
update crm.account set display_name = 'c' where account_no = 'B';
delete from billing.bill where bill_id = 1;";

#[rstest]
#[tokio::test]
async fn an_archive_has_what_the_stream_has(#[values(Place::Folder, Place::S3)] place: Place) -> Result<()> {
    let mini = Mini::on(Engine::Sqlite, Engine::Sqlite).await?;
    let (_kept, archive) = place.archive().await?;
    let running = mini.run_archiving(&archive);
    mini.hydrate(&[]).await?;
    mini.sql(CHANGES).await?;
    mini.settled().await?;
    archived(&mini).await?;
    agrees(&mini, &archive).await?;
    // Another process goes on where the first one was.
    running.stop().await?;
    let files = read(&archive).await?.len();
    let _running = mini.run_archiving(&archive);
    mini.sql("delete from billing.bill").await?;
    mini.settled().await?;
    archived(&mini).await?;
    ensure!(read(&archive).await?.len() > files, "there are no more files");
    agrees(&mini, &archive).await
}

/// Each source and each day has a place of its own.
#[rstest]
#[tokio::test]
async fn what_is_not_there_is_not_found(#[values(Place::Folder, Place::S3)] place: Place) -> Result<()> {
    let mini = Mini::on(Engine::Sqlite, Engine::Sqlite).await?;
    let (_kept, archive) = place.archive().await?;
    let _running = mini.run_archiving(&archive);
    mini.settled().await?;
    archived(&mini).await?;
    let (from, through) = days();
    let other = Reader::open(archive.clone(), &TenantId::parse("other")?, &system(), from, through).await?;
    ensure!(other.files().is_empty() && other.gaps().is_empty());
    let early = from - chrono::Days::new(10);
    let tenant = TenantId::parse(TENANT)?;
    let early = Reader::open(archive.clone(), &tenant, &system(), early, early).await?;
    ensure!(early.files().is_empty() && early.gaps().is_empty());
    let all = reader(&archive).await?;
    let last = *all.files().last().expect("it has files");
    let error = all.read(FileId { first_seq: last.last_seq + 1, last_seq: last.last_seq + 1, ..last }).await;
    let error = error.expect_err("there is no such file");
    ensure!(error.is_damage() && error.class() == ErrorClass::Config, "{error}");
    ensure!(error.to_string().contains(".manifest.json is missing"), "{error}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn both_lanes_of_every_pair_of_engines_are_archived(
    #[values(Engine::Postgres, Engine::Sqlite)] source: Engine,
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    let (_scratch, archive) = folder()?;
    mini.sql(CHANGES).await?;
    let _running = mini.run_archiving(&archive);
    mini.hydrate(&[]).await?;
    mini.settled().await?;
    mini.sql("update crm.account set display_name = 'd'; delete from billing.bill").await?;
    mini.settled().await?;
    archived(&mini).await?;
    agrees(&mini, &archive).await
}
