//! A small retailer on a MariaDB server, or on MySQL where the testbed has one, as its software would use it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use regex::Regex;
use wattle_core::{
    Change, Entity, Feed, FeedEvent, Fence, Fetched, Finding, Key, Position, Severity, SourceAdapter,
};
use wattle_mysql::{MySqlAdapter, Options};
use wattle_sql::Pack;
use wattle_testbed::{MariaDatabase, MariaDb, is_mysql};

const TABLES: &str = "
create table person (person_id int unsigned primary key, kind char(1) not null default 'P');
create table site (site_id binary(16) primary key, suburb varchar(40) not null) default character set utf8mb4;
create table account (
    opened_on date not null default '2024-07-01', balance decimal(12, 2) unsigned,
    acct_no varchar(12) primary key, site_id binary(16), seen_at datetime(3), email varchar(40), until_at datetime,
    foreign key (site_id) references site (site_id) on delete set null
) default character set latin1 collate latin1_general_ci;
create table contact (
    note text, contact_id bigint unsigned primary key, acct_no varchar(12) character set latin1 collate latin1_general_ci not null,
    last_name varchar(40) not null,
    foreign key (acct_no) references account (acct_no) on update cascade on delete cascade) default character set utf8mb4;
create table meter (
    meter_id uuid primary key, acct_no varchar(12) character set latin1 collate latin1_general_ci not null, name varchar(40) not null,
    foreign key (acct_no) references account (acct_no) on update cascade on delete cascade) default character set utf8mb4;
create table holding (
    person_id int unsigned not null, acct_no varchar(12) character set latin1 collate latin1_general_ci not null,
    role char(1) not null default 'H', primary key (acct_no, person_id)) default character set utf8mb4;
create table bill (
    total decimal(14, 2) not null default 12.5, bill_no char(8) not null, issued_on date not null, step decimal(8, 3) not null default 0.5,
    acct_no varchar(12) character set latin1 collate latin1_general_ci not null, paid_at timestamp null,
    primary key (bill_no, issued_on, step), key (acct_no)) default character set latin1;
create table bill_line (
    bill_no char(8) not null, issued_on date not null, step decimal(8, 3) not null default 0.5, line_no tinyint not null,
    label varchar(40) not null, amount decimal(14, 2) not null,
    primary key (bill_no, issued_on, step, line_no)) default character set latin1;
";

