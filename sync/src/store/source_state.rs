//! What the running sync says of its source, and where capture stands.

use sea_orm::{ConnectionTrait, DbErr};
use wattle_core::Position;

use super::{Scope, execute, query};

/// The position that capture has stored durably, if it ever began.
pub(crate) async fn position(db: &impl ConnectionTrait, scope: &Scope) -> Result<Option<Position>, DbErr> {
    let rows = query(
        db,
        "select position from source_state where source_system = $1",
        vec![scope.source.as_str().into()],
    )
    .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(row.try_get::<Option<String>>("", "position")?.map(Position::new))
}

/// Capture has stored everything up to here.
pub(crate) async fn captured(
    db: &impl ConnectionTrait,
    scope: &Scope,
    position: &Position,
) -> Result<(), DbErr> {
    execute(
        db,
        "update source_state set position = $2, captured_at = now(), updated_at = now() where source_system = $1",
        vec![scope.source.as_str().into(), position.as_str().into()],
    )
    .await?;
    Ok(())
}

/// Says how the source is doing: `running`, `waiting`, `paused` or `stopped`, and why.
pub(crate) async fn report(
    db: &impl ConnectionTrait,
    scope: &Scope,
    state: &str,
    reason: Option<&str>,
    retained_bytes: Option<u64>,
) -> Result<(), DbErr> {
    execute(
        db,
        "update source_state set state = $2, reason = $3, retained_bytes = coalesce($4, retained_bytes), updated_at = now()
         where source_system = $1",
        vec![
            scope.source.as_str().into(),
            state.into(),
            reason.map(str::to_owned).into(),
            retained_bytes.and_then(|bytes| i64::try_from(bytes).ok()).into(),
        ],
    )
    .await?;
    Ok(())
}
