//! A source's runner: takes the lease, runs the loops, and decides what a failure means.

mod restarts;
mod watcher;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::FutureExt;
use restarts::Restarts;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use tokio::sync::watch;
use uuid::Uuid;
use wattle_core::{Entity, ErrorClass, SourceAdapter, SourceSystem};
use wattle_tenants::{Tenant, TenantError, TenantSession, Tenants};

use crate::appetite::Appetite;
use crate::backoff::Backoff;
use crate::jobs::Replaying;
use crate::lease::Lease;
use crate::metrics::{Meter, Metrics};
use crate::progress::Progress;
use crate::store::source_state::{self, Seen};
use crate::store::{Scope, archive as archive_store, jobs as job_store, stream};
use crate::{Archive, SyncError, archive, capture, consume, jobs, keeper};

/// How often a process without the lease asks for it.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long a source that must be fixed by someone waits before it is tried again.
const PAUSE: Duration = Duration::from_secs(3);
/// A loop that ran this long had recovered: its next failure is a new one.
const RECOVERED_AFTER: Duration = Duration::from_secs(10);
/// How often an end condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// When a runner is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Never: it runs until it is stopped.
    Stopped,
    /// When all that the source had at the start is applied and no job is left, and all of it is in the archive, where
    /// there is one.
    Idle,
    /// When this job is over.
    Job(Uuid),
}

/// Syncs one source of one tenant.
pub struct SourceRunner {
    tenants: Tenants,
    tenant: Arc<Tenant>,
    system: SourceSystem,
    adapter: Arc<dyn SourceAdapter>,
    stop: watch::Receiver<bool>,
    archive: Option<Arc<Archive>>,
    metrics: Metrics,
}

/// The loops of a runner; that of the archive is the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loop {
    Capture,
    Consumer,
    Jobs,
    Keeper,
    Archive,
}

impl Loop {
    fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Consumer => "consumer",
            Self::Jobs => "jobs",
            Self::Keeper => "upkeep",
            Self::Archive => "archive",
        }
    }
}

/// What the loops of a runner share while they hold the lease.
pub(crate) struct Runner {
    tenants: Tenants,
    session: TenantSession,
    pub(crate) scope: Scope,
    pub(crate) adapter: Arc<dyn SourceAdapter>,
    pub(crate) token: i64,
    pub(crate) progress: Progress,
    pub(crate) meter: Meter,
    pub(crate) appetite: Appetite,
    pub(crate) archive: Option<Arc<Archive>>,
    /// What a replay reads.
    pub(crate) replaying: tokio::sync::Mutex<Option<Replaying>>,
    troubles: Mutex<BTreeMap<Loop, Trouble>>,
    /// Does the operator want the source to be left alone?
    pause_asked: watch::Sender<bool>,
    /// Entities that are left out, and why.
    paused: Mutex<BTreeMap<Entity, String>>,
}

/// Why a loop does not get on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    state: &'static str,
    reason: String,
}

impl Runner {
    pub(crate) fn db(&self) -> &DatabaseConnection {
        self.session.db()
    }

    /// The tenant as the registry has it now.
    pub(crate) async fn tenant(&self) -> Result<Option<Arc<Tenant>>, TenantError> {
        self.tenants.tenant(self.session.tenant()).await
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        self.session.begin().await
    }

    /// A loop gets on: whatever it waited for is over.
    pub(crate) fn works(&self, which: Loop) {
        if self.troubles().remove(&which).is_some() {
            tracing::info!(part = which.name(), "goes on");
        }
    }

    /// Does the source answer, as far as is known? What the archive waits for is another matter.
    pub(crate) fn reads_source(&self) -> bool {
        !*self.pause_asked.borrow() && self.troubles().keys().all(|which| *which == Loop::Archive)
    }

    /// Logs a failure once, when it is new.
    fn fails(&self, which: Loop, state: &'static str, error: &SyncError) {
        let trouble = Trouble { state, reason: format!("{}: {}", which.name(), error.explain()) };
        let before = self.troubles().insert(which, trouble.clone());
        if before.as_ref() != Some(&trouble) {
            self.meter.has_failed(which.name());
            tracing::warn!(part = which.name(), state, reason = trouble.reason, "does not get on");
        }
    }

    /// The state to show, and why: the worst of what any loop waits for, the archive last.
    fn shown(&self) -> (&'static str, Option<String>) {
        if *self.pause_asked.borrow() {
            return (
                "paused",
                Some("the operator has paused it; `wattle tenant resume` lets it go on".into()),
            );
        }
        let troubles = self.troubles();
        let of_source = || troubles.range(..Loop::Archive).map(|(_, trouble)| trouble);
        let worst = of_source().find(|t| t.state == "paused").or_else(|| of_source().next());
        let worst = worst.or_else(|| troubles.get(&Loop::Archive));
        if let Some(trouble) = worst {
            return (trouble.state, Some(trouble.reason.clone()));
        }
        let paused = self.paused.lock().expect("no holder of this lock panics");
        let left_out: Vec<String> =
            paused.iter().map(|(entity, reason)| format!("{entity} is paused: {reason}")).collect();
        ("running", (!left_out.is_empty()).then(|| left_out.join("; ")))
    }

