//! Statements as Wattle's adapter sends them, and what is refused.

use crate::clients::{connect, database, error_number, run};
use anyhow::Result;
use wattle_tds_simulator::Database;

const TABLES: &str = "
create schema cust
go
create table cust.Account (AccountNo varchar(20) not null, Seq int not null, Balance money null, Changed datetime2(7) not null,
    Id uniqueidentifier not null default newid(), Active bit not null default 1, constraint PK_Account primary key clustered (AccountNo, Seq))
create index IX_Account_Changed on cust.Account (Changed)
insert into cust.Account (AccountNo, Seq, Balance, Changed) values ('A-1', 1, 10.5, '2026-01-01T10:00:00'), ('a-2', 7, null, '2026-01-02'), ('B-3', 2, -1, '2026-01-03')
";

async fn accounts(label: &str) -> Result<Database> {
    let database = database(label).await?;
    database.sql(TABLES).await?;
    Ok(database)
}

fn texts(rows: &[wattle_tds_simulator::Row]) -> Vec<String> {
    rows.iter()
        .map(|row| row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join("|"))
        .collect()
}

#[tokio::test]
async fn keys_are_paged_by_the_order_of_the_database() -> Result<()> {
    let database = accounts("keys").await?;
    let mut connection = connect(&database).await?;
    let sql = "select top (1001) [AccountNo] as text_0, [Seq] as int_1 from cust.Account where [AccountNo] is not null \
               and ([AccountNo] > cast(@P1 collate Latin1_General_CI_AS as varchar(20)) \
               or ([AccountNo] = cast(@P1 collate Latin1_General_CI_AS as varchar(20)) and [Seq] > cast(@P2 as int))) \
               order by [AccountNo], [Seq]";
    let rows = connection.query(sql, &[&"a-1 ", &"1"]).await?.into_first_result().await?;
    let keys: Vec<_> = rows.iter().map(|row| row.get::<&str, _>("text_0").unwrap()).collect();
    assert_eq!(keys, ["a-2", "B-3"]);
    let rows = connection.query(sql, &[&"a-1", &"0"]).await?.into_first_result().await?;
    assert_eq!(rows.len(), 3);
    Ok(())
}

