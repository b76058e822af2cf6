//! `wattle replay`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use chrono::NaiveDate;
use clap::Args;
use serde_json::json;
use wattle_sync::{ReplayDays, ReplayPreview, preview_replay, request_replay};

use crate::context::{Context, SourceAndAdapter, patiently};
use crate::job::{Which, carry_out, interrupted, seconds, unless};
use crate::output::print_json;
use crate::signals;

/// Applies what the archive has of some days once more, beside live changes.
///
/// Every row and record that was named on these days is read again from the source. All files are verified first, and
/// nothing is applied when one is damaged, unless told otherwise. What the stream still has, `wattle rewind` applies.
///
/// Example: wattle replay correa --from 2026-09-01 --to 2026-09-30 --dry-run
#[derive(Debug, Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    which: Which,
    /// The first day (2026-09-01), by UTC.
    #[arg(long, value_parser = day)]
    from: NaiveDate,
    /// The last day, which is included.
    #[arg(long, value_parser = day)]
    to: NaiveDate,
    /// Only verify the files, and count what would be applied again.
    #[arg(long)]
    dry_run: bool,
    /// Leaves out damaged and missing files, and shows which.
    #[arg(long)]
    skip_damaged: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn day(text: &str) -> anyhow::Result<NaiveDate> {
    text.parse().map_err(|_| anyhow::anyhow!("`{text}` is no day: write it as 2026-09-01"))
}

impl Replay {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        if self.to < self.from {
            bail!("the last day, {}, is before the first, {}", self.to, self.from);
        }
        let context = Context::open(config).await?;
        let Some(archive) = context.settings.archive()? else {
            bail!("there is no archive to replay: archive.url is \"none\"");
        };
        let stop = signals::stop_requested()?;
        let tenant = self.which.tenant(&context, &stop).await?;
        let sources = self.which.sources(&context, &tenant, &stop).await?;
        let days = ReplayDays { from: self.from, through: self.to };
        let (mut facts, mut damaged) = (Vec::new(), false);
        for part in sources {
            let session = context.tenants.session(&tenant).await?;
            let SourceAndAdapter { source, adapter } = &part;
            let (system, entities) = (source.system.clone(), &self.which.entities);
            let graph = adapter.graph();
            let looking = async || {
                Ok(preview_replay(archive.clone(), &tenant.id, &system, graph, days, entities).await?)
            };
            let preview = unless(&stop, patiently(looking)).await?;
            if !self.json {
                self.print(&format!("{}/{system}", tenant.id), &preview);
            }
            damaged |= !preview.damaged.is_empty();
            let goes_on = self.skip_damaged || preview.damaged.is_empty();
            if self.dry_run || !goes_on {
                facts.push(json!({"source": system, "preview": preview}));
                continue;
            }
            let job = request_replay(
                &session,
                &system,
                days,
                entities,
                self.skip_damaged,
                Some(preview.distinct_keys),
            )
            .await?;
            let Some(view) = carry_out(&context, &tenant, part, job, "replaying", &stop).await? else {
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
            facts.push(json!({"source": system, "preview": preview, "job": view}));
        }
        if self.json {
            print_json(&facts)?;
        }
        Ok(if damaged && !self.skip_damaged { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn print(&self, place: &str, preview: &ReplayPreview) {
        println!(
            "{place}: {} whole files of {} bytes hold {} changes, with {} distinct keys to read again",
            preview.files, preview.bytes, preview.changes, preview.distinct_keys
        );
        for damage in &preview.damaged {
            println!("    {}: {damage}", if self.skip_damaged { "left out" } else { "damaged" });
        }
        if !preview.damaged.is_empty() && !self.skip_damaged {
            println!(
                "    nothing is applied: put these files back, or use --skip-damaged to go on without them"
            );
        }
    }
}
