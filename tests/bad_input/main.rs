//! Bad input: whatever an operator, an integration engineer or a retailer's administrator gets wrong, the program says
//! what is wrong and how to put it right, ends with an exit code that is not 0, and has changed nothing.
//!
//! Everything runs as an operator would run it: the built program, real servers, and `psql` for what `check` prints.

#[path = "../scene/mod.rs"]
mod scene;

mod packs;
mod publication;
mod running;
mod sample;
mod settings;
mod source;
mod tenants;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use scene::{PATIENCE, Place, Scene};
use serde_json::{Value, json};
use wattle_testbed::{Finished, Launch, Postgres, Wattle};

/// Few, so that a database is there in a second, and enough for every kind of thing to be there.
const CUSTOMERS: u32 = 10;
const PASSWORD: &str = "reads";

/// Runs the program, which has to refuse in these words; all that it wrote.
async fn refuses(launch: Launch, words: &[&str]) -> Result<String> {
    let ended = launch.run(PATIENCE).await?;
    let said = all_of(&ended);
    // 1 is the program's, 2 that of a command line which cannot be understood; 101 would be a panic.
    ensure!(matches!(ended.status.code(), Some(1 | 2)), "ended with {}:\n{said}", ended.status);
    says(&said, words)?;
    Ok(said)
}

fn all_of(ended: &Finished) -> String {
    format!("{}{}", ended.stdout, ended.stderr)
}

/// Is this clear? All the words are there, and nothing that only a programmer understands.
fn says(said: &str, words: &[&str]) -> Result<()> {
    for word in words {
        ensure!(said.contains(word), "it does not say `{word}`:\n{said}");
    }
    for noise in ["panicked", "pool timed out", "RuntimeErr", "Some(", "SqlxError"] {
        ensure!(!said.contains(noise), "it says `{noise}`:\n{said}");
    }
    Ok(())
}

/// A sample retailer, a Wattle, and a tenant whose source is read by a login of its own.
struct Shop {
    scene: Scene,
    tenant: String,
    reader: String,
}

/// A finding of `wattle check --json`.
#[derive(Debug)]
struct Finding {
    severity: String,
    what: String,
    fix: String,
}

impl Shop {
    /// The login may connect and nothing else.
    async fn open(source: &Postgres) -> Result<Self> {
        let target = Postgres::shared().await?;
        let scene = Scene::create(Place::On(source), Place::On(target), CUSTOMERS, 1).await?;
        let (reader, tenant) = (target.unique_name("reader"), target.unique_name("shop"));
        scene.source().psql(&format!("create role {reader} login password '{PASSWORD}'")).await?;
        let shop = Self { scene, tenant, reader };
        shop.set_source("correa", &shop.reader_url(), &json!({})).await?.success()?;
        Ok(shop)
    }

    /// The source passes its check.
    async fn ready(source: &Postgres) -> Result<Self> {
        let shop = Self::open(source).await?;
        shop.do_as_check_says().await?;
        shop.passes().await?;
        Ok(shop)
    }

    fn reader_url(&self) -> String {
        self.scene.source().url_as(&self.reader, PASSWORD)
    }

    /// Sets the tenant's source.
    async fn set_source(&self, adapter: &str, url: &str, options: &Value) -> Result<Finished> {
        self.scene
            .wattle(&["tenant", "add", &self.tenant, "--adapter", adapter, "--source", url, "--options"])
            .args([options.to_string()])
            .run(PATIENCE)
            .await
    }

    /// The program, asked to do something with the tenant.
    fn wattle(&self, verb: &str, rest: &[&str]) -> Launch {
        self.scene.wattle(&[&[verb, self.tenant.as_str()], rest].concat())
    }

    /// What the check finds, and whether it passes.
    async fn check(&self) -> Result<(Vec<Finding>, bool)> {
        let ended = self.wattle("check", &["--json"]).run(PATIENCE).await?;
        let found: Vec<Value> = serde_json::from_str(&ended.stdout).with_context(|| all_of(&ended))?;
        let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let finding = |found: &Value| Finding {
            severity: text(found, "severity"),
            what: text(found, "what"),
            fix: text(found, "fix"),
        };
        let findings: Vec<Finding> = found.iter().map(finding).collect();
        // The exit code says whether sync would start.
        let refused = findings.iter().any(|finding| finding.severity == "refused");
        ensure!(ended.status.code() == Some(i32::from(refused)), "{}:\n{}", ended.status, ended.stdout);
        says(&ended.stdout, &[])?;
        Ok((findings, !refused))
    }

    /// The check finds just this.
    async fn finds(&self, severity: &str, words: &[&str]) -> Result<Finding> {
        let (mut findings, _) = self.check().await?;
        ensure!(findings.len() == 1, "not one finding but {findings:#?}");
        let finding = findings.remove(0);
        ensure!(finding.severity == severity, "{finding:?} is not {severity}");
        says(&finding.what, words)?;
        Ok(finding)
    }

    async fn passes(&self) -> Result<()> {
        let said = self.wattle("check", &[]).run(PATIENCE).await?.success()?;
        ensure!(said == "main: nothing is missing, nothing is risky\n", "{said}");
        Ok(())
    }

    /// Runs what `check --sql` prints, exactly as it prints it.
    async fn do_as_check_says(&self) -> Result<()> {
        let printed = self.wattle("check", &["--sql"]).run(PATIENCE).await?;
        psql(&self.scene.source().url(), &printed.stdout).await
    }
}

/// Runs a script with PostgreSQL's own client, which stops at the first error.
async fn psql(url: &str, script: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("script.sql");
    std::fs::write(&file, script)?;
    let file = file.to_string_lossy().into_owned();
    let args = [url, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file", &file];
    let ended = Wattle::at("psql").args(args).run(PATIENCE).await?;
    ended.success().map(drop).with_context(|| format!("running:\n{script}"))
}

/// The program in a folder of its own, with no settings at all.
fn bare(folder: &Path, args: &[&str]) -> Launch {
    Wattle::at(env!("CARGO_BIN_EXE_wattle")).args(args).cwd(folder)
}
