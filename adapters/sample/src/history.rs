//! The history an account is born with.
//!
//! It is a function of the account's birth and the seed, so the World keeps none of it in memory: it is worked out
//! whenever somebody asks, and what mutations changed since is laid over it.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::books::{Books, Issue};
use crate::calendar;
use crate::code::{ConcessionType, PaymentMethod};
use crate::decimal::Cents;
use crate::dice::{Dice, Stream};
use crate::id::{AccountId, EntryId, FIRST_ADDED, InvoiceId, PlanId, ServicePointId};
use crate::invoice::Invoice;
use crate::ledger::LedgerEntry;
use crate::rating::{Supply, SupplyPart, items};
use crate::world::World;

/// What an account's history follows from. Never changes.
#[derive(Clone, Debug)]
pub(crate) struct Birth {
    /// The first day billed.
    pub(crate) from: NaiveDate,
    /// The first day no longer supplied, for accounts born closed.
    pub(crate) until: Option<NaiveDate>,
    pub(crate) bill_months: u32,
    /// Plans, each with the electricity points on it.
    pub(crate) parts: Vec<(PlanId, Vec<ServicePointId>)>,
    pub(crate) business: bool,
    pub(crate) concession: Option<ConcessionType>,
    pub(crate) habit: Habit,
}

/// How a customer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    Prompt,
    Late,
    Partial,
    /// The same amount each time, a little too much: the account ends up in credit.
    Smoothed,
    Silent,
}

/// What mutations changed of an account's history. `None` stands for what is no longer there.
#[derive(Clone, Debug)]
pub(crate) struct Overlay {
    pub(crate) invoices: BTreeMap<InvoiceId, Option<Invoice>>,
    pub(crate) entries: BTreeMap<EntryId, Option<LedgerEntry>>,
    pub(crate) next_invoice: u16,
    pub(crate) next_entry: u16,
}

impl Default for Overlay {
    fn default() -> Self {
        let (invoices, entries) = (BTreeMap::new(), BTreeMap::new());
        Self { invoices, entries, next_invoice: FIRST_ADDED, next_entry: FIRST_ADDED }
    }
}

/// The account's books as they are now.
pub(crate) fn books(
    world: &World,
    account: AccountId,
    birth: Option<&Birth>,
    overlay: Option<&Overlay>,
) -> Books {
    let mut books = Books::new(account, 0, 0);
    if let Some(birth) = birth {
        live(world, birth, &mut books);
    }
    let empty = Overlay::default();
    let overlay = overlay.unwrap_or(&empty);
    let mut now = Books::new(account, overlay.next_invoice, overlay.next_entry);
    now.invoices = patched(books.invoices, &overlay.invoices, |invoice| invoice.id);
    now.entries = patched(books.entries, &overlay.entries, |entry| entry.id);
    now
}

fn patched<K: Ord, V: Clone>(base: Vec<V>, patch: &BTreeMap<K, Option<V>>, id: impl Fn(&V) -> K) -> Vec<V> {
    if patch.is_empty() {
        return base;
    }
    let kept = base.into_iter().filter(|value| !patch.contains_key(&id(value)));
    kept.chain(patch.values().flatten().cloned()).collect()
}

/// Bills and payments from birth to the day before the World's today.
fn live(world: &World, birth: &Birth, books: &mut Books) {
    let config = world.config();
    let mut dice = Dice::new(config.seed, Stream::History, u64::from(books.account.0));
    let supply = Supply {
        parts: birth
            .parts
            .iter()
            .map(|(plan, points)| SupplyPart { plan: world.plan(*plan), points: points.clone() })
            .collect(),
        business: birth.business,
        concession: birth.concession,
    };
    let mut from = birth.from;
    let mut months = 0;
    loop {
        months += birth.bill_months;
        let whole = calendar::months_later(birth.from, months);
        let until = birth.until.map_or(whole, |last| last.min(whole));
        // A closing bill may follow the one before it closely; no two are issued on one day.
        let earliest = books.invoices.last().map_or(from, |last| calendar::shift(last.issued, 1));
        let date = calendar::shift(until, dice.range(2..7)).max(earliest);
        if until <= from || date >= config.today {
            break;
        }
        let issue = Issue {
            date,
            run: calendar::moment(date, 7_000 + dice.range(0..9_000)),
            period: (from, calendar::shift(until, -1)),
            due_in_days: dice.range(14..22),
            pay_on_time: birth.habit == Habit::Prompt && !birth.business,
        };
        let items = items(&supply, from, until, &mut dice);
        books.issue(&issue, items);
        pay(birth.habit, &issue, world, &mut dice, books);
        from = until;
    }
    books.settle();
}

fn pay(habit: Habit, issue: &Issue, world: &World, dice: &mut Dice, books: &mut Books) {
    let owed = books.balance();
    let (days, amount) = match habit {
        Habit::Prompt => (dice.range(1..14), owed),
        Habit::Late => (dice.range(24..45), owed),
        Habit::Partial => (dice.range(5..30), Cents(owed.0 * dice.range(40..101) / 100)),
        Habit::Smoothed => (dice.range(3..5), Cents((books.invoices[0].total().0 * 11 / 10).max(4_000))),
        Habit::Silent if dice.chance(50) => (60, owed),
        Habit::Silent => return,
    };
    let day = calendar::shift(issue.date, days);
    if habit == Habit::Late && days > 30 && calendar::shift(issue.date, 25) < world.config().today {
        let reminded = calendar::moment(calendar::shift(issue.date, 25), 76_000 + dice.range(0..900));
        books.charge_once(reminded, None, Cents(1_200), "Late payment fee");
    }
    if amount > Cents(0) && day < world.config().today {
        let method = dice.pick(PaymentMethod::ALL);
        books.pay(calendar::moment(day, dice.range(28_800..72_000)), amount, method);
    }
}
