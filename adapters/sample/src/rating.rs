//! Rating: what a period of supply costs.

use chrono::NaiveDate;

use crate::books::Item;
use crate::calendar;
use crate::code::{ChargeType, ConcessionType, Unit, UsageType};
use crate::decimal::{Cents, Decimal, price};
use crate::dice::Dice;
use crate::id::ServicePointId;
use crate::invoice::Scope;
use crate::ledger::{Adjustment, Detail, Metered};
use crate::plan::{DiscountMethod, Plan, RatingModel};

/// What is supplied to an account.
pub(crate) struct Supply<'a> {
    pub(crate) parts: Vec<SupplyPart<'a>>,
    pub(crate) business: bool,
    pub(crate) concession: Option<ConcessionType>,
}

/// A plan and the electricity points supplied on it.
pub(crate) struct SupplyPart<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) points: Vec<ServicePointId>,
}

/// The items for the days from `from` up to, not including, `until`.
pub(crate) fn items(supply: &Supply<'_>, from: NaiveDate, until: NaiveDate, dice: &mut Dice) -> Vec<Item> {
    let mut items = Vec::new();
    let mut span = Span { from, until, estimated: dice.chance(8), business: supply.business };
    for part in &supply.parts {
        for point in &part.points {
            electricity(part.plan, *point, &span, dice, &mut items);
        }
        if part.plan.gas.is_some() {
            span.estimated = dice.chance(12);
            gas(part.plan, &span, dice, &mut items);
        }
    }
    concession(supply, &mut items);
    if dice.chance(20) {
        let description = dice.pick(&["Paper bill fee", "Card payment fee"]);
        let detail = Detail::OnceOff { description };
        items.push(plain(Scope::Account, None, Cents(dice.range(110..260)), detail));
    }
    items
}

struct Span {
    from: NaiveDate,
    until: NaiveDate,
    estimated: bool,
    business: bool,
}

impl Span {
    fn days(&self) -> i64 {
        (self.until - self.from).num_days()
    }

    fn metered(
        &self,
        usage_type: UsageType,
        quantity: Decimal,
        unit: Unit,
        description: &'static str,
    ) -> Metered {
        let (dlf, mlf) = self.loss_factors();
        Metered {
            usage_type,
            quantity,
            unit,
            estimated: self.estimated,
            from: self.from,
            until: self.until,
            dlf,
            mlf,
            description,
        }
    }

    /// Distribution and marginal loss factors are applied at businesses.
    fn loss_factors(&self) -> (Option<Decimal>, Option<Decimal>) {
        let factor = |units, scale| self.business.then_some(Decimal::new(units, scale));
        (factor(10_492, 4), factor(98_715, 5))
    }

    fn daily(&self, kind: ChargeType, description: &'static str) -> Detail {
        let (dlf, mlf) = self.loss_factors();
        let by_energy = kind == ChargeType::Environmental;
        Detail::Other {
            kind,
            period: (self.from, calendar::shift(self.until, -1)),
            dlf: dlf.filter(|_| by_energy),
            mlf: mlf.filter(|_| by_energy),
            description,
        }
    }
}

fn plain(scope: Scope, service_point: Option<ServicePointId>, amount: Cents, detail: Detail) -> Item {
    Item { scope, service_point, amount, adjustments: vec![], detail }
}

fn electricity(plan: &Plan, point: ServicePointId, span: &Span, dice: &mut Dice, items: &mut Vec<Item>) {
    let season = if calendar::is_winter(span.from) { 125 } else { 95 };
    let daily_wh = dice.range(4_000..19_000) * season / 100 * if span.business { 6 } else { 1 };
    let total_wh = daily_wh * span.days();
    let rating = &plan.rating;
    let shares: &[(UsageType, Decimal, i64, &str)] = match rating.usage {
        // An estimate does not know the times.
        RatingModel::Flat(anytime) if span.estimated => {
            &[(UsageType::Aggregate, anytime, 100, "Anytime usage")]
        }
        RatingModel::Flat(anytime) => &[(UsageType::AllDay, anytime, 100, "Anytime usage")],
        RatingModel::TimeOfUse { peak, off_peak, shoulder } => &[
            (UsageType::Peak, peak, 31, "Peak usage"),
            (UsageType::OffPeak, off_peak, 44, "Off-peak usage"),
            (shoulder_type(span), shoulder, 25, "Shoulder usage"),
        ],
    };
    let discount = usage_discount(plan);
    for (usage_type, unit_price, percent, description) in shares {
        let quantity = Decimal::new(total_wh * percent / 100 + dice.range(0..900), 3);
        let amount = price(quantity, *unit_price);
        let adjustments = discount.map(|share| Adjustment {
            amount: -price(Decimal::new(amount.0, 2), share),
            description: "Usage discount",
        });
        let detail = Detail::Usage(span.metered(*usage_type, quantity, Unit::Kwh, description));
        let adjustments = adjustments.into_iter().collect();
        items.push(Item {
            scope: Scope::Electricity,
            service_point: Some(point),
            amount,
            adjustments,
            detail,
        });
    }
    let mut metered = |usage_type, wh: i64, unit_price, description| {
        let quantity = Decimal::new(wh, 3);
        let detail = Detail::Usage(span.metered(usage_type, quantity, Unit::Kwh, description));
        items.push(plain(Scope::Electricity, Some(point), price(quantity, unit_price), detail));
    };
    if let Some(unit_price) = rating.controlled {
        metered(UsageType::ControlledLoad, total_wh * 3 / 10 + dice.range(1..900), unit_price, "Hot water");
    }
    if let Some(unit_price) = rating.feed_in {
        let sun = if calendar::is_winter(span.from) { 40 } else { 110 };
        let wh = dice.range(3_000..16_000) * sun / 100 * span.days() + dice.range(1..900);
        metered(UsageType::Solar, -wh, unit_price, "Solar feed-in");
    }
    if let Some(unit_price) = rating.demand {
        let kw = Decimal::new(dice.range(1_500..9_000) * if span.business { 5 } else { 1 }, 3);
        let amount = price(Decimal::new(kw.units() * span.days(), 3), unit_price);
        items.push(demand(point, span, kw, amount));
    }
    let supply = price(Decimal::new(span.days(), 0), rating.supply);
    let detail = span.daily(supply_kind(plan), "Daily supply charge");
    items.push(plain(Scope::Electricity, Some(point), supply, detail));
    if span.business {
        let amount = price(Decimal::new(total_wh, 3), Decimal::new(dice.range(310..890), 5));
        let adjustments = vec![Adjustment { amount: Cents(-dice.range(1..5)), description: "Rounding" }];
        let detail = span.daily(ChargeType::Environmental, "Environmental charges");
        let (scope, service_point) = (Scope::Electricity, Some(point));
        items.push(Item { scope, service_point, amount, adjustments, detail });
    }
}

