//! The durable stream in the target database: append, and read after a position.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr};
use serde::{Deserialize, Serialize};
use wattle_core::{Change, EntityGraph, Position};
use wattle_tenants::dialect::given;

use super::{Scope, execute, query, segment};
use crate::SyncError;

/// A lane of the stream. Live changes are served first; backfill gets at least a tenth of each batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// What was captured, and what new owners and due records lead to.
    Live,
    /// The touches of jobs.
    Backfill,
}

impl Lane {
    pub(crate) const BOTH: [Self; 2] = [Self::Live, Self::Backfill];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Backfill => "backfill",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|lane| lane.name() == name)
    }
}

/// Changes in one stored row: as many as a batch holds.
const SEGMENT_LEN: usize = 1_000;
pub(super) const SEGMENT_LEN_SEQ: i64 = SEGMENT_LEN as i64;

/// One change, as read.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) seq: i64,
    /// Nothing where the graph no longer has the node.
    pub(crate) change: Option<Change>,
    pub(crate) position: Position,
}

/// Makes sure that the day's partition is there.
pub(crate) async fn ensure_day(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    // A tenant's file is not partitioned.
    if db.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    execute(db, "select wattle.ensure_stream_day($1)", vec![Utc::now().date_naive().into()]).await?;
    Ok(())
}

/// Appends changes to a lane and returns the last position given out. The head's row lock is held to commit, so that
/// positions become visible in order.
pub(crate) async fn append(
    work: &DatabaseTransaction,
    scope: &Scope,
    graph: &EntityGraph,
    lane: Lane,
    changes: &[(Change, Position)],
) -> Result<i64, DbErr> {
    let count = i64::try_from(changes.len()).expect("batches are bounded");
    let head = query(
        work,
        "update stream_head set last_seq = last_seq + $3 where source_system = $1 and lane = $2 returning last_seq",
        vec![scope.source.as_str().into(), lane.name().into(), count.into()],
    )
    .await?;
    let head = head.first().ok_or_else(|| DbErr::RecordNotFound("the stream's head".into()))?;
    let last: i64 = head.try_get("", "last_seq")?;
    let mut first = last - count + 1;
    let (mut firsts, mut lasts, mut segments) = (Vec::new(), Vec::new(), Vec::new());
    for run in changes.chunks(SEGMENT_LEN) {
        let end = first + i64::try_from(run.len()).expect("a run is short") - 1;
        firsts.push(first.to_string());
        lasts.push(end.to_string());
        segments.push(segment::encode(graph, run));
        first = end + 1;
    }
    let mut values = vec![
        scope.tenant.as_str().into(),
        scope.source.as_str().into(),
        lane.name().into(),
        Utc::now().date_naive().into(),
    ];
    let names = ["first_seq", "last_seq", "changes"];
    let given = given(work.get_database_backend(), "s", &names, vec![firsts, lasts, segments], &mut values);
    let sql = format!(
        "insert into stream_event (tenant_id, source_system, lane, first_seq, last_seq, appended_on, changes)
         select $1, $2, $3, s.first_seq::bigint, s.last_seq::bigint, $4, s.changes from {given}"
    );
    execute(work, &sql, values).await?;
    Ok(last)
}

/// Reads up to `max` changes of a lane after a position.
pub(crate) async fn read(
    db: &impl ConnectionTrait,
    scope: &Scope,
    graph: &EntityGraph,
    lane: Lane,
    after: i64,
    max: usize,
) -> Result<Vec<Entry>, SyncError> {
    let mut entries = Vec::new();
    let mut after = after;
    while entries.len() < max {
        // Segments are short when changes trickle in: a few at a time, until there are enough.
        let rows = query(
            db,
            "select first_seq, changes from stream_event
             where tenant_id = $5 and source_system = $1 and lane = $2 and last_seq > $3 and first_seq > $3 - $4
             order by first_seq limit 32",
            vec![
                scope.source.as_str().into(),
                lane.name().into(),
                after.into(),
                SEGMENT_LEN_SEQ.into(),
                scope.tenant.as_str().into(),
            ],
        )
        .await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let first: i64 = row.try_get("", "first_seq")?;
            let text: String = row.try_get("", "changes")?;
            let changes = segment::decode(graph, &text).map_err(|error| {
                SyncError::Bug(format!("segment {first} of the {} lane cannot be read: {error}", lane.name()))
            })?;
            for (seq, (change, position)) in (first..).zip(changes) {
                if seq > after && entries.len() < max {
                    entries.push(Entry { seq, change, position });
                    after = seq;
                }
            }
            if entries.len() == max {
                break;
            }
        }
    }
    Ok(entries)
}

