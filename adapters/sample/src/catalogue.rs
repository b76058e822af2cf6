//! The plan catalogue: ten products in each of four distribution zones.
//!
//! Together they use every part of the standard's `planDetail` that is of use to electricity or gas; which product has
//! which part is arbitrary.

mod extras;
mod load;
mod tariff;

use crate::address::ZONES;
use crate::code::{FuelType, PaymentOption, PricingModel, TimeZone, Unit};
use crate::decimal::Decimal;
use crate::dice::{Dice, Stream};
use crate::id::PlanId;
use crate::plan::{Contract, MeteringCharge, Plan, Rate, Rating, RatingModel};

/// The products. A plan is a product in a zone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    Flat,
    TimeOfUse,
    FlatControlled,
    TouControlled,
    SolarFlat,
    SolarTou,
    Demand,
    Business,
    Gas,
    Dual,
}

const PRODUCTS: &[(Product, &str, &str)] = &[
    (Product::Flat, "HB", "Home Basic"),
    (Product::TimeOfUse, "HT", "Home Time of Use"),
    (Product::FlatControlled, "HC", "Home Hot Water"),
    (Product::TouControlled, "HX", "Home Time of Use Hot Water"),
    (Product::SolarFlat, "SB", "Solar Basic"),
    (Product::SolarTou, "ST", "Solar Time of Use"),
    (Product::Demand, "HD", "Home Demand"),
    (Product::Business, "BD", "Business Demand"),
    (Product::Gas, "GB", "Gas Basic"),
    (Product::Dual, "DB", "Dual Basic"),
];

/// The plan of a product in a zone.
pub(crate) fn plan_of(product: Product, zone: usize) -> PlanId {
    let index = PRODUCTS.iter().position(|(listed, ..)| *listed == product).expect("every product is listed");
    PlanId((zone * PRODUCTS.len() + index) as u32)
}

pub(crate) fn product_of(plan: PlanId) -> Product {
    PRODUCTS[plan.0 as usize % PRODUCTS.len()].0
}

pub(crate) fn zone_of(plan: PlanId) -> usize {
    plan.0 as usize / PRODUCTS.len()
}

/// All plans, in the order of their ids.
pub(crate) fn plans(seed: u64) -> Vec<Plan> {
    let zones = ZONES.iter().enumerate();
    zones
        .flat_map(|(zone, names)| PRODUCTS.iter().map(move |product| (zone, names, product)))
        .map(|(zone, (zone_code, zone_name), (product, code, title))| {
            let id = plan_of(*product, zone);
            let mut dice = Dice::new(seed, Stream::Catalogue, u64::from(id.0));
            let mut plan = build(*product, zone, &mut dice);
            plan.id = id;
            plan.code = format!("{code}-{zone_code}");
            plan.display_name = format!("{title} {zone_name}");
            plan
        })
        .collect()
}

fn build(product: Product, zone: usize, dice: &mut Dice) -> Plan {
    use Product::{
        Business, Demand, Dual, FlatControlled, Gas, SolarFlat, SolarTou, TimeOfUse, TouControlled,
    };
    let tou = matches!(product, TimeOfUse | TouControlled | SolarTou | Business);
    let near = |dice: &mut Dice, units: i64| Decimal::new(units * dice.range(94..107) / 100, 5);
    let usage = if tou {
        let (peak, off_peak, shoulder) = (near(dice, 38_514), near(dice, 20_127), near(dice, 26_390));
        RatingModel::TimeOfUse { peak, off_peak, shoulder }
    } else {
        RatingModel::Flat(near(dice, 28_534))
    };
    let rating = Rating {
        usage,
        supply: near(dice, 108_240),
        controlled: matches!(product, FlatControlled | TouControlled).then(|| near(dice, 18_763)),
        feed_in: matches!(product, SolarFlat | SolarTou).then(|| near(dice, 4_900)),
        demand: matches!(product, Demand | Business).then(|| near(dice, 29_431)),
        gas: near(dice, 11_842),
        gas_supply: near(dice, 84_610),
    };
    let business = product == Business;
    let fuel = match product {
        Gas => FuelType::Gas,
        Dual => FuelType::Dual,
        _ => FuelType::Electricity,
    };
    Plan {
        id: PlanId(0),
        code: String::new(),
        display_name: String::new(),
        fuel,
        contingent: (fuel == FuelType::Dual).then_some(zone == 0),
        metering: (tou || business).then(|| MeteringCharge {
            display_name: "Smart meter service",
            description: business.then_some("For each meter, by its kind"),
            minimum: near(dice, 2_510),
            maximum: business.then_some(Decimal::new(1_250, 2)),
            period: "P1D",
        }),
        electricity: (fuel != FuelType::Gas).then(|| electricity(product, zone, &rating)),
        gas: (fuel != FuelType::Electricity).then(|| gas(product, &rating)),
        rating,
    }
}

