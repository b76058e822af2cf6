//! Keys, records, and the source's own equality.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use wattle_core::{Entity, Fence, Key, SourceAdapter};
use wattle_testbed::is_mysql;

use crate::retailer::Retailer;

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_in_pages_in_the_sources_order() -> Result<()> {
    let retailer = Retailer::new().await?;
    retailer
        .sql(
            "insert into bill (bill_no, issued_on, step, acct_no)
             select concat('b', seq % 7), date '2026-01-01' + interval (seq % 5) day, seq / 4, 'a' from seq_1_to_97",
        )
        .await?;
    let node = retailer.adapter.graph().node_named("bill").context("it is in the graph")?;
    for limit in [1, 7, 96, 97, 98] {
        let (mut keys, mut after) = (Vec::new(), None);
        loop {
            let page = retailer.adapter.keys(node, after.as_ref(), limit).await?;
            ensure!(page.keys.len() <= limit);
            keys.extend(page.keys);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let mut distinct: Vec<Key> = keys.clone();
        distinct.sort();
        distinct.dedup();
        ensure!(keys.len() == 97 && distinct.len() == 97, "in pages of {limit}: {}", keys.len());
    }
    Ok(())
}

/// A text key with quotes, backslashes and letters of its character set comes after the cursor, and each kind of key can
/// be one.
#[tokio::test(flavor = "multi_thread")]
async fn any_key_can_be_a_cursor() -> Result<()> {
    let retailer = Retailer::new().await?;
    retailer
        .sql(
            "insert into account (acct_no) values ('a''b'), ('a\\\\b'), ('é'), ('€'), ('z');
             insert into site values (x'00', 'a'), (x'0100', 'b'), (x'ffeeddccbbaa99887766554433221100', 'c');
             insert into meter values (uuid(), 'z', 'a'), ('00112233-4455-7677-8899-000000000000', 'z', 'b'), (uuid(), 'z', 'c');
             insert into contact values ('', 1, 'z', 'x'), ('', 18446744073709551615, 'z', 'x'), ('', 9223372036854775807, 'z', 'x');
             insert into holding values (1, 'z', 'H'), (2, 'z', 'H'), (1, 'é', 'H')",
        )
        .await?;
    for (name, count) in [("account", 5), ("site", 3), ("meter", 3), ("contact", 3), ("holding", 3)] {
        let node = retailer.adapter.graph().node_named(name).context("it is in the graph")?;
        let (mut keys, mut after) = (Vec::new(), None);
        loop {
            let page = retailer.adapter.keys(node, after.as_ref(), 1).await.context(name)?;
            keys.extend(page.keys);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        ensure!(keys.len() == count, "{name}: {keys:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sources_equality_decides_which_key_a_record_answers() -> Result<()> {
    let retailer = Retailer::new().await?;
    retailer.sql("insert into account (acct_no) values ('Ab1'), ('Café')").await?;
    let fetched = retailer.fetch(Entity::Account, &["none", "aB1 ", "CAFÉ"]).await?;
    let found: Vec<(usize, String)> = fetched
        .into_iter()
        .map(|fetched| Ok((fetched.ordinal, fetched.record?.key.to_string())))
        .collect::<Result<_>>()?;
    ensure!(found == [(1, "Ab1".to_owned()), (2, "Café".to_owned())], "{found:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_exact_and_now_is_the_retailers() -> Result<()> {
    let retailer = Retailer::new().await?;
    let here = chrono::Utc::now().with_timezone(&chrono_tz()).naive_local();
    let at = |hours: i64| (here + chrono::TimeDelta::hours(hours)).format("%Y-%m-%d %H:%M:%S").to_string();
    retailer
        .sql(&format!(
            "insert into account (acct_no, until_at) values ('past', '{}'), ('future', '{}');
             insert into bill (bill_no, issued_on, step, acct_no, total) values ('1', '2026-10-01', 0, 'past', 999999999999.99);
             insert into bill_line values ('1', '2026-10-01', 0, 1, 'x', 0.10), ('1', '2026-10-01', 0, 2, 'y', -12.30)",
            at(-1),
            at(1)
        ))
        .await?;
    let fetched = retailer.fetch(Entity::Account, &["past", "future"]).await?;
    ensure!(fetched.len() == 1 && fetched[0].ordinal == 1, "{fetched:?}");
    let mut fetched = retailer.fetch(Entity::Invoice, &["1|2026-10-01|0"]).await?;
    let body = fetched.pop().context("it is there")?.record?.body;
    ensure!(body["balanceAtIssue"] == json!("999999999999.99"), "{body}");
    let charges = &body["electricity"]["otherCharges"];
    ensure!(charges[0]["amount"] == json!("0.10") && charges[1]["amount"] == json!("-12.30"), "{body}");
    Ok(())
}

fn chrono_tz() -> chrono::FixedOffset {
    // Melbourne is ten or eleven hours ahead; an hour's margin on either side covers both.
    chrono::FixedOffset::east_opt(10 * 3_600 + 1_800).expect("it is an offset")
}

/// A thousand keys are looked up by index: the rows that the server reads are those that were asked for.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_every_type_are_looked_up_by_index() -> Result<()> {
    let retailer = Retailer::alone(&[]).await?;
    retailer
        .sql(
            "insert into account (acct_no) select concat('A', seq) from seq_1_to_20000;
             insert into site select unhex(lpad(hex(seq), 32, '0')), 'x' from seq_1_to_20000;
             insert into bill (bill_no, issued_on, step, acct_no) select seq, '2026-10-01', 0.5, concat('a', seq) from seq_1_to_20000;
             insert into bill_line select seq, '2026-10-01', 0.5, 1, 'x', 1 from seq_1_to_20000;
             insert into contact select '', seq, concat('A', seq), 'x' from seq_1_to_20000;
             insert into meter select uuid(), concat('A', seq), 'x' from seq_1_to_20000;
             insert into holding select seq, concat('A', seq), 'H' from seq_1_to_20000;
             insert into person (person_id) select seq from seq_1_to_20000;
             analyze table account, site, bill, bill_line, contact, meter, holding, person",
        )
        .await?;
    let warnings = retailer.adapter.check().await?;
    let whole: Vec<_> = warnings.iter().filter(|finding| finding.what.contains("reads all of")).collect();
    ensure!(whole.is_empty(), "{whole:?}");
    for (entity, key, per_key) in [
        (Entity::Account, (|n| format!("a{n}")) as fn(usize) -> String, 6),
        (Entity::Invoice, |n| format!("{n}|2026-10-01|0.5"), 4),
        (Entity::Holding, |n| format!("{n}|A{n}"), 3),
    ] {
        let keys: Vec<Key> = (1..=1_000).map(|n| Key::from_canonical(key(n))).collect();
        let read = if is_mysql() { "innodb_rows_read" } else { "rows_read" };
        let before: u64 = retailer.status(read).await?.parse()?;
        let mut snapshot = retailer.adapter.snapshot(&Fence::default()).await?;
        ensure!(snapshot.fetch(entity, &keys).await?.len() == 1_000, "{entity}");
        // A session's count is added to the server's when it is idle or ends.
        drop(snapshot);
        let after: u64 = retailer.status(read).await?.parse()?;
        ensure!(after - before < 1_000 * per_key + 5_000, "{entity}: {} rows were read", after - before);
    }
    Ok(())
}
