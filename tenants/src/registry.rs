//! The registry as the running processes see it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::{DatabaseConnection, EntityTrait, SqlxPostgresConnector};
use tokio::sync::{Mutex, Semaphore};
use wattle_core::{SourceSystem, TenantId};
use wattle_migrations::entity::{source, tenant};

use crate::session::Pools;
use crate::{Secrets, TargetSettings, TenantError, TenantSession, resolve_reference};

/// How long an answer of the registry is good: a tenant's new keys count after at most this.
const REGISTRY_AGE: Duration = Duration::from_secs(2);

/// What a tenant may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Loopback only, tokens of the development issuer, not bound to a certificate.
    Development,
    /// Everything as the standard says.
    Production,
}

impl Mode {
    /// Its name in the registry.
    pub fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

/// A retailer brand of the registry. Having one proves that it was onboarded.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its name.
    pub id: TenantId,
    /// Its name for people.
    pub display_name: String,
    /// What it may do.
    pub mode: Mode,
    /// The `iss` of its access tokens.
    pub issuer: String,
    /// The `aud` of its access tokens.
    pub audience: String,
    /// The keys that verify them.
    pub jwks: JwkSet,
    /// Its registered resource base address, without a slash at the end; links begin with it.
    pub public_base_url: String,
    /// The host name that serves it alone, if any.
    pub host: Option<String>,
    pub(crate) login_role: String,
}

/// One database of a tenant.
#[derive(Debug, Clone)]
pub struct Source {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name within the tenant.
    pub system: SourceSystem,
    /// The adapter that reads it.
    pub adapter: String,
    /// Its address, or a reference to it.
    pub url: String,
    /// Adapter settings.
    pub options: serde_json::Value,
}

impl Source {
    /// The address itself, references resolved.
    pub fn resolved_url(&self) -> Result<String, TenantError> {
        if self.url.starts_with("env:") || self.url.starts_with("file:") {
            return Ok(resolve_reference(&self.url)?.trim().to_owned());
        }
        Ok(self.url.clone())
    }
}

impl TryFrom<tenant::Model> for Tenant {
    type Error = TenantError;

    fn try_from(row: tenant::Model) -> Result<Self, TenantError> {
        let broken = |what: &str| {
            TenantError::config(
                format!("the registry's row of tenant {} has a broken {what}", row.tenant_id),
                format!("set it right with `wattle tenant add {}`", row.tenant_id),
            )
        };
        Ok(Self {
            id: TenantId::parse(&row.tenant_id).map_err(|_| broken("tenant_id"))?,
            mode: match row.mode.as_str() {
                "development" => Mode::Development,
                "production" => Mode::Production,
                _ => return Err(broken("mode")),
            },
            jwks: serde_json::from_str(&row.jwks).map_err(|_| broken("jwks"))?,
            display_name: row.display_name,
            issuer: row.issuer,
            audience: row.audience,
            public_base_url: row.public_base_url,
            host: row.host,
            login_role: row.login_role,
        })
    }
}

impl TryFrom<source::Model> for Source {
    type Error = TenantError;

    fn try_from(row: source::Model) -> Result<Self, TenantError> {
        let broken = |what: &str| {
            TenantError::config(
                format!(
                    "the registry's row of source {} of tenant {} has a broken {what}",
                    row.source_system, row.tenant_id
                ),
                "remove the source and add it again",
            )
        };
        Ok(Self {
            tenant: TenantId::parse(&row.tenant_id).map_err(|_| broken("tenant_id"))?,
            system: SourceSystem::parse(&row.source_system).map_err(|_| broken("source_system"))?,
            options: serde_json::from_str(&row.options).map_err(|_| broken("options"))?,
            adapter: row.adapter,
            url: row.url,
        })
    }
}

type Listed = Arc<HashMap<TenantId, Arc<Tenant>>>;

/// The registry and the way to tenant data, shared by all tasks of a process.
#[derive(Clone)]
pub struct Tenants {
    shared: Arc<Shared>,
}

struct Shared {
    registry: DatabaseConnection,
    listed: Mutex<Option<(Instant, Listed)>>,
    pools: Pools,
    secrets: Secrets,
}

