//! What is read: one consistent view, exact values, keys in pages, and by index.

use crate::retailer::{Retailer, borrowed, with};
use serde_json::json;
use wattle_core::{Entity, Fence, Key, SourceAdapter, SourceError};
use wattle_sqlite::Options;

#[tokio::test]
async fn records_are_read_by_their_keys_with_their_arrays() {
    let mut retailer = Retailer::new().await;
    retailer.run("insert into bill (bill_id, account_no) values (1, 'A'), (2, 'A')").await;
    retailer.run("insert into bill_line values (1, 1, 'late', 2.3), (1, 2, 'early', 10)").await;
    retailer.run("insert into person values (1, 'P'); insert into holding values (1, 'a|b', 'H')").await;
    let fetched = retailer.fetch(Entity::Invoice, &["9", "1"]).await.unwrap();
    assert_eq!(fetched.len(), 1, "9 is a miss");
    assert_eq!(fetched[0].ordinal, 1);
    let record = fetched[0].record.as_ref().unwrap();
    assert_eq!(record.body["invoiceAmount"], json!("12.30"));
    assert_eq!(record.body["electricity"]["totalUsageCharges"], json!("12.50"), "text is a decimal");
    assert_eq!(record.body["electricity"]["otherCharges"][1]["amount"], json!("10.00"));
    let fetched = retailer.fetch(Entity::Holding, &["1|A\\|B"]).await.unwrap();
    assert_eq!(fetched[0].record.as_ref().unwrap().key.as_str(), "1|a\\|b", "equal to the source");
    assert_eq!(fetched[0].record.as_ref().unwrap().body["shareable"], json!(true));
}

#[tokio::test]
async fn a_float_spoils_its_record_alone() {
    let mut retailer = Retailer::new().await;
    retailer.run("insert into bill (bill_id, account_no, issued_on) values (1, 'A', 1.5), (2, 'A', x'00'), (3, 'A', '2026-10-01')").await;
    // A column of text makes text of the number; one of its own kind keeps it.
    let files = with("fetch/invoice.sql", |text| {
        text.replace(
            "b.usage as \"balanceAtIssue\"",
            "case b.bill_id when 2 then 0.5 else '1' end as \"balanceAtIssue\"",
        )
    });
    let mut other = Retailer::with_pack("wal", Options::default(), &borrowed(&files)).await;
    other.run("insert into bill (bill_id, account_no) values (2, 'A'), (3, 'A')").await;
    let fetched = other.fetch(Entity::Invoice, &["2", "3"]).await.unwrap();
    let error = fetched[0].record.as_ref().unwrap_err();
    assert!(error.field == "balanceAtIssue" && error.rule.contains("a float is not exact"), "{error}");
    assert!(fetched[1].record.is_ok());
    let fetched = retailer.fetch(Entity::Invoice, &["1", "2", "3"]).await.unwrap();
    let ok: Vec<bool> = fetched.iter().map(|f| f.record.is_ok()).collect();
    assert_eq!(ok, [false, false, true]);
}

#[tokio::test]
async fn a_snapshot_stands_still_and_its_time_is_the_sources() {
    let mut retailer = Retailer::new().await;
    retailer.run("insert into account (account_no, deleted_at) values ('A', null), ('B', '2000-01-01 00:00:00'), ('C', '2999-01-01 00:00:00')").await;
    let (position, _feed) = retailer.begin().await;
    let mut snapshot = retailer.adapter.snapshot(&Fence::new([position])).await.unwrap();
    let keys = ["A", "B", "C"].map(Key::from_canonical);
    assert_eq!(
        snapshot.fetch(Entity::Account, &keys).await.unwrap().len(),
        2,
        "B was deleted before {{now}}"
    );
    retailer.run("delete from account").await;
    assert_eq!(snapshot.fetch(Entity::Account, &keys).await.unwrap().len(), 2);
    drop(snapshot);
    assert_eq!(retailer.fetch(Entity::Account, &["A"]).await.unwrap().len(), 0);
}

#[tokio::test]
async fn keys_come_in_pages_in_the_sources_order_without_the_null_ones() {
    let mut retailer = Retailer::new().await;
    retailer.run("insert into account (account_no) values ('b'), ('A'), (null), ('C')").await;
    retailer.run("insert into person (person_id) values (10), (9), (100)").await;
    assert_eq!(pages(&retailer, "account").await, ["A", "b", "C"], "letter case does not count");
    assert_eq!(pages(&retailer, "person").await, ["9", "10", "100"]);
    retailer.run("insert into holding values (2, 'x', 'H'), (10, 'a', 'H'), (2, 'B', 'H')").await;
    assert_eq!(pages(&retailer, "holding").await, ["2|B", "2|x", "10|a"]);
}

async fn pages(retailer: &Retailer, node: &str) -> Vec<String> {
    let node = retailer.adapter.graph().node_named(node).expect("a node of the graph");
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = retailer.adapter.keys(node, after.as_ref(), 2).await.expect("a page");
        assert!(page.keys.len() <= 2);
        keys.extend(page.keys.iter().map(ToString::to_string));
        after = page.next;
        if after.is_none() {
            return keys;
        }
    }
}

#[tokio::test]
async fn a_path_leads_from_changed_rows_to_records() {
    let mut retailer = Retailer::new().await;
    retailer
        .run("insert into contact values (1, 'B', 'x'), (2, 'a', 'x'), (3, 'b', 'x'), (4, 'c', 'x')")
        .await;
    let graph = retailer.adapter.graph();
    let path = graph.feeding(graph.node_named("contact").unwrap())[0];
    let keys = ["1", "2", "3", "9"].map(Key::from_canonical);
    let mut snapshot = retailer.adapter.snapshot(&Fence::default()).await.unwrap();
    let page = snapshot.resolve(path, &keys, None, 1).await.unwrap();
    assert_eq!(page.keys, [Key::from_canonical("a")]);
    let page = snapshot.resolve(path, &keys, page.next.as_ref(), 1).await.unwrap();
    assert!(page.keys[0].as_str().eq_ignore_ascii_case("b"), "1 and 3 are of one account: {page:?}");
    assert_eq!(page.next, None);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up() {
    let endless =
        "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n where i < 0";
    let files = with("fetch/customer.sql", |text| format!("{text} where exists ({endless})"));
    let options = Options { statement_timeout_ms: 50, ..Options::default() };
    let mut retailer = Retailer::with_pack("wal", options, &borrowed(&files)).await;
    retailer.run("insert into person values (1, 'P')").await;
    let error = retailer.fetch(Entity::Customer, &["1"]).await.unwrap_err();
    assert!(matches!(error, SourceError::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn sessions_are_few_and_given_back() {
    let mut retailer = Retailer::with("wal", Options { max_sessions: 1, ..Options::default() }).await;
    retailer.run("insert into person values (1, 'P')").await;
    for _ in 0..20 {
        let snapshot = retailer.adapter.snapshot(&Fence::default()).await.unwrap();
        drop(snapshot);
        let fetch = retailer.fetch(Entity::Customer, &["1"]);
        let _ = tokio::time::timeout(std::time::Duration::from_micros(200), fetch).await;
    }
    assert_eq!(retailer.fetch(Entity::Customer, &["1"]).await.unwrap().len(), 1);
    let statistics = retailer.adapter.statistics().await.unwrap();
    let person = retailer.adapter.graph().node_named("person").unwrap();
    assert_eq!(statistics.nodes[person.index()].rows, 1);
}
