//! Connections to the source: read-only, with time-outs, and sure of where they lead.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, NoTls, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;
use wattle_core::{Entity, SourceError};
use wattle_sql::{Mapping, TlsMode, is_local_host};

use crate::error::source_error;
use crate::position::Identity;
use crate::settings::Options;

/// A server that does not answer in this time is treated as down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the text of a value depends on, whatever the login or the database has been given: a key has one text in the
/// log and in rows.
const TEXT_FORMS: &str = "-c timezone=UTC -c datestyle=ISO";

/// How to reach one server.
#[derive(Clone)]
pub(crate) struct Connector {
    config: tokio_postgres::Config,
    tls: Option<MakeRustlsConnect>,
    ca: Option<std::path::PathBuf>,
    /// Where it leads, for people: without login and password.
    place: String,
}

/// A session, its prepared statements, and the server and database it leads to.
pub(crate) struct Session {
    client: Client,
    driver: JoinHandle<()>,
    identity: Identity,
    pub(crate) statements: HashMap<(Entity, usize), (Statement, Arc<Mapping>)>,
    pub(crate) queries: HashMap<String, Statement>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Session {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Prepares a query once a session.
    pub(crate) async fn prepared(&mut self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(known) = self.queries.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.queries.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Connector {
    pub(crate) fn new(url: &str, options: &Options) -> Result<Self, SourceError> {
        let mut config: tokio_postgres::Config = url.parse().map_err(|error| SourceError::Config {
            what: format!("the source's address cannot be read: {error}"),
            fix: "write it as postgres://user:password@host:5432/database".into(),
        })?;
        // With a choice of servers, changes could be heard from one and rows read from another.
        let [host] = config.get_hosts() else {
            let what = match config.get_hosts().len() {
                0 => "the source's address names no host".to_owned(),
                many => format!(
                    "the source's address names {many} hosts, and Wattle would not know which it reads"
                ),
            };
            let fix = "write it as postgres://user:password@host:5432/database, with the one host that is the primary; a replica may be read with read_url".into();
            return Err(SourceError::Config { what, fix });
        };
        if !config.get_hostaddrs().is_empty() {
            return Err(SourceError::Config {
                what: "the source's address gives a hostaddr besides its host".into(),
                fix: "leave hostaddr out, and give the address to connect to as the host".into(),
            });
        }
        let local = match host {
            Host::Tcp(name) => is_local_host(name),
            Host::Unix(_) => true,
        };
        let tls = match TlsMode::or_by_place(options.tls, local) {
            TlsMode::Off => None,
            TlsMode::VerifyFull => Some(MakeRustlsConnect::new(client_config(options)?)),
        };
        if let (Some(_), Host::Tcp(name)) = (&tls, host)
            && name.parse::<std::net::IpAddr>().is_ok()
        {
            return Err(SourceError::Config {
                what: format!("the source's address gives {name}, and its certificate is verified by a name"),
                fix: "give the host by the name that its certificate has".into(),
            });
        }
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        config.connect_timeout(CONNECT_TIMEOUT);
        config.keepalives_idle(Duration::from_secs(30));
        config.options(format!(
            "-c default_transaction_read_only=on -c row_security=off -c statement_timeout={} -c lock_timeout={} \
             -c idle_in_transaction_session_timeout=60000 -c jit=off {TEXT_FORMS}",
            options.statement_timeout_ms, options.lock_timeout_ms
        ));
        let place = place(&config);
        Ok(Self { config, tls, ca: options.tls_ca.clone(), place })
    }

    /// A new session, named in the source's own list of sessions.
    pub(crate) async fn connect(&self, purpose: &str) -> Result<Session, SourceError> {
        let mut config = self.config.clone();
        config.application_name(format!("wattle {purpose}"));
        let (client, driver) = self.open(&config).await?;
        let row = client
            .query_one(
                "select s.system_identifier, d.oid from pg_control_system() s, pg_database d
                 where d.datname = current_database()",
                &[],
            )
            .await
            .map_err(|error| source_error("read the server's identity", error))?;
        let identity = Identity { system: row.get::<_, i64>(0) as u64, database: row.get(1) };
        Ok(Session { client, driver, identity, statements: HashMap::new(), queries: HashMap::new() })
    }

    async fn open(&self, config: &tokio_postgres::Config) -> Result<(Client, JoinHandle<()>), SourceError> {
        let failed = |error| source_error(&format!("connect to {}", self.place), error);
        Ok(match &self.tls {
            None => {
                let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
                (client, spawn(connection))
            }
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await.map_err(failed)?;
                (client, spawn(connection))
            }
        })
    }

    /// A session that may do whatever its login may.
    pub(crate) async fn plain(&self) -> Result<Client, SourceError> {
        let mut config = self.config.clone();
        config.options("");
        Ok(self.open(&config).await?.0)
    }

    /// The same server for the replication client.
    pub(crate) fn replication(&self, slot: &str, publication: &str) -> pgwire_replication::ReplicationConfig {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        let text = |part: Option<&[u8]>| part.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let tls = match &self.tls {
            None => pgwire_replication::TlsConfig::disabled(),
            Some(_) => pgwire_replication::TlsConfig::verify_full(self.ca.clone()),
        };
        let mut replication = pgwire_replication::ReplicationConfig::new(
            host,
            self.config.get_user().unwrap_or_default(),
            text(self.config.get_password()).unwrap_or_default(),
            self.config.get_dbname().or(self.config.get_user()).unwrap_or_default(),
            slot,
            publication,
        );
        replication.port = self.config.get_ports().first().copied().unwrap_or(5432);
        replication.tls = tls;
        // Acknowledged at least this often, so that the slot follows the log closely.
        replication.status_interval = Duration::from_secs(1);
        replication.idle_wakeup_interval = Duration::from_secs(1);
        replication.options = Some(TEXT_FORMS.to_owned());
        replication.application_name = Some("wattle capture".to_owned());
        replication
    }
}

/// `host:port/database`.
fn place(config: &tokio_postgres::Config) -> String {
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    let port = config.get_ports().first().unwrap_or(&5432);
    match config.get_hosts().first() {
        Some(Host::Unix(path)) => format!("{}:{port}/{database}", path.display()),
        Some(Host::Tcp(name)) => format!("{name}:{port}/{database}"),
        None => database.to_owned(),
    }
}

fn spawn<S, T>(connection: tokio_postgres::Connection<S, T>) -> JoinHandle<()>
where
    tokio_postgres::Connection<S, T>: Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
{
    tokio::spawn(async move {
        // The error is also given to whoever uses the client, who reports it.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a source connection ended");
        }
    })
}

fn client_config(options: &Options) -> Result<rustls::ClientConfig, SourceError> {
    let mut roots = rustls::RootCertStore::empty();
    match &options.tls_ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            use rustls_pki_types::pem::PemObject;
            let unreadable = |error: &dyn std::fmt::Display| SourceError::Config {
                what: format!("the CA file {} cannot be read: {error}", path.display()),
                fix: "name a PEM file with the certificates of the source's certification authority".into(),
            };
            let certificates =
                rustls_pki_types::CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| SourceError::Bug { what: error.to_string() })?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_one_server() {
        let refused = |url| match Connector::new(url, &Options::default()) {
            Err(SourceError::Config { what, .. }) => what,
            Err(other) => panic!("it says {other}"),
            Ok(_) => String::new(),
        };
        assert_eq!(refused("postgres://reader@localhost:5433/shop"), "");
        assert!(refused("postgres:///shop").contains("no host"));
        assert!(refused("postgres://reader@one,two/shop").contains("2 hosts"));
        assert!(refused("postgres://reader@localhost/shop?hostaddr=10.0.0.1").contains("hostaddr"));
    }
}
