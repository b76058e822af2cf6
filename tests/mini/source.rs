//! The small retailer's database on any engine, and the work of its administrator.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tempfile::TempDir;
use wattle_core::{Finding, SourceAdapter};
use wattle_mysql::MySqlAdapter;
use wattle_postgres::{Options, PostgresAdapter};
use wattle_sql::Pack;
use wattle_sqlite::SqliteAdapter;
use wattle_sqlserver::SqlServerAdapter;
use wattle_tds_simulator::SqlServer;
use wattle_testbed::{Database, Engine, MariaDatabase, MariaDb, Postgres};

use super::{PATIENCE, READER_PASSWORD, pack, refused};

/// A source of a test's own.
pub(crate) enum Source {
    /// A database, and the login that reads it.
    Postgres { database: Arc<Database>, reader: String },
    /// A file in a scratch folder.
    Sqlite(TempDir),
    /// A database, and the login that reads it.
    MariaDb { database: MariaDatabase, reader: String },
    /// A simulated database, and the login that reads it.
    SqlServer { database: wattle_tds_simulator::Database, reader: String },
}

impl Source {
    /// The retailer's tables, without rows.
    pub(crate) async fn new(engine: Engine, server: &Postgres) -> Result<Self> {
        let source = match engine {
            Engine::Postgres => {
                let database = server.database("mini").await?;
                let reader = format!("{}_reader", database.name());
                database
                    .psql(&format!(
                        "create role {reader} login password '{READER_PASSWORD}'; {}",
                        pack::SCHEMAS
                    ))
                    .await?;
                Self::Postgres { database: Arc::new(database), reader }
            }
            Engine::Sqlite => {
                let folder = tempfile::tempdir()?;
                let file = SqliteConnectOptions::new().filename(folder.path().join("mini.db"));
                let made = file.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
                SqliteConnection::connect_with(&made).await?.close().await?;
                Self::Sqlite(folder)
            }
            Engine::MariaDb => return Self::on_mariadb(MariaDb::shared().await?).await,
            Engine::SqlServer => {
                let database = SqlServer::shared().await?.database("mini").await?;
                let reader = format!("{}_reader", database.name());
                database.login(&reader, READER_PASSWORD).await?;
                database.sql(&pack::SCHEMAS.replace("; ", "\ngo\n")).await?;
                Self::SqlServer { database, reader }
            }
        };
        source.sql(pack::TABLES).await?;
        Ok(source)
    }

