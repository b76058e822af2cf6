//! Jobs: long work, page by page, that survives whoever carries it out.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wattle_core::Entity;

use super::stream::Lane;
use super::{Scope, execute, query};
use crate::SyncError;
use crate::jobs::{Report, Side};

/// What a job walks through: keys to touch, a page at a time. Nodes and entities by name, so that a stored job
/// survives a change of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "scan")]
pub(crate) enum Scan {
    /// Every record of an entity that the source has.
    Roots { entity: String },
    /// Every row of a node at the source, and what it feeds.
    Source { node: String },
    /// Every record of an entity in the target: those that the source no longer has are deleted on miss.
    Target { entity: String },
    /// The records that any of these rows used to feed; without keys, any row of the node.
    Lineage { node: String, keys: Option<Vec<String>> },
    /// The records at the end of a path from these rows. The path is named by where it starts and ends, and its place
    /// among those that do.
    Path { from: String, entity: String, owning: bool, nth: usize, keys: Vec<String> },
    /// The changes of a lane after one position and up to another, once more; of these entities, or of all.
    Stream { lane: Lane, after: i64, through: i64, entities: Vec<Entity> },
    /// The keys of one side, page by page, to compare both; of those after a key, where it was put off there.
    Compare {
        entity: Entity,
        side: Side,
        #[serde(default)]
        after: Option<String>,
    },
    /// The changes in the archive that were appended on some days, both included; of these entities, or of all.
    Archive { from: NaiveDate, through: NaiveDate, entities: Vec<Entity>, skip_damaged: bool },
    /// The keys in quarantine: of an entity, or one of them, or all; those that were discarded as well, or not.
    Quarantine {
        entity: Option<Entity>,
        key: Option<String>,
        #[serde(default)]
        discarded: bool,
    },
}

/// Why a job is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Touches every record of the source, owners first.
    Hydrate,
    /// Touches records on both sides: after a lost position, a TRUNCATE, a write that left no keys.
    Resync,
    /// Touches the many records that one change affects.
    FanOut,
    /// Applies a range of the stream again.
    Rewind,
    /// Applies what is in the archive again.
    Replay,
    /// Touches what is in quarantine.
    Retry,
    /// Compares both sides and touches what differs, up to a limit.
    Reconcile,
    /// The same without a limit: after a lost position, or when the operator says so.
    Repair,
    /// Compares both sides, and touches nothing.
    Compare,
}

impl JobKind {
    /// Its stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hydrate => "hydrate",
            Self::Resync => "resync",
            Self::FanOut => "fan_out",
            Self::Rewind => "rewind",
            Self::Replay => "replay",
            Self::Retry => "retry",
            Self::Reconcile => "reconcile",
            Self::Repair => "repair",
            Self::Compare => "compare",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        const ALL: [JobKind; 9] = [
            JobKind::Hydrate,
            JobKind::Resync,
            JobKind::FanOut,
            JobKind::Rewind,
            JobKind::Replay,
            JobKind::Retry,
            JobKind::Reconcile,
            JobKind::Repair,
            JobKind::Compare,
        ];
        ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How a job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Not begun.
    Waiting,
    /// Begun.
    Running,
    /// All its touches are applied.
    Done,
    /// It cannot go on.
    Failed,
}

impl JobState {
    fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Waiting, Self::Running, Self::Done, Self::Failed]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// A job as stored.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: Uuid,
    pub(crate) kind: JobKind,
    pub(crate) scans: Vec<Scan>,
    /// The scan it is at; their number when all are through.
    pub(crate) scan: usize,
    pub(crate) cursor: Option<String>,
    pub(crate) last_seq: i64,
    pub(crate) state: JobState,
    /// It does not get on.
    pub(crate) is_hindered: bool,
    pub(crate) report: Report,
}

/// A job as shown.
#[derive(Debug, Clone, Serialize)]
pub struct JobView {
    /// Its id.
    pub job_id: Uuid,
    /// The source it works on.
    pub source_system: String,
    /// Why it is there.
    pub kind: JobKind,
    /// How it is doing.
    pub state: JobState,
    /// What it is walking through right now.
    pub current: Option<String>,
    /// Keys touched so far.
    pub touched: i64,
    /// How many there will be, roughly.
    pub estimate: Option<i64>,
    /// Touches that are not yet applied.
    pub outstanding: i64,
    /// What it has found so far, if it compares.
    pub report: Option<Report>,
    /// Why it failed, or does not get on.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl JobView {
    /// How many of its keys are done with.
    pub fn done(&self) -> i64 {
        match &self.report {
            Some(report) => report.compared(),
            None => self.touched - self.outstanding,
        }
    }
}

const COLUMNS: &str = "job_id, source_system, kind, scans, scan, cursor, touched, estimate, last_seq, state, error, report, created_at, started_at, finished_at";

