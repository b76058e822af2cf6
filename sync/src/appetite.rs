//! How many changes are taken at once: as many as a batch may hold, and fewer where records are so large that they
//! would take up more memory than one source is allowed.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::batch::{BATCH_LEN, Group};

/// What the records of one batch may take up, roughly. Two batches are in memory at a time.
const BUDGET_BYTES: usize = 16 << 20;
/// Before anything is known of the records: what is fetched first must not be too much, either.
const FIRST_LEN: usize = BATCH_LEN / 8;
/// A batch that has this part of what might have been taken wants more.
const WANTING: usize = 4;
/// What a value takes up beside its text.
const VALUE_BYTES: usize = 64;

/// How many changes to take, learnt from the last batches.
#[derive(Debug)]
pub(crate) struct Appetite(AtomicUsize);

impl Default for Appetite {
    fn default() -> Self {
        Self(AtomicUsize::new(FIRST_LEN))
    }
}

impl Appetite {
    /// How many to take now.
    pub(crate) fn len(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// So many were taken, and came to these records.
    pub(crate) fn has_had<'a>(&self, taken: usize, groups: impl IntoIterator<Item = &'a Group>) {
        let records = groups.into_iter().flat_map(|group| &group.records);
        self.learn(taken, records.map(|record| size(&record.body)).sum());
    }

    fn learn(&self, taken: usize, bytes: usize) {
        let fitting = BUDGET_BYTES.saturating_mul(taken) / bytes.max(1);
        // What comes next may be of another kind: more is dared step by step, and only when more is wanted.
        let len = self.len();
        let dared = if taken.saturating_mul(WANTING) >= len { len.saturating_mul(2) } else { len };
        self.0.store(fitting.min(dared).clamp(1, BATCH_LEN), Ordering::Relaxed);
    }
}

/// What a value takes up in memory, roughly.
fn size(value: &Value) -> usize {
    VALUE_BYTES
        + match value {
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(size).sum(),
            Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + size(value)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn records_of_the_usual_size_soon_come_in_whole_batches() {
        let appetite = Appetite::default();
        for _ in 0..3 {
            appetite.learn(appetite.len(), appetite.len() * 4_000);
        }
        assert_eq!(appetite.len(), BATCH_LEN);
    }

    #[test]
    fn large_records_come_in_small_batches_at_once_and_the_largest_one_by_one() {
        let appetite = Appetite::default();
        appetite.learn(100, 100 << 20);
        assert_eq!(appetite.len(), 16);
        appetite.learn(16, 16 << 30);
        assert_eq!(appetite.len(), 1);
    }

    #[test]
    fn small_batches_of_small_records_are_no_reason_to_dare_more() {
        let appetite = Appetite::default();
        for _ in 0..100 {
            appetite.learn(1, 1_000);
        }
        assert_eq!(appetite.len(), FIRST_LEN);
    }

    proptest! {
        #[test]
        fn a_batch_like_the_last_one_keeps_within_the_budget(taken in 1..=BATCH_LEN, each in 0..(64_usize << 20)) {
            let appetite = Appetite::default();
            appetite.learn(taken, taken * each);
            let next = appetite.len();
            prop_assert!((1..=BATCH_LEN).contains(&next));
            prop_assert!(next == 1 || next * each <= BUDGET_BYTES);
        }
    }
}
