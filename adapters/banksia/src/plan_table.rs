//! How plans become rows of Banksia's offers, tariffs, prices and extras.

use std::fmt::Display;

use serde_json::Value;
use wattle_sample::{
    Contract, DemandCharge, DemandPeriod, Discount, DiscountMethod, Fee, FeeTerm, FeedIn, FeedInPayer,
    FeedInTariff, Fuel, FuelType, Plan, Prices, Rate, Row, Table, TimeZone, World, published, tables,
};

use crate::table::{class, json_list};

tables! {
    OFFER = "prd_offer", 1 of [
        "offer_code", "title", "fuels", "meter_title", "meter_least", "meter_most", "meter_every", "elec_model",
        "elec_local_time", "elec_fixed", "elec_variation", "elec_on_expiry", "elec_pay_by", "elec_green_share",
        "gas_model", "gas_fixed", "gas_variation", "gas_on_expiry", "gas_pay_by", "contingent",
        "meter_remark", "elec_fee_remark", "gas_fee_remark"
    ], Update;
    TARIFF = "prd_tariff", 3 of [
        "offer_code", "fuel", "tariff_no", "section", "title", "priced_by", "class", "first_mmdd", "last_mmdd",
        "supply", "scheme", "paid_by", "remark", "starts_on", "ends_on", "bands", "local_time", "general"
    ], Update;
    PRICE = "prd_price", 5 of [
        "offer_code", "fuel", "tariff_no", "block_no", "step_no", "title", "time_of_use", "price", "unit", "up_to",
        "hours", "least_kw", "most_kw", "measured", "charged", "remark", "every"
    ], Update;
    EXTRA = "prd_extra", 4 of [
        "offer_code", "fuel", "sort", "place", "kind", "term", "title", "remark", "reason", "basis", "value",
        "threshold", "ends_on", "info"
    ], Update;
}

/// Controlled loads and feed-in tariffs are numbered after any season.
const CONTROLLED_LOAD: usize = 50;
const FIRST_FEED_IN: usize = 60;

/// All rows of all plans, as tuples for each table.
pub(crate) fn all(world: &World) -> [(Table, String); 4] {
    let tuples = Row::tuples;
    let mut rows = PlanRows { offers: tuples(), tariffs: tuples(), prices: tuples(), extras: tuples() };
    for plan in world.plans() {
        rows.plan(plan);
    }
    let PlanRows { mut offers, mut tariffs, mut prices, mut extras } = rows;
    [(OFFER, offers.take()), (TARIFF, tariffs.take()), (PRICE, prices.take()), (EXTRA, extras.take())]
}

struct PlanRows {
    offers: Row,
    tariffs: Row,
    prices: Row,
    extras: Row,
}

/// A plan's contract for one fuel.
#[derive(Clone, Copy)]
struct OfContract<'p> {
    plan: &'p Plan,
    fuel: Fuel,
    contract: &'p Contract,
}

/// What a price is for, as it is repeated on each of its steps.
#[derive(Default)]
struct Block<'p> {
    title: Option<&'p str>,
    remark: Option<&'p str>,
    every: Option<&'p str>,
    time_of_use: Option<&'p str>,
    hours: Option<Value>,
    demand: Option<&'p DemandCharge>,
}

impl PlanRows {
    fn plan(&mut self, plan: &Plan) {
        let (metering, electricity, gas) =
            (plan.metering.as_ref(), plan.electricity.as_ref(), plan.gas.as_ref());
        self.offers.line(|row| {
            row.put(&plan.code).put(&plan.display_name);
            row.put(match plan.fuel {
                FuelType::Electricity => "E",
                FuelType::Gas => "G",
                FuelType::Dual => "EG",
            });
            row.opt(metering.map(|charge| charge.display_name)).opt(metering.map(|charge| charge.minimum));
            row.opt(metering.and_then(|charge| charge.maximum)).opt(metering.map(|charge| charge.period));
            row.opt(electricity.map(|contract| contract.pricing_model.cds()));
            row.opt(electricity.and_then(|contract| local_time(contract.time_zone)));
            terms(row, electricity);
            row.opt(electricity.and_then(|contract| contract.green_share));
            row.opt(gas.map(|contract| contract.pricing_model.cds()));
            terms(row, gas);
            row.opt(plan.contingent.map(u8::from));
            row.opt(metering.and_then(|charge| charge.description));
            row.opt(electricity.and_then(|contract| contract.fee_information));
            row.opt(gas.and_then(|contract| contract.fee_information));
        });
        let contracts = [(Fuel::Electricity, electricity), (Fuel::Gas, gas)];
        for (fuel, contract) in contracts {
            contract.into_iter().for_each(|contract| self.contract(OfContract { plan, fuel, contract }));
        }
    }

