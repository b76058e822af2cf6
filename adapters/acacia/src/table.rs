//! How the World's things become rows of Acacia's tables.

use chrono::{DateTime, Utc};
use wattle_sample::{
    Account, AccountId, Address, AddressId, Adjustment, Agreement, Cents, ChargeLine, ChargeType, Contact,
    CustomerId, Detail, Holding, Invoice, LedgerEntry, LineKind, PaymentMethod, PaymentStatus, PersonName,
    Role, Row, Scope, ServicePoint, ServicePointId, Table, UsageType, World, tables,
};

use crate::ZONE;
use crate::plan_table::fuel;

tables! {
    SITE = "[cust].[Site]", 1 of ["[SiteId]", "[Street]", "[Suburb]", "[State]", "[Postcode]"], Update;
    ACCOUNT = "[cust].[Account]", 1 of [
        "[AccountId]", "[AccountNo]", "[Status]", "[OpenedOn]", "[ClosedOn]", "[MailSiteId]", "[BillMonths]", "[DeletedAt]"
    ], Update;
    HOLDER = "[cust].[Account Holder]", 2 of ["[CustomerId]", "[AccountId]", "[Role]", "[MayShare]", "[SinceOn]", "[UntilOn]"], Update;
    CONTACT = "[cust].[Contact]", 1 of [
        "[ContactId]", "[AccountId]", "[Title]", "[FirstName]", "[MiddleNames]", "[LastName]", "[Suffix]"
    ], Update;
    POINT = "[supply].[Point]", 1 of ["[PointId]", "[Fuel]", "[NationalNo]", "[SiteId]"], Update;
    CONTRACT = "[supply].[Contract]", 1 of [
        "[ContractId]", "[AccountId]", "[OfferCode]", "[FromOn]", "[UntilOn]", "[Nickname]"
    ], Update;
    CONTRACT_POINT = "[supply].[Contract Point]", 2 of ["[ContractId]", "[PointId]", "[Position]"], Keep;
    INVOICE = "[bill].[Invoice]", 1 of [
        "[InvoiceId]", "[InvoiceNo]", "[AccountId]", "[IssuedOn]", "[DueOn]", "[PeriodFrom]", "[PeriodUntil]", "[Total]", "[GST]",
        "[BalanceAfter]", "[EarlyAmount]", "[EarlyGST]", "[EarlyUntil]", "[Paid]"
    ], Update;
    INVOICE_LINE = "[bill].[Invoice Line]", 2 of [
        "[InvoiceId]", "[LineNo]", "[Scope]", "[Kind]", "[ChargeType]", "[PointId]", "[Amount]", "[GST]", "[Description]"
    ], Keep;
    LEDGER = "[bill].[Ledger]", 2 of [
        "[EntryId]", "[PostedOn]", "[AccountId]", "[PostedAt]", "[Kind]", "[InvoiceId]", "[PointId]", "[Amount]", "[GST]",
        "[Description]", "[ChargeType]", "[FromOn]", "[ToOn]", "[PayMethod]", "[TouCode]", "[Quantity]", "[Unit]", "[Estimated]",
        "[StartsAt]", "[EndsAt]", "[DLF]", "[MLF]"
    ], Update;
    ADJUSTMENT = "[bill].[Adjustment]", 3 of ["[EntryId]", "[PostedOn]", "[Seq]", "[Kind]", "[Amount]", "[Description]"], Keep;
    ACTIVITY = "[ops].[Activity Log]", 0 of ["[Who]", "[What]", "[AccountId]", "[Line]"], Keep;
    BALANCE = "[bill].[Balance]", 1 of ["[AccountId]", "[Balance]"], Update;
}

/// The table's name if the database gives its keys.
pub(crate) fn identity(table: &Table) -> Option<&'static str> {
    let given = [ACCOUNT, CONTACT, CONTRACT, INVOICE, LEDGER];
    given.iter().any(|given| given.name == table.name).then_some(table.name)
}

