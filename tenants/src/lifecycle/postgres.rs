//! The target on PostgreSQL: a schema, a login role and policies for each tenant.

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::{ConnectOptions, Connection};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, EntityTrait, SqlxPostgresConnector, Statement, TransactionTrait,
};
use wattle_core::{ErrorClass, TenantId};
use wattle_migrations::entity::tenant;

use super::{
    NewTenant, require_fit, require_same_secret, require_same_secret_as_before, require_schema, write_tenant,
};
use crate::error::server_message;
use crate::{Secrets, TargetSettings, TenantError};

/// PostgreSQL cuts longer names off silently, and two tenants could meet in what is left.
const MAX_ROLE_LEN: usize = 63;

/// The role that reads the registry. Roles belong to the whole server, so their names carry the database's.
pub(crate) fn runtime_role(options: &PgConnectOptions) -> String {
    format!("{}_runtime", database(options))
}

/// The login role of a tenant.
pub(crate) fn tenant_role(options: &PgConnectOptions, tenant: &TenantId) -> String {
    format!("{}_t_{tenant}", database(options))
}

fn database(options: &PgConnectOptions) -> &str {
    options.get_database().unwrap_or("postgres")
}

/// The database as its owner.
pub(super) struct Owner {
    pub(super) db: DatabaseConnection,
    options: PgConnectOptions,
}

impl Owner {
    pub(super) async fn connect(
        settings: &TargetSettings,
        options: PgConnectOptions,
    ) -> Result<Self, TenantError> {
        let options = options.application_name("wattle admin");
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
            let (host, port, database) = (options.get_host(), options.get_port(), database(&options));
            return Err(TenantError::config(
                format!("the target database at {host}:{port}/{database} cannot be opened: {why}"),
                "start it, or set the target's address, database and login right",
            ));
        }
        let pool =
            PgPoolOptions::new().max_connections(1).acquire_timeout(settings.acquire()).connect_lazy_with(
                options.clone().options([("search_path", "wattle"), ("client_min_messages", "warning")]),
            );
        Ok(Self { db: SqlxPostgresConnector::from_sqlx_postgres_pool(pool), options })
    }

    pub(super) async fn migrate(&self, secrets: &Secrets) -> Result<usize, TenantError> {
        let role = runtime_role(&self.options);
        require_role_name(&role)?;
        if self.has_registry().await? {
            require_same_secret_as_before(&self.db, secrets).await?;
        }
        let applied = wattle_migrations::migrate(&self.db).await.map_err(owner_needed)?;
        self.ensure_role(&self.db, &role, "wattle", secrets).await?;
        let role = quoted(&role);
        self.db
            .execute_unprepared(&format!(
                "grant usage on schema wattle to {role};
                 grant select on wattle.tenant, wattle.source, wattle.seaql_migrations to {role}"
            ))
            .await?;
        Ok(applied)
    }

    /// Registry row, login role, partitions, policies.
    #[expect(clippy::disallowed_methods, reason = "whoever gives it up ends, and the session with it")]
    pub(super) async fn add_tenant(&self, new: NewTenant, secrets: &Secrets) -> Result<(), TenantError> {
        require_schema(&self.db).await?;
        let role = tenant_role(&self.options, &new.id);
        let home = format!("t_{}", new.id);
        let id = new.id.clone();
        let work = self.db.begin().await?;
        let known = tenant::Entity::find().all(&work).await?;
        require_same_secret(&known, secrets)?;
        require_fit(&new, &known)?;
        write_tenant(&work, new, Some(role.clone()), secrets).await?;
        self.ensure_role(&work, &role, &home, secrets).await?;
        work.execute_raw(Statement::from_sql_and_values(
            work.get_database_backend(),
            "select wattle.attach_tenant($1)",
            [id.as_str().into()],
        ))
        .await?;
        let role = quoted(&role);
        work.execute_unprepared(&format!(
            "grant usage on schema wattle to {role};
             grant execute on function wattle.ensure_stream_day, wattle.drop_stream_day to {role}"
        ))
        .await?;
        work.commit().await?;
        Ok(())
    }

    async fn has_registry(&self) -> Result<bool, TenantError> {
        let found = self
            .db
            .query_one_raw(Statement::from_string(
                self.db.get_database_backend(),
                "select 1 where to_regclass('wattle.tenant') is not null",
            ))
            .await?;
        Ok(found.is_some())
    }

    /// A login role with the derived password, whose unqualified names mean its home schema.
    async fn ensure_role(
        &self,
        db: &impl ConnectionTrait,
        role: &str,
        home: &str,
        secrets: &Secrets,
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
        let password = secrets.role_password(role);
        let (role, home, database) = (quoted(role), quoted(home), quoted(database(&self.options)));
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
