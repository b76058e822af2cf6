//! The plan catalogue: ten products in each of four distribution zones.

use crate::address::ZONES;
use crate::code::{
    ChargeType, Day, DemandPeriod, DiscountCategory, DiscountType, FeeTerm, FeeType, FeedInPayer,
    FeedInScheme, FuelType, PaymentOption, PricingModel, TouPeriod, Unit,
};
use crate::decimal::Decimal;
use crate::dice::{Dice, Stream};
use crate::id::PlanId;
use crate::plan::{
    Contract, ControlledLoad, DemandCharge, Discount, DiscountMethod, Fee, FeedIn, FeedInPrice, FeedInTariff,
    MeteringCharge, Plan, Prices, Rate, Rating, RatingModel, TariffPeriod, TouPrice, Window,
};

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
            let mut plan = build(*product, &mut dice);
            plan.id = id;
            plan.code = format!("{code}-{zone_code}");
            plan.display_name = format!("{title} {zone_name}");
            plan
        })
        .collect()
}

fn build(product: Product, dice: &mut Dice) -> Plan {
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
        metering: (tou || business).then(|| MeteringCharge {
            display_name: "Smart meter service",
            minimum: near(dice, 2_510),
            maximum: business.then_some(Decimal::new(1_250, 2)),
            period: "P1D",
        }),
        electricity: (fuel != FuelType::Gas).then(|| electricity(product, &rating)),
        gas: (fuel != FuelType::Electricity).then(|| gas(&rating)),
        rating,
    }
}

fn electricity(product: Product, rating: &Rating) -> Contract {
    let pricing_model = match (rating.usage, rating.controlled.is_some()) {
        (RatingModel::Flat(_), false) => PricingModel::SingleRate,
        (RatingModel::Flat(_), true) => PricingModel::SingleRateControlledLoad,
        (RatingModel::TimeOfUse { .. }, false) => PricingModel::TimeOfUse,
        (RatingModel::TimeOfUse { .. }, true) => PricingModel::TimeOfUseControlledLoad,
    };
    let mut periods = match rating.usage {
        RatingModel::Flat(price) => vec![flat_period(price, rating.supply)],
        RatingModel::TimeOfUse { peak, off_peak, shoulder } => vec![
            tou_period("Summer", "10-01", "03-31", rating.supply, [peak, off_peak, shoulder]),
            tou_period("Winter", "04-01", "09-30", rating.supply, [peak, off_peak, shoulder]),
        ],
    };
    periods.extend(rating.demand.map(demand_period));
    let business = product == Product::Business;
    Contract {
        pricing_model,
        local_time: matches!(rating.usage, RatingModel::TimeOfUse { .. }),
        is_fixed: business,
        variation: (!business).then_some("Prices may change once a year, with notice"),
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
        periods,
        controlled_load: rating.controlled.map(|price| ControlledLoad {
            display_name: "Hot water",
            daily_supply: Some(Decimal::new(5_060, 5)),
            rates: vec![kwh(price)],
        }),
        discounts: discounts(product),
        fees: fees(business),
        feed_ins: rating.feed_in.map(|price| feed_ins(product, price)).unwrap_or_default(),
    }
}

fn gas(rating: &Rating) -> Contract {
    let steps = vec![
        Rate { unit_price: rating.gas, unit: Unit::Kwh, volume: Some(1_390) },
        Rate { unit_price: Decimal::new(rating.gas.units() * 8 / 10, 5), unit: Unit::Kwh, volume: None },
    ];
    Contract {
        pricing_model: PricingModel::SingleRate,
        local_time: false,
        is_fixed: false,
        variation: Some("Prices may change once a year, with notice"),
        on_expiry: None,
        payment_options: vec![PaymentOption::DirectDebit, PaymentOption::Bpay, PaymentOption::Other],
        green_share: None,
        periods: vec![TariffPeriod {
            kind: ChargeType::Regulated,
            display_name: "All year",
            from: "01-01",
            until: "12-31",
            daily_supply: Some(rating.gas_supply),
            prices: Prices::Single { display_name: "Gas usage", rates: steps },
        }],
        controlled_load: None,
        discounts: vec![],
        fees: fees(false),
        feed_ins: vec![],
    }
}

fn kwh(unit_price: Decimal) -> Rate {
    Rate { unit_price, unit: Unit::Kwh, volume: None }
}

fn flat_period(price: Decimal, supply: Decimal) -> TariffPeriod {
    let rates = vec![
        Rate { unit_price: price, unit: Unit::Kwh, volume: Some(1_020) },
        Rate { unit_price: Decimal::new(price.units() + 1_975, 5), unit: Unit::Kwh, volume: None },
    ];
    TariffPeriod {
        kind: ChargeType::RetailService,
        display_name: "All year",
        from: "01-01",
        until: "12-31",
        daily_supply: Some(supply),
        prices: Prices::Single { display_name: "Anytime usage", rates },
    }
}