pub(crate) fn name(row: &mut Row, name: &PersonName) {
    row.opt(name.prefix).opt(name.first).put(json_list(&name.middle)).put(name.last).opt(name.suffix);
}

pub(crate) fn site(row: &mut Row, address: &Address) {
    row.put(site_key(address.id)).put(&address.line).put(address.suburb).put(address.state);
    row.put(&address.postcode);
}

pub(crate) fn account(row: &mut Row, world: &World, account: &Account) {
    row.put(account.id).put(&account.number).put(if account.closed.is_some() { 2 } else { 1 });
    row.put(account.opened).opt(account.closed).opt(account.mail.map(site_key));
    row.put(account.bill_months).opt(account.deleted.then(|| world.config().today));
}

pub(crate) fn holder(row: &mut Row, holding: &Holding) {
    let role = match holding.role {
        Role::Holder => 'H',
        Role::JointHolder => 'J',
        Role::SecondaryUser => 'S',
        Role::NominatedRepresentative => 'N',
    };
    row.put(customer_key(holding.customer)).put(holding.account).put(role).put(u8::from(holding.shareable));
    row.put(holding.since).opt(holding.ended);
}

pub(crate) fn contact(row: &mut Row, contact: &Contact) {
    name(row.put(contact.id).put(contact.account), &contact.name);
}

pub(crate) fn point(row: &mut Row, point: &ServicePoint) {
    row.put(point_key(point.id)).put(fuel(point.fuel)).put(&point.national_number);
    row.opt(point.site.map(site_key));
}

pub(crate) fn contract(row: &mut Row, world: &World, agreement: &Agreement) {
    row.put(agreement.id).put(agreement.account).put(&world.plan(agreement.plan).code);
    row.put(agreement.started).opt(agreement.ended).opt(agreement.nickname);
}

pub(crate) fn contract_points(agreement: &Agreement) -> impl Iterator<Item = (&Agreement, usize)> {
    (0..agreement.service_points.len()).map(move |position| (agreement, position))
}

pub(crate) fn contract_point(row: &mut Row, (agreement, position): (&Agreement, usize)) {
    row.put(agreement.id).put(point_key(agreement.service_points[position])).put(position + 1);
}

pub(crate) fn invoice(row: &mut Row, invoice: &Invoice) {
    let early = invoice.pay_on_time.as_ref();
    row.put(invoice.id)
        .put(invoice.id.number())
        .put(invoice.account)
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
    row.opt(line.service_point.map(point_key)).put(line.amount).put(line.gst).put(line.description);
}

pub(crate) fn ledger(row: &mut Row, entry: &LedgerEntry) {
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
        .put(entry.account)
        .put(local(entry.posted))
        .put(entry_kind(entry))
        .opt(entry.invoice)
        .opt(entry.service_point.map(point_key))
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

/// What the clock showed in Adelaide.
pub(crate) fn local(instant: DateTime<Utc>) -> String {
    instant.with_timezone(&ZONE).format("%Y-%m-%dT%H:%M:%S").to_string()
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

pub(crate) fn balance(row: &mut Row, account: AccountId, balance: Cents) {
    row.put(account).put(balance);
}

/// A customer's key.
pub(crate) fn customer_key(id: CustomerId) -> String {
    identifier(id.0, 0xc057)
}

/// A site's key.
pub(crate) fn site_key(id: AddressId) -> String {
    identifier(id.0, 0x517e)
}

/// A supply point's key.
pub(crate) fn point_key(id: ServicePointId) -> String {
    identifier(id.0, 0x5e71)
}

/// A version 4 identifier. Its first part scatters, so that rows lie in no order.
fn identifier(number: u32, kind: u16) -> String {
    let scattered = number.wrapping_mul(0x85eb_ca6b);
    format!("{scattered:08x}-{kind:04x}-4000-8000-{number:012x}")
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
