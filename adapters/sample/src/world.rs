//! The World: everything a retailer knows about its customers, and how it is changed.

use std::collections::HashMap;

use chrono::NaiveDate;

use crate::account::{Account, Agreement, Contact, Holding};
use crate::address::{Address, Fuel, ServicePoint};
use crate::books::Books;
use crate::catalogue;
use crate::concession::Concession;
use crate::customer::Customer;
use crate::decimal::Cents;
use crate::effect::{FeeChange, PriceChange};
use crate::history::{self, Birth, Overlay};
use crate::id::{AccountId, AddressId, ContactId, CustomerId, EntryId, InvoiceId, PlanId, ServicePointId};
use crate::invoice::Invoice;
use crate::ledger::LedgerEntry;
use crate::plan::{Contract, Plan, Prices};
use crate::population;
use crate::schedule::PaymentSchedule;

/// What a World is made from. Equal configurations make equal Worlds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldConfig {
    /// Everything random follows from it.
    pub seed: u64,
    /// How many customers there are at first.
    pub customers: u32,
    /// The day the World is at. Everything in it happened before.
    pub today: NaiveDate,
    /// How many months of invoices the CDR asks for; histories reach back some months further.
    pub months: u32,
}

/// A seeded world of energy customers.
#[derive(Clone, Debug)]
pub struct World {
    config: WorldConfig,
    plans: Vec<Plan>,
    customers: Vec<Customer>,
    accounts_of: Vec<Vec<AccountId>>,
    addresses: Vec<Option<Address>>,
    service_points: Vec<ServicePoint>,
    accounts: Vec<Option<Slot>>,
    contact_homes: Vec<Option<AccountId>>,
    agreement_count: u32,
    moved_invoices: HashMap<InvoiceId, AccountId>,
    moved_entries: HashMap<EntryId, AccountId>,
    pub(crate) mutation_count: u64,
}

/// An account with everything on it.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) account: Account,
    pub(crate) holdings: Vec<Holding>,
    pub(crate) agreements: Vec<Agreement>,
    pub(crate) contacts: Vec<Contact>,
    pub(crate) schedules: Vec<PaymentSchedule>,
    pub(crate) concessions: Vec<Concession>,
    birth: Option<Birth>,
    overlay: Option<Box<Overlay>>,
}

/// Reading the World.
impl World {
    /// Builds a World. A hundred thousand customers take a fraction of a second and some 150 MB.
    pub fn new(config: WorldConfig) -> Self {
        let mut world = Self {
            plans: catalogue::plans(config.seed),
            config,
            customers: Vec::new(),
            accounts_of: Vec::new(),
            addresses: Vec::new(),
            service_points: Vec::new(),
            accounts: Vec::new(),
            contact_homes: Vec::new(),
            agreement_count: 0,
            moved_invoices: HashMap::new(),
            moved_entries: HashMap::new(),
            mutation_count: 0,
        };
        population::populate(&mut world);
        world
    }

    /// What it was made from.
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// How many mutations it has gone through, those that were rolled back included.
    pub fn mutation_count(&self) -> u64 {
        self.mutation_count
    }

    /// All plans.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// A plan.
    pub fn plan(&self, id: PlanId) -> &Plan {
        &self.plans[id.0 as usize]
    }

    /// All customers.
    pub fn customers(&self) -> &[Customer] {
        &self.customers
    }

    /// A customer.
    pub fn customer(&self, id: CustomerId) -> Option<&Customer> {
        self.customers.get(id.0 as usize)
    }

    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.addresses.iter().flatten()
    }

    /// An address.
    pub fn address(&self, id: AddressId) -> Option<&Address> {
        self.addresses.get(id.0 as usize)?.as_ref()
    }

    /// All supply points.
    pub fn service_points(&self) -> &[ServicePoint] {
        &self.service_points
    }

    /// A supply point.
    pub fn service_point(&self, id: ServicePointId) -> Option<&ServicePoint> {
        self.service_points.get(id.0 as usize)
    }

    /// All accounts, those marked as deleted included.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.slots().map(|slot| &slot.account)
    }

    /// An account, which may be marked as deleted.
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.slot(id).map(|slot| &slot.account)
    }

    /// The accounts on which a customer has a holding of any kind.
    pub fn accounts_of(&self, customer: CustomerId) -> &[AccountId] {
        self.accounts_of.get(customer.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The holdings on an account.
    pub fn holdings(&self, account: AccountId) -> &[Holding] {
        self.slot(account).map_or(&[], |slot| &slot.holdings)
    }

    /// The agreements of an account, oldest first.
    pub fn agreements(&self, account: AccountId) -> &[Agreement] {
        self.slot(account).map_or(&[], |slot| &slot.agreements)
    }

    /// The contacts of an account, by id.
    pub fn contacts(&self, account: AccountId) -> &[Contact] {
        self.slot(account).map_or(&[], |slot| &slot.contacts)
    }

    /// How an account is agreed to be paid, by number.
    pub fn payment_schedules(&self, account: AccountId) -> &[PaymentSchedule] {
        self.slot(account).map_or(&[], |slot| &slot.schedules)
    }

    /// The concessions granted to an account, by number.
    pub fn concessions(&self, account: AccountId) -> &[Concession] {
        self.slot(account).map_or(&[], |slot| &slot.concessions)
    }

    /// The invoices and the ledger of an account, in no particular order. Works out some hundred rows: take both.
    pub fn history(&self, account: AccountId) -> (Vec<Invoice>, Vec<LedgerEntry>) {
        let books = self.books(account);
        (books.invoices, books.entries)
    }

    /// What is owed on an account: the sum of its ledger. Negative when it is in credit.
    pub fn balance(&self, account: AccountId) -> Cents {
        self.books(account).balance()
    }

    pub(crate) fn books(&self, account: AccountId) -> Books {
        match self.slot(account) {
            Some(slot) => history::books(self, account, slot.birth.as_ref(), slot.overlay.as_deref()),
            None => Books::new(account, 0, 0),
        }
    }

    pub(crate) fn slot(&self, account: AccountId) -> Option<&Slot> {
        self.accounts.get(account.0 as usize)?.as_ref()
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.accounts.iter().flatten()
    }

    /// How many ids of each kind have been given out; the next one has this number.
    pub(crate) fn next_ids(&self) -> NextIds {
        NextIds {
            customer: self.customers.len() as u32,
            address: self.addresses.len() as u32,
            service_point: self.service_points.len() as u32,
            account: self.accounts.len() as u32,
            agreement: self.agreement_count,
            contact: self.contact_homes.len() as u32,
        }
    }
}

/// The numbers that the next new objects get.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NextIds {
    pub(crate) customer: u32,
    pub(crate) address: u32,
    pub(crate) service_point: u32,
    pub(crate) account: u32,
    pub(crate) agreement: u32,
    pub(crate) contact: u32,
}

