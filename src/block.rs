//! `wattle tenant block`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::{Args, Subcommand};
use serde_json::json;
use wattle_core::{Key, SourceSystem, TenantId};
use wattle_tenants::block::{block, blocks, unblock};

use crate::context::Context;
use crate::output::print_json;
use crate::token::DEFAULT_SOURCE;

#[derive(Debug, Subcommand)]
pub(crate) enum BlockVerb {
    /// Blocks an account, from the next call of the API on: lists leave it out, and its id names nothing.
    ///
    /// Example: wattle tenant block add correa 100000017 --reason "Order of 3 March"
    Add(Add),
    /// Lets an account be shared again.
    ///
    /// Example: wattle tenant block remove correa 100000017
    Remove(Which),
    /// Lists the accounts that are blocked.
    ///
    /// Example: wattle tenant block list correa --json
    List(List),
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The tenant's name.
    name: TenantId,
    /// The account's key in the retailer's database.
    account: String,
    /// The source of the tenant that has the account.
    #[arg(long, default_value = DEFAULT_SOURCE)]
    source: SourceSystem,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    #[command(flatten)]
    which: Which,
    /// Why, for the operators to come; no customer and no recipient is shown it.
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// The tenant's name.
    name: TenantId,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl BlockVerb {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        let name = match &self {
            Self::Add(Add { which, .. }) | Self::Remove(which) => &which.name,
            Self::List(list) => &list.name,
        };
        let session = context.tenants.session(&*context.tenant(name).await?).await?;
        match self {
            Self::Add(Add { which: Which { name, account, source }, reason }) => {
                ensure!(!reason.trim().is_empty(), "a block needs a --reason");
                block(&session, &source, &Key::from_canonical(account.as_str()), reason.trim()).await?;
                println!("account {account} of tenant {name} is blocked");
            }
            Self::Remove(Which { name, account, source }) => {
                if !unblock(&session, &source, &Key::from_canonical(account.as_str())).await? {
                    bail!(
                        "account {account} of tenant {name} is not blocked; `wattle tenant block list {name}` shows those that are"
                    );
                }
                println!("account {account} of tenant {name} may be shared again");
            }
            Self::List(List { json, .. }) => {
                let blocks = blocks(&session).await?;
                if json {
                    let facts = blocks.iter().map(|block| {
                        json!({
                            "source": block.source_system.as_str(),
                            "account": block.account_id.as_str(),
                            "reason": block.reason,
                            "blocked_at": block.blocked_at,
                        })
                    });
                    print_json(&facts.collect::<Vec<_>>())?;
                    return Ok(ExitCode::SUCCESS);
                }
                for block in &blocks {
                    let since = block.blocked_at.to_rfc3339();
                    println!(
                        "{:<12} {:<20} {since:<26} {}",
                        block.source_system, block.account_id, block.reason
                    );
                }
                if blocks.is_empty() {
                    println!("no account is blocked");
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