impl Tenants {
    /// Prepares access to the registry; connects on first use, so that a target that is down is waited for by the
    /// caller's own rules.
    pub async fn connect(settings: &TargetSettings, secrets: Secrets) -> Result<Self, TenantError> {
        let options = settings.options()?.application_name("wattle");
        let database = options.get_database().unwrap_or("postgres").to_owned();
        let role = runtime_role(&database);
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .min_connections(0)
            .acquire_timeout(settings.acquire())
            .idle_timeout(settings.idle())
            .connect_lazy_with(options.clone().username(&role).password(&secrets.role_password(&role)));
        let budget = Arc::new(Semaphore::new(settings.max_connections as usize));
        let pools = Pools::new(options, settings.clone(), budget);
        let registry = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
        Ok(Self { shared: Arc::new(Shared { registry, listed: Mutex::new(None), pools, secrets }) })
    }

    /// The tenant of that name.
    pub async fn tenant(&self, id: &TenantId) -> Result<Option<Arc<Tenant>>, TenantError> {
        Ok(self.listed().await?.get(id).cloned())
    }

    /// The tenant that a host name serves alone.
    pub async fn tenant_of_host(&self, host: &str) -> Result<Option<Arc<Tenant>>, TenantError> {
        Ok(self.listed().await?.values().find(|tenant| tenant.host.as_deref() == Some(host)).cloned())
    }

    /// Every tenant, by name.
    pub async fn all(&self) -> Result<Vec<Arc<Tenant>>, TenantError> {
        let mut tenants: Vec<_> = self.listed().await?.values().cloned().collect();
        tenants.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(tenants)
    }

    /// The sources of a tenant, by name.
    pub async fn sources(&self, tenant: &Tenant) -> Result<Vec<Source>, TenantError> {
        use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
        let rows = source::Entity::find()
            .filter(source::Column::TenantId.eq(tenant.id.as_str()))
            .order_by_asc(source::Column::SourceSystem)
            .all(&self.shared.registry)
            .await?;
        rows.into_iter().map(Source::try_from).collect()
    }

    /// A session as the tenant's own role, bound to it for its whole life.
    pub async fn session(&self, tenant: &Tenant) -> Result<TenantSession, TenantError> {
        let password = self.shared.secrets.role_password(&tenant.login_role);
        self.shared.pools.session(tenant, &password).await
    }

    /// The installation's derived keys.
    pub fn secrets(&self) -> &Secrets {
        &self.shared.secrets
    }

    async fn listed(&self) -> Result<Listed, TenantError> {
        let mut listed = self.shared.listed.lock().await;
        if let Some((read_at, tenants)) = listed.as_ref()
            && read_at.elapsed() < REGISTRY_AGE
        {
            return Ok(tenants.clone());
        }
        let rows = tenant::Entity::find().all(&self.shared.registry).await.map_err(no_registry)?;
        let mut tenants = HashMap::new();
        for row in rows {
            let tenant = Tenant::try_from(row)?;
            tenants.insert(tenant.id.clone(), Arc::new(tenant));
        }
        let tenants = Arc::new(tenants);
        *listed = Some((Instant::now(), tenants.clone()));
        Ok(tenants)
    }
}

/// A target without our role or schema was never migrated; anything else keeps its own words.
fn no_registry(error: sea_orm::DbErr) -> TenantError {
    match crate::error::database_error_class(&error) {
        wattle_core::ErrorClass::Config => TenantError::config(
            format!(
                "the target database has no Wattle registry, or one that was made with another master secret ({})",
                crate::error::server_message(&error)
            ),
            "run `wattle migrate`, or name the master secret that it was run with",
        ),
        _ => TenantError::Database(error),
    }
}

/// The role that reads the registry. Roles belong to the whole server, so their names carry the database's.
pub(crate) fn runtime_role(database: &str) -> String {
    format!("{database}_runtime")
}

/// The login role of a tenant.
pub(crate) fn tenant_role(database: &str, tenant: &TenantId) -> String {
    format!("{database}_t_{tenant}")
}
