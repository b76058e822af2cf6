//! What the CDR's API should answer, worked out from the World alone: no pack, graph, SQL or target has a part in it.
//!
//! Values are written as the standard wants them, optional fields that have no value are left out, and lists are in
//! the standard's order. No two invoices of an account have the same date and no two ledger entries the same instant,
//! so that order needs no rule for ties. Plans are in the order of their agreements, contacts in the order of their
//! ids, electricity points as they are on the agreement, or on the lines of an invoice.

mod billing;
mod customer;
mod plan;
mod terms;

use chrono::{DateTime, Months, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Number, Value, json};

use crate::account::{Account, Agreement};
use crate::address::Fuel;
use crate::calendar::{self, Clock};
use crate::decimal::Decimal;
use crate::id::{AccountId, CustomerId, ServicePointId};
use crate::person::PersonName;
use crate::world::World;

/// How a retailer's system names the World's things: its own keys, as canonical text.
pub trait Projection {
    /// The key of an account, as it is now.
    fn account_key(&self, world: &World, account: AccountId) -> String;
    /// The key of a supply point.
    fn service_point_key(&self, world: &World, point: ServicePointId) -> String;
    /// The key of a customer.
    fn customer_key(&self, world: &World, customer: CustomerId) -> String;

    /// How the retailer keeps times.
    fn clock(&self) -> Clock {
        Clock::Instants(Tz::Australia__Melbourne)
    }
}

/// The answers about a World, with ids as a retailer's projection makes them.
#[derive(Clone, Copy)]
pub struct Answers<'w, P> {
    world: &'w World,
    projection: &'w P,
}

impl<'w, P: Projection> Answers<'w, P> {
    /// Answers about a World.
    pub fn new(world: &'w World, projection: &'w P) -> Self {
        Self { world, projection }
    }

    /// The accounts whose data a customer may share: holding current and shareable, account not deleted.
    pub fn shareable(&self, customer: CustomerId) -> Vec<AccountId> {
        let today = self.world.config().today;
        let shareable = |account: &&AccountId| {
            let holdings = self.world.holdings(**account).iter();
            let mut own = holdings.filter(|holding| holding.customer == customer);
            self.visible(**account).is_some()
                && own.any(|holding| holding.shareable && holding.is_current(today))
        };
        self.world.accounts_of(customer).iter().filter(shareable).copied().collect()
    }

    /// The account as an entry of Get Energy Accounts v2, unless the CDR must not see it.
    pub fn account(&self, account: AccountId) -> Option<Value> {
        Some(self.account_fields(self.visible(account)?, |_, fields| fields).into())
    }

    /// The account as the `data` of Get Energy Account Detail v4.
    pub fn account_detail(&self, account: AccountId) -> Option<Value> {
        // The standard has those who may act on the account in each of its plans.
        let contacts: Vec<Value> =
            self.world.contacts(account).iter().map(|contact| person(&contact.name)).collect();
        let detail = |agreement: &Agreement, fields: Fields| {
            fields
                .set("planDetail", plan::detail(self.world.plan(agreement.plan)))
                .list("authorisedContacts", contacts.clone())
        };
        Some(self.account_fields(self.visible(account)?, detail).into())
    }

    /// The account's invoices issued from `oldest` to `newest`, newest first.
    pub fn invoices(&self, account: AccountId, oldest: NaiveDate, newest: NaiveDate) -> Vec<Value> {
        let Some(key) = self.visible_key(account) else { return vec![] };
        let (mut invoices, _) = self.world.history(account);
        invoices.retain(|invoice| (oldest..=newest).contains(&invoice.issued));
        invoices.sort_by_key(|invoice| std::cmp::Reverse(invoice.issued));
        invoices
            .iter()
            .map(|invoice| billing::invoice(invoice, &key, |point| self.point_key(point)))
            .collect()
    }

    /// The account's invoices in the API's default window, which ends on the World's today.
    pub fn recent_invoices(&self, account: AccountId) -> Vec<Value> {
        let newest = self.world.config().today;
        self.invoices(account, calendar::months_earlier(newest, 24), newest)
    }

    /// The account's billing transactions from `oldest` to `newest`, newest first.
    pub fn transactions(
        &self,
        account: AccountId,
        oldest: DateTime<Utc>,
        newest: DateTime<Utc>,
    ) -> Vec<Value> {
        let Some(key) = self.visible_key(account) else { return vec![] };
        let (_, mut entries) = self.world.history(account);
        let clock = self.projection.clock();
        entries.retain(|entry| (oldest..=newest).contains(&clock.kept(entry.posted).to_utc()));
        entries.sort_by_key(|entry| std::cmp::Reverse(clock.kept(entry.posted)));
        entries
            .iter()
            .map(|entry| billing::transaction(entry, &key, clock, |point| self.point_key(point)))
            .collect()
    }

