//! What `check` says, and that it changes nothing.

use wattle_core::{Severity, SourceAdapter};
use wattle_sqlite::Options;

use crate::retailer::{Retailer, borrowed, with};

async fn told(retailer: &Retailer, severity: Severity) -> Vec<String> {
    let findings = retailer.adapter.check().await.expect("the file can be looked at");
    let told = findings.into_iter().filter(|finding| finding.severity == severity);
    told.map(|finding| format!("{} => {}", finding.what, finding.fix)).collect()
}

fn has(told: &[String], parts: &[&str]) {
    assert!(
        told.iter().any(|text| parts.iter().all(|part| text.contains(part))),
        "{parts:?} not in {told:#?}"
    );
}

#[tokio::test]
async fn a_file_as_it_should_be_is_not_refused_and_not_changed() {
    let retailer = Retailer::new().await;
    let before = std::fs::read(retailer.file()).unwrap();
    assert_eq!(told(&retailer, Severity::Refused).await, Vec::<String>::new());
    assert_eq!(told(&retailer, Severity::Warning).await, Vec::<String>::new());
    has(&told(&retailer, Severity::Advice).await, &["account.account_no may be null"]);
    has(&told(&retailer, Severity::Advice).await, &["bill does not have Wattle's triggers yet"]);
    assert_eq!(std::fs::read(retailer.file()).unwrap(), before);
    retailer.begin().await;
    let advice = told(&retailer, Severity::Advice).await;
    assert!(!advice.iter().any(|text| text.contains("triggers")), "{advice:?}");
}

#[tokio::test]
async fn what_keeps_sync_from_starting_is_named_with_its_fix() {
    let mut retailer = Retailer::with("delete", Options::default()).await;
    retailer.begin().await;
    has(&told(&retailer, Severity::Warning).await, &["no write-ahead log", "pragma journal_mode = wal;"]);
    retailer.run("drop trigger wattle_bill_update").await;
    has(&told(&retailer, Severity::Warning).await, &["bill is missing triggers", "wattle_bill_update"]);
    retailer.run("drop table contact; create table contact (contact_id integer, account_no text)").await;
    has(
        &told(&retailer, Severity::Refused).await,
        &[
            "the key (\"contact_id\") of contact is not unique",
            "create unique index \"contact_key\" on \"contact\"",
        ],
    );
    has(&told(&retailer, Severity::Refused).await, &["account.plans", "no such column: c.last_name"]);
    retailer.run("drop table contact; create view contact as select 1 as contact_id").await;
    has(&told(&retailer, Severity::Refused).await, &["contact is a view"]);
    retailer.run("drop view contact; create table contact (contact_id text primary key)").await;
    has(
        &told(&retailer, Severity::Refused).await,
        &["contact.contact_id is declared TEXT", "graph.toml says integer"],
    );
    retailer.run("drop table contact").await;
    has(&told(&retailer, Severity::Refused).await, &["no table contact (node `contact`)"]);
}

#[tokio::test]
async fn queries_that_read_too_much_or_ask_the_clock_are_found_through_views() {
    let files = with("fetch/customer.sql", |_| {
        "select k.ord as \"$ord\", p.person_id as \"$key\", p.kind as \"customerUType\", p.at as \"typo\"
         from {keys} k join people p on p.person_id = k.person_id"
            .to_owned()
    });
    let mut retailer = Retailer::with_pack("wal", Options::default(), &borrowed(&files)).await;
    retailer
        .run("create view people as select p.*, datetime('now') as at from person p join secret on 1")
        .await;
    has(
        &told(&retailer, Severity::Refused).await,
        &["could not prepare fetch/customer.sql", "no such table: main.secret"],
    );
    retailer.run("create table secret (x)").await;
    let refused = told(&retailer, Severity::Refused).await;
    has(&refused, &["fetch/customer.sql asks the clock ('now')", "{now}"]);
    has(&refused, &["fetch/customer.sql reads secret", "`reads` of entity customer"]);
    has(&refused, &["\"typo\", which is not a field of customer"]);
}

#[tokio::test]
async fn batches_are_read_by_index_and_check_says_when_not() {
    let mut retailer = Retailer::new().await;
    for (table, values) in [
        ("account (account_no)", "'A' || i"),
        ("contact", "i, 'A' || i, 'x'"),
        ("person (person_id)", "i"),
        ("holding", "i, 'A' || i, 'H'"),
        ("bill (bill_id, account_no)", "i, 'A' || i"),
        ("bill_line", "i, 1, 'x', 1"),
    ] {
        let numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10001)";
        retailer.run(&format!("{numbers} insert into {table} select {values} from n")).await;
    }
    let warnings = told(&retailer, Severity::Warning).await;
    assert!(!warnings.iter().any(|text| text.contains("fetch/")), "every fetch is by index: {warnings:?}");
    has(&warnings, &["following account to holding reads all of holding"]);
    retailer.run("drop index contact_account").await;
    let warnings = told(&retailer, Severity::Warning).await;
    has(&warnings, &["fetch/account.plans.sql reads all of contact"]);
}
