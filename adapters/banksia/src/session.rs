//! Sessions in which mutations are applied to a sample database.

use std::collections::HashMap;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use wattle_sample::{Mutation, MutationKind, World, WorldConfig};

use crate::error::Error;
use crate::statement::statements;

/// A server that does not answer in this time is treated as gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What every session has set: texts are written with their backslashes, and what does not fit is refused.
const SETUP: &str = "set session sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES', time_zone = '+10:00'";

/// Connects without TLS, since a sample database is a local one.
pub(crate) async fn connect(url: &str) -> Result<Conn, Error> {
    let opts = Opts::from_url(url).map_err(Error::Address)?;
    let opts = OptsBuilder::from_opts(opts).ssl_opts(None).prefer_socket(false).setup(vec![SETUP]);
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, Conn::new(opts)).await;
    let timed_out = |_| Error::Database(mysql_async::DriverError::ConnectionClosed.into());
    Ok(connecting.map_err(timed_out)??)
}

/// Runs statements, and returns how many rows they wrote.
pub(crate) async fn execute(conn: &mut Conn, sql: &str) -> Result<u64, Error> {
    let mut row_count = 0;
    if sql.is_empty() {
        return Ok(row_count);
    }
    let mut answers = conn.query_iter(sql).await?;
    loop {
        row_count += answers.affected_rows();
        answers.collect::<mysql_async::Row>().await?;
        if answers.is_empty() {
            return Ok(row_count);
        }
    }
}

/// A session with a sample database of Banksia's.
pub struct Session {
    conn: Conn,
}

impl wattle_sample::Session for Session {
    type Error = Error;

    async fn connect(url: &str) -> Result<Self, Error> {
        Ok(Self { conn: connect(url).await? })
    }

    fn is_open(&self) -> bool {
        true
    }

    async fn config(&mut self) -> Result<WorldConfig, Error> {
        let found = "select count(*) from information_schema.tables
                     where table_schema = database() and table_name = 'wattle_sample_state'";
        if self.conn.query_first::<u64, _>(found).await?.unwrap_or(0) == 0 {
            return Err(Error::NoSample);
        }
        let state = "select version, seed, customers, cast(today as char), months from wattle_sample_state";
        let state: Option<(i64, String, i64, String, i64)> = self.conn.query_first(state).await?;
        let Some((found, seed, customers, today, months)) = state else { return Err(Error::NoSample) };
        if u32::try_from(found) != Ok(wattle_sample::VERSION) {
            return Err(Error::OtherVersion { found });
        }
        WorldConfig::from_stored(&seed, customers, &today, months).ok_or(Error::NoSample)
    }

    async fn mutation_count(&mut self) -> Result<u64, Error> {
        let count = self.conn.query_first("select mutations from wattle_sample_state").await?;
        count.ok_or(Error::NoSample)
    }

    async fn asked_kinds(&mut self, first: u64) -> Result<HashMap<u64, String>, Error> {
        let asked = format!("select mutation, kind from wattle_sample_asked where mutation >= {first}");
        let rows: Vec<(u64, String)> = self.conn.query(asked).await?;
        Ok(rows.into_iter().collect())
    }

    async fn run(
        &mut self,
        world: &World,
        mutation: &Mutation,
        asked: Option<MutationKind>,
    ) -> Result<u64, Error> {
        let statements = statements(world, mutation);
        self.execute("begin").await?;
        if !mutation.rolled_back {
            self.advance(mutation.index, asked).await?;
            let row_count = self.execute(&statements).await?;
            self.execute("commit").await?;
            return Ok(row_count);
        }
        let row_count = self.execute(&statements).await?;
        self.execute("rollback").await?;
        self.execute("begin").await?;
        self.advance(mutation.index, asked).await?;
        self.execute("commit").await?;
        Ok(row_count)
    }
}

impl Session {
    async fn execute(&mut self, sql: &str) -> Result<u64, Error> {
        execute(&mut self.conn, sql).await
    }

    /// Counts a mutation, and notes what was asked for, which need not be what came of it.
    async fn advance(&mut self, index: u64, asked: Option<MutationKind>) -> Result<(), Error> {
        let advance =
            format!("update wattle_sample_state set mutations = {index} + 1 where mutations = {index}");
        if self.execute(&advance).await? == 0 {
            return Err(Error::Overtaken);
        }
        if let Some(asked) = asked {
            let name = asked.name();
            self.execute(&format!("insert into wattle_sample_asked values ({index}, '{name}')")).await?;
        }
        Ok(())
    }
}
