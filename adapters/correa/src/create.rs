//! Making a sample database: tables, rows by COPY, then keys and indices, all in one transaction.

use bytes::Bytes;
use chrono::{Datelike, Months, NaiveDate};
use futures::SinkExt;
use tokio_postgres::Transaction;
use wattle_sample::{Invoice, LedgerEntry, Numbers, Progress, Row, Table, World, WorldConfig};

use crate::error::Error;
use crate::{connect, party_table, plan_table, table, terms_table};

const TABLES: &str = include_str!("../sql/tables.sql");
const KEYS: &str = include_str!("../sql/keys.sql");
const NOISE: &str = include_str!("../sql/noise.sql");

/// How much is sent to the server at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// How many months of ledger partitions there are beyond the World's window: back to its first entries,
const MONTHS_BEFORE: u32 = 5;
/// and ahead, as an administrator makes them in time. Each one adds to the planning of every query.
const MONTHS_AHEAD: u32 = 3;

/// Builds Correa's schema in an empty database and loads a World into it.
///
/// It is all one transaction: a database in which this failed or was interrupted is still empty.
///
/// # Errors
/// [`Error::NotEmpty`] if there is any table in the database; [`Error::Database`] for whatever PostgreSQL says.
pub async fn create(
    url: &str,
    config: WorldConfig,
    progress: impl FnMut(Progress) + Send,
) -> Result<(), Error> {
    let mut client = connect(url).await?;
    let tables =
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
                  where c.relkind in ('r', 'p', 'v', 'm') and n.nspname !~ '^(pg_|information_schema$)'
                    and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
                  limit 1";
    if let Some(row) = client.query_opt(tables, &[]).await? {
        return Err(Error::NotEmpty(row.get(0)));
    }
    let world = World::new(config);
    let transaction = client.transaction().await?;
    transaction.batch_execute(TABLES).await?;
    transaction.batch_execute(&partitions(world.config())).await?;
    let mut load = Load { transaction: &transaction, progress, row_count: 0 };
    load.all(&world).await?;
    load.tell("keys and indices");
    // Indices are built several times faster with room to sort in.
    transaction.batch_execute("set local maintenance_work_mem = '256MB'").await?;
    transaction.batch_execute(KEYS).await?;
    transaction.batch_execute(NOISE).await?;
    let WorldConfig { seed, customers, today, months } = world.config();
    let version = wattle_sample::VERSION;
    let state = format!(
        "insert into wattle_sample.state (version, seed, customers, today, months, mutations)
         values ({version}, '{seed}', {customers}, '{today}', {months}, 0)"
    );
    transaction.batch_execute(&state).await?;
    transaction.commit().await?;
    client.batch_execute("analyze").await?;
    Ok(())
}

/// The ledger's partitions, one a month, and one for whatever lies outside.
fn partitions(config: &WorldConfig) -> String {
    let this_month = config.today.with_day(1).expect("every month has a first day");
    let later = |from: NaiveDate, months| from.checked_add_months(Months::new(months));
    let first = this_month.checked_sub_months(Months::new(config.months + MONTHS_BEFORE));
    let months = (0..=config.months + MONTHS_BEFORE + MONTHS_AHEAD).filter_map(|month| later(first?, month));
    let partition = |from: NaiveDate| {
        let until = later(from, 1)?;
        let name = format!("ledger_{}", from.format("%Y%m"));
        Some(format!(
            "create table billing.{name} partition of billing.ledger for values from ('{from}') to ('{until}');\n"
        ))
    };
    let rest = "create table billing.ledger_rest partition of billing.ledger default;\n".to_owned();
    months.filter_map(partition).chain([rest]).collect()
}

