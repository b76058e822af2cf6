//! What a retailer's administrators do to their own database, and put right again.

use anyhow::{Context, Result};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use wattle_sqlserver::Capture;
use wattle_testbed::eventually;

use crate::scene::{PATIENCE, Retailer};

/// Lets a bill have a state that the pack does not know, and a place to remember the state it had.
pub(crate) async fn allow_poison(retailer: &Retailer) -> Result<()> {
    run(
        retailer,
        "alter table billing.bill drop constraint bill_paid_check;
         create table ops.poisoned (bill_id integer primary key, paid char(1) not null)",
        "create table poisoned (invoice_no text primary key, status text not null)",
        "create table ops_poisoned (invoice_id bigint unsigned primary key, paid varchar(8) not null)",
        "create table [ops].[Poisoned] ([InvoiceId] bigint not null primary key, [Paid] varchar(8) not null)",
    )
    .await
}

/// Spoils some bills of one customer or another.
pub(crate) async fn poison(retailer: &Retailer, which: u64) -> Result<()> {
    run(
        retailer,
        &format!(
            "insert into ops.poisoned select bill_id, paid from billing.bill order by bill_id limit 3 offset {which};
             update billing.bill set paid = 'X' where bill_id in (select bill_id from ops.poisoned)"
        ),
        &format!(
            "insert into poisoned select invoice_no, status from invoices
                 where status <> 'void' order by invoice_no limit 3 offset {which};
             update invoices set status = 'odd' where invoice_no in (select invoice_no from poisoned)"
        ),
        &format!(
            "insert into ops_poisoned select invoice_id, paid from bil_invoice order by invoice_id limit 3 offset {which};
             update bil_invoice set paid = 'ODD' where invoice_id in (select invoice_id from ops_poisoned)"
        ),
        &format!(
            "insert into [ops].[Poisoned] select [InvoiceId], [Paid] from [bill].[Invoice]
                 order by [InvoiceId] offset {which} rows fetch next 3 rows only;
             update [bill].[Invoice] set [Paid] = 'ODD' where [InvoiceId] in (select [InvoiceId] from [ops].[Poisoned])"
        ),
    )
    .await
}

/// What is still spoilt is as it was.
pub(crate) async fn repair(retailer: &Retailer) -> Result<()> {
    run(
        retailer,
        "update billing.bill b set paid = p.paid from ops.poisoned p where p.bill_id = b.bill_id and b.paid = 'X';
         delete from ops.poisoned",
        "update invoices set status = p.status from poisoned p
             where p.invoice_no = invoices.invoice_no and invoices.status = 'odd';
         delete from poisoned",
        "update bil_invoice i join ops_poisoned p on p.invoice_id = i.invoice_id set i.paid = p.paid where i.paid = 'ODD';
         delete from ops_poisoned",
        "update i set [Paid] = p.[Paid] from [bill].[Invoice] i join [ops].[Poisoned] p on p.[InvoiceId] = i.[InvoiceId]
             where i.[Paid] = 'ODD';
         delete from [ops].[Poisoned]",
    )
    .await
}

/// Wattle may no longer read bills.
pub(crate) async fn revoke(retailer: &Retailer) -> Result<()> {
    match retailer {
        Retailer::Correa { database, reader } => {
            database.psql(&format!("revoke select on billing.bill from {reader}")).await.map(drop)
        }
        Retailer::Banksia { database, reader } => {
            database.sql(&format!("revoke select on bil_invoice from {reader}@'%'")).await.map(drop)
        }
        Retailer::Acacia { database, reader, .. } => {
            database.sql(&format!("revoke select on [bill].[Invoice] from [{reader}]")).await.map(drop)
        }
        Retailer::Dianella(_) => Ok(()),
    }
}

pub(crate) async fn grant(retailer: &Retailer) -> Result<()> {
    match retailer {
        Retailer::Correa { database, reader } => {
            database.psql(&format!("grant select on billing.bill to {reader}")).await.map(drop)
        }
        Retailer::Banksia { database, reader } => {
            database.sql(&format!("grant select on bil_invoice to {reader}@'%'")).await.map(drop)
        }
        Retailer::Acacia { database, reader, .. } => {
            database.sql(&format!("grant select on [bill].[Invoice] to [{reader}]")).await.map(drop)
        }
        Retailer::Dianella(_) => Ok(()),
    }
}

/// A column that bills are read from has another name; one that is captured keeps it.
pub(crate) async fn rename(retailer: &Retailer) -> Result<()> {
    if is_captured(retailer) {
        return Ok(());
    }
    run(
        retailer,
        "alter table billing.bill rename issued_on to issued",
        "alter table invoices rename issued_day to issued",
        "alter table bil_invoice rename column issued_on to issued",
        "exec sp_rename 'bill.Invoice.IssuedOn', 'Issued', 'COLUMN'",
    )
    .await
}

