//! Connections, logs and servers that are lost.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use wattle_core::{ErrorClass, Feed, FeedEvent, Fence, Position, SourceAdapter, SourceError};
use wattle_mysql::Options;
use wattle_testbed::{MariaDb, Stop, eventually, is_mysql};

use crate::retailer::{FILES, Retailer};

/// How a feed ends.
async fn ended(feed: &mut Box<dyn Feed>) -> Result<SourceError> {
    let ended = async {
        loop {
            if let Err(error) = feed.next().await {
                return error;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(40), ended).await.context("the feed goes on")
}

async fn lost(retailer: &Retailer, position: &Position, words: &str) -> Result<()> {
    match retailer.adapter.changes(position).await {
        Err(SourceError::LostPosition { what }) => {
            ensure!(what.contains(words), "{what}");
            Ok(())
        }
        Err(error) => anyhow::bail!("{error}"),
        Ok(_) => anyhow::bail!("{position:?} was taken, and should be lost: {words}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_ends_the_feed_and_nothing_is_missed() -> Result<()> {
    let retailer = Retailer::alone(&[]).await?;
    let (_, mut feed) = retailer.begin().await?;
    for (person, how) in [(1, Stop::Fast), (2, Stop::Immediate)] {
        retailer.sql(&format!("insert into person values ({person}, 'P')")).await?;
        let (heard, position) = retailer.heard(&mut feed).await?;
        ensure!(heard == [format!("person {person} Insert")], "{heard:?}");
        retailer.sql(&format!("insert into person values (1{person}, 'P')")).await?;
        retailer.server.restart(how).await?;
        let error = ended(&mut feed).await?;
        ensure!(error.class() == ErrorClass::Transient, "{error}");
        feed = retailer.adapter.changes(&position).await?;
        let (heard, _) = retailer.heard(&mut feed).await?;
        ensure!(heard == [format!("person 1{person} Insert")], "{heard:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_client_with_our_server_id_ends_the_feed_and_it_takes_another() -> Result<()> {
    if is_mysql() {
        println!("MySQL tells its replicas by a UUID that no other client has");
        return Ok(());
    }
    let retailer = Retailer::alone(&[]).await?;
    let (position, mut feed) = retailer.begin().await?;
    let ids = async || -> Result<Vec<String>> {
        let rows = retailer.server.sql("", "show slave hosts").await?;
        Ok(rows.into_iter().filter_map(|mut row| row.swap_remove(0)).collect())
    };
    // What was registered to look at the log's beginning is gone in a while.
    let id = eventually(Duration::from_secs(20), async || {
        let mut ids = ids().await?;
        ensure!(ids.len() == 1, "we are registered as {ids:?}");
        ids.pop().context("there is one")
    })
    .await?;
    let url = retailer.server.url("");
    let password = url.split(['@', ':']).nth(2).unwrap_or_default().to_owned();
    let address = retailer.server.address();
    let mut other = Command::new("mariadb-binlog")
        .args([
            "--no-defaults",
            "--read-from-remote-server",
            "--stop-never",
            "--raw",
            "--result-file=/dev/null",
        ])
        .args(["--protocol=tcp", "--user=admin"])
        .arg(format!("--password={password}"))
        .arg(format!("--host={}", address.ip()))
        .arg(format!("--port={}", address.port()))
        .arg(format!("--stop-never-slave-server-id={id}"))
        .arg("binlog.000001")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let error = ended(&mut feed).await;
    other.kill()?;
    other.wait()?;
    let error = error?;
    ensure!(error.class() == ErrorClass::Transient && error.to_string().contains("server_id"), "{error}");
    let mut feed = retailer.adapter.changes(&position).await?;
    retailer.sql("insert into person values (1, 'P')").await?;
    ensure!(retailer.heard(&mut feed).await?.0 == ["person 1 Insert"]);
    ensure!(!ids().await?.contains(&id), "it has taken another");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_purged_has_lost_the_position() -> Result<()> {
    let retailer = Retailer::alone(&[]).await?;
    let position = retailer.adapter.begin().await?;
    retailer.sql("insert into person values (1, 'P'); flush binary logs").await?;
    let mut feed = retailer.adapter.changes(&position).await?;
    ensure!(retailer.heard(&mut feed).await?.0 == ["person 1 Insert"], "it goes on in the next file");
    drop(feed);
    retailer.sql("flush binary logs").await?;
    let last = retailer.database.sql("show binary logs").await?.pop().and_then(|mut row| row.swap_remove(0));
    eventually(Duration::from_secs(10), async || {
        retailer.sql(&format!("purge binary logs to '{}'", last.as_deref().unwrap_or_default())).await?;
        let first = retailer.database.sql("show binary logs").await?.remove(0).swap_remove(0);
        ensure!(first == last, "{first:?} is still there");
        Ok(())
    })
    .await?;
    lost(&retailer, &position, "purged").await?;
    // What replaces it is whole again.
    let (_, mut feed) = retailer.begin().await?;
    retailer.sql("insert into person values (2, 'P')").await?;
    ensure!(retailer.heard(&mut feed).await?.0 == ["person 2 Insert"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_begun_anew_has_lost_the_position() -> Result<()> {
    let retailer = Retailer::alone(&[]).await?;
    let (_, mut feed) = retailer.begin().await?;
    retailer.sql("insert into person values (1, 'P')").await?;
    let (_, position) = retailer.heard(&mut feed).await?;
    let begun = retailer.adapter.begin().await?;
    // A log of MySQL is told by the second in which it was begun.
    let is_later = "select unix_timestamp() > unix_timestamp(create_time) + 5 from information_schema.tables
                    where table_schema = database() and table_name = 'person'";
    eventually(Duration::from_secs(10), async || {
        let is_later = !is_mysql() || retailer.database.value(is_later).await?.as_deref() == Some("1");
        ensure!(is_later, "it is still that second");
        Ok(())
    })
    .await?;
    // The running feed notices as well, when the server tells it or when it looks.
    let has_new_words = retailer.is_mysql_since(8, 4).await?;
    retailer.sql(if has_new_words { "reset binary logs and gtids" } else { "reset master" }).await?;
    let error = ended(&mut feed).await?;
    ensure!(
        error.class() == ErrorClass::Transient || matches!(error, SourceError::LostPosition { .. }),
        "{error}"
    );
    // While the new log is shorter than the old.
    lost(&retailer, &position, "begun anew").await?;
    lost(&retailer, &begun, "begun anew").await?;
    // A snapshot does not wait for what will never come.
    retailer.adapter.snapshot(&Fence::new([position.clone()])).await?;
    // And when it is longer, with a transaction of the same number at another place.
    for person in 2..40 {
        retailer.sql(&format!("insert into person values ({person}, 'P')")).await?;
    }
    lost(&retailer, &position, "begun anew").await
}

/// A log of the same file, length and transactions that another server wrote.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_begun_at_another_time_is_another() -> Result<()> {
    let retailer = Retailer::alone(&[]).await?;
    let (_, mut feed) = retailer.begin().await?;
    retailer.sql("insert into person values (1, 'P')").await?;
    let (_, position) = retailer.heard(&mut feed).await?;
    let mut parts: Vec<String> = position.as_str().split(' ').map(str::to_owned).collect();
    parts[2] = (parts[2].parse::<u32>()? - 1).to_string();
    lost(&retailer, &Position::new(parts.join(" ")), "was begun at").await?;
    let mut other = parts.clone();
    let strange = if is_mysql() { "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-7" } else { "0-1-999" };
    (other[2], other[3]) = ("-".to_owned(), strange.to_owned());
    let said = format!("transaction {strange} does not end at");
    lost(&retailer, &Position::new(other.join(" ")), &said).await?;
    parts[4] = "binlog.000777".to_owned();
    lost(&retailer, &Position::new(parts.join(" ")), "begins with binlog.000001").await
}

/// As long as the one before, and nothing was heard of either.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_begun_anew_before_anything_was_heard_is_another() -> Result<()> {
    let retailer = Retailer::alone(&[]).await?;
    retailer.sql("insert into person values (1, 'P')").await?;
    let position = retailer.adapter.begin().await?;
    // Files are told apart by the second.
    let second = "select cast(unix_timestamp() as char)";
    let now = retailer.database.value(second).await?;
    eventually(Duration::from_secs(10), async || {
        ensure!(retailer.database.value(second).await? != now, "it is still that second");
        Ok(())
    })
    .await?;
    let has_new_words = retailer.is_mysql_since(8, 4).await?;
    retailer.sql(if has_new_words { "reset binary logs and gtids" } else { "reset master" }).await?;
    for person in 2..20 {
        retailer.sql(&format!("insert into person values ({person}, 'P')")).await?;
    }
    lost(&retailer, &position, "begun").await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_is_told_from_the_same() -> Result<()> {
    let retailer = Retailer::alone(&[]).await?;
    let position = retailer.adapter.begin().await?;
    let other = Retailer::on(MariaDb::start_with(&["--server-id=2"]).await?, FILES).await?;
    let identity = position.as_str().split(' ').next().unwrap_or_default().to_owned();
    let error = other.adapter.changes(&position).await.err().context("it was taken")?;
    ensure!(
        matches!(error, SourceError::ChangedServer { .. }) && error.to_string().contains(&identity),
        "{error}"
    );
    let error =
        other.adapter.snapshot(&Fence::new([position.clone()])).await.err().context("it was opened")?;
    ensure!(matches!(error, SourceError::ChangedServer { .. }), "{error}");
    let moved = other.with_options(Options { formerly: Some(identity), ..Options::default() })?;
    let error = moved.changes(&position).await.err().context("it was taken")?;
    ensure!(matches!(error, SourceError::LostPosition { .. }), "{error}");
    moved.snapshot(&Fence::new([position])).await?;
    Ok(())
}

/// What must hold for changes to be heard is looked at before anybody listens.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_while_changes_would_be_missed() -> Result<()> {
    let retailer = Retailer::alone(&[]).await?;
    let (position, feed) = retailer.begin().await?;
    drop(feed);
    for (spoil, words, mend) in [
        (
            "set global binlog_format = 'STATEMENT'",
            "binlog_format is STATEMENT",
            "set global binlog_format = 'ROW'",
        ),
        ("alter table bill engine = MyISAM", "bill is kept by MyISAM", "alter table bill engine = InnoDB"),
        (
            "alter table holding drop primary key",
            "holding is not unique",
            "alter table holding add primary key (acct_no, person_id)",
        ),
    ] {
        retailer.sql(spoil).await?;
        let error = retailer.adapter.changes(&position).await.err().context(spoil)?;
        ensure!(error.class() == ErrorClass::Config && error.to_string().contains(words), "{spoil}: {error}");
        let error = retailer.adapter.begin().await.err().context(spoil)?;
        ensure!(error.to_string().contains(words), "{spoil}: {error}");
        retailer.sql(mend).await?;
        drop(retailer.adapter.changes(&position).await?);
    }
    // A table that is not there keeps a new source from being heard, and the others of a known one not.
    retailer.sql("rename table person to people").await?;
    let error = retailer.adapter.begin().await.err().context("it begins without a table")?;
    ensure!(error.to_string().contains("no table person"), "{error}");
    drop(retailer.adapter.changes(&position).await?);
    retailer.sql("rename table people to person").await?;
    // What was altered meanwhile is read whole.
    let mut feed = retailer.adapter.changes(&position).await?;
    let (heard, _) = retailer.heard(&mut feed).await?;
    for node in ["bill", "person", "holding"] {
        ensure!(heard.contains(&format!("{node} whole")), "{node}: {heard:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_server_is_heard_to_be_quiet() -> Result<()> {
    let retailer = Retailer::alone(&[]).await?;
    let (position, mut feed) = retailer.begin().await?;
    for _ in 0..2 {
        let FeedEvent::Idle(idle) = crate::retailer::next(&mut feed).await? else {
            anyhow::bail!("somebody wrote something")
        };
        ensure!(retailer.adapter.reached(&idle, &position));
    }
    Ok(())
}
