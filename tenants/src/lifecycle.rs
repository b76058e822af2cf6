//! The administrator's side: schema, tenants and their sources.

use jsonwebtoken::jwk::JwkSet;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::{ConnectOptions, Connection};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseConnection, EntityTrait, SqlxPostgresConnector, Statement,
    TransactionTrait,
};
use wattle_core::{ErrorClass, SourceSystem, TenantId};
use wattle_migrations::entity::{source, tenant};

use crate::error::server_message;
use crate::registry::{Mode, runtime_role, tenant_role};
use crate::{Secrets, TargetSettings, TenantError};

/// PostgreSQL cuts longer names off silently, and two tenants could meet in what is left.
const MAX_ROLE_LEN: usize = 63;

/// A tenant to onboard, or to set right.
#[derive(Debug, Clone)]
pub struct NewTenant {
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
    /// Its registered resource base address.
    pub public_base_url: String,
    /// The host name that serves it alone.
    pub host: Option<String>,
}

/// A source to add to a tenant, or to set right.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// Its name within the tenant.
    pub system: SourceSystem,
    /// The adapter that reads it.
    pub adapter: String,
    /// Its address, or a reference to it.
    pub url: String,
    /// Adapter settings.
    pub options: serde_json::Value,
}

/// The target as its owner.
pub struct Lifecycle {
    db: DatabaseConnection,
    options: PgConnectOptions,
    secrets: Secrets,
    database: String,
}

impl Lifecycle {
    /// Connects as the target's owner.
    pub async fn connect(settings: &TargetSettings, secrets: Secrets) -> Result<Self, TenantError> {
        let options = settings.options()?.application_name("wattle admin");
        let database = options.get_database().unwrap_or("postgres").to_owned();
        // A pool would only say that it waited in vain; the connection itself says why.
        let opened = tokio::time::timeout(settings.acquire(), options.connect()).await;
        let why = match opened {
            Ok(Ok(connection)) => {
                // That it was closed in order is of no interest.
                let _ = connection.close().await;
                None
            }
            Ok(Err(error)) => {
                Some(error.as_database_error().map_or_else(|| error.to_string(), |e| e.message().to_owned()))
            }
            Err(_) => Some(format!("no answer in {} s", settings.acquire_secs)),
        };
        if let Some(why) = why {
            let (host, port) = (options.get_host(), options.get_port());
            return Err(TenantError::config(
                format!("the target database at {host}:{port}/{database} cannot be opened: {why}"),
                "start it, or set the target's address, database and login right",
            ));
        }
        let pool =
            PgPoolOptions::new().max_connections(1).acquire_timeout(settings.acquire()).connect_lazy_with(
                options.clone().options([("search_path", "wattle"), ("client_min_messages", "warning")]),
            );
        Ok(Self { db: SqlxPostgresConnector::from_sqlx_postgres_pool(pool), options, secrets, database })
    }

    /// Brings the schema up to date and gives the running processes their role. Returns how many migrations ran.
    pub async fn migrate(&self) -> Result<usize, TenantError> {
        let role = runtime_role(&self.database);
        require_role_name(&role)?;
        self.require_same_secret().await?;
        let applied = wattle_migrations::migrate(&self.db).await.map_err(owner_needed)?;
        self.ensure_role(&self.db, &role, "wattle").await?;
        let role = quoted(&role);
        self.db
            .execute_unprepared(&format!(
                "grant usage on schema wattle to {role};
                 grant select on wattle.tenant, wattle.source, wattle.seaql_migrations to {role}"
            ))
            .await?;
        Ok(applied)
    }

    /// Onboards a tenant: registry row, login role, partitions, policies. Safe to repeat; a repeated call sets the
    /// registry row right.
    pub async fn add_tenant(&self, new: NewTenant) -> Result<(), TenantError> {
        if new.mode == Mode::Production && new.jwks.keys.is_empty() {
            return Err(TenantError::config(
                "the key set of the issuer is empty, and no access token could be verified",
                "name a JSON Web Key Set with the keys that the authorisation server signs with",
            ));
        }
        self.require_schema().await?;
        self.require_same_secret().await?;
        let role = tenant_role(&self.database, &new.id);
        let home = format!("t_{}", new.id);
        let work = self.db.begin().await?;
        if new.mode == Mode::Development {
            let known = tenant::Entity::find_by_id(new.id.as_str()).one(&work).await?;
            if known.is_some_and(|known| known.mode == Mode::Production.name()) {
                return Err(TenantError::config(
                    format!(
                        "{} is a production tenant, and does not become a development tenant again",
                        new.id
                    ),
                    "add --mode production and its settings, or choose another name",
                ));
            }
        }
        let row = tenant::ActiveModel {
            tenant_id: Set(new.id.as_str().to_owned()),
            login_role: Set(role.clone()),
            display_name: Set(new.display_name),
            mode: Set(new.mode.name().to_owned()),
            issuer: Set(new.issuer),
            audience: Set(new.audience),
            jwks: Set(serde_json::to_string(&new.jwks).expect("a key set is plain data")),
            public_base_url: Set(new.public_base_url.trim_end_matches('/').to_owned()),
            host: Set(new.host),
            created_at: Set(chrono::Utc::now()),
        };
        let mut settable = vec![tenant::Column::DisplayName, tenant::Column::Mode, tenant::Column::Issuer];
        settable.extend([tenant::Column::Audience, tenant::Column::Jwks]);
        settable.extend([tenant::Column::PublicBaseUrl, tenant::Column::Host]);
        tenant::Entity::insert(row)
            .on_conflict(
                sea_orm::sea_query::OnConflict::column(tenant::Column::TenantId)
                    .update_columns(settable)
                    .to_owned(),
            )
            .exec_without_returning(&work)
            .await?;
        self.ensure_role(&work, &role, &home).await?;
        work.execute_raw(Statement::from_sql_and_values(
            work.get_database_backend(),
            "select wattle.attach_tenant($1)",
            [new.id.as_str().into()],
        ))
        .await?;
        let role = quoted(&role);
        work.execute_unprepared(&format!(
            "grant usage on schema wattle to {role}; grant execute on function wattle.ensure_stream_day to {role}"
        ))
        .await?;
        work.commit().await?;
        Ok(())
    }

