//! Making a sample database: tables, then rows in one transaction.

use wattle_sample::{Invoice, LedgerEntry, Progress, Row, Table, World, WorldConfig};

use crate::error::Error;
use crate::session::{Conn, connect, execute, rows};
use crate::{customer_table, plan_table, table, terms_table};

const TABLES: &str = include_str!("../sql/tables.sql");

/// How much SQL is given to the server at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// Builds Acacia's tables in an empty database, turns change tracking and snapshots on, and loads a World.
///
/// The load is one transaction, and tables are made before it: a database in which this failed or was interrupted has
/// tables and no state. It is no sample, and has to be dropped.
///
/// # Errors
/// [`Error::NotEmpty`] if there is any table in the database; [`Error::Database`] for whatever the server says.
pub async fn create(
    url: &str,
    config: WorldConfig,
    progress: impl FnMut(Progress) + Send,
) -> Result<(), Error> {
    let mut conn = connect(url).await?;
    let found = rows(&mut conn, "select top (1) t.name from sys.tables t order by t.name").await?;
    if let Some(name) = found.first().and_then(|row| row.get::<&str, _>(0)) {
        return Err(Error::NotEmpty(name.to_owned()));
    }
    let world = World::new(config);
    // A schema must be the first of its batch.
    for batch in TABLES.split("\ngo\n") {
        rows(&mut conn, batch).await?;
    }
    rows(&mut conn, "begin transaction").await?;
    let mut load = Load { conn: &mut conn, progress, row_count: 0 };
    load.all(&world).await?;
    let WorldConfig { seed, customers, today, months } = world.config();
    let version = wattle_sample::VERSION;
    let state = format!(
        "insert into [ops].[wattle_sample_state] (one, version, seed, customers, today, months, mutations)
         values (1, {version}, '{seed}', {customers}, '{today}', {months}, 0)"
    );
    execute(&mut conn, &state).await?;
    rows(&mut conn, "commit").await?;
    conn.close().await?;
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
        let accounts = || world.accounts();
        let invoices = || accounts().flat_map(|account| world.history(account.id).0);
        let entries = || accounts().flat_map(|account| world.history(account.id).1);
        let agreements = || accounts().flat_map(|account| world.agreements(account.id));
        for (table, texts) in plan_table::all(world) {
            self.tell(table.name);
            for tuples in texts {
                self.row_count += execute(self.conn, &table.insert(&tuples)).await?;
            }
        }
        self.each(customer_table::CUSTOMER, world.customers(), customer_table::customer).await?;
        let points = world.customers().iter().flat_map(customer_table::points);
        self.each(customer_table::CONTACT_POINT, points, customer_table::point).await?;
        let addresses = world.customers().iter().flat_map(customer_table::addresses);
        self.each(customer_table::POSTAL_ADDRESS, addresses, customer_table::address).await?;
        self.each(table::SITE, world.addresses(), table::site).await?;
        self.each(table::ACCOUNT, accounts(), |row, account| table::account(row, world, account)).await?;
        let holdings = accounts().flat_map(|account| world.holdings(account.id));
        self.each(table::HOLDER, holdings, table::holder).await?;
        let contacts = accounts().flat_map(|account| world.contacts(account.id));
        self.each(table::CONTACT, contacts, table::contact).await?;
        let concessions = accounts().flat_map(|account| world.concessions(account.id));
        self.each(terms_table::CONCESSION, concessions, terms_table::concession).await?;
        let schedules = accounts().flat_map(|account| world.payment_schedules(account.id));
        self.each(terms_table::PAYMENT_SCHEDULE, schedules, terms_table::payment_schedule).await?;
        self.each(table::POINT, world.service_points(), table::point).await?;
        self.each(table::CONTRACT, agreements(), |row, agreement| {
            table::contract(row, world, agreement);
        })
        .await?;
        let points = agreements().flat_map(table::contract_points);
        self.each(table::CONTRACT_POINT, points, table::contract_point).await?;
        self.each(table::INVOICE, invoices(), |row, invoice: Invoice| {
            table::invoice(row, &invoice);
        })
        .await?;
        self.rows(table::INVOICE_LINE, invoices(), |rows, invoice: Invoice| {
            table::invoice_lines(&invoice).for_each(|line| rows.line(|row| table::invoice_line(row, line)));
        })
        .await?;
        self.each(table::LEDGER, entries(), |row, entry: LedgerEntry| table::ledger(row, &entry)).await?;
        self.rows(table::ADJUSTMENT, entries(), |rows, entry: LedgerEntry| {
            table::adjustments(&entry).for_each(|item| rows.line(|row| table::adjustment(row, item)));
        })
        .await?;
        let balances = accounts().map(|account| (account.id, world.balance(account.id)));
        self.each(table::BALANCE, balances, |row, (account, balance)| table::balance(row, account, balance))
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
        let mut rows = Row::national_tuples();
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
        for tuples in rows.take_all() {
            let mut sql = table.insert(&tuples);
            if let Some(name) = table::identity(table) {
                sql = format!("set identity_insert {name} on; {sql}; set identity_insert {name} off");
            }
            self.row_count += execute(self.conn, &sql).await?;
        }
        Ok(())
    }
}
