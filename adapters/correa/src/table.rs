//! How the World's things become rows of Correa's tables.

use wattle_sample::{
    Account, Address, AddressId, Adjustment, Agreement, Cents, ChargeLine, ChargeType, Contact, Detail, Fuel,
    Holding, Invoice, LedgerEntry, LineKind, Metered, Numbers, PaymentMethod, PaymentStatus, PersonName,
    Role, Row, Scope, ServicePoint, ServicePointId, UsageType, World, tables,
};

tables! {
    ADDRESS = "crm.address", 1 of ["address_id", "line", "suburb", "state", "postcode"], Update;
    ACCOUNT = "crm.account", 1 of [
        "account_no", "status", "opened_on", "closed_on", "mail_address_id", "bill_months", "deleted_at"
    ], Update;
    HOLDING = "crm.account_holding", 2 of [
        "party_id", "account_no", "role_code", "may_share", "since_on", "ended_on"
    ], Update;
    CONTACT = "crm.contact", 1 of [
        "contact_id", "account_no", "title", "first_name", "middle_names", "last_name", "name_suffix"
    ], Update;
    SUPPLY_POINT = "supply.supply_point", 1 of [
        "supply_point_id", "fuel", "national_no", "site_address_id"
    ], Update;
    AGREEMENT = "supply.agreement", 1 of [
        "agreement_id", "account_no", "plan_code", "started_on", "ended_on", "nickname"
    ], Update;
    AGREEMENT_POINT = "supply.agreement_point", 2 of ["agreement_id", "supply_point_id", "position"], Keep;
    BILL = "billing.bill", 1 of [
        "bill_id", "bill_no", "account_no", "issued_on", "due_on", "period_from", "period_to", "total", "gst",
        "balance_after", "early_amount", "early_gst", "early_until", "paid"
    ], Update;
    BILL_LINE = "billing.bill_line", 2 of [
        "bill_id", "line_no", "scope", "kind", "charge_type", "supply_point_id", "amount", "gst", "description"
    ], Keep;
    LEDGER = "billing.ledger", 2 of [
        "entry_id", "posted_on", "account_no", "posted_at", "kind", "bill_no", "supply_point_id", "amount", "gst",
        "description", "charge_type", "from_on", "to_on", "dlf", "mlf", "pay_method"
    ], Update;
    LEDGER_USAGE = "billing.ledger_usage", 2 of [
        "entry_id", "posted_on", "kind", "tou_code", "quantity", "unit", "estimated", "starts_at", "ends_at", "dlf", "mlf"
    ], Update;
    LEDGER_ADJUSTMENT = "billing.ledger_adjustment", 3 of [
        "entry_id", "posted_on", "seq", "kind", "amount", "description"
    ], Keep;
    BALANCE = "billing.account_balance", 1 of ["account_no", "balance"], Update;
}

pub(crate) fn name(row: &mut Row, name: &PersonName) {
    row.opt(name.prefix).opt(name.first).put(array(&name.middle)).put(name.last).opt(name.suffix);
}

pub(crate) fn address(row: &mut Row, address: &Address) {
    row.put(address_key(address.id))
        .put(&address.line)
        .put(address.suburb)
        .put(address.state)
        .put(&address.postcode);
}

pub(crate) fn account(row: &mut Row, world: &World, account: &Account) {
    row.put(&account.number)
        .put(if account.closed.is_some() { 'C' } else { 'O' })
        .put(account.opened)
        .opt(account.closed)
        .opt(account.mail.map(address_key))
        .put(account.bill_months)
        .opt(account.deleted.then(|| world.config().today));
}

pub(crate) fn holding(row: &mut Row, numbers: &Numbers<'_>, holding: &Holding) {
    let role = match holding.role {
        Role::Holder => "HLD",
        Role::JointHolder => "JNT",
        Role::SecondaryUser => "SEC",
        Role::NominatedRepresentative => "NOM",
    };
    row.put(holding.customer).put(numbers.get(holding.account)).put(role).put(holding.shareable);
    row.put(holding.since).opt(holding.ended);
}

pub(crate) fn contact(row: &mut Row, numbers: &Numbers<'_>, contact: &Contact) {
    name(row.put(contact.id).put(numbers.get(contact.account)), &contact.name);
}

pub(crate) fn supply_point(row: &mut Row, point: &ServicePoint) {
    row.put(supply_point_key(point.id)).put(fuel(point.fuel)).put(&point.national_number);
    row.opt(point.site.map(address_key));
}

pub(crate) fn agreement(row: &mut Row, world: &World, numbers: &Numbers<'_>, agreement: &Agreement) {
    let plan = &world.plan(agreement.plan).code;
    row.put(agreement.id).put(numbers.get(agreement.account)).put(plan);
    row.put(agreement.started).opt(agreement.ended).opt(agreement.nickname);
}

pub(crate) fn agreement_points(agreement: &Agreement) -> impl Iterator<Item = (&Agreement, usize)> {
    (0..agreement.service_points.len()).map(move |position| (agreement, position))
}

pub(crate) fn agreement_point(row: &mut Row, (agreement, position): (&Agreement, usize)) {
    row.put(agreement.id).put(supply_point_key(agreement.service_points[position])).put(position + 1);
}

