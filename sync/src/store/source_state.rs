//! What the running sync says of its source, and where capture stands.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use wattle_core::Position;

use super::stream::BUSY;
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

/// How the source is doing, as its runner sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// `running`, `waiting`, `paused` or `stopped`.
    pub(crate) state: &'static str,
    /// Why, in plain words.
    pub(crate) reason: Option<String>,
    /// Bytes of log that the source keeps for us, where it was asked lately.
    pub(crate) retained_bytes: Option<u64>,
    /// All that was committed at the source before this is captured; nothing where that is not known anew.
    pub(crate) heard_through: Option<DateTime<Utc>>,
    /// Is there something to capture, or could there be?
    pub(crate) uncaptured: bool,
    /// How far the live lane is fetched.
    pub(crate) fetched_seq: i64,
}

/// Notes how the source is doing, and returns the target's time.
pub(crate) async fn report(
    db: &impl ConnectionTrait,
    scope: &Scope,
    seen: Seen,
) -> Result<Option<DateTime<Utc>>, DbErr> {
    let rows = query(
        db,
        "update source_state set state = $2, reason = $3, retained_bytes = coalesce($4, retained_bytes),
                                 heard_through = coalesce($5, heard_through), uncaptured = $6, fetched_seq = $7,
                                 updated_at = now()
         where source_system = $1 returning now() as now",
        vec![
            scope.source.as_str().into(),
            seen.state.into(),
            seen.reason.into(),
            seen.retained_bytes.and_then(|bytes| i64::try_from(bytes).ok()).into(),
            seen.heard_through.into(),
            seen.uncaptured.into(),
            seen.fetched_seq.into(),
        ],
    )
    .await?;
    rows.first().map(|row| row.try_get("", "now")).transpose()
}

/// Has an operator accepted that what the source no longer shows is gone?
pub(crate) async fn deletes_are_accepted(db: &impl ConnectionTrait, scope: &Scope) -> Result<bool, DbErr> {
    let sql =
        "select 1 as accepted from source_state where source_system = $1 and deletes_accepted_until > now()";
    Ok(!query(db, sql, vec![scope.source.as_str().into()]).await?.is_empty())
}

/// Has an operator accepted that many records go into quarantine?
pub(crate) async fn quarantine_is_accepted(db: &impl ConnectionTrait, scope: &Scope) -> Result<bool, DbErr> {
    let sql = "select 1 as accepted from source_state where source_system = $1 and quarantine_accepted_until > now()";
    Ok(!query(db, sql, vec![scope.source.as_str().into()]).await?.is_empty())
}

/// What an operator has accepted counted for what was under way then: it is over when nothing is.
pub(crate) async fn end_accepted_if_quiet(db: &impl ConnectionTrait, scope: &Scope) -> Result<(), DbErr> {
    let sql = format!(
        "update source_state set deletes_accepted_until = null, quarantine_accepted_until = null
         where source_system = $1 and (deletes_accepted_until is not null or quarantine_accepted_until is not null)
             and not exists ({BUSY})"
    );
    execute(db, &sql, vec![scope.source.as_str().into()]).await?;
    Ok(())
}

/// Asks the runner to leave the source alone, or to go on.
pub(crate) async fn ask_for_pause(
    db: &impl ConnectionTrait,
    scope: &Scope,
    pause: bool,
) -> Result<(), DbErr> {
    execute(
        db,
        "update source_state set pause_asked = $2 where source_system = $1",
        vec![scope.source.as_str().into(), pause.into()],
    )
    .await?;
    Ok(())
}

/// Is the source to be left alone?
pub(crate) async fn pause_is_asked(db: &impl ConnectionTrait, scope: &Scope) -> Result<bool, DbErr> {
    let sql = "select 1 as asked from source_state where source_system = $1 and pause_asked";
    Ok(!query(db, sql, vec![scope.source.as_str().into()]).await?.is_empty())
}

/// Notes what an operator accepts: it counts until everything is applied that is under way, or a time has come.
pub(crate) async fn accept(
    db: &impl ConnectionTrait,
    scope: &Scope,
    deletes_until: Option<DateTime<Utc>>,
    quarantine_until: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    execute(
        db,
        "update source_state set deletes_accepted_until = coalesce($2, deletes_accepted_until),
                                 quarantine_accepted_until = coalesce($3, quarantine_accepted_until)
         where source_system = $1",
        vec![scope.source.as_str().into(), deletes_until.into(), quarantine_until.into()],
    )
    .await?;
    Ok(())
}
