//! Sessions in which mutations are applied to a sample database.

use std::collections::HashMap;
use std::time::Duration;

use tiberius::error::Error as Driver;
use tiberius::{Client, Row};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};
use wattle_sample::{Mutation, MutationKind, World, WorldConfig};
use wattle_sqlserver::Address;

use crate::error::Error;
use crate::statement::statements;

/// A server that does not answer in this time is treated as gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Any error ends the transaction.
const SETUP: &str = "set xact_abort on; set quoted_identifier on";

/// A connection.
pub(crate) type Conn = Client<Compat<TcpStream>>;

/// Connects without TLS, since a sample database is a local one.
pub(crate) async fn connect(url: &str) -> Result<Conn, Error> {
    let mut config = Address::parse(url).map_err(Error::Address)?.config();
    // The load may take a while.
    config.command_timeout(None);
    let connecting = async {
        let tcp = TcpStream::connect(config.get_addr()).await.map_err(Driver::from)?;
        tcp.set_nodelay(true).map_err(Driver::from)?;
        Client::connect(config, tcp.compat_write()).await
    };
    let timed_out = |_| Driver::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
    let mut conn = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.map_err(timed_out)??;
    rows(&mut conn, SETUP).await?;
    Ok(conn)
}

/// Runs statements, and returns how many rows they wrote.
pub(crate) async fn execute(conn: &mut Conn, sql: &str) -> Result<u64, Error> {
    if sql.is_empty() {
        return Ok(0);
    }
    Ok(conn.execute(sql, &[]).await?.total())
}

/// Runs a query.
pub(crate) async fn rows(conn: &mut Conn, sql: &str) -> Result<Vec<Row>, Error> {
    Ok(conn.simple_query(sql).await?.into_first_result().await?)
}

/// A session with a sample database of Acacia's.
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
        let found = rows(&mut self.conn, "select object_id(N'[ops].[wattle_sample_state]')").await?;
        if found.first().and_then(|row| row.get::<i32, _>(0)).is_none() {
            return Err(Error::NoSample);
        }
        let state = "select version, seed, customers, convert(varchar(10), today, 23), months from [ops].[wattle_sample_state]";
        let found = rows(&mut self.conn, state).await?;
        let row = found.first().ok_or(Error::NoSample)?;
        let number = |at: usize| row.get::<i64, _>(at).ok_or(Error::NoSample);
        let text = |at: usize| row.get::<&str, _>(at).ok_or(Error::NoSample);
        let found = number(0)?;
        if u32::try_from(found) != Ok(wattle_sample::VERSION) {
            return Err(Error::OtherVersion { found });
        }
        WorldConfig::from_stored(text(1)?, number(2)?, text(3)?, number(4)?).ok_or(Error::NoSample)
    }

    async fn mutation_count(&mut self) -> Result<u64, Error> {
        let found = rows(&mut self.conn, "select mutations from [ops].[wattle_sample_state]").await?;
        let count = found.first().and_then(|row| row.get::<i64, _>(0));
        count.and_then(|count| u64::try_from(count).ok()).ok_or(Error::NoSample)
    }

    async fn asked_kinds(&mut self, first: u64) -> Result<HashMap<u64, String>, Error> {
        let asked =
            format!("select mutation, kind from [ops].[wattle_sample_asked] where mutation >= {first}");
        let found = rows(&mut self.conn, &asked).await?;
        let kind = |row: &Row| {
            let mutation = u64::try_from(row.get::<i64, _>(0)?).ok()?;
            Some((mutation, row.get::<&str, _>(1)?.to_owned()))
        };
        Ok(found.iter().filter_map(kind).collect())
    }

    async fn run(
        &mut self,
        world: &World,
        mutation: &Mutation,
        asked: Option<MutationKind>,
    ) -> Result<u64, Error> {
        let statements = statements(world, mutation);
        self.begin().await?;
        if !mutation.rolled_back {
            self.advance(mutation.index, asked).await?;
            let row_count = execute(&mut self.conn, &statements).await?;
            self.end("commit").await?;
            return Ok(row_count);
        }
        let row_count = execute(&mut self.conn, &statements).await?;
        self.end("rollback").await?;
        self.begin().await?;
        self.advance(mutation.index, asked).await?;
        self.end("commit").await?;
        Ok(row_count)
    }
}

impl Session {
    async fn begin(&mut self) -> Result<(), Error> {
        rows(&mut self.conn, "begin transaction").await.map(drop)
    }

    async fn end(&mut self, how: &str) -> Result<(), Error> {
        rows(&mut self.conn, how).await.map(drop)
    }

    /// Counts a mutation, and notes what was asked for, which need not be what came of it.
    async fn advance(&mut self, index: u64, asked: Option<MutationKind>) -> Result<(), Error> {
        let advance = format!(
            "update [ops].[wattle_sample_state] set mutations = {index} + 1 where mutations = {index}"
        );
        if execute(&mut self.conn, &advance).await? == 0 {
            return Err(Error::Overtaken);
        }
        if let Some(asked) = asked {
            let name = asked.name();
            let note = format!(
                "insert into [ops].[wattle_sample_asked] (mutation, kind) values ({index}, '{name}')"
            );
            execute(&mut self.conn, &note).await?;
        }
        Ok(())
    }
}
