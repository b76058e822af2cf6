//! Ledgers: everything that was ever charged, credited or paid on an account.

use chrono::{DateTime, NaiveDate, Utc};

use crate::calendar;
use crate::code::{ChargeType, PaymentMethod, Unit, UsageType};
use crate::decimal::{Cents, Decimal};
use crate::id::{AccountId, EntryId, InvoiceId, ServicePointId};

/// An entry of a ledger, which the CDR calls a billing transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its id.
    pub id: EntryId,
    /// The account it is on now.
    pub account: AccountId,
    /// When it took effect, to the second. No other entry of the account has this instant.
    pub posted: DateTime<Utc>,
    /// The invoice it is on, once there is one.
    pub invoice: Option<InvoiceId>,
    /// The electricity service point, if there is one.
    pub service_point: Option<ServicePointId>,
    /// Without GST and before adjustments; negative for credits and payments.
    pub amount: Cents,
    /// GST, on charges only.
    pub gst: Cents,
    /// Discounts and corrections of the amount.
    pub adjustments: Vec<Adjustment>,
    /// What it is.
    pub detail: Detail,
}

/// A discount or correction of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// Signed like the entry's amount.
    pub amount: Cents,
    /// What for.
    pub description: &'static str,
}

/// What an entry is: the CDR's five kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Energy used or generated.
    Usage(Metered),
    /// Demand.
    Demand(Metered),
    /// A once-off charge or credit.
    OnceOff {
        /// What the customer reads.
        description: &'static str,
    },
    /// Anything else that is charged, such as daily supply.
    Other {
        /// The kind of charge.
        kind: ChargeType,
        /// First and last day.
        period: (NaiveDate, NaiveDate),
        /// The distribution loss factor that was applied, if any.
        dlf: Option<Decimal>,
        /// The marginal loss factor that was applied, if any.
        mlf: Option<Decimal>,
        /// What the customer reads.
        description: &'static str,
    },
    /// A payment by the customer.
    Payment(PaymentMethod),
}

/// A measured quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    /// The time-of-use type.
    pub usage_type: UsageType,
    /// How much; negative when generated.
    pub quantity: Decimal,
    /// Of what.
    pub unit: Unit,
    /// Whether the read was estimated.
    pub estimated: bool,
    /// It was measured from the beginning of this day in Melbourne,
    pub from: NaiveDate,
    /// up to the beginning of this one.
    pub until: NaiveDate,
    /// The distribution loss factor that was applied, if any.
    pub dlf: Option<Decimal>,
    /// The marginal loss factor that was applied, if any.
    pub mlf: Option<Decimal>,
    /// What the customer reads.
    pub description: &'static str,
}

impl Metered {
    /// The instants from and up to which it was measured.
    pub fn measured(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (calendar::midnight(self.from), calendar::midnight(self.until))
    }
}

impl LedgerEntry {
    /// What it adds to the account's balance.
    pub fn effect(&self) -> Cents {
        self.net() + self.gst
    }

    /// The amount after adjustments, without GST.
    pub fn net(&self) -> Cents {
        self.amount + self.adjustments.iter().map(|adjustment| adjustment.amount).sum()
    }

    /// The distribution and the marginal loss factor that were applied, if any.
    pub fn loss_factors(&self) -> (Option<Decimal>, Option<Decimal>) {
        match &self.detail {
            Detail::Usage(metered) | Detail::Demand(metered) => (metered.dlf, metered.mlf),
            Detail::Other { dlf, mlf, .. } => (*dlf, *mlf),
            Detail::OnceOff { .. } | Detail::Payment(_) => (None, None),
        }
    }

    /// The day in Melbourne on which it took effect.
    pub fn posted_on(&self) -> NaiveDate {
        calendar::day_of(self.posted)
    }
}