    /// The account's billing transactions in the API's default window, which ends at `now`.
    pub fn recent_transactions(&self, account: AccountId, now: DateTime<Utc>) -> Vec<Value> {
        let oldest = now.checked_sub_months(Months::new(12)).expect("now is not at the beginning of time");
        self.transactions(account, oldest, now)
    }

    /// The `data` of Get Balance For Energy Account.
    pub fn balance(&self, account: AccountId) -> Option<Value> {
        self.visible(account)?;
        Some(json!({ "balance": self.world.balance(account).to_string() }))
    }

    /// The account's entry in the lists of balances.
    pub fn listed_balance(&self, account: AccountId) -> Option<Value> {
        let key = self.visible_key(account)?;
        Some(json!({ "accountId": key, "balance": self.world.balance(account).to_string() }))
    }

    /// The account's payment schedules, in no order that the standard sets.
    pub fn payment_schedules(&self, account: AccountId) -> Vec<Value> {
        let visible = self.visible(account).map(|account| self.world.payment_schedules(account.id));
        visible.unwrap_or_default().iter().map(terms::payment_schedule).collect()
    }

    /// The account's concessions, in no order that the standard sets.
    pub fn concessions(&self, account: AccountId) -> Vec<Value> {
        let visible = self.visible(account).map(|account| self.world.concessions(account.id));
        visible.unwrap_or_default().iter().map(terms::concession).collect()
    }

    /// The `data` of Get Customer v1.
    pub fn customer(&self, customer: CustomerId) -> Option<Value> {
        Some(customer::basic(self.world.customer(customer)?, self.projection.clock()))
    }

    /// The `data` of Get Customer Detail v2.
    pub fn customer_detail(&self, customer: CustomerId) -> Option<Value> {
        Some(customer::detail(self.world.customer(customer)?, self.projection.clock()))
    }

    fn visible(&self, account: AccountId) -> Option<&'w Account> {
        self.world.account(account).filter(|account| !account.deleted)
    }

    fn visible_key(&self, account: AccountId) -> Option<String> {
        self.visible(account)?;
        Some(self.projection.account_key(self.world, account))
    }

    fn point_key(&self, point: ServicePointId) -> String {
        self.projection.service_point_key(self.world, point)
    }

    fn account_fields(&self, account: &Account, detail: impl Fn(&Agreement, Fields) -> Fields) -> Fields {
        let agreements = self.world.agreements(account.id);
        let plans = agreements.iter().map(|agreement| {
            let overview = Fields::default()
                .set("displayName", &*self.world.plan(agreement.plan).display_name)
                .set("startDate", agreement.started.to_string())
                .opt("endDate", agreement.ended.map(|day| day.to_string()));
            let points = agreement.service_points.iter().filter(|point| self.is_electric(**point));
            let listed = Fields::default()
                .opt("nickname", agreement.nickname)
                .set("servicePointIds", points.map(|point| self.point_key(*point)).collect::<Vec<_>>())
                .set("planOverview", overview);
            detail(agreement, listed).into()
        });
        Fields::default()
            .set("accountId", self.projection.account_key(self.world, account.id))
            .set("accountNumber", &*account.number)
            .opt("displayName", self.display_name(account))
            .set("openStatus", if account.closed.is_some() { "CLOSED" } else { "OPEN" })
            .set("creationDate", account.opened.to_string())
            .set("plans", plans.collect::<Vec<Value>>())
    }

    /// Where the newest agreement supplies, else where bills are sent.
    fn display_name(&self, account: &Account) -> Option<String> {
        let newest = self.world.agreements(account.id).last();
        let point = newest.and_then(|agreement| agreement.service_points.first());
        let site = point.and_then(|point| self.world.service_point(*point)).and_then(|point| point.site);
        let address = site.or(account.mail).and_then(|id| self.world.address(id));
        address.map(|address| address.one_line())
    }

    fn is_electric(&self, point: ServicePointId) -> bool {
        self.world.service_point(point).is_some_and(|point| point.fuel == Fuel::Electricity)
    }
}

fn person(name: &PersonName) -> Value {
    Fields::default()
        .opt("firstName", name.first)
        .set("lastName", name.last)
        .set("middleNames", &*name.middle)
        .opt("prefix", name.prefix)
        .opt("suffix", name.suffix)
        .into()
}

/// A JSON object in the making.
#[derive(Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    pub(crate) fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn opt(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// An optional list: left out when there is nothing in it.
    fn list(self, name: &str, values: Vec<Value>) -> Self {
        self.array(name, Value::Array(values))
    }

    /// The same of an array that is made already.
    fn array(self, name: &str, values: Value) -> Self {
        if values.as_array().is_some_and(Vec::is_empty) { self } else { self.set(name, values) }
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Object(fields.0)
    }
}

/// An exact JSON number.
pub(crate) fn number(decimal: Decimal) -> Value {
    let number: Number = decimal.to_string().parse().expect("a plain decimal is a JSON number");
    Value::Number(number)
}
