//! Entities that are left out because something at the source is not as the pack says, until it is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use wattle_core::{Entity, ErrorClass, Fence};

use crate::SyncError;
use crate::batch::{Fetched, Reader};
use crate::runner::Runner;
use crate::store::entity_pause::{self, Pause};
use crate::store::jobs::{self as job_store, JobKind, Scan};
use crate::store::marker::{self, Markers};
use crate::store::records;
use crate::store::stream::Lane;

/// How often a paused entity is tried: whoever has fixed the cause wants to see it soon.
const TRY_EVERY: Duration = Duration::from_secs(3);

/// The paused entities of a source, as its consumer knows them.
pub(crate) struct Paused {
    /// Each with the reason.
    entities: BTreeMap<Entity, String>,
    tried: Instant,
}

impl Paused {
    pub(crate) async fn read(runner: &Runner) -> Result<Self, SyncError> {
        let pauses = entity_pause::all(runner.db(), &runner.scope).await?;
        let entities = pauses.into_iter().map(|(entity, pause)| (entity, pause.reason)).collect();
        runner.shows_paused(&entities);
        Ok(Self { entities, tried: Instant::now() })
    }

    pub(crate) fn entities(&self) -> BTreeSet<Entity> {
        self.entities.keys().copied().collect()
    }

    /// Takes note of what a batch found to be unreadable: the next one is fetched without.
    pub(crate) fn add(&mut self, runner: &Runner, fetched: &Fetched) {
        if !fetched.paused.is_empty() {
            self.entities.extend(fetched.paused.iter().cloned());
            runner.shows_paused(&self.entities);
        }
    }

    /// Tries from time to time whether a paused entity can be read again. If so, it is read from here on, and what it
    /// missed is applied again as a rewind; true then.
    pub(crate) async fn mend(&mut self, runner: &Runner, at: &Markers) -> Result<bool, SyncError> {
        if self.entities.is_empty() || self.tried.elapsed() < TRY_EVERY {
            return Ok(false);
        }
        let pauses = entity_pause::all(runner.db(), &runner.scope).await?;
        let mut well = BTreeMap::new();
        for (entity, pause) in pauses {
            if can_be_read(runner, entity, at).await? {
                well.insert(entity, pause);
            }
        }
        self.tried = Instant::now();
        if well.is_empty() {
            return Ok(false);
        }
        let work = runner.begin().await?;
        // Whoever has the lease by now may have gone on without them.
        marker::move_both(&work, &runner.scope, runner.token, at, at).await?;
        for (entity, pause) in &well {
            entity_pause::end(&work, &runner.scope, *entity).await?;
            let scans = missed(*entity, pause, at);
            job_store::insert(&work, &runner.scope, JobKind::Rewind, &scans, None).await?;
        }
        work.commit().await?;
        for entity in well.keys() {
            tracing::info!(%entity, "the entity can be read again; what it missed is applied now");
            self.entities.remove(entity);
        }
        runner.shows_paused(&self.entities);
        runner.progress.has_added_job();
        Ok(true)
    }
}

/// What came while an entity was paused.
fn missed(entity: Entity, pause: &Pause, at: &Markers) -> Vec<Scan> {
    [(Lane::Live, pause.live, at.live), (Lane::Backfill, pause.backfill, at.backfill)]
        .into_iter()
        .map(|(lane, after, through)| Scan::Stream { lane, after, through, entities: vec![entity] })
        .collect()
}

/// Do the queries of an entity fit the source, by the example of one of its records?
async fn can_be_read(runner: &Runner, entity: Entity, at: &Markers) -> Result<bool, SyncError> {
    let keys = records::page(runner.db(), &runner.scope, entity, None, 1).await?;
    let mut reader = Reader::new(runner, Fence::new(at.position.clone()), BTreeSet::new());
    match reader.try_entity(entity, &keys).await {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.class(), ErrorClass::Config | ErrorClass::Transient) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
