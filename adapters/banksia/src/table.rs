//! How the World's things become rows of Banksia's tables.

use chrono::{DateTime, Utc};
use wattle_sample::{
    Account, Address, AddressId, Adjustment, Agreement, Cents, ChargeLine, ChargeType, Contact, Detail,
    Holding, Invoice, LedgerEntry, LineKind, Numbers, PaymentMethod, PaymentStatus, PersonName, Role, Row,
    Scope, ServicePoint, ServicePointId, UsageType, World, tables,
};

use crate::ZONE;
use crate::plan_table::fuel;

tables! {
    SITE = "cust_site", 1 of ["site_id", "street", "suburb", "state", "postcode"], Update;
    ACCOUNT = "cust_account", 1 of [
        "acct_no", "status", "opened_on", "closed_on", "mail_site_id", "bill_months", "deleted_at"
    ], Update;
    HOLDER = "cust_holder", 2 of ["customer_no", "acct_no", "role", "may_share", "since_on", "until_on"], Update;
    CONTACT = "cust_contact", 1 of [
        "contact_id", "acct_no", "title", "first_name", "middle_names", "last_name", "suffix"
    ], Update;
    POINT = "sup_point", 1 of ["point_id", "fuel", "national_no", "site_id"], Update;
    CONTRACT = "sup_contract", 1 of [
        "contract_id", "acct_no", "offer_code", "from_on", "until_on", "nickname"
    ], Update;
    CONTRACT_POINT = "sup_contract_point", 2 of ["contract_id", "point_id", "position"], Keep;
    INVOICE = "bil_invoice", 1 of [
        "invoice_id", "invoice_no", "acct_no", "issued_on", "due_on", "period_from", "period_until", "total", "gst",
        "balance_after", "early_amount", "early_gst", "early_until", "paid"
    ], Update;
    INVOICE_LINE = "bil_invoice_line", 2 of [
        "invoice_id", "line_no", "scope", "kind", "charge_type", "point_id", "amount", "gst", "description"
    ], Keep;
    LEDGER = "bil_ledger", 2 of [
        "entry_id", "posted_on", "acct_no", "posted_at", "kind", "invoice_id", "point_id", "amount", "gst",
        "description", "charge_type", "from_on", "to_on", "pay_method", "tou_code", "quantity", "unit", "estimated",
        "starts_at", "ends_at", "dlf", "mlf"
    ], Update;
    ADJUSTMENT = "bil_adjustment", 3 of ["entry_id", "posted_on", "seq", "kind", "amount", "description"], Keep;
    BALANCE = "bil_balance", 1 of ["acct_no", "balance"], Update;
}

pub(crate) fn name(row: &mut Row, name: &PersonName) {
    row.opt(name.prefix).opt(name.first).put(json_list(&name.middle)).put(name.last).opt(name.suffix);
}

pub(crate) fn site(row: &mut Row, address: &Address) {
    row.expression(Some(site_bytes(address.id))).put(&address.line).put(address.suburb).put(address.state);
    row.put(&address.postcode);
}

pub(crate) fn account(row: &mut Row, world: &World, account: &Account) {
    row.put(&account.number).put(if account.closed.is_some() { 2 } else { 1 });
    row.put(account.opened).opt(account.closed).expression(account.mail.map(site_bytes));
    row.put(account.bill_months).opt(account.deleted.then(|| world.config().today));
}

pub(crate) fn holder(row: &mut Row, numbers: &Numbers<'_>, holding: &Holding) {
    let role = match holding.role {
        Role::Holder => 'H',
        Role::JointHolder => 'J',
        Role::SecondaryUser => 'S',
        Role::NominatedRepresentative => 'N',
    };
    row.put(holding.customer).put(numbers.get(holding.account)).put(role).put(u8::from(holding.shareable));
    row.put(holding.since).opt(holding.ended);
}

pub(crate) fn contact(row: &mut Row, numbers: &Numbers<'_>, contact: &Contact) {
    name(row.put(contact.id).put(numbers.get(contact.account)), &contact.name);
}

