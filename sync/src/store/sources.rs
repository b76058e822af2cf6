//! The sources of a tenant, as they are shown.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::query;
use super::stream::SEGMENT_LEN_SEQ;

/// A source, how its runner saw it last, and how far its lanes are.
#[derive(Debug)]
pub(crate) struct SourceRow {
    pub(crate) source_system: String,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) captured_at: Option<DateTime<Utc>>,
    /// All that was committed at the source before this is captured.
    pub(crate) heard_through: Option<DateTime<Utc>>,
    pub(crate) uncaptured: bool,
    pub(crate) retained_bytes: Option<i64>,
    pub(crate) head_seq: i64,
    pub(crate) fetched_seq: i64,
    pub(crate) live_seq: i64,
    /// When the first change was appended that is not yet fetched.
    pub(crate) unfetched_since: Option<DateTime<Utc>>,
    /// When the first change was appended that is not yet applied.
    pub(crate) unapplied_since: Option<DateTime<Utc>>,
    pub(crate) backfill_count: i64,
    pub(crate) unarchived_count: Option<i64>,
    pub(crate) quarantine_count: i64,
    /// The target's time.
    pub(crate) now: DateTime<Utc>,
}

/// All sources that sync ever ran for, by name.
pub(crate) async fn read(db: &impl ConnectionTrait) -> Result<Vec<SourceRow>, DbErr> {
    let appended_after = |seq: &str| {
        format!(
            "(select e.appended_at from stream_event e
              where e.source_system = s.source_system and e.lane = 'live' and e.last_seq > {seq}
                  and e.first_seq > {seq} - {SEGMENT_LEN_SEQ} order by e.first_seq limit 1)"
        )
    };
    let sql = format!(
        "select s.*, {unfetched_since} as unfetched_since, {unapplied_since} as unapplied_since,
                (select sum(h.last_seq - m.seq) from archive_mark m
                 join stream_head h on h.source_system = m.source_system and h.lane = m.lane
                 where m.source_system = s.source_system)::bigint as unarchived_count,
                (select count(*) from quarantine q where q.source_system = s.source_system and not q.discarded) as quarantine_count
         from (select s.source_system, s.state, s.reason, s.updated_at, s.captured_at, s.heard_through, s.uncaptured,
                      s.retained_bytes, lh.last_seq as head_seq, greatest(lm.seq, s.fetched_seq) as fetched_seq,
                      lm.seq as live_seq, bh.last_seq - bm.seq as backfill_count, now() as now
               from source_state s
               join stream_head lh on lh.source_system = s.source_system and lh.lane = 'live'
               join stream_head bh on bh.source_system = s.source_system and bh.lane = 'backfill'
               join marker lm on lm.source_system = s.source_system and lm.lane = 'live'
               join marker bm on bm.source_system = s.source_system and bm.lane = 'backfill') s
         order by s.source_system",
        unfetched_since = appended_after("s.fetched_seq"),
        unapplied_since = appended_after("s.live_seq"),
    );
    query(db, &sql, vec![])
        .await?
        .iter()
        .map(|row| {
            Ok(SourceRow {
                source_system: row.try_get("", "source_system")?,
                state: row.try_get("", "state")?,
                reason: row.try_get("", "reason")?,
                updated_at: row.try_get("", "updated_at")?,
                captured_at: row.try_get("", "captured_at")?,
                heard_through: row.try_get("", "heard_through")?,
                uncaptured: row.try_get("", "uncaptured")?,
                retained_bytes: row.try_get("", "retained_bytes")?,
                head_seq: row.try_get("", "head_seq")?,
                fetched_seq: row.try_get("", "fetched_seq")?,
                live_seq: row.try_get("", "live_seq")?,
                unfetched_since: row.try_get("", "unfetched_since")?,
                unapplied_since: row.try_get("", "unapplied_since")?,
                backfill_count: row.try_get("", "backfill_count")?,
                unarchived_count: row.try_get("", "unarchived_count")?,
                quarantine_count: row.try_get("", "quarantine_count")?,
                now: row.try_get("", "now")?,
            })
        })
        .collect()
}
