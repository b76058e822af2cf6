//! `wattle status`.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use wattle_core::TenantId;
use wattle_sync::JobState;
use wattle_sync::status::{TenantStatus, read};

use crate::context::Context;
use crate::output::print_json;

/// Shows how fresh every tenant is, and what it waits for.
///
/// Example: wattle status --json
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Only this tenant.
    tenant: Option<TenantId>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        let tenants = match &self.tenant {
            Some(id) => vec![context.tenant(id).await?],
            None => context.tenants.all().await?,
        };
        if tenants.is_empty() && !self.json {
            println!("no tenants; `wattle tenant add` onboards one");
        }
        let mut facts = Vec::new();
        for tenant in tenants {
            let session = context.tenants.session(&tenant).await?;
            let status = read(&session).await?;
            if self.json {
                facts.push(json!({"tenant": tenant.id, "sources": status.sources, "jobs": status.jobs}));
            } else {
                print(&tenant.id, &status);
            }
        }
        if self.json {
            print_json(&facts)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(tenant: &TenantId, status: &TenantStatus) {
    if status.sources.is_empty() {
        println!("{tenant}: never synced; start with `wattle hydrate {tenant}`");
    }
    for source in &status.sources {
        let captured = match source.captured.age_ms {
            Some(0) => "all captured".to_owned(),
            Some(age_ms) => format!("captured up to {age_ms} ms ago"),
            None => "not known how far it is captured".to_owned(),
        };
        println!(
            "{tenant}/{}: {}; live {} changes behind ({} ms old), {captured}; backfill {}, quarantine {}, kept at the source {}",
            source.source_system,
            source.state,
            source.applied.count.unwrap_or_default(),
            source.applied.age_ms.unwrap_or_default(),
            source.backfill_count,
            source.quarantine_count,
            source.retained_bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{bytes} bytes")),
        );
        if let Some(reason) = &source.reason {
            println!("    because {reason}");
        }
        match source.agreement.of_all() {
            Some(time) => {
                println!("    last seen to agree with the source at {}", time.format("%Y-%m-%d %H:%M:%S UTC"))
            }
            None if source.agreement.proven_at.is_empty() => println!("    never compared with the source"),
            None => println!("    did not all agree with the source when last compared"),
        }
        if !source.agreement.suspect_folds.is_empty() {
            let folds: Vec<&str> = source.agreement.suspect_folds.iter().map(String::as_str).collect();
            println!(
                "    changed without their owner, so that folding them is not safe: {}",
                folds.join(", ")
            );
        }
    }
    if let Some(since) = status.stream.since {
        println!("    the stream takes {} bytes and reaches back to {since}", status.stream.bytes);
    }
    for job in &status.jobs {
        let progress = match job.state {
            JobState::Waiting => "waiting".to_owned(),
            JobState::Running => format!("at {}", job.current.as_deref().unwrap_or("the last touches")),
            JobState::Done => "done".to_owned(),
            JobState::Failed => format!("failed: {}", job.error.as_deref().unwrap_or("unknown")),
        };
        println!(
            "    job {} {}: {} touched, {} outstanding, {progress}",
            job.kind.name(),
            job.job_id,
            job.touched,
            job.outstanding
        );
        if let Some(report) = &job.report {
            println!("        {} records compared, {} differed", report.compared(), report.differing());
        }
        if let (Some(reason), JobState::Waiting | JobState::Running) = (&job.error, job.state) {
            println!("        does not get on: {reason}");
        }
    }
}
