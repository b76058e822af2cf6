//! Connections to the file: read-only unless the outbox is written, with time-outs, and sure of which file it is.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Column, Connection, Executor, SqlSafeStr, Statement};
use wattle_core::{Entity, SourceError};
use wattle_sql::{Mapping, SourceValue};

use crate::catalogue::Catalogue;
use crate::error::source_error;
use crate::settings::Options;
use crate::value;

/// Steps of SQLite's machine between two looks at the clock: some ten microseconds.
const STEPS_PER_LOOK: i32 = 1_000;

/// How to reach the file.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) file: PathBuf,
    lock_timeout: Duration,
    statement_timeout: Duration,
}

/// Which file a path leads to: another one may have been put in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

/// A connection, and what it knows of the schema.
pub(crate) struct Session {
    connection: SqliteConnection,
    connector: Connector,
    opened: FileId,
    clock: Arc<Clock>,
    /// What is known of the tables, and the version of the schema that it holds for.
    pub(crate) catalogue: Option<(i64, Arc<Catalogue>)>,
    pub(crate) mappings: HashMap<(Entity, Option<usize>), Arc<Mapping>>,
}

/// When the running statement has to end.
struct Clock {
    start: Instant,
    deadline_ms: AtomicU64,
}

impl Clock {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Connector {
    pub(crate) fn new(file: PathBuf, options: &Options) -> Self {
        Self {
            file,
            lock_timeout: Duration::from_millis(options.lock_timeout_ms),
            statement_timeout: Duration::from_millis(options.statement_timeout_ms),
        }
    }

    /// A session that cannot write.
    pub(crate) async fn reader(&self) -> Result<Session, SourceError> {
        self.connect(SqliteConnectOptions::new().read_only(true)).await
    }

    /// A session for the outbox and its triggers.
    pub(crate) async fn writer(&self) -> Result<Session, SourceError> {
        self.connect(SqliteConnectOptions::new()).await
    }

    async fn connect(&self, options: SqliteConnectOptions) -> Result<Session, SourceError> {
        let opened = self.file_id().await?;
        let failed = |error| source_error(&self.file, "open the file", error);
        let options = options.filename(&self.file).create_if_missing(false).busy_timeout(self.lock_timeout);
        let mut connection = SqliteConnection::connect_with(&options).await.map_err(failed)?;
        let clock = Arc::new(Clock { start: Instant::now(), deadline_ms: AtomicU64::new(u64::MAX) });
        let watch = clock.clone();
        connection.lock_handle().await.map_err(failed)?.set_progress_handler(STEPS_PER_LOOK, move || {
            watch.now_ms() <= watch.deadline_ms.load(Ordering::Relaxed)
        });
        let connector = self.clone();
        Ok(Session { connection, connector, opened, clock, catalogue: None, mappings: HashMap::new() })
    }

    async fn file_id(&self) -> Result<FileId, SourceError> {
        let metadata = tokio::fs::metadata(&self.file).await.map_err(|error| SourceError::Config {
            what: format!("the file {} cannot be found: {error}", self.file.display()),
            fix: "name an existing SQLite file that Wattle's user may open, as sqlite:PATH".into(),
        })?;
        Ok(FileId { device: metadata.dev(), inode: metadata.ino() })
    }
}

impl Session {
    /// Does the path still lead to the file that was opened?
    pub(crate) async fn is_current(&self) -> Result<bool, SourceError> {
        Ok(self.connector.file_id().await? == self.opened)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.connector.file
    }

    /// Runs a statement whose parameters are texts, and returns all rows.
    pub(crate) async fn rows(
        &mut self,
        doing: &str,
        sql: &str,
        parameters: &[&str],
    ) -> Result<Vec<wattle_sql::Row>, SourceError> {
        self.begin_clock();
        let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
        for parameter in parameters {
            query = query.bind((*parameter).to_owned());
        }
        let rows = query.fetch_all(&mut self.connection).await;
        let rows = rows.map_err(|error| source_error(&self.connector.file, doing, error))?;
        Ok(rows.iter().map(value::row).collect())
    }

    /// Runs a statement that returns nothing of interest.
    pub(crate) async fn run(&mut self, doing: &str, sql: &str) -> Result<(), SourceError> {
        self.rows(doing, sql, &[]).await.map(drop)
    }

    /// The first value of the first row, as a whole number.
    pub(crate) async fn integer(&mut self, doing: &str, sql: &str) -> Result<i64, SourceError> {
        match self.rows(doing, sql, &[]).await?.first().and_then(|row| row.first()) {
            Some(SourceValue::Integer(number)) => Ok(*number),
            _ => Err(SourceError::Bug { what: format!("to {doing}, a number was expected") }),
        }
    }

    /// The names of a query's columns, without running it.
    pub(crate) async fn columns(&mut self, doing: &str, sql: &str) -> Result<Vec<String>, SourceError> {
        self.begin_clock();
        let statement = (&mut self.connection).prepare(AssertSqlSafe(sql.to_owned()).into_sql_str()).await;
        let statement = statement.map_err(|error| source_error(&self.connector.file, doing, error))?;
        Ok(statement.columns().iter().map(|column| column.name().to_owned()).collect())
    }

    fn begin_clock(&self) {
        let limit = u64::try_from(self.connector.statement_timeout.as_millis()).unwrap_or(u64::MAX);
        self.clock.deadline_ms.store(self.clock.now_ms().saturating_add(limit), Ordering::Relaxed);
    }
}
