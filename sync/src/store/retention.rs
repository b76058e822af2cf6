//! What of the stream is still needed, and dropping what is not. A day holds the changes of all sources of a tenant, so
//! each source notes how far it is free, and a day goes when all of it is.

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::stream::{Lane, SEGMENT_LEN_SEQ};
use super::{Scope, execute, query};

/// Notes where the markers stand today.
pub(crate) async fn note_markers(
    db: &impl ConnectionTrait,
    scope: &Scope,
    today: NaiveDate,
) -> Result<(), DbErr> {
    execute(
        db,
        "insert into marker_day (tenant_id, source_system, lane, day, seq)
         select tenant_id, source_system, lane, $2, seq from marker where source_system = $1
         on conflict (tenant_id, source_system, lane, day) do update set seq = excluded.seq",
        vec![scope.source.as_str().into(), today.into()],
    )
    .await?;
    Ok(())
}

/// Where a marker stood when a day ended, or the last one before it that was noted.
pub(crate) async fn applied_by(
    db: &impl ConnectionTrait,
    scope: &Scope,
    lane: Lane,
    day: NaiveDate,
) -> Result<i64, DbErr> {
    let rows = query(
        db,
        "select seq from marker_day where source_system = $1 and lane = $2 and day <= $3 order by day desc limit 1",
        vec![scope.source.as_str().into(), lane.name().into(), day.into()],
    )
    .await?;
    rows.first().map_or(Ok(0), |row| row.try_get("", "seq"))
}

/// Notes up to where nobody needs a lane any more.
pub(crate) async fn note_free(
    db: &impl ConnectionTrait,
    scope: &Scope,
    lane: Lane,
    seq: i64,
) -> Result<(), DbErr> {
    execute(
        db,
        "update marker set free_seq = $3 where source_system = $1 and lane = $2 and free_seq < $3",
        vec![scope.source.as_str().into(), lane.name().into(), seq.into()],
    )
    .await?;
    Ok(())
}

/// The days of which there is something, oldest first, but for today and yesterday: clocks differ.
pub(crate) async fn old_days(db: &impl ConnectionTrait, today: NaiveDate) -> Result<Vec<NaiveDate>, DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => "select distinct appended_on as day from stream_event where appended_on < $1 order by 1",
        _ => {
            "select to_date(right(c.relname, 8), 'YYYYMMDD') as day
             from pg_inherits i join pg_class c on c.oid = i.inhrelid
             where i.inhparent = 'stream_event'::regclass and to_date(right(c.relname, 8), 'YYYYMMDD') < $1 order by 1"
        }
    };
    let before = today.pred_opt().unwrap_or(today);
    query(db, sql, vec![before.into()]).await?.iter().map(|row| row.try_get("", "day")).collect()
}

/// Is there nothing of a day that any source still needs?
pub(crate) async fn is_free(db: &impl ConnectionTrait, scope: &Scope, day: NaiveDate) -> Result<bool, DbErr> {
    let rows = query(
        db,
        "select 1 as needed from marker m
         join stream_event e on e.tenant_id = m.tenant_id and e.source_system = m.source_system and e.lane = m.lane
         where m.tenant_id = $1 and e.appended_on = $2 and e.first_seq > m.free_seq - $3 and e.last_seq > m.free_seq limit 1",
        vec![scope.tenant.as_str().into(), day.into(), SEGMENT_LEN_SEQ.into()],
    )
    .await?;
    Ok(rows.is_empty())
}

/// Drops a day.
pub(crate) async fn drop_day(db: &impl ConnectionTrait, day: NaiveDate) -> Result<(), DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => "delete from stream_event where appended_on = $1",
        _ => "select wattle.drop_stream_day($1)",
    };
    execute(db, sql, vec![day.into()]).await?;
    Ok(())
}

/// Forgets where markers stood before the last day that matters, and jobs that were over by then. Those that compare or
/// hydrate are few, and tell when they did.
pub(crate) async fn forget_old(
    db: &impl ConnectionTrait,
    scope: &Scope,
    before: NaiveDate,
) -> Result<(), DbErr> {
    let values = || vec![scope.source.as_str().into(), before.into()];
    execute(
        db,
        "delete from marker_day where source_system = $1
             and day < (select max(day) from marker_day where source_system = $1 and day <= $2)",
        values(),
    )
    .await?;
    execute(
        db,
        "delete from job where source_system = $1 and state in ('done', 'failed') and finished_at < $2
             and kind not in ('hydrate', 'reconcile', 'repair')",
        values(),
    )
    .await?;
    Ok(())
}