#[tokio::test]
async fn keys_as_json_find_their_rows_with_the_ordinal() -> Result<()> {
    let database = accounts("packs").await?;
    let mut connection = connect(&database).await?;
    let sql = "select k.ord as [$ord], t.AccountNo as [account.number], t.Balance from (select ord, cast(c0 collate \
               SQL_Latin1_General_CP1_CI_AS as varchar(20)) as [AccountNo], c1 as [Seq] from openjson(@P1) with (ord int '$[0]', \
               c0 nvarchar(20) '$[1]', c1 int '$[2]')) k join cust.Account t on t.AccountNo = k.AccountNo and t.Seq = k.Seq \
               where @P2 is not null order by k.ord";
    let keys = r#"[[0,"a-1 ","1"],[1,"A-2",7],[2,"none",1]]"#;
    let rows = connection.query(sql, &[&keys, &"unused"]).await?.into_first_result().await?;
    assert_eq!(rows[0].columns()[1].name(), "account.number");
    assert_eq!(rows[0].columns()[0].name(), "$ord");
    let found: Vec<_> = rows.iter().map(|row| (row.get::<i32, _>(0), row.get::<&str, _>(1))).collect();
    assert_eq!(found, [(Some(0), Some("A-1")), (Some(1), Some("a-2"))]);
    let collated = "select AccountNo from openjson(@P1) with ([ord] int '$.n', [AccountNo] nvarchar(20) collate \
                    Latin1_General_CI_AS, deep decimal(10,2) '$.a.b[1]') k where k.AccountNo = N'X-1' and deep = 1.25";
    let rows = connection.query(collated, &[&r#"{"n":1,"AccountNo":"x-1","a":{"b":[0,1.25]}}"#]).await?;
    assert_eq!(rows.into_first_result().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn apply_top_functions_and_text() -> Result<()> {
    let database = accounts("functions").await?;
    let rows = database
        .sql("select a.AccountNo, x.n, isnull(a.Balance, 0) + 1, iif(a.Active = 1, N'yes', N'no') from cust.Account a \
              outer apply (select top 1 b.Seq as n from cust.Account b where b.Seq > a.Seq order by b.Seq) x order by a.Seq")
        .await?;
    assert_eq!(texts(&rows), ["A-1|2|11.5000|yes", "B-3|7|0.0000|yes", "a-2|NULL|1.0000|yes"]);
    let rows = database
        .sql("select N'a ' + N'b', len(N'ab  '), cast(1.50 as nvarchar(10)), convert(varchar(33), cast('2026-01-02T03:04:05.678' as datetime2), 126), \
              dateadd(day, 1, cast('2026-01-31' as date)), (select count(*) from cust.Account where AccountNo = N'a-1 '), concat(N'x', 1, null, N'y'), \
              cast('ABCDEF' as varchar(3)), 7 / 2")
        .await?;
    assert_eq!(texts(&rows), ["a b|2|1.50|2026-01-02T03:04:05.6780000|2026-02-01|1|x1y|ABC|3"]);
    let rows = database
        .sql("select AccountNo as [a.b], Seq as [s] from cust.Account where Seq = 1 for json path")
        .await?;
    assert_eq!(texts(&rows), [r#"[{"a":{"b":"A-1"},"s":1}]"#]);
    Ok(())
}

#[tokio::test]
async fn statements_that_change_rows() -> Result<()> {
    let database = accounts("changes").await?;
    let mut connection = connect(&database).await?;
    let changed = connection
        .execute("update a set Balance = Balance + @P1 from cust.Account a join (values ('A-1')) v(no) on v.no = a.AccountNo", &[&1_i32])
        .await?;
    assert_eq!(changed.total(), 1);
    let row = connection
        .query("insert into cust.Account (AccountNo, Seq, Changed) output inserted.Id, inserted.Active values (@P1, 9, sysutcdatetime())", &[&"C"])
        .await?
        .into_row()
        .await?
        .unwrap();
    assert!(row.get::<uuid::Uuid, _>("Id").is_some());
    assert_eq!(row.get::<bool, _>(1), Some(true));
    assert_eq!(connection.execute("delete from cust.Account where Seq in (9, 7)", &[]).await?.total(), 2);
    let left = database.sql("delete a from cust.Account a where a.Seq = 2; select AccountNo, Balance from cust.Account; select @@rowcount").await?;
    assert_eq!(texts(&left), ["A-1|11.5000", "1"]);
    Ok(())
}

/// The statements of the adapter, word for word.
#[tokio::test]
async fn the_adapter_is_understood() -> Result<()> {
    let database = accounts("adapter").await?;
    database
        .sql("alter database current set allow_snapshot_isolation on; alter database current set change_tracking = on; \
              alter table cust.Account enable change_tracking")
        .await?;
    let mut connection = connect(&database).await?;
    run(
        &mut connection,
        "set quoted_identifier on; set ansi_nulls on; set xact_abort on; set lock_timeout 5000; \
         set transaction isolation level snapshot",
    )
    .await?;
    run(&mut connection, "begin transaction").await?;
    run(&mut connection, "select change_tracking_current_version(), sysutcdatetime()").await?;
    let term = "object_id(N'[cust].[Account]'), change_tracking_min_valid_version(object_id(N'[cust].[Account]')), \
                (select convert(varchar(33), t.modify_date, 126) from sys.tables t where t.object_id = object_id(N'[cust].[Account]'))";
    let terms = format!("select 0 as ord, {term} union all select 1, {term} order by 1");
    let changes = "select top (100001) ct.SYS_CHANGE_VERSION, ct.SYS_CHANGE_OPERATION, ct.[AccountNo] from \
                   changetable(changes [cust].[Account], 0) ct where ct.SYS_CHANGE_VERSION <= 23 order by ct.SYS_CHANGE_VERSION";
    let results =
        connection.simple_query(format!("{terms}; {changes}; commit; if @@trancount > 0 rollback")).await?;
    let results = results.into_results().await?;
    assert_eq!(results[0].len(), 2);
    assert_eq!(results[0][1].get::<i64, _>(2), Some(0));
    let resolve = "select top (1001) c0 as text_0 from (select distinct t1.[AccountNo] as c0 from (select ord, cast(c0 as uniqueidentifier) \
                   as [Id] from openjson(@P1) with (ord int '$[0]', c0 nvarchar(36) '$[1]')) k join cust.Account t1 on t1.[Id] = k.[Id] \
                   where t1.[AccountNo] is not null and (t1.AccountNo > cast(@P2 collate SQL_Latin1_General_CP1_CI_AS as varchar(20)))) found \
                   where 1 = 1 order by c0";
    let id = database.value("select Id from cust.Account where Seq = 2").await?;
    let keys = format!(r#"[[0,"{}"]]"#, id.unwrap_or_default().to_uppercase());
    let rows = connection.query(resolve, &[&keys, &"a"]).await?.into_first_result().await?;
    assert_eq!(rows[0].get::<&str, _>("text_0"), Some("B-3"));
    let now = "select cast(@P2 as datetime2), @P1, count(*) from cust.Account where Changed < cast(@P2 as datetime2)";
    let row = connection.query(now, &[&"[]", &"2026-11-26T13:20:01.123456"]).await?.into_row().await?;
    assert_eq!(row.and_then(|row| row.get::<i32, _>(2)), Some(3));
    Ok(())
}

#[tokio::test]
async fn a_long_condition_is_no_trouble() -> Result<()> {
    let database = accounts("long").await?;
    let mut connection = connect(&database).await?;
    let conditions: Vec<_> =
        (0..400).map(|number| format!("(Seq = {number} and AccountNo = N'a-{number}')")).collect();
    let sql = format!("select count(*) from cust.Account where {}", conditions.join(" or "));
    let row = connection.simple_query(sql).await?.into_row().await?;
    assert_eq!(row.and_then(|row| row.get::<i32, _>(0)), Some(1));
    Ok(())
}

#[tokio::test]
async fn identity_columns_number_their_rows() -> Result<()> {
    let database = database("identity").await?;
    let rows = database
        .sql("create table t (id int identity(10, 5) not null primary key, name nvarchar(10) null);
              insert into t (name) values (N'a'), (N'b');
              set identity_insert t on; insert into t (id, name) values (100, N'c'); set identity_insert t off;
              insert into t (name) values (N'd');
              select scope_identity(); select id, name from t order by id")
        .await?;
    assert_eq!(texts(&rows), ["105", "10|a", "15|b", "100|c", "105|d"]);
    let mut connection = connect(&database).await?;
    assert_eq!(error_number(run(&mut connection, "insert into t (id, name) values (1, N'x')").await), 544);
    Ok(())
}

#[tokio::test]
async fn variables_and_conditions() -> Result<()> {
    let database = accounts("variables").await?;
    let rows = database
        .sql("declare @n int = 2, @t nvarchar(10); set @t = N'x'; if @n > 1 begin select @t + N'y'; set @n = @n + 1 end else select N'no'; \
              if not exists (select 1 from cust.Account where Seq = @n) print 'none'; select @n; if @@trancount > 0 rollback; \
              if object_id(N'dbo.nothing') is null create table nothing (a int)")
        .await?;
    assert_eq!(texts(&rows), ["xy", "3"]);
    Ok(())
}

#[tokio::test]
async fn what_is_not_known_is_refused_by_name() -> Result<()> {
    let database = database("refused").await?;
    let mut connection = connect(&database).await?;
    for unknown in [
        "exec sp_who",
        "create procedure p as select 1",
        "while 1 = 1 select 1",
        "select no_such_function(1)",
        "declare @v int; select @v = 1",
        "merge into a using b on 1 = 1 when matched then delete;",
        "begin try select 1 end try begin catch select 2 end catch",
        "select * from other.dbo.t",
        "dbcc checkdb",
        "select * from sys.tables with (readpast)",
        "select 1 where N'a' like N'[a-z]'",
        "bulk insert t from 'x'",
    ] {
        let error = connection.simple_query(unknown).await;
        let error = match error {
            Ok(stream) => stream.into_results().await.map(drop),
            Err(failure) => Err(failure),
        };
        let text = format!("{error:?}");
        assert_eq!(error_number(error), 50_000, "{unknown}: {text}");
        assert!(text.contains("simulator"), "{text}");
    }
    assert_eq!(error_number(run(&mut connection, "select from where").await), 102);
    Ok(())
}
