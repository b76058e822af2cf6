//! Making a sample database: tables, then rows in one transaction.

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use wattle_sample::{Invoice, LedgerEntry, Numbers, Progress, Row, Table, World, WorldConfig};

use crate::error::Error;
use crate::session::{connect, execute};
use crate::{customer_table, plan_table, table, terms_table};

const TABLES: &str = include_str!("../sql/tables.sql");
const NOISE: &str = include_str!("../sql/noise.sql");

/// How much SQL is given to the server at a time: far below what any server takes in one packet.
const CHUNK_BYTES: usize = 512 * 1024;

/// Builds Banksia's tables in an empty database and loads a World into them.
///
/// The server makes tables outside of transactions, so a database in which this failed or was interrupted has tables and
/// no state: it is no sample, and has to be dropped.
///
/// # Errors
/// [`Error::NotEmpty`] if there is any table in the database; [`Error::Database`] for whatever the server says.
pub async fn create(
    url: &str,
    config: WorldConfig,
    progress: impl FnMut(Progress) + Send,
) -> Result<(), Error> {
    let mut conn = connect(url).await?;
    let table = "select table_name from information_schema.tables where table_schema = database() limit 1";
    if let Some(name) = conn.query_first(table).await? {
        return Err(Error::NotEmpty(name));
    }
    let world = World::new(config);
    let version: String = conn.query_first("select version()").await?.unwrap_or_default();
    let tables = match version.contains("MariaDB") {
        true => TABLES.to_owned(),
        // MySQL has no type for UUIDs.
        false => TABLES.replace(" uuid", " binary(16)"),
    };
    execute(&mut conn, &tables).await?;
    // The World is consistent; checking every row would take longer than writing it.
    execute(&mut conn, "set foreign_key_checks = 0, unique_checks = 0; begin").await?;
    let mut load = Load { conn: &mut conn, progress, row_count: 0 };
    load.all(&world).await?;
    load.tell("noise");
    let WorldConfig { seed, customers, today, months } = world.config();
    let version = wattle_sample::VERSION;
    let state = format!(
        "insert into wattle_sample_state (one, version, seed, customers, today, months, mutations)
         values (1, {version}, '{seed}', {customers}, '{today}', {months}, 0)"
    );
    execute(&mut conn, &format!("{NOISE}\n{state};\ncommit")).await?;
    conn.disconnect().await?;
    Ok(())
}

struct Load<'c, P> {
    conn: &'c mut Conn,
    progress: P,
    row_count: u64,
}

impl<P: FnMut(Progress) + Send> Load<'_, P> {
    fn tell(&mut self, stage: &'static str) {
        (self.progress)(Progress { stage, row_count: self.row_count });
    }

    async fn all(&mut self, world: &World) -> Result<(), Error> {
        let numbers = &Numbers::of(world);
        let accounts = || world.accounts();
        let invoices = || accounts().flat_map(|account| world.history(account.id).0);
        let entries = || accounts().flat_map(|account| world.history(account.id).1);
        let agreements = || accounts().flat_map(|account| world.agreements(account.id));
        for (table, rows) in plan_table::all(world) {
            self.rows(table, [rows], |row, rows| row.append(&rows)).await?;
        }
        self.each(customer_table::CUSTOMER, world.customers(), customer_table::customer).await?;
        let places = world.customers().iter().flat_map(customer_table::places);
        self.each(customer_table::PLACE, places, customer_table::place).await?;
        self.each(table::SITE, world.addresses(), table::site).await?;
        self.each(table::ACCOUNT, accounts(), |row, account| table::account(row, world, account)).await?;
        let holdings = accounts().flat_map(|account| world.holdings(account.id));
        self.each(table::HOLDER, holdings, |row, holding| table::holder(row, numbers, holding)).await?;
        let contacts = accounts().flat_map(|account| world.contacts(account.id));
        self.each(table::CONTACT, contacts, |row, contact| table::contact(row, numbers, contact)).await?;
        let concessions = accounts().flat_map(|account| world.concessions(account.id));
        self.each(terms_table::CONCESSION, concessions, |row, concession| {
            terms_table::concession(row, numbers, concession);
        })
        .await?;
        let schedules = accounts().flat_map(|account| world.payment_schedules(account.id));
        self.each(terms_table::PAYMENT, schedules, |row, schedule| {
            terms_table::payment(row, numbers, schedule);
        })
        .await?;
        self.each(table::POINT, world.service_points(), table::point).await?;
        self.each(table::CONTRACT, agreements(), |row, agreement| {
            table::contract(row, world, numbers, agreement);
        })
        .await?;
        let points = agreements().flat_map(table::contract_points);
        self.each(table::CONTRACT_POINT, points, table::contract_point).await?;
        self.each(table::INVOICE, invoices(), |row, invoice: Invoice| {
            table::invoice(row, numbers, &invoice);
        })
        .await?;
        self.rows(table::INVOICE_LINE, invoices(), |rows, invoice: Invoice| {
            table::invoice_lines(&invoice).for_each(|line| rows.line(|row| table::invoice_line(row, line)));
        })
        .await?;
        self.each(table::LEDGER, entries(), |row, entry: LedgerEntry| table::ledger(row, numbers, &entry))
            .await?;
        self.rows(table::ADJUSTMENT, entries(), |rows, entry: LedgerEntry| {
            table::adjustments(&entry).for_each(|item| rows.line(|row| table::adjustment(row, item)));
        })
        .await?;
        let balances = accounts().map(|account| (&account.number, world.balance(account.id)));
        self.each(table::BALANCE, balances, |row, (number, balance)| table::balance(row, number, balance))
            .await
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
            self.row_count += execute(self.conn, &table.insert(&rows.take())).await?;
        }
        Ok(())
    }
}
