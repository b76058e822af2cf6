//! Change tracking: netting, order of commit, the snapshot's version, truncation, clean-up, restore.

use std::collections::BTreeMap;

use crate::clients::{Connection, connect, connect_as, database, error_number, run};
use anyhow::{Context, Result};
use wattle_tds_simulator::{Database, Replica};

async fn tracked(label: &str) -> Result<Database> {
    let database = database(label).await?;
    database
        .sql(&format!(
            "create schema s
             go
             alter database [{}] set change_tracking = on (change_retention = 2 days, auto_cleanup = on)
             alter database current set allow_snapshot_isolation on
             create table s.t (k1 nvarchar(10) not null, k2 int not null, v int null, primary key (k1, k2))
             alter table s.t enable change_tracking with (track_columns_updated = off)",
            database.name()
        ))
        .await?;
    Ok(database)
}

async fn version(connection: &mut Connection) -> Result<i64> {
    let row = connection.simple_query("select change_tracking_current_version()").await?.into_row().await?;
    row.and_then(|row| row.get(0)).context("no version")
}

async fn minimum(connection: &mut Connection) -> Result<Option<i64>> {
    let sql = "select CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'[s].[t]'))";
    Ok(connection.simple_query(sql).await?.into_row().await?.and_then(|row| row.get(0)))
}

/// `key1/key2:operation`, in the order of versions.
async fn changes(connection: &mut Connection, since: i64) -> Result<Vec<String>> {
    let sql = "select ct.[k1], ct.[k2], ct.SYS_CHANGE_OPERATION, ct.SYS_CHANGE_VERSION \
               from CHANGETABLE(CHANGES [s].[t], @P1) as ct order by ct.SYS_CHANGE_VERSION, ct.k1, ct.k2";
    let rows = connection.query(sql, &[&since]).await?.into_first_result().await?;
    let text = |row: &tiberius::Row| {
        format!(
            "{}/{}:{}",
            row.get::<&str, _>(0).unwrap_or_default(),
            row.get::<i32, _>(1).unwrap_or_default(),
            row.get::<&str, _>(2).unwrap_or_default()
        )
    };
    Ok(rows.iter().map(text).collect())
}

