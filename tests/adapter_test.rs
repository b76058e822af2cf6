//! `wattle adapter test` on the sample retailers of PostgreSQL, MariaDB, SQLite and SQL Server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use wattle_core::{Severity, SourceAdapter};
use wattle_postgres::PostgresAdapter;
use wattle_sample::WorldConfig;
use wattle_sql::Pack;
use wattle_tds_simulator::SqlServer;
use wattle_testbed::{Certificates, Finished, MariaDb, Postgres, Wattle};

/// Long enough for a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

fn config() -> WorldConfig {
    WorldConfig { seed: 7, customers: 40, today: chrono::Utc::now().date_naive(), months: 24 }
}

async fn test(pack: &str, url: &str, more: &[&str]) -> Result<Finished> {
    let args = ["adapter", "test", pack, "--source", url].into_iter().chain(more.iter().copied());
    Wattle::at(env!("CARGO_BIN_EXE_wattle")).args(args).run(PATIENCE).await
}

/// Runs the kit with writing, and asks that nothing fails and that these checks prove something.
async fn passes(pack: &str, url: &str, proved: &[&str]) -> Result<Value> {
    let ended = test(pack, url, &["--write", "--alter", "--json"]).await?;
    let report: Value = serde_json::from_str(&ended.stdout).context(ended.stderr.clone())?;
    let entries = report["entries"].as_array().context("a report has entries")?;
    let failed: Vec<&Value> = entries.iter().filter(|entry| entry["outcome"] == "failed").collect();
    ensure!(failed.is_empty(), "{failed:#?}");
    ended.success()?;
    for check in proved {
        let passed = entries.iter().any(|entry| entry["check"] == *check && entry["outcome"] == "passed");
        ensure!(passed, "{check} proved nothing: {report:#}");
    }
    Ok(report)
}

/// What every engine proves.
const READING: [&str; 10] =
    ["ready", "graph", "paging", "fetch", "index", "miss", "bad_key", "values", "paths", "equality"];
/// What every engine proves by writing.
const WRITING: [&str; 12] = [
    "insert",
    "update",
    "key_change",
    "delete",
    "rollback",
    "large_transaction",
    "fence",
    "numbers",
    "texts",
    "times",
    "nulls",
    "schema_drift",
];
/// What is proved where there is a server.
const SERVED: [&str; 2] = ["batch", "reconnect"];

/// Proposes a pack from the catalogue and asks that it has every node of the one that we ship, with the same key.
async fn is_proposed(url: &str, files: &[(&str, &str)]) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let pack = folder.path().join("pack");
    let args = ["adapter", "new", &pack.display().to_string(), "--source", url];
    let said = Wattle::at(env!("CARGO_BIN_EXE_wattle")).args(args).run(PATIENCE).await?.success()?;
    let proposed = std::fs::read_to_string(pack.join("graph.toml"))?;
    // A node that no entity reads is a comment.
    let plain = proposed.replace("# ", "").replace(['"', '\'', '`', '[', ']'], "");
    let shipped = Pack::from_files(files).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    for node in shipped.graph().node_ids().map(|id| shipped.graph().node(id)) {
        let relation = node.relation.replace(['[', ']'], "");
        let key: Vec<String> =
            node.key.iter().map(|column| format!("{} {}", column.name, column.key_type.name())).collect();
        let lines = format!("relation = {relation}\nkey = {}\n", key.join(", "));
        // The names of SQL Server mind no case.
        let found = plain.to_lowercase().contains(&lines.to_lowercase());
        ensure!(found, "{lines} is not in {proposed}{said}");
    }
    Ok(proposed)
}

fn in_a_file() -> Vec<&'static str> {
    READING.into_iter().chain(WRITING).collect()
}

fn all() -> Vec<&'static str> {
    in_a_file().into_iter().chain(SERVED).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dianella_passes_and_nothing_is_written_unasked() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("dianella.db");
    let url = format!("sqlite:{}", file.display());
    wattle_dianella::create(&url, config(), |_| {}).await?;
    let bytes = contents(&file)?;
    let read = test("dianella", &url, &[]).await?;
    ensure!(read.stdout.contains("not run: it writes to the database"), "{}", read.stdout);
    ensure!(read.stdout.contains("Nothing is written to the database"), "{}", read.stdout);
    read.success()?;
    ensure!(contents(&file)? == bytes, "the file was written to");
    passes("dianella", &url, &in_a_file()).await?;
    is_proposed(&url, wattle_dianella::PACK).await?;
    Ok(())
}

/// By another column an edge leads elsewhere, and nothing else in a pack is wrong: what changes would not be followed.
#[tokio::test(flavor = "multi_thread")]
async fn an_edge_by_the_wrong_column_is_seen() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite:{}", folder.path().join("dianella.db").display());
    wattle_dianella::create(&url, config(), |_| {}).await?;
    for (relation, column, seen) in
        [("delegates", "family_name", "names delegate"), ("rebates", "title", "names account")]
    {
        let pack = folder.path().join(relation);
        for (name, text) in wattle_dianella::PACK {
            let file = pack.join(name);
            std::fs::create_dir_all(file.parent().context("it is in the pack")?)?;
            let mut text = (*text).to_owned();
            if *name == "graph.toml" {
                let (before, after) =
                    text.split_once(&format!("relation = \"{relation}\"")).context(relation)?;
                let (begin, rest) = after.split_once("by = [\"").context("it has an owner")?;
                let (_, rest) = rest.split_once('"').context("it has a column")?;
                text = format!("{before}relation = \"{relation}\"{begin}by = [\"{column}\"{rest}");
            }
            std::fs::write(file, text)?;
        }
        let report = test(&pack.display().to_string(), &url, &[]).await?;
        let failed = report.stdout.lines().any(|line| line.contains(seen));
        ensure!(failed && !report.status.success(), "{relation}: {}{}", report.stdout, report.stderr);
    }
    Ok(())
}

