//! Clients of the simulator.

use anyhow::Result;
use std::net::SocketAddr;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};
use wattle_tds_simulator::{Database, Proxy, SqlServer};

pub(crate) type Connection = Client<Compat<TcpStream>>;

/// A new database on the shared server.
pub(crate) async fn database(label: &str) -> Result<Database> {
    SqlServer::shared().await?.database(label).await
}

/// A connection as the administrator.
pub(crate) async fn connect(database: &Database) -> Result<Connection> {
    Ok(connect_as(database, "sa", database.server().administrator_password()).await?)
}

pub(crate) async fn connect_as(
    database: &Database,
    login: &str,
    password: &str,
) -> tiberius::Result<Connection> {
    connect_to(database, database.name(), login, password).await
}

pub(crate) async fn connect_to(
    server: &Database,
    database: &str,
    login: &str,
    password: &str,
) -> tiberius::Result<Connection> {
    connect_at(server.server().address(), database, login, password).await
}

/// A connection as the administrator, through a proxy.
pub(crate) async fn connect_through(database: &Database, proxy: &Proxy) -> tiberius::Result<Connection> {
    connect_at(proxy.address(), database.name(), "sa", database.server().administrator_password()).await
}

async fn connect_at(
    address: SocketAddr,
    database: &str,
    login: &str,
    password: &str,
) -> tiberius::Result<Connection> {
    let mut config = Config::new();
    config.host("127.0.0.1");
    config.port(address.port());
    config.database(database);
    config.authentication(AuthMethod::sql_server(login, password));
    config.encryption(EncryptionLevel::NotSupported);
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Client::connect(config, stream.compat_write()).await
}

/// Runs a batch to its end.
pub(crate) async fn run(connection: &mut Connection, sql: &str) -> tiberius::Result<()> {
    connection.simple_query(sql).await?.into_results().await.map(drop)
}

/// The number of the error that a statement ends with.
pub(crate) fn error_number<T>(result: tiberius::Result<T>) -> u32 {
    match result {
        Err(tiberius::error::Error::Server(error)) => error.code(),
        Err(other) => panic!("no error of the server: {other}"),
        Ok(_) => panic!("no error"),
    }
}
