//! How a mutation becomes SQL.

use wattle_sample::{Effect, FeeChange, Mutation, Noise, NoiseKind, Numbers, PriceChange, World};

use crate::{party_table, plan_table, table, terms_table};

/// The statements of a mutation that was drafted on this World, in order.
pub(crate) fn statements(world: &World, mutation: &Mutation) -> String {
    let mut numbers = Numbers::of(world);
    let sql: Vec<String> = mutation
        .effects
        .iter()
        .map(|effect| statement(world, &mut numbers, mutation.index, effect))
        .collect();
    sql.concat()
}

fn statement(world: &World, numbers: &mut Numbers<'_>, index: u64, effect: &Effect) -> String {
    match effect {
        Effect::PutCustomer(customer) => party_table::put(customer),
        Effect::PutAddress(address) => table::ADDRESS.put([address], table::address),
        // The foreign keys take it from accounts and supply points.
        Effect::DeleteAddress(id) => {
            format!("delete from crm.address where address_id = '{}';\n", table::address_key(*id))
        }
        Effect::PutServicePoint(point) => table::SUPPLY_POINT.put([point], table::supply_point),
        Effect::PutAccount(account) => {
            numbers.give(account.id, &account.number);
            table::ACCOUNT.put([account], |row, account| table::account(row, world, account))
        }
        // The foreign keys renumber whatever is on the account.
        Effect::RenumberAccount { account, from, to } => {
            numbers.give(*account, to);
            format!("update crm.account set account_no = '{to}' where account_no = '{from}';\n")
        }
        Effect::PurgeAccount { number, .. } => {
            format!("delete from crm.account where account_no = '{number}';\n")
        }
        Effect::PutHolding(holding) => {
            table::HOLDING.put([holding], |row, holding| table::holding(row, numbers, holding))
        }
        Effect::DeleteHolding(customer, account) => {
            let number = numbers.get(*account);
            format!(
                "delete from crm.account_holding where party_id = {customer} and account_no = '{number}';\n"
            )
        }
        Effect::PutPaymentSchedule(schedule) => terms_table::put_schedule(numbers, schedule),
        Effect::DeletePaymentSchedule(account, number) => {
            terms_table::delete(&terms_table::PAYMENT_SCHEDULE, numbers.get(*account), *number)
        }
        Effect::PutConcession(concession) => terms_table::put_concession(numbers, concession),
        Effect::DeleteConcession(account, number) => {
            terms_table::delete(&terms_table::CONCESSION, numbers.get(*account), *number)
        }
        Effect::PutContact(contact) => {
            table::CONTACT.put([contact], |row, contact| table::contact(row, numbers, contact))
        }
        Effect::DeleteContact(id) => format!("delete from crm.contact where contact_id = {id};\n"),
        Effect::PutAgreement(agreement) => {
            let put = table::AGREEMENT.put([agreement], |row, agreement| {
                table::agreement(row, world, numbers, agreement);
            });
            put + &table::AGREEMENT_POINT.put(table::agreement_points(agreement), table::agreement_point)
        }
        Effect::PutInvoice(bill) => {
            let put = table::BILL.put([bill], |row, bill| table::bill(row, numbers, bill));
            put + &table::BILL_LINE.put(table::bill_lines(bill), table::bill_line)
        }
        // The foreign keys take the lines and the ledger entries.
        Effect::VoidInvoice(id) => format!("delete from billing.bill where bill_id = {id};\n"),
        Effect::PutEntry(entry) => {
            table::LEDGER.put([entry], |row, entry| table::ledger(row, numbers, entry))
                + &table::LEDGER_USAGE.put(table::metered(entry), table::ledger_usage)
                + &table::LEDGER_ADJUSTMENT.put(table::adjustments(entry), table::ledger_adjustment)
        }
        Effect::PutBalance(account, balance) => {
            let number = numbers.get(*account);
            table::BALANCE.put([balance], |row, balance| table::balance(row, number, *balance))
        }
        Effect::PutPrice(change) => price(world, change),
        Effect::PutFee(change) => fee(world, change),
        Effect::AnnotateInvoices { from, until, note } => format!(
            "update billing.bill set note = '{note}' where issued_on between '{from}' and '{until}';\n"
        ),
        Effect::Noise(noise) => self::noise(numbers, index, noise),
    }
}

/// A price is changed where it stands; the plan's own row is not touched.
fn price(world: &World, change: &PriceChange) -> String {
    let block = plan_table::block_id(world.plan(change.plan), change.fuel, change.period, change.price);
    let (step, unit_price) = (change.step + 1, change.unit_price);
    format!(
        "update product.rate set unit_price = {unit_price} where block_id = {block} and step_no = {step};\n"
    )
}

/// Anything else about a plan comes with a new revision of it.
fn fee(world: &World, change: &FeeChange) -> String {
    let plan = &world.plan(change.plan).code;
    let (fuel, seq, value) = (table::fuel(change.fuel), change.fee + 1, change.value);
    format!(
        "update product.plan set revision = revision + 1 where plan_code = '{plan}';
         update product.fee set amount = case when rate is null then {value} end, rate = case when rate is not null then {value} end
         where plan_code = '{plan}' and fuel = '{fuel}' and seq = {seq};\n"
    )
}

fn noise(numbers: &Numbers<'_>, index: u64, noise: &Noise) -> String {
    let (number, rows, salt) = (numbers.get(noise.account), noise.rows, noise.salt % 1_000_000);
    match noise.kind {
        NoiseKind::AuditLog => format!(
            "insert into ops.audit_log (actor, action, account_no) values ('user{}', 'viewed', '{number}');\n",
            salt % 90
        ),
        NoiseKind::WorkOrder if salt.is_multiple_of(2) => format!(
            "insert into ops.work_order (account_no, kind, state, raised_at)
             values ('{number}', 'inspect', 'open', localtimestamp);\n"
        ),
        NoiseKind::WorkOrder => format!(
            "update ops.work_order set state = 'done'
             where work_order_id = (select max(work_order_id) from ops.work_order where account_no = '{number}');\n"
        ),
        NoiseKind::CallLog => format!(
            "insert into ops.call_log (account_no, seconds, topic) values ('{number}', {}, 'billing');\n",
            30 + salt % 900
        ),
        NoiseKind::MeterReads => format!(
            "insert into meter.read (meter_id, read_at, kwh, quality)
             select 1 + (n * 7919 + {salt}) % (select max(meter_id) from meter.meter), localtimestamp, n * 12.125, 'A'
             from generate_series(1, {rows}) n;\n"
        ),
        NoiseKind::CampaignSend => format!(
            "insert into ops.campaign_send (campaign_id, account_no) values ({}, '{number}');\n",
            1 + salt % 12
        ),
        NoiseKind::LedgerExport => format!(
            "insert into ops.gl_export (batch_no, line_no, gl_code, amount)
             select 1000 + {index}, n, '4-' || 1000 + n, n * 3.15 from generate_series(1, {rows}) n;\n"
        ),
    }
}
