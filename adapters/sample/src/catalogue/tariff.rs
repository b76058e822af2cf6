//! What energy costs over the year.

use super::{Product, kwh, stepped};
use crate::code::{ChargeType, Day, DemandPeriod, PricingModel, TimeZone, TouPeriod, Unit};
use crate::decimal::Decimal;
use crate::plan::{DemandCharge, Prices, Rate, Rating, RatingModel, TariffPeriod, TouPrice, Window};

pub(super) const WEEKDAYS: &[Day] = &[Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri];
pub(super) const WEEKEND: &[Day] = &[Day::Sat, Day::Sun, Day::PublicHolidays];
pub(super) const EVERY_DAY: &[Day] = Day::ALL;

/// The tariff periods of an electricity contract.
pub(super) fn periods(product: Product, model: PricingModel, rating: &Rating) -> Vec<TariffPeriod> {
    let mut periods = match rating.usage {
        RatingModel::Flat(price) => vec![flat_period(product, model, price, rating.supply)],
        RatingModel::TimeOfUse { peak, off_peak, shoulder } => {
            let prices = [peak, off_peak, shoulder];
            vec![
                tou_period(product, ("Summer", "10-01", "03-31"), rating.supply, prices),
                tou_period(product, ("Winter", "04-01", "09-30"), rating.supply, prices),
            ]
        }
    };
    periods.extend(rating.demand.map(|price| demand_period(product, price)));
    periods
}

/// The shoulder of business contracts, which has a name of its own in either half of the year.
pub(crate) fn business_shoulder(winter: bool) -> TouPeriod {
    if winter { TouPeriod::Shoulder2 } else { TouPeriod::Shoulder1 }
}

/// As what the charges of a product's tariff are filed.
fn kind(product: Product) -> ChargeType {
    match product {
        Product::TimeOfUse => ChargeType::Network,
        Product::FlatControlled => ChargeType::Regulated,
        Product::TouControlled => ChargeType::Metering,
        Product::SolarFlat => ChargeType::Rcti,
        Product::SolarTou => ChargeType::Other,
        _ => ChargeType::RetailService,
    }
}

/// A period with nothing in it that not every period has.
fn period(kind: ChargeType, (display_name, from, until): Season, prices: Prices) -> TariffPeriod {
    TariffPeriod {
        kind,
        display_name,
        from,
        until,
        daily_supply: None,
        supply_bands: vec![],
        time_zone: None,
        prices,
    }
}

/// A part of the year: its title, its first and its last day.
type Season = (&'static str, &'static str, &'static str);

const ALL_YEAR: Season = ("All year", "01-01", "12-31");

pub(super) fn gas_period(product: Product, rating: &Rating) -> TariffPeriod {
    let prices = Prices::Single {
        display_name: "Gas usage",
        description: Some("Counted in kilowatt-hours, whatever the meter counts"),
        general: None,
        rates: stepped(rating.gas, Unit::Kwh, 1_390, 80),
        every: Some("P1M"),
    };
    let mut period = period(ChargeType::Regulated, ALL_YEAR, prices);
    if product == Product::Gas {
        period.supply_bands = vec![
            Rate { unit_price: rating.gas_supply, unit: Unit::Meter, volume: Some(1) },
            Rate { unit_price: Decimal::new(120_500, 5), unit: Unit::Month, volume: None },
        ];
    } else {
        period.daily_supply = Some(rating.gas_supply);
    }
    period
}

fn flat_period(product: Product, model: PricingModel, price: Decimal, supply: Decimal) -> TariffPeriod {
    let rates = vec![
        Rate { unit_price: price, unit: Unit::Kwh, volume: Some(1_020) },
        Rate { unit_price: Decimal::new(price.units() + 1_975, 5), unit: Unit::Kwh, volume: None },
    ];
    let has_quota = model == PricingModel::Quota;
    let prices = Prices::Single {
        display_name: "Anytime usage",
        description: has_quota.then_some("What is used beyond the quota costs more"),
        general: has_quota.then(|| Decimal::new(price.units() * 11 / 10, 5)),
        rates,
        every: (product == Product::Flat).then_some("P3M"),
    };
    let mut period = period(kind(product), ALL_YEAR, prices);
    if product == Product::Dual {
        period.supply_bands = stepped(supply, Unit::Days, 30, 90);
    } else {
        period.daily_supply = Some(supply);
    }
    period
}

fn tou_period(product: Product, season: Season, supply: Decimal, prices: [Decimal; 3]) -> TariffPeriod {
    let [peak, off_peak, shoulder] = prices;
    let business = product == Product::Business;
    let window = |days, from, until| Window { days, from, until };
    let price = |period, display_name, price, windows| TouPrice {
        period,
        display_name,
        description: None,
        rates: vec![kwh(price)],
        every: None,
        windows,
    };
    let mut first = price(TouPeriod::Peak, "Peak", peak, vec![window(WEEKDAYS, "15:00:00", "20:59:59")]);
    if business {
        first.rates = stepped(peak, Unit::Kwh, 12_000, 85);
        first.every = Some("P1M");
        first.description = Some("Cheaper from the thirteenth megawatt-hour on");
    }
    let between = if business { business_shoulder(season.0 == "Winter") } else { TouPeriod::Shoulder };
    let prices = vec![
        first,
        price(
            TouPeriod::OffPeak,
            "Off-peak",
            off_peak,
            vec![window(EVERY_DAY, "00:00:00", "06:59:59"), window(EVERY_DAY, "22:00:00", "23:59:59")],
        ),
        price(
            between,
            "Shoulder",
            shoulder,
            vec![
                window(EVERY_DAY, "07:00:00", "14:59:59"),
                window(WEEKEND, "15:00:00", "20:59:59"),
                window(EVERY_DAY, "21:00:00", "21:59:59"),
            ],
        ),
    ];
    let mut period = period(kind(product), season, Prices::TimeOfUse(prices));
    period.daily_supply = Some(supply);
    period
}

fn demand_period(product: Product, price: Decimal) -> TariffPeriod {
    let business = product == Product::Business;
    let evening = DemandCharge {
        display_name: "Evening demand",
        description: None,
        amount: price,
        unit: if business { Unit::Kva } else { Unit::Kw },
        window: Window { days: WEEKDAYS, from: "15:00:00", until: "20:59:59" },
        minimum: Some(Decimal::new(150, 2)),
        maximum: Some(Decimal::new(12_000, 2)),
        measured_over: DemandPeriod::Month,
        charged_over: DemandPeriod::Day,
    };
    let reactive = |display_name, unit, measured_over, charged_over| DemandCharge {
        display_name,
        description: Some("Where the power factor is below 0.9"),
        amount: Decimal::new(price.units() / 10, 5),
        unit,
        window: Window { days: EVERY_DAY, from: "00:00:00", until: "23:59:59" },
        minimum: None,
        maximum: None,
        measured_over,
        charged_over,
    };
    let charges = if business {
        vec![
            evening,
            reactive("Reactive demand", Unit::Kvar, DemandPeriod::Day, DemandPeriod::Month),
            reactive("Reactive energy", Unit::Kvarh, DemandPeriod::TariffPeriod, DemandPeriod::TariffPeriod),
        ]
    } else {
        vec![evening]
    };
    let mut period = period(ChargeType::Network, ("Demand", "01-01", "12-31"), Prices::Demand(charges));
    period.time_zone = Some(if business { TimeZone::Aest } else { TimeZone::Local });
    period
}