/// Records a job.
pub(crate) async fn insert(
    db: &impl ConnectionTrait,
    scope: &Scope,
    kind: JobKind,
    scans: &[Scan],
    estimate: Option<i64>,
) -> Result<Uuid, DbErr> {
    let id = Uuid::new_v4();
    execute(
        db,
        "insert into job (tenant_id, source_system, job_id, kind, scans, estimate) values ($1, $2, $3, $4, $5, $6)",
        vec![
            scope.tenant.as_str().into(),
            scope.source.as_str().into(),
            id.to_string().into(),
            kind.name().into(),
            serde_json::to_string(scans).expect("scans are plain data").into(),
            estimate.into(),
        ],
    )
    .await?;
    Ok(id)
}

/// The jobs that are not over, oldest first.
pub(crate) async fn unfinished(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<Job>, DbErr> {
    let sql = format!(
        "select {COLUMNS} from job where source_system = $1 and state in ('waiting', 'running') order by created_at, job_id"
    );
    query(db, &sql, vec![scope.source.as_str().into()]).await?.iter().map(job).collect()
}

fn job(row: &QueryResult) -> Result<Job, DbErr> {
    let broken = |what: &str| DbErr::Type(format!("a job has a broken {what}"));
    let text = |column: &str| row.try_get::<String>("", column);
    Ok(Job {
        id: text("job_id")?.parse().map_err(|_| broken("job_id"))?,
        kind: JobKind::parse(&text("kind")?).ok_or_else(|| broken("kind"))?,
        scans: serde_json::from_str(&text("scans")?).map_err(|_| broken("scans"))?,
        scan: usize::try_from(row.try_get::<i64>("", "scan")?).map_err(|_| broken("scan"))?,
        cursor: row.try_get("", "cursor")?,
        last_seq: row.try_get("", "last_seq")?,
        state: JobState::parse(&text("state")?).ok_or_else(|| broken("state"))?,
        is_hindered: row.try_get::<Option<String>>("", "error")?.is_some(),
        report: match row.try_get::<Option<String>>("", "report")? {
            Some(text) => serde_json::from_str(&text).map_err(|_| broken("report"))?,
            None => Report::default(),
        },
    })
}

/// Where a job stands after a page.
pub(crate) struct Step<'a> {
    pub(crate) scan: usize,
    pub(crate) cursor: Option<&'a str>,
    pub(crate) touched: usize,
    /// The position of its last touch, if it made any.
    pub(crate) last_seq: Option<i64>,
    /// What it has found by now, if it compares.
    pub(crate) report: Option<&'a Report>,
}

/// Moves a job on from where it was read; fails when someone else moved it.
pub(crate) async fn advance(work: &DatabaseTransaction, job: &Job, step: Step<'_>) -> Result<(), SyncError> {
    let count = |n: usize| i64::try_from(n).expect("pages are bounded");
    let moved = execute(
        work,
        "update job set scan = $4, cursor = $5, touched = touched + $6, last_seq = greatest(last_seq, coalesce($7, 0)),
                        compared = coalesce($8, compared), differing = coalesce($9, differing), report = coalesce($10, report),
                        state = 'running', error = null, started_at = coalesce(started_at, now())
         where job_id = $1 and scan = $2 and cursor is not distinct from $3 and state in ('waiting', 'running')",
        vec![
            job.id.to_string().into(),
            count(job.scan).into(),
            job.cursor.clone().into(),
            count(step.scan).into(),
            step.cursor.map(str::to_owned).into(),
            count(step.touched).into(),
            step.last_seq.into(),
            step.report.map(Report::compared).into(),
            step.report.map(Report::differing).into(),
            step.report.map(|report| serde_json::to_string(report).expect("it is plain data")).into(),
        ],
    )
    .await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(SyncError::LeaseLost) }
}

/// Gives a job its scans in another order, with none of them under way; fails when someone else moved it.
pub(crate) async fn reorder(db: &impl ConnectionTrait, job: &Job, scans: &[Scan]) -> Result<(), SyncError> {
    let moved = execute(
        db,
        "update job set scans = $4, cursor = null, state = 'running', started_at = coalesce(started_at, now())
         where job_id = $1 and scan = $2 and cursor is not distinct from $3 and state in ('waiting', 'running')",
        vec![
            job.id.to_string().into(),
            i64::try_from(job.scan).expect("a job has few scans").into(),
            job.cursor.clone().into(),
            serde_json::to_string(scans).expect("scans are plain data").into(),
        ],
    )
    .await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(SyncError::LeaseLost) }
}

/// Were both sides brought in step before this time, and is nothing under way that does so now? What does not get on may
/// wait for days, and keeps nothing else from being compared; but for a reconcile that has not begun, which one more would
/// only follow.
pub(crate) async fn compared_before(
    db: &impl ConnectionTrait,
    scope: &Scope,
    time: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let rows = query(
        db,
        "select max(case when state = 'done' then 1 else 0 end) as ever,
                max(case when state in ('waiting', 'running') and error is null or state = 'waiting' and kind = 'reconcile'
                              or created_at > $2 then 1 else 0 end) as lately
         from job where source_system = $1 and kind in ('hydrate', 'reconcile', 'repair')",
        vec![scope.source.as_str().into(), time.into()],
    )
    .await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let is = |column: &str| Ok::<_, DbErr>(row.try_get::<Option<i32>>("", column)? == Some(1));
    Ok(is("ever")? && !is("lately")?)
}

