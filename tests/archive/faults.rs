//! What is killed or fails while the archive is written.

use std::sync::atomic::Ordering;

use anyhow::{Context, Result, ensure};
use rstest::rstest;
use wattle_core::Entity;
use wattle_sync::Lane;
use wattle_testbed::Engine;

use crate::mini::Mini;
use crate::{agrees, archived, folder, scripted};

/// Killed when the data is written and before its manifest, or when both are and before the mark has moved: the same
/// file is written again, whatever has been appended since.
#[rstest]
#[tokio::test]
async fn a_file_whose_writer_was_killed_is_written_again_with_the_same_bytes(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
    #[values(".jsonl.zst", ".manifest.json")] last: &'static str,
) -> Result<()> {
    let mini = Mini::on(Engine::Sqlite, target).await?;
    let (store, archive) = scripted::archive();
    let running = mini.run_archiving(&archive);
    mini.settled().await?;
    archived(&mini).await?;
    let mark = mini.number("select seq from archive_mark where lane = 'live'").await?;
    let mut held = store.hold(last);
    mini.sql("insert into crm.account (account_no) values ('A'), ('B')").await?;
    let object = held.written().await?;
    let before = store.bytes(&object).await?;
    drop(running);
    let (data, manifest) = match object.strip_suffix(".manifest.json") {
        Some(data) => (data.to_owned(), object.clone()),
        None => (object.clone(), format!("{object}.manifest.json")),
    };
    ensure!(store.bytes(&data).await.is_ok(), "{manifest} is there before what it vouches for");
    ensure!(store.bytes(&manifest).await.is_ok() == (object == manifest), "{manifest} is there too early");

    ensure!(mini.number("select seq from archive_mark where lane = 'live'").await? == mark, "the mark moved");
    // The next process finds more than that, and ends the file where it was to end all the same.
    let without = mini.run();
    mini.sql("insert into crm.account (account_no) values ('C')").await?;
    mini.settled().await?;
    without.stop().await?;
    let _running = mini.run_archiving(&archive);
    mini.settled().await?;
    archived(&mini).await?;
    ensure!(store.bytes(&object).await? == before, "{object} has other bytes");
    agrees(&mini, &archive).await
}

/// A place that cannot be written to holds up no change, is shown, and is made up for when it can.
#[rstest]
#[tokio::test]
async fn an_archive_that_cannot_be_written_holds_nothing_up(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Sqlite, target).await?;
    let (scratch, archive) = folder()?;
    let path = scratch.path().join("archive");
    std::fs::write(&path, "in the place of the folder")?;
    let _running = mini.run_archiving(&archive);
    mini.settled().await?;
    let state = mini.says(&["paused", "archive", "to fix it"]).await?;
    ensure!(state.contains(&path.display().to_string()), "{state}");
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A"]).await?;

    std::fs::remove_file(&path)?;
    archived(&mini).await?;
    mini.says(&["running"]).await?;
    agrees(&mini, &archive).await
}

#[tokio::test]
async fn a_full_disk_is_waited_for() -> Result<()> {
    let mini = Mini::on(Engine::Sqlite, Engine::Sqlite).await?;
    let (store, archive) = scripted::archive();
    let _running = mini.run_archiving(&archive);
    mini.settled().await?;
    archived(&mini).await?;
    store.is_full.store(true, Ordering::SeqCst);
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    mini.settled().await?;
    mini.says(&["waiting", "archive", "cannot be used for now", "no storage space"]).await?;
    mini.expect(Entity::Account, &["A"]).await?;
    store.is_full.store(false, Ordering::SeqCst);
    archived(&mini).await?;
    mini.says(&["running"]).await?;
    agrees(&mini, &archive).await
}

/// A process that writes on after another one has taken over moves no mark back.
#[rstest]
#[tokio::test]
async fn a_mark_that_another_process_moved_is_left_where_it_is(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Sqlite, target).await?;
    let (store, archive) = scripted::archive();
    let _running = mini.run_archiving(&archive);
    mini.settled().await?;
    archived(&mini).await?;
    let mut held = store.hold(".manifest.json");
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    held.written().await?;
    // As another process would have left it, which has archived the next change as well, somewhere else.
    let heard = mini.heard().await?;
    mini.sql("insert into crm.account (account_no) values ('B')").await?;
    mini.has_heard(heard + 1).await?;
    mini.settled().await?;
    let moved = mini.heard().await?;
    mini.execute(&format!("update archive_mark set seq = {moved}, next_seq = null where lane = 'live'"))
        .await?;
    held.go_on();
    mini.sql("insert into crm.account (account_no) values ('C')").await?;
    mini.settled().await?;
    archived(&mini).await?;
    let reader = crate::reader(&archive).await?;
    let next = reader.files().iter().find(|file| file.lane == Lane::Live && file.last_seq > moved);
    let next = next.context("what came later is archived")?;
    ensure!(next.first_seq == moved + 1, "the mark went back: {:?}", reader.files());
    ensure!(reader.gaps().len() == 1, "what the other process wrote was written again: {:?}", reader.files());
    Ok(())
}

/// What was trimmed before it was archived cannot be made up for; the archive says so and goes on with what there is.
#[tokio::test]
async fn what_the_stream_no_longer_has_is_left_out() -> Result<()> {
    let mini = Mini::on(Engine::Sqlite, Engine::Sqlite).await?;
    let running = mini.run();
    mini.settled().await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    mini.settled().await?;
    running.stop().await?;
    let first = mini.number("select max(first_seq) from stream_event where lane = 'live'").await?;
    mini.execute(&format!("delete from stream_event where lane = 'live' and first_seq < {first}")).await?;
    let (_scratch, archive) = folder()?;
    let _running = mini.run_archiving(&archive);
    mini.settled().await?;
    archived(&mini).await?;
    let files = crate::read(&archive).await?;
    ensure!(files[0].0.first_seq == first, "{:?}", files[0].0);
    mini.says(&["running"]).await?;
    Ok(())
}
