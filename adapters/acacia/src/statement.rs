//! How a mutation becomes SQL.

use wattle_sample::{Effect, FeeChange, Mutation, Noise, NoiseKind, PriceChange, Row, Table, World};

use crate::customer_table;
use crate::plan_table::fuel;
use crate::table::{self, identity};
use crate::terms_table;

/// The statements of a mutation that was drafted on this World, in order.
pub(crate) fn statements(world: &World, mutation: &Mutation) -> String {
    let effects = mutation.effects.iter();
    effects.map(|effect| statement(world, mutation.index, effect)).collect::<Vec<_>>().concat()
}

fn put<T>(table: Table, rows: impl IntoIterator<Item = T>, write: impl Fn(&mut Row, T)) -> String {
    table.put_if_missing(rows, write, identity(&table))
}

fn statement(world: &World, index: u64, effect: &Effect) -> String {
    match effect {
        Effect::PutCustomer(customer) => customer_table::put(customer),
        Effect::PutAddress(address) => put(table::SITE, [address], table::site),
        Effect::DeleteAddress(id) => {
            let site = table::site_key(*id);
            format!(
                "update [cust].[Account] set [MailSiteId] = null where [MailSiteId] = '{site}';
                 update [supply].[Point] set [SiteId] = null where [SiteId] = '{site}';
                 delete from [cust].[Site] where [SiteId] = '{site}';\n"
            )
        }
        Effect::PutServicePoint(point) => put(table::POINT, [point], table::point),
        Effect::PutAccount(account) => {
            put(table::ACCOUNT, [account], |row, account| table::account(row, world, account))
        }
        // The number is a column like any other.
        Effect::RenumberAccount { account, to, .. } => {
            format!("update [cust].[Account] set [AccountNo] = '{to}' where [AccountId] = {account};\n")
        }
        Effect::PurgeAccount { account, .. } => purge(&account.to_string()),
        Effect::PutHolding(holding) => put(table::HOLDER, [holding], table::holder),
        Effect::DeleteHolding(customer, account) => {
            let customer = table::customer_key(*customer);
            format!(
                "delete from [cust].[Account Holder] where [CustomerId] = '{customer}' and [AccountId] = {account};\n"
            )
        }
        Effect::PutPaymentSchedule(schedule) => {
            put(terms_table::PAYMENT_SCHEDULE, [schedule], terms_table::payment_schedule)
        }
        Effect::DeletePaymentSchedule(account, number) => format!(
            "delete from [cust].[Payment Schedule] where [AccountId] = {account} and [ScheduleNo] = {number};\n"
        ),
        Effect::PutConcession(concession) => {
            put(terms_table::CONCESSION, [concession], terms_table::concession)
        }
        Effect::DeleteConcession(account, number) => format!(
            "delete from [cust].[Concession] where [AccountId] = {account} and [ConcessionNo] = {number};\n"
        ),
        Effect::PutContact(contact) => put(table::CONTACT, [contact], table::contact),
        Effect::DeleteContact(id) => format!("delete from [cust].[Contact] where [ContactId] = {id};\n"),
        Effect::PutAgreement(agreement) => {
            let contract =
                put(table::CONTRACT, [agreement], |row, agreement| table::contract(row, world, agreement));
            contract + &put(table::CONTRACT_POINT, table::contract_points(agreement), table::contract_point)
        }
        Effect::PutInvoice(invoice) => {
            put(table::INVOICE, [invoice], table::invoice)
                + &put(table::INVOICE_LINE, table::invoice_lines(invoice), table::invoice_line)
        }
        Effect::VoidInvoice(id) => void(&format!("= {id}")),
        Effect::PutEntry(entry) => {
            put(table::LEDGER, [entry], table::ledger)
                + &put(table::ADJUSTMENT, table::adjustments(entry), table::adjustment)
        }
        Effect::PutBalance(account, balance) => put(table::BALANCE, [balance], |row, balance| {
            table::balance(row, *account, *balance);
        }),
        Effect::PutPrice(change) => price(world, change),
        Effect::PutFee(change) => fee(world, change),
        Effect::AnnotateInvoices { from, until, note } => format!(
            "update [bill].[Invoice] set [Note] = '{note}' where [IssuedOn] between '{from}' and '{until}';\n"
        ),
        Effect::Noise(noise) => self::noise(world, index, noise),
    }
}

