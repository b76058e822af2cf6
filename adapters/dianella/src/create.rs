//! Making a sample database: tables, rows, then indices, all in one transaction.

use sqlx::sqlite::{SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, query_scalar};
use wattle_sample::{Invoice, LedgerEntry, Progress, Row, Table, World, WorldConfig};

use crate::error::Error;
use crate::known::Known;
use crate::session::{execute, options};
use crate::{client_table, plan_table, table, terms_table};

const TABLES: &str = include_str!("../sql/tables.sql");
const INDICES: &str = include_str!("../sql/indices.sql");
const NOISE: &str = include_str!("../sql/noise.sql");

/// How much SQL is given to SQLite at a time: some hundreds of rows, beyond which it gets no faster.
const CHUNK_BYTES: usize = 128 * 1024;

/// Builds Dianella's tables in an empty or new file and loads a World into them.
///
/// It is all one transaction: a database in which this failed or was interrupted is still empty.
///
/// # Errors
/// [`Error::NotEmpty`] if there is any table in the database; [`Error::Database`] for whatever SQLite says.
pub async fn create(
    address: &str,
    config: WorldConfig,
    progress: impl FnMut(Progress) + Send,
) -> Result<(), Error> {
    let options = options(address)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        // The World is consistent; checking every row would take longer than writing it.
        .foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let table = "select name from sqlite_schema where name not like 'sqlite\\_%' escape '\\' limit 1";
    if let Some(name) = query_scalar(table).fetch_optional(&mut connection).await? {
        return Err(Error::NotEmpty(name));
    }
    let world = World::new(config);
    execute(&mut connection, format!("begin immediate;\n{TABLES}")).await?;
    let mut load = Load { connection: &mut connection, progress, row_count: 0 };
    load.all(&world).await?;
    load.tell("indices");
    let WorldConfig { seed, customers, today, months } = world.config();
    let version = wattle_sample::VERSION;
    let state = format!(
        "insert into wattle_sample_state (one, version, seed, customers, today, months, mutations)
         values (1, {version}, '{seed}', {customers}, '{today}', {months}, 0);"
    );
    // Nobody analyzes such a file: SQLite takes its tables for large ones, and uses indices.
    execute(&mut connection, format!("{INDICES}\n{NOISE}\n{state}\ncommit;")).await?;
    connection.close().await?;
    Ok(())
}

struct Load<'c, P> {
    connection: &'c mut SqliteConnection,
    progress: P,
    row_count: u64,
}

impl<P: FnMut(Progress) + Send> Load<'_, P> {
    fn tell(&mut self, stage: &'static str) {
        (self.progress)(Progress { stage, row_count: self.row_count });
    }

    async fn all(&mut self, world: &World) -> Result<(), Error> {
        let known = &Known::of(world);
        let accounts = || world.accounts();
        let invoices = || accounts().flat_map(|account| world.history(account.id).0);
        let entries = accounts().flat_map(|account| world.history(account.id).1);
        for (table, rows) in plan_table::all(world) {
            self.rows(table, [rows], |row, rows| row.append(&rows)).await?;
        }
        self.each(client_table::CLIENT, world.customers(), client_table::client).await?;
        self.each(table::ACCOUNT, accounts(), |row, account| table::account(row, known, account)).await?;
        let holdings = accounts().flat_map(|account| world.holdings(account.id));
        self.each(table::GRANT, holdings, |row, holding| table::grant(row, known, holding)).await?;
        let contacts = accounts().flat_map(|account| world.contacts(account.id));
        self.each(table::DELEGATE, contacts, |row, contact| table::delegate(row, known, contact)).await?;
        let concessions = accounts().flat_map(|account| world.concessions(account.id));
        self.each(terms_table::REBATE, concessions, |row, concession| {
            terms_table::rebate(row, known, concession);
        })
        .await?;
        let schedules = accounts().flat_map(|account| world.payment_schedules(account.id));
        self.each(terms_table::PAY_PLAN, schedules, |row, schedule| {
            terms_table::pay_plan(row, known, schedule);
        })
        .await?;
        let points = world.service_points();
        self.each(table::CONNECTION, points, |row, point| table::connection(row, known, point)).await?;
        let agreements = accounts().flat_map(|account| world.agreements(account.id));
        self.each(table::SUPPLY, agreements, |row, agreement| table::supply(row, known, agreement)).await?;
        self.each(table::INVOICE, invoices(), |row, invoice: Invoice| table::invoice(row, known, &invoice))
            .await?;
        self.rows(table::INVOICE_LINE, invoices(), |rows, invoice: Invoice| {
            table::lines(&invoice).for_each(|line| rows.line(|row| table::invoice_line(row, known, line)));
        })
        .await?;
        self.each(table::POSTING, entries, |row, entry: LedgerEntry| table::posting(row, known, &entry))
            .await?;
        let balances = accounts().map(|account| (&account.number, world.balance(account.id)));
        self.each(table::DEBTOR, balances, |row, (number, balance)| table::debtor(row, number, balance)).await
    }

    /// Loads a table with a row for each item.
    async fn each<T: Send>(
        &mut self,
        table: Table,
        items: impl IntoIterator<Item = T, IntoIter: Send> + Send,
        write: impl Fn(&mut Row, T) + Send + Sync,
    ) -> Result<(), Error> {
        self.rows(table, items, |rows, item| rows.line(|row| write(row, item))).await
    }

    /// Loads a table with as many rows as `write` writes for each item.
    async fn rows<T: Send>(
        &mut self,
        table: Table,
        items: impl IntoIterator<Item = T, IntoIter: Send> + Send,
        write: impl Fn(&mut Row, T) + Send + Sync,
    ) -> Result<(), Error> {
        self.tell(table.name);
        let mut rows = Row::tuples();
        for item in items {
            write(&mut rows, item);
            if rows.byte_count() >= CHUNK_BYTES {
                self.insert(&table, &mut rows).await?;
                self.tell(table.name);
            }
        }
        self.insert(&table, &mut rows).await
    }

    async fn insert(&mut self, table: &Table, rows: &mut Row) -> Result<(), Error> {
        if rows.byte_count() > 0 {
            self.row_count += execute(self.connection, table.insert(&rows.take())).await?;
        }
        Ok(())
    }
}
