//! A small retailer in a file of its own, as its program would use it.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tempfile::TempDir;
use wattle_core::{
    Change, Entity, Feed, FeedEvent, Fence, Fetched, Key, Position, SourceAdapter, SourceError,
};
use wattle_sql::Pack;
use wattle_sqlite::{Options, SqliteAdapter};

const TABLES: &str = "
create table account (
    account_no text collate nocase primary key, opened_on text not null default '2024-07-01',
    email text unique, deleted_at text);
create table contact (contact_id integer primary key, account_no text collate nocase not null, last_name text not null);
create index contact_account on contact (account_no);
create table person (person_id integer primary key, kind text not null default 'P');
create table holding (
    person_id integer not null, account_no text collate nocase not null, role text not null default 'H',
    primary key (person_id, account_no)) without rowid;
create table bill (
    bill_id integer primary key, account_no text collate nocase not null, issued_on text not null default '2026-10-01',
    usage text not null default '12.5');
create table bill_line (
    bill_id integer not null, line_no integer not null, label text not null, amount numeric not null,
    primary key (bill_id, line_no)) without rowid;
";

const GRAPH: &str = r#"
zone = "Australia/Melbourne"
[node.account]
relation = "account"
key = ["account_no text"]
[node.contact]
relation = "contact"
key = ["contact_id integer"]
owned_by = [{ node = "account", by = ["account_no"] }]
[node.person]
relation = "person"
key = ["person_id integer"]
[node.holding]
relation = "holding"
key = ["person_id integer", "account_no text"]
owned_by = [{ node = "person", by = ["person_id"] }, { node = "account", by = ["account_no"] }]
[node.bill]
relation = "bill"
key = ["bill_id integer"]
owned_by = [{ node = "account", by = ["account_no"] }]
[node.bill_line]
relation = "bill_line"
key = ["bill_id integer", "line_no integer"]
owned_by = [{ node = "bill", by = ["bill_id"], moves = false, changes = "with-predecessor" }]
[entity.customer]
root = "person"
[entity.account]
root = "account"
reads = ["contact"]
[entity.holding]
root = "holding"
[entity.invoice]
root = "bill"
reads = ["bill_line"]
[map.customer]
customerUType = { P = "person" }
[map.holding]
role = { H = "HOLDER" }
"#;

pub(crate) const FILES: &[(&str, &str)] = &[
    ("graph.toml", GRAPH),
    (
        "fetch/customer.sql",
        r#"select k.ord as "$ord", p.person_id as "$key", p.kind as "customerUType",
                  'Nguyen' as "person.lastName"
           from {keys} k join person p on p.person_id = k.person_id"#,
    ),
    (
        "fetch/account.sql",
        r#"select k.ord as "$ord", a.account_no as "$key", a.account_no as "accountNumber",
                  a.opened_on as "creationDate", 'OPEN' as "openStatus"
           from {keys} k join account a on a.account_no = k.account_no
           where a.deleted_at is null or a.deleted_at > {now}"#,
    ),
    (
        "fetch/account.plans.sql",
        r#"select k.ord as "$ord", c.contact_id as "$from.contact", c.last_name as "nickname",
                  'none' as "$plan", '2024-07-01' as "planOverview.startDate"
           from {keys} k join contact c on c.account_no = k.account_no order by k.ord, c.contact_id"#,
    ),
    (
        "fetch/holding.sql",
        r#"select k.ord as "$ord", h.person_id as "$key.person_id", h.account_no as "$key.account_no",
                  h.person_id as "$owner.customer", h.account_no as "$owner.account", h.role as "role", 1 as "shareable"
           from {keys} k join holding h on h.person_id = k.person_id and h.account_no = k.account_no"#,
    ),
    (
        "fetch/invoice.sql",
        r#"select k.ord as "$ord", b.bill_id as "$key", b.account_no as "$owner.account",
                  b.bill_id as "invoiceNumber", b.issued_on as "issueDate", 'PAID' as "paymentStatus",
                  b.usage as "balanceAtIssue",
                  b.usage as "electricity.totalUsageCharges", '0' as "electricity.totalGenerationCredits",
                  0 as "electricity.totalOnceOffCharges", 0 as "electricity.totalOnceOffDiscounts",
                  (select printf('%.2f', sum(l.amount)) from bill_line l where l.bill_id = b.bill_id)
                      as "invoiceAmount"
           from {keys} k join bill b on b.bill_id = k.bill_id"#,
    ),
    (
        "fetch/invoice.electricity.otherCharges.sql",
        r#"select k.ord as "$ord", l.label as "description", printf('%.2f', l.amount) as "amount"
           from {keys} k join bill_line l on l.bill_id = k.bill_id order by k.ord, l.line_no"#,
    ),
];

