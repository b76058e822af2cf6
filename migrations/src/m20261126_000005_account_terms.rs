//! Payment schedules and concessions.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

use crate::dialect::translated;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let backend = manager.get_database_backend();
        db.execute_unprepared(&translated(backend, include_str!("account_terms.sql"))).await?;
        if backend == DbBackend::Postgres {
            // Each tenant its own.
            let attach = "select wattle.attach_tenant(t.tenant_id) from wattle.tenant t";
            db.execute_unprepared(attach).await?;
        }
        Ok(())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Custom("this migration is not undone: later releases read what it added".into()))
    }
}