pub(crate) fn point(row: &mut Row, point: &ServicePoint) {
    row.expression(Some(point_bytes(point.id))).put(fuel(point.fuel)).put(&point.national_number);
    row.expression(point.site.map(site_bytes));
}

pub(crate) fn contract(row: &mut Row, world: &World, numbers: &Numbers<'_>, agreement: &Agreement) {
    row.put(agreement.id).put(numbers.get(agreement.account)).put(&world.plan(agreement.plan).code);
    row.put(agreement.started).opt(agreement.ended).opt(agreement.nickname);
}

pub(crate) fn contract_points(agreement: &Agreement) -> impl Iterator<Item = (&Agreement, usize)> {
    (0..agreement.service_points.len()).map(move |position| (agreement, position))
}

pub(crate) fn contract_point(row: &mut Row, (agreement, position): (&Agreement, usize)) {
    row.put(agreement.id);
    row.expression(Some(point_bytes(agreement.service_points[position]))).put(position + 1);
}

pub(crate) fn invoice(row: &mut Row, numbers: &Numbers<'_>, invoice: &Invoice) {
    let early = invoice.pay_on_time.as_ref();
    row.put(invoice.id)
        .put(invoice.id.number())
        .put(numbers.get(invoice.account))
        .put(invoice.issued)
        .opt(invoice.due)
        .opt(invoice.period.map(|(from, _)| from))
        .opt(invoice.period.map(|(_, until)| until))
        .put(invoice.total())
        .put(invoice.gst())
        .put(invoice.balance_at_issue)
        .opt(early.map(|discount| discount.amount))
        .opt(early.map(|discount| discount.gst))
        .opt(early.map(|discount| discount.until))
        .put(match invoice.status {
            PaymentStatus::Paid => "PAID",
            PaymentStatus::PartiallyPaid => "PART",
            PaymentStatus::NotPaid => "OPEN",
        });
}

pub(crate) fn invoice_lines(invoice: &Invoice) -> impl Iterator<Item = (&Invoice, usize)> {
    (0..invoice.lines.len()).map(move |index| (invoice, index))
}

pub(crate) fn invoice_line(row: &mut Row, (invoice, index): (&Invoice, usize)) {
    let line: &ChargeLine = &invoice.lines[index];
    let scope = match line.scope {
        Scope::Electricity => 'E',
        Scope::Gas => 'G',
        Scope::Account => 'A',
    };
    let (kind, charge_type) = match line.kind {
        LineKind::Usage => ("USE", None),
        LineKind::Generation => ("GEN", None),
        LineKind::OnceOffCharge => ("CHG", None),
        LineKind::OnceOffDiscount => ("DSC", None),
        LineKind::Other(kind) => ("OTH", Some(class(kind))),
    };
    row.put(invoice.id).put(index + 1).put(scope).put(kind).opt(charge_type);
    row.expression(line.service_point.map(point_bytes)).put(line.amount).put(line.gst).put(line.description);
}

pub(crate) fn ledger(row: &mut Row, numbers: &Numbers<'_>, entry: &LedgerEntry) {
    let (description, other, method, metered) = match &entry.detail {
        Detail::Usage(metered) | Detail::Demand(metered) => {
            (Some(metered.description), None, None, Some(metered))
        }
        Detail::OnceOff { description } => (Some(*description), None, None, None),
        Detail::Other { kind, period, description, .. } => {
            (Some(*description), Some((*kind, *period)), None, None)
        }
        Detail::Payment(method) => (None, None, Some(paid_by(*method)), None),
    };
    row.put(entry.id)
        .put(entry.posted_on())
        .put(numbers.get(entry.account))
        .put(local(entry.posted))
        .put(entry_kind(entry))
        .opt(entry.invoice)
        .expression(entry.service_point.map(point_bytes))
        .put(entry.amount)
        .put(entry.gst)
        .opt(description)
        .opt(other.map(|(kind, _)| class(kind)))
        .opt(other.map(|(_, (from, _))| from))
        .opt(other.map(|(_, (_, until))| until))
        .opt(method);
    let read = metered.map(|metered| metered.measured());
    row.opt(metered.map(|metered| time_of_use(metered.usage_type)));
    row.opt(metered.map(|metered| metered.quantity)).opt(metered.map(|metered| metered.unit.cds()));
    row.opt(metered.map(|metered| u8::from(metered.estimated)));
    row.opt(read.map(|(from, _)| local(from))).opt(read.map(|(_, until)| local(until)));
    let (dlf, mlf) = entry.loss_factors();
    row.opt(dlf).opt(mlf);
}

