//! How plans become rows of the schema `product`.

use wattle_sample::{
    Contract, DemandCharge, DemandPeriod, Discount, DiscountMethod, Fee, FeeTerm, FeedIn, FeedInPayer,
    FeedInPrice, FeedInTariff, Fuel, FuelType, Plan, Prices, Rate, Row, Table, Window, World, tables,
};

use crate::table::{array, fuel};

/// A plan's contract for one fuel.
type OfContract<'p> = (&'p Plan, Fuel, &'p Contract);

tables! {
    PLAN = "product.plan", 1 of [
        "plan_code", "display_name", "fuel", "metering_name", "metering_from", "metering_to",
        "metering_every"
    ], Update;
    CONTRACT = "product.contract", 2 of [
        "plan_code", "fuel", "pricing_model", "local_time", "is_fixed", "variation", "on_expiry",
        "payment_options", "green_share"
    ], Update;
    TARIFF = "product.tariff", 1 of [
        "tariff_id", "plan_code", "fuel", "kind", "seq", "display_name", "charge_type", "from_mmdd",
        "to_mmdd", "daily_supply", "block_kind"
    ], Update;
    RATE_BLOCK = "product.rate_block", 1 of [
        "block_id", "tariff_id", "seq", "display_name", "tou_period", "demand_amount", "demand_unit",
        "demand_min", "demand_max", "measured_over", "charged_over"
    ], Update;
    RATE = "product.rate", 2 of ["block_id", "step_no", "unit_price", "unit", "up_to"], Update;
    TOU_WINDOW = "product.tou_window", 2 of ["block_id", "seq", "days", "from_time", "to_time"], Update;
    DISCOUNT = "product.discount", 3 of [
        "plan_code", "fuel", "seq", "display_name", "description", "type", "category", "method", "rate",
        "amount"
    ], Update;
    FEE = "product.fee", 3 of [
        "plan_code", "fuel", "seq", "type", "term", "amount", "rate", "description"
    ], Update;
    FEED_IN = "product.feed_in", 1 of [
        "feed_in_id", "plan_code", "fuel", "seq", "display_name", "scheme", "payer", "varies"
    ], Update;
    FEED_IN_RATE = "product.feed_in_rate", 2 of [
        "feed_in_id", "seq", "display_name", "tou_period", "unit_price", "unit", "days", "from_time",
        "to_time"
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
            row.put(&plan.code).put(&plan.display_name).put(fuel);
            row.opt(metering.map(|charge| charge.display_name)).opt(metering.map(|charge| charge.minimum));
            row.opt(metering.and_then(|charge| charge.maximum)).opt(metering.map(|charge| charge.period));
        });
    }

    fn contract(&mut self, (plan, of, contract): OfContract<'_>) {
        self.contracts.line(|row| {
            let options: Vec<&str> = contract.payment_options.iter().map(|option| option.cds()).collect();
            row.put(&plan.code).put(fuel(of)).put(contract.pricing_model.cds()).put(contract.local_time);
            row.put(contract.is_fixed).opt(contract.variation).opt(contract.on_expiry).put(array(&options));
            row.opt(contract.green_share);
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
            row.opt(period.daily_supply).put(block_kind);
        });
        let id = move |block| block_id(plan, of, tariff, block);
        let tariff = tariff_id(plan, of, tariff);
        match &period.prices {
            Prices::Single { display_name, rates } => {
                self.block(id(0), tariff, 1, display_name, None, None);
                self.rates(id(0), rates);
            }
            Prices::TimeOfUse(prices) => {
                for (block, price) in prices.iter().enumerate() {
                    self.block(
                        id(block),
                        tariff,
                        block + 1,
                        price.display_name,
                        Some(price.period.cds()),
                        None,
                    );
                    self.rates(id(block), &price.rates);
                    for (seq, window) in price.windows.iter().enumerate() {
                        self.window(id(block), seq + 1, window);
                    }
                }
            }
            Prices::Demand(charges) => {
                for (block, charge) in charges.iter().enumerate() {
                    self.block(id(block), tariff, block + 1, charge.display_name, None, Some(charge));
                    self.window(id(block), 1, &charge.window);
                }
            }
        }
    }

    fn controlled_load(&mut self, (plan, of, contract): OfContract<'_>) {
        let Some(load) = &contract.controlled_load else { return };
        let id = tariff_id(plan, of, CONTROLLED_LOAD);
        self.tariffs.line(|row| {
            row.put(id)
                .put(&plan.code)
                .put(fuel(of))
                .put('C')
                .put(CONTROLLED_LOAD + 1)
                .put(load.display_name);
            row.opt(None::<&str>).opt(None::<&str>).opt(None::<&str>).opt(load.daily_supply).put('S');
        });
        let block = block_id(plan, of, CONTROLLED_LOAD, 0);
        self.block(block, id, 1, load.display_name, None, None);
        self.rates(block, &load.rates);
    }

    fn block(
        &mut self,
        id: usize,
        tariff: usize,
        seq: usize,
        display_name: &str,
        tou_period: Option<&'static str>,
        demand: Option<&DemandCharge>,
    ) {
        self.blocks.line(|row| {
            row.put(id).put(tariff).put(seq).put(display_name).opt(tou_period);
            row.opt(demand.map(|charge| charge.amount)).opt(demand.map(|charge| charge.unit.cds()));
            row.opt(demand.and_then(|charge| charge.minimum)).opt(demand.and_then(|charge| charge.maximum));
            row.opt(demand.map(|charge| demand_code(charge.measured_over)));
            row.opt(demand.map(|charge| demand_code(charge.charged_over)));
        });
    }

    fn rates(&mut self, block: usize, rates: &[Rate]) {
        for (step, rate) in rates.iter().enumerate() {
            self.rates.line(|row| {
                row.put(block).put(step + 1).put(rate.unit_price).put(rate.unit.cds()).opt(rate.volume);
            });
        }
    }

    fn window(&mut self, block: usize, seq: usize, window: &Window) {
        self.windows.line(|row| write_window(row.put(block).put(seq), window));
    }

    fn feed_in(&mut self, plan: &Plan, of: Fuel, index: usize, feed_in: &FeedIn) {
        let id = tariff_id(plan, of, index);
        self.feed_ins.line(|row| {
            row.put(id).put(&plan.code).put(fuel(of)).put(index + 1).put(feed_in.display_name);
            row.put(feed_in.scheme.cds());
            row.put(if feed_in.payer == FeedInPayer::Government { 'G' } else { 'R' });
            row.put(matches!(feed_in.tariff, FeedInTariff::Varying(_)));
        });
        match &feed_in.tariff {
            FeedInTariff::Single(rate) => self.feed_in_rates.line(|row| {
                row.put(id)
                    .put(1)
                    .opt(None::<&str>)
                    .opt(None::<&str>)
                    .put(rate.unit_price)
                    .put(rate.unit.cds());
                row.opt(None::<&str>).opt(None::<&str>).opt(None::<&str>);
            }),
            FeedInTariff::Varying(prices) => {
                for (seq, price) in prices.iter().enumerate() {
                    let price: &FeedInPrice = price;
                    self.feed_in_rates.line(|row| {
                        row.put(id).put(seq + 1).put(price.display_name).put(price.period.cds());
                        row.put(price.rate.unit_price).put(price.rate.unit.cds());
                        write_window(row, &price.window);
                    });
                }
            }
        }
    }
}

fn write_window(row: &mut Row, window: &Window) {
    let days: Vec<&str> = window.days.iter().map(|day| day.cds()).collect();
    row.put(array(&days)).put(window.from).put(window.until);
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
