//! The private PostgreSQL servers, against the real thing.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio_postgres::NoTls;
use wattle_testbed::{Postgres, Stop, Wattle, eventually};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_server_starts_with_logical_wal_and_the_settings_asked_for() -> Result<()> {
    let started = Instant::now();
    let postgres =
        Postgres::builder().setting("fsync", "on").setting("max_connections", "33").start().await?;
    println!("started in {:?}", started.elapsed());
    let rows = postgres
        .psql("postgres", "show wal_level; show fsync; show max_connections; show max_slot_wal_keep_size")
        .await?;
    let values: Vec<_> = rows.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(values, ["logical", "on", "33", "2GB"]);
    Ok(())
}

#[tokio::test]
async fn every_role_needs_its_password() -> Result<()> {
    let database = Postgres::shared().await?.database("roles").await?;
    let role = database.server().unique_name("reader");
    database.psql(&format!("create role {role} login password 'right'")).await?;
    tokio_postgres::connect(&database.url_as(&role, "right"), NoTls).await.map(drop)?;
    for (role, password) in [(role.as_str(), "wrong"), ("postgres", "postgres")] {
        let refused = tokio_postgres::connect(&database.url_as(role, password), NoTls).await.err().unwrap();
        assert_eq!(refused.code().unwrap().code(), "28P01", "{role} with a wrong password: {refused}");
    }
    Ok(())
}

#[tokio::test]
async fn a_crash_keeps_committed_rows_the_port_and_the_slots() -> Result<()> {
    let postgres = Postgres::start().await?;
    let database = postgres.database("crash").await?;
    database.psql("create table kept (id int); insert into kept select generate_series(1, 1000)").await?;
    database.psql("select pg_create_logical_replication_slot('feed', 'pgoutput')").await?;
    let before = postgres.address();
    for how in [Stop::Immediate, Stop::Fast] {
        let client = database.client().await?;
        postgres.restart(how).await?;
        assert!(client.simple_query("select 1").await.is_err(), "an old session must not outlive the server");
        assert_eq!(postgres.address(), before);
        assert_eq!(database.value("select count(*) from kept").await?.as_deref(), Some("1000"));
        assert_eq!(
            database.value("select slot_name from pg_replication_slots").await?.as_deref(),
            Some("feed")
        );
    }
    assert!(
        postgres.log().contains("was not properly shut down"),
        "the immediate stop must look like a crash"
    );
    Ok(())
}

#[tokio::test]
async fn a_stopped_server_refuses_and_starts_again() -> Result<()> {
    let postgres = Postgres::start().await?;
    postgres.stop(Stop::Fast).await?;
    assert!(postgres.client("postgres").await.is_err());
    assert!(postgres.stop(Stop::Fast).await.is_err());
    postgres.start_again().await?;
    assert!(postgres.start_again().await.is_err());
    postgres.psql("postgres", "select 1").await?;
    Ok(())
}

#[tokio::test]
async fn a_setting_is_in_force_when_set_returns() -> Result<()> {
    let postgres = Postgres::start().await?;
    for size in ["5MB", "6MB", "7MB"] {
        postgres.set("work_mem", size).await?;
        assert_eq!(postgres.psql("postgres", "show work_mem").await?, [[Some(size.to_owned())]]);
    }
    postgres.set("wal_level", "replica").await?;
    assert_eq!(postgres.psql("postgres", "show wal_level").await?, [[Some("logical".to_owned())]]);
    postgres.restart(Stop::Fast).await?;
    assert_eq!(postgres.psql("postgres", "show wal_level").await?, [[Some("replica".to_owned())]]);
    Ok(())
}

#[tokio::test]
async fn a_standby_replays_late_when_asked_to_and_survives_its_own_restart() -> Result<()> {
    let primary = Postgres::start().await?;
    let database = primary.database("copied").await?;
    database.psql("create table row (id int)").await?;
    let standby = primary.standby(&[]).await?;
    let late = primary.standby(&[("recovery_min_apply_delay", "1h")]).await?;
    standby.stop(Stop::Fast).await?;
    database.psql("insert into row values (1)").await?;
    standby.start_again().await?;
    let count = "select count(*) from row";
    eventually(LIMIT, async || {
        let rows = standby.psql(database.name(), count).await?;
        ensure!(rows == [[Some("1".to_owned())]], "the standby has {rows:?}");
        Ok(())
    })
    .await?;
    assert_eq!(late.psql(database.name(), count).await?, [[Some("0".to_owned())]]);
    assert!(standby.psql(database.name(), "insert into row values (2)").await.is_err());
    let senders = primary.psql("postgres", "select count(*) from pg_stat_replication").await?;
    assert_eq!(senders, [[Some("2".to_owned())]]);
    Ok(())
}