#[tokio::test]
async fn changes_are_netted_per_key() -> Result<()> {
    let database = tracked("netting").await?;
    let mut connection = connect(&database).await?;
    run(
        &mut connection,
        "insert s.t values (N'old', 1, 0), (N'gone', 1, 0), (N'back', 1, 0), (N'moved', 1, 0)",
    )
    .await?;
    let since = version(&mut connection).await?;
    for sql in [
        "insert s.t values (N'new', 1, 0)",
        "update s.t set v = 1 where k1 = N'NEW '",
        "update s.t set v = 1 where k1 = N'old'",
        "delete s.t where k1 = N'gone'",
        "delete s.t where k1 = N'back'",
        "insert s.t values (N'BACK', 1, 2)",
        "update s.t set k2 = 2 where k1 = N'moved'",
        "insert s.t values (N'brief', 1, 0)",
        "delete s.t where k1 = N'brief'",
        "update s.t set v = 1 where k1 = N'nobody'",
    ] {
        run(&mut connection, sql).await?;
    }
    let mut found = changes(&mut connection, since).await?;
    found.sort();
    assert_eq!(found, ["BACK/1:U", "brief/1:D", "gone/1:D", "moved/1:D", "moved/2:I", "new/1:I", "old/1:U"]);
    // A statement that changed nothing has no version, every other has one.
    assert_eq!(version(&mut connection).await?, since + 9);
    assert!(changes(&mut connection, since + 9).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn changes_go_on_by_the_new_name_of_a_key_column() -> Result<()> {
    let database = tracked("renamed").await?;
    let mut connection = connect(&database).await?;
    run(&mut connection, "insert s.t values (N'a', 1, 0)").await?;
    run(&mut connection, "exec sp_rename 's.t.k2', 'other', 'COLUMN'").await?;
    run(&mut connection, "insert s.t (k1, other) values (N'b', 1)").await?;
    assert!(changes(&mut connection, 0).await.is_err(), "it is asked for by the old name");
    run(&mut connection, "exec sp_rename 's.t.other', 'k2', 'COLUMN'").await?;
    assert_eq!(changes(&mut connection, 0).await?, ["a/1:I", "b/1:I"]);
    Ok(())
}

#[tokio::test]
async fn what_is_rolled_back_leaves_no_change() -> Result<()> {
    let database = tracked("rollback").await?;
    let mut connection = connect(&database).await?;
    let before = version(&mut connection).await?;
    run(&mut connection, "begin transaction; insert s.t values (N'a', 1, 0); rollback").await?;
    assert_eq!(version(&mut connection).await?, before);
    run(&mut connection, "begin transaction; insert s.t values (N'b', 1, 0)").await?;
    assert_eq!(error_number(run(&mut connection, "insert s.t values (N'B ', 1, 0)").await), 2627);
    run(&mut connection, "insert s.t values (N'c', 1, 0); commit").await?;
    assert_eq!(changes(&mut connection, before).await?, ["b/1:I", "c/1:I"]);
    assert_eq!(version(&mut connection).await?, before + 1);
    Ok(())
}

#[tokio::test]
async fn identities_are_those_of_the_table() -> Result<()> {
    let database = tracked("numbered").await?;
    let mut connection = connect(&database).await?;
    run(
        &mut connection,
        "create table n (id int identity(40, 1) primary key, v int); alter table n enable change_tracking",
    )
    .await?;
    run(&mut connection, "insert n values (0)").await?;
    run(&mut connection, "begin transaction; insert n values (0); delete n where id = 40; insert s.t values (N'x', 1, 0); commit").await?;
    let sql = "select cast(scope_identity() as int), @@identity, (select count(*) from n with (nolock))";
    let row = connection.simple_query(sql).await?.into_row().await?.context("no row")?;
    assert_eq!((row.get::<i32, _>(0), row.get::<i32, _>(2)), (Some(41), Some(1)));
    Ok(())
}

/// The last command of a transaction counts, in whatever order the rows lie.
#[tokio::test]
async fn commands_of_one_transaction_are_netted_in_their_order() -> Result<()> {
    let database = tracked("commands").await?;
    let mut connection = connect(&database).await?;
    run(&mut connection, "insert s.t values (N'a', 1, 0), (N'b', 1, 0)").await?;
    let since = version(&mut connection).await?;
    let sql = "begin transaction; delete s.t where k1 = N'a'; insert s.t values (N'A', 1, 0); insert s.t values (N'c', 1, 0); \
               delete s.t where k1 in (N'b', N'c'); commit";
    run(&mut connection, sql).await?;
    assert_eq!(changes(&mut connection, since).await?, ["A/1:U", "b/1:D", "c/1:D"]);
    Ok(())
}

#[tokio::test]
async fn a_snapshot_has_its_own_version() -> Result<()> {
    let database = tracked("snapshot").await?;
    let mut reader = connect(&database).await?;
    let mut writer = connect(&database).await?;
    run(&mut writer, "insert s.t values (N'a', 1, 0)").await?;
    run(&mut reader, "set transaction isolation level snapshot; begin transaction").await?;
    let seen = version(&mut reader).await?;
    run(&mut writer, "insert s.t values (N'b', 1, 0)").await?;
    assert_eq!(version(&mut writer).await?, seen + 1);
    assert_eq!(version(&mut reader).await?, seen);
    assert_eq!(changes(&mut reader, 0).await?, ["a/1:I"]);
    run(&mut reader, "commit").await?;
    assert_eq!(changes(&mut reader, seen).await?, ["b/1:I"]);
    Ok(())
}

/// What was noted before is gone, and a snapshot from then must not find that nothing has changed.
#[tokio::test]
async fn a_snapshot_is_refused_the_changes_of_a_table_that_is_tracked_anew() -> Result<()> {
    let database = tracked("anew").await?;
    let mut reader = connect(&database).await?;
    let mut writer = connect(&database).await?;
    run(&mut writer, "insert s.t values (N'a', 1, 0)").await?;
    run(&mut reader, "set transaction isolation level snapshot; begin transaction").await?;
    version(&mut reader).await?;
    run(&mut writer, "alter table s.t disable change_tracking; alter table s.t enable change_tracking")
        .await?;
    let refused = changes(&mut reader, 0).await.err().context("it was answered")?;
    let said = format!("{refused:#}");
    anyhow::ensure!(said.contains("3961"), "{said}");
    Ok(())
}

/// A reader that remembers the version of its snapshot and asks for what came later never misses a change, however
/// transactions that began earlier and end later lie between.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn versions_become_visible_in_the_order_of_commit() -> Result<()> {
    const WRITERS: i32 = 6;
    const ROUNDS: i32 = 40;
    let database = tracked("order").await?;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let mut connection = connect(&database).await?;
        writers.spawn(async move {
            for round in 0..ROUNDS {
                run(&mut connection, "begin transaction").await?;
                for part in 0..=(writer % 3) {
                    let number = round * 10 + part;
                    connection
                        .execute("insert s.t values (@P1, @P2, 0)", &[&format!("w{writer}"), &number])
                        .await?;
                }
                run(&mut connection, "commit").await?;
            }
            anyhow::Ok(())
        });
    }
    let mut reader = connect(&database).await?;
    run(&mut reader, "set transaction isolation level snapshot").await?;
    let mut known = BTreeMap::new();
    let mut since = 0;
    loop {
        let finished = writers.is_empty();
        while let Some(done) = writers.try_join_next() {
            done??;
        }
        run(&mut reader, "begin transaction").await?;
        let now = version(&mut reader).await?;
        for change in changes(&mut reader, since).await? {
            assert!(known.insert(change.clone(), now).is_none(), "{change} came twice");
        }
        let count: Option<i32> = reader
            .simple_query("select count(*) from s.t")
            .await?
            .into_row()
            .await?
            .and_then(|row| row.get(0));
        assert_eq!(
            count,
            Some(i32::try_from(known.len())?),
            "rows of the snapshot and changes up to its version {now}"
        );
        run(&mut reader, "commit").await?;
        since = now;
        if finished {
            break;
        }
    }
    let expected: i32 = (0..WRITERS).map(|writer| ROUNDS * (writer % 3 + 1)).sum();
    assert_eq!(i32::try_from(known.len())?, expected);
    Ok(())
}

