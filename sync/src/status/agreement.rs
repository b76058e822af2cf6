//! What comparisons have shown: the last proof that both sides agree, and folds that are not safe.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use wattle_core::Entity;

use crate::SyncError;
use crate::jobs::Report;
use crate::store::jobs;

/// Comparisons that are looked at: enough for a few partial ones between whole ones.
const LATEST: i64 = 100;

/// What the latest comparisons of a source have shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Agreement {
    /// For each entity that was compared, when a comparison ended that found nothing to differ; nothing where none did.
    pub proven_at: BTreeMap<Entity, Option<DateTime<Utc>>>,
    /// Folded nodes that records were built from when they last differed without an event: a row of theirs may change
    /// without its owner.
    pub suspect_folds: BTreeSet<String>,
}

impl Agreement {
    /// Since when all that was ever compared is known to agree; nothing while some of it is not.
    pub fn of_all(&self) -> Option<DateTime<Utc>> {
        self.proven_at.values().copied().min().flatten()
    }

    /// Takes in a comparison that ended before those that were taken in so far.
    fn add_earlier(&mut self, report: &Report, finished_at: DateTime<Utc>) {
        for (entity, found) in &report.entities {
            if found.skipped.is_some() {
                continue;
            }
            if !self.proven_at.contains_key(entity) {
                self.suspect_folds.extend(found.suspect_folds.iter().cloned());
            }
            let proves = found.differing() == 0 && found.unsettled == 0;
            let proven = self.proven_at.entry(*entity).or_default();
            *proven = proven.or(proves.then_some(finished_at));
        }
    }
}

/// What the latest comparisons have shown, by source.
pub(super) async fn read(db: &impl ConnectionTrait) -> Result<BTreeMap<String, Agreement>, SyncError> {
    let mut agreements: BTreeMap<String, Agreement> = BTreeMap::new();
    for (source_system, report, finished_at) in jobs::comparisons(db, LATEST).await? {
        agreements.entry(source_system).or_default().add_earlier(&report, finished_at);
    }
    Ok(agreements)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::jobs::EntityReport;

    fn report(found: &[(Entity, EntityReport)]) -> Report {
        Report { entities: found.iter().cloned().collect() }
    }

    #[test]
    fn the_last_proof_is_the_latest_comparison_without_a_difference_and_all_is_as_old_as_its_oldest_part() {
        let now = Utc::now();
        let ago = |minutes| now - TimeDelta::minutes(minutes);
        let equal = || EntityReport { compared: 3, ..EntityReport::default() };
        let folds = ["charge_line".to_owned()];
        let differing = || EntityReport {
            changed: 1,
            suspect_folds: folds.iter().cloned().collect(),
            ..EntityReport::default()
        };
        let unsettled = || EntityReport { unsettled: 1, ..EntityReport::default() };
        let skipped = || EntityReport { skipped: Some("it is paused".into()), ..EntityReport::default() };

        let mut agreement = Agreement::default();
        agreement.add_earlier(&report(&[(Entity::Invoice, differing()), (Entity::Plan, skipped())]), ago(1));
        assert_eq!(agreement.of_all(), None);
        agreement.add_earlier(&report(&[(Entity::Account, equal()), (Entity::Invoice, unsettled())]), ago(2));
        assert_eq!(agreement.of_all(), None, "invoices were never shown to agree");
        agreement.add_earlier(&report(&[(Entity::Account, equal()), (Entity::Invoice, equal())]), ago(3));
        assert_eq!(agreement.proven_at[&Entity::Account], Some(ago(2)));
        assert_eq!(agreement.of_all(), Some(ago(3)));
        assert_eq!(agreement.suspect_folds, BTreeSet::from(folds));
    }
}