const GRAPH: &str = r#"
zone = "Australia/Melbourne"
[node.person]
relation = "person"
key = ["person_id integer"]
[node.site]
relation = "site"
key = ["site_id uuid"]
[node.account]
relation = "account"
key = ["acct_no text"]
refers_to = [{ node = "site", by = ["site_id"] }]
[node.contact]
relation = "contact"
key = ["contact_id integer"]
owned_by = [{ node = "account", by = ["acct_no"] }]
[node.meter]
relation = "meter"
key = ["meter_id uuid"]
owned_by = [{ node = "account", by = ["acct_no"] }]
[node.holding]
relation = "holding"
key = ["person_id integer", "acct_no text"]
owned_by = [{ node = "person", by = ["person_id"] }, { node = "account", by = ["acct_no"] }]
[node.bill]
relation = "bill"
key = ["bill_no text", "issued_on date", "step decimal"]
owned_by = [{ node = "account", by = ["acct_no"] }]
[node.bill_line]
relation = "bill_line"
key = ["bill_no text", "issued_on date", "step decimal", "line_no integer"]
owned_by = [{ node = "bill", by = ["bill_no", "issued_on", "step"], moves = false, changes = "with-predecessor" }]
[entity.customer]
root = "person"
[entity.account]
root = "account"
reads = ["contact", "meter", "site"]
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
        r#"select k.ord as "$ord", a.acct_no as "$key", a.acct_no as "accountNumber", s.site_id as "$from.site",
                  a.opened_on as "creationDate", 'CLOSED' as "openStatus", s.suburb as "displayName"
           from {keys} k join account a on a.acct_no = k.acct_no left join site s on s.site_id = a.site_id
           where a.until_at is null or a.until_at > {now}"#,
    ),
    (
        "fetch/account.plans.sql",
        r#"select k.ord as "$ord", c.contact_id as "$from.contact", m.meter_id as "$from.meter",
                  concat_ws(' ', c.last_name, m.name) as "nickname"
           from {keys} k join contact c on c.acct_no = k.acct_no left join meter m on m.acct_no = c.acct_no
           order by k.ord, c.contact_id"#,
    ),
    (
        "fetch/holding.sql",
        r#"select k.ord as "$ord", h.person_id as "$key.person_id", h.acct_no as "$key.acct_no",
                  h.person_id as "$owner.customer", h.acct_no as "$owner.account", h.role as "role", true as "shareable"
           from {keys} k join holding h on h.person_id = k.person_id and h.acct_no = k.acct_no"#,
    ),
    (
        "fetch/invoice.sql",
        r#"select k.ord as "$ord", b.bill_no as "$key.bill_no", b.issued_on as "$key.issued_on", b.step as "$key.step",
                  b.acct_no as "$owner.account",
                  b.bill_no as "invoiceNumber", b.issued_on as "issueDate", 'PAID' as "paymentStatus", b.total as "balanceAtIssue",
                  b.total as "electricity.totalUsageCharges", 0 as "electricity.totalGenerationCredits",
                  0 as "electricity.totalOnceOffCharges", 0 as "electricity.totalOnceOffDiscounts"
           from {keys} k join bill b on b.bill_no = k.bill_no and b.issued_on = k.issued_on and b.step = k.step"#,
    ),
    (
        "fetch/invoice.electricity.otherCharges.sql",
        r#"select k.ord as "$ord", l.label as "description", l.amount as "amount"
           from {keys} k join bill_line l on l.bill_no = k.bill_no and l.issued_on = k.issued_on and l.step = k.step
           order by k.ord, l.line_no"#,
    ),
];

pub(crate) struct Retailer {
    pub(crate) server: MariaDb,
    pub(crate) database: MariaDatabase,
    /// The login that reads.
    pub(crate) reader: String,
    pub(crate) adapter: MySqlAdapter,
}

impl Retailer {
    /// On the server that all tests share.
    pub(crate) async fn new() -> Result<Self> {
        Self::on(MariaDb::shared().await?.clone(), FILES).await
    }

    /// On a server of its own with these settings.
    pub(crate) async fn alone(settings: &[&str]) -> Result<Self> {
        Self::on(MariaDb::start_with(settings).await?, FILES).await
    }

    pub(crate) async fn on(server: MariaDb, files: &[(&str, &str)]) -> Result<Self> {
        let database = server.database("small").await?;
        database.sql(&as_read(TABLES)?).await?;
        let reader = server.unique_name("reader");
        let grants = format!(
            "create user {reader}@'%' identified by 'reads';
             grant replication slave, replication client on *.* to {reader}@'%';
             grant select on {}.* to {reader}@'%'",
            database.name()
        );
        server.sql("", &grants).await?;
        let adapter = adapter(&database.url_as(&reader, "reads"), files, Options::default())?;
        Ok(Self { server, database, reader, adapter })
    }

    pub(crate) fn with_options(&self, options: Options) -> Result<MySqlAdapter> {
        adapter(&self.database.url_as(&self.reader, "reads"), FILES, options)
    }

    pub(crate) async fn sql(&self, sql: &str) -> Result<()> {
        self.database.sql(&as_read(sql)?).await.map(drop)
    }