#[tokio::test]
async fn servers_share_an_identity_unless_asked_not_to() -> Result<()> {
    let (one, other) = (Postgres::start().await?, Postgres::builder().own_identity().start().await?);
    let identity = "select system_identifier from pg_control_system()";
    assert_ne!(one.psql("postgres", identity).await?, other.psql("postgres", identity).await?);
    assert_ne!(one.superuser_password(), other.superuser_password());
    Ok(())
}

#[tokio::test]
async fn the_shared_server_forgets_a_database_with_its_sessions_and_slots() -> Result<()> {
    let postgres = Postgres::shared().await?;
    let database = postgres.database("passing").await?;
    let name = database.name().to_owned();
    let client = database.client().await?;
    database.psql("select pg_create_logical_replication_slot('passing_feed', 'pgoutput')").await?;
    drop(database);
    let left = format!(
        "select 1 from pg_database where datname = '{name}' \
         union all select 1 from pg_replication_slots where database = '{name}'"
    );
    // Nobody waits for the removal where the handle is dropped.
    eventually(LIMIT, async || {
        ensure!(postgres.psql("postgres", &left).await?.is_empty(), "it is still there");
        Ok(())
    })
    .await?;
    assert!(client.simple_query("select 1").await.is_err());
    Ok(())
}

#[tokio::test]
async fn statements_are_counted_per_database_role_and_shape() -> Result<()> {
    let server = Postgres::shared().await?;
    let (database, other) = (server.database("counted").await?, server.database("other").await?);
    database.psql("create table bill (id int)").await?;
    database.reset_statements().await?;
    let (client, stranger) = (database.client().await?, other.client().await?);
    for id in 0..5_i32 {
        client.execute("insert into bill values ($1)", &[&id]).await?;
        stranger.execute("select 1", &[]).await?;
    }
    client.batch_execute("select * from bill where id < 3; select * from bill where id < 4").await?;
    let statements = database.statements().await?;
    let seen: Vec<_> = statements.iter().map(|seen| (seen.query.as_str(), seen.calls, seen.rows)).collect();
    assert_eq!(seen, [("insert into bill values ($1)", 5, 5), ("select * from bill where id < $1", 2, 7)]);
    assert!(statements.iter().all(|seen| seen.role == "postgres"));
    Ok(())
}

#[tokio::test]
async fn dropping_a_server_ends_it_and_removes_its_folder() -> Result<()> {
    let postgres = Postgres::start().await?;
    let (folder, url) = (postgres.folder(), postgres.superuser_url());
    let database = postgres.database("busy").await?;
    let client = database.client().await?;
    let busy =
        tokio::spawn(
            async move { client.simple_query("select count(*) from generate_series(1, 1e10)").await },
        );
    drop(postgres);
    assert!(folder.exists(), "a database keeps its server");
    drop(database);
    assert!(!folder.exists());
    assert!(tokio_postgres::connect(&url, NoTls).await.is_err());
    assert!(busy.await?.is_err());
    Ok(())
}

#[tokio::test]
async fn a_killed_test_process_leaves_no_server_behind() -> Result<()> {
    let holder = Wattle::at(env!("CARGO_BIN_EXE_wattle-testbed")).start()?;
    let url = holder.line("export PG=", LIMIT).await?.replace("export PG=", "") + "/postgres";
    let said = holder.line("runs in ", LIMIT).await?;
    let folder =
        said.split("runs in ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default().to_owned();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    let session = tokio::spawn(connection);
    client.simple_query("select 1").await?;
    holder.kill()?;
    assert!(!holder.exit(LIMIT).await?.success());
    assert!(session.await?.is_err(), "the session must end with its server");
    eventually(LIMIT, async || {
        ensure!(tokio_postgres::connect(&url, NoTls).await.is_err(), "the server still answers");
        ensure!(!std::path::Path::new(&folder).exists(), "{folder} is still there");
        Ok(())
    })
    .await
}
