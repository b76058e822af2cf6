//! The demo, as a newcomer sees it: what it prints is run as it stands.

use std::path::Path;
use std::time::Duration;

use actix_web::http::Method;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;
use wattle_api::endpoints::{BASE_PATH, Resolved, resolve, served};
use wattle_testbed::{Launch, Wattle};

/// Long enough for a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn demo(folder: &Path, args: &[&str]) -> Launch {
    Wattle::at(env!("CARGO_BIN_EXE_wattle")).args(["demo"].iter().chain(args)).cwd(folder)
}

/// Starts it, waits until it serves, and answers the commands that it printed.
async fn started(folder: &Path) -> Result<(Wattle, Vec<String>)> {
    let running = demo(folder, &["--port", "0"]).start()?;
    running.line("starts anew", PATIENCE).await?;
    let lines = running.lines();
    let commands = lines.iter().filter_map(|line| line.strip_prefix("  ").map(str::to_owned)).collect();
    Ok((running, commands))
}

async fn stopped(running: Wattle) -> Result<()> {
    running.interrupt()?;
    running.line("goes on where it was", PATIENCE).await?;
    ensure!(running.exit(PATIENCE).await?.success(), "it did not end well");
    Ok(())
}

/// Runs commands in a shell of their own, and answers what they wrote.
async fn shell(folder: &Path, commands: &[String]) -> Result<String> {
    let script = commands.join("\n");
    let output = Command::new("bash").args(["-e", "-c", &script]).current_dir(folder).output().await?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(
        output.status.success(),
        "the commands failed:\n{script}\n{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(text)
}

#[tokio::test]
async fn every_printed_command_does_what_it_says_and_a_second_run_goes_on() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let (running, commands) = started(folder).await?;
    ensure!(commands.len() == 24, "{commands:#?}");
    let written = shell(folder, &commands).await?;
    let answers: Vec<Value> = written.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let [accounts, before, further @ .., after] = answers.as_slice() else { anyhow::bail!("{written}") };
    touches_every_endpoint(further)?;
    ensure!(accounts["data"]["accounts"].as_array().is_some_and(|list| list.len() == 1), "{accounts}");
    let cents = |answer: &Value| -> Result<i64> {
        let amount = answer["data"]["invoices"][0]["invoiceAmount"].as_str().context("an amount")?;
        Ok(amount.replace('.', "").parse()?)
    };
    ensure!(cents(after)? == cents(before)? + 1_000, "{before}\n{after}");
    ensure!(written.contains("1 row changed"), "{written}");
    ensure!(written.contains("roots invoice"), "no graph: {written}");
    ensure!(written.contains("dianella/main: running; live 0 changes behind"), "no status: {written}");
    ensure!(written.contains("quarantine 0"), "{written}");

    let second = demo(folder, &["--port", "0"]).run(PATIENCE).await?;
    ensure!(second.stderr.contains("another demo is running"), "{}", second.stderr);
    stopped(running).await?;

    let (running, commands) = started(folder).await?;
    let lines = running.lines().join("\n");
    ensure!(!lines.contains("has 1000 customers") && !lines.contains("hydrated"), "{lines}");
    // The invoice as it was left.
    let written = shell(folder, &commands[..4]).await?;
    let again: Value = serde_json::from_str(written.lines().last().context("an answer")?)?;
    ensure!(cents(&again)? == cents(after)?, "{again}");
    stopped(running).await
}

/// The list of accounts and an account's invoices aside, which come first.
fn touches_every_endpoint(answers: &[Value]) -> Result<()> {
    let mut missing: Vec<_> = served().skip(1).map(|endpoint| endpoint.operation_id).collect();
    missing.retain(|id| *id != "getEnergyAccountInvoices");
    for answer in answers {
        let address = answer["links"]["self"].as_str().with_context(|| format!("an error: {answer}"))?;
        let path = address.split(BASE_PATH).nth(1).context("a path")?.split('?').next().unwrap_or_default();
        // A list is asked for as a whole first, and then by a body.
        let found = [Method::GET, Method::POST].iter().find_map(|method| match resolve(method, path) {
            Resolved::Served(endpoint, ..) => missing.iter().position(|id| *id == endpoint.operation_id),
            _ => None,
        });
        missing.swap_remove(found.with_context(|| format!("{path} is asked once too often"))?);
    }
    ensure!(missing.is_empty(), "the tour leaves out {missing:?}");
    Ok(())
}

#[tokio::test]
async fn what_stands_in_its_way_is_said_with_what_to_do() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let refused = demo(folder, &["--port", &port]).run(PATIENCE).await?;
    ensure!(!refused.status.success(), "the port is taken");
    for word in ["--port or PORT", "another program listens there", &port] {
        ensure!(refused.stderr.contains(word), "`{word}` is not in: {}", refused.stderr);
    }
    let nothing = demo(folder, &["sql", "select 1", "--data-dir", "nowhere"]).run(PATIENCE).await?;
    ensure!(nothing.stderr.contains("there is no demo in nowhere"), "{}", nothing.stderr);

    // What was made so far is no retailer: a damaged folder is named, and made anew when asked to.
    let data = folder.join(".wattle/demo");
    for file in ["dianella.db", "target/dianella.db"] {
        let path = data.join(file);
        std::fs::create_dir_all(path.parent().context("it has one")?)?;
        std::fs::write(&path, "this is no database, whatever its name says".repeat(100))?;
        let damaged = demo(folder, &["--port", "0"]).run(PATIENCE).await?;
        ensure!(!damaged.status.success(), "{file} is damaged");
        for word in [file, "--reset` starts anew"] {
            ensure!(damaged.stderr.contains(word), "{file}: `{word}` is not in: {}", damaged.stderr);
        }
    }
    let running = demo(folder, &["--port", "0", "--reset"]).start()?;
    running.line("starts anew", PATIENCE).await?;
    let wrong = demo(folder, &["sql", "select * from missing_table"]).run(PATIENCE).await?;
    ensure!(wrong.stderr.contains("no such table: missing_table"), "{}", wrong.stderr);
    let read = demo(folder, &["sql", "select 1 as one, null as none, 0.5 as half"])
        .run(PATIENCE)
        .await?
        .success()?;
    ensure!(read == "one\tnone\thalf\n1\t\t0.5\n", "{read:?}");
    stopped(running).await
}
