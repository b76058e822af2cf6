//! What can go wrong with a sample database.

/// Why a sample database could not be made or worked on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one of an SQLite database.
    #[error("the sample database's address cannot be read: write sqlite:PATH")]
    Address,
    /// The database has tables already.
    #[error(
        "the database is not empty (it has {0}): name a file that is not there yet, or drop everything in it"
    )]
    NotEmpty(String),
    /// There is no file, or no sample of this retailer in it.
    #[error(
        "the database holds no sample of dianella: make one with `wattle sample create dianella --url …`"
    )]
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
    /// SQLite refused.
    #[error("the sample database failed")]
    Database(#[from] sqlx::Error),
}

/// SQLite's primary result codes that pass: busy, locked, full.
const PASSING: [u32; 3] = [5, 6, 13];

impl Error {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Database(error) => {
                let code = error.as_database_error().and_then(|error| error.code());
                let extended = code.and_then(|code| code.parse::<u32>().ok());
                // The primary code is the lowest byte.
                extended.is_some_and(|extended| PASSING.contains(&(extended & 0xff)))
            }
            Self::Address | Self::NotEmpty(_) | Self::NoSample | Self::OtherVersion { .. } => false,
        }
    }
}
