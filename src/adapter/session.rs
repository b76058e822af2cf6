//! Sessions of the bench, one engine each. They answer the database's messages without values of rows.

use anyhow::Context;
use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Row, TypeInfo, ValueRef};
use tokio::net::TcpStream;
use tokio_postgres::SimpleQueryMessage;
use tokio_util::compat::Compat;
use wattle_adapter_kit::{SqlDialect, SqlSession};

/// Rows as text.
type Rows = Vec<Vec<Option<String>>>;

/// A connection to a database of any engine.
pub(super) enum Session {
    Postgres(tokio_postgres::Client),
    MySql(mysql_async::Conn),
    SqlServer(Box<tiberius::Client<Compat<TcpStream>>>),
    Sqlite(SqliteConnection),
}

/// Whom an address logs in, where connections can only be told by that.
pub(super) fn login(url: &str) -> Option<String> {
    let url = url.replacen("mariadb:", "mysql:", 1);
    url.starts_with("mysql:").then(|| mysql_async::Opts::from_url(&url).ok()?.user().map(str::to_owned))?
}

/// Connects as the address says, with TLS as the adapter's options say.
pub(super) async fn open(url: &str, options: &Value) -> anyhow::Result<Session> {
    let options = crate::adapters::of_engine(options);
    let unreadable = "the options cannot be read";
    match super::engine(url)? {
        "postgres" => {
            let options = serde_json::from_value(options).context(unreadable)?;
            Ok(Session::Postgres(wattle_postgres::connect(url, &options).await?))
        }
        "mysql" => {
            let options = serde_json::from_value(options).context(unreadable)?;
            let mut conn = wattle_mysql::connect(url, &options).await?;
            // Otherwise a server may keep another value than it is given, and say nothing.
            conn.query_drop(
                "set session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', sql_quote_show_create = 1",
            )
            .await?;
            Ok(Session::MySql(conn))
        }
        "sqlserver" => {
            let options = serde_json::from_value(options).context(unreadable)?;
            Ok(Session::SqlServer(Box::new(wattle_sqlserver::connect(url, &options).await?)))
        }
        _ => {
            let path = url.strip_prefix("sqlite:").context("write the file as sqlite:PATH")?;
            let options = SqliteConnectOptions::new().filename(path).foreign_keys(true);
            Ok(Session::Sqlite(SqliteConnection::connect_with(&options).await?))
        }
    }
}

#[async_trait]
impl SqlSession for Session {
    fn dialect(&self) -> SqlDialect {
        match self {
            Self::Postgres(_) => SqlDialect::PostgreSql,
            Self::MySql(_) => SqlDialect::MySql,
            Self::SqlServer(_) => SqlDialect::SqlServer,
            Self::Sqlite(_) => SqlDialect::Sqlite,
        }
    }

    async fn rows(&mut self, sql: &str) -> Result<Rows, String> {
        match self {
            Self::Postgres(client) => postgres(client, sql).await,
            Self::MySql(conn) => mysql(conn, sql).await,
            Self::SqlServer(client) => sqlserver(client, sql).await,
            Self::Sqlite(connection) => sqlite(connection, sql).await,
        }
    }
}

async fn postgres(client: &tokio_postgres::Client, sql: &str) -> Result<Rows, String> {
    // The message names tables and constraints; values would be in its detail.
    let told = |error: tokio_postgres::Error| match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    };
    let answers = client.simple_query(sql).await.map_err(told)?;
    let rows = answers.iter().filter_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
        }
        _ => None,
    });
    Ok(rows.collect())
}

async fn mysql(conn: &mut mysql_async::Conn, sql: &str) -> Result<Rows, String> {
    // Messages repeat values: a duplicate key's, for instance.
    let told = |error: mysql_async::Error| match error {
        mysql_async::Error::Server(error) => {
            let meaning = match error.code {
                1044 | 1142 | 1143 | 1227 | 1095 => "this login has not the right to",
                1146 => "there is no such table here",
                1062 => "a key of the copy is there already",
                1216 | 1452 => "the copy points at no row",
                1217 | 1451 => "rows point at it",
                1048 | 1364 => "a column must have a value",
                3819 | 4025 => "a constraint forbids it",
                _ => "as the server's documentation says of that number",
            };
            format!("error {} ({}): {meaning}", error.code, error.state)
        }
        other => other.to_string(),
    };
    let rows: Vec<mysql_async::Row> = conn.query(sql).await.map_err(told)?;
    let text = |value| match value {
        mysql_async::Value::NULL => None,
        mysql_async::Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    };
    Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect())
}

async fn sqlserver(client: &mut tiberius::Client<Compat<TcpStream>>, sql: &str) -> Result<Rows, String> {
    let told = |error: tiberius::error::Error| match error.code() {
        Some(code) => format!("error {code}"),
        None => error.to_string(),
    };
    let rows = client.simple_query(sql).await.map_err(told)?.into_first_result().await.map_err(told)?;
    let text = |data: tiberius::ColumnData<'static>| match data {
        tiberius::ColumnData::String(text) => text.map(|text| text.into_owned()),
        tiberius::ColumnData::U8(number) => number.map(|number| number.to_string()),
        tiberius::ColumnData::I16(number) => number.map(|number| number.to_string()),
        tiberius::ColumnData::I32(number) => number.map(|number| number.to_string()),
        tiberius::ColumnData::I64(number) => number.map(|number| number.to_string()),
        // Nothing else is asked for: only whether two of them differ.
        other => Some(format!("{other:?}")),
    };
    Ok(rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect())
}

async fn sqlite(connection: &mut SqliteConnection, sql: &str) -> Result<Rows, String> {
    let told = |error: sqlx::Error| match error.as_database_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    };
    let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await.map_err(told)?;
    let text = |row: &sqlx::sqlite::SqliteRow, at: usize| -> Result<Option<String>, sqlx::Error> {
        let value = row.try_get_raw(at)?;
        if value.is_null() {
            return Ok(None);
        }
        let kind = value.type_info().name().to_owned();
        Ok(Some(match kind.as_str() {
            "INTEGER" | "BOOLEAN" => row.try_get_unchecked::<i64, _>(at)?.to_string(),
            "REAL" => row.try_get_unchecked::<f64, _>(at)?.to_string(),
            "BLOB" => format!("{:?}", row.try_get_unchecked::<Vec<u8>, _>(at)?),
            _ => row.try_get_unchecked::<String, _>(at)?,
        }))
    };
    let read =
        |row: &sqlx::sqlite::SqliteRow| (0..row.len()).map(|at| text(row, at)).collect::<Result<_, _>>();
    rows.iter().map(read).collect::<Result<Rows, _>>().map_err(told)
}
