//! Keys that could not be applied, each with its error.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use wattle_core::{Entity, RecordError};

use super::{Scope, execute, query, texts};

/// How many there are.
pub(crate) async fn count(db: &impl ConnectionTrait, scope: &Scope) -> Result<i64, DbErr> {
    let rows = query(
        db,
        "select count(*) as count from quarantine where source_system = $1",
        vec![scope.source.as_str().into()],
    )
    .await?;
    rows.first().map_or(Ok(0), |row| row.try_get("", "count"))
}

/// Puts records in, or counts another attempt.
pub(crate) async fn put(
    work: &DatabaseTransaction,
    scope: &Scope,
    errors: &[RecordError],
    position: &str,
) -> Result<(), DbErr> {
    for error in errors {
        execute(
            work,
            "insert into quarantine (tenant_id, source_system, entity, source_id, error, position)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (tenant_id, source_system, entity, source_id) do update
             set error = excluded.error, position = excluded.position, attempts = quarantine.attempts + 1, last_at = now()",
            vec![
                scope.tenant.as_str().into(),
                scope.source.as_str().into(),
                error.entity.name().into(),
                error.key.as_str().into(),
                format!("{}: {}", error.field, error.rule).into(),
                position.into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Takes records out that were applied, or are gone.
pub(crate) async fn release<'a>(
    work: &DatabaseTransaction,
    scope: &Scope,
    entity: Entity,
    keys: impl Iterator<Item = &'a str>,
) -> Result<(), DbErr> {
    execute(
        work,
        "delete from quarantine where source_system = $1 and entity = $2 and source_id = any ($3)",
        vec![scope.source.as_str().into(), entity.name().into(), texts(keys)],
    )
    .await?;
    Ok(())
}
