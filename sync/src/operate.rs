//! What operators say to a running sync, through the target.

use chrono::{TimeDelta, Utc};
use serde::Serialize;
use wattle_core::{Entity, SourceSystem};
use wattle_tenants::TenantSession;

use crate::SyncError;
use crate::store::quarantine;
use crate::store::{Scope, marker, source_state};

pub use crate::store::quarantine::{QuarantineFilter, Quarantined};

/// What is accepted is forgotten after this, should what it was accepted for never end.
const ACCEPTED_FOR: TimeDelta = TimeDelta::hours(24);

/// What an operator accepts when a source is resumed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Accept {
    /// That records which the source does not show are gone.
    pub deletes: bool,
    /// That as many records as there may be go into quarantine.
    pub quarantine: bool,
}

/// Whose stream: made here, where sync never ran.
pub(crate) async fn scope_of(session: &TenantSession, system: &SourceSystem) -> Result<Scope, SyncError> {
    let scope = Scope::new(session.tenant(), system);
    marker::ensure(session.db(), &scope).await?;
    Ok(scope)
}

/// Has a source left alone: no connection, no statement, until it is resumed. What is captured already stays where it
/// is; what changes at the source meanwhile, its log keeps for us.
pub async fn pause(session: &TenantSession, system: &SourceSystem) -> Result<(), SyncError> {
    let scope = scope_of(session, system).await?;
    Ok(source_state::ask_for_pause(session.db(), &scope, true).await?)
}

/// Lets a source go on. What is accepted counts until all that is under way now is applied.
pub async fn resume(session: &TenantSession, system: &SourceSystem, accept: Accept) -> Result<(), SyncError> {
    let scope = scope_of(session, system).await?;
    let until = |accepted: bool| accepted.then(|| Utc::now() + ACCEPTED_FOR);
    source_state::accept(session.db(), &scope, until(accept.deletes), until(accept.quarantine)).await?;
    Ok(source_state::ask_for_pause(session.db(), &scope, false).await?)
}

/// One page of what is in quarantine, after a record.
#[derive(Debug, Clone, Serialize)]
pub struct QuarantinePage {
    /// What was found.
    pub quarantined: Vec<Quarantined>,
    /// The record after which the next page begins.
    pub next: Option<(Entity, String)>,
}

/// Reads a page of the quarantine.
pub async fn quarantined(
    session: &TenantSession,
    system: &SourceSystem,
    filter: QuarantineFilter<'_>,
    after: Option<&(Entity, String)>,
    limit: usize,
) -> Result<QuarantinePage, SyncError> {
    let scope = scope_of(session, system).await?;
    let after = after.map(|(entity, key)| (entity.name(), key.as_str()));
    let quarantined = quarantine::list(session.db(), &scope, filter, after, limit).await?;
    let next = (quarantined.len() == limit)
        .then(|| quarantined.last().map(|last| (last.entity, last.source_id.clone())))
        .flatten();
    Ok(QuarantinePage { quarantined, next })
}

/// Takes keys out of the operator's sight: they are neither counted nor tried again until they change. They stay in
/// quarantine all the same: what the target has of them from before is served to nobody. Returns how many there were.
pub async fn discard(
    session: &TenantSession,
    system: &SourceSystem,
    filter: QuarantineFilter<'_>,
) -> Result<u64, SyncError> {
    let scope = scope_of(session, system).await?;
    Ok(quarantine::discard(session.db(), &scope, filter).await?)
}
