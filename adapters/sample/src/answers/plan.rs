//! The `planDetail` of an account's plan.

use serde_json::{Value, json};

use super::{Fields, number};
use crate::code::{Day, FeeTerm};
use crate::decimal::Decimal;
use crate::plan::{
    Contract, ControlledLoad, DemandCharge, Discount, DiscountMethod, Fee, FeedIn, FeedInPrice, FeedInTariff,
    MeteringCharge, Plan, Prices, Rate, TariffPeriod, TouPrice, Window,
};

pub(super) fn detail(plan: &Plan) -> Value {
    Fields::default()
        .set("fuelType", plan.fuel.cds())
        .list("meteringCharges", plan.metering.iter().map(metering_charge).collect())
        .opt("electricityContract", plan.electricity.as_ref().map(contract))
        .opt("gasContract", plan.gas.as_ref().map(contract))
        .into()
}

fn metering_charge(charge: &MeteringCharge) -> Value {
    Fields::default()
        .set("displayName", charge.display_name)
        .set("minimumValue", charge.minimum.amount_string())
        .opt("maximumValue", charge.maximum.map(Decimal::amount_string))
        .set("period", charge.period)
        .into()
}

fn contract(contract: &Contract) -> Fields {
    let payment_options: Vec<_> = contract.payment_options.iter().map(|option| option.cds()).collect();
    let green = contract.green_share.map(|share| json!({ "greenPercentage": share.to_string() }));
    Fields::default()
        .set("pricingModel", contract.pricing_model.cds())
        .opt("timeZone", contract.local_time.then_some("LOCAL"))
        .set("isFixed", contract.is_fixed)
        .opt("variation", contract.variation)
        .opt("onExpiryDescription", contract.on_expiry)
        .set("paymentOption", payment_options)
        .opt("intrinsicGreenPower", green)
        .list("controlledLoad", contract.controlled_load.iter().map(controlled_load).collect())
        .list("discounts", contract.discounts.iter().map(discount).collect())
        .list("fees", contract.fees.iter().map(fee).collect())
        .list("solarFeedInTariff", contract.feed_ins.iter().map(feed_in).collect())
        .set("tariffPeriod", contract.periods.iter().map(tariff_period).collect::<Vec<_>>())
}

fn tariff_period(period: &TariffPeriod) -> Value {
    let fields = Fields::default()
        .set("type", period.kind.cds())
        .set("displayName", period.display_name)
        .set("startDate", period.from)
        .set("endDate", period.until)
        .opt("dailySupplyChargeType", period.daily_supply.map(|_| "SINGLE"))
        .opt("dailySupplyCharge", period.daily_supply.map(Decimal::amount_string));
    let (block, value) = match &period.prices {
        Prices::Single { display_name, rates: steps } => {
            ("singleRate", json!({ "displayName": display_name, "rates": rates(steps) }))
        }
        Prices::TimeOfUse(prices) => ("timeOfUseRates", prices.iter().map(tou_price).collect()),
        Prices::Demand(charges) => ("demandCharges", charges.iter().map(demand_charge).collect()),
    };
    fields.set("rateBlockUType", block).set(block, value).into()
}

fn tou_price(price: &TouPrice) -> Value {
    let window = |window: &Window| json!({ "days": days(window.days), "startTime": window.from, "endTime": window.until });
    json!({
        "displayName": price.display_name,
        "rates": rates(&price.rates),
        "timeOfUse": price.windows.iter().map(window).collect::<Vec<_>>(),
        "type": price.period.cds(),
    })
}

fn demand_charge(charge: &DemandCharge) -> Value {
    Fields::default()
        .set("displayName", charge.display_name)
        .set("amount", charge.amount.amount_string())
        .set("measureUnit", charge.unit.cds())
        .set("startTime", charge.window.from)
        .set("endTime", charge.window.until)
        .set("days", days(charge.window.days))
        .opt("minDemand", charge.minimum.map(Decimal::amount_string))
        .opt("maxDemand", charge.maximum.map(Decimal::amount_string))
        .set("measurementPeriod", charge.measured_over.cds())
        .set("chargePeriod", charge.charged_over.cds())
        .into()
}

fn rates(steps: &[Rate]) -> Vec<Value> {
    steps.iter().map(rate).collect()
}

fn rate(rate: &Rate) -> Value {
    Fields::default()
        .set("unitPrice", rate.unit_price.amount_string())
        .set("measureUnit", rate.unit.cds())
        .opt("volume", rate.volume.map(|volume| number(Decimal::new(volume.into(), 0))))
        .into()
}

fn days(days: &[Day]) -> Vec<&'static str> {
    days.iter().map(|day| day.cds()).collect()
}

fn controlled_load(load: &ControlledLoad) -> Value {
    let single = Fields::default()
        .set("displayName", load.display_name)
        .opt("dailySupplyCharge", load.daily_supply.map(Decimal::amount_string))
        .set("rates", rates(&load.rates));
    Fields::default()
        .set("displayName", load.display_name)
        .set("rateBlockUType", "singleRate")
        .set("singleRate", single)
        .into()
}

fn discount(discount: &Discount) -> Value {
    let (method, value) = match discount.method {
        DiscountMethod::PercentOfBill(rate) => ("percentOfBill", json!({ "rate": rate.to_string() })),
        DiscountMethod::PercentOfUse(rate) => ("percentOfUse", json!({ "rate": rate.to_string() })),
        DiscountMethod::FixedAmount(amount) => ("fixedAmount", json!({ "amount": amount.amount_string() })),
        DiscountMethod::PercentOverThreshold { rate, usage } => {
            let value = json!({ "rate": rate.to_string(), "usageAmount": usage.amount_string() });
            ("percentOverThreshold", value)
        }
    };
    Fields::default()
        .set("displayName", discount.display_name)
        .opt("description", discount.description)
        .set("type", discount.kind.cds())
        .opt("category", discount.category.map(|category| category.cds()))
        .set("methodUType", method)
        .set(method, value)
        .into()
}

fn fee(fee: &Fee) -> Value {
    let fields = Fields::default()
        .set("type", fee.kind.cds())
        .set("term", fee.term.cds())
        .opt("description", fee.description);
    let fields = if fee.term == FeeTerm::PercentOfBill {
        fields.set("rate", fee.value.to_string())
    } else {
        fields.set("amount", fee.value.amount_string())
    };
    fields.into()
}

fn feed_in(feed_in: &FeedIn) -> Value {
    let (kind, tariff) = match &feed_in.tariff {
        FeedInTariff::Single(price) => ("singleTariff", json!({ "rates": [rate(price)] })),
        FeedInTariff::Varying(prices) => ("timeVaryingTariffs", prices.iter().map(feed_in_price).collect()),
    };
    Fields::default()
        .set("displayName", feed_in.display_name)
        .set("scheme", feed_in.scheme.cds())
        .set("payerType", feed_in.payer.cds())
        .set("tariffUType", kind)
        .set(kind, tariff)
        .into()
}

fn feed_in_price(price: &FeedInPrice) -> Value {
    json!({
        "type": price.period.cds(),
        "displayName": price.display_name,
        "rates": [rate(&price.rate)],
        "timeVariations": [{
            "days": days(price.window.days),
            "startTime": price.window.from,
            "endTime": price.window.until,
        }],
    })
}