    fn contract(&mut self, of: OfContract<'_>) {
        self.seasons(of);
        self.controlled_load(of);
        for (index, feed_in) in of.contract.feed_ins.iter().enumerate() {
            self.feed_in(of, FIRST_FEED_IN + index, feed_in);
        }
        for (index, discount) in of.contract.discounts.iter().enumerate() {
            self.extras.line(|row| write_discount(of.key(row).put("discount").put(index + 1), discount));
        }
        for (index, fee) in of.contract.fees.iter().enumerate() {
            self.extras.line(|row| write_fee(of.key(row).put("fee").put(index + 1), fee));
        }
        self.offered(of);
    }

    /// What is given, what green power costs, and who may have it.
    fn offered(&mut self, of: OfContract<'_>) {
        for (index, gift) in of.contract.incentives.iter().enumerate() {
            let titles = (gift.category.cds(), gift.display_name, Some(gift.description));
            self.extras.line(|row| {
                write_offered(of.key(row).put("gift").put(index + 1), titles, None, gift.eligibility);
            });
        }
        for (index, green) in of.contract.green_charges.iter().enumerate() {
            let titles = (green.charge.cds(), green.display_name, green.description);
            self.extras.line(|row| {
                let row = of.key(row).put("green").put(index + 1);
                write_offered(row, titles, Some(green.scheme.cds()), Some(published::tiers(green)));
            });
        }
        for (index, who) in of.contract.eligibility.iter().enumerate() {
            let titles = (who.restriction.cds(), who.information, who.description);
            self.extras.line(|row| write_offered(of.key(row).put("who").put(index + 1), titles, None, NONE));
        }
    }

    fn seasons(&mut self, of: OfContract<'_>) {
        for (index, period) in of.contract.periods.iter().enumerate() {
            let tariff = index + 1;
            let priced_by = match &period.prices {
                Prices::Single { .. } => "flat",
                Prices::TimeOfUse(_) => "time",
                Prices::Demand(_) => "demand",
            };
            let general = match &period.prices {
                Prices::Single { general, .. } => *general,
                Prices::TimeOfUse(_) | Prices::Demand(_) => None,
            };
            self.tariffs.line(|row| {
                of.key(row).put(tariff).put("season").put(period.display_name).put(priced_by);
                row.put(class(period.kind)).put(period.from).put(period.until);
                row.opt(period.daily_supply).opt(NONE).opt(NONE).opt(NONE).opt(NONE).opt(NONE);
                row.opt(published::unless_empty(published::rates(&period.supply_bands)));
                row.opt(local_time(period.time_zone)).opt(general);
            });
            self.prices(of, tariff, &period.prices);
        }
    }

    fn prices(&mut self, of: OfContract<'_>, tariff: usize, prices: &Prices) {
        match prices {
            Prices::Single { display_name, description, rates, every, .. } => {
                let what = Block {
                    title: Some(display_name),
                    remark: *description,
                    every: *every,
                    ..Block::default()
                };
                self.steps(of, (tariff, 1), &what, rates);
            }
            Prices::TimeOfUse(prices) => {
                for (block, price) in prices.iter().enumerate() {
                    let what = Block {
                        title: Some(price.display_name),
                        remark: price.description,
                        every: price.every,
                        time_of_use: Some(price.period.cds()),
                        hours: Some(published::windows(&price.windows)),
                        demand: None,
                    };
                    self.steps(of, (tariff, block + 1), &what, &price.rates);
                }
            }
            Prices::Demand(charges) => {
                for (block, charge) in charges.iter().enumerate() {
                    let rate = Rate { unit_price: charge.amount, unit: charge.unit, volume: None };
                    let what = Block {
                        title: Some(charge.display_name),
                        remark: charge.description,
                        hours: Some(published::windows(std::slice::from_ref(&charge.window))),
                        demand: Some(charge),
                        ..Block::default()
                    };
                    self.steps(of, (tariff, block + 1), &what, &[rate]);
                }
            }
        }
    }

    fn controlled_load(&mut self, of: OfContract<'_>) {
        let Some(load) = &of.contract.controlled_load else { return };
        let single = load.prices.iter().all(|price| price.times.is_none());
        self.tariffs.line(|row| {
            of.key(row).put(CONTROLLED_LOAD).put("controlled").put(load.display_name);
            row.put(if single { "flat" } else { "time" }).opt(NONE).opt(NONE).opt(NONE);
            row.opt(load.daily_supply).opt(NONE).opt(NONE).opt(NONE).opt(load.from).opt(load.until);
            row.opt(NONE).opt(NONE).opt(NONE);
        });
        for (block, price) in load.prices.iter().enumerate() {
            let what = Block {
                title: Some(price.display_name),
                remark: price.description,
                every: price.every,
                time_of_use: price.times.as_ref().map(|times| times.period.cds()),
                hours: price.times.as_ref().map(|times| published::load_windows(&times.windows)),
                demand: None,
            };
            self.steps(of, (CONTROLLED_LOAD, block + 1), &what, &price.rates);
        }
    }

