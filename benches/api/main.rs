//! `cargo bench -p wattle --bench api`: what each endpoint costs, first in a small copy, then beside 99 other tenants,
//! then in a copy as large as a large retailer's.
//!
//! The large copy is the small one many times over, under other keys: real bodies, in the tables that sync fills.
//! `WATTLE_BENCH_ACCOUNTS` sets how many accounts it has (100,000), each with 24 invoices and 100 transactions on average.

#[path = "../sync/http.rs"]
#[expect(dead_code, reason = "the bench of sync has a load, too")]
mod http;
#[path = "../sync/report.rs"]
#[expect(dead_code, reason = "the bench of sync measures rounds and memory, too")]
mod report;
#[path = "../../tests/scene/mod.rs"]
mod scene;

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use http::Client;
use report::Report;
use scene::{PATIENCE, Place, Scene};
use wattle_api::endpoints::{Endpoint, served};
use wattle_testbed::Postgres;

const TENANT: &str = "large";
/// Customers of the small copy.
const CUSTOMERS: u32 = 60;
/// Tenants beside the first.
const OTHERS: usize = 99;
/// Sessions that are asked in turn.
const SESSIONS: usize = 50;
/// Requests of each endpoint.
const REQUESTS: usize = 500;
/// How often PostgreSQL plans a prepared statement for the values that it is given.
const PLANNED: usize = 5;
/// Every tenant that is asked holds a connection.
const SETTINGS: &str = "[target]\nmax_connections = 200\n";
/// Rows of an account.
const PER_ACCOUNT: [(&str, u64); 2] = [("invoice", 24), ("billing_transaction", 100)];

/// What is copied, and the columns that hold keys of the copy's own.
const TABLES: [(&str, &[&str]); 8] = [
    ("customer", &["source_id"]),
    ("account", &["source_id"]),
    ("holding", &["source_id", "customer_id", "account_id"]),
    ("balance", &["source_id", "account_id"]),
    ("payment_schedule", &["source_id", "account_id"]),
    ("concession", &["source_id", "account_id"]),
    ("invoice", &["source_id", "account_id"]),
    ("billing_transaction", &["source_id", "account_id"]),
];

#[actix_web::main]
async fn main() -> Result<()> {
    let accounts: u64 = match std::env::var("WATTLE_BENCH_ACCOUNTS") {
        Ok(text) => text.parse().context("WATTLE_BENCH_ACCOUNTS is a number")?,
        Err(_) => 100_000,
    };
    let source = Postgres::start().await?;
    let target = Postgres::builder()
        .setting("fsync", "on")
        .setting("shared_buffers", "2GB")
        .setting("max_wal_size", "8GB")
        .setting("max_connections", "400")
        .start()
        .await?;
    let scene = Scene::create(Place::On(&source), Place::On(&target), CUSTOMERS, 1).await?;
    scene.onboard(TENANT, &scene.retailer).await?;
    scene.run(&["hydrate", TENANT]).await?;
    let mut others = Vec::new();
    for n in 1..=OTHERS {
        let tenant = format!("other{n:02}");
        scene.run(&["tenant", "add", &tenant]).await?;
        let plans = [("plan", &[][..])];
        for (table, _) in plans.iter().chain(&TABLES) {
            copy(&scene, table, &tenant, &[], 1).await?;
        }
        others.push(tenant);
    }
    scene.target().psql("vacuum analyze").await?;
    scene.settings(SETTINGS)?;
    let serve = scene.wattle(&["serve"]).start()?;
    let line = serve.line("serving the CDR API on http://", PATIENCE).await?;
    let address: SocketAddr = line.rsplit("http://").next().context("an address")?.trim().parse()?;

    let mut report = Report::new(CUSTOMERS);
    let own = sessions(&scene, TENANT, address, SESSIONS).await?;
    each_endpoint(&own, "small", &mut report).await?;
    mixed(&own, "one tenant", &mut report).await?;
    let mut theirs = sessions(&scene, TENANT, address, 1).await?;
    for tenant in &others {
        theirs.extend(sessions(&scene, tenant, address, 1).await?);
    }
    mixed(&theirs, "100 tenants", &mut report).await?;
    drop((own, theirs));

    multiply(&scene, accounts).await?;
    let own = sessions(&scene, TENANT, address, SESSIONS).await?;
    each_endpoint(&own, "large", &mut report).await?;
    report.finish("api")
}

/// A table's columns but for the tenant's.
async fn columns(scene: &Scene, table: &str) -> Result<String> {
    let columns = format!(
        "select string_agg(column_name, ',' order by ordinal_position) from information_schema.columns
         where table_schema = 't_{TENANT}' and table_name = '{table}' and column_name <> 'tenant_id'"
    );
    scene.target().value(&columns).await?.context("the table has columns")
}