pub(crate) fn bill(row: &mut Row, numbers: &Numbers<'_>, bill: &Invoice) {
    let early = bill.pay_on_time.as_ref();
    row.put(bill.id)
        .put(bill.id.number())
        .put(numbers.get(bill.account))
        .put(bill.issued)
        .opt(bill.due)
        .opt(bill.period.map(|(from, _)| from))
        .opt(bill.period.map(|(_, until)| until))
        .put(bill.total())
        .put(bill.gst())
        .put(bill.balance_at_issue)
        .opt(early.map(|discount| discount.amount))
        .opt(early.map(|discount| discount.gst))
        .opt(early.map(|discount| discount.until))
        .put(match bill.status {
            PaymentStatus::Paid => 'P',
            PaymentStatus::PartiallyPaid => 'T',
            PaymentStatus::NotPaid => 'N',
        });
}

pub(crate) fn bill_lines(bill: &Invoice) -> impl Iterator<Item = (&Invoice, usize)> {
    (0..bill.lines.len()).map(move |index| (bill, index))
}

pub(crate) fn bill_line(row: &mut Row, (bill, index): (&Invoice, usize)) {
    let line: &ChargeLine = &bill.lines[index];
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
        LineKind::Other(kind) => ("OTH", Some(charge_type_code(kind))),
    };
    row.put(bill.id).put(index + 1).put(scope).put(kind).opt(charge_type);
    row.opt(line.service_point.map(supply_point_key)).put(line.amount).put(line.gst).put(line.description);
}

pub(crate) fn ledger(row: &mut Row, numbers: &Numbers<'_>, entry: &LedgerEntry) {
    let (description, other, method) = match &entry.detail {
        Detail::Usage(metered) | Detail::Demand(metered) => (Some(metered.description), None, None),
        Detail::OnceOff { description } => (Some(*description), None, None),
        Detail::Other { kind, period, description, .. } => (Some(*description), Some((*kind, *period)), None),
        Detail::Payment(method) => (None, None, Some(method_code(*method))),
    };
    row.put(entry.id)
        .put(entry.posted_on())
        .put(numbers.get(entry.account))
        .put(entry.posted)
        .put(entry_kind(entry))
        .opt(entry.invoice.map(|invoice| invoice.number()))
        .opt(entry.service_point.map(supply_point_key))
        .put(entry.amount)
        .put(entry.gst)
        .opt(description)
        .opt(other.map(|(kind, _)| charge_type_code(kind)))
        .opt(other.map(|(_, (from, _))| from))
        .opt(other.map(|(_, (_, until))| until))
        .opt(other.and(entry.loss_factors().0))
        .opt(other.and(entry.loss_factors().1))
        .opt(method);
}

/// The entry's measured quantity, if it has one.
pub(crate) fn metered(entry: &LedgerEntry) -> Option<(&LedgerEntry, &Metered)> {
    match &entry.detail {
        Detail::Usage(metered) | Detail::Demand(metered) => Some((entry, metered)),
        Detail::OnceOff { .. } | Detail::Other { .. } | Detail::Payment(_) => None,
    }
}

pub(crate) fn ledger_usage(row: &mut Row, (entry, metered): (&LedgerEntry, &Metered)) {
    let code = match metered.usage_type {
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
    };
    row.put(entry.id).put(entry.posted_on()).put(entry_kind(entry)).put(code);
    row.put(metered.quantity)
        .put(metered.unit.cds())
        .put(metered.estimated)
        .put(metered.from)
        .put(metered.until)
        .opt(metered.dlf)
        .opt(metered.mlf);
}

pub(crate) fn adjustments(entry: &LedgerEntry) -> impl Iterator<Item = (&LedgerEntry, usize)> {
    (0..entry.adjustments.len()).map(move |index| (entry, index))
}

pub(crate) fn ledger_adjustment(row: &mut Row, (entry, index): (&LedgerEntry, usize)) {
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

/// A value for an array column.
pub(crate) fn array(values: &[&str]) -> String {
    let quoted =
        values.iter().map(|value| format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\"")));
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

pub(crate) fn fuel(fuel: Fuel) -> char {
    match fuel {
        Fuel::Electricity => 'E',
        Fuel::Gas => 'G',
    }
}

fn charge_type_code(kind: ChargeType) -> &'static str {
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

fn method_code(method: PaymentMethod) -> &'static str {
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

pub(crate) fn address_key(id: AddressId) -> String {
    uuid(0x0add, id.0)
}

pub(crate) fn supply_point_key(id: ServicePointId) -> String {
    uuid(0x5e71, id.0)
}

/// A version 4 UUID for a number: its first half scatters, so that rows lie in no order, its last digits are unique.
fn uuid(kind: u16, id: u32) -> String {
    let scattered = id.wrapping_mul(0x9e37_79b1) ^ u32::from(kind);
    format!("{scattered:08x}-{kind:04x}-4000-8000-{id:012x}")
}

#[cfg(test)]
mod tests {
    use super::array;

    #[test]
    fn elements_of_arrays_are_quoted() {
        assert_eq!(array(&["a\"b", "c\\"]), r#"{"a\"b","c\\"}"#);
        assert_eq!(array(&[]), "{}");
    }
}
