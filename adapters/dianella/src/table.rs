//! How the World's things become rows of Dianella's tables.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use wattle_sample::{
    Account, Address, AddressId, Adjustment, Agreement, Cents, ChargeLine, ChargeType, Contact, Detail,
    EntryId, Holding, Invoice, LedgerEntry, LineKind, PaymentMethod, PaymentStatus, PersonName, Role, Row,
    Scope, ServicePoint, UsageType, tables,
};

use crate::ZONE;
use crate::known::{Connections, Known};

tables! {
    ACCOUNT = "accounts", 1 of [
        "number", "state", "opened_day", "closed_day", "bill_every", "mail_dpid", "mail_street", "mail_suburb",
        "mail_region", "mail_postcode", "deleted"
    ], Update;
    GRANT = "grants", 2 of ["client_id", "account", "rights", "since_day", "ends_at"], Update;
    DELEGATE = "delegates", 1 of [
        "delegate_id", "account", "salutation", "given_name", "other_names", "family_name", "honours"
    ], Update;
    CONNECTION = "connections", 1 of [
        "national_no", "site_dpid", "site_street", "site_suburb", "site_region", "site_postcode"
    ], Update;
    SUPPLY = "supplies", 1 of [
        "supply_id", "account", "product_code", "from_day", "to_day", "label", "nmi", "second_nmi", "mirn"
    ], Update;
    INVOICE = "invoices", 1 of [
        "invoice_no", "account", "issued_day", "due_day", "from_day", "to_day", "total_cents", "gst_cents",
        "balance_cents", "prompt_cents", "prompt_gst_cents", "prompt_day", "status"
    ], Update;
    INVOICE_LINE = "invoice_lines", 2 of [
        "invoice_no", "line_no", "fuel", "item", "national_no", "cents", "gst_cents", "wording"
    ], Keep;
    POSTING = "postings", 2 of [
        "journal", "line", "account", "posted_at", "kind", "class", "invoice_no", "national_no", "cents", "gst_cents",
        "wording", "from_day", "to_day", "read_from", "read_to", "time_of_use", "thousandths", "unit", "estimated",
        "dlf", "mlf", "adjustments"
    ], Update;
    DEBTOR = "debtors", 1 of ["account", "owed_cents", "credit_cents"], Update;
}

pub(crate) fn name(row: &mut Row, name: &PersonName) {
    row.opt(name.prefix).opt(name.first).put(json_list(&name.middle)).put(name.last).opt(name.suffix);
}

pub(crate) fn account(row: &mut Row, known: &Known<'_>, account: &Account) {
    row.put(&account.number).put(if account.closed.is_some() { "closed" } else { "open" });
    row.put(account.opened).opt(account.closed).put(account.bill_months);
    place(row, account.mail.and_then(|mail| known.address(mail)));
    row.put(u8::from(account.deleted));
}

/// An address, with its delivery point.
fn place(row: &mut Row, address: Option<&Address>) {
    row.opt(address.map(|address| delivery_point(address.id))).opt(address.map(|address| &address.line));
    row.opt(address.map(|address| address.suburb)).opt(address.map(|address| address.state));
    row.opt(address.map(|address| &address.postcode));
}

/// The eight digits by which the post office knows an address.
pub(crate) fn delivery_point(id: AddressId) -> u32 {
    50_000_000 + id.0
}

const OWNS: u8 = 1;
const TOGETHER: u8 = 2;
const ACTS: u8 = 4;
const NOMINATED: u8 = 8;
const SHARES: u8 = 16;

pub(crate) fn grant(row: &mut Row, known: &Known<'_>, holding: &Holding) {
    let role = match holding.role {
        Role::Holder => OWNS,
        Role::JointHolder => OWNS | TOGETHER,
        Role::SecondaryUser => ACTS,
        Role::NominatedRepresentative => ACTS | NOMINATED,
    };
    let rights = if holding.shareable { role | SHARES } else { role };
    row.put(holding.customer).put(known.number(holding.account)).put(rights).put(holding.since);
    row.opt(holding.ended.map(|day| midnight(day).timestamp()));
}

