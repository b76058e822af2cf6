//! Sessions: one tenant, for life.

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{self, Postgres};
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use tokio::sync::OwnedSemaphorePermit;
use wattle_core::TenantId;

use crate::TenantError;

/// The only way to run a statement on tenant data. On PostgreSQL: connections logged in as that tenant's own role, whose
/// grants reach no other tenant's partitions. On SQLite: connections to that tenant's own file.
pub struct TenantSession {
    pub(crate) tenant: TenantId,
    pub(crate) db: DatabaseConnection,
    /// The tenant's file, on SQLite.
    pub(crate) file: Option<std::path::PathBuf>,
    pub(crate) _permit: OwnedSemaphorePermit,
}

impl TenantSession {
    /// Whose data this session sees.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The tenant's connections. Unqualified table names are the tenant's own.
    pub fn db(&self) -> &DatabaseConnection {
        &self.db
    }

    /// Begins a transaction that writes. SQLite has one writer at a time: it is waited for here, rather than found to be
    /// in the way halfway through. Safe to drop at any await.
    #[expect(clippy::disallowed_methods, reason = "here it is carried to its end")]
    pub async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let sqlite = self.db.get_database_backend() == DbBackend::Sqlite;
        let mode = sqlite.then_some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
        let db = self.db.clone();
        to_its_end(async move { db.begin_with_options(options).await }).await
    }

    /// Takes the lock of that name within the tenant, unless another process or task has it. It is free again the
    /// moment that the lock is dropped or its holder is gone, however that came about.
    pub async fn try_lock(&self, name: &str) -> Result<Option<Lock>, TenantError> {
        match &self.file {
            Some(file) => Lock::file(&file.with_extension(format!("{name}.lock"))),
            None => {
                let (db, name) = (self.db.clone(), format!("wattle {name} {}", self.tenant));
                to_its_end(async move { Lock::advisory(&db, &name).await }).await
            }
        }
    }
}

/// Carries on to the end when the caller is gone, and lets go of the result then. The pool does not see what a session
/// was about to begin when it was given up: it would hand on the session with an open transaction, or with a lock.
async fn to_its_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(result) => result,
        // Nobody aborts it, so it panicked, or the runtime is going down and nobody is there to be answered.
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}

/// A held lock.
pub struct Lock(Held);

enum Held {
    /// An advisory lock goes with its connection.
    Advisory(PoolConnection<Postgres>),
    /// A file's lock goes with its descriptor.
    File { _open: std::fs::File },
}

impl Lock {
    async fn advisory(db: &DatabaseConnection, name: &str) -> Result<Option<Self>, TenantError> {
        let mut connection = db.get_postgres_connection_pool().acquire().await.map_err(connection_error)?;
        let (held,): (bool,) = sqlx::query_as("select pg_try_advisory_lock(hashtextextended($1, 0))")
            .bind(name)
            .fetch_one(&mut *connection)
            .await
            .map_err(connection_error)?;
        if !held {
            return Ok(None);
        }
        // Closed rather than returned to the pool: the lock goes with the connection.
        connection.close_on_drop();
        Ok(Some(Self(Held::Advisory(connection))))
    }

    pub(crate) fn file(path: &std::path::Path) -> Result<Option<Self>, TenantError> {
        let unusable = |error: std::io::Error| {
            TenantError::config(
                format!("{} cannot be locked: {error}", path.display()),
                "put the target's folder on a local file system that this user may write to",
            )
        };
        let file = std::fs::File::options().create(true).append(true).open(path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(Held::File { _open: file }))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Makes sure that the lock is still held; an error means that it may not be.
    pub async fn confirm(&mut self) -> Result<(), TenantError> {
        match &mut self.0 {
            Held::Advisory(connection) => {
                sqlx::query("select 1").execute(&mut **connection).await.map_err(connection_error)?;
            }
            // The system keeps it for as long as the file is open.
            Held::File { .. } => {}
        }
        Ok(())
    }
}

fn connection_error(error: sqlx::Error) -> TenantError {
    DbErr::Conn(RuntimeErr::SqlxError(error.into())).into()
}
