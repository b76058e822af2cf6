//! The `planDetail` of an account's plan.

use serde_json::{Value, json};

use super::Fields;
use crate::code::FeeTerm;
use crate::decimal::Decimal;
use crate::plan::{
    Contract, ControlledLoad, DemandCharge, Discount, DiscountMethod, Fee, FeedIn, FeedInPrice, FeedInTariff,
    LoadPrice, MeteringCharge, Plan, Prices, TariffPeriod, TouPrice,
};
use crate::published::{self, days, rates};

pub(super) fn detail(plan: &Plan) -> Value {
    Fields::default()
        .set("fuelType", plan.fuel.cds())
        .opt("isContingentPlan", plan.contingent)
        .list("meteringCharges", plan.metering.iter().map(metering_charge).collect())
        .opt("electricityContract", plan.electricity.as_ref().map(contract))
        .opt("gasContract", plan.gas.as_ref().map(contract))
        .into()
}

fn metering_charge(charge: &MeteringCharge) -> Value {
    Fields::default()
        .set("displayName", charge.display_name)
        .opt("description", charge.description)
        .set("minimumValue", charge.minimum.amount_string())
        .opt("maximumValue", charge.maximum.map(Decimal::amount_string))
        .set("period", charge.period)
        .into()
}

fn contract(contract: &Contract) -> Fields {
    let payment_options: Vec<_> = contract.payment_options.iter().map(|option| option.cds()).collect();
    let green = contract.green_share.map(|share| json!({ "greenPercentage": share.to_string() }));
    Fields::default()
        .opt("additionalFeeInformation", contract.fee_information)
        .set("pricingModel", contract.pricing_model.cds())
        .opt("timeZone", contract.time_zone.map(|zone| zone.cds()))
        .set("isFixed", contract.is_fixed)
        .opt("variation", contract.variation)
        .opt("onExpiryDescription", contract.on_expiry)
        .set("paymentOption", payment_options)
        .opt("intrinsicGreenPower", green)
        .list("controlledLoad", contract.controlled_load.iter().map(controlled_load).collect())
        .array("incentives", published::incentives(&contract.incentives))
        .list("discounts", contract.discounts.iter().map(discount).collect())
        .array("greenPowerCharges", published::green_charges(&contract.green_charges))
        .array("eligibility", published::eligibility(&contract.eligibility))
        .list("fees", contract.fees.iter().map(fee).collect())
        .list("solarFeedInTariff", contract.feed_ins.iter().map(feed_in).collect())
        .set("tariffPeriod", contract.periods.iter().map(tariff_period).collect::<Vec<_>>())
}

fn tariff_period(period: &TariffPeriod) -> Value {
    let (supply, bands) = (period.daily_supply, rates(&period.supply_bands));
    let banded = (!period.supply_bands.is_empty()).then_some("BAND");
    let fields = Fields::default()
        .set("type", period.kind.cds())
        .set("displayName", period.display_name)
        .set("startDate", period.from)
        .set("endDate", period.until)
        .opt("dailySupplyChargeType", supply.map(|_| "SINGLE").or(banded))
        .opt("dailySupplyCharge", supply.map(Decimal::amount_string))
        .array("bandedDailySupplyCharges", bands)
        .opt("timeZone", period.time_zone.map(|zone| zone.cds()));
    let (block, value) = match &period.prices {
        Prices::Single { display_name, description, general, rates: steps, every } => {
            let single = Fields::default()
                .set("displayName", *display_name)
                .opt("description", *description)
                .opt("generalUnitPrice", general.map(Decimal::amount_string))
                .set("rates", rates(steps))
                .opt("period", *every);
            ("singleRate", Value::from(single))
        }
        Prices::TimeOfUse(prices) => ("timeOfUseRates", prices.iter().map(tou_price).collect()),
        Prices::Demand(charges) => ("demandCharges", charges.iter().map(demand_charge).collect()),
    };
    fields.set("rateBlockUType", block).set(block, value).into()
}

fn tou_price(price: &TouPrice) -> Value {
    Fields::default()
        .set("displayName", price.display_name)
        .opt("description", price.description)
        .set("rates", rates(&price.rates))
        .opt("period", price.every)
        .set("timeOfUse", published::windows(&price.windows))
        .set("type", price.period.cds())
        .into()
}

fn demand_charge(charge: &DemandCharge) -> Value {
    Fields::default()
        .set("displayName", charge.display_name)
        .opt("description", charge.description)
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

fn controlled_load(load: &ControlledLoad) -> Value {
    let supply = load.daily_supply.map(Decimal::amount_string);
    let price = |price: &LoadPrice| {
        let fields = Fields::default()
            .set("displayName", price.display_name)
            .opt("description", price.description)
            .opt("dailySupplyCharge", supply.clone())
            .set("rates", rates(&price.rates))
            .opt("period", price.every);
        Value::from(match &price.times {
            Some(times) => fields
                .set("timeOfUse", published::load_windows(&times.windows))
                .set("type", times.period.cds()),
            None => fields,
        })
    };
    let fields = Fields::default()
        .set("displayName", load.display_name)
        .opt("startDate", load.from)
        .opt("endDate", load.until);
    let (block, prices) = match load.prices.as_slice() {
        [single] if single.times.is_none() => ("singleRate", price(single)),
        prices => ("timeOfUseRates", prices.iter().map(price).collect()),
    };
    fields.set("rateBlockUType", block).set(block, prices).into()
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
        .opt("endDate", discount.until)
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
        FeedInTariff::Single { rates: steps, every } => {
            ("singleTariff", Fields::default().set("rates", rates(steps)).opt("period", *every).into())
        }
        FeedInTariff::Varying(prices) => {
            ("timeVaryingTariffs", prices.iter().map(feed_in_price).collect::<Value>())
        }
    };
    Fields::default()
        .set("displayName", feed_in.display_name)
        .opt("description", feed_in.description)
        .opt("startDate", feed_in.from)
        .opt("endDate", feed_in.until)
        .set("scheme", feed_in.scheme.cds())
        .set("payerType", feed_in.payer.cds())
        .set("tariffUType", kind)
        .set(kind, tariff)
        .into()
}

fn feed_in_price(price: &FeedInPrice) -> Value {
    Fields::default()
        .set("type", price.period.cds())
        .set("displayName", price.display_name)
        .set("rates", rates(std::slice::from_ref(&price.rate)))
        .opt("period", price.every)
        .set("timeVariations", published::windows(std::slice::from_ref(&price.window)))
        .into()
}
