//! The first target schema: registry, records, lineage, stream, jobs and consent.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared(include_str!("postgres/000001_target.sql")).await?;
        db.execute_unprepared(include_str!("postgres/attach_tenant.sql")).await?;
        Ok(())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Custom("the first migration is not undone: drop the database instead".into()))
    }
}