fn contents(file: &Path) -> Result<Vec<u8>> {
    Ok(std::fs::read(file)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn correa_passes_and_leaves_no_slot() -> Result<()> {
    let database = Postgres::shared().await?.database("kit_correa").await?;
    wattle_correa::create(&database.url(), config(), |_| {}).await?;
    // By which the kit counts statements.
    database.psql("create extension pg_stat_statements").await?;
    // Before the publication is there the report says what to do.
    let unready = test("correa", &database.url(), &[]).await?;
    ensure!(!unready.status.success() && unready.stdout.contains("create publication"), "{}", unready.stdout);
    let pack = Pack::from_files(wattle_correa::PACK).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    let adapter = PostgresAdapter::new(pack, &database.url(), "kit_unused".to_owned(), Default::default())?;
    let mut rounds = 0;
    loop {
        let mut findings = adapter.check().await?;
        findings.retain(|finding| finding.severity == Severity::Refused);
        if findings.is_empty() {
            break;
        }
        rounds += 1;
        if rounds > 5 {
            bail!("it still asks: {findings:?}");
        }
        for finding in findings {
            database.psql(&finding.fix).await?;
        }
    }
    passes("correa", &database.url(), &all()).await?;
    is_proposed(&database.url(), wattle_correa::PACK).await?;
    let slots = "select count(*)::text from pg_replication_slots where database = current_database()";
    ensure!(database.value(slots).await?.as_deref() == Some("0"), "a slot is left behind");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn banksia_passes() -> Result<()> {
    let database = MariaDb::shared().await?.database("kit_banksia").await?;
    wattle_banksia::create(&database.url(), config(), |_| {}).await?;
    passes("banksia", &database.url(), &all()).await?;
    // What the documentation asks for: nothing but to read.
    let reader = format!("{}_reader", database.name());
    database.sql(&format!("create user {reader}@'%' identified by 'reads'")).await?;
    database.sql(&format!("grant select on {}.* to {reader}@'%'", database.name())).await?;
    let as_reader = database.url_as(&reader, "reads");
    let unwritten = test("banksia", &database.url(), &["--write", "--bench", &as_reader]).await?;
    let told = unwritten.stdout.contains("this login has not the right");
    ensure!(told && !unwritten.status.success(), "{}", unwritten.stdout);
    let mariadb = as_reader.replace("mysql://", "mariadb://");
    let proposed = is_proposed(&mariadb, wattle_banksia::PACK).await?;
    ensure!(!proposed.contains("by its name"), "the foreign keys were not seen: {proposed}");
    let edge = "{ node = \"cust_account\", by = [\"acct_no\"] }, # owns: its columns are part of the key";
    ensure!(proposed.contains(edge), "{edge} is not in {proposed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn acacia_passes() -> Result<()> {
    let database = SqlServer::shared().await?.database("kit_acacia").await?;
    wattle_acacia::create(&database.url(), config(), |_| {}).await?;
    passes("acacia", &database.url(), &all()).await?;
    let proposed = is_proposed(&database.url(), wattle_acacia::PACK).await?;
    let edge = "{ node = \"account\", by = [\"AccountId\"] }, # owns";
    ensure!(proposed.contains(edge), "{edge} is not in {proposed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_is_read_by_tls_where_the_authority_vouches_for_the_server() -> Result<()> {
    let (ours, other) = (Certificates::of("127.0.0.1")?, Certificates::of("127.0.0.1")?);
    let file = |option: &str, path: PathBuf| format!("--{option}={}", path.display());
    let settings = [file("ssl-cert", ours.certificate()), file("ssl-key", ours.key())];
    let server = MariaDb::start_with(&[&settings[0], &settings[1]]).await?;
    let database = server.database("kit_tls").await?;
    database.sql("create table account (account_no varchar(20) primary key)").await?;
    database.sql("create user secret@'%' identified by 'reads' require ssl").await?;
    database.sql("grant select on account to secret@'%'").await?;
    let folder = tempfile::tempdir()?;
    let url = database.url_as("secret", "reads");
    let propose = async |name: &str, options: String| {
        let pack = folder.path().join(name).display().to_string();
        let args = ["adapter", "new", &pack, "--source", &url, "--options", &options];
        Wattle::at(env!("CARGO_BIN_EXE_wattle")).args(args).run(PATIENCE).await
    };
    let by = |certificates: &Certificates| {
        serde_json::json!({"tls": "verify-full", "tls_ca": certificates.authority()}).to_string()
    };
    ensure!(!propose("plain", "{}".into()).await?.status.success(), "the login came in without TLS");
    let refused = propose("stranger", by(&other)).await?;
    ensure!(refused.stderr.contains("certificate"), "{}", refused.stderr);
    let unread = propose("unread", "{\"tls_cax\": 1}".into()).await?;
    ensure!(unread.stderr.contains("tls_cax"), "{}", unread.stderr);
    propose("ours", by(&ours)).await?.success()?;
    Ok(())
}

#[tokio::test]
async fn what_is_no_pack_is_said_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let refused = test(&folder.path().display().to_string(), "sqlite:none.db", &[]).await?;
    ensure!(!refused.status.success() && refused.stderr.contains("graph.toml"), "{}", refused.stderr);
    Ok(())
}