/// A shoulder of business contracts has another name in either half of the year.
fn shoulder_type(span: &Span) -> UsageType {
    match (span.business, calendar::is_winter(span.from)) {
        (false, _) => UsageType::Shoulder,
        (true, false) => UsageType::Shoulder1,
        (true, true) => UsageType::Shoulder2,
    }
}

/// Demand at a business is charged by how it compares with what was agreed, and reviewed when it was excessive.
fn demand(point: ServicePointId, span: &Span, kw: Decimal, amount: Cents) -> Item {
    let excessive = kw.units() > 40_000;
    let (usage_type, unit) = match (span.business, excessive) {
        (true, true) => (UsageType::Excess, Unit::Kva),
        (true, false) => (UsageType::OffPeakDemand, Unit::Kva),
        (false, _) => (UsageType::Peak, Unit::Kw),
    };
    let review = Adjustment { amount: Cents(-(amount.0 / 20)), description: "Demand review" };
    let adjustments = if excessive { vec![review] } else { vec![] };
    let detail = Detail::Demand(span.metered(usage_type, kw, unit, "Evening demand"));
    Item { scope: Scope::Electricity, service_point: Some(point), amount, adjustments, detail }
}

/// As what the plan files its supply charge.
fn supply_kind(plan: &Plan) -> ChargeType {
    let first = plan.electricity.as_ref().and_then(|contract| contract.periods.first());
    first.map_or(ChargeType::RetailService, |period| period.kind)
}

fn gas(plan: &Plan, span: &Span, dice: &mut Dice, items: &mut Vec<Item>) {
    let season = if calendar::is_winter(span.from) { 240 } else { 60 };
    let quantity =
        Decimal::new(dice.range(6_000..26_000) * season / 100 * span.days() + dice.range(0..900), 3);
    let amount = price(quantity, plan.rating.gas);
    let detail = Detail::Usage(span.metered(UsageType::AllDay, quantity, Unit::Kwh, "Gas usage"));
    items.push(plain(Scope::Gas, None, amount, detail));
    let supply = price(Decimal::new(span.days(), 0), plan.rating.gas_supply);
    items.push(plain(Scope::Gas, None, supply, span.daily(ChargeType::Network, "Gas supply charge")));
}

/// The share that the plan's guaranteed discount takes off usage.
fn usage_discount(plan: &Plan) -> Option<Decimal> {
    plan.electricity.as_ref()?.discounts.iter().find_map(|discount| match discount.method {
        DiscountMethod::PercentOfUse(share) => Some(share),
        _ => None,
    })
}

fn concession(supply: &Supply<'_>, items: &mut Vec<Item>) {
    let credit =
        |scope, point, amount, description| plain(scope, point, amount, Detail::OnceOff { description });
    let point = items.iter().find_map(|item| item.service_point);
    match supply.concession {
        Some(ConcessionType::FixedPercentage) => {
            let electric =
                items.iter().filter(|item| item.scope == Scope::Electricity && item.amount > Cents(0));
            let charges: Cents = electric.map(|item| item.amount).sum();
            if charges > Cents(0) {
                let amount = -price(Decimal::new(charges.0, 2), Decimal::new(175, 3));
                items.push(credit(Scope::Electricity, point, amount, "Annual electricity concession"));
            }
        }
        Some(ConcessionType::FixedAmount) => {
            items.push(credit(Scope::Account, None, Cents(-2_150), "Medical cooling concession"));
        }
        Some(ConcessionType::Variable) | None => {}
    }
}
