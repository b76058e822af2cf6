//! The steps of the chapter "Writing an adapter", taken on a schema that is none of the samples.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use wattle_testbed::{Finished, Wattle};

/// Long enough for a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

async fn wattle(folder: &Path, args: &[&str]) -> Result<Finished> {
    Wattle::at(env!("CARGO_BIN_EXE_wattle")).args(args).cwd(folder).run(PATIENCE).await
}

fn corymbia() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corymbia")
}

#[tokio::test]
async fn a_retailer_is_onboarded_from_its_catalogue_to_hydration() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let options = SqliteConnectOptions::new().filename(folder.join("corymbia.db")).create_if_missing(true);
    let mut retailer = SqliteConnection::connect_with(&options).await?;
    let schema = std::fs::read_to_string(corymbia().join("schema.sql"))?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(schema)).execute(&mut retailer).await?;
    retailer.close().await?;
    let source = format!("sqlite:{}", folder.join("corymbia.db").display());
    let run = async |args: &[&str]| wattle(folder, args).await?.success();

    let proposed = run(&["adapter", "new", "pack", "--source", &source]).await?;
    ensure!(proposed.contains("The pack can be read"), "{proposed}");
    ensure!(!wattle(folder, &["adapter", "new", "pack", "--source", &source]).await?.status.success());
    // What is still to fill is seen to be missing.
    let unfilled = wattle(folder, &["adapter", "test", "pack", "--source", &source]).await?;
    ensure!(!unfilled.status.success() && unfilled.stdout.contains("is mandatory"), "{}", unfilled.stdout);

    for file in std::fs::read_dir(corymbia().join("pack/fetch"))? {
        let file = file?;
        ensure!(folder.join("pack/fetch").join(file.file_name()).exists(), "{file:?} was not proposed");
        std::fs::copy(file.path(), folder.join("pack/fetch").join(file.file_name()))?;
    }
    std::fs::copy(corymbia().join("pack/graph.toml"), folder.join("pack/graph.toml"))?;
    run(&["adapter", "test", "pack", "--source", &source]).await?;
    run(&["adapter", "test", "pack", "--source", &source, "--write"]).await?;

    std::fs::write(folder.join("master.secret"), "0123456789abcdef".repeat(4))?;
    let target = folder.join("target").display().to_string();
    let settings = format!("master_secret = \"file:master.secret\"\n[target]\nurl = \"sqlite:{target}\"\n");
    std::fs::write(folder.join("wattle.toml"), settings)?;
    let pack = format!("{{\"pack\": \"{}\"}}", folder.join("pack").display());
    run(&["migrate"]).await?;
    run(&["tenant", "add", "corymbia", "--adapter", "sqlite", "--source", &source, "--options", &pack])
        .await?;
    run(&["check", "corymbia"]).await?;
    let graph = run(&["graph", "corymbia"]).await?;
    ensure!(graph.contains("bill_lines") && graph.contains("folded"), "{graph}");
    let drawn = run(&["graph", "corymbia", "--format", "svg"]).await?;
    ensure!(drawn.contains("<svg") && drawn.contains("bill_lines") && drawn.contains("owned by"), "{drawn}");
    run(&["hydrate", "corymbia"]).await?;
    Ok(())
}
