//! How fresh sources are, as gauges.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use wattle_core::TenantId;

use super::Labels;
use crate::status::{SourceStatus, Stage, TenantStatus};

const AGE: &str = "wattle_stage_age";
const COUNT: &str = "wattle_stage_changes";
const BACKFILL: &str = "wattle_backfill_touches";
const UNARCHIVED: &str = "wattle_unarchived_changes";
const RETAINED: &str = "wattle_source_retained";
const QUARANTINED: &str = "wattle_quarantined_keys";
const STATE: &str = "wattle_source_state";
const PROVEN: &str = "wattle_agreement_proven_timestamp";
const SUSPECT_FOLDS: &str = "wattle_suspect_folds";
const STREAM: &str = "wattle_stream_size";

/// What a source can be seen to be.
const STATES: [&str; 5] = ["running", "waiting", "paused", "stopped", "gone"];

type Number = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    tenant: String,
    source: String,
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    tenant: String,
    source: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TenantLabels {
    tenant: String,
}

/// The gauges, filled for one look at them.
#[derive(Default)]
struct Gauges {
    age: Family<StageLabels, Number>,
    count: Family<StageLabels, Gauge>,
    state: Family<StateLabels, Gauge>,
    backfill: Family<Labels, Gauge>,
    unarchived: Family<Labels, Gauge>,
    retained: Family<Labels, Gauge>,
    quarantined: Family<Labels, Gauge>,
    proven: Family<Labels, Gauge>,
    suspect_folds: Family<Labels, Gauge>,
    stream: Family<TenantLabels, Gauge>,
}

/// Adds how fresh tenants are to a registry that is made for one scrape. What is not known is left out.
pub fn register_status(registry: &mut Registry, tenants: &[(TenantId, TenantStatus)]) {
    let gauges = Gauges::default();
    for (tenant, status) in tenants {
        let tenant = tenant.to_string();
        for source in &status.sources {
            gauges.add(&tenant, source);
        }
        gauges.stream.get_or_create_owned(&TenantLabels { tenant }).set(status.stream.bytes);
    }
    gauges.register(registry);
}

impl Gauges {
    fn add(&self, tenant: &str, status: &SourceStatus) {
        let (tenant, source) = (tenant.to_owned(), status.source_system.clone());
        let stages: [(&'static str, Stage); 3] =
            [("captured", status.captured), ("fetched", status.fetched), ("applied", status.applied)];
        for (stage, Stage { count, age_ms }) in stages {
            let labels = StageLabels { tenant: tenant.clone(), source: source.clone(), stage };
            if let Some(age_ms) = age_ms {
                self.age.get_or_create_owned(&labels).set(age_ms as f64 / 1e3);
            }
            set(&self.count, &labels, count);
        }
        for state in STATES {
            let labels = StateLabels { tenant: tenant.clone(), source: source.clone(), state };
            set(&self.state, &labels, Some(i64::from(status.state == state)));
        }
        let labels = Labels { tenant, source };
        set(&self.backfill, &labels, Some(status.backfill_count));
        set(&self.unarchived, &labels, status.unarchived_count);
        set(&self.retained, &labels, status.retained_bytes);
        set(&self.quarantined, &labels, Some(status.quarantine_count));
        set(&self.proven, &labels, status.agreement.of_all().map(|time| time.timestamp()));
        let suspect = i64::try_from(status.agreement.suspect_folds.len()).unwrap_or(i64::MAX);
        set(&self.suspect_folds, &labels, Some(suspect));
    }

    fn register(self, registry: &mut Registry) {
        let of_source = [
            (BACKFILL, "Touches that are not yet applied", self.backfill),
            (UNARCHIVED, "Changes that are not yet archived", self.unarchived),
            (QUARANTINED, "Keys in quarantine", self.quarantined),
            (SUSPECT_FOLDS, "Folded nodes that changed without their owner", self.suspect_folds),
        ];
        for (name, help, family) in of_source {
            registry.register(name, help, family);
        }
        let ages = "No change that a stage has yet to do is older; 0 when there is none";
        registry.register_with_unit(AGE, ages, Unit::Seconds, self.age);
        registry.register(COUNT, "Changes that a stage has yet to do", self.count);
        registry.register(STATE, "1 for the state that the source is in", self.state);
        let retained = "Log that the source keeps for us";
        registry.register_with_unit(RETAINED, retained, Unit::Bytes, self.retained);
        let proven = "When all that was ever compared with the source was last shown to agree";
        registry.register_with_unit(PROVEN, proven, Unit::Seconds, self.proven);
        registry.register_with_unit(STREAM, "The stream in the target", Unit::Bytes, self.stream);
    }
}

fn set<L>(family: &Family<L, Gauge>, labels: &L, value: Option<i64>)
where
    L: Clone + std::hash::Hash + Eq,
{
    if let Some(value) = value {
        family.get_or_create_owned(labels).set(value);
    }
}
