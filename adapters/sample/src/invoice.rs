//! Invoices and their charge lines.

use chrono::NaiveDate;

use crate::code::{ChargeType, PaymentStatus};
use crate::decimal::Cents;
use crate::id::{AccountId, InvoiceId, ServicePointId};

/// A bill. Its lines are only ever added to, and only together with a change of the bill itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Its id.
    pub id: InvoiceId,
    /// The account it is on now.
    pub account: AccountId,
    /// When it was issued. No other invoice of the account has this date.
    pub issued: NaiveDate,
    /// When it is due, if there is anything to pay.
    pub due: Option<NaiveDate>,
    /// First and last day of usage on it, if there is any.
    pub period: Option<(NaiveDate, NaiveDate)>,
    /// The account's balance when it was issued, itself included.
    pub balance_at_issue: Cents,
    /// What is taken off when it is paid early.
    pub pay_on_time: Option<PayOnTime>,
    /// How far it is paid.
    pub status: PaymentStatus,
    /// The charges and credits.
    pub lines: Vec<ChargeLine>,
}

/// A discount for early payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayOnTime {
    /// Without GST.
    pub amount: Cents,
    /// GST on it.
    pub gst: Cents,
    /// Pay until then.
    pub until: NaiveDate,
}

/// A line of an invoice. Lines are numbered from 1 in the order of [`Invoice::lines`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeLine {
    /// What it is charged for.
    pub scope: Scope,
    /// What kind of charge it is.
    pub kind: LineKind,
    /// Where, for energy.
    pub service_point: Option<ServicePointId>,
    /// Without GST; negative for generation, discounts and credits.
    pub amount: Cents,
    /// GST on it.
    pub gst: Cents,
    /// What the customer reads.
    pub description: &'static str,
}

/// What a charge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Electricity.
    Electricity,
    /// Gas.
    Gas,
    /// The account as such.
    Account,
}

/// The kind of a charge line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// Usage or demand.
    Usage,
    /// Generated energy, a credit.
    Generation,
    /// A once-off charge.
    OnceOffCharge,
    /// A once-off discount or credit.
    OnceOffDiscount,
    /// Any other charge, such as daily supply.
    Other(ChargeType),
}

impl Invoice {
    /// What is due for this invoice alone, GST included.
    pub fn total(&self) -> Cents {
        self.lines.iter().map(|line| line.amount + line.gst).sum()
    }

    /// The GST on it.
    pub fn gst(&self) -> Cents {
        self.lines.iter().map(|line| line.gst).sum()
    }
}
