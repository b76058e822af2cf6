//! What controlled loads cost, and what is paid for energy fed in.

use super::tariff::{EVERY_DAY, WEEKEND};
use super::{Product, kwh, stepped};
use crate::code::{FeedInPayer, FeedInScheme, LoadPeriod, TouPeriod, Unit};
use crate::decimal::Decimal;
use crate::plan::{
    ControlledLoad, FeedIn, FeedInPrice, FeedInTariff, LoadPrice, LoadTimes, LoadWindow, Rate, Window,
};

pub(super) fn controlled_load(product: Product, price: Decimal) -> ControlledLoad {
    let daily_supply = Some(Decimal::new(5_060, 5));
    if product == Product::TouControlled {
        return ControlledLoad {
            display_name: "Hot water and pool pump",
            from: Some("2024-07-01"),
            until: Some("2029-06-30"),
            daily_supply,
            prices: load_prices(price),
        };
    }
    let single = LoadPrice {
        display_name: "Hot water",
        description: Some("Switched by the network, for at least eight hours a day"),
        rates: stepped(price, Unit::Kwh, 600, 110),
        every: Some("P3M"),
        times: None,
    };
    ControlledLoad { display_name: "Hot water", from: None, until: None, daily_supply, prices: vec![single] }
}

fn load_prices(price: Decimal) -> Vec<LoadPrice> {
    let at = |percent| Decimal::new(price.units() * percent / 100, 5);
    let part = |period, display_name, percent, windows| LoadPrice {
        display_name,
        description: None,
        rates: vec![kwh(at(percent))],
        every: None,
        times: Some(LoadTimes { period, windows }),
    };
    let hours = |days, from, until| LoadWindow {
        days: Some(days),
        hours: Some((from, until)),
        ..LoadWindow::default()
    };
    let mut night = part(LoadPeriod::OffPeak, "Night", 70, vec![hours(EVERY_DAY, "22:00:00", "06:59:59")]);
    night.description = Some("For storage heaters too");
    night.rates = stepped(at(70), Unit::Kwh, 900, 120);
    night.every = Some("P3M");
    let network_times = LoadWindow {
        information: Some("As the network switches it"),
        link: Some("https://network.example/controlled-load?times=today"),
        ..LoadWindow::default()
    };
    vec![
        part(LoadPeriod::Peak, "Evening", 150, vec![hours(EVERY_DAY, "17:00:00", "21:59:59")]),
        night,
        part(LoadPeriod::Shoulder, "Weekend", 100, vec![hours(WEEKEND, "07:00:00", "09:59:59")]),
        part(LoadPeriod::SolarSponge, "Sunny hours", 40, vec![network_times]),
    ]
}

pub(super) fn feed_ins(product: Product, price: Decimal) -> Vec<FeedIn> {
    if product == Product::SolarFlat { single_feed_ins(price) } else { varying_feed_ins(price) }
}

fn single_feed_ins(price: Decimal) -> Vec<FeedIn> {
    let current = FeedIn {
        display_name: "Feed-in",
        description: None,
        from: None,
        until: None,
        scheme: FeedInScheme::Current,
        payer: FeedInPayer::Retailer,
        tariff: FeedInTariff::Single { rates: stepped(price, Unit::Kwh, 14, 60), every: Some("P1D") },
    };
    let premium = FeedIn {
        display_name: "Legacy premium feed-in",
        description: Some("For systems connected before 2012"),
        from: Some("2009-11-01"),
        until: Some("2027-06-30"),
        scheme: FeedInScheme::Premium,
        payer: FeedInPayer::Government,
        tariff: FeedInTariff::Single { rates: vec![kwh(Decimal::new(60_000, 5))], every: None },
    };
    vec![current, premium]
}

fn varying_feed_ins(price: Decimal) -> Vec<FeedIn> {
    let part = |period, display_name, units, from, until| FeedInPrice {
        period,
        display_name,
        rate: kwh(Decimal::new(units, 5)),
        every: None,
        window: Window { days: EVERY_DAY, from, until },
    };
    let mut evening = part(TouPeriod::Peak, "Evening", price.units() * 2, "16:00:00", "20:59:59");
    evening.rate.volume = Some(1_500);
    evening.every = Some("P3M");
    let parts = vec![
        evening,
        part(TouPeriod::Shoulder, "Day", price.units() / 2, "10:00:00", "15:59:59"),
        part(TouPeriod::OffPeak, "Night", price.units(), "00:00:00", "09:59:59"),
    ];
    let retailer = |scheme, display_name, tariff| FeedIn {
        display_name,
        description: None,
        from: None,
        until: None,
        scheme,
        payer: FeedInPayer::Retailer,
        tariff,
    };
    let battery = Rate { unit_price: Decimal::new(2_000, 5), unit: Unit::Kwh, volume: None };
    vec![
        retailer(FeedInScheme::Variable, "Time-varying feed-in", FeedInTariff::Varying(parts)),
        retailer(
            FeedInScheme::Other,
            "Battery bonus",
            FeedInTariff::Single { rates: vec![battery], every: None },
        ),
    ]
}
