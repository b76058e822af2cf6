//! A private PostgreSQL server for trying things by hand: `cargo run -p wattle-testbed`.
//!
//! It prints the superuser's address and lasts until Ctrl-C.

use wattle_testbed::Postgres;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let postgres = Postgres::start().await?;
    println!("folder {}", postgres.folder().display());
    println!("{}", postgres.superuser_url());
    tokio::signal::ctrl_c().await?;
    Ok(())
}
