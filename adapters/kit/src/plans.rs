//! How the source would run what the adapter asks it, by the source's own plan.

use crate::prove::Proof;
use crate::report::Check;

pub(crate) async fn prove(proof: &mut Proof<'_>) {
    let (expected, subject) = ("no large table is read from end to end for a batch of keys", "source");
    let plans = match proof.adapter.plans().await {
        Err(error) => return proof.broke(Check::Index, subject, expected, &error),
        Ok(None) => {
            let reason = "this source has no plans to show";
            return proof.report.not_applicable(Check::Index, subject, reason);
        }
        Ok(Some(plans)) if plans.is_empty() => {
            let reason = "the source shows no plan to this login: what check() found says why";
            return proof.report.not_applicable(Check::Index, subject, reason);
        }
        Ok(Some(plans)) => plans,
    };
    let mut small = Vec::new();
    for plan in &plans {
        for (table, rows) in plan.large() {
            let seen = format!("{table} is read from end to end, some {rows} rows");
            let fix = "index the columns that it is joined by, or write the join so that an index serves";
            proof.report.failed(Check::Index, &plan.query, expected, seen, fix);
        }
        for (table, _) in &plan.whole {
            if !small.contains(table) {
                small.push(table.clone());
            }
        }
    }
    if plans.iter().all(|plan| plan.large().next().is_none()) {
        let mut seen = format!("{} plans read by index", plans.len());
        if !small.is_empty() {
            seen.push_str(&format!(
                ", but for tables that are small here, of which these plans prove nothing: {}",
                small.join(", ")
            ));
        }
        proof.report.passed(Check::Index, subject, seen);
    }
}
