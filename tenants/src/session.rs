//! Sessions: one login role, one tenant, for life.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use wattle_core::TenantId;

use crate::{TargetSettings, Tenant, TenantError};

/// The only way to run a statement on tenant data: connections logged in as that tenant's own role, whose grants
/// reach no other tenant's partitions.
pub struct TenantSession {
    tenant: TenantId,
    db: DatabaseConnection,
    _permit: OwnedSemaphorePermit,
}

impl TenantSession {
    /// Whose data this session sees.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The tenant's connections. Unqualified table names are the tenant's own partitions.
    pub fn db(&self) -> &DatabaseConnection {
        &self.db
    }
}

/// Per-tenant pools, opened on demand and closed when idle, under one budget of connections.
pub(crate) struct Pools {
    target: PgConnectOptions,
    settings: TargetSettings,
    budget: Arc<Semaphore>,
    open: Mutex<HashMap<TenantId, Open>>,
}

struct Open {
    pool: PgPool,
    last_used: Instant,
}

impl Pools {
    pub(crate) fn new(target: PgConnectOptions, settings: TargetSettings, budget: Arc<Semaphore>) -> Self {
        Self { target, settings, budget, open: Mutex::new(HashMap::new()) }
    }

    pub(crate) async fn session(
        &self,
        tenant: &Tenant,
        password: &str,
    ) -> Result<TenantSession, TenantError> {
        let permit = tokio::time::timeout(self.settings.acquire(), self.budget.clone().acquire_owned()).await;
        let permit = permit
            .map_err(|_| sea_orm::DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout))?
            .expect("the budget is never closed");
        let mut open = self.open.lock().await;
        self.make_room(&mut open, &tenant.id);
        let entry = open
            .entry(tenant.id.clone())
            .or_insert_with(|| Open { pool: self.pool(tenant, password), last_used: Instant::now() });
        entry.last_used = Instant::now();
        let db = SqlxPostgresConnector::from_sqlx_postgres_pool(entry.pool.clone());
        Ok(TenantSession { tenant: tenant.id.clone(), db, _permit: permit })
    }

    fn pool(&self, tenant: &Tenant, password: &str) -> PgPool {
        PgPoolOptions::new()
            .max_connections(self.settings.max_connections_per_tenant)
            .min_connections(0)
            .acquire_timeout(self.settings.acquire())
            .idle_timeout(self.settings.idle())
            .connect_lazy_with(self.target.clone().username(&tenant.login_role).password(password))
    }

    /// Closes pools that nobody uses, the longest unused first, while all together would exceed the budget.
    fn make_room(&self, open: &mut HashMap<TenantId, Open>, wanted: &TenantId) {
        let size = |open: &HashMap<TenantId, Open>| open.values().map(|entry| entry.pool.size()).sum::<u32>();
        while size(open) >= self.settings.max_connections {
            let unused = open
                .iter()
                .filter(|(id, entry)| *id != wanted && entry.pool.num_idle() as u32 == entry.pool.size())
                .min_by_key(|(_, entry)| entry.last_used)
                .map(|(id, _)| id.clone());
            let Some(id) = unused else { break };
            if let Some(entry) = open.remove(&id) {
                tokio::spawn(async move { entry.pool.close().await });
            }
        }
    }
}
