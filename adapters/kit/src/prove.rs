//! All checks, in order.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono_tz::Tz;
use wattle_core::{ErrorClass, Key, NodeId, Severity, SourceAdapter, SourceError};

use crate::report::{Check, Entry, Outcome};
use crate::{Bench, BenchError, Report, capture, fetching, keys, paths, plans, reconnect, values};

/// How far the kit goes.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// May rows be inserted, changed and removed again?
    pub writes: bool,
    /// How many keys of a node are looked at.
    pub keys: usize,
    /// How many rows a large transaction has.
    pub large: usize,
    /// How long a change may take to be heard.
    pub patience: Duration,
    /// The zone of the retailer's dates and times without one; unknown, a record's own offset is believed.
    pub zone: Option<Tz>,
}

impl Default for Settings {
    fn default() -> Self {
        // Two full batches of keys; more rows than any feed reads at once; an idle PostgreSQL reports every ten seconds.
        Self { writes: false, keys: 2_000, large: 1_500, patience: Duration::from_secs(30), zone: None }
    }
}

/// What all checks work with.
pub(crate) struct Proof<'a> {
    pub(crate) adapter: &'a dyn SourceAdapter,
    pub(crate) bench: &'a mut dyn Bench,
    pub(crate) settings: Settings,
    pub(crate) report: Report,
    /// The first keys of each node, in the source's order.
    pub(crate) keys: BTreeMap<NodeId, Vec<Key>>,
}

/// Proves an adapter on a database.
///
/// Ends with a report in every case: what cannot be tried, because the source cannot be reached for instance, has
/// failed and says so.
pub async fn prove(adapter: &dyn SourceAdapter, bench: &mut dyn Bench, settings: Settings) -> Report {
    let mut proof = Proof { adapter, bench, settings, report: Report::default(), keys: BTreeMap::new() };
    // What capture needs at the source is made before the adapter is asked what is missing.
    let begun = if settings.writes { Some(adapter.begin().await) } else { None };
    proof.ready().await;
    keys::prove(&mut proof).await;
    paths::prove(&mut proof).await;
    fetching::prove(&mut proof).await;
    plans::prove(&mut proof).await;
    match begun {
        Some(Ok(position)) => {
            capture::prove(&mut proof, &position).await;
            values::prove(&mut proof).await;
            reconnect::prove(&mut proof).await;
            proof.has_written();
        }
        Some(Err(error)) => {
            for check in Check::ALL.into_iter().filter(|check| check.writes()) {
                proof.broke(check, "source", "begin() prepares capture", &error);
            }
        }
        None => {
            let reason = "not run: it writes to the database, and writing was not allowed";
            for check in Check::ALL.into_iter().filter(|check| check.writes()) {
                proof.report.not_applicable(check, "source", reason);
            }
        }
    }
    proof.report.finish();
    proof.report
}

impl Proof<'_> {
    async fn ready(&mut self) {
        match self.adapter.check().await {
            Err(error) => self.broke(Check::Ready, "source", "check() answers", &error),
            Ok(findings) => {
                let refused = findings.iter().filter(|finding| finding.severity == Severity::Refused);
                let mut count = 0;
                for finding in refused {
                    count += 1;
                    let expected = "nothing that keeps sync from starting";
                    self.report.failed(Check::Ready, "source", expected, &finding.what, &finding.fix);
                }
                if count == 0 {
                    let mut seen = vec!["nothing is refused".to_owned()];
                    seen.extend(findings.into_iter().map(|finding| finding.what));
                    self.report.passed(Check::Ready, "source", seen.join("; "));
                }
            }
        }
    }

    /// A call failed that had to succeed.
    pub(crate) fn broke(&mut self, check: Check, subject: &str, expected: &str, error: &SourceError) {
        if let SourceError::Config { what, fix } = error {
            return self.report.failed(check, subject, expected, what, fix);
        }
        let fix = match error.class() {
            ErrorClass::Transient => "see that the source is up and idle enough, and try again",
            ErrorClass::Record => {
                "the message names what could not be read: make the pack's query convert it"
            }
            ErrorClass::Config => "do what the message says at the source or in the pack",
            ErrorClass::Bug => {
                "see whether the query selects \"$ord\" and the key as the documentation asks; if so, the adapter's engine must be corrected"
            }
        };
        self.report.failed(check, subject, expected, wattle_core::explain(error), fix);
    }

    /// Whoever allows writing does not want to hear that all is well because nothing could be written.
    fn has_written(&mut self) {
        let reason = |entry: &Entry| match &entry.outcome {
            Outcome::NotApplicable { reason } => Some(reason.clone()),
            Outcome::Passed { .. } | Outcome::Failed { .. } => None,
        };
        let refused: Option<Vec<String>> = self.report.of(Check::Insert).map(reason).collect();
        if let Some(refused) = refused.and_then(|refused| refused.into_iter().next()) {
            let fix = "give the kit a copy of this database with rows in it, and a login that may insert, update and delete them";
            self.report.failed(Check::Insert, "source", "a row can be inserted", refused, fix);
        }
    }

    /// The bench could not do what a check needs.
    pub(crate) fn unable(&mut self, check: Check, subject: &str, error: &BenchError) {
        match error {
            BenchError::NotPossible(reason) => self.report.not_applicable(check, subject, reason),
            BenchError::Failed(what) => {
                let fix = "see that the bench may connect to and write to the database";
                self.report.failed(check, subject, "the bench can use the database", what, fix);
            }
        }
    }

    pub(crate) fn name(&self, node: NodeId) -> String {
        self.adapter.graph().node(node).name.clone()
    }
}
