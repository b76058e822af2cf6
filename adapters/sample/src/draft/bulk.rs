//! What is not about one account: plans, mass updates, noise.

use super::Draft;
use crate::address::Fuel;
use crate::calendar;
use crate::code::FeeTerm;
use crate::decimal::{Cents, Decimal};
use crate::dice;
use crate::effect::{Effect, FeeChange, Noise, NoiseKind, PriceChange};
use crate::id::AccountId;
use crate::plan::{Plan, Prices};

impl<'w> Draft<'w> {
    pub(super) fn change_price(&mut self) -> Option<()> {
        let (plan, fuel) = self.pick_contract();
        let contract = if fuel == Fuel::Gas { plan.gas.as_ref()? } else { plan.electricity.as_ref()? };
        let priced = |prices: &Prices| !matches!(prices, Prices::Demand(_));
        let periods: Vec<usize> =
            (0..contract.periods.len()).filter(|i| priced(&contract.periods[*i].prices)).collect();
        let period = self.dice.pick(&periods);
        let (price, rates) = match &contract.periods[period].prices {
            Prices::TimeOfUse(prices) => {
                let price = self.dice.below(prices.len());
                (price, &prices[price].rates)
            }
            Prices::Single { rates, .. } => (0, rates),
            Prices::Demand(_) => return None,
        };
        let step = self.dice.below(rates.len());
        let unit_price = Decimal::new(self.dice.range(9_000..49_999), 5);
        self.effects.push(Effect::PutPrice(PriceChange {
            plan: plan.id,
            fuel,
            period,
            price,
            step,
            unit_price,
        }));
        Some(())
    }

    pub(super) fn revise_plan(&mut self) -> Option<()> {
        let (plan, fuel) = self.pick_contract();
        let contract = if fuel == Fuel::Gas { plan.gas.as_ref()? } else { plan.electricity.as_ref()? };
        let fee = self.dice.below(contract.fees.len());
        let share = contract.fees[fee].term == FeeTerm::PercentOfBill;
        let value = if share {
            Decimal::new(self.dice.range(41..99), 4)
        } else {
            Decimal::new(self.dice.range(110..9_999), 2)
        };
        self.effects.push(Effect::PutFee(FeeChange { plan: plan.id, fuel, fee, value }));
        Some(())
    }

    /// A goodwill credit for every eighth account.
    pub(super) fn mass_credit(&mut self) -> Option<()> {
        let eighth = self.dice.below(8) as u32;
        let amount = Cents(-self.dice.range(500..2_500));
        let posted = self.business_moment();
        let world = self.world;
        let chosen =
            world.slots().filter(|slot| slot.account.id.0 % 8 == eighth && slot.account.closed.is_none());
        for slot in chosen {
            let mut books = world.books(slot.account.id);
            books.charge_once(posted, None, amount, "Goodwill credit");
            self.close(books);
        }
        (!self.effects.is_empty()).then_some(())
    }

    pub(super) fn mass_annotation(&mut self) -> Option<()> {
        let until = calendar::shift(self.world.config().today, -self.dice.range(1..300));
        let from = calendar::shift(until, -30);
        let note = format!("Pamphlet {} enclosed", self.dice.below(1_000));
        self.effects.push(Effect::AnnotateInvoices { from, until, note });
        Some(())
    }

    pub(crate) fn noise(&mut self) {
        let kind = match self.dice.below(100) {
            0..45 => NoiseKind::AuditLog,
            45..60 => NoiseKind::WorkOrder,
            60..75 => NoiseKind::CallLog,
            75..92 => NoiseKind::MeterReads,
            92..97 => NoiseKind::CampaignSend,
            _ => NoiseKind::LedgerExport,
        };
        let rows = match kind {
            NoiseKind::MeterReads => self.dice.range(10..49) as u32,
            NoiseKind::LedgerExport => 20,
            _ => 1,
        };
        let account = self.pick(|_| true).map_or(AccountId(0), |slot| slot.account.id);
        let salt = dice::mix(self.world.mutation_count());
        self.effects.push(Effect::Noise(Noise { kind, account, rows, salt }));
    }

    fn pick_contract(&mut self) -> (&'w Plan, Fuel) {
        let plans = self.world.plans();
        let plan = &plans[self.dice.below(plans.len())];
        let gas = plan.gas.is_some() && (plan.electricity.is_none() || self.dice.chance(50));
        (plan, if gas { Fuel::Gas } else { Fuel::Electricity })
    }
}
