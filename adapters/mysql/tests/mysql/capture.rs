//! What is written, as the log says it in all its forms.

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;
use wattle_core::{Entity, FeedEvent, Fence, Key, SourceAdapter};

use wattle_testbed::{MariaDb, is_mysql};

use crate::retailer::{FILES, Retailer, next};

const SITE: &str = "0a0b0c0d-0000-4000-8000-0e0f00000000";

/// Settings with which what is logged is compressed, however short.
async fn compressing() -> Result<MariaDb> {
    // MySQL compresses transactions, and MariaDB their rows and statements.
    if is_mysql() {
        return MariaDb::start_with(&["--sql-mode=", "--binlog-transaction-compression=ON"]).await;
    }
    MariaDb::start_with(&["--sql-mode=", "--log-bin-compress=1", "--log-bin-compress-min-len=10"]).await
}

/// Writes of every kind, and what is heard of them.
async fn everything_is_heard(server: MariaDb) -> Result<()> {
    let retailer = Retailer::on(server, FILES).await?;
    let (_, mut feed) = retailer.begin().await?;
    retailer
        .sql(
            "insert into person values (4294967295, 'P');
             insert into site values (x'0a0b0c0d000040008000000e0f000000', 'Fitzroy'), (x'0a0b0c0d0000400080000e0f00000000', 'Carlton');
             insert into account (acct_no, balance, email) values ('Café €', 7, 'a rather long address, to be compressed');
             insert into contact values ('a long note that is no part of any key', 18446744073709551615, 'CAFÉ €', 'Ng');
             insert into meter values ('00112233-4455-1677-8899-aabbccddee00', 'Café €', 'm'), ('00112233-4455-7677-8899-000000000000', 'Café €', 'n');
             insert into holding values (4294967295, 'Café €', 'H');
             insert into bill (bill_no, issued_on, step, acct_no) values ('Ü-1', '2026-10-01', 12.340, 'Café €'), ('Ü-1', '0000-00-00', 0, 'Café €');
             begin; insert into person values (5, 'P'); rollback;
             begin; insert into person values (6, 'P'); savepoint s; insert into person values (7, 'P'); rollback to s; commit;
             update account set email = 'b', site_id = x'0a0b0c0d0000400080000e0f00000000' where acct_no = 'café €';
             update bill set total = 13 where issued_on = '2026-10-01';
             update bill set step = 12.5 where issued_on = '2026-10-01';
             delete from holding where person_id = 4294967295;
             insert into bill_line values ('Ü-1', '2026-10-01', 12.5, 1, 'x', 1)",
        )
        .await?;
    let (heard, position) = retailer.heard(&mut feed).await?;
    let expected = [
        "person 4294967295 Insert",
        "site 0a0b0c0d-0000-4000-8000-000e0f000000 Insert",
        &format!("site {SITE} Insert"),
        "account Café € Insert",
        "contact 18446744073709551615 Insert",
        "meter 00112233-4455-1677-8899-aabbccddee00 Insert",
        "meter 00112233-4455-7677-8899-000000000000 Insert",
        "holding 4294967295|Café € Insert",
        "bill Ü-1|2026-10-01|12.34 Insert",
        "person 6 Insert",
        "account Café € Update",
        "bill Ü-1|2026-10-01|12.34 Update",
        "bill Ü-1|2026-10-01|12.34 Delete",
        "bill Ü-1|2026-10-01|12.5 Update",
        "holding 4294967295|Café € Delete",
    ];
    ensure!(heard == expected, "{heard:#?}");
    // What has been heard is read by the keys as they were heard.
    let mut snapshot = retailer.adapter.snapshot(&Fence::new([position.clone()])).await?;
    for (entity, key) in [
        (Entity::Customer, "4294967295"),
        (Entity::Account, "Café €"),
        (Entity::Invoice, "Ü-1|2026-10-01|12.5"),
    ] {
        let fetched = snapshot.fetch(entity, &[Key::from_canonical(key)]).await?;
        ensure!(fetched.len() == 1 && fetched[0].record.is_ok(), "{entity} {key}: {fetched:?}");
    }
    drop(snapshot);
    // From where it left off, nothing is heard again, and everything that came meanwhile is.
    drop(feed);
    retailer
        .sql(
            "update account set acct_no = 'CAFÉ €' where acct_no = 'Café €' and 1 = 0;
             insert into account (acct_no) values ('ab');
             update account set acct_no = 'AB' where acct_no = 'ab';
             delete from account where acct_no = 'café €'",
        )
        .await?;
    let mut feed = retailer.adapter.changes(&position).await?;
    let (heard, _) = retailer.heard(&mut feed).await?;
    let mut expected = vec!["account ab Insert", "account ab Delete", "account AB Update"];
    // What a foreign key takes along is told by the log of MySQL since 9.6.
    if retailer.is_mysql_since(9, 6).await? {
        expected.push("contact 18446744073709551615 Delete");
        expected.push("meter 00112233-4455-1677-8899-aabbccddee00 Delete");
        expected.push("meter 00112233-4455-7677-8899-000000000000 Delete");
    }
    expected.push("account Café € Delete");
    ensure!(heard == expected, "{heard:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_heard_of_a_log_without_names() -> Result<()> {
    everything_is_heard(MariaDb::start_with(&["--sql-mode="]).await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_heard_of_a_log_with_names() -> Result<()> {
    everything_is_heard(
        MariaDb::start_with(&["--sql-mode=", "--binlog-row-metadata=FULL", "--binlog-checksum=NONE"]).await?,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_heard_of_minimal_images() -> Result<()> {
    everything_is_heard(MariaDb::start_with(&["--sql-mode=", "--binlog-row-image=MINIMAL"]).await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_heard_of_a_compressed_log() -> Result<()> {
    everything_is_heard(compressing().await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_as_a_statement_is_told_of_the_whole_table() -> Result<()> {
    let retailer = Retailer::on(compressing().await?, FILES).await?;
    retailer.sql("insert into person values (1, 'P'); insert into account (acct_no) values ('a')").await?;
    let (_, mut feed) = retailer.begin().await?;
    let cases: [(&str, &[&str]); 9] = [
        ("truncate bill", &["bill whole"]),
        // Read with the bills that they are of.
        ("truncate table bill_line", &["bill whole"]),
        (
            "set binlog_format = statement; begin; update person set kind = 'P'; delete from holding; commit",
            &["person whole", "holding whole"],
        ),
        ("create temporary table person (a int); drop temporary table person", &[]),
        ("alter table site add index (suburb)", &["site altered"]),
        (
            "alter table person modify kind varchar(2) not null default 'P'",
            &["person altered", "person whole"],
        ),
        (
            "alter table contact add column first int first; insert into contact (contact_id, acct_no, last_name) values (9, 'a', 'x')",
            &["contact altered", "contact 9 Insert"],
        ),
        ("rename table holding to away, away to holding", &["holding altered", "holding whole"]),
        ("insert into person values (2, 'P')", &["person 2 Insert"]),
    ];
    for (sql, expected) in cases {
        retailer.sql(sql).await?;
        let (heard, _) = retailer.heard(&mut feed).await?;
        ensure!(heard == expected, "{sql}: {heard:?}");
    }
    Ok(())
}

/// Rows that were logged before a table was altered, and are read after it, without the columns' names.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_table_that_was_altered_meanwhile_are_made_up_for() -> Result<()> {
    for (settings, told) in
        [(&[][..], "contact whole"), (&["--binlog-row-metadata=FULL"][..], "contact 9 Insert")]
    {
        let retailer = Retailer::alone(settings).await?;
        // What is in the place of the key when a column has come before it could be a key as well.
        let other = "alter table contact add other bigint unsigned not null default 3 after contact_id";
        retailer.sql(&format!("insert into account (acct_no) values ('a'); {other}")).await?;
        let position = retailer.adapter.begin().await?;
        retailer
            .sql("insert into contact (contact_id, acct_no, last_name) values (9, 'a', 'x'); alter table contact add column first int first")
            .await?;
        let mut feed = retailer.adapter.changes(&position).await?;
        let (heard, _) = retailer.heard(&mut feed).await?;
        ensure!(heard.contains(&told.to_owned()), "{settings:?}: {heard:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_goes_on_in_other_files_and_with_other_checksums() -> Result<()> {
    let retailer = Retailer::alone(&[]).await?;
    let (_, mut feed) = retailer.begin().await?;
    for (person, next_file) in (1..).zip([
        "set global binlog_checksum = NONE",
        "set global binlog_checksum = CRC32",
        "flush binary logs",
    ]) {
        retailer.sql(&format!("insert into person values (1{person}, 'P'); {next_file}")).await?;
        retailer.sql(&format!("insert into person values (2{person}, 'P')")).await?;
        let (heard, position) = retailer.heard(&mut feed).await?;
        ensure!(
            heard == [format!("person 1{person} Insert"), format!("person 2{person} Insert")],
            "{heard:?}"
        );
        ensure!(position.as_str().ends_with(&format!("binlog.00000{}", person + 1)), "{position:?}");
        drop(retailer.adapter.changes(&position).await?);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_transaction_comes_whole() -> Result<()> {
    const ROWS: usize = 50_000;
    let retailer = Retailer::new().await?;
    let (_, mut feed) = retailer.begin().await?;
    retailer.sql(&format!("insert into person (person_id) select seq from seq_1_to_{ROWS}")).await?;
    let (mut rows, mut last) = (0, None);
    while rows < ROWS {
        match next(&mut feed).await? {
            FeedEvent::Change(change, position) => {
                let told = retailer.told(&change)?;
                ensure!(told == format!("person {} Insert", rows + 1), "{told} as number {rows}");
                (rows, last) = (rows + 1, Some(position));
            }
            FeedEvent::Commit(_) => anyhow::bail!("it ended after {rows} rows"),
            // Of other tests' databases.
            FeedEvent::Idle(_) => {}
        }
    }
    let FeedEvent::Commit(position) = next(&mut feed).await? else { anyhow::bail!("it did not end") };
    ensure!(last.is_some_and(|last| retailer.adapter.reached(&position, &last)));
    Ok(())
}

/// A prepared part is logged when it is prepared, and visible when it is committed.
#[tokio::test(flavor = "multi_thread")]
async fn a_distributed_transaction_is_told_again_when_it_is_committed() -> Result<()> {
    // Other tests' feeds would read all of their tables for a commit of what they have not heard prepared.
    let retailer = Retailer::alone(&[]).await?;
    let (position, mut feed) = retailer.begin().await?;
    let name = retailer.database.name();
    retailer
        .sql(&format!(
            "xa start '{name}'; insert into person values (1, 'P'); xa end '{name}'; xa prepare '{name}'"
        ))
        .await?;
    let (heard, prepared) = retailer.heard(&mut feed).await?;
    ensure!(heard == ["person 1 Insert"], "{heard:?}");
    ensure!(retailer.fetch(Entity::Customer, &["1"]).await?.is_empty(), "it is not visible yet");
    retailer.sql(&format!("xa commit '{name}'")).await?;
    let (heard, _) = retailer.heard(&mut feed).await?;
    ensure!(heard == ["person 1 Insert"], "{heard:?}");
    ensure!(retailer.fetch(Entity::Customer, &["1"]).await?.len() == 1);
    retailer.sql(&format!("xa start '{name}'; insert into person values (2, 'P'); xa end '{name}'; xa prepare '{name}'; xa rollback '{name}'")).await?;
    let (heard, _) = retailer.heard(&mut feed).await?;
    ensure!(heard == ["person 2 Insert"], "it is told once: {heard:?}");
    // One who began to listen in between knows no row of it.
    let mut later = retailer.adapter.changes(&prepared).await?;
    let (heard, _) = retailer.heard(&mut later).await?;
    ensure!(heard.contains(&"person whole".to_owned()), "{heard:?}");
    drop(retailer.adapter.changes(&position).await?);
    Ok(())
}

/// Semi-synchronous replication keeps a commit that is in the log waiting before it is visible.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_heard_before_it_is_visible_is_waited_for() -> Result<()> {
    let (settings, enabled) = if is_mysql() {
        let settings = [
            "--plugin-load-add=semisync_source.so",
            "--rpl-semi-sync-source-wait-point=AFTER_SYNC",
            "--rpl-semi-sync-source-wait-no-replica=ON",
            "--rpl-semi-sync-source-timeout=6000",
        ];
        (settings.to_vec(), "rpl_semi_sync_source_enabled")
    } else {
        let settings = [
            "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
            "--rpl-semi-sync-master-wait-no-slave=ON",
            "--rpl-semi-sync-master-timeout=6000",
        ];
        (settings.to_vec(), "rpl_semi_sync_master_enabled")
    };
    let retailer = Retailer::alone(&settings).await?;
    let (_, mut feed) = retailer.begin().await?;
    retailer.server.sql("", &format!("set global {enabled} = 1")).await?;
    let mut client = retailer.server.client(retailer.database.name()).await?;
    let writing = tokio::spawn(async move { client.query_drop("insert into person values (1, 'P')").await });
    let heard = loop {
        if let FeedEvent::Change(change, position) = next(&mut feed).await? {
            ensure!(retailer.told(&change)? == "person 1 Insert");
            break position;
        }
    };
    ensure!(!writing.is_finished(), "it is still waiting for a replica");
    ensure!(retailer.fetch(Entity::Customer, &["1"]).await?.is_empty(), "nobody sees it yet");
    let mut snapshot = retailer.adapter.snapshot(&Fence::new([heard])).await?;
    let fetched = snapshot.fetch(Entity::Customer, &[Key::from_canonical("1")]).await?;
    ensure!(fetched.len() == 1, "the snapshot was opened too early");
    writing.await??;
    Ok(())
}
