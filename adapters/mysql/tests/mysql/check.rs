//! What `check` finds, and that each fix is one.

use anyhow::{Context, Result, ensure};
use wattle_core::{Severity, SourceAdapter};
use wattle_mysql::Options;
use wattle_testbed::{MariaDb, is_mysql};

use crate::retailer::{FILES, Retailer, adapter, borrowed, refused, with};

#[tokio::test(flavor = "multi_thread")]
async fn a_source_as_it_should_be_is_refused_nothing() -> Result<()> {
    let retailer = Retailer::new().await?;
    let refused = retailer.refused().await?;
    ensure!(refused.is_empty(), "{refused:#?}");
    Ok(())
}

/// Each spoils the source in one way; `check` says so, and its own statement mends it.
#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_is_wrong_comes_with_the_statement_that_mends_it() -> Result<()> {
    let retailer = Retailer::alone(&[]).await?;
    let reader = &retailer.reader;
    let database = retailer.database.name();
    let of_reader = |sql: &str| sql.replace("READER", &format!("{reader}@'%'")).replace("DATABASE", database);
    for (spoil, words) in [
        ("set global binlog_format = 'MIXED'", "binlog_format is MIXED"),
        ("alter table bill engine = MyISAM", "bill is kept by MyISAM"),
        (
            "set global mysql56_temporal_format = 0; alter table account force; set global mysql56_temporal_format = 1",
            "account.seen_at is kept as MariaDB 5.3 did",
        ),
        ("alter table holding drop primary key", "the key (`person_id`, `acct_no`) of holding is not unique"),
        (
            "revoke select on DATABASE.* from READER; grant select (bill_no, issued_on, step) on DATABASE.bill to READER;
             grant select on DATABASE.person to READER; grant select on DATABASE.account to READER;
             grant select on DATABASE.contact to READER; grant select on DATABASE.site to READER;
             grant select on DATABASE.meter to READER; grant select on DATABASE.holding to READER;
             grant select on DATABASE.bill_line to READER",
            "may not read bill",
        ),
        ("revoke replication slave on *.* from READER", "may not read the binlog"),
        ("revoke replication client on *.* from READER", "may not ask where the binlog stands"),
    ] {
        if is_mysql() && spoil.contains("mysql56") {
            println!("MySQL keeps no times as MariaDB 5.3 did");
            continue;
        }
        retailer.sql(&of_reader(spoil)).await?;
        let found = retailer.refused().await?;
        ensure!(found.len() == 1 && found[0].what.contains(words), "{spoil}: {found:#?}");
        let fix = found[0].fix.split(";  --").next().unwrap_or_default();
        retailer.sql(fix).await.with_context(|| format!("the fix for {spoil}: {fix}"))?;
        let found = retailer.refused().await?;
        ensure!(found.is_empty(), "{spoil} was mended: {found:#?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn risks_are_warned_of() -> Result<()> {
    let retailer = Retailer::alone(&["--binlog-expire-logs-seconds=86400"]).await?;
    retailer
        .sql(&format!(
            "grant insert on {}.bill to {}@'%'; set global time_zone = '+03:00'",
            retailer.database.name(),
            retailer.reader
        ))
        .await?;
    let found = retailer.adapter.check().await?;
    for (severity, words) in [
        (Severity::Warning, "the binlog is kept for 24 hours"),
        (Severity::Warning, "could write: it has INSERT"),
        (Severity::Advice, "binlog_row_metadata is "),
        (Severity::Advice, "the server's clock is in the zone +03:00"),
    ] {
        let is_it = found.iter().any(|finding| finding.severity == severity && finding.what.contains(words));
        ensure!(is_it, "{words}: {found:#?}");
    }
    Ok(())
}

/// Without any right, everything that is needed is told, round by round, and nothing more.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_without_rights_is_told_all_that_it_needs() -> Result<()> {
    let retailer = Retailer::new().await?;
    let reader = retailer.server.unique_name("bare");
    retailer.server.sql("", &format!("create user {reader}@'%' identified by 'reads'")).await?;
    let bare = adapter(&retailer.database.url_as(&reader, "reads"), FILES, Options::default())?;
    for round in 0.. {
        ensure!(round < 4, "it asks without end");
        let found = refused(&bare).await?;
        if found.is_empty() {
            break;
        }
        for finding in found {
            ensure!(finding.fix.starts_with("grant "), "{finding:?}");
            retailer.sql(&finding.fix).await?;
        }
    }
    let (position, feed) = (bare.begin().await?, bare.changes(&bare.begin().await?).await?);
    drop((position, feed));
    Ok(())
}

/// A reserved word that is not quoted is no reason to look at nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_relation_that_is_not_written_as_sql_is_refused() -> Result<()> {
    let retailer = Retailer::new().await?;
    retailer.sql("rename table bill_line to `order`").await?;
    let found = refusals(&retailer, "graph.toml", |graph| {
        graph.replace("relation = \"bill_line\"", "relation = \"order\"")
    })
    .await?;
    let names = |what: &String| what.contains("`bill_line`") && what.contains("1064");
    ensure!(found.len() == 1 && names(&found[0]), "{found:#?}");
    let found = refusals(&retailer, "graph.toml", |graph| {
        graph.replace("relation = \"bill_line\"", "relation = \"`order`\"")
    })
    .await?;
    ensure!(!found.iter().any(|what| what.contains("1064")), "{found:#?}");
    Ok(())
}

