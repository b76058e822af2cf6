//! Connections to the source: with time-outs, and sure of where they lead.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tiberius::error::Error;
use tiberius::{Client, Column, Config, EncryptionLevel, Row, ToSql};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};
use wattle_core::{Entity, SourceError};
use wattle_sql::{Mapping, TlsMode, is_local_host};

use crate::address::Address;
use crate::error::source_error;
use crate::position::{Identity, UNSEEN};
use crate::settings::Options;
use crate::value::text;

/// A server that does not answer in this time is treated as down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A gateway names the server behind it; that one has no further one to name.
const MOST_ROUTES: usize = 2;

/// How to reach one database.
pub(crate) struct Connector {
    config: Config,
    host: String,
    port: u16,
    lock_timeout_ms: u64,
    /// Where it leads, for people: without login and password.
    place: String,
}

/// A session, what it knows of the pack's queries, and the database it leads to.
pub(crate) struct Session {
    client: Client<Compat<TcpStream>>,
    identity: Identity,
    /// A statement was begun and its answer not read to the end: the caller gave up.
    is_busy: bool,
    pub(crate) mappings: HashMap<(Entity, usize), Arc<Mapping>>,
}

/// What a query returned.
pub(crate) struct Answer {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
}

const SETUP: &str = "set quoted_identifier on; set ansi_nulls on; set xact_abort on; set lock_timeout ";

/// Begins a snapshot. The level is not set before: where snapshots are not allowed, `check` has to say so.
pub(crate) const BEGIN: &str = "set transaction isolation level snapshot; begin transaction";

/// The database's broker GUID lasts through backup and restore; its recovery fork, where the login may see it, and its
/// date of creation do not.
const IDENTITY: &str = "select cast(d.service_broker_guid as char(36)), cast(r.recovery_fork_guid as char(36)), \
                        convert(varchar(33), d.create_date, 126) \
                        from sys.databases d left join sys.database_recovery_status r on r.database_id = d.database_id \
                        where d.database_id = db_id()";

impl Connector {
    pub(crate) fn new(url: &str, options: &Options) -> Result<Self, SourceError> {
        let address = Address::parse(url)?;
        let mut config = address.config();
        match TlsMode::or_by_place(options.tls, is_local_host(&address.host)) {
            TlsMode::Off => {}
            TlsMode::VerifyFull => {
                config.encryption(EncryptionLevel::Required);
                if let Some(path) = &options.tls_ca {
                    let pem = std::fs::read(path).map_err(|error| SourceError::Config {
                        what: format!("the CA file {} cannot be read: {error}", path.display()),
                        fix: "name a PEM file with the certificates of the source's certification authority"
                            .into(),
                    })?;
                    config.trust_cert_ca_bundle(pem);
                }
            }
        }
        config.command_timeout(Some(Duration::from_millis(options.statement_timeout_ms)));
        let place = address.place();
        let (host, port) = (address.host, address.port);
        Ok(Self { config, host, port, lock_timeout_ms: options.lock_timeout_ms, place })
    }

    /// A session without any settings.
    pub(crate) async fn plain(&self) -> Result<Client<Compat<TcpStream>>, SourceError> {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, self.login()).await;
        let connected = connecting.map_err(|_| SourceError::Unavailable {
            what: format!("could not connect to {}: no answer in {CONNECT_TIMEOUT:?}", self.place),
            cause: None,
        })?;
        connected.map_err(|error| source_error(&format!("connect to {}", self.place), error))
    }

    /// A new session.
    pub(crate) async fn connect(&self) -> Result<Session, SourceError> {
        let client = self.plain().await?;
        let identity = Identity { broker: String::new(), life: String::new() };
        let mut session = Session { client, identity, is_busy: false, mappings: HashMap::new() };
        session.batch("set a session up", &format!("{SETUP}{}", self.lock_timeout_ms)).await?;
        let rows = session.rows("read which database this is", IDENTITY).await?;
        let part = |at| rows.first().and_then(|row| text(row, at)).map(|text| text.to_lowercase());
        session.identity = Identity {
            broker: part(0).unwrap_or_default(),
            life: format!("{}/{}", part(1).unwrap_or_else(|| UNSEEN.into()), part(2).unwrap_or_default()),
        };
        Ok(session)
    }

    async fn login(&self) -> Result<Client<Compat<TcpStream>>, Error> {
        let (mut host, mut port) = (self.host.clone(), self.port);
        for route in 1.. {
            let tcp = TcpStream::connect((host.as_str(), port)).await?;
            tcp.set_nodelay(true)?;
            let mut config = self.config.clone();
            config.host(&host);
            config.port(port);
            match Client::connect(config, tcp.compat_write()).await {
                Err(Error::Routing { host: behind, port: its }) if route < MOST_ROUTES => {
                    (host, port) = (behind, its);
                }
                connected => return connected,
            }
        }
        Err(Error::Protocol("the server names another for ever".into()))
    }
}

impl Session {
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// May it be used again? Not when a caller gave up on it.
    pub(crate) fn is_usable(&self) -> bool {
        !self.is_busy
    }

    /// Runs a batch of statements without parameters; the rows of each that returns some.
    pub(crate) async fn batch(&mut self, doing: &str, sql: &str) -> Result<Vec<Vec<Row>>, SourceError> {
        self.is_busy = true;
        let answered = async { self.client.simple_query(sql).await?.into_results().await }.await;
        self.is_busy = false;
        answered.map_err(|error| source_error(doing, error))
    }

    /// Runs a query without parameters.
    pub(crate) async fn rows(&mut self, doing: &str, sql: &str) -> Result<Vec<Row>, SourceError> {
        Ok(self.batch(doing, sql).await?.into_iter().next().unwrap_or_default())
    }

    /// Runs a query with texts as parameters.
    pub(crate) async fn query(
        &mut self,
        doing: &str,
        sql: &str,
        parameters: &[&str],
    ) -> Result<Answer, SourceError> {
        self.is_busy = true;
        let bound: Vec<&dyn ToSql> = parameters.iter().map(|text| text as &dyn ToSql).collect();
        let answered = async {
            let mut stream = self.client.query(sql, &bound).await?;
            let columns = stream.columns().await?.unwrap_or_default().to_vec();
            Ok(Answer { columns, rows: stream.into_first_result().await? })
        }
        .await;
        self.is_busy = false;
        answered.map_err(|error| source_error(doing, error))
    }
}

/// A text as SQL writes it.
pub(crate) fn literal(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_cannot_be_read_is_refused_at_once() {
        let options = Options { tls_ca: Some("/nowhere/ca.pem".into()), ..Options::default() };
        let refused = Connector::new("sqlserver://u:p@db.example/billing", &options);
        assert!(matches!(refused, Err(SourceError::Config { .. })));
        assert!(Connector::new("sqlserver://u:p@localhost/billing", &options).is_ok(), "no TLS, no file");
    }

    #[test]
    fn texts_are_written_so_that_they_end_where_they_should() {
        assert_eq!(literal(r"O'Brien \"), r"N'O''Brien \'");
    }
}
