//! `wattle tenant`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use wattle_core::{SourceSystem, TenantId};
use wattle_sync::operate::{Accept, pause, resume};
use wattle_tenants::issuer::DevelopmentIssuer;
use wattle_tenants::{Lifecycle, Mode, NewSource, NewTenant, NewUpkeep, Source, Tenant, TenantSession};

use crate::adapters;
use crate::block;
use crate::context::Context;
use crate::discovery;
use crate::output::print_json;
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(crate) enum TenantVerb {
    /// Onboards a tenant, or sets one right; with --source, adds the source too.
    ///
    /// Example: wattle tenant add correa --adapter correa --source env:CORREA_URL
    Add(Box<Add>),
    /// Sets how a tenant's copy is looked after; what is not given stays as it is.
    ///
    /// Example: wattle tenant set correa --retention-days 30
    Set(SetUpkeep),
    /// Leaves a tenant's sources alone: no connection, no statement, until they are resumed.
    ///
    /// What changes meanwhile is kept by the source's own log, up to the limit it has; the API goes on serving what is
    /// there. A running `sync` takes it up within a second.
    ///
    /// Example: wattle tenant pause correa
    Pause(Pause),
    /// Lets a tenant's sources go on, and accepts what a guard has stopped.
    ///
    /// Example: wattle tenant resume correa --accept-deletes
    Resume(Resume),
    /// Says how a tenant's service is, which the API tells anyone; without --set, shows what it tells now.
    ///
    /// Example: wattle tenant status correa --set UNAVAILABLE --explanation "Our data centre has no power"
    Status(discovery::Status),
    /// Announces outages of a tenant, which the API tells anyone.
    #[command(subcommand)]
    Outage(discovery::OutageVerb),
    /// Keeps accounts from being shared, whatever the retailer's data and the customer's consent say.
    #[command(subcommand)]
    Block(block::BlockVerb),
    /// Lists the tenants.
    ///
    /// Example: wattle tenant list --json
    List(List),
    /// Shows a tenant and its sources.
    ///
    /// Example: wattle tenant show correa
    Show(Show),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeName {
    /// Loopback only, tokens of the development issuer.
    Development,
    /// Everything as the standard says.
    Production,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Its name: becomes part of the API's address and of database names.
    name: TenantId,
    /// Its name for people.
    #[arg(long)]
    display_name: Option<String>,
    /// What it may do.
    #[arg(long, value_enum, default_value = "development")]
    mode: ModeName,
    /// The adapter that reads the source: `correa`, or `postgres` with the option `pack`.
    #[arg(long, requires = "source")]
    adapter: Option<String>,
    /// The source's address, or env:NAME or file:PATH that holds it.
    #[arg(long, requires = "adapter")]
    source: Option<String>,
    /// The source's name within the tenant.
    #[arg(long, default_value = "main")]
    source_name: SourceSystem,
    /// Adapter options as JSON, such as '{"pack": "/srv/packs/acme"}'; they replace those there were.
    #[arg(long, default_value = "{}")]
    options: String,
    /// The `iss` of access tokens (production).
    #[arg(long)]
    issuer: Option<String>,
    /// The `aud` of access tokens (production).
    #[arg(long)]
    audience: Option<String>,
    /// File with the JSON Web Key Set of the issuer (production).
    #[arg(long)]
    jwks: Option<PathBuf>,
    /// The registered resource base address, which all links begin with.
    #[arg(long)]
    public_base_url: Option<String>,
    /// The host name that serves this tenant alone.
    #[arg(long)]
    host: Option<String>,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("upkeep").required(true).multiple(true))]
pub(crate) struct SetUpkeep {
    /// The tenant's name.
    name: TenantId,
    /// Days for which changes are kept after they were applied, to be rewound to; 14 unless set.
    #[arg(long, value_name = "DAYS", group = "upkeep", value_parser = clap::value_parser!(u32).range(..=3650))]
    retention_days: Option<u32>,
    /// Hours from one scheduled reconcile to the next; 168, a week, unless set; 0 for none.
    #[arg(long, value_name = "HOURS", group = "upkeep", value_parser = clap::value_parser!(u32).range(..=87_600))]
    reconcile_every_hours: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// The tenant's name.
    name: TenantId,
    /// Only this source of the tenant; all of them by default.
    #[arg(long)]
    source: Option<SourceSystem>,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    which: Pause,
    /// What the source no longer shows is really gone, and may be deleted. Counts until all that is under way now is
    /// applied, 24 hours at most.
    #[arg(long)]
    accept_deletes: bool,
    /// As many records as there may be are really broken, and go into quarantine. Counts as long.
    #[arg(long)]
    accept_quarantine: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The tenant's name.
    name: TenantId,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl TenantVerb {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(add) => add.run(config).await,
            Self::Set(set) => set.run(config).await,
            Self::Pause(pause) => pause.run(config).await,
            Self::Resume(resume) => resume.run(config).await,
            Self::Status(status) => status.run(config).await,
            Self::Outage(verb) => verb.run(config).await,
            Self::Block(verb) => verb.run(config).await,
            Self::List(list) => list.run(config).await,
            Self::Show(show) => show.run(config).await,
        }
    }
}

