//! What Get Status and Get Outages answer.

use sea_orm_migration::prelude::*;

use crate::dialect::translated;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let backend = manager.get_database_backend();
        db.execute_unprepared(&translated(backend, include_str!("discovery.sql"))).await?;
        Ok(())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Custom("this migration is not undone: later releases read what it added".into()))
    }
}
