//! How far each lane is archived, and what of the stream follows.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::stream::Lane;
use super::{Scope, execute, query};

/// How far a lane is archived, and where the file ends that is being written, if one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) seq: i64,
    pub(crate) next_seq: Option<i64>,
}

/// What a stored row of the stream holds, without its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) first_seq: i64,
    pub(crate) last_seq: i64,
    pub(crate) appended_on: NaiveDate,
    /// How old it was when it was read, by the target's clock, which also wrote its time.
    pub(crate) age_ms: i64,
}

/// A stored row of the stream with its changes, as text.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) first_seq: i64,
    pub(crate) last_seq: i64,
    pub(crate) appended_at: DateTime<Utc>,
    pub(crate) changes: String,
}

/// Creates the marks of a source, once.
pub(crate) async fn ensure(db: &impl ConnectionTrait, scope: &Scope) -> Result<(), DbErr> {
    execute(
        db,
        "insert into archive_mark (tenant_id, source_system, lane)
         select $1, $2, lane from (select 'live' as lane union select 'backfill') as lanes
         where true on conflict do nothing",
        vec![scope.tenant.as_str().into(), scope.source.as_str().into()],
    )
    .await?;
    Ok(())
}

/// Reads the mark of a lane.
pub(crate) async fn read(db: &impl ConnectionTrait, scope: &Scope, lane: Lane) -> Result<Mark, DbErr> {
    let rows = query(
        db,
        "select seq, next_seq from archive_mark where source_system = $1 and lane = $2",
        vec![scope.source.as_str().into(), lane.name().into()],
    )
    .await?;
    let row = rows.first().ok_or_else(|| DbErr::RecordNotFound("the archive's mark".into()))?;
    Ok(Mark { seq: row.try_get("", "seq")?, next_seq: row.try_get("", "next_seq")? })
}

/// Moves a mark from where it was read, for the holder of the lease. False when it was moved, or the lease taken,
/// meanwhile.
pub(crate) async fn move_on(
    db: &impl ConnectionTrait,
    scope: &Scope,
    token: i64,
    lane: Lane,
    from: Mark,
    to: Mark,
) -> Result<bool, DbErr> {
    let moved = execute(
        db,
        "update archive_mark set seq = $5, next_seq = $6, archived_at = case when seq < $5 then now() else archived_at end
         where source_system = $1 and lane = $2 and seq = $3 and next_seq is not distinct from $4
             and exists (select 1 from marker m where m.source_system = $1 and m.lane = $2 and m.lease_token = $7)",
        vec![
            scope.source.as_str().into(),
            lane.name().into(),
            from.seq.into(),
            from.next_seq.into(),
            to.seq.into(),
            to.next_seq.into(),
            token.into(),
        ],
    )
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Is everything in the stream archived?
pub(crate) async fn is_complete(db: &impl ConnectionTrait, scope: &Scope) -> Result<bool, DbErr> {
    let rows = query(
        db,
        "select 1 as behind from stream_head h
         left join archive_mark m on m.source_system = h.source_system and m.lane = h.lane
         where h.source_system = $1 and h.last_seq <> coalesce(m.seq, 0) limit 1",
        vec![scope.source.as_str().into()],
    )
    .await?;
    Ok(rows.is_empty())
}

/// Up to `max` rows of the stream that begin after a position, without their changes.
pub(crate) async fn segments(
    db: &impl ConnectionTrait,
    scope: &Scope,
    lane: Lane,
    after: i64,
    max: usize,
) -> Result<Vec<Segment>, DbErr> {
    let rows = query(
        db,
        "select first_seq, last_seq, appended_on, appended_at, now() as now from stream_event
         where tenant_id = $5 and source_system = $1 and lane = $2 and first_seq > $3 order by first_seq limit $4",
        vec![
            scope.source.as_str().into(),
            lane.name().into(),
            after.into(),
            i64::try_from(max).expect("pages are bounded").into(),
            scope.tenant.as_str().into(),
        ],
    )
    .await?;
    rows.iter()
        .map(|row| {
            let now: DateTime<Utc> = row.try_get("", "now")?;
            let appended_at: DateTime<Utc> = row.try_get("", "appended_at")?;
            Ok(Segment {
                first_seq: row.try_get("", "first_seq")?,
                last_seq: row.try_get("", "last_seq")?,
                appended_on: row.try_get("", "appended_on")?,
                age_ms: (now - appended_at).num_milliseconds(),
            })
        })
        .collect()
}

/// Up to `max` rows of the stream that begin after one position and not after another, with their changes.
pub(crate) async fn stored(
    db: &impl ConnectionTrait,
    scope: &Scope,
    lane: Lane,
    after: i64,
    until: i64,
    max: usize,
) -> Result<Vec<Stored>, DbErr> {
    let rows = query(
        db,
        "select first_seq, last_seq, appended_at, changes from stream_event
         where tenant_id = $6 and source_system = $1 and lane = $2 and first_seq > $3 and first_seq <= $4
         order by first_seq limit $5",
        vec![
            scope.source.as_str().into(),
            lane.name().into(),
            after.into(),
            until.into(),
            i64::try_from(max).expect("pages are bounded").into(),
            scope.tenant.as_str().into(),
        ],
    )
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Stored {
                first_seq: row.try_get("", "first_seq")?,
                last_seq: row.try_get("", "last_seq")?,
                appended_at: row.try_get("", "appended_at")?,
                changes: row.try_get("", "changes")?,
            })
        })
        .collect()
}