    /// Is it MySQL, of this version or a later one?
    pub(crate) async fn is_mysql_since(&self, major: u32, minor: u32) -> Result<bool> {
        let version = self.database.value("select version()").await?.context("it has a version")?;
        let mut parts = version.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or_default());
        let found = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        Ok(is_mysql() && found >= (major, minor))
    }

    /// The server's own count of something.
    pub(crate) async fn status(&self, name: &str) -> Result<String> {
        let schema = if is_mysql() { "performance_schema" } else { "information_schema" };
        let sql = format!("select variable_value from {schema}.global_status where variable_name = '{name}'");
        self.database.value(&sql).await?.with_context(|| format!("there is no count of {name}"))
    }

    pub(crate) async fn begin(&self) -> Result<(Position, Box<dyn Feed>)> {
        let position = self.adapter.begin().await?;
        let feed = self.adapter.changes(&position).await?;
        Ok((position, feed))
    }

    /// What a feed yields until the position of now, each as text, and how far that was.
    pub(crate) async fn heard(&self, feed: &mut Box<dyn Feed>) -> Result<(Vec<String>, Position)> {
        let until = self.adapter.now().await?;
        let mut heard = Vec::new();
        loop {
            match next(feed).await? {
                FeedEvent::Change(change, _) => heard.push(self.told(&change)?),
                FeedEvent::Commit(position) | FeedEvent::Idle(position) => {
                    if self.adapter.reached(&position, &until) {
                        return Ok((heard, position));
                    }
                }
            }
        }
    }

    pub(crate) fn told(&self, change: &Change) -> Result<String> {
        let name = &self.adapter.graph().node(change.node()).name;
        Ok(match change {
            Change::Row { key, hint, .. } => format!("{name} {key} {hint:?}"),
            Change::Whole { .. } => format!("{name} whole"),
            Change::SchemaChanged { .. } => format!("{name} altered"),
            Change::Record { .. } | Change::Owned { .. } => bail!("no source says this"),
        })
    }

    pub(crate) async fn fetch(&self, entity: Entity, keys: &[&str]) -> Result<Vec<Fetched>> {
        let keys: Vec<Key> = keys.iter().map(|key| Key::from_canonical(*key)).collect();
        Ok(self.adapter.snapshot(&Fence::default()).await?.fetch(entity, &keys).await?)
    }

    /// What `check` refuses.
    pub(crate) async fn refused(&self) -> Result<Vec<Finding>> {
        refused(&self.adapter).await
    }
}

/// SQL as the server reads it; it is written as MariaDB does, which has a type for UUIDs and tables of numbers.
fn as_read(sql: &str) -> Result<String> {
    if !is_mysql() {
        return Ok(sql.to_owned());
    }
    let uuid = Regex::new("'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'|uuid\\(\\)")?;
    let numbers = Regex::new("seq_1_to_([0-9]+)")?;
    let counted =
        "(with recursive numbers (seq) as (select 1 union all select seq + 1 from numbers where seq < $1)
                    select seq from numbers) numbers";
    let sql = sql.replace("meter_id uuid", "meter_id binary(16)");
    let sql = uuid.replace_all(&sql, "uuid_to_bin($0)");
    Ok(format!("set cte_max_recursion_depth = 100000; {}", numbers.replace_all(&sql, counted)))
}

pub(crate) async fn refused(adapter: &MySqlAdapter) -> Result<Vec<Finding>> {
    let mut findings = adapter.check().await?;
    findings.retain(|finding| finding.severity == Severity::Refused);
    Ok(findings)
}

pub(crate) fn adapter(url: &str, files: &[(&str, &str)], options: Options) -> Result<MySqlAdapter> {
    let pack = Pack::from_files(files).map_err(|errors| anyhow::anyhow!("{errors:#?}"))?;
    Ok(MySqlAdapter::new(pack, url, options)?)
}

/// The next event of a feed that has one.
pub(crate) async fn next(feed: &mut Box<dyn Feed>) -> Result<FeedEvent> {
    let event = tokio::time::timeout(Duration::from_secs(30), feed.next()).await;
    Ok(event.context("the feed has nothing to say")??)
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
