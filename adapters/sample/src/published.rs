//! Parts of plans as the standard writes them. Some retailers keep these as documents, just as they publish them.

use serde_json::{Value, json};

use crate::answers::{Fields, number};
use crate::code::{Day, GreenCharge};
use crate::decimal::Decimal;
use crate::plan::{Eligibility, GreenPowerCharge, Incentive, LoadWindow, Rate, Window};

/// Days of the week.
pub fn days(days: &[Day]) -> Value {
    days.iter().map(|day| day.cds()).collect()
}

/// Some hours on some days.
pub fn windows(windows: &[Window]) -> Value {
    let window = |window: &Window| json!({ "days": days(window.days), "startTime": window.from, "endTime": window.until });
    windows.iter().map(window).collect()
}

/// When a price of a controlled load applies.
pub fn load_windows(windows: &[LoadWindow]) -> Value {
    let window = |window: &LoadWindow| {
        let fields = Fields::default()
            .opt("days", window.days.map(days))
            .opt("startTime", window.hours.map(|(from, _)| from))
            .opt("endTime", window.hours.map(|(_, until)| until))
            .opt("additionalInfo", window.information)
            .opt("additionalInfoUri", window.link);
        Value::from(fields)
    };
    windows.iter().map(window).collect()
}

/// Steps of a price, or bands of a supply charge.
pub fn rates(steps: &[Rate]) -> Value {
    let rate = |rate: &Rate| {
        let fields = Fields::default()
            .set("unitPrice", rate.unit_price.amount_string())
            .set("measureUnit", rate.unit.cds())
            .opt("volume", rate.volume.map(|volume| number(Decimal::new(volume.into(), 0))));
        Value::from(fields)
    };
    steps.iter().map(rate).collect()
}

/// What is given to new customers.
pub fn incentives(incentives: &[Incentive]) -> Value {
    let incentive = |incentive: &Incentive| {
        let fields = Fields::default()
            .set("displayName", incentive.display_name)
            .set("description", incentive.description)
            .set("category", incentive.category.cds())
            .opt("eligibility", incentive.eligibility);
        Value::from(fields)
    };
    incentives.iter().map(incentive).collect()
}

/// What green power costs.
pub fn green_charges(charges: &[GreenPowerCharge]) -> Value {
    let one = |charge: &GreenPowerCharge| {
        let fields = Fields::default()
            .set("displayName", charge.display_name)
            .opt("description", charge.description)
            .set("scheme", charge.scheme.cds())
            .set("type", charge.charge.cds())
            .set("tiers", tiers(charge));
        Value::from(fields)
    };
    charges.iter().map(one).collect()
}

/// How much green power costs for which share of it.
pub fn tiers(charge: &GreenPowerCharge) -> Value {
    let is_share = matches!(charge.charge, GreenCharge::OfUse | GreenCharge::OfBill);
    let tier = |(percent, value): &(Decimal, Decimal)| {
        let fields = Fields::default().set("percentGreen", percent.to_string());
        Value::from(if is_share {
            fields.set("rate", value.to_string())
        } else {
            fields.set("amount", value.amount_string())
        })
    };
    charge.tiers.iter().map(tier).collect()
}

/// Who may have a plan.
pub fn eligibility(restrictions: &[Eligibility]) -> Value {
    let restriction = |listed: &Eligibility| {
        let fields = Fields::default()
            .set("type", listed.restriction.cds())
            .set("information", listed.information)
            .opt("description", listed.description);
        Value::from(fields)
    };
    restrictions.iter().map(restriction).collect()
}

/// A list, or nothing where nothing is in it.
pub fn unless_empty(list: Value) -> Option<Value> {
    list.as_array().is_some_and(|elements| !elements.is_empty()).then_some(list)
}
