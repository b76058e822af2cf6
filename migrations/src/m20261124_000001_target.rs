//! The first target schema: registry, records, lineage, stream, jobs and consent.

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
        db.execute_unprepared(&translated(backend, include_str!("target.sql"))).await?;
        if backend == DbBackend::Postgres {
            db.execute_unprepared(include_str!("attach_tenant.sql")).await?;
        }
        Ok(())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Custom("the first migration is not undone: drop the database instead".into()))
    }
}