pub(crate) struct Retailer {
    pub(crate) folder: TempDir,
    pub(crate) connection: SqliteConnection,
    pub(crate) adapter: SqliteAdapter,
}

pub(crate) async fn open(file: &std::path::Path, journal: &str) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).foreign_keys(false);
    let mut connection =
        SqliteConnection::connect_with(&options).await.expect("the retailer's file is as it should be");
    run(&mut connection, &format!("pragma journal_mode = {journal}")).await;
    connection
}

pub(crate) async fn run(connection: &mut SqliteConnection, sql: &str) {
    connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

impl Retailer {
    pub(crate) async fn new() -> Self {
        Self::with("wal", Options { lock_timeout_ms: 100, ..Options::default() }).await
    }

    pub(crate) async fn with(journal: &str, options: Options) -> Self {
        Self::with_pack(journal, options, FILES).await
    }

    pub(crate) async fn with_pack(journal: &str, options: Options, files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("the retailer's file is as it should be");
        let file = folder.path().join("billing.db");
        let mut connection = open(&file, journal).await;
        run(&mut connection, TABLES).await;
        let pack = Pack::from_files(files).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let adapter = SqliteAdapter::new(pack, &format!("sqlite:{}", file.display()), options)
            .expect("the retailer's file is as it should be");
        Self { folder, connection, adapter }
    }

    /// The same file behind a new adapter, which has no session yet.
    pub(crate) fn reopened(self) -> Self {
        let pack = Pack::from_files(FILES).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let adapter =
            SqliteAdapter::new(pack, &format!("sqlite://{}", self.file().display()), Options::default());
        Self { adapter: adapter.expect("the address is one"), ..self }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("billing.db")
    }

    pub(crate) async fn run(&mut self, sql: &str) {
        run(&mut self.connection, sql).await;
    }

    /// What a feed yields until the position of now, each as text: `bill 7 Update`.
    pub(crate) async fn heard(&self, feed: &mut Box<dyn Feed>) -> Vec<String> {
        let until = self.adapter.now().await.expect("the retailer's file is as it should be");
        let mut heard = Vec::new();
        loop {
            let event = tokio::time::timeout(Duration::from_secs(20), feed.next()).await.expect("an event");
            match event.expect("the retailer's file is as it should be") {
                FeedEvent::Change(change, _) => heard.push(self.told(&change)),
                FeedEvent::Commit(position) | FeedEvent::Idle(position) => {
                    feed.acknowledge(&position);
                    if self.adapter.reached(&position, &until) {
                        return heard;
                    }
                }
            }
        }
    }

    fn told(&self, change: &Change) -> String {
        let name = &self.adapter.graph().node(change.node()).name;
        match change {
            Change::Row { key, hint, .. } => format!("{name} {key} {hint:?}"),
            Change::Whole { .. } => format!("{name} whole"),
            Change::SchemaChanged { .. } => format!("{name} altered"),
            Change::Record { .. } | Change::Owned { .. } => panic!("no source says this"),
        }
    }

    pub(crate) async fn fetch(&self, entity: Entity, keys: &[&str]) -> Result<Vec<Fetched>, SourceError> {
        self.fetch_behind(&Fence::default(), entity, keys).await
    }

    pub(crate) async fn fetch_behind(
        &self,
        fence: &Fence,
        entity: Entity,
        keys: &[&str],
    ) -> Result<Vec<Fetched>, SourceError> {
        let keys: Vec<Key> = keys.iter().map(|key| Key::from_canonical(*key)).collect();
        self.adapter.snapshot(fence).await?.fetch(entity, &keys).await
    }

    pub(crate) async fn begin(&self) -> (Position, Box<dyn Feed>) {
        let position = self.adapter.begin().await.expect("the retailer's file is as it should be");
        let feed = self.adapter.changes(&position).await.expect("the retailer's file is as it should be");
        (position, feed)
    }
}

/// The pack with another text in one file.
pub(crate) fn with(file: &str, change: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let changed = |(path, text): &(&str, &str)| {
        let text = if *path == file { change(text) } else { (*text).to_owned() };
        ((*path).to_owned(), text)
    };
    FILES.iter().map(changed).collect()
}

pub(crate) fn borrowed(files: &[(String, String)]) -> Vec<(&str, &str)> {
    files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect()
}
