//! A place for Wattle to keep its copies in, on either engine.

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::{Database, Postgres};

/// The kinds of database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Engine {
    /// A PostgreSQL database.
    #[default]
    Postgres,
    /// A folder of SQLite files.
    Sqlite,
    /// A MariaDB database: a source, and no target.
    MariaDb,
    /// A simulated SQL Server database: a source, and no target.
    SqlServer,
}

/// A target of a test's own. It is removed when the handle is dropped.
pub enum Target {
    /// A database on a server.
    Postgres(Database),
    /// A folder that `wattle migrate` makes within a scratch folder.
    Sqlite(TempDir),
}

impl Target {
    /// An empty one: a database on the shared server, or a folder.
    pub async fn new(engine: Engine, name: &str) -> Result<Self> {
        Ok(match engine {
            Engine::Postgres => Self::Postgres(Postgres::shared().await?.database(name).await?),
            Engine::Sqlite => Self::Sqlite(tempfile::tempdir()?),
            Engine::MariaDb | Engine::SqlServer => bail!("Wattle keeps no copies on {engine:?}"),
        })
    }

    /// Its address, as its owner.
    pub fn url(&self) -> String {
        match self {
            Self::Postgres(database) => database.url(),
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("target").display()),
        }
    }
}
