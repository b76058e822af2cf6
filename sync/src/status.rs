//! How fresh a tenant is, for the operator: per source and stage, by age, count and bytes.

mod agreement;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;
use wattle_tenants::TenantSession;

pub use agreement::Agreement;

use crate::SyncError;
use crate::store::jobs::{self, JobView};
use crate::store::sources::{self, SourceRow};
use crate::store::stream;

/// Finished jobs that are still shown, of hydrations and of all others.
const SHOWN_JOBS: u64 = 5;

/// A sync that has said nothing for this long is no longer running.
const UNHEARD_OF: TimeDelta = TimeDelta::seconds(15);

/// The state of one tenant.
#[derive(Debug, Clone, Serialize)]
pub struct TenantStatus {
    /// Its sources that sync ever ran for.
    pub sources: Vec<SourceStatus>,
    /// What its stream takes up.
    pub stream: StreamSize,
    /// Jobs that are not over, and the latest that are.
    pub jobs: Vec<JobView>,
}

/// The state of one source. All ages are by the target's clock.
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
    /// What the source has and the stream lacks. How many changes that is only the source could tell, and their age is
    /// known as a bound: everything older is captured.
    pub captured: Stage,
    /// What the stream has and was not yet read from the source.
    pub fetched: Stage,
    /// What the stream has and the target lacks.
    pub applied: Stage,
    /// How far the live lane is applied: a position that `wattle rewind` takes.
    pub live_seq: i64,
    /// Touches in the backfill lane that are not yet applied.
    pub backfill_count: i64,
    /// Changes of both lanes that are not yet archived; nothing where there is no archive.
    pub unarchived_count: Option<i64>,
    /// Bytes of log that the source keeps for us.
    pub retained_bytes: Option<i64>,
    /// Keys in quarantine.
    pub quarantine_count: i64,
    /// What the latest comparisons with the source have shown.
    pub agreement: Agreement,
}

/// What a stage has yet to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Changes, where that is known.
    pub count: Option<i64>,
    /// No change is older than this, in milliseconds; 0 when there is none, nothing when it is not known.
    pub age_ms: Option<i64>,
}

/// What the stream of a tenant takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StreamSize {
    /// Bytes in the target.
    pub bytes: i64,
    /// The oldest day that is still kept.
    pub since: Option<NaiveDate>,
}

/// Reads the state of a tenant.
pub async fn read(session: &TenantSession) -> Result<TenantStatus, SyncError> {
    let db = session.db();
    let mut agreements = agreement::read(db).await?;
    let mut sources = Vec::new();
    for row in sources::read(db).await? {
        let agreement = agreements.remove(&row.source_system).unwrap_or_default();
        sources.push(shown(row, agreement));
    }
    let (bytes, since) = stream::size(db).await?;
    Ok(TenantStatus { sources, stream: StreamSize { bytes, since }, jobs: jobs::list(db, SHOWN_JOBS).await? })
}

fn shown(row: SourceRow, agreement: Agreement) -> SourceStatus {
    let age_ms = |since: DateTime<Utc>| (row.now - since).num_milliseconds().max(0);
    let heard_of = row.state == "stopped" || row.now - row.updated_at < UNHEARD_OF;
    let captured_age_ms = match row.heard_through {
        Some(_) if heard_of && !row.uncaptured => Some(0),
        through => through.map(age_ms),
    };
    let stage = |seq: i64, since: Option<DateTime<Utc>>| Stage {
        count: Some(row.head_seq - seq),
        age_ms: Some(since.map_or(0, age_ms)),
    };
    SourceStatus {
        state: if heard_of { row.state } else { "gone".to_owned() },
        captured: Stage { count: None, age_ms: captured_age_ms },
        fetched: stage(row.fetched_seq, row.unfetched_since),
        applied: stage(row.live_seq, row.unapplied_since),
        source_system: row.source_system,
        reason: row.reason,
        updated_at: row.updated_at,
        captured_at: row.captured_at,
        live_seq: row.live_seq,
        backfill_count: row.backfill_count,
        unarchived_count: row.unarchived_count,
        retained_bytes: row.retained_bytes,
        quarantine_count: row.quarantine_count,
        agreement,
    }
}

/// One job of a tenant, if there is one of that id.
pub async fn job(session: &TenantSession, id: Uuid) -> Result<Option<JobView>, SyncError> {
    Ok(jobs::view(session.db(), id).await?)
}
