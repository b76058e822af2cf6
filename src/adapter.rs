//! `wattle adapter`.

mod new;
mod session;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use wattle_adapter_kit::{Settings, SqlBench, SqlSession, prove};
use wattle_core::{SourceSystem, TenantId};
use wattle_tenants::Source;

use crate::adapters;
use crate::output::print_json;

/// Adapters are built as for this tenant and source: a replication slot is named after them.
const TENANT: &str = "adapter";
/// The source of that tenant.
const SYSTEM: &str = "test";
/// How long a server may take to notice that a feed is closed.
const SLOT_PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Subcommand)]
pub(crate) enum AdapterVerb {
    /// Writes a pack's folder as the source's catalogue suggests it, to be completed by hand.
    ///
    /// Example: wattle adapter new ./pack --source postgres://wattle@localhost/billing
    New(new::New),
    /// Proves a pack and its adapter on a database: keys, fetches, capture.
    ///
    /// Without --write nothing is written, and the checks of capture are listed as not run.
    ///
    /// Example: wattle adapter test ./pack --source postgres://wattle@localhost/billing --write
    Test(Test),
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The pack's folder, or the name of a sample retailer.
    pack: String,
    /// The database, as Wattle's own login: postgres://…, mysql://…, sqlserver://… or sqlite:PATH, or env:NAME.
    #[arg(long)]
    source: String,
    /// Insert, change and remove rows, to see that it is heard. Prepares capture as sync does, so use a copy of the
    /// retailer's database.
    #[arg(long)]
    write: bool,
    /// With --write: also rename a table for a moment, to see that it is noticed and that nothing is lost.
    #[arg(long, requires = "write")]
    alter: bool,
    /// The same database as a login that may write; that of --source by default. TLS is as the options say.
    #[arg(long)]
    bench: Option<String>,
    /// Options of the adapter, as JSON.
    #[arg(long, default_value = "{}")]
    options: String,
    /// Seconds that a change may take to be heard.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    patience: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl AdapterVerb {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::New(new) => new.run().await,
            Self::Test(test) => test.run().await,
        }
    }
}

impl Test {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let source = self.source()?;
        let url = source.resolved_url()?;
        let adapter = adapters::build(&source)?;
        let bench_url = self.bench.as_deref().unwrap_or(&url);
        let session =
            session::open(bench_url, &source.options).await.context("the bench cannot use the database")?;
        if !self.json {
            println!(
                "{}",
                if self.write {
                    "Rows are inserted, changed and removed again, and capture is prepared as by sync."
                } else {
                    "Nothing is written to the database: what needs writing is not run. Allow it with --write."
                }
            );
        }
        let settings = Settings {
            writes: self.write,
            patience: Duration::from_secs(self.patience),
            zone: Some(adapters::pack(&source)?.zone()),
            ..Settings::default()
        };
        let mut bench = SqlBench::new(session, adapter.graph().clone())
            .with_login(session::login(&url))
            .altering(self.alter);
        let report = prove(adapter.as_ref(), &mut bench, settings).await;
        drop(adapter);
        if self.write && url.starts_with("postgres") {
            drop_slot(bench_url, &source.options).await?;
        }
        if self.json {
            print_json(&report)?;
        } else {
            println!("{report}");
        }
        Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn source(&self) -> anyhow::Result<Source> {
        let mut options = serde_json::from_str(&self.options).context("the options are not JSON")?;
        let sample = adapters::SAMPLES.contains(&self.pack.as_str());
        let mut source = Source { adapter: self.pack.clone(), ..source(&self.source)? };
        if !sample {
            let folder = Path::new(&self.pack);
            if !folder.join("graph.toml").exists() {
                bail!(
                    "`{}` is neither a sample retailer ({}) nor a folder with a graph.toml",
                    self.pack,
                    adapters::SAMPLES.join(", ")
                );
            }
            source.adapter = engine(&source.resolved_url()?)?.to_owned();
            let serde_json::Value::Object(members) = &mut options else {
                bail!("the options are not a JSON object")
            };
            members.insert("pack".to_owned(), self.pack.as_str().into());
        }
        source.options = options;
        Ok(source)
    }
}

/// An address, its reference resolved.
fn resolved(url: &str) -> anyhow::Result<String> {
    Ok(source(url)?.resolved_url()?)
}

fn source(url: &str) -> anyhow::Result<Source> {
    Ok(Source {
        tenant: TenantId::parse(TENANT)?,
        system: SourceSystem::parse(SYSTEM)?,
        adapter: String::new(),
        url: url.to_owned(),
        options: serde_json::Value::Null,
    })
}

/// The engine that an address is of.
fn engine(url: &str) -> anyhow::Result<&'static str> {
    let engines = [
        ("postgres:", "postgres"),
        ("postgresql:", "postgres"),
        ("mysql:", "mysql"),
        ("mariadb:", "mysql"),
        ("sqlserver:", "sqlserver"),
        ("sqlite:", "sqlite"),
    ];
    let found = engines.iter().find(|(scheme, _)| url.starts_with(scheme));
    found.map(|(_, engine)| *engine).context(
        "the source is of no engine that there is: write postgres://…, mysql://…, sqlserver://… or sqlite:PATH",
    )
}

/// Drops the slot that the proof made, which would keep the server's log for nobody.
async fn drop_slot(url: &str, options: &serde_json::Value) -> anyhow::Result<()> {
    let mut session = session::open(url, options).await?;
    let slot = format!("wattle_{TENANT}_{SYSTEM}");
    let drop = format!(
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '{slot}'"
    );
    let start = tokio::time::Instant::now();
    // The server may not have noticed yet that the feed is closed, and refuses as long.
    while let Err(what) = session.rows(&drop).await {
        if start.elapsed() > SLOT_PATIENCE {
            bail!(
                "the replication slot {slot} could not be dropped ({what}): drop it, or the server keeps its log for it"
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}
