//! Addresses corrected and deleted.

use super::Draft;
use crate::address::Address;
use crate::effect::Effect;

impl Draft<'_> {
    pub(super) fn edit_address(&mut self) -> Option<()> {
        let slot = self.pick(|slot| slot.account.mail.is_some())?;
        let address = self.world.address(slot.account.mail?)?;
        let other = Address::throw(address.id, &mut self.dice);
        // Mostly a misspelt street; sometimes everything was wrong.
        let address =
            if self.dice.chance(80) { Address { line: other.line, ..address.clone() } } else { other };
        self.effects.push(Effect::PutAddress(address));
        Some(())
    }

    pub(super) fn delete_address(&mut self) -> Option<()> {
        let slot = self.pick(|slot| slot.account.mail.is_some())?;
        self.effects.push(Effect::DeleteAddress(slot.account.mail?));
        Some(())
    }
}
