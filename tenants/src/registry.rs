//! The registry as the running processes see it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::{DatabaseConnection, EntityTrait, SqlxPostgresConnector};
use tokio::sync::Mutex;
use wattle_core::{SourceSystem, TenantId};
use wattle_migrations::entity::{source, tenant};

use crate::discovery::{Outage, ServiceStatus};
use crate::lifecycle::{require_same_secret, runtime_role};
use crate::pools::Pools;
use crate::target::{Folder, Target, file_error};
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
    /// Days for which changes are kept after they were applied.
    pub retention_days: i64,
    /// Hours from one scheduled reconcile to the next; 0: none.
    pub reconcile_every_hours: i64,
    /// How its service is.
    pub service_status: ServiceStatus,
    /// The outages that are announced, in the order of their times; some may be over.
    pub outages: Vec<Outage>,
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
        Ok(Self {
            id: TenantId::parse(&row.tenant_id).map_err(|_| broken(&row, "tenant_id"))?,
            mode: match row.mode.as_str() {
                "development" => Mode::Development,
                "production" => Mode::Production,
                _ => return Err(broken(&row, "mode")),
            },
            jwks: serde_json::from_str(&row.jwks).map_err(|_| broken(&row, "jwks"))?,
            service_status: match &row.service_status {
                Some(status) => serde_json::from_str(status).map_err(|_| broken(&row, "service_status"))?,
                None => ServiceStatus::ok_since(row.created_at),
            },
            outages: serde_json::from_str(&row.outages).map_err(|_| broken(&row, "outages"))?,
            display_name: row.display_name,
            issuer: row.issuer,
            audience: row.audience,
            public_base_url: row.public_base_url,
            host: row.host,
            retention_days: row.retention_days,
            reconcile_every_hours: row.reconcile_every_hours,
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

/// The tenants of the registry, and for those that cannot be served, why.
type Listed = Arc<HashMap<TenantId, Result<Arc<Tenant>, Unusable>>>;

/// A tenant whose entry someone must set right. The others are none the worse for it.
#[derive(Clone, PartialEq, Eq)]
struct Unusable {
    what: String,
    fix: String,
}

/// The registry and the way to tenant data, shared by all tasks of a process.
#[derive(Clone)]
pub struct Tenants {
    shared: Arc<Shared>,
}

struct Shared {
    registry: Registry,
    listed: Mutex<Option<(Instant, Listed)>>,
    pools: Pools,
    secrets: Secrets,
}

/// Where the registry's rows are.
enum Registry {
    /// In one place, read by a role that can read nothing else.
    Postgres(DatabaseConnection),
    /// Each in its tenant's file.
    Sqlite(Folder),
}

impl Tenants {
    /// Prepares access to the registry; connects on first use, so that a target that is down is waited for by the
    /// caller's own rules.
    pub async fn connect(settings: &TargetSettings, secrets: Secrets) -> Result<Self, TenantError> {
        let target = match settings.target()? {
            Target::Postgres(options) => Target::Postgres(Box::new(options.application_name("wattle"))),
            folder => folder,
        };
        let registry = match &target {
            Target::Postgres(options) => {
                let role = runtime_role(options);
                let pool = PgPoolOptions::new()
                    .max_connections(2)
                    .min_connections(0)
                    .acquire_timeout(settings.acquire())
                    .idle_timeout(settings.idle())
                    .connect_lazy_with(
                        (**options).clone().username(&role).password(&secrets.role_password(&role)),
                    );
                Registry::Postgres(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
            }
            Target::Sqlite(folder) => Registry::Sqlite(folder.clone()),
        };
        let pools = Pools::new(target, settings.clone(), secrets.clone());
        Ok(Self { shared: Arc::new(Shared { registry, listed: Mutex::new(None), pools, secrets }) })
    }

    /// The tenant of that name.
    pub async fn tenant(&self, id: &TenantId) -> Result<Option<Arc<Tenant>>, TenantError> {
        match self.listed().await?.get(id) {
            Some(Ok(tenant)) => Ok(Some(tenant.clone())),
            Some(Err(Unusable { what, fix })) => Err(TenantError::config(what, fix)),
            None => Ok(None),
        }
    }

    /// The tenant that a host name serves alone. Host names are compared in any case.
    pub async fn tenant_of_host(&self, host: &str) -> Result<Option<Arc<Tenant>>, TenantError> {
        let host = host.to_ascii_lowercase();
        let listed = self.listed().await?;
        Ok(listed.values().flatten().find(|tenant| tenant.host.as_deref() == Some(&*host)).cloned())
    }

    /// Every tenant that can be served, by name.
    pub async fn all(&self) -> Result<Vec<Arc<Tenant>>, TenantError> {
        let mut tenants: Vec<_> = self.listed().await?.values().flatten().cloned().collect();
        tenants.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(tenants)
    }

    /// The sources of a tenant, by name.
    pub async fn sources(&self, tenant: &Tenant) -> Result<Vec<Source>, TenantError> {
        use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
        let registry = match &self.shared.registry {
            Registry::Postgres(db) => db.clone(),
            Registry::Sqlite(_) => self.shared.pools.connection(&tenant.id).await,
        };
        let rows = source::Entity::find()
            .filter(source::Column::TenantId.eq(tenant.id.as_str()))
            .order_by_asc(source::Column::SourceSystem)
            .all(&registry)
            .await?;
        rows.into_iter().map(Source::try_from).collect()
    }

    /// A session of the tenant, bound to it for its whole life.
    pub async fn session(&self, tenant: &Tenant) -> Result<TenantSession, TenantError> {
        self.shared.pools.session(&tenant.id).await
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
        let mut tenants = HashMap::new();
        match &self.shared.registry {
            Registry::Postgres(db) => {
                for row in tenant::Entity::find().all(db).await.map_err(no_registry)? {
                    let id = TenantId::parse(&row.tenant_id).map_err(|_| broken(&row, "tenant_id"))?;
                    tenants.insert(id, usable(self.checked(row))?);
                }
            }
            Registry::Sqlite(folder) => {
                for id in folder.tenants()? {
                    let db = self.shared.pools.connection(&id).await;
                    let row = tenant::Entity::find_by_id(id.as_str()).one(&db).await;
                    let Some(row) = row.map_err(|error| file_error(&folder.file(&id), error)).transpose()
                    else {
                        continue;
                    };
                    tenants.insert(id, usable(row.and_then(|row| self.checked(row)))?);
                }
            }
        }
        let tenants = Arc::new(tenants);
        for (id, entry) in tenants.iter() {
            let before = listed.as_ref().and_then(|(_, before)| before.get(id)?.as_ref().err());
            if let Err(unusable) = entry
                && before != Some(unusable)
            {
                tracing::error!(tenant = %id, "{}; to fix it: {}", unusable.what, unusable.fix);
            }
        }
        *listed = Some((Instant::now(), tenants.clone()));
        Ok(tenants)
    }

    fn checked(&self, row: tenant::Model) -> Result<Arc<Tenant>, TenantError> {
        require_same_secret([&row], &self.shared.secrets)?;
        Ok(Arc::new(Tenant::try_from(row)?))
    }
}

/// Sets apart what is wrong with one tenant from what is wrong with the target.
fn usable(tenant: Result<Arc<Tenant>, TenantError>) -> Result<Result<Arc<Tenant>, Unusable>, TenantError> {
    match tenant {
        Err(TenantError::Config { what, fix }) => Ok(Err(Unusable { what, fix })),
        Err(error) => Err(error),
        Ok(tenant) => Ok(Ok(tenant)),
    }
}

fn broken(row: &tenant::Model, what: &str) -> TenantError {
    TenantError::config(
        format!("the registry's row of tenant {} has a broken {what}", row.tenant_id),
        format!("set it right with `wattle tenant add {}`", row.tenant_id),
    )
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