fn electricity(product: Product, zone: usize, rating: &Rating) -> Contract {
    let controlled = rating.controlled.is_some();
    // One zone sells a quota, one prices that follow the market.
    let (has_quota, flexible) = (zone == 2 && product == Product::Flat, zone == 3);
    let time_of_use = matches!(rating.usage, RatingModel::TimeOfUse { .. });
    let pricing_model = match (time_of_use, controlled) {
        (false, false) if has_quota => PricingModel::Quota,
        (false, false) => PricingModel::SingleRate,
        (false, true) => PricingModel::SingleRateControlledLoad,
        (true, false) if flexible => PricingModel::Flexible,
        (true, false) => PricingModel::TimeOfUse,
        (true, true) if flexible => PricingModel::FlexibleControlledLoad,
        (true, true) => PricingModel::TimeOfUseControlledLoad,
    };
    let business = product == Product::Business;
    let zone_time = if zone == 1 { TimeZone::Aest } else { TimeZone::Local };
    Contract {
        fee_information: business.then_some("Fees of the distributor are passed on as they are"),
        pricing_model,
        time_zone: time_of_use.then_some(zone_time),
        is_fixed: business,
        variation: (!business).then_some(VARIATION),
        on_expiry: business.then_some("The standing offer applies"),
        payment_options: if business {
            vec![PaymentOption::DirectDebit, PaymentOption::Bpay]
        } else {
            vec![
                PaymentOption::PaperBill,
                PaymentOption::CreditCard,
                PaymentOption::DirectDebit,
                PaymentOption::Bpay,
            ]
        },
        green_share: (product == Product::SolarTou).then_some(Decimal::new(25, 2)),
        periods: tariff::periods(product, pricing_model, rating),
        controlled_load: rating.controlled.map(|price| load::controlled_load(product, price)),
        incentives: extras::incentives(product),
        discounts: extras::discounts(product),
        green_charges: extras::green_charges(product),
        eligibility: extras::eligibility(product),
        fees: extras::fees(business),
        feed_ins: rating.feed_in.map(|price| load::feed_ins(product, price)).unwrap_or_default(),
    }
}

fn gas(product: Product, rating: &Rating) -> Contract {
    let alone = product == Product::Gas;
    Contract {
        fee_information: alone.then_some("A special read of the meter is charged as the distributor does"),
        pricing_model: PricingModel::SingleRate,
        time_zone: None,
        is_fixed: alone,
        variation: (!alone).then_some(VARIATION),
        on_expiry: alone.then_some("The standing offer applies"),
        payment_options: vec![PaymentOption::DirectDebit, PaymentOption::Bpay, PaymentOption::Other],
        green_share: None,
        periods: vec![tariff::gas_period(product, rating)],
        controlled_load: None,
        incentives: if alone { extras::incentives(product) } else { vec![] },
        discounts: if alone { extras::discounts(product) } else { vec![] },
        green_charges: vec![],
        eligibility: if alone { extras::eligibility(product) } else { vec![] },
        fees: extras::fees(false),
        feed_ins: vec![],
    }
}

const VARIATION: &str = "Prices may change once a year, with notice";

fn kwh(unit_price: Decimal) -> Rate {
    Rate { unit_price, unit: Unit::Kwh, volume: None }
}

/// The first so many units at a price, the others at a share of it.
fn stepped(unit_price: Decimal, unit: Unit, volume: u32, percent: i64) -> Vec<Rate> {
    let beyond = Decimal::new(unit_price.units() * percent / 100, 5);
    vec![Rate { unit_price, unit, volume: Some(volume) }, Rate { unit_price: beyond, unit, volume: None }]
}
