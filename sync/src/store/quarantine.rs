//! Keys that could not be applied, each with its error.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use wattle_core::{Entity, Key, RecordError};

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

/// Which of the keys in quarantine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Which<'a> {
    /// Of this entity only.
    pub(crate) entity: Option<Entity>,
    /// This key only.
    pub(crate) key: Option<&'a str>,
}

/// A page of the keys, after a record.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    scope: &Scope,
    which: Which<'_>,
    after: Option<(&str, &str)>,
    limit: usize,
) -> Result<Vec<(Entity, Key)>, DbErr> {
    let (after_entity, after_id) = after.unwrap_or(("", ""));
    let rows = query(
        db,
        "select entity, source_id from quarantine
         where source_system = $1 and ($2 = '' or entity = $2) and ($3 or source_id = $4) and (entity, source_id) > ($5, $6)
         order by entity, source_id limit $7",
        vec![
            scope.source.as_str().into(),
            which.entity.map_or("", Entity::name).into(),
            which.key.is_none().into(),
            which.key.unwrap_or_default().into(),
            after_entity.into(),
            after_id.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await?;
    super::records_of(&rows)
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
