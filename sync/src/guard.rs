//! Guards against believing a source that shows less than it has: a restored backup, a policy that hides rows, the wrong
//! database behind the right name. Nothing is deleted until the source shows its rows again, or an operator says that
//! they are really gone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use wattle_core::{Entity, Key};

use crate::SyncError;
use crate::runner::Runner;
use crate::store::{records, source_state};

/// Known records that a snapshot is asked for when it misses others: half of them the first by their keys, half the
/// last, since what is deleted together often lies together.
const SENTINELS: usize = 10;
/// An entity with fewer records than this that were not asked for says nothing by showing none of them.
const FEWEST_SENTINELS: usize = 5;

/// Records that may go with one batch without anyone being asked, what they own included.
const DELETED_ROWS: u64 = 50;
/// The same as a part of all that the batch handles.
const DELETED_PERCENT: u64 = 20;
/// Owners of one kind that may lose records with one batch, or go themselves: a customer who leaves, or whose bills are
/// made anew, takes hundreds of records along, in whatever order.
const BEREFT: usize = 10;

/// Records that may be quarantined anew by one batch without anyone being asked.
const QUARANTINED_ROWS: u64 = 50;
/// The same as a part of all records of the batch.
const QUARANTINED_PERCENT: u64 = 20;

/// A mistake at the source that arrives in many small batches is one mistake: what batches take away is summed up for
/// this long.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// What a batch would take away.
#[derive(Debug, Clone, Default)]
pub(crate) struct Toll {
    /// Records that go, by entity, what they own included.
    pub(crate) deleted: BTreeMap<Entity, u64>,
    /// Whose they are: the owners, and those of the records that no one owns. More than enough of them are not kept.
    bereft: BTreeMap<Entity, BTreeSet<String>>,
    /// Records that are newly in quarantine.
    pub(crate) quarantined: u64,
    /// One of them, to look at.
    pub(crate) example: Option<String>,
    /// Records that were found.
    pub(crate) found: u64,
}

impl Toll {
    pub(crate) fn deleted_count(&self) -> u64 {
        self.deleted.values().sum()
    }

    /// A record goes that this owner has, or the owner itself.
    pub(crate) fn bereaves(&mut self, owner: Entity, id: &str) {
        let bereft = self.bereft.entry(owner).or_default();
        if bereft.len() <= BEREFT {
            bereft.insert(id.to_owned());
        }
    }

    fn deletes_too_much(&self) -> bool {
        let deleted = self.deleted_count();
        deleted > DELETED_ROWS
            && self.bereft.values().any(|bereft| bereft.len() > BEREFT)
            && deleted * 100 > DELETED_PERCENT * (deleted + self.found)
    }

    fn quarantines_too_much(&self) -> bool {
        self.quarantined > QUARANTINED_ROWS
            && self.quarantined * 100 > QUARANTINED_PERCENT * (self.quarantined + self.found)
    }
}

/// What the latest batches took away.
#[derive(Debug, Default)]
pub(crate) struct Recent(VecDeque<(Instant, Toll)>);

impl Recent {
    /// A batch together with those before it.
    fn with(&self, batch: &Toll) -> Toll {
        let mut sum = batch.clone();
        for (_, toll) in self.0.iter().filter(|(at, _)| at.elapsed() < REMEMBERED_FOR) {
            for (entity, count) in &toll.deleted {
                *sum.deleted.entry(*entity).or_default() += count;
            }
            for (owner, ids) in &toll.bereft {
                ids.iter().for_each(|id| sum.bereaves(*owner, id));
            }
            sum.quarantined += toll.quarantined;
            sum.found += toll.found;
        }
        sum
    }

    /// Remembers a batch that was applied. What was accepted is not held against what comes after it.
    pub(crate) fn add(&mut self, toll: Toll, passage: Passage) {
        if passage == Passage::Accepted {
            self.0.clear();
            return;
        }
        self.0.retain(|(at, _)| at.elapsed() < REMEMBERED_FOR);
        if toll.deleted_count() + toll.quarantined + toll.found > 0 {
            self.0.push_back((Instant::now(), toll));
        }
    }
}

/// Why a batch passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It takes away no more than is usual.
    Usual,
    /// An operator has accepted it.
    Accepted,
}

/// Lets a batch pass that takes away no more than is usual, by itself and with those before it, or what an operator has
/// accepted.
pub(crate) async fn breaker(runner: &Runner, recent: &Recent, batch: &Toll) -> Result<Passage, SyncError> {
    let sum = recent.with(batch);
    let mut passage = Passage::Usual;
    for toll in [batch, &sum] {
        if accepted(runner, toll).await? == Passage::Accepted {
            passage = Passage::Accepted;
        }
    }
    Ok(passage)
}

