//! The sample database agrees with the World, through the pack and the SQLite engine.

use std::collections::HashMap;

use anyhow::{Context, Result};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;
use wattle_core::{
    Change, Entity, EntityGraph, FeedEvent, Fence, Finding, Key, KeyType, NodeId, SourceAdapter,
};
use wattle_dianella::{Dianella, Error, PACK, Workload, create};
use wattle_sample::{MutationKind, World, WorldConfig};
use wattle_sql::{Pack, path_join, quote};
use wattle_sqlite::{Options, SqliteAdapter};
use wattle_testbed::{Fetched, Records};

/// More than one page of keys, and more than one fetch.
const PAGE: usize = 500;

/// A sample in a folder of its own.
struct Sample {
    folder: TempDir,
    adapter: SqliteAdapter,
}

impl Sample {
    async fn create(seed: u64, customers: u32) -> Result<Self> {
        let folder = TempDir::new()?;
        let today = chrono::Utc::now().with_timezone(&chrono_tz::Australia::Melbourne).date_naive();
        let config = WorldConfig { seed, customers, today, months: 24 };
        let address = address(&folder);
        create(&address, config, |_| {}).await?;
        let pack = Pack::from_files(PACK).unwrap_or_else(|errors| panic!("{errors:#?}"));
        Ok(Self { folder, adapter: SqliteAdapter::new(pack, &address, Options::default())? })
    }

    fn address(&self) -> String {
        address(&self.folder)
    }

    async fn workload(&self) -> Result<Workload> {
        Ok(Workload::open(&self.address()).await?)
    }

    async fn connection(&self) -> Result<SqliteConnection> {
        let options = SqliteConnectOptions::new().filename(self.folder.path().join("dianella.db"));
        Ok(SqliteConnection::connect_with(&options).await?)
    }

    /// Every key of a node, in pages.
    async fn keys(&self, node: NodeId) -> Result<Vec<Key>> {
        let mut keys = Vec::new();
        let mut after = None;
        loop {
            let page = self.adapter.keys(node, after.as_ref(), PAGE).await?;
            keys.extend(page.keys);
            after = page.next;
            if after.is_none() {
                return Ok(keys);
            }
        }
    }

    /// Fetches everything there is and compares it with what the World says.
    async fn assert_agrees(&self, world: &World) -> Result<()> {
        let mut records = HashMap::new();
        let mut snapshot = self.adapter.snapshot(&Fence::default()).await?;
        for entity in Entity::ALL {
            let root = self.adapter.graph().root(entity).context("the pack feeds every entity")?;
            let mut found = Records::new();
            for keys in self.keys(root).await?.chunks(PAGE) {
                for fetched in snapshot.fetch(entity, keys).await? {
                    let record = fetched.record?;
                    assert_eq!(record.key, keys[fetched.ordinal], "{entity}");
                    found.insert(record.key.clone(), record);
                }
            }
            records.insert(entity, found);
        }
        Fetched::new(&records).compare(world, &Dianella)
    }
}

fn address(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("dianella.db").display())
}

/// What `check` has to say, before and after sync has prepared the file.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_refused_and_nothing_is_read_whole() -> Result<()> {
    let sample = Sample::create(50, 60).await?;
    let fresh: Vec<Finding> = sample.adapter.check().await?;
    assert!(fresh.iter().all(|finding| !finding.what.contains("reads all of")), "{fresh:#?}");
    sample.adapter.begin().await?;
    let prepared = sample.adapter.check().await?;
    assert!(prepared.is_empty(), "{prepared:#?}");
    // `check` does not mind small tables that are read whole; here none is to be.
    let mut connection = sample.connection().await?;
    assert_eq!(scans(&mut connection).await?, Vec::<String>::new());
    // Nor by the fetches once SQLite knows how small they are: their joins begin at the keys.
    sqlx::raw_sql("analyze").execute(&mut connection).await?;
    let analyzed = scans(&mut connection).await?;
    assert!(analyzed.iter().all(|scan| scan.starts_with("from ")), "{analyzed:#?}");
    sqlx::raw_sql("delete from sqlite_stat1").execute(&mut connection).await?;
    let mut connection = sample.connection().await?;
    sqlx::raw_sql("drop index supplies_account; drop index supplies_nmi").execute(&mut connection).await?;
    let slow = scans(&mut connection).await?;
    assert!(slow.iter().any(|scan| scan.starts_with("account.plans.servicePointIds: ")), "{slow:#?}");
    assert!(slow.iter().any(|scan| scan.starts_with("from connection to account: ")), "{slow:#?}");
    Ok(())
}

/// Whatever reads a table from end to end, or makes an index for want of one: of the fetches, and of the paths from
/// changed rows to records.
async fn scans(connection: &mut SqliteConnection) -> Result<Vec<String>> {
    let pack = Pack::from_files(PACK).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let graph = pack.graph();
    let mut statements = Vec::new();
    for entity in graph.entities() {
        let queries = pack.queries(entity).context("each entity has queries")?;
        let keys = keys_relation(graph, graph.root(entity).context("each entity has a root")?);
        statements.push((entity.to_string(), queries.main.expand(&keys, "?2")));
        for array in &queries.arrays {
            statements.push((format!("{entity}.{}", array.path), array.template.expand(&keys, "?2")));
        }
    }
    for node in graph.node_ids() {
        for path in graph.feeding(node).iter().map(|path| graph.path(*path)) {
            let join = path_join(graph, path, &keys_relation(graph, path.from), quote);
            let name = format!("from {} to {}", graph.node(node).name, path.entity);
            statements.push((name, format!("select {} {}", join.key.join(", "), join.from)));
        }
    }
    assert!(statements.len() > 40, "{} statements", statements.len());
    let mut scans = Vec::new();
    for (name, sql) in statements {
        let plan =
            sqlx::query_as::<_, (i64, i64, i64, String)>(AssertSqlSafe(format!("explain query plan {sql}")));
        for (.., step) in plan.fetch_all(&mut *connection).await? {
            // The keys and other JSON, the sums of an invoice, and rows that the query itself lists.
            let own =
                ["VIRTUAL TABLE", "SCAN billed", "SCAN f", "CONSTANT ROW"].iter().any(|it| step.contains(it));
            if (step.starts_with("SCAN") && !own) || step.contains("AUTOMATIC") {
                scans.push(format!("{name}: {step}"));
            }
        }
    }
    Ok(scans)
}

