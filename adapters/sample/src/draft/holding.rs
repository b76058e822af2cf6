//! Customers, holdings and authorised contacts.

use super::{Draft, is_open};
use crate::account::{Contact, Holding};
use crate::code::Role;
use crate::effect::Effect;
use crate::person::{Customer, Party, PersonName};
use crate::world::Slot;

impl Draft<'_> {
    pub(super) fn edit_customer(&mut self) -> Option<()> {
        let id = self.pick_customer()?;
        let mut customer: Customer = self.world.customer(id)?.clone();
        let name = PersonName::throw(&mut self.dice);
        match &mut customer.party {
            Party::Person(person) => person.last = name.last,
            Party::Organisation { agent, .. } => *agent = name,
        }
        self.effects.push(Effect::PutCustomer(customer));
        Some(())
    }

    pub(super) fn add_contact(&mut self) -> Option<()> {
        let slot = self.pick(is_open)?;
        self.new_contact(slot.account.id);
        Some(())
    }

    pub(super) fn move_contact(&mut self) -> Option<()> {
        let from = self.pick(|slot| !slot.contacts.is_empty())?;
        let to = self.pick(|slot| slot.account.id != from.account.id)?.account.id;
        let contact = &from.contacts[self.dice.below(from.contacts.len())];
        self.effects.push(Effect::PutContact(Contact { account: to, ..contact.clone() }));
        Some(())
    }

    pub(super) fn remove_contact(&mut self) -> Option<()> {
        let slot = self.pick(|slot| !slot.contacts.is_empty())?;
        let contact = &slot.contacts[self.dice.below(slot.contacts.len())];
        self.effects.push(Effect::DeleteContact(contact.id));
        Some(())
    }

    pub(super) fn add_holding(&mut self) -> Option<()> {
        let customer = self.pick_customer()?;
        let person = matches!(self.world.customer(customer)?.party, Party::Person(_));
        let slot = self.pick(|slot| is_open(slot) && slot.holdings.iter().all(|h| h.customer != customer))?;
        let role = if person { Role::SecondaryUser } else { Role::JointHolder };
        let since = self.business_day();
        let holding =
            Holding { customer, account: slot.account.id, role, shareable: true, since, ended: None };
        self.effects.push(Effect::PutHolding(holding));
        Some(())
    }

    pub(super) fn remove_holding(&mut self) -> Option<()> {
        let holding = self.pick_holding(|slot| slot.holdings.len() > 1)?;
        self.effects.push(Effect::DeleteHolding(holding.customer, holding.account));
        Some(())
    }

    pub(super) fn end_holding(&mut self) -> Option<()> {
        let day = self.world.config().today;
        let holding = self.pick_holding(|slot| slot.holdings.len() > 1)?;
        let ended = Some(self.business_day());
        holding.is_current(day).then(|| self.effects.push(Effect::PutHolding(Holding { ended, ..holding })))
    }

    pub(super) fn change_role(&mut self) -> Option<()> {
        let holding = self.pick_holding(|slot| !slot.holdings.is_empty())?;
        let role = match holding.role {
            Role::Holder => Role::JointHolder,
            Role::JointHolder => Role::Holder,
            Role::SecondaryUser => Role::NominatedRepresentative,
            Role::NominatedRepresentative => Role::SecondaryUser,
        };
        self.effects.push(Effect::PutHolding(Holding { role, ..holding }));
        Some(())
    }

    pub(super) fn flip_shareable(&mut self) -> Option<()> {
        let holding = self.pick_holding(|slot| !slot.holdings.is_empty())?;
        let shareable = !holding.shareable;
        self.effects.push(Effect::PutHolding(Holding { shareable, ..holding }));
        Some(())
    }

    fn pick_holding(&mut self, fits: impl Fn(&Slot) -> bool) -> Option<Holding> {
        let slot = self.pick(fits)?;
        Some(slot.holdings[self.dice.below(slot.holdings.len())].clone())
    }
}