/// Copies the first tenant's rows of a table: to another tenant, or to itself under `copies` other keys.
async fn copy(scene: &Scene, table: &str, tenant: &str, keys: &[&str], copies: u64) -> Result<()> {
    let columns = columns(scene, table).await?;
    let values: Vec<String> = columns
        .split(',')
        .map(|name| if keys.contains(&name) { format!("{name} || '-' || n") } else { name.to_owned() })
        .collect();
    let sql = format!(
        "insert into t_{tenant}.{table} (tenant_id, {columns})
         select '{tenant}', {} from t_{TENANT}.{table} cross join generate_series(1, {copies}) n",
        values.join(", ")
    );
    scene.target().psql(&sql).await?;
    Ok(())
}

/// Gives the accounts that there are as many rows more of a table.
async fn again(scene: &Scene, table: &str, count: u64) -> Result<()> {
    let columns = columns(scene, table).await?;
    let values = columns.replace("source_id", "source_id || '+' || n");
    let sql = format!(
        "insert into t_{TENANT}.{table} (tenant_id, {columns})
         select '{TENANT}', {values} from generate_series(1, 100) n cross join t_{TENANT}.{table} limit {count}"
    );
    scene.target().psql(&sql).await?;
    Ok(())
}

async fn multiply(scene: &Scene, accounts: u64) -> Result<()> {
    let count = async |table: &str| -> Result<u64> {
        let counted = scene.target().value(&format!("select count(*)::text from t_{TENANT}.{table}")).await?;
        Ok(counted.context("a count")?.parse()?)
    };
    let copies = accounts / count("account").await?;
    ensure!(copies > 0, "WATTLE_BENCH_ACCOUNTS is fewer than the small copy has");
    for (table, keys) in TABLES {
        let began = Instant::now();
        copy(scene, table, TENANT, keys, copies).await?;
        if let Some((_, per_account)) = PER_ACCOUNT.iter().find(|(name, _)| *name == table) {
            let wanted = per_account * accounts;
            let more = wanted.saturating_sub(count(table).await?);
            again(scene, table, more).await?;
        }
        println!("{table}: {} rows after {:.0} s", count(table).await?, began.elapsed().as_secs_f64());
    }
    scene.target().psql("vacuum analyze").await?;
    Ok(())
}

/// Sessions of customers from all over the copy, each with one account.
async fn sessions(scene: &Scene, tenant: &str, address: SocketAddr, count: usize) -> Result<Vec<Client>> {
    let sql = format!(
        "select h.customer_id, min(h.account_id) from t_{tenant}.holding h where h.shareable
         group by 1 order by md5(h.customer_id) limit {count}"
    );
    let mut sessions = Vec::new();
    for row in scene.target().psql(&sql).await? {
        let [Some(customer), Some(account)] = row.as_slice() else { continue };
        let args =
            ["token", tenant, "--customer", customer, "--account", account, "--ttl-secs", "7200", "--json"];
        let made: serde_json::Value = serde_json::from_str(&scene.run(&args).await?)?;
        let token = made["access_token"].as_str().context("a token")?;
        sessions.push(Client::open(address, tenant, token, account).await?);
    }
    ensure!(!sessions.is_empty(), "tenant {tenant} has nobody to ask about");
    Ok(sessions)
}

async fn ask(session: &Client, endpoint: &Endpoint) -> Result<()> {
    let path = endpoint.path.replace("{accountId}", &session.account_id);
    let body = match endpoint.method.as_str() {
        "POST" => format!(r#"{{"data":{{"accountIds":["{}"]}}}}"#, session.account_id),
        _ => String::new(),
    };
    let version = *endpoint.versions.last().context("a version")?;
    session.ask(endpoint.method.as_str(), &path, version, &body).await.map(drop)
}

async fn each_endpoint(sessions: &[Client], size: &str, report: &mut Report) -> Result<()> {
    for endpoint in served() {
        let mut samples_ms = Vec::new();
        for session in sessions.iter().cycle().take(REQUESTS) {
            let began = Instant::now();
            ask(session, endpoint).await?;
            samples_ms.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
        report.add_percentiles(&format!("{}, {size}", endpoint.operation_id), samples_ms, None);
    }
    Ok(())
}

/// All endpoints in turn, each by another session than the one before. Each has asked each endpoint before, as often as
/// PostgreSQL plans a statement of a connection anew.
async fn mixed(sessions: &[Client], who: &str, report: &mut Report) -> Result<()> {
    let endpoints: Vec<_> = served().collect();
    for session in sessions.iter().cycle().take(sessions.len() * PLANNED) {
        for endpoint in &endpoints {
            ask(session, endpoint).await?;
        }
    }
    let mut samples_ms = Vec::new();
    for (turn, session) in sessions.iter().cycle().take(REQUESTS * 4).enumerate() {
        let began = Instant::now();
        ask(session, endpoints[turn % endpoints.len()]).await?;
        samples_ms.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    report.add_percentiles(&format!("all endpoints in turn, {who}"), samples_ms, None);
    Ok(())
}