#[tokio::test]
async fn truncation_only_raises_the_minimum() -> Result<()> {
    let database = tracked("truncate").await?;
    let mut connection = connect(&database).await?;
    run(&mut connection, "insert s.t values (N'a', 1, 0)").await?;
    let before = version(&mut connection).await?;
    assert!(minimum(&mut connection).await?.unwrap() <= before);
    run(&mut connection, "truncate table s.t").await?;
    assert!(changes(&mut connection, 0).await?.is_empty());
    let minimum = minimum(&mut connection).await?.unwrap();
    assert!(minimum > before);
    assert_eq!(version(&mut connection).await?, minimum);
    Ok(())
}

#[tokio::test]
async fn clean_up_and_restore() -> Result<()> {
    let database = tracked("restore").await?;
    let mut connection = connect(&database).await?;
    run(&mut connection, "insert s.t values (N'a', 1, 0); insert s.t values (N'b', 1, 0)").await?;
    let before = version(&mut connection).await?;
    database.forget_changes("s.t", before).await?;
    assert_eq!(minimum(&mut connection).await?, Some(before));
    let fork = "select recovery_fork_guid from sys.database_recovery_status where database_id = db_id()";
    let first_fork = database.value(fork).await?;
    let backup = database.back_up().await?;
    let mut connection = connect(&database).await?;
    run(&mut connection, "insert s.t values (N'lost', 1, 0)").await?;
    assert_eq!(version(&mut connection).await?, before + 1);
    database.restore(&backup).await?;
    assert!(connection.simple_query("select 1").await.is_err(), "the session survived the restore");
    let mut connection = connect(&database).await?;
    assert_eq!(version(&mut connection).await?, before);
    assert_ne!(database.value(fork).await?, first_fork);
    run(&mut connection, "insert s.t values (N'other', 1, 0)").await?;
    assert_eq!(changes(&mut connection, before).await?, ["other/1:I"]);
    Ok(())
}