async fn accepted(runner: &Runner, toll: &Toll) -> Result<Passage, SyncError> {
    let mut passage = Passage::Usual;
    if toll.deletes_too_much() {
        passage = Passage::Accepted;
    }
    if toll.deletes_too_much() && !deletes_are_accepted(runner).await? {
        let parts: Vec<String> =
            toll.deleted.iter().map(|(entity, count)| format!("{count} {entity}")).collect();
        return Err(SyncError::Guard {
            what: format!(
                "{} of the latest {} records that were looked at are gone from the source or go with those that are ({}); nothing more was deleted",
                toll.deleted_count(),
                toll.deleted_count() + toll.found,
                parts.join(", ")
            ),
            fix: format!(
                "put the source right, or, if they are really gone, run `wattle tenant resume {} --accept-deletes`",
                runner.scope.tenant
            ),
        });
    }
    if toll.quarantines_too_much()
        && !source_state::quarantine_is_accepted(runner.db(), &runner.scope).await?
    {
        return Err(SyncError::Guard {
            what: format!(
                "{} of the latest {} records cannot be written, such as {}; no more were put into quarantine",
                toll.quarantined,
                toll.quarantined + toll.found,
                toll.example.as_deref().unwrap_or("none that was named")
            ),
            fix: format!(
                "correct the pack or the source, or, if so many are really broken, run `wattle tenant resume {} --accept-quarantine`",
                runner.scope.tenant
            ),
        });
    }
    Ok(passage)
}

/// The error of a source that shows none of the records that are known to be there.
pub(crate) fn vanished(runner: &Runner, entity: Entity) -> SyncError {
    SyncError::Guard {
        what: format!(
            "the source shows none of the {entity} records that are known, beside those that it should no longer have; nothing was deleted"
        ),
        fix: format!(
            "look whether it is the right database, whole, and readable, or, if they are really gone, run `wattle tenant resume {} --accept-deletes`",
            runner.scope.tenant
        ),
    }
}

/// Some records of an entity that the target has, other than those asked for; none where there are too few.
pub(crate) async fn known_records(
    runner: &Runner,
    entity: Entity,
    asked: &[Key],
) -> Result<Vec<Key>, SyncError> {
    let known = records::ends(runner.db(), &runner.scope, entity, asked, SENTINELS / 2).await?;
    Ok(if known.len() < FEWEST_SENTINELS { Vec::new() } else { known })
}

/// Has an operator said that what is gone is really gone?
pub(crate) async fn deletes_are_accepted(runner: &Runner) -> Result<bool, SyncError> {
    Ok(source_state::deletes_are_accepted(runner.db(), &runner.scope).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Invoices of the first so many accounts.
    fn toll(deleted: u64, accounts: u64, found: u64) -> Toll {
        let mut toll = Toll { deleted: [(Entity::Invoice, deleted)].into(), found, ..Toll::default() };
        (0..accounts).for_each(|number| toll.bereaves(Entity::Account, &number.to_string()));
        toll
    }

    #[test]
    fn the_breaker_lets_the_usual_pass() {
        assert!(!toll(50, 50, 0).deletes_too_much(), "50 records are few");
        assert!(toll(51, 51, 0).deletes_too_much());
        assert!(!toll(100, 100, 400).deletes_too_much(), "a fifth is usual");
        assert!(toll(101, 101, 400).deletes_too_much());
        assert!(!toll(5_000, 10, 0).deletes_too_much(), "ten accounts went, with all they had");
        assert!(toll(5_000, 11, 0).deletes_too_much());
        let mut gone = toll(5_000, 10, 0);
        gone.bereaves(Entity::Account, "9");
        assert!(!gone.deletes_too_much(), "the account itself goes after what it had");
        gone.bereaves(Entity::Customer, "9");
        assert!(!gone.deletes_too_much(), "and so does its customer");
    }

    #[test]
    fn small_batches_add_up() {
        let mut recent = Recent::default();
        recent.add(toll(40, 40, 5), Passage::Usual);
        assert!(!toll(11, 11, 0).deletes_too_much());
        assert!(recent.with(&toll(11, 11, 0)).deletes_too_much());
        assert!(!recent.with(&toll(11, 11, 500)).deletes_too_much());
        let mut bills = Recent::default();
        bills.add(toll(100, 1, 5), Passage::Usual);
        assert!(!bills.with(&toll(100, 1, 5)).deletes_too_much(), "one account's, in two batches");
        recent.add(toll(4_000, 4_000, 0), Passage::Accepted);
        assert!(!recent.with(&toll(11, 11, 0)).deletes_too_much(), "what was accepted is over");
    }

    #[test]
    fn quarantine_has_a_breaker_too() {
        let toll = |quarantined, found| Toll { quarantined, found, ..Toll::default() };
        assert!(!toll(50, 0).quarantines_too_much());
        assert!(toll(51, 0).quarantines_too_much());
        assert!(!toll(51, 1_000).quarantines_too_much());
    }
}