/// Changing the World.
impl World {
    pub(crate) fn slot_mut(&mut self, account: AccountId) -> &mut Slot {
        self.accounts[account.0 as usize].as_mut().expect("effects name accounts that exist")
    }

    pub(crate) fn set_birth(&mut self, account: AccountId, birth: Birth, concession: Option<Concession>) {
        let slot = self.slot_mut(account);
        slot.birth = Some(birth);
        slot.concessions.extend(concession);
    }

    pub(crate) fn put_schedule(&mut self, schedule: PaymentSchedule) {
        let schedules = &mut self.slot_mut(schedule.account).schedules;
        match schedules.binary_search_by_key(&schedule.number, |listed| listed.number) {
            Ok(place) => schedules[place] = schedule,
            Err(place) => schedules.insert(place, schedule),
        }
    }

    pub(crate) fn delete_schedule(&mut self, account: AccountId, number: u8) {
        self.slot_mut(account).schedules.retain(|schedule| schedule.number != number);
    }

    pub(crate) fn put_concession(&mut self, concession: Concession) {
        let concessions = &mut self.slot_mut(concession.account).concessions;
        match concessions.binary_search_by_key(&concession.number, |listed| listed.number) {
            Ok(place) => concessions[place] = concession,
            Err(place) => concessions.insert(place, concession),
        }
    }

    pub(crate) fn delete_concession(&mut self, account: AccountId, number: u8) {
        self.slot_mut(account).concessions.retain(|concession| concession.number != number);
    }

    pub(crate) fn put_customer(&mut self, customer: Customer) {
        let index = customer.id.0 as usize;
        if index < self.customers.len() {
            self.customers[index] = customer;
        } else {
            self.customers.push(customer);
            self.accounts_of.push(Vec::new());
        }
    }

    pub(crate) fn put_address(&mut self, address: Address) {
        let index = address.id.0 as usize;
        put_at(&mut self.addresses, index, address);
    }

    pub(crate) fn delete_address(&mut self, id: AddressId) {
        self.addresses[id.0 as usize] = None;
        for slot in self.accounts.iter_mut().flatten().filter(|slot| slot.account.mail == Some(id)) {
            slot.account.mail = None;
        }
        for point in self.service_points.iter_mut().filter(|point| point.site == Some(id)) {
            point.site = None;
        }
    }

    pub(crate) fn put_service_point(&mut self, point: ServicePoint) {
        let index = point.id.0 as usize;
        if index < self.service_points.len() {
            self.service_points[index] = point;
        } else {
            self.service_points.push(point);
        }
    }

    pub(crate) fn put_account(&mut self, account: Account) {
        let index = account.id.0 as usize;
        if let Some(Some(slot)) = self.accounts.get_mut(index) {
            slot.account = account;
            return;
        }
        let slot = Slot {
            account,
            holdings: Vec::new(),
            agreements: Vec::new(),
            contacts: Vec::new(),
            schedules: Vec::new(),
            concessions: Vec::new(),
            birth: None,
            overlay: None,
        };
        put_at(&mut self.accounts, index, slot);
    }

    pub(crate) fn purge_account(&mut self, account: AccountId) {
        let slot = self.accounts[account.0 as usize].take().expect("effects name accounts that exist");
        for holding in &slot.holdings {
            self.accounts_of[holding.customer.0 as usize].retain(|held| *held != account);
        }
        for contact in &slot.contacts {
            self.contact_homes[contact.id.0 as usize] = None;
        }
        self.moved_invoices.retain(|_, home| *home != account);
        self.moved_entries.retain(|_, home| *home != account);
    }

