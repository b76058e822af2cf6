//! Settings: where the target is, and the master secret.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tempfile::TempDir;
use wattle_testbed::{Launch, Postgres};

use crate::scene::{Place, Scene};
use crate::{CUSTOMERS, bare, refuses};

const SECRET: &str = "32 bytes that nobody would ever guess";

/// Nobody listens on the lowest port there is.
const NOWHERE: &str = "postgres://postgres:secret@127.0.0.1:1/wattle";

/// Every verb that needs the target.
const VERBS: [&[&str]; 9] = [
    &["tenant", "list"],
    &["tenant", "show", "correa"],
    &["check", "correa"],
    &["graph", "correa"],
    &["hydrate", "correa"],
    &["sync"],
    &["replay", "correa", "--from", "2026-01-01", "--to", "2026-01-02"],
    &["serve", "--listen", "127.0.0.1:0"],
    &["status"],
];

fn folder() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("master.secret"), SECRET)?;
    Ok(folder)
}

fn with_target(folder: &Path, url: &str) -> Launch {
    bare(folder, &["migrate"]).env("WATTLE_TARGET_URL", url).env("WATTLE_MASTER_SECRET", "file:master.secret")
}

#[tokio::test]
async fn no_settings() -> Result<()> {
    let folder = folder()?;
    for verb in VERBS {
        refuses(
            bare(folder.path(), verb),
            &["no target database is set", "url = \"postgres://", "wattle.toml", "WATTLE_TARGET_URL"],
        )
        .await?;
    }
    let launch = bare(folder.path(), &["migrate"]).env("WATTLE_TARGET_URL", NOWHERE);
    refuses(launch, &["no master secret is set", "openssl rand -hex 32", "wattle.toml", "file:PATH"]).await?;
    Ok(())
}

#[tokio::test]
async fn a_settings_file_with_mistakes() -> Result<()> {
    let whole = |rest: &str| {
        format!(
            "master_secret = \"file:master.secret\"\n[target]\nurl = \"postgres://a:b@127.0.0.1:1/d\"\n{rest}"
        )
    };
    let cases: [(String, &[&str]); 10] = [
        ("colour = 1".into(), &["wattle.toml", "line 1", "unknown field `colour`", "`master_secret`"]),
        ("[target]\nurl = 5".into(), &["wattle.toml", "line 2", "expected a string"]),
        ("[target]\nmax_connections = 9".into(), &["no target database is set", "wattle.toml"]),
        ("[target".into(), &["wattle.toml", "line 1", "expected `]`"]),
        (whole("port = 1"), &["line 4", "unknown field `port`", "`max_connections`"]),
        (whole("max_connections = 0"), &["max_connections of [target] is 0", "at least"]),
        (whole("acquire_secs = 0"), &["acquire_secs of [target] is 0", "at least"]),
        (
            whole("[archive]\nplace = \"here\""),
            &["line 5", "unknown field `place`", "`url`", "`interval_secs`"],
        ),
        (whole("[archive]\ninterval_secs = 0"), &["interval_secs of [archive] is 0", "at least"]),
        (
            whole("[serve]\nlisten = \"everywhere\""),
            &["`everywhere` is not an address to listen on", "127.0.0.1:8080"],
        ),
    ];
    let folder = folder()?;
    for (text, words) in cases {
        std::fs::write(folder.path().join("wattle.toml"), text)?;
        refuses(bare(folder.path(), &["tenant", "list"]), words).await?;
    }
    let elsewhere = bare(folder.path(), &["--config", "elsewhere.toml", "tenant", "list"]);
    let words = ["elsewhere.toml cannot be read", "No such file"];
    refuses(elsewhere.env("WATTLE_TARGET_URL", NOWHERE), &words).await?;
    let log = bare(folder.path(), &["--log", "=,=", "tenant", "list"]);
    refuses(log, &["`=,=` is not a log filter", "`info`"]).await?;
    Ok(())
}