    fn feed_in(&mut self, of: OfContract<'_>, tariff: usize, feed_in: &FeedIn) {
        let priced_by = if matches!(feed_in.tariff, FeedInTariff::Single { .. }) { "flat" } else { "time" };
        self.tariffs.line(|row| {
            of.key(row).put(tariff).put("feed-in").put(feed_in.display_name).put(priced_by);
            row.opt(NONE).opt(NONE).opt(NONE).opt(NONE).put(feed_in.scheme.cds());
            row.put(match feed_in.payer {
                FeedInPayer::Government => "state",
                FeedInPayer::Retailer => "us",
            });
            row.opt(feed_in.description).opt(feed_in.from).opt(feed_in.until).opt(NONE).opt(NONE).opt(NONE);
        });
        match &feed_in.tariff {
            FeedInTariff::Single { rates, every } => {
                self.steps(of, (tariff, 1), &Block { every: *every, ..Block::default() }, rates);
            }
            FeedInTariff::Varying(prices) => {
                for (block, price) in prices.iter().enumerate() {
                    let what = Block {
                        title: Some(price.display_name),
                        every: price.every,
                        time_of_use: Some(price.period.cds()),
                        hours: Some(published::windows(std::slice::from_ref(&price.window))),
                        ..Block::default()
                    };
                    self.steps(of, (tariff, block + 1), &what, std::slice::from_ref(&price.rate));
                }
            }
        }
    }

    /// A row for each step of a price.
    fn steps(
        &mut self,
        of: OfContract<'_>,
        (tariff, block): (usize, usize),
        what: &Block<'_>,
        rates: &[Rate],
    ) {
        let Block { title, remark, every, time_of_use, hours, demand } = what;
        for (step, rate) in rates.iter().enumerate() {
            self.prices.line(|row| {
                of.key(row).put(tariff).put(block).put(step + 1).opt(*title).opt(*time_of_use);
                row.put(rate.unit_price).put(rate.unit.cds()).opt(rate.volume);
                row.opt(hours.as_ref());
                row.opt(demand.and_then(|charge| charge.minimum));
                row.opt(demand.and_then(|charge| charge.maximum));
                row.opt(demand.map(|charge| per(charge.measured_over)));
                row.opt(demand.map(|charge| per(charge.charged_over))).opt(*remark).opt(*every);
            });
        }
    }
}

impl OfContract<'_> {
    /// The first columns of whatever is of an offer and a fuel.
    fn key<'r>(&self, row: &'r mut Row) -> &'r mut Row {
        row.put(&self.plan.code).put(fuel(self.fuel))
    }
}

const NONE: Option<&str> = None;

fn local_time(zone: Option<TimeZone>) -> Option<u8> {
    zone.map(|zone| u8::from(zone == TimeZone::Local))
}

pub(crate) fn fuel(fuel: Fuel) -> char {
    match fuel {
        Fuel::Electricity => 'E',
        Fuel::Gas => 'G',
    }
}

fn terms(row: &mut Row, contract: Option<&Contract>) {
    row.opt(contract.map(|contract| u8::from(contract.is_fixed)));
    row.opt(contract.and_then(|contract| contract.variation));
    row.opt(contract.and_then(|contract| contract.on_expiry));
    row.opt(contract.map(|contract| {
        json_list(&contract.payment_options.iter().map(|option| option.cds()).collect::<Vec<_>>())
    }));
}

fn write_discount(row: &mut Row, discount: &Discount) {
    let (basis, value, threshold) = match discount.method {
        DiscountMethod::PercentOfBill(share) => ("bill", share, None),
        DiscountMethod::PercentOfUse(share) => ("use", share, None),
        DiscountMethod::FixedAmount(amount) => ("amount", amount, None),
        DiscountMethod::PercentOverThreshold { rate, usage } => ("over", rate, Some(usage)),
    };
    row.put(discount.kind.cds()).opt(NONE).put(discount.display_name).opt(discount.description);
    row.opt(discount.category.map(|category| category.cds())).put(basis).put(value).opt(threshold);
    row.opt(discount.until).opt(NONE);
}

fn write_fee(row: &mut Row, fee: &Fee) {
    let basis = if fee.term == FeeTerm::PercentOfBill { "bill" } else { "amount" };
    row.put(fee.kind.cds()).put(fee.term.cds()).opt(NONE).opt(fee.description).opt(NONE);
    row.put(basis).put(fee.value).opt(NONE).opt(NONE).opt(NONE);
}

/// An extra that costs or takes off nothing by itself: its kind, title and remark, its reason and what else there is.
fn write_offered(
    row: &mut Row,
    (kind, title, remark): (&str, &str, Option<&str>),
    reason: Option<&str>,
    info: Option<impl Display>,
) {
    row.put(kind).opt(NONE).put(title).opt(remark).opt(reason);
    row.opt(NONE).opt(NONE).opt(NONE).opt(NONE).opt(info);
}

fn per(period: DemandPeriod) -> &'static str {
    match period {
        DemandPeriod::Day => "day",
        DemandPeriod::Month => "month",
        DemandPeriod::TariffPeriod => "season",
    }
}
