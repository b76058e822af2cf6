//! Accounts closing, disappearing, coming back, and changing their numbers, plans and premises.

use super::{Draft, is_open};
use crate::account::{Account, Agreement};
use crate::address::Fuel;
use crate::calendar;
use crate::catalogue::{self, Product};
use crate::effect::Effect;
use crate::id::{PlanId, ServicePointId};
use crate::world::Slot;

impl Draft<'_> {
    pub(super) fn move_house(&mut self) -> Option<()> {
        let slot = self.pick(|slot| is_open(slot) && current(slot).is_some())?;
        let former = current(slot)?.clone();
        self.end(&former);
        let address = self.new_address();
        let fuels: Vec<Fuel> = former.service_points.iter().filter_map(|id| self.fuel_of(*id)).collect();
        let points = fuels.iter().map(|fuel| self.new_service_point(*fuel, address.id)).collect();
        let product = catalogue::product_of(former.plan);
        let started = self.business_day();
        self.put_agreement(
            slot.account.id,
            catalogue::plan_of(product, address.zone()),
            points,
            started,
            None,
        );
        self.put_account(slot, |account| account.mail = Some(address.id));
        Some(())
    }

    pub(super) fn switch_plan(&mut self) -> Option<()> {
        let slot = self.pick(|slot| is_open(slot) && current(slot).is_some_and(|a| electric_home(a.plan)))?;
        let former = current(slot)?.clone();
        let product = self.home_product();
        let product = match (product, catalogue::product_of(former.plan)) {
            (wanted, present) if wanted != present => wanted,
            (_, Product::Flat) => Product::TimeOfUse,
            _ => Product::Flat,
        };
        self.end(&former);
        let plan = catalogue::plan_of(product, catalogue::zone_of(former.plan));
        let started = self.business_day();
        self.put_agreement(slot.account.id, plan, former.service_points, started, None);
        Some(())
    }

    pub(super) fn close_account(&mut self) -> Option<()> {
        let slot = self.pick(is_open)?;
        for agreement in slot.agreements.iter().filter(|agreement| agreement.ended.is_none()) {
            self.end(agreement);
        }
        let day = self.business_day();
        self.put_account(slot, |account| account.closed = Some(day));
        Some(())
    }

    pub(super) fn delete_account(&mut self) -> Option<()> {
        let slot = self.pick(|slot| !slot.account.deleted)?;
        self.put_account(slot, |account| account.deleted = true);
        Some(())
    }

    pub(super) fn undelete_account(&mut self) -> Option<()> {
        let slot = self.pick(|slot| slot.account.deleted)?;
        self.put_account(slot, |account| account.deleted = false);
        Some(())
    }

    pub(super) fn purge_account(&mut self) -> Option<()> {
        let slot = self.pick(|slot| slot.account.closed.is_some())?;
        let Account { id: account, number, .. } = slot.account.clone();
        self.effects.push(Effect::PurgeAccount { account, number });
        Some(())
    }

    /// The digits stay, so that numbers remain unique.
    pub(super) fn renumber_account(&mut self) -> Option<()> {
        let slot = self.pick(|_| true)?;
        let (letters, digits) = slot.account.number.split_once('-')?;
        let prefix = loop {
            let prefix = self.number_prefix();
            if !prefix.eq_ignore_ascii_case(letters) {
                break prefix;
            }
        };
        self.renumber(slot, format!("{prefix}-{digits}"));
        Some(())
    }

    pub(super) fn recase_account(&mut self) -> Option<()> {
        let slot = self.pick(|_| true)?;
        let number = &slot.account.number;
        let upper = number.to_uppercase();
        let to = if upper == *number { number.to_lowercase() } else { upper };
        self.renumber(slot, to);
        Some(())
    }

    fn renumber(&mut self, slot: &Slot, to: String) {
        let Account { id: account, number: from, .. } = slot.account.clone();
        self.effects.push(Effect::RenumberAccount { account, from, to });
    }

    pub(super) fn put_account(&mut self, slot: &Slot, change: impl FnOnce(&mut Account)) {
        let mut account = slot.account.clone();
        change(&mut account);
        self.effects.push(Effect::PutAccount(account));
    }

    /// Ends an agreement the day before today's business, but not before it began.
    fn end(&mut self, agreement: &Agreement) {
        let last = calendar::shift(self.business_day(), -1).max(agreement.started);
        self.effects.push(Effect::PutAgreement(Agreement { ended: Some(last), ..agreement.clone() }));
    }

    fn fuel_of(&self, point: ServicePointId) -> Option<Fuel> {
        self.world.service_point(point).map(|point| point.fuel)
    }
}

/// The newest agreement that has not ended.
pub(super) fn current(slot: &Slot) -> Option<&Agreement> {
    slot.agreements.iter().rev().find(|agreement| agreement.ended.is_none())
}

fn electric_home(plan: PlanId) -> bool {
    !matches!(catalogue::product_of(plan), Product::Gas | Product::Dual | Product::Business)
}
