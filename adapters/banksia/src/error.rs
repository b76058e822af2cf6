//! What can go wrong with a sample database.

use mysql_async::DriverError;

/// Why a sample database could not be made or worked on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one of a MariaDB database.
    #[error("the sample database's address cannot be read: write mysql://user:password@host:port/database")]
    Address(#[source] mysql_async::UrlError),
    /// The database has tables already.
    #[error(
        "the database is not empty (it has {0}): create a new one for the sample, or drop everything in it"
    )]
    NotEmpty(String),
    /// The database holds no sample of this retailer.
    #[error("the database holds no sample of banksia: make one with `wattle sample create banksia --url …`")]
    NoSample,
    /// The sample was made by a build whose Worlds are different.
    #[error(
        "the sample was made by version {found} of the sample World, this build has {}: create it anew",
        wattle_sample::VERSION
    )]
    OtherVersion {
        /// The version that made it.
        found: i64,
    },
    /// Another workload did the next mutation first, or an attempt whose answer was lost did. Try again.
    #[error("another session did the next mutation first; try again")]
    Overtaken,
    /// MariaDB refused or went away.
    #[error("the sample database failed")]
    Database(#[from] mysql_async::Error),
}

/// Errors that pass, with SQLSTATEs of any kind: a lock not had in time, too many connections, a server that stops.
const PASSING: [u16; 8] = [1040, 1053, 1203, 1205, 1213, 1226, 1927, 4031];

impl Error {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Database(mysql_async::Error::Server(server)) => {
                PASSING.contains(&server.code)
                    || server.state.starts_with("08")
                    || server.state.starts_with("70")
            }
            Self::Database(mysql_async::Error::Driver(DriverError::UnknownAuthPlugin { .. })) => false,
            Self::Database(mysql_async::Error::Io(_) | mysql_async::Error::Driver(_)) => true,
            Self::Database(mysql_async::Error::Other(_) | mysql_async::Error::Url(_))
            | Self::Address(_)
            | Self::NotEmpty(_)
            | Self::NoSample
            | Self::OtherVersion { .. } => false,
        }
    }
}
