//! Customers, holdings and authorised contacts.

use super::{Draft, is_open};
use crate::account::{Contact, Holding};
use crate::code::Role;
use crate::customer::{Customer, Occupation, Party};
use crate::dice::Dice;
use crate::effect::Effect;
use crate::person::PersonName;
use crate::reach;
use crate::world::Slot;

impl Draft<'_> {
    /// A name is corrected, and with it perhaps an occupation, or what registers say of an organisation.
    pub(super) fn edit_customer(&mut self) -> Option<()> {
        let name = PersonName::throw(&mut self.dice);
        self.change_customer(|customer, dice| match &mut customer.party {
            Party::Person { name: own, occupation } => {
                own.last = name.last;
                if dice.chance(50) {
                    *occupation = Occupation::throw(dice);
                }
            }
            Party::Organisation(organisation) => {
                organisation.agent = name;
                organisation.throw_register(dice);
            }
        })
    }

    /// Telephone numbers and e-mail addresses are others, more or fewer.
    pub(super) fn change_contact_details(&mut self) -> Option<()> {
        self.change_customer(|customer, dice| {
            customer.phones = reach::phones(reach::mobile(dice), dice);
            let address = format!("moved{}@example.com", dice.below(100_000));
            customer.emails = reach::emails(address, dice);
        })
    }

    /// Postal addresses are others, more or fewer.
    pub(super) fn change_postal_addresses(&mut self) -> Option<()> {
        self.change_customer(|customer, dice| customer.addresses = reach::addresses(dice))
    }

    fn change_customer(&mut self, change: impl FnOnce(&mut Customer, &mut Dice)) -> Option<()> {
        let id = self.pick_customer()?;
        let mut customer = self.world.customer(id)?.clone();
        customer.updated = self.business_moment();
        change(&mut customer, &mut self.dice);
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
        let person = matches!(self.world.customer(customer)?.party, Party::Person { .. });
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
