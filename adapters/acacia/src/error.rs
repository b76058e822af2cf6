//! What can go wrong with a sample database.

/// Why a sample database could not be made or worked on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one of a SQL Server database.
    #[error(
        "the sample database's address cannot be read: write sqlserver://user:password@host:port/database"
    )]
    Address(#[source] wattle_core::SourceError),
    /// The database has tables already.
    #[error(
        "the database is not empty (it has {0}): create a new one for the sample, or drop everything in it"
    )]
    NotEmpty(String),
    /// The database holds no sample of this retailer.
    #[error("the database holds no sample of acacia: make one with `wattle sample create acacia --url …`")]
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
    /// SQL Server refused or went away.
    #[error("the sample database failed")]
    Database(#[from] tiberius::error::Error),
}

/// Errors that pass: a deadlock, a lock not had in time, a snapshot overtaken, a server that stops or recovers.
const PASSING: [u32; 8] = [596, 922, 927, 1205, 1222, 3960, 3961, 6005];

impl Error {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Database(tiberius::error::Error::Server(server)) => PASSING.contains(&server.code()),
            Self::Database(tiberius::error::Error::Io { .. }) => true,
            Self::Database(_)
            | Self::Address(_)
            | Self::NotEmpty(_)
            | Self::NoSample
            | Self::OtherVersion { .. } => false,
        }
    }
}
