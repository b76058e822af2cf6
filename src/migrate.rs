//! `wattle migrate`.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use wattle_tenants::Lifecycle;

use crate::settings::Settings;

/// Brings the target's schema up to date.
///
/// Safe to repeat. Run it before the first start, and after each upgrade.
///
/// Example: wattle migrate
#[derive(Debug, Args)]
pub(crate) struct Migrate {}

impl Migrate {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let settings = Settings::read(config)?;
        let applied = Lifecycle::connect(&settings.target, settings.secrets()?).await?.migrate().await?;
        match applied {
            0 => println!("the target's schema is up to date"),
            1 => println!("1 migration applied"),
            many => println!("{many} migrations applied"),
        }
        Ok(ExitCode::SUCCESS)
    }
}