/// When a day begins in Adelaide.
fn midnight(day: NaiveDate) -> DateTime<Utc> {
    let local = ZONE.from_local_datetime(&day.and_time(NaiveTime::MIN));
    local.single().expect("midnight exists once in Adelaide").to_utc()
}

pub(crate) fn delegate(row: &mut Row, known: &Known<'_>, contact: &Contact) {
    name(row.put(contact.id).put(known.number(contact.account)), &contact.name);
}

pub(crate) fn connection(row: &mut Row, known: &Known<'_>, point: &ServicePoint) {
    row.put(&point.national_number);
    place(row, point.site.and_then(|site| known.address(site)));
}

pub(crate) fn supply(row: &mut Row, known: &Known<'_>, agreement: &Agreement) {
    let Connections { nmi, second_nmi, mirn } = known.connections(agreement);
    row.put(agreement.id).put(known.number(agreement.account)).put(known.plan_code(agreement.plan));
    row.put(agreement.started).opt(agreement.ended).opt(agreement.nickname);
    row.opt(nmi).opt(second_nmi).opt(mirn);
}

pub(crate) fn invoice(row: &mut Row, known: &Known<'_>, invoice: &Invoice) {
    let prompt = invoice.pay_on_time.as_ref();
    row.put(invoice.id.number())
        .put(known.number(invoice.account))
        .put(invoice.issued)
        .opt(invoice.due)
        .opt(invoice.period.map(|(from, _)| from))
        .opt(invoice.period.map(|(_, until)| until))
        .put(invoice.total().0)
        .put(invoice.gst().0)
        .put(invoice.balance_at_issue.0)
        .opt(prompt.map(|discount| discount.amount.0))
        .opt(prompt.map(|discount| discount.gst.0))
        .opt(prompt.map(|discount| discount.until))
        .put(match invoice.status {
            PaymentStatus::Paid => "paid",
            PaymentStatus::PartiallyPaid => "part",
            PaymentStatus::NotPaid => "unpaid",
        });
}

pub(crate) fn lines(invoice: &Invoice) -> impl Iterator<Item = (&Invoice, usize, &ChargeLine)> {
    invoice.lines.iter().enumerate().map(move |(index, line)| (invoice, index + 1, line))
}

pub(crate) fn invoice_line(
    row: &mut Row,
    known: &Known<'_>,
    (invoice, number, line): (&Invoice, usize, &ChargeLine),
) {
    let fuel = match line.scope {
        Scope::Electricity => Some('E'),
        Scope::Gas => Some('G'),
        Scope::Account => None,
    };
    let item = match line.kind {
        LineKind::Usage => "usage",
        LineKind::Generation => "export",
        LineKind::OnceOffCharge => "fee",
        LineKind::OnceOffDiscount => "credit",
        LineKind::Other(kind) => class(kind),
    };
    row.put(invoice.id.number()).put(number).opt(fuel).put(item);
    row.opt(line.service_point.map(|point| known.national_number(point)));
    row.put(line.amount.0).put(line.gst.0).put(line.description);
}

