//! One test's database, and what only a test can do to it.

use anyhow::{Result, ensure};
use chrono::{Duration, NaiveDate, NaiveDateTime, NaiveTime};
use wattle_testbed::{Proxy, Row};

use crate::SqlServer;
use crate::session::{Outcome, Session};
use crate::wire::{Request, Value};

/// A database of a test's own. It goes with its server.
#[derive(Debug, Clone)]
pub struct Database {
    server: SqlServer,
    name: String,
}

/// A copy of a database as it was.
#[derive(Debug)]
pub struct Backup {
    name: String,
}

impl Database {
    pub(crate) fn new(server: SqlServer, name: String) -> Database {
        Database { server, name }
    }

    /// The name, unique on its server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server it is on.
    pub fn server(&self) -> &SqlServer {
        &self.server
    }

    /// The administrator's address.
    pub fn url(&self) -> String {
        self.url_as("sa", self.server.administrator_password())
    }

    /// A login's address. Neither part may need escaping.
    pub fn url_as(&self, login: &str, password: &str) -> String {
        self.server.url_as(login, password, &self.name)
    }

    /// The administrator's address through a proxy in front of the server.
    pub fn url_through(&self, proxy: &Proxy) -> String {
        proxy.url(&self.url())
    }

    /// Runs T-SQL as the administrator, in a session of its own, and answers the rows of all its statements, each value
    /// as text. `go` on a line of its own separates batches.
    pub async fn sql(&self, text: &str) -> Result<Vec<Row>> {
        let postgres = self.server.postgres();
        let session = Session::open(
            postgres.address(),
            "sa",
            postgres.superuser_password(),
            &self.name,
            "administrator",
        )
        .await;
        let mut session = session.map_err(|failure| anyhow::anyhow!("{failure}"))?;
        let mut rows = Vec::new();
        for batch in batches(text) {
            let request = Request { text: batch.clone(), parameters: Vec::new() };
            for outcome in session.run(request).await {
                match outcome {
                    Outcome::Rows { rows: more, .. } => {
                        rows.extend(more.iter().map(|row| row.iter().map(Value::text).collect::<Row>()));
                    }
                    Outcome::Failed(failure) => anyhow::bail!("{failure}\nin {batch}"),
                    Outcome::Count(_)
                    | Outcome::Done
                    | Outcome::Print(_)
                    | Outcome::Began(_)
                    | Outcome::Committed(_)
                    | Outcome::RolledBack(_) => {}
                }
            }
        }
        Ok(rows)
    }

    /// The one value of the one row of a query, as text.
    pub async fn value(&self, sql: &str) -> Result<Option<String>> {
        let mut rows = self.sql(sql).await?;
        ensure!(rows.len() == 1 && rows[0].len() == 1, "not one value but {rows:?} from {sql}");
        Ok(rows.remove(0).remove(0))
    }

    /// Creates a login with a user in this database. It may connect and nothing else.
    pub async fn login(&self, login: &str, password: &str) -> Result<()> {
        self.sql(&format!(
            "create login [{login}] with password = '{password}'; create user [{login}] for login [{login}]"
        ))
        .await
        .map(drop)
    }

    /// Forgets the changes of a table up to and with a version, as the clean-up after the retention does: the table's
    /// minimum valid version becomes that version.
    pub async fn forget_changes(&self, table: &str, version: i64) -> Result<()> {
        self.postgres(&format!("select sys.forget_changes('{}', {version})", table.replace('\'', "''"))).await
    }

    /// From now on the database answers as a readable secondary does, which has no change tracking (error 22117), or
    /// no longer.
    pub async fn act_as(&self, replica: Replica) -> Result<()> {
        let secondary = replica == Replica::Secondary;
        self.postgres(&format!("update sys.settings set secondary = {secondary}")).await
    }

    /// Ends every session of the database.
    pub async fn disconnect_all(&self) -> Result<()> {
        let end = format!(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '{}'",
            self.name
        );
        self.server.postgres().psql("postgres", &end).await.map(drop)
    }

    /// Copies the database as it is. Its sessions are ended, as PostgreSQL cannot copy what is in use.
    pub async fn back_up(&self) -> Result<Backup> {
        let name = self.server.unique_name("backup");
        self.server.copy(&self.name, &name).await?;
        Ok(Backup { name })
    }

    /// Sets the database back to a copy: rows, versions of change tracking and all, on another recovery fork. Its
    /// sessions are ended.
    pub async fn restore(&self, backup: &Backup) -> Result<()> {
        let postgres = self.server.postgres();
        postgres.psql("postgres", &format!("drop database {} with (force)", self.name)).await?;
        self.server.copy(&backup.name, &self.name).await?;
        self.postgres("update sys.settings set recovery_fork_guid = gen_random_uuid()").await
    }

    /// Runs PostgreSQL's SQL.
    pub(crate) async fn postgres(&self, sql: &str) -> Result<()> {
        self.server.postgres().psql(&self.name, sql).await.map(drop)
    }
}

/// What a database is in an availability group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replica {
    /// It takes writes and tracks changes.
    Primary,
    /// It can be read and has no change tracking.
    Secondary,
}

/// The batches between lines that say `go`.
fn batches(text: &str) -> Vec<String> {
    let mut batches = vec![String::new()];
    for line in text.lines() {
        if line.trim().eq_ignore_ascii_case("go") {
            batches.push(String::new());
        } else if let Some(batch) = batches.last_mut() {
            batch.push_str(line);
            batch.push('\n');
        }
    }
    batches
}

impl Value {
    /// The value as text, in the form of ISO 8601 where there is one; none for NULL.
    pub(crate) fn text(&self) -> Option<String> {
        let day = |days: i64| NaiveDate::from_ymd_opt(2000, 1, 1)?.checked_add_signed(Duration::days(days));
        Some(match self {
            Value::Null => return None,
            Value::Bool(value) => u8::from(*value).to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Decimal { mantissa, scale } => decimal_text(*mantissa, usize::from(*scale)),
            Value::Text(text) => text.clone(),
            Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
            Value::Guid(bytes) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
            }
            Value::Date(days) => day(i64::from(*days))?.to_string(),
            Value::Time(microseconds) => (NaiveTime::MIN + Duration::microseconds(*microseconds)).to_string(),
            Value::Timestamp(microseconds) => {
                let start = NaiveDateTime::new(day(0)?, NaiveTime::MIN);
                start.checked_add_signed(Duration::microseconds(*microseconds))?.to_string()
            }
        })
    }
}

fn decimal_text(mantissa: i128, scale: usize) -> String {
    let digits = format!("{:0width$}", mantissa.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if mantissa < 0 { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{fraction}")
}
