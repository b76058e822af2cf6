//! `wattle tenant status` and `wattle tenant outage`: what the API tells anyone of a tenant's service.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::{DateTime, FixedOffset, Utc};
use clap::{Args, Subcommand, ValueEnum};
use wattle_core::TenantId;
use wattle_tenants::Lifecycle;
use wattle_tenants::discovery::{Extent, NewStatus, Outage, ServiceState, ServiceStatus};

use crate::context::Context;
use crate::output::print_json;
use crate::settings::Settings;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    /// All of it works.
    #[value(name = "OK")]
    Ok,
    /// Some endpoints are unexpectedly not available.
    #[value(name = "PARTIAL_FAILURE")]
    PartialFailure,
    /// None is, unexpectedly.
    #[value(name = "UNAVAILABLE")]
    Unavailable,
    /// An outage that was announced is under way.
    #[value(name = "SCHEDULED_OUTAGE")]
    ScheduledOutage,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The tenant's name.
    name: TenantId,
    /// What to answer from now on.
    #[arg(long)]
    set: Option<State>,
    /// What customers may be told about it; mandatory unless it is OK.
    #[arg(long, requires = "set")]
    explanation: Option<String>,
    /// When what is wrong was found (PARTIAL_FAILURE and UNAVAILABLE).
    #[arg(long, requires = "set", value_name = "TIME", value_parser = time)]
    detected: Option<DateTime<FixedOffset>>,
    /// When all of it should work again.
    #[arg(long, requires = "set", value_name = "TIME", value_parser = time)]
    resolved_by: Option<DateTime<FixedOffset>>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutageVerb {
    /// Announces an outage; the standard wants that a week ahead.
    ///
    /// Example: wattle tenant outage add correa --at 2026-12-06T01:00:00+11:00 --duration PT2H --explanation "Upgrade"
    Add(Add),
    /// Takes an outage back.
    ///
    /// Example: wattle tenant outage remove correa --at 2026-12-06T01:00:00+11:00
    Remove(Remove),
    /// Lists the outages that are not over.
    ///
    /// Example: wattle tenant outage list correa --json
    List(List),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The tenant's name.
    name: TenantId,
    /// When it begins.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: DateTime<FixedOffset>,
    /// How long it lasts, by ISO 8601, such as PT2H.
    #[arg(long)]
    duration: String,
    /// What customers may be told about it.
    #[arg(long)]
    explanation: String,
    /// It is of some endpoints only.
    #[arg(long)]
    partial: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The tenant's name.
    name: TenantId,
    /// When it would begin.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: DateTime<FixedOffset>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// The tenant's name.
    name: TenantId,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A time with its offset.
fn time(text: &str) -> anyhow::Result<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text).with_context(|| {
        format!("`{text}` is not a time with its offset: write it such as 2026-12-06T01:00:00+11:00")
    })
}

impl Status {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let Some(state) = self.set else { return self.show(config).await };
        let new = NewStatus {
            state: match state {
                State::Ok => ServiceState::Ok,
                State::PartialFailure => ServiceState::PartialFailure,
                State::Unavailable => ServiceState::Unavailable,
                State::ScheduledOutage => ServiceState::ScheduledOutage,
            },
            explanation: self.explanation,
            detected: self.detected,
            expected_resolution: self.resolved_by,
        };
        let status = ServiceStatus::new(new, Utc::now())?;
        lifecycle(config).await?.set_status(&self.name, &status).await?;
        println!("tenant {} answers {} within seconds", self.name, status.state().name());
        Ok(ExitCode::SUCCESS)
    }

    /// Prints what is answered now.
    async fn show(self, config: &Path) -> anyhow::Result<ExitCode> {
        let tenant = Context::open(config).await?.tenant(&self.name).await?;
        print_json(&tenant.service_status)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl OutageVerb {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(add) => add.run(config).await,
            Self::Remove(remove) => {
                lifecycle(config).await?.remove_outage(&remove.name, remove.at).await?;
                println!("tenant {} has taken the outage back", remove.name);
                Ok(ExitCode::SUCCESS)
            }
            Self::List(list) => list.run(config).await,
        }
    }
}

impl Add {
    async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let extent = if self.partial { Extent::Partial } else { Extent::Full };
        let outage = Outage::new(self.at, &self.duration, extent, &self.explanation, Utc::now())?;
        lifecycle(config).await?.add_outage(&self.name, &outage).await?;
        println!("tenant {} announces the outage within seconds", self.name);
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let tenant = Context::open(config).await?.tenant(&self.name).await?;
        let now = Utc::now();
        let outages: Vec<&Outage> = tenant.outages.iter().filter(|outage| outage.lies_ahead(now)).collect();
        if self.json {
            print_json(&outages)?;
            return Ok(ExitCode::SUCCESS);
        }
        if outages.is_empty() {
            println!("no outages; `wattle tenant outage add` announces one");
        }
        for outage in outages {
            let extent = match outage.extent() {
                Extent::Full => "full",
                Extent::Partial => "partial",
            };
            let (begins, lasts) = (outage.begins().to_rfc3339(), outage.duration());
            println!("{begins:<26} {lasts:<10} {extent:<8} {}", outage.explanation());
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn lifecycle(config: &Path) -> anyhow::Result<Lifecycle> {
    let settings = Settings::read(config)?;
    Ok(Lifecycle::connect(&settings.target, settings.secrets()?).await?)
}
