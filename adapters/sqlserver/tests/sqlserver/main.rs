//! The engine on a server: what changes are told, lost positions, fenced snapshots, and what `check` finds.
//!
//! `WATTLE_TEST_SQLSERVER=sqlserver://sa:password@host:1433/master` runs them on that server, each in a database of its
//! own that stays there; what only a simulator can be asked for (forgotten changes, a restore, a replica, a proxy) runs on
//! the simulator always.

mod cdc;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tiberius::Client;
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt;
use wattle_core::{
    Change, Entity, ErrorClass, Feed, FeedEvent, Fence, Hint, Key, Position, Severity, SourceAdapter,
    SourceError,
};
use wattle_sql::Pack;
use wattle_sqlserver::{Address, Options, SqlServerAdapter};
use wattle_tds_simulator::{Database, Fault, Replica, SqlServer, Stop};

const PATIENCE: Duration = Duration::from_secs(30);

const PACK: &[(&str, &str)] = &[
    (
        "graph.toml",
        r#"
zone = "Australia/Sydney"

[node.customer]
relation = "[shop].[Customer]"
key = ["No text"]

[node.account]
relation = "[shop].[Odd Account]"
key = ["Id integer", "Begun date"]

[entity.customer]
root = "customer"

[entity.account]
root = "account"
"#,
    ),
    (
        "fetch/customer.sql",
        r#"select k.ord as "$ord", c.[No] as "$key", c.[Kind] as "customerUType",
                  'Nguyen' as "person.lastName"
           from {keys} k join [shop].[Customer] c on c.[No] = k.[No]"#,
    ),
    (
        "fetch/account.sql",
        r#"select k.ord as "$ord", a.[Id] as "$key.Id", a.[Begun] as "$key.Begun", a.[Id] as "accountNumber"
           from {keys} k join [shop].[Odd Account] a on a.[Id] = k.[Id] and a.[Begun] = k.[Begun]"#,
    ),
];

const TABLES: &str = "create schema [shop]
go
create table [shop].[Customer] ([No] varchar(20) not null primary key, [Kind] varchar(12) not null);
create table [shop].[Odd Account] ([Id] int not null, [Begun] date not null, [Total] money, primary key ([Id], [Begun]))
go
alter database current set allow_snapshot_isolation on
go
alter database current set change_tracking = on (change_retention = 7 days, auto_cleanup = on)
go
alter table [shop].[Customer] enable change_tracking;
alter table [shop].[Odd Account] enable change_tracking";

/// A database with the tables, by the administrator's address.
struct Shop {
    url: String,
    /// Kept for as long as it is used.
    _database: Option<Database>,
}

async fn run(url: &str, sql: &str) -> Result<()> {
    let address = Address::parse(url)?;
    let config = address.config();
    let tcp = TcpStream::connect(config.get_addr()).await?;
    let mut client = Client::connect(config, tcp.compat_write()).await?;
    for batch in sql.split("\ngo\n") {
        client.simple_query(batch).await?.into_results().await.with_context(|| batch.to_owned())?;
    }
    client.close().await?;
    Ok(())
}

impl Shop {
    async fn open(label: &str) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let shop = match std::env::var("WATTLE_TEST_SQLSERVER") {
            Ok(url) => {
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                let name = format!("wattle_{label}_{}_{number}", std::process::id());
                run(&url, &format!("create database [{name}]")).await?;
                let (server, _) = url.rsplit_once('/').context("the address names a database")?;
                Self { url: format!("{server}/{name}"), _database: None }
            }
            Err(_) => Self::simulated(label).await?,
        };
        run(&shop.url, TABLES).await?;
        Ok(shop)
    }

    /// On the simulator; its tables are not made yet.
    async fn simulated(label: &str) -> Result<Self> {
        let database = SqlServer::shared().await?.database(label).await?;
        Ok(Self { url: database.url(), _database: Some(database) })
    }

    async fn sql(&self, sql: &str) -> Result<()> {
        run(&self.url, sql).await
    }

    fn adapter(&self, options: Options) -> Result<SqlServerAdapter> {
        adapter(&self.url, options)
    }
}

fn adapter(url: &str, options: Options) -> Result<SqlServerAdapter> {
    let pack = Pack::from_files(PACK).map_err(|errors| anyhow::anyhow!("{errors:#?}"))?;
    Ok(SqlServerAdapter::new(pack, url, options)?)
}

async fn on_the_simulator(label: &str) -> Result<Database> {
    let database = SqlServer::shared().await?.database(label).await?;
    run(&database.url(), TABLES).await?;
    Ok(database)
}

