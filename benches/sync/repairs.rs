//! How fast what was applied can be applied again, and compared.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::report::Report;
use crate::scene::Scene;
use crate::{ROUNDS, TENANT};

/// One in a hundred invoices becomes another.
const DAMAGE: &str =
    "update t_correa.invoice set body = replace(body, '\"invoiceAmount\"', '\"invoiceAmoun\"')
     where abs(hashtext(source_id)) % 100 = 0";

/// Rewind and replay of all that a hydration touched, and reconcile of both sides, equal and not.
pub(crate) async fn measure(scene: &Scene, report: &mut Report) -> Result<()> {
    scene.run(&["sync", "--tenant", TENANT, "--until-idle"]).await?;
    // Changes of the live lane, which are what is rewound and replayed.
    scene.source().psql("update billing.bill set paid = paid").await?;
    scene.run(&["sync", "--tenant", TENANT, "--until-idle"]).await?;
    let bills = number(scene, "select count(*)::text from billing.bill").await?;
    let day = chrono::Utc::now().date_naive();
    let (yesterday, today) = ((day - chrono::TimeDelta::days(1)).to_string(), day.to_string());
    let (mut rewound, mut replayed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (touched, secs) = timed(scene, &["rewind", TENANT, "--to", &yesterday, "--json"]).await?;
        ensure!(touched >= bills, "{touched} records were read again, of {bills} bills alone");
        rewound.push(touched / secs);
        let args = ["replay", TENANT, "--from", &today, "--to", &today, "--json"];
        let (touched, secs) = timed(scene, &args).await?;
        ensure!(touched >= bills, "{touched} records were read again, of {bills} bills alone");
        replayed.push(touched / secs);
    }
    report.add("rewind, onto a right target", "records/s", rewound, None);
    report.add("replay, onto a right target", "records/s", replayed, None);

    let (mut equal, mut damaged) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let args = ["reconcile", TENANT, "--json"];
        let (compared, secs) = timed(scene, &args).await?;
        equal.push(compared / secs);
        scene.target().psql(DAMAGE).await?;
        let (compared, secs) = timed(scene, &args).await?;
        damaged.push(compared / secs);
    }
    report.add("reconcile, both sides equal", "records/s", equal, None);
    report.add("reconcile, 1 % of invoices different", "records/s", damaged, None);
    Ok(())
}

/// Runs a repair to its end: how many records it compared, or touched, and how long that took.
async fn timed(scene: &Scene, args: &[&str]) -> Result<(f64, f64)> {
    let began = Instant::now();
    let out = scene.run(args).await?;
    let secs = began.elapsed().as_secs_f64();
    let facts: Value = serde_json::from_str(&out).with_context(|| out.clone())?;
    let job = &facts[0]["job"];
    let count = match job["report"]["entities"].as_object() {
        Some(entities) => entities.values().filter_map(|entity| entity["compared"].as_f64()).sum(),
        None => job["touched"].as_f64().with_context(|| format!("nothing was touched: {out}"))?,
    };
    Ok((count, secs))
}

async fn number(scene: &Scene, sql: &str) -> Result<f64> {
    Ok(scene.source().value(sql).await?.context("a number")?.parse()?)
}
