//! How plans become rows of the schema `product`.

use wattle_sample::{
    Contract, Day, Decimal, DemandCharge, DemandPeriod, Discount, DiscountMethod, Fee, FeeTerm, FeedIn,
    FeedInPayer, FeedInTariff, Fuel, FuelType, LoadWindow, Plan, Prices, Rate, Row, Table, TimeZone, Window,
    World, published, tables,
};

use crate::table::{array, fuel};

/// A plan's contract for one fuel.
type OfContract<'p> = (&'p Plan, Fuel, &'p Contract);

tables! {
    PLAN = "product.plan", 1 of [
        "plan_code", "display_name", "fuel", "contingent", "metering_name", "metering_note", "metering_from",
        "metering_to", "metering_every"
    ], Update;
    CONTRACT = "product.contract", 2 of [
        "plan_code", "fuel", "pricing_model", "local_time", "is_fixed", "variation", "on_expiry",
        "payment_options", "green_share", "fee_note", "incentives", "green_charges", "eligibility"
    ], Update;
    TARIFF = "product.tariff", 1 of [
        "tariff_id", "plan_code", "fuel", "kind", "seq", "display_name", "charge_type", "from_mmdd",
        "to_mmdd", "daily_supply", "supply_bands", "local_time", "from_on", "to_on", "block_kind"
    ], Update;
    RATE_BLOCK = "product.rate_block", 1 of [
        "block_id", "tariff_id", "seq", "display_name", "note", "every", "general_price", "tou_period",
        "demand_amount", "demand_unit", "demand_min", "demand_max", "measured_over", "charged_over"
    ], Update;
    RATE = "product.rate", 2 of ["block_id", "step_no", "unit_price", "unit", "up_to"], Update;
    TOU_WINDOW = "product.tou_window", 2 of [
        "block_id", "seq", "days", "from_time", "to_time", "note", "link"
    ], Update;
    DISCOUNT = "product.discount", 3 of [
        "plan_code", "fuel", "seq", "display_name", "description", "type", "category", "method", "rate",
        "amount", "until_on"
    ], Update;
    FEE = "product.fee", 3 of [
        "plan_code", "fuel", "seq", "type", "term", "amount", "rate", "description"
    ], Update;
    FEED_IN = "product.feed_in", 1 of [
        "feed_in_id", "plan_code", "fuel", "seq", "display_name", "note", "from_on", "to_on", "scheme", "payer",
        "varies"
    ], Update;
    FEED_IN_RATE = "product.feed_in_rate", 2 of [
        "feed_in_id", "seq", "display_name", "tou_period", "unit_price", "unit", "up_to", "every", "days",
        "from_time", "to_time"
    ], Update;
}

/// The number under which the sample files a controlled load, after any tariff period.
const CONTROLLED_LOAD: usize = 7;

/// A tariff's key: at most 8 tariffs a contract, 2 contracts a plan.
fn tariff_id(plan: &Plan, of: Fuel, tariff: usize) -> usize {
    ((plan.id.0 as usize + 1) * 2 + usize::from(of == Fuel::Gas)) * 8 + tariff
}

/// A price block's key: at most 8 blocks a tariff.
pub(crate) fn block_id(plan: &Plan, of: Fuel, tariff: usize, block: usize) -> usize {
    tariff_id(plan, of, tariff) * 8 + block
}

/// All rows of all plans, as the text to copy into each table.
pub(crate) fn all(world: &World) -> Vec<(Table, String)> {
    let mut rows = PlanRows::default();
    for plan in world.plans() {
        rows.plan(plan);
        let contracts = [(Fuel::Electricity, &plan.electricity), (Fuel::Gas, &plan.gas)];
        for (of, contract) in
            contracts.into_iter().filter_map(|(of, contract)| Some((of, contract.as_ref()?)))
        {
            rows.contract((plan, of, contract));
        }
    }
    let tables = [
        (PLAN, rows.plans),
        (CONTRACT, rows.contracts),
        (TARIFF, rows.tariffs),
        (RATE_BLOCK, rows.blocks),
        (RATE, rows.rates),
        (TOU_WINDOW, rows.windows),
        (DISCOUNT, rows.discounts),
        (FEE, rows.fees),
        (FEED_IN, rows.feed_ins),
        (FEED_IN_RATE, rows.feed_in_rates),
    ];
    tables.into_iter().map(|(table, mut rows)| (table, rows.take())).collect()
}

#[derive(Default)]
struct PlanRows {
    plans: Row,
    contracts: Row,
    tariffs: Row,
    blocks: Row,
    rates: Row,
    windows: Row,
    discounts: Row,
    fees: Row,
    feed_ins: Row,
    feed_in_rates: Row,
}

impl PlanRows {
    fn plan(&mut self, plan: &Plan) {
        self.plans.line(|row| {
            let fuel = match plan.fuel {
                FuelType::Electricity => 'E',
                FuelType::Gas => 'G',
                FuelType::Dual => 'D',
            };
            let metering = plan.metering.as_ref();
            row.put(&plan.code).put(&plan.display_name).put(fuel).opt(plan.contingent);
            row.opt(metering.map(|charge| charge.display_name));
            row.opt(metering.and_then(|charge| charge.description));
            row.opt(metering.map(|charge| charge.minimum));
            row.opt(metering.and_then(|charge| charge.maximum)).opt(metering.map(|charge| charge.period));
        });
    }

