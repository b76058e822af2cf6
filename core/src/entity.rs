//! What the target stores and the API serves: the entities, their bodies by CDS 1.36.0, and the rules that a record
//! must meet before it is written.
//!
//! A body is the CDR's own JSON, complete but for what differs per recipient or is shared by many: a resource id is a
//! *slot*, `{"$servicePoint": "…"}`, that is filled when served, and an account names its plans by slots too. The
//! `accountId` of a record is not in its body at all; serving puts it first.

mod account;
mod balance;
mod billing_transaction;
mod check;
mod concession;
mod customer;
mod discovery;
mod holding;
mod invoice;
mod payment_schedule;
mod plan;
mod shape;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Key, NodeId};

pub use check::{Violation, pick};
pub use shape::{Condition, Field, Limit, Object, Presence, Shape};

/// The slot of a service point's resource id: `{"$servicePoint": "<the retailer's id>"}`.
pub const SERVICE_POINT_SLOT: &str = "$servicePoint";
/// The slot of a plan's `planDetail`: `{"$planDetail": "<the plan's source id>"}`.
pub const PLAN_DETAIL_SLOT: &str = "$planDetail";
/// The slot of a plan's display name: `{"$planName": "<the plan's source id>"}`.
pub const PLAN_NAME_SLOT: &str = "$planName";

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    /// A person or organisation that may hold accounts.
    Customer,
    /// A plan as contracted: reference data, joined when served.
    Plan,
    /// An energy account.
    Account,
    /// The fact that a customer may share an account, and as what.
    Holding,
    /// What an account owes.
    Balance,
    /// An issued invoice.
    Invoice,
    /// A billing transaction.
    BillingTransaction,
    /// How an account is agreed to be paid.
    PaymentSchedule,
    /// A concession granted to an account.
    Concession,
}

impl Entity {
    /// Every entity, owners before what they own.
    pub const ALL: [Self; 9] = [
        Self::Customer,
        Self::Plan,
        Self::Account,
        Self::Holding,
        Self::Balance,
        Self::Invoice,
        Self::BillingTransaction,
        Self::PaymentSchedule,
        Self::Concession,
    ];

    /// Its name in packs, in the stream and as target table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Plan => "plan",
            Self::Account => "account",
            Self::Holding => "holding",
            Self::Balance => "balance",
            Self::Invoice => "invoice",
            Self::BillingTransaction => "billing_transaction",
            Self::PaymentSchedule => "payment_schedule",
            Self::Concession => "concession",
        }
    }

    /// The entity of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.name() == name)
    }

    /// The entities whose records must be present for this one to be.
    pub fn owners(self) -> &'static [Self] {
        match self {
            Self::Customer | Self::Plan | Self::Account => &[],
            Self::Holding => &[Self::Customer, Self::Account],
            Self::Balance
            | Self::Invoice
            | Self::BillingTransaction
            | Self::PaymentSchedule
            | Self::Concession => &[Self::Account],
        }
    }

    /// The entities that this one owns directly.
    pub fn owns(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |other| other.owners().contains(&self))
    }

    /// The shape of its body.
    pub fn shape(self) -> &'static Object {
        match self {
            Self::Customer => &customer::CUSTOMER_DETAIL,
            Self::Plan => &plan::PLAN,
            Self::Account => &account::ACCOUNT_DETAIL,
            Self::Holding => &holding::HOLDING,
            Self::Balance => &balance::BALANCE,
            Self::Invoice => &invoice::INVOICE,
            Self::BillingTransaction => &billing_transaction::BILLING_TRANSACTION,
            Self::PaymentSchedule => &payment_schedule::PAYMENT_SCHEDULE,
            Self::Concession => &concession::CONCESSION,
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The part of an account's body that Get Energy Accounts lists.
pub fn account_list_shape() -> &'static Object {
    &account::ACCOUNT
}

/// The part of a customer's body that Get Customer answers.
pub fn customer_basic_shape() -> &'static Object {
    &customer::CUSTOMER
}

/// What a plan's slot in an account's detail stands for.
pub fn plan_detail_shape() -> &'static Object {
    &plan::PLAN_DETAIL
}

/// What Get Status answers.
pub fn status_shape() -> &'static Object {
    &discovery::STATUS
}

/// One of what Get Outages answers.
pub fn outage_shape() -> &'static Object {
    &discovery::OUTAGE
}

/// One record, as fetched and as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its kind.
    pub entity: Entity,
    /// The canonical key of its root row, as the source has it: the record's source id.
    pub key: Key,
    /// The keys of its owners, in the order of [`Entity::owners`].
    pub owners: Vec<Key>,
    /// Its body, in the shape of [`Entity::shape`].
    pub body: Value,
    /// The captured rows it was built from, other than its root.
    pub lineage: Vec<(NodeId, Key)>,
    /// When it will change without an event.
    pub changes_at: Option<DateTime<Utc>>,
}

impl Record {
    /// Checks the body against the rules of the CDR.
    ///
    /// # Errors
    /// The first rule broken, naming entity, key and field, never the value.
    pub fn check(&self) -> Result<(), RecordError> {
        check::check(self.entity.shape(), &self.body).map_err(|violation| RecordError {
            entity: self.entity,
            key: self.key.clone(),
            field: violation.field,
            rule: violation.rule,
            lineage: self.lineage.clone(),
        })
    }

    /// The source ids of the plans that the body's slots name, in order, each once.
    pub fn plan_ids(&self) -> Vec<&str> {
        let mut ids = Vec::new();
        let plans = self.body.get("plans").and_then(Value::as_array);
        for plan in plans.into_iter().flatten() {
            let named = [plan.get("planDetail"), plan.get("planOverview").and_then(|o| o.get("displayName"))];
            for (slot, name) in named.into_iter().zip([PLAN_DETAIL_SLOT, PLAN_NAME_SLOT]) {
                if let Some(id) = slot.and_then(|slot| slot.get(name)).and_then(Value::as_str)
                    && !ids.contains(&id)
                {
                    ids.push(id);
                }
            }
        }
        ids
    }
}

/// A record that cannot be written, and why. Values are personal data and never part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{entity} {key}: {field}: {rule}")]
pub struct RecordError {
    /// The record's kind.
    pub entity: Entity,
    /// The record's key.
    pub key: Key,
    /// The field at fault, as its CDR path.
    pub field: String,
    /// The rule broken.
    pub rule: String,
    /// The captured rows that the record is built from, other than its root, as far as they could be read: any of them
    /// may be what has to change.
    pub lineage: Vec<(NodeId, Key)>,
}