/// Says why a job does not get on.
pub(crate) async fn hinder(db: &impl ConnectionTrait, job: &Job, error: &str) -> Result<(), DbErr> {
    execute(
        db,
        "update job set error = $2 where job_id = $1 and error is distinct from $2",
        vec![job.id.to_string().into(), error.into()],
    )
    .await?;
    Ok(())
}

/// Ends a job.
pub(crate) async fn finish(db: &impl ConnectionTrait, job: &Job, error: Option<&str>) -> Result<(), DbErr> {
    let state = if error.is_some() { JobState::Failed } else { JobState::Done };
    execute(
        db,
        "update job set state = $2, error = $3, finished_at = now() where job_id = $1",
        vec![job.id.to_string().into(), state.name().into(), error.map(str::to_owned).into()],
    )
    .await?;
    Ok(())
}

/// Jobs to show: those not over, and the latest that are, of hydrations and of all others.
pub(crate) async fn list(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<JobView>, DbErr> {
    let latest = |of: &str| {
        format!(
            "select job_id from job where state in ('done', 'failed') and {of} order by created_at desc limit $1"
        )
    };
    let which = format!(
        "j.state in ('waiting', 'running') or j.job_id in ({}) or j.job_id in ({})",
        latest("kind = 'hydrate'"),
        latest("kind <> 'hydrate'")
    );
    views(db, &which, i64::try_from(limit).unwrap_or(i64::MAX).into()).await
}

/// The latest comparisons that are done: of which source, what they found, and when they ended; the latest first.
pub(crate) async fn comparisons(
    db: &impl ConnectionTrait,
    limit: i64,
) -> Result<Vec<(String, Report, DateTime<Utc>)>, DbErr> {
    let rows = query(
        db,
        "select source_system, report, finished_at from job
         where state = 'done' and kind in ('reconcile', 'repair', 'compare') and report is not null
         order by finished_at desc limit $1",
        vec![limit.into()],
    )
    .await?;
    rows.iter()
        .map(|row| {
            let report: String = row.try_get("", "report")?;
            let report =
                serde_json::from_str(&report).map_err(|_| DbErr::Type("a job has a broken report".into()))?;
            Ok((row.try_get("", "source_system")?, report, row.try_get("", "finished_at")?))
        })
        .collect()
}

/// One job to show.
pub(crate) async fn view(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<JobView>, DbErr> {
    Ok(views(db, "j.job_id = $1", id.to_string().into()).await?.pop())
}

async fn views(db: &impl ConnectionTrait, which: &str, value: Value) -> Result<Vec<JobView>, DbErr> {
    let sql = format!(
        "select j.*, greatest(j.last_seq - m.seq, 0) as outstanding from job j
         join marker m on m.source_system = j.source_system and m.lane = 'backfill'
         where {which} order by j.state in ('waiting', 'running') desc, j.created_at desc"
    );
    let rows = query(db, &sql, vec![value]).await?;
    rows.iter()
        .map(|row| {
            let job = job(row)?;
            Ok(JobView {
                job_id: job.id,
                source_system: row.try_get("", "source_system")?,
                kind: job.kind,
                state: job.state,
                current: job.scans.get(job.scan).map(Scan::describe),
                touched: row.try_get("", "touched")?,
                estimate: row.try_get("", "estimate")?,
                outstanding: row.try_get("", "outstanding")?,
                report: (!job.report.entities.is_empty()).then_some(job.report),
                error: row.try_get("", "error")?,
                created_at: row.try_get("", "created_at")?,
                started_at: row.try_get("", "started_at")?,
                finished_at: row.try_get("", "finished_at")?,
            })
        })
        .collect()
}

impl Scan {
    /// In words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Roots { entity: name } | Self::Source { node: name } => format!("{name} at the source"),
            Self::Target { entity } => format!("{entity} in the target"),
            Self::Lineage { node, .. } => format!("records built from {node}"),
            Self::Path { from, entity, .. } => format!("{entity} affected by {from}"),
            Self::Stream { lane, after, through, .. } => {
                format!("the {} lane from {} to {through}", lane.name(), after + 1)
            }
            Self::Compare { entity, side: Side::Source, .. } => format!("{entity} that the target may lack"),
            Self::Compare { entity, side: Side::Target, .. } => format!("{entity} that may differ"),
            Self::Archive { from, through, .. } => format!("the archive from {from} to {through}"),
            Self::Quarantine { .. } => "what is in quarantine".to_owned(),
        }
    }
}

/// Is a job over, done or failed?
pub(crate) async fn is_over(db: &impl ConnectionTrait, id: Uuid) -> Result<bool, SyncError> {
    let rows = query(db, "select state from job where job_id = $1", vec![id.to_string().into()]).await?;
    let row = rows.first().ok_or_else(|| SyncError::Bug(format!("there is no job {id}")))?;
    let state = JobState::parse(&row.try_get::<String>("", "state")?);
    Ok(matches!(state, Some(JobState::Done | JobState::Failed)))
}