    fn contract(&mut self, (plan, of, contract): OfContract<'_>) {
        self.contracts.line(|row| {
            let options: Vec<&str> = contract.payment_options.iter().map(|option| option.cds()).collect();
            row.put(&plan.code)
                .put(fuel(of))
                .put(contract.pricing_model.cds())
                .opt(local_time(contract.time_zone));
            row.put(contract.is_fixed).opt(contract.variation).opt(contract.on_expiry).put(array(&options));
            row.opt(contract.green_share).opt(contract.fee_information);
            row.opt(published::unless_empty(published::incentives(&contract.incentives)));
            row.opt(published::unless_empty(published::green_charges(&contract.green_charges)));
            row.opt(published::unless_empty(published::eligibility(&contract.eligibility)));
        });
        for tariff in 0..contract.periods.len() {
            self.period((plan, of, contract), tariff);
        }
        if contract.controlled_load.is_some() {
            self.controlled_load((plan, of, contract));
        }
        for (index, discount) in contract.discounts.iter().enumerate() {
            self.discounts.line(|row| {
                write_discount(row.put(&plan.code).put(fuel(of)).put(index + 1), discount);
            });
        }
        for (index, fee) in contract.fees.iter().enumerate() {
            self.fees.line(|row| {
                write_fee(row.put(&plan.code).put(fuel(of)).put(index + 1), fee);
            });
        }
        for (index, feed_in) in contract.feed_ins.iter().enumerate() {
            self.feed_in(plan, of, index, feed_in);
        }
    }

    fn period(&mut self, (plan, of, contract): OfContract<'_>, tariff: usize) {
        let period = &contract.periods[tariff];
        let block_kind = match &period.prices {
            Prices::Single { .. } => 'S',
            Prices::TimeOfUse(_) => 'T',
            Prices::Demand(_) => 'D',
        };
        self.tariffs.line(|row| {
            row.put(tariff_id(plan, of, tariff)).put(&plan.code).put(fuel(of)).put('P').put(tariff + 1);
            row.put(period.display_name).put(period.kind.cds()).put(period.from).put(period.until);
            row.opt(period.daily_supply);
            row.opt(published::unless_empty(published::rates(&period.supply_bands)));
            row.opt(local_time(period.time_zone)).opt(NONE).opt(NONE).put(block_kind);
        });
        let id = move |block| block_id(plan, of, tariff, block);
        let tariff = tariff_id(plan, of, tariff);
        match &period.prices {
            Prices::Single { display_name, description, general, rates, every } => {
                let block = Block {
                    title: display_name,
                    note: *description,
                    every: *every,
                    general: *general,
                    ..Block::default()
                };
                self.block((id(0), tariff, 1), &block, rates);
            }
            Prices::TimeOfUse(prices) => {
                for (at, price) in prices.iter().enumerate() {
                    let block = Block {
                        title: price.display_name,
                        note: price.description,
                        every: price.every,
                        tou_period: Some(price.period.cds()),
                        ..Block::default()
                    };
                    self.block((id(at), tariff, at + 1), &block, &price.rates);
                    for (seq, window) in price.windows.iter().enumerate() {
                        self.window(id(at), seq + 1, window);
                    }
                }
            }
            Prices::Demand(charges) => {
                for (at, charge) in charges.iter().enumerate() {
                    let block = Block {
                        title: charge.display_name,
                        note: charge.description,
                        demand: Some(charge),
                        ..Block::default()
                    };
                    self.block((id(at), tariff, at + 1), &block, &[]);
                    self.window(id(at), 1, &charge.window);
                }
            }
        }
    }

    fn controlled_load(&mut self, (plan, of, contract): OfContract<'_>) {
        let Some(load) = &contract.controlled_load else { return };
        let tariff = tariff_id(plan, of, CONTROLLED_LOAD);
        let single = load.prices.iter().all(|price| price.times.is_none());
        self.tariffs.line(|row| {
            row.put(tariff).put(&plan.code).put(fuel(of)).put('C').put(CONTROLLED_LOAD + 1);
            row.put(load.display_name).opt(NONE).opt(NONE).opt(NONE).opt(load.daily_supply).opt(NONE);
            row.opt(NONE).opt(load.from).opt(load.until).put(if single { 'S' } else { 'T' });
        });
        for (at, price) in load.prices.iter().enumerate() {
            let id = block_id(plan, of, CONTROLLED_LOAD, at);
            let block = Block {
                title: price.display_name,
                note: price.description,
                every: price.every,
                tou_period: price.times.as_ref().map(|times| times.period.cds()),
                ..Block::default()
            };
            self.block((id, tariff, at + 1), &block, &price.rates);
            let windows = price.times.iter().flat_map(|times| &times.windows);
            for (seq, window) in windows.enumerate() {
                self.windows.line(|row| write_load_window(row.put(id).put(seq + 1), window));
            }
        }
    }

