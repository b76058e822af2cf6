//! Bills, payments, corrections.

use chrono::NaiveDate;

use super::Draft;
use super::account::current;
use crate::address::Fuel;
use crate::books::{Books, Issue, gst_on};
use crate::calendar;
use crate::catalogue::{self, Product};
use crate::code::PaymentMethod;
use crate::decimal::{Cents, Decimal, price};
use crate::effect::Effect;
use crate::id::{AccountId, EntryId, InvoiceId};
use crate::invoice::{ChargeLine, LineKind, Scope};
use crate::ledger::Detail;
use crate::rating::{Supply, SupplyPart, items};
use crate::world::Slot;

/// How far back the bill run of a new invoice may lie, to find a day on which the account has no invoice yet.
const BILL_RUN_DAYS: i64 = 14;

/// For how long invoices are corrected.
const CORRECTION_DAYS: i64 = 300;

impl<'w> Draft<'w> {
    pub(super) fn payment(&mut self) -> Option<()> {
        let slot = self.pick(|_| true)?;
        let mut books = self.world.books(slot.account.id);
        let owed = books.balance();
        let amount = match self.dice.below(10) {
            0..7 if owed > Cents(0) => owed,
            7..9 if owed > Cents(200) => Cents(owed.0 / 2),
            _ => Cents(self.dice.range(2_000..9_000)),
        };
        let method = self.dice.pick(PaymentMethod::ALL);
        books.pay(self.business_moment(), amount, method);
        self.close(books);
        Some(())
    }

    pub(super) fn new_invoice(&mut self) -> Option<()> {
        let slot = self.pick(|slot| slot.account.closed.is_none() && current(slot).is_some())?;
        let mut books = self.world.books(slot.account.id);
        let date = self.free_issue_date(&books)?;
        let billed = books.invoices.iter().filter_map(|invoice| invoice.period).map(|(_, last)| last).max();
        let opened = slot.agreements.iter().map(|agreement| agreement.started).min()?;
        let from = billed.map_or(opened, |last| calendar::shift(last, 1));
        let from = from.max(calendar::months_earlier(date, slot.account.bill_months));
        let issue = Issue {
            date,
            run: calendar::moment(date, self.dice.range(7_000..16_000)),
            period: (from, calendar::shift(date, -1)),
            due_in_days: self.dice.range(14..22),
            pay_on_time: self.dice.chance(40),
        };
        if from < date {
            let items = items(&self.supply_of(slot), from, date, &mut self.dice);
            books.issue(&issue, items);
        } else {
            // Everything up to yesterday is billed; there is only an account charge left to bill.
            books.charge_once(issue.run, None, Cents(self.dice.range(500..2_500)), "Special read fee");
            books.issue(&issue, vec![]);
        }
        self.close(books);
        Some(())
    }

    pub(super) fn late_charge(&mut self) -> Option<()> {
        let (slot, invoice) = self.pick_recent_invoice()?;
        let mut books = self.world.books(slot.account.id);
        let amount = Cents(self.dice.range(350..6_000));
        let description =
            self.dice.pick(&["Special meter read", "Reconnection", "Truck visit", "Meter test"]);
        books.charge_once(self.business_moment(), Some(invoice), amount, description);
        books.reissue_with_last_entry(invoice);
        self.close(books);
        Some(())
    }

    /// The estimate's ledger entry is corrected; the invoice keeps its line and gets another for the difference.
    pub(super) fn actual_read(&mut self) -> Option<()> {
        let (slot, estimate) = self.pick_estimate()?;
        let mut books = self.world.books(slot.account.id);
        let percent = if self.dice.chance(50) { self.dice.range(104..150) } else { self.dice.range(60..97) };
        let entry = books.entries.iter_mut().find(|entry| entry.id == estimate)?;
        let Detail::Usage(metered) = &mut entry.detail else { return None };
        let before = (entry.amount, entry.gst);
        let unit_price = Decimal::new(percent, 2);
        metered.quantity = Decimal::new(metered.quantity.units() * percent / 100, 3);
        metered.estimated = false;
        entry.amount = price(Decimal::new(entry.amount.0, 2), unit_price);
        entry.gst = gst_on(entry.net());
        let scope = if entry.service_point.is_some() { Scope::Electricity } else { Scope::Gas };
        let line = ChargeLine {
            scope,
            kind: if metered_is_generation(&entry.detail) { LineKind::Generation } else { LineKind::Usage },
            service_point: entry.service_point,
            amount: entry.amount - before.0,
            gst: entry.gst - before.1,
            description: "Correction after actual read",
        };
        let invoice = entry.invoice?;
        books.changed_entries.insert(estimate);
        books.add_line(invoice, line);
        self.close(books);
        Some(())
    }

