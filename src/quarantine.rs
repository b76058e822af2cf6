//! `wattle quarantine`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::json;
use wattle_core::{Entity, SourceSystem, TenantId};
use wattle_sync::operate::{QuarantineFilter, Quarantined, discard, quarantined};
use wattle_sync::request_retry;

use crate::context::Context;
use crate::job::{carry_out, entity, interrupted};
use crate::output::print_json;
use crate::signals;

/// Keys read at once.
const PAGE_LEN: usize = 1_000;

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineVerb {
    /// Lists the keys that could not be applied, each with its error.
    ///
    /// Example: wattle quarantine list correa --entity invoice
    List(List),
    /// Shows one key: its error, its attempts, and when it was tried.
    ///
    /// Example: wattle quarantine show correa invoice 1042
    Show(One),
    /// Reads keys again, after the cause was put right in a way that no change at the source announces.
    ///
    /// A key is tried again by itself when one of its rows changes, and when its owner arrives.
    ///
    /// Example: wattle quarantine retry correa --entity invoice
    Retry(Retry),
    /// Puts keys out of sight: they are neither counted nor listed, nor tried again, until their error changes.
    ///
    /// They stay in quarantine: what the target has of them from before is not served.
    ///
    /// Example: wattle quarantine discard correa invoice 1042
    Discard(One),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    which: Which,
    /// Those that were discarded, too.
    #[arg(long)]
    discarded: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Which {
    /// The tenant's name.
    tenant: TenantId,
    /// Only this source of the tenant; all of them by default.
    #[arg(long)]
    source: Option<SourceSystem>,
    /// Only this entity, such as `invoice`.
    #[arg(long, value_parser = entity)]
    entity: Option<Entity>,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// The tenant's name.
    tenant: TenantId,
    /// The record's entity, such as `invoice`.
    #[arg(value_parser = entity)]
    entity: Entity,
    /// Its key, as `wattle quarantine list` shows it.
    key: String,
    /// The source of the tenant, where it has several.
    #[arg(long)]
    source: Option<SourceSystem>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Retry {
    #[command(flatten)]
    which: Which,
    /// Only this key.
    #[arg(long, requires = "entity")]
    key: Option<String>,
}

impl QuarantineVerb {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        match self {
            Self::List(list) => list.run(&context).await,
            Self::Show(one) => one.show(&context).await,
            Self::Retry(retry) => retry.run(&context).await,
            Self::Discard(one) => one.discard(&context).await,
        }
    }
}

/// The names of a tenant's sources that are meant. None of them is opened.
async fn systems(
    context: &Context,
    tenant: &TenantId,
    source: Option<&SourceSystem>,
) -> anyhow::Result<Vec<SourceSystem>> {
    let known = context.tenants.sources(&*context.tenant(tenant).await?).await?;
    let systems: Vec<SourceSystem> = known
        .into_iter()
        .map(|known| known.system)
        .filter(|system| source.is_none_or(|wanted| wanted == system))
        .collect();
    if systems.is_empty() {
        bail!("tenant {tenant} has no such source: `wattle tenant show {tenant}` lists them");
    }
    Ok(systems)
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let Self { which, discarded, json } = self;
        let session = context.tenants.session(&*context.tenant(&which.tenant).await?).await?;
        let filter = QuarantineFilter { entity: which.entity, key: None, discarded };
        let (mut facts, mut count) = (Vec::new(), 0);
        for system in systems(context, &which.tenant, which.source.as_ref()).await? {
            let mut after = None;
            loop {
                let page = quarantined(&session, &system, filter, after.as_ref(), PAGE_LEN).await?;
                count += page.quarantined.len();
                for found in page.quarantined {
                    if json {
                        facts.push(fact(&system, &found));
                    } else {
                        println!("{system} {} {}: {}", found.entity, found.source_id, found.error);
                    }
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        if json {
            print_json(&facts)?;
        } else if count == 0 {
            println!("nothing is in quarantine");
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn fact(system: &SourceSystem, found: &Quarantined) -> serde_json::Value {
    let mut fact = json!(found);
    fact["source"] = json!(system);
    fact
}

impl One {
    fn filter(&self) -> QuarantineFilter<'_> {
        QuarantineFilter { entity: Some(self.entity), key: Some(&self.key), discarded: true }
    }

    fn not_there(&self) -> anyhow::Error {
        anyhow::anyhow!(
            "{} {} is not in quarantine: `wattle quarantine list {}` shows what is",
            self.entity,
            self.key,
            self.tenant
        )
    }

    async fn show(self, context: &Context) -> anyhow::Result<ExitCode> {
        let session = context.tenants.session(&*context.tenant(&self.tenant).await?).await?;
        let mut facts = Vec::new();
        for system in systems(context, &self.tenant, self.source.as_ref()).await? {
            let page = quarantined(&session, &system, self.filter(), None, 1).await?;
            facts.extend(page.quarantined.into_iter().map(|found| (system.clone(), found)));
        }
        if facts.is_empty() {
            return Err(self.not_there());
        }
        if self.json {
            print_json(&facts.iter().map(|(system, found)| fact(system, found)).collect::<Vec<_>>())?;
            return Ok(ExitCode::SUCCESS);
        }
        for (system, found) in facts {
            println!("record        {} {} of source {system}", found.entity, found.source_id);
            println!("error         {}", found.error);
            println!(
                "tried         {} times, first {}, last {}",
                found.attempts, found.first_at, found.last_at
            );
            println!("at position   {}", found.position);
            println!("discarded     {}", if found.discarded { "yes" } else { "no" });
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn discard(self, context: &Context) -> anyhow::Result<ExitCode> {
        let session = context.tenants.session(&*context.tenant(&self.tenant).await?).await?;
        let mut discarded = 0;
        for system in systems(context, &self.tenant, self.source.as_ref()).await? {
            discarded += discard(&session, &system, self.filter()).await?;
        }
        if discarded == 0 {
            return Err(self.not_there());
        }
        if self.json {
            print_json(&json!({"discarded": discarded}))?;
        } else {
            println!("{} {} is discarded", self.entity, self.key);
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Retry {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let stop = signals::stop_requested()?;
        let tenant = context.tenant(&self.which.tenant).await?;
        let session = context.tenants.session(&tenant).await?;
        let key = self.key.as_deref();
        for part in context.sources(&tenant).await? {
            let system = part.source.system.clone();
            if self.which.source.as_ref().is_some_and(|wanted| *wanted != system) {
                continue;
            }
            let job = request_retry(&session, &system, self.which.entity, key).await?;
            let Some(view) = carry_out(context, &tenant, part, job, "reading again", &stop).await? else {
                return Ok(interrupted());
            };
            let filter = QuarantineFilter { entity: self.which.entity, key, discarded: false };
            let left = !quarantined(&session, &system, filter, None, 1).await?.quarantined.is_empty();
            println!(
                "{}/{system}: {} keys read again, {}",
                tenant.id,
                view.touched,
                if left { "and some are in quarantine still" } else { "and none is left in quarantine" }
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