/// Invoices with their lines, and the ledger entries that are on them.
fn void(which: &str) -> String {
    format!(
        "delete from [bill].[Adjustment] where [EntryId] in (select [EntryId] from [bill].[Ledger] where [InvoiceId] {which});
         delete from [bill].[Ledger] where [InvoiceId] {which};
         delete from [bill].[Invoice Line] where [InvoiceId] {which};
         delete from [bill].[Invoice] where [InvoiceId] {which};\n"
    )
}

/// An account and everything on it, from the leaves up.
fn purge(account: &str) -> String {
    let of = |table: &str| format!("delete from {table} where [AccountId] = {account};\n");
    let invoices = format!("in (select [InvoiceId] from [bill].[Invoice] where [AccountId] = {account})");
    let entries = format!(
        "delete from [bill].[Adjustment] where [EntryId] in (select [EntryId] from [bill].[Ledger] where [AccountId] = {account});
         delete from [bill].[Ledger] where [AccountId] = {account};
         delete from [bill].[Invoice Line] where [InvoiceId] {invoices};
         delete from [supply].[Contract Point] where [ContractId] in (select [ContractId] from [supply].[Contract] where [AccountId] = {account});\n"
    );
    let tables = [
        "[bill].[Invoice]",
        "[bill].[Balance]",
        "[supply].[Contract]",
        "[cust].[Concession]",
        "[cust].[Payment Schedule]",
        "[cust].[Contact]",
        "[cust].[Account Holder]",
        "[cust].[Account]",
    ];
    entries + &tables.map(of).concat()
}

/// A price is changed where it stands; the offer's own row is not touched.
fn price(world: &World, change: &PriceChange) -> String {
    let (code, fuel, price) = (&world.plan(change.plan).code, fuel(change.fuel), change.unit_price);
    let (tariff, block, step) = (change.period + 1, change.price + 1, change.step + 1);
    format!(
        "update [product].[Price] set [Price] = {price} where [OfferCode] = '{code}' and [Fuel] = '{fuel}'
         and [TariffNo] = {tariff} and [BlockNo] = {block} and [StepNo] = {step};\n"
    )
}

/// Anything else about an offer comes with a new revision of it.
fn fee(world: &World, change: &FeeChange) -> String {
    let (code, fuel, value, place) =
        (&world.plan(change.plan).code, fuel(change.fuel), change.value, change.fee + 1);
    format!(
        "update [product].[Offer] set [Revision] = [Revision] + 1 where [OfferCode] = '{code}';
         update [product].[Extra] set [Value] = {value}
         where [OfferCode] = '{code}' and [Fuel] = '{fuel}' and [Sort] = 'fee' and [Place] = {place};\n"
    )
}

/// All of it goes into the one log that Acacia's vendor has for everything.
fn noise(world: &World, index: u64, noise: &Noise) -> String {
    let (account, rows, salt) = (noise.account, u64::from(noise.rows), noise.salt % 1_000_000);
    let (who, what, count) = match noise.kind {
        NoiseKind::AuditLog => (format!("user{}", salt % 90), "viewed".to_owned(), 1),
        NoiseKind::WorkOrder => ("field".to_owned(), "inspect".to_owned(), 1),
        NoiseKind::CallLog => ("phone".to_owned(), format!("{} s", 30 + salt % 900), 1),
        NoiseKind::MeterReads => {
            let points = world.service_points();
            let point = &points[salt as usize % points.len()].national_number;
            ("meter".to_owned(), point.clone(), rows)
        }
        NoiseKind::CampaignSend => (format!("mailout {}", 1 + salt % 12), "sent".to_owned(), 1),
        NoiseKind::LedgerExport => ("export".to_owned(), format!("batch {}", 1000 + index), rows),
    };
    let mut tuples = Row::national_tuples();
    for line in 0..count {
        tuples.line(|row| {
            row.put(&who).put(&what).put(account).put(line);
        });
    }
    let texts = tuples.take_all();
    texts.iter().map(|tuples| table::ACTIVITY.insert(tuples) + ";\n").collect()
}
