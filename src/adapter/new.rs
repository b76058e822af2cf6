//! `wattle adapter new`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use wattle_adapter_kit::{SqlSession, propose, tables};
use wattle_sql::Pack;

use super::{resolved, session};

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The pack's folder, which must not be there yet.
    name: PathBuf,
    /// The database: postgres://…, mysql://…, sqlserver://… or sqlite:PATH, or env:NAME. It is only read.
    #[arg(long)]
    source: String,
    /// Options of the adapter, as JSON, of which those of TLS count: {"tls_ca": "ca.pem"}.
    #[arg(long, default_value = "{}")]
    options: String,
    /// The IANA time zone of dates and times without one.
    #[arg(long, default_value = "Australia/Melbourne")]
    zone: String,
}

impl New {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        if self.name.exists() {
            bail!("{} is there already: choose another name", self.name.display());
        }
        if self.zone.parse::<chrono_tz::Tz>().is_err() {
            bail!("`{}` is not a time zone: write one such as Australia/Melbourne", self.zone);
        }
        let options = serde_json::from_str(&self.options).context("the options are not JSON")?;
        let mut session =
            session::open(&resolved(&self.source)?, &options).await.context("the source cannot be read")?;
        let tables = tables(&mut session)
            .await
            .map_err(|what| anyhow!("the source's catalogue cannot be read: {what}"))?;
        if tables.is_empty() {
            bail!(
                "this login sees no tables there: name the retailer's database in --source, and let the login read its tables"
            );
        }
        let proposal = propose(&tables, session.dialect(), &self.zone);
        std::fs::create_dir_all(self.name.join("fetch"))?;
        for (path, text) in &proposal.files {
            std::fs::write(self.name.join(path), text)?;
            println!("wrote {}", self.name.join(path).display());
        }
        if !proposal.undecided.is_empty() {
            println!("left to decide:");
            proposal.undecided.iter().for_each(|what| println!("  {what}"));
        }
        match Pack::from_folder(&self.name) {
            Ok(_) => println!(
                "The pack can be read. Fill the fields that its queries list, then run `wattle adapter test`."
            ),
            Err(errors) => {
                println!("before the pack can be read:");
                errors.iter().for_each(|error| println!("  {error}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