#[tokio::test]
async fn a_target_that_cannot_be_opened() -> Result<()> {
    let server = Postgres::shared().await?;
    let database = server.database("correa").await?;
    let stranger = server.unique_name("stranger");
    database.psql(&format!("create role {stranger} login password 'strange'")).await?;
    let folder = folder()?;
    refuses(with_target(folder.path(), ""), &["no target database is set"]).await?;
    for url in ["localhost:5432/wattle", "mysql://a@127.0.0.1/wattle", "postgres://h:port/wattle", "wattle"] {
        refuses(with_target(folder.path(), url), &["target's address cannot be read", "postgres://owner:"])
            .await?;
    }
    let wrong = |url: &str| with_target(folder.path(), url);
    let address = server.address().to_string();
    let began = Instant::now();
    refuses(
        wrong(NOWHERE),
        &["127.0.0.1:1/wattle cannot be opened", "Connection refused", "start it, or set"],
    )
    .await?;
    ensure!(began.elapsed() < Duration::from_secs(20), "it took {:?}", began.elapsed());
    refuses(
        wrong(&server.url("nowhere")),
        &[&format!("{address}/nowhere"), "database \"nowhere\" does not exist", "set the target's address"],
    )
    .await?;
    refuses(
        wrong(&database.url_as("postgres", "wrong")),
        &["password authentication failed for user \"postgres\"", "login right"],
    )
    .await?;
    refuses(
        wrong(&database.url_as(&stranger, "strange")),
        &["permission denied for database", "owns the database and may create roles"],
    )
    .await?;
    // No role and no schema came of any of it.
    let left = "select count(*) from pg_namespace where nspname = 'wattle'";
    ensure!(database.value(left).await?.as_deref() == Some("0"));
    Ok(())
}

#[tokio::test]
async fn a_master_secret_that_is_none() -> Result<()> {
    let folder = folder()?;
    std::fs::write(folder.path().join("short.secret"), "short")?;
    let cases: [(&str, &[&str]); 5] = [
        ("file:short.secret", &["has 5 bytes, and needs 32", "openssl rand -hex 32"]),
        ("file:lost.secret", &["lost.secret cannot be read", "No such file", "this user may read"]),
        ("env:WATTLE_LOST", &["variable WATTLE_LOST is not set", "set WATTLE_LOST"]),
        ("correct horse battery staple, and more", &["is written out", "env:NAME or file:PATH"]),
        ("", &["is written out", "env:NAME or file:PATH"]),
    ];
    for (reference, words) in cases {
        let launch = with_target(folder.path(), NOWHERE).env("WATTLE_MASTER_SECRET", reference);
        let said = refuses(launch, &[&["master_secret"], words].concat()).await?;
        ensure!(!said.contains("horse"), "it tells the secret:\n{said}");
    }
    Ok(())
}

#[tokio::test]
async fn another_master_secret_than_before() -> Result<()> {
    let server = Postgres::shared().await?;
    let scene = Scene::create(Place::On(server), Place::On(server), CUSTOMERS, 1).await?;
    scene.run(&["tenant", "add", "correa"]).await?;
    let folder = folder()?;
    let other = |args: &[&str]| {
        bare(folder.path(), args)
            .env("WATTLE_TARGET_URL", scene.target().url())
            .env("WATTLE_MASTER_SECRET", "file:master.secret")
    };
    for verb in VERBS {
        refuses(
            other(verb),
            &[
                "another master secret",
                "password authentication failed",
                "the master secret that it was run with",
            ],
        )
        .await?;
    }
    // Those that could make the roles anew do not: resource ids that were given out would mean nothing.
    for verb in [&["migrate"][..], &["tenant", "add", "correa"], &["tenant", "add", "banksia"]] {
        refuses(
            other(verb),
            &[
                "the master secret is another one than before",
                "when tenant correa was onboarded",
                "name the master secret",
            ],
        )
        .await?;
    }
    let listed = scene.run(&["tenant", "list"]).await?;
    ensure!(listed.contains("correa") && !listed.contains("banksia"), "{listed}");
    scene.run(&["status", "correa"]).await?;
    scene.run(&["migrate"]).await?;
    Ok(())
}

#[tokio::test]
async fn verbs_before_migrate() -> Result<()> {
    let target = Postgres::shared().await?.database("wattle").await?;
    let folder = folder()?;
    let early = |args: &[&str]| {
        bare(folder.path(), args)
            .env("WATTLE_TARGET_URL", target.url())
            .env("WATTLE_MASTER_SECRET", "file:master.secret")
    };
    for verb in VERBS {
        refuses(early(verb), &["has no Wattle registry", "run `wattle migrate`"]).await?;
    }
    refuses(early(&["token", "correa", "--customer", "1"]), &["run `wattle migrate`"]).await?;
    refuses(early(&["tenant", "add", "correa"]), &["schema is not up to date", "run `wattle migrate`"])
        .await?;
    let made = "select count(*) from pg_class where relnamespace::regnamespace::text in ('wattle', 'public')";
    ensure!(target.value(made).await?.as_deref() == Some("0"));
    Ok(())
}

/// `wattle … | head` ends when `head` has seen enough.
#[test]
fn a_reader_that_goes_is_no_reason_for_a_backtrace() -> Result<()> {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_wattle"))
        .arg("openapi")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let ended = child.wait_with_output()?;
    ensure!(ended.status.code() == Some(1) && ended.stderr.is_empty(), "{ended:?}");
    Ok(())
}
