//! Every answer keeps the standard's mandatory and conditional rules, also after thousands of mutations.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod rules;

use std::collections::BTreeSet;

use chrono::{NaiveDate, TimeZone, Utc};
use serde_json::Value;
use wattle_sample::{
    AccountId, Answers, CustomerId, MutationKind, Projection, ServicePointId, World, WorldConfig,
};

/// A retailer whose keys are the World's ids.
struct Plain;

impl Projection for Plain {
    fn account_key(&self, _: &World, account: AccountId) -> String {
        format!("account {account}")
    }
    fn service_point_key(&self, _: &World, point: ServicePointId) -> String {
        format!("point {point}")
    }
    fn customer_key(&self, _: &World, customer: CustomerId) -> String {
        customer.to_string()
    }
}

fn world(seed: u64) -> World {
    let today = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
    World::new(WorldConfig { seed, customers: 300, today, months: 24 })
}

fn check_all(world: &World) {
    let answers = Answers::new(world, &Plain);
    let now = Utc.with_ymd_and_hms(2026, 11, 24, 1, 0, 0).unwrap();
    let (mut invoice_count, mut transaction_count, mut terms) = (0, 0, BTreeSet::new());
    for account in world.accounts() {
        let Some(detail) = answers.account_detail(account.id) else {
            assert!(account.deleted && answers.account(account.id).is_none());
            assert!(answers.recent_invoices(account.id).is_empty() && answers.balance(account.id).is_none());
            continue;
        };
        rules::account(&answers.account(account.id).unwrap());
        rules::account(&detail);
        rules::account_detail(&detail);
        rules::amount(&answers.balance(account.id).unwrap()["balance"]);
        for schedule in answers.payment_schedules(account.id) {
            rules::payment_schedule(&schedule);
            terms.insert(schedule["paymentScheduleUType"].as_str().unwrap().to_owned());
        }
        for concession in answers.concessions(account.id) {
            rules::concession(&concession);
            terms.insert(concession["type"].as_str().unwrap().to_owned());
        }
        let invoices = answers.recent_invoices(account.id);
        invoices.iter().for_each(rules::invoice);
        assert!(invoices.is_sorted_by(|one, next| one["issueDate"].as_str() > next["issueDate"].as_str()));
        let transactions = answers.recent_transactions(account.id, now);
        transactions.iter().for_each(rules::transaction);
        invoice_count += invoices.len();
        transaction_count += transactions.len();
    }
    let mut forms = BTreeSet::new();
    for customer in world.customers() {
        let detail = answers.customer_detail(customer.id).unwrap();
        rules::customer(&answers.customer(customer.id).unwrap());
        rules::customer_detail(&detail);
        let party = &detail[detail["customerUType"].as_str().unwrap()];
        let addresses = party["physicalAddresses"].as_array().unwrap();
        let form = |address: &Value| address["addressUType"].as_str().unwrap().to_owned();
        forms
            .extend(addresses.iter().map(form).chain([detail["customerUType"].as_str().unwrap().to_owned()]));
    }
    // Every branch of both.
    assert_eq!(terms.len(), 7, "{terms:?}");
    assert!(forms.iter().eq(["organisation", "paf", "person", "simple"]), "{forms:?}");
    assert!(invoice_count > 2_000 && transaction_count > 5_000, "{invoice_count} {transaction_count}");
}

#[test]
fn answers_keep_the_rules_at_first_and_after_mutations() {
    let mut world = world(21);
    check_all(&world);
    for _ in 0..6_000 {
        world.mutate();
    }
    check_all(&world);
}

#[test]
fn shared_accounts_follow_holdings_and_deletion() {
    let mut world = world(22);
    let shared = |world: &World| -> Vec<(CustomerId, AccountId)> {
        let answers = Answers::new(world, &Plain);
        let customers = world.customers().iter();
        customers.flat_map(|c| answers.shareable(c.id).into_iter().map(|account| (c.id, account))).collect()
    };
    for kind in [MutationKind::FlipShareable, MutationKind::EndHolding, MutationKind::DeleteAccount] {
        let before = shared(&world);
        for _ in 0..20 {
            world.mutate_kind(kind);
        }
        assert_ne!(before, shared(&world), "{kind:?}");
    }
}

#[test]
fn addresses_and_prices_show() {
    let mut world = world(23);
    let details = |world: &World| -> Vec<Option<Value>> {
        world.accounts().map(|a| Answers::new(world, &Plain).account_detail(a.id)).collect()
    };
    use MutationKind::{
        ChangePrice, DeleteAddress, EditAddress, MoveContact, MoveHouse, RecaseAccount, RevisePlan,
        SwitchPlan,
    };
    let kinds = [
        EditAddress,
        DeleteAddress,
        MoveHouse,
        SwitchPlan,
        MoveContact,
        RecaseAccount,
        ChangePrice,
        RevisePlan,
    ];
    for kind in kinds {
        let before = details(&world);
        for _ in 0..6 {
            world.mutate_kind(kind);
        }
        assert_ne!(before, details(&world), "{kind:?}");
    }
}
