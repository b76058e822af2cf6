//! How fresh a tenant is, for the operator: per source and stage, by age, count and bytes.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DbErr;
use serde::Serialize;
use uuid::Uuid;
use wattle_tenants::TenantSession;

use crate::SyncError;
use crate::store::jobs::{self, JobView};
use crate::store::query;

/// Finished jobs that are still shown, of hydrations and of all others.
const SHOWN_JOBS: u64 = 5;

/// A sync that has said nothing for this long is no longer running.
const UNHEARD_OF: TimeDelta = TimeDelta::seconds(15);

/// The state of one tenant.
#[derive(Debug, Clone, Serialize)]
pub struct TenantStatus {
    /// Its sources that sync ever ran for.
    pub sources: Vec<SourceStatus>,
    /// Jobs that are not over, and the latest that are.
    pub jobs: Vec<JobView>,
}

/// The state of one source.
#[derive(Debug, Clone, Serialize)]
pub struct SourceStatus {
    /// Its name.
    pub source_system: String,
    /// `running`, `waiting`, `paused` or `stopped`; `gone` when a running sync has not been heard of for a while.
    pub state: String,
    /// Why, in plain words.
    pub reason: Option<String>,
    /// When sync last said so.
    pub updated_at: DateTime<Utc>,
    /// When capture last stored something, or heard that there is nothing.
    pub captured_at: Option<DateTime<Utc>>,
    /// How far the live lane is applied: a position that `wattle rewind` takes.
    pub live_seq: i64,
    /// Changes in the live lane that are not yet applied.
    pub live_count: i64,
    /// Age in milliseconds of the oldest of them; 0 when there is none.
    pub live_age_ms: i64,
    /// Touches in the backfill lane that are not yet applied.
    pub backfill_count: i64,
    /// Bytes of log that the source keeps for us.
    pub retained_bytes: Option<i64>,
    /// Keys in quarantine.
    pub quarantine_count: i64,
}

/// Reads the state of a tenant.
pub async fn read(session: &TenantSession) -> Result<TenantStatus, SyncError> {
    let db = session.db();
    let rows = query(
        db,
        "select s.source_system, s.state, s.reason, s.updated_at, s.captured_at, s.retained_bytes,
                lm.seq as live_seq, lh.last_seq - lm.seq as live_count, bh.last_seq - bm.seq as backfill_count,
                (select min(e.appended_at) from stream_event e
                 where e.source_system = s.source_system and e.lane = 'live' and e.last_seq > lm.seq
                     and e.first_seq > lm.seq - 1000) as waiting_since, now() as now,
                (select count(*) from quarantine q where q.source_system = s.source_system and not q.discarded) as quarantine_count
         from source_state s
         join stream_head lh on lh.source_system = s.source_system and lh.lane = 'live'
         join stream_head bh on bh.source_system = s.source_system and bh.lane = 'backfill'
         join marker lm on lm.source_system = s.source_system and lm.lane = 'live'
         join marker bm on bm.source_system = s.source_system and bm.lane = 'backfill'
         order by s.source_system",
        vec![],
    )
    .await?;
    let sources: Result<Vec<_>, DbErr> = rows
        .iter()
        .map(|row| {
            // By the target's clock, which also wrote the other times.
            let now: DateTime<Utc> = row.try_get("", "now")?;
            let updated_at: DateTime<Utc> = row.try_get("", "updated_at")?;
            let state: String = row.try_get("", "state")?;
            let heard_of = state == "stopped" || now - updated_at < UNHEARD_OF;
            let waiting_since: Option<DateTime<Utc>> = row.try_get("", "waiting_since")?;
            Ok(SourceStatus {
                source_system: row.try_get("", "source_system")?,
                state: if heard_of { state } else { "gone".to_owned() },
                reason: row.try_get("", "reason")?,
                updated_at,
                captured_at: row.try_get("", "captured_at")?,
                live_seq: row.try_get("", "live_seq")?,
                live_count: row.try_get("", "live_count")?,
                live_age_ms: waiting_since.map_or(0, |since| (now - since).num_milliseconds().max(0)),
                backfill_count: row.try_get("", "backfill_count")?,
                retained_bytes: row.try_get("", "retained_bytes")?,
                quarantine_count: row.try_get("", "quarantine_count")?,
            })
        })
        .collect();
    Ok(TenantStatus { sources: sources?, jobs: jobs::list(db, SHOWN_JOBS).await? })
}

/// One job of a tenant, if there is one of that id.
pub async fn job(session: &TenantSession, id: Uuid) -> Result<Option<JobView>, SyncError> {
    Ok(jobs::view(session.db(), id).await?)
}