impl Add {
    async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let settings = Settings::read(config)?;
        let source = self.new_source()?;
        let tenant = self.new_tenant(&settings)?;
        let lifecycle = Lifecycle::connect(&settings.target, settings.secrets()?).await?;
        lifecycle.add_tenant(tenant).await?;
        println!("tenant {} is onboarded", self.name);
        if let Some(source) = source {
            let system = source.system.clone();
            lifecycle.add_source(&self.name, source).await?;
            println!("source {system} is set; next: wattle check {}", self.name);
        }
        Ok(ExitCode::SUCCESS)
    }

    fn new_source(&self) -> anyhow::Result<Option<NewSource>> {
        let (Some(adapter), Some(url)) = (&self.adapter, &self.source) else { return Ok(None) };
        let literal = !url.starts_with("env:") && !url.starts_with("file:");
        if literal && matches!(self.mode, ModeName::Production) {
            bail!(
                "a production source's address is given by reference: write --source env:NAME or file:PATH"
            );
        }
        let options: Value = serde_json::from_str(&self.options).context("--options is not JSON")?;
        let new = NewSource {
            system: self.source_name.clone(),
            adapter: adapter.clone(),
            url: url.clone(),
            options,
        };
        // Built once here, so that a wrong name, pack or option is found now and not by the first sync.
        let source = Source {
            tenant: self.name.clone(),
            system: new.system.clone(),
            adapter: new.adapter.clone(),
            url: new.url.clone(),
            options: new.options.clone(),
        };
        adapters::build(&source)?;
        Ok(Some(new))
    }

    fn new_tenant(&self, settings: &Settings) -> anyhow::Result<NewTenant> {
        let name = &self.name;
        let (mode, issuer, audience, jwks, public_base_url) = match self.mode {
            ModeName::Development => {
                if self.jwks.is_some() {
                    bail!(
                        "a development tenant takes the keys of the development issuer: leave --jwks out, or use --mode production"
                    );
                }
                let mut new = development(settings, name)?;
                if let Some(base) = &self.public_base_url {
                    if !base.starts_with("http://") && !base.starts_with("https://") {
                        bail!("--public-base-url must begin with http:// or https://");
                    }
                    (new.public_base_url, new.audience) = (base.clone(), base.clone());
                }
                let issuer = self.issuer.clone().unwrap_or(new.issuer);
                let audience = self.audience.clone().unwrap_or(new.audience);
                (new.mode, issuer, audience, new.jwks, new.public_base_url)
            }
            ModeName::Production => {
                let (Some(issuer), Some(audience), Some(jwks), Some(base)) =
                    (&self.issuer, &self.audience, &self.jwks, &self.public_base_url)
                else {
                    bail!("a production tenant needs --issuer, --audience, --jwks and --public-base-url");
                };
                if !base.starts_with("https://") {
                    bail!("--public-base-url must begin with https:// for a production tenant");
                }
                let text = std::fs::read_to_string(jwks)
                    .with_context(|| format!("{} cannot be read", jwks.display()))?;
                let jwks = serde_json::from_str(&text)
                    .with_context(|| format!("{} is not a JSON Web Key Set", jwks.display()))?;
                (Mode::Production, issuer.clone(), audience.clone(), jwks, base.clone())
            }
        };
        Ok(NewTenant {
            id: name.clone(),
            display_name: self.display_name.clone().unwrap_or_else(|| name.to_string()),
            mode,
            issuer,
            audience,
            jwks,
            public_base_url,
            host: self.host.clone(),
        })
    }
}

