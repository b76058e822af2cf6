//! The lease: at most one process syncs a source.
//!
//! Two parts. A lock says who is at work; it is free again the moment that its holder is gone, so a killed process is
//! replaced at once. A token on the marker rows, raised with each lease, makes sure that a process which does not know
//! yet that it lost the lock can move no marker.

use wattle_tenants::{Lock, TenantSession};

use crate::SyncError;
use crate::store::{Scope, marker};

/// A held lease.
pub(crate) struct Lease {
    lock: Lock,
    /// Raised with each lease of the source.
    pub(crate) token: i64,
}

impl Lease {
    /// Takes the lease, unless another process has it.
    pub(crate) async fn acquire(session: &TenantSession, scope: &Scope) -> Result<Option<Self>, SyncError> {
        let Some(lock) = session.try_lock(&format!("sync-{}", scope.source)).await? else { return Ok(None) };
        marker::ensure(session.db(), scope).await?;
        let token = marker::take_over(session.db(), scope).await?;
        Ok(Some(Self { lock, token }))
    }

    /// Makes sure that the lock is still there.
    pub(crate) async fn confirm(&mut self) -> Result<(), SyncError> {
        self.lock.confirm().await.map_err(|_| SyncError::LeaseLost)
    }
}
