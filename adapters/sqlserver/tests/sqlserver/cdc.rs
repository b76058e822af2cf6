//! The second way in which a server tells its changes: change tables.

use anyhow::{Context, Result, bail, ensure};
use wattle_core::{ErrorClass, Feed, FeedEvent, Fence, Position, Severity, SourceAdapter, SourceError};
use wattle_sqlserver::{Capture, Options, SqlServerAdapter};
use wattle_tds_simulator::{Database, SqlServer};

use crate::{PATIENCE, Shop, TABLES, adapter, do_as_check_says, end_of, ends, heard, named, run};

const CAPTURED: &str = "exec sys.sp_cdc_enable_db
go
exec sys.sp_cdc_enable_table @source_schema = N'shop', @source_name = N'Customer', @role_name = null
go
exec sys.sp_cdc_enable_table @source_schema = N'shop', @source_name = N'Odd Account', @role_name = null";

fn options() -> Options {
    Options { capture: Capture::Cdc, ..Options::default() }
}

/// A simulated shop whose changes are captured, and its adapter.
async fn captured(label: &str) -> Result<(Database, SqlServerAdapter)> {
    let database = SqlServer::shared().await?.database(label).await?;
    run(&database.url(), TABLES).await?;
    run(&database.url(), CAPTURED).await?;
    let adapter = adapter(&database.url(), options())?;
    Ok((database, adapter))
}

