//! The lease: at most one process syncs a source.
//!
//! Two parts. An advisory lock on a connection of its own says who is at work; the database frees it the moment that
//! connection ends, so a killed process is replaced at once. A token on the marker rows, raised with each lease, makes
//! sure that a process which does not know yet that it lost the lock can move no marker.

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{self, Postgres};
use wattle_tenants::TenantSession;

use crate::SyncError;
use crate::store::{Scope, marker};

/// A held lease.
pub(crate) struct Lease {
    connection: PoolConnection<Postgres>,
    /// Raised with each lease of the source.
    pub(crate) token: i64,
}

impl Lease {
    /// Takes the lease, unless another process has it.
    pub(crate) async fn acquire(session: &TenantSession, scope: &Scope) -> Result<Option<Self>, SyncError> {
        let mut connection = session.db().get_postgres_connection_pool().acquire().await.map_err(target)?;
        let name = format!("wattle sync {} {}", scope.tenant, scope.source);
        let (held,): (bool,) = sqlx::query_as("select pg_try_advisory_lock(hashtextextended($1, 0))")
            .bind(name)
            .fetch_one(&mut *connection)
            .await
            .map_err(target)?;
        if !held {
            return Ok(None);
        }
        // Closed rather than returned to the pool: the lock goes with the connection.
        connection.close_on_drop();
        marker::ensure(session.db(), scope).await?;
        let token = marker::take_over(session.db(), scope).await?;
        Ok(Some(Self { connection, token }))
    }

    /// Asks the connection that holds the lock whether it is still there.
    pub(crate) async fn confirm(&mut self) -> Result<(), SyncError> {
        sqlx::query("select 1").execute(&mut *self.connection).await.map_err(|_| SyncError::LeaseLost)?;
        Ok(())
    }
}

fn target(error: sqlx::Error) -> SyncError {
    SyncError::Target(sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))
}