    /// The same on a server of MariaDB.
    pub(crate) async fn on_mariadb(server: &MariaDb) -> Result<Self> {
        let database = server.database("mini").await?;
        let reader = format!("{}_reader", database.name());
        // Texts are equal as on the other engines: byte by byte.
        database
            .sql(&format!(
                "create user {reader}@'%' identified by '{READER_PASSWORD}';
                 alter database {} collate utf8mb4_bin",
                database.name()
            ))
            .await?;
        let source = Self::MariaDb { database, reader };
        source.sql(pack::TABLES).await?;
        Ok(source)
    }

    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Postgres { .. } => Engine::Postgres,
            Self::Sqlite(_) => Engine::Sqlite,
            Self::MariaDb { .. } => Engine::MariaDb,
            Self::SqlServer { .. } => Engine::SqlServer,
        }
    }

    /// The database, in tests that have the source on MariaDB.
    pub(crate) fn mariadb(&self) -> &MariaDatabase {
        match self {
            Self::MariaDb { database, .. } => database,
            Self::Postgres { .. } | Self::Sqlite(_) | Self::SqlServer { .. } => {
                panic!("this test's source is another engine's")
            }
        }
    }

    /// The database, in tests that have the source on the simulator.
    pub(crate) fn sqlserver(&self) -> &wattle_tds_simulator::Database {
        match self {
            Self::SqlServer { database, .. } => database,
            Self::Postgres { .. } | Self::Sqlite(_) | Self::MariaDb { .. } => {
                panic!("this test's source is another engine's")
            }
        }
    }

    /// The file, in tests that have the source in one.
    pub(crate) fn file(&self) -> PathBuf {
        match self {
            Self::Postgres { .. } | Self::MariaDb { .. } | Self::SqlServer { .. } => {
                panic!("this test's source is a database")
            }
            Self::Sqlite(folder) => folder.path().join("mini.db"),
        }
    }

    /// Runs SQL, all of it or nothing, as the source's administrator; on MariaDB, where nothing that alters tables is part of
    /// a transaction, as far as that goes.
    pub(crate) async fn sql(&self, sql: &str) -> Result<()> {
        let sql = pack::on(self.engine(), sql);
        if let Self::Postgres { database, .. } = self {
            return database.psql(&sql).await.map(drop);
        }
        if let Self::MariaDb { database, .. } = self {
            let sql = sql.trim_end().trim_end_matches(';');
            let work = if sql.is_empty() { String::new() } else { format!("{sql};") };
            return database.sql(&format!("begin; {work} commit")).await.map(drop);
        }
        if let Self::SqlServer { database, .. } = self {
            return database.sql(&format!("set xact_abort on; begin tran; {sql}; commit")).await.map(drop);
        }
        let options = SqliteConnectOptions::new().filename(self.file()).busy_timeout(PATIENCE);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let mut work = connection.begin_with("begin immediate").await?;
        work.execute(AssertSqlSafe(sql.clone())).await.with_context(|| format!("running {sql}"))?;
        work.commit().await?;
        connection.close().await?;
        Ok(())
    }

    /// SQL that empties tables without a word about their rows: on SQLite they are built anew, without triggers.
    pub(crate) fn emptied(&self, tables: &[&str]) -> String {
        match self {
            Self::Postgres { .. } => format!("truncate {};", tables.join(", ")),
            Self::MariaDb { .. } => tables.iter().map(|table| format!("truncate {table};")).collect(),
            Self::SqlServer { .. } => tables.iter().map(|table| format!("truncate table {table};")).collect(),
            Self::Sqlite(_) => pack::built_anew(tables),
        }
    }

    /// Copies the file as it is, page by page.
    pub(crate) async fn copy(&self) -> Result<PathBuf> {
        let copy = self.file().with_extension("copy");
        let mut connection =
            SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(self.file())).await?;
        connection.execute("pragma wal_checkpoint(truncate)").await?;
        std::fs::copy(self.file(), &copy)?;
        connection.close().await?;
        Ok(copy)
    }

    /// Puts another file in the file's place.
    pub(crate) fn replace_with(&self, other: &Path) -> Result<()> {
        for suffix in ["-wal", "-shm"] {
            let beside = format!("{}{suffix}", self.file().display());
            if std::fs::exists(&beside)? {
                std::fs::remove_file(beside)?;
            }
        }
        Ok(std::fs::rename(other, self.file())?)
    }

    /// The adapter of this source with a pack. Options are those of PostgreSQL, which has some to be tested.
    pub(crate) fn adapter(&self, pack: &Pack, options: Options) -> Result<Arc<dyn SourceAdapter>> {
        Ok(match self {
            Self::Postgres { database, reader } => {
                let url = database.url_as(reader, READER_PASSWORD);
                Arc::new(PostgresAdapter::new(pack.clone(), &url, slot_of(database), options)?)
            }
            Self::Sqlite(_) => {
                let url = format!("sqlite:{}", self.file().display());
                Arc::new(SqliteAdapter::new(pack.clone(), &url, Default::default())?)
            }
            Self::MariaDb { database, reader } => {
                let url = database.url_as(reader, READER_PASSWORD);
                Arc::new(MySqlAdapter::new(pack.clone(), &url, Default::default())?)
            }
            Self::SqlServer { database, reader } => {
                let url = database.url_as(reader, READER_PASSWORD);
                Arc::new(SqlServerAdapter::new(pack.clone(), &url, Default::default())?)
            }
        })
    }

    /// Does what `check` prints, until nothing is missing: exactly those grants, and that publication.
    pub(crate) async fn do_as_check_says(&self, adapter: &dyn SourceAdapter) -> Result<()> {
        // A grant can bring to light what could not be looked at before.
        for _ in 0..5 {
            let findings = refused(adapter).await?;
            if findings.is_empty() {
                return Ok(());
            }
            for Finding { what, fix, .. } in findings {
                let done = match self {
                    // What is set for a database is part of no transaction.
                    Self::SqlServer { database, .. } => database.sql(&fix).await.map(drop),
                    _ => self.sql(&fix).await,
                };
                done.with_context(|| format!("the fix for `{what}` was {fix}"))?;
            }
        }
        bail!("the source still does not pass its check: {:?}", refused(adapter).await?)
    }
}

pub(crate) fn slot_of(database: &Database) -> String {
    format!("{}_slot", database.name())
}
