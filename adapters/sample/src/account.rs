//! Accounts and what hangs on them: holdings, agreements, contacts.

use chrono::NaiveDate;

use crate::code::Role;
use crate::id::{AccountId, AddressId, AgreementId, ContactId, CustomerId, PlanId, ServicePointId};
use crate::person::PersonName;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id, for good.
    pub id: AccountId,
    /// The number on the bill, which can change: two letters, a hyphen, the id. Unique even without regard to case.
    pub number: String,
    /// When it was opened.
    pub opened: NaiveDate,
    /// When it was closed, if it is.
    pub closed: Option<NaiveDate>,
    /// Whether the retailer has it marked as deleted: the CDR must not see it, nor anything on it.
    pub deleted: bool,
    /// Where bills are sent, while the retailer knows.
    pub mail: Option<AddressId>,
    /// Months per bill: 1 or 3.
    pub bill_months: u32,
}

/// The fact that a customer may act on an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Who.
    pub customer: CustomerId,
    /// On which account.
    pub account: AccountId,
    /// As what.
    pub role: Role,
    /// Whether the customer may share the account's data.
    pub shareable: bool,
    /// Since when.
    pub since: NaiveDate,
    /// The first day on which it no longer holds. At least a month ahead where it is not past.
    pub ended: Option<NaiveDate>,
}

impl Holding {
    /// Whether it holds on a day.
    pub fn is_current(&self, day: NaiveDate) -> bool {
        self.ended.is_none_or(|ended| day < ended)
    }
}

/// An account's supply of some points on a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Its id.
    pub id: AgreementId,
    /// Whose.
    pub account: AccountId,
    /// The plan.
    pub plan: PlanId,
    /// What is supplied, electricity first. Never changes.
    pub service_points: Vec<ServicePointId>,
    /// First day.
    pub started: NaiveDate,
    /// Last day, if it has ended.
    pub ended: Option<NaiveDate>,
    /// The name the customer gave to it.
    pub nickname: Option<&'static str>,
}

/// A person who may act on an account without holding it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// The account, which can change.
    pub account: AccountId,
    /// Who.
    pub name: PersonName,
}
