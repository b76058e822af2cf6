//! The World is deterministic, adds up, and everything that can happen does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use wattle_sample::{
    AccountId, Cents, Detail, Effect, Invoice, LedgerEntry, MutationKind, PaymentStatus, Role, World,
    WorldConfig,
};

fn config(seed: u64, customers: u32) -> WorldConfig {
    WorldConfig { seed, customers, today: NaiveDate::from_ymd_opt(2026, 11, 24).unwrap(), months: 24 }
}

#[test]
fn equal_seeds_make_equal_worlds_and_mutations() {
    let (mut one, mut other) = (World::new(config(7, 200)), World::new(config(7, 200)));
    for _ in 0..3_000 {
        assert_eq!(one.mutate(), other.mutate());
    }
    let ids: Vec<AccountId> = one.accounts().map(|account| account.id).collect();
    assert_eq!(ids, other.accounts().map(|account| account.id).collect::<Vec<_>>());
    for id in ids {
        assert_eq!(one.account(id), other.account(id));
        assert_eq!(one.history(id), other.history(id));
    }
    assert_ne!(World::new(config(8, 200)).customers(), World::new(config(7, 200)).customers());
}

#[test]
fn the_world_holds_what_retailers_find_hard() {
    let world = World::new(config(1, 2_000));
    let accounts: Vec<_> = world.accounts().collect();
    assert_eq!(world.customers().len(), 2_000);
    assert!(
        accounts.iter().any(|account| account.deleted)
            && accounts.iter().any(|account| account.closed.is_some())
    );
    for role in Role::ALL {
        assert!(accounts.iter().any(|a| world.holdings(a.id).iter().any(|h| h.role == *role)), "{role:?}");
    }
    let histories: Vec<_> = accounts.iter().map(|account| world.history(account.id)).collect();
    let entries: Vec<&LedgerEntry> = histories.iter().flat_map(|(_, entries)| entries).collect();
    let has = |fits: &dyn Fn(&Detail) -> bool| entries.iter().any(|entry| fits(&entry.detail));
    assert!(has(&|detail| matches!(detail, Detail::Usage(m) if m.quantity.is_negative())));
    assert!(has(&|detail| matches!(detail, Detail::Usage(m) if m.estimated)));
    assert!(has(&|detail| matches!(detail, Detail::Demand(m) if m.dlf.is_some())));
    assert!(
        has(&|detail| matches!(detail, Detail::OnceOff { .. })) && has(&|d| matches!(d, Detail::Payment(_)))
    );
    assert!(has(&|detail| matches!(detail, Detail::Other { .. })));
    assert!(entries.iter().any(|entry| !entry.adjustments.is_empty()));
    let invoices: Vec<&Invoice> = histories.iter().flat_map(|(invoices, _)| invoices).collect();
    for status in PaymentStatus::ALL {
        assert!(invoices.iter().any(|invoice| invoice.status == *status), "{status:?}");
    }
    let shared: HashSet<_> = accounts.iter().filter_map(|account| account.mail).collect();
    assert!(shared.len() < accounts.len());
    assert!(accounts.iter().any(|account| world.balance(account.id) < Cents(0)));
    assert!(accounts.iter().any(|account| !world.concessions(account.id).is_empty()));
    let window = NaiveDate::from_ymd_opt(2024, 11, 24).unwrap();
    let outside = invoices.iter().filter(|invoice| invoice.issued < window).count();
    assert!(outside > 0 && outside * 4 < invoices.len());
}

/// Every invoice is the sum of its entries, statuses follow from what is owed, and sort keys are unique.
fn assert_books_add_up(world: &World, account: AccountId) {
    let (mut invoices, entries) = world.history(account);
    let instants: HashSet<_> = entries.iter().map(|entry| entry.posted).collect();
    assert_eq!(instants.len(), entries.len());
    invoices.sort_by_key(|invoice| invoice.issued);
    assert!(invoices.windows(2).all(|pair| pair[0].issued < pair[1].issued));
    for invoice in &invoices {
        assert_eq!(invoice.account, account);
        let on_it = entries.iter().filter(|entry| entry.invoice == Some(invoice.id));
        assert_eq!(on_it.map(LedgerEntry::effect).sum::<Cents>(), invoice.total(), "{invoice:?}");
        assert!(invoice.issued < world.config().today);
    }
    for entry in &entries {
        assert_eq!(entry.account, account);
        assert!(entry.posted_on() < world.config().today);
        assert!(entry.invoice.is_none_or(|id| invoices.iter().any(|invoice| invoice.id == id)));
    }
    let unpaid: Cents =
        invoices.iter().filter(|i| i.status == PaymentStatus::NotPaid).map(|i| i.total()).sum();
    assert!(unpaid <= world.balance(account).max(Cents(0)));
}

#[test]
fn books_add_up_before_and_after_mutations() {
    let mut world = World::new(config(3, 300));
    let ids: Vec<AccountId> = world.accounts().map(|account| account.id).collect();
    ids.iter().for_each(|id| assert_books_add_up(&world, *id));
    let mut balances = HashMap::new();
    for _ in 0..8_000 {
        let mutation = world.mutate();
        for effect in mutation.effects.iter().filter(|_| !mutation.rolled_back) {
            if let Effect::PutBalance(account, balance) = effect {
                balances.insert(*account, *balance);
            }
        }
    }
    let ids: Vec<AccountId> = world.accounts().map(|account| account.id).collect();
    for id in ids {
        assert_books_add_up(&world, id);
        assert!(balances.get(&id).is_none_or(|told| *told == world.balance(id)));
    }
}

#[test]
fn every_kind_of_mutation_happens() {
    let mut world = World::new(config(5, 400));
    let mut counts: BTreeMap<MutationKind, u32> = BTreeMap::new();
    let (mut rolled_back, mut largest) = (0, 0);
    for _ in 0..20_000 {
        let mutation = world.mutate();
        *counts.entry(mutation.kind).or_default() += 1;
        rolled_back += u32::from(mutation.rolled_back);
        largest = largest.max(mutation.effects.len());
        assert!(!mutation.effects.is_empty());
    }
    for kind in MutationKind::ALL {
        assert!(counts.contains_key(kind), "{kind:?} never happened: {counts:?}");
    }
    assert!((8_000..12_000).contains(&counts[&MutationKind::Noise]), "{counts:?}");
    assert!((200..800).contains(&rolled_back) && largest > 80, "{rolled_back} {largest}");
}

#[test]
fn a_kind_can_be_asked_for_by_name() {
    let mut world = World::new(config(9, 60));
    for kind in MutationKind::ALL {
        assert_eq!(MutationKind::from_name(kind.name()), Some(*kind));
        assert_eq!(world.mutate_kind(*kind).kind, *kind);
    }
    assert_eq!(world.mutation_count(), MutationKind::ALL.len() as u64);
}

#[test]
fn what_is_rolled_back_leaves_no_trace() {
    let mut world = World::new(config(11, 80));
    let mut seen = 0;
    while seen < 20 {
        if !world.draft().rolled_back {
            world.mutate();
            continue;
        }
        let before = world.clone();
        assert!(world.mutate().rolled_back);
        seen += 1;
        assert_eq!(before.accounts().collect::<Vec<_>>(), world.accounts().collect::<Vec<_>>());
        assert_eq!(before.customers(), world.customers());
        for account in world.accounts() {
            assert_eq!(before.history(account.id), world.history(account.id));
        }
    }
}