/// The last position given out in a lane.
pub(crate) async fn head(db: &impl ConnectionTrait, scope: &Scope, lane: Lane) -> Result<i64, DbErr> {
    let sql = "select last_seq from stream_head where source_system = $1 and lane = $2";
    let rows = query(db, sql, vec![scope.source.as_str().into(), lane.name().into()]).await?;
    rows.first().map_or(Ok(0), |row| row.try_get("", "last_seq"))
}

/// What of a lane is still kept. What is free to be dropped is not, though it may still be there.
#[derive(Debug)]
pub(crate) struct Kept {
    /// When the oldest segment was appended that is kept, where older ones are not; now, where none is.
    pub(crate) since: Option<DateTime<Utc>>,
    /// The first position that was appended at the time asked for, or later.
    pub(crate) from: Option<i64>,
}

/// Looks what of a lane is kept, from a time on.
pub(crate) async fn kept(
    db: &impl ConnectionTrait,
    scope: &Scope,
    lane: Lane,
    time: DateTime<Utc>,
) -> Result<Kept, DbErr> {
    let rows = query(
        db,
        "select case when m.free_seq > 0 or (coalesce(min(e.first_seq), 0) <> 1 and m.seq > 0)
                     then coalesce(min(case when e.last_seq > m.free_seq then e.appended_at end), now()) end as since,
                min(case when e.appended_at >= $4 then e.first_seq end) as wanted
         from marker m
         left join stream_event e on e.tenant_id = m.tenant_id and e.source_system = m.source_system and e.lane = m.lane
         where m.tenant_id = $3 and m.source_system = $1 and m.lane = $2
         group by m.free_seq, m.seq",
        vec![scope.source.as_str().into(), lane.name().into(), scope.tenant.as_str().into(), time.into()],
    )
    .await?;
    let row = rows.first().ok_or_else(|| DbErr::RecordNotFound("the marker".into()))?;
    Ok(Kept { since: row.try_get("", "since")?, from: row.try_get("", "wanted")? })
}

/// When the segment was appended that holds a position of a lane.
pub(crate) async fn appended_at(
    db: &impl ConnectionTrait,
    scope: &Scope,
    lane: Lane,
    seq: i64,
) -> Result<Option<DateTime<Utc>>, DbErr> {
    let rows = query(
        db,
        "select appended_at from stream_event
         where tenant_id = $4 and source_system = $1 and lane = $2 and first_seq <= $3 and last_seq >= $3 and first_seq > $3 - $5",
        vec![
            scope.source.as_str().into(),
            lane.name().into(),
            seq.into(),
            scope.tenant.as_str().into(),
            SEGMENT_LEN_SEQ.into(),
        ],
    )
    .await?;
    rows.first().map(|row| row.try_get("", "appended_at")).transpose()
}

/// The bytes that the stream takes up, of all sources, and its oldest day.
pub(crate) async fn size(db: &impl ConnectionTrait) -> Result<(i64, Option<NaiveDate>), DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => {
            "select coalesce(sum(length(changes)), 0) as bytes, min(appended_on) as since from stream_event"
        }
        _ => {
            "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint as bytes,
                    min(to_date(right(c.relname, 8), 'YYYYMMDD')) as since
             from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'stream_event'::regclass"
        }
    };
    let rows = query(db, sql, vec![]).await?;
    let row = rows.first().ok_or_else(|| DbErr::RecordNotFound("the stream's size".into()))?;
    Ok((row.try_get("", "bytes")?, row.try_get("", "since")?))
}

/// A row for each thing that is not applied yet, to all entities, and each job that is not over: asked in one statement,
/// so that it is true of one moment.
pub(crate) const BUSY: &str = "select 1 from stream_head h
     join marker m on m.source_system = h.source_system and m.lane = h.lane
     where h.source_system = $1 and h.last_seq <> m.seq
     union all
     select 1 from job where source_system = $1 and state in ('waiting', 'running')
     union all
     select 1 from entity_pause where source_system = $1";

/// Is there nothing left to be done?
pub(crate) async fn is_quiet(db: &impl ConnectionTrait, scope: &Scope) -> Result<bool, DbErr> {
    let sql = format!("select 1 as quiet where not exists ({BUSY})");
    Ok(!query(db, &sql, vec![scope.source.as_str().into()]).await?.is_empty())
}

#[cfg(test)]
mod tests;
