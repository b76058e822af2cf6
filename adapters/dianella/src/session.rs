//! Sessions in which mutations are applied to a sample database.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, query_as, query_scalar, raw_sql};
use wattle_sample::{Mutation, MutationKind, World, WorldConfig};

use crate::error::Error;
use crate::statement::statements;

/// How long a transaction waits for another writer; a hydration's longest is far shorter.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The file that an address names.
pub(crate) fn path(address: &str) -> Result<PathBuf, Error> {
    let path = address.strip_prefix("sqlite:").filter(|path| !path.is_empty() && !path.contains('?'));
    path.map(PathBuf::from).ok_or(Error::Address)
}

/// What every connection to a file has set.
pub(crate) fn options(address: &str) -> Result<SqliteConnectOptions, Error> {
    let options = SqliteConnectOptions::new().filename(path(address)?).busy_timeout(BUSY_TIMEOUT);
    // Statements are full of values, and a mass update may take a while.
    Ok(options.disable_statement_logging())
}

/// Runs statements, and returns how many rows they wrote.
pub(crate) async fn execute(connection: &mut SqliteConnection, sql: String) -> Result<u64, Error> {
    Ok(raw_sql(AssertSqlSafe(sql)).execute(connection).await?.rows_affected())
}

/// A session with a sample database of Dianella's.
pub struct Session {
    connection: SqliteConnection,
}

impl wattle_sample::Session for Session {
    type Error = Error;

    async fn connect(address: &str) -> Result<Self, Error> {
        if !path(address)?.exists() {
            return Err(Error::NoSample);
        }
        let options = options(address)?.foreign_keys(true);
        Ok(Self { connection: SqliteConnection::connect_with(&options).await? })
    }

    /// A connection to a file is not lost.
    fn is_open(&self) -> bool {
        true
    }

    async fn config(&mut self) -> Result<WorldConfig, Error> {
        let found = "select count(*) from sqlite_schema where name = 'wattle_sample_state'";
        if query_scalar::<_, i64>(found).fetch_one(&mut self.connection).await? == 0 {
            return Err(Error::NoSample);
        }
        let state = "select version, seed, customers, today, months from wattle_sample_state";
        let state: Option<(i64, String, i64, String, i64)> =
            query_as(state).fetch_optional(&mut self.connection).await?;
        let Some((found, seed, customers, today, months)) = state else { return Err(Error::NoSample) };
        if u32::try_from(found) != Ok(wattle_sample::VERSION) {
            return Err(Error::OtherVersion { found });
        }
        WorldConfig::from_stored(&seed, customers, &today, months).ok_or(Error::NoSample)
    }

    async fn mutation_count(&mut self) -> Result<u64, Error> {
        let count = "select mutations from wattle_sample_state";
        let count: i64 = query_scalar(count).fetch_one(&mut self.connection).await?;
        Ok(count as u64)
    }

    async fn asked_kinds(&mut self, first: u64) -> Result<HashMap<u64, String>, Error> {
        let asked = "select mutation, kind from wattle_sample_asked where mutation >= $1";
        let rows: Vec<(i64, String)> =
            query_as(asked).bind(first as i64).fetch_all(&mut self.connection).await?;
        Ok(rows.into_iter().map(|(mutation, kind)| (mutation as u64, kind)).collect())
    }

    async fn run(
        &mut self,
        world: &World,
        mutation: &Mutation,
        asked: Option<MutationKind>,
    ) -> Result<u64, Error> {
        let statements = statements(world, mutation);
        self.execute("begin immediate".to_owned()).await?;
        if !mutation.rolled_back {
            self.advance(mutation.index, asked).await?;
            let row_count = self.execute(statements).await?;
            self.execute("commit".to_owned()).await?;
            return Ok(row_count);
        }
        let row_count = self.execute(statements).await?;
        self.execute("rollback; begin immediate".to_owned()).await?;
        self.advance(mutation.index, asked).await?;
        self.execute("commit".to_owned()).await?;
        Ok(row_count)
    }
}

impl Session {
    async fn execute(&mut self, sql: String) -> Result<u64, Error> {
        execute(&mut self.connection, sql).await
    }

    /// Counts a mutation, and notes what was asked for, which need not be what came of it.
    async fn advance(&mut self, index: u64, asked: Option<MutationKind>) -> Result<(), Error> {
        let advance =
            format!("update wattle_sample_state set mutations = {index} + 1 where mutations = {index}");
        if self.execute(advance).await? == 0 {
            return Err(Error::Overtaken);
        }
        if let Some(asked) = asked {
            let name = asked.name();
            self.execute(format!("insert into wattle_sample_asked values ({index}, '{name}')")).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn an_address_names_a_file() {
        assert_eq!(path("sqlite:/tmp/dianella.db").unwrap().to_str(), Some("/tmp/dianella.db"));
        for wrong in ["dianella.db", "sqlite:", "postgres://localhost", "sqlite:a.db?mode=ro"] {
            assert!(path(wrong).is_err(), "{wrong}");
        }
    }
}
