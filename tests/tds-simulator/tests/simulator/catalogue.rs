//! The catalogue, as Wattle's adapter reads it.

use anyhow::Result;

use crate::clients::{connect, connect_as, database};

fn texts(rows: &[wattle_tds_simulator::Row]) -> Vec<String> {
    rows.iter()
        .map(|row| row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join("|"))
        .collect()
}

const TABLES: &str = "
create schema Bill
go
create table Bill.Invoice (InvoiceId uniqueidentifier not null, LineNo int not null, Total money null, Name nvarchar(50) not null,
    Code varchar(10) collate Latin1_General_BIN2 null, Rate decimal(18,6) null, At datetime2(3) null, Note nvarchar(max) null,
    constraint PK_Invoice primary key clustered (InvoiceId, LineNo desc))
create unique nonclustered index UX_Name on Bill.Invoice (Name) where Code is not null
";

#[tokio::test]
async fn tables_columns_and_indexes() -> Result<()> {
    let database = database("catalogue").await?;
    database.sql(TABLES).await?;
    let columns = "select c.name, ty.name, c.max_length, c.precision, c.scale, c.is_nullable, c.collation_name from sys.columns c \
        join sys.types ty on ty.user_type_id = c.system_type_id where c.object_id = object_id(N'[bill].[INVOICE]') order by c.column_id";
    assert_eq!(
        texts(&database.sql(columns).await?),
        [
            "InvoiceId|uniqueidentifier|16|0|0|0|NULL",
            "LineNo|int|4|10|0|0|NULL",
            "Total|money|8|19|4|1|NULL",
            "Name|nvarchar|100|0|0|0|SQL_Latin1_General_CP1_CI_AS",
            "Code|varchar|10|0|0|1|Latin1_General_BIN2",
            "Rate|decimal|9|18|6|1|NULL",
            "At|datetime2|8|27|3|1|NULL",
            "Note|nvarchar|-1|0|0|1|SQL_Latin1_General_CP1_CI_AS",
        ]
    );
    let indexes = "select i.name, i.is_unique, i.is_primary_key, c.name, i.has_filter, ic.key_ordinal from sys.indexes i \
        join sys.index_columns ic on ic.object_id = i.object_id and ic.index_id = i.index_id \
        join sys.columns c on c.object_id = ic.object_id and c.column_id = ic.column_id \
        where i.object_id in (object_id(N'Bill.Invoice')) and ic.key_ordinal > 0 order by i.object_id, i.index_id, ic.key_ordinal";
    assert_eq!(
        texts(&database.sql(indexes).await?),
        ["PK_Invoice|1|1|InvoiceId|0|1", "PK_Invoice|1|1|LineNo|0|2", "UX_Name|1|0|Name|1|1"]
    );
    let tables = "select 0 as ord, s.name, t.name, t.type, (select sum(p.rows) from sys.partitions p where p.object_id = t.object_id \
        and p.index_id in (0, 1)) from sys.objects t join sys.schemas s on s.schema_id = t.schema_id where t.object_id = object_id(N'Bill.Invoice') \
        union all select 1, table_schema, table_name, table_type, null from information_schema.tables order by 1";
    assert_eq!(texts(&database.sql(tables).await?), ["0|Bill|Invoice|U|0", "1|Bill|Invoice|BASE TABLE|NULL"]);
    Ok(())
}

#[tokio::test]
async fn the_database_and_its_identity() -> Result<()> {
    let database = database("identity").await?;
    database.sql("alter database current set change_tracking = on (change_retention = 3 hours, auto_cleanup = off)").await?;
    let check = "select cast(serverproperty('ProductVersion') as nvarchar(64)), d.compatibility_level, d.snapshot_isolation_state, \
        d.is_read_only, ct.is_auto_cleanup_on, ct.retention_period, ct.retention_period_units from sys.databases d \
        left join sys.change_tracking_databases ct on ct.database_id = d.database_id where d.database_id = db_id()";
    assert_eq!(texts(&database.sql(check).await?), ["15.0.4000.0|150|0|0|0|3|2"]);
    let identity = "select cast(d.service_broker_guid as char(36)), cast(r.recovery_fork_guid as char(36)), convert(varchar(33), d.create_date, 126) \
        from sys.databases d left join sys.database_recovery_status r on r.database_id = d.database_id where d.database_id = db_id()";
    let mut connection = connect(&database).await?;
    let row = connection.simple_query(identity).await?.into_row().await?.unwrap();
    assert_eq!(row.get::<&str, _>(0).map(str::len), Some(36));
    let other = database.server().database("identity").await?;
    assert_ne!(other.sql(identity).await?, database.sql(identity).await?);
    Ok(())
}

#[tokio::test]
async fn a_login_sees_what_it_may_use() -> Result<()> {
    let database = database("visible").await?;
    database.sql(TABLES).await?;
    let login = database.server().unique_name("narrow");
    database.login(&login, "pw").await?;
    let mut narrow = connect_as(&database, &login, "pw").await?;
    let sql = "select count(*), object_id(N'Bill.Invoice'), user_name() from sys.tables";
    let row = narrow.simple_query(sql).await?.into_row().await?.unwrap();
    assert_eq!((row.get::<i32, _>(0), row.get::<i32, _>(1)), (Some(0), None));
    assert_eq!(row.get::<&str, _>(2), Some(login.as_str()));
    database.sql(&format!("grant select on Bill.Invoice (InvoiceId, LineNo) to [{login}]")).await?;
    let row = narrow.simple_query(sql).await?.into_row().await?.unwrap();
    assert_eq!(row.get::<i32, _>(0), Some(1));
    assert!(row.get::<i32, _>(1).is_some());
    narrow.simple_query("select LineNo from Bill.Invoice").await?.into_results().await?;
    let perms = "select has_perms_by_name(N'Bill.Invoice', 'OBJECT', 'SELECT'), \
        has_perms_by_name(N'Bill.Invoice', 'OBJECT', 'SELECT', 'LineNo', 'COLUMN'), has_perms_by_name(N'Bill.Nothing', 'OBJECT', 'SELECT')";
    let row = narrow.simple_query(perms).await?.into_row().await?.unwrap();
    assert_eq!((row.get::<i32, _>(0), row.get::<i32, _>(1), row.get::<i32, _>(2)), (Some(0), Some(1), None));
    Ok(())
}

#[tokio::test]
async fn names_compare_without_case_and_an_altered_table_says_so() -> Result<()> {
    let database = database("altered").await?;
    database.sql("create table Thing (Id int not null primary key)").await?;
    let by_name = "select s.name, o.name from sys.objects o join sys.schemas s on s.schema_id = o.schema_id \
        where o.type in ('U', 'V') and ((s.name = schema_name() and o.name = N'THING') or (s.name = N'DBO' and o.name = N'none'))";
    assert_eq!(texts(&database.sql(by_name).await?), ["dbo|Thing"]);
    let modified = "select convert(varchar(33), t.modify_date, 126) from sys.tables t where t.object_id = object_id(N'[dbo].[Thing]')";
    let before = database.value(modified).await?;
    database.sql("insert into Thing values (1)").await?;
    assert_eq!(database.value(modified).await?, before);
    database.sql("alter table [Thing] add [More] int").await?;
    assert_ne!(database.value(modified).await?, before);
    Ok(())
}