fn tou_period(
    display_name: &'static str,
    from: &'static str,
    until: &'static str,
    supply: Decimal,
    [peak, off_peak, shoulder]: [Decimal; 3],
) -> TariffPeriod {
    let window = |days, from, until| Window { days, from, until };
    let price = |period, display_name, price, windows| TouPrice {
        period,
        display_name,
        rates: vec![kwh(price)],
        windows,
    };
    let prices = vec![
        price(TouPeriod::Peak, "Peak", peak, vec![window(WEEKDAYS, "15:00:00", "20:59:59")]),
        price(
            TouPeriod::OffPeak,
            "Off-peak",
            off_peak,
            vec![window(EVERY_DAY, "00:00:00", "06:59:59"), window(EVERY_DAY, "22:00:00", "23:59:59")],
        ),
        price(
            TouPeriod::Shoulder,
            "Shoulder",
            shoulder,
            vec![
                window(EVERY_DAY, "07:00:00", "14:59:59"),
                window(WEEKEND, "15:00:00", "20:59:59"),
                window(EVERY_DAY, "21:00:00", "21:59:59"),
            ],
        ),
    ];
    TariffPeriod {
        kind: ChargeType::RetailService,
        display_name,
        from,
        until,
        daily_supply: Some(supply),
        prices: Prices::TimeOfUse(prices),
    }
}

fn demand_period(price: Decimal) -> TariffPeriod {
    let charge = DemandCharge {
        display_name: "Evening demand",
        amount: price,
        unit: Unit::Kw,
        window: Window { days: WEEKDAYS, from: "15:00:00", until: "20:59:59" },
        minimum: Some(Decimal::new(150, 2)),
        maximum: Some(Decimal::new(12_000, 2)),
        measured_over: DemandPeriod::Month,
        charged_over: DemandPeriod::Day,
    };
    TariffPeriod {
        kind: ChargeType::Network,
        display_name: "Demand",
        from: "01-01",
        until: "12-31",
        daily_supply: None,
        prices: Prices::Demand(vec![charge]),
    }
}

fn discounts(product: Product) -> Vec<Discount> {
    let pay_on_time = Discount {
        display_name: "Pay on time",
        description: Some("When the bill is paid by its due date"),
        kind: DiscountType::Conditional,
        category: Some(DiscountCategory::PayOnTime),
        method: DiscountMethod::PercentOfBill(Decimal::new(3, 2)),
    };
    let direct_debit = Discount {
        display_name: "Direct debit",
        description: None,
        kind: DiscountType::Conditional,
        category: Some(DiscountCategory::DirectDebit),
        method: DiscountMethod::FixedAmount(Decimal::new(250, 2)),
    };
    let guaranteed = Discount {
        display_name: "Usage discount",
        description: Some("Off usage charges, always"),
        kind: DiscountType::Guaranteed,
        category: Some(DiscountCategory::GuaranteedDiscount),
        method: DiscountMethod::PercentOfUse(Decimal::new(55, 3)),
    };
    let volume = Discount {
        display_name: "Volume discount",
        description: None,
        kind: DiscountType::Other,
        category: None,
        method: DiscountMethod::PercentOverThreshold {
            rate: Decimal::new(125, 3),
            usage: Decimal::new(500_000, 2),
        },
    };
    match product {
        Product::TimeOfUse | Product::TouControlled => vec![guaranteed],
        Product::Business => vec![volume, pay_on_time],
        Product::Flat | Product::Dual => vec![pay_on_time, direct_debit],
        _ => vec![],
    }
}

fn fees(business: bool) -> Vec<Fee> {
    let fee = |kind, term, units, scale, description| Fee {
        kind,
        term,
        value: Decimal::new(units, scale),
        description,
    };
    let mut fees = vec![
        fee(FeeType::LatePayment, FeeTerm::Fixed, 1_200, 2, Some("For each reminder")),
        fee(FeeType::CreditCardProcessing, FeeTerm::PercentOfBill, 72, 4, None),
        fee(FeeType::Disconnection, FeeTerm::Fixed, 5_835, 2, None),
    ];
    if business {
        fees.push(fee(FeeType::Exit, FeeTerm::OneYear, 15_000, 2, Some("When left within the first year")));
    } else {
        fees.push(fee(FeeType::PaperBill, FeeTerm::Monthly, 175, 2, None));
    }
    fees
}

fn feed_ins(product: Product, price: Decimal) -> Vec<FeedIn> {
    let retailer =
        |scheme, display_name, tariff| FeedIn { display_name, scheme, payer: FeedInPayer::Retailer, tariff };
    if product == Product::SolarFlat {
        let premium = FeedIn {
            display_name: "Legacy premium feed-in",
            scheme: FeedInScheme::Premium,
            payer: FeedInPayer::Government,
            tariff: FeedInTariff::Single(kwh(Decimal::new(60_000, 5))),
        };
        return vec![retailer(FeedInScheme::Current, "Feed-in", FeedInTariff::Single(kwh(price))), premium];
    }
    let part = |period, display_name, units, window| FeedInPrice {
        period,
        display_name,
        rate: kwh(Decimal::new(units, 5)),
        window,
    };
    let parts = vec![
        part(
            TouPeriod::Peak,
            "Evening",
            price.units() * 2,
            Window { days: EVERY_DAY, from: "16:00:00", until: "20:59:59" },
        ),
        part(
            TouPeriod::Shoulder,
            "Day",
            price.units() / 2,
            Window { days: EVERY_DAY, from: "10:00:00", until: "15:59:59" },
        ),
        part(
            TouPeriod::OffPeak,
            "Night",
            price.units(),
            Window { days: EVERY_DAY, from: "00:00:00", until: "09:59:59" },
        ),
    ];
    vec![retailer(FeedInScheme::Variable, "Time-varying feed-in", FeedInTariff::Varying(parts))]
}

const WEEKDAYS: &[Day] = &[Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri];
const WEEKEND: &[Day] = &[Day::Sat, Day::Sun, Day::PublicHolidays];
const EVERY_DAY: &[Day] = Day::ALL;
