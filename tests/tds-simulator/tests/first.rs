//! The first slice: login, batches, parameters, transactions.

use anyhow::Result;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};
use wattle_tds_simulator::{Database, SqlServer};

async fn client(database: &Database) -> Result<Client<Compat<TcpStream>>> {
    let mut config = Config::new();
    config.host("127.0.0.1");
    config.port(database.server().address().port());
    config.database(database.name());
    config.authentication(AuthMethod::sql_server("sa", database.server().administrator_password()));
    config.encryption(EncryptionLevel::NotSupported);
    let tcp = TcpStream::connect(database.server().address()).await?;
    Ok(Client::connect(config, tcp.compat_write()).await?)
}

#[tokio::test]
async fn login_and_select() -> Result<()> {
    let server = SqlServer::shared().await?;
    let database = server.database("first").await?;
    let mut client = client(&database).await?;
    let row = client.query("select @P1 as [A], N'x' + @P2 as b, 1.50 c", &[&1_i32, &"y "]).await?.into_row().await?.unwrap();
    assert_eq!(row.get::<i32, _>("A"), Some(1));
    assert_eq!(row.get::<&str, _>("b"), Some("xy "));
    client.simple_query("create table t (id int not null primary key, Name nvarchar(20) null)").await?.into_results().await?;
    let count = client.execute("insert t (id, name) values (@P1, @P2), (2, null)", &[&1_i32, &"Ab"]).await?;
    assert_eq!(count.total(), 2);
    let rows = client.query("select top (@P1) * from [dbo].[T] k where k.[name] = @P2 order by id", &[&10_i64, &"ab "]).await?.into_first_result().await?;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].columns()[1].name(), "Name");
    println!("{:?}", database.sql("select * from t").await?);
    Ok(())
}
