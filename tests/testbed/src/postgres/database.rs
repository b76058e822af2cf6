//! One test's database, and the statements that reach it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{Postgres, SUPERUSER, Sharing};
use crate::{Proxy, eventually};

/// One row of [`Postgres::psql`], each value as text.
pub type Row = Vec<Option<String>>;

/// A database of a test's own. On the shared server it is dropped with its sessions and slots when the handle goes.
#[derive(Debug)]
pub struct Database {
    server: Postgres,
    name: String,
}

/// A statement as the server counted it: values are replaced by `$1`, `$2` …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The role that ran it.
    pub role: String,
    /// The normalised text.
    pub query: String,
    /// How often it was run.
    pub calls: i64,
    /// The rows it read or changed, over all calls.
    pub rows: i64,
}

impl Database {
    pub(super) fn new(server: Postgres, name: String) -> Database {
        Database { server, name }
    }

    /// The name, unique on its server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server it is on.
    pub fn server(&self) -> &Postgres {
        &self.server
    }

    /// The superuser's address.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// A role's address. Neither part may need escaping.
    pub fn url_as(&self, role: &str, password: &str) -> String {
        self.server.url_as(role, password, &self.name)
    }

    /// The superuser's address through a proxy in front of the server.
    pub fn url_through(&self, proxy: &Proxy) -> String {
        proxy.url(&self.url())
    }

    /// A superuser connection, driven by the current runtime.
    pub async fn client(&self) -> Result<Client> {
        self.server.client(&self.name).await
    }

    /// Runs any SQL text as the superuser and answers the rows of all its statements.
    pub async fn psql(&self, sql: &str) -> Result<Vec<Row>> {
        self.server.psql(&self.name, sql).await
    }

    /// The one value of the one row of a query, as text.
    pub async fn value(&self, sql: &str) -> Result<Option<String>> {
        let mut rows = self.psql(sql).await?;
        ensure!(rows.len() == 1 && rows[0].len() == 1, "not one value but {rows:?} from {sql}");
        Ok(rows.remove(0).remove(0))
    }

    /// Forgets the statements counted so far in this database.
    pub async fn reset_statements(&self) -> Result<()> {
        let sql = "select pg_stat_statements_reset(0, oid, 0) from pg_database where datname = $1";
        self.counters()
            .await?
            .execute(sql, &[&self.name])
            .await
            .context("forgetting the statements counted")?;
        Ok(())
    }

    /// The statements run in this database since the last reset, the most frequent first. They are the ones that
    /// clients sent, transaction control included, not those inside functions. Replication commands are not counted.
    pub async fn statements(&self) -> Result<Vec<Statement>> {
        let sql = "select r.rolname, s.query, s.calls, s.rows \
                   from pg_stat_statements s \
                   join pg_database d on d.oid = s.dbid \
                   join pg_roles r on r.oid = s.userid \
                   where d.datname = $1 \
                   order by s.calls desc, s.query";
        let rows = self
            .counters()
            .await?
            .query(sql, &[&self.name])
            .await
            .context("reading the statements counted")?;
        let statement = |row: &tokio_postgres::Row| Statement {
            role: row.get::<_, &str>(0).to_owned(),
            query: row.get(1),
            calls: row.get(2),
            rows: row.get(3),
        };
        Ok(rows.iter().map(statement).collect())
    }

    /// A connection to the maintenance database, so that counting leaves no trace in this one.
    async fn counters(&self) -> Result<Client> {
        ensure!(
            self.server.server.install.counts_statements,
            "this PostgreSQL has no pg_stat_statements: install its contrib package"
        );
        self.server.client(SUPERUSER).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.server.server.sharing == Sharing::OneTest {
            return;
        }
        // A destructor cannot wait for the runtime it may be running in, nor keep it from closing connections that are
        // being made, without which nothing can be removed: another thread does the work, and is not waited for. What it
        // does not get done goes with the server.
        let (server, name) = (self.server.clone(), self.name.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let removed = runtime.block_on(remove(&server, &name));
            if let Err(failure) = &removed {
                eprintln!("database {name} stays on the shared server: {failure:#}");
            }
            removed
        });
    }
}

/// Drops a database with everything that holds on to it.
async fn remove(server: &Postgres, name: &str) -> Result<()> {
    const LIMIT: Duration = Duration::from_secs(10); // an ended session lets go of its slot within milliseconds
    let client = server.client(SUPERUSER).await?;
    client.batch_execute(&format!("alter database {name} allow_connections false")).await?;
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
    client.execute(end, &[&name]).await?;
    let drop_slots = "select pg_drop_replication_slot(slot_name) from pg_replication_slots \
                      where database = $1 and not active";
    eventually(LIMIT, async || {
        client.execute(drop_slots, &[&name]).await?;
        let left = client
            .query("select slot_name::text from pg_replication_slots where database = $1", &[&name])
            .await?;
        ensure!(left.is_empty(), "slot {} is still in use", left[0].get::<_, &str>(0));
        Ok(())
    })
    .await?;
    client.batch_execute(&format!("drop database {name} with (force)")).await.context("dropping the database")
}

/// Runs any SQL text and answers the rows of all its statements.
pub(super) async fn psql(client: &Client, sql: &str) -> Result<Vec<Row>> {
    let messages = client.simple_query(sql).await.with_context(|| format!("running {sql}"))?;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
        }
        _ => None,
    });
    Ok(rows.collect())
}
