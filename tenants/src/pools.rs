//! Connections of tenants: opened on demand and closed when idle, under one budget.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::sqlx::Connection;
use sea_orm::sqlx::postgres::{PgPool, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector};
use tokio::sync::{Mutex, Semaphore};
use wattle_core::TenantId;

use crate::lifecycle::tenant_role;
use crate::target::{Folder, Target};
use crate::{Secrets, TargetSettings, TenantError, TenantSession};

/// A connection that was idle for longer is asked first whether it is still there. That takes a round trip, which one in
/// steady use is spared: should it be cut meanwhile, the call that meets it is answered with an error.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Per-tenant pools.
pub(crate) struct Pools {
    target: Target,
    settings: TargetSettings,
    secrets: Secrets,
    budget: Arc<Semaphore>,
    open: Mutex<HashMap<TenantId, Open>>,
}

struct Open {
    pool: Pool,
    last_used: Instant,
}

/// A tenant's connections on either engine.
enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Pool {
    fn size(&self) -> u32 {
        match self {
            Self::Postgres(pool) => pool.size(),
            Self::Sqlite(pool) => pool.size(),
        }
    }

    fn is_idle(&self) -> bool {
        let idle = match self {
            Self::Postgres(pool) => pool.num_idle(),
            Self::Sqlite(pool) => pool.num_idle(),
        };
        idle as u32 == self.size()
    }

    async fn close(self) {
        match self {
            Self::Postgres(pool) => pool.close().await,
            Self::Sqlite(pool) => pool.close().await,
        }
    }

    fn connection(&self) -> DatabaseConnection {
        match self {
            Self::Postgres(pool) => SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone()),
            Self::Sqlite(pool) => SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.clone()),
        }
    }
}

impl Pools {
    pub(crate) fn new(target: Target, settings: TargetSettings, secrets: Secrets) -> Self {
        let budget = Arc::new(Semaphore::new(settings.max_connections as usize));
        Self { target, settings, secrets, budget, open: Mutex::new(HashMap::new()) }
    }

    /// A session of a tenant that was onboarded.
    pub(crate) async fn session(&self, tenant: &TenantId) -> Result<TenantSession, TenantError> {
        let permit = tokio::time::timeout(self.settings.acquire(), self.budget.clone().acquire_owned()).await;
        let permit = permit
            .map_err(|_| sea_orm::DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout))?
            .expect("the budget is never closed");
        let file = match &self.target {
            Target::Postgres(_) => None,
            Target::Sqlite(folder) => Some(folder.file(tenant)),
        };
        Ok(TenantSession { tenant: tenant.clone(), db: self.connection(tenant).await, file, _permit: permit })
    }

    /// The tenant's connections.
    pub(crate) async fn connection(&self, tenant: &TenantId) -> DatabaseConnection {
        let mut open = self.open.lock().await;
        self.make_room(&mut open, tenant);
        let entry = open
            .entry(tenant.clone())
            .or_insert_with(|| Open { pool: self.pool(tenant), last_used: Instant::now() });
        entry.last_used = Instant::now();
        entry.pool.connection()
    }

    fn pool(&self, tenant: &TenantId) -> Pool {
        let settings = &self.settings;
        match &self.target {
            Target::Postgres(options) => {
                let role = tenant_role(options, tenant);
                let password = self.secrets.role_password(&role);
                let pool = PgPoolOptions::new()
                    .max_connections(settings.max_connections_per_tenant)
                    .min_connections(0)
                    .acquire_timeout(settings.acquire())
                    .idle_timeout(settings.idle())
                    .test_before_acquire(false)
                    .before_acquire(|connection, meta| {
                        Box::pin(async move {
                            if meta.idle_for > TRUSTED_FOR {
                                connection.ping().await?;
                            }
                            Ok(true)
                        })
                    })
                    .connect_lazy_with((**options).clone().username(&role).password(&password));
                Pool::Postgres(pool)
            }
            Target::Sqlite(folder) => {
                let pool = SqlitePoolOptions::new()
                    .max_connections(settings.max_connections_per_tenant)
                    .min_connections(0)
                    .acquire_timeout(settings.acquire())
                    .idle_timeout(settings.idle())
                    .connect_lazy_with(Folder::options(&folder.file(tenant)));
                Pool::Sqlite(pool)
            }
        }
    }

    /// Closes pools that nobody uses, the longest unused first, while all together would exceed the budget.
    fn make_room(&self, open: &mut HashMap<TenantId, Open>, wanted: &TenantId) {
        let size = |open: &HashMap<TenantId, Open>| open.values().map(|entry| entry.pool.size()).sum::<u32>();
        while size(open) >= self.settings.max_connections {
            let unused = open
                .iter()
                .filter(|(id, entry)| *id != wanted && entry.pool.is_idle())
                .min_by_key(|(_, entry)| entry.last_used)
                .map(|(id, _)| id.clone());
            let Some(id) = unused else { break };
            if let Some(entry) = open.remove(&id) {
                tokio::spawn(entry.pool.close());
            }
        }
    }
}
