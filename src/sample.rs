//! `wattle sample`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use tokio::sync::watch;
use wattle_sample::{Session, Workload, WorldConfig};

use crate::output::Progress;
use crate::signals;

/// Invoices reach back over the window that the CDR asks for.
const MONTHS: u32 = 24;

#[derive(Debug, Subcommand)]
pub(crate) enum Sample {
    /// Builds a sample retailer's database in an empty one.
    ///
    /// Example: wattle sample create correa --url postgres://postgres@localhost/correa --customers 20000
    Create(Create),
    /// Lets realistic changes happen in a sample retailer's database.
    ///
    /// Example: wattle sample work correa --url postgres://postgres@localhost/correa --rate 50 --seconds 60
    Work(Work),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Retailer {
    /// MariaDB.
    Banksia,
    /// PostgreSQL.
    Correa,
    /// SQLite.
    Dianella,
}

impl Retailer {
    fn name(self) -> &'static str {
        match self {
            Self::Banksia => "banksia",
            Self::Correa => "correa",
            Self::Dianella => "dianella",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Which sample retailer.
    retailer: Retailer,
    /// The database, as its owner: mysql://… for Banksia, postgres://… for Correa, sqlite:PATH for Dianella.
    #[arg(long)]
    url: String,
    /// How many customers it has; a customer has about 180 rows.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    customers: u32,
    /// Equal seeds make equal databases.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Work {
    /// Which sample retailer.
    retailer: Retailer,
    /// The database, as its owner.
    #[arg(long)]
    url: String,
    /// Transactions a second.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// For how long; until it is stopped by default.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    seconds: Option<u64>,
}

impl Sample {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create(create) => create.run().await,
            Self::Work(work) => work.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let today = chrono::Local::now().date_naive();
        let config = WorldConfig { seed: self.seed, customers: self.customers, today, months: MONTHS };
        let began = Instant::now();
        let mut progress = Progress::new("creating", None);
        let mut row_count = 0;
        let show = |at: wattle_sample::Progress| {
            row_count = at.row_count;
            progress.at(at.row_count, at.stage);
        };
        match self.retailer {
            Retailer::Banksia => wattle_banksia::create(&self.url, config, show).await?,
            Retailer::Correa => wattle_correa::create(&self.url, config, show).await?,
            Retailer::Dianella => wattle_dianella::create(&self.url, config, show).await?,
        }
        progress.finish();
        println!(
            "{} has {} customers: {row_count} rows in {:.1} s",
            self.retailer.name(),
            self.customers,
            began.elapsed().as_secs_f64()
        );
        Ok(ExitCode::SUCCESS)
    }
}

impl Work {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let stop = signals::stop_requested()?;
        match self.retailer {
            Retailer::Banksia => {
                let workload = wattle_banksia::Workload::open(&self.url).await?;
                self.steps(workload, wattle_banksia::Error::is_transient, stop).await
            }
            Retailer::Correa => {
                let workload = wattle_correa::Workload::open(&self.url).await?;
                self.steps(workload, wattle_correa::Error::is_transient, stop).await
            }
            Retailer::Dianella => {
                let workload = wattle_dianella::Workload::open(&self.url).await?;
                self.steps(workload, wattle_dianella::Error::is_transient, stop).await
            }
        }
    }

    async fn steps<S>(
        self,
        mut workload: Workload<S>,
        is_transient: fn(&S::Error) -> bool,
        mut stop: watch::Receiver<bool>,
    ) -> anyhow::Result<ExitCode>
    where
        S: Session,
        S::Error: std::error::Error + Send + Sync + 'static,
    {
        let mut pace = tokio::time::interval(Duration::from_secs(1) / self.rate);
        let began = Instant::now();
        let ends = self.seconds.map(Duration::from_secs);
        let mut progress =
            Progress::new("working", self.seconds.map(|seconds| seconds * u64::from(self.rate)));
        let (mut step_count, mut row_count) = (0u64, 0u64);
        while ends.is_none_or(|ends| began.elapsed() < ends) {
            tokio::select! {
                _ = pace.tick() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            match workload.step().await {
                Ok(step) => {
                    step_count += 1;
                    row_count += step.row_count;
                    progress.at(step_count, step.kind.name());
                }
                Err(error) if is_transient(&error) => {
                    tracing::warn!(%error, "the source does not answer: trying again")
                }
                Err(error) => return Err(error.into()),
            }
        }
        progress.finish();
        println!("{step_count} transactions with {row_count} rows in {:.1} s", began.elapsed().as_secs_f64());
        Ok(ExitCode::SUCCESS)
    }
}
