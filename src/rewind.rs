//! `wattle rewind`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::Args;
use serde_json::json;
use wattle_sync::{RewindTo, preview_rewind, request_rewind, rewind_range};

use crate::context::{Context, SourceAndAdapter, patiently};
use crate::job::{Which, carry_out, interrupted, seconds, unless};
use crate::output::print_json;
use crate::signals;

/// Applies what the stream still has from a time or position on once more, beside live changes.
///
/// Every row and record that was named since is read again from the source. Live changes go first, and nothing that is
/// right is written again. `wattle replay` goes back further, to what is in the archive.
///
/// Example: wattle rewind correa --to 2026-11-24T09:00:00+11:00 --dry-run
#[derive(Debug, Args)]
pub(crate) struct Rewind {
    #[command(flatten)]
    which: Which,
    /// A time (2026-11-24T09:00:00+11:00), a day (2026-11-24, from midnight UTC on), or a position of the live lane, such as
    /// the `live_seq` that `wattle status --json` shows.
    #[arg(long, value_parser = rewind_to)]
    to: RewindTo,
    /// Only count what would be applied again.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn rewind_to(text: &str) -> anyhow::Result<RewindTo> {
    if let Ok(seq) = text.parse() {
        return Ok(RewindTo::Position(seq));
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(RewindTo::Time(day.and_time(NaiveTime::MIN).and_utc()));
    }
    let time: DateTime<Utc> = text.parse().with_context(|| {
        format!(
            "`{text}` is no time, day or position: write it as 2026-11-24T09:00:00+11:00, 2026-11-24 or 12345"
        )
    })?;
    Ok(RewindTo::Time(time))
}

impl Rewind {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        let stop = signals::stop_requested()?;
        let tenant = self.which.tenant(&context, &stop).await?;
        let sources = self.which.sources(&context, &tenant, &stop).await?;
        if matches!(self.to, RewindTo::Position(_)) && sources.len() > 1 {
            bail!(
                "tenant {} has several sources, each with positions of its own: name one with --source",
                tenant.id
            );
        }
        let mut facts = Vec::new();
        for part in sources {
            let session = context.tenants.session(&tenant).await?;
            let SourceAndAdapter { source, adapter } = &part;
            let (system, entities) = (source.system.clone(), &self.which.entities);
            let range = async || Ok(rewind_range(&session, &system, self.to).await?);
            let range = unless(&stop, patiently(range)).await?;
            if self.dry_run {
                let preview = preview_rewind(&session, &system, adapter.graph(), range, entities).await?;
                if !self.json {
                    println!(
                        "{}/{system}: {} changes with {} distinct keys would be applied again",
                        tenant.id, preview.changes, preview.distinct_keys
                    );
                }
                facts.push(json!({"source": system, "preview": preview}));
                continue;
            }
            let job = request_rewind(&session, &system, range, entities).await?;
            let Some(view) = carry_out(&context, &tenant, part, job, "rewinding", &stop).await? else {
                return Ok(interrupted());
            };
            if !self.json {
                println!(
                    "{}/{system}: {} keys read again in {:.1} s",
                    tenant.id,
                    view.touched,
                    seconds(&view)
                );
            }
            facts.push(json!({"source": system, "job": view}));
        }
        if self.json {
            print_json(&facts)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