struct Load<'t, P> {
    transaction: &'t Transaction<'t>,
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
        for (table, text) in plan_table::all(world) {
            self.copy(table, [text], |rows, text| rows.append(&text)).await?;
        }
        self.customers(world).await?;
        self.rows(table::ADDRESS, world.addresses(), table::address).await?;
        self.rows(table::ACCOUNT, accounts(), |row, account| table::account(row, world, account)).await?;
        let holdings = accounts().flat_map(|account| world.holdings(account.id));
        self.rows(table::HOLDING, holdings, |row, holding| table::holding(row, numbers, holding)).await?;
        let contacts = accounts().flat_map(|account| world.contacts(account.id));
        self.rows(table::CONTACT, contacts, |row, contact| table::contact(row, numbers, contact)).await?;
        self.terms(world, numbers).await?;
        self.rows(table::SUPPLY_POINT, world.service_points(), table::supply_point).await?;
        self.rows(table::AGREEMENT, agreements(), |row, agreement| {
            table::agreement(row, world, numbers, agreement);
        })
        .await?;
        let points = agreements().flat_map(table::agreement_points);
        self.rows(table::AGREEMENT_POINT, points, table::agreement_point).await?;
        self.rows(table::BILL, invoices(), |row, bill: Invoice| table::bill(row, numbers, &bill)).await?;
        self.copy(table::BILL_LINE, invoices(), |rows, bill| {
            table::bill_lines(&bill).for_each(|line| rows.line(|row| table::bill_line(row, line)));
        })
        .await?;
        self.rows(table::LEDGER, entries(), |row, entry: LedgerEntry| table::ledger(row, numbers, &entry))
            .await?;
        self.copy(table::LEDGER_USAGE, entries(), |rows, entry| {
            table::metered(&entry)
                .into_iter()
                .for_each(|usage| rows.line(|row| table::ledger_usage(row, usage)));
        })
        .await?;
        self.copy(table::LEDGER_ADJUSTMENT, entries(), |rows, entry| {
            table::adjustments(&entry).for_each(|item| rows.line(|row| table::ledger_adjustment(row, item)));
        })
        .await?;
        let balances = accounts().map(|account| (&account.number, world.balance(account.id)));
        self.rows(table::BALANCE, balances, |row, (number, balance)| table::balance(row, number, balance))
            .await
    }

    async fn terms(&mut self, world: &World, numbers: &Numbers<'_>) -> Result<(), Error> {
        let concessions = world.accounts().flat_map(|account| world.concessions(account.id));
        self.rows(terms_table::CONCESSION, concessions, |row, concession| {
            terms_table::concession(row, numbers, concession);
        })
        .await?;
        let schedules = world.accounts().flat_map(|account| world.payment_schedules(account.id));
        self.rows(terms_table::PAYMENT_SCHEDULE, schedules, |row, schedule| {
            terms_table::payment_schedule(row, numbers, schedule);
        })
        .await
    }

    async fn customers(&mut self, world: &World) -> Result<(), Error> {
        let customers = || world.customers().iter();
        self.rows(party_table::PARTY, customers(), party_table::party).await?;
        self.rows(party_table::PHONE, customers().flat_map(party_table::phones), party_table::phone).await?;
        self.rows(party_table::EMAIL, customers().flat_map(party_table::emails), party_table::email).await?;
        let addresses = customers().flat_map(party_table::addresses);
        self.rows(party_table::ADDRESS, addresses, party_table::address).await
    }

    /// Loads a table with a row for each item.
    async fn rows<T: Send>(
        &mut self,
        table: Table,
        items: impl IntoIterator<Item = T, IntoIter: Send> + Send,
        write: impl Fn(&mut Row, T) + Send + Sync,
    ) -> Result<(), Error> {
        self.copy(table, items, |rows, item| rows.line(|row| write(row, item))).await
    }

    /// Loads a table with as many rows as `write` writes for each item.
    async fn copy<T: Send>(
        &mut self,
        table: Table,
        items: impl IntoIterator<Item = T, IntoIter: Send> + Send,
        write: impl Fn(&mut Row, T) + Send + Sync,
    ) -> Result<(), Error> {
        let before = self.row_count;
        self.tell(table.name);
        let mut sink = Box::pin(self.transaction.copy_in::<_, Bytes>(&table.copy()).await?);
        let mut rows = Row::default();
        for item in items {
            write(&mut rows, item);
            if rows.byte_count() >= CHUNK_BYTES {
                let chunk = rows.take();
                self.row_count += chunk.matches('\n').count() as u64;
                sink.send(chunk.into()).await?;
                self.tell(table.name);
            }
        }
        sink.send(rows.take().into()).await?;
        self.row_count = before + sink.as_mut().finish().await?;
        Ok(())
    }
}
