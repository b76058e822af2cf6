//! The administrator's side: schema, tenants and their sources.

mod postgres;
mod sqlite;

use chrono::{DateTime, FixedOffset, Utc};
use jsonwebtoken::jwk::JwkSet;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QuerySelect, UpdateMany,
};
use wattle_core::{SourceSystem, TenantId};
use wattle_migrations::entity::{source, tenant};

pub(crate) use self::postgres::{runtime_role, tenant_role};
use crate::discovery::{self, Outage, ServiceStatus};
use crate::registry::Mode;
use crate::target::{Folder, Target};
use crate::{Secrets, TargetSettings, TenantError};

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

/// How a tenant's copy is looked after; what is not given stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewUpkeep {
    /// Days for which changes are kept after they were applied.
    pub retention_days: Option<u32>,
    /// Hours from one scheduled reconcile to the next; 0: none.
    pub reconcile_every_hours: Option<u32>,
}

/// The target as its owner.
pub struct Lifecycle {
    owner: Owner,
    secrets: Secrets,
}

enum Owner {
    Postgres(Box<postgres::Owner>),
    Sqlite(Folder),
}

impl Lifecycle {
    /// Connects as the target's owner.
    pub async fn connect(settings: &TargetSettings, secrets: Secrets) -> Result<Self, TenantError> {
        let owner = match settings.target()? {
            Target::Postgres(options) => {
                Owner::Postgres(Box::new(postgres::Owner::connect(settings, *options).await?))
            }
            Target::Sqlite(folder) => Owner::Sqlite(folder),
        };
        Ok(Self { owner, secrets })
    }

    /// Brings the schema up to date, and makes what the running processes need. Returns how many migrations ran.
    pub async fn migrate(&self) -> Result<usize, TenantError> {
        match &self.owner {
            Owner::Postgres(owner) => owner.migrate(&self.secrets).await,
            Owner::Sqlite(folder) => sqlite::migrate(folder, &self.secrets).await,
        }
    }

    /// Onboards a tenant: its row of the registry, and a place for its data that no other tenant reaches. Safe to
    /// repeat; a repeated call sets the registry row right.
    pub async fn add_tenant(&self, mut new: NewTenant) -> Result<(), TenantError> {
        if new.mode == Mode::Production && new.jwks.keys.is_empty() {
            return Err(TenantError::config(
                "the key set of the issuer is empty, and no access token could be verified",
                "name a JSON Web Key Set with the keys that the authorisation server signs with",
            ));
        }
        new.host = new.host.as_deref().map(host_name).transpose()?;
        match &self.owner {
            Owner::Postgres(owner) => owner.add_tenant(new, &self.secrets).await,
            Owner::Sqlite(folder) => sqlite::add_tenant(folder, new, &self.secrets).await,
        }
    }

    /// Sets how long a tenant's stream is kept, and how often its copy is compared with the source. What is not given
    /// stays as it is.
    pub async fn set_upkeep(&self, tenant: &TenantId, upkeep: NewUpkeep) -> Result<(), TenantError> {
        let mut statement =
            tenant::Entity::update_many().filter(tenant::Column::TenantId.eq(tenant.as_str()));
        if let Some(days) = upkeep.retention_days {
            statement = statement.col_expr(tenant::Column::RetentionDays, i64::from(days).into());
        }
        if let Some(hours) = upkeep.reconcile_every_hours {
            statement = statement.col_expr(tenant::Column::ReconcileEveryHours, i64::from(hours).into());
        }
        if self.update(tenant, statement).await? == 0 {
            return Err(no_tenant(tenant));
        }
        Ok(())
    }

    /// Sets what Get Status answers for a tenant.
    ///
    /// # Errors
    /// [`TenantError::Config`] if there is no such tenant.
    pub async fn set_status(&self, tenant: &TenantId, status: &ServiceStatus) -> Result<(), TenantError> {
        let status = serde_json::to_string(status).expect("a status is plain data");
        let statement = tenant::Entity::update_many()
            .filter(tenant::Column::TenantId.eq(tenant.as_str()))
            .col_expr(tenant::Column::ServiceStatus, status.into());
        if self.update(tenant, statement).await? == 0 {
            return Err(no_tenant(tenant));
        }
        Ok(())
    }

