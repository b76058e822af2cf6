//! How a mutation becomes SQL.

use wattle_sample::{
    AccountId, Address, AddressId, Cents, Effect, FeeChange, Mutation, Noise, NoiseKind, PriceChange, World,
};

use crate::client_table;
use crate::known::Known;
use crate::plan_table::{fuel, millionths};
use crate::{table, terms_table};

/// The statements of a mutation that was drafted on this World, in order.
pub(crate) fn statements<'w>(world: &'w World, mutation: &'w Mutation) -> String {
    let mut known = Known::of(world);
    let effects = mutation.effects.iter();
    effects.map(|effect| statement(world, &mut known, mutation.index, effect)).collect::<Vec<_>>().concat()
}

fn statement<'w>(world: &'w World, known: &mut Known<'w>, index: u64, effect: &'w Effect) -> String {
    match effect {
        Effect::PutCustomer(customer) => client_table::CLIENT.put([customer], client_table::client),
        Effect::PutAddress(address) => {
            known.give_address(address);
            put_address(address)
        }
        Effect::DeleteAddress(id) => delete_address(*id),
        Effect::PutServicePoint(point) => {
            known.give_point(point);
            table::CONNECTION.put([point], |row, point| table::connection(row, known, point))
        }
        Effect::PutAccount(account) => {
            known.numbers.give(account.id, &account.number);
            table::ACCOUNT.put([account], |row, account| table::account(row, known, account))
        }
        Effect::RenumberAccount { account, from, to } => {
            known.numbers.give(*account, to);
            renumber(from, to)
        }
        // The foreign keys take everything on it.
        Effect::PurgeAccount { number, .. } => format!("delete from accounts where number = '{number}';\n"),
        Effect::PutHolding(holding) => {
            table::GRANT.put([holding], |row, holding| table::grant(row, known, holding))
        }
        Effect::DeleteHolding(customer, account) => {
            let number = known.number(*account);
            format!("delete from grants where client_id = {customer} and account = '{number}';\n")
        }
        Effect::PutPaymentSchedule(schedule) => terms_table::put_pay_plan(known, schedule),
        Effect::DeletePaymentSchedule(account, place) => {
            let account = known.number(*account);
            format!("delete from pay_plans where account = '{account}' and place = {place};\n")
        }
        Effect::PutConcession(concession) => terms_table::put_rebate(known, concession),
        Effect::DeleteConcession(account, place) => {
            let account = known.number(*account);
            format!("update rebates set withdrawn = 1 where account = '{account}' and place = {place};\n")
        }
        Effect::PutContact(contact) => {
            table::DELEGATE.put([contact], |row, contact| table::delegate(row, known, contact))
        }
        Effect::DeleteContact(id) => format!("update delegates set removed = 1 where delegate_id = {id};\n"),
        Effect::PutAgreement(agreement) => {
            table::SUPPLY.put([agreement], |row, agreement| table::supply(row, known, agreement))
        }
        Effect::PutInvoice(invoice) => {
            table::INVOICE.put([invoice], |row, invoice| table::invoice(row, known, invoice))
                + &table::INVOICE_LINE
                    .put(table::lines(invoice), |row, line| table::invoice_line(row, known, line))
        }
        Effect::VoidInvoice(id) => {
            let number = id.number();
            format!(
                "update invoices set status = 'void' where invoice_no = '{number}';
                 update postings set voided = 1 where invoice_no = '{number}';\n"
            )
        }
        Effect::PutEntry(entry) => {
            table::POSTING.put([entry], |row, entry| table::posting(row, known, entry))
        }
        Effect::PutBalance(account, balance) => put_balance(known, *account, *balance),
        Effect::PutPrice(change) => price(world, change),
        Effect::PutFee(change) => fee(world, change),
        Effect::AnnotateInvoices { from, until, note } => format!(
            "update invoices set remark = '{note}' where issued_day between '{from}' and '{until}';\n"
        ),
        Effect::Noise(noise) => self::noise(world, known, index, noise),
    }
}