    /// A block of prices by its id, its tariff and its place there, and the steps of the price.
    fn block(&mut self, (id, tariff, seq): (usize, usize, usize), block: &Block<'_>, rates: &[Rate]) {
        let demand = block.demand;
        self.blocks.line(|row| {
            row.put(id).put(tariff).put(seq).put(block.title).opt(block.note).opt(block.every);
            row.opt(block.general).opt(block.tou_period);
            row.opt(demand.map(|charge| charge.amount)).opt(demand.map(|charge| charge.unit.cds()));
            row.opt(demand.and_then(|charge| charge.minimum)).opt(demand.and_then(|charge| charge.maximum));
            row.opt(demand.map(|charge| demand_code(charge.measured_over)));
            row.opt(demand.map(|charge| demand_code(charge.charged_over)));
        });
        for (step, rate) in rates.iter().enumerate() {
            self.rates.line(|row| {
                row.put(id).put(step + 1).put(rate.unit_price).put(rate.unit.cds()).opt(rate.volume);
            });
        }
    }

    fn window(&mut self, block: usize, seq: usize, window: &Window) {
        self.windows.line(|row| {
            write_window(row.put(block).put(seq), window);
            row.opt(NONE).opt(NONE);
        });
    }

    fn feed_in(&mut self, plan: &Plan, of: Fuel, index: usize, feed_in: &FeedIn) {
        let id = tariff_id(plan, of, index);
        self.feed_ins.line(|row| {
            row.put(id).put(&plan.code).put(fuel(of)).put(index + 1).put(feed_in.display_name);
            row.opt(feed_in.description).opt(feed_in.from).opt(feed_in.until).put(feed_in.scheme.cds());
            row.put(if feed_in.payer == FeedInPayer::Government { 'G' } else { 'R' });
            row.put(matches!(feed_in.tariff, FeedInTariff::Varying(_)));
        });
        match &feed_in.tariff {
            FeedInTariff::Single { rates, every } => {
                for (step, rate) in rates.iter().enumerate() {
                    self.feed_in_rates.line(|row| {
                        row.put(id).put(step + 1).opt(NONE).opt(NONE);
                        write_rate(row, rate, *every);
                        row.opt(NONE).opt(NONE).opt(NONE);
                    });
                }
            }
            FeedInTariff::Varying(prices) => {
                for (seq, price) in prices.iter().enumerate() {
                    self.feed_in_rates.line(|row| {
                        row.put(id).put(seq + 1).put(price.display_name).put(price.period.cds());
                        write_rate(row, &price.rate, price.every);
                        write_window(row, &price.window);
                    });
                }
            }
        }
    }
}

const NONE: Option<&str> = None;

/// What a block of prices is for.
#[derive(Default)]
struct Block<'p> {
    title: &'p str,
    note: Option<&'p str>,
    every: Option<&'p str>,
    general: Option<Decimal>,
    tou_period: Option<&'p str>,
    demand: Option<&'p DemandCharge>,
}

fn local_time(zone: Option<TimeZone>) -> Option<bool> {
    zone.map(|zone| zone == TimeZone::Local)
}

fn write_rate(row: &mut Row, rate: &Rate, every: Option<&str>) {
    row.put(rate.unit_price).put(rate.unit.cds()).opt(rate.volume).opt(every);
}

fn write_load_window(row: &mut Row, window: &LoadWindow) {
    row.opt(window.days.map(days));
    row.opt(window.hours.map(|(from, _)| from)).opt(window.hours.map(|(_, until)| until));
    row.opt(window.information).opt(window.link);
}

fn write_window(row: &mut Row, window: &Window) {
    row.put(days(window.days)).put(window.from).put(window.until);
}

fn days(days: &[Day]) -> String {
    array(&days.iter().map(|day| day.cds()).collect::<Vec<_>>())
}

fn write_discount(row: &mut Row, discount: &Discount) {
    let (method, rate, amount) = match discount.method {
        DiscountMethod::PercentOfBill(rate) => ("BIL", Some(rate), None),
        DiscountMethod::PercentOfUse(rate) => ("USE", Some(rate), None),
        DiscountMethod::FixedAmount(amount) => ("FIX", None, Some(amount)),
        DiscountMethod::PercentOverThreshold { rate, usage } => ("THR", Some(rate), Some(usage)),
    };
    row.put(discount.display_name).opt(discount.description).put(discount.kind.cds());
    row.opt(discount.category.map(|category| category.cds())).put(method).opt(rate).opt(amount);
    row.opt(discount.until);
}

fn write_fee(row: &mut Row, fee: &Fee) {
    let share = fee.term == FeeTerm::PercentOfBill;
    row.put(fee.kind.cds()).put(fee.term.cds());
    row.opt((!share).then_some(fee.value)).opt(share.then_some(fee.value)).opt(fee.description);
}

fn demand_code(period: DemandPeriod) -> char {
    match period {
        DemandPeriod::Day => 'D',
        DemandPeriod::Month => 'M',
        DemandPeriod::TariffPeriod => 'T',
    }
}
