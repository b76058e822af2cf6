//! Whatever the standard's payloads may have, some record of the World has: every optional branch, every member of a
//! union, every word of an enumeration. What has no source on purpose is listed here, with the reason.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeSet;

use chrono::{NaiveDate, TimeZone, Utc};
use serde_json::{Value, json};
use wattle_core::Entity;
use wattle_core::entity::{Object, Shape};
use wattle_sample::{AccountId, Answers, CustomerId, Projection, ServicePointId, World, WorldConfig};

struct Plain;

impl Projection for Plain {
    fn account_key(&self, _: &World, account: AccountId) -> String {
        account.to_string()
    }
    fn service_point_key(&self, _: &World, point: ServicePointId) -> String {
        point.to_string()
    }
    fn customer_key(&self, _: &World, customer: CustomerId) -> String {
        customer.to_string()
    }
}

/// What the World has no source for, by the beginning of its name, and why.
const WITHOUT_SOURCE: &[(&str, &str)] = &[
    ("plan.planDetail.gasContract.controlledLoad", ELECTRICITY_ALONE),
    ("plan.planDetail.gasContract.greenPowerCharges", ELECTRICITY_ALONE),
    ("plan.planDetail.gasContract.intrinsicGreenPower", ELECTRICITY_ALONE),
    ("plan.planDetail.gasContract.solarFeedInTariff", ELECTRICITY_ALONE),
    ("plan.planDetail.gasContract.tariffPeriod.demandCharges", ELECTRICITY_ALONE),
    ("plan.planDetail.gasContract.tariffPeriod.singleRate.generalUnitPrice", "gas is sold without a quota"),
    ("plan.planDetail.gasContract.tariffPeriod.timeOfUseRates", ELECTRICITY_ALONE),
    ("plan.planDetail.gasContract.tariffPeriod.timeZone", ELECTRICITY_ALONE),
    ("plan.planDetail.gasContract.timeZone", ELECTRICITY_ALONE),
    ("timeOfUseType of PEAK to ALL_DAY: OFF_PEAK_DEMAND_CHARGE", "it is said of demand"),
    ("timeOfUseType of PEAK to EXCESS: AGGREGATE", DEMAND_TIMES),
    ("timeOfUseType of PEAK to EXCESS: ALL_DAY", DEMAND_TIMES),
    ("timeOfUseType of PEAK to EXCESS: CONTROLLED_LOAD", DEMAND_TIMES),
    ("timeOfUseType of PEAK to EXCESS: OFF_PEAK", DEMAND_TIMES),
    ("timeOfUseType of PEAK to EXCESS: SHOULDER", DEMAND_TIMES),
    ("timeOfUseType of PEAK to EXCESS: SOLAR", DEMAND_TIMES),
];

const DEMAND_TIMES: &str = "demand is measured in the evenings, charged off-peak, or in excess";

/// The standard has one shape of contract for both fuels.
const ELECTRICITY_ALONE: &str = "there is such a thing for electricity alone";

#[test]
fn the_world_has_whatever_the_standard_may_have() {
    let today = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
    let world = World::new(WorldConfig { seed: 7, customers: 1_500, today, months: 24 });
    // Histories take time to work out, and all are alike.
    let accounts: Vec<AccountId> = world.accounts().step_by(5).map(|account| account.id).collect();
    let missing = missing(&world, &accounts);
    let excused = |part: &&String| WITHOUT_SOURCE.iter().any(|(beginning, _)| part.starts_with(beginning));
    let unexcused: Vec<&String> = missing.iter().filter(|part| !excused(part)).collect();
    assert!(unexcused.is_empty(), "no record of the World has {unexcused:#?}");
    for (beginning, _) in WITHOUT_SOURCE {
        let needed = missing.iter().any(|part| part.starts_with(beginning));
        assert!(needed, "the World has {beginning}: take it off the list");
    }
}

/// What neither these accounts nor any customer have.
fn missing(world: &World, accounts: &[AccountId]) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    for entity in Entity::ALL {
        // Who holds an account is not in any payload.
        if entity != Entity::Holding {
            want(entity.shape(), entity.name(), &mut wanted);
        }
    }
    let mut seen = BTreeSet::new();
    let answers = Answers::new(world, &Plain);
    let now = Utc.with_ymd_and_hms(2026, 11, 24, 1, 0, 0).unwrap();
    let mut see_one = |entity: Entity, body: &Value| see(entity.shape(), body, entity.name(), &mut seen);
    for &account in accounts {
        let Some(detail) = answers.account_detail(account) else { continue };
        see_one(Entity::Account, &detail);
        see_one(Entity::Balance, &answers.balance(account).unwrap());
        for plan in detail["plans"].as_array().unwrap() {
            let name = &plan["planOverview"]["displayName"];
            see_one(Entity::Plan, &json!({ "displayName": name, "planDetail": plan["planDetail"] }));
        }
        let lists = [
            (Entity::Invoice, answers.recent_invoices(account)),
            (Entity::BillingTransaction, answers.recent_transactions(account, now)),
            (Entity::PaymentSchedule, answers.payment_schedules(account)),
            (Entity::Concession, answers.concessions(account)),
        ];
        for (entity, bodies) in lists {
            bodies.iter().for_each(|body| see_one(entity, body));
        }
    }
    for customer in world.customers() {
        see_one(Entity::Customer, &answers.customer_detail(customer.id).unwrap());
    }
    wanted.difference(&seen).cloned().collect()
}

/// The paths of an object's fields, and the words of its enumerations. A word may be said wherever the same words can.
fn want(object: &'static Object, at: &str, parts: &mut BTreeSet<String>) {
    for field in object.fields {
        let path = format!("{at}.{}", field.name);
        match field.shape.element() {
            Shape::Object(inner) => want(inner, &path, parts),
            Shape::Enum(words) | Shape::EnumIf(_, words) => {
                parts.extend(words.iter().map(|word| said(field.name, words, word)));
            }
            Shape::Boolean => parts.extend([format!("{path}: true"), format!("{path}: false")]),
            _ => {}
        }
        parts.insert(path);
    }
}

fn see(object: &'static Object, body: &Value, at: &str, parts: &mut BTreeSet<String>) {
    for field in object.fields {
        let Some(value) = body.get(field.name) else { continue };
        let path = format!("{at}.{}", field.name);
        let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for element in elements {
            match field.shape.element() {
                Shape::Object(inner) => see(inner, element, &path, parts),
                Shape::Enum(words) | Shape::EnumIf(_, words) => {
                    parts.insert(said(field.name, words, element.as_str().unwrap()));
                }
                Shape::Boolean => {
                    parts.insert(format!("{path}: {element}"));
                }
                _ => {}
            }
        }
        // An empty list shows nothing of what could be in it.
        if !elements.is_empty() {
            parts.insert(path);
        }
    }
}

fn said(name: &str, words: &[&str], word: &str) -> String {
    format!("{name} of {} to {}: {word}", words[0], words[words.len() - 1])
}
