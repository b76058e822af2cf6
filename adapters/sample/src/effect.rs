//! What a transaction does to the World, one domain object at a time.

use chrono::NaiveDate;

use crate::account::{Account, Agreement, Contact, Holding};
use crate::address::{Address, Fuel, ServicePoint};
use crate::concession::Concession;
use crate::customer::Customer;
use crate::decimal::{Cents, Decimal};
use crate::id::{AccountId, AddressId, ContactId, CustomerId, InvoiceId, PlanId};
use crate::invoice::Invoice;
use crate::ledger::LedgerEntry;
use crate::schedule::PaymentSchedule;
use crate::world::World;

/// One change. A retailer's projection turns it into SQL, in the order of the mutation.
///
/// `Put` inserts the object, or replaces the one with the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A customer is new or corrected.
    PutCustomer(Customer),
    /// An address is new or corrected.
    PutAddress(Address),
    /// An address goes away; accounts and supply points that used it are left without.
    DeleteAddress(AddressId),
    /// A supply point is new.
    PutServicePoint(ServicePoint),
    /// An account is new or changed, other than in its number.
    PutAccount(Account),
    /// An account gets another number, which may differ in case only.
    RenumberAccount {
        /// Which.
        account: AccountId,
        /// The number so far.
        from: String,
        /// The number from now on.
        to: String,
    },
    /// A closed account is purged, and everything on it: holdings, contacts, payment schedules,
    /// concessions, agreements, invoices, ledger, balance.
    PurgeAccount {
        /// Which.
        account: AccountId,
        /// Its number.
        number: String,
    },
    /// A holding is new or changed.
    PutHolding(Holding),
    /// A holding goes away.
    DeleteHolding(CustomerId, AccountId),
    /// A payment schedule is new or another one.
    PutPaymentSchedule(PaymentSchedule),
    /// A payment schedule goes away: the one of the account with this number.
    DeletePaymentSchedule(AccountId, u8),
    /// A concession is new or changed.
    PutConcession(Concession),
    /// A concession goes away: the one of the account with this number.
    DeleteConcession(AccountId, u8),
    /// A contact is new, or has moved to another account.
    PutContact(Contact),
    /// A contact goes away.
    DeleteContact(ContactId),
    /// An agreement is new or has ended.
    PutAgreement(Agreement),
    /// An invoice is new, has changed, or has moved to another account. Lines it already had are as they were.
    PutInvoice(Invoice),
    /// An invoice is voided: it goes away with its lines and with the ledger entries that are on it.
    VoidInvoice(InvoiceId),
    /// A ledger entry is new, has changed, or has moved to another account.
    PutEntry(LedgerEntry),
    /// An account's balance is now this.
    PutBalance(AccountId, Cents),
    /// A price of a plan changes. Nothing else of the plan is touched.
    PutPrice(PriceChange),
    /// A plan is revised in one of its fees.
    PutFee(FeeChange),
    /// A note is put on all invoices issued in a range of days, both included. The CDR does not see notes.
    AnnotateInvoices {
        /// The first day.
        from: NaiveDate,
        /// The last day.
        until: NaiveDate,
        /// The note.
        note: String,
    },
    /// Rows that the CDR never needs.
    Noise(Noise),
}

/// A new price: the step of the price of the period of the contract, all counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceChange {
    /// The plan.
    pub plan: PlanId,
    /// Which of its contracts.
    pub fuel: Fuel,
    /// Which tariff period of the contract.
    pub period: usize,
    /// Which time-of-use price of the period; 0 for a single rate.
    pub price: usize,
    /// Which step of it.
    pub step: usize,
    /// Dollars per unit, ex GST.
    pub unit_price: Decimal,
}

/// A new value of a fee of an electricity or gas contract, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeChange {
    /// The plan.
    pub plan: PlanId,
    /// Which of its contracts.
    pub fuel: Fuel,
    /// Which fee.
    pub fee: usize,
    /// Its new value.
    pub value: Decimal,
}

/// What a busy system writes all day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noise {
    /// What kind of rows.
    pub kind: NoiseKind,
    /// The account they are about.
    pub account: AccountId,
    /// How many rows.
    pub rows: u32,
    /// A number to make texts and quantities of.
    pub salt: u64,
}

/// Kinds of rows that the CDR never needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoiseKind {
    /// Who did what in the back office.
    AuditLog,
    /// Field work ordered, or an order brought to its next state.
    WorkOrder,
    /// A call taken.
    CallLog,
    /// Meter reads that arrived.
    MeterReads,
    /// Marketing.
    CampaignSend,
    /// Journal lines for the general ledger.
    LedgerExport,
}

impl World {
    /// Does one effect.
    pub(crate) fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::PutCustomer(customer) => self.put_customer(customer.clone()),
            Effect::PutAddress(address) => self.put_address(address.clone()),
            Effect::DeleteAddress(id) => self.delete_address(*id),
            Effect::PutServicePoint(point) => self.put_service_point(point.clone()),
            Effect::PutAccount(account) => self.put_account(account.clone()),
            Effect::RenumberAccount { account, to, .. } => {
                self.slot_mut(*account).account.number.clone_from(to)
            }
            Effect::PurgeAccount { account, .. } => self.purge_account(*account),
            Effect::PutHolding(holding) => self.put_holding(holding.clone()),
            Effect::DeleteHolding(customer, account) => self.delete_holding(*customer, *account),
            Effect::PutPaymentSchedule(schedule) => self.put_schedule(schedule.clone()),
            Effect::DeletePaymentSchedule(account, number) => self.delete_schedule(*account, *number),
            Effect::PutConcession(concession) => self.put_concession(concession.clone()),
            Effect::DeleteConcession(account, number) => self.delete_concession(*account, *number),
            Effect::PutContact(contact) => self.put_contact(contact.clone()),
            Effect::DeleteContact(id) => self.remove_contact(*id),
            Effect::PutAgreement(agreement) => self.put_agreement(agreement.clone()),
            Effect::PutInvoice(invoice) => self.put_invoice(invoice.clone()),
            Effect::VoidInvoice(id) => self.void_invoice(*id),
            Effect::PutEntry(entry) => self.put_entry(entry.clone()),
            Effect::PutPrice(change) => self.put_price(change),
            Effect::PutFee(change) => self.put_fee(change),
            // A balance is the sum of the ledger, which the World works out; notes and noise it does not keep.
            Effect::PutBalance(..) | Effect::AnnotateInvoices { .. } | Effect::Noise(_) => {}
        }
    }
}
