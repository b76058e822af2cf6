//! Logins, transactions, errors, cancellation and lost connections.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::time::timeout;
use wattle_tds_simulator::{Fault, SqlServer, Stop};

use crate::clients::{
    Connection, connect, connect_as, connect_through, connect_to, database, error_number, run,
};

const LIMIT: Duration = Duration::from_secs(20);
/// Long enough for a statement to have begun.
const PATIENCE: Duration = Duration::from_millis(300);

async fn number(connection: &mut Connection, sql: &str) -> Result<i32> {
    let row = connection.simple_query(sql).await?.into_row().await?;
    row.and_then(|row| row.get(0)).context("no number")
}

#[tokio::test]
async fn logins_are_checked() -> Result<()> {
    let database = database("logins").await?;
    assert_eq!(error_number(connect_as(&database, "sa", "wrong").await), 18_456);
    assert_eq!(error_number(connect_as(&database, "nobody", "pw").await), 18_456);
    let password = database.server().administrator_password();
    assert_eq!(error_number(connect_to(&database, "no_such_database", "sa", password).await), 4060);
    let login = database.server().unique_name("visitor");
    database.login(&login, "Pass-word 1").await?;
    let mut visitor = connect_as(&database, &login.to_uppercase(), "Pass-word 1").await?;
    assert_eq!(number(&mut visitor, "select is_srvrolemember('sysadmin')").await?, 0);
    let other = database.server().database("closed").await?;
    assert_eq!(error_number(connect_as(&other, &login, "Pass-word 1").await), 4060);
    Ok(())
}

#[tokio::test]
async fn transactions_nest_and_survive_a_failed_statement() -> Result<()> {
    let database = database("transactions").await?;
    let mut connection = connect(&database).await?;
    run(&mut connection, "create table t (id int primary key)").await?;
    run(&mut connection, "begin tran; insert t values (1); begin tran; insert t values (2)").await?;
    assert_eq!(number(&mut connection, "select @@trancount").await?, 2);
    assert_eq!(error_number(run(&mut connection, "insert t values (1)").await), 2627);
    run(&mut connection, "commit; commit").await?;
    assert_eq!(number(&mut connection, "select count(*) from t").await?, 2);
    run(&mut connection, "set xact_abort on; begin tran; insert t values (3)").await?;
    assert_eq!(error_number(run(&mut connection, "insert t values (3)").await), 2627);
    assert_eq!(number(&mut connection, "select @@trancount").await?, 0);
    assert_eq!(number(&mut connection, "select count(*) from t").await?, 2);
    assert_eq!(error_number(run(&mut connection, "commit").await), 3902);
    assert_eq!(error_number(run(&mut connection, "rollback").await), 3903);
    run(&mut connection, "if @@trancount > 0 rollback").await?;
    connection.begin_transaction().await?;
    run(&mut connection, "insert t values (4)").await?;
    connection.rollback_transaction().await?;
    connection.begin_transaction().await?;
    run(&mut connection, "insert t values (5)").await?;
    connection.commit_transaction().await?;
    assert_eq!(number(&mut connection, "select max(id) from t").await?, 5);
    assert_eq!(number(&mut connection, "select count(*) from t").await?, 3);
    Ok(())
}

#[tokio::test]
async fn snapshot_isolation_has_to_be_allowed() -> Result<()> {
    let database = database("isolation").await?;
    let mut first = connect(&database).await?;
    let mut second = connect(&database).await?;
    run(&mut first, "create table t (id int primary key, v int); insert t values (1, 0)").await?;
    run(&mut first, "set transaction isolation level snapshot; begin tran").await?;
    assert_eq!(error_number(run(&mut first, "select * from t").await), 3952);
    assert_eq!(
        number(
            &mut second,
            "select count(*) from sys.databases where snapshot_isolation_state = 1 and name = db_name()"
        )
        .await?,
        0
    );
    run(&mut second, "alter database current set allow_snapshot_isolation on").await?;
    run(&mut first, "begin tran").await?;
    assert_eq!(number(&mut first, "select v from t").await?, 0);
    run(&mut second, "update t set v = 5").await?;
    assert_eq!(number(&mut first, "select v from t").await?, 0);
    assert_eq!(error_number(run(&mut first, "update t set v = 6").await), 3960);
    run(&mut first, "set transaction isolation level read committed").await?;
    assert_eq!(number(&mut first, "select @@trancount").await?, 0);
    assert_eq!(number(&mut first, "select v from t").await?, 5);
    Ok(())
}