    /// These entities are left out, and why.
    pub(crate) fn shows_paused(&self, entities: &BTreeMap<Entity, String>) {
        self.paused.lock().expect("no holder of this lock panics").clone_from(entities);
    }

    /// Resolves when the operator wants the source to be left alone, or no longer.
    async fn asked_to_pause(&self, pause: bool) {
        // The sender lives as long as this.
        let _ = self.pause_asked.subscribe().wait_for(|asked| *asked == pause).await;
    }

    fn troubles(&self) -> std::sync::MutexGuard<'_, BTreeMap<Loop, Trouble>> {
        self.troubles.lock().expect("no holder of this lock panics")
    }
}

impl SourceRunner {
    /// A runner that stops when `stop` becomes true.
    pub fn new(
        tenants: Tenants,
        tenant: Arc<Tenant>,
        system: SourceSystem,
        adapter: Arc<dyn SourceAdapter>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self { tenants, tenant, system, adapter, stop, archive: None, metrics: Metrics::default() }
    }

    /// The same runner, which also copies the stream to an archive, if there is one.
    pub fn archiving_to(self, archive: Option<Arc<Archive>>) -> Self {
        Self { archive, ..self }
    }

    /// The same runner, which counts its work with that of others.
    pub fn measured_by(self, metrics: &Metrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Runs until its end condition or until it is stopped. Fails only when an invariant is broken, or when it broke down
    /// again and again; everything else is waited for. A job that it runs for may have failed.
    pub async fn run(self, until: Until) -> Result<(), SyncError> {
        let (mut backoff, mut restarts) = (Backoff::default(), Restarts::default());
        loop {
            if *self.stop.borrow() {
                return Ok(());
            }
            // What was under way is rolled back with its connections, and nothing else is kept from one hold to the next.
            let error = match AssertUnwindSafe(self.hold(until)).catch_unwind().await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if error.class() == ErrorClass::Bug => return Err(error),
                Ok(Err(error)) => error,
                // The panic's own words are in the log, and may hold values of records.
                Err(_) if restarts.allow(Instant::now()) => SyncError::BrokeDown,
                Err(_) => {
                    let minutes = restarts::WITHIN.as_secs() / 60;
                    let times = restarts::LIMIT + 1;
                    let error =
                        SyncError::Bug(format!("it broke down {times} times within {minutes} minutes"));
                    self.say("stopped", &error).await;
                    return Err(error);
                }
            };
            if matches!(error, SyncError::BrokeDown) {
                self.say("waiting", &error).await;
            }
            tracing::warn!(reason = error.explain(), "the source's runner starts over");
            self.pause(backoff.next()).await;
        }
    }

    /// Notes how the source is doing, where the target can be reached.
    async fn say(&self, state: &'static str, error: &SyncError) {
        let seen = Seen { state, reason: Some(error.explain()), uncaptured: true, ..Seen::default() };
        if let Ok(session) = self.tenants.session(&self.tenant).await {
            let _ =
                source_state::report(session.db(), &Scope::new(&self.tenant.id, &self.system), seen).await;
        }
    }

