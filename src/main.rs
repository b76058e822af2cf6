//! Wattle's command line: one verb a file, and no logic of its own. It reads the settings, builds the adapters and
//! hands both to the crates that do the work.

mod adapter;
mod adapters;
mod block;
mod check;
mod context;
mod demo;
mod discovery;
mod graph;
mod hydrate;
mod job;
mod metrics;
mod migrate;
mod openapi;
mod output;
mod quarantine;
mod reconcile;
mod replay;
mod rewind;
mod sample;
mod serve;
mod settings;
mod signals;
mod status;
mod sync;
mod tenant;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An open, multi-tenant Consumer Data Right data holder platform for Australian energy retailers.
#[derive(Debug, Parser)]
#[command(name = "wattle", version, propagate_version = true, max_term_width = 110)]
struct Cli {
    /// Settings file. WATTLE_TARGET_URL, WATTLE_MASTER_SECRET, WATTLE_ARCHIVE_URL and WATTLE_LISTEN go before what it
    /// says.
    #[arg(long, global = true, default_value = settings::DEFAULT_FILE, env = "WATTLE_CONFIG")]
    config: PathBuf,
    /// What is logged to standard error, such as `info` or `wattle_sync=debug,info`; `info` by default, and `warn` for
    /// the demo.
    #[arg(long, global = true, env = "WATTLE_LOG")]
    log: Option<String>,
    #[command(subcommand)]
    verb: Verb,
}

/// What each verb does is said where it is defined: its help begins with the first paragraph there.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Builds a sample retailer's database, or lets things happen in it.
    #[command(subcommand)]
    Sample(sample::Sample),
    Migrate(migrate::Migrate),
    /// Onboards and shows tenants.
    #[command(subcommand)]
    Tenant(tenant::TenantVerb),
    /// Begins a pack, and proves a pack and its adapter on a database.
    #[command(subcommand)]
    Adapter(adapter::AdapterVerb),
    Check(check::Check),
    Graph(graph::Graph),
    Hydrate(hydrate::Hydrate),
    Sync(sync::Sync),
    Rewind(rewind::Rewind),
    Reconcile(reconcile::Reconcile),
    /// Shows what could not be applied, and tries it again.
    #[command(subcommand)]
    Quarantine(quarantine::QuarantineVerb),
    Replay(replay::Replay),
    Serve(serve::Serve),
    #[command(name = "openapi")]
    OpenApi(openapi::OpenApi),
    Status(status::Status),
    Token(token::Token),
    Demo(Box<demo::Demo>),
}

impl Verb {
    /// What is logged unless told otherwise.
    fn usual_log(&self) -> &'static str {
        match self {
            Self::Demo(_) => "warn,sqlx=error",
            _ => "info,sea_orm_migration=warn,sqlx=error,actix_server=warn",
        }
    }
}

/// Whoever reads what we say, such as `head`, may stop before we do: that is no reason for a backtrace.
fn end_with_the_reader() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let what = panic.payload_as_str().unwrap_or_default();
        if what.starts_with("failed printing to stdout: Broken pipe") {
            std::process::exit(1);
        }
        tell(panic);
    }));
}

#[tokio::main]
async fn main() -> ExitCode {
    end_with_the_reader();
    let cli = Cli::parse();
    if let Err(error) = output::start_logging(cli.log.as_deref().unwrap_or(cli.verb.usual_log())) {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    match run(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", wattle_core::explain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = &cli.config;
    match cli.verb {
        Verb::Sample(verb) => verb.run().await,
        Verb::Migrate(verb) => verb.run(config).await,
        Verb::Tenant(verb) => verb.run(config).await,
        Verb::Adapter(verb) => verb.run().await,
        Verb::Check(verb) => verb.run(config).await,
        Verb::Graph(verb) => verb.run(config).await,
        Verb::Hydrate(verb) => verb.run(config).await,
        Verb::Sync(verb) => verb.run(config).await,
        Verb::Rewind(verb) => verb.run(config).await,
        Verb::Reconcile(verb) => verb.run(config).await,
        Verb::Quarantine(verb) => verb.run(config).await,
        Verb::Replay(verb) => verb.run(config).await,
        Verb::Serve(verb) => verb.run(config).await,
        Verb::OpenApi(verb) => verb.run(),
        Verb::Status(verb) => verb.run(config).await,
        Verb::Token(verb) => verb.run(config).await,
        Verb::Demo(verb) => verb.run().await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
