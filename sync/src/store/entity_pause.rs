//! Entities that are not read for now, and from where on they must be made up for.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use wattle_core::Entity;

use super::marker::Markers;
use super::{Scope, execute, query};

/// One paused entity.
#[derive(Debug, Clone)]
pub(crate) struct Pause {
    pub(crate) reason: String,
    /// What came after these positions was not applied to it.
    pub(crate) live: i64,
    pub(crate) backfill: i64,
}

/// The paused entities of a source.
pub(crate) async fn all(db: &impl ConnectionTrait, scope: &Scope) -> Result<BTreeMap<Entity, Pause>, DbErr> {
    let rows = query(
        db,
        "select entity, reason, live_seq, backfill_seq from entity_pause where source_system = $1",
        vec![scope.source.as_str().into()],
    )
    .await?;
    let mut pauses = BTreeMap::new();
    for row in rows {
        if let Some(entity) = Entity::from_name(&row.try_get::<String>("", "entity")?) {
            let pause = Pause {
                reason: row.try_get("", "reason")?,
                live: row.try_get("", "live_seq")?,
                backfill: row.try_get("", "backfill_seq")?,
            };
            pauses.insert(entity, pause);
        }
    }
    Ok(pauses)
}

/// Pauses an entity from where the markers stand on; one that is paused already stays so from where it was.
pub(crate) async fn put(
    work: &DatabaseTransaction,
    scope: &Scope,
    entity: Entity,
    reason: &str,
    from: &Markers,
) -> Result<(), DbErr> {
    execute(
        work,
        "insert into entity_pause (tenant_id, source_system, entity, reason, live_seq, backfill_seq)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (tenant_id, source_system, entity) do update set reason = excluded.reason",
        vec![
            scope.tenant.as_str().into(),
            scope.source.as_str().into(),
            entity.name().into(),
            reason.into(),
            from.live.into(),
            from.backfill.into(),
        ],
    )
    .await?;
    Ok(())
}

/// The entity is read again.
pub(crate) async fn end(work: &DatabaseTransaction, scope: &Scope, entity: Entity) -> Result<(), DbErr> {
    execute(
        work,
        "delete from entity_pause where source_system = $1 and entity = $2",
        vec![scope.source.as_str().into(), entity.name().into()],
    )
    .await?;
    Ok(())
}