/// What the clock showed in Brisbane.
pub(crate) fn local(instant: DateTime<Utc>) -> String {
    instant.with_timezone(&ZONE).format("%Y-%m-%d %H:%M:%S").to_string()
}

pub(crate) fn adjustments(entry: &LedgerEntry) -> impl Iterator<Item = (&LedgerEntry, usize)> {
    (0..entry.adjustments.len()).map(move |index| (entry, index))
}

pub(crate) fn adjustment(row: &mut Row, (entry, index): (&LedgerEntry, usize)) {
    let adjustment: &Adjustment = &entry.adjustments[index];
    row.put(entry.id).put(entry.posted_on()).put(index + 1).put(entry_kind(entry));
    row.put(adjustment.amount).put(adjustment.description);
}

fn entry_kind(entry: &LedgerEntry) -> char {
    match &entry.detail {
        Detail::Usage(_) => 'U',
        Detail::Demand(_) => 'D',
        Detail::OnceOff { .. } => 'O',
        Detail::Other { .. } => 'C',
        Detail::Payment(_) => 'P',
    }
}

pub(crate) fn balance(row: &mut Row, number: &str, balance: Cents) {
    row.put(number).put(balance);
}

/// A site's key as bytes. Its first half scatters, so that rows lie in no order; its last bytes are zero, which the log
/// leaves out.
pub(crate) fn site_bytes(id: AddressId) -> String {
    let scattered = id.0.wrapping_mul(0x9e37_79b1);
    format!("x'{scattered:08x}ba5e40008000{:08x}0000'", id.0)
}

/// A supply point's key, a version 4 UUID.
pub(crate) fn point_key(id: ServicePointId) -> String {
    let scattered = id.0.wrapping_mul(0x85eb_ca6b);
    format!("{scattered:08x}-5e71-4000-8000-{:012x}", id.0)
}

/// The same as bytes, which MariaDB takes for a UUID and MySQL for what it keeps in the place of one.
fn point_bytes(id: ServicePointId) -> String {
    format!("x'{}'", point_key(id).replace('-', ""))
}

pub(crate) fn json_list(texts: &[&str]) -> String {
    let quoted = texts.iter().map(|text| format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"")));
    format!("[{}]", quoted.collect::<Vec<_>>().join(","))
}

pub(crate) fn class(kind: ChargeType) -> &'static str {
    match kind {
        ChargeType::Environmental => "ENV",
        ChargeType::Regulated => "REG",
        ChargeType::Network => "NET",
        ChargeType::Metering => "MET",
        ChargeType::RetailService => "RET",
        ChargeType::Rcti => "RCT",
        ChargeType::Other => "OTH",
    }
}

fn paid_by(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::DirectDebit => "DD",
        PaymentMethod::Card => "CC",
        PaymentMethod::Transfer => "TR",
        PaymentMethod::Bpay => "BP",
        PaymentMethod::Cash => "CA",
        PaymentMethod::Cheque => "CH",
        PaymentMethod::Other => "OT",
    }
}

fn time_of_use(kind: UsageType) -> &'static str {
    match kind {
        UsageType::Peak => "PK",
        UsageType::OffPeak => "OP",
        UsageType::OffPeakDemand => "OD",
        UsageType::Shoulder => "SH",
        UsageType::Shoulder1 => "S1",
        UsageType::Shoulder2 => "S2",
        UsageType::ControlledLoad => "CL",
        UsageType::Solar => "SO",
        UsageType::Aggregate => "AG",
        UsageType::AllDay => "AD",
        UsageType::Excess => "EX",
    }
}
