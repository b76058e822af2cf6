//! Connections to the source: read-only, with time-outs, and sure of where they lead.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Params, Row, SslOpts, Statement, Value};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use wattle_core::{Entity, SourceError};
use wattle_sql::{Mapping, TlsMode, is_local_host};

use crate::error::{ADDRESS, source_error};
use crate::position::Identity;
use crate::settings::Options;

/// A server that does not answer in this time is treated as down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Prepared statements kept in a session: a query for each entity and array, a page of each path, and room for pages of
/// keys, each of which is another statement.
const STATEMENTS: usize = 256;
/// Seconds after which the server ends a transaction of ours in which nothing happens.
const IDLE_TRANSACTION_SECS: u64 = 60;
/// What statements mean does not depend on how the server is set up.
const SQL_MODE: &str = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION";

/// How to reach one server.
#[derive(Clone)]
pub(crate) struct Connector {
    opts: Opts,
    statement_timeout_ms: u64,
    lock_timeout_secs: u64,
    /// Where it leads, for people: without login and password.
    place: String,
}

/// A session, its prepared statements, and the server it leads to.
pub(crate) struct Session {
    conn: Conn,
    identity: Identity,
    pub(crate) statements: HashMap<(Entity, usize), Prepared>,
}

/// A query of the pack, expanded and understood.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) sql: String,
    pub(crate) mapping: Arc<Mapping>,
    /// How often it takes the keys.
    pub(crate) keys_count: usize,
}

impl Connector {
    pub(crate) fn new(url: &str, options: &Options) -> Result<Self, SourceError> {
        // MariaDB's own clients write it so.
        let url = match url.strip_prefix("mariadb://") {
            Some(rest) => format!("mysql://{rest}"),
            None => url.to_owned(),
        };
        let opts = Opts::from_url(&url).map_err(|error| SourceError::Config {
            what: format!("the source's address cannot be read: {error}"),
            fix: ADDRESS.into(),
        })?;
        let host = opts.ip_or_hostname().to_owned();
        let is_local = opts.socket().is_some() || is_local_host(&host);
        let ssl = match TlsMode::or_by_place(options.tls, is_local) {
            TlsMode::Off => None,
            TlsMode::VerifyFull => {
                // The driver asks the process for its provider, and with more than one compiled in there is none. An
                // error says that there is one already.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let ssl = SslOpts::default();
                Some(match &options.tls_ca {
                    None => ssl,
                    Some(path) => {
                        require_certificates(path)?;
                        ssl.with_root_certs(vec![path.clone().into()]).with_disable_built_in_roots(true)
                    }
                })
            }
        };
        let place = match opts.socket() {
            Some(socket) => socket.to_owned(),
            None => format!("{host}:{}/{}", opts.tcp_port(), opts.db_name().unwrap_or_default()),
        };
        let with_socket = opts.socket().is_some();
        let opts = OptsBuilder::from_opts(opts)
            .ssl_opts(ssl)
            .prefer_socket(with_socket)
            .stmt_cache_size(STATEMENTS)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .connect_attribute("program_name", "wattle");
        Ok(Self {
            opts: opts.into(),
            statement_timeout_ms: options.statement_timeout_ms,
            lock_timeout_secs: options.lock_timeout_ms.div_ceil(1_000).max(1),
            place,
        })
    }

    /// A session that may do whatever its login may.
    pub(crate) async fn plain(&self) -> Result<Conn, SourceError> {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, Conn::new(self.opts.clone())).await;
        let connected = connecting.map_err(|_| SourceError::Unavailable {
            what: format!("could not connect to {}: no answer in {CONNECT_TIMEOUT:?}", self.place),
            cause: None,
        })?;
        connected.map_err(|error| source_error(&format!("connect to {}", self.place), error))
    }

    /// A new session that cannot write.
    pub(crate) async fn connect(&self) -> Result<Session, SourceError> {
        let conn = self.plain().await?;
        let identity = Identity::mariadb(0);
        let mut session = Session { conn, identity, statements: HashMap::new() };
        let doing = "read the server's identity";
        let rows = session.rows(doing, "select version(), @@server_id").await?;
        let row = rows.into_iter().next().unwrap_or_default();
        let text = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or_default();
        session.identity = if text(0).contains("MariaDB") {
            Identity::mariadb(text(1).parse().unwrap_or(0))
        } else {
            Identity::mysql(&session.text(doing, "select @@server_uuid").await?.unwrap_or_default())
        };
        let timeouts = if session.identity.is_mariadb() {
            let millis = self.statement_timeout_ms;
            format!(
                "max_statement_time = {}.{:03}, idle_transaction_timeout = {IDLE_TRANSACTION_SECS}",
                millis / 1_000,
                millis % 1_000
            )
        } else {
            format!("max_execution_time = {}", self.statement_timeout_ms)
        };
        let set = format!(
            "set session time_zone = '+00:00', sql_mode = '{SQL_MODE}', lock_wait_timeout = {}, {timeouts}",
            self.lock_timeout_secs
        );
        session.run("set a session up", &set).await?;
        session.run("set a session up", "set session transaction read only").await?;
        Ok(session)
    }
}

