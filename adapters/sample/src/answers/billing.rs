//! Invoices and billing transactions.

use serde_json::{Value, json};

use super::{Fields, number};
use crate::calendar::{self, Clock};
use crate::decimal::Cents;
use crate::id::ServicePointId;
use crate::invoice::{ChargeLine, Invoice, LineKind, Scope};
use crate::ledger::{Adjustment, Detail, LedgerEntry, Metered};

pub(super) fn invoice(invoice: &Invoice, account: &str, key: impl Fn(ServicePointId) -> String) -> Value {
    let mut points: Vec<ServicePointId> = Vec::new();
    for point in invoice.lines.iter().filter_map(|line| line.service_point) {
        if !points.contains(&point) {
            points.push(point);
        }
    }
    let period = invoice.period.map(|(from, until)| {
        Fields::default().set("startDate", from.to_string()).set("endDate", until.to_string())
    });
    let pay_on_time = invoice.pay_on_time.as_ref().map(|discount| {
        Fields::default()
            .set("discountAmount", discount.amount.to_string())
            .set("gstAmount", discount.gst.to_string())
            .set("date", discount.until.to_string())
    });
    Fields::default()
        .set("accountId", account)
        .set("invoiceNumber", invoice.id.number())
        .set("issueDate", invoice.issued.to_string())
        .opt("dueDate", invoice.due.map(|day| day.to_string()))
        .opt("period", period)
        .set("invoiceAmount", invoice.total().to_string())
        .set("gstAmount", invoice.gst().to_string())
        .opt("payOnTimeDiscount", pay_on_time)
        .set("balanceAtIssue", invoice.balance_at_issue.to_string())
        .set("servicePoints", points.into_iter().map(key).collect::<Vec<_>>())
        .opt("gas", usage_charges(invoice, Scope::Gas))
        .opt("electricity", usage_charges(invoice, Scope::Electricity))
        .opt("accountCharges", account_charges(invoice))
        .set("paymentStatus", invoice.status.cds())
        .into()
}

/// Sums of the lines of one scope. Credits are negative on lines and positive in the CDR's totals of credits.
struct Sums<'i>(Vec<&'i ChargeLine>);

impl<'i> Sums<'i> {
    fn of(invoice: &'i Invoice, scope: Scope) -> Option<Self> {
        let lines: Vec<_> = invoice.lines.iter().filter(|line| line.scope == scope).collect();
        (!lines.is_empty()).then_some(Self(lines))
    }

    fn charges(&self, kind: LineKind) -> String {
        self.sum(kind).to_string()
    }

    fn credits(&self, kind: LineKind) -> String {
        (-self.sum(kind)).to_string()
    }

    fn sum(&self, kind: LineKind) -> Cents {
        self.0.iter().filter(|line| line.kind == kind).map(|line| line.amount).sum()
    }

    fn gst(&self) -> String {
        self.0.iter().map(|line| line.gst).sum::<Cents>().to_string()
    }
}

fn usage_charges(invoice: &Invoice, scope: Scope) -> Option<Fields> {
    let sums = Sums::of(invoice, scope)?;
    let others = sums.0.iter().filter_map(|line| match line.kind {
        LineKind::Other(kind) => Some(json!({
            "type": kind.cds(),
            "amount": line.amount.to_string(),
            "description": line.description,
        })),
        _ => None,
    });
    let fields = Fields::default()
        .set("totalUsageCharges", sums.charges(LineKind::Usage))
        .set("totalGenerationCredits", sums.credits(LineKind::Generation))
        .set("totalOnceOffCharges", sums.charges(LineKind::OnceOffCharge))
        .set("totalOnceOffDiscounts", sums.credits(LineKind::OnceOffDiscount))
        .set("totalGst", sums.gst());
    Some(fields.list("otherCharges", others.collect()))
}

fn account_charges(invoice: &Invoice) -> Option<Fields> {
    let sums = Sums::of(invoice, Scope::Account)?;
    let fields = Fields::default()
        .set("totalCharges", sums.charges(LineKind::OnceOffCharge))
        .set("totalDiscounts", sums.credits(LineKind::OnceOffDiscount))
        .set("totalGst", sums.gst());
    Some(fields)
}

pub(super) fn transaction(
    entry: &LedgerEntry,
    account: &str,
    clock: Clock,
    key: impl Fn(ServicePointId) -> String,
) -> Value {
    let common = || {
        Fields::default()
            .opt("servicePointId", entry.service_point.map(&key))
            .opt("invoiceNumber", entry.invoice.map(|invoice| invoice.number()))
    };
    let charged = || common().set("amount", entry.amount.to_string());
    let (kind, detail) = match &entry.detail {
        Detail::Usage(usage) => {
            let fields = metered(charged(), usage, clock)
                .set("usage", number(usage.quantity))
                .list("calculationFactors", factors(entry));
            ("usage", fields.list("adjustments", adjustments(&entry.adjustments)))
        }
        Detail::Demand(demand) => {
            let fields = metered(charged(), demand, clock)
                .set("rate", number(demand.quantity))
                .list("calculationFactors", factors(entry));
            ("demand", fields.list("adjustments", adjustments(&entry.adjustments)))
        }
        Detail::OnceOff { description } => ("onceOff", charged().set("description", *description)),
        Detail::Other { kind, period: (from, until), description, .. } => {
            let fields = charged()
                .set("startDate", from.to_string())
                .set("endDate", until.to_string())
                .set("type", kind.cds())
                .set("description", *description)
                .list("calculationFactors", factors(entry));
            ("otherCharges", fields.list("adjustments", adjustments(&entry.adjustments)))
        }
        Detail::Payment(method) => {
            let amount = (-entry.amount).to_string();
            ("payment", Fields::default().set("amount", amount).set("method", method.cds()))
        }
    };
    Fields::default()
        .set("accountId", account)
        .set("executionDateTime", calendar::date_time_string(entry.posted, clock))
        .opt("gst", (entry.gst != Cents(0)).then(|| entry.gst.to_string()))
        .set("transactionUType", kind)
        .set(kind, detail)
        .into()
}

fn metered(fields: Fields, metered: &Metered, clock: Clock) -> Fields {
    let (from, until) = metered.measured();
    fields
        .set("timeOfUseType", metered.usage_type.cds())
        .set("description", metered.description)
        .set("isEstimate", metered.estimated)
        .set("startDate", calendar::date_time_string(from, clock))
        .set("endDate", calendar::date_time_string(until, clock))
        .set("measureUnit", metered.unit.cds())
}

fn factors(entry: &LedgerEntry) -> Vec<Value> {
    let (dlf, mlf) = entry.loss_factors();
    let factors = [("DLF", dlf), ("MLF", mlf)].into_iter().filter_map(|(kind, value)| Some((kind, value?)));
    factors.map(|(kind, value)| json!({ "value": number(value), "type": kind })).collect()
}

fn adjustments(adjustments: &[Adjustment]) -> Vec<Value> {
    let json = |adjustment: &Adjustment| json!({ "amount": adjustment.amount.to_string(), "description": adjustment.description });
    adjustments.iter().map(json).collect()
}