pub(crate) async fn rename_back(retailer: &Retailer) -> Result<()> {
    if is_captured(retailer) {
        return Ok(());
    }
    run(
        retailer,
        "alter table billing.bill rename issued to issued_on",
        "alter table invoices rename issued to issued_day",
        "alter table bil_invoice rename column issued to issued_on",
        "exec sp_rename 'bill.Invoice.Issued', 'IssuedOn', 'COLUMN'",
    )
    .await
}

/// The log is no longer kept for Wattle, or is begun anew.
pub(crate) async fn lose_log(retailer: &Retailer, tenant: &str) -> Result<()> {
    let database = match retailer {
        Retailer::Correa { database, .. } => database,
        Retailer::Banksia { database, .. } => return database.sql("reset master").await.map(drop),
        Retailer::Acacia { database, capture, .. } => return heard_anew(database, *capture).await,
        Retailer::Dianella(_) => return Ok(()),
    };
    let slot = format!("wattle_{tenant}_main");
    eventually(PATIENCE, async || {
        database
            .psql(&format!("select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '{slot}'"))
            .await?;
        database
            .psql(&format!("select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '{slot}'"))
            .await?;
        Ok(())
    })
    .await
}

/// What is told of every table begins anew.
async fn heard_anew(database: &wattle_tds_simulator::Database, capture: Capture) -> Result<()> {
    let (tables, anew): (_, fn(&str, &str) -> String) = match capture {
        Capture::ChangeTracking => ("sys.change_tracking_tables", |schema, table| {
            let table = format!("[{schema}].[{table}]");
            format!(
                "alter table {table} disable change_tracking; alter table {table} enable change_tracking;"
            )
        }),
        Capture::Cdc => ("sys.tables where is_tracked_by_cdc = 1", |schema, table| {
            let table = format!("@source_schema = N'{schema}', @source_name = N'{table}'");
            format!(
                "exec sys.sp_cdc_disable_table {table}, @capture_instance = N'all'; exec sys.sp_cdc_enable_table {table};"
            )
        }),
    };
    let tables = format!("select object_schema_name(object_id), object_name(object_id) from {tables}");
    let mut work = String::from("begin tran; ");
    for table in database.sql(&tables).await? {
        if let [Some(schema), Some(name)] = table.as_slice() {
            work.push_str(&anew(schema, name));
        }
    }
    work.push_str(" commit");
    eventually(PATIENCE, async || database.sql(&work).await.map(drop)).await
}

/// A table is emptied and filled again in one go, and no event says of which rows.
pub(crate) async fn empty_and_fill(retailer: &Retailer) -> Result<()> {
    // A table that is captured cannot be truncated.
    let emptied = if is_captured(retailer) { "delete from" } else { "truncate table" };
    run(
        retailer,
        "create temp table kept as table billing.account_balance;
         truncate billing.account_balance;
         insert into billing.account_balance select * from kept;
         drop table kept",
        "select 1",
        // TRUNCATE is no part of a transaction: a lock keeps others from seeing the table empty.
        "create temporary table kept as select * from bil_balance;
         lock tables bil_balance write;
         truncate bil_balance;
         insert into bil_balance select * from kept;
         unlock tables;
         drop temporary table kept",
        &format!(
            "create table [ops].[Kept] ([AccountId] int not null primary key, [Balance] money not null);
             insert into [ops].[Kept] select [AccountId], [Balance] from [bill].[Balance];
             {emptied} [bill].[Balance];
             insert into [bill].[Balance] select [AccountId], [Balance] from [ops].[Kept];
             drop table [ops].[Kept]"
        ),
    )
    .await
}

/// Does change data capture keep the retailer from altering its tables at will?
fn is_captured(retailer: &Retailer) -> bool {
    matches!(retailer, Retailer::Acacia { capture: Capture::Cdc, .. })
}

/// Runs SQL as the administrator, through any restart of the server: all of it or nothing, but for what alters tables on
/// MariaDB.
async fn run(retailer: &Retailer, correa: &str, dianella: &str, banksia: &str, acacia: &str) -> Result<()> {
    match retailer {
        Retailer::Banksia { database, .. } => {
            eventually(PATIENCE, async || database.sql(&format!("begin; {banksia}; commit")).await).await?;
        }
        Retailer::Correa { database, .. } => {
            eventually(PATIENCE, async || database.psql(&format!("begin; {correa}; commit")).await).await?;
        }
        Retailer::Acacia { database, .. } => {
            let work = format!("set xact_abort on; begin tran; {acacia}; commit");
            eventually(PATIENCE, async || database.sql(&work).await).await?;
        }
        Retailer::Dianella(folder) => {
            let options = SqliteConnectOptions::new()
                .filename(folder.path().join("dianella.db"))
                .busy_timeout(PATIENCE)
                .pragma("ignore_check_constraints", "on");
            let mut connection = SqliteConnection::connect_with(&options).await?;
            let mut work = connection.begin_with("begin immediate").await?;
            work.execute(AssertSqlSafe(dianella.to_owned())).await.with_context(|| dianella.to_owned())?;
            work.commit().await?;
            connection.close().await?;
        }
    }
    Ok(())
}