/// A development tenant, served where the settings say that `serve` listens.
pub(crate) fn development(settings: &Settings, name: &TenantId) -> anyhow::Result<NewTenant> {
    let base = format!("http://{}/t/{name}", settings.listen);
    Ok(NewTenant {
        id: name.clone(),
        display_name: name.to_string(),
        mode: Mode::Development,
        issuer: format!("urn:wattle:development:{name}"),
        audience: base.clone(),
        jwks: DevelopmentIssuer::new(&settings.secrets()?, name).jwks(),
        public_base_url: base,
        host: None,
    })
}

impl SetUpkeep {
    async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let settings = Settings::read(config)?;
        let lifecycle = Lifecycle::connect(&settings.target, settings.secrets()?).await?;
        let Self { name, retention_days, reconcile_every_hours } = self;
        lifecycle.set_upkeep(&name, NewUpkeep { retention_days, reconcile_every_hours }).await?;
        println!("tenant {name} is set");
        Ok(ExitCode::SUCCESS)
    }
}

impl Pause {
    async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        for (session, system) in self.sources(config).await? {
            pause(&session, &system).await?;
            println!("{}/{system} is left alone; `wattle tenant resume {0}` lets it go on", self.name);
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn sources(&self, config: &Path) -> anyhow::Result<Vec<(TenantSession, SourceSystem)>> {
        let context = Context::open(config).await?;
        let tenant = context.tenant(&self.name).await?;
        let mut sources = Vec::new();
        for source in context.tenants.sources(&tenant).await? {
            if self.source.as_ref().is_none_or(|wanted| *wanted == source.system) {
                sources.push((context.tenants.session(&tenant).await?, source.system));
            }
        }
        if sources.is_empty() {
            bail!("tenant {} has no such source: `wattle tenant show {0}` lists them", self.name);
        }
        Ok(sources)
    }
}

impl Resume {
    async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let accept = Accept { deletes: self.accept_deletes, quarantine: self.accept_quarantine };
        for (session, system) in self.which.sources(config).await? {
            resume(&session, &system, accept).await?;
            println!("{}/{system} goes on", self.which.name);
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        let tenants = context.tenants.all().await?;
        if self.json {
            print_json(&tenants.iter().map(|tenant| facts(tenant, &[])).collect::<Vec<_>>())?;
            return Ok(ExitCode::SUCCESS);
        }
        if tenants.is_empty() {
            println!("no tenants; `wattle tenant add` onboards one");
        }
        for tenant in tenants {
            println!("{:<20} {:<12} {}", tenant.id, tenant.mode.name(), tenant.public_base_url);
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        let tenant = context.tenant(&self.name).await?;
        let sources = context.tenants.sources(&tenant).await?;
        if self.json {
            print_json(&facts(&tenant, &sources))?;
            return Ok(ExitCode::SUCCESS);
        }
        println!("tenant        {} ({})", tenant.id, tenant.display_name);
        println!("mode          {}", tenant.mode.name());
        println!("base address  {}", tenant.public_base_url);
        println!("host          {}", tenant.host.as_deref().unwrap_or("shared"));
        println!("issuer        {}", tenant.issuer);
        println!("audience      {}", tenant.audience);
        println!("keys          {}", tenant.jwks.keys.len());
        println!("retention     {} days after a change was applied", tenant.retention_days);
        println!(
            "reconcile     {}",
            match tenant.reconcile_every_hours {
                0 => "only when asked".to_owned(),
                hours => format!("every {hours} hours"),
            }
        );
        for source in sources {
            println!("source        {} by adapter {}, {}", source.system, source.adapter, shown_url(&source));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn facts(tenant: &Tenant, sources: &[Source]) -> Value {
    json!({
        "tenant": tenant.id,
        "display_name": tenant.display_name,
        "mode": tenant.mode.name(),
        "public_base_url": tenant.public_base_url,
        "host": tenant.host,
        "issuer": tenant.issuer,
        "audience": tenant.audience,
        "retention_days": tenant.retention_days,
        "reconcile_every_hours": tenant.reconcile_every_hours,
        "sources": sources.iter().map(|source| json!({
            "source": source.system, "adapter": source.adapter, "url": shown_url(source), "options": source.options,
        })).collect::<Vec<_>>(),
    })
}

/// An address without its password.
fn shown_url(source: &Source) -> String {
    match (source.url.find("://"), source.url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}://…{}", &source.url[..scheme], &source.url[at..])
        }
        _ => source.url.clone(),
    }
}
