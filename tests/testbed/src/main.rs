//! A private PostgreSQL server for trying things by hand: `cargo run -p wattle-testbed`.
//!
//! It prints its address, as the superuser and without a database, and lasts until Ctrl-C.

use wattle_testbed::Postgres;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let postgres = Postgres::start().await?;
    println!("PostgreSQL runs in {} until Ctrl-C; in another terminal:", postgres.folder().display());
    println!("export PG={}", postgres.superuser_url().trim_end_matches("/postgres"));
    tokio::signal::ctrl_c().await?;
    Ok(())
}