    pub(super) fn move_invoice(&mut self) -> Option<()> {
        let (slot, invoice) = self.pick_recent_invoice()?;
        let mut from = self.world.books(slot.account.id);
        let mut to = self.pick_home_for(&from, invoice)?;
        let (leaving, staying) = from.invoices.into_iter().partition(|listed| listed.id == invoice);
        from.invoices = staying;
        for mut invoice in leaving {
            invoice.account = to.account;
            to.changed_invoices.insert(invoice.id);
            to.invoices.push(invoice);
        }
        let (leaving, staying) = from.entries.into_iter().partition(|entry| entry.invoice == Some(invoice));
        from.entries = staying;
        for mut entry in leaving {
            entry.account = to.account;
            to.changed_entries.insert(entry.id);
            to.entries.push(entry);
        }
        self.close(from);
        self.close(to);
        Some(())
    }

    pub(super) fn void_invoice(&mut self) -> Option<()> {
        let (slot, invoice) = self.pick_recent_invoice()?;
        let mut books = self.world.books(slot.account.id);
        books.invoices.retain(|listed| listed.id != invoice);
        books.entries.retain(|entry| entry.invoice != Some(invoice));
        self.effects.push(Effect::VoidInvoice(invoice));
        self.close(books);
        Some(())
    }

    /// Adds what has changed in some books, statuses and the balance included.
    pub(super) fn close(&mut self, mut books: Books) {
        books.settle();
        let changed = books.invoices.iter().filter(|invoice| books.changed_invoices.contains(&invoice.id));
        self.effects.extend(changed.cloned().map(Effect::PutInvoice));
        let changed = books.entries.iter().filter(|entry| books.changed_entries.contains(&entry.id));
        self.effects.extend(changed.cloned().map(Effect::PutEntry));
        self.effects.push(Effect::PutBalance(books.account, books.balance()));
    }

    fn supply_of(&self, slot: &'w Slot) -> Supply<'w> {
        let world = self.world;
        let current = slot.agreements.iter().filter(|agreement| agreement.ended.is_none());
        let parts = current.map(|agreement| {
            let electric =
                |id: &_| world.service_point(*id).is_some_and(|point| point.fuel == Fuel::Electricity);
            let points = agreement.service_points.iter().copied().filter(electric).collect();
            SupplyPart { plan: world.plan(agreement.plan), points }
        });
        let parts: Vec<_> = parts.collect();
        let business = parts.iter().any(|part| catalogue::product_of(part.plan.id) == Product::Business);
        Supply { parts, business, concession: slot.concessions.first().map(|concession| concession.kind) }
    }

    fn free_issue_date(&self, books: &Books) -> Option<NaiveDate> {
        let dates = (0..BILL_RUN_DAYS).map(|back| calendar::shift(self.business_day(), -back));
        dates.into_iter().find(|date| books.invoices.iter().all(|invoice| invoice.issued != *date))
    }

    fn pick_recent_invoice(&mut self) -> Option<(&'w Slot, InvoiceId)> {
        let since = calendar::shift(self.business_day(), -CORRECTION_DAYS);
        let salt = self.dice.below(1 << 20);
        let world = self.world;
        self.pick_map(|slot| {
            let mut recent = world.books(slot.account.id).invoices;
            recent.retain(|invoice| invoice.issued >= since);
            let index = salt.checked_rem(recent.len())?;
            Some((slot, recent[index].id))
        })
    }

    fn pick_estimate(&mut self) -> Option<(&'w Slot, EntryId)> {
        let since = calendar::midnight(calendar::shift(self.business_day(), -CORRECTION_DAYS));
        let world = self.world;
        self.pick_map(|slot| {
            let entries = world.books(slot.account.id).entries;
            let estimate = entries.iter().find(|entry| {
                let estimated = matches!(&entry.detail, Detail::Usage(metered) if metered.estimated);
                estimated && entry.invoice.is_some() && entry.posted >= since
            });
            estimate.map(|entry| (slot, entry.id))
        })
    }

    /// Another account on which the invoice's date and its entries' instants are still free.
    fn pick_home_for(&mut self, from: &Books, invoice: InvoiceId) -> Option<Books> {
        let world = self.world;
        let issued = from.invoices.iter().find(|listed| listed.id == invoice)?.issued;
        let leaving: Vec<_> = from.entries.iter().filter(|entry| entry.invoice == Some(invoice)).collect();
        let fits = |account: AccountId| {
            let books = world.books(account);
            let free = books.invoices.iter().all(|listed| listed.issued != issued)
                && leaving.iter().all(|entry| books.free_instant(entry.posted) == entry.posted);
            (account != from.account && free).then_some(books)
        };
        self.pick_map(|slot| fits(slot.account.id))
    }
}

fn metered_is_generation(detail: &Detail) -> bool {
    matches!(detail, Detail::Usage(metered) if metered.quantity.is_negative())
}
