//! The kit passes a sound adapter, and fails a broken one at the check that it breaks.

#[expect(unreachable_pub, clippy::unwrap_used, reason = "a module of this test alone")]
mod memory;

use std::time::Duration;

use memory::{Fault, MemoryAdapter, MemoryBench, Source};
use wattle_adapter_kit::{Check, Outcome, Report, Settings, prove};

async fn report(fault: Fault, caseless: bool, writes: bool) -> (Report, std::sync::Arc<Source>) {
    let source = Source::new(caseless);
    let adapter = MemoryAdapter { source: source.clone(), fault };
    let zone = Some(chrono_tz::Australia::Melbourne);
    // What a sound adapter says comes at once; what a broken one leaves out is known from its position.
    let settings = Settings { writes, keys: 2_000, large: 15, patience: Duration::from_secs(5), zone };
    let report = prove(&adapter, &mut MemoryBench(source.clone()), settings).await;
    (report, source)
}

fn failed(report: &Report) -> Vec<Check> {
    let failed = report.entries.iter().filter(|entry| matches!(entry.outcome, Outcome::Failed { .. }));
    failed.map(|entry| entry.check).collect()
}

#[tokio::test]
async fn a_sound_adapter_passes_whatever_the_source_holds_equal() {
    for caseless in [false, true] {
        let (report, source) = report(None, caseless, true).await;
        assert!(report.is_good(), "{report}");
        for check in Check::ALL {
            let passed = report.of(check).any(|entry| matches!(entry.outcome, Outcome::Passed { .. }));
            assert!(passed, "{check:?} proved nothing:\n{report}");
        }
        let rows: Vec<usize> = source.state().tables.iter().map(|table| table.len()).collect();
        assert_eq!(rows, [23; 4], "what the kit inserted is gone again");
    }
}

#[tokio::test]
async fn each_check_fails_the_adapter_that_breaks_it() {
    for check in Check::ALL {
        let (report, _) = report(Some(check), false, true).await;
        assert!(failed(&report).contains(&check), "{check:?} was not seen to fail:\n{report}");
        for entry in report.of(check) {
            if let Outcome::Failed { expected, seen, fix } = &entry.outcome {
                assert!(!expected.is_empty() && !seen.is_empty() && !fix.is_empty(), "{entry:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_fault_of_one_kind_of_event_fails_no_check_of_reading() {
    for check in [Check::Delete, Check::Update, Check::Rollback, Check::LargeTransaction] {
        let (report, _) = report(Some(check), false, true).await;
        assert!(failed(&report).iter().all(|failed| failed.writes()), "{report}");
    }
}

#[tokio::test]
async fn nothing_is_written_unless_it_is_allowed() {
    let (report, source) = report(None, false, false).await;
    assert!(report.is_good(), "{report}");
    assert!(source.state().log.is_empty(), "nothing was done to the source");
    for check in Check::ALL.into_iter().filter(|check| check.writes()) {
        let mut entries = report.of(check);
        assert!(entries.all(
            |entry| matches!(&entry.outcome, Outcome::NotApplicable { reason } if reason.contains("not run"))
        ));
    }
}