    /// Adds a source to a tenant, or sets it right.
    pub async fn add_source(&self, tenant: &TenantId, new: NewSource) -> Result<(), TenantError> {
        let row = source::ActiveModel {
            tenant_id: Set(tenant.as_str().to_owned()),
            source_system: Set(new.system.as_str().to_owned()),
            adapter: Set(new.adapter),
            url: Set(new.url),
            options: Set(new.options.to_string()),
            created_at: Set(chrono::Utc::now()),
        };
        source::Entity::insert(row)
            .on_conflict(
                sea_orm::sea_query::OnConflict::columns([
                    source::Column::TenantId,
                    source::Column::SourceSystem,
                ])
                .update_columns([source::Column::Adapter, source::Column::Url, source::Column::Options])
                .to_owned(),
            )
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    async fn require_schema(&self) -> Result<(), TenantError> {
        match wattle_migrations::pending(&self.db).await {
            Ok(0) => Ok(()),
            _ => Err(TenantError::config("the target's schema is not up to date", "run `wattle migrate`")),
        }
    }

    /// Passwords and resource ids derive from the master secret: with another one than before, what is there would no
    /// longer be reached, and ids that were given out would mean nothing.
    async fn require_same_secret(&self) -> Result<(), TenantError> {
        let role = runtime_role(&self.database);
        let made = self
            .db
            .query_one_raw(Statement::from_sql_and_values(
                self.db.get_database_backend(),
                "select 1 from pg_roles where rolname = $1 and to_regclass('wattle.tenant') is not null",
                [role.as_str().into()],
            ))
            .await?;
        if made.is_none() {
            return Ok(());
        }
        let login = self.options.clone().username(&role).password(&self.secrets.role_password(&role));
        match login.connect().await {
            Ok(connection) => {
                let _ = connection.close().await;
                Ok(())
            }
            Err(error) if error.as_database_error().is_some_and(|e| e.code().as_deref() == Some("28P01")) => {
                Err(TenantError::config(
                    format!(
                        "the master secret is another one than before: the role {role} refuses the password that is derived from it"
                    ),
                    "name the master secret that this target was set up with; all passwords and resource ids derive from it",
                ))
            }
            Err(error) => Err(sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())).into()),
        }
    }

    /// A login role with the derived password, whose unqualified names mean its home schema.
    async fn ensure_role(
        &self,
        db: &impl ConnectionTrait,
        role: &str,
        home: &str,
    ) -> Result<(), TenantError> {
        require_role_name(role)?;
        let known = db
            .query_one_raw(Statement::from_sql_and_values(
                db.get_database_backend(),
                "select 1 from pg_roles where rolname = $1",
                [role.into()],
            ))
            .await?;
        let verb = if known.is_some() { "alter" } else { "create" };
        let password = self.secrets.role_password(role);
        let (role, home, database) = (quoted(role), quoted(home), quoted(&self.database));
        // The password is hexadecimal.
        db.execute_unprepared(&format!(
            "{verb} role {role} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password '{password}';
             alter role {role} in database {database} set search_path = {home};
             alter role {role} in database {database} set idle_in_transaction_session_timeout = '60s'"
        ))
        .await
        .map_err(owner_needed)?;
        Ok(())
    }
}

fn require_role_name(role: &str) -> Result<(), TenantError> {
    if role.len() <= MAX_ROLE_LEN {
        return Ok(());
    }
    Err(TenantError::config(
        format!("the role name {role} is longer than the {MAX_ROLE_LEN} characters PostgreSQL keeps"),
        "use a shorter database or tenant name",
    ))
}

/// What the target refuses its administrator is a login that may not administer it.
fn owner_needed(error: sea_orm::DbErr) -> TenantError {
    let error = TenantError::from(error);
    match &error {
        TenantError::Database(refused) if error.class() == ErrorClass::Config => TenantError::config(
            format!("the target database refused: {}", server_message(refused)),
            "give the target's address as a login that owns the database and may create roles",
        ),
        _ => error,
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
