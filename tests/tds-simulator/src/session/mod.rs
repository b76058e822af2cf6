//! A client's session: its own connection to PostgreSQL, its transaction, its settings.

mod columns;
mod run;
mod serve;
mod showplan;

use std::collections::HashMap;
use std::net::SocketAddr;

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

pub(crate) use serve::serve;

use crate::error::{Effect, SqlError};
use crate::translate::{Isolation, Switch};
use crate::wire::{Column, Value};

/// What a session does first on PostgreSQL: `sys` comes before `pg_catalog`, so that functions are SQL Server's.
const PREPARATION: &str = "set search_path = dbo, sys, pg_catalog; set timezone = 'UTC'; set datestyle = 'ISO, YMD'; \
                           set extra_float_digits = 1; set client_min_messages = error; set jit = off";

/// What a step led to.
#[derive(Debug)]
pub(crate) enum Outcome {
    Rows { columns: Vec<Column>, rows: Vec<Vec<Value>> },
    Count(u64),
    Done,
    Print(String),
    Began(u64),
    Committed(u64),
    RolledBack(u64),
    Failed(SqlError),
}

/// A session on PostgreSQL.
pub(crate) struct Session {
    pub(crate) client: Client,
    /// Ends when the connection to PostgreSQL does.
    connection: JoinHandle<()>,
    database: String,
    transaction: Option<Transaction>,
    /// Numbers the transactions.
    transaction_count: u64,
    isolation: Isolation,
    xact_abort: Switch,
    lock_timeout_ms: i64,
    /// Whether plans are answered, and nothing is run.
    showplan: Switch,
    /// The table whose identity column takes values.
    identity_insert: Option<String>,
    row_count: i64,
    /// The declared types of tables' columns, by the table's object id.
    declared: HashMap<u32, HashMap<i16, String>>,
}

/// An open transaction.
#[derive(Debug, Clone, Copy)]
struct Transaction {
    descriptor: u64,
    /// How often it was begun.
    depth: i64,
    isolation: Isolation,
}

impl Session {
    /// Logs in, as a program that calls itself so; `sa` is PostgreSQL's superuser.
    pub(crate) async fn open(
        address: SocketAddr,
        login: &str,
        password: &str,
        database: &str,
        program: &str,
    ) -> Result<Session, SqlError> {
        let role =
            if login.eq_ignore_ascii_case("sa") { "postgres".to_owned() } else { login.to_lowercase() };
        let database = database.to_lowercase();
        let mut config = Config::new();
        config.host(address.ip().to_string()).port(address.port()).user(&role).password(password);
        config.dbname(&database).application_name(program);
        let (client, connection) =
            config.connect(NoTls).await.map_err(|failure| login_failed(&failure, login, &database))?;
        let connection = tokio::spawn(async move { drop(connection.await) });
        client.batch_execute(PREPARATION).await?;
        Ok(Session {
            client,
            connection,
            database,
            transaction: None,
            transaction_count: 0,
            isolation: Isolation::ReadCommitted,
            xact_abort: Switch::Off,
            lock_timeout_ms: -1,
            showplan: Switch::Off,
            identity_insert: None,
            row_count: 0,
            declared: HashMap::new(),
        })
    }
}

fn login_failed(failure: &tokio_postgres::Error, login: &str, database: &str) -> SqlError {
    use tokio_postgres::error::SqlState;
    match failure.code() {
        Some(&SqlState::INVALID_CATALOG_NAME | &SqlState::INSUFFICIENT_PRIVILEGE) => SqlError::new(
            4060,
            format!("Cannot open database \"{database}\" requested by the login. The login failed."),
        ),
        Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            SqlError::new(18_456, format!("Login failed for user '{login}'."))
        }
        _ => SqlError::from_postgres(failure),
    }
    .with_effect(Effect::Connection)
}