async fn refusals(retailer: &Retailer, file: &str, change: impl Fn(&str) -> String) -> Result<Vec<String>> {
    let files = with(file, change);
    let url = retailer.database.url_as(&retailer.reader, "reads");
    let found = refused(&adapter(&url, &borrowed(&files), Options::default())?).await?;
    Ok(found.into_iter().map(|finding| finding.what).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_reads_what_is_not_heard_is_refused() -> Result<()> {
    let retailer = Retailer::new().await?;
    retailer
        .sql(
            "create view billed as select b.*, a.opened_on from bill b join account a on a.acct_no = b.acct_no;
             create view open_account as select * from account where opened_on <= curdate();
             insert into account (acct_no) values ('a'), ('b');
             insert into bill (bill_no, issued_on, acct_no) values ('1', '2026-01-01', 'a'), ('2', '2026-01-01', 'b')",
        )
        .await?;
    let invoice = "fetch/invoice.sql";
    let found = refusals(&retailer, invoice, |sql| {
        sql.replace(
            "b.bill_no as \"invoiceNumber\"",
            "(select max(c.last_name) from contact c where c.acct_no = b.acct_no) as \"invoiceNumber\"",
        )
    })
    .await?;
    ensure!(found.len() == 1 && found[0].contains(".contact, which is not among the nodes"), "{found:?}");
    // A view is looked through, which takes a right of its own.
    let viewed = |sql: &str| {
        sql.replace("join bill b", "join billed b")
            .replace("b.issued_on as \"issueDate\"", "b.opened_on as \"issueDate\"")
    };
    let found = refusals(&retailer, invoice, viewed).await?;
    ensure!(found.len() == 1 && found[0].contains("may not look behind it"), "{found:?}");
    let grant = format!("grant show view on {}.* to {}@'%'", retailer.database.name(), retailer.reader);
    retailer.sql(&grant).await?;
    let found = refusals(&retailer, invoice, viewed).await?;
    ensure!(found.len() == 1 && found[0].contains(".account, which is not among the nodes"), "{found:?}");
    for clock in ["now()", "current_date", "sysdate()", "from_unixtime(unix_timestamp())", "utc_timestamp()"]
    {
        let found = refusals(&retailer, "fetch/account.sql", |sql| sql.replace("{now}", clock)).await?;
        ensure!(found.len() == 1 && found[0].contains("asks the clock"), "{clock}: {found:?}");
    }
    let found = refusals(&retailer, "fetch/account.sql", |sql| {
        sql.replace("join account a", "join open_account a").replace("{now}", "a.opened_on")
    })
    .await?;
    ensure!(found.iter().any(|what| what.contains("a view that asks the clock")), "{found:?}");
    let found =
        refusals(&retailer, invoice, |sql| sql.replace("b.total as \"balance", "b.total * 1e0 as \"balance"))
            .await?;
    ensure!(found.len() == 1 && found[0].contains("a float is not exact"), "{found:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cascade_that_the_graph_does_not_cover_is_refused() -> Result<()> {
    let retailer = Retailer::new().await?;
    ensure!(retailer.refused().await?.is_empty(), "those that it covers");
    retailer
        .sql(
            "create table region (region_id int primary key);
             alter table bill add region_id int, add foreign key (region_id) references region (region_id) on delete cascade",
        )
        .await?;
    let found = retailer.refused().await?;
    ensure!(
        found.len() == 1 && found[0].what.contains("when") && found[0].what.contains("region"),
        "{found:#?}"
    );
    ensure!(found[0].what.contains("invoice would not be read again"), "{found:#?}");
    // One that restricts announces itself.
    let keys = "select constraint_name from information_schema.referential_constraints
                where constraint_schema = database() and referenced_table_name = 'region'";
    let name = retailer.database.value(keys).await?.context("it has a name")?;
    retailer
        .sql(&format!(
            "alter table bill drop foreign key {name}; alter table bill add foreign key (region_id) references region (region_id)"
        ))
        .await?;
    ensure!(retailer.refused().await?.is_empty());
    // From an owner's table, and not by what makes it the owner.
    retailer
        .sql("alter table holding add named_by int unsigned, add foreign key (named_by) references person (person_id) on delete set null")
        .await?;
    let found = retailer.refused().await?;
    ensure!(found.len() == 1 && found[0].what.contains("holding would not be read again"), "{found:#?}");
    let keys = keys.replace("region", "person");
    let name = retailer.database.value(&keys).await?.context("it has a name")?;
    retailer.sql(&format!("alter table holding drop foreign key {name}")).await?;
    ensure!(retailer.refused().await?.is_empty());
    // Below itself.
    retailer
        .sql("alter table person add above int unsigned, add foreign key (above) references person (person_id) on delete cascade")
        .await?;
    let found = retailer.refused().await?;
    ensure!(found.len() == 1 && found[0].what.contains("customer would not be read again"), "{found:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minimal_image_needs_the_key_within_the_primary_key() -> Result<()> {
    let retailer = Retailer::on(MariaDb::start_with(&["--binlog-row-image=MINIMAL"]).await?, FILES).await?;
    ensure!(retailer.refused().await?.is_empty());
    retailer
        .sql("alter table bill drop primary key, add id int auto_increment primary key, add unique (bill_no, issued_on, step)")
        .await?;
    let found = retailer.refused().await?;
    ensure!(
        found.len() == 1 && found[0].what.contains("leaves the key of bill out of deletes"),
        "{found:#?}"
    );
    Ok(())
}
