//! The target schema: what Wattle keeps of each retailer's data, and who may see it.
//!
//! On PostgreSQL every tenant table is a parent in schema `wattle`, list-partitioned by `tenant_id`; a tenant's
//! partitions live in a schema of their own, `t_<tenant>`, under the same names. A tenant's login role has its
//! schema as `search_path` and is granted nothing else, so a statement that says `account` reads the tenant's
//! partition and can read no other: isolation rests on grants, on forced policies that compare with the login
//! role, and never on a setting. The registry (`tenant`, `source`) stays in schema `wattle`.
//!
//! On SQLite a tenant has a file of its own with all of it: its rows of the registry too. The tables and the
//! statements are the same; [`dialect`] translates what is spelled otherwise.
//!
//! Migrations expand first and contract later. On PostgreSQL they end by calling `wattle.attach_tenant` for every
//! tenant, so that a new table reaches the tenants that are already there.

pub mod dialect;
pub mod entity;
mod m20261124_000001_target;
mod m20261125_000002_stream_kept;
mod m20261126_000003_customer_detail;
mod m20261126_000004_discovery;
mod m20261126_000005_account_terms;

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::MigrationTrait;
pub use sea_orm_migration::MigratorTrait;

/// All migrations, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_target::Migration),
            Box::new(m20261125_000002_stream_kept::Migration),
            Box::new(m20261126_000003_customer_detail::Migration),
            Box::new(m20261126_000004_discovery::Migration),
            Box::new(m20261126_000005_account_terms::Migration),
        ]
    }
}

/// Brings the schema up to date; returns how many migrations were applied.
pub async fn migrate(db: &sea_orm::DatabaseConnection) -> Result<usize, DbErr> {
    if db.get_database_backend() == DbBackend::Postgres {
        db.execute_unprepared("create schema if not exists wattle").await?;
    }
    let pending = Migrator::get_pending_migrations(db).await?.len();
    Migrator::up(db, None).await?;
    Ok(pending)
}

/// How many migrations this build knows that the database lacks.
pub async fn pending(db: &sea_orm::DatabaseConnection) -> Result<usize, DbErr> {
    Ok(Migrator::get_pending_migrations(db).await?.len())
}