/// The changes up to a position, as `I customer A1`, and where each stands.
async fn heard(adapter: &SqlServerAdapter, feed: &mut dyn Feed, until: &Position) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let listening = async {
        loop {
            match feed.next().await? {
                FeedEvent::Change(change, _) => found.push(named(adapter, change)?),
                FeedEvent::Commit(here) | FeedEvent::Idle(here) if adapter.reached(&here, until) => {
                    return anyhow::Ok(());
                }
                FeedEvent::Commit(_) | FeedEvent::Idle(_) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, listening).await.context("nothing more was heard")??;
    Ok(found)
}

fn named(adapter: &SqlServerAdapter, change: Change) -> Result<String> {
    let name = &adapter.graph().node(change.node()).name;
    Ok(match change {
        Change::Row { key, hint, .. } => {
            let hint = match hint {
                Hint::Insert => 'I',
                Hint::Update => 'U',
                Hint::Delete => 'D',
                Hint::Touch => 'T',
            };
            format!("{hint} {name} {key}")
        }
        Change::Whole { .. } => format!("whole {name}"),
        Change::SchemaChanged { .. } => format!("altered {name}"),
        Change::Record { .. } | Change::Owned { .. } => bail!("no source says this"),
    })
}

/// The error with which a feed ends, or with which it does not begin.
async fn ends(adapter: &SqlServerAdapter, from: &Position) -> Result<SourceError> {
    let mut feed = match adapter.changes(from).await {
        Ok(feed) => feed,
        Err(error) => return Ok(error),
    };
    end_of(feed.as_mut()).await
}

async fn end_of(feed: &mut dyn Feed) -> Result<SourceError> {
    let ending = async {
        loop {
            if let Err(error) = feed.next().await {
                return error;
            }
        }
    };
    tokio::time::timeout(PATIENCE, ending).await.context("it goes on")
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_come_by_version_across_tables_and_what_is_rolled_back_does_not() -> Result<()> {
    let shop = Shop::open("order").await?;
    let adapter = shop.adapter(Options::default())?;
    let begun = adapter.begin().await?;
    let mut feed = adapter.changes(&begun).await?;
    shop.sql("insert into [shop].[Odd Account] ([Id], [Begun]) values (7, '2026-01-02')").await?;
    shop.sql("insert into [shop].[Customer] values ('A1', 'PERSON'), ('B2', 'PERSON')").await?;
    shop.sql("begin transaction; insert into [shop].[Customer] values ('X', 'PERSON'); rollback").await?;
    let now = adapter.now().await?;
    let mut first = heard(&adapter, feed.as_mut(), &now).await?;
    first[1..].sort();
    assert_eq!(first, ["I account 7|2026-01-02", "I customer A1", "I customer B2"]);
    shop.sql("update [shop].[Customer] set [No] = 'C3' where [No] = 'B2'").await?;
    shop.sql("update [shop].[Odd Account] set [Total] = 12.5").await?;
    shop.sql("delete from [shop].[Customer] where [No] = 'A1'").await?;
    let now = adapter.now().await?;
    let mut then = heard(&adapter, feed.as_mut(), &now).await?;
    then.sort();
    // Whether the look came between or after, a row that came and changed before it is named once.
    assert_eq!(then, ["D customer A1", "D customer B2", "I customer C3", "U account 7|2026-01-02"]);
    // From before all of it, net: what came and went is a delete, and every key is named.
    let mut again = heard(&adapter, adapter.changes(&begun).await?.as_mut(), &now).await?;
    again.sort();
    let keys: Vec<&str> = again.iter().map(|line| &line[2..]).collect();
    for key in ["customer C3", "account 7|2026-01-02"] {
        assert!(keys.contains(&key), "{again:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_transaction_comes_in_full_or_as_the_whole_table() -> Result<()> {
    let shop = Shop::open("large").await?;
    let begun = shop.adapter(Options::default())?.begin().await?;
    let rows = |from: u32| {
        let rows: Vec<String> = (from..from + 1_000).map(|n| format!("('N{n}', 'PERSON')")).collect();
        format!("insert into [shop].[Customer] values {}", rows.join(", "))
    };
    // Six transactions of a thousand, and one of two thousand.
    for from in 0..6 {
        shop.sql(&rows(from * 1_000)).await?;
    }
    shop.sql(&format!("begin transaction; {}; {}; commit", rows(6_000), rows(7_000))).await?;
    let adapter = shop.adapter(Options::default())?;
    let now = adapter.now().await?;
    let all = heard(&adapter, adapter.changes(&begun).await?.as_mut(), &now).await?;
    assert_eq!(all.len(), 8_000);
    // In looks of at most 1,500 keys, the last transaction is too large.
    let adapter = shop.adapter(Options { poll_keys: 1_500, ..Options::default() })?;
    let cut = heard(&adapter, adapter.changes(&begun).await?.as_mut(), &now).await?;
    assert_eq!((cut.len(), cut.last().map(String::as_str)), (6_001, Some("whole customer")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_table_is_read_whole_and_an_altered_one_says_so() -> Result<()> {
    let shop = Shop::open("truncated").await?;
    let adapter = shop.adapter(Options::default())?;
    shop.sql("insert into [shop].[Customer] values ('A1', 'PERSON')").await?;
    let begun = adapter.begin().await?;
    let mut feed = adapter.changes(&begun).await?;
    shop.sql("truncate table [shop].[Customer]").await?;
    shop.sql("insert into [shop].[Odd Account] ([Id], [Begun]) values (7, '2026-01-02')").await?;
    let now = adapter.now().await?;
    let found = heard(&adapter, feed.as_mut(), &now).await?;
    assert!(found.contains(&"whole customer".to_owned()), "{found:?}");
    assert!(found.contains(&"I account 7|2026-01-02".to_owned()), "{found:?}");
    shop.sql("alter table [shop].[Odd Account] add [More] int").await?;
    shop.sql("insert into [shop].[Customer] values ('B2', 'PERSON')").await?;
    let now = adapter.now().await?;
    let found = heard(&adapter, feed.as_mut(), &now).await?;
    assert!(found.contains(&"altered account".to_owned()), "{found:?}");
    assert!(found.contains(&"I customer B2".to_owned()), "{found:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_there_for_a_while_is_made_up_for_and_the_others_go_on() -> Result<()> {
    let shop = Shop::open("renamed").await?;
    let adapter = shop.adapter(Options::default())?;
    let begun = adapter.begin().await?;
    let mut feed = adapter.changes(&begun).await?;
    shop.sql("exec sp_rename 'shop.[Odd Account]', 'Other'").await?;
    shop.sql("insert into [shop].[Other] ([Id], [Begun]) values (7, '2026-01-02')").await?;
    shop.sql("insert into [shop].[Customer] values ('A1', 'PERSON')").await?;
    let now = adapter.now().await?;
    let found = heard(&adapter, feed.as_mut(), &now).await?;
    assert_eq!(found, ["altered account", "I customer A1"]);
    // What was stored of it is enough to go on from.
    let FeedEvent::Idle(here) = feed.next().await? else { bail!("more was heard") };
    drop(feed);
    assert!(here.as_str().contains(" account@"), "{here:?}");
    let mut feed = adapter.changes(&here).await?;
    shop.sql("insert into [shop].[Other] ([Id], [Begun]) values (8, '2026-01-02')").await?;
    shop.sql(
        "exec sp_rename 'shop.Other', 'Odd Account'; insert into [shop].[Customer] values ('B2', 'PERSON')",
    )
    .await?;
    let now = adapter.now().await?;
    let found = heard(&adapter, feed.as_mut(), &now).await?;
    for change in ["I account 7|2026-01-02", "I account 8|2026-01-02", "I customer B2"] {
        assert!(found.contains(&change.to_owned()), "{found:?}");
    }
    assert!(!found.contains(&"whole account".to_owned()), "{found:?}");
    // One that is there and not tracked would be missed.
    shop.sql("alter table [shop].[Odd Account] disable change_tracking").await?;
    let error = end_of(feed.as_mut()).await?;
    assert!(
        error.class() == ErrorClass::Config && error.to_string().contains("[shop].[Odd Account]"),
        "{error}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_equal_as_the_source_has_it_and_a_snapshot_shows_what_was_heard() -> Result<()> {
    let shop = Shop::open("equality").await?;
    let adapter = shop.adapter(Options { fence_timeout_ms: 50, ..Options::default() })?;
    shop.sql("insert into [shop].[Customer] values ('ab1', 'PERSON'), ('B2', 'ODD')").await?;
    // Case alone: the same row to the source.
    shop.sql("update [shop].[Customer] set [No] = 'AB1' where [No] = 'ab1'").await?;
    let now = adapter.now().await?;
    let mut snapshot = adapter.snapshot(&Fence::new([now.clone()])).await?;
    let asked = ["B2", "gone", "ab1"].map(Key::from_canonical);
    // `ODD` is no kind of customer: that record alone is refused.
    let mut fetched = snapshot.fetch(Entity::Customer, &asked).await?;
    fetched.sort_by_key(|fetched| fetched.ordinal);
    assert_eq!(fetched.iter().map(|fetched| fetched.ordinal).collect::<Vec<_>>(), [0, 2]);
    // What is written after it was opened is not in it.
    shop.sql("insert into [shop].[Customer] values ('gone', 'PERSON')").await?;
    assert_eq!(snapshot.fetch(Entity::Customer, &asked).await?.len(), 2);
    drop(snapshot);
    let node = adapter.graph().root(Entity::Customer).context("customers have a root")?;
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = adapter.keys(node, after.as_ref(), 2).await?;
        keys.extend(page.keys.iter().map(|key| key.as_str().to_owned()));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(keys, ["AB1", "B2", "gone"]);
    // A version that no one has committed yet.
    let (place, version) = now.as_str().rsplit_once(' ').context("a position ends with its version")?;
    let ahead = Position::new(format!("{place} {}", version.parse::<i64>()? + 100));
    let behind = adapter.snapshot(&Fence::new([ahead])).await.err().context("it proves what is not there")?;
    assert!(matches!(behind, SourceError::Behind { .. }), "{behind}");
    Ok(())
}

/// Runs what `check` prints until it refuses nothing; the statements that were run.
async fn do_as_check_says(adapter: &SqlServerAdapter, database: &Database) -> Result<Vec<String>> {
    let mut fixes = Vec::new();
    for _ in 0..6 {
        let mut findings = adapter.check().await?;
        findings.retain(|finding| finding.severity == Severity::Refused);
        if findings.is_empty() {
            return Ok(fixes);
        }
        for finding in findings {
            let fix = finding.fix.split(";  --").next().unwrap_or_default().to_owned();
            database.sql(&fix).await.with_context(|| format!("{finding:?}"))?;
            fixes.push(fix);
        }
    }
    bail!("it still asks: {:?}", adapter.check().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn check_asks_for_what_is_missing_and_nothing_else() -> Result<()> {
    let database = SqlServer::shared().await?.database("grants").await?;
    let reader = SqlServer::shared().await?.unique_name("reader");
    database.login(&reader, "reads").await?;
    let (tables, _) = TABLES.split_once("\ngo\nalter database").context("settings follow the tables")?;
    run(&database.url(), tables).await?;
    let adapter = adapter(&database.url_as(&reader, "reads"), Options::default())?;
    let refused = adapter.begin().await.err().context("it begins where nothing is told")?;
    assert_eq!(refused.class(), ErrorClass::Config, "{refused}");
    do_as_check_says(&adapter, &database).await?;
    adapter.begin().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_from_end_to_end_is_warned_of() -> Result<()> {
    let shop = Shop::open("plans").await?;
    for first in (0..11_000).step_by(1_000) {
        let rows: Vec<String> = (first..first + 1_000).map(|id| format!("({id}, '2026-01-02', 1)")).collect();
        run(&shop.url, &format!("insert into [shop].[Odd Account] values {}", rows.join(", "))).await?;
    }
    let warned = |findings: Vec<wattle_core::Finding>| -> Vec<String> {
        let of_plans = findings.into_iter().filter(|it| it.what.contains("reads all of"));
        of_plans.map(|finding| finding.what).collect()
    };
    let adapter = shop.adapter(Options::default())?;
    assert_eq!(warned(adapter.check().await?), [""; 0], "both queries are by index");
    assert_eq!(adapter.plans().await?.map(|plans| plans.len()), Some(2));
    let spoil = |text: &str| {
        text.replace("on a.[Id] =", "on a.[Id] + 0 =")
            .replace("a.[Begun] = k", "cast(a.[Begun] as datetime2) = k")
    };
    let spoilt: Vec<(&str, String)> = PACK.iter().map(|(file, text)| (*file, spoil(text))).collect();
    let spoilt: Vec<(&str, &str)> = spoilt.iter().map(|(file, text)| (*file, text.as_str())).collect();
    let pack = Pack::from_files(&spoilt).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    let adapter = SqlServerAdapter::new(pack, &shop.url, Options::default())?;
    let expected = "fetch/account.sql reads all of shop.Odd Account for a batch of keys";
    assert_eq!(warned(adapter.check().await?), [expected], "{:?}", adapter.plans().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_are_asked_for_where_the_login_may_see_them() -> Result<()> {
    let database = on_the_simulator("showplan").await?;
    let reader = database.server().unique_name("reader");
    database.login(&reader, "reads").await?;
    let adapter = adapter(&database.url_as(&reader, "reads"), Options::default())?;
    do_as_check_says(&adapter, &database).await?;
    let findings = adapter.check().await?;
    let advice = findings.iter().find(|finding| finding.what.contains("may not see plans"));
    let advice = advice.with_context(|| format!("{findings:?}"))?;
    assert_eq!(advice.severity, Severity::Advice);
    assert_eq!(adapter.plans().await?.map(|plans| plans.len()), Some(0));
    database.sql(advice.fix.split(";  --").next().unwrap_or_default()).await?;
    assert_eq!(adapter.check().await?, [], "all is said and done");
    assert_eq!(adapter.plans().await?.map(|plans| plans.len()), Some(2));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_without_rights_hears_which_and_one_that_writes_is_told() -> Result<()> {
    let database = on_the_simulator("rights").await?;
    let adapter = adapter(&database.url(), Options::default())?;
    let findings = adapter.check().await?;
    assert!(findings.iter().any(|finding| finding.what.contains("could write")), "{findings:?}");
    let reader = database.server().unique_name("reader");
    database.login(&reader, "reads").await?;
    database.sql(&format!("grant select on [shop].[Customer] to {reader}")).await?;
    let begun = adapter.begin().await?;
    let blind = self::adapter(&database.url_as(&reader, "reads"), Options::default())?;
    let error = ends(&blind, &begun).await?;
    assert_eq!(error.class(), ErrorClass::Config, "{error}");
    let wrong = self::adapter(&database.url_as(&reader, "guesses"), Options::default())?;
    assert_eq!(wrong.now().await.err().context("it got in")?.class(), ErrorClass::Config);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_is_lost_with_the_retention_and_with_a_restore() -> Result<()> {
    let database = on_the_simulator("lost").await?;
    let adapter = adapter(&database.url(), Options::default())?;
    let begun = adapter.begin().await?;
    let backup = database.back_up().await?;
    database.sql("insert into [shop].[Customer] values ('A1', 'PERSON')").await?;
    database.sql("insert into [shop].[Odd Account] ([Id], [Begun]) values (7, '2026-01-02')").await?;
    let now = adapter.now().await?;
    let version: i64 = now.as_str().rsplit_once(' ').context("a version")?.1.parse()?;
    // Of one table: it is read whole.
    database.forget_changes("[shop].[Customer]", version).await?;
    let found = heard(&adapter, adapter.changes(&begun).await?.as_mut(), &now).await?;
    assert_eq!(found, ["I account 7|2026-01-02", "whole customer"]);
    database.forget_changes("[shop].[Odd Account]", version).await?;
    let lost = ends(&adapter, &begun).await?;
    assert!(matches!(lost, SourceError::LostPosition { .. }), "{lost}");
    // Restored: the versions go back, and the position is of another life.
    database.restore(&backup).await?;
    let lost = ends(&adapter, &now).await?;
    assert!(matches!(lost, SourceError::LostPosition { .. }), "{lost}");
    assert!(!adapter.reached(&adapter.now().await?, &now));
    // A snapshot is had all the same: what was heard in the other life is no more.
    adapter.snapshot(&Fence::new([now])).await?;
    let other = on_the_simulator("other").await?;
    let error = ends(&self::adapter(&other.url(), Options::default())?, &begun).await?;
    assert!(matches!(error, SourceError::ChangedServer { .. }), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secondary_is_refused_and_a_connection_that_breaks_passes() -> Result<()> {
    let server = SqlServer::start().await?;
    let database = server.database("breaks").await?;
    run(&database.url(), TABLES).await?;
    let proxy = server.proxy().await?;
    let options = Options { statement_timeout_ms: 1_500, ..Options::default() };
    let adapter = adapter(&database.url_through(&proxy), options)?;
    let begun = adapter.begin().await?;
    let mut feed = adapter.changes(&begun).await?;
    database.disconnect_all().await?;
    assert_eq!(end_of(feed.as_mut()).await?.class(), ErrorClass::Transient);
    let mut feed = adapter.changes(&begun).await?;
    // Nothing comes back: the statement is given up.
    proxy.set(Fault::BlackHole).await?;
    assert_eq!(end_of(feed.as_mut()).await?.class(), ErrorClass::Transient);
    proxy.set(Fault::Pass).await?;
    server.restart(Stop::Fast).await?;
    database.sql("insert into [shop].[Customer] values ('A1', 'PERSON')").await?;
    let now = adapter.now().await?;
    assert_eq!(heard(&adapter, adapter.changes(&begun).await?.as_mut(), &now).await?, ["I customer A1"]);
    database.act_as(Replica::Secondary).await?;
    let error = ends(&adapter, &begun).await?;
    assert_eq!(error.class(), ErrorClass::Config, "{error}");
    Ok(())
}