/// Addresses stand where they are used.
fn put_address(address: &Address) -> String {
    let Address { id, line, suburb, state, postcode } = address;
    let (dpid, line) = (table::delivery_point(*id), line.replace('\'', "''"));
    let update = |table: &str, column: &str| {
        format!(
            "update {table} set {column}_street = '{line}', {column}_suburb = '{suburb}', {column}_region = '{state}',
             {column}_postcode = '{postcode}' where {column}_dpid = {dpid};\n"
        )
    };
    update("accounts", "mail") + &update("connections", "site")
}

fn delete_address(id: AddressId) -> String {
    let dpid = table::delivery_point(id);
    let update = |table: &str, column: &str| {
        format!(
            "update {table} set {column}_dpid = null, {column}_street = null, {column}_suburb = null,
             {column}_region = null, {column}_postcode = null where {column}_dpid = {dpid};\n"
        )
    };
    update("accounts", "mail") + &update("connections", "site")
}

/// The foreign keys renumber whatever is on the account, but only where the new number does not equal the old one.
fn renumber(from: &str, to: &str) -> String {
    let update =
        |from: &str, to: &str| format!("update accounts set number = '{to}' where number = '{from}';\n");
    if from.eq_ignore_ascii_case(to) {
        let between = format!("~{to}");
        update(from, &between) + &update(&between, to)
    } else {
        update(from, to)
    }
}

fn put_balance(known: &Known<'_>, account: AccountId, balance: Cents) -> String {
    let number = known.number(account);
    table::DEBTOR.put([balance], |row, balance| table::debtor(row, number, balance))
}

/// A price is changed where it stands; the product's own row is not touched.
fn price(world: &World, change: &PriceChange) -> String {
    let (code, fuel, price) =
        (&world.plan(change.plan).code, fuel(change.fuel), millionths(change.unit_price));
    let (tariff, block, step) = (change.period + 1, change.price + 1, change.step + 1);
    format!(
        "update prices set price = {price} where product_code = '{code}' and fuel = '{fuel}'
         and tariff_no = {tariff} and block_no = {block} and step_no = {step};\n"
    )
}

/// Anything else about a product comes with a new revision of it.
fn fee(world: &World, change: &FeeChange) -> String {
    let (code, fuel, value) = (&world.plan(change.plan).code, fuel(change.fuel), millionths(change.value));
    let place = change.fee + 1;
    format!(
        "update products set revision = revision + 1 where code = '{code}';
         update extras set value = {value}
         where product_code = '{code}' and fuel = '{fuel}' and sort = 'fee' and place = {place};\n"
    )
}

fn noise(world: &World, known: &Known<'_>, index: u64, noise: &Noise) -> String {
    let (number, rows, salt) = (known.number(noise.account), noise.rows, noise.salt % 1_000_000);
    let numbers =
        format!("with recursive n (n) as (values (1) union all select n + 1 from n where n < {rows})");
    match noise.kind {
        NoiseKind::AuditLog => format!(
            "insert into activity (who, what, account) values ('user{}', 'viewed', '{number}');\n",
            salt % 90
        ),
        NoiseKind::WorkOrder if salt.is_multiple_of(2) => format!(
            "insert into jobs (account, what, state, raised_at) values ('{number}', 'inspect', 'open', unixepoch());\n"
        ),
        NoiseKind::WorkOrder => format!(
            "update jobs set state = 'done'
             where job_id = (select max(job_id) from jobs where account = '{number}');\n"
        ),
        NoiseKind::CallLog => format!(
            "insert into activity (who, what, account, seconds) values ('phone', 'billing', '{number}', {});\n",
            30 + salt % 900
        ),
        NoiseKind::MeterReads => {
            let points = world.service_points();
            let point = &points[salt as usize % points.len()].national_number;
            format!(
                "insert into readings (national_no, read_at, watt_hours, quality) {numbers}
                 select '{point}', unixepoch(), n * 12125, 'A' from n;\n"
            )
        }
        NoiseKind::CampaignSend => format!(
            "insert into activity (who, what, account) values ('mailout {}', 'sent', '{number}');\n",
            1 + salt % 12
        ),
        NoiseKind::LedgerExport => format!(
            "insert into exports (batch, line, gl_code, cents) {numbers}
             select 1000 + {index}, n, '4-' || (1000 + n), n * 315 from n;\n"
        ),
    }
}
