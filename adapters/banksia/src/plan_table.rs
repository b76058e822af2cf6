//! How plans become rows of Banksia's offers, tariffs, prices and extras.

use wattle_sample::{
    Contract, DemandCharge, DemandPeriod, Discount, DiscountMethod, Fee, FeeTerm, FeedIn, FeedInPayer,
    FeedInTariff, Fuel, FuelType, Plan, Prices, Rate, Row, Table, TouPeriod, Window, World, tables,
};

use crate::table::{class, json_list};

tables! {
    OFFER = "prd_offer", 1 of [
        "offer_code", "title", "fuels", "meter_title", "meter_least", "meter_most", "meter_every", "elec_model",
        "elec_local_time", "elec_fixed", "elec_variation", "elec_on_expiry", "elec_pay_by", "elec_green_share",
        "gas_model", "gas_fixed", "gas_variation", "gas_on_expiry", "gas_pay_by"
    ], Update;
    TARIFF = "prd_tariff", 3 of [
        "offer_code", "fuel", "tariff_no", "section", "title", "priced_by", "class", "first_mmdd", "last_mmdd",
        "supply", "scheme", "paid_by"
    ], Update;
    PRICE = "prd_price", 5 of [
        "offer_code", "fuel", "tariff_no", "block_no", "step_no", "title", "time_of_use", "price", "unit", "up_to",
        "hours", "least_kw", "most_kw", "measured", "charged"
    ], Update;
    EXTRA = "prd_extra", 4 of [
        "offer_code", "fuel", "sort", "place", "kind", "term", "title", "remark", "reason", "basis", "value",
        "threshold"
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
#[derive(Clone, Copy, Default)]
struct Block<'p> {
    title: Option<&'p str>,
    time_of_use: Option<TouPeriod>,
    hours: &'p [Window],
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
            row.opt(electricity.map(|contract| u8::from(contract.local_time)));
            terms(row, electricity);
            row.opt(electricity.and_then(|contract| contract.green_share));
            row.opt(gas.map(|contract| contract.pricing_model.cds()));
            terms(row, gas);
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
    }

    fn seasons(&mut self, of: OfContract<'_>) {
        for (index, period) in of.contract.periods.iter().enumerate() {
            let tariff = index + 1;
            let priced_by = match &period.prices {
                Prices::Single { .. } => "flat",
                Prices::TimeOfUse(_) => "time",
                Prices::Demand(_) => "demand",
            };
            self.tariffs.line(|row| {
                of.key(row).put(tariff).put("season").put(period.display_name).put(priced_by);
                row.put(class(period.kind)).put(period.from).put(period.until);
                row.opt(period.daily_supply).opt(NONE).opt(NONE);
            });
            match &period.prices {
                Prices::Single { display_name, rates } => {
                    self.steps(
                        of,
                        (tariff, 1),
                        Block { title: Some(display_name), ..Block::default() },
                        rates,
                    );
                }
                Prices::TimeOfUse(prices) => {
                    for (block, price) in prices.iter().enumerate() {
                        let what = Block {
                            title: Some(price.display_name),
                            time_of_use: Some(price.period),
                            hours: &price.windows,
                            demand: None,
                        };
                        self.steps(of, (tariff, block + 1), what, &price.rates);
                    }
                }
                Prices::Demand(charges) => {
                    for (block, charge) in charges.iter().enumerate() {
                        let rate = Rate { unit_price: charge.amount, unit: charge.unit, volume: None };
                        let what = Block {
                            title: Some(charge.display_name),
                            hours: std::slice::from_ref(&charge.window),
                            demand: Some(charge),
                            ..Block::default()
                        };
                        self.steps(of, (tariff, block + 1), what, &[rate]);
                    }
                }
            }
        }
    }

    fn controlled_load(&mut self, of: OfContract<'_>) {
        let Some(load) = &of.contract.controlled_load else { return };
        self.tariffs.line(|row| {
            of.key(row).put(CONTROLLED_LOAD).put("controlled").put(load.display_name).put("flat");
            row.opt(NONE).opt(NONE).opt(NONE).opt(load.daily_supply).opt(NONE).opt(NONE);
        });
        let what = Block { title: Some(load.display_name), ..Block::default() };
        self.steps(of, (CONTROLLED_LOAD, 1), what, &load.rates);
    }

    fn feed_in(&mut self, of: OfContract<'_>, tariff: usize, feed_in: &FeedIn) {
        let priced_by = if matches!(feed_in.tariff, FeedInTariff::Single(_)) { "flat" } else { "time" };
        self.tariffs.line(|row| {
            of.key(row).put(tariff).put("feed-in").put(feed_in.display_name).put(priced_by);
            row.opt(NONE).opt(NONE).opt(NONE).opt(NONE).put(feed_in.scheme.cds());
            row.put(match feed_in.payer {
                FeedInPayer::Government => "state",
                FeedInPayer::Retailer => "us",
            });
        });
        match &feed_in.tariff {
            FeedInTariff::Single(rate) => {
                self.steps(of, (tariff, 1), Block::default(), std::slice::from_ref(rate));
            }
            FeedInTariff::Varying(prices) => {
                for (block, price) in prices.iter().enumerate() {
                    let what = Block {
                        title: Some(price.display_name),
                        time_of_use: Some(price.period),
                        hours: std::slice::from_ref(&price.window),
                        demand: None,
                    };
                    self.steps(of, (tariff, block + 1), what, std::slice::from_ref(&price.rate));
                }
            }
        }
    }

    /// A row for each step of a price.
    fn steps(
        &mut self,
        of: OfContract<'_>,
        (tariff, block): (usize, usize),
        what: Block<'_>,
        rates: &[Rate],
    ) {
        let Block { title, time_of_use, hours, demand } = what;
        for (step, rate) in rates.iter().enumerate() {
            self.prices.line(|row| {
                of.key(row)
                    .put(tariff)
                    .put(block)
                    .put(step + 1)
                    .opt(title)
                    .opt(time_of_use.map(TouPeriod::cds));
                row.put(rate.unit_price).put(rate.unit.cds()).opt(rate.volume);
                row.opt((!hours.is_empty()).then(|| hours_json(hours)));
                row.opt(demand.and_then(|charge| charge.minimum));
                row.opt(demand.and_then(|charge| charge.maximum));
                row.opt(demand.map(|charge| per(charge.measured_over)));
                row.opt(demand.map(|charge| per(charge.charged_over)));
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

/// Windows as the standard writes them.
fn hours_json(windows: &[Window]) -> String {
    let one = |window: &Window| {
        let days = json_list(&window.days.iter().map(|day| day.cds()).collect::<Vec<_>>());
        let (from, until) = (window.from, window.until);
        format!(r#"{{"days":{days},"startTime":"{from}","endTime":"{until}"}}"#)
    };
    format!("[{}]", windows.iter().map(one).collect::<Vec<_>>().join(","))
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
}

fn write_fee(row: &mut Row, fee: &Fee) {
    let basis = if fee.term == FeeTerm::PercentOfBill { "bill" } else { "amount" };
    row.put(fee.kind.cds()).put(fee.term.cds()).opt(NONE).opt(fee.description).opt(NONE);
    row.put(basis).put(fee.value).opt(NONE);
}

fn per(period: DemandPeriod) -> &'static str {
    match period {
        DemandPeriod::Day => "day",
        DemandPeriod::Month => "month",
        DemandPeriod::TariffPeriod => "season",
    }
}
