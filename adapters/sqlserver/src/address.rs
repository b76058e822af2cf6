//! Where a database is, and who asks.

use percent_encoding::percent_decode_str;
use tiberius::{AuthMethod, Config};
use wattle_core::SourceError;

use crate::error::ADDRESS;

/// Where SQL Server listens unless told otherwise.
const DEFAULT_PORT: u16 = 1433;

/// An address, read from `sqlserver://user:password@host:port/database`; login and password are percent-encoded where
/// they must be.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: String,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`SourceError::Config`] with how it is to be written, without repeating it: it holds a password.
    pub fn parse(url: &str) -> Result<Self, SourceError> {
        Self::read(url).ok_or_else(|| SourceError::Config {
            what: "the source's address cannot be read".into(),
            fix: ADDRESS.into(),
        })
    }

    fn read(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("sqlserver://").or_else(|| url.strip_prefix("mssql://"))?;
        let (login, place) = rest.rsplit_once('@')?;
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (server, database) = place.split_once('/')?;
        // An IPv6 address is in brackets.
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (server, DEFAULT_PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let plain = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        let named = |text: &str| plain(text).filter(|text| !text.is_empty());
        Some(Self {
            user: named(user)?,
            password: plain(password)?,
            host: named(host)?,
            port,
            database: named(database)?,
        })
    }

    /// The driver's settings for it, without encryption.
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        config.host(&self.host);
        config.port(self.port);
        config.database(&self.database);
        config.authentication(AuthMethod::sql_server(&self.user, &self.password));
        config.application_name("wattle");
        config.encryption(tiberius::EncryptionLevel::NotSupported);
        config
    }

    /// For people: without login and password.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}/{}", self.host, self.port, self.database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read() {
        let read = |url: &str| Address::parse(url).unwrap();
        let address = read("sqlserver://wattle:p%40ss:w@db.example:1434/Billing%20DB");
        assert_eq!((address.user.as_str(), address.password.as_str()), ("wattle", "p@ss:w"));
        assert_eq!(address.place(), "db.example:1434/Billing DB");
        assert_eq!(read("mssql://u:p@db.example/b").port, 1433);
        assert_eq!(
            (read("sqlserver://u:p@[::1]/b").host.as_str(), read("sqlserver://u:p@[::1]:7/b").port),
            ("::1", 7)
        );
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for url in
            ["postgres://u:p@h/b", "sqlserver://u:secret@h", "sqlserver://h/b", "sqlserver://u:p@h:x/b"]
        {
            let refused = Address::parse(url).err().unwrap();
            assert!(
                matches!(&refused, SourceError::Config { .. }) && !refused.to_string().contains("secret")
            );
        }
    }
}