    async fn pause(&self, time: Duration) {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Takes the lease and works under it until it is lost, or the end.
    async fn hold(&self, until: Until) -> Result<(), SyncError> {
        let session = self.tenants.session(&self.tenant).await?;
        let scope = Scope::new(&self.tenant.id, &self.system);
        let mut asked = false;
        let mut lease = loop {
            match Lease::acquire(&session, &scope).await? {
                Some(lease) => break lease,
                None if *self.stop.borrow() => return Ok(()),
                None => {
                    if !std::mem::replace(&mut asked, true) {
                        tracing::info!("another process syncs this source: waiting for its lease");
                    }
                    self.pause(ASK_EVERY).await;
                }
            }
        };
        tracing::info!(lease_token = lease.token, "holds the lease");
        let pause_asked = source_state::pause_is_asked(session.db(), &scope).await?;
        // The loops also stop when the end condition holds.
        let (end, stop) = watch::channel(false);
        let runner = Runner {
            tenants: self.tenants.clone(),
            session,
            meter: self.metrics.of(&scope),
            appetite: Appetite::default(),
            scope,
            adapter: self.adapter.clone(),
            token: lease.token,
            progress: Progress::new(stop),
            archive: self.archive.clone(),
            replaying: tokio::sync::Mutex::new(None),
            troubles: Mutex::new(BTreeMap::new()),
            pause_asked: watch::Sender::new(pause_asked),
            paused: Mutex::new(BTreeMap::new()),
        };
        let ended = async {
            let ended = tokio::select! {
                () = self.asked_to_stop() => Ok(()),
                ended = reached(&runner, until) => ended,
            };
            end.send_replace(true);
            ended
        };
        // What is here already is looked after and archived, whether or not the source is left alone.
        let kept = supervise(&runner, Loop::Keeper, || keeper::run(&runner));
        let loops = async { tokio::try_join!(work(&runner), kept, archiving(&runner), ended) };
        let result = tokio::select! {
            result = loops => result.map(|_| ()),
            lost = watcher::watch_over(&runner, &mut lease) => Err(lost),
        };
        let (state, reason) = match &result {
            Ok(()) => ("stopped", None),
            Err(error) if error.class() == ErrorClass::Bug => ("stopped", Some(error.explain())),
            Err(error) => ("waiting", Some(error.explain())),
        };
        let seen = Seen { state, reason, uncaptured: true, ..Seen::default() };
        // Whoever looks at a target that is down sees that without us.
        let _ = source_state::report(runner.db(), &runner.scope, seen).await;
        result
    }

    async fn asked_to_stop(&self) {
        // A dropped sender means that whoever could ask is gone.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }
}

/// Runs the loops, but for the times that the operator wants the source to be left alone: whatever is under way then is
/// given up, and loses nothing by that.
async fn work(runner: &Runner) -> Result<(), SyncError> {
    loop {
        tokio::select! {
            () = runner.asked_to_pause(false) => {}
            () = runner.progress.stopped() => return Ok(()),
        }
        let loops = async {
            tokio::try_join!(
                supervise(runner, Loop::Capture, || capture::run(runner)),
                supervise(runner, Loop::Consumer, || consume::run(runner)),
                supervise(runner, Loop::Jobs, || jobs::run(runner)),
            )
        };
        tokio::select! {
            ended = loops => return ended.map(drop),
            () = runner.asked_to_pause(true) => tracing::info!("paused by the operator"),
        }
    }
}

/// The loop of the archive, where there is one.
async fn archiving(runner: &Runner) -> Result<(), SyncError> {
    match &runner.archive {
        Some(archive) => supervise(runner, Loop::Archive, || archive::run(runner, archive)).await,
        None => {
            runner.progress.stopped().await;
            Ok(())
        }
    }
}

/// Runs a loop again and again: transient errors back off, config errors wait for someone to fix them, and neither
/// loses anything. Ends with the process, the lease, or a broken invariant.
async fn supervise<F>(runner: &Runner, which: Loop, run: impl Fn() -> F) -> Result<(), SyncError>
where
    F: Future<Output = Result<(), SyncError>>,
{
    let mut backoff = Backoff::default();
    loop {
        let began = Instant::now();
        let error = match run().await {
            Ok(()) if runner.progress.stopping() => return Ok(()),
            Ok(()) => continue,
            Err(SyncError::LeaseLost) => return Err(SyncError::LeaseLost),
            Err(error) => error,
        };
        if began.elapsed() > RECOVERED_AFTER {
            backoff.reset();
        }
        let wait = match error.class() {
            // Whatever is wrong with the archive, the source goes on without.
            ErrorClass::Bug if which != Loop::Archive => return Err(error),
            ErrorClass::Transient => {
                runner.fails(which, "waiting", &error);
                backoff.next()
            }
            ErrorClass::Config | ErrorClass::Record | ErrorClass::Bug => {
                runner.fails(which, "paused", &error);
                PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = runner.progress.stopped() => return Ok(()),
        }
    }
}

/// Resolves when the end condition holds.
async fn reached(runner: &Runner, until: Until) -> Result<(), SyncError> {
    let goal = match until {
        Until::Stopped => return std::future::pending().await,
        Until::Job(_) => None,
        Until::Idle => loop {
            // The capture loop shows what is wrong when the source cannot answer.
            match runner.adapter.now().await {
                Ok(position) => break Some(position),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        },
    };
    loop {
        let done = match (until, &goal) {
            (Until::Job(id), _) => job_store::is_over(runner.db(), id).await,
            (_, Some(goal)) => match is_idle(runner, goal).await {
                Ok(true) if runner.archive.is_some() => is_archived(runner).await,
                idle => idle,
            },
            _ => Ok(false),
        };
        match done {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) if error.class() == ErrorClass::Transient => {}
            Err(error) => return Err(error),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn is_idle(runner: &Runner, goal: &wattle_core::Position) -> Result<bool, SyncError> {
    let captured = source_state::position(runner.db(), &runner.scope).await?;
    if !captured.is_some_and(|captured| runner.adapter.reached(&captured, goal)) {
        return Ok(false);
    }
    Ok(stream::is_quiet(runner.db(), &runner.scope).await?)
}

/// Is the stream archived as well? Asked when nothing else is left to do, so files need not grow any more. An archive
/// that fails is waited for like everything else, and says in the log and in the source's state why.
async fn is_archived(runner: &Runner) -> Result<bool, SyncError> {
    if archive_store::is_complete(runner.db(), &runner.scope).await? {
        return Ok(true);
    }
    if runner.progress.ask_to_archive_at_once() {
        tracing::info!("all is applied, and waits to be archived");
    }
    Ok(false)
}