/// The driver reads the file at each connection, and would be tried again for ever if it cannot.
fn require_certificates(path: &Path) -> Result<(), SourceError> {
    let unreadable = |why: &dyn std::fmt::Display| SourceError::Config {
        what: format!("the CA file {} cannot be read: {why}", path.display()),
        fix: "name a PEM file with the certificates of the source's certification authority".into(),
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))?;
    let mut count = 0;
    for certificate in certificates {
        certificate.map_err(|error| unreadable(&error))?;
        count += 1;
    }
    if count > 0 { Ok(()) } else { Err(unreadable(&"it has no certificate")) }
}

impl Session {
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The connection itself, to become a stream of the log.
    pub(crate) fn into_conn(self) -> Conn {
        self.conn
    }

    /// Runs a statement that returns nothing of interest.
    pub(crate) async fn run(&mut self, doing: &str, sql: &str) -> Result<(), SourceError> {
        self.conn.query_drop(sql).await.map_err(|error| source_error(doing, error))
    }

    /// Runs a query without parameters; its values as text.
    pub(crate) async fn rows(
        &mut self,
        doing: &str,
        sql: &str,
    ) -> Result<Vec<Vec<Option<String>>>, SourceError> {
        let rows: Vec<Row> = self.conn.query(sql).await.map_err(|error| source_error(doing, error))?;
        Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect())
    }

    /// The first value of the first row.
    pub(crate) async fn text(&mut self, doing: &str, sql: &str) -> Result<Option<String>, SourceError> {
        let row = self.rows(doing, sql).await?.into_iter().next();
        Ok(row.and_then(|row| row.into_iter().next()).flatten())
    }

    /// Runs a query that takes keys a number of times; its values as they are. It is prepared, once a session unless it
    /// is seldom run.
    pub(crate) async fn execute(
        &mut self,
        doing: &str,
        sql: &str,
        keys: &str,
        keys_count: usize,
    ) -> Result<Vec<Row>, SourceError> {
        let parameters = match keys_count {
            0 => Params::Empty,
            count => Params::Positional(vec![Value::from(keys); count]),
        };
        self.conn.exec(sql, parameters).await.map_err(|error| source_error(doing, error))
    }

    /// Prepares a query.
    pub(crate) async fn prepare(&mut self, doing: &str, sql: &str) -> Result<Statement, SourceError> {
        self.conn.prep(sql).await.map_err(|error| source_error(doing, error))
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    }
}

/// A text as SQL writes it.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_tls_is_as_its_place_asks() {
        let connector = |url: &str, options: &Options| Connector::new(url, options);
        let of = |url: &str| connector(url, &Options::default()).unwrap();
        assert_eq!(of("mysql://u:p@db.example:3307/billing").place, "db.example:3307/billing");
        assert!(of("mariadb://u:p@db.example/billing").opts.ssl_opts().is_some());
        assert!(of("mysql://u:p@127.0.0.1/billing").opts.ssl_opts().is_none());
        let socket = of("mysql://u@localhost/billing?socket=/run/mysqld/mysqld.sock");
        assert_eq!((socket.place.as_str(), socket.opts.prefer_socket()), ("/run/mysqld/mysqld.sock", true));
        assert!(matches!(
            connector("postgres://localhost/billing", &Options::default()),
            Err(SourceError::Config { .. })
        ));
        for missing in ["/nowhere/ca.pem", "/dev/null"] {
            let options = Options { tls_ca: Some(missing.into()), ..Options::default() };
            let refused = connector("mysql://u:p@db.example/billing", &options);
            assert!(matches!(refused, Err(SourceError::Config { .. })), "{missing}");
        }
    }

    #[test]
    fn texts_are_written_so_that_they_end_where_they_should() {
        assert_eq!(literal(r"O'Brien \"), r"'O''Brien \\'");
    }
}
