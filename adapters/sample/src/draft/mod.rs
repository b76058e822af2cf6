//! Drafts: how each kind of mutation is put together from the World's present state, which it does not change.
//!
//! Each kind is a function that adds effects and returns `None` where the World has nothing to do it on. The same
//! functions furnish the World at its beginning.

mod account;
mod address;
mod billing;
mod bulk;
mod holding;
mod household;
mod terms;

use chrono::{DateTime, NaiveDate, Utc};

use crate::calendar;
use crate::dice::Dice;
use crate::effect::Effect;
use crate::id::{AccountId, CustomerId};
use crate::mutation::MutationKind;
use crate::world::{NextIds, Slot, World};

pub(crate) use household::{Life, Lifetime};

/// A mutation in the making.
pub(crate) struct Draft<'w> {
    pub(crate) world: &'w World,
    pub(crate) dice: Dice,
    pub(crate) effects: Vec<Effect>,
    next: NextIds,
}

/// How often an account is picked at random before the list is searched from a random place.
const RANDOM_PICKS: usize = 24;

impl<'w> Draft<'w> {
    pub(crate) fn new(world: &'w World, dice: Dice) -> Self {
        Self { world, dice, effects: Vec::new(), next: world.next_ids() }
    }

    /// Adds the effects of a kind, or returns `None`.
    pub(crate) fn run(&mut self, kind: MutationKind) -> Option<()> {
        match kind {
            MutationKind::Noise => Some(()),
            MutationKind::Payment => self.payment(),
            MutationKind::NewInvoice => self.new_invoice(),
            MutationKind::LateCharge => self.late_charge(),
            MutationKind::ActualRead => self.actual_read(),
            MutationKind::NewCustomer => self.new_customer(),
            MutationKind::EditCustomer => self.edit_customer(),
            MutationKind::ChangeContactDetails => self.change_contact_details(),
            MutationKind::ChangePostalAddresses => self.change_postal_addresses(),
            MutationKind::MoveHouse => self.move_house(),
            MutationKind::SwitchPlan => self.switch_plan(),
            MutationKind::EditAddress => self.edit_address(),
            MutationKind::DeleteAddress => self.delete_address(),
            MutationKind::ChangePaymentSchedule => self.change_payment_schedule(),
            MutationKind::EndPaymentSchedule => self.end_payment_schedule(),
            MutationKind::GrantConcession => self.grant_concession(),
            MutationKind::EndConcession => self.end_concession(),
            MutationKind::WithdrawConcession => self.withdraw_concession(),
            MutationKind::AddContact => self.add_contact(),
            MutationKind::MoveContact => self.move_contact(),
            MutationKind::RemoveContact => self.remove_contact(),
            MutationKind::AddHolding => self.add_holding(),
            MutationKind::RemoveHolding => self.remove_holding(),
            MutationKind::EndHolding => self.end_holding(),
            MutationKind::ChangeRole => self.change_role(),
            MutationKind::FlipShareable => self.flip_shareable(),
            MutationKind::CloseAccount => self.close_account(),
            MutationKind::DeleteAccount => self.delete_account(),
            MutationKind::UndeleteAccount => self.undelete_account(),
            MutationKind::PurgeAccount => self.purge_account(),
            MutationKind::RenumberAccount => self.renumber_account(),
            MutationKind::RecaseAccount => self.recase_account(),
            MutationKind::ChangePrice => self.change_price(),
            MutationKind::RevisePlan => self.revise_plan(),
            MutationKind::MoveInvoice => self.move_invoice(),
            MutationKind::VoidInvoice => self.void_invoice(),
            MutationKind::MassCredit => self.mass_credit(),
            MutationKind::MassAnnotation => self.mass_annotation(),
        }
    }

    /// The day on which mutations happen: the one before the World's today, so that no answer up to now misses them.
    pub(crate) fn business_day(&self) -> NaiveDate {
        calendar::shift(self.world.config().today, -1)
    }

    /// Some instant of the business day.
    pub(crate) fn business_moment(&mut self) -> DateTime<Utc> {
        let day = self.business_day();
        calendar::moment(day, self.dice.range(0..23 * 3600))
    }

    /// An account that fits, at random.
    fn pick(&mut self, fits: impl Fn(&Slot) -> bool) -> Option<&'w Slot> {
        self.pick_map(|slot| fits(slot).then_some(slot))
    }

    /// What the first fitting of some random accounts yields.
    fn pick_map<T>(&mut self, fits: impl Fn(&'w Slot) -> Option<T>) -> Option<T> {
        let count = self.world.next_ids().account as usize;
        if count == 0 {
            return None;
        }
        let world = self.world;
        let slot_at = |index: usize| world.slot(AccountId(index as u32));
        for _ in 0..RANDOM_PICKS {
            if let Some(found) = slot_at(self.dice.below(count)).and_then(&fits) {
                return Some(found);
            }
        }
        let start = self.dice.below(count);
        (0..count).find_map(|step| slot_at((start + step) % count).and_then(&fits))
    }

    fn pick_customer(&mut self) -> Option<CustomerId> {
        let count = self.world.customers().len();
        (count > 0).then(|| CustomerId(self.dice.below(count) as u32))
    }
}

/// Whether the retailer still supplies an account.
fn is_open(slot: &Slot) -> bool {
    slot.account.closed.is_none() && !slot.account.deleted
}
