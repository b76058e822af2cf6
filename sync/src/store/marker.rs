//! Markers: how far each lane was applied, and whose lease may move them.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use wattle_core::Position;

use super::stream::Lane;
use super::{Scope, execute, query};
use crate::SyncError;

/// How far both lanes were applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Markers {
    pub(crate) live: i64,
    pub(crate) backfill: i64,
    /// The source position of the last applied live change: no later snapshot may stand before it.
    pub(crate) position: Option<Position>,
}

/// Creates what a source's stream needs, once.
pub(crate) async fn ensure(db: &impl ConnectionTrait, scope: &Scope) -> Result<(), DbErr> {
    for table in ["marker", "stream_head"] {
        let sql = format!(
            "insert into {table} (tenant_id, source_system, lane)
             select $1, $2, lane from (select 'live' as lane union select 'backfill') as lanes
             where true on conflict do nothing"
        );
        execute(db, &sql, vec![scope.tenant.as_str().into(), scope.source.as_str().into()]).await?;
    }
    execute(
        db,
        "insert into source_state (tenant_id, source_system) values ($1, $2) on conflict do nothing",
        vec![scope.tenant.as_str().into(), scope.source.as_str().into()],
    )
    .await?;
    Ok(())
}

/// Gives both markers a new token: every consumer that holds an older one can move them no more.
pub(crate) async fn take_over(db: &impl ConnectionTrait, scope: &Scope) -> Result<i64, DbErr> {
    let rows = query(
        db,
        "update marker set lease_token = (select max(lease_token) + 1 from marker where source_system = $1)
         where source_system = $1 returning lease_token",
        vec![scope.source.as_str().into()],
    )
    .await?;
    let row = rows.first().ok_or_else(|| DbErr::RecordNotFound("the markers".into()))?;
    row.try_get("", "lease_token")
}

/// Reads both markers.
pub(crate) async fn read(db: &impl ConnectionTrait, scope: &Scope) -> Result<Markers, DbErr> {
    let rows = query(
        db,
        "select lane, seq, position from marker where source_system = $1",
        vec![scope.source.as_str().into()],
    )
    .await?;
    let mut markers = Markers { live: 0, backfill: 0, position: None };
    for row in rows {
        let seq = row.try_get("", "seq")?;
        if row.try_get::<String>("", "lane")? == Lane::Live.name() {
            markers.live = seq;
            markers.position = row.try_get::<Option<String>>("", "position")?.map(Position::new);
        } else {
            markers.backfill = seq;
        }
    }
    Ok(markers)
}

/// Moves both markers, if they still stand where the batch began and the lease is still ours.
pub(crate) async fn move_both(
    work: &DatabaseTransaction,
    scope: &Scope,
    token: i64,
    from: &Markers,
    to: &Markers,
) -> Result<(), SyncError> {
    let moved = execute(
        work,
        "update marker set seq = case lane when 'live' then $4::bigint else $7::bigint end,
                           position = case lane when 'live' then coalesce($5::text, position) end, moved_at = now()
         where source_system = $1 and lease_token = $2
             and seq = case lane when 'live' then $3::bigint else $6::bigint end",
        vec![
            scope.source.as_str().into(),
            token.into(),
            from.live.into(),
            to.live.into(),
            to.position.as_ref().map(|position| position.as_str().to_owned()).into(),
            from.backfill.into(),
            to.backfill.into(),
        ],
    )
    .await?;
    if moved.rows_affected() == 2 { Ok(()) } else { Err(SyncError::LeaseLost) }
}
