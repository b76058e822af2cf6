//! How a mutation becomes SQL.

use wattle_sample::{Effect, FeeChange, Mutation, Noise, NoiseKind, Numbers, PriceChange, World};

use crate::customer_table;
use crate::plan_table::fuel;
use crate::{table, terms_table};

/// The statements of a mutation that was drafted on this World, in order.
pub(crate) fn statements(world: &World, mutation: &Mutation) -> String {
    let mut numbers = Numbers::of(world);
    let effects = mutation.effects.iter();
    effects.map(|effect| statement(world, &mut numbers, mutation.index, effect)).collect::<Vec<_>>().concat()
}

fn statement(world: &World, numbers: &mut Numbers<'_>, index: u64, effect: &Effect) -> String {
    match effect {
        Effect::PutCustomer(customer) => customer_table::put(customer),
        Effect::PutAddress(address) => table::SITE.put_on_duplicate_key([address], table::site),
        // The foreign keys take it from accounts and supply points.
        Effect::DeleteAddress(id) => {
            format!("delete from cust_site where site_id = {};\n", table::site_bytes(*id))
        }
        Effect::PutServicePoint(point) => table::POINT.put_on_duplicate_key([point], table::point),
        Effect::PutAccount(account) => {
            numbers.give(account.id, &account.number);
            table::ACCOUNT.put_on_duplicate_key([account], |row, account| table::account(row, world, account))
        }
        Effect::RenumberAccount { account, from, to } => {
            numbers.give(*account, to);
            renumber(from, to)
        }
        // The foreign keys take everything on it.
        Effect::PurgeAccount { number, .. } => {
            format!("delete from cust_account where acct_no = '{number}';\n")
        }
        Effect::PutHolding(holding) => {
            table::HOLDER.put_on_duplicate_key([holding], |row, holding| table::holder(row, numbers, holding))
        }
        Effect::DeleteHolding(customer, account) => {
            let number = numbers.get(*account);
            format!("delete from cust_holder where customer_no = {customer} and acct_no = '{number}';\n")
        }
        Effect::PutPaymentSchedule(schedule) => terms_table::put_payment(numbers, schedule),
        Effect::DeletePaymentSchedule(account, number) => {
            terms_table::delete(&terms_table::PAYMENT, numbers.get(*account), *number)
        }
        Effect::PutConcession(concession) => terms_table::put_concession(numbers, concession),
        Effect::DeleteConcession(account, number) => {
            terms_table::delete(&terms_table::CONCESSION, numbers.get(*account), *number)
        }
        Effect::PutContact(contact) => table::CONTACT
            .put_on_duplicate_key([contact], |row, contact| table::contact(row, numbers, contact)),
        Effect::DeleteContact(id) => format!("delete from cust_contact where contact_id = {id};\n"),
        Effect::PutAgreement(agreement) => {
            let put = table::CONTRACT.put_on_duplicate_key([agreement], |row, agreement| {
                table::contract(row, world, numbers, agreement);
            });
            let points = table::contract_points(agreement);
            put + &table::CONTRACT_POINT.put_on_duplicate_key(points, table::contract_point)
        }
        Effect::PutInvoice(invoice) => {
            let put = table::INVOICE
                .put_on_duplicate_key([invoice], |row, invoice| table::invoice(row, numbers, invoice));
            let lines = table::invoice_lines(invoice);
            put + &table::INVOICE_LINE.put_on_duplicate_key(lines, table::invoice_line)
        }
        // The foreign keys take the lines and the ledger entries.
        Effect::VoidInvoice(id) => format!("delete from bil_invoice where invoice_id = {id};\n"),
        Effect::PutEntry(entry) => {
            let put =
                table::LEDGER.put_on_duplicate_key([entry], |row, entry| table::ledger(row, numbers, entry));
            put + &table::ADJUSTMENT.put_on_duplicate_key(table::adjustments(entry), table::adjustment)
        }
        Effect::PutBalance(account, balance) => {
            let number = numbers.get(*account);
            table::BALANCE
                .put_on_duplicate_key([balance], |row, balance| table::balance(row, number, *balance))
        }
        Effect::PutPrice(change) => price(world, change),
        Effect::PutFee(change) => fee(world, change),
        Effect::AnnotateInvoices { from, until, note } => format!(
            "update bil_invoice set note = '{note}' where issued_on between '{from}' and '{until}';\n"
        ),
        Effect::Noise(noise) => self::noise(world, numbers, index, noise),
    }
}

/// The foreign keys renumber whatever is on the account, but only where the new number does not equal the old one.
fn renumber(from: &str, to: &str) -> String {
    let update = |from: &str, to: &str| {
        format!("update cust_account set acct_no = '{to}' where acct_no = '{from}';\n")
    };
    if from.eq_ignore_ascii_case(to) {
        let between = format!("~{to}");
        update(from, &between) + &update(&between, to)
    } else {
        update(from, to)
    }
}

/// A price is changed where it stands; the offer's own row is not touched.
fn price(world: &World, change: &PriceChange) -> String {
    let (code, fuel, price) = (&world.plan(change.plan).code, fuel(change.fuel), change.unit_price);
    let (tariff, block, step) = (change.period + 1, change.price + 1, change.step + 1);
    format!(
        "update prd_price set price = {price} where offer_code = '{code}' and fuel = '{fuel}'
         and tariff_no = {tariff} and block_no = {block} and step_no = {step};\n"
    )
}

/// Anything else about an offer comes with a new revision of it.
fn fee(world: &World, change: &FeeChange) -> String {
    let (code, fuel, value, place) =
        (&world.plan(change.plan).code, fuel(change.fuel), change.value, change.fee + 1);
    format!(
        "update prd_offer set revision = revision + 1 where offer_code = '{code}';
         update prd_extra set value = {value}
         where offer_code = '{code}' and fuel = '{fuel}' and sort = 'fee' and place = {place};\n"
    )
}

fn noise(world: &World, numbers: &Numbers<'_>, index: u64, noise: &Noise) -> String {
    let (number, rows, salt) = (numbers.get(noise.account), noise.rows, noise.salt % 1_000_000);
    let counted =
        format!("with recursive n (n) as (select 1 union all select n + 1 from n where n < {rows})");
    match noise.kind {
        NoiseKind::AuditLog => format!(
            "insert into ops_activity (who, what, acct_no) values ('user{}', 'viewed', '{number}');\n",
            salt % 90
        ),
        NoiseKind::WorkOrder if salt.is_multiple_of(2) => {
            format!("insert into ops_job (acct_no, what, state) values ('{number}', 'inspect', 'open');\n")
        }
        NoiseKind::WorkOrder => format!(
            "update ops_job set state = 'done' where acct_no = '{number}' order by job_id desc limit 1;\n"
        ),
        NoiseKind::CallLog => format!(
            "insert into ops_activity (who, what, acct_no, seconds) values ('phone', 'billing', '{number}', {});\n",
            30 + salt % 900
        ),
        NoiseKind::MeterReads => {
            let points = world.service_points();
            let point = &points[salt as usize % points.len()].national_number;
            format!(
                "insert into ops_reading (national_no, kwh, quality) {counted} select '{point}', n * 12.125, 'A' from n;\n"
            )
        }
        NoiseKind::CampaignSend => format!(
            "insert into ops_activity (who, what, acct_no) values ('mailout {}', 'sent', '{number}');\n",
            1 + salt % 12
        ),
        NoiseKind::LedgerExport => format!(
            "insert into ops_export (batch, line, gl_code, amount) {counted}
             select 1000 + {index}, n, concat('4-', 1000 + n), n * 3.15 from n;\n"
        ),
    }
}