pub(crate) fn posting(row: &mut Row, known: &Known<'_>, entry: &LedgerEntry) {
    let (kind, class) = match &entry.detail {
        Detail::Usage(_) => ("usage", None),
        Detail::Demand(_) => ("demand", None),
        Detail::OnceOff { .. } => ("once", None),
        Detail::Other { kind, .. } => ("charge", Some(class(*kind))),
        Detail::Payment(method) => ("payment", Some(paid_by(*method))),
    };
    let (wording, days, metered) = match &entry.detail {
        Detail::Usage(metered) | Detail::Demand(metered) => (Some(metered.description), None, Some(metered)),
        Detail::OnceOff { description } => (Some(*description), None, None),
        Detail::Other { period, description, .. } => (Some(*description), Some(*period), None),
        Detail::Payment(_) => (None, None, None),
    };
    let read = metered.map(|metered| metered.measured());
    let (journal, line) = journal_line(entry.id);
    row.put(journal).put(line).put(known.number(entry.account)).put(entry.posted.timestamp());
    row.put(kind).opt(class).opt(entry.invoice.map(|invoice| invoice.number()));
    row.opt(entry.service_point.map(|point| known.national_number(point)));
    row.put(entry.amount.0).put(entry.gst.0).opt(wording);
    row.opt(days.map(|(from, _)| from)).opt(days.map(|(_, until)| until));
    row.opt(read.map(|(from, _)| local(from))).opt(read.map(|(_, until)| local(until)));
    row.opt(metered.map(|metered| time_of_use(metered.usage_type)));
    row.opt(metered.map(|metered| metered.quantity.units_at(3)))
        .opt(metered.map(|metered| metered.unit.cds()));
    row.opt(metered.map(|metered| u8::from(metered.estimated)));
    let (dlf, mlf) = entry.loss_factors();
    row.opt(dlf).opt(mlf);
    row.opt((!entry.adjustments.is_empty()).then(|| adjustments(&entry.adjustments)));
}

/// An entry's place in the ledger: the journal of the account that it was first posted to, and the line there.
pub(crate) fn journal_line(entry: EntryId) -> (u64, u64) {
    (entry.0 >> 16, entry.0 & 0xffff)
}

/// What the clock showed in Adelaide.
fn local(instant: DateTime<Utc>) -> String {
    instant.with_timezone(&ZONE).format("%Y-%m-%d %H:%M:%S").to_string()
}

fn adjustments(adjustments: &[Adjustment]) -> String {
    let one = |adjustment: &Adjustment| {
        let (cents, wording) = (adjustment.amount.0, json_string(adjustment.description));
        format!(r#"{{"cents":{cents},"wording":{wording}}}"#)
    };
    format!("[{}]", adjustments.iter().map(one).collect::<Vec<_>>().join(","))
}

pub(crate) fn debtor(row: &mut Row, number: &str, balance: Cents) {
    row.put(number).put(balance.0.max(0)).put((-balance.0).max(0));
}

pub(crate) fn json_list(texts: &[&str]) -> String {
    format!("[{}]", texts.iter().map(|text| json_string(text)).collect::<Vec<_>>().join(","))
}

/// The World's texts have no control characters.
fn json_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

pub(crate) fn class(kind: ChargeType) -> &'static str {
    match kind {
        ChargeType::Environmental => "green",
        ChargeType::Regulated => "regulated",
        ChargeType::Network => "network",
        ChargeType::Metering => "metering",
        ChargeType::RetailService => "retail",
        ChargeType::Rcti => "buyback",
        ChargeType::Other => "other",
    }
}

fn paid_by(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::DirectDebit => "debit",
        PaymentMethod::Card => "card",
        PaymentMethod::Transfer => "bank",
        PaymentMethod::Bpay => "bpay",
        PaymentMethod::Cash => "cash",
        PaymentMethod::Cheque => "cheque",
        PaymentMethod::Other => "other",
    }
}

fn time_of_use(kind: UsageType) -> &'static str {
    match kind {
        UsageType::Peak => "peak",
        UsageType::OffPeak => "off-peak",
        UsageType::OffPeakDemand => "off-peak demand",
        UsageType::Shoulder => "shoulder",
        UsageType::Shoulder1 => "shoulder 1",
        UsageType::Shoulder2 => "shoulder 2",
        UsageType::ControlledLoad => "controlled",
        UsageType::Solar => "solar",
        UsageType::Aggregate => "all",
        UsageType::AllDay => "any",
        UsageType::Excess => "excess",
    }
}

#[cfg(test)]
mod tests {
    use super::json_list;

    #[test]
    fn lists_are_json() {
        assert_eq!(json_list(&["O'Brien \"Bob\"", r"a\b"]), r#"["O'Brien \"Bob\"","a\\b"]"#);
        assert_eq!(json_list(&[]), "[]");
    }
}