    /// Announces an outage of a tenant. Outages that are over are forgotten.
    ///
    /// # Errors
    /// [`TenantError::Config`] if there is no such tenant, one outage of that time already, or too many of them.
    pub async fn add_outage(&self, tenant: &TenantId, outage: &Outage) -> Result<(), TenantError> {
        self.change_outages(tenant, |outages, now| discovery::with(outages, outage.clone(), now)).await
    }

    /// Takes back an outage of a tenant. Outages that are over are forgotten.
    ///
    /// # Errors
    /// [`TenantError::Config`] if there is no such tenant, or no outage of that time.
    pub async fn remove_outage(
        &self,
        tenant: &TenantId,
        at: DateTime<FixedOffset>,
    ) -> Result<(), TenantError> {
        self.change_outages(tenant, |outages, now| discovery::without(outages, at, now)).await
    }

    /// Replaces the outages, unless somebody else has done so meanwhile.
    async fn change_outages(
        &self,
        tenant: &TenantId,
        change: impl FnOnce(&[Outage], DateTime<Utc>) -> Result<Vec<Outage>, TenantError>,
    ) -> Result<(), TenantError> {
        let row = tenant::Entity::find_by_id(tenant.as_str());
        let row = match &self.owner {
            Owner::Postgres(owner) => row.one(&owner.db).await?,
            Owner::Sqlite(folder) => {
                let file = sqlite::open(folder, tenant).await?;
                let row = row.one(&file).await;
                file.close().await?;
                row?
            }
        };
        let before = row.ok_or_else(|| no_tenant(tenant))?.outages;
        let outages: Vec<Outage> = serde_json::from_str(&before).map_err(|_| {
            TenantError::config(
                format!("the registry's row of tenant {tenant} has broken outages"),
                "set the column `outages` of the table `tenant` to []",
            )
        })?;
        let after = change(&outages, Utc::now())?;
        let after = serde_json::to_string(&after).expect("outages are plain data");
        let statement = tenant::Entity::update_many()
            .filter(tenant::Column::TenantId.eq(tenant.as_str()))
            .filter(tenant::Column::Outages.eq(before))
            .col_expr(tenant::Column::Outages, after.into());
        if self.update(tenant, statement).await? == 0 {
            return Err(TenantError::config(
                format!("the outages of tenant {tenant} were changed by somebody else meanwhile"),
                "look at them and run this again",
            ));
        }
        Ok(())
    }

    /// Updates a tenant's row of the registry; answers how many rows the statement fits.
    async fn update(
        &self,
        tenant: &TenantId,
        statement: UpdateMany<tenant::Entity>,
    ) -> Result<u64, TenantError> {
        let done = match &self.owner {
            Owner::Postgres(owner) => statement.exec(&owner.db).await?,
            Owner::Sqlite(folder) => {
                let file = sqlite::open(folder, tenant).await?;
                let set = statement.exec(&file).await;
                file.close().await?;
                set?
            }
        };
        Ok(done.rows_affected)
    }

    /// Adds a source to a tenant, or sets it right.
    pub async fn add_source(&self, tenant: &TenantId, new: NewSource) -> Result<(), TenantError> {
        let row = source::ActiveModel {
            tenant_id: Set(tenant.as_str().to_owned()),
            source_system: Set(new.system.as_str().to_owned()),
            adapter: Set(new.adapter),
            url: Set(new.url),
            options: Set(new.options.to_string()),
            created_at: Set(Utc::now()),
        };
        let statement = source::Entity::insert(row).on_conflict(
            OnConflict::columns([source::Column::TenantId, source::Column::SourceSystem])
                .update_columns([source::Column::Adapter, source::Column::Url, source::Column::Options])
                .to_owned(),
        );
        match &self.owner {
            Owner::Postgres(owner) => statement.exec_without_returning(&owner.db).await?,
            Owner::Sqlite(folder) => {
                let file = sqlite::open(folder, tenant).await?;
                let added = statement.exec_without_returning(&file).await;
                file.close().await?;
                added?
            }
        };
        Ok(())
    }
}

/// A host name as requests are compared with it: in lower case and without a port.
fn host_name(host: &str) -> Result<String, TenantError> {
    let host = host.to_ascii_lowercase();
    let valid = !host.is_empty()
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
        && !host.starts_with(['.', '-'])
        && !host.ends_with(['.', '-']);
    if valid {
        return Ok(host);
    }
    Err(TenantError::config(
        format!("{host} is not a host name"),
        "write it as cdr.example.com.au, without scheme, port or path",
    ))
}