/// The next changes, as many as are expected.
async fn next(adapter: &SqlServerAdapter, feed: &mut dyn Feed, count: usize) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let listening = async {
        while found.len() < count {
            if let FeedEvent::Change(change, _) = feed.next().await? {
                found.push(named(adapter, change)?);
            }
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, listening).await.context("nothing more was heard")??;
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_comes_in_the_order_of_the_log_and_what_is_rolled_back_does_not() -> Result<()> {
    let shop = Shop::open("log").await?;
    shop.sql(CAPTURED).await?;
    let adapter = shop.adapter(options())?;
    let begun = begun(&adapter).await?;
    let mut feed = adapter.changes(&begun).await?;
    shop.sql("insert into [shop].[Odd Account] ([Id], [Begun]) values (7, '2026-01-02')").await?;
    shop.sql("insert into [shop].[Customer] values ('A1', 'PERSON')").await?;
    shop.sql("begin transaction; insert into [shop].[Customer] values ('X', 'PERSON'); rollback").await?;
    shop.sql("update [shop].[Customer] set [Kind] = 'ORGANISATION' where [No] = 'A1'").await?;
    shop.sql("update [shop].[Odd Account] set [Total] = 12.5").await?;
    shop.sql("delete from [shop].[Customer] where [No] = 'A1'").await?;
    let expected = [
        "I account 7|2026-01-02",
        "I customer A1",
        "U customer A1",
        "U account 7|2026-01-02",
        "D customer A1",
    ];
    assert_eq!(next(&adapter, feed.as_mut(), expected.len()).await?, expected);
    // A key that becomes another: both are told, as one row's update or as two rows.
    shop.sql("update [shop].[Odd Account] set [Id] = 8").await?;
    let mut keys: Vec<String> = next(&adapter, feed.as_mut(), 2).await?;
    keys.iter_mut().for_each(|line| drop(line.drain(..2)));
    keys.sort();
    assert_eq!(keys, ["account 7|2026-01-02", "account 8|2026-01-02"]);
    // From before all of it, the same again.
    let again = next(&adapter, adapter.changes(&begun).await?.as_mut(), expected.len()).await?;
    assert_eq!(again, expected);
    Ok(())
}

/// Begins, which the job of a server has to have done before.
async fn begun(adapter: &SqlServerAdapter) -> Result<Position> {
    let beginning = async {
        loop {
            match adapter.begin().await {
                Err(error) if error.to_string().contains("has not begun with it") => {}
                begun => return begun,
            }
        }
    };
    Ok(tokio::time::timeout(PATIENCE, beginning).await.context("the job begins nothing")??)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_job_stands_still_nothing_is_heard_and_nothing_is_lost() -> Result<()> {
    let (database, adapter) = captured("still").await?;
    let begun = adapter.begin().await?;
    let mut feed = adapter.changes(&begun).await?;
    database.sql("exec sys.sp_cdc_stop_job @job_type = N'capture'").await?;
    database.sql("insert into [shop].[Customer] values ('A1', 'PERSON')").await?;
    let now = adapter.now().await?;
    for _ in 0..3 {
        let FeedEvent::Idle(here) = feed.next().await? else { bail!("it heard what was not told") };
        assert!(!adapter.reached(&here, &now), "{here:?} is before {now:?}");
    }
    // What is visible is: a snapshot has it, though it was not heard yet.
    adapter.snapshot(&Fence::new([now.clone()])).await?;
    database.sql("exec sys.sp_cdc_start_job @job_type = N'capture'").await?;
    assert_eq!(heard(&adapter, feed.as_mut(), &now).await?, ["I customer A1"]);
    // A place in the log that is not written yet.
    let (place, _) = now.as_str().rsplit_once(' ').context("a position ends with its place in the log")?;
    let ahead = Position::new(format!("{place} 0x000000FF000000010001"));
    let hasty = self::adapter(&database.url(), Options { fence_timeout_ms: 50, ..options() })?;
    let behind = hasty.snapshot(&Fence::new([ahead])).await.err().context("it proves what is not there")?;
    assert!(matches!(behind, SourceError::Behind { .. }), "{behind}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_come_in_parts_and_too_large_a_transaction_as_the_whole_table() -> Result<()> {
    let (database, adapter) = captured("parts").await?;
    let begun = adapter.begin().await?;
    let rows = |from: u32| {
        let rows: Vec<String> = (from..from + 500).map(|n| format!("('N{n}', 'PERSON')")).collect();
        format!("insert into [shop].[Customer] values {}", rows.join(", "))
    };
    for from in [0, 500, 1_000] {
        database.sql(&rows(from)).await?;
    }
    database.sql(&format!("begin transaction; {}; {}; commit", rows(1_500), rows(2_000))).await?;
    let now = adapter.now().await?;
    let few = self::adapter(&database.url(), Options { poll_keys: 700, ..options() })?;
    let found = heard(&few, few.changes(&begun).await?.as_mut(), &now).await?;
    assert_eq!((found.len(), found.last().map(String::as_str)), (1_501, Some("whole customer")));
    assert_eq!(heard(&adapter, adapter.changes(&begun).await?.as_mut(), &now).await?.len(), 2_500);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_lost_with_the_clean_up_with_a_restore_and_with_another_way_of_hearing() -> Result<()> {
    let (database, adapter) = captured("cleaned").await?;
    let begun = adapter.begin().await?;
    let backup = database.back_up().await?;
    database.sql("insert into [shop].[Customer] values ('A1', 'PERSON')").await?;
    for id in [7, 8] {
        let insert = format!("insert into [shop].[Odd Account] ([Id], [Begun]) values ({id}, '2026-01-02')");
        database.sql(&insert).await?;
    }
    let now = adapter.now().await?;
    let (_, place) = now.as_str().rsplit_once(' ').context("a place in the log")?;
    let clean = |instance: &str| {
        format!(
            "exec sys.sp_cdc_cleanup_change_table @capture_instance = N'{instance}', @low_water_mark = {place}"
        )
    };
    // Of one table: it is read whole.
    database.sql(&clean("shop_Customer")).await?;
    let mut feed = adapter.changes(&begun).await?;
    let mut found = Vec::new();
    // Whoever went on from between would not know that it has to be.
    while let FeedEvent::Change(change, _) = feed.next().await? {
        found.push(named(&adapter, change)?);
    }
    assert_eq!(found, ["I account 7|2026-01-02", "I account 8|2026-01-02", "whole customer"]);
    drop(feed);
    // Of all: every record has to be compared.
    database.sql(&clean("shop_Odd Account")).await?;
    let lost = ends(&adapter, &begun).await?;
    assert!(matches!(lost, SourceError::LostPosition { .. }), "{lost}");
    // In the other way, from the same place on.
    let tracked = self::adapter(&database.url(), Options::default())?;
    let is_other_way = |lost: &SourceError| {
        matches!(lost, SourceError::LostPosition { .. }) && lost.to_string().contains("`capture`")
    };
    let lost = ends(&tracked, &now).await?;
    assert!(is_other_way(&lost), "{lost}");
    assert!(!tracked.reached(&tracked.now().await?, &now));
    let lost = ends(&adapter, &tracked.now().await?).await?;
    assert!(is_other_way(&lost), "{lost}");
    database.restore(&backup).await?;
    let lost = ends(&adapter, &now).await?;
    assert!(matches!(lost, SourceError::LostPosition { .. }), "{lost}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_captured_anew_is_read_whole_and_one_no_longer_captured_is_an_error() -> Result<()> {
    let (database, adapter) = captured("anew").await?;
    let begun = adapter.begin().await?;
    let mut feed = adapter.changes(&begun).await?;
    let refused = database.sql("truncate table [shop].[Customer]").await;
    ensure!(refused.is_err(), "a captured table was truncated");
    let disable = "exec sys.sp_cdc_disable_table @source_schema = N'shop', @source_name = N'Customer', @capture_instance = N'all'";
    let (_, enable) = CAPTURED.split_once("\ngo\n").context("the tables follow")?;
    let (enable, _) = enable.split_once("\ngo\n").context("the second table follows")?;
    // Captured in another instance beside: what was heard goes on.
    database.sql("insert into [shop].[Customer] values ('A1', 'PERSON')").await?;
    database.sql(&format!("{enable}, @capture_instance = N'second'")).await?;
    database.sql("insert into [shop].[Customer] values ('B2', 'PERSON')").await?;
    let now = adapter.now().await?;
    assert_eq!(heard(&adapter, feed.as_mut(), &now).await?, ["I customer A1", "I customer B2"]);
    let disable_first = disable.replace("N'all'", "N'shop_Customer'");
    database.sql(&disable_first).await?;
    database.sql("insert into [shop].[Customer] values ('C3', 'PERSON')").await?;
    let now = adapter.now().await?;
    assert_eq!(heard(&adapter, feed.as_mut(), &now).await?, ["I customer C3"]);
    // A gap between two instances.
    database
        .sql(&format!(
            "begin tran; {disable}; insert into [shop].[Odd Account] ([Id], [Begun]) values (7, '2026-01-02'); commit"
        ))
        .await?;
    let error = end_of(feed.as_mut()).await?;
    assert!(
        error.class() == ErrorClass::Config && error.to_string().contains("[shop].[Customer]"),
        "{error}"
    );
    database.sql("insert into [shop].[Customer] values ('D4', 'PERSON')").await?;
    database.sql("insert into [shop].[Odd Account] ([Id], [Begun]) values (8, '2026-01-02')").await?;
    database.sql(enable).await?;
    let later = heard(&adapter, adapter.changes(&now).await?.as_mut(), &adapter.now().await?).await?;
    assert!(later.contains(&"whole customer".to_owned()), "{later:?}");
    assert!(later.contains(&"I account 8|2026-01-02".to_owned()), "{later:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn check_asks_for_what_change_tables_need_and_nothing_else() -> Result<()> {
    let database = SqlServer::shared().await?.database("asks").await?;
    let reader = SqlServer::shared().await?.unique_name("reader");
    database.login(&reader, "reads").await?;
    let (tables, _) = TABLES.split_once("\ngo\nalter database").context("settings follow the tables")?;
    run(&database.url(), tables).await?;
    let adapter = adapter(&database.url_as(&reader, "reads"), options())?;
    let refused = adapter.begin().await.err().context("it begins where nothing is told")?;
    assert_eq!(refused.class(), ErrorClass::Config, "{refused}");
    let fixes = do_as_check_says(&adapter, &database).await?;
    adapter.begin().await?;
    assert!(fixes.iter().all(|fix| !fix.contains("change_tracking")), "{fixes:?}");
    let warned = adapter.check().await?;
    assert!(
        warned.iter().any(|finding| finding.what.contains("the capture job has told nothing")),
        "nothing has changed yet: {warned:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_without_the_key_does_not_serve_and_check_makes_another() -> Result<()> {
    let database = SqlServer::shared().await?.database("keyless").await?;
    let other_collation = "[No] varchar(20) collate Latin1_General_CS_AS not null";
    run(&database.url(), &TABLES.replace("[No] varchar(20) not null", other_collation)).await?;
    run(&database.url(), CAPTURED).await?;
    database
        .sql(
            "exec sys.sp_cdc_disable_table @source_schema = N'shop', @source_name = N'Customer', @capture_instance = N'all';
             exec sys.sp_cdc_enable_table @source_schema = N'shop', @source_name = N'Customer', @role_name = null, @captured_column_list = N'[Kind]'",
        )
        .await?;
    let adapter = adapter(&database.url(), options())?;
    let mut findings = adapter.check().await?;
    findings.retain(|finding| finding.severity == Severity::Refused);
    let [finding] = findings.as_slice() else { bail!("{findings:?}") };
    assert!(finding.what.contains("shop_Customer") && finding.what.contains("`customer`"), "{finding:?}");
    database.sql(&finding.fix).await?;
    let findings = adapter.check().await?;
    assert!(findings.iter().any(|finding| finding.what.contains("another collation")), "{findings:?}");
    let begun = adapter.begin().await?;
    database.sql("insert into [shop].[Customer] values ('A1', 'PERSON')").await?;
    let now = adapter.now().await?;
    assert_eq!(heard(&adapter, adapter.changes(&begun).await?.as_mut(), &now).await?, ["I customer A1"]);
    // A column that is newer than the instance is not captured.
    database.sql("alter table [shop].[Customer] add [More] int").await?;
    let findings = adapter.check().await?;
    assert!(findings.iter().any(|finding| finding.what.contains("lacks More")), "{findings:?}");
    Ok(())
}
