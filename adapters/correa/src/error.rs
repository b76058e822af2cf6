//! What can go wrong with a sample database.

/// Why a sample database could not be made or worked on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one of a PostgreSQL database.
    #[error(
        "the sample database's address cannot be read: write postgres://user:password@host:port/database"
    )]
    Address(#[source] tokio_postgres::Error),
    /// The database has tables already.
    #[error(
        "the database is not empty (it has {0}): create a new one for the sample, or drop everything in it"
    )]
    NotEmpty(String),
    /// The database holds no sample of this retailer.
    #[error("the database holds no sample of correa: make one with `wattle sample create correa --url …`")]
    NoSample,
    /// The sample was made by a build whose Worlds are different.
    #[error(
        "the sample was made by version {found} of the sample World, this build has {}: create it anew",
        wattle_sample::VERSION
    )]
    OtherVersion {
        /// The version that made it.
        found: i32,
    },
    /// Another workload did the next mutation first, or an attempt whose answer was lost did. Try again.
    #[error("another session did the next mutation first; try again")]
    Overtaken,
    /// PostgreSQL refused or went away.
    #[error("the sample database failed")]
    Database(#[source] tokio_postgres::Error),
}

impl Error {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Database(error) => error.code().is_none_or(|state| {
                // Connection failures, shutdowns and start-ups, deadlocks and full servers pass.
                ["08", "57P", "40", "53"].iter().any(|class| state.code().starts_with(class))
            }),
            Self::Address(_) | Self::NotEmpty(_) | Self::NoSample | Self::OtherVersion { .. } => false,
        }
    }
}

/// SQLSTATE of the procedure that guards the count of mutations.
const OVERTAKEN: &str = "WS001";

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        if error.code().is_some_and(|state| state.code() == OVERTAKEN) {
            return Self::Overtaken;
        }
        Self::Database(error)
    }
}
