//! What a job has touched already. The same keys come again and again in a long stretch of the stream, and in the
//! touches of earlier repairs: reading each once is enough, since a change that comes later is an event of its own.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, RandomState};

use uuid::Uuid;
use wattle_core::Change;

use crate::store::jobs::{Job, JobKind};

/// Touches that are remembered, of all jobs of a source: some 20 MB. What comes again after that is read again.
const REMEMBERED: usize = 500_000;

/// What the jobs under way have touched, by hashes so wide that no two touches share one.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    hashers: [RandomState; 2],
    touched: HashMap<Uuid, HashSet<u128>>,
}

impl Repeats {
    /// Forgets jobs that are over.
    pub(super) fn retain(&mut self, unfinished: &[Job]) {
        self.touched.retain(|id, _| unfinished.iter().any(|job| job.id == *id));
    }

    /// The touches that a job has not made yet.
    pub(super) fn fresh(&self, job: &Job, mut touches: Vec<Change>) -> Vec<Change> {
        if let Some(touched) = self.touched.get(&job.id) {
            touches.retain(|touch| !touched.contains(&self.hash(touch)));
        }
        touches
    }

    /// The touches are appended.
    pub(super) fn add(&mut self, job: &Job, touches: &[Change]) {
        let repeats = matches!(job.kind, JobKind::Rewind | JobKind::Replay);
        let remembered: usize = self.touched.values().map(HashSet::len).sum();
        if repeats && remembered < REMEMBERED {
            let hashes: Vec<u128> = touches.iter().map(|touch| self.hash(touch)).collect();
            self.touched.entry(job.id).or_default().extend(hashes);
        }
    }

    fn hash(&self, touch: &impl Hash) -> u128 {
        let [high, low] = &self.hashers;
        u128::from(high.hash_one(touch)) << 64 | u128::from(low.hash_one(touch))
    }
}