#[tokio::test]
async fn errors_have_the_numbers_of_sql_server() -> Result<()> {
    let database = database("errors").await?;
    let mut connection = connect(&database).await?;
    run(&mut connection, "create table t (id int not null primary key, name nvarchar(5) null, d date null)")
        .await?;
    for (sql, expected) in [
        ("select * from missing", 208),
        ("select * from dbo.missing", 208),
        ("select * from no_schema.missing", 208),
        ("select nothing from t", 207),
        ("select x.nothing from t x", 207),
        ("insert t (id) values (1), (1)", 2627),
        ("insert t (name) values (N'a')", 515),
        ("insert t (id, name) values (2, N'123456')", 2628),
        ("select cast(N'abc' as int)", 245),
        ("select cast(N'abc' as decimal(5,2))", 8114),
        ("select cast(N'abc' as date)", 241),
        ("select cast(N'abc' as uniqueidentifier)", 8169),
        ("select 1 / 0", 8134),
        ("select cast(99999 as smallint)", 8115),
        ("select @missing", 137),
        ("create table t (id int)", 2714),
        ("throw 50001, 'mine', 1", 50_001),
    ] {
        assert_eq!(error_number(run(&mut connection, sql).await), expected, "{sql}");
    }
    assert_eq!(number(&mut connection, "select 1").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlocks_and_lock_time_outs() -> Result<()> {
    let database = database("locks").await?;
    let mut first = connect(&database).await?;
    let mut second = connect(&database).await?;
    run(&mut first, "create table t (id int primary key, v int); insert t values (1, 0), (2, 0)").await?;
    run(&mut first, "begin tran; update t set v = 1 where id = 1").await?;
    run(&mut second, "set lock_timeout 100; begin tran; update t set v = 2 where id = 2").await?;
    assert_eq!(error_number(run(&mut second, "update t set v = 2 where id = 1").await), 1222);
    assert_eq!(number(&mut second, "select @@trancount").await?, 1);
    run(&mut second, "set lock_timeout -1").await?;
    let blocked = tokio::spawn(async move {
        let result = run(&mut second, "update t set v = 2 where id = 1").await;
        (second, result)
    });
    let result = run(&mut first, "update t set v = 1 where id = 2").await;
    let (mut second, other) = timeout(LIMIT, blocked).await??;
    // PostgreSQL chooses the victim.
    let (victim, failure) = if result.is_err() { (&mut first, result) } else { (&mut second, other) };
    assert_eq!(error_number(failure), 1205);
    assert_eq!(number(victim, "select @@trancount").await?, 0);
    Ok(())
}

#[tokio::test]
async fn an_attention_cancels_the_statement_and_nothing_else() -> Result<()> {
    let database = database("attention").await?;
    let mut connection = connect(&database).await?;
    run(&mut connection, "create table t (id int primary key); begin tran; insert t values (1)").await?;
    let started = Instant::now();
    let waits =
        timeout(PATIENCE, connection.simple_query("waitfor delay '00:01:00'; select 1")).await.is_err();
    assert!(waits, "the statement did not wait");
    connection.cancel_query().await?;
    assert!(started.elapsed() < LIMIT);
    assert_eq!(number(&mut connection, "select @@trancount").await?, 1);
    assert_eq!(number(&mut connection, "select count(*) from t").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_client_that_goes_takes_its_statement_along() -> Result<()> {
    let database = database("gone").await?;
    let mut connection = connect(&database).await?;
    let spid = number(&mut connection, "select @@spid").await?;
    let waits = timeout(PATIENCE, connection.simple_query("waitfor delay '00:01:00'")).await.is_err();
    assert!(waits);
    drop(connection);
    let mut other = connect(&database).await?;
    wattle_testbed::eventually(LIMIT, async || {
        let sql = format!("select count(*) from sys.dm_exec_sessions where session_id = {spid}");
        anyhow::ensure!(number(&mut other, &sql).await? == 0, "session {spid} is still there");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn connections_are_lost_and_found_again() -> Result<()> {
    let server = SqlServer::start().await?;
    let database = server.database("lost").await?;
    let proxy = server.proxy().await?;
    let mut through = connect_through(&database, &proxy).await?;
    let mut direct = connect(&database).await?;
    run(&mut direct, "create table t (id int primary key); begin tran; insert t values (1)").await?;
    assert_eq!(number(&mut through, "select 1").await?, 1);
    proxy.cut().await;
    assert!(timeout(LIMIT, number(&mut through, "select 1")).await?.is_err());
    proxy.set(Fault::Refuse).await?;
    assert!(connect_through(&database, &proxy).await.is_err());
    server.restart(Stop::Immediate).await?;
    assert!(timeout(LIMIT, number(&mut direct, "select 1")).await?.is_err());
    let mut direct = connect(&database).await?;
    assert_eq!(number(&mut direct, "select count(*) from t").await?, 0);
    server.stop(Stop::Fast).await?;
    assert!(timeout(LIMIT, connect(&database)).await?.is_err());
    server.start_again().await?;
    assert_eq!(number(&mut connect(&database).await?, "select 7").await?, 7);
    Ok(())
}