/// Keys as the SQLite engine gives them: JSON, cast to the columns' types and collations.
fn keys_relation(graph: &EntityGraph, node: NodeId) -> String {
    let node = graph.node(node);
    let caseless = ["accounts", "debtors"].contains(&node.relation.as_str());
    let columns = node.key.iter().enumerate().map(|(at, column)| match column.key_type {
        KeyType::Integer => format!("cast(value ->> {at} as integer) as {}", column.name),
        _ if caseless => format!("cast(value ->> {at} as text) collate nocase as {}", column.name),
        _ => format!("cast(value ->> {at} as text) as {}", column.name),
    });
    format!("(select {}, key as ord from json_each(?1))", columns.collect::<Vec<_>>().join(", "))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_agrees_with_the_world_before_and_after_mutations() -> Result<()> {
    let sample = Sample::create(51, 100).await?;
    sample.adapter.begin().await?;
    let mut workload = sample.workload().await?;
    sample.assert_agrees(workload.world()).await?;
    for kind in MutationKind::ALL {
        assert_eq!(workload.step_kind(*kind).await?.kind, *kind);
    }
    for _ in 0..800 {
        workload.step().await?;
    }
    sample.assert_agrees(workload.world()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_number_changes_case_takes_everything_along() -> Result<()> {
    let sample = Sample::create(52, 30).await?;
    let position = sample.adapter.begin().await?;
    let mut workload = sample.workload().await?;
    let before: Vec<String> = workload.world().accounts().map(|account| account.number.clone()).collect();
    workload.step_kind(MutationKind::RecaseAccount).await?;
    let after: Vec<String> = workload.world().accounts().map(|account| account.number.clone()).collect();
    let changed = before.iter().zip(&after).find(|(before, after)| before != after);
    let (before, after) = changed.context("an account has another number")?;
    assert!(before.eq_ignore_ascii_case(after));
    let mut connection = sample.connection().await?;
    for table in ["grants", "supplies", "invoices", "postings", "debtors"] {
        let count =
            format!("select count(*) from {table} where account = $1 and account <> $1 collate binary");
        let behind: i64 =
            sqlx::query_scalar(AssertSqlSafe(count)).bind(after).fetch_one(&mut connection).await?;
        assert_eq!(behind, 0, "{table}");
    }
    let account = sample.adapter.graph().root(Entity::Account).context("accounts are fed")?;
    let mut feed = sample.adapter.changes(&position).await?;
    let mut heard = Vec::new();
    while !(heard.contains(before) && heard.contains(after)) {
        if let FeedEvent::Change(Change::Row { node, key, .. }, _) = feed.next().await?
            && node == account
        {
            heard.push(key.as_str().to_owned());
        }
    }
    sample.assert_agrees(workload.world()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_goes_on_where_another_stopped() -> Result<()> {
    let sample = Sample::create(53, 40).await?;
    let mut first = sample.workload().await?;
    for number in 0..150 {
        let step = if number % 7 == 0 {
            first.step_kind(MutationKind::MoveContact).await?
        } else {
            first.step().await?
        };
        assert_eq!(step.index, number);
    }
    let mut second = sample.workload().await?;
    assert_eq!(second.world().mutation_count(), 150);
    assert_eq!(second.step().await?.index, 150);
    // The first is behind now: it is told so, catches up, and goes on.
    assert!(matches!(first.step().await, Err(Error::Overtaken)));
    assert_eq!(first.step().await?.index, 150);
    assert_eq!(first.step().await?.index, 151);
    sample.assert_agrees(first.world()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_empty_files_and_own_samples_are_touched() -> Result<()> {
    let folder = TempDir::new()?;
    let address = address(&folder);
    assert!(matches!(Workload::open("localhost").await, Err(Error::Address)));
    assert!(matches!(Workload::open(&address).await, Err(Error::NoSample)));
    let path = folder.path().join("dianella.db");
    assert!(!path.exists());
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::raw_sql("create table precious (id integer)").execute(&mut connection).await?;
    assert!(matches!(Workload::open(&address).await, Err(Error::NoSample)));
    let config = WorldConfig { seed: 1, customers: 10, today: "2026-11-01".parse()?, months: 24 };
    let refused = create(&address, config.clone(), |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("precious"), "{refused}");
    sqlx::raw_sql("drop table precious").execute(&mut connection).await?;
    let mut stages = Vec::new();
    create(&address, config, |progress| stages.push(progress.stage)).await?;
    assert!(stages.contains(&"postings") && stages.last() == Some(&"indices"));
    let mode: String = sqlx::query_scalar("pragma journal_mode").fetch_one(&mut connection).await?;
    assert_eq!(mode, "wal");
    let broken = sqlx::query("pragma foreign_key_check").fetch_all(&mut connection).await?;
    assert!(broken.is_empty(), "rows point at nothing");
    sqlx::raw_sql("update wattle_sample_state set version = 0").execute(&mut connection).await?;
    assert!(matches!(Workload::open(&address).await, Err(Error::OtherVersion { found: 0 })));
    Ok(())
}
