//! `wattle reconcile`.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use wattle_core::TenantId;
use wattle_sync::{JobKind, JobView, request_reconcile};

use crate::context::{Context, patiently};
use crate::job::{Which, carry_out, estimate, interrupted, seconds, unless};
use crate::output::print_json;
use crate::signals;

/// Compares every record of a tenant with its source, and reads again what differs.
///
/// Keys of the source are looked up in the target, and records of the target in the source; whole records are compared.
/// It rests as long as it reads, and longer when the source gets slower. Safe to interrupt. Runs by itself on the
/// tenant's schedule, and after a source has lost our position.
///
/// Example: wattle reconcile correa --dry-run
#[derive(Debug, Args)]
pub(crate) struct Reconcile {
    #[command(flatten)]
    which: Which,
    /// Only compare, and read nothing again.
    #[arg(long)]
    dry_run: bool,
    /// Read again what differs, however much it is. Without this, a reconcile gives up when more than a fifth differs.
    #[arg(long, conflicts_with = "dry_run")]
    accept_differences: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Reconcile {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        let stop = signals::stop_requested()?;
        let tenant = self.which.tenant(&context, &stop).await?;
        let kind = match (self.dry_run, self.accept_differences) {
            (true, _) => JobKind::Compare,
            (false, true) => JobKind::Repair,
            (false, false) => JobKind::Reconcile,
        };
        let mut facts = Vec::new();
        for part in self.which.sources(&context, &tenant, &stop).await? {
            let session = context.tenants.session(&tenant).await?;
            let (system, entities) = (part.source.system.clone(), &self.which.entities);
            let job = patiently(async || {
                let rows = estimate(&part, entities).await?;
                let graph = part.adapter.graph();
                Ok(request_reconcile(&session, &system, graph, kind, entities, Some(rows)).await?)
            });
            let job = unless(&stop, job).await?;
            let Some(view) = carry_out(&context, &tenant, part, job, "comparing", &stop).await? else {
                return Ok(interrupted());
            };
            if !self.json {
                print(&tenant.id, system.as_str(), &view);
            }
            facts.push(json!({"source": system, "job": view}));
        }
        if self.json {
            print_json(&facts)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(tenant: &TenantId, system: &str, view: &JobView) {
    let Some(report) = &view.report else {
        return println!("{tenant}/{system}: there is nothing to compare");
    };
    let verdict = if report.agrees() { "both sides agree" } else { "both sides differ" };
    println!(
        "{tenant}/{system}: {verdict}; {} records compared in {:.1} s, {} differ, {} touched",
        report.compared(),
        seconds(view),
        report.differing(),
        view.touched
    );
    for (entity, found) in &report.entities {
        if let Some(reason) = &found.skipped {
            println!("    {entity} was left out: {reason}");
        }
        if found.unsettled > 0 {
            println!("    {entity}: {} changed too often to be compared", found.unsettled);
        }
        if found.differing() == 0 {
            continue;
        }
        println!(
            "    {entity}: {} missing, {} extra, {} changed, such as {}",
            found.missing,
            found.extra,
            found.changed,
            found.examples.join(", ")
        );
        if !found.fields.is_empty() {
            let fields: Vec<&str> = found.fields.keys().map(String::as_str).collect();
            println!("        in {}", fields.join(", "));
        }
        if !found.suspect_folds.is_empty() {
            let nodes: Vec<&str> = found.suspect_folds.iter().map(String::as_str).collect();
            println!(
                "        no event told of it: unless the pack has changed, rows of {} change without their owner, and must not be folded",
                nodes.join(", ")
            );
        }
    }
}
