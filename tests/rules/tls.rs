//! TLS to a source: what is heard and read comes from the server that the authority of the settings vouches for, or not at
//! all.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use wattle_core::{Entity, ErrorClass, SourceAdapter};
use wattle_mysql::MySqlAdapter;
use wattle_postgres::{Options, PostgresAdapter};
use wattle_sql::TlsMode;
use wattle_testbed::{Certificates, Database, Engine, MariaDb, Postgres};

use crate::mini::recorder::Recorder;
use crate::mini::{Mini, READER_PASSWORD, Setup, pack_with};

/// Where the servers of the tests are.
const HERE: &str = "127.0.0.1";
const NAME: &str = "localhost";
const ELSEWHERE: &str = "db.retailer.example";

/// The adapter does not even log in.
async fn is_refused(adapter: &dyn SourceAdapter) -> Result<()> {
    let error = adapter.now().await.err().context("it went on")?;
    let said = wattle_core::explain(&error).to_lowercase();
    ensure!(said.contains("certificate"), "{said}");
    ensure!(error.class() == ErrorClass::Config, "{said}");
    Ok(())
}

async fn postgres_with(certificates: &Certificates) -> Result<Postgres> {
    let file = |path: PathBuf| path.display().to_string();
    Postgres::builder()
        .setting("ssl", "on")
        .setting("ssl_cert_file", &file(certificates.certificate()))
        .setting("ssl_key_file", &file(certificates.key()))
        .start()
        .await
}

fn verified_by(certificates: &Certificates) -> Options {
    Options { tls: Some(TlsMode::VerifyFull), tls_ca: Some(certificates.authority()), ..Options::default() }
}

fn postgres_adapter(mini: &Mini, host: &str, options: Options) -> Result<Arc<dyn SourceAdapter>> {
    let url = mini.reader_url().replace(HERE, host);
    Ok(Arc::new(PostgresAdapter::new(pack_with(Engine::Postgres, &[])?, &url, mini.slot(), options)?))
}

/// Are there sessions of this login, and every one encrypted?
async fn is_encrypted(database: &Database, login: &str) -> Result<bool> {
    let sql = format!(
        "select bool_and(s.ssl) from pg_stat_ssl s join pg_stat_activity a using (pid) where a.usename = '{login}'"
    );
    Ok(database.value(&sql).await?.as_deref() == Some("t"))
}

#[tokio::test]
async fn postgresql_is_heard_and_read_when_the_authority_vouches_for_it() -> Result<()> {
    let (ours, other) = (Certificates::of(NAME)?, Certificates::of(NAME)?);
    let server = Some(postgres_with(&ours).await?);
    let mini = Mini::of(Setup { server, ..Setup::default() }).await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    let _running = mini.run_on(Arc::new(Recorder::new(postgres_adapter(&mini, NAME, verified_by(&ours))?)));
    mini.hydrate(&[]).await?;
    mini.settled().await?;
    mini.sql("insert into crm.account (account_no) values ('B')").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A", "B"]).await?;
    ensure!(is_encrypted(mini.source(), mini.reader()).await?, "a session is not encrypted");
    is_refused(&*postgres_adapter(&mini, NAME, verified_by(&other))?).await?;
    // The public authorities do not know it.
    let public = Options { tls_ca: None, ..verified_by(&ours) };
    is_refused(&*postgres_adapter(&mini, NAME, public)?).await?;
    // The replication client verifies names alone.
    ensure!(postgres_adapter(&mini, HERE, verified_by(&ours)).is_err(), "an address would never be heard");
    Ok(())
}

#[tokio::test]
async fn postgresql_of_another_name_is_refused() -> Result<()> {
    let certificates = Certificates::of(ELSEWHERE)?;
    let server = Some(postgres_with(&certificates).await?);
    let mini = Mini::of(Setup { server, ..Setup::default() }).await?;
    is_refused(&*postgres_adapter(&mini, NAME, verified_by(&certificates))?).await
}

async fn mariadb_with(certificates: &Certificates) -> Result<Mini> {
    let file = |option: &str, path: PathBuf| format!("--{option}={}", path.display());
    let settings = [file("ssl-cert", certificates.certificate()), file("ssl-key", certificates.key())];
    let mariadb = Some(MariaDb::start_with(&[&settings[0], &settings[1]]).await?);
    Mini::of(Setup { source: Engine::MariaDb, mariadb, ..Setup::default() }).await
}

fn mariadb_adapter(mini: &Mini, tls_ca: Option<PathBuf>) -> Result<Arc<dyn SourceAdapter>> {
    let options =
        wattle_mysql::Options { tls: Some(TlsMode::VerifyFull), tls_ca, ..wattle_mysql::Options::default() };
    let url = mini.retailer().mariadb().url_as(mini.reader(), READER_PASSWORD);
    Ok(Arc::new(MySqlAdapter::new(pack_with(Engine::MariaDb, &[])?, &url, options)?))
}

#[tokio::test]
async fn mariadb_is_heard_and_read_when_the_authority_vouches_for_it() -> Result<()> {
    let (ours, other) = (Certificates::of(HERE)?, Certificates::of(HERE)?);
    let mini = mariadb_with(&ours).await?;
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    // From here on the login may not come in without TLS, neither to read nor to listen.
    let reader = mini.reader();
    mini.retailer().mariadb().sql(&format!("alter user {reader}@'%' require ssl")).await?;
    let adapter = Arc::new(Recorder::new(mariadb_adapter(&mini, Some(ours.authority()))?));
    let _running = mini.run_on(adapter);
    mini.hydrate(&[]).await?;
    mini.settled().await?;
    mini.sql("insert into crm.account (account_no) values ('B')").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A", "B"]).await?;
    ensure!(mini.another_adapter()?.now().await.is_err(), "the login came in without TLS");
    is_refused(&*mariadb_adapter(&mini, Some(other.authority()))?).await?;
    is_refused(&*mariadb_adapter(&mini, None)?).await
}

#[tokio::test]
async fn mariadb_of_another_name_is_refused() -> Result<()> {
    let certificates = Certificates::of(ELSEWHERE)?;
    let mini = mariadb_with(&certificates).await?;
    is_refused(&*mariadb_adapter(&mini, Some(certificates.authority()))?).await
}
