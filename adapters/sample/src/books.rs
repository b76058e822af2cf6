//! The books of one account: its invoices and its ledger, kept consistent with each other.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::calendar;
use crate::code::{PaymentMethod, PaymentStatus};
use crate::decimal::{Cents, Decimal, price};
use crate::id::{AccountId, EntryId, InvoiceId, ServicePointId};
use crate::invoice::{ChargeLine, Invoice, LineKind, PayOnTime, Scope};
use crate::ledger::{Adjustment, Detail, LedgerEntry};

/// Something to be billed: becomes an entry of the ledger and a line of an invoice.
pub(crate) struct Item {
    pub(crate) scope: Scope,
    pub(crate) service_point: Option<ServicePointId>,
    pub(crate) amount: Cents,
    pub(crate) adjustments: Vec<Adjustment>,
    pub(crate) detail: Detail,
}

/// When and on what terms an invoice is issued.
pub(crate) struct Issue {
    pub(crate) date: NaiveDate,
    /// When the bill run starts; its entries follow a second apart.
    pub(crate) run: DateTime<Utc>,
    /// First and last day of what is billed.
    pub(crate) period: (NaiveDate, NaiveDate),
    pub(crate) due_in_days: i64,
    pub(crate) pay_on_time: bool,
}

/// The books of one account. Whatever is changed through its methods is noted as changed.
pub(crate) struct Books {
    pub(crate) account: AccountId,
    pub(crate) invoices: Vec<Invoice>,
    pub(crate) entries: Vec<LedgerEntry>,
    pub(crate) changed_invoices: BTreeSet<InvoiceId>,
    pub(crate) changed_entries: BTreeSet<EntryId>,
    next_invoice: u16,
    next_entry: u16,
}

impl Books {
    /// Books whose next invoice and entry get the given sequence numbers.
    pub(crate) fn new(account: AccountId, next_invoice: u16, next_entry: u16) -> Self {
        Self {
            account,
            invoices: Vec::new(),
            entries: Vec::new(),
            changed_invoices: BTreeSet::new(),
            changed_entries: BTreeSet::new(),
            next_invoice,
            next_entry,
        }
    }

    /// What the customer owes: the sum of the ledger.
    pub(crate) fn balance(&self) -> Cents {
        self.entries.iter().map(LedgerEntry::effect).sum()
    }

    /// Bills the items, together with every once-off entry that no invoice has yet.
    pub(crate) fn issue(&mut self, issue: &Issue, items: Vec<Item>) -> InvoiceId {
        let id = InvoiceId::new(self.account, self.next_invoice);
        self.next_invoice += 1;
        let mut lines = self.collect_once_offs(id, issue.run);
        let metered = |item: &Item| matches!(item.detail, Detail::Usage(_) | Detail::Demand(_));
        let period = items.iter().any(metered).then_some(issue.period);
        let mut posted = issue.run;
        for item in items {
            let scope = item.scope;
            posted = self.post(posted + TimeDelta::seconds(1), Some(id), item);
            lines.push(line_of(self.entries.last().expect("an entry was just posted"), scope));
        }
        let balance_at_issue =
            self.entries.iter().filter(|e| e.posted <= posted).map(LedgerEntry::effect).sum();
        let usage: Cents = lines.iter().filter(|l| l.kind == LineKind::Usage).map(|l| l.amount).sum();
        let discount = price(Decimal::new(usage.0, 2), Decimal::new(3, 2));
        let invoice = Invoice {
            id,
            account: self.account,
            issued: issue.date,
            due: (balance_at_issue > Cents(0)).then(|| calendar::shift(issue.date, issue.due_in_days)),
            period,
            balance_at_issue,
            pay_on_time: (issue.pay_on_time && discount > Cents(0)).then(|| PayOnTime {
                amount: discount,
                gst: gst_on(discount),
                until: calendar::shift(issue.date, issue.due_in_days),
            }),
            status: PaymentStatus::NotPaid,
            lines,
        };
        self.invoices.push(invoice);
        self.changed_invoices.insert(id);
        id
    }

    /// Adds an entry at the first free instant from `posted` on, which it returns.
    pub(crate) fn post(
        &mut self,
        posted: DateTime<Utc>,
        invoice: Option<InvoiceId>,
        item: Item,
    ) -> DateTime<Utc> {
        let posted = self.free_instant(posted);
        let id = EntryId::new(self.account, self.next_entry);
        self.next_entry += 1;
        let net: Cents = item.amount + item.adjustments.iter().map(|a| a.amount).sum();
        let gst = if matches!(item.detail, Detail::Payment(_)) { Cents(0) } else { gst_on(net) };
        let Item { service_point, amount, adjustments, detail, .. } = item;
        let account = self.account;
        self.entries.push(LedgerEntry {
            id,
            account,
            posted,
            invoice,
            service_point,
            amount,
            gst,
            adjustments,
            detail,
        });
        self.changed_entries.insert(id);
        posted
    }