#[tokio::test]
async fn what_is_missing_is_said() -> Result<()> {
    let database = database("missing").await?;
    let mut connection = connect(&database).await?;
    run(
        &mut connection,
        "create table plain (a int not null); create table keyed (a int not null primary key)",
    )
    .await?;
    let first: Option<i64> = connection
        .simple_query("select change_tracking_current_version()")
        .await?
        .into_row()
        .await?
        .and_then(|row| row.get(0));
    assert_eq!(first, None);
    assert_eq!(error_number(run(&mut connection, "alter table keyed enable change_tracking").await), 5089);
    run(&mut connection, "alter database current set change_tracking = on").await?;
    assert_eq!(
        error_number(run(&mut connection, "alter database current set change_tracking = on").await),
        5088
    );
    assert_eq!(error_number(run(&mut connection, "alter table plain enable change_tracking").await), 4997);
    assert_eq!(
        error_number(run(&mut connection, "select * from changetable(changes dbo.keyed, 0) ct").await),
        22105
    );
    assert_eq!(
        error_number(run(&mut connection, "select * from changetable(changes dbo.nothing, 0) ct").await),
        208
    );
    run(&mut connection, "alter table keyed enable change_tracking").await?;
    assert_eq!(error_number(run(&mut connection, "alter table keyed enable change_tracking").await), 4996);
    assert_eq!(
        error_number(run(&mut connection, "alter database current set change_tracking = off").await),
        22115
    );
    database.act_as(Replica::Secondary).await?;
    assert_eq!(
        error_number(run(&mut connection, "select * from changetable(changes dbo.keyed, 0) ct").await),
        22117
    );
    database.act_as(Replica::Primary).await?;
    run(&mut connection, "drop table keyed; create table keyed (a int not null primary key)").await?;
    run(
        &mut connection,
        "alter table keyed enable change_tracking; alter table keyed disable change_tracking",
    )
    .await?;
    run(&mut connection, "alter database current set change_tracking = off").await?;
    Ok(())
}

#[tokio::test]
async fn a_login_sees_changes_when_it_may() -> Result<()> {
    let database = tracked("granted").await?;
    let login = database.server().unique_name("reader");
    database.login(&login, "pw").await?;
    let mut reader = connect_as(&database, &login, "pw").await?;
    let see = "select count(*) from changetable(changes s.t, 0) ct";
    let perms = "select has_perms_by_name(N'[s].[t]', 'OBJECT', 'SELECT'), has_perms_by_name(N'[s].[t]', 'OBJECT', 'VIEW CHANGE TRACKING')";
    assert_eq!(minimum(&mut reader).await?, None);
    assert_eq!(error_number(run(&mut reader, "select * from s.t").await), 229);
    database.sql(&format!("grant select on schema::s to [{login}]")).await?;
    run(&mut reader, "select * from s.t").await?;
    assert_eq!(error_number(run(&mut reader, see).await), 229);
    database.sql(&format!("grant view change tracking on s.t to [{login}]")).await?;
    run(&mut reader, see).await?;
    assert!(minimum(&mut reader).await?.is_some());
    let row = reader.simple_query(perms).await?.into_row().await?.context("no row")?;
    assert_eq!((row.get::<i32, _>(0), row.get::<i32, _>(1)), (Some(1), Some(1)));
    assert_eq!(error_number(run(&mut reader, "delete from s.t").await), 229);
    database.sql(&format!("revoke view change tracking on s.t from [{login}]")).await?;
    assert_eq!(error_number(run(&mut reader, see).await), 229);
    Ok(())
}

#[tokio::test]
async fn a_renamed_table_keeps_its_changes_and_its_object() -> Result<()> {
    let database = tracked("renamed").await?;
    let mut connection = connect(&database).await?;
    let object = "select concat(object_id('s.t'), ' ', object_id('s.Other Name'))";
    let before = database.value(object).await?.unwrap_or_default();
    database.sql("insert into s.t (k1, k2) values ('a', 1)").await?;
    let since = version(&mut connection).await?;
    database
        .sql("exec sp_rename 's.t', 'Other Name'; insert into s.[Other Name] (k1, k2) values ('b', 1)")
        .await?;
    assert_eq!(database.value(object).await?.unwrap_or_default().trim(), before.trim());
    assert_eq!(
        database
            .value("select name from sys.tables where object_id = object_id('s.other name')")
            .await?
            .as_deref(),
        Some("Other Name")
    );
    database.sql("exec sp_rename 's.[Other Name]', 't'; exec sp_rename 's.t.v', 'Value', 'COLUMN'").await?;
    assert_eq!(changes(&mut connection, since).await?, ["b/1:I"]);
    assert_eq!(database.value("select max([Value]) from s.t").await?, None);
    Ok(())
}
