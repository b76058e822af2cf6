//! What sync counts of its own work, for Prometheus. How fresh each source is, is in [`status`](crate::status) and
//! becomes metrics by [`register_status`], in any process that reads the target.

mod status;

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

pub use status::register_status;

use crate::store::Scope;

const CAPTURED: &str = "wattle_sync_captured_changes";
const APPLIED: &str = "wattle_sync_applied_changes";
const BATCHES: &str = "wattle_sync_batches";
const WRITTEN: &str = "wattle_sync_written_records";
const DELETED: &str = "wattle_sync_deleted_records";
const QUARANTINED: &str = "wattle_sync_quarantined_records";
const FAILURES: &str = "wattle_sync_failures";
const FETCH: &str = "wattle_sync_fetch";
const APPLY: &str = "wattle_sync_apply";

/// Upper bounds in seconds: a batch of live changes takes milliseconds, a large one beside a slow source minutes.
const BOUNDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0];

/// A source of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    tenant: String,
    source: String,
}

/// A loop of a source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabels {
    tenant: String,
    source: String,
    part: &'static str,
}

type Durations = Family<Labels, Histogram, fn() -> Histogram>;

/// The counters of all sources that this process syncs. Clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    captured: Family<Labels, Counter>,
    applied: Family<Labels, Counter>,
    batches: Family<Labels, Counter>,
    written: Family<Labels, Counter>,
    deleted: Family<Labels, Counter>,
    quarantined: Family<Labels, Counter>,
    failures: Family<PartLabels, Counter>,
    fetch: Durations,
    apply: Durations,
}

fn histogram() -> Histogram {
    Histogram::new(BOUNDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let durations = || Durations::new_with_constructor(histogram as fn() -> Histogram);
        Self {
            captured: Family::default(),
            applied: Family::default(),
            batches: Family::default(),
            written: Family::default(),
            deleted: Family::default(),
            quarantined: Family::default(),
            failures: Family::default(),
            fetch: durations(),
            apply: durations(),
        }
    }
}

impl Metrics {
    /// Adds them to a registry.
    pub fn register(&self, registry: &mut Registry) {
        let counters = [
            (CAPTURED, "Changes stored durably in the stream", &self.captured),
            (APPLIED, "Changes of both lanes applied to the target", &self.applied),
            (BATCHES, "Batches applied to the target", &self.batches),
            (WRITTEN, "Records inserted or updated in the target", &self.written),
            (DELETED, "Records deleted from the target", &self.deleted),
            (QUARANTINED, "Records put into quarantine", &self.quarantined),
        ];
        for (name, help, family) in counters {
            registry.register(name, help, family.clone());
        }
        registry.register(FAILURES, "Times that a loop began to wait for something", self.failures.clone());
        let durations = [
            (FETCH, "Time to read a batch from the source", &self.fetch),
            (APPLY, "Time to apply a batch to the target", &self.apply),
        ];
        for (name, help, family) in durations {
            registry.register_with_unit(name, help, Unit::Seconds, family.clone());
        }
    }

    /// The counters of one source.
    pub(crate) fn of(&self, scope: &Scope) -> Meter {
        let labels = Labels { tenant: scope.tenant.to_string(), source: scope.source.to_string() };
        Meter {
            captured: self.captured.get_or_create_owned(&labels),
            applied: self.applied.get_or_create_owned(&labels),
            batches: self.batches.get_or_create_owned(&labels),
            written: self.written.get_or_create_owned(&labels),
            deleted: self.deleted.get_or_create_owned(&labels),
            quarantined: self.quarantined.get_or_create_owned(&labels),
            failures: self.failures.clone(),
            fetch: self.fetch.get_or_create_owned(&labels),
            apply: self.apply.get_or_create_owned(&labels),
            labels,
        }
    }
}

/// The counters of one source.
#[derive(Debug)]
pub(crate) struct Meter {
    labels: Labels,
    captured: Counter,
    applied: Counter,
    batches: Counter,
    written: Counter,
    deleted: Counter,
    quarantined: Counter,
    failures: Family<PartLabels, Counter>,
    fetch: Histogram,
    apply: Histogram,
}

/// What a batch did to the target.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Done {
    pub(crate) changes: u64,
    pub(crate) written: u64,
    pub(crate) deleted: u64,
    pub(crate) quarantined: u64,
}

impl Meter {
    pub(crate) fn has_captured(&self, changes: usize) {
        self.captured.inc_by(changes as u64);
    }

    pub(crate) fn has_fetched(&self, took: Duration) {
        self.fetch.observe(took.as_secs_f64());
    }

    pub(crate) fn has_applied(&self, done: Done, took: Duration) {
        self.batches.inc();
        self.applied.inc_by(done.changes);
        self.written.inc_by(done.written);
        self.deleted.inc_by(done.deleted);
        self.quarantined.inc_by(done.quarantined);
        self.apply.observe(took.as_secs_f64());
    }

    pub(crate) fn has_failed(&self, part: &'static str) {
        let Labels { tenant, source } = self.labels.clone();
        self.failures.get_or_create_owned(&PartLabels { tenant, source, part }).inc();
    }
}