    pub(crate) fn put_holding(&mut self, holding: Holding) {
        let accounts = &mut self.accounts_of[holding.customer.0 as usize];
        if !accounts.contains(&holding.account) {
            accounts.push(holding.account);
        }
        let holdings = &mut self.slot_mut(holding.account).holdings;
        match holdings.iter_mut().find(|listed| listed.customer == holding.customer) {
            Some(listed) => *listed = holding,
            None => holdings.push(holding),
        }
    }

    pub(crate) fn delete_holding(&mut self, customer: CustomerId, account: AccountId) {
        self.accounts_of[customer.0 as usize].retain(|held| *held != account);
        self.slot_mut(account).holdings.retain(|holding| holding.customer != customer);
    }

    pub(crate) fn put_contact(&mut self, contact: Contact) {
        if (contact.id.0 as usize) < self.contact_homes.len() {
            self.remove_contact(contact.id);
        }
        put_at(&mut self.contact_homes, contact.id.0 as usize, contact.account);
        let contacts = &mut self.slot_mut(contact.account).contacts;
        let place = contacts.partition_point(|listed| listed.id < contact.id);
        contacts.insert(place, contact);
    }

    pub(crate) fn remove_contact(&mut self, id: ContactId) {
        if let Some(home) = self.contact_homes[id.0 as usize].take() {
            self.slot_mut(home).contacts.retain(|contact| contact.id != id);
        }
    }

    pub(crate) fn put_agreement(&mut self, agreement: Agreement) {
        self.agreement_count = self.agreement_count.max(agreement.id.0 + 1);
        let agreements = &mut self.slot_mut(agreement.account).agreements;
        match agreements.iter_mut().find(|listed| listed.id == agreement.id) {
            Some(listed) => *listed = agreement,
            None => agreements.push(agreement),
        }
    }

    pub(crate) fn put_invoice(&mut self, invoice: Invoice) {
        let id = invoice.id;
        let home = self.moved_invoices.get(&id).copied().unwrap_or(id.born_to());
        if home != invoice.account {
            self.overlay(home).invoices.insert(id, None);
            self.moved_invoices.insert(id, invoice.account);
        }
        let overlay = self.overlay(invoice.account);
        overlay.invoices.insert(id, Some(invoice));
        if let Some(Some(_)) = self.accounts.get(id.born_to().0 as usize) {
            let born = self.overlay(id.born_to());
            born.next_invoice = born.next_invoice.max(id.sequence() + 1);
        }
    }

    pub(crate) fn put_entry(&mut self, entry: LedgerEntry) {
        let id = entry.id;
        let home = self.moved_entries.get(&id).copied().unwrap_or(id.born_to());
        if home != entry.account {
            self.overlay(home).entries.insert(id, None);
            self.moved_entries.insert(id, entry.account);
        }
        self.overlay(entry.account).entries.insert(id, Some(entry));
        if let Some(Some(_)) = self.accounts.get(id.born_to().0 as usize) {
            let born = self.overlay(id.born_to());
            born.next_entry = born.next_entry.max(id.sequence() + 1);
        }
    }

    pub(crate) fn void_invoice(&mut self, id: InvoiceId) {
        let home = self.moved_invoices.get(&id).copied().unwrap_or(id.born_to());
        let (_, entries) = self.history(home);
        let overlay = self.overlay(home);
        overlay.invoices.insert(id, None);
        for entry in entries.iter().filter(|entry| entry.invoice == Some(id)) {
            overlay.entries.insert(entry.id, None);
        }
    }

    pub(crate) fn put_price(&mut self, change: &PriceChange) {
        let period = &mut self.contract_mut(change.plan, change.fuel).periods[change.period];
        match &mut period.prices {
            Prices::Single { rates, .. } => rates[change.step].unit_price = change.unit_price,
            Prices::TimeOfUse(prices) => {
                prices[change.price].rates[change.step].unit_price = change.unit_price
            }
            Prices::Demand(_) => unreachable!("mutations change prices per unit of energy only"),
        }
    }

    pub(crate) fn put_fee(&mut self, change: &FeeChange) {
        self.contract_mut(change.plan, change.fuel).fees[change.fee].value = change.value;
    }

    fn contract_mut(&mut self, plan: PlanId, fuel: Fuel) -> &mut Contract {
        let plan = &mut self.plans[plan.0 as usize];
        let contract = if fuel == Fuel::Gas { &mut plan.gas } else { &mut plan.electricity };
        contract.as_mut().expect("mutations change contracts that the plan has")
    }

    fn overlay(&mut self, account: AccountId) -> &mut Overlay {
        self.slot_mut(account).overlay.get_or_insert_default()
    }
}

/// Puts a value at an index that is in the list already or comes right after it.
fn put_at<T>(list: &mut Vec<Option<T>>, index: usize, value: T) {
    if index < list.len() {
        list[index] = Some(value);
    } else {
        list.push(Some(value));
    }
}