    /// Adds a payment of `amount`, which is positive.
    pub(crate) fn pay(&mut self, posted: DateTime<Utc>, amount: Cents, method: PaymentMethod) {
        let detail = Detail::Payment(method);
        let item =
            Item { scope: Scope::Account, service_point: None, amount: -amount, adjustments: vec![], detail };
        self.post(posted, None, item);
    }

    /// Adds a charge, or a credit when the amount is negative, that belongs to no period.
    pub(crate) fn charge_once(
        &mut self,
        posted: DateTime<Utc>,
        invoice: Option<InvoiceId>,
        amount: Cents,
        description: &'static str,
    ) {
        let detail = Detail::OnceOff { description };
        let item = Item { scope: Scope::Account, service_point: None, amount, adjustments: vec![], detail };
        self.post(posted, invoice, item);
    }

    /// Adds the ledger's last entry to an invoice that has been issued already.
    pub(crate) fn reissue_with_last_entry(&mut self, invoice: InvoiceId) {
        let line = line_of(self.entries.last().expect("an entry was posted"), Scope::Account);
        self.add_line(invoice, line);
    }

    /// Adds a line to an invoice that has been issued already.
    pub(crate) fn add_line(&mut self, invoice: InvoiceId, line: ChargeLine) {
        if let Some(invoice) = self.invoices.iter_mut().find(|listed| listed.id == invoice) {
            invoice.lines.push(line);
            self.changed_invoices.insert(invoice.id);
        }
    }

    /// Works out how far each invoice is paid: what is owed is owed for the latest invoices.
    pub(crate) fn settle(&mut self) {
        let mut owed = self.balance();
        self.invoices.sort_by_key(|invoice| invoice.issued);
        for invoice in self.invoices.iter_mut().rev() {
            let total = invoice.total();
            let status = if total <= Cents(0) || owed <= Cents(0) {
                PaymentStatus::Paid
            } else if owed < total {
                owed = Cents(0);
                PaymentStatus::PartiallyPaid
            } else {
                owed = owed - total;
                PaymentStatus::NotPaid
            };
            if invoice.status != status {
                invoice.status = status;
                self.changed_invoices.insert(invoice.id);
            }
        }
    }

    /// The first instant from `wanted` on that no entry has, so that the order by time is total.
    pub(crate) fn free_instant(&self, wanted: DateTime<Utc>) -> DateTime<Utc> {
        let mut instant = wanted;
        while self.entries.iter().any(|entry| entry.posted == instant) {
            instant += TimeDelta::seconds(1);
        }
        instant
    }

    fn collect_once_offs(&mut self, invoice: InvoiceId, run: DateTime<Utc>) -> Vec<ChargeLine> {
        let mut lines = Vec::new();
        for entry in &mut self.entries {
            let open = entry.invoice.is_none() && entry.posted <= run;
            if open && matches!(entry.detail, Detail::OnceOff { .. }) {
                entry.invoice = Some(invoice);
                self.changed_entries.insert(entry.id);
                lines.push(line_of(entry, Scope::Account));
            }
        }
        lines
    }
}

/// Goods and services tax on a charge; credits carry none here.
pub(crate) fn gst_on(net: Cents) -> Cents {
    Cents((net.0.max(0) + 5) / 10)
}

fn line_of(entry: &LedgerEntry, scope: Scope) -> ChargeLine {
    let (kind, description) = match &entry.detail {
        Detail::Usage(metered) if metered.quantity.is_negative() => {
            (LineKind::Generation, metered.description)
        }
        Detail::Usage(metered) | Detail::Demand(metered) => (LineKind::Usage, metered.description),
        Detail::OnceOff { description } if entry.amount < Cents(0) => {
            (LineKind::OnceOffDiscount, *description)
        }
        Detail::OnceOff { description } => (LineKind::OnceOffCharge, *description),
        Detail::Other { kind, description, .. } => (LineKind::Other(*kind), *description),
        Detail::Payment(_) => unreachable!("payments are never on an invoice"),
    };
    let service_point = entry.service_point;
    ChargeLine { scope, kind, service_point, amount: entry.net(), gst: entry.gst, description }
}