fn no_tenant(tenant: &TenantId) -> TenantError {
    TenantError::config(format!("there is no tenant {tenant}"), format!("run `wattle tenant add {tenant}`"))
}

/// What must hold before a tenant is added or set right, seen from the rows that are there.
fn require_fit(new: &NewTenant, known: &[tenant::Model]) -> Result<(), TenantError> {
    for other in known {
        if other.tenant_id == new.id.as_str() {
            if new.mode == Mode::Development && other.mode == Mode::Production.name() {
                return Err(TenantError::config(
                    format!(
                        "{} is a production tenant, and does not become a development tenant again",
                        new.id
                    ),
                    "add --mode production and its settings, or choose another name",
                ));
            }
        } else if let (Some(host), true) = (&new.host, other.host == new.host) {
            return Err(TenantError::config(
                format!("the host {host} already serves tenant {}", other.tenant_id),
                "choose another host name",
            ));
        }
    }
    Ok(())
}

/// Passwords and resource ids derive from the master secret: with another one than before, what is there would no
/// longer be reached, and ids that were given out would mean nothing.
pub(crate) fn require_same_secret<'a>(
    known: impl IntoIterator<Item = &'a tenant::Model>,
    secrets: &Secrets,
) -> Result<(), TenantError> {
    known.into_iter().try_for_each(|known| require_secret(&known.tenant_id, &known.secret_check, secrets))
}

/// The same before a migration, when only these columns are sure to be there.
async fn require_same_secret_as_before(
    db: &impl ConnectionTrait,
    secrets: &Secrets,
) -> Result<(), TenantError> {
    let known: Vec<(String, String)> = tenant::Entity::find()
        .select_only()
        .columns([tenant::Column::TenantId, tenant::Column::SecretCheck])
        .into_tuple()
        .all(db)
        .await?;
    known.iter().try_for_each(|(tenant, check)| require_secret(tenant, check, secrets))
}

fn require_secret(tenant: &str, check: &str, secrets: &Secrets) -> Result<(), TenantError> {
    if check == secrets.check() {
        return Ok(());
    }
    Err(TenantError::config(
        format!("the master secret is another one than before, when tenant {tenant} was onboarded"),
        "name the master secret that this target was set up with; all passwords and resource ids derive from it",
    ))
}

/// Writes a tenant's row of the registry.
async fn write_tenant(
    db: &impl ConnectionTrait,
    new: NewTenant,
    login_role: Option<String>,
    secrets: &Secrets,
) -> Result<(), TenantError> {
    let row = tenant::ActiveModel {
        tenant_id: Set(new.id.as_str().to_owned()),
        login_role: Set(login_role),
        secret_check: Set(secrets.check()),
        display_name: Set(new.display_name),
        mode: Set(new.mode.name().to_owned()),
        issuer: Set(new.issuer),
        audience: Set(new.audience),
        jwks: Set(serde_json::to_string(&new.jwks).expect("a key set is plain data")),
        public_base_url: Set(new.public_base_url.trim_end_matches('/').to_owned()),
        host: Set(new.host),
        created_at: Set(Utc::now()),
        retention_days: NotSet,
        reconcile_every_hours: NotSet,
        service_status: NotSet,
        outages: NotSet,
    };
    let settable = [
        tenant::Column::DisplayName,
        tenant::Column::Mode,
        tenant::Column::Issuer,
        tenant::Column::Audience,
        tenant::Column::Jwks,
        tenant::Column::PublicBaseUrl,
        tenant::Column::Host,
    ];
    tenant::Entity::insert(row)
        .on_conflict(OnConflict::column(tenant::Column::TenantId).update_columns(settable).to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(())
}

async fn require_schema(db: &DatabaseConnection) -> Result<(), TenantError> {
    match wattle_migrations::pending(db).await {
        Ok(0) => Ok(()),
        _ => Err(TenantError::config("the target's schema is not up to date", "run `wattle migrate`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_compared_as_requests_name_it() {
        assert_eq!(host_name("CDR.Example.com.au").unwrap(), "cdr.example.com.au");
        for broken in ["cdr.example.com:8080", "https://cdr.example.com", "", ".example.com", "a b"] {
            assert!(host_name(broken).unwrap_err().to_string().contains("is not a host name"), "{broken}");
        }
    }
}
